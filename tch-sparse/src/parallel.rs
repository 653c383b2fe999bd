//! Kernels over all rows on rayon's current pool, and the one place where thread counts are set.

use crate::kernel::{Into, product, sampled};
use crate::pattern::{Layout, Transposed};
use crate::{Error, Real};
use rayon::prelude::*;
use std::ops::Range;

/// Below this many multiply-adds a product stays on the calling thread.
const SERIAL: usize = 1 << 15;

/// Parts per thread: rows are heavy-tailed, so that finer parts even out what equal counts do not.
const PARTS_PER_THREAD: usize = 8;

/// Sets the threads of rayon's global pool and of libtorch's own operations.
///
/// Call it once, at the start of a program. Results do not depend on it. Both pools have the same size because they take turns;
/// start the process with `OMP_WAIT_POLICY=passive`, or libtorch's idle threads keep cores busy that rayon could use.
///
/// # Errors
/// [`Error::Threads`] when `n` is zero or rayon's global pool was already started with another number.
pub fn set_threads(n: usize) -> Result<(), Error> {
    let refused = |why: String| Err(Error::Threads { n, why });
    let Some(count) = i32::try_from(n).ok().filter(|&n| n > 0) else {
        return refused("from 1 to 2,147,483,647 threads are possible".into());
    };
    if let Err(e) = rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build_global()
        && rayon::current_num_threads() != n
    {
        return refused(format!(
            "{e}; set the number before the first parallel work, or with RAYON_NUM_THREADS"
        ));
    }
    tch::set_num_threads(count);
    Ok(())
}

/// The rows of `a` in parts for the current pool, or one part when the work is small.
pub fn parts(a: &Layout, batch: usize) -> Vec<Range<usize>> {
    let threads = rayon::current_num_threads();
    if threads == 1 || (a.n_entries() + a.n_rows()) * batch.max(1) < SERIAL {
        let rows = 0..a.n_rows();
        return if rows.is_empty() {
            Vec::new()
        } else {
            vec![rows]
        };
    }
    a.parts(threads * PARTS_PER_THREAD)
}

/// Cuts `all` into the stretches that belong to `parts`, of lengths given by `length`.
pub fn split<'a, T>(
    mut all: &'a mut [T],
    parts: &[Range<usize>],
    length: impl Fn(&Range<usize>) -> usize,
) -> Vec<(Range<usize>, &'a mut [T])> {
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        let (head, tail) = std::mem::take(&mut all).split_at_mut(length(part));
        out.push((part.clone(), head));
        all = tail;
    }
    out
}

/// `Y = A X` or `Y += A X` on the current pool.
///
/// **Shape**: `values` `[entries]`, `x` `[columns, batch]`, `y` `[rows, batch]`, row-major. Bit-identical for any number of threads.
///
/// # Panics
/// When a length does not fit.
pub fn product_all<T: Real>(
    a: &Layout,
    values: &[T],
    x: &[T],
    batch: usize,
    into: Into,
    y: &mut [T],
) {
    let parts = parts(a, batch);
    match &parts[..] {
        [] => {}
        [all] => product(a, values, x, batch, all.clone(), into, y),
        _ => split(y, &parts, |p| p.len() * batch)
            .into_par_iter()
            .for_each(|(rows, y)| product(a, values, x, batch, rows, into, y)),
    }
}

/// The sampled product of all entries on the current pool.
///
/// **Shape**: `left` `[rows, batch]`, `right` `[columns, batch]`, `out` `[entries]`. Bit-identical for any number of threads.
///
/// # Panics
/// When a length does not fit.
pub fn sampled_all<T: Real>(p: &Layout, left: &[T], right: &[T], batch: usize, out: &mut [T]) {
    let parts = parts(p, batch);
    match &parts[..] {
        [] => {}
        [all] => sampled(p, left, right, batch, all.clone(), out),
        _ => split(out, &parts, |r| p.row_ptr()[r.end] - p.row_ptr()[r.start])
            .into_par_iter()
            .for_each(|(rows, out)| sampled(p, left, right, batch, rows, out)),
    }
}

/// Values in row order to the order of the transpose, on the current pool.
///
/// # Panics
/// When the lengths differ from the number of entries.
pub fn transpose_values<T: Real>(t: &Transposed, values: &[T], out: &mut [T]) {
    let position = t.position();
    assert!(
        values.len() == position.len() && out.len() == position.len(),
        "{} entries: got {} values and room for {}",
        position.len(),
        values.len(),
        out.len()
    );
    const CHUNK: usize = 1 << 14;
    out.par_chunks_mut(CHUNK)
        .zip(position.par_chunks(CHUNK))
        .for_each(|(out, position)| {
            for (o, &p) in out.iter_mut().zip(position) {
                *o = values[p as usize];
            }
        });
}
