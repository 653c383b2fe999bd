//! The reverse of interpolation: gradients of values between the ends of a step.
//!
//! A value at the fraction `x` is `y0 + sum_p x^p (s_p (y1 - y0) + dt sum_s d_ps k_s)`. With the gradients of all values in a step
//! summed up per power, `g_p = sum x^p v`, the rest is weights.

use crate::arrays::Shape;
use crate::interpolation::Point;
use crate::method::Dense;
use tch_sparse::{Aligned, Real};

/// Gradients of the values in one step of each column.
pub(super) struct Inside<T> {
    /// `g_p` for the powers from 0, `[features, columns]`; the first is that of `y0`.
    pub(super) powers: Vec<Aligned<T>>,
    /// Points and their columns; those at the end of the step, where the value is `y1` itself, apart.
    points: Vec<(usize, Point)>,
    ends: Vec<(usize, Point)>,
}

impl<T: Real> Inside<T> {
    /// Sums up the gradients `cotangent`, `[slots, features]`, of the points of each column.
    pub(super) fn new(shape: Shape, dense: Dense, points: Vec<(usize, Point)>, cotangent: &[T]) -> Self {
        let (ends, points): (Vec<_>, Vec<_>) = points.into_iter().partition(|(_, p)| p.x == 1.0);
        let n = if points.is_empty() { 0 } else { dense.step.len() + 1 };
        let mut powers = vec![Aligned::zeros(shape.len()); n];
        for (b, p) in &points {
            let values = &cotangent[p.slot * shape.features..][..shape.features];
            let mut x = 1.0;
            for power in &mut powers {
                let factor = T::from_f64(x);
                for (to, v) in power[*b..].iter_mut().step_by(shape.batch).zip(values) {
                    *to += factor * *v;
                }
                x *= p.x;
            }
        }
        Self { powers, points, ends }
    }

    /// Whether any value lies between the ends.
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Adds the gradients of values that are `y1` itself.
    pub(super) fn add_ends(&self, shape: Shape, cotangent: &[T], y1_bar: &mut [T]) {
        for (b, p) in &self.ends {
            let values = &cotangent[p.slot * shape.features..][..shape.features];
            for (to, v) in y1_bar[*b..].iter_mut().step_by(shape.batch).zip(values) {
                *to += *v;
            }
        }
    }

    /// What each power gives to `y1 - y0`, without a factor.
    pub(super) fn step_terms(&self, dense: Dense, sign: f64) -> Vec<(f64, &[T])> {
        dense
            .step
            .iter()
            .zip(self.powers.iter().skip(1))
            .filter(|(w, _)| **w != 0.0)
            .map(|(w, p)| (sign * w, &p[..]))
            .collect()
    }

    /// What each power gives to stage `s`, to be multiplied by `dt`.
    pub(super) fn stage_terms(&self, dense: Dense, s: usize) -> Vec<(f64, &[T])> {
        let weights = dense.k.iter().map(|w| w.get(s).copied().unwrap_or(0.0));
        weights.zip(self.powers.iter().skip(1)).filter(|(w, _)| *w != 0.0).map(|(w, p)| (w, &p[..])).collect()
    }

    /// Gradient with respect to the fraction of each point: the slope of the polynomial times the value's gradient. Gives the
    /// column, the point and the gradient; a value at the end of a step has the last derivative for a slope.
    pub(super) fn fractions(
        &self,
        shape: Shape,
        dense: Dense,
        (y0, y1): (&[T], &[T]),
        k: &[Aligned<T>],
        dt: &[T],
        cotangent: &[T],
    ) -> Vec<(usize, Point, f64)> {
        let slope = |b: usize, p: &Point| -> f64 {
            let values = &cotangent[p.slot * shape.features..][..shape.features];
            let mut sum = 0.0;
            for (row, v) in values.iter().enumerate() {
                let at = row * shape.batch + b;
                let step = (y1[at] - y0[at]).to_f64();
                let mut slope = 0.0;
                for (power, (w, weights)) in dense.step.iter().zip(dense.k).enumerate() {
                    let stages: f64 = weights.iter().zip(k).map(|(w, k)| w * k[at].to_f64()).sum();
                    let of_power = w * step + dt[b].to_f64() * stages;
                    slope += (power + 1) as f64 * p.x.powi(power as i32) * of_power;
                }
                sum += v.to_f64() * slope;
            }
            sum
        };
        self.points.iter().chain(&self.ends).map(|(b, p)| (*b, *p, slope(*b, p))).collect()
    }
}
