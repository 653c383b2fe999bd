//! Convolutions of planes and the gradients of their weights, in registers.

use tch_function::Tier;

use super::vector::{Quad, Real, Vector};

/// Channels of planes that a tile of [`correlate`] takes.
const ROWS: usize = 4;
/// Weights that it takes.
const TAPS: usize = 5;

/// Weights in the order in which [`convolve`] reads them: `[groups, inputs, taps, group]`, padded with zeros.
#[derive(Debug)]
pub(super) struct Packed<T> {
    group: usize,
    outputs: usize,
    inputs: usize,
    weights: Vec<T>,
    bias: Vec<T>,
    distances: Vec<i32>,
}

impl<T: Real> Packed<T> {
    /// Of `weight(output, input, tap)` for the taps at these distances.
    pub(super) fn new(
        outputs: usize,
        inputs: usize,
        distances: Vec<i32>,
        bias: impl Fn(usize) -> T,
        weight: impl Fn(usize, usize, usize) -> T,
    ) -> Self {
        // the group with the least padding
        let group = [8, 7, 4].into_iter().min_by_key(|g| outputs.div_ceil(*g) * g).unwrap_or(8);
        let padded = outputs.div_ceil(group) * group;
        let taps = distances.len();
        let mut weights = vec![T::ZERO; padded * inputs * taps];
        for output in 0..outputs {
            let block = &mut weights[output / group * group * inputs * taps..][..group * inputs * taps];
            for input in 0..inputs {
                for tap in 0..taps {
                    block[(input * taps + tap) * group + output % group] = weight(output, input, tap);
                }
            }
        }
        let bias = (0..padded).map(|o| if o < outputs { bias(o) } else { T::ZERO }).collect();
        Self { group, outputs, inputs, weights, bias, distances }
    }
}

