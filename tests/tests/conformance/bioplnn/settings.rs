//! A solver and times from a file's metadata and arrays.

use crate::case::Case;
use sparse_ode::{Controller, Integral, Limits, Method, Pid, Solver, TimePrecision, Times};

/// The precision that a setting names.
pub(crate) fn is_double(case: &Case, setting: &str) -> Result<bool, String> {
    match case.setting(setting)?.trim_start_matches("torch.") {
        "float64" => Ok(true),
        "float32" => Ok(false),
        other => Err(format!("{setting} {other:?} is not understood")),
    }
}

/// The solver of a file; what the metadata does not name has torchode's default.
pub(crate) fn solver(case: &Case) -> Result<Solver, String> {
    let method = match case.setting_or("method", "Dopri5") {
        "Dopri5" => Method::Dopri5,
        "Tsit5" => Method::Tsit5,
        "Heun" => Method::Heun,
        "Euler" => Method::Euler,
        "BogackiShampine" | "Bosh3" => Method::BogackiShampine,
        other => return Err(format!("method {other:?} is not understood")),
    };
    let max_steps = match case.setting_or("max_steps", "none").to_lowercase().as_str() {
        "none" => None,
        n => Some(n.parse().map_err(|_| format!("max_steps {n:?} is not understood"))?),
    };
    let double = match case.setting("time_dtype") {
        Ok(_) => is_double(case, "time_dtype")?,
        Err(_) => true,
    };
    let mut solver = Solver::new()
        .method(method)
        .controller(controller(case)?)
        .tolerances(case.number("atol")?, case.number("rtol")?)
        .max_steps(max_steps)
        .time_precision(if double { TimePrecision::Double } else { TimePrecision::Single });
    if case.has("dt0") {
        solver = solver.initial_step(case.floats("dt0")?);
    }
    Ok(solver)
}

const CONTROLLER_OPTIONS: [&str; 8] =
    ["safety", "factor_min", "factor_max", "dt_min", "dt_max", "pcoeff", "icoeff", "dcoeff"];

fn controller(case: &Case) -> Result<Controller, String> {
    let mut limits = Limits::default();
    let mut pid = Pid::default();
    let options = case.table("controller_kw", &CONTROLLER_OPTIONS)?;
    let name = case.setting_or("controller", "I");
    for (option, value) in &options {
        let number = value.as_f64().ok_or_else(|| format!("controller option {option} is {value}"))?;
        match option.as_str() {
            "safety" => limits.safety = number,
            "factor_min" => limits.factor_min = number,
            "factor_max" => limits.factor_max = number,
            "dt_min" => limits.dt_min = Some(number),
            "dt_max" => limits.dt_max = Some(number),
            "pcoeff" if name == "PID" => pid.proportional = number,
            "icoeff" if name == "PID" => pid.integral = number,
            "dcoeff" if name == "PID" => pid.derivative = number,
            _ => return Err(format!("the controller {name} has no option {option}")),
        }
    }
    match name {
        "I" => Ok(Controller::Integral(Integral { limits })),
        "PID" => Ok(Controller::Pid(Pid { limits, ..pid })),
        "fixed" => Ok(Controller::Fixed),
        other => Err(format!("controller {other:?} is not understood")),
    }
}

/// Start, end and evaluation times of each sample of a file.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    pub(crate) start: Vec<f64>,
    pub(crate) end: Vec<f64>,
    /// `[batch, points]`
    pub(crate) eval: Vec<f64>,
    pub(crate) points: usize,
}

impl Spans {
    /// Those of `t_eval`, and start and end where they are not its first and last.
    pub(crate) fn of(case: &Case, batch: usize) -> Result<Self, String> {
        let eval = if case.has("t_eval") { case.floats("t_eval")?.to_vec() } else { Vec::new() };
        let points = eval.len() / batch;
        let ends = |key: &str, point: usize| -> Result<Vec<f64>, String> {
            if case.has(key) {
                return Ok(case.floats(key)?.to_vec());
            }
            if points == 0 {
                return Err(format!("neither {key} nor t_eval is given"));
            }
            Ok((0..batch).map(|b| eval[b * points + point]).collect())
        };
        Ok(Self { start: ends("t_start", 0)?, end: ends("t_end", points.saturating_sub(1))?, eval, points })
    }

    /// Those of some samples.
    pub(crate) fn times(&self, samples: &[usize]) -> Result<Times, sparse_ode::Error> {
        let pick = |from: &[f64]| -> Vec<f64> { samples.iter().map(|&b| from[b]).collect() };
        let times = Times::per_sample(&pick(&self.start), &pick(&self.end))?;
        if self.points == 0 {
            return Ok(times);
        }
        let eval: Vec<f64> =
            samples.iter().flat_map(|&b| &self.eval[b * self.points..][..self.points]).copied().collect();
        times.evaluate_per_sample(&eval)
    }
}
