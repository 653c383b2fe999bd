//! Patterns that repeat in both directions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::Error;
use crate::eye::FrameSize;

/// Largest side of a texture.
const MAX_SIDE: usize = 1 << 13;

/// Settings of textures of noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseSettings {
    /// Texels per side, a power of two from 8 to 4096. Default 256.
    pub side: usize,
    /// Power falls with frequency `f` as `1/f^alpha`, of -8 to 8. Default 2, as in natural images (Field, *J. Opt. Soc. Am. A* 4, 2379 (1987)).
    pub alpha: f64,
    /// Mean luminance. Default 0.5.
    pub mean: f64,
    /// Standard deviation of luminance before it is clipped to 0..1. Default 0.25.
    pub contrast: f64,
}

impl Default for NoiseSettings {
    fn default() -> Self {
        Self { side: 256, alpha: 2.0, mean: 0.5, contrast: 0.25 }
    }
}

/// Luminance on a grid that repeats without end, linearly interpolated between its texels.
#[derive(Debug, Clone, PartialEq)]
pub struct Texture {
    height: usize,
    width: usize,
    /// `[height + 1, width + 1]`: the first row and column stand again at the end.
    texels: Vec<f32>,
}

impl Texture {
    /// Noise with a power spectrum like that of natural images: random grids of every octave, smoothly interpolated, whose sizes
    /// follow the power law.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense.
    pub fn noise(seed: u64, settings: NoiseSettings) -> Result<Self, Error> {
        let NoiseSettings { side, alpha, mean, contrast } = settings;
        if !side.is_power_of_two() || !(8..=4096).contains(&side) {
            return Err(Error::setting("side of a texture", format!("{side} texels; a power of two from 8 to 4096")));
        }
        // beyond that octaves differ by more than numbers can
        if !(-8.0..=8.0).contains(&alpha) {
            return Err(Error::setting("alpha of a texture", format!("{alpha}, of -8 to 8")));
        }
        if !(0.0..=1.0).contains(&mean) || !(0.0..=1.0).contains(&contrast) {
            return Err(Error::setting("noise", format!("mean {mean}, contrast {contrast}; of 0 to 1")));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut sum = vec![0.0f64; side * side];
        let mut grid_side = 2;
        while grid_side <= side {
            let grid: Vec<f64> = (0..grid_side * grid_side).map(|_| StandardNormal.sample(&mut rng)).collect();
            // an octave around f has the power of an area f^2 of the spectrum
            let size = (grid_side as f64).powf(1.0 - alpha / 2.0);
            add_octave(&mut sum, side, &grid, grid_side, size);
            grid_side *= 2;
        }
        let n = sum.len() as f64;
        let average = sum.iter().sum::<f64>() / n;
        let deviation = (sum.iter().map(|x| (x - average).powi(2)).sum::<f64>() / n).sqrt();
        let luminance = |x: &f64| (mean + contrast * (x - average) / deviation).clamp(0.0, 1.0) as f32;
        Ok(Self::periodic(side, side, &sum.iter().map(luminance).collect::<Vec<f32>>()))
    }

    /// A photograph `[height, width]`, luminance 0 to 1, mirrored at its borders so that it repeats without seams.
    ///
    /// # Errors
    /// [`Error::Shape`] if the luminance is not one frame of this size; [`Error::Setting`] for sides beyond 4096 pixels or
    /// luminance outside.
    pub fn photograph(luminance: &[f32], size: FrameSize) -> Result<Self, Error> {
        if size.frames_in(luminance.len())? != 1 || 2 * size.height.max(size.width) > MAX_SIDE {
            return Err(Error::shape(
                "a photograph",
                format!("{} pixels", luminance.len()),
                format!("one frame of {size}, of at most 4096 x 4096"),
            ));
        }
        if let Some(value) = luminance.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(Error::setting("photograph", format!("luminance {value}, of 0 to 1")));
        }
        let mirrored = |i: usize, n: usize| if i < n { i } else { 2 * n - 1 - i };
        let (height, width) = (2 * size.height, 2 * size.width);
        let pixel =
            |i: usize| luminance[mirrored(i / width, size.height) * size.width + mirrored(i % width, size.width)];
        Ok(Self::periodic(height, width, &(0..height * width).map(pixel).collect::<Vec<f32>>()))
    }

