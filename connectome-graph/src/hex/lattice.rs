//! A hexagon of columns and its numbering.

use super::{Axial, PlotLayout};
use crate::Error;

/// Radius of a lattice in columns, the central one not counted: 15 for the 721 columns of the fly's eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extent(pub u32);

impl Extent {
    /// Largest extent whose columns can be numbered by `u32`.
    pub const MAX: Self = Self(37_836);

    /// Number of columns, `1 + 3 n (n + 1)`.
    pub fn columns(self) -> u128 {
        let n = u128::from(self.0);
        1 + 3 * n * (n + 1)
    }
}

/// All columns with `|u|, |v|, |u + v| <= extent`, numbered by `u`, then `v`, both ascending.
///
/// Nothing is stored but the extent: numbers and coordinates follow from each other by arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lattice {
    extent: i32,
}

impl Lattice {
    /// The lattice of this extent.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`Extent::MAX`].
    pub fn new(extent: Extent) -> Result<Self, Error> {
        if extent > Extent::MAX {
            return Err(Error::TooMany {
                what: "columns of the lattice",
                count: extent.columns(),
                limit: u128::from(u32::MAX),
            });
        }
        Ok(Self { extent: extent.0 as i32 })
    }

    /// The lattice with `columns` columns; `None` if no hexagon has that number.
    pub fn with_columns(columns: usize) -> Option<Self> {
        let extent = Extent((columns / 3).isqrt().try_into().ok()?);
        (extent.columns() == columns as u128).then(|| Self::new(extent).ok())?
    }

    /// Radius in columns.
    pub fn extent(&self) -> Extent {
        Extent(self.extent as u32)
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        let n = self.extent as usize;
        1 + 3 * n * (n + 1)
    }

    /// Never true: there is always a central column.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Number of the column `(0, 0)`, in the middle of the numbering.
    pub fn central(&self) -> u32 {
        (self.len() / 2) as u32
    }

    /// Whether a column belongs to the lattice.
    pub fn contains(&self, column: Axial) -> bool {
        let n = i64::from(self.extent);
        let (u, v) = (i64::from(column.u), i64::from(column.v));
        u.abs() <= n && v.abs() <= n && (u + v).abs() <= n
    }

    /// First and last `v` of the columns with this `u`, `|u| <= extent`.
    pub(super) fn v_range(&self, u: i32) -> (i32, i32) {
        let n = self.extent;
        ((-n).max(-n - u), n.min(n - u))
    }

    /// Number of a column; `None` outside.
    pub fn index(&self, column: Axial) -> Option<u32> {
        self.contains(column)
            .then(|| (self.row_start(column.u) + i64::from(column.v - self.v_range(column.u).0)) as u32)
    }

    /// Column of a number; `None` outside.
    pub fn coordinate(&self, index: u32) -> Option<Axial> {
        if index as usize >= self.len() {
            return None;
        }
        let (mut low, mut high) = (-self.extent, self.extent);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            if self.row_start(middle) <= i64::from(index) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        let v = i64::from(self.v_range(low).0) + i64::from(index) - self.row_start(low);
        Some(Axial::new(low, v as i32))
    }

    /// All columns in the order of their numbers.
    pub fn columns(&self) -> impl Iterator<Item = Axial> + use<> {
        let lattice = *self;
        (-self.extent..=self.extent).flat_map(move |u| {
            let (first, last) = lattice.v_range(u);
            (first..=last).map(move |v| Axial::new(u, v))
        })
    }

    /// Numbers of the neighbours of a column in the order of [`super::Direction::ALL`]; `None` beyond the border.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn neighbours(&self, index: u32) -> [Option<u32>; 6] {
        let column = self.coordinate(index).unwrap_or_else(|| panic!("column {index} of {}", self.len()));
        column.neighbours().map(|next| self.index(next))
    }

    /// Positions `[x, y]` of all columns on the page, in sides of a hexagon.
    pub fn plot(&self, layout: PlotLayout) -> Vec<[f64; 2]> {
        self.columns().map(|column| column.plot(layout)).collect()
    }

    /// Number of the first column with this `u`: rows grow from `n + 1` to `2n + 1` columns and shrink again.
    fn row_start(&self, u: i32) -> i64 {
        let (n, u) = (i64::from(self.extent), i64::from(u));
        let rows = |count: i64| count * (n + 1) + count * (count - 1) / 2;
        if u <= 0 { rows(u + n) } else { self.len() as i64 - rows(n - u + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::Direction;

    /// Number and coordinate are inverse to each other for every column, and numbers follow (u, v) order.
    #[test]
    fn numbering_is_a_bijection() {
        for n in 0..=20 {
            let lattice = Lattice::new(Extent(n)).unwrap();
            let columns: Vec<Axial> = lattice.columns().collect();
            assert_eq!(columns.len(), lattice.len());
            assert!(columns.is_sorted());
            for (i, &column) in columns.iter().enumerate() {
                assert_eq!(lattice.index(column), Some(i as u32));
                assert_eq!(lattice.coordinate(i as u32), Some(column));
                assert!(column.norm() <= n);
            }
            assert_eq!(lattice.coordinate(lattice.len() as u32), None);
            assert_eq!(lattice.coordinate(lattice.central()), Some(Axial::ORIGIN));
            assert_eq!(Lattice::with_columns(lattice.len()), Some(lattice));
            assert_eq!(Lattice::with_columns(lattice.len() + 1), None);
        }
    }

    /// The largest lattice is numbered without overflow, the next one is refused.
    #[test]
    fn extents_are_bounded() {
        let lattice = Lattice::new(Extent::MAX).unwrap();
        let last = (lattice.len() - 1) as u32;
        let corner = Axial::new(37_836, 0);
        assert_eq!(lattice.index(corner), Some(last));
        assert_eq!(lattice.coordinate(last), Some(corner));
        assert!(Extent(37_837).columns() > u128::from(u32::MAX));
        assert!(matches!(Lattice::new(Extent(37_837)), Err(Error::TooMany { .. })));
        assert!(!lattice.contains(Axial::new(i32::MAX, i32::MAX)));
    }

    #[test]
    fn neighbours_end_at_the_border() {
        let lattice = Lattice::new(Extent(1)).unwrap();
        assert_eq!(lattice.neighbours(3), [6, 4, 1, 0, 2, 5].map(Some));
        let east = lattice.index(Direction::East.step()).unwrap();
        assert_eq!(lattice.neighbours(east).iter().flatten().count(), 3);
    }
}
