//! The right-hand sides of the solver files.

use crate::case::Case;
use sparse_ode::math::Number;
use std::collections::BTreeMap;

/// A right-hand side with its parameters, which each sample may have its own of.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: Kind,
    batch: usize,
    features: usize,
    parameters: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
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
        let (kind, wanted): (Kind, &[&str]) = match name {
            "decay" => (Kind::Decay, &["k"]),
            "lv" => (Kind::LotkaVolterra, &["a", "b", "c", "d"]),
            "vdp" => (Kind::VanDerPol, &["mu"]),
            "forced" => (Kind::Forced, &["w"]),
            "rot" => (Kind::Rotation, &["w"]),
            "blow" => (Kind::BlowUp, &[]),
            "mlp" => (Kind::Perceptron { hidden: case.shape(&key(case, "b1"))?.iter().product() }, &["w1", "b1", "w2"]),
            _ => {
                return Err(format!("problem {name:?} ({}) is not understood", case.setting_or("formula", "")));
            }
        };
        if matches!(kind, Kind::LotkaVolterra | Kind::VanDerPol | Kind::Rotation) && features != 2 {
            return Err(format!("{name} has 2 features, y0 has {features}"));
        }
        let mut parameters = BTreeMap::new();
        for p in wanted {
            let values = case.floats(&key(case, p))?;
            let per_sample = [1, batch, batch * features].contains(&values.len());
            if !(per_sample || matches!(kind, Kind::Perceptron { .. })) {
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

    /// Whether rounding errors grow by many orders of magnitude.
    pub(crate) fn amplifies_rounding(&self) -> bool {
        matches!(self.kind, Kind::VanDerPol)
    }

    /// A parameter of one feature of one sample.
    fn parameter<T: Number>(&self, name: &str, sample: usize, feature: usize) -> T {
        let values = &self.parameters[name];
        T::from_f64(match values.len() {
            1 => values[0],
            n if n == self.batch => values[sample],
            _ => values[sample * self.features + feature],
        })
    }

    /// Writes the derivative of sample `sample`, rounded as libtorch rounds it.
    pub(crate) fn derivative<T: Number>(&self, t: f64, sample: usize, y: &[T], dy: &mut [T]) {
        let p = |name: &str, feature: usize| -> T { self.parameter(name, sample, feature) };
        match self.kind {
            Kind::Decay => {
                for (f, d) in dy.iter_mut().enumerate() {
                    *d = -p("k", f) * y[f];
                }
            }
            Kind::LotkaVolterra => {
                dy[0] = p("a", 0) * y[0] - p("b", 0) * y[0] * y[1];
                dy[1] = p("d", 1) * y[0] * y[1] - p("c", 1) * y[1];
            }
            Kind::VanDerPol => {
                dy[0] = y[1];
                dy[1] = p("mu", 1) * (T::ONE - y[0] * y[0]) * y[1] - y[0];
            }
            Kind::Forced => {
                for (f, d) in dy.iter_mut().enumerate() {
                    let phase = p("w", f) * T::from_f64(t);
                    *d = -y[f] + T::from_f64(phase.to_f64().cos());
                }
            }
            Kind::Rotation => {
                dy[0] = -p("w", 0) * y[1];
                dy[1] = p("w", 1) * y[0];
            }
            Kind::BlowUp => {
                for (d, &y) in dy.iter_mut().zip(y) {
                    *d = y * y;
                }
            }
            Kind::Perceptron { hidden } => self.perceptron(hidden, y, dy),
        }
    }

    fn perceptron<T: Number>(&self, hidden: usize, y: &[T], dy: &mut [T]) {
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
