//! Products on slices, for whoever has the numbers already and wants no tensor: what the tensor operations and the solvers
//! of `sparse-ode` are made of.
//!
//! Three tiers of machine code, chosen at run time: portable, AVX2 with FMA, AVX-512 (F, BW, DQ, VL). They differ by rounding.
//! Within a tier a row's terms are always added in the same order, so that results are bit-identical for any number of threads.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[allow(unreachable_pub)] // as `portable`
pub(crate) mod compiled;
#[allow(unreachable_pub)] // as `portable`
mod fused;
pub(crate) mod machine;
#[allow(unreachable_pub)] // `Real`, which is public and sealed, names them
pub(crate) mod portable;
#[allow(unreachable_pub)] // as `portable`
mod product;
#[allow(unreachable_pub)] // as `portable`
mod sampled;
pub(crate) mod scatter;
mod tile;
pub mod vector;

use crate::Real;
use crate::pattern::Layout;
pub use product::Into;
use product::Strides;
use std::ops::Range;
pub use tch_function::Tier;
use vector::Vector;

/// How many entries ahead a row of X is asked for. Eight to thirty-two are alike within noise.
const PREFETCH: usize = 16;

/// How many rows ahead the rows of Y, and of what is multiplied with row by row, are asked for.
const ROWS_AHEAD: usize = 4;

/// What column lists carry beyond their last entry, so that kernels read ahead without asking: the prefetch distance and a
/// register of indices.
pub(crate) const PADDING: usize = 2 * PREFETCH;

/// A matrix as the kernels take it.
pub(crate) struct Csr<'a, T, I> {
    row_ptr: &'a [usize],
    /// Padded by [`PADDING`].
    col: *const I,
    val: *const T,
}

/// A sparsity pattern as the kernels take it.
pub(crate) struct Pattern<'a, I> {
    row_ptr: &'a [usize],
    /// Padded by [`PADDING`].
    col: *const I,
}

impl<T, I> Clone for Csr<'_, T, I> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, I> Copy for Csr<'_, T, I> {}
impl<I> Clone for Pattern<'_, I> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I> Copy for Pattern<'_, I> {}

/// Writes rows `rows` of `A X` into `y`, or adds them to it, on the calling thread.
///
/// **Shape**: `values` `[entries]` in row order, `x` `[columns, batch]`, `y` `[rows.len(), batch]`, all row-major.
///
/// # Panics
/// When a length does not fit.
pub fn product<T: Real>(a: &Layout, values: &[T], x: &[T], batch: usize, rows: Range<usize>, into: Into, y: &mut [T]) {
    product_on(Tier::best(), a, values, x, batch, rows, into, y);
}

/// The same on a given tier.
///
/// # Panics
/// When a length does not fit, or the machine lacks the tier.
#[allow(clippy::too_many_arguments)] // one more than the product that everyone calls
pub fn product_on<T: Real>(
    tier: Tier,
    a: &Layout,
    values: &[T],
    x: &[T],
    batch: usize,
    rows: Range<usize>,
    into: Into,
    y: &mut [T],
) {
    assert!(rows.start <= rows.end && rows.end <= a.n_rows(), "rows {rows:?} of a matrix with {} rows", a.n_rows());
    assert!(
        values.len() == a.n_entries() && x.len() == a.n_columns() * batch && y.len() == rows.len() * batch,
        "product of [{}, {}] with {} entries and X [{}, {batch}] into [{}, {batch}]: got {} values, {} numbers of X, {} of Y",
        a.n_rows(),
        a.n_columns(),
        a.n_entries(),
        a.n_columns(),
        rows.len(),
        values.len(),
        x.len(),
        y.len()
    );
    assert!(tier.is_available(), "this machine has no {tier:?}");
    if batch == 0 {
        return;
    }
    let strides = Strides { x: batch, y: batch, width: batch };
    // SAFETY: lengths and tier were checked above.
    unsafe {
        T::kernel_product(tier, a, values, x.as_ptr(), strides, rows, into, y.as_mut_ptr());
    }
}

