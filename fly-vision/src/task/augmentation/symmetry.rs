//! Rotations and reflections of the hexagonal lattice.

use connectome_graph::hex::{Axial, Lattice};

use crate::Error;

/// A symmetry of the lattice: where each column's value comes from, and what happens to vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetry {
    sources: Vec<u32>,
    matrix: [[f32; 2]; 2],
}

impl Symmetry {
    /// Nothing moves.
    pub fn identity(lattice: &Lattice) -> Self {
        Self::of(lattice, |column| column, [[1.0, 0.0], [0.0, 1.0]])
    }

    /// A rotation by `turns` times 60 degrees: `(u, v)` moves to `(-v, u + v)` at each.
    pub fn rotation(lattice: &Lattice, turns: u32) -> Self {
        let turns = turns % 6;
        let (sin, cos) = f64::from(60 * turns).to_radians().sin_cos();
        let turned = |column| (0..turns).fold(column, |Axial { u, v }, _| Axial::new(-v, u + v));
        Self::of(lattice, turned, [[cos, -sin], [sin, cos]])
    }

    /// A reflection: `(u, v)` moves to `(u + v, -v)` for axis 1, `(-u, u + v)` for 2, `(-v, -u)` for 3. Vectors are reflected at a line
    /// of 90, 150 or 210 degrees.
    ///
    /// # Errors
    /// [`Error::Setting`] for another axis.
    pub fn flip(lattice: &Lattice, axis: u32) -> Result<Self, Error> {
        let flipped: fn(Axial) -> Axial = match axis {
            1 => |c| Axial::new(c.u + c.v, -c.v),
            2 => |c| Axial::new(-c.u, c.u + c.v),
            3 => |c| Axial::new(-c.v, -c.u),
            _ => return Err(Error::setting("flip axis", format!("{axis}; there are 1, 2 and 3"))),
        };
        let (sin, cos) = f64::from(2 * (90 + 60 * (axis - 1))).to_radians().sin_cos();
        Ok(Self::of(lattice, flipped, [[cos, sin], [sin, -cos]]))
    }

    fn of(lattice: &Lattice, moved: impl Fn(Axial) -> Axial, matrix: [[f64; 2]; 2]) -> Self {
        let mut sources: Vec<u32> = (0..lattice.len() as u32).collect();
        let order: Vec<Axial> = lattice.columns().map(moved).collect();
        sources.sort_by_key(|&i| order[i as usize]);
        Self { sources, matrix: matrix.map(|row| row.map(|x| x as f32)) }
    }

    /// Column that each column's value comes from.
    pub fn sources(&self) -> &[u32] {
        &self.sources
    }

    /// What vectors `[x, y]` are multiplied by.
    pub fn matrix(&self) -> [[f32; 2]; 2] {
        self.matrix
    }

    /// Moves scalars `[.., columns]`.
    ///
    /// # Panics
    /// If they are not whole frames.
    #[must_use]
    pub fn scalars(&self, x: &[f32]) -> Vec<f32> {
        let columns = self.sources.len();
        assert!(x.len().is_multiple_of(columns), "{} numbers in frames of {columns} columns", x.len());
        x.chunks_exact(columns).flat_map(|frame| self.sources.iter().map(|&i| frame[i as usize])).collect()
    }

    /// Moves and turns vectors `[frames, dimensions, columns]`; the third dimension, if there is one, stays as it is.
    ///
    /// # Panics
    /// If they are not whole frames of 2 or 3 dimensions.
    #[must_use]
    pub fn vectors(&self, x: &[f32], dimensions: usize) -> Vec<f32> {
        assert!(dimensions == 2 || dimensions == 3, "vectors of {dimensions} dimensions, not 2 or 3");
        let columns = self.sources.len();
        assert!(
            x.len().is_multiple_of(dimensions * columns),
            "{} numbers in frames of [{dimensions}, {columns}]",
            x.len()
        );
        let mut moved = self.scalars(x);
        for frame in moved.chunks_exact_mut(dimensions * columns) {
            let (x, rest) = frame.split_at_mut(columns);
            for (x, y) in x.iter_mut().zip(rest) {
                let vector = [*x, *y];
                [*x, *y] = self.matrix.map(|row| row[0] * vector[0] + row[1] * vector[1]);
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectome_graph::hex::{Extent, PlotLayout};

    /// Six rotations, or the same reflection twice, give back what there was; a reflection undoes its own.
    #[test]
    fn symmetries_form_a_group() {
        let lattice = Lattice::new(Extent(3)).unwrap();
        let vectors: Vec<f32> = (0..2 * 2 * lattice.len()).map(|i| (i as f32 * 0.7).sin()).collect();
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        for turns in 0..6 {
            let there = Symmetry::rotation(&lattice, turns).vectors(&vectors, 2);
            assert!(close(&Symmetry::rotation(&lattice, 6 - turns).vectors(&there, 2), &vectors));
        }
        for axis in 1..=3 {
            let flip = Symmetry::flip(&lattice, axis).unwrap();
            assert!(close(&flip.vectors(&flip.vectors(&vectors, 2), 2), &vectors));
        }
        assert!(Symmetry::flip(&lattice, 0).is_err());
        assert_eq!(Symmetry::rotation(&lattice, 6), Symmetry::identity(&lattice));
    }

    /// Positions on the page, seen as vectors, go where their columns go, up to the page's orientation.
    #[test]
    fn vectors_turn_with_the_lattice() {
        let lattice = Lattice::new(Extent(4)).unwrap();
        for symmetry in (1..6).map(|n| Symmetry::rotation(&lattice, n)) {
            let places = lattice.plot(PlotLayout::Default);
            let lengths: Vec<f32> = places.iter().map(|[x, y]| x.hypot(*y) as f32).collect();
            let moved = symmetry.scalars(&lengths);
            assert!(moved.iter().zip(&lengths).all(|(a, b)| (a - b).abs() < 1e-5));
            let [[a, b], [c, d]] = symmetry.matrix();
            assert!((a * d - b * c - 1.0).abs() < 1e-6);
        }
    }
}
