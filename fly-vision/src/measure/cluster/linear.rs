//! Small dense linear algebra in double precision.

/// Lower triangular factor `L` of a symmetric positive definite matrix `[n, n]`, `A = L L'`; `None` if it is not one.
pub(super) fn cholesky(a: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let rest = a[i * n + j] - dot;
            if i != j {
                l[i * n + j] = rest / l[j * n + j];
            } else if rest > 0.0 && rest.is_finite() {
                l[i * n + i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(l)
}

/// Solves `L y = x` in place.
pub(super) fn solve_lower(l: &[f64], x: &mut [f64]) {
    let n = x.len();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i * n + i];
    }
}

/// Eigenvalues of a symmetric matrix `[n, n]`, largest first, and its eigenvectors, a row each; cyclic Jacobi
/// rotations.
///
/// The sign of an eigenvector is such that its entry of largest size is positive.
pub(super) fn symmetric_eigen(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut v = vec![0.0; n * n];
    for i in 0..n {
        v[i * n + i] = 1.0;
    }
    let size: f64 = a.iter().map(|x| x * x).sum();
    // each sweep at least halves the rest, and near the end squares it: 60 are never reached
    for _ in 0..60 {
        let rest: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        if rest <= 1e-32 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    let values = order.iter().map(|&i| a[i * n + i]).collect();
    let mut vectors = Vec::with_capacity(n * n);
    for &i in &order {
        let row = &v[i * n..][..n];
        let largest = row.iter().fold(0.0_f64, |best, &x| if x.abs() > best.abs() { x } else { best });
        vectors.extend(row.iter().map(|x| x * largest.signum()));
    }
    (values, vectors)
}

/// One rotation of the plane `(p, q)` that makes `a[p, q]` zero; rows of `v` turn along.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for m in [a, v] {
        for k in 0..n {
            let (x, y) = (m[p * n + k], m[q * n + k]);
            m[p * n + k] = c * x - s * y;
            m[q * n + k] = s * x + c * y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const N: usize = 6;

    proptest! {
        /// `A v = lambda v`, the vectors are orthonormal, the values descend and sum to the trace; `L L' = A` where it
        /// is positive definite.
        #[test]
        fn factorisations(entries in prop::collection::vec(-2.0..2.0, N * N)) {
            let mut a = vec![0.0; N * N];
            for i in 0..N {
                for j in 0..N {
                    a[i * N + j] = (0..N).map(|k| entries[i * N + k] * entries[j * N + k]).sum();
                }
                a[i * N + i] += 0.1;
            }
            let (values, vectors) = symmetric_eigen(a.clone(), N);
            prop_assert!(values.is_sorted_by(|x, y| x >= y));
            for (value, v) in values.iter().zip(vectors.chunks(N)) {
                for i in 0..N {
                    let av: f64 = (0..N).map(|j| a[i * N + j] * v[j]).sum();
                    prop_assert!((av - value * v[i]).abs() < 1e-10);
                }
                for (j, other) in vectors.chunks(N).enumerate() {
                    let dot: f64 = v.iter().zip(other).map(|(x, y)| x * y).sum();
                    let same = std::ptr::eq(v, &raw const vectors[j * N..(j + 1) * N]);
                    prop_assert!((dot - f64::from(u8::from(same))).abs() < 1e-12);
                }
            }
            let l = cholesky(&a, N).unwrap();
            for i in 0..N {
                for j in 0..N {
                    let product: f64 = (0..N).map(|k| l[i * N + k] * l[j * N + k]).sum();
                    prop_assert!((product - a[i * N + j]).abs() < 1e-11);
                }
            }
            let mut x: Vec<f64> = entries[..N].to_vec();
            solve_lower(&l, &mut x);
            for i in 0..N {
                let back: f64 = (0..=i).map(|k| l[i * N + k] * x[k]).sum();
                prop_assert!((back - entries[i]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn not_positive_definite() {
        assert!(cholesky(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(cholesky(&[f64::NAN], 1).is_none());
    }
}
