//! Kernels over all rows on rayon's current pool, and the one place where thread counts are set.

use crate::kernel::machine::{prefetch_narrow, second_level_cache};
use crate::kernel::scatter::untranspose;
use crate::kernel::{Into, TileOf, product, product_and_sampled, sampled};
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
/// [`Error::Threads`] when `n` is zero, rayon's global pool was already started with another number, or the system refuses so many.
/// After a refusal by the system rayon has no pool, and the program should end.
pub fn set_threads(n: usize) -> Result<(), Error> {
    let refused = |why: String| Err(Error::Threads { n, why });
    let Some(count) = i32::try_from(n).ok().filter(|&n| n > 0) else {
        return refused("from 1 to 2,147,483,647 threads are possible".into());
    };
    if let Err(e) = rayon::ThreadPoolBuilder::new().num_threads(n).build_global() {
        // Without a pool rayon panics even when it is asked for its size.
        if let Some(system) = std::error::Error::source(&e) {
            return refused(format!("the system refuses them ({system}); ask for fewer"));
        }
        if rayon::current_num_threads() != n {
            return refused(format!("{e}; set the number before the first parallel work, or with RAYON_NUM_THREADS"));
        }
    }
    tch::set_num_threads(count);
    Ok(())
}

/// The rows of `a` in parts for the current pool, or one part when the work is small.
pub fn parts(a: &Layout, batch: usize) -> Vec<Range<usize>> {
    let threads = rayon::current_num_threads();
    if threads == 1 || (a.n_entries() + a.n_rows()) * batch.max(1) < SERIAL {
        let rows = 0..a.n_rows();
        return if rows.is_empty() { Vec::new() } else { vec![rows] };
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
pub fn product_all<T: Real>(a: &Layout, values: &[T], x: &[T], batch: usize, into: Into, y: &mut [T]) {
    if let Some(width) = tile_width::<T>(a, batch) {
        return tiled(a, values, x, batch, width, into, y);
    }
    let parts = parts(a, batch);
    match &parts[..] {
        [] => {}
        [all] => product(a, values, x, batch, all.clone(), into, y),
        _ => split(y, &parts, |p| p.len() * batch)
            .into_par_iter()
            .for_each(|(rows, y)| product(a, values, x, batch, rows, into, y)),
    }
}

/// How many columns at a time a wide product takes, if it does not take all.
///
/// A connectome's X of 64 columns is larger than the second-level cache, and on machines whose third level is slow (Intel's
/// servers since Skylake) each entry waits for it. Copying 16 columns of X side by side first and reading the matrix four times
/// takes about three quarters of the time there. AMD's Zen 5 is faster in one pass.
///
/// [`product_all`] sees to it; whoever calls [`product`] block by block asks here first.
pub fn tile_width<T: Real>(a: &Layout, batch: usize) -> Option<usize> {
    let numbers_in_line = 64 / size_of::<T>();
    let tile = a.n_columns() * 64;
    let pays = batch > 2 * numbers_in_line
        && tile * batch / numbers_in_line > second_level_cache()
        && tile <= 2 * second_level_cache()
        && a.n_entries() >= 16 * a.n_columns()
        && !prefetch_narrow();
    pays.then_some(numbers_in_line)
}

/// A wide product by tiles of `width` columns.
fn tiled<T: Real>(a: &Layout, values: &[T], x: &[T], batch: usize, width: usize, into: Into, y: &mut [T]) {
    assert!(
        x.len() == a.n_columns() * batch && y.len() == a.n_rows() * batch,
        "product of [{}, {}] and X [{}, {batch}]: got {} numbers of X and {} of Y",
        a.n_rows(),
        a.n_columns(),
        a.n_columns(),
        x.len(),
        y.len()
    );
    const ROWS: usize = 512;
    let parts = parts(a, batch);
    T::with_scratch(a.n_columns() * width, |tile| {
        for first in (0..batch).step_by(width) {
            let columns = width.min(batch - first);
            tile.par_chunks_mut(ROWS * width).zip(x.par_chunks(ROWS * batch)).for_each(|(tile, x)| {
                for (to, from) in tile.chunks_exact_mut(width).zip(x.chunks_exact(batch)) {
                    to[..columns].copy_from_slice(&from[first..first + columns]);
                }
            });
            let tile = TileOf { tile, stride: width, first, width: columns, batch };
            split(y, &parts, |p| p.len() * batch)
                .into_par_iter()
                .for_each(|(rows, y)| tile.product(a, values, rows, into, y));
        }
    });
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
        [all] => sampled(p, left, right, batch, all.clone(), Into::Replace, out),
        _ => split(out, &parts, |r| p.row_ptr()[r.end] - p.row_ptr()[r.start])
            .into_par_iter()
            .for_each(|(rows, out)| sampled(p, left, right, batch, rows, Into::Replace, out)),
    }
}

/// A product and the sampled product on the same entries, in one pass on the current pool: the backward pass of a product when
/// `a` is a transpose. See [`product_and_sampled`].
///
/// **Shape**: `values` `[entries]`, `x` `[columns, batch]`, `left` `[rows, batch]`, `y` `[rows, batch]`, `gradient` `[entries]`,
/// which is added to. Bit-identical for any number of threads.
///
/// # Panics
/// When a length does not fit.
#[allow(clippy::too_many_arguments)] // two products' worth
pub fn product_and_sampled_all<T: Real>(
    a: &Layout,
    values: &[T],
    x: &[T],
    left: &[T],
    batch: usize,
    into: Into,
    y: &mut [T],
    gradient: &mut [T],
) {
    let parts = parts(a, batch);
    match &parts[..] {
        [] => {}
        [all] => product_and_sampled(a, values, x, left, batch, all.clone(), into, y, gradient),
        _ => {
            let gradients = split(gradient, &parts, |r| a.row_ptr()[r.end] - a.row_ptr()[r.start]);
            split(y, &parts, |r| r.len() * batch).into_par_iter().zip(gradients).for_each(
                |((rows, y), (_, gradient))| {
                    product_and_sampled(a, values, x, left, batch, rows, into, y, gradient);
                },
            );
        }
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
    out.par_chunks_mut(CHUNK).zip(position.par_chunks(CHUNK)).for_each(|(out, position)| {
        for (o, &p) in out.iter_mut().zip(position) {
            *o = values[p as usize];
        }
    });
}

/// Values in the order of the transpose to row order, on the current pool: what [`transpose_values`] undoes.
///
/// # Panics
/// When the lengths differ from the number of entries.
pub fn untranspose_values<T: Real>(t: &Transposed, values: &[T], out: &mut [T]) {
    let entries = t.position().len();
    assert!(
        values.len() == entries && out.len() == entries,
        "{entries} entries: got {} values and room for {}",
        values.len(),
        out.len()
    );
    untranspose(t, values, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SparsityPattern;

    /// Tiles give what one pass gives, whatever the last one's width.
    #[test]
    fn tiles_equal_one_pass() {
        let (rows, columns) = (37, 23);
        let list: Vec<(u32, u32)> = (0..rows)
            .flat_map(|r| (0..columns).map(move |c| (r, c)))
            .filter(|(r, c)| (r * 7 + c * 5) % 3 == 0)
            .collect();
        let (post, pre): (Vec<u32>, Vec<u32>) = list.into_iter().unzip();
        let (p, _) = SparsityPattern::from_coo(rows as usize, columns as usize, &post, &pre).unwrap();
        let a = p.layout();
        let values: Vec<f64> = (0..a.n_entries()).map(|e| (e as f64 * 0.7).sin()).collect();
        for (batch, width) in [(8, 8), (16, 8), (21, 8), (9, 4), (33, 16), (5, 16)] {
            let x: Vec<f64> = (0..a.n_columns() * batch).map(|i| (i as f64 * 0.3).cos()).collect();
            for into in [Into::Replace, Into::Add] {
                let mut want: Vec<f64> = (0..a.n_rows() * batch).map(|i| i as f64).collect();
                let mut got = want.clone();
                product(a, &values, &x, batch, 0..a.n_rows(), into, &mut want);
                tiled(a, &values, &x, batch, width, into, &mut got);
                for (g, w) in got.iter().zip(&want) {
                    assert!((g - w).abs() < 1e-11, "batch {batch} in tiles of {width}: {g} and {w}");
                }
            }
        }
    }
}
