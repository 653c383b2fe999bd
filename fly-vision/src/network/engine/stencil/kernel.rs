//! Shifted planes, weighted and added up in registers; and the gradient of the weights.

use std::ops::Range;

use tch_sparse::Real;
use tch_sparse::kernel::Tier;
use tch_sparse::kernel::vector::Vector;

use super::Taps;
use super::block::{Block, Tile};

/// What becomes of the sums of a tile.
pub(super) trait Finish<T> {
    /// Takes the sums over the taps of a type, which it may overwrite.
    ///
    /// # Safety
    /// The tile is one of the block's, what the implementation points to is as long as packed states and planes of the types, and the
    /// machine has the instructions of `V`.
    unsafe fn finish<V: Vector<T>>(&self, t: usize, tile: &Tile, sums: &mut [T]);
}

/// A [`Finish`] of steps back, whose taps get a gradient of their weight.
pub(super) trait Reverse<T>: Finish<T> {
    /// Computes the outputs of a tile of a type.
    ///
    /// # Safety
    /// The machine has the instructions of `V`.
    unsafe fn outputs<V: Vector<T>>(&self, t: usize, tile: &Tile, f: &mut [T]);
}

/// Taps, their shifts and their weights.
#[derive(Clone, Copy)]
pub(super) struct Weighted<'a, T> {
    pub(super) taps: &'a Taps,
    pub(super) shifts: &'a [i32],
    pub(super) weights: &'a [T],
}

/// Numbers in lines.
const MOST_IN_TILE: usize = 12 * 16;

#[repr(align(64))]
struct InLines<T>([T; MOST_IN_TILE]);

/// Numbers of the widest register.
pub(super) const MOST_LANES: usize = 16;

/// A sum over all tiles, lane by lane: lanes are added up at the end, in a fixed order.
pub(super) type Lanes<T> = [T; MOST_LANES];

/// Computes the sums over the taps of consecutive types of weight times plane. All types of a tile, then those of the next one: what they
/// take of the planes stays in the second-level cache.
///
/// # Safety
/// As [`Finish::finish`] says.
///
/// # Panics
/// If there are not as many outputs as in the block.
pub(super) unsafe fn products<T: Real, F: Finish<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    outputs: &[T],
    finish: &F,
) {
    let x = planes_of(block, outputs);
    // SAFETY: the tier is this machine's; tiles lie, shifted, in `outputs`, as was checked when the block was made; and the caller's
    // promise.
    unsafe {
        match Tier::best() {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => products_avx512(block, types, taps, x, finish),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => products_avx2(block, types, taps, x, finish),
            _ => products_with::<T, T::Base, F>(block, types, taps, x, finish),
        }
    }
}

/// The same, and for each tap the sum over cells and samples of own outputs times the shifted plane: the gradients of the weights, added
/// to `totals`, in the order of the taps of these types.
///
/// # Safety
/// As [`Finish::finish`] says.
///
/// # Panics
/// If there are not as many outputs as in the block, or other than one total for each tap.
pub(super) unsafe fn products_and_correlations<T: Real, F: Reverse<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    outputs: &[T],
    finish: &F,
    totals: &mut [f64],
) {
    let x = planes_of(block, outputs);
    let of_types: usize = taps.taps.of_type[types.clone()].iter().map(Range::len).sum();
    assert_eq!(totals.len(), of_types, "totals of the taps");
    T::with_scratch(of_types * MOST_LANES, |lanes| {
        lanes.fill(T::ZERO);
        let at = lanes.as_mut_ptr();
        // SAFETY: as in `products`; `lanes` has room for the widest register per tap.
        unsafe {
            match Tier::best() {
                #[cfg(target_arch = "x86_64")]
                Tier::Avx512 => correlations_avx512(block, types, taps, x, finish, at),
                #[cfg(target_arch = "x86_64")]
                Tier::Avx2 => correlations_avx2(block, types, taps, x, finish, at),
                _ => correlations_with::<T, T::Base, F>(block, types, taps, x, finish, at),
            }
        }
        for (total, lanes) in totals.iter_mut().zip(lanes.as_chunks().0) {
            *total += sum_of_lanes(lanes);
        }
    });
}

#[inline(always)]
pub(super) fn sum_of_lanes<T: Real>(lanes: &Lanes<T>) -> f64 {
    let mut halves = [0.0; MOST_LANES / 2];
    for (i, half) in halves.iter_mut().enumerate() {
        *half = lanes[i].to_f64() + lanes[i + MOST_LANES / 2].to_f64();
    }
    halves.iter().sum()
}

