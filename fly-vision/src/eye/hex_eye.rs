//! An eye of hexagonal receptors.

use connectome_graph::hex::{Extent, Lattice};
use half::f16;
use rayon::prelude::*;

use super::median::lower_median;
use super::render::{Bars, Gratings};
use super::rotate::Rotated;
use super::{FrameSize, Pooling};
use crate::Error;

/// How precisely it is decided which pixels belong to a hexagon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Membership {
    /// In half precision, as in the reference: hexagons of the usual eye have 513 to 545 pixels. For screens of up to 2048
    /// pixels a side, beyond which half precision cannot number pixels. The default.
    #[default]
    Half,
    /// In double precision: hexagons differ only by where they lie between pixels, and no pixel has two.
    Double,
}

/// Pixels `x .. x + length` of row `y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    y: u32,
    x: u32,
    length: u32,
}

/// Hexagonal columns that each see a hexagon of pixels of a square screen.
///
/// Hexagons are `ppo` pixels high, with flat sides above and below; column `(u, v)` lies `ppo v` to the right of the middle and
/// `ppo (u + v/2)` below it: neighbours above and below touch, between those to the sides there is a gap. The reference has a mask of 721 x 600,625 numbers; here each hexagon is some 25 runs of pixels.
///
/// ```
/// use connectome_graph::hex::Extent;
/// use fly_vision::eye::{FrameSize, HexEye, Membership, Pooling};
///
/// let eye = HexEye::new(Extent(15), 25, Membership::Half)?;
/// assert_eq!(eye.screen(), FrameSize::new(775, 775));
/// assert_eq!(eye.pixels()[360], 541);
/// let seen = eye.see(&vec![0.5; 775 * 775], Pooling::Mean)?;
/// assert_eq!(seen.len(), 721);
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HexEye {
    lattice: Lattice,
    ppo: usize,
    screen: FrameSize,
    vertices: [[f64; 2]; 7],
    centers: Vec<[f64; 2]>,
    runs: Vec<Run>,
    /// Where the runs of each column begin, and the end.
    starts: Vec<usize>,
    pixels: Vec<u32>,
}

impl HexEye {
    /// Angle between the axes of neighbouring ommatidia in degrees, to which `ppo` pixels correspond.
    pub const OMMATIDIUM: f64 = 5.8;

    /// An eye of an extent (15 in flyvis) with hexagons of `ppo` (25) pixels height.
    ///
    /// # Errors
    /// [`Error::Setting`] for hexagons without pixels, for screens too large for the precision or beyond 2^15 pixels a side;
    /// [`Error::Graph`] for too large an extent.
    pub fn new(extent: Extent, ppo: usize, membership: Membership) -> Result<Self, Error> {
        let lattice = Lattice::new(extent)?;
        let side = (2 * extent.0 as usize + 1).saturating_mul(ppo);
        let limit = match membership {
            Membership::Half => 1 << 11,
            Membership::Double => 1 << 15,
        };
        if ppo == 0 || side > limit {
            return Err(Error::setting(
                "pixels per ommatidium",
                format!("{ppo} at extent {} make a screen of {side} pixels, of 1 to {limit}", extent.0),
            ));
        }
        let (middle, distance) = ((side / 2) as f64, ppo as f64);
        let center = |c: connectome_graph::hex::Axial| {
            let (u, v) = (f64::from(c.u), f64::from(c.v));
            [distance * v + middle, distance * (u + v / 2.0) + middle]
        };
        let centers: Vec<[f64; 2]> = lattice.columns().map(center).collect();
        let vertices = vertices(distance / 2.0, membership);
        let (mut runs, mut starts, mut pixels) = (Vec::new(), vec![0], Vec::new());
        for center in &centers {
            let before = runs.len();
            match membership {
                Membership::Half => runs_of_hexagon(*center, ppo, side, half_membership(&vertices, *center), &mut runs),
                Membership::Double => {
                    runs_of_hexagon(*center, ppo, side, exact_membership(distance / 2.0, *center), &mut runs);
                }
            }
            starts.push(runs.len());
            pixels.push(runs[before..].iter().map(|run| run.length).sum());
        }
        if let Some(empty) = pixels.iter().position(|&n| n == 0) {
            return Err(Error::setting(
                "pixels per ommatidium",
                format!("{ppo} leave column {empty} without a pixel; 25 are usual"),
            ));
        }
        let screen = FrameSize::new(side, side);
        Ok(Self { lattice, ppo, screen, vertices, centers, runs, starts, pixels })
    }

