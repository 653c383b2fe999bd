//! Differentiable fields of any type behind one pointer, so that reverse passes are compiled once and not again for each field.

use crate::field::{At, Differentiable, Evaluated, FieldError, PulledBack, VectorField};
use tch_sparse::Real;

/// A differentiable field that keeps its evaluations itself, each under a number.
pub(crate) trait Reversible<T: Real>: VectorField<T> {
    /// As [`Differentiable::n_parameters`].
    fn n_parameters(&self) -> usize;

    /// As [`Differentiable::eval_keeping`]; what was kept under the number is gone.
    fn eval_keeping(&mut self, at: At<'_>, y: &[T], dy: &mut [T], number: usize) -> Result<(), FieldError>;

    /// As [`Differentiable::pull_back`], of what was kept under a number.
    fn pull_back(
        &mut self,
        of: Evaluated<'_, T, usize>,
        cotangent: &[T],
        to: PulledBack<'_, T>,
    ) -> Result<(), FieldError>;
}

/// A field and what it keeps.
pub(crate) struct Keeping<'a, T: Real, F: Differentiable<T>> {
    field: &'a mut F,
    kept: Vec<F::Kept>,
}

impl<'a, T: Real, F: Differentiable<T>> Keeping<'a, T, F> {
    pub(crate) fn new(field: &'a mut F) -> Self {
        Self { field, kept: Vec::new() }
    }
}

impl<T: Real, F: Differentiable<T>> VectorField<T> for Keeping<'_, T, F> {
    fn features(&self) -> usize {
        self.field.features()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        self.field.eval(at, y, dy)
    }
}

impl<T: Real, F: Differentiable<T>> Reversible<T> for Keeping<'_, T, F> {
    fn n_parameters(&self) -> usize {
        self.field.n_parameters()
    }

    fn eval_keeping(&mut self, at: At<'_>, y: &[T], dy: &mut [T], number: usize) -> Result<(), FieldError> {
        if self.kept.len() <= number {
            self.kept.resize_with(number + 1, F::Kept::default);
        }
        self.field.eval_keeping(at, y, dy, &mut self.kept[number])
    }

    fn pull_back(
        &mut self,
        of: Evaluated<'_, T, usize>,
        cotangent: &[T],
        to: PulledBack<'_, T>,
    ) -> Result<(), FieldError> {
        let of = Evaluated { at: of.at, y: of.y, dy: of.dy, kept: &self.kept[*of.kept] };
        self.field.pull_back(of, cotangent, to)
    }
}
