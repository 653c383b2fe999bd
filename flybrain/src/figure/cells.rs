//! Cells of a matrix: as rectangles while they are few, as pixels of an embedded image when they are many.

use std::collections::BTreeMap;

use super::color::Rgb;
use super::scene::{Rect, Scene};

/// Rectangles above which an image takes less room.
const MOST_RECTANGLES: usize = 4000;
/// Largest number of pixels along a side of an embedded image.
pub(crate) const MOST_PIXELS: usize = 800;

/// What a cell shows that stands for a block of values, where a matrix has more than 800 rows or columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooling {
    /// The mean of the values that are numbers. The default.
    #[default]
    Mean,
    /// The value of the largest magnitude, so that single entries of a sparse matrix stay visible.
    Largest,
}

/// A matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cells {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Vec<f64>,
}

impl Cells {
    /// The matrix with blocks of cells merged until no side has more than `most` cells.
    pub(crate) fn pooled(self, pooling: Pooling, most: usize) -> Self {
        let (down, across) = (self.rows.div_ceil(most), self.columns.div_ceil(most));
        if (down, across) == (1, 1) {
            return self;
        }
        let (rows, columns) = (self.rows.div_ceil(down), self.columns.div_ceil(across));
        let mut values = Vec::with_capacity(rows * columns);
        for r in 0..rows {
            for c in 0..columns {
                let block = (r * down..((r + 1) * down).min(self.rows)).flat_map(|i| {
                    let start = i * self.columns;
                    &self.values[start + c * across..start + ((c + 1) * across).min(self.columns)]
                });
                let numbers = block.copied().filter(|v| !v.is_nan());
                values.push(match pooling {
                    Pooling::Mean => {
                        let (sum, n) = numbers.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
                        sum / n
                    }
                    Pooling::Largest => {
                        numbers.fold(f64::NAN, |m, v| if v.abs() > m.abs() || m.is_nan() { v } else { m })
                    }
                });
            }
        }
        Self { rows, columns, values }
    }

    /// Fills `area` with the cells. Cells without a colour show `blank`.
    pub(crate) fn draw(&self, scene: &mut Scene, area: Rect, blank: Rgb, color: impl Fn(f64) -> Option<Rgb>) {
        scene.open("cells", "");
        let colors: Vec<Rgb> = self.values.iter().map(|v| color(*v).unwrap_or(blank)).collect();
        let x = |c: usize| area.x + area.w * c as f64 / self.columns as f64;
        let y = |r: usize| area.y + area.h * r as f64 / self.rows as f64;
        let mut runs: BTreeMap<Rgb, Vec<Rect>> = BTreeMap::new();
        let mut count = 0;
        for (r, row) in colors.chunks(self.columns).enumerate() {
            let mut c = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run[0] != blank {
                    let (left, right) = (x(c), x(c + run.len()));
                    let rect = Rect { x: left, y: y(r), w: right - left, h: y(r + 1) - y(r) };
                    runs.entry(run[0]).or_default().push(rect);
                    count += 1;
                }
                c += run.len();
            }
        }
        if count <= MOST_RECTANGLES {
            scene.rect(area, blank);
            for (color, rects) in runs {
                scene.cells(rects, color);
            }
        } else {
            scene.image(area, self.columns, colors);
        }
        scene.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_by_hand() {
        let cells = Cells { rows: 3, columns: 3, values: vec![1.0, 2.0, f64::NAN, 3.0, -6.0, f64::NAN, 5.0, 5.0, 7.0] };
        let mean = cells.clone().pooled(Pooling::Mean, 2);
        assert_eq!((mean.rows, mean.columns), (2, 2));
        assert_eq!(mean.values[0], 0.0);
        assert!(mean.values[1].is_nan());
        assert_eq!(mean.values[2..], [5.0, 7.0]);
        let largest = cells.clone().pooled(Pooling::Largest, 2);
        assert_eq!(largest.values[0], -6.0);
        assert!(largest.values[1].is_nan());
        assert_eq!(cells.pooled(Pooling::Mean, 3).columns, 3);
    }
}
