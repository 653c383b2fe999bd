//! Clipping of gradients.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};
use tch_function::math::Number;
use tch_function::slices::{as_slice, is_plain};

use crate::optimizer::refuse_sparse;
use crate::slices::copy_to;
use crate::{Error, Optimizer, Parameters};

/// How gradients are clipped before each step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clip {
    /// Not at all. The default.
    #[default]
    Not,
    /// The norm over all parameters is at most this: [`clip_norm`].
    Norm(f64),
    /// The norm over each group of the optimiser is at most this.
    NormOfGroup(f64),
    /// Each entry is at most this in size: [`clip_value`].
    Value(f64),
}

impl Clip {
    /// Clips the gradients of an optimiser's parameters, and returns their norm from before, where it is clipped by. With
    /// [`Clip::NormOfGroup`] it is the norm over all groups.
    ///
    /// # Errors
    /// As [`grad_norm`], whichever way they are clipped, nothing being changed; [`Error::Setting`] where the bound is not above zero.
    pub fn apply(&self, optimizer: &Optimizer) -> Result<Option<f64>, Error> {
        let all = optimizer.parameters();
        match *self {
            Self::Not => grad_norm(&all).map(|_| None),
            Self::Norm(max) => clip_norm(&all, max).map(Some),
            Self::Value(max) => {
                grad_norm(&all)?;
                clip_value(&all, max).map(|()| None)
            }
            Self::NormOfGroup(max) => {
                let groups: Vec<Parameters> =
                    optimizer.groups().filter_map(|(name, _)| optimizer.group(name)).collect();
                grad_norm(&all)?;
                let norms = groups.iter().map(|group| clip_norm(group, max)).collect::<Result<Vec<f64>, _>>()?;
                Ok(Some(norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt()))
            }
        }
    }
}

/// The 2-norm of all gradients together. Parameters without gradient count as zero.
///
/// Sums are in double precision and in a fixed order, so that the norm does not depend on the number of threads.
///
/// # Errors
/// [`Error::Gradient`], with the names of the parameters to blame, where it is not finite; [`Error::Parameter`] for a sparse gradient;
/// what libtorch reports.
pub fn grad_norm(parameters: &Parameters) -> Result<f64, Error> {
    let _guard = tch::no_grad_guard();
    let (mut names, mut squares) = (Vec::new(), Vec::new());
    for (name, tensor) in parameters.iter() {
        let grad = tensor.f_grad()?;
        if grad.defined() {
            refuse_sparse(name, &grad)?;
            names.push(name);
            squares.push(square_sum(&grad)?);
        }
    }
    let (mut total, mut bad) = (0.0, Vec::new());
    for (name, square) in names.into_iter().zip(numbers(squares)?) {
        if !square.is_finite() {
            bad.push(name.to_owned());
        }
        total += square;
    }
    let norm = total.sqrt();
    if !norm.is_finite() {
        return Err(Error::Gradient { norm, parameters: bad });
    }
    Ok(norm)
}

/// Scales all gradients by one number such that their norm is at most `max`, and returns the norm from before.
///
/// The factor is `min(1, max / (norm + 1e-6))`, as in `torch.nn.utils.clip_grad_norm_`.
///
/// # Errors
/// As [`grad_norm`], nothing being changed; [`Error::Setting`] where `max` is not above zero.
pub fn clip_norm(parameters: &Parameters, max: f64) -> Result<f64, Error> {
    check(max)?;
    let norm = grad_norm(parameters)?;
    let factor = max / (norm + 1e-6);
    if factor < 1.0 {
        for_each(parameters, |grad| Ok(grad.f_mul_scalar_(factor)?))?;
    }
    Ok(norm)
}

/// Clamps each entry of all gradients to `-max` to `max`, as `torch.nn.utils.clip_grad_value_`. NaN stays NaN.
///
/// # Errors
/// [`Error::Setting`] where `max` is not above zero; what libtorch reports.
pub fn clip_value(parameters: &Parameters, max: f64) -> Result<(), Error> {
    check(max)?;
    for_each(parameters, |grad| Ok(grad.f_clamp_(-max, max)?))
}

fn check(max: f64) -> Result<(), Error> {
    if max > 0.0 {
        return Ok(());
    }
    Err(Error::Setting { option: "clip", what: format!("{max}; the largest gradient must be above 0") })
}

fn for_each(parameters: &Parameters, change: impl Fn(&mut Tensor) -> Result<Tensor, Error>) -> Result<(), Error> {
    let _guard = tch::no_grad_guard();
    for (_, tensor) in parameters.iter() {
        let mut grad = tensor.f_grad()?;
        if grad.defined() {
            let _ = change(&mut grad)?;
        }
    }
    Ok(())
}

/// A sum of squares, which stays on its device for as long as others are asked for.
enum Sum {
    Number(f64),
    There(Tensor),
}

fn square_sum(grad: &Tensor) -> Result<Sum, Error> {
    if grad.device() != Device::Cpu {
        return Ok(Sum::There(grad.f_to_kind(Kind::Double)?.f_square()?.f_sum(Kind::Double)?));
    }
    let grad = if is_plain(grad) { grad.shallow_clone() } else { copy_to(grad, Device::Cpu)? };
    Ok(Sum::Number(match grad.kind() {
        Kind::Float => squares(as_slice::<f32>(&grad)),
        Kind::Double => squares(as_slice::<f64>(&grad)),
        _ => squares(as_slice::<f64>(&grad.f_to_kind(Kind::Double)?)),
    }))
}

