//! A continuous network written with dense loops, for its trace.

use super::arrays::numbers;
use super::model::Description;
use super::ode::Arguments;
use crate::case::Case;
use sparse_ode::{LastStep, NeuronTypes, Nonlinearity, PerNeuron, Solver, Times, per_sample};

/// The network once more, written with dense loops for its trace, which the model does not give away.
pub(crate) struct Dense<'a> {
    arguments: &'a Arguments,
    /// `[batch, frames, features]`
    frames: Vec<f64>,
    batch: usize,
    features: usize,
    /// `[neurons, neurons]` with signs, `[neurons, features]`, `[neurons]`
    recurrent: Vec<f64>,
    input: Vec<f64>,
    bias: Vec<f64>,
    tau: Vec<f64>,
    h0: Vec<f64>,
    phi: PerNeuron<Nonlinearity>,
    types: Option<NeuronTypes>,
}

impl<'a> Dense<'a> {
    pub(crate) fn of(case: &Case, network: &Description<'_>, arguments: &'a Arguments) -> Result<Self, String> {
        let frames = match (arguments.x.dim(), network.is_batch_first()?) {
            (2, _) => arguments.x.unsqueeze(1),
            (_, true) => arguments.x.shallow_clone(),
            (_, false) => arguments.x.transpose(0, 1),
        };
        let (batch, features) = (frames.size()[0] as usize, frames.size()[2] as usize);
        let connectome = network.connectome()?;
        let (n, signs) = (connectome.n_post(), network.signs()?);
        let mut recurrent = vec![0.0; n * n];
        for ((row, column, _), value) in connectome.iter().zip(case.floats("hh_values_after")?) {
            recurrent[row as usize * n + column as usize] = value * signs[column as usize];
        }
        let mut input = vec![0.0; n * features];
        match network.input()? {
            Some(wiring) => {
                wiring.iter().for_each(|(row, column, w)| input[row as usize * features + column as usize] = w);
            }
            None => (0..n).for_each(|i| input[i * features + i] = 1.0),
        }
        let types = network.types()?;
        let tau = case.floats("tau_after")?;
        let tau = (0..n).map(|i| match &types {
            Some(types) if tau.len() != n => tau[types.of_neurons()[i] as usize],
            _ => tau[i],
        });
        Ok(Self {
            frames: numbers(&frames)?,
            batch,
            features,
            recurrent,
            input,
            bias: if case.has("hh_bias") { case.floats("hh_bias")?.to_vec() } else { vec![0.0; n] },
            tau: tau.collect(),
            h0: arguments.h0.as_ref().map_or(Ok(vec![0.0; batch * n]), numbers)?,
            phi: network.nonlinearity()?,
            types,
            arguments,
        })
    }

    fn derivative(&self, t: f64, sample: usize, h: &[f64], dh: &mut [f64]) {
        let (start, end) = (self.arguments.start, self.arguments.end);
        let count = self.frames.len() / self.batch / self.features;
        let frame = (((t - start) / (end - start) * count as f64) as usize).min(count - 1);
        let x = &self.frames[(sample * count + frame) * self.features..][..self.features];
        let n = h.len();
        let dot = |w: &[f64], v: &[f64]| -> f64 { w.iter().zip(v).map(|(w, v)| w * v).sum() };
        for i in 0..n {
            let mut z = [dot(&self.input[i * self.features..][..self.features], x)
                + dot(&self.recurrent[i * n..][..n], h)
                + self.bias[i]];
            match (&self.phi, &self.types) {
                (PerNeuron::Types(list), Some(types)) => {
                    list[types.of_neurons()[i] as usize].apply(&mut z);
                }
                (PerNeuron::All(phi), _) => phi.apply(&mut z),
                _ => unreachable!("files have one nonlinearity, or one for each type"),
            }
            dh[i] = (z[0].max(0.0) - h[i]) / self.tau[i];
        }
    }

    pub(crate) fn trace(&self, solver: &Solver) -> Result<Vec<LastStep>, String> {
        let text = |e: sparse_ode::Error| e.to_string();
        let n = self.tau.len();
        let mut field = per_sample(n, |t, sample, h: &[f64], dh: &mut [f64]| {
            self.derivative(t, sample, h, dh);
        });
        let times = Times::span(self.batch, self.arguments.start, self.arguments.end).map_err(text)?;
        let mut stepper = solver.start(&mut field, &self.h0, &times).map_err(text)?;
        let mut trace = Vec::new();
        loop {
            let runs = stepper.step(&mut field).map_err(text)?;
            trace.push(stepper.last_step().clone());
            if !runs {
                return Ok(trace);
            }
        }
    }
}
