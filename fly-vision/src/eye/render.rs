//! Images of bars and gratings on a screen.

use std::f64::consts::TAU;
use std::ops::Range;

use super::{FrameSize, rotate};
use crate::Error;

/// What becomes of a bar that begins above the upper edge of the screen or ends to the left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overhang {
    /// The part on the screen is drawn. The default.
    #[default]
    Clip,
    /// Rows above the screen count from its lower edge and columns to the left of it from its right edge, as negative indices do in
    /// Python: tall bars lose all but a rim. For comparison with flyvis 1.2.0.
    Wrap,
}

/// One or several upright bars, then rotated.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// Size of the screen.
    pub size: FrameSize,
    /// Width of a bar in pixels; one pixel more is drawn.
    pub width: usize,
    /// Height of a bar in pixels; one pixel more is drawn.
    pub height: usize,
    /// Pixel of the middle of the first bar from the left edge.
    pub x: i64,
    /// Pixel of the middle of the bars from the upper edge.
    pub y: i64,
    /// Number of bars, at equal distances across the screen.
    pub count: usize,
    /// Luminance of the bars, 0 to 1.
    pub intensity: f64,
    /// Luminance elsewhere, 0 to 1.
    pub background: f64,
    /// Counter-clockwise rotation of the picture in degrees; see [`rotate`] for what it does to luminance.
    pub angle: f64,
    /// Bars that begin outside.
    pub overhang: Overhang,
}

impl Bars {
    /// The picture, `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a screen without pixels, no bars, or an angle that is no number.
    pub fn render(&self) -> Result<Vec<f64>, Error> {
        turned(self.upright()?, self.size, self.angle)
    }

    /// The picture before it is rotated.
    pub(super) fn upright(&self) -> Result<Vec<f64>, Error> {
        let FrameSize { height, width } = self.size;
        if height == 0 || width == 0 || self.count == 0 {
            return Err(Error::setting("bars", format!("{} bars on a screen of {} pixels", self.count, self.size)));
        }
        let mut picture = vec![self.background; self.size.pixels()];
        let half = self.height as f64 / 2.0;
        let (top, bottom) = ((self.y as f64 - half) as i64, (self.y as f64 + half) as i64);
        let rows = self.visible(top, bottom.saturating_add(1), height);
        let first = (self.x as f64 - self.width as f64 / 2.0) as i64;
        let spacing = (width as f64 / self.count as f64 - self.width as f64) as i64;
        for i in 0..self.count as i64 {
            let left = first.saturating_add(i.saturating_mul(self.width as i64 + spacing));
            let right = left.saturating_add(self.width as i64 + 1);
            let columns = self.visible(left.max(0), right, width);
            for row in rows.clone() {
                picture[row * width..][..width][columns.clone()].fill(self.intensity);
            }
        }
        Ok(picture)
    }

    /// The part of a stretch of rows or columns that is on a screen of `n`.
    fn visible(&self, start: i64, stop: i64, n: usize) -> Range<usize> {
        let n = n as i64;
        let place = |at: i64| match self.overhang {
            Overhang::Wrap if at < 0 => (at + n).max(0),
            _ => at.clamp(0, n),
        };
        let (start, stop) = (place(start), place(stop));
        start as usize..stop.max(start) as usize
    }
}

/// A square-wave grating of upright stripes, then rotated.
#[derive(Debug, Clone, PartialEq)]
pub struct Gratings {
    /// Size of the screen.
    pub size: FrameSize,
    /// Width of a bright and a dark stripe together, in pixels.
    pub period: f64,
    /// Shift to the right in pixels. At 0 a bright stripe begins in the middle of the screen.
    pub phase: f64,
    /// Luminance of the bright stripes, 0 to 1.
    pub intensity: f64,
    /// Luminance of the dark stripes, 0 to 1.
    pub background: f64,
    /// Height and width in pixels of a window in the middle; outside luminance is 0.5. `None`: the whole screen.
    pub window: [Option<usize>; 2],
    /// Counter-clockwise rotation of the picture in degrees; see [`rotate`] for what it does to luminance.
    pub angle: f64,
}

