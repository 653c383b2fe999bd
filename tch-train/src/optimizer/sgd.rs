//! Stochastic gradient descent with momentum.
//!
//! ```text
//! g <- g + weight_decay p
//! b <- momentum b + (1 - dampening) g           (b <- g at the first step)
//! p <- p - lr b                                 (p - lr (g + momentum b) with Nesterov's)
//! ```
//!
//! Source: Sutskever et al., ICML 2013, in the form of `torch.optim.SGD`.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch_function::math::Number;
use tch_function::slices::as_slice;

use super::{Options, check};
use crate::Error;
use crate::slices::slice_mut;

/// Which momentum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookahead {
    /// The step is the average of gradients. The default.
    #[default]
    None,
    /// The step looks one momentum ahead. Needs momentum above zero and no dampening.
    Nesterov,
}

/// Stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Learning rate. Default 1e-3.
    pub lr: f64,
    /// Factor of the last step's direction. Default 0: no momentum, and no state.
    pub momentum: f64,
    /// What is taken off the gradient before it joins the momentum. Default 0.
    pub dampening: f64,
    /// Factor of the parameter in its gradient. Default 0.
    pub weight_decay: f64,
    /// Nesterov's momentum or the plain one. Default: plain.
    pub lookahead: Lookahead,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { lr: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, lookahead: Lookahead::None }
    }
}

impl Options for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    fn validate(&self) -> Result<(), Error> {
        check("momentum", self.momentum, "from 0 to below 1", (0.0..1.0).contains(&self.momentum))?;
        check("dampening", self.dampening, "from 0 to 1", (0.0..=1.0).contains(&self.dampening))?;
        let good = self.weight_decay.is_finite() && self.weight_decay >= 0.0;
        check("weight_decay", self.weight_decay, "finite and 0 or more", good)?;
        if self.lookahead == Lookahead::Nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(Error::Setting {
                option: "lookahead",
                what: "Nesterov's momentum needs momentum above zero and no dampening".into(),
            });
        }
        Ok(())
    }

    fn update<T: Number>(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
        let (g, p) = (as_slice::<T>(g), slice_mut::<T>(p));
        let [lr, momentum, decay] = [self.lr, self.momentum, self.weight_decay].map(T::from_f64);
        let gradient = |g: T, p: T| if self.weight_decay == 0.0 { g } else { g + decay * p };
        let Some(b) = slots.first_mut() else {
            for (p, &g) in p.iter_mut().zip(g) {
                *p = *p - lr * gradient(g, *p);
            }
            return;
        };
        let b = slice_mut::<T>(b);
        let (kept, share) =
            if t == 1 { (T::from_f64(0.0), T::from_f64(1.0)) } else { (momentum, T::from_f64(1.0 - self.dampening)) };
        for ((p, &g), b) in p.iter_mut().zip(g).zip(b) {
            let g = gradient(g, *p);
            *b = *b * kept + share * g;
            let direction = if self.lookahead == Lookahead::Nesterov { g + momentum * *b } else { *b };
            *p = *p - lr * direction;
        }
    }

    fn update_tensor(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) -> Result<(), Error> {
        let mut direction =
            if self.weight_decay == 0.0 { g.shallow_clone() } else { g.f_add(&p.f_mul_scalar(self.weight_decay)?)? };
        if let Some(b) = slots.first_mut() {
            if t == 1 {
                b.f_copy_(&direction)?;
            } else {
                let _ = b.f_mul_scalar_(self.momentum)?.f_add_(&direction.f_mul_scalar(1.0 - self.dampening)?)?;
            }
            direction = match self.lookahead {
                Lookahead::Nesterov => direction.f_add(&b.f_mul_scalar(self.momentum)?)?,
                Lookahead::None => b.shallow_clone(),
            };
        }
        let _ = p.f_sub_(&direction.f_mul_scalar(self.lr)?)?;
        Ok(())
    }
}
