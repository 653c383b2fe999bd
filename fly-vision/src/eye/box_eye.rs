//! An eye of square receptors.

use connectome_graph::hex::{Extent, Lattice};
use rayon::prelude::*;

use super::frame_size::{FrameSize, MAX_PIXELS};
use super::median::lower_median;
use super::resize::resize;
use crate::{Error, Movie};

/// What becomes of the pixels of a receptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pooling {
    /// Their mean: luminance. The default.
    #[default]
    Mean,
    /// Their sum: what the optic flow of a column is made of in the reference.
    Sum,
    /// The smaller of the two middle values: depth.
    Median,
}

/// Hexagonal columns that each see a square of pixels.
///
/// Column `(u, v)` looks at pixel `(k (u + v/2), k v)`, `(y, x)` from the middle of the frame, truncated toward zero; its square of
/// `k x k` pixels touches those of its neighbours, so that nearly every pixel counts once. What a square lacks beyond the frame
/// is black ([`Pooling::Mean`], [`Pooling::Sum`]) or mirrored ([`Pooling::Median`]).
///
/// ```
/// use connectome_graph::hex::Extent;
/// use fly_vision::eye::{BoxEye, FrameSize, Pooling};
///
/// let eye = BoxEye::new(Extent(15), 13)?;
/// assert_eq!(eye.min_frame_size(), FrameSize::new(391, 391));
/// let image = vec![0.5; 391 * 391];
/// let movie = eye.see(&image, eye.min_frame_size(), Pooling::Mean)?;
/// assert_eq!((movie.frames(), movie.columns(), movie.frame(0)[360]), (1, 721, 0.5));
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxEye {
    lattice: Lattice,
    kernel: usize,
    centers: Vec<[i32; 2]>,
    min_frame_size: FrameSize,
}

impl BoxEye {
    /// An eye of an extent (15 in flyvis) whose receptors are squares of `kernel` pixels a side (13).
    ///
    /// # Errors
    /// [`Error::Setting`] for squares without pixels, or so large that they or frames that hold all centres have more than 2^26 pixels;
    /// [`Error::Graph`] for too large an extent.
    pub fn new(extent: Extent, kernel: usize) -> Result<Self, Error> {
        let lattice = Lattice::new(extent)?;
        // a frame from the first to the last centre is no larger
        let side = (2 * extent.0 as usize + 1).saturating_mul(kernel);
        if kernel == 0 || side.saturating_mul(side) > MAX_PIXELS {
            let largest = MAX_PIXELS.isqrt() / (2 * extent.0 as usize + 1);
            return Err(Error::setting(
                "kernel of a box eye",
                format!("{kernel} pixels at extent {}; 13 is usual, 1 the least, {largest} the most", extent.0),
            ));
        }
        let k = kernel as f64;
        let center = |c: connectome_graph::hex::Axial| {
            let (u, v) = (f64::from(c.u), f64::from(c.v));
            [(k * (u + v / 2.0)) as i32, (k * v) as i32]
        };
        let centers: Vec<[i32; 2]> = lattice.columns().map(center).collect();
        let side = |axis: usize| {
            let (low, high) = centers.iter().fold((0, 0), |(l, h), c| (c[axis].min(l), c[axis].max(h)));
            (high - low + 1) as usize
        };
        let min_frame_size = FrameSize::new(side(0), side(1));
        Ok(Self { lattice, kernel, centers, min_frame_size })
    }

    /// The columns.
    pub fn lattice(&self) -> Lattice {
        self.lattice
    }

    /// Side of a receptor in pixels.
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// Centres of the receptors, `[y, x]` in pixels from the middle of the frame, `[columns]`.
    pub fn centers(&self) -> &[[i32; 2]] {
        &self.centers
    }

    /// The smallest frames that hold all centres; smaller ones are enlarged to this size, see [`BoxEye::see`].
    pub fn min_frame_size(&self) -> FrameSize {
        self.min_frame_size
    }

    /// What the columns see of frames `[frames, height, width]`.
    ///
    /// Frames that are lower or narrower than [`BoxEye::min_frame_size`] are first resized to exactly that size, see [`resize`].
    ///
    /// # Errors
    /// [`Error::Shape`] if `frames` are not whole frames of this size; [`Error::Setting`] for medians of receptors so large that
    /// frames cannot be mirrored.
    pub fn see(&self, frames: &[f32], size: FrameSize, pooling: Pooling) -> Result<Movie, Error> {
        size.frames_in(frames.len())?;
        self.check(size, pooling)?;
        let (n, pixels) = (self.lattice.len(), size.pixels());
        let mut seen = vec![0.0; frames.len() / pixels * n];
        seen.par_chunks_exact_mut(n).zip(frames.par_chunks_exact(pixels)).try_for_each(|(out, frame)| {
            self.with_fitting(frame, size, |frame, size| self.see_frame(frame, size, pooling, out))
        })?;
        Movie::new(n, seen)
    }

