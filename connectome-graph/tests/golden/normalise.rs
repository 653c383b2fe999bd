//! The normalisation of FlyStability against its results.

use connectome_graph::Topology;
use connectome_graph::normalise::{Sinkhorn, sinkhorn_flystability};

use crate::reader::Golden;

fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= tolerance, "entry {k}: {got} instead of {expected}");
    }
}

/// A matrix with an empty row: one iteration and all ten.
#[test]
fn sinkhorn() {
    let golden = Golden::open("flystability/sinkhorn.safetensors");
    let matrix = Topology::from_dense(6, 6, &golden.numbers("in.A")).unwrap();
    for (iterations, key) in [(1, "out.S1"), (10, "out.S")] {
        let scaled = sinkhorn_flystability(&matrix, iterations).unwrap();
        assert_close(&scaled.sub_matrix(0..6, 0..6), &golden.numbers(key), 1e-15);
    }
    // ten iterations leave rows a little off; the limit has equal sums
    let balanced = Sinkhorn::default().balance(&matrix).unwrap();
    assert!(balanced.topology.in_strength()[1..].iter().all(|sum| (sum - 0.5).abs() < 1e-10));
}

/// Connectomes with signs of the postsynaptic (as there) and of the presynaptic neuron.
#[test]
fn connectomes() {
    for file in ["SYN", "SYNF"] {
        let golden = Golden::open(&format!("flystability/connectome_{file}.safetensors"));
        let weights = golden.numbers("out.weights");
        let n = weights.len().isqrt();
        for signs in ["ref", "presyn"] {
            let connectivity = golden.numbers(&format!("out.connectivity_{signs}"));
            let signed: Vec<f64> = weights.iter().zip(&connectivity).map(|(w, c)| w * c).collect();
            let scaled = sinkhorn_flystability(&Topology::from_dense(n, n, &signed).unwrap(), 10).unwrap();
            let magnitude = scaled.map_weights(f64::abs).unwrap().sub_matrix(0..n, 0..n);
            assert_close(&magnitude, &golden.numbers(&format!("out.normalized_weights_{signs}")), 1e-12);
            for (i, j, weight) in scaled.iter() {
                assert_eq!(weight.signum(), connectivity[i as usize * n + j as usize]);
            }
        }
    }
}
