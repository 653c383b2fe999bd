//! Operations that the tests share.

use std::sync::{Arc, Mutex};

use tch::{Device, Kind, Tensor};
use tch_function::{BoxError, Forward, Op, SecondDerivative, apply_one, save_if};

pub(crate) type Gradients = Result<Vec<Option<Tensor>>, BoxError>;

/// y = a ∘ b, recorded, saving no more than is needed; notes what it was asked for.
#[derive(Default)]
pub(crate) struct Product {
    pub(crate) seen: Arc<Mutex<Vec<Vec<bool>>>>,
}

impl Op for Product {
    const NAME: &'static str = "Product";
    const SECOND: SecondDerivative = SecondDerivative::Recorded;

    fn forward(&self, t: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        self.seen.lock().unwrap().push(needs.to_vec());
        Ok(Forward { outputs: vec![&t[0] * &t[1]], saved: vec![save_if(needs[1], &t[0]), save_if(needs[0], &t[1])] })
    }

    fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], needs: &[bool]) -> Gradients {
        self.seen.lock().unwrap().push(needs.to_vec());
        let side = |need: bool, other: usize| grads[0].as_ref().filter(|_| need).map(|g| g * saved[other].conj());
        Ok(vec![side(needs[0], 1), side(needs[1], 0)])
    }
}

/// y = exp(x), recorded, saving its output.
pub(crate) struct Exp;

impl Op for Exp {
    const NAME: &'static str = "Exp";
    const SECOND: SecondDerivative = SecondDerivative::Recorded;

    fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        let y = t[0].exp();
        Ok(Forward { outputs: vec![y.shallow_clone()], saved: vec![y] })
    }

    fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
        Ok(vec![grads[0].as_ref().map(|g| g * &saved[0])])
    }
}

/// y = x³ by a kernel of its own that nothing records.
pub(crate) struct RawCube;

impl RawCube {
    fn map(x: &Tensor, f: impl Fn(f64) -> f64) -> Result<Tensor, BoxError> {
        let x_flat = Vec::<f64>::try_from(x.detach().reshape([-1]))?;
        Ok(Tensor::from_slice(&x_flat.into_iter().map(f).collect::<Vec<_>>()).reshape(x.size()).copy())
    }
}

impl Op for RawCube {
    const NAME: &'static str = "RawCube";

    fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        Ok(Forward { outputs: vec![Self::map(&t[0], |x| x * x * x)?], saved: vec![t[0].shallow_clone()] })
    }

    fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
        let slope = Self::map(&saved[0], |x| 3.0 * x * x)?;
        Ok(vec![grads[0].as_ref().map(|g| g * slope)])
    }
}

/// (max, place of it, sum) along the last dimension: several outputs, one of an integer kind.
pub(crate) struct MaxAndSum;

impl Op for MaxAndSum {
    const NAME: &'static str = "MaxAndSum";

    fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        let (max, place) = t[0].max_dim(-1, true);
        let sum = t[0].sum_dim_intlist([-1_i64].as_slice(), true, Kind::Double);
        Ok(Forward { outputs: vec![max, place.shallow_clone(), sum], saved: vec![place, Tensor::zeros_like(&t[0])] })
    }

    fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
        assert!(grads[1].is_none(), "an integer output has no gradient");
        let mut x = saved[1].copy();
        if let Some(g) = &grads[0] {
            x = x.scatter_add(-1, &saved[0], g);
        }
        if let Some(g) = &grads[2] {
            x += g;
        }
        Ok(vec![Some(x)])
    }
}

/// An operation made of closures.
pub(crate) struct With<F, B>(pub(crate) F, pub(crate) B);

impl<F, B> Op for With<F, B>
where
    F: Fn(&[Tensor]) -> Result<Forward, BoxError> + Send + Sync + 'static,
    B: Fn(&[Tensor], &[Option<Tensor>]) -> Gradients + Send + Sync + 'static,
{
    const NAME: &'static str = "With";

    fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        (self.0)(t)
    }

    fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
        (self.1)(saved, grads)
    }
}

/// The forward of y = 2x.
pub(crate) fn double(t: &[Tensor]) -> Result<Forward, BoxError> {
    Ok(Forward { outputs: vec![&t[0] * 2.0], saved: vec![] })
}

/// The backward of y = 2x.
pub(crate) fn double_back(_: &[Tensor], grads: &[Option<Tensor>]) -> Gradients {
    Ok(vec![grads[0].as_ref().map(|g| g * 2.0)])
}

pub(crate) fn product(a: &Tensor, b: &Tensor) -> Tensor {
    apply_one(Product::default(), &[a, b]).unwrap()
}

pub(crate) fn exp(x: &Tensor) -> Tensor {
    apply_one(Exp, &[x]).unwrap()
}

/// f64 numbers between -1 and 1, other ones for each seed.
pub(crate) fn values(size: &[i64], seed: u32) -> Tensor {
    let n: i64 = size.iter().product();
    let x: Vec<f64> = (0..n).map(|i| (1.7 * i as f64 + 12.9 * f64::from(seed) + 0.4).sin()).collect();
    Tensor::from_slice(&x).reshape(size).to_device(Device::Cpu)
}

pub(crate) fn leaf(size: &[i64], seed: u32) -> Tensor {
    values(size, seed).set_requires_grad(true)
}

pub(crate) fn total(t: &Tensor) -> Tensor {
    t.sum(t.kind())
}

pub(crate) fn same(a: &Tensor, b: &Tensor) -> bool {
    a.size() == b.size() && a.kind() == b.kind() && (a - b).abs().sum(Kind::Double).double_value(&[]) == 0.0
}