    /// Frames `[frames, height, width]` in which each pixel has become what a receptor there would see, and their size: that of
    /// `frames`, or [`BoxEye::min_frame_size`] for smaller ones.
    ///
    /// # Errors
    /// As [`BoxEye::see`].
    pub fn filter(&self, frames: &[f32], size: FrameSize, pooling: Pooling) -> Result<(Vec<f32>, FrameSize), Error> {
        let n = size.frames_in(frames.len())?;
        self.check(size, pooling)?;
        let fitting = self.fitting(size);
        let mut filtered = vec![0.0; n * fitting.pixels()];
        filtered.par_chunks_exact_mut(fitting.pixels()).zip(frames.par_chunks_exact(size.pixels())).try_for_each(
            |(out, frame)| {
                self.with_fitting(frame, size, |frame, size| match pooling {
                    Pooling::Mean => self.box_sums(frame, size, (self.kernel * self.kernel) as f64, out),
                    Pooling::Sum => self.box_sums(frame, size, 1.0, out),
                    Pooling::Median => {
                        let mut window = Vec::new();
                        for (i, pixel) in out.iter_mut().enumerate() {
                            *pixel = self.median(frame, size, i / size.width, i % size.width, &mut window);
                        }
                    }
                })
            },
        )?;
        Ok((filtered, fitting))
    }

    /// The pixels at the centres of the receptors, nothing pooled, of frames `[frames, height, width]`, resized as in [`BoxEye::see`].
    ///
    /// # Errors
    /// [`Error::Shape`] if `frames` are not whole frames of this size.
    pub fn sample(&self, frames: &[f32], size: FrameSize) -> Result<Movie, Error> {
        let n = size.frames_in(frames.len())?;
        let mut seen = Vec::with_capacity(n * self.lattice.len());
        for frame in frames.chunks_exact(size.pixels()) {
            self.with_fitting(frame, size, |frame, size| {
                seen.extend(self.places(size).map(|(y, x)| frame[y * size.width + x]));
            })?;
        }
        Movie::new(self.lattice.len(), seen)
    }

    /// Size of the frames that receptors look at.
    fn fitting(&self, size: FrameSize) -> FrameSize {
        if size.is_below(self.min_frame_size) { self.min_frame_size } else { size }
    }

    fn with_fitting<T>(
        &self,
        frame: &[f32],
        size: FrameSize,
        look: impl FnOnce(&[f32], FrameSize) -> T,
    ) -> Result<T, Error> {
        let fitting = self.fitting(size);
        if fitting == size { Ok(look(frame, size)) } else { Ok(look(&resize(frame, size, fitting)?, fitting)) }
    }

    fn check(&self, size: FrameSize, pooling: Pooling) -> Result<(), Error> {
        let size = self.fitting(size);
        let reach = self.kernel / 2;
        if pooling == Pooling::Median && reach >= size.height.min(size.width) {
            return Err(Error::setting(
                "pooling",
                format!("frames of {size} pixels cannot be mirrored by {reach} for medians of {0} x {0}", self.kernel),
            ));
        }
        Ok(())
    }

    /// Pixels at the centres of receptors, `(y, x)`.
    fn places(&self, size: FrameSize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (y0, x0) = ((size.height / 2) as i32, (size.width / 2) as i32);
        // the smallest frame has its middle where the lattice has it
        self.centers.iter().map(move |c| ((c[0] + y0) as usize, (c[1] + x0) as usize))
    }

    fn see_frame(&self, frame: &[f32], size: FrameSize, pooling: Pooling, out: &mut [f32]) {
        let mut window = vec![0.0; self.kernel];
        let area = (self.kernel * self.kernel) as f32;
        for (out, (y, x)) in out.iter_mut().zip(self.places(size)) {
            *out = match pooling {
                Pooling::Mean => self.sum(frame, size, y, x, &mut window) / area,
                Pooling::Sum => self.sum(frame, size, y, x, &mut window),
                Pooling::Median => self.median(frame, size, y, x, &mut window),
            };
        }
    }

    /// Sum of the square around a pixel: column by column, then over the `kernel` columns.
    fn sum(&self, frame: &[f32], size: FrameSize, y: usize, x: usize, columns: &mut [f32]) -> f32 {
        let before = self.kernel / 2;
        let after = self.kernel - before;
        let (left, right) = (x.saturating_sub(before), (x + after).min(size.width));
        let (top, bottom) = (y.saturating_sub(before), (y + after).min(size.height));
        let columns = &mut columns[..right - left];
        columns.fill(0.0);
        for row in frame[top * size.width..bottom * size.width].chunks_exact(size.width) {
            for (sum, pixel) in columns.iter_mut().zip(&row[left..right]) {
                *sum += pixel;
            }
        }
        columns.iter().map(|&sum| f64::from(sum)).sum::<f64>() as f32
    }

