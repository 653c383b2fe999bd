//! Windows of sequences, and other frame rates.

use std::ops::Range;

use crate::Error;

/// `count` windows of `size` spread over `total`, neighbours overlapping by `ceil((count size - total) / (count - 1))`, which is
/// negative where they cannot cover it. The end of `total` may be left over.
///
/// # Errors
/// [`Error::Setting`] unless there are 1 or more windows, none longer than the whole, that begin at different places.
pub fn overlapping_windows(total: usize, size: usize, count: usize) -> Result<Vec<Range<usize>>, Error> {
    let refused =
        || Err(Error::setting("windows", format!("{count} windows of {size} in {total}; take fewer or shorter ones")));
    if count == 0 || size == 0 || size > total || count > total {
        return refused();
    }
    let step = match (size.checked_mul(count), count - 1) {
        (_, 0) => 1,
        // as an overlap of ceil(x) and a step of floor(-x) are the same
        (Some(covered), gaps) if covered >= total => size.saturating_sub((covered - total).div_ceil(gaps)),
        (Some(covered), gaps) => size + (total - covered) / gaps,
        (None, _) => 0,
    };
    if step == 0 {
        return refused();
    }
    Ok((0..count).map(|i| i * step..i * step + size).collect())
}

/// Windows of `size` frames that a sequence is split into: `total / size` of them, rounded to the nearest (halves to even), at least 1.
///
/// # Errors
/// Those of [`overlapping_windows`].
pub fn temporal_windows(total: usize, size: usize) -> Result<Vec<Range<usize>>, Error> {
    let count = (total as f64 / size.max(1) as f64).round_ties_even().max(1.0) as usize;
    overlapping_windows(total, size, count)
}

/// Frames after `n` frames at one rate (per second) are shown at another: `ceil(to / from n)`.
pub fn resampled_frames(n: usize, from: f64, to: f64) -> usize {
    (to / from * n as f64).ceil() as usize
}

/// The frame that is shown at each of `size` times in place of `n`: the nearest to the middle of the interval,
/// `floor((i + 1/2) n / size)` in single precision.
pub fn nearest_frames(n: usize, size: usize) -> Vec<usize> {
    let scale = n as f32 / size as f32;
    (0..size).map(|i| (((i as f32 + 0.5) * scale) as usize).min(n.saturating_sub(1))).collect()
}

/// Shows `frames` frames, `[frames, ..]`, as `size`, piecewise constant.
///
/// # Panics
/// If they are not whole frames.
#[must_use]
pub fn resample_nearest(x: &[f32], frames: usize, size: usize) -> Vec<f32> {
    assert!(frames > 0 && x.len().is_multiple_of(frames), "{} numbers in {frames} frames", x.len());
    let one = x.len() / frames;
    nearest_frames(frames, size).into_iter().flat_map(|i| &x[i * one..][..one]).copied().collect()
}

/// Interpolates `frames` frames, `[frames, ..]`, linearly at `size` times from the first to the last.
///
/// # Panics
/// If they are not whole frames.
#[must_use]
pub fn resample_linear(x: &[f32], frames: usize, size: usize) -> Vec<f32> {
    assert!(frames > 0 && x.len().is_multiple_of(frames), "{} numbers in {frames} frames", x.len());
    let one = x.len() / frames;
    let scale = if size > 1 { (frames - 1) as f32 / (size - 1) as f32 } else { 0.0 };
    let mut all = Vec::with_capacity(size * one);
    for i in 0..size {
        let at = scale * i as f32;
        let low = (at as usize).min(frames - 1);
        let high = (low + 1).min(frames - 1);
        let part = (at - low as f32).clamp(0.0, 1.0);
        let (low, high) = (&x[low * one..][..one], &x[high * one..][..one]);
        all.extend(low.iter().zip(high).map(|(a, b)| (1.0 - part) * a + part * b));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_by_hand() {
        assert_eq!(overlapping_windows(716, 417, 3).unwrap(), [0..417, 149..566, 298..715]);
        assert_eq!(temporal_windows(49, 19).unwrap(), [0..19, 15..34, 30..49]);
        for total in [19, 25] {
            let windows = temporal_windows(total, 19).unwrap();
            assert!(windows.len() == 1 && windows[0] == (0..19));
        }
        assert_eq!(temporal_windows(46, 19).unwrap(), [0..19, 27..46]);
        assert!(temporal_windows(18, 19).is_err());
        assert!(overlapping_windows(10, 0, 1).is_err() && overlapping_windows(10, 10, 2).is_err());
    }

    #[test]
    fn resampling_by_hand() {
        assert_eq!([50.0, 100.0, 200.0].map(|rate| resampled_frames(19, 24.0, rate)), [40, 80, 159]);
        assert_eq!(nearest_frames(2, 5), [0, 0, 1, 1, 1]);
        assert_eq!(resample_nearest(&[1.0, 2.0, 3.0, 4.0], 2, 3), [1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
        assert_eq!(resample_linear(&[1.0, 3.0], 2, 5), [1.0, 1.5, 2.0, 2.5, 3.0]);
        assert_eq!(resample_linear(&[1.0, 3.0], 2, 1), [1.0]);
    }
}
