//! Mean-field theory of random rate networks: what many neurons do on average.
//!
//! For `dh/dt = -h + J tanh(h)` with independent `J_ij ~ N(0, g²/N)` and N to infinity the state of a neuron is a Gaussian process whose
//! autocorrelation `Δ(τ)` moves like a particle in a potential,
//!
//! `Δ'' = Δ - g² C(Δ)`, `C(Δ) = <tanh(x) tanh(y)>`, where x and y are Gaussian with variance `Δ(0)` and covariance `Δ`.
//!
//! Chaos is the motion that starts at rest at `Δ(0)` and comes to rest at 0; equal energy at both ends,
//! `Δ(0)² / 2 = g² Var(ln cosh x)`, fixes `Δ(0)`. The largest exponent is `λ = -1 + sqrt(1 - E)`, where E is the ground state of
//! `-d²/dτ² + 1 - g² <tanh'(x) tanh'(y)>`. At `g <= 1` all comes to rest at 0, and `λ = g - 1` is the edge of the circular law.
//!
//! Source: Sompolinsky, Crisanti and Sommers, *Phys. Rev. Lett.* 61, 259 (1988), eqs. (7) to (13); the derivation is Crisanti and
//! Sompolinsky, *Phys. Rev. E* 98, 062120 (2018).

use std::f64::consts::{FRAC_PI_2, LN_2, PI};

use crate::Error;

/// The chaotic state of large random networks of tanh neurons.
///
/// ```
/// use flybrain::rate::MeanField;
///
/// let theory = MeanField::of(2.0)?;
/// assert!((theory.largest_exponent() - 0.11246).abs() < 1e-5);
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MeanField {
    g: f64,
    exponent: f64,
    decay: f64,
    path: Path,
    times: Vec<f64>,
    autocorrelation: Vec<f64>,
}

/// Couplings that are solved for: below, the state is too slow and small to be told from rest; above, tanh is a step.
const RANGE: std::ops::RangeInclusive<f64> = 1.001..=100.0;
/// Steps of Euler's method that are short enough: beyond, what is left out reaches a hundredth of an exponent.
const LONGEST_STEP: f64 = 0.2;
/// Autocorrelation, as a part of the variance, at which the tail is exponential to its square.
const TAIL: f64 = 1e-5;

impl MeanField {
    /// Solves for a coupling strength.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `g` is from 1.001 to 100; up to 1 there is no chaos, see [`largest_exponent`].
    pub fn of(g: f64) -> Result<Self, Error> {
        if !RANGE.contains(&g) {
            let (low, high) = (RANGE.start(), RANGE.end());
            let problem = format!("{g} is outside of what the chaotic mean field is solved for, {low} to {high}");
            return Err(Error::Setting { key: "g", problem });
        }
        let particle = Particle::new(g);
        let path = particle.path();
        let energy = path.ground_state(particle.decay, 1.0);
        // The path runs from the tail to the peak in half steps.
        let times = (0..path.covariance.len()).map(|i| i as f64 * path.step / 2.0).collect();
        let autocorrelation = path.covariance.iter().rev().copied().collect();
        Ok(Self { g, exponent: (1.0 - energy).sqrt() - 1.0, decay: particle.decay, path, times, autocorrelation })
    }

    /// The coupling strength.
    pub fn g(&self) -> f64 {
        self.g
    }

    /// The largest Lyapunov exponent, per time constant.
    pub fn largest_exponent(&self) -> f64 {
        self.exponent
    }

    /// The same of Euler's steps of `dt`, up to terms of `dt²`.
    ///
    /// With `k = e^(λ dt)` and `a = 1 - dt` steps have `(k - a S)(k - a / S) ψ = dt² g² <tanh' tanh'> ψ` where S shifts by a step, and an
    /// autocorrelation that is that of continuous time stretched by `sqrt(a)`. In the stretched time `(1 + κ)² = 1 - E(k)`, where
    /// `κ = (k - 1) / dt` and E(k) is the ground state of `-k d²/dτ² + 1 - g² <tanh' tanh'>`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `dt` is above 0 and at most 0.2, where terms of `dt²` are small.
    pub fn exponent_of_steps(&self, dt: f64) -> Result<f64, Error> {
        if !(dt > 0.0 && dt <= LONGEST_STEP) {
            let problem = format!("{dt}; the chaotic mean field is that of steps above 0 and at most {LONGEST_STEP}");
            return Err(Error::Setting { key: "dt", problem });
        }
        let mut rate = self.exponent;
        // The energy hardly depends on k.
        for _ in 0..20 {
            let before = rate;
            rate = (1.0 - self.path.ground_state(self.decay, 1.0 + dt * rate)).sqrt() - 1.0;
            if (rate - before).abs() < 1e-12 {
                break;
            }
        }
        Ok((dt * rate).ln_1p() / dt)
    }

