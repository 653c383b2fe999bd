//! Leading eigenvalues of a network, its spectral radius and its spectral norm.
//!
//! The eigenvalues of a matrix are those of its strongly connected parts, so each part is solved on its own: neurons
//! outside all loops give the weight of their own synapse or exactly 0, small parts a dense eigenproblem, large ones the
//! method of Krylov and Schur.
//!
//! ```
//! use connectome_graph::Topology;
//! use connectome_graph::spectrum::{Krylov, Select, eigenvalues, spectral_norm, spectral_radius};
//!
//! // excitation from neuron 0 to 1, inhibition back: an oscillator
//! let w = Topology::from_dense(2, 2, &[0.0, -4.0, 1.0, 0.0])?;
//! let krylov = Krylov::default();
//! let pair = eigenvalues(&w, 1, Select::Modulus, &krylov)?;
//! assert_eq!(pair.len(), 2); // a conjugate pair is not torn apart
//! assert!((pair[0].im - 2.0).abs() < 1e-12 && pair[0].re.abs() < 1e-12);
//! assert!((spectral_radius(&w, &krylov)? - 2.0).abs() < 1e-12);
//! assert!((spectral_norm(&w, &krylov)? - 4.0).abs() < 1e-12);
//! # Ok::<(), connectome_graph::Error>(())
//! ```

mod dense;
mod krylov;
mod order;
mod vectors;

use rayon::prelude::*;

use crate::{Error, Topology};
use order::{Eigenvalue, conjugates, sort};

pub use krylov::Krylov;
pub use num_complex::Complex64;
pub use order::Select;

/// Parts of at most this many neurons are solved densely.
const DENSE: usize = 128;

/// The `k` eigenvalues that come first by `select`, in that order; all of them if there are fewer.
///
/// One more is given where the last one has a conjugate: pairs stay together, the one with positive imaginary part
/// first. Errors are about `krylov.tolerance` times the condition number of the eigenvalue, which is 1 for symmetric
/// matrices and infinite for defective eigenvalues. The result does not depend on the number of threads.
///
/// # Errors
/// [`Error::Eigenvalues`] with what was reached, such as for a large network all of whose eigenvalues have the same
/// modulus; [`Error::Parameter`] for a tolerance that is negative or not a number.
///
/// # Panics
/// If the topology is not square.
pub fn eigenvalues(topology: &Topology, k: usize, select: Select, krylov: &Krylov) -> Result<Vec<Complex64>, Error> {
    let n = topology.assert_square("eigenvalues");
    krylov.check()?;
    if n == 0 || k == 0 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut trivial = 0; // eigenvalues 0, of which only the first k can matter
    for Part { weights, scale } in parts(topology) {
        let n = weights.n_post();
        let values = if n == 1 {
            let Some(weight) = weights.get(0, 0) else {
                trivial += 1;
                continue;
            };
            vec![Eigenvalue::Real(weight)]
        } else if n <= DENSE {
            let schur = dense::Schur::new(n, &weights.sub_matrix(0..n, 0..n), dense::Vectors::None);
            conjugates(&schur.diagonal(), schur.norm()).into_iter().map(|(value, _)| value).collect()
        } else {
            let leading = krylov::leading(n, &|x, y| multiply(&weights, x, y), k, select, krylov);
            leading.map_err(|error| error.scaled(scale))?
        };
        found.extend(values.into_iter().map(|value| value.times(scale)));
    }
    found.extend(std::iter::repeat_n(Eigenvalue::Real(0.0), trivial.min(k)));
    sort(&mut found, select, |&value| value);
    let mut values = Vec::new();
    for value in found {
        if values.len() >= k {
            break;
        }
        values.extend(value.values());
    }
    Ok(values)
}

