//! Where hexagons stand, and their outlines.
//!
//! Axial coordinates (u, v) stand at x = 3/2 v, y = -sqrt(3) (u + v/2), y upwards, in units of the hexagons' side.

use std::collections::BTreeMap;

use super::scene::{Point, Segment, polygon};

/// Axial coordinates of a whole lattice with so many columns: u from -n to n, v innermost. None for other numbers.
pub(crate) fn whole(columns: usize) -> Option<Vec<(i32, i32)>> {
    let n = (columns as f64 / 3.0).sqrt() as i32;
    let full = 1 + 3 * n as usize * (n as usize + 1) == columns;
    full.then(|| (-n..=n).flat_map(|u| ((-n).max(-n - u)..=n.min(n - u)).map(move |v| (u, v))).collect())
}

/// Centre of a hexagon.
pub(crate) fn centre((u, v): (i32, i32)) -> Point {
    let (u, v) = (f64::from(u), f64::from(v));
    (1.5 * v, -(3f64.sqrt()) * (u + v / 2.0))
}

/// Half the height of a hexagon with side 1.
pub(crate) const HALF_HEIGHT: f64 = 0.866_025_403_784_438_6;

/// Offsets of the corners of a hexagon with its flat sides up and down and with side 1.
const CORNERS: [Point; 6] =
    [(1.0, 0.0), (0.5, HALF_HEIGHT), (-0.5, HALF_HEIGHT), (-1.0, 0.0), (-0.5, -HALF_HEIGHT), (0.5, -HALF_HEIGHT)];

pub(crate) fn hexagon((x, y): Point, unit: f64) -> Vec<Segment> {
    polygon(CORNERS.map(|c| (x + unit * c.0, y + unit * c.1)))
}

/// Sides of the hexagons that no other hexagon shares.
pub(crate) fn contour(centres: &[Point]) -> Vec<(Point, Point)> {
    let mut sides: BTreeMap<[i64; 4], (usize, Point, Point)> = BTreeMap::new();
    for (x, y) in centres {
        for i in 0..6 {
            let corner = |k: usize| (x + CORNERS[k % 6].0, y + CORNERS[k % 6].1);
            let (a, b) = (corner(i), corner(i + 1));
            // Corners are far apart on this grid, so rounding identifies those of neighbours.
            let key = |p: Point| [(p.0 * 8.0).round() as i64, (p.1 * 8.0).round() as i64];
            let (ka, kb) = (key(a).min(key(b)), key(a).max(key(b)));
            sides.entry([ka[0], ka[1], kb[0], kb[1]]).or_insert((0, a, b)).0 += 1;
        }
    }
    sides.into_values().filter(|(n, ..)| *n == 1).map(|(_, a, b)| (a, b)).collect()
}
