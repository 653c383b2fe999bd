//! Rotated images, to the bit as the reference has them.

use super::FrameSize;
use crate::Error;

/// Rotates an image `[height, width]` counter-clockwise about its middle by an angle in degrees. Intensities lie between 0 and 1.
///
/// Beyond its border the image goes on as at its border. Intensities are rounded down to multiples of 1/255 before and after the
/// bilinear interpolation: a grey of 0.5 becomes 127/255 at any angle. Multiples of 90 degrees move whole pixels.
///
/// # Errors
/// [`Error::Shape`] if the image is not one frame of this size; [`Error::Setting`] for an angle that is no number.
pub fn rotate(image: &[f64], size: FrameSize, degrees: f64) -> Result<Vec<f64>, Error> {
    if size.frames_in(image.len())? != 1 {
        return Err(Error::shape("an image", format!("{} pixels", image.len()), format!("one frame of {size}")));
    }
    let rotation = Rotation::new(size, degrees)?;
    let image = quantised(image);
    let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (y, x)));
    Ok(pixels.map(|(y, x)| rotation.pixel(&image, y, x)).collect())
}

/// An image in steps of 1/255.
pub(super) fn quantised(image: &[f64]) -> Vec<u8> {
    image.iter().map(|&intensity| (255.0 * intensity) as u8).collect()
}

/// Where the pixels of a rotated image come from.
#[derive(Debug)]
pub(super) struct Rotation {
    size: FrameSize,
    /// Rows above and columns to the left by which the image is extended before it is rotated.
    pad: [usize; 2],
    /// Size of the extended image.
    padded: FrameSize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    None,
    Quarter,
    Half,
    ThreeQuarters,
    /// `[x, y]` in the image from `(x, y)` in the rotated one: rows of an affine map.
    Map([f64; 6]),
}

impl Rotation {
    pub(super) fn new(size: FrameSize, degrees: f64) -> Result<Self, Error> {
        if !degrees.is_finite() {
            return Err(Error::setting("angle", format!("{degrees} degrees")));
        }
        let square = |n: usize| (n as f64) * (n as f64);
        let diagonal = (square(size.height) + square(size.width)).sqrt() as usize;
        let pad = [(diagonal - size.height) / 2, (diagonal - size.width) / 2];
        let padded = FrameSize::new(size.height + 2 * pad[0], size.width + 2 * pad[1]);
        let degrees = degrees.rem_euclid(360.0);
        let kind = match degrees {
            0.0 => Kind::None,
            180.0 => Kind::Half,
            90.0 if padded.height == padded.width => Kind::Quarter,
            270.0 if padded.height == padded.width => Kind::ThreeQuarters,
            _ => Kind::Map(map(padded, degrees)),
        };
        Ok(Self { size, pad, padded, kind })
    }

    /// A pixel of the rotated image.
    #[inline]
    pub(super) fn pixel(&self, image: &[u8], y: usize, x: usize) -> f64 {
        let (y, x) = (y + self.pad[0], x + self.pad[1]);
        let (height, width) = (self.padded.height, self.padded.width);
        let value = match &self.kind {
            Kind::None => self.source(image, y, x),
            Kind::Quarter => self.source(image, x, width - 1 - y),
            Kind::Half => self.source(image, height - 1 - y, width - 1 - x),
            Kind::ThreeQuarters => self.source(image, height - 1 - x, y),
            Kind::Map(m) => {
                let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
                let from_x = m[0] * x + m[1] * y + m[2];
                let from_y = m[3] * x + m[4] * y + m[5];
                self.between(image, from_x, from_y)
            }
        };
        f64::from(value) / 255.0
    }

    /// A pixel of the extended image.
    #[inline]
    fn source(&self, image: &[u8], y: usize, x: usize) -> u8 {
        let y = y.saturating_sub(self.pad[0]).min(self.size.height - 1);
        let x = x.saturating_sub(self.pad[1]).min(self.size.width - 1);
        image[y * self.size.width + x]
    }

    /// The extended image at a point, of the four pixels around it; black outside.
    #[inline]
    fn between(&self, image: &[u8], x: f64, y: f64) -> u8 {
        let (height, width) = (self.padded.height, self.padded.width);
        if !(0.0..width as f64).contains(&x) || !(0.0..height as f64).contains(&y) {
            return 0;
        }
        // half a pixel back, and one forth for the truncation: the point lies at -0.5 or above
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = ((x + 1.0) as usize, (y + 1.0) as usize);
        let (dx, dy) = (x - (left as f64 - 1.0), y - (top as f64 - 1.0));
        let columns = [left.saturating_sub(1), left.min(width - 1)];
        let rows = [top.saturating_sub(1), top.min(height - 1)];
        let [a, b, c, d] = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(row, column): (usize, usize)| self.source(image, rows[row], columns[column]));
        if a == b && a == c && a == d {
            return a;
        }
        let mix = |a: f64, b: f64, part: f64| a + (b - a) * part;
        let [a, b, c, d] = [a, b, c, d].map(f64::from);
        mix(mix(a, b, dx), mix(c, d, dx), dy) as u8
    }
}

/// The affine map of a rotation about the middle, its cosines rounded to 15 decimals.
fn map(size: FrameSize, degrees: f64) -> [f64; 6] {
    let round = |value: f64| format!("{value:.15}").parse().unwrap_or(value);
    let angle = -degrees.to_radians();
    let (cos, sin): (f64, f64) = (round(angle.cos()), round(angle.sin()));
    let (cx, cy) = (size.width as f64 / 2.0, size.height as f64 / 2.0);
    [cos, sin, cos * -cx + sin * -cy + cx, -sin, cos, -sin * -cx + cos * -cy + cy]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_are_exact() {
        let size = FrameSize::new(2, 2);
        let image = [0.0, 51.0, 102.0, 255.0].map(|v| v / 255.0);
        let turned = |degrees| rotate(&image, size, degrees).unwrap();
        assert_eq!(turned(-360.0), image);
        assert_eq!(turned(90.0), [image[1], image[3], image[0], image[2]]);
        assert_eq!(turned(180.0), [image[3], image[2], image[1], image[0]]);
        assert_eq!(turned(270.0), [image[2], image[0], image[3], image[1]]);
    }

    #[test]
    fn grey_stays_grey_rounded_down() {
        let size = FrameSize::new(9, 4);
        for degrees in [0.0, 10.0, 90.0, 211.5] {
            assert!(rotate(&[0.5; 36], size, degrees).unwrap().iter().all(|&v| v == 127.0 / 255.0 || v == 0.0));
        }
        assert!(rotate(&[0.5; 36], size, f64::INFINITY).is_err());
        assert!(rotate(&[0.5; 72], size, 0.0).is_err());
    }
}
