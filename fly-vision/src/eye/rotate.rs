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
    let rotated = Rotated::new(image, size, degrees)?;
    let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (y, x)));
    Ok(pixels.map(|(y, x)| rotated.pixel(y, x)).collect())
}

/// A rotated image, whose pixels are computed when asked for.
#[derive(Debug)]
pub(super) struct Rotated {
    /// Rows above and columns to the left by which the image is extended before it is rotated.
    pad: [usize; 2],
    /// Size of the extended image.
    padded: FrameSize,
    /// The extended image in steps of 1/255, and a border of one pixel more.
    image: Vec<u8>,
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

impl Rotated {
    /// Of one frame of this size.
    pub(super) fn new(image: &[f64], size: FrameSize, degrees: f64) -> Result<Self, Error> {
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
        Ok(Self { pad, padded, image: extended(image, size, pad), kind })
    }

    /// A pixel of the rotated image.
    #[inline]
    pub(super) fn pixel(&self, y: usize, x: usize) -> f64 {
        let (y, x) = (y + self.pad[0], x + self.pad[1]);
        let (height, width) = (self.padded.height, self.padded.width);
        let value = match &self.kind {
            Kind::None => self.source(y, x),
            Kind::Quarter => self.source(x, width - 1 - y),
            Kind::Half => self.source(height - 1 - y, width - 1 - x),
            Kind::ThreeQuarters => self.source(height - 1 - x, y),
            Kind::Map(m) => {
                let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
                self.between(m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5])
            }
        };
        f64::from(value) / 255.0
    }

    /// A pixel of the extended image.
    #[inline]
    fn source(&self, y: usize, x: usize) -> u8 {
        self.image[(y + 1) * (self.padded.width + 2) + x + 1]
    }

    /// The extended image at a point, of the four pixels around it; black outside.
    #[inline]
    fn between(&self, x: f64, y: f64) -> u8 {
        let (height, width) = (self.padded.height, self.padded.width);
        if !(0.0..width as f64).contains(&x) || !(0.0..height as f64).contains(&y) {
            return 0;
        }
        // centres of pixels are half a pixel from their edges; the border is one pixel
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = ((x + 1.0) as usize, (y + 1.0) as usize);
        let at = top * (width + 2) + left;
        let (upper, lower) = (&self.image[at..at + 2], &self.image[at + width + 2..at + width + 4]);
        if upper == lower && upper[0] == upper[1] {
            return upper[0];
        }
        let (dx, dy) = (x - (left as f64 - 1.0), y - (top as f64 - 1.0));
        let mix = |a: f64, b: f64, part: f64| a + (b - a) * part;
        let across = |row: &[u8]| mix(f64::from(row[0]), f64::from(row[1]), dx);
        mix(across(upper), across(lower), dy) as u8
    }
}

/// An image in steps of 1/255 that goes on as at its border, so many rows and columns and one pixel more on each side.
fn extended(image: &[f64], size: FrameSize, pad: [usize; 2]) -> Vec<u8> {
    let [rows, columns] = pad.map(|pad| pad + 1);
    let mut extended = Vec::with_capacity((size.height + 2 * rows) * (size.width + 2 * columns));
    for y in 0..size.height + 2 * rows {
        let row = &image[y.saturating_sub(rows).min(size.height - 1) * size.width..][..size.width];
        let step = |intensity: f64| (255.0 * intensity) as u8;
        extended.extend(std::iter::repeat_n(step(row[0]), columns));
        extended.extend(row.iter().map(|&intensity| step(intensity)));
        extended.extend(std::iter::repeat_n(step(row[size.width - 1]), columns));
    }
    extended
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
