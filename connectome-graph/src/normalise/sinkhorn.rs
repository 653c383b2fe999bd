//! Sinkhorn-Knopp: one factor per row and one per column, so that all rows and all columns have equal sums.
//!
//! Sources: Sinkhorn & Knopp, *Pacific J. Math.* 21 (1967) 343, doi 10.2140/pjm.1967.21.343; rate of convergence and
//! stopping: Knight, *SIAM J. Matrix Anal. Appl.* 30 (2008) 261, doi 10.1137/060659624.

use rayon::prelude::*;

use super::support::{Support, support};
use crate::{Error, Topology};

/// Balances excitatory and inhibitory weights, each part on its own: the magnitudes of a part are scaled to
/// `r[i] * |w[i, j]| * c[j]`, so that its inputs of each neuron sum to one target and its outputs of each neuron to
/// another. Neurons without a weight of the part stay without, so under Dale's law the excitatory part has fewer
/// columns than rows. The sum of the columns follows: `target * rows / columns`, where only rows and columns with a
/// weight count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinkhorn {
    /// Sum of the excitatory inputs of each neuron that has any, in units of the weights. Default 0.5.
    pub excitatory: f64,
    /// Sum of the magnitudes of the inhibitory inputs. Default 0.5.
    pub inhibitory: f64,
    /// Largest relative error of a row sum; column sums are exact up to rounding. Default 1e-10.
    pub tolerance: f64,
    /// Iterations (a pass over the rows and one over the columns) after which to give up. Default 10,000.
    pub max_iterations: usize,
}

impl Default for Sinkhorn {
    fn default() -> Self {
        Self { excitatory: 0.5, inhibitory: 0.5, tolerance: 1e-10, max_iterations: 10_000 }
    }
}

/// What [`Sinkhorn::balance`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Balanced {
    /// The scaled network, on the same synapses and with the same signs.
    pub topology: Topology,
    /// How the positive weights fared.
    pub excitatory: Balance,
    /// How the negative weights fared.
    pub inhibitory: Balance,
}

/// How one part was balanced.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Balance {
    /// Iterations done; 0 for a part without weights.
    pub iterations: usize,
    /// Largest relative error of a row sum.
    pub residual: f64,
    /// Number of rows with a weight of this part.
    pub rows: usize,
    /// Number of columns with a weight of this part.
    pub columns: usize,
    /// Sum of each of these rows, up to the residual.
    pub row_sum: f64,
    /// Sum of each of these columns.
    pub column_sum: f64,
    /// Synapses whose weight became 0, because no matrix on these synapses with such sums has a weight there (support,
    /// but not total support).
    pub vanished: usize,
}

/// Iterations after which convergence is so slow that the existence of a scaling is examined.
const PATIENCE: usize = 100;

impl Sinkhorn {
    /// Balances a network.
    ///
    /// Each iteration is linear in synapses and neurons; their number depends on the network, not on its size. If a
    /// hundred of them do not reach the tolerance, a maximal flow decides whether a scaling exists; weights that vanish
    /// in the limit are then set to 0.
    ///
    /// # Errors
    /// [`Error::NoScaling`] if no matrix on these synapses has such sums; [`Error::NotConverged`];
    /// [`Error::Parameter`] unless targets are finite and positive, the tolerance is at least 1e-14 and iterations are
    /// allowed.
    pub fn balance(&self, topology: &Topology) -> Result<Balanced, Error> {
        for (what, value) in [("excitatory sum", self.excitatory), ("inhibitory sum", self.inhibitory)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::Parameter { what, value, wanted: "it must be finite and positive" });
            }
        }
        if self.tolerance.is_nan() || self.tolerance < 1e-14 {
            let wanted = "it must be at least 1e-14, about the rounding of a sum";
            return Err(Error::Parameter { what: "tolerance", value: self.tolerance, wanted });
        }
        if self.max_iterations == 0 {
            return Err(Error::Parameter { what: "number of iterations", value: 0.0, wanted: "it must be at least 1" });
        }
        let mut weights = topology.weights().to_vec();
        let mut balance = |name, sign: f64, target| {
            let mut part = Part::new(topology, sign);
            let balance = self.balance_part(&mut part, name, target)?;
            for (&entry, weight) in part.entries.iter().zip(part.scaled()) {
                weights[entry] = sign * weight;
            }
            Ok::<_, Error>(balance)
        };
        let excitatory = balance("excitatory", 1.0, self.excitatory)?;
        let inhibitory = balance("inhibitory", -1.0, self.inhibitory)?;
        Ok(Balanced { topology: topology.with_weights(weights)?, excitatory, inhibitory })
    }

    fn balance_part(&self, part: &mut Part, name: &'static str, target: f64) -> Result<Balance, Error> {
        let (rows, columns) = (part.rows.len(), part.columns.len());
        if rows == 0 {
            return Ok(Balance::default());
        }
        let column_sum = target * (rows as f64 / columns as f64);
        let mut vanished = 0;
        let mut residual = f64::INFINITY;
        for iterations in 0..=self.max_iterations {
            let (error, row_factor) = rescaled(&part.matrix, &part.row_factor, &part.column_factor, target);
            residual = error;
            // row factors are there after one iteration only
            if iterations > 0 && residual <= self.tolerance {
                let row_sum = target;
                return Ok(Balance { iterations, residual, rows, columns, row_sum, column_sum, vanished });
            }
            part.row_factor = row_factor;
            if iterations == PATIENCE.min(self.max_iterations) {
                match support(&part.matrix) {
                    Support::Total => {}
                    Support::Partial(doomed) => {
                        vanished = doomed.len();
                        part.remove(&doomed);
                        part.row_factor = rescaled(&part.matrix, &part.row_factor, &part.column_factor, target).1;
                    }
                    Support::None { rows, columns } => {
                        let count = rows.len();
                        let neurons = rows.iter().take(16).map(|&row| part.rows[row as usize]).collect();
                        return Err(Error::NoScaling { part: name, rows: count, neurons, columns });
                    }
                }
            }
            part.column_factor = rescaled(&part.transpose, &part.column_factor, &part.row_factor, column_sum).1;
        }
        Err(Error::NotConverged {
            what: "Sinkhorn-Knopp balancing",
            iterations: self.max_iterations,
            residual,
            tolerance: self.tolerance,
            advice: "allow more iterations, loosen the tolerance or remove neurons with very few synapses",
        })
    }
}

