//! Euler's method.

use super::{Dense, Tableau};

pub(super) const TABLEAU: Tableau = Tableau {
    order: 1,
    c: &[0.0],
    a: &[&[]],
    b: Some(&[1.0]),
    b_error: None,
    dense: Dense { step: &[1.0], k: &[&[]] },
};
