//! Adam and AdamW.
//!
//! With the gradient `g` at step `t` (from 1), everything entry by entry:
//!
//! ```text
//! m <- m + (1 - beta1) (g - m)            v <- beta2 v + (1 - beta2) g²
//! p <- p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
//! ```
//!
//! Steps of the logarithm of a parameter have the gradient `p g`, and `p <- p e^step` with the step above.
//!
//! Source: Kingma & Ba, arXiv:1412.6980, algorithm 1; Loshchilov & Hutter, arXiv:1711.05101, algorithm 2; Reddi, Kale & Kumar,
//! ICLR 2018, algorithm 2; in the order of operations of `torch.optim`.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch_function::math::Number;
use tch_function::slices::as_slice;

use super::{Options, check};
use crate::Error;
use crate::slices::slice_mut;

/// Which second moment divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondMoment {
    /// The running average. The default.
    #[default]
    Average,
    /// The largest running average so far (AMSGrad).
    Largest,
}

/// What steps are taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepsOf {
    /// The parameter. The default.
    #[default]
    Parameter,
    /// The logarithm of its size: the learning rate is relative, so that parameters of any size are trained alike. Its sign never changes,
    /// and zero stays zero. For synaptic strengths whose sign is known.
    Logarithm,
}

/// Adam; weight decay is a part of the gradient: `g <- g + weight_decay p`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Learning rate. Default 1e-3.
    pub lr: f64,
    /// Decay of the average of gradients. Default 0.9.
    pub beta1: f64,
    /// Decay of the average of squared gradients. Default 0.999.
    pub beta2: f64,
    /// Added to the denominator. Default 1e-8.
    pub eps: f64,
    /// Factor of the parameter in its gradient. Default 0.
    pub weight_decay: f64,
    /// Which second moment divides. Default: the running average.
    pub second_moment: SecondMoment,
    /// What steps are taken of. Default: the parameter.
    pub steps_of: StepsOf,
}

/// AdamW; weight decay is a step of its own: `p <- (1 - lr weight_decay) p`, before Adam's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// Learning rate. Default 1e-3.
    pub lr: f64,
    /// Decay of the average of gradients. Default 0.9.
    pub beta1: f64,
    /// Decay of the average of squared gradients. Default 0.999.
    pub beta2: f64,
    /// Added to the denominator. Default 1e-8.
    pub eps: f64,
    /// What a parameter loses in a step, in units of the learning rate. Default 0.01.
    pub weight_decay: f64,
    /// Which second moment divides. Default: the running average.
    pub second_moment: SecondMoment,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            second_moment: SecondMoment::Average,
            steps_of: StepsOf::Parameter,
        }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, second_moment: SecondMoment::Average }
    }
}

impl Options for Adam {
    fn slots(&self) -> &'static [&'static str] {
        slots(self.second_moment)
    }

    fn validate(&self) -> Result<(), Error> {
        validate(self)
    }

    fn update<T: Number>(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
        fused(&Coefficients::<T>::new(self, Decay::InGradient, t), p, g, slots);
    }

    fn update_tensor(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) -> Result<(), Error> {
        by_tensors(&Coefficients::<f64>::new(self, Decay::InGradient, t), p, g, slots)
    }
}

impl Options for AdamW {
    fn slots(&self) -> &'static [&'static str] {
        slots(self.second_moment)
    }

    fn validate(&self) -> Result<(), Error> {
        validate(&self.undecayed())
    }

    fn update<T: Number>(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
        fused(&Coefficients::<T>::new(&self.undecayed(), Decay::OfItsOwn, t), p, g, slots);
    }

    fn update_tensor(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) -> Result<(), Error> {
        by_tensors(&Coefficients::<f64>::new(&self.undecayed(), Decay::OfItsOwn, t), p, g, slots)
    }
}

impl AdamW {
    /// The same numbers as Adam's.
    fn undecayed(&self) -> Adam {
        let Self { lr, beta1, beta2, eps, weight_decay, second_moment } = *self;
        Adam { lr, beta1, beta2, eps, weight_decay, second_moment, steps_of: StepsOf::Parameter }
    }
}

fn slots(second_moment: SecondMoment) -> &'static [&'static str] {
    match second_moment {
        SecondMoment::Average => &["exp_avg", "exp_avg_sq"],
        SecondMoment::Largest => &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
    }
}

fn validate(o: &Adam) -> Result<(), Error> {
    check("beta1", o.beta1, "from 0 to below 1", (0.0..1.0).contains(&o.beta1))?;
    check("beta2", o.beta2, "from 0 to below 1", (0.0..1.0).contains(&o.beta2))?;
    let natural = |x: f64| x.is_finite() && x >= 0.0;
    check("eps", o.eps, "finite and 0 or more", natural(o.eps))?;
    check("weight_decay", o.weight_decay, "finite and 0 or more", natural(o.weight_decay))
}

#[derive(Clone, Copy, PartialEq)]
enum Decay {
    InGradient,
    OfItsOwn,
}

