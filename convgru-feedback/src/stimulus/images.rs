//! Grey images with labels, as MNIST and Fashion-MNIST have them.

use crate::Error;
use connectome_io::Array;
use connectome_io::format::idx;
use std::path::Path;
use tch::Tensor;

/// Images of one size, one byte per pixel, and the class of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    height: usize,
    width: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

/// Part of a data set in IDX files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`.
    Train,
    /// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`.
    Test,
}

/// Mean and standard deviation of pixels from 0 to 1, over the training images of a set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub std: f64,
}

impl Normalisation {
    /// Of the 60,000 training images of MNIST.
    pub const MNIST: Self = Self { mean: 0.1307, std: 0.3081 };

    /// `(x - mean) / std`.
    ///
    /// # Errors
    /// [`Error::Option`] for a standard deviation that is not above 0, [`Error::Torch`].
    pub fn apply(&self, x: &Tensor) -> Result<Tensor, Error> {
        if !(self.std > 0.0 && self.std.is_finite() && self.mean.is_finite()) {
            let what =
                format!("mean {} and standard deviation {}; both finite, the latter above 0", self.mean, self.std);
            return Err(Error::Option { option: "normalisation", what });
        }
        Ok(x.f_sub_scalar(self.mean)?.f_divide_scalar(self.std)?)
    }
}

impl Images {
    /// Takes pixels `[n, height, width]`, last index fastest, and labels `[n]`.
    ///
    /// # Errors
    /// [`Error::Data`] if the lengths disagree or images have no pixels.
    pub fn new(height: usize, width: usize, pixels: Vec<u8>, labels: Vec<u8>) -> Result<Self, Error> {
        let want = height.checked_mul(width).and_then(|n| n.checked_mul(labels.len()));
        if height == 0 || width == 0 || want != Some(pixels.len()) {
            let problem = format!("{} pixels are not {} images of {height} x {width}", pixels.len(), labels.len());
            return Err(Error::Data { what: "images".to_owned(), problem });
        }
        Ok(Self { height, width, pixels, labels })
    }

    /// Reads a file of images and a file of labels, plain or gzipped.
    ///
    /// # Errors
    /// [`Error::File`] for files that are missing or damaged, [`Error::Data`] for files that hold something else or do not belong together.
    pub fn read(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self, Error> {
        let refuse = |path: &Path, array: &Array, want: &str| {
            let problem = format!("holds {:?} of {:?}, not {want} of bytes", array.shape(), array.dtype());
            Err(Error::Data { what: path.display().to_string(), problem })
        };
        let (images, labels) = (images.as_ref(), labels.as_ref());
        let (pixels, classes) = (idx::read(images)?, idx::read(labels)?);
        let (&[n, height, width], Some(bytes)) = (pixels.shape(), pixels.as_slice::<u8>()) else {
            return refuse(images, &pixels, "images [n, height, width]");
        };
        match (classes.shape(), classes.as_slice::<u8>()) {
            (&[count], Some(list)) if count == n => Self::new(height, width, bytes.to_vec(), list.to_vec()),
            _ => refuse(labels, &classes, &format!("labels [{n}], one for each image,")),
        }
    }

    /// Reads a part of MNIST, Fashion-MNIST or another set that uses their names, from a folder; files may be gzipped (`.gz`).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_part(folder: impl AsRef<Path>, part: Part) -> Result<Self, Error> {
        let name = match part {
            Part::Train => "train",
            Part::Test => "t10k",
        };
        let path = |what: &str| {
            let zipped = folder.as_ref().join(format!("{name}-{what}-ubyte.gz"));
            if zipped.exists() { zipped } else { zipped.with_extension("") }
        };
        Self::read(path("images-idx3"), path("labels-idx1"))
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height and width in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Class of each image, `[n]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Pixels of an image, `[height, width]`, 0 to 255.
    ///
    /// # Panics
    /// If there are not so many images.
    pub fn image(&self, index: usize) -> &[u8] {
        assert!(index < self.len(), "image {index} of {}", self.len());
        let n = self.height * self.width;
        &self.pixels[index * n..(index + 1) * n]
    }

    /// Brightness of the pixels of an image, `[height, width]`, 0 to 1.
    ///
    /// # Panics
    /// As [`image`](Self::image).
    pub fn brightness(&self, index: usize) -> Vec<f32> {
        self.image(index).iter().map(|&p| f32::from(p) / 255.0).collect()
    }

    /// The images of these numbers, in this order.
    ///
    /// # Panics
    /// As [`image`](Self::image).
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        let pixels = indices.iter().flat_map(|&i| self.image(i)).copied().collect();
        Self { pixels, labels: indices.iter().map(|&i| self.labels[i]).collect(), ..*self }
    }

    /// All images, `[n, 1, height, width]` of f32, 0 to 1.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn to_tensor(&self) -> Result<Tensor, Error> {
        let brightness: Vec<f32> = self.pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
        Ok(Tensor::f_from_slice(&brightness)?.f_view([self.len() as i64, 1, self.height as i64, self.width as i64])?)
    }

    /// All labels, `[n]` of i64.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn label_tensor(&self) -> Result<Tensor, Error> {
        label_tensor(&self.labels)
    }
}

/// Labels as `[n]` of i64.
pub(super) fn label_tensor(labels: &[u8]) -> Result<Tensor, Error> {
    Ok(Tensor::f_from_slice(&labels.iter().map(|&l| i64::from(l)).collect::<Vec<_>>())?)
}