    /// The columns.
    pub fn lattice(&self) -> Lattice {
        self.lattice
    }

    /// Pixels per ommatidium.
    pub fn ppo(&self) -> usize {
        self.ppo
    }

    /// Size of the screen.
    pub fn screen(&self) -> FrameSize {
        self.screen
    }

    /// Corners of a hexagon around the origin, `[x, y]`, the first again at the end, as precise as [`Membership`] has them.
    pub fn vertices(&self) -> &[[f64; 2]; 7] {
        &self.vertices
    }

    /// Centres of the hexagons, `[x, y]` in pixels, `[columns]`.
    pub fn centers(&self) -> &[[f64; 2]] {
        &self.centers
    }

    /// Number of pixels of each hexagon, `[columns]`.
    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// Pixels of a column, `y * width + x`, in ascending order.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn pixels_of(&self, column: usize) -> impl Iterator<Item = usize> + '_ {
        assert!(column < self.lattice.len(), "column {column} of {}", self.lattice.len());
        self.runs_of(column).iter().flat_map(|run| {
            let start = run.y as usize * self.screen.width + run.x as usize;
            start..start + run.length as usize
        })
    }

    /// What the columns see of frames `[frames, height, width]` of the screen's size: `[frames, columns]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if these are not whole frames of [`HexEye::screen`].
    pub fn see(&self, frames: &[f64], pooling: Pooling) -> Result<Vec<f64>, Error> {
        let n = self.screen.frames_in(frames.len())?;
        let mut seen = vec![0.0; n * self.lattice.len()];
        seen.par_chunks_exact_mut(self.lattice.len())
            .zip(frames.par_chunks_exact(self.screen.pixels()))
            .for_each(|(out, frame)| self.pool(out, pooling, |y, x| frame[y * self.screen.width + x]));
        Ok(seen)
    }

    /// What the columns see, on average, of bars on the screen: `[columns]`. As [`HexEye::see`] of [`Bars::render`], but only
    /// pixels that are seen are rotated.
    ///
    /// # Errors
    /// [`Error::Shape`] for another size than that of the screen, and what [`Bars::render`] returns.
    pub fn see_bars(&self, bars: &Bars) -> Result<Vec<f64>, Error> {
        self.see_turned(&bars.upright()?, bars.size, bars.angle)
    }

    /// What the columns see, on average, of a grating on the screen: `[columns]`. As [`HexEye::see`] of [`Gratings::render`].
    ///
    /// # Errors
    /// [`Error::Shape`] for another size than that of the screen, and what [`Gratings::render`] returns.
    pub fn see_gratings(&self, gratings: &Gratings) -> Result<Vec<f64>, Error> {
        self.see_turned(&gratings.upright()?, gratings.size, gratings.angle)
    }

    fn see_turned(&self, upright: &[f64], size: FrameSize, angle: f64) -> Result<Vec<f64>, Error> {
        if size != self.screen {
            return Err(Error::shape("a picture", size.to_string(), format!("that of the screen, {}", self.screen)));
        }
        let mut seen = vec![0.0; self.lattice.len()];
        if angle % 360.0 == 0.0 {
            self.pool(&mut seen, Pooling::Mean, |y, x| upright[y * size.width + x]);
        } else {
            let rotated = Rotated::new(upright, size, angle)?;
            self.pool(&mut seen, Pooling::Mean, |y, x| rotated.pixel(y, x));
        }
        Ok(seen)
    }

    fn runs_of(&self, column: usize) -> &[Run] {
        &self.runs[self.starts[column]..self.starts[column + 1]]
    }

    fn pool(&self, out: &mut [f64], pooling: Pooling, pixel: impl Fn(usize, usize) -> f64) {
        let mut all = Vec::new();
        for (column, out) in out.iter_mut().enumerate() {
            let pixels = self.runs_of(column).iter().flat_map(|run| {
                let (y, x) = (run.y as usize, run.x as usize);
                (x..x + run.length as usize).map(move |x| (y, x))
            });
            let pixels = pixels.map(|(y, x)| pixel(y, x));
            *out = match pooling {
                Pooling::Mean => pixels.sum::<f64>() / f64::from(self.pixels[column]),
                Pooling::Sum => pixels.sum(),
                Pooling::Median => {
                    all.clear();
                    all.extend(pixels);
                    lower_median(&mut all)
                }
            };
        }
    }
}