impl Gratings {
    /// The picture, `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a screen without pixels, a period that is not positive, a phase or an angle that is no number.
    pub fn render(&self) -> Result<Vec<f64>, Error> {
        turned(self.upright()?, self.size, self.angle)
    }

    /// The picture before it is rotated.
    pub(super) fn upright(&self) -> Result<Vec<f64>, Error> {
        let FrameSize { height, width } = self.size;
        let sensible = self.period > 0.0 && self.period.is_finite() && self.phase.is_finite();
        if height == 0 || width == 0 || !sensible {
            return Err(Error::setting(
                "grating",
                format!("period {} and phase {} on a screen of {} pixels", self.period, self.phase, self.size),
            ));
        }
        let frequency = TAU / (self.period / width as f64);
        // positions run from -1/2 at the first column to 1/2 at the last
        let step = 1.0 / (width.max(2) - 1) as f64;
        let position = |x: usize| if x + 1 == width && width > 1 { 0.5 } else { x as f64 * step - 0.5 };
        let stripe = |x: usize| {
            let phase = (frequency * (position(x) - self.phase / width as f64)).rem_euclid(TAU);
            if phase < TAU / 2.0 { self.intensity } else { self.background }
        };
        let row: Vec<f64> = (0..width).map(stripe).collect();
        let inside = |n: usize, window: Option<usize>| match window {
            None => 0..n,
            Some(extent) => {
                let (middle, half) = ((n / 2) as f64, extent as f64 / 2.0);
                ((middle - half).max(0.0) as usize)..((middle + half) as usize + 1).min(n)
            }
        };
        let rows = inside(height, self.window[0]);
        let columns = inside(width, self.window[1]);
        let mut picture = vec![0.5; self.size.pixels()];
        for y in rows {
            picture[y * width..][..width][columns.clone()].copy_from_slice(&row[columns.clone()]);
        }
        Ok(picture)
    }
}

fn turned(picture: Vec<f64>, size: FrameSize, angle: f64) -> Result<Vec<f64>, Error> {
    // an upright picture keeps its luminance as it is
    if angle % 360.0 == 0.0 { Ok(picture) } else { rotate(&picture, size, angle) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(count: usize) -> Bars {
        Bars {
            size: FrameSize::new(4, 12),
            width: 1,
            height: 2,
            x: 3,
            y: 1,
            count,
            intensity: 1.0,
            background: 0.25,
            angle: 0.0,
            overhang: Overhang::Clip,
        }
    }

    fn bright(picture: &[f64]) -> Vec<usize> {
        (0..picture.len()).filter(|&i| picture[i] == 1.0).collect()
    }

    #[test]
    fn bars_are_where_they_belong() {
        assert_eq!(bright(&bars(1).render().unwrap()), [2, 3, 14, 15, 26, 27]);
        let two = bars(2).render().unwrap();
        assert_eq!(bright(&two[..12]), [2, 3, 8, 9]);
        let tall = Bars { height: 8, ..bars(1) };
        assert_eq!(bright(&tall.render().unwrap()).len(), 8);
        assert_eq!(bright(&Bars { overhang: Overhang::Wrap, ..tall }.render().unwrap()).len(), 6);
        assert!(bright(&Bars { x: -9, ..bars(1) }.render().unwrap()).is_empty());
        assert!(bars(0).render().is_err());
    }

    #[test]
    fn gratings_have_their_period() {
        let grating = Gratings {
            size: FrameSize::new(3, 41),
            period: 8.2,
            phase: 0.0,
            intensity: 1.0,
            background: 0.0,
            window: [Some(0), None],
            angle: 0.0,
        };
        let picture = grating.render().unwrap();
        assert!(picture[..41].iter().all(|&v| v == 0.5));
        assert_eq!(picture[41..82].iter().filter(|&&v| v == 1.0).count(), 20);
        assert_eq!(picture[41 + 20], 1.0);
        assert_eq!(picture[41 + 19], 0.0);
        assert!(Gratings { period: 0.0, ..grating }.render().is_err());
    }
}