/// All sums as numbers. Each device is waited for once.
fn numbers(sums: Vec<Sum>) -> Result<Vec<f64>, Error> {
    let mut numbers = vec![0.0; sums.len()];
    let mut there: Vec<(Device, Vec<usize>, Vec<Tensor>)> = Vec::new();
    for (i, sum) in sums.into_iter().enumerate() {
        match sum {
            Sum::Number(number) => numbers[i] = number,
            Sum::There(sum) => match there.iter_mut().find(|(device, ..)| *device == sum.device()) {
                Some((_, places, sums)) => {
                    places.push(i);
                    sums.push(sum);
                }
                None => there.push((sum.device(), vec![i], vec![sum])),
            },
        }
    }
    for (_, places, sums) in there {
        let sums = Tensor::f_stack(&sums, 0)?.f_to_device(Device::Cpu)?;
        places.iter().zip(as_slice::<f64>(&sums)).for_each(|(&i, sum)| numbers[i] = *sum);
    }
    Ok(numbers)
}

/// Sum of squares in eight lanes, which the compiler turns into vectors.
fn squares<T: Number>(numbers: &[T]) -> f64 {
    let (eights, rest) = numbers.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane += x.to_f64() * x.to_f64();
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sgd;

    fn with_gradient(name: &str, gradient: &[f64], kind: Kind) -> (String, Tensor) {
        let gradient = Tensor::from_slice(gradient).to_kind(kind);
        let p = gradient.zeros_like().set_requires_grad(true);
        (&p * &gradient).sum(kind).backward();
        (name.to_owned(), p)
    }

    fn gradient(parameters: &Parameters, name: &str) -> Vec<f64> {
        Vec::try_from(parameters.get(name).unwrap().grad().to_kind(Kind::Double)).unwrap()
    }

    #[test]
    fn norm_of_two_parameters_of_different_kinds() {
        let all =
            Parameters::new([with_gradient("a", &[2.0, 4.0], Kind::Float), with_gradient("b", &[4.0], Kind::Double)])
                .unwrap();
        assert_eq!(clip_norm(&all, 10.0).unwrap(), 6.0);
        assert_eq!(gradient(&all, "a"), [2.0, 4.0]);
        assert_eq!(clip_norm(&all, 3.0).unwrap(), 6.0);
        assert!((gradient(&all, "b")[0] - 4.0 * 3.0 / (6.0 + 1e-6)).abs() < 1e-15);
        assert!((grad_norm(&all).unwrap() - 3.0).abs() < 1e-6);
        clip_value(&all, 0.5).unwrap();
        assert_eq!((gradient(&all, "a"), gradient(&all, "b")), (vec![0.5, 0.5], vec![0.5]));
    }

    #[test]
    fn parameters_to_blame_are_named_and_nothing_is_changed() {
        let all = Parameters::new([
            with_gradient("good", &[1e9], Kind::Float),
            with_gradient("nan", &[1.0, f64::NAN], Kind::Float),
            with_gradient("large", &[f64::INFINITY], Kind::Double),
        ])
        .unwrap();
        match clip_norm(&all, 1.0) {
            Err(Error::Gradient { parameters, .. }) => assert_eq!(parameters, ["large", "nan"]),
            other => panic!("{other:?}"),
        }
        assert_eq!(gradient(&all, "good"), [1e9]);
        assert!(clip_norm(&all, 0.0).is_err() && clip_value(&all, f64::NAN).is_err());
    }

    /// However they are clipped, and though a clamp would hide an infinity.
    #[test]
    fn gradients_that_are_not_finite_are_refused() {
        for clip in [Clip::Not, Clip::Value(1.0), Clip::Norm(1.0), Clip::NormOfGroup(1.0)] {
            for bad in [f64::NAN, f64::INFINITY] {
                let all = Parameters::new([
                    with_gradient("good", &[3.0], Kind::Double),
                    with_gradient("bad", &[1.0, bad], Kind::Float),
                ])
                .unwrap();
                let optimizer = Optimizer::new(Sgd::default(), &all).unwrap();
                let refused = clip.apply(&optimizer);
                assert!(
                    matches!(&refused, Err(Error::Gradient { parameters, .. }) if parameters == &["bad"]),
                    "{clip:?}: {refused:?}"
                );
                assert_eq!(gradient(&all, "good"), [3.0]);
            }
        }
    }

    #[test]
    fn groups_are_clipped_apart() {
        let [a, b] =
            [("a", 3.0), ("b", 0.4)].map(|(n, g)| Parameters::new([with_gradient(n, &[g], Kind::Double)]).unwrap());
        let optimizer = Optimizer::new(Sgd::default(), &a).unwrap().with_group("b", Sgd::default(), &b).unwrap();
        let norm = Clip::NormOfGroup(1.0).apply(&optimizer).unwrap().unwrap();
        assert!((norm - (9.0f64 + 0.16).sqrt()).abs() < 1e-15);
        assert!((gradient(&a, "a")[0] - 3.0 / (3.0 + 1e-6)).abs() < 1e-15);
        assert_eq!(gradient(&b, "b"), [0.4]);
    }

    #[test]
    fn sums_over_odd_lengths() {
        for n in 0..40u32 {
            let numbers: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let want: f64 = (0..n).map(|i| f64::from(i * i)).sum();
            assert_eq!(squares(&numbers), want);
        }
    }
}
