//! The data sets in `examples/data`, and the fly's eye.

use crate::Error;
use connectome_io::{Connectome, format::idx, read};
use std::path::PathBuf;

/// Path of a file in `examples/data`.
pub fn path(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data")).join(file)
}

/// Cell types of the fly's visual system and how they connect on the hexagonal lattice of the eye.
///
/// # Errors
/// None: the connectome is part of `fly-vision`.
pub fn fly() -> Result<Connectome, Error> {
    Ok(fly_vision::connectome()?)
}

/// Chemical synapses of *C. elegans*: 302 neurons.
///
/// # Errors
/// If a file is missing or damaged.
pub fn worm() -> Result<Connectome, Error> {
    Ok(read(path("celegans/chemical.csv"))?)
}

/// Handwritten digits of 28 x 28 pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Digits {
    /// Brightness from 0 to 1, `[images, 784]`, each image row by row from the top.
    pub pixels: Vec<f32>,
    /// What each is, `[images]`.
    pub labels: Vec<u8>,
}

impl Digits {
    /// Pixels of one side.
    pub const SIDE: usize = 28;
    /// Pixels of an image.
    pub const PIXELS: usize = Self::SIDE * Self::SIDE;
    /// Mean brightness of the training images of MNIST.
    pub const MEAN: f32 = 0.1307;
    /// Standard deviation of their brightness.
    pub const STD: f32 = 0.3081;

    /// The first `n` test images of MNIST, or all if there are fewer.
    ///
    /// # Errors
    /// If a file is missing or damaged, or holds something else.
    pub fn first(n: usize) -> Result<Self, Error> {
        let images = idx::read(path("mnist/t10k-images-idx3-ubyte.gz"))?;
        let labels = idx::read(path("mnist/t10k-labels-idx1-ubyte.gz"))?;
        let (Some(pixels), Some(labels), [count, Self::SIDE, Self::SIDE]) =
            (images.as_slice::<u8>(), labels.as_slice::<u8>(), images.shape())
        else {
            return Err(format!(
                "the images in {} are {:?} of {:?}, not [n, 28, 28] of bytes; restore the file",
                path("mnist").display(),
                images.shape(),
                images.dtype()
            )
            .into());
        };
        let n = n.min(*count).min(labels.len());
        Ok(Self {
            pixels: pixels[..n * Self::PIXELS].iter().map(|&p| f32::from(p) / 255.0).collect(),
            labels: labels[..n].to_vec(),
        })
    }

    /// The pixels of one image, `[784]`.
    pub fn image(&self, index: usize) -> &[f32] {
        &self.pixels[index * Self::PIXELS..(index + 1) * Self::PIXELS]
    }

    /// All pixels with mean 0 and standard deviation 1 over MNIST.
    pub fn normalised(&self) -> Vec<f32> {
        self.pixels.iter().map(|p| (p - Self::MEAN) / Self::STD).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first test digits of MNIST are known by heart.
    #[test]
    fn digits_are_those_of_mnist() {
        let digits = Digits::first(8).expect("data beside the examples");
        assert_eq!(digits.labels, [7, 2, 1, 0, 4, 1, 4, 9]);
        assert_eq!(digits.pixels.len(), 8 * 784);
        assert!(digits.pixels.iter().all(|p| (0.0..=1.0).contains(p)));
        let all = Digits::first(usize::MAX).expect("data beside the examples");
        assert_eq!(all.labels.len(), 10_000);
        let normal = all.normalised();
        let mean = normal.iter().map(|&p| f64::from(p)).sum::<f64>() / normal.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
    }
}
