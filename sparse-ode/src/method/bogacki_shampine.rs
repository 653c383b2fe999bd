//! Bogacki and Shampine's 3(2) pair, with the cubic through both ends' states and derivatives between steps.
//!
//! Source: P. Bogacki, L. F. Shampine, "A 3(2) pair of Runge-Kutta formulas", Appl. Math. Lett. 2 (1989), 321-325.

use super::{Dense, Tableau};

pub(super) const TABLEAU: Tableau = Tableau {
    order: 3,
    c: &[0.0, 0.5, 0.75, 1.0],
    a: &[&[], &[0.5], &[0.0, 0.75], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]],
    b: None,
    b_error: Some(&[2.0 / 9.0 - 7.0 / 24.0, 1.0 / 3.0 - 0.25, 4.0 / 9.0 - 1.0 / 3.0, -0.125]),
    dense: Dense { step: &[0.0, 3.0, -2.0], k: &[&[1.0], &[-2.0, 0.0, 0.0, -1.0], &[1.0, 0.0, 0.0, 1.0]] },
};
