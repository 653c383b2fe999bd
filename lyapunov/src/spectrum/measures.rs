//! What is derived from a spectrum.

/// Dimension of the attractor by Kaplan and Yorke (*Lecture Notes in Mathematics* 730, 1979): `j + S_j / |λ_{j+1}|`, where `S_j`, the
/// sum of the `j` largest exponents, is the last that is not negative; 0 where the largest is negative.
///
/// Where no sum is negative it is the number of exponents: with all of them the system does not contract, with fewer it is a lower
/// bound. The order of the exponents does not matter. NaN where one of them is.
///
/// ```
/// // Lorenz' system of 1963
/// assert!((lyapunov::kaplan_yorke_dimension(&[0.9056, 0.0, -14.5723]) - 2.062).abs() < 1e-3);
/// ```
pub fn kaplan_yorke_dimension(exponents: &[f64]) -> f64 {
    if exponents.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = exponents.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    for (j, exponent) in sorted.iter().enumerate() {
        if sum + exponent < 0.0 {
            return if j == 0 { 0.0 } else { j as f64 + sum / exponent.abs() };
        }
        sum += exponent;
    }
    sorted.len() as f64
}

/// Entropy of Kolmogorov and Sinai by Pesin's identity: the sum of the positive exponents, in nats per unit of time.
pub fn entropy(exponents: &[f64]) -> f64 {
    exponents.iter().map(|x| if *x < 0.0 { 0.0 } else { *x }).sum()
}

/// FlyStability's "attractor dimensionality": how many exponents, in the order given, can be added before the sum is negative.
pub fn integer_dimension(exponents: &[f64]) -> usize {
    let mut sum = 0.0;
    exponents
        .iter()
        .take_while(|x| {
            sum += **x;
            sum >= 0.0
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        assert!(kaplan_yorke_dimension(&[f64::NAN; 3]).is_nan() && entropy(&[f64::NAN]).is_nan());
        assert_eq!(kaplan_yorke_dimension(&[]), 0.0);
        assert_eq!(kaplan_yorke_dimension(&[-0.1, -0.2]), 0.0);
        assert_eq!(kaplan_yorke_dimension(&[0.0, -1.0]), 1.0);
        assert_eq!(kaplan_yorke_dimension(&[-1.0, 0.5]), 1.5);
        assert_eq!(kaplan_yorke_dimension(&[1.0, -0.5]), 2.0);
        assert_eq!((entropy(&[0.5, -1.0, 0.25]), integer_dimension(&[0.5, -0.25, -1.0])), (0.75, 2));
    }
}