fn planes_of<T: Real>(block: &Block<T>, outputs: &[T]) -> *const T {
    assert_eq!(outputs.len(), block.output_len, "outputs of a block");
    // SAFETY: all outputs are there, of which the lead is a part; not a slice of the rest, since taps reach back into the lead.
    unsafe { outputs.as_ptr().add(block.lead) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn products_avx512<T: Real, F: Finish<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    x: *const T,
    finish: &F,
) {
    // SAFETY: the caller's promise, and the instructions are enabled here.
    unsafe { products_with::<T, T::Full, F>(block, types, taps, x, finish) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn products_avx2<T: Real, F: Finish<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    x: *const T,
    finish: &F,
) {
    // SAFETY: the caller's promise, and the instructions are enabled here.
    unsafe { products_with::<T, T::Half, F>(block, types, taps, x, finish) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn correlations_avx512<T: Real, F: Reverse<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    x: *const T,
    finish: &F,
    lanes: *mut T,
) {
    // SAFETY: as above.
    unsafe { correlations_with::<T, T::Full, F>(block, types, taps, x, finish, lanes) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn correlations_avx2<T: Real, F: Reverse<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    x: *const T,
    finish: &F,
    lanes: *mut T,
) {
    // SAFETY: as above.
    unsafe { correlations_with::<T, T::Half, F>(block, types, taps, x, finish, lanes) }
}

/// Calls a kernel with the shape of a tile and the number of registers of a line as constants.
macro_rules! by_shape {
    ($tile:expr, $kernel:ident::<$t:ty, $v:ty>($($arg:expr),*)) => {
        by_shape!(@of $tile, $kernel, $t, $v, ($($arg),*),
            (1, 1) (1, 2) (1, 3) (1, 4) (1, 5) (1, 6) (1, 7) (1, 8) (2, 1) (2, 2) (2, 3) (2, 4) (2, 5) (2, 6)
            (3, 1) (3, 2) (3, 3) (3, 4) (4, 1) (4, 2) (4, 3) (6, 1) (6, 2) (8, 1))
    };
    (@of $tile:expr, $kernel:ident, $t:ty, $v:ty, $args:tt, $(($r:literal, $c:literal))*) => {
        match ($tile.rows, $tile.lines) {
            $(($r, $c) => if const { 64 / size_of::<$t>() == <$v>::LANES } {
                by_shape!(@call $kernel, $t, $v, $r, $c, 1, $args)
            } else {
                by_shape!(@call $kernel, $t, $v, $r, $c, 2, $args)
            },)*
            (rows, lines) => unreachable!("a tile of {rows} rows of {lines} lines, which has no kernel"),
        }
    };
    (@call $kernel:ident, $t:ty, $v:ty, $r:literal, $c:literal, $h:literal, ($($arg:expr),*)) => {
        $kernel::<$t, $v, $r, $c, $h>($($arg),*)
    };
}

/// # Safety
/// The machine has the instructions of `V`; tiles lie, shifted, in `x`; and what [`Finish::finish`] says.
#[inline(always)]
unsafe fn products_with<T: Real, V: Vector<T>, F: Finish<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    x: *const T,
    finish: &F,
) {
    let line = 64 / size_of::<T>();
    let mut sums = InLines([T::ZERO; MOST_IN_TILE]);
    for tile in &block.tiles {
        let len = usize::from(tile.rows) * usize::from(tile.lines) * line;
        for t in types.clone() {
            let range = taps.taps.of_type[t].clone();
            let (shifts, weights) = (&taps.shifts[range.clone()], &taps.weights[range]);
            let out = sums.0.as_mut_ptr();
            // SAFETY: the caller's promise; the table of shapes has none that is larger than `sums`.
            unsafe {
                let x = x.add(tile.out as usize);
                by_shape!(tile, product_tile::<T, V>(shifts, weights, x, block.stride, out));
                finish.finish::<V>(t, tile, &mut sums.0[..len]);
            }
        }
    }
}

/// # Safety
/// As [`products_with`], of one tile of `R` rows of `C` lines of `H` registers, for which `out` has room.
#[inline(always)]
unsafe fn product_tile<T: Real, V: Vector<T>, const R: usize, const C: usize, const H: usize>(
    shifts: &[i32],
    weights: &[T],
    x: *const T,
    stride: usize,
    out: *mut T,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[[V::zero(); H]; C]; R];
        for (&shift, &weight) in shifts.iter().zip(weights) {
            let weight = V::splat(weight);
            let x = x.offset(shift as isize);
            for (r, sums) in sums.iter_mut().enumerate() {
                for (c, sums) in sums.iter_mut().enumerate() {
                    for (h, sum) in sums.iter_mut().enumerate() {
                        let at = r * stride + (c * H + h) * V::LANES;
                        *sum = V::load(x.add(at)).mul_add(weight, *sum);
                    }
                }
            }
        }
        store_tile(&sums, out);
    }
}

/// # Safety
/// `out` has room for a tile.
#[inline(always)]
unsafe fn store_tile<T: Real, V: Vector<T>, const R: usize, const C: usize, const H: usize>(
    sums: &[[[V; H]; C]; R],
    out: *mut T,
) {
    // loops over constants only, or the sums would not stay in registers
    for (r, sums) in sums.iter().enumerate() {
        for (c, sums) in sums.iter().enumerate() {
            for (h, sum) in sums.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { sum.store(out.add(((r * C + c) * H + h) * V::LANES)) };
            }
        }
    }
}

