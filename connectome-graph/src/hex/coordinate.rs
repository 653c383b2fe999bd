//! Axial coordinates of hexagonal columns.

use std::ops::{Add, Neg, Sub};

/// A column, or a displacement between two: axial coordinates `u`, `v` in columns; the third axis is `-(u + v)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Axial {
    /// First axis.
    pub u: i32,
    /// Second axis.
    pub v: i32,
}

/// The six neighbours of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `(+1, 0)`
    East,
    /// `(0, +1)`
    NorthEast,
    /// `(-1, +1)`
    NorthWest,
    /// `(-1, 0)`
    West,
    /// `(0, -1)`
    SouthWest,
    /// `(+1, -1)`
    SouthEast,
}

impl Direction {
    /// All six, counter-clockwise from east.
    pub const ALL: [Self; 6] =
        [Self::East, Self::NorthEast, Self::NorthWest, Self::West, Self::SouthWest, Self::SouthEast];

    /// The displacement of one step.
    pub const fn step(self) -> Axial {
        let (u, v) = match self {
            Self::East => (1, 0),
            Self::NorthEast => (0, 1),
            Self::NorthWest => (-1, 1),
            Self::West => (-1, 0),
            Self::SouthWest => (0, -1),
            Self::SouthEast => (1, -1),
        };
        Axial { u, v }
    }
}

/// How columns are laid out on a page; the unit is the side of a hexagon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PlotLayout {
    /// `x = 3/2 v`, `y = -sqrt(3) (u + v/2)`: flat-topped hexagons, `u` downwards. The default.
    #[default]
    Default,
    /// `x = 3/2 u`, `y = sqrt(3)/2 u + sqrt(3) v`: flat-topped hexagons.
    Flat,
    /// `x = sqrt(3) u + sqrt(3)/2 v`, `y = 3/2 v`: hexagons with a point at the top.
    Pointy,
}

impl Axial {
    /// The column `(0, 0)`.
    pub const ORIGIN: Self = Self { u: 0, v: 0 };

    /// The column `(u, v)`.
    pub const fn new(u: i32, v: i32) -> Self {
        Self { u, v }
    }

    /// Number of steps to the origin, `(|u| + |v| + |u + v|) / 2`; 2³² - 1 for the one column with one more.
    pub fn norm(self) -> u32 {
        let (u, v) = (i64::from(self.u), i64::from(self.v));
        u32::try_from((u.abs() + v.abs() + (u + v).abs()) / 2).unwrap_or(u32::MAX)
    }

    /// Number of steps between two columns.
    pub fn distance(self, other: Self) -> u32 {
        (self - other).norm()
    }

    /// The next column in a direction.
    pub fn neighbour(self, direction: Direction) -> Self {
        self + direction.step()
    }

    /// The six neighbours in the order of [`Direction::ALL`].
    pub fn neighbours(self) -> [Self; 6] {
        Direction::ALL.map(|direction| self.neighbour(direction))
    }

    /// Position `[x, y]` on the page, in sides of a hexagon.
    pub fn plot(self, layout: PlotLayout) -> [f64; 2] {
        let (u, v, root) = (f64::from(self.u), f64::from(self.v), 3f64.sqrt());
        match layout {
            PlotLayout::Default => [1.5 * v, -root * (u + v / 2.0)],
            PlotLayout::Flat => [1.5 * u, root / 2.0 * u + root * v],
            PlotLayout::Pointy => [root * u + root / 2.0 * v, 1.5 * v],
        }
    }

    /// Inverse of [`Axial::plot`]: fractional axial coordinates `[u, v]` of a point on the page.
    pub fn from_plot([x, y]: [f64; 2], layout: PlotLayout) -> [f64; 2] {
        let root = 3f64.sqrt();
        match layout {
            PlotLayout::Default => [-x / 3.0 - y / root, 2.0 * x / 3.0],
            PlotLayout::Flat => [2.0 * x / 3.0, y / root - x / 3.0],
            PlotLayout::Pointy => [x / root - y / 3.0, 2.0 * y / 3.0],
        }
    }

    /// The column that contains a point on the page.
    pub fn nearest(point: [f64; 2], layout: PlotLayout) -> Self {
        let [u, v] = Self::from_plot(point, layout);
        let w = -u - v;
        let (mut ru, mut rv, rw) = (u.round(), v.round(), w.round());
        let (du, dv, dw) = ((ru - u).abs(), (rv - v).abs(), (rw - w).abs());
        // the three rounded coordinates must sum to 0: the one that moved most follows the others
        if du > dv && du > dw {
            ru = -rv - rw;
        } else if dv > dw {
            rv = -ru - rw;
        }
        Self::new(ru as i32, rv as i32)
    }
}

impl Add for Axial {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.u + other.u, self.v + other.v)
    }
}

impl Sub for Axial {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.u - other.u, self.v - other.v)
    }
}

impl Neg for Axial {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.u, -self.v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAYOUTS: [PlotLayout; 3] = [PlotLayout::Default, PlotLayout::Flat, PlotLayout::Pointy];

    #[test]
    fn no_column_is_so_far_that_it_is_near() {
        assert_eq!(Axial::new(i32::MIN, i32::MIN).norm(), u32::MAX);
        assert_eq!(Axial::new(i32::MIN, i32::MAX).norm(), 1 << 31);
    }

    proptest! {
        /// Centres of neighbours are sqrt(3) sides apart, and a point near a centre belongs to its column.
        #[test]
        fn plots_are_regular(u in -500..500, v in -500..500, angle in 0.0..std::f64::consts::TAU, radius in 0.0..0.86f64) {
            let here = Axial::new(u, v);
            for layout in LAYOUTS {
                let [x, y] = here.plot(layout);
                for next in here.neighbours() {
                    let [a, b] = next.plot(layout);
                    prop_assert!(((a - x).hypot(b - y) - 3f64.sqrt()).abs() < 1e-9);
                    prop_assert_eq!(here.distance(next), 1);
                }
                let near = [x + radius * angle.cos(), y + radius * angle.sin()];
                prop_assert_eq!(Axial::nearest(near, layout), here);
            }
        }

        /// Distance is a metric and counts steps.
        #[test]
        fn distance_is_a_metric(a in (-99..99, -99..99), b in (-99..99, -99..99), c in (-99..99, -99..99)) {
            let [a, b, c] = [a, b, c].map(|(u, v)| Axial::new(u, v));
            prop_assert_eq!(a.distance(b), b.distance(a));
            prop_assert!(a.distance(c) <= a.distance(b) + b.distance(c));
            let closest = a.neighbours().into_iter().map(|n| n.distance(b)).min();
            prop_assert!(a == b || closest == Some(a.distance(b) - 1));
        }
    }
}
