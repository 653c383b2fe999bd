//! One factor per row, per column, or for the whole matrix.

use crate::spectrum::{Krylov, spectral_radius};
use crate::{Error, Topology};

/// Whose weights share a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The inputs of each postsynaptic neuron: rows.
    Inputs,
    /// The outputs of each presynaptic neuron: columns.
    Outputs,
}

/// The size of a list of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Norm {
    /// Sum of magnitudes.
    L1,
    /// Root of the sum of squares.
    L2,
    /// Largest magnitude.
    Max,
}

/// The norm that each row or column gets, in units of the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// All weights together.
    Together(f64),
    /// Positive and negative weights on their own, which sets the balance of excitation and inhibition.
    Separate {
        /// Norm of the positive weights.
        excitatory: f64,
        /// Norm of the negative weights.
        inhibitory: f64,
    },
}

/// Scales every row or column to a norm. Signs stay, and so do lists without a weight other than 0.
///
/// `w[i, j]` becomes `target * w[i, j] / norm(w[i, :])`, or `w[:, j]` for [`Axis::Outputs`]. Norms are free of overflow
/// and sums run in the order of the rows. Linear in synapses and neurons.
///
/// # Errors
/// [`Error::Parameter`] unless targets are finite and at least 0.
pub fn normalise(topology: &Topology, axis: Axis, norm: Norm, target: Target) -> Result<Topology, Error> {
    let (targets, separate) = match target {
        Target::Together(target) => ([target; 2], false),
        Target::Separate { excitatory, inhibitory } => ([excitatory, inhibitory], true),
    };
    if let Some(&value) = targets.iter().find(|target| !(target.is_finite() && **target >= 0.0)) {
        return Err(Error::Parameter { what: "target norm", value, wanted: "it must be finite and at least 0" });
    }
    let lists = match axis {
        Axis::Inputs => topology.n_post(),
        Axis::Outputs => topology.n_pre(),
    };
    let part = |weight: f64| usize::from(separate && weight < 0.0);
    let list = |post: u32, pre: u32| match axis {
        Axis::Inputs => post as usize,
        Axis::Outputs => pre as usize,
    };
    let mut most = vec![[0f64; 2]; lists];
    for (post, pre, weight) in topology.iter() {
        let most = &mut most[list(post, pre)][part(weight)];
        *most = most.max(weight.abs());
    }
    // norm as a multiple of the largest magnitude, so that neither sums nor squares overflow
    let mut size = vec![[0f64; 2]; lists];
    for (post, pre, weight) in topology.iter() {
        let (list, part) = (list(post, pre), part(weight));
        if weight != 0.0 {
            let share = weight.abs() / most[list][part];
            let size = &mut size[list][part];
            match norm {
                Norm::L1 => *size += share,
                Norm::L2 => *size += share * share,
                Norm::Max => *size = 1.0,
            }
        }
    }
    let scaled = topology.iter().map(|(post, pre, weight)| {
        if weight == 0.0 {
            return weight;
        }
        let (list, part) = (list(post, pre), part(weight));
        let size = if norm == Norm::L2 { size[list][part].sqrt() } else { size[list][part] };
        weight / most[list][part] / size * targets[part]
    });
    topology.with_weights(scaled.collect())
}

/// Scales all weights by one factor such that the largest modulus of an eigenvalue is `radius`.
///
/// A rate network `dh/dt = -h + W phi(h)` with slope 1 at rest leaves rest about where the radius reaches 1 (Sompolinsky,
/// Crisanti & Sommers, *Phys. Rev. Lett.* 61 (1988) 259, doi 10.1103/PhysRevLett.61.259).
///
/// # Errors
/// [`Error::Parameter`] if `radius` is negative or not finite, or if all eigenvalues of the network are 0 (no loop of
/// synapses); [`Error::Eigenvalues`] if the radius of the network could not be found; [`Error::NotFinite`] if weights
/// overflow.
///
/// # Panics
/// If the topology is not square.
pub fn to_spectral_radius(topology: &Topology, radius: f64, krylov: &Krylov) -> Result<Topology, Error> {
    if !(radius.is_finite() && radius >= 0.0) {
        let wanted = "it must be finite and at least 0";
        return Err(Error::Parameter { what: "spectral radius", value: radius, wanted });
    }
    let now = spectral_radius(topology, krylov)?;
    if now == 0.0 {
        let wanted = "no factor changes that: the network has no loops, normalise its rows instead";
        return Err(Error::Parameter { what: "spectral radius of the network", value: now, wanted });
    }
    topology.map_weights(|weight| weight / now * radius)
}