/// # Safety
/// As [`products_with`]; `lanes` has [`MOST_LANES`] numbers per tap of the types.
#[inline(always)]
unsafe fn correlations_with<T: Real, V: Vector<T>, F: Reverse<T>>(
    block: &Block<T>,
    types: Range<usize>,
    taps: Weighted<'_, T>,
    x: *const T,
    finish: &F,
    lanes: *mut T,
) {
    let line = 64 / size_of::<T>();
    let first = taps.taps.of_type[types.start].start;
    let mut sums = InLines([T::ZERO; MOST_IN_TILE]);
    let mut own = InLines([T::ZERO; MOST_IN_TILE]);
    for tile in &block.tiles {
        let len = usize::from(tile.rows) * usize::from(tile.lines) * line;
        for t in types.clone() {
            let range = taps.taps.of_type[t].clone();
            let (shifts, weights) = (&taps.shifts[range.clone()], &taps.weights[range.clone()]);
            let out = sums.0.as_mut_ptr();
            // SAFETY: the caller's promise; the table of shapes has none that is larger than `sums` and `own`.
            unsafe {
                finish.outputs::<V>(t, tile, &mut own.0[..len]);
                let f = own.0.as_ptr();
                let x = x.add(tile.out as usize);
                let lanes = lanes.add((range.start - first) * MOST_LANES);
                by_shape!(tile, correlate_tile::<T, V>(shifts, weights, f, x, block.stride, lanes, out));
                finish.finish::<V>(t, tile, &mut sums.0[..len]);
            }
        }
    }
}

