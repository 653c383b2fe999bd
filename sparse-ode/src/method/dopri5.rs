//! Dormand and Prince's 5(4) pair.
//!
//! Sources: J. R. Dormand, P. J. Prince, "A family of embedded Runge-Kutta formulae", J. Comput. Appl. Math. 6 (1980), 19-26;
//! embedded weights and the mid-point weights of the quartic between steps: L. F. Shampine, "Some practical Runge-Kutta
//! formulas", Math. Comp. 46 (1986), 135-150.

use super::{Dense, Tableau};

/// Weights of the state at the middle of the step.
const MID: [f64; 7] = [
    0.5 * (6_025_192_743.0 / 30_085_553_152.0),
    0.0,
    0.5 * (51_252_292_925.0 / 65_400_821_598.0),
    0.5 * (-2_691_868_925.0 / 45_128_329_728.0),
    0.5 * (187_940_372_067.0 / 1_594_534_317_056.0),
    0.5 * (-1_776_094_331.0 / 19_743_644_256.0),
    0.5 * (11_237_099.0 / 235_043_384.0),
];

/// The solution's weights for its first six stages, which are also the last stage's row.
const B: [f64; 6] = [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0];

/// `factor` times the mid-point weights, plus what the first and last derivative add: a power of the quartic through both
/// ends' states and derivatives and the middle.
const fn power(factor: f64, first: f64, last: f64) -> [f64; 7] {
    let mut k = MID;
    let mut s = 0;
    while s < 7 {
        k[s] *= factor;
        s += 1;
    }
    k[0] += first;
    k[6] += last;
    k
}

pub(super) const TABLEAU: Tableau = Tableau {
    order: 5,
    c: &[0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0],
    a: &[
        &[],
        &[0.2],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[19_372.0 / 6561.0, -25_360.0 / 2187.0, 64_448.0 / 6561.0, -212.0 / 729.0],
        &[9017.0 / 3168.0, -355.0 / 33.0, 46_732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18_656.0],
        &B,
    ],
    b: None,
    b_error: Some(&[
        B[0] - 1951.0 / 21_600.0,
        0.0,
        B[2] - 22_642.0 / 50_085.0,
        B[3] - 451.0 / 720.0,
        B[4] + 12_231.0 / 42_400.0,
        B[5] - 649.0 / 6300.0,
        -1.0 / 60.0,
    ]),
    dense: Dense {
        step: &[0.0, -5.0, 14.0, -8.0],
        k: &[&[1.0], &power(16.0, -4.0, 1.0), &power(-32.0, 5.0, -3.0), &power(16.0, -2.0, 2.0)],
    },
};