/// Columns of a wide product: writes columns `first..first + width` of rows `rows` of `A X` into `y`, or adds them to it, where
/// those columns of X stand by themselves.
///
/// **Shape**: `tile` `[columns, stride]` with `stride >= width`, `y` `[rows.len(), batch]`.
pub(crate) struct TileOf<'a, T> {
    pub(crate) tile: &'a [T],
    pub(crate) stride: usize,
    pub(crate) first: usize,
    pub(crate) width: usize,
    pub(crate) batch: usize,
}

impl<T: Real> TileOf<'_, T> {
    pub(crate) fn product(&self, a: &Layout, values: &[T], rows: Range<usize>, into: Into, y: &mut [T]) {
        assert!(
            rows.end <= a.n_rows()
                && values.len() == a.n_entries()
                && self.tile.len() == a.n_columns() * self.stride
                && self.width <= self.stride
                && self.first + self.width <= self.batch
                && y.len() == rows.len() * self.batch,
            "a tile of a product does not fit"
        );
        if rows.is_empty() || self.width == 0 {
            return;
        }
        let strides = Strides { x: self.stride, y: self.batch, width: self.width };
        // SAFETY: lengths were checked above, and the best tier is there.
        unsafe {
            let y = y.as_mut_ptr().add(self.first);
            T::kernel_product(Tier::best(), a, values, self.tile.as_ptr(), strides, rows, into, y);
        }
    }
}

/// Writes the sampled product `out[e] = sum_b left[row(e), b] * right[column(e), b]` of the entries of rows `rows`, or adds it to
/// `out`, on the calling thread.
///
/// **Shape**: `left` `[rows of the pattern, batch]`, `right` `[columns, batch]`, `out` one number per entry of `rows`.
///
/// # Panics
/// When a length does not fit.
pub fn sampled<T: Real>(
    p: &Layout,
    left: &[T],
    right: &[T],
    batch: usize,
    rows: Range<usize>,
    into: Into,
    out: &mut [T],
) {
    sampled_on(Tier::best(), p, left, right, batch, rows, into, out);
}

/// The same on a given tier.
///
/// # Panics
/// When a length does not fit, or the machine lacks the tier.
#[allow(clippy::too_many_arguments)] // as above
pub fn sampled_on<T: Real>(
    tier: Tier,
    p: &Layout,
    left: &[T],
    right: &[T],
    batch: usize,
    rows: Range<usize>,
    into: Into,
    out: &mut [T],
) {
    assert!(rows.start <= rows.end && rows.end <= p.n_rows(), "rows {rows:?} of a pattern with {} rows", p.n_rows());
    let entries = p.row_ptr()[rows.end] - p.row_ptr()[rows.start];
    assert!(
        left.len() == p.n_rows() * batch && right.len() == p.n_columns() * batch && out.len() == entries,
        "sampled product on [{}, {}], batch {batch}, {entries} entries: got {} numbers on the left, {} on the right, {} out",
        p.n_rows(),
        p.n_columns(),
        left.len(),
        right.len(),
        out.len()
    );
    assert!(tier.is_available(), "this machine has no {tier:?}");
    if batch == 0 {
        if into == Into::Replace {
            out.fill(T::ZERO);
        }
        return;
    }
    let factors = sampled::Factors { left: left.as_ptr(), right: right.as_ptr(), out: out.as_mut_ptr() };
    // SAFETY: lengths and tier were checked above.
    unsafe { T::kernel_sampled(tier, p, factors, batch, rows, into) }
}

