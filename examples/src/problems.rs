//! Small differential equations on which solvers are compared.

/// An initial value problem that begins at time 0.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What it is called.
    pub name: &'static str,
    /// Where it begins, `[features]`.
    pub y0: Vec<f64>,
    /// When it ends.
    pub end: f64,
    /// Writes the derivative `[features]` of a state `[features]`.
    pub field: fn(&[f64], &mut [f64]),
}

/// Five problems, from the gentlest to the hardest: an oscillation, hares and lynxes, Van der Pol's oscillator without and with
/// stiffness, and a satellite between earth and moon.
pub fn standard() -> [Problem; 5] {
    [
        Problem { name: "oscillation", y0: vec![1.0, 0.0], end: 20.0, field: |y, dy| (dy[0], dy[1]) = (y[1], -y[0]) },
        Problem { name: "Lotka-Volterra", y0: vec![10.0, 5.0], end: 15.0, field: lotka_volterra },
        Problem { name: "Van der Pol, μ = 2", y0: vec![2.0, 0.0], end: 20.0, field: |y, dy| van_der_pol(2.0, y, dy) },
        Problem {
            name: "Van der Pol, μ = 50",
            y0: vec![2.0, 0.0],
            end: 100.0,
            field: |y, dy| van_der_pol(50.0, y, dy),
        },
        Problem {
            name: "Arenstorf orbit",
            y0: vec![0.994, 0.0, 0.0, -2.001_585_106_379_082_5],
            end: 17.065_216_560_157_964,
            field: arenstorf,
        },
    ]
}

/// Hares and lynxes.
fn lotka_volterra(y: &[f64], dy: &mut [f64]) {
    dy[0] = 1.5 * y[0] - y[0] * y[1];
    dy[1] = y[0] * y[1] - 3.0 * y[1];
}

/// `y'' = mu (1 - y^2) y' - y`: the greater `mu`, the stiffer. Source: Hairer, Norsett & Wanner, *Solving ODEs I*, 2nd ed., I.16.
pub fn van_der_pol(mu: f64, y: &[f64], dy: &mut [f64]) {
    dy[0] = y[1];
    dy[1] = mu * (1.0 - y[0] * y[0]) * y[1] - y[0];
}

/// A satellite in the plane of earth and moon, in coordinates that turn with them; its orbit closes after the time of the problem.
/// Source: Hairer, Norsett & Wanner, *Solving ODEs I*, 2nd ed., II.0, eq. (0.1)-(0.2).
fn arenstorf(y: &[f64], dy: &mut [f64]) {
    const MOON: f64 = 0.012_277_471;
    const EARTH: f64 = 1.0 - MOON;
    let cube = |x: f64| ((y[0] + x).powi(2) + y[1] * y[1]).powf(1.5);
    let (d1, d2) = (cube(MOON), cube(-EARTH));
    dy[0] = y[2];
    dy[1] = y[3];
    dy[2] = y[0] + 2.0 * y[3] - EARTH * (y[0] + MOON) / d1 - MOON * (y[0] - EARTH) / d2;
    dy[3] = y[1] - 2.0 * y[2] - EARTH * y[1] / d1 - MOON * y[1] / d2;
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparse_ode::{Solution, Solver, Times, per_sample};

    fn end_of(problem: &Problem) -> Vec<f64> {
        let mut field = per_sample(problem.y0.len(), |_, _, y: &[f64], dy| (problem.field)(y, dy));
        let times = Times::span(1, 0.0, problem.end).expect("a span");
        let solver = Solver::new().tolerances(1e-13, 1e-13);
        let solution = solver.solve(&mut field, &problem.y0, &times).and_then(Solution::into_success);
        solution.expect("a solution").end().to_vec()
    }

    #[test]
    fn the_orbit_closes() {
        let [.., orbit] = standard();
        for (end, start) in end_of(&orbit).iter().zip(&orbit.y0) {
            assert!((end - start).abs() < 1e-3, "{end} for {start}");
        }
    }

    #[test]
    fn hares_and_lynxes_keep_their_invariant() {
        let [_, animals, ..] = standard();
        let invariant = |y: &[f64]| y[0] - 3.0 * y[0].ln() + y[1] - 1.5 * y[1].ln();
        let (start, end) = (invariant(&animals.y0), invariant(&end_of(&animals)));
        assert!((start - end).abs() < 1e-9, "{start} and {end}");
    }
}
