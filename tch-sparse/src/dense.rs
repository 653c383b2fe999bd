//! Products of dense matrices by the same registers, for networks whose connections are many.
//!
//! Both factors are laid out once as strips that tiles read from end to end; a matrix that multiplies many others, as a network's
//! connections do at every step, is packed once. Where a result goes is the caller's business, tile by tile, so that what follows
//! a product (a leak, a sum) needs no pass of its own.

use crate::kernel::{tile_on_best, tile_shape};
use crate::{Aligned, Real};
use rayon::prelude::*;
use std::ops::Range;

/// Below this many multiply-adds a product stays on the calling thread.
const SERIAL: usize = 1 << 20;

/// Bytes of a left factor that are used again and again before the next ones.
const BLOCK: usize = 1 << 18;

/// A left factor `[rows, inner]` in strips of as many rows as a tile has.
#[derive(Debug)]
pub struct Rows<T> {
    rows: usize,
    inner: usize,
    held: Aligned<T>,
}

/// A right factor `[inner, columns]` in strips of as many columns as a tile has.
#[derive(Debug)]
pub struct Columns<T> {
    columns: usize,
    inner: usize,
    held: Aligned<T>,
}

impl<T: Real> Rows<T> {
    /// Of the matrix given row by row, `[rows, inner]`.
    ///
    /// # Panics
    /// When the length does not fit.
    pub fn new(rows: usize, inner: usize, matrix: &[T]) -> Self {
        assert_eq!(matrix.len(), rows * inner, "numbers of a matrix [{rows}, {inner}]");
        let mut packed = Self::zeros(rows, inner);
        packed.fill_rows(matrix, inner);
        packed
    }

    /// Zeros.
    pub fn zeros(rows: usize, inner: usize) -> Self {
        let height = tile_shape::<T>().0;
        Self { rows, inner, held: Aligned::zeros(rows.div_ceil(height) * height * inner) }
    }

    /// Takes the numbers of a matrix `[rows, inner]` whose rows are `stride` numbers apart.
    ///
    /// # Panics
    /// When the matrix is too short.
    pub fn fill_rows(&mut self, matrix: &[T], stride: usize) {
        let (height, inner) = (tile_shape::<T>().0, self.inner);
        for row in (0..self.rows).filter(|_| inner > 0) {
            let strip = &mut self.held[row / height * height * inner..][..height * inner];
            let from = &matrix[row * stride..][..inner];
            for (to, from) in strip[row % height..].iter_mut().step_by(height).zip(from) {
                *to = *from;
            }
        }
    }

    /// Takes the numbers of a matrix `[inner, rows]`, the transpose, whose rows are `stride` numbers apart.
    ///
    /// # Panics
    /// When the matrix is too short.
    pub fn fill_transposed(&mut self, matrix: &[T], stride: usize) {
        let (height, inner) = (tile_shape::<T>().0, self.inner);
        for (s, strip) in self.held.chunks_exact_mut((height * inner).max(1)).enumerate() {
            let width = height.min(self.rows - s * height);
            for (p, to) in strip.chunks_exact_mut(height).enumerate() {
                to[..width].copy_from_slice(&matrix[p * stride + s * height..][..width]);
            }
        }
    }

    fn strip(&self, s: usize) -> &[T] {
        let n = tile_shape::<T>().0 * self.inner;
        &self.held[s * n..(s + 1) * n]
    }
}

impl<T: Real> Columns<T> {
    /// Zeros.
    pub fn zeros(inner: usize, columns: usize) -> Self {
        let lanes = tile_shape::<T>().1;
        Self { columns, inner, held: Aligned::zeros(columns.div_ceil(lanes) * lanes * inner) }
    }

    /// Takes the numbers of a matrix `[inner, columns]` whose rows are `stride` numbers apart.
    ///
    /// # Panics
    /// When the matrix is too short.
    pub fn fill_rows(&mut self, matrix: &[T], stride: usize) {
        for s in 0..self.strips().len() {
            let Strip { columns, width, .. } = self.strips().at(s);
            for (p, to) in self.strip_mut(s).chunks_exact_mut(width).enumerate() {
                to[..columns.len()].copy_from_slice(&matrix[p * stride + columns.start..][..columns.len()]);
            }
        }
    }

    /// Takes the numbers of a matrix `[columns, inner]`, the transpose, whose rows are `stride` numbers apart.
    ///
    /// # Panics
    /// When the matrix is too short.
    pub fn fill_transposed(&mut self, matrix: &[T], stride: usize) {
        for s in 0..self.strips().len() {
            let Strip { columns, width, .. } = self.strips().at(s);
            let inner = self.inner;
            let strip = self.strip_mut(s);
            for (c, column) in columns.enumerate().filter(|_| inner > 0) {
                let from = &matrix[column * stride..][..inner];
                for (to, from) in strip[c..].iter_mut().step_by(width).zip(from) {
                    *to = *from;
                }
            }
        }
    }