/// A product and the sampled product on the same entries, in one pass on the calling thread: writes rows `rows` of `A X` into `y`,
/// or adds them to it, and adds `sum_b left[row(e), b] X[column(e), b]` to `gradient[e]` for each of their entries.
///
/// This is the backward pass of `Y = W H` when `a` is the transpose of W, `values` are in its order, `x` is the gradient G of Y and
/// `left` is H: `y` becomes `Wᵀ G`, and `gradient` grows by the gradient of the values in the transpose's order, which
/// [`crate::parallel::untranspose_values`] moves back. Both ask for the same rows of G, so that one pass is faster than two.
///
/// **Shape**: `values` `[entries]`, `x` `[columns, batch]`, `left` `[rows, batch]`, `y` `[rows.len(), batch]`, all row-major;
/// `gradient` one number per entry of `rows`.
///
/// # Panics
/// When a length does not fit.
#[allow(clippy::too_many_arguments)] // two products' worth
pub fn product_and_sampled<T: Real>(
    a: &Layout,
    values: &[T],
    x: &[T],
    left: &[T],
    batch: usize,
    rows: Range<usize>,
    into: Into,
    y: &mut [T],
    gradient: &mut [T],
) {
    product_and_sampled_on(Tier::best(), a, values, x, left, batch, rows, into, y, gradient);
}

/// The same on a given tier.
///
/// # Panics
/// When a length does not fit, or the machine lacks the tier.
#[allow(clippy::too_many_arguments)] // as above
pub fn product_and_sampled_on<T: Real>(
    tier: Tier,
    a: &Layout,
    values: &[T],
    x: &[T],
    left: &[T],
    batch: usize,
    rows: Range<usize>,
    into: Into,
    y: &mut [T],
    gradient: &mut [T],
) {
    assert!(rows.start <= rows.end && rows.end <= a.n_rows(), "rows {rows:?} of a matrix with {} rows", a.n_rows());
    let entries = a.row_ptr()[rows.end] - a.row_ptr()[rows.start];
    assert!(
        values.len() == a.n_entries()
            && x.len() == a.n_columns() * batch
            && left.len() == a.n_rows() * batch
            && y.len() == rows.len() * batch
            && gradient.len() == entries,
        "product and sampled product of [{}, {}] with {} entries, batch {batch}, on {} rows with {entries} entries: got {} values, \
         {} numbers of X, {} on the left, {} of Y, {} of the gradient",
        a.n_rows(),
        a.n_columns(),
        a.n_entries(),
        rows.len(),
        values.len(),
        x.len(),
        left.len(),
        y.len(),
        gradient.len()
    );
    assert!(tier.is_available(), "this machine has no {tier:?}");
    if batch == 0 {
        return;
    }
    let factors =
        fused::Factors { x: x.as_ptr(), left: left.as_ptr(), y: y.as_mut_ptr(), gradient: gradient.as_mut_ptr() };
    // SAFETY: lengths and tier were checked above.
    unsafe { T::kernel_product_and_sampled(tier, a, values, factors, batch, rows, into) }
}

/// The shape of a tile of dense products on this machine's best tier: rows, and numbers in a register. A tile has one or two
/// registers of columns.
pub(crate) fn tile_shape<T: Real>() -> (usize, usize) {
    match Tier::best() {
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512 => (12, T::Full::LANES),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx2 => (6, T::Half::LANES),
        _ => (2, T::Base::LANES),
    }
}

/// Writes the tile of [`tile_shape`] with so many registers of columns, of a dense product.
///
/// **Shape**: with a tile `[rows, columns]`, `a` `[inner, rows]`, `b` `[inner, columns]`, `out` `[rows, columns]`.
///
/// # Panics
/// When a length does not fit.
pub(crate) fn tile_on_best<T: Real>(registers: usize, inner: usize, a: &[T], b: &[T], out: &mut [T]) {
    let (rows, lanes) = tile_shape::<T>();
    let columns = registers * lanes;
    assert!(
        (1..=2).contains(&registers)
            && a.len() >= inner * rows
            && b.len() >= inner * columns
            && out.len() >= rows * columns,
        "a tile [{rows}, {columns}] of a product with {inner} terms: got {} numbers, {} and {} for it",
        a.len(),
        b.len(),
        out.len()
    );
    // SAFETY: lengths were checked above, and the tier was found on this machine.
    unsafe { T::kernel_tile(Tier::best(), registers, inner, a.as_ptr(), b.as_ptr(), out.as_mut_ptr()) }
}
