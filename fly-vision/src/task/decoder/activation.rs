//! Normalisation, softplus and dropout of the hidden layer, and their derivatives, in one pass each.

use tch_function::math::Number;
use tch_function::on_best_tier;

/// Above it, softplus is the identity (as in torch).
const THRESHOLD: f64 = 20.0;

/// `ln(1 + e^x)`.
///
/// Its logarithm is `ln(1 + z) = 2 artanh(z / (2 + z))`, whose series in at most 1/3 is summed until it is exact.
#[inline(always)]
fn softplus<T: Number>(x: T) -> T {
    let z = (-x.abs()).exp();
    let s = z / (z + T::from_f64(2.0));
    let square = s * s;
    // terms until (1/9)^k / (2k + 1) is below the last digit
    let terms = if size_of::<T>() == 4 { 8 } else { 17 };
    let mut sum = T::ZERO;
    for k in (0..terms).rev() {
        sum = sum * square + T::from_f64(1.0 / f64::from(2 * k + 1));
    }
    let soft = x.or_greater(T::ZERO) + (s + s) * sum;
    if x > T::from_f64(THRESHOLD) { x } else { soft }
}

/// Its derivative.
#[inline(always)]
fn slope<T: Number>(x: T) -> T {
    let s = x.sigmoid();
    if x > T::from_f64(THRESHOLD) { T::ONE } else { s }
}

on_best_tier!(
    /// `y = softplus(gain z + shift) weight`.
    pub(super) fn activate<T: Number>(y: &mut [T], z: &[T], gain: T, shift: T, weight: &[T]) = activate_body
);

#[inline(always)]
fn activate_body<T: Number>(y: &mut [T], z: &[T], gain: T, shift: T, weight: &[T]) {
    for ((y, z), weight) in y.iter_mut().zip(z).zip(weight) {
        *y = softplus(*z * gain + shift) * *weight;
    }
}

on_best_tier!(
    /// The gradient before the softplus, `g weight softplus'(gain z + shift)`, and its sums alone and times `z - mean`.
    pub(super) fn activate_back<T: Number>(d: &mut [T], g: &[T], z: &[T], gain: T, shift: T, weight: &[T], mean: T) -> [f64; 2] = activate_back_body
);

#[inline(always)]
fn activate_back_body<T: Number>(d: &mut [T], g: &[T], z: &[T], gain: T, shift: T, weight: &[T], mean: T) -> [f64; 2] {
    for (((d, g), z), weight) in d.iter_mut().zip(g).zip(z).zip(weight) {
        *d = *g * slope(*z * gain + shift) * *weight;
    }
    let mut sums = [[T::ZERO; LANES]; 2];
    let ((d, d_rest), (z, z_rest)) = (d.as_chunks::<LANES>(), z.as_chunks::<LANES>());
    for (d, z) in d.iter().zip(z) {
        for i in 0..LANES {
            sums[0][i] += d[i];
            sums[1][i] += d[i] * (z[i] - mean);
        }
    }
    for (i, (d, z)) in d_rest.iter().zip(z_rest).enumerate() {
        sums[0][i] += *d;
        sums[1][i] += *d * (*z - mean);
    }
    sums.map(total)
}

on_best_tier!(
    /// Through the normalisation, in place: `d = (a d + b + c z) weight`, and the sum of it.
    pub(super) fn normalise_back<T: Number>(d: &mut [T], z: &[T], factors: [T; 3], weight: &[T]) -> f64 = normalise_back_body
);

#[inline(always)]
fn normalise_back_body<T: Number>(d: &mut [T], z: &[T], [a, b, c]: [T; 3], weight: &[T]) -> f64 {
    for ((d, z), weight) in d.iter_mut().zip(z).zip(weight) {
        *d = (a * *d + b + c * *z) * *weight;
    }
    sum(d)
}

on_best_tier!(
    /// `sum of z weight` after `z = z weight` in place.
    pub(super) fn mask<T: Number>(z: &mut [T], weight: &[T]) -> f64 = mask_body
);

#[inline(always)]
fn mask_body<T: Number>(z: &mut [T], weight: &[T]) -> f64 {
    for (z, weight) in z.iter_mut().zip(weight) {
        *z = *z * *weight;
    }
    sum(z)
}

on_best_tier!(
    /// `sum of (z - mean)^2 weight`.
    pub(super) fn squares<T: Number>(z: &[T], mean: T, weight: &[T]) -> f64 = squares_body
);

#[inline(always)]
fn squares_body<T: Number>(z: &[T], mean: T, weight: &[T]) -> f64 {
    let mut sums = [T::ZERO; LANES];
    let ((z, z_rest), (w, w_rest)) = (z.as_chunks::<LANES>(), weight.as_chunks::<LANES>());
    for (z, w) in z.iter().zip(w) {
        for i in 0..LANES {
            sums[i] += (z[i] - mean) * (z[i] - mean) * w[i];
        }
    }
    for (i, (z, w)) in z_rest.iter().zip(w_rest).enumerate() {
        sums[i] += (*z - mean) * (*z - mean) * *w;
    }
    total(sums)
}

on_best_tier!(
    /// The sum of all.
    pub(super) fn sum_of<T: Number>(x: &[T]) -> f64 = sum
);

/// Partial sums at a time, so that the compiler can use vectors.
const LANES: usize = 16;

#[inline(always)]
fn sum<T: Number>(x: &[T]) -> f64 {
    let mut sums = [T::ZERO; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for x in chunks {
        for i in 0..LANES {
            sums[i] += x[i];
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += *x;
    }
    total(sums)
}

#[inline(always)]
fn total<T: Number>(sums: [T; LANES]) -> f64 {
    sums.iter().fold(0.0, |sum, x| sum + x.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softplus_and_its_slope_are_exact() {
        for i in -3000..=3000 {
            let x = f64::from(i) * 0.01;
            let want = if x > THRESHOLD { x } else { x.max(0.0) + f64::ln_1p(f64::exp(-x.abs())) };
            assert!((softplus(x) / want - 1.0).abs() < 4e-15, "{x}: {} instead of {want}", softplus(x));
            let single = f64::from(softplus(x as f32));
            let exact = f64::from(x as f32);
            let want = if exact > THRESHOLD { exact } else { exact.max(0.0) + f64::ln_1p(f64::exp(-exact.abs())) };
            assert!((single / want - 1.0).abs() < 6e-7, "{x}: {single} instead of {want}");
            let step = 1e-5;
            let numeric = (softplus(x + step) - softplus(x - step)) / (2.0 * step);
            assert!((slope(x) - numeric).abs() < 1e-8 || (x - THRESHOLD).abs() < 0.01, "{x}");
        }
    }

    #[test]
    fn sums_take_every_number() {
        for n in [0, 1, 15, 16, 17, 50] {
            let x: Vec<f64> = (0..n).map(|i| f64::from(i) - 3.0).collect();
            let ones = vec![1.0; x.len()];
            assert_eq!(sum_of(&x), x.iter().sum::<f64>());
            assert_eq!(squares(&x, 2.0, &ones), x.iter().map(|x| (x - 2.0).powi(2)).sum::<f64>());
            let mut masked = x.clone();
            assert_eq!(mask(&mut masked, &vec![0.5; x.len()]), x.iter().map(|x| x * 0.5).sum::<f64>());
        }
    }
}