    /// Has `write` fill each strip: the columns that it holds, how many numbers apart its rows are, and the rows.
    pub fn fill_with(&mut self, mut write: impl FnMut(Range<usize>, usize, &mut [T])) {
        for s in 0..self.strips().len() {
            let Strip { columns, width, .. } = self.strips().at(s);
            write(columns, width, self.strip_mut(s));
        }
    }

    fn strips(&self) -> Strips {
        let lanes = tile_shape::<T>().1;
        Strips { registers: self.columns.div_ceil(lanes), lanes, columns: self.columns }
    }

    fn strip_mut(&mut self, s: usize) -> &mut [T] {
        let strip = self.strips().at(s);
        &mut self.held[2 * s * strip.lanes * self.inner..][..strip.width * self.inner]
    }
}

/// How columns are cut: strips of two registers, and one of a single register at the end where their number is odd.
#[derive(Clone, Copy)]
struct Strips {
    registers: usize,
    lanes: usize,
    columns: usize,
}

struct Strip {
    columns: Range<usize>,
    width: usize,
    lanes: usize,
}

impl Strips {
    fn len(self) -> usize {
        self.registers.div_ceil(2)
    }

    fn at(self, s: usize) -> Strip {
        let start = 2 * s * self.lanes;
        let width = self.lanes * (self.registers - 2 * s).min(2);
        Strip { columns: start..(start + width).min(self.columns), width, lanes: self.lanes }
    }
}

/// A tile of a product.
#[derive(Debug)]
pub struct Tile<'a, T> {
    /// Its rows.
    pub rows: Range<usize>,
    /// Its columns.
    pub columns: Range<usize>,
    /// How many numbers apart its rows are in `numbers`.
    pub stride: usize,
    /// Its numbers.
    pub numbers: &'a [T],
}

impl<T: Real> Tile<'_, T> {
    /// Writes its numbers to their columns of rows of `row_length` numbers.
    pub fn copy_into(&self, row_length: usize, rows: &mut [T]) {
        for ((_, from), to) in self.by_rows().zip(rows.chunks_exact_mut(row_length)) {
            to[self.columns.clone()].copy_from_slice(from);
        }
    }

    /// Each row with its number.
    pub fn by_rows(&self) -> impl Iterator<Item = (usize, &[T])> {
        self.rows.clone().zip(self.numbers.chunks_exact(self.stride).map(|row| &row[..self.columns.len()]))
    }
}

