//! The first step, from the sizes of the state and of its first two derivatives.
//!
//! Source: Hairer, Norsett & Wanner, *Solving ODEs I*, 2nd ed., II.4, algorithm on p. 169, with the exponent `1/order`.

use crate::Error;
use crate::arrays::{Shape, combine, scaled_norms};
use crate::field::{At, FieldError};
use crate::math::Number;
use crate::solver::{Solver, TimePrecision};

/// What the guess starts from: per column the start, the end and which sample it is.
pub(crate) struct Start<'a> {
    pub(crate) t: &'a [f64],
    pub(crate) end: &'a [f64],
    pub(crate) sample: &'a [usize],
    pub(crate) piece: &'a [usize],
}

/// One signed step per column. `f0` is the derivative at the start; `y1` and `f1` are scratch.
pub(crate) fn guess<T: Number>(
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
    let first: Vec<f64> = (0..shape.batch)
        .map(|b| {
            let dt = if d0[b] < 1e-5 || d1[b] < 1e-5 { 1e-6 } else { 0.01 * d0[b] / d1[b] };
            let span = start.end[b] - start.t[b];
            round(dt).min(span.abs()).copysign(span)
        })
        .collect();
    let dt: Vec<T> = first.iter().map(|&dt| T::from_f64(dt)).collect();
    combine(shape, y1, y0, &dt, &[(1.0, f0)]);
    let t: Vec<f64> = start.t.iter().zip(&first).map(|(t, dt)| round(t + dt)).collect();
    eval(At { t: &t, sample: start.sample, piece: start.piece }, y1, f1)
        .map_err(|source| Error::Field { t: t[0], source })?;
    let change = scaled_norms(shape, scale, y0, f1, Some(f0));
    let order = f64::from(solver.method.order());
    Ok((0..shape.batch)
        .map(|b| {
            let first = first[b];
            // A derivative that is not finite says nothing of the right step: begin with the cautious one.
            let steepest = d1[b].max(change[b] / first.abs());
            let second = if !steepest.is_finite() {
                first.abs()
            } else if steepest <= 1e-15 {
                (1e-3 * first.abs()).max(1e-6)
            } else {
                (0.01 / steepest).powf(1.0 / order)
            };
            round((100.0 * first.abs()).min(second)).copysign(first)
        })
        .collect())
}
