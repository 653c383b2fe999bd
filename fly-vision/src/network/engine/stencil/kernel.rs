//! Shifted planes, weighted and added up in registers; and the gradient of the weights.

use tch_sparse::Real;
use tch_sparse::kernel::Tier;
use tch_sparse::kernel::vector::Vector;

use super::Taps;
use super::block::{Block, Tile};

/// Taps of a type as the kernels take them.
struct Shifted<'a, T> {
    shifts: &'a [i32],
    weights: &'a [T],
}

/// What becomes of the sums of a tile.
pub(super) trait Finish<T>: Copy {
    /// Takes the sums of a tile, row after row.
    ///
    /// # Safety
    /// The tile is one of the block's, and what the implementation points to is as long as a packed type and a plane of the block.
    unsafe fn finish(self, tile: &Tile, stride: usize, sums: &[T]);
}

/// Room for the sums of the largest tile.
const MOST_IN_TILE: usize = 12 * 16;

#[repr(align(64))]
struct Sums<T>([T; MOST_IN_TILE]);

/// Computes the sum over the taps of type `t` of weight times plane, tile by tile.
///
/// # Safety
/// As [`Finish::finish`] says.
///
/// # Panics
/// If the lengths are not those of the block.
pub(super) unsafe fn product<T: Real, F: Finish<T>>(
    block: &Block<T>,
    t: usize,
    taps: &Taps,
    shifts: &[i32],
    weights: &[T],
    outputs: &[T],
    finish: F,
) {
    let range = taps.of_type[t].clone();
    let taps = Shifted { shifts: &shifts[range.clone()], weights: &weights[range] };
    check_outputs(block, outputs);
    let x = outputs[block.lead..].as_ptr();
    // SAFETY: the tier is this machine's; tiles lie, shifted, in `outputs`, as was checked when the block was made; and the caller's
    // promise.
    unsafe {
        match Tier::best() {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => products_avx512(&block.tiles, &taps, x, block.stride, finish),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => products_avx2(&block.tiles, &taps, x, block.stride, finish),
            _ => products::<T, T::Base, F>(&block.tiles, &taps, x, block.stride, finish),
        }
    }
}

/// Adds to `totals` for each tap of type `t` the sum over cells and samples of `own` (packed) times the shifted plane.
///
/// # Panics
/// If the lengths are not those of the block.
pub(super) fn correlate<T: Real>(
    block: &Block<T>,
    t: usize,
    taps: &Taps,
    shifts: &[i32],
    own: &[T],
    outputs: &[T],
    totals: &mut [f64],
) {
    let shifts = &shifts[taps.of_type[t].clone()];
    assert_eq!(own.len(), block.packed_len, "a packed type");
    assert!(totals.len() >= shifts.len(), "{} totals for {} taps", totals.len(), shifts.len());
    check_outputs(block, outputs);
    let x = outputs[block.lead..].as_ptr();
    // a register's worth for each tap: lanes are added up at the end, in a fixed order
    T::with_scratch(shifts.len() * MOST_LANES, |lanes| {
        lanes.fill(T::ZERO);
        // SAFETY: as in `product`; `lanes` has room for the widest register per tap.
        unsafe {
            match Tier::best() {
                #[cfg(target_arch = "x86_64")]
                Tier::Avx512 => {
                    correlations_avx512(&block.tiles, shifts, own.as_ptr(), x, block.stride, lanes.as_mut_ptr());
                }
                #[cfg(target_arch = "x86_64")]
                Tier::Avx2 => {
                    correlations_avx2(&block.tiles, shifts, own.as_ptr(), x, block.stride, lanes.as_mut_ptr());
                }
                _ => {
                    correlations::<T, T::Base>(&block.tiles, shifts, own.as_ptr(), x, block.stride, lanes.as_mut_ptr());
                }
            }
        }
        for (total, lanes) in totals.iter_mut().zip(lanes.chunks_exact(MOST_LANES)) {
            *total += lanes.iter().map(|x| x.to_f64()).sum::<f64>();
        }
    });
}

/// Numbers of the widest register.
const MOST_LANES: usize = 16;