/// Computes `A B` tile by tile on rayon's current pool.
///
/// `terms` says how many of the inner terms a tile needs, by its rows and columns: all of them, or fewer where a factor has zeros
/// beyond, or none where nobody asks for it. `into` is cut into stretches of `row_length` numbers per row, and `write` gets each tile
/// together with the stretch of its strip of rows. Bit-identical for any number of threads.
///
/// # Panics
/// When the inner lengths differ, or `into` has not `row_length` numbers per row of A.
pub fn product<T: Real>(
    a: &Rows<T>,
    b: &Columns<T>,
    terms: impl Fn(&Range<usize>, &Range<usize>) -> usize + Sync,
    into: &mut [T],
    row_length: usize,
    write: impl Fn(Tile<'_, T>, &mut [T]) + Sync,
) {
    assert_eq!(a.inner, b.inner, "inner length of a product [{}, {}] by [{}, {}]", a.rows, a.inner, b.inner, b.columns);
    assert_eq!(into.len(), a.rows * row_length, "numbers for {} rows of {row_length}", a.rows);
    if row_length == 0 || a.rows == 0 {
        return;
    }
    let height = tile_shape::<T>().0;
    let strips = b.strips();
    // Strips of rows that stay in the second-level cache while those of columns pass by.
    let per_block = (BLOCK / (height * a.inner.max(1) * size_of::<T>())).max(1);
    let block = |first: usize, into: &mut [T]| {
        let mut numbers = Tiled([T::ZERO; MOST]);
        for q in 0..strips.len() {
            let Strip { columns, width, lanes } = strips.at(q);
            let right = &b.held[2 * q * lanes * b.inner..][..width * b.inner];
            for (s, into) in (first..).zip(into.chunks_mut(height * row_length)) {
                let rows = s * height..((s + 1) * height).min(a.rows);
                let inner = terms(&rows, &columns).min(a.inner);
                tile_on_best(width / lanes, inner, a.strip(s), right, &mut numbers.0);
                let numbers = &numbers.0[..height * width];
                write(Tile { rows, columns: columns.clone(), stride: width, numbers }, into);
            }
        }
    };
    let chunk = per_block * height * row_length;
    if rayon::current_num_threads() > 1 && a.rows * a.inner * b.columns >= SERIAL {
        into.par_chunks_mut(chunk).enumerate().for_each(|(i, into)| block(i * per_block, into));
    } else {
        into.chunks_mut(chunk).enumerate().for_each(|(i, into)| block(i * per_block, into));
    }
}

/// Numbers of the largest tile: twelve rows of two registers of sixteen.
const MOST: usize = 12 * 32;

#[repr(align(64))]
struct Tiled<T>([T; MOST]);

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers<T: Real>(n: usize, seed: usize) -> Vec<T> {
        (0..n).map(|i| T::from_f64(((i * 7919 + seed * 104_729) % 2003) as f64 / 1000.0 - 1.0)).collect()
    }

    fn check<T: Real>(rows: usize, inner: usize, columns: usize, tolerance: f64) {
        let (a, b) = (numbers::<T>(rows * inner, 1), numbers::<T>(inner * columns, 2));
        let transposed = |m: &[T], rows: usize, columns: usize| -> Vec<T> {
            (0..rows * columns).map(|i| m[i % rows * columns + i / rows]).collect()
        };
        let (at, bt) = (transposed(&a, rows, inner), transposed(&b, inner, columns));
        let lefts = [Rows::new(rows, inner, &a), {
            let mut left = Rows::zeros(rows, inner);
            left.fill_transposed(&at, rows);
            left
        }];
        let mut rights =
            [Columns::zeros(inner, columns), Columns::zeros(inner, columns), Columns::zeros(inner, columns)];
        rights[0].fill_rows(&b, columns);
        rights[1].fill_transposed(&bt, inner);
        rights[2].fill_with(|range, width, strip| {
            for (p, row) in strip.chunks_exact_mut(width).enumerate() {
                row[..range.len()].copy_from_slice(&b[p * columns..][range.clone()]);
            }
        });
        for (left, right) in lefts.iter().flat_map(|l| rights.iter().map(move |r| (l, r))) {
            let mut y = vec![T::from_f64(f64::NAN); rows * columns];
            product(
                left,
                right,
                |_, _| inner,
                &mut y,
                columns,
                |tile, into| {
                    for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(columns)) {
                        to[tile.columns.clone()].copy_from_slice(from);
                    }
                },
            );
            for (i, y) in y.iter().enumerate() {
                let (r, c) = (i / columns, i % columns);
                let want: f64 = (0..inner).map(|p| a[r * inner + p].to_f64() * b[p * columns + c].to_f64()).sum();
                let off = (y.to_f64() - want).abs();
                assert!(
                    off <= tolerance * (inner as f64 + 1.0),
                    "[{rows}, {inner}, {columns}] at {r}, {c}: {y} and {want}"
                );
            }
        }
    }

    #[test]
    fn products_at_odd_sizes() {
        for (rows, inner, columns) in [
            (1, 1, 1),
            (2, 3, 5),
            (7, 0, 3),
            (12, 12, 16),
            (13, 40, 17),
            (25, 9, 33),
            (61, 5, 64),
            (100, 30, 49),
            (0, 3, 2),
            (3, 2, 0),
        ] {
            check::<f32>(rows, inner, columns, 1e-6);
            check::<f64>(rows, inner, columns, 1e-15);
        }
    }

    #[test]
    fn fewer_terms_below_a_diagonal() {
        let n = 40;
        let upper: Vec<f64> = (0..n * n).map(|i| if i % n >= i / n { 1.0 + i as f64 } else { 0.0 }).collect();
        let left = Rows::new(n, n, &numbers::<f64>(n * n, 3));
        let mut right = Columns::zeros(n, n);
        right.fill_rows(&upper, n);
        let run = |terms: fn(&Range<usize>, &Range<usize>) -> usize| {
            let mut y = vec![0.0; n * n];
            product(&left, &right, terms, &mut y, n, |tile, into| tile.copy_into(n, into));
            y
        };
        assert_eq!(run(|_, columns| columns.end), run(|_, _| usize::MAX));
    }

    #[test]
    fn threads_do_not_matter() {
        let (n, k) = (301, 37);
        let left = Rows::new(n, n, &numbers::<f32>(n * n, 1));
        let mut right = Columns::zeros(n, k);
        right.fill_rows(&numbers::<f32>(n * k, 2), k);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut y = vec![0f32; n * k];
            pool.install(|| {
                product(
                    &left,
                    &right,
                    |_, _| n,
                    &mut y,
                    k,
                    |tile, into| {
                        for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
                            to[tile.columns.clone()].copy_from_slice(from);
                        }
                    },
                );
            });
            y
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5));
    }
}
