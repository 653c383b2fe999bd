//! Heun's method of order 2, with Euler's as the error estimate and a cubic between steps.
//!
//! Source: Hairer, Norsett, Wanner, *Solving Ordinary Differential Equations I*, 2nd ed., II.1 and II.6 (Hermite interpolation).

use super::{Dense, Tableau};

pub(super) const TABLEAU: Tableau = Tableau {
    order: 2,
    c: &[0.0, 1.0],
    a: &[&[], &[1.0]],
    b: Some(&[0.5, 0.5]),
    b_error: Some(&[-0.5, 0.5]),
    dense: Dense { step: &[0.0, 3.0, -2.0], k: &[&[1.0], &[-2.0, -1.0], &[1.0, 1.0]] },
};
