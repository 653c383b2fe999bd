//! Factorisations of matrices that are hard, at sizes where products do them.

use lyapunov::{Real, qr};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normals(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Q's deviation from orthonormality and A - QR relative to A's columns, within `tolerance`; R upper triangular, its diagonal not
/// negative.
fn check<T: Real>(n: usize, k: usize, a: &[f64], tolerance: f64, what: &str) {
    let narrow: Vec<T> = a.iter().map(|&x| T::from_f64(x)).collect();
    let (q, r) = qr(n, k, &narrow);
    let (q, r) = (q.iter().map(|x| x.to_f64()).collect::<Vec<_>>(), r.iter().map(|x| x.to_f64()).collect::<Vec<_>>());
    let what = format!("{what}, [{n}, {k}], {} bytes", size_of::<T>());
    for i in 0..k {
        assert!(r[i * k + i] >= 0.0 && r[i * k..i * k + i].iter().all(|x| *x == 0.0), "{what}: R");
        for j in 0..k {
            let dot: f64 = (0..n).map(|p| q[p * k + i] * q[p * k + j]).sum();
            assert!((dot - f64::from(u8::from(i == j))).abs() < tolerance, "{what}: columns {i} and {j}: {dot}");
        }
    }
    for j in 0..k {
        let size = (0..n).map(|p| narrow[p * k + j].to_f64().powi(2)).sum::<f64>().sqrt();
        for p in 0..n {
            let product: f64 = (0..=j).map(|i| q[p * k + i] * r[i * k + j]).sum();
            let off = (product - narrow[p * k + j].to_f64()).abs();
            assert!(off <= tolerance * size, "{what}: entry {p}, {j} is off by {off} of {size}");
        }
    }
}

fn both(n: usize, k: usize, a: &[f64], what: &str) {
    check::<f32>(n, k, a, 2e-4, what);
    check::<f64>(n, k, a, 1e-10, what);
}

#[test]
fn hard_matrices() {
    for (n, k) in [(40, 17), (200, 64), (130, 130), (700, 20)] {
        let a = normals(n * k, 1);
        both(n, k, &a, "random");
        for (name, scale) in [("large", 1e18), ("small", 1e-18), ("tiny", 1e-22)] {
            let scaled: Vec<f64> = a.iter().map(|x| x * scale).collect();
            both(n, k, &scaled, name);
        }
        // Columns of very different lengths.
        let graded: Vec<f64> = a.iter().enumerate().map(|(at, x)| x * 10f64.powi(-((at % k) as i32 % 12))).collect();
        both(n, k, &graded, "graded");
        // A column that nearly is a combination of others, and one that is.
        for distance in [1e-2, 1e-4, 1e-8, 0.0] {
            let mut near = a.clone();
            for row in near.chunks_exact_mut(k) {
                row[k - 3] = row[0] - 2.0 * row[1] + 0.5 * row[2] + distance * row[k - 3];
            }
            both(n, k, &near, &format!("dependent but for {distance}"));
        }
        // Condition numbers by columns that turn towards each other.
        for angle in [0.1, 1e-3, 1e-6] {
            let turned: Vec<f64> =
                a.chunks_exact(k).flat_map(|row| row.iter().map(|x| row[0] + angle * x).collect::<Vec<_>>()).collect();
            both(n, k, &turned, &format!("columns within {angle}"));
        }
    }
}