    /// Variance of a neuron's state.
    pub fn variance(&self) -> f64 {
        self.autocorrelation[0]
    }

    /// Times in time constants, from 0, and the autocorrelation of a neuron's state at them.
    pub fn autocorrelation(&self) -> (&[f64], &[f64]) {
        (&self.times, &self.autocorrelation)
    }
}

/// The largest exponent of large random networks of tanh neurons in continuous time: `g - 1` where all comes to rest, and that of the
/// [`MeanField`] where not.
///
/// # Errors
/// [`Error::Setting`] unless `g` is from 0 to 1, or what [`MeanField::of`] takes.
pub fn largest_exponent(g: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&g) { Ok(g - 1.0) } else { Ok(MeanField::of(g)?.largest_exponent()) }
}

/// The same in steps of Euler's method: `ln(1 - dt + dt g) / dt` where all comes to rest, and above that
/// [`MeanField::exponent_of_steps`].
///
/// # Errors
/// As [`largest_exponent`]; beyond coupling 1 also as [`MeanField::exponent_of_steps`].
pub fn exponent_of_steps(g: f64, dt: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&g) { Ok((dt * (g - 1.0)).ln_1p() / dt) } else { MeanField::of(g)?.exponent_of_steps(dt) }
}

/// The autocorrelation as a particle.
struct Particle {
    g: f64,
    variance: f64,
    /// Rate of the tail, `sqrt(1 - g² <tanh'>²)`.
    decay: f64,
    /// `<tanh' tanh'>` and `<tanh tanh>` at covariance `variance sin(θ)`: in θ both are smooth up to the end.
    slopes: Chebyshev,
    activities: Chebyshev,
}

impl Particle {
    fn new(g: f64) -> Self {
        let variance = variance(g);
        let slopes = Chebyshev::fit(96, FRAC_PI_2, |theta| slope_covariance(variance, theta));
        // dC/dΔ = <φ' φ'> (Price's theorem), and C(0) = 0 as tanh is odd.
        let integrand = Chebyshev::fit(96, FRAC_PI_2, |theta| slopes.at(theta) * variance * theta.cos());
        let decay = (1.0 - g * g * slopes.at(0.0)).sqrt();
        Self { g, variance, decay, slopes, activities: integrand.integral() }
    }

    fn theta(&self, covariance: f64) -> f64 {
        (covariance / self.variance).clamp(0.0, 1.0).asin()
    }

    fn force(&self, covariance: f64) -> f64 {
        // Rounding may carry the particle a little beyond its peak.
        let beyond = (covariance - self.variance).max(0.0) * self.slopes.at(FRAC_PI_2);
        covariance - self.g * self.g * (self.activities.at(self.theta(covariance)) + beyond)
    }

