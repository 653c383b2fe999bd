//! The right-hand sides of the solver files.

use super::arrays::tensor;
use crate::case::Case;
use sparse_ode::Real;
use sparse_ode::{FieldError, Now};
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// A right-hand side with its parameters, which each sample may have its own of.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: Form,
    batch: usize,
    features: usize,
    parameters: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// `y' = -k y`
    Decay,
    /// `y0' = a y0 - b y0 y1; y1' = d y0 y1 - c y1`
    LotkaVolterra,
    /// `y0' = y1; y1' = mu (1 - y0^2) y1 - y0`
    VanDerPol,
    /// `y' = -y + cos(w t)`
    Forced,
    /// `y' = w J y`, `J = [[0, -1], [1, 0]]`
    Rotation,
    /// `y' = y^2`
    BlowUp,
    /// `y' = tanh(y w1 + b1) w2 - 0.5 y`
    Perceptron { hidden: usize },
}

impl Problem {
    /// The problem that a file names, its parameters under `param.` or, for the perceptron, under their own names.
    pub(crate) fn of(case: &Case) -> Result<Self, String> {
        let &[batch, features] = case.shape("y0")? else {
            return Err(format!("y0 has shape {:?}, not [batch, features]", case.shape("y0")?));
        };
        let name = case.setting("problem")?;
        let (kind, wanted): (Form, &[&str]) = match name {
            "decay" => (Form::Decay, &["k"]),
            "lv" => (Form::LotkaVolterra, &["a", "b", "c", "d"]),
            "vdp" => (Form::VanDerPol, &["mu"]),
            "forced" => (Form::Forced, &["w"]),
            "rot" => (Form::Rotation, &["w"]),
            "blow" => (Form::BlowUp, &[]),
            "mlp" => (Form::Perceptron { hidden: case.shape(&key(case, "b1"))?.iter().product() }, &["w1", "b1", "w2"]),
            _ => {
                return Err(format!("problem {name:?} ({}) is not understood", case.setting_or("formula", "")));
            }
        };
        if matches!(kind, Form::LotkaVolterra | Form::VanDerPol | Form::Rotation) && features != 2 {
            return Err(format!("{name} has 2 features, y0 has {features}"));
        }
        let mut parameters = BTreeMap::new();
        for p in wanted {
            let values = case.floats(&key(case, p))?;
            let per_sample = [1, batch, batch * features].contains(&values.len());
            if !(per_sample || matches!(kind, Form::Perceptron { .. })) {
                return Err(format!("{p} holds {} numbers for {batch} samples of {features} features", values.len()));
            }
            parameters.insert((*p).to_owned(), values.to_vec());
        }
        Ok(Self { kind, batch, features, parameters })
    }

    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    pub(crate) fn features(&self) -> usize {
        self.features
    }

    /// The parameters as tensors that want a gradient, by name.
    pub(crate) fn tensors(&self, case: &Case, kind: Kind) -> Result<Vec<(&str, Tensor)>, String> {
        let of = |name: &str| -> Result<Tensor, String> {
            Ok(tensor(case, &key(case, name), kind)?.set_requires_grad(true))
        };
        self.parameters.keys().map(|name| Ok((name.as_str(), of(name)?))).collect()
    }