/// To half precision and back.
fn half(x: f64) -> f64 {
    f64::from(f16::from_f64(x))
}

/// Corners of a hexagon with flat sides above and below, the first to the right, from the radius of the circle in it.
fn vertices(radius: f64, membership: Membership) -> [[f64; 2]; 7] {
    let mut corners = [[0.0; 2]; 7];
    match membership {
        Membership::Half => {
            // each corner is the one before, rotated by a sixth of a turn
            let third = half(half(std::f64::consts::PI) / 3.0);
            let (cos, sin) = (half(third.cos()), half(third.sin()));
            corners[0] = [half(2.0 / 3f64.sqrt() * half(radius)), 0.0];
            for i in 1..7 {
                let [x, y] = corners[i - 1];
                corners[i] = [half(cos * x - sin * y), half(sin * x + cos * y)];
            }
        }
        Membership::Double => {
            let side = 2.0 / 3f64.sqrt() * radius;
            let half_side = side / 2.0;
            let right = [[side, 0.0], [half_side, radius], [-half_side, radius]];
            for (i, [x, y]) in right.into_iter().enumerate() {
                (corners[i], corners[i + 3]) = ([x, y], [-x, -y]);
            }
            corners[6] = corners[0];
        }
    }
    corners
}

/// Whether a pixel `(x, y)` is on the same side of all six lines as the centre, every operation rounded to half precision.
fn half_membership(vertices: &[[f64; 2]; 7], center: [f64; 2]) -> impl Fn(f64, f64) -> bool {
    let center = center.map(half);
    let lines: [_; 6] = std::array::from_fn(|i| {
        let [x1, y1] = [0, 1].map(|axis| half(vertices[i][axis] + center[axis]));
        let [x2, y2] = [0, 1].map(|axis| half(vertices[i + 1][axis] + center[axis]));
        let slope = half(half(y2 - y1) / half(x2 - x1));
        let above = move |x: f64, y: f64| sign(half(half(y1 + half(slope * half(x - x1))) - y));
        (above(center[0], center[1]), above)
    });
    move |x, y| lines.iter().all(|(side, above)| above(x, y) == *side)
}

/// Whether a pixel lies in the hexagon. The lower side belongs to the hexagon below.
fn exact_membership(radius: f64, center: [f64; 2]) -> impl Fn(f64, f64) -> bool {
    move |x, y| {
        let (x, y) = (x - center[0], y - center[1]);
        (-radius..radius).contains(&y) && 3f64.sqrt() * x.abs() + y.abs() <= 2.0 * radius
    }
}