    /// A Runge-Kutta step of position and velocity.
    fn step(&self, [x, v]: [f64; 2], h: f64) -> [f64; 2] {
        let f = |x: f64, v: f64| [v, self.force(x)];
        let a = f(x, v);
        let b = f(x + h / 2.0 * a[0], v + h / 2.0 * a[1]);
        let c = f(x + h / 2.0 * b[0], v + h / 2.0 * b[1]);
        let d = f(x + h * c[0], v + h * c[1]);
        let sum = |i: usize| h / 6.0 * (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]);
        [x + sum(0), v + sum(1)]
    }

    /// The way from the tail to the peak. In this direction it is stable.
    fn path(&self) -> Path {
        let depth = 1.0 - self.g * self.g * self.slopes.at(FRAC_PI_2);
        let h = 0.04 / depth.abs().sqrt().max(self.decay).max(1e-3);
        let start = [TAIL * self.variance, self.decay * TAIL * self.variance];
        let (mut now, mut time) = (start, 0.0);
        // It rises until it is at rest for a moment.
        let mut next = self.step(now, h);
        while next[1] > 0.0 && next[0] < 1.1 * self.variance {
            (now, time) = (next, time + h);
            next = self.step(now, h);
        }
        let mut rest = h * now[1] / (now[1] - next[1]);
        for _ in 0..4 {
            let [x, v] = self.step(now, rest);
            rest -= v / self.force(x);
        }
        // The same once more in steps that end there: an even number of half steps.
        let steps = ((time + rest) / h).ceil().max(2.0) as usize;
        let step = (time + rest) / steps as f64;
        let mut covariance = Vec::with_capacity(2 * steps + 1);
        let mut now = start;
        covariance.push(now[0]);
        for _ in 0..2 * steps {
            now = self.step(now, step / 2.0);
            covariance.push(now[0]);
        }
        let well = covariance.iter().map(|x| 1.0 - self.g * self.g * self.slopes.at(self.theta(*x))).collect();
        Path { step, covariance, well }
    }
}

/// The autocorrelation in half steps, from its tail to its peak, and the well that it makes.
#[derive(Debug, Clone, PartialEq)]
struct Path {
    step: f64,
    covariance: Vec<f64>,
    /// `1 - g² <tanh' tanh'>`.
    well: Vec<f64>,
}

impl Path {
    /// The lowest eigenvalue of `-factor d²/dτ² + well`, whose tail is at `decay²`.
    ///
    /// The logarithmic derivative q of its function follows `q' = (well - E) / factor - q²` from the tail and is 0 at the peak. Below the
    /// eigenvalue it is positive there, above it is negative or has run away.
    fn ground_state(&self, decay: f64, factor: f64) -> f64 {
        let (mut low, mut high) = (self.well.iter().copied().fold(f64::INFINITY, f64::min), 0.0);
        while high - low > 1e-15 * low.abs() {
            let energy = f64::midpoint(low, high);
            if energy == low || energy == high {
                break;
            }
            if self.end(decay, energy, factor) > 0.0 { low = energy } else { high = energy }
        }
        f64::midpoint(low, high)
    }

    fn end(&self, decay: f64, energy: f64, factor: f64) -> f64 {
        let h = self.step;
        let mut q = ((decay * decay - energy) / factor).sqrt();
        for well in self.well.windows(3).step_by(2) {
            let f = |q: f64, well: f64| (well - energy) / factor - q * q;
            let a = f(q, well[0]);
            let b = f(q + h / 2.0 * a, well[1]);
            let c = f(q + h / 2.0 * b, well[1]);
            let d = f(q + h * c, well[2]);
            q += h / 6.0 * (a + 2.0 * b + 2.0 * c + d);
            if q < -10.0 / h || !q.is_finite() {
                return q;
            }
        }
        q
    }
}

/// The variance of a neuron's state: `Δ² / 2 = g² Var(ln cosh x)`, x of variance Δ.
fn variance(g: f64) -> f64 {
    // The right over the left without g² falls from 1 to 0.
    let ratio = |variance: f64| {
        let mean = gauss(variance.sqrt(), ln_cosh);
        2.0 * gauss(variance.sqrt(), |x| (ln_cosh(x) - mean).powi(2)) / (variance * variance)
    };
    let (mut low, mut high) = ((1e-8f64).ln(), (g * g).ln());
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if g * g * ratio(middle.exp()) > 1.0 { low = middle } else { high = middle }
    }
    low.exp()
}

fn ln_cosh(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 0.5 * x.sinh().powi(2).ln_1p() } else { x - LN_2 + (-2.0 * x).exp().ln_1p() }
}

/// The trapezoidal rule for smooth functions of tanh under a Gaussian: steps that resolve both, and where it ends.
///
/// Poles of tanh are π/2 from the axis, so that the rule errs by `exp(-π² / step)`; see Trefethen and Weideman, *SIAM Review* 56 (2014).
fn rule(deviation: f64, reach: f64) -> (f64, i64) {
    let step = (0.5 * deviation).min(0.3);
    (step, ((9.0 * deviation).min(reach) / step).ceil() as i64)
}

