//! Eigenvalues against dense ones of nalgebra and against known spectra.

use connectome_graph::generate::Benchmark;
use connectome_graph::spectrum::{Complex64, Krylov, Select, eigenvalues, spectral_norm, spectral_radius};
use connectome_graph::{Duplicates, Error, Topology};
use nalgebra::DMatrix;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// All eigenvalues in the order of `select`, by nalgebra.
fn reference(n: usize, dense: &[f64], select: Select) -> Vec<Complex64> {
    let matrix = DMatrix::from_row_slice(n, n, dense);
    let schur = nalgebra::Schur::try_new(matrix, 1e-15, 100_000).expect("random matrices have a Schur form");
    let mut values: Vec<Complex64> = schur.complex_eigenvalues().iter().map(|z| Complex64::new(z.re, z.im)).collect();
    let key = |z: &Complex64| if select == Select::Modulus { z.norm() } else { z.re };
    values.sort_by(|a, b| key(b).total_cmp(&key(a)));
    values
}

/// Same sizes in the same order, and each value among those of the other.
fn assert_leading(got: &[Complex64], all: &[Complex64], select: Select, tolerance: f64) {
    let key = |z: &Complex64| if select == Select::Modulus { z.norm() } else { z.re };
    let scale = all.iter().map(|z| z.norm()).fold(0.0, f64::max);
    for (k, z) in got.iter().enumerate() {
        assert!((key(z) - key(&all[k])).abs() <= tolerance * scale, "{k}: {z}, {:?} of {all:?}", all[k]);
        let nearest = all.iter().map(|other| (other - z).norm()).fold(f64::INFINITY, f64::min);
        assert!(nearest <= tolerance * scale, "{k}: {z} is {nearest} away from {all:?}");
    }
}

