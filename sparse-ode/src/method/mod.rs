//! Explicit Runge-Kutta methods as data: one file per method.

mod bogacki_shampine;
mod dopri5;
mod euler;
mod heun;
mod tsit5;

/// An explicit Runge-Kutta method.
///
/// All have one derivative per stage `k[s] = f(t + c[s] dt, y + dt sum_j a[s][j] k[j])`, a solution
/// `y1 = y + dt sum_s b[s] k[s]`, and a polynomial between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// Dormand and Prince's 5(4) pair, seven stages, the last of which is the next step's first. The default.
    #[default]
    Dopri5,
    /// Tsitouras' 5(4) pair, seven stages, the last of which is the next step's first.
    Tsit5,
    /// Bogacki and Shampine's 3(2) pair, four stages, the last of which is the next step's first.
    BogackiShampine,
    /// Heun's method of order 2 with Euler's as the error estimate, two stages.
    Heun,
    /// Euler's method, order 1, without an error estimate: every step is accepted.
    Euler,
}

impl Method {
    /// All of them, highest order first.
    pub const ALL: [Self; 5] = [Self::Dopri5, Self::Tsit5, Self::BogackiShampine, Self::Heun, Self::Euler];

    /// The coefficients.
    pub fn tableau(self) -> &'static Tableau {
        match self {
            Self::Dopri5 => &dopri5::TABLEAU,
            Self::Tsit5 => &tsit5::TABLEAU,
            Self::BogackiShampine => &bogacki_shampine::TABLEAU,
            Self::Heun => &heun::TABLEAU,
            Self::Euler => &euler::TABLEAU,
        }
    }

    /// The order of the solution: its error over a fixed time falls with this power of the step.
    pub fn order(self) -> u32 {
        self.tableau().order
    }
}

/// The coefficients of a method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tableau {
    /// Order of the solution.
    pub order: u32,
    /// When each stage is evaluated, as a fraction of the step.
    pub c: &'static [f64],
    /// What each stage takes of the ones before it: row `s` has `s` numbers.
    pub a: &'static [&'static [f64]],
    /// Weights of the solution, or none where the last stage is evaluated at the solution itself (first same as last), so
    /// that its derivative serves the next step.
    pub b: Option<&'static [f64]>,
    /// Weights of the solution less those of the embedded one.
    pub b_error: Option<&'static [f64]>,
    /// The polynomial between a step's ends.
    pub dense: Dense,
}

/// `y(t + x dt) = y + sum_p x^p (step[p-1] (y1 - y) + dt sum_s k[p-1][s] k[s])` for powers `p` from 1 and `x` in 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dense {
    /// Weights of the step `y1 - y`, by power.
    pub step: &'static [f64],
    /// Weights of each stage's `dt k[s]`, by power.
    pub k: &'static [&'static [f64]],
}

impl Tableau {
    /// Derivatives evaluated per step, the first of a first-same-as-last method being the last step's.
    pub fn evaluations(&self) -> usize {
        self.c.len() - usize::from(self.is_first_same_as_last())
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.c.len()
    }

    /// Whether the last stage is the next step's first.
    pub fn is_first_same_as_last(&self) -> bool {
        self.b.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights of the solution, also where they stand in the last row of `a`.
    fn solution(t: &Tableau) -> Vec<f64> {
        t.b.map_or_else(|| [t.a[t.stages() - 1], &[0.0]].concat(), <[f64]>::to_vec)
    }

    #[test]
    fn rows_sum_to_their_times() {
        for m in Method::ALL {
            let t = m.tableau();
            assert_eq!((t.a.len(), t.dense.step.len()), (t.stages(), t.dense.k.len()), "{m:?}");
            for (s, (row, c)) in t.a.iter().zip(t.c).enumerate() {
                assert_eq!(row.len(), s, "{m:?}");
                assert!((row.iter().sum::<f64>() - c).abs() < 1e-14, "{m:?} stage {s}");
            }
        }
    }

    /// The quadrature conditions `sum_s b_s c_s^(q-1) = 1/q` up to the order, and not one beyond.
    #[test]
    fn quadrature_has_the_stated_order() {
        for m in Method::ALL {
            let t = m.tableau();
            let moment = |q: u32| -> f64 {
                solution(t).iter().zip(t.c).map(|(b, c)| b * c.powi(q as i32 - 1)).sum::<f64>() - 1.0 / f64::from(q)
            };
            for q in 1..=m.order() {
                assert!(moment(q).abs() < 1e-13, "{m:?}, {q}: {}", moment(q));
            }
            assert!(moment(m.order() + 1).abs() > 1e-6, "{m:?}");
        }
    }

    /// The error weights annihilate constants, and the polynomial begins with `y` and ends with `y1`.
    #[test]
    fn error_and_polynomial_are_consistent() {
        for m in Method::ALL {
            let t = m.tableau();
            if let Some(e) = t.b_error {
                assert!(e.iter().sum::<f64>().abs() < 1e-15, "{m:?}");
            }
            let step: f64 = t.dense.step.iter().sum();
            let b = solution(t);
            for (s, b) in b.iter().enumerate() {
                let k: f64 = t.dense.k.iter().map(|p| p.get(s).copied().unwrap_or(0.0)).sum();
                // Either the step itself or the stages that make it up.
                assert!((k + step * b - b).abs() < 1e-12, "{m:?} stage {s}: {k} {step}");
            }
        }
    }
}
