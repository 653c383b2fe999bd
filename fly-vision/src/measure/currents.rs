//! Currents into a cell, by where they come from.

use std::ops::Range;

use connectome_graph::hex::Axial;

use crate::Error;

/// An edge onto the cell in question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Afferent {
    /// Number of the presynaptic cell among those whose outputs are given.
    pub source: usize,
    /// Number of its type.
    pub source_type: u32,
    /// Its column relative to that of the cell in question.
    pub position: Axial,
    /// Weight of the edge: sign times number of synapses times strength.
    pub weight: f64,
}

/// The current from all cells of a type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TypeCurrent {
    /// Number of the type.
    pub source_type: u32,
    /// The current over time, `[frames]`.
    pub current: Vec<f64>,
}

/// Currents into a cell over time, one per edge: `[afferents, frames]`, weight times output of the presynaptic cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Currents {
    afferents: Vec<Afferent>,
    frames: usize,
    values: Vec<f64>,
}

impl Currents {
    /// Of the edges onto a cell and the outputs of all `cells` over time, `[frames, cells]`: their activities after the
    /// activation function.
    ///
    /// # Errors
    /// [`Error::Shape`] if outputs are not whole frames; [`Error::Setting`] if an edge comes from a cell that is not
    /// there.
    pub fn new<T: Copy + Into<f64>>(afferents: &[Afferent], outputs: &[T], cells: usize) -> Result<Self, Error> {
        if cells == 0 || !outputs.len().is_multiple_of(cells) {
            return Err(Error::shape(
                "outputs of cells",
                format!("{} numbers", outputs.len()),
                format!("whole frames of {cells} cells"),
            ));
        }
        if let Some(edge) = afferents.iter().find(|edge| edge.source >= cells) {
            return Err(Error::setting("source of a current", format!("is cell {}, of {cells}", edge.source)));
        }
        let frames = outputs.len() / cells;
        let mut values = Vec::with_capacity(afferents.len() * frames);
        for edge in afferents {
            values.extend(outputs.chunks_exact(cells).map(|frame| edge.weight * frame[edge.source].into()));
        }
        Ok(Self { afferents: afferents.to_vec(), frames, values })
    }

    /// The edges.
    pub fn afferents(&self) -> &[Afferent] {
        &self.afferents
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Current through an edge over time, `[frames]`.
    ///
    /// # Panics
    /// If there is no such edge.
    pub fn through(&self, afferent: usize) -> &[f64] {
        assert!(afferent < self.afferents.len(), "edge {afferent} of {}", self.afferents.len());
        &self.values[afferent * self.frames..][..self.frames]
    }

    /// The sum of currents from each type, in order of types.
    pub fn by_type(&self) -> Vec<TypeCurrent> {
        let mut types: Vec<u32> = self.afferents.iter().map(|edge| edge.source_type).collect();
        types.sort_unstable();
        types.dedup();
        let of = |source_type| TypeCurrent { source_type, current: self.sum(|edge| edge.source_type == source_type) };
        types.into_iter().map(of).collect()
    }

    /// The sum over edges of positive weight, `[frames]`.
    pub fn excitatory(&self) -> Vec<f64> {
        self.sum(|edge| edge.weight > 0.0)
    }

    /// The sum over edges of negative weight, `[frames]`.
    pub fn inhibitory(&self) -> Vec<f64> {
        self.sum(|edge| edge.weight < 0.0)
    }

    /// The sum over all edges, `[frames]`.
    pub fn total(&self) -> Vec<f64> {
        self.sum(|_| true)
    }

    fn sum(&self, of: impl Fn(&Afferent) -> bool) -> Vec<f64> {
        let mut sum = vec![0.0; self.frames];
        for (at, _) in self.afferents.iter().enumerate().filter(|(_, edge)| of(edge)) {
            for (sum, current) in sum.iter_mut().zip(self.through(at)) {
                *sum += current;
            }
        }
        sum
    }

    /// Each current less its own value in a frame, usually the first.
    ///
    /// # Panics
    /// If there is no such frame.
    #[must_use]
    pub fn less_baseline(mut self, frame: usize) -> Self {
        assert!(frame < self.frames, "frame {frame} of {}", self.frames);
        for current in self.values.chunks_exact_mut(self.frames) {
            let level = current[frame];
            current.iter_mut().for_each(|x| *x -= level);
        }
        self
    }

    /// Currents divided by the root mean square of the total over frames, by which cells and models can be compared. Frames without a
    /// value (NaN, after the end of a short stimulus) do not count. They stay as they are if that is 0.
    #[must_use]
    pub fn standardised(mut self) -> Self {
        let total: Vec<f64> = self.total().into_iter().filter(|x| !x.is_nan()).collect();
        let size = (total.iter().map(|x| x * x).sum::<f64>() / total.len() as f64).sqrt();
        if size > 0.0 {
            self.values.iter_mut().for_each(|x| *x /= size);
        }
        self
    }

    /// Currents less those of another stimulus through the same edges: preferred direction less null direction.
    ///
    /// # Errors
    /// [`Error::Shape`] if edges or frames differ.
    pub fn less(&self, other: &Self) -> Result<Self, Error> {
        if self.afferents != other.afferents || self.frames != other.frames {
            return Err(Error::shape(
                "currents to compare",
                format!("[{}, {}] (edges, frames)", other.afferents.len(), other.frames),
                format!("[{}, {}] through the same edges", self.afferents.len(), self.frames),
            ));
        }
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a - b).collect();
        Ok(Self { values, ..self.clone() })
    }