/// Normal weights, each with probability `density`.
fn random(n: usize, density: f64, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || -> f64 { (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0 };
    let mut dense: Vec<f64> = (0..n * n).map(|_| normal()).collect();
    for weight in &mut dense {
        if rng.random::<f64>() >= density {
            *weight = 0.0;
        }
    }
    dense
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Small random matrices, full and sparse.
    #[test]
    fn small_matrices(n in 1..40usize, k in 1..8usize, density in prop_oneof![Just(1.0), 0.15..0.6f64], seed in any::<u64>()) {
        let dense = random(n, density, seed);
        let topology = Topology::from_dense(n, n, &dense).unwrap();
        for select in [Select::Modulus, Select::RealPart] {
            let got = eigenvalues(&topology, k, select, &Krylov::default()).unwrap();
            prop_assert!(got.len() == k.min(n) || got.len() == k + 1);
            if topology.strongly_connected_components().count() == n && topology.self_loops() == 0 {
                // Without loops all are 0, and so defective that the reference is far off.
                prop_assert!(got.iter().all(|z| *z == Complex64::ZERO), "{:?}", got);
                continue;
            }
            let all = reference(n, &dense, select);
            // eigenvalues 0 of chains are defective, and inexact in the reference
            let tolerance = if density == 1.0 { 1e-9 } else { 1e-3 };
            assert_leading(&got, &all, select, tolerance);
            let sure = got.iter().filter(|z| z.norm() > 0.1 * all[0].norm()).count();
            assert_leading(&got[..if density == 1.0 { got.len() } else { sure.min(1) }], &all, select, 1e-9);
        }
        let svd = DMatrix::from_row_slice(n, n, &dense).singular_values();
        let norm = spectral_norm(&topology, &Krylov::default()).unwrap();
        prop_assert!((norm - svd[0]).abs() <= 1e-9 * svd[0], "{} {}", norm, svd[0]);
    }
}

/// Matrices too large for the dense way, by both selections.
#[test]
fn large_matrices() {
    for (n, density, seed) in [(150, 1.0, 1), (200, 0.1, 2), (300, 0.05, 3)] {
        let dense = random(n, density, seed);
        let topology = Topology::from_dense(n, n, &dense).unwrap();
        for select in [Select::Modulus, Select::RealPart] {
            let got = eigenvalues(&topology, 5, select, &Krylov::default()).unwrap();
            assert!(got.len() == 5 || got.len() == 6);
            assert_leading(&got, &reference(n, &dense, select), select, 1e-9);
        }
        let svd = DMatrix::from_row_slice(n, n, &dense).singular_values();
        assert!((spectral_norm(&topology, &Krylov::default()).unwrap() / svd[0] - 1.0).abs() < 1e-9);
    }
}

/// Pairs in arithmetic on the unit circle, in a ring of `n`; `weight` stretches it.
fn ring(n: u32, weight: f64) -> Topology {
    let pre: Vec<u32> = (0..n).collect();
    let post: Vec<u32> = (0..n).map(|i| (i + 1) % n).collect();
    Topology::from_edges(n as usize, n as usize, &post, &pre, &vec![weight; n as usize], Duplicates::Error).unwrap()
}

/// All eigenvalues of a ring are roots of unity, of the same modulus.
#[test]
fn rings() {
    for n in [2, 3, 4, 5, 16, 100] {
        for weight in [1.0, -2.0] {
            let values = eigenvalues(&ring(n, weight), n as usize, Select::Modulus, &Krylov::default()).unwrap();
            assert_eq!(values.len(), n as usize);
            for z in &values {
                assert!((z / weight).powu(n).re > 1.0 - 1e-12, "{n}: {z}");
                assert!(values.iter().any(|other| (other - z.conj()).norm() == 0.0));
            }
            let sum: Complex64 = values.iter().sum();
            assert!(sum.norm() < 1e-12 * f64::from(n), "{n}: {sum}");
        }
    }
    // many at once on one circle: the error says what was reached
    let krylov = Krylov { max_restarts: 3, ..Krylov::default() };
    match eigenvalues(&ring(5000, 1.0), 3, Select::Modulus, &krylov) {
        Err(Error::Eigenvalues { converged, wanted, restarts: 3, residual, reached }) => {
            assert!(converged < wanted && reached.len() == wanted && residual > 1e-9);
            assert!(reached.iter().all(|z| z.0.hypot(z.1) < 1.0 + 1e-9));
        }
        other => panic!("{other:?}"),
    }
}

/// Networks without loops have only the eigenvalue 0, exactly, whatever their weights.
#[test]
fn networks_without_loops() {
    let n = 3000;
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let post: Vec<u32> = (0..20_000).map(|_| rng.random_range(1..n)).collect();
    let pre: Vec<u32> = post.iter().map(|&i| rng.random_range(0..i)).collect();
    let weight: Vec<f64> = post.iter().map(|_| rng.random_range(-1e6..1e6)).collect();
    let size = n as usize;
    let acyclic = Topology::from_edges(size, size, &post, &pre, &weight, Duplicates::Sum).unwrap();
    assert_eq!(spectral_radius(&acyclic, &Krylov::default()).unwrap(), 0.0);
    assert_eq!(eigenvalues(&acyclic, 7, Select::RealPart, &Krylov::default()).unwrap(), [Complex64::ZERO; 7]);
    assert!(spectral_norm(&acyclic, &Krylov::default()).unwrap() > 1e6);

    // explicit zeros close no loop
    let zeros = Topology::from_edges(2, 2, &[0, 1], &[1, 0], &[5.0, 0.0], Duplicates::Error).unwrap();
    assert_eq!(spectral_radius(&zeros, &Krylov::default()).unwrap(), 0.0);
    let nothing = Topology::from_dense(0, 0, &[]).unwrap();
    assert_eq!(spectral_radius(&nothing, &Krylov::default()).unwrap(), 0.0);
    assert_eq!(spectral_norm(&Topology::from_dense(2, 3, &[0.0; 6]).unwrap(), &Krylov::default()).unwrap(), 0.0);
}

/// A triangular matrix of blocks has the eigenvalues of its blocks.
#[test]
fn reducible_networks() {
    // neurons with a loop onto themselves, a rotation of modulus 3, and chains between all
    let mut dense = vec![0.0; 49];
    for (i, weight) in [(0, 2.5), (1, -4.0), (4, 0.5), (6, -0.25)] {
        dense[i * 7 + i] = weight;
    }
    (dense[2 * 7 + 3], dense[3 * 7 + 2]) = (3.0, -3.0);
    for i in 0..7 {
        for j in 0..i {
            if (i, j) != (3, 2) {
                dense[i * 7 + j] += 100.0;
            }
        }
    }
    let topology = Topology::from_dense(7, 7, &dense).unwrap();
    let values = eigenvalues(&topology, 3, Select::Modulus, &Krylov::default()).unwrap();
    assert_eq!((values.len(), values[0]), (3, Complex64::from(-4.0)));
    assert!((values[1] - Complex64::new(0.0, 3.0)).norm() < 1e-14 && values[2] == values[1].conj());
    let values = eigenvalues(&topology, 7, Select::RealPart, &Krylov::default()).unwrap();
    let parts: Vec<f64> = values.iter().map(|z| z.re).collect();
    assert_eq!((parts.len(), parts[0], parts[1], parts[6]), (7, 2.5, 0.5, -4.0));
}

/// Symmetric matrices with eigenvalues of any multiplicity: all pairs joined, and a star.
#[test]
fn multiple_eigenvalues() {
    let n = 400;
    let dense: Vec<f64> = (0..n * n).map(|k| if k / n == k % n { 0.0 } else { 1.0 }).collect();
    let complete = Topology::from_dense(n, n, &dense).unwrap();
    let values = eigenvalues(&complete, 4, Select::Modulus, &Krylov::default()).unwrap();
    assert!((values[0].re - 399.0).abs() < 1e-9);
    for z in &values[1..] {
        assert!((z + 1.0).norm() < 1e-9, "{z}");
    }
    let star: Vec<f64> = (0..n * n).map(|k| if (k / n == 0) != (k % n == 0) { 1.0 } else { 0.0 }).collect();
    let star = Topology::from_dense(n, n, &star).unwrap();
    let values = eigenvalues(&star, 3, Select::Modulus, &Krylov::default()).unwrap();
    let root = 399f64.sqrt();
    assert!((values[0].norm() - root).abs() < 1e-9 && (values[0] + values[1]).norm() < 1e-9, "{values:?}");
    assert!(values[2].norm() < 1e-9, "{values:?}");
    assert!((spectral_norm(&star, &Krylov::default()).unwrap() - root).abs() < 1e-9);
}

/// A defective double eigenvalue is found to the root of the precision.
#[test]
fn defective_eigenvalues() {
    // eigenvalue 1 twice with one eigenvector, in a strongly connected pair
    let jordan = Topology::from_dense(2, 2, &[2.0, -1.0, 1.0, 0.0]).unwrap();
    let values = eigenvalues(&jordan, 2, Select::Modulus, &Krylov::default()).unwrap();
    for z in values {
        assert!((z - 1.0).norm() < 1e-7, "{z}");
    }
}

/// Rows of a random stochastic matrix sum to 1, which is its spectral radius; large, and the same for any number of
/// threads.
#[test]
fn stochastic_matrix() {
    let wiring = Benchmark { neurons: 20_000, synapses: 400_000 }.topology().unwrap();
    let wiring = wiring.induced(&wiring.largest_strongly_connected_component());
    let sums = wiring.in_strength();
    let weights = wiring.iter().map(|(i, _, w)| w / sums[i as usize]).collect();
    let stochastic = wiring.with_weights(weights).unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let values = eigenvalues(&stochastic, 4, Select::Modulus, &Krylov::default()).unwrap();
            (values, spectral_norm(&stochastic, &Krylov::default()).unwrap())
        })
    };
    let one = run(1);
    assert!((one.0[0] - 1.0).norm() < 1e-12, "{:?}", one.0);
    assert!(one.1 >= 1.0);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn scale_does_not_matter() {
    let dense = random(6, 1.0, 8);
    let w = Topology::from_dense(6, 6, &dense).unwrap();
    let krylov = Krylov::default();
    let (radius, norm) = (spectral_radius(&w, &krylov).unwrap(), spectral_norm(&w, &krylov).unwrap());
    for scale in [2f64.powi(-900), 2f64.powi(900)] {
        let scaled = w.map_weights(|w| w * scale).unwrap();
        assert!((spectral_radius(&scaled, &krylov).unwrap() / scale / radius - 1.0).abs() < 1e-12);
        assert!((spectral_norm(&scaled, &krylov).unwrap() / scale / norm - 1.0).abs() < 1e-12);
    }
    let wrong = Krylov { tolerance: f64::NAN, ..krylov };
    assert!(matches!(spectral_radius(&w, &wrong), Err(Error::Parameter { .. })));
}

