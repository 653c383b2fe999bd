//! From seconds to frames.

use crate::{Error, Movie};

/// Number of frames of length `dt` in a time, both in seconds: their quotient in double precision, truncated. 0.57 s of 0.01 s
/// are 56 frames; negative times have none.
pub fn frames_in(time: f64, dt: f64) -> usize {
    (time / dt) as usize
}

/// Number of frames of length `dt` that begin before a time has passed, both in seconds: their quotient, rounded up unless it differs from a
/// whole number by rounding alone. 0.57 s of 0.01 s are 57 frames.
pub(super) fn frames_before(time: f64, dt: f64) -> usize {
    (time / dt - 1e-6).ceil() as usize
}

/// Which of `n` frames is shown in each of `count`: from the first to the last at equal distances, rounded down.
///
/// The positions are `linspace(0, n - 1, count)` in single precision, whose last digits decide where a position is a whole number;
/// they are those of libtorch, which counts from the nearer end.
///
/// # Panics
/// If there are frames to show, but none to choose from.
pub fn resampled(n: usize, count: usize) -> Vec<usize> {
    assert!(n > 0 || count == 0, "{count} frames of none");
    if count <= 1 {
        return vec![0; count];
    }
    let end = (n - 1) as f32;
    let step = end / (count - 1) as f32;
    let position = |i: usize| {
        if i < count / 2 { step * i as f32 } else { (-step).mul_add((count - i - 1) as f32, end) }
    };
    (0..count).map(|i| position(i) as usize).collect()
}

/// How a movie goes on after its last frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// With a luminance, everywhere the same. NaN is possible.
    Value(f32),
    /// With the last frame, which stays.
    Continue,
    /// Backwards, without showing the last frame again.
    Reflect,
}

/// Extends frames `[frames, columns]` at their end until there are `count`; nothing changes if there are.
///
/// # Errors
/// [`Error::Setting`] if there is no frame that could stay, or too few to go back so far.
///
/// # Panics
/// If these are not whole frames.
pub fn pad_end(frames: &mut Vec<f32>, columns: usize, count: usize, padding: Padding) -> Result<(), Error> {
    assert!(frames.len().is_multiple_of(columns), "{} numbers in frames of {columns}", frames.len());
    let n = frames.len() / columns;
    let missing = count.saturating_sub(n);
    match padding {
        _ if missing == 0 => {}
        Padding::Value(value) => frames.resize(count * columns, value),
        Padding::Continue if n > 0 => {
            for _ in 0..missing {
                frames.extend_from_within((n - 1) * columns..n * columns);
            }
        }
        Padding::Reflect if missing < n => {
            for back in 2..missing + 2 {
                frames.extend_from_within((n - back) * columns..(n - back + 1) * columns);
            }
        }
        Padding::Continue | Padding::Reflect => {
            return Err(Error::setting("padding", format!("{n} frames cannot be extended by {missing} of their own")));
        }
    }
    Ok(())
}

/// The frames without those of the time before the stimulus.
pub fn without_pre(frames: usize, t_pre: f64, dt: f64) -> std::ops::Range<usize> {
    frames_in(t_pre, dt).min(frames)..frames
}

/// The frames of a movie or of responses `[frames, columns]` without those of the time after the stimulus: the last
/// `t_post / dt` before the first NaN. Frames from that NaN on are left out, too.
///
/// NaN takes time to travel through a network; the first frame counts in which all columns have it that ever do.
pub fn without_post(movie: &Movie, t_post: f64, dt: f64) -> std::ops::Range<usize> {
    let first = |column: usize| movie.trace(column).position(f32::is_nan);
    let end = (0..movie.columns()).filter_map(first).max().unwrap_or(movie.frames());
    0..end.saturating_sub(frames_in(t_post, dt))
}

/// Times of frames in seconds, `[frames]`, the first at `start`: `start + i ((start + dt) - start)`, as NumPy's `arange` has them.
pub fn time_axis(start: f64, dt: f64, frames: usize) -> Vec<f64> {
    let step = (start + dt) - start;
    (0..frames).map(|i| start + i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn quotients_are_truncated() {
        assert_eq!(frames_in(0.57, 0.01), 56);
        assert_eq!(frames_in(1.0, 0.005), 200);
        assert_eq!(frames_in(-1.0, 0.005), 0);
        assert_eq!(frames_in(f64::NAN, 0.005), 0);
        assert_eq!([0.0, 0.57, 0.571, 0.1].map(|time| frames_before(time, 0.01)), [0, 57, 58, 10]);
    }

    /// libtorch chooses the same frames.
    #[test]
    fn positions_are_those_of_libtorch() {
        for n in [1, 2, 3, 7, 20, 21, 31, 64, 85, 200] {
            for count in (0..260).chain([999, 1000, 1357, 4321]) {
                let want =
                    Tensor::linspace(0, n as i64 - 1, count as i64, (Kind::Float, Device::Cpu)).to_kind(Kind::Int64);
                let want = Vec::<i64>::try_from(want).unwrap();
                let got: Vec<i64> = resampled(n, count).into_iter().map(|i| i as i64).collect();
                assert_eq!(got, want, "{n} frames shown in {count}");
            }
        }
    }

    #[test]
    fn movies_are_extended() {
        let extended = |padding| {
            let mut frames = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
            pad_end(&mut frames, 2, 5, padding).map(|()| frames)
        };
        assert_eq!(extended(Padding::Value(0.5)).unwrap()[6..], [0.5; 4]);
        assert_eq!(extended(Padding::Continue).unwrap()[6..], [5.0, 6.0, 5.0, 6.0]);
        assert_eq!(extended(Padding::Reflect).unwrap()[6..], [3.0, 4.0, 1.0, 2.0]);
        let mut one = vec![1.0];
        assert!(pad_end(&mut one, 1, 2, Padding::Reflect).is_err());
        assert!(pad_end(&mut one, 1, 1, Padding::Reflect).is_ok());
        assert!(pad_end(&mut Vec::new(), 1, 1, Padding::Continue).is_err());
    }

    #[test]
    fn times_before_and_after_are_cut() {
        let nan = f32::NAN;
        let movie = Movie::new(2, vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, nan, 0.0, nan, nan]).unwrap();
        assert_eq!(without_post(&movie, 0.2, 0.1), 0..2);
        assert_eq!(without_pre(5, 0.2, 0.1), 2..5);
        let whole = Movie::new(1, vec![0.0; 4]).unwrap();
        assert_eq!(without_post(&whole, 0.3, 0.1), 0..2);
    }
}