    /// Sums of the squares around all pixels, divided by a number: running sums down the columns, then along the rows.
    fn box_sums(&self, frame: &[f32], size: FrameSize, divisor: f64, out: &mut [f32]) {
        let before = self.kernel / 2;
        let after = self.kernel - before;
        let mut columns = vec![0.0f64; size.width];
        let row = |y: usize| &frame[y * size.width..][..size.width];
        for y in 0..(after - 1).min(size.height) {
            for (sum, &pixel) in columns.iter_mut().zip(row(y)) {
                *sum += f64::from(pixel);
            }
        }
        for (y, out) in out.chunks_exact_mut(size.width).enumerate() {
            if y + after <= size.height {
                for (sum, &pixel) in columns.iter_mut().zip(row(y + after - 1)) {
                    *sum += f64::from(pixel);
                }
            }
            if y > before {
                for (sum, &pixel) in columns.iter_mut().zip(row(y - before - 1)) {
                    *sum -= f64::from(pixel);
                }
            }
            let mut sum: f64 = columns[..(after - 1).min(size.width)].iter().sum();
            for (x, out) in out.iter_mut().enumerate() {
                if x + after <= size.width {
                    sum += columns[x + after - 1];
                }
                if x > before {
                    sum -= columns[x - before - 1];
                }
                *out = (sum / divisor) as f32;
            }
        }
    }

    /// Median of the square around a pixel, mirrored beyond the frame without repeating its border.
    fn median(&self, frame: &[f32], size: FrameSize, y: usize, x: usize, window: &mut Vec<f32>) -> f32 {
        let before = (self.kernel - 1) / 2;
        let mirrored = |at: usize, i: usize, n: usize| {
            let place = (at + i).abs_diff(before);
            if place < n { place } else { 2 * (n - 1) - place }
        };
        window.clear();
        for i in 0..self.kernel {
            let row = &frame[mirrored(y, i, size.height) * size.width..][..size.width];
            window.extend((0..self.kernel).map(|j| row[mirrored(x, j, size.width)]));
        }
        lower_median(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: FrameSize) -> Vec<f32> {
        (0..size.pixels()).map(|i| (i * 7919 % 256) as f32 / 255.0).collect()
    }

    /// Running sums and single squares agree, for odd and even squares, also where squares are larger than frames.
    #[test]
    fn sampling_and_filtering_agree() {
        for (extent, kernel) in [(3, 5), (2, 4), (0, 7), (1, 1), (1, 9)] {
            let eye = BoxEye::new(Extent(extent), kernel).unwrap();
            let least = eye.min_frame_size();
            let size = FrameSize::new(least.height + 3, least.width + 6);
            let frames = image(FrameSize::new(2 * size.height, size.width));
            for pooling in [Pooling::Mean, Pooling::Sum, Pooling::Median] {
                let seen = eye.see(&frames, size, pooling).unwrap();
                let (filtered, same) = eye.filter(&frames, size, pooling).unwrap();
                assert_eq!(same, size);
                let sampled = eye.sample(&filtered, size).unwrap();
                for (a, b) in seen.luminance().iter().zip(sampled.luminance()) {
                    assert!((a - b).abs() <= 2e-6 * b.abs(), "{extent} {kernel} {pooling:?}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn small_frames_are_enlarged() {
        let eye = BoxEye::new(Extent(2), 7).unwrap();
        let size = FrameSize::new(20, 60);
        let frame = image(size);
        let enlarged = resize(&frame, size, eye.min_frame_size()).unwrap();
        let direct = eye.see(&enlarged, eye.min_frame_size(), Pooling::Mean).unwrap();
        assert_eq!(eye.see(&frame, size, Pooling::Mean).unwrap(), direct);
    }

    #[test]
    fn settings_are_checked() {
        assert!(BoxEye::new(Extent(2), 0).is_err());
        assert!(BoxEye::new(Extent(30_000), 30_000).is_err());
        // a frame for all columns would be larger than memory, and is not made
        assert!(BoxEye::new(Extent(15), 30_000).unwrap_err().to_string().contains("264 the most"));
        assert!(BoxEye::new(Extent(15), 264).is_ok());
        let eye = BoxEye::new(Extent(0), 9).unwrap();
        assert!(eye.see(&[1.0], FrameSize::new(1, 1), Pooling::Median).is_err());
        assert!(eye.see(&[1.0; 5], FrameSize::new(2, 2), Pooling::Mean).is_err());
        assert_eq!(eye.see(&[1.0], FrameSize::new(1, 1), Pooling::Sum).unwrap().luminance(), [1.0]);
    }
}
