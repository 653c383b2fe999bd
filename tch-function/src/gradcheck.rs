//! Derivatives against central differences, in f64.
//!
//! ```
//! use tch_function::gradcheck;
//!
//! let x = tch::Tensor::from_slice(&[0.3, -1.2, 2.0]);
//! gradcheck::first(|t| t[0].sin() * &t[0], &[&x])?;
//! gradcheck::second(|t| t[0].sin() * &t[0], &[&x])?;
//! # Ok::<(), tch_function::Error>(())
//! ```

use tch::{Kind, Tensor};

use crate::Error;
use crate::error::brief;

/// [`Gradcheck::first`] with the default step and tolerance.
///
/// # Errors
///
/// Those of [`Gradcheck::first`].
pub fn first(f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<f64, Error> {
    Gradcheck::default().first(f, inputs)
}

/// [`Gradcheck::second`] with the default step and tolerance.
///
/// # Errors
///
/// Those of [`Gradcheck::second`].
pub fn second(f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<f64, Error> {
    Gradcheck::default().second(f, inputs)
}

/// How to compare derivatives with central differences `(f(x + step) - f(x - step)) / (2 step)`.
///
/// Their own error is about `step² |f'''| / 6` plus `2e-16 |f| / step`. Choose inputs away from kinks by more than a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradcheck {
    /// How far an entry is moved to either side. Default 1e-5.
    pub step: f64,
    /// The largest `|analytic - numeric| / (1 + |numeric|)` that passes. Default 1e-6.
    pub tolerance: f64,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Gradcheck { step: 1e-5, tolerance: 1e-6 }
    }
}