#[test]
#[should_panic(expected = "eigenvalues wants a square topology, this one is [2, 3]")]
fn shapes_are_checked() {
    let _ = spectral_radius(&Topology::from_dense(2, 3, &[1.0; 6]).unwrap(), &Krylov::default());
}

/// Parts of a network may have weights of another magnitude altogether.
#[test]
fn tiny_parts_beside_others() {
    for tiny in [1e-161, 1e-200, 1e-300, 4e-320] {
        let spiral = Topology::from_dense(3, 3, &[1.0, 0.0, 0.0, 0.0, 0.0, -tiny, 0.0, tiny, 0.0]).unwrap();
        let mut cycle = vec![0.0; 16];
        for i in 0..3 {
            cycle[4 * i + (i + 1) % 3] = tiny;
        }
        cycle[15] = -2.0;
        let cycle = Topology::from_dense(4, 4, &cycle).unwrap();
        for (network, most) in [(&spiral, 1.0), (&cycle, 2.0)] {
            let all = eigenvalues(network, usize::MAX, Select::Modulus, &Krylov::default()).unwrap();
            assert!(all.len() == network.n_post() && (all[0].norm() - most).abs() < 1e-12, "{all:?}");
            assert!(all[1..].iter().all(|z| (z.norm() / tiny - 1.0).abs() < 1e-3), "{tiny}: {all:?}");
        }
        let alone = Topology::from_dense(2, 2, &[0.0, tiny, tiny, 0.0]).unwrap();
        assert!((spectral_radius(&alone, &Krylov::default()).unwrap() / tiny - 1.0).abs() < 1e-3);
    }
}
