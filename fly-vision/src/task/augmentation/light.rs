//! Changes of luminance.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Contrast and brightness: `contrast (x - 1/2) + 1/2 + contrast brightness`, not below 0.
pub fn contrast_brightness(x: &mut [f32], contrast: f32, brightness: f32) {
    for x in x {
        *x = (contrast * (*x - 0.5) + 0.5 + contrast * brightness).max(0.0);
    }
}

/// `x^gamma`.
pub fn gamma_correction(x: &mut [f32], gamma: f32) {
    for x in x {
        *x = x.powf(gamma);
    }
}

/// Adds normal noise of this standard deviation, pixel by pixel; the result is not below 0.
pub fn pixel_noise(x: &mut [f32], deviation: f32, random: &mut ChaCha8Rng) {
    for x in x {
        let noise: f32 = StandardNormal.sample(random);
        *x = (*x + deviation * noise).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn by_hand() {
        let mut x = [0.0, 0.5, 1.0];
        contrast_brightness(&mut x, 2.0, 0.25);
        assert_eq!(x, [0.0, 1.0, 2.0]);
        gamma_correction(&mut x, 2.0);
        assert_eq!(x, [0.0, 1.0, 4.0]);
        let mut many = vec![10.0; 20_000];
        pixel_noise(&mut many, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
        let mean = many.iter().sum::<f32>() / 2e4;
        let variance = many.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 2e4;
        assert!((mean - 10.0).abs() < 0.02 && (variance.sqrt() - 0.5).abs() < 0.01);
    }
}