/// Runs of the pixels inside. Pixels farther than a hexagon's height are not looked at: rounding moves lines by a pixel at most.
fn runs_of_hexagon(
    center: [f64; 2],
    height: usize,
    side: usize,
    inside: impl Fn(f64, f64) -> bool,
    runs: &mut Vec<Run>,
) {
    let near = |middle: f64| {
        let reach = height.max(4) as f64;
        ((middle - reach).max(0.0) as usize)..((middle + reach) as usize + 1).min(side)
    };
    for y in near(center[1]) {
        let mut open: Option<Run> = None;
        for x in near(center[0]) {
            match (&mut open, inside(x as f64, y as f64)) {
                (Some(run), true) => run.length += 1,
                (None, true) => open = Some(Run { y: y as u32, x: x as u32, length: 1 }),
                (_, false) => runs.extend(open.take()),
            }
        }
        runs.extend(open);
    }
}

/// -1, 0 or 1; 0 for what is no number.
fn sign(x: f64) -> i8 {
    i8::from(x > 0.0) - i8::from(x < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eye::render::Overhang;

    /// Every pixel has one owner at most, and hexagons have the right area.
    #[test]
    fn hexagons_do_not_overlap() {
        for (extent, ppo, membership) in [
            (3, 25, Membership::Half),
            (3, 25, Membership::Double),
            (2, 12, Membership::Double),
            (40, 30, Membership::Double),
        ] {
            let eye = HexEye::new(Extent(extent), ppo, membership).unwrap();
            let mut owners = vec![0u8; eye.screen().pixels()];
            for column in 0..eye.lattice().len() {
                for pixel in eye.pixels_of(column) {
                    owners[pixel] += 1;
                }
            }
            assert!(owners.iter().all(|&n| n <= 1), "{extent} {ppo} {membership:?}");
            let area = 3f64.sqrt() / 2.0 * (ppo * ppo) as f64;
            for &n in eye.pixels() {
                assert!((f64::from(n) - area).abs() < 0.07 * area, "{n} of {area}");
            }
        }
    }

    #[test]
    fn gratings_are_seen_as_rendered() {
        let eye = HexEye::new(Extent(4), 25, Membership::Half).unwrap();
        for angle in [0.0, 90.0, 215.0] {
            let size = eye.screen();
            let (period, phase, window) = (60.0, 7.0, [Some(150), None]);
            let gratings = Gratings { size, period, phase, intensity: 1.0, background: 0.0, window, angle };
            let whole = eye.see(&gratings.render().unwrap(), Pooling::Mean).unwrap();
            assert_eq!(eye.see_gratings(&gratings).unwrap(), whole);
            let other = Gratings { size: FrameSize::new(size.height, size.width + 1), ..gratings };
            assert!(eye.see_gratings(&other).is_err());
        }
    }

    #[test]
    fn bars_are_seen_as_rendered() {
        let eye = HexEye::new(Extent(4), 25, Membership::Half).unwrap();
        for angle in [0.0, 30.0, 90.0, 180.0, 215.0] {
            let bars = Bars {
                size: eye.screen(),
                width: 30,
                height: 120,
                x: 100,
                y: 112,
                count: 1,
                intensity: 1.0,
                background: 0.5,
                angle,
                overhang: Overhang::Clip,
            };
            let whole = eye.see(&bars.render().unwrap(), Pooling::Mean).unwrap();
            assert_eq!(eye.see_bars(&bars).unwrap(), whole);
        }
    }

    #[test]
    fn medians_ignore_outliers() {
        let eye = HexEye::new(Extent(1), 9, Membership::Half).unwrap();
        let mut frame = vec![0.25; eye.screen().pixels()];
        frame[eye.pixels_of(2).next().unwrap()] = 9.0;
        assert_eq!(eye.see(&frame, Pooling::Median).unwrap(), [0.25; 7]);
        assert!(eye.see(&frame, Pooling::Mean).unwrap()[2] > 0.25);
    }

    #[test]
    fn settings_are_checked() {
        assert!(HexEye::new(Extent(15), 0, Membership::Half).is_err());
        assert!(HexEye::new(Extent(15), 100, Membership::Half).is_err());
        assert!(HexEye::new(Extent(15), 100, Membership::Double).is_ok());
    }
}
