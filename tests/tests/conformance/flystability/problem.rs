//! Networks and settings as a file gives them.

use crate::case::Case;
use lyapunov::{Activation, Compat, Coupling, Derivative, Interval, RateNetwork, Settings};

/// Which side of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What FlyStability's code gives.
    Reference,
    /// What is right.
    Exact,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Reference, Self::Exact];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reference => "ref",
            Self::Exact => "exact",
        }
    }

    pub(crate) fn derivative(self) -> Derivative {
        match self {
            Self::Reference => Derivative::FlyStability,
            Self::Exact => Derivative::Exact,
        }
    }
}

pub(crate) fn activation(case: &Case) -> Result<Activation, String> {
    Ok(match case.setting("activation")? {
        "tanh" => Activation::Tanh,
        "tanh_streched" => Activation::TanhStretched,
        "tanh_positive" => Activation::TanhPositive,
        other => return Err(format!("the activation {other:?} is not understood")),
    })
}

pub(crate) fn scalar(case: &Case, key: &str) -> Result<f64, String> {
    if case.is_integer(key) {
        return Ok(case.integers(key)?[0] as f64);
    }
    Ok(case.floats(key)?[0])
}

pub(crate) fn types(case: &Case) -> Result<Vec<u32>, String> {
    Ok(case.integers("in.types")?.iter().map(|&t| t as u32).collect())
}

/// The product of signs and magnitudes.
pub(crate) fn coupling(case: &Case, prefix: &str) -> Result<Vec<f64>, String> {
    let (signs, sizes) = (case.floats(&format!("{prefix}C"))?, case.floats(&format!("{prefix}W"))?);
    Ok(signs.iter().zip(sizes).map(|(c, w)| c * w).collect())
}

/// The file's network; with an input where it is given.
pub(crate) fn network(case: &Case, side: Side, input: Option<&[f64]>) -> Result<RateNetwork<f64>, String> {
    let types = types(case)?;
    let coupling = Coupling::dense(types.len(), coupling(case, "in.")?).map_err(|e| e.to_string())?;
    let mut builder = RateNetwork::builder(coupling)
        .activation(activation(case)?)
        .dt(scalar(case, "in.dt")?)
        .types(&types)
        .gains(case.floats("in.gains")?)
        .shifts(case.floats("in.shifts")?)
        .derivative(side.derivative());
    if let Some(input) = input {
        builder = builder.input(input);
    }
    builder.build().map_err(|e| e.to_string())
}

/// The file's settings.
pub(crate) fn settings(case: &Case, side: Side) -> Result<Settings, String> {
    // FlyStability's own default, an interval of no time, adapts.
    let tons = scalar(case, "in.tons")?;
    let interval = if tons > 0.0 { Interval::Time(tons) } else { Interval::Adaptive };
    let compat = if side == Side::Reference { Compat::FlyStability } else { Compat::None };
    Ok(Settings::new(case.shape("in.q0_raw")?[1])
        .duration(scalar(case, "in.tsim")?)
        .interval(interval)
        .start(case.floats("in.q0_raw")?)
        .compat(compat))
}