    /// The derivative in tensors. Parameters come in the order of [`tensors`](Self::tensors).
    pub(crate) fn field(
        &self,
    ) -> impl Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError> + Send + Sync + 'static {
        let (kind, batch) = (self.kind, self.batch as i64);
        // By sample where there is one for each, as `[running, ...]`.
        let own = move |now: &Now, p: &Tensor| -> Result<Tensor, FieldError> {
            match p.size()[..] {
                [n] if n == batch => Ok(now.of(p)?.f_unsqueeze(1)?),
                [n, ..] if n == batch => Ok(now.of(p)?),
                _ => Ok(p.shallow_clone()),
            }
        };
        move |now, y, p| {
            let column = |i: i64| y.narrow(1, i, 1);
            Ok(match kind {
                Form::Decay => -(own(now, &p[0])? * y),
                Form::LotkaVolterra => {
                    let (u, v) = (column(0), column(1));
                    Tensor::f_cat(&[&p[0] * &u - &p[1] * &u * &v, &p[3] * &u * &v - &p[2] * &v], 1)?
                }
                Form::VanDerPol => {
                    let (u, v) = (column(0), column(1));
                    Tensor::f_cat(&[v.shallow_clone(), own(now, &p[0])? * (1.0 - &u * &u) * &v - &u], 1)?
                }
                Form::Forced => (own(now, &p[0])? * &now.t).cos() - y,
                Form::Rotation => {
                    let w = own(now, &p[0])?;
                    Tensor::f_cat(&[-(&w * column(1)), &w * column(0)], 1)?
                }
                Form::BlowUp => y * y,
                Form::Perceptron { .. } => (y.f_mm(&p[1])? + &p[0]).tanh().f_mm(&p[2])? - 0.5 * y,
            })
        }
    }

    /// Whether rounding errors grow by many orders of magnitude.
    pub(crate) fn amplifies_rounding(&self) -> bool {
        matches!(self.kind, Form::VanDerPol)
    }

    /// A parameter of one feature of one sample.
    fn parameter<T: Real>(&self, name: &str, sample: usize, feature: usize) -> T {
        let values = &self.parameters[name];
        T::from_f64(match values.len() {
            1 => values[0],
            n if n == self.batch => values[sample],
            _ => values[sample * self.features + feature],
        })
    }

    /// Writes the derivative of sample `sample`, rounded as libtorch rounds it.
    pub(crate) fn derivative<T: Real>(&self, t: f64, sample: usize, y: &[T], dy: &mut [T]) {
        let p = |name: &str, feature: usize| -> T { self.parameter(name, sample, feature) };
        match self.kind {
            Form::Decay => {
                for (f, d) in dy.iter_mut().enumerate() {
                    *d = -p("k", f) * y[f];
                }
            }
            Form::LotkaVolterra => {
                dy[0] = p("a", 0) * y[0] - p("b", 0) * y[0] * y[1];
                dy[1] = p("d", 1) * y[0] * y[1] - p("c", 1) * y[1];
            }
            Form::VanDerPol => {
                dy[0] = y[1];
                dy[1] = p("mu", 1) * (T::ONE - y[0] * y[0]) * y[1] - y[0];
            }
            Form::Forced => {
                for (f, d) in dy.iter_mut().enumerate() {
                    let phase = p("w", f) * T::from_f64(t);
                    *d = -y[f] + T::from_f64(phase.to_f64().cos());
                }
            }
            Form::Rotation => {
                dy[0] = -p("w", 0) * y[1];
                dy[1] = p("w", 1) * y[0];
            }
            Form::BlowUp => {
                for (d, &y) in dy.iter_mut().zip(y) {
                    *d = y * y;
                }
            }
            Form::Perceptron { hidden } => self.perceptron(hidden, y, dy),
        }
    }

    fn perceptron<T: Real>(&self, hidden: usize, y: &[T], dy: &mut [T]) {
        let [w1, b1, w2] = ["w1", "b1", "w2"].map(|name| &self.parameters[name]);
        let at = |w: &[f64], i: usize| T::from_f64(w[i]);
        for (f, d) in dy.iter_mut().enumerate() {
            *d = T::from_f64(-0.5) * y[f];
        }
        for h in 0..hidden {
            let mut sum = at(b1, h);
            for (f, &y) in y.iter().enumerate() {
                sum += y * at(w1, f * hidden + h);
            }
            let unit = T::from_f64(sum.to_f64().tanh());
            for (f, d) in dy.iter_mut().enumerate() {
                *d += unit * at(w2, h * self.features + f);
            }
        }
    }
}

fn key(case: &Case, name: &str) -> String {
    let prefixed = format!("param.{name}");
    if case.has(&prefixed) { prefixed } else { name.into() }
}
