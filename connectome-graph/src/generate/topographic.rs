//! Neurons on a sheet that connect to their neighbourhood.
//!
//! Each neuron has `synapses` presynaptic partners, drawn from a normal distribution around its own position, and
//! weights drawn with He scaling (He et al. 2015, arXiv:1502.01852, eq. 10).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{Duplicates, Error, Topology};

/// A grid of neurons, numbered row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sheet {
    /// Number of rows.
    pub rows: u32,
    /// Number of columns.
    pub columns: u32,
}

impl Sheet {
    /// Number of neurons.
    pub fn len(self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// Whether the sheet has no neurons.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Number of the neuron at a position.
    pub fn index(self, row: u32, column: u32) -> usize {
        row as usize * self.columns as usize + column as usize
    }

    /// Row and column of a neuron.
    ///
    /// [`Convention::Bioplnn`] divides by the number of rows where the number of columns is right; the two agree on
    /// square sheets only, and its row may lie outside the sheet.
    ///
    /// # Panics
    /// If the sheet is empty.
    pub fn position(self, index: usize, convention: Convention) -> (u32, u32) {
        let divisor = match convention {
            Convention::Corrected => self.columns,
            Convention::Bioplnn => self.rows,
        };
        ((index / divisor as usize) as u32, (index % self.columns as usize) as u32)
    }
}

/// Which of two readings of the same generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Convention {
    /// Positions by the number of columns; drawn partners are presynaptic; weights scale with the number of inputs,
    /// the one from the neuron itself included. The default.
    #[default]
    Corrected,
    /// As bioplnn does it (revision 83e5255): positions divide by the number of rows, drawn partners are postsynaptic,
    /// the scale leaves the neuron itself out. For comparison with its results.
    Bioplnn,
}

/// Whether neurons connect to themselves besides their drawn partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SelfConnection {
    /// Only if the neuron happens to draw itself. The default.
    #[default]
    Drawn,
    /// Always, in addition.
    Always,
}

/// A topographic connectome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Topographic {
    /// The grid.
    pub sheet: Sheet,
    /// Standard deviation of the distance to a partner in each direction, in grid units, at least 0.
    pub std: f32,
    /// Number of drawn partners per neuron.
    pub synapses: u32,
    /// Self connections.
    pub self_connection: SelfConnection,
    /// Reading of the generator.
    pub convention: Convention,
}

/// Standard normal numbers that determine a topographic connectome.
#[derive(Debug, Clone, Copy)]
pub struct TopographicDraws<'a> {
    /// `[neurons, 2, synapses]`: displacements of the partners in rows, then in columns.
    pub positions: &'a [f32],
    /// `[neurons, inputs]`: weights; a self connection is the last input.
    pub weights: &'a [f32],
}

impl Topographic {
    /// Number of entries per neuron before duplicates are summed.
    fn inputs(&self) -> usize {
        self.synapses as usize + usize::from(self.self_connection == SelfConnection::Always)
    }

