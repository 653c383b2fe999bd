//! The first step, from the sizes of the state and of its first two derivatives.
//!
//! Source: Hairer, Norsett & Wanner, *Solving ODEs I*, 2nd ed., II.4, algorithm on p. 169, with the exponent `1/order`.

use crate::Error;
use crate::adjoint::arithmetic::{add_scaled, dots, pull_back_norm};
use crate::arrays::{Shape, combine, scaled_norms};
use crate::field::{At, Evaluated, FieldError, PulledBack};
use crate::reversible::Reversible;
use crate::solver::{Compat, Solver, TimePrecision};
use tch_sparse::{Aligned, Real};

/// What the guess starts from: per column the start, the end and which sample it is.
pub(crate) struct Start<'a> {
    pub(crate) t: &'a [f64],
    pub(crate) end: &'a [f64],
    pub(crate) sample: &'a [usize],
    pub(crate) piece: &'a [usize],
}

/// One signed step per column. `f0` is the derivative at the start; `y1` and `f1` are scratch.
pub(crate) fn guess<T: Real>(
    solver: &Solver,
    shape: Shape,
    start: &Start<'_>,
    (y0, f0): (&[T], &[T]),
    (y1, f1): (&mut [T], &mut [T]),
    mut eval: impl FnMut(At<'_>, &[T], &mut [T]) -> Result<(), FieldError>,
) -> Result<Vec<f64>, Error> {
    let round = |t: f64| TimePrecision::round(solver.time, t);
    let scale = solver.scale();
    let d0 = scaled_norms(shape, scale, y0, y0, None);
    let d1 = scaled_norms(shape, scale, y0, f0, None);
    let first: Vec<f64> =
        (0..shape.batch).map(|b| First::of(round, d0[b], d1[b], start.end[b] - start.t[b]).dt).collect();
    let t = try_first(shape, round, start.t, &first, (y0, f0), y1);
    eval(At { t: &t, sample: start.sample, piece: start.piece }, y1, f1)
        .map_err(|source| Error::Field { t: t[0], source })?;
    let change = scaled_norms(shape, scale, y0, f1, Some(f0));
    let order = f64::from(solver.method.order());
    Ok((0..shape.batch).map(|b| Second::of(round, first[b], d1[b], change[b], order).dt).collect())
}

/// The first, cautious step.
struct First {
    dt: f64,
    from: FirstFrom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstFrom {
    Nothing,
    Norms,
    Span,
}

impl First {
    fn of(round: impl Fn(f64) -> f64, d0: f64, d1: f64, span: f64) -> Self {
        let is_small = d0 < 1e-5 || d1 < 1e-5;
        let dt = round(if is_small { 1e-6 } else { 0.01 * d0 / d1 });
        let from = match (dt > span.abs(), is_small) {
            (true, _) => FirstFrom::Span,
            (_, true) => FirstFrom::Nothing,
            _ => FirstFrom::Norms,
        };
        Self { dt: dt.min(span.abs()).copysign(span), from }
    }
}

/// The step that the derivatives at both ends of the first one suggest.
struct Second {
    dt: f64,
    from: SecondFrom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecondFrom {
    /// So many times the first one.
    First(u32),
    /// `milli` thousandths of it.
    Part,
    Nothing,
    Derivative,
    Change,
}

impl Second {
    fn of(round: impl Fn(f64) -> f64, first: f64, d1: f64, change: f64, order: f64) -> Self {
        // A derivative that is not finite says nothing of the right step: begin with the cautious one.
        let steepest = steepest(d1, change / first.abs());
        let (dt, from) = if !steepest.is_finite() {
            (first.abs(), SecondFrom::First(1))
        } else if steepest <= 1e-15 {
            let part = 1e-3 * first.abs();
            if part > 1e-6 { (part, SecondFrom::Part) } else { (1e-6, SecondFrom::Nothing) }
        } else {
            let from = if d1 > change / first.abs() { SecondFrom::Derivative } else { SecondFrom::Change };
            ((0.01 / steepest).powf(1.0 / order), from)
        };
        let (dt, from) =
            if 100.0 * first.abs() < dt { (100.0 * first.abs(), SecondFrom::First(100)) } else { (dt, from) };
        Self { dt: round(dt).copysign(first), from }
    }
}

/// The greater of two rates; NaN where either is.
fn steepest(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// Goes along the derivative for the first step of each column; returns the times.
fn try_first<T: Real>(
    shape: Shape,
    round: impl Fn(f64) -> f64,
    start: &[f64],
    first: &[f64],
    (y0, f0): (&[T], &[T]),
    y1: &mut [T],
) -> Vec<f64> {
    let dt: Vec<T> = first.iter().map(|&dt| T::from_f64(dt)).collect();
    combine(shape, y1, y0, &dt, &[(1.0, f0)]);
    start.iter().zip(first).map(|(t, dt)| round(t + dt)).collect()
}

/// What the reverse of the guess adds to, `[features, batch]` and per sample.
pub(crate) struct GuessGradients<'a, T> {
    pub(crate) y0: &'a mut [T],
    pub(crate) parameters: &'a mut [T],
    pub(crate) start: &'a mut [f64],
    pub(crate) end: &'a mut [f64],
}

/// From gradients with respect to the guessed steps to what they were guessed from.
pub(crate) fn pull_back<T: Real>(
    solver: &Solver,
    start: &Start<'_>,
    field: &mut dyn Reversible<T>,
    y0: &[T],
    cotangent: &[f64],
    to: &mut GuessGradients<'_, T>,
) -> Result<(), Error> {
    let batch = start.t.len();
    let shape = Shape { features: y0.len() / batch, batch };
    let (n, order) = (shape.len(), f64::from(solver.method.order()));
    let round = |t: f64| TimePrecision::round(solver.time, t);
    let scale = solver.scale();
    let zeros = || -> Aligned<T> { Aligned::zeros(n) };
    let (mut f0, mut f1, mut y1, mut difference) = (zeros(), zeros(), zeros(), zeros());
    let at0 = At { t: start.t, sample: start.sample, piece: start.piece };
    let failed = |source| Error::Field { t: start.t[0], source };
    field.eval_keeping(at0, y0, &mut f0, 0).map_err(failed)?;
    let d0 = scaled_norms(shape, scale, y0, y0, None);
    let d1 = scaled_norms(shape, scale, y0, &f0, None);
    let firsts: Vec<First> = (0..batch).map(|b| First::of(round, d0[b], d1[b], start.end[b] - start.t[b])).collect();
    let first: Vec<f64> = firsts.iter().map(|f| f.dt).collect();
    let t1 = try_first(shape, round, start.t, &first, (y0, &f0), &mut y1);
    let at1 = At { t: &t1, sample: start.sample, piece: start.piece };
    field.eval_keeping(at1, &y1, &mut f1, 1).map_err(failed)?;
    let change = scaled_norms(shape, scale, y0, &f1, Some(&f0));
    for (d, (f1, f0)) in difference.iter_mut().zip(f1.iter().zip(f0.iter())) {
        *d = *f1 - *f0;
    }

    // Signs: a step is a length with the direction of its sample.
    let (mut first_bar, mut d0_bar, mut d1_bar, mut change_bar) =
        (vec![0.0; batch], vec![0.0; batch], vec![0.0; batch], vec![0.0; batch]);
    for b in 0..batch {
        let second = Second::of(round, first[b], d1[b], change[b], order);
        let limits = solver.controller.limits().filter(|_| solver.compat == Compat::None);
        let held = limits.is_some_and(|l| {
            let least = l.dt_min.unwrap_or(0.0).max(16.0 * solver.time.resolution(start.t[b]));
            second.dt.abs() > l.dt_max.unwrap_or(f64::INFINITY) || second.dt.abs() < least
        });
        let size_bar = if held { 0.0 } else { cotangent[b] * first[b].signum() };
        let steepest = steepest(d1[b], change[b] / first[b].abs());
        let of_steepest = -size_bar * second.dt.abs() / (order * steepest);
        match second.from {
            SecondFrom::First(times) => first_bar[b] += f64::from(times) * size_bar,
            SecondFrom::Part => first_bar[b] += 1e-3 * size_bar,
            SecondFrom::Nothing => {}
            SecondFrom::Derivative => d1_bar[b] += of_steepest,
            SecondFrom::Change => {
                change_bar[b] += of_steepest / first[b].abs();
                first_bar[b] -= of_steepest * change[b] / (first[b] * first[b]);
            }
        }
    }
    let (mut f0_bar, mut f1_bar, mut y_bar, mut d_bar) = (zeros(), zeros(), zeros(), zeros());
    pull_back_norm(shape, scale, (y0, &difference), (&change, &change_bar), (&mut *to.y0, &mut d_bar));
    for (i, d) in d_bar.iter().enumerate() {
        f1_bar[i] += *d;
        f0_bar[i] += -*d;
    }
    let mut t_bar = vec![0.0; batch];
    field
        .pull_back(
            Evaluated { at: at1, y: &y1, dy: &f1, kept: &1 },
            &f1_bar,
            PulledBack { y: &mut y_bar, parameters: &mut *to.parameters, t: &mut t_bar },
        )
        .map_err(failed)?;
    // The state tried is y0 + first f0, at the time start + first.
    let signed: Vec<T> = first.iter().map(|&dt| T::from_f64(dt)).collect();
    let one = vec![T::ONE; batch];
    add_scaled(shape, &mut *to.y0, &one, &[(1.0, &y_bar)]);
    add_scaled(shape, &mut f0_bar, &signed, &[(1.0, &y_bar)]);
    for (b, along) in dots(shape, &y_bar, &[(1.0, &f0)]).into_iter().enumerate() {
        first_bar[b] += (along + t_bar[b]) * first[b].signum();
        to.start[b] += t_bar[b];
        match firsts[b].from {
            FirstFrom::Nothing => {}
            FirstFrom::Norms => {
                d0_bar[b] += first_bar[b] * 0.01 / d1[b];
                d1_bar[b] -= first_bar[b] * 0.01 * d0[b] / (d1[b] * d1[b]);
            }
            FirstFrom::Span => {
                to.end[b] += first_bar[b] * first[b].signum();
                to.start[b] -= first_bar[b] * first[b].signum();
            }
        }
    }
    pull_back_norm(shape, scale, (y0, &f0), (&d1, &d1_bar), (&mut *to.y0, &mut f0_bar));
    let mut own = zeros();
    pull_back_norm(shape, scale, (y0, y0), (&d0, &d0_bar), (&mut *to.y0, &mut own));
    add_scaled(shape, &mut *to.y0, &one, &[(1.0, &own)]);
    let mut t_bar = vec![0.0; batch];
    field
        .pull_back(
            Evaluated { at: at0, y: y0, dy: &f0, kept: &0 },
            &f0_bar,
            PulledBack { y: &mut y_bar, parameters: &mut *to.parameters, t: &mut t_bar },
        )
        .map_err(failed)?;
    add_scaled(shape, &mut *to.y0, &one, &[(1.0, &y_bar)]);
    to.start.iter_mut().zip(t_bar).for_each(|(to, bar)| *to += bar);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whichever rate is not a number, the cautious step is the one to begin with.
    #[test]
    fn a_rate_that_is_no_number_says_nothing() {
        for (d1, change) in [(1.0, f64::NAN), (f64::NAN, 1.0), (f64::INFINITY, 1.0)] {
            let second = Second::of(|t| t, 1e-3, d1, change, 5.0);
            assert_eq!((second.dt, second.from), (1e-3, SecondFrom::First(1)), "{d1}, {change}");
        }
    }
}