impl Gradcheck {
    /// Compares the gradient of `f` with respect to every entry of every f64 input.
    ///
    /// `f` takes tensors of the inputs' shapes and returns a tensor of any shape, real or complex, which is weighted with
    /// fixed numbers of either sign and summed up. Inputs of integer and boolean kinds are handed on unchanged. For a
    /// complex argument pass its real view and let `f` call `view_as_complex`.
    ///
    /// Returns the worst `|analytic - numeric| / (1 + |numeric|)`, 0 where there is nothing to compare.
    ///
    /// # Errors
    ///
    /// [`Error::Gradient`] with the worst entry; [`Error::Gradcheck`] for a floating-point input that is not f64 or a value
    /// that is not finite; [`Error::Libtorch`] where the backward fails.
    ///
    /// # Panics
    ///
    /// Where `f` does.
    pub fn first(&self, f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<f64, Error> {
        self.compare("first", |leaves| Ok(weighted_sum(&f(leaves))), inputs)
    }

    /// Compares the derivatives of the gradient of `f` (its entries weighted and summed up) with differences of gradients.
    ///
    /// Right first derivatives are taken for granted: check them as well. See [`Gradcheck::first`].
    ///
    /// # Errors
    ///
    /// As [`Gradcheck::first`]; among them [`Error::Libtorch`] for an operation without a second derivative.
    ///
    /// # Panics
    ///
    /// Where `f` does.
    pub fn second(&self, f: impl Fn(&[Tensor]) -> Tensor, inputs: &[&Tensor]) -> Result<f64, Error> {
        let of_gradient = |leaves: &[Tensor]| -> Result<Tensor, Error> {
            let gradients = gradients(&weighted_sum(&f(leaves)), leaves, true)?;
            Ok(gradients.iter().flatten().map(weighted_sum).fold(Tensor::from(0.0), |sum, g| sum + g))
        };
        self.compare("second", of_gradient, inputs)
    }

    fn compare(
        &self,
        order: &'static str,
        scalar: impl Fn(&[Tensor]) -> Result<Tensor, Error>,
        inputs: &[&Tensor],
    ) -> Result<f64, Error> {
        for (i, t) in inputs.iter().enumerate() {
            let kind = t.f_kind().map_err(libtorch)?;
            if kind != Kind::Double && (t.is_floating_point() || t.is_complex()) {
                return Err(Error::Gradcheck(format!("input {i} is {kind:?}; differences want Double")));
            }
        }
        let record = |inputs: &[Tensor]| -> Result<(Vec<Tensor>, Tensor), Error> {
            let leaves: Vec<Tensor> = inputs.iter().map(|t| t.detach().copy().set_requires_grad(is_real(t))).collect();
            let value = tch::with_grad(|| scalar(&leaves))?;
            Ok((leaves, value))
        };
        let inputs: Vec<Tensor> = inputs.iter().map(|t| t.shallow_clone()).collect();
        let (leaves, value) = record(&inputs)?;
        let at_inputs = f64::try_from(value.detach()).map_err(libtorch)?;
        if !at_inputs.is_finite() {
            return Err(Error::Gradcheck(format!(
                "the {order} derivative cannot be checked where the function gives {at_inputs}; choose other inputs"
            )));
        }
        let analytic = gradients(&value, &leaves, false)?;
        drop((leaves, value));

        let (mut worst, mut place, mut wrong, mut entries) = (0.0, None, 0, 0);
        for (i, gradient) in analytic.iter().enumerate().filter(|&(i, _)| is_real(&inputs[i])) {
            let centre = numbers(&inputs[i])?;
            let gradient = gradient.as_ref().map_or_else(|| Ok(vec![0.0; centre.len()]), numbers)?;
            let mut moved: Vec<Tensor> = inputs.iter().map(Tensor::shallow_clone).collect();
            for (j, &analytic) in gradient.iter().enumerate() {
                let mut at = |x: f64| -> Result<f64, Error> {
                    let mut values = centre.clone();
                    values[j] = x;
                    moved[i] = Tensor::from_slice(&values).view(&inputs[i].size()[..]).to_device(inputs[i].device());
                    f64::try_from(record(&moved)?.1.detach()).map_err(libtorch)
                };
                let (right, left) = (centre[j] + self.step, centre[j] - self.step);
                let numeric = (at(right)? - at(left)?) / (right - left);
                if !(analytic.is_finite() && numeric.is_finite()) {
                    return Err(Error::Gradcheck(format!(
                        "{order} derivative by input {i}, entry {:?}: {analytic} by backward, {numeric} by differences",
                        index(j, &inputs[i].size())
                    )));
                }
                let off = (analytic - numeric).abs() / (1.0 + numeric.abs());
                entries += 1;
                wrong += usize::from(off > self.tolerance);
                if off > worst {
                    (worst, place) = (off, Some((i, j, analytic, numeric)));
                }
            }
        }
        match place {
            Some((input, j, analytic, numeric)) if wrong > 0 => Err(Error::Gradient {
                order,
                input,
                index: index(j, &inputs[input].size()),
                analytic,
                numeric,
                tolerance: self.tolerance,
                wrong,
                entries,
            }),
            _ => Ok(worst),
        }
    }
}

/// The gradients of a scalar, `None` where it does not depend on a leaf.
fn gradients(value: &Tensor, leaves: &[Tensor], create_graph: bool) -> Result<Vec<Option<Tensor>>, Error> {
    let mut all: Vec<Option<Tensor>> = leaves.iter().map(|_| None).collect();
    if value.requires_grad() {
        let wanted: Vec<usize> = (0..leaves.len()).filter(|&i| leaves[i].requires_grad()).collect();
        let leaves: Vec<&Tensor> = wanted.iter().map(|&i| &leaves[i]).collect();
        let found = Tensor::f_run_backward(&[value], &leaves, create_graph, create_graph).map_err(libtorch)?;
        for (i, gradient) in wanted.into_iter().zip(found) {
            all[i] = Some(gradient).filter(Tensor::defined);
        }
    }
    Ok(all)
}

/// Every entry counts, and no two in the same way: weights of alternating sign and of size 1 to 1.5; 1 for a scalar.
fn weighted_sum(t: &Tensor) -> Tensor {
    let t = if t.is_complex() { t.view_as_real() } else { t.shallow_clone() };
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let weights: Vec<f64> = (0..t.numel())
        .map(|j| (1.0 + (j as f64 * golden).fract() / 2.0) * if j % 2 == 0 { 1.0 } else { -1.0 })
        .collect();
    let weights = Tensor::from_slice(&weights).to_device(t.device());
    t.reshape([-1]).to_kind(Kind::Double).dot(&weights)
}

fn is_real(t: &Tensor) -> bool {
    t.is_floating_point()
}

fn numbers(t: &Tensor) -> Result<Vec<f64>, Error> {
    Vec::<f64>::try_from(t.detach().reshape([-1])).map_err(libtorch)
}

fn index(mut flat: usize, size: &[i64]) -> Vec<i64> {
    let mut index = vec![0; size.len()];
    for (place, &n) in index.iter_mut().zip(size).rev() {
        *place = (flat % n as usize) as i64;
        flat /= n as usize;
    }
    index
}

fn libtorch(error: impl std::fmt::Display) -> Error {
    Error::Libtorch(brief(&error.to_string()).to_string())
}