fn check_outputs<T: Real>(block: &Block<T>, outputs: &[T]) {
    assert_eq!(outputs.len(), block.output_len, "outputs of a block");
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn products_avx512<T: Real, F: Finish<T>>(
    tiles: &[Tile],
    taps: &Shifted<'_, T>,
    x: *const T,
    stride: usize,
    finish: F,
) {
    // SAFETY: the caller's promise, and the instructions are enabled here.
    unsafe { products::<T, T::Full, F>(tiles, taps, x, stride, finish) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn products_avx2<T: Real, F: Finish<T>>(
    tiles: &[Tile],
    taps: &Shifted<'_, T>,
    x: *const T,
    stride: usize,
    finish: F,
) {
    // SAFETY: the caller's promise, and the instructions are enabled here.
    unsafe { products::<T, T::Half, F>(tiles, taps, x, stride, finish) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn correlations_avx512<T: Real>(
    tiles: &[Tile],
    shifts: &[i32],
    own: *const T,
    x: *const T,
    stride: usize,
    lanes: *mut T,
) {
    // SAFETY: as above.
    unsafe { correlations::<T, T::Full>(tiles, shifts, own, x, stride, lanes) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn correlations_avx2<T: Real>(
    tiles: &[Tile],
    shifts: &[i32],
    own: *const T,
    x: *const T,
    stride: usize,
    lanes: *mut T,
) {
    // SAFETY: as above.
    unsafe { correlations::<T, T::Half>(tiles, shifts, own, x, stride, lanes) }
}

/// Calls a kernel with the shape of a tile and the number of registers of a line as constants.
macro_rules! by_shape {
    ($tile:expr, $halves:expr, $kernel:ident::<$t:ty, $v:ty>($($arg:expr),*)) => {
        by_shape!(@of $tile, $halves, $kernel, $t, $v, ($($arg),*),
            (8, 1) (4, 1) (2, 1) (1, 1) (6, 2) (4, 2) (3, 2) (2, 2) (1, 2) (4, 3) (3, 3) (2, 3) (1, 3) (3, 4) (2, 4) (1, 4)
            (1, 5) (2, 6) (1, 6) (1, 7) (1, 8))
    };
    (@of $tile:expr, $halves:expr, $kernel:ident, $t:ty, $v:ty, $args:tt, $(($r:literal, $c:literal))*) => {
        match ($tile.rows, $tile.lines) {
            $(($r, $c) => if $halves == 1 {
                by_shape!(@call $kernel, $t, $v, $r, $c, 1, $args)
            } else {
                by_shape!(@call $kernel, $t, $v, $r, $c, 2, $args)
            },)*
            // blocks are checked to have no other when they are made
            _ => {}
        }
    };
    (@call $kernel:ident, $t:ty, $v:ty, $r:literal, $c:literal, $h:literal, ($($arg:expr),*)) => {
        $kernel::<$t, $v, $r, $c, $h>($($arg),*)
    };
}

/// # Safety
/// The machine has the instructions of `V`; tiles lie, shifted, in `x`; and what [`Finish::finish`] says.
#[inline(always)]
unsafe fn products<T: Real, V: Vector<T>, F: Finish<T>>(
    tiles: &[Tile],
    taps: &Shifted<'_, T>,
    x: *const T,
    stride: usize,
    finish: F,
) {
    let line = 64 / size_of::<T>();
    let halves = line / V::LANES;
    let mut sums = Sums([T::ZERO; MOST_IN_TILE]);
    for tile in tiles {
        let out = sums.0.as_mut_ptr();
        // SAFETY: the caller's promise; the table of shapes has none that is larger than `sums`.
        unsafe {
            let x = x.add(tile.out as usize);
            by_shape!(tile, halves, product_tile::<T, V>(taps, x, stride, out));
            finish.finish(tile, stride, &sums.0[..usize::from(tile.rows) * usize::from(tile.lines) * line]);
        }
    }
}

/// # Safety
/// As [`products`], of one tile of `R` rows of `C` lines of `H` registers, for which `out` has room.
#[inline(always)]
unsafe fn product_tile<T: Real, V: Vector<T>, const R: usize, const C: usize, const H: usize>(
    taps: &Shifted<'_, T>,
    x: *const T,
    stride: usize,
    out: *mut T,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[[V::zero(); H]; C]; R];
        for (&shift, &weight) in taps.shifts.iter().zip(taps.weights) {
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
        // loops over constants only, or the sums would not stay in registers
        for (r, sums) in sums.iter().enumerate() {
            for (c, sums) in sums.iter().enumerate() {
                for (h, sum) in sums.iter().enumerate() {
                    sum.store(out.add(((r * C + c) * H + h) * V::LANES));
                }
            }
        }
    }
}

/// # Safety
/// As [`products`]; `lanes` has [`MOST_LANES`] numbers per shift.
#[inline(always)]
unsafe fn correlations<T: Real, V: Vector<T>>(
    tiles: &[Tile],
    shifts: &[i32],
    own: *const T,
    x: *const T,
    stride: usize,
    lanes: *mut T,
) {
    let halves = 64 / size_of::<T>() / V::LANES;
    for tile in tiles {
        // SAFETY: the caller's promise.
        unsafe {
            let (x, own) = (x.add(tile.out as usize), own.add(tile.packed as usize));
            by_shape!(tile, halves, correlate_tile::<T, V>(shifts, own, x, stride, lanes));
        }
    }
}

/// # Safety
/// As [`correlations`], of one tile.
#[inline(always)]
unsafe fn correlate_tile<T: Real, V: Vector<T>, const R: usize, const C: usize, const H: usize>(
    shifts: &[i32],
    own: *const T,
    x: *const T,
    stride: usize,
    lanes: *mut T,
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
        for (tap, &shift) in shifts.iter().enumerate() {
            let x = x.offset(shift as isize);
            let lanes = lanes.add(tap * MOST_LANES);
            // two sums, so that additions need not wait for each other
            let mut sums = [V::load(lanes), V::zero()];
            for (r, held) in held.iter().enumerate() {
                for (c, held) in held.iter().enumerate() {
                    for (h, held) in held.iter().enumerate() {
                        let at = r * stride + (c * H + h) * V::LANES;
                        let sum = &mut sums[(r * C * H + c * H + h) % 2];
                        *sum = V::load(x.add(at)).mul_add(*held, *sum);
                    }
                }
            }
            sums[0].add(sums[1]).store(lanes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Wiring;
    use crate::network::engine::stencil::Stencil;
    use crate::network::engine::stencil::finish::Pack;
    use connectome_graph::hex::{Extent, expand};
    use tch_sparse::Aligned;

    /// Sums over taps and gradients of weights of a type, on a tier.
    fn of_tier<T: Real>(
        tier: Tier,
        stencil: &Stencil,
        block: &Block<T>,
        t: usize,
        outputs: &[T],
    ) -> (Vec<T>, Vec<f64>) {
        let range = stencil.by_target.of_type[t].clone();
        let weights: Vec<T> = range.clone().map(|i| T::from_f64((i as f64 * 0.7).sin())).collect();
        let shifts = &block.shifts_by_target[range];
        let taps = Shifted { shifts, weights: &weights };
        let mut packed = Aligned::<T>::zeros(block.packed_len);
        let x = outputs[block.lead..].as_ptr();
        let finish = Pack(packed.as_mut_ptr());
        let mut lanes = vec![T::ZERO; shifts.len() * MOST_LANES];
        let own: Vec<T> = block.mask(t).iter().enumerate().map(|(i, m)| *m * T::from_f64((i as f64).cos())).collect();
        // SAFETY: only tiers of this machine are asked for; lengths are those of the block.
        unsafe {
            let (own, lanes) = (own.as_ptr(), lanes.as_mut_ptr());
            match tier {
                #[cfg(target_arch = "x86_64")]
                Tier::Avx512 => {
                    products_avx512(&block.tiles, &taps, x, block.stride, finish);
                    correlations_avx512(&block.tiles, shifts, own, x, block.stride, lanes);
                }
                #[cfg(target_arch = "x86_64")]
                Tier::Avx2 => {
                    products_avx2(&block.tiles, &taps, x, block.stride, finish);
                    correlations_avx2(&block.tiles, shifts, own, x, block.stride, lanes);
                }
                _ => {
                    products::<T, T::Base, _>(&block.tiles, &taps, x, block.stride, finish);
                    correlations::<T, T::Base>(&block.tiles, shifts, own, x, block.stride, lanes);
                }
            }
        }
        let sums = packed.iter().zip(block.mask(t)).map(|(sum, mask)| *sum * *mask).collect();
        (sums, lanes.chunks_exact(MOST_LANES).map(|lanes| lanes.iter().map(|x| x.to_f64()).sum()).collect())
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
            for t in [0, 13, 20, 36, 64] {
                let (want, want_taps) = of_tier(Tier::Portable, &stencil, &block, t, &outputs);
                for tier in Tier::ALL.into_iter().filter(|tier| tier.is_available()) {
                    let (got, taps) = of_tier(tier, &stencil, &block, t, &outputs);
                    let near = |a: f64, b: f64| (a - b).abs() <= tolerance * (1.0 + b.abs());
                    let what = format!("{tier:?}, extent {extent}, {width} samples, type {t}");
                    assert!(got.iter().zip(&want).all(|(g, w)| near(g.to_f64(), w.to_f64())), "sums: {what}");
                    assert!(taps.iter().zip(&want_taps).all(|(g, w)| near(*g, *w)), "weights: {what}");
                }
            }
        }
    }

    #[test]
    fn all_tiers_compute_the_same() {
        tiers_agree::<f64>(1e-11);
        tiers_agree::<f32>(1e-3);
    }
}
