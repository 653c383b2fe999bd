//! Elementwise work on all threads that libtorch has.

/// Numbers below which one thread does it alone.
const SMALL: usize = 1 << 15;

/// Cuts each of the outputs, `[n, ..]` of any width, into stretches of the same rows, and calls `work` for each: its first row, and its
/// stretch of each output. Stretches do not depend on the values, and each row is written by one thread.
pub(crate) fn parts<T: Send, const N: usize>(
    n: usize,
    outputs: [&mut [T]; N],
    work: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    let threads = tch::get_num_threads().max(1) as usize;
    let numbers = outputs.iter().map(|output| output.len()).max().unwrap_or(0);
    if threads == 1 || numbers < SMALL || n == 0 {
        work(0, outputs);
        return;
    }
    let rows = n.div_ceil(threads);
    let widths = outputs.each_ref().map(|output| output.len() / n);
    rayon::scope(|scope| {
        let (mut rest, mut first) = (outputs, 0);
        while first < n {
            let take = rows.min(n - first);
            let mut split = rest.map(Some);
            let mut heads = [const { None }; N];
            for ((slot, head), width) in split.iter_mut().zip(&mut heads).zip(widths) {
                if let Some(output) = slot.take() {
                    let (a, b) = output.split_at_mut(take * width);
                    (*head, *slot) = (Some(a), Some(b));
                }
            }
            rest = split.map(Option::unwrap_or_default);
            let (work, stretch) = (&work, heads.map(Option::unwrap_or_default));
            scope.spawn(move |_| work(first, stretch));
            first += take;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn every_row_is_done_once() {
        let threads = tch::get_num_threads();
        for count in [1, 2, 5] {
            tch::set_num_threads(count);
            for n in [0usize, 1, 7, 40_000] {
                let (mut a, mut b, mut c) = (vec![0u32; n], vec![0u32; 3 * n], Vec::new());
                parts(n, [&mut a, &mut b, &mut c], |first, [a, b, _]| {
                    for (k, a) in a.iter_mut().enumerate() {
                        *a += (first + k) as u32;
                        b[3 * k + 2] += 1;
                    }
                });
                assert!(a.iter().enumerate().all(|(k, &a)| a == k as u32) && b.iter().sum::<u32>() == n as u32);
            }
        }
        tch::set_num_threads(threads);
    }
}