/// The synapses of one sign, without empty rows and columns, and their factors.
struct Part {
    /// Magnitudes.
    matrix: Topology,
    transpose: Topology,
    /// Row of the whole matrix for each row of the part, and column for each column.
    rows: Vec<u32>,
    columns: Vec<u32>,
    /// Position of each weight among those of the whole matrix.
    entries: Vec<usize>,
    row_factor: Vec<f64>,
    column_factor: Vec<f64>,
}

impl Part {
    fn new(topology: &Topology, sign: f64) -> Self {
        let mut place = vec![u32::MAX; topology.n_pre()];
        for (&pre, &weight) in topology.columns().iter().zip(topology.weights()) {
            if weight * sign > 0.0 {
                place[pre as usize] = 0;
            }
        }
        let columns: Vec<u32> = (0..topology.n_pre() as u32).filter(|&pre| place[pre as usize] == 0).collect();
        for (new, &old) in columns.iter().enumerate() {
            place[old as usize] = new as u32;
        }
        // factors absorb the scale of the weights, so that those may be as large or small as numbers go
        let scale = topology.weights().iter().map(|&w| w * sign).fold(0.0, f64::max);
        let (mut row_ptr, mut rows, mut entries) = (vec![0], Vec::new(), Vec::new());
        let (mut indices, mut weights) = (Vec::new(), Vec::new());
        for (entry, (post, pre, weight)) in topology.iter().enumerate() {
            if weight * sign > 0.0 {
                if rows.last() != Some(&post) {
                    rows.push(post);
                    row_ptr.push(entries.len());
                }
                entries.push(entry);
                indices.push(place[pre as usize]);
                weights.push(weight * sign / scale);
                *row_ptr.last_mut().expect("it starts with one offset") = entries.len();
            }
        }
        let matrix = Topology::from_parts(rows.len(), columns.len(), row_ptr, indices, weights);
        let (row_factor, column_factor) = (vec![0.0; rows.len()], vec![1.0; columns.len()]);
        Self { transpose: matrix.transpose(), matrix, rows, columns, entries, row_factor, column_factor }
    }

    /// Sets entries to 0.
    fn remove(&mut self, entries: &[usize]) {
        let mut weights = self.matrix.weights().to_vec();
        for &entry in entries {
            weights[entry] = 0.0;
        }
        let m = &self.matrix;
        self.matrix = Topology::from_parts(m.n_post(), m.n_pre(), m.row_ptr().to_vec(), m.columns().to_vec(), weights);
        self.transpose = self.matrix.transpose();
    }

    fn scaled(&self) -> impl Iterator<Item = f64> + '_ {
        let factors = (&self.row_factor, &self.column_factor);
        self.matrix.iter().map(move |(i, j, w)| w * factors.0[i as usize] * factors.1[j as usize])
    }
}

/// The largest relative error of a row sum `factor[i] * (matrix * other)[i]`, and the factors that leave none.
fn rescaled(matrix: &Topology, factor: &[f64], other: &[f64], sum: f64) -> (f64, Vec<f64>) {
    let factors: Vec<(f64, f64)> = factor
        .par_iter()
        .enumerate()
        .map(|(i, factor)| {
            let (columns, weights) = matrix.row(i);
            let now: f64 = columns.iter().zip(weights).map(|(&j, w)| w * other[j as usize]).sum();
            ((factor * now / sum - 1.0).abs(), sum / now)
        })
        .collect();
    // NaN counts as the largest error
    let worst = factors.iter().fold(0.0, |worst: f64, &(error, _)| if error <= worst { worst } else { error });
    (worst, factors.into_iter().map(|(_, factor)| factor).collect())
}

/// The normalisation of FlyStability, for comparison with its results: `iterations` (there always 10) passes of
/// `a / (2 rowsum + 1e-10)`, then `a / (2 colsum + 1e-10)`, for excitatory and inhibitory magnitudes each, without a
/// test of convergence. Sums tend to 1/2.
///
/// # Errors
/// [`Error::NotFinite`] if a sum overflows.
pub fn sinkhorn_flystability(topology: &Topology, iterations: usize) -> Result<Topology, Error> {
    let mut magnitude: Vec<f64> = topology.weights().iter().map(|w| w.abs()).collect();
    let part: Vec<usize> = topology.weights().iter().map(|&w| usize::from(w < 0.0)).collect();
    let row: Vec<u32> = topology.iter().map(|(post, ..)| post).collect();
    for _ in 0..iterations {
        for (list, n) in [(&row[..], topology.n_post()), (topology.columns(), topology.n_pre())] {
            let mut sum = vec![[0f64; 2]; n];
            for ((&at, &part), &value) in list.iter().zip(&part).zip(&magnitude) {
                sum[at as usize][part] += value;
            }
            for ((&at, &part), value) in list.iter().zip(&part).zip(&mut magnitude) {
                *value /= 2.0 * sum[at as usize][part] + 1e-10;
            }
        }
    }
    topology.with_weights(magnitude.iter().zip(topology.weights()).map(|(m, w)| m.copysign(*w)).collect())
}