/// `<f(x)>`, x Gaussian.
fn gauss(deviation: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (step, end) = rule(deviation, f64::INFINITY);
    let term = |i: i64| {
        let x = i as f64 * step;
        (-0.5 * (x / deviation).powi(2)).exp() * f(x)
    };
    (-end..=end).map(term).sum::<f64>() * step / (deviation * (2.0 * PI).sqrt())
}

/// `<tanh'(x) tanh'(y)>` of variance `variance` and covariance `variance sin(theta)`: x and y are sum and difference of two independent
/// numbers.
fn slope_covariance(variance: f64, theta: f64) -> f64 {
    // sqrt((1 + sin θ) / 2) and sqrt((1 - sin θ) / 2) without cancellation
    let half = FRAC_PI_2 / 2.0 + theta / 2.0;
    let (wide, narrow) = (variance.sqrt() * half.sin(), variance.sqrt() * half.cos().max(1e-12));
    let slope = |x: f64| x.cosh().powi(-2);
    // slopes are 1e-17 at 20
    let (step_u, end_u) = rule(wide, 20.0);
    let (step_v, end_v) = rule(narrow, 20.0);
    let weight = |i: i64, step: f64, deviation: f64| {
        let twice = if i == 0 { 1.0 } else { 2.0 };
        twice * step * (-0.5 * (i as f64 * step / deviation).powi(2)).exp() / (deviation * (2.0 * PI).sqrt())
    };
    (0..=end_u)
        .map(|i| {
            let u = i as f64 * step_u;
            let row = (0..=end_v).map(|j| {
                let v = j as f64 * step_v;
                weight(j, step_v, narrow) * slope(u + v) * slope(u - v)
            });
            weight(i, step_u, wide) * row.sum::<f64>()
        })
        .sum()
}

/// A function on `[0, end]` as a sum of Chebyshev polynomials.
struct Chebyshev {
    end: f64,
    coefficients: Vec<f64>,
}

impl Chebyshev {
    fn fit(n: usize, end: f64, f: impl Fn(f64) -> f64) -> Self {
        // cos(π m / 2n), of whole m: rounded angles would spoil the last digits.
        let cos = |m: usize| (PI * (m % (4 * n)) as f64 / (2 * n) as f64).cos();
        let values: Vec<f64> = (0..n).map(|j| f(end / 2.0 * (1.0 + cos(2 * j + 1)))).collect();
        let coefficient = |k: usize| {
            let sum: f64 = values.iter().enumerate().map(|(j, value)| value * cos(k * (2 * j + 1))).sum();
            sum * if k == 0 { 1.0 } else { 2.0 } / n as f64
        };
        let mut coefficients: Vec<f64> = (0..n).map(coefficient).collect();
        // What is rounding only makes evaluation slow.
        let largest = coefficients.iter().fold(0.0f64, |most, c| most.max(c.abs()));
        while coefficients.len() > 1 && coefficients[coefficients.len() - 1].abs() < 3e-15 * largest {
            coefficients.pop();
        }
        Self { end, coefficients }
    }

    /// Clenshaw's recurrence.
    fn at(&self, x: f64) -> f64 {
        let t = 2.0 * x / self.end - 1.0;
        let (mut a, mut b) = (0.0, 0.0);
        for c in self.coefficients[1..].iter().rev() {
            (a, b) = (2.0 * t * a - b + c, a);
        }
        t * a - b + self.coefficients[0]
    }

