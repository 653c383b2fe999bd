//! Images of another size.

use super::frame_size::{FrameSize, MAX_PIXELS};
use crate::Error;

/// One output pixel along an axis: where its input pixels start, and their weights.
struct Taps {
    start: usize,
    weights: Vec<f32>,
}

/// Resizes frames `[frames, height, width]` bilinearly; where they shrink, every input pixel counts (antialiasing).
///
/// Pixels are areas: their corners, not their centres, are aligned. The arithmetic is that of libtorch's
/// `upsample_bilinear2d_aa` without `align_corners`: a triangle filter, along rows, then along columns, in single precision.
///
/// # Errors
/// [`Error::Shape`] if `frames` are not whole frames of size `from`; [`Error::Setting`] if `to` has no pixel or more than 2^26.
pub fn resize(frames: &[f32], from: FrameSize, to: FrameSize) -> Result<Vec<f32>, Error> {
    let n = from.frames_in(frames.len())?;
    if !(1..=MAX_PIXELS).contains(&to.height.saturating_mul(to.width)) {
        return Err(Error::setting("resize", format!("a frame of {to} pixels; at least 1, at most {MAX_PIXELS}")));
    }
    let (across, down) = (taps(from.width, to.width), taps(from.height, to.height));
    let mut resized = Vec::with_capacity(n * to.pixels());
    let mut narrow = vec![0.0; from.height * to.width];
    for frame in frames.chunks_exact(from.pixels()) {
        for (row, out) in frame.chunks_exact(from.width).zip(narrow.chunks_exact_mut(to.width)) {
            for (pixel, tap) in out.iter_mut().zip(&across) {
                *pixel = tap.weights.iter().zip(&row[tap.start..]).map(|(w, x)| w * x).sum();
            }
        }
        for tap in &down {
            let at = resized.len();
            resized.resize(at + to.width, 0.0);
            for (weight, row) in tap.weights.iter().zip(narrow[tap.start * to.width..].chunks_exact(to.width)) {
                for (pixel, x) in resized[at..].iter_mut().zip(row) {
                    *pixel += weight * x;
                }
            }
        }
    }
    Ok(resized)
}

/// The triangle filter along an axis.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f32 / to as f32;
    let (support, inverse) = if scale >= 1.0 { (scale, 1.0 / scale) } else { (1.0, 1.0) };
    let tap = |i: usize| {
        let centre = scale * (i as f32 + 0.5);
        let start = ((centre - support + 0.5) as i64).max(0) as usize;
        let end = ((centre + support + 0.5) as i64).min(from as i64) as usize;
        let weight = |j: usize| (1.0 - ((j as f32 - centre + 0.5) * inverse).abs()).max(0.0);
        let mut weights: Vec<f32> = (start..end).map(weight).collect();
        let total: f32 = weights.iter().sum();
        for w in &mut weights {
            *w /= total;
        }
        Taps { start, weights }
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    fn pixels(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i * 7919 % 256) as f32 / 255.0).collect()
    }

    /// libtorch gives the same numbers, larger or smaller, in one direction or both.
    #[test]
    fn equals_libtorch() {
        for (from, to) in [
            (FrameSize::new(20, 60), FrameSize::new(29, 29)),
            (FrameSize::new(31, 17), FrameSize::new(64, 64)),
            (FrameSize::new(120, 90), FrameSize::new(17, 41)),
            (FrameSize::new(300, 391), FrameSize::new(391, 391)),
            (FrameSize::new(1, 3), FrameSize::new(2, 1)),
        ] {
            let frames = pixels(2 * from.pixels());
            let got = resize(&frames, from, to).unwrap();
            let tensor = Tensor::from_slice(&frames).view([2, 1, from.height as i64, from.width as i64]);
            let size = [to.height as i64, to.width as i64];
            let want = tensor.internal_upsample_bilinear2d_aa(size, false, None, None);
            let want = Vec::<f32>::try_from(want.contiguous().view(-1)).unwrap();
            let largest = got.iter().zip(&want).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
            assert!(largest <= 1.2e-7, "{from} to {to}: {largest:e}");
        }
    }

    #[test]
    fn sizes_are_checked() {
        let size = FrameSize::new(2, 3);
        assert_eq!(resize(&pixels(6), size, size).unwrap(), pixels(6));
        assert!(resize(&pixels(7), size, size).is_err());
        assert!(resize(&pixels(6), size, FrameSize::new(0, 3)).is_err());
        assert!(resize(&pixels(6), size, FrameSize::new(1 << 14, 1 << 13)).is_err());
        assert!(resize(&pixels(6), size, FrameSize::new(usize::MAX, 2)).is_err());
        assert!(resize(&[], FrameSize::new(usize::MAX, 2), size).is_err());
    }
}