    /// Mean current in some frames from each column with cells of a type, by its relative position; in order of edges.
    ///
    /// # Panics
    /// If there are no such frames.
    pub fn map(&self, source_type: u32, frames: Range<usize>) -> Vec<(Axial, f64)> {
        assert!(!frames.is_empty() && frames.end <= self.frames, "frames {frames:?} of {}", self.frames);
        let mut map: Vec<(Axial, f64)> = Vec::new();
        for (at, edge) in self.afferents.iter().enumerate().filter(|(_, edge)| edge.source_type == source_type) {
            let mean = self.through(at)[frames.clone()].iter().sum::<f64>() / frames.len() as f64;
            match map.iter_mut().find(|(position, _)| *position == edge.position) {
                Some((_, sum)) => *sum += mean,
                None => map.push((edge.position, mean)),
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edges(weights: &[f64]) -> Vec<Afferent> {
        let edge = |(source, &weight): (usize, &f64)| Afferent {
            source,
            source_type: [7, 3][source % 2],
            position: Axial::new(source as i32 / 2, 0),
            weight,
        };
        weights.iter().enumerate().map(edge).collect()
    }

    proptest! {
        /// Types, signs and columns are three ways to divide the same total.
        #[test]
        fn parts_add_up(
            weights in prop::collection::vec(-2.0..2.0, 6),
            outputs in prop::collection::vec(0.0..5.0, 24),
        ) {
            let currents = Currents::new(&edges(&weights), &outputs, 6).unwrap();
            let types = currents.by_type();
            for frame in 0..4 {
                let total = currents.total()[frame];
                let by_type: f64 = types.iter().map(|t| t.current[frame]).sum();
                let by_sign = currents.excitatory()[frame] + currents.inhibitory()[frame];
                let columns = [3, 7].into_iter().flat_map(|t| currents.map(t, frame..frame + 1));
                let by_column: f64 = columns.map(|(_, x)| x).sum();
                prop_assert!((by_type - total).abs() < 1e-12);
                prop_assert!((by_sign - total).abs() < 1e-12);
                prop_assert!((by_column - total).abs() < 1e-12);
            }
            prop_assert!(currents.less(&currents).unwrap().total().iter().all(|x| *x == 0.0));
            let level = currents.clone().less_baseline(0);
            prop_assert!(level.total()[0] == 0.0);
            let size: f64 = level.standardised().total().iter().map(|x| x * x).sum();
            prop_assert!((size - 4.0).abs() < 1e-9);
        }
    }

    #[test]
    fn currents_by_hand() {
        let currents = Currents::new(&edges(&[2.0, -1.0]), &[1.0_f32, 3.0, 0.0, 5.0], 2).unwrap();
        assert_eq!(currents.through(0), [2.0, 0.0]);
        // a frame after the end of the stimulus does not count
        let ended = Currents::new(&edges(&[3.0]), &[1.0, 1.0, f64::NAN], 1).unwrap().standardised();
        assert_eq!(ended.through(0)[..2], [1.0, 1.0]);
        assert_eq!(currents.by_type()[0], TypeCurrent { source_type: 3, current: vec![-3.0, -5.0] });
        assert_eq!(currents.map(3, 0..2), [(Axial::ORIGIN, -4.0)]);
        assert!(Currents::new(&edges(&[1.0; 3]), &[1.0_f64; 4], 2).is_err());
        assert!(Currents::new(&[], &[1.0_f64; 3], 2).is_err());
        assert!(currents.less(&Currents::new(&[], &[1.0_f64; 4], 2).unwrap()).is_err());
    }
}