    /// The integral from 0.
    fn integral(&self) -> Self {
        let n = self.coefficients.len();
        let old = |k: usize| self.coefficients.get(k).copied().unwrap_or(0.0);
        let mut coefficients = vec![0.0; n + 1];
        for (k, new) in coefficients.iter_mut().enumerate().skip(1) {
            let before = if k == 1 { 2.0 * old(0) } else { old(k - 1) };
            *new = self.end / 2.0 * (before - old(k + 1)) / (2.0 * k as f64);
        }
        let mut integral = Self { end: self.end, coefficients };
        integral.coefficients[0] = -integral.at(0.0);
        integral
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The anchors were computed independently, on grids in time: 0.01 is too coarse from g = 3 on, by 0.5, 1.7 and 6 units of the fifth
    /// digit, which halve with the grid.
    #[test]
    fn exponents_are_those_of_an_independent_solution() {
        for (g, anchor, tolerance, converged) in [
            (1.05, 0.00106, 0.5e-5, 0.001_061_918),
            (1.2, 0.01192, 0.5e-5, 0.011_919_558),
            (1.5, 0.04675, 0.5e-5, 0.046_746_219),
            (2.0, 0.11246, 0.5e-5, 0.112_458_109),
            (3.0, 0.23547, 1e-5, 0.235_460_964),
            (5.0, 0.43371, 2e-5, 0.433_697_589),
            (10.0, 0.7735, 1e-4, 0.773_429_913),
        ] {
            let got = largest_exponent(g).unwrap();
            assert!((got - anchor).abs() <= tolerance, "g = {g}: {got}, wanted is {anchor}");
            assert!((got - converged).abs() <= 3e-8, "g = {g}: {got}, wanted is {converged}");
        }
    }

    /// Against an independent solution of the mean field of the steps themselves: Newton's method for the autocorrelation at all
    /// multiples of a step.
    #[test]
    fn steps_have_exponents_of_their_own() {
        for (g, dt, want) in [
            (2.0, 0.05, 0.111_976),
            (2.0, 0.1, 0.111_499),
            (3.0, 0.05, 0.233_364),
            (3.0, 0.1, 0.231_313),
            (4.0, 0.05, 0.337_080),
            (4.0, 0.1, 0.332_832),
        ] {
            let got = exponent_of_steps(g, dt).unwrap();
            assert!((got - want).abs() < 0.05 * dt * dt, "g = {g}, dt = {dt}: {got}, wanted is {want}");
        }
        let theory = MeanField::of(2.0).unwrap();
        assert!((theory.exponent_of_steps(1e-6).unwrap() - theory.largest_exponent()).abs() < 1e-6);
    }

    /// Just above 1 exponents grow as (g - 1)² / 2 and variances as g - 1; far above, the variance as that of steps in place of tanh.
    #[test]
    fn limits_are_right() {
        let near = MeanField::of(1.001).unwrap();
        assert!((near.largest_exponent() / 0.5e-6 - 1.0).abs() < 0.01, "{}", near.largest_exponent());
        assert!((near.variance() / 1e-3 - 1.0).abs() < 0.01, "{}", near.variance());
        let far = MeanField::of(100.0).unwrap();
        assert!((far.variance() / (2.0 * (1.0 - 2.0 / PI) * 1e4) - 1.0).abs() < 0.02, "{}", far.variance());
        assert_eq!(largest_exponent(0.4).unwrap(), -0.6);
        assert!((exponent_of_steps(0.0, 0.1).unwrap() - 0.9f64.ln() / 0.1).abs() < 1e-15);
    }

    /// The path begins at the variance that equal energies give, at rest, and ends at nothing; nothing else says so to the integrator.
    #[test]
    fn the_autocorrelation_falls_from_the_variance_to_nothing() {
        for g in [1.001, 1.1, 2.0, 10.0, 100.0] {
            let theory = MeanField::of(g).unwrap();
            let (times, correlation) = theory.autocorrelation();
            assert!((correlation[0] / variance(g) - 1.0).abs() < 1e-6, "g = {g}: {} {}", correlation[0], variance(g));
            assert!(correlation.windows(2).all(|pair| pair[1] < pair[0]), "g = {g}");
            assert!((correlation[correlation.len() - 1] / correlation[0] - TAIL).abs() < 1e-3 * TAIL);
            assert!(times[0] == 0.0 && times.len() == correlation.len());
        }
        for g in [-1.0, 1.0005, 200.0, f64::NAN] {
            assert!(largest_exponent(g).is_err(), "{g}");
        }
        // Steps of 1 have ln(g² <tanh'²>) / 2, 0.26 at g = 2, which terms up to dt tell nothing of.
        for dt in [0.0, 0.21, 1.0, f64::NAN] {
            assert!(exponent_of_steps(2.0, dt).is_err(), "{dt}");
        }
        assert!((exponent_of_steps(0.5, 1.0).unwrap() - 0.5f64.ln()).abs() < 1e-15);
    }
}