    /// The connectome of a seed (`ChaCha8`), `[n, n]`. Partners drawn twice have their weights summed.
    ///
    /// # Errors
    /// See [`Topographic::from_draws`].
    pub fn generate(&self, seed: u64) -> Result<Topology, Error> {
        self.check()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| StandardNormal.sample(&mut rng)).collect() };
        let positions = draw(self.sheet.len() * 2 * self.synapses as usize);
        let weights = draw(self.sheet.len() * self.inputs());
        self.from_draws(TopographicDraws { positions: &positions, weights: &weights })
    }

    /// The connectome of given draws, `[n, n]`.
    ///
    /// Partners lie at `trunc(draw * std + own position)`, computed in `f32` and clamped to the sheet.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an empty sheet, a negative or infinite deviation or no synapses; [`Error::TooMany`];
    /// [`Error::Length`] for the wrong number of draws; [`Error::NotFinite`] for a weight.
    pub fn from_draws(&self, draws: TopographicDraws<'_>) -> Result<Topology, Error> {
        self.check()?;
        let (n, k, inputs) = (self.sheet.len(), self.synapses as usize, self.inputs());
        for (what, expected, got) in
            [("position draws", n * 2 * k, draws.positions.len()), ("weight draws", n * inputs, draws.weights.len())]
        {
            if expected != got {
                return Err(Error::Length { what, expected, got });
            }
        }
        let scale = match self.convention {
            Convention::Corrected => (2.0 / inputs as f32).sqrt(),
            Convention::Bioplnn => (2.0 / k as f32).sqrt(),
        };
        let mut partner = Vec::with_capacity(n * inputs);
        let mut neuron = Vec::with_capacity(n * inputs);
        for i in 0..n {
            let (row, column) = self.sheet.position(i, self.convention);
            let clamp = |at: f32, size: u32| at.trunc().clamp(0.0, (size - 1) as f32) as u32;
            let draws = &draws.positions[i * 2 * k..(i + 1) * 2 * k];
            for (&down, &right) in draws[..k].iter().zip(&draws[k..]) {
                let r = clamp(down * self.std + row as f32, self.sheet.rows);
                let c = clamp(right * self.std + column as f32, self.sheet.columns);
                partner.push(self.sheet.index(r, c) as u32);
            }
            if self.self_connection == SelfConnection::Always {
                let r = row.min(self.sheet.rows - 1);
                partner.push(self.sheet.index(r, column) as u32);
            }
            neuron.resize(partner.len(), i as u32);
        }
        let weights: Vec<f64> = draws.weights.iter().map(|&w| f64::from(w * scale)).collect();
        let (post, pre) = match self.convention {
            Convention::Corrected => (&neuron, &partner),
            Convention::Bioplnn => (&partner, &neuron),
        };
        Topology::from_edges(n, n, post, pre, &weights, Duplicates::Sum)
    }

    fn check(&self) -> Result<(), Error> {
        let parameter = |what, value: f64, wanted| Err(Error::Parameter { what, value, wanted });
        if self.sheet.is_empty() {
            return parameter("number of neurons of the sheet", 0.0, "give it at least one row and one column");
        }
        let count = self.sheet.len() as u128 * self.inputs().max(2) as u128;
        let limit = u128::from(u32::MAX);
        if count > limit {
            return Err(Error::TooMany { what: "synapses of the sheet", count, limit });
        }
        if !(self.std.is_finite() && self.std >= 0.0) {
            return parameter(
                "standard deviation of the distance",
                f64::from(self.std),
                "it must be finite and at least 0",
            );
        }
        if self.synapses == 0 {
            return parameter("number of synapses per neuron", 0.0, "it must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: Sheet = Sheet { rows: 3, columns: 7 };

    fn topographic(std: f32, synapses: u32, self_connection: SelfConnection) -> Topographic {
        Topographic { sheet: SHEET, std, synapses, self_connection, convention: Convention::Corrected }
    }

    #[test]
    fn positions_are_inverse_to_indices() {
        for i in 0..SHEET.len() {
            let (row, column) = SHEET.position(i, Convention::Corrected);
            assert!(row < SHEET.rows);
            assert_eq!(SHEET.index(row, column), i);
        }
    }

    /// Every neuron has between one and `synapses` inputs, and without spread only itself.
    #[test]
    fn inputs_are_bounded() {
        let wide = topographic(1.5, 4, SelfConnection::Drawn).generate(3).unwrap();
        assert!(wide.in_degree().iter().all(|&d| (1..=4).contains(&d)));
        let own = topographic(0.0, 4, SelfConnection::Always).generate(3).unwrap();
        assert_eq!((own.nnz(), own.self_loops()), (SHEET.len(), SHEET.len()));
    }

    /// Variance of the summed weight is 2 for each neuron whatever the number of inputs.
    #[test]
    fn weights_are_scaled_by_inputs() {
        let sheet = Sheet { rows: 60, columns: 50 };
        let all = Topographic {
            sheet,
            std: 2.0,
            synapses: 5,
            self_connection: SelfConnection::Always,
            convention: Convention::Corrected,
        };
        let strength = all.generate(1).unwrap().in_strength();
        let variance = strength.iter().map(|s| s * s).sum::<f64>() / strength.len() as f64;
        assert!((variance - 2.0).abs() < 0.15, "{variance}");
    }

    #[test]
    fn seeds_decide() {
        let t = topographic(1.0, 3, SelfConnection::Drawn);
        assert_eq!(t.generate(5).unwrap(), t.generate(5).unwrap());
        assert_ne!(t.generate(5).unwrap(), t.generate(6).unwrap());
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(matches!(topographic(f32::NAN, 3, SelfConnection::Drawn).generate(0), Err(Error::Parameter { .. })));
        assert!(matches!(topographic(1.0, 0, SelfConnection::Drawn).generate(0), Err(Error::Parameter { .. })));
        let none = TopographicDraws { positions: &[], weights: &[] };
        assert!(matches!(topographic(1.0, 1, SelfConnection::Drawn).from_draws(none), Err(Error::Length { .. })));
        let vast = Sheet { rows: u32::MAX, columns: u32::MAX };
        let vast = Topographic { sheet: vast, ..topographic(1.0, 1, SelfConnection::Drawn) };
        assert!(matches!(vast.generate(0), Err(Error::TooMany { .. })));
    }
}