/// The numbers of one step, the same for all entries.
struct Coefficients<T> {
    /// Factor of `p` that is added to `g`.
    into_gradient: T,
    /// Factor of `p` before the step.
    kept: T,
    beta1: T,
    one_minus_beta1: T,
    beta2: T,
    one_minus_beta2: T,
    /// `sqrt(1 - beta2^t)`.
    root_correction: T,
    eps: T,
    /// `-lr / (1 - beta1^t)`.
    minus_step: T,
    steps_of: StepsOf,
}

impl<T: Number> Coefficients<T> {
    fn new(o: &Adam, decay: Decay, t: u64) -> Self {
        let power = |beta: f64| beta.powf(t as f64);
        let own = decay == Decay::OfItsOwn;
        Self {
            into_gradient: T::from_f64(if own { 0.0 } else { o.weight_decay }),
            kept: T::from_f64(if own { 1.0 - o.lr * o.weight_decay } else { 1.0 }),
            beta1: T::from_f64(o.beta1),
            one_minus_beta1: T::from_f64(1.0 - o.beta1),
            beta2: T::from_f64(o.beta2),
            one_minus_beta2: T::from_f64(1.0 - o.beta2),
            root_correction: T::from_f64((1.0 - power(o.beta2)).sqrt()),
            eps: T::from_f64(o.eps),
            minus_step: T::from_f64(-(o.lr / (1.0 - power(o.beta1)))),
            steps_of: o.steps_of,
        }
    }

    /// First moment; `lerp` of torch, which goes out from the nearer end.
    fn first(&self, m: T, g: T) -> T {
        if self.one_minus_beta1.to_f64() < 0.5 { m + self.one_minus_beta1 * (g - m) } else { g - (g - m) * self.beta1 }
    }

    fn second(&self, v: T, g: T) -> T {
        v * self.beta2 + self.one_minus_beta2 * g * g
    }

    fn stepped(&self, p: T, m: T, v: T) -> T {
        let step = self.minus_step * m / (v.sqrt() / self.root_correction + self.eps);
        match self.steps_of {
            StepsOf::Parameter => p + step,
            StepsOf::Logarithm => p * step.exp(),
        }
    }
}

/// One pass over the numbers of plain tensors.
fn fused<T: Number>(c: &Coefficients<T>, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
    let (g, p) = (as_slice::<T>(g), slice_mut::<T>(p));
    // torch adds nothing where there is no decay; 0 * inf would be NaN
    let decayed = c.into_gradient.to_f64() != 0.0;
    let gradient = |g: T, p: T| {
        let g = if decayed { g + c.into_gradient * p } else { g };
        if c.steps_of == StepsOf::Logarithm { g * p } else { g }
    };
    if let [m, v] = slots {
        for (((p, &g), m), v) in p.iter_mut().zip(g).zip(slice_mut::<T>(m)).zip(slice_mut::<T>(v)) {
            let g = gradient(g, *p);
            *m = c.first(*m, g);
            *v = c.second(*v, g);
            *p = c.stepped(*p * c.kept, *m, *v);
        }
    } else if let [m, v, top] = slots {
        let state = slice_mut::<T>(m).iter_mut().zip(slice_mut::<T>(v)).zip(slice_mut::<T>(top));
        for ((p, &g), ((m, v), top)) in p.iter_mut().zip(g).zip(state) {
            let g = gradient(g, *p);
            *m = c.first(*m, g);
            *v = c.second(*v, g);
            *top = if *top > *v || top.is_nan() { *top } else { *v };
            *p = c.stepped(*p * c.kept, *m, *top);
        }
    }
}

/// The same by libtorch's operations, for other devices and layouts.
fn by_tensors(c: &Coefficients<f64>, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) -> Result<(), Error> {
    let logarithm = c.steps_of == StepsOf::Logarithm;
    let decayed = if c.into_gradient == 0.0 { g.shallow_clone() } else { g.f_add(&p.f_mul_scalar(c.into_gradient)?)? };
    let decayed = if logarithm { decayed.f_mul(p)? } else { decayed };
    if c.kept != 1.0 {
        let _ = p.f_mul_scalar_(c.kept)?;
    }
    let (moments, largest) = slots.split_at_mut(2);
    if let [m, v] = moments {
        let _ = m.f_lerp_(&decayed, c.one_minus_beta1)?;
        let _ = v.f_mul_scalar_(c.beta2)?.f_addcmul_(&decayed.f_mul_scalar(c.one_minus_beta2)?, &decayed)?;
        let mut by = v.shallow_clone();
        if let [top] = largest {
            top.f_copy_(&top.f_maximum(v)?)?;
            by = top.shallow_clone();
        }
        let denominator = by.f_sqrt()?.f_div_scalar_(c.root_correction)?.f_add_scalar_(c.eps)?;
        let step = m.f_mul_scalar(c.minus_step)?;
        let _ =
            if logarithm { p.f_mul_(&step.f_div(&denominator)?.f_exp()?)? } else { p.f_addcdiv_(&step, &denominator)? };
    }
    Ok(())
}