/// `out[o, p] = bias[o] + sum over inputs and taps of weight x[input, p + distance]` at all places `p` of the blocks.
///
/// **Shape**: `x` `[inputs, len]`, `out` `[outputs, len]`; both have `len` numbers in a plane, with room for all distances.
pub(super) fn convolve<T: Real>(packed: &Packed<T>, x: &[T], out: &mut [T], len: usize, blocks: &[u32]) {
    match Tier::best() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the tier was found on this machine.
        Tier::Avx512 => unsafe { convolve_avx512(packed, x, out, len, blocks) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Tier::Avx2 => unsafe { convolve_avx2(packed, x, out, len, blocks) },
        // SAFETY: works on any machine.
        _ => unsafe { by_group::<T, Quad<T>, 1>(packed, x, out, len, blocks) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn convolve_avx512<T: Real>(packed: &Packed<T>, x: &[T], out: &mut [T], len: usize, blocks: &[u32]) {
    // SAFETY: within a function of the tier.
    unsafe { by_group::<T, T::Avx512, 3>(packed, x, out, len, blocks) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn convolve_avx2<T: Real>(packed: &Packed<T>, x: &[T], out: &mut [T], len: usize, blocks: &[u32]) {
    // SAFETY: within a function of the tier.
    unsafe { by_group::<T, T::Avx2, 1>(packed, x, out, len, blocks) }
}

/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn by_group<T: Real, V: Vector<T>, const B: usize>(
    packed: &Packed<T>,
    x: &[T],
    out: &mut [T],
    len: usize,
    blocks: &[u32],
) {
    // SAFETY: the caller's promise.
    unsafe {
        match packed.group {
            8 => convolve_body::<T, V, B, 8>(packed, x, out, len, blocks),
            7 => convolve_body::<T, V, B, 7>(packed, x, out, len, blocks),
            _ => convolve_body::<T, V, B, 4>(packed, x, out, len, blocks),
        }
    }
}

/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn convolve_body<T: Real, V: Vector<T>, const B: usize, const O: usize>(
    packed: &Packed<T>,
    x: &[T],
    out: &mut [T],
    len: usize,
    blocks: &[u32],
) {
    let taps = packed.distances.len();
    for group in 0..packed.outputs.div_ceil(O) {
        let weights = &packed.weights[group * O * packed.inputs * taps..][..O * packed.inputs * taps];
        let (weights, _) = weights.as_chunks::<O>();
        let bias = &packed.bias[group * O..][..O];
        for tile in blocks.chunks(B) {
            // a tile that is not full does its last block again
            let starts: [i32; B] = std::array::from_fn(|b| tile[b.min(tile.len() - 1)] as i32);
            // SAFETY: the caller's promise.
            unsafe {
                let mut sums: [[V; B]; O] = std::array::from_fn(|o| [V::splat(bias[o]); B]);
                for (plane, weights) in x.chunks_exact(len).zip(weights.chunks_exact(taps)) {
                    for (weights, distance) in weights.iter().zip(&packed.distances) {
                        let x: [V; B] = std::array::from_fn(|b| V::load(&plane[(starts[b] + distance) as usize..]));
                        for (sums, weight) in sums.iter_mut().zip(weights) {
                            let weight = V::splat(*weight);
                            for (sum, x) in sums.iter_mut().zip(x) {
                                *sum = x.mul_add(weight, *sum);
                            }
                        }
                    }
                }
                for (o, sums) in sums.iter().enumerate().take(packed.outputs - group * O) {
                    for (sum, start) in sums.iter().zip(starts) {
                        sum.store(&mut out[(group * O + o) * len + start as usize..]);
                    }
                }
            }
        }
    }
}

/// Sums of products of displaced planes: the gradients of a convolution's weights over many frames.
///
/// `sums[o, input, tap] += sum over p of g[o, p] x[input, p + distance]`, kept lane by lane until [`Correlation::finish`].
#[derive(Debug)]
pub(super) struct Correlation<T> {
    outputs: usize,
    inputs: usize,
    distances: Vec<i32>,
    taps: usize,
    sums: Vec<T>,
}

impl<T: Real> Correlation<T> {
    /// Zero so far.
    pub(super) fn new(outputs: usize, inputs: usize, mut distances: Vec<i32>) -> Self {
        let taps = distances.len();
        distances.resize(taps.next_multiple_of(TAPS), 0);
        let tiles = inputs * outputs.div_ceil(ROWS) * (distances.len() / TAPS);
        let sums = vec![T::ZERO; tiles * ROWS * TAPS * T::lanes()];
        Self { outputs, inputs, distances, taps, sums }
    }

    /// Planes of `g` that [`Correlation::add`] wants: as many as there are outputs, then zeros.
    pub(super) fn planes(outputs: usize) -> usize {
        outputs.next_multiple_of(ROWS)
    }

    /// Adds a frame: `g` `[planes, len]`, zero at whatever the blocks cover beside what counts, and `x` `[inputs, len]`.
    pub(super) fn add(&mut self, g: &[T], x: &[T], len: usize, blocks: &[u32]) {
        assert_eq!(g.len(), Self::planes(self.outputs) * len, "numbers of the gradient");
        assert_eq!(x.len(), self.inputs * len, "numbers of the input");
        match Tier::best() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the tier was found on this machine.
            Tier::Avx512 => unsafe { correlate_avx512(self, g, x, len, blocks) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Tier::Avx2 => unsafe { correlate_avx2(self, g, x, len, blocks) },
            // SAFETY: works on any machine.
            _ => unsafe { correlate_body::<T, Quad<T>>(self, g, x, len, blocks) },
        }
    }

    /// The sums, `[outputs, inputs, taps]`.
    pub(super) fn finish(&self) -> Vec<T> {
        let (lanes, tiles) = (T::lanes(), self.distances.len() / TAPS);
        let mut all = Vec::with_capacity(self.outputs * self.inputs * self.taps);
        for output in 0..self.outputs {
            for input in 0..self.inputs {
                for tap in 0..self.taps {
                    let tile = (input * self.outputs.div_ceil(ROWS) + output / ROWS) * tiles + tap / TAPS;
                    let register = (tile * ROWS + output % ROWS) * TAPS + tap % TAPS;
                    let lanes = &self.sums[register * lanes..][..lanes];
                    all.push(lanes.iter().fold(T::ZERO, |sum, x| sum + *x));
                }
            }
        }
        all
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn correlate_avx512<T: Real>(to: &mut Correlation<T>, g: &[T], x: &[T], len: usize, blocks: &[u32]) {
    // SAFETY: within a function of the tier.
    unsafe { correlate_body::<T, T::Avx512>(to, g, x, len, blocks) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn correlate_avx2<T: Real>(to: &mut Correlation<T>, g: &[T], x: &[T], len: usize, blocks: &[u32]) {
    // SAFETY: within a function of the tier.
    unsafe { correlate_body::<T, T::Avx2>(to, g, x, len, blocks) }
}

/// # Safety
/// The machine has the instructions of `V`, and a register of it has `T::lanes()` numbers.
#[inline(always)]
unsafe fn correlate_body<T: Real, V: Vector<T>>(to: &mut Correlation<T>, g: &[T], x: &[T], len: usize, blocks: &[u32]) {
    let (tiles, _) = to.distances.as_chunks::<TAPS>();
    let mut sums = to.sums.chunks_exact_mut(ROWS * TAPS * V::LANES);
    for x in x.chunks_exact(len) {
        for g in g.chunks_exact(ROWS * len) {
            for (distances, sums) in tiles.iter().zip(&mut sums) {
                let register = |o: usize, t: usize| (o * TAPS + t) * V::LANES;
                // SAFETY: the caller's promise.
                unsafe {
                    let mut tile = [[V::splat(T::ZERO); TAPS]; ROWS];
                    for (o, row) in tile.iter_mut().enumerate() {
                        for (t, sum) in row.iter_mut().enumerate() {
                            *sum = V::load(&sums[register(o, t)..]);
                        }
                    }
                    for &start in blocks {
                        let g: [V; ROWS] = std::array::from_fn(|o| V::load(&g[o * len + start as usize..]));
                        for (t, distance) in distances.iter().enumerate() {
                            let x = V::load(&x[(start as i32 + distance) as usize..]);
                            for (tile, g) in tile.iter_mut().zip(g) {
                                tile[t] = g.mul_add(x, tile[t]);
                            }
                        }
                    }
                    for (o, row) in tile.iter().enumerate() {
                        for (t, sum) in row.iter().enumerate() {
                            sum.store(&mut sums[register(o, t)..]);
                        }
                    }
                }
            }
        }
    }
}