/// # Safety
/// As [`correlations_with`], of one tile, which `own` holds and `out` has room for.
#[inline(always)]
unsafe fn correlate_tile<T: Real, V: Vector<T>, const R: usize, const C: usize, const H: usize>(
    shifts: &[i32],
    weights: &[T],
    own: *const T,
    x: *const T,
    stride: usize,
    lanes: *mut T,
    out: *mut T,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut held = [[[V::zero(); H]; C]; R];
        for (r, held) in held.iter_mut().enumerate() {
            for (c, held) in held.iter_mut().enumerate() {
                for (h, held) in held.iter_mut().enumerate() {
                    *held = V::load(own.add(((r * C + c) * H + h) * V::LANES));
                }
            }
        }
        let mut sums = [[[V::zero(); H]; C]; R];
        for (tap, (&shift, &weight)) in shifts.iter().zip(weights).enumerate() {
            let weight = V::splat(weight);
            let x = x.offset(shift as isize);
            let lanes = lanes.add(tap * MOST_LANES);
            // two sums, so that additions need not wait for each other
            let mut products = [V::load(lanes), V::zero()];
            for (r, (held, sums)) in held.iter().zip(&mut sums).enumerate() {
                for (c, (held, sums)) in held.iter().zip(sums).enumerate() {
                    for (h, (held, sum)) in held.iter().zip(sums).enumerate() {
                        let x = V::load(x.add(r * stride + (c * H + h) * V::LANES));
                        let product = &mut products[(r * C * H + c * H + h) % 2];
                        *product = x.mul_add(*held, *product);
                        *sum = x.mul_add(weight, *sum);
                    }
                }
            }
            products[0].add(products[1]).store(lanes);
        }
        store_tile(&sums, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Wiring;
    use crate::network::engine::stencil::Stencil;
    use connectome_graph::hex::{Extent, expand};
    use std::cell::RefCell;
    use tch_sparse::Aligned;

    /// Keeps sums, in packed states of all types.
    struct Pack<'a, T> {
        block: &'a Block<T>,
        own: &'a [T],
        sums: RefCell<Vec<T>>,
    }

    impl<T: Real> Finish<T> for Pack<'_, T> {
        unsafe fn finish<V: Vector<T>>(&self, t: usize, tile: &Tile, sums: &mut [T]) {
            let at = t * self.block.packed_len + tile.packed as usize;
            self.sums.borrow_mut()[at..at + sums.len()].copy_from_slice(sums);
        }
    }

    impl<T: Real> Reverse<T> for Pack<'_, T> {
        unsafe fn outputs<V: Vector<T>>(&self, t: usize, tile: &Tile, f: &mut [T]) {
            let at = t * self.block.packed_len + tile.packed as usize;
            f.copy_from_slice(&self.own[at..at + f.len()]);
        }
    }

    /// Sums over taps, from a step and from a step back, and gradients of weights, on a tier.
    fn of_tier<T: Real>(tier: Tier, stencil: &Stencil, block: &Block<T>, outputs: &[T]) -> [Vec<f64>; 3] {
        let types = 0..stencil.n_types;
        let n_taps = stencil.by_target.taps.len();
        let weights: Vec<T> = (0..n_taps).map(|i| T::from_f64((i as f64 * 0.7).sin())).collect();
        let taps = Weighted { taps: &stencil.by_target, shifts: &block.shifts_by_target, weights: &weights };
        let x = planes_of(block, outputs);
        let len = stencil.n_types * block.packed_len;
        let own: Vec<T> = (0..len)
            .map(|i| block.mask(i / block.packed_len)[i % block.packed_len] * T::from_f64((i as f64).cos()))
            .collect();
        let pack = || Pack { block, own: &own, sums: RefCell::new(vec![T::ZERO; len]) };
        let (there, back) = (pack(), pack());
        let mut lanes = vec![T::ZERO; n_taps * MOST_LANES];
        let at = lanes.as_mut_ptr();
        // SAFETY: only tiers of this machine are asked for; lengths are those of the block.
        unsafe {
            match tier {
                #[cfg(target_arch = "x86_64")]
                Tier::Avx512 => {
                    products_avx512(block, types.clone(), taps, x, &there);
                    correlations_avx512(block, types, taps, x, &back, at);
                }
                #[cfg(target_arch = "x86_64")]
                Tier::Avx2 => {
                    products_avx2(block, types.clone(), taps, x, &there);
                    correlations_avx2(block, types, taps, x, &back, at);
                }
                _ => {
                    products_with::<T, T::Base, _>(block, types.clone(), taps, x, &there);
                    correlations_with::<T, T::Base, _>(block, types, taps, x, &back, at);
                }
            }
        }
        let masked = |pack: Pack<'_, T>| {
            let sums = pack.sums.into_inner();
            let mask = |i: usize| block.mask(i / block.packed_len)[i % block.packed_len];
            sums.iter().enumerate().map(|(i, sum)| (*sum * mask(i)).to_f64()).collect()
        };
        let gradients = lanes.as_chunks().0.iter().map(sum_of_lanes).collect();
        [masked(there), masked(back), gradients]
    }

    fn tiers_agree<T: Real>(tolerance: f64) {
        for (extent, width) in [(0, 1), (1, 3), (3, 1), (4, 2), (7, 4), (9, 16), (15, 1), (15, 4)] {
            let fly = expand(&crate::connectome().unwrap(), Extent(extent)).unwrap();
            let stencil = Stencil::new(&Wiring::from_hex(&fly).unwrap()).unwrap();
            let block = Block::<T>::new(&stencil, width);
            let mut outputs = Aligned::zeros(block.output_len);
            for (t, plane) in block.planes_mut(&mut outputs).enumerate() {
                let values = block.mask(t).iter().enumerate();
                let packed: Vec<T> = values.map(|(i, m)| *m * T::from_f64((i as f64 * 0.3 + t as f64).sin())).collect();
                block.unpack(&packed, plane);
            }
            let [want, back, gradients] = of_tier(Tier::Portable, &stencil, &block, &outputs);
            assert_eq!(want, back, "a step and a step back");
            for tier in Tier::ALL.into_iter().filter(|tier| tier.is_available()) {
                let near =
                    |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * (1.0 + b.abs()));
                let what = format!("{tier:?}, extent {extent}, {width} samples");
                let got = of_tier(tier, &stencil, &block, &outputs);
                assert_eq!(got[0], got[1], "a step and a step back: {what}");
                assert!(near(&got[0], &want), "sums: {what}");
                assert!(near(&got[2], &gradients), "weights: {what}");
            }
        }
    }

    #[test]
    fn all_tiers_compute_the_same() {
        tiers_agree::<f64>(1e-11);
        tiers_agree::<f32>(1e-3);
    }
}