    fn periodic(height: usize, width: usize, tile: &[f32]) -> Self {
        let mut texels = Vec::with_capacity((height + 1) * (width + 1));
        for y in 0..=height {
            let row = &tile[y % height * width..][..width];
            texels.extend_from_slice(row);
            texels.push(row[0]);
        }
        Self { height, width, texels }
    }

    /// All texels, for hashing.
    pub(super) fn texels(&self) -> &[f32] {
        &self.texels
    }

    /// Luminance at a point, in texels.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (width, height) = (self.width as f32, self.height as f32);
        let x = x - (x / width).floor() * width;
        let y = y - (y / height).floor() * height;
        // rounding may end on the period itself
        let (left, top) = ((x as usize).min(self.width - 1), (y as usize).min(self.height - 1));
        let (dx, dy) = (x - left as f32, y - top as f32);
        let at = top * (self.width + 1) + left;
        let (upper, lower) = (&self.texels[at..at + 2], &self.texels[at + self.width + 1..at + self.width + 3]);
        let above = upper[0] + (upper[1] - upper[0]) * dx;
        let below = lower[0] + (lower[1] - lower[0]) * dx;
        above + (below - above) * dy
    }
}

/// Adds a periodic random grid, smoothly interpolated, times a size.
fn add_octave(sum: &mut [f64], side: usize, grid: &[f64], grid_side: usize, size: f64) {
    let ratio = side / grid_side;
    let smooth = |i: usize| {
        let t = (i % ratio) as f64 / ratio as f64;
        t * t * (3.0 - 2.0 * t)
    };
    for (y, row) in sum.chunks_exact_mut(side).enumerate() {
        let (top, bottom) = (y / ratio, (y / ratio + 1) % grid_side);
        let (upper, lower) = (&grid[top * grid_side..][..grid_side], &grid[bottom * grid_side..][..grid_side]);
        let v = smooth(y);
        for (x, value) in row.iter_mut().enumerate() {
            let (left, right) = (x / ratio, (x / ratio + 1) % grid_side);
            let u = smooth(x);
            let above = upper[left] + (upper[right] - upper[left]) * u;
            let below = lower[left] + (lower[right] - lower[left]) * u;
            *value += size * (above + (below - above) * v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textures_repeat() {
        let noise = Texture::noise(5, NoiseSettings { side: 64, ..NoiseSettings::default() }).unwrap();
        assert_eq!(noise, Texture::noise(5, NoiseSettings { side: 64, ..NoiseSettings::default() }).unwrap());
        for (x, y) in [(0.25, 3.5), (63.75, 63.5), (17.0, 0.0)] {
            assert_eq!(noise.at(x, y), noise.at(x + 64.0, y - 128.0));
        }
        let mean = noise.texels.iter().sum::<f32>() / noise.texels.len() as f32;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
        let photograph = Texture::photograph(&[0.0, 0.5, 1.0, 0.25], FrameSize::new(2, 2)).unwrap();
        assert_eq!([photograph.at(0.0, 1.0), photograph.at(2.0, 1.0), photograph.at(3.0, 2.0)], [1.0, 0.25, 1.0]);
        assert!(Texture::photograph(&[2.0], FrameSize::new(1, 1)).is_err());
        assert!(Texture::noise(5, NoiseSettings { side: 100, ..NoiseSettings::default() }).is_err());
        for alpha in [-8.0, 8.0] {
            let texture = Texture::noise(5, NoiseSettings { alpha, side: 4096, ..NoiseSettings::default() }).unwrap();
            assert!(texture.texels().iter().all(|x| (0.0..=1.0).contains(x)), "{alpha}");
        }
        for alpha in [-1e3, 1e3, f64::NAN] {
            assert!(Texture::noise(5, NoiseSettings { alpha, ..NoiseSettings::default() }).is_err());
        }
    }
}
