//! Race `sparse-backward`: forward and backward pass of the tutorial's network.

use super::args::Args;
use super::child::{Clock, Measurement};
use super::job::{Check, Contestant, Job};
use super::sparse_forward::{SIZE, batch, prepare};
use crate::Result;
use crate::tutorial::{Tutorial, load};
use connectome_io::Array;
use connectome_io::format::npy;
use sparse_ode::{Checkpointing, ConnectomeOdeRnn, Forward, Run, Solver};
use std::path::{Path, PathBuf};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

pub(super) struct SparseBackward;

/// Sum of the gradient over all weights, from a solution in f64 with tolerances of 1e-10.
const SUM_OF_EIGHT: f64 = 0.174_2;

impl Job for SparseBackward {
    fn name(&self) -> &'static str {
        "sparse-backward"
    }

    fn about(&self, args: &Args) -> String {
        format!(
            "sparse-backward: the network of sparse-forward ({} neurons, {} synapses, batch {}, f32, Dopri5, rtol 1e-3, atol 1e-6), \
             the mean of h(1)^2 and its gradients with respect to weights, biases and time constants\n\
             error: largest difference of the gradient of any weight from that of a solution in f64 with tolerances of 1e-10, over the \
             largest gradient",
            SIZE.neurons,
            SIZE.synapses,
            batch(args)
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![
            Contestant::ours("ours", "all"),
            Contestant::ours("ours, 2 states kept", "binomial"),
            Contestant::peer("diffrax, segment_sum", "sparse_backward_diffrax.py", "segment_sum"),
            Contestant::peer("diffrax, BCOO", "sparse_backward_diffrax.py", "bcoo"),
            Contestant::peer("torchode, gather and scatter (bioplnn)", "sparse_backward_torch.py", "gather"),
        ]
    }

    fn prepare(&self, args: &Args) -> Result<PathBuf> {
        prepare(self.name(), args, |job, dir| {
            let mut vs = VarStore::new(Device::Cpu);
            vs.set_kind(Kind::Double);
            let model = job.model(&vs)?.with_solver(Solver::new().tolerances(1e-10, 1e-10));
            let (_, gradient) = pass(&model, &vs, &job.images(Kind::Double))?;
            let gradient = tch_function::slices::as_slice::<f64>(&gradient).to_vec();
            Ok(npy::write(dir.join("reference.npy"), &Array::vector(gradient))?)
        })
    }

    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        let mut vs = VarStore::new(Device::Cpu);
        let (model, x) = {
            let job = Tutorial::read(dir)?;
            (job.model(&vs)?, job.images(Kind::Float))
        };
        // Only what the peers differentiate as well.
        vs.freeze();
        for (name, mut v) in vs.variables() {
            if matches!(name.as_str(), "connectome.values" | "connectome.bias" | "tau") {
                let _ = v.requires_grad_(true);
            }
        }
        let checkpointing = if variant == "binomial" { Checkpointing::Binomial(2) } else { Checkpointing::All };
        let model = model.with_solver(Solver::new().checkpointing(checkpointing));
        let timed = clock.run(|| pass(&model, &vs, &x))?;
        let (run, gradient) = &timed.result;
        let (got, reference) = (tch_function::slices::as_slice::<f32>(gradient), load::<f64>(dir, "reference")?);
        let largest = reference.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let off = got.iter().zip(&reference).map(|(&g, want)| (f64::from(g) - want).abs() / largest);
        let steps = run.stats.iter().map(|s| s.steps as u64).max();
        Ok(timed.measurement(
            steps,
            Some(run.evaluations as u64),
            off.fold(0.0, f64::max),
            got.iter().map(|&g| f64::from(g)).sum(),
        ))
    }

    fn check(&self, args: &Args) -> Option<Check> {
        (batch(args) == 8).then_some(Check { what: "sum of gradient", want: SUM_OF_EIGHT, tolerance: 1e-2 })
    }
}

/// The loss, its gradients, and that of the weights.
fn pass(model: &ConnectomeOdeRnn, vs: &VarStore, x: &Tensor) -> Result<(Run, Tensor)> {
    let variables = vs.variables();
    for v in variables.values() {
        let mut gradient = v.grad();
        if gradient.defined() {
            let _ = gradient.f_zero_()?;
        }
    }
    let run = model.forward(x, &Forward::new())?;
    let last = run.hs.f_select(1, -1)?;
    last.f_mul(&last)?.f_mean(last.kind())?.f_backward()?;
    let weights = variables.get("connectome.values").map(|v| v.grad().detach().copy());
    Ok((run, weights.unwrap_or_default()))
}