/// Largest modulus of an eigenvalue; 0 for a network without neurons.
///
/// # Errors
/// See [`eigenvalues`].
///
/// # Panics
/// If the topology is not square.
pub fn spectral_radius(topology: &Topology, krylov: &Krylov) -> Result<f64, Error> {
    Ok(eigenvalues(topology, 1, Select::Modulus, krylov)?.first().map_or(0.0, |z| z.norm()))
}

/// Largest singular value `max |W x| / |x|`, as the root of the largest eigenvalue of `W^T W`, of a matrix of any shape.
///
/// # Errors
/// See [`eigenvalues`].
pub fn spectral_norm(topology: &Topology, krylov: &Krylov) -> Result<f64, Error> {
    krylov.check()?;
    if topology.nnz() == 0 {
        return Ok(0.0);
    }
    let scale = scale(topology.weights().iter().copied());
    let matrix = topology.map_weights(|weight| weight / scale)?;
    let transpose = matrix.transpose();
    let product = |x: &[f64], y: &mut [f64]| {
        let mut outputs = vec![0.0; matrix.n_post()];
        multiply(&matrix, x, &mut outputs);
        multiply(&transpose, &outputs, y);
    };
    let leading = krylov::leading(topology.n_pre(), &product, 1, Select::RealPart, krylov);
    let largest = leading.map_err(|error| error.scaled(scale * scale))?;
    Ok(largest.first().map_or(0.0, |value| value.key(Select::RealPart).max(0.0).sqrt() * scale))
}

/// The power of 2 at or below the largest magnitude of a weight, so that products neither overflow nor vanish; the least
/// whose inverse is a number for weights below it.
fn scale(weights: impl Iterator<Item = f64>) -> f64 {
    let most = weights.fold(0.0, |most: f64, weight| most.max(weight.abs()));
    if most == 0.0 { 1.0 } else { 2f64.powi((most.log2().floor() as i32).max(f64::MIN_EXP - 1)) }
}

/// `y = W x`, each row summed from left to right.
fn multiply(topology: &Topology, x: &[f64], y: &mut [f64]) {
    y.par_iter_mut().with_min_len(256).enumerate().for_each(|(i, y)| {
        let (columns, weights) = topology.row(i);
        *y = columns.iter().zip(weights).map(|(&j, w)| w * x[j as usize]).sum();
    });
}

/// A strongly connected part of a network.
struct Part {
    /// As multiples of `scale`, which is this part's own: others may have weights of another magnitude altogether.
    weights: Topology,
    scale: f64,
}

/// The strongly connected parts, wherever a weight is not 0.
fn parts(topology: &Topology) -> Vec<Part> {
    let n = topology.n_post();
    let rows: Vec<Vec<(u32, f64)>> = (0..n)
        .into_par_iter()
        .map(|i| {
            let (columns, weights) = topology.row(i);
            columns.iter().copied().zip(weights.iter().copied()).filter(|&(_, w)| w != 0.0).collect()
        })
        .collect();
    let components = Topology::from_rows(n, &rows).strongly_connected_components();
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); components.count()];
    let mut place = vec![0u32; n];
    for (i, &label) in components.labels().iter().enumerate() {
        place[i] = members[label as usize].len() as u32;
        members[label as usize].push(i as u32);
    }
    members
        .par_iter()
        .enumerate()
        .map(|(label, members)| {
            let inside = |&&(j, _): &&(u32, f64)| components.labels()[j as usize] as usize == label;
            let row = |&i: &u32| -> Vec<(u32, f64)> {
                rows[i as usize].iter().filter(inside).map(|&(j, weight)| (place[j as usize], weight)).collect()
            };
            let mut rows: Vec<Vec<(u32, f64)>> = members.iter().map(row).collect();
            let scale = scale(rows.iter().flatten().map(|&(_, weight)| weight));
            rows.iter_mut().flatten().for_each(|(_, weight)| *weight /= scale);
            Part { weights: Topology::from_rows(members.len(), &rows), scale }
        })
        .collect()
}
