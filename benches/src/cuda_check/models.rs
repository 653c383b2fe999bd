//! Whole models on the device and on the CPU.

use super::Check;
use crate::Result;
use crate::tutorial::{OUTPUTS, Tutorial};
use connectome_graph::generate::Benchmark;
use connectome_graph::projection::{Direction, projection};
use sparse_ode::{ConnectomeRnn, Forward, Projection, Steps};
use std::time::Instant;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Neurons of the network whose gradients are compared.
const SMALL: Benchmark = Benchmark { neurons: 2000, synapses: 80_000 };

pub(super) fn check(check: &mut Check, size: Benchmark) -> Result<()> {
    let job = Tutorial::generate(size, 8)?;
    // Steps depend on the last bits of the errors in them: the same to the tolerances, far nearer in double precision.
    for (kind, near) in [(Kind::Float, 1e-4), (Kind::Double, 1e-9)] {
        let [here, there] = [Device::Cpu, check.device].map(|device| {
            let start = Instant::now();
            let run = Tutorial::forward(&job.model(&store(device, kind))?, &job.images(kind).f_to_device(device)?)?;
            super::wait(device);
            Ok::<_, crate::Error>((run.hs.f_to_kind(Kind::Double)?, start.elapsed().as_secs_f64()))
        });
        let (here, there) = (here?, there?);
        let off = check.distance(&format!("ConnectomeOdeRnn, {kind:?}"), &there.0, &here.0, near)?;
        println!(
            "ConnectomeOdeRnn, {kind:?}, batch 8, {OUTPUTS} outputs: off by {}, first call {:.2} s, {:.2} s on the CPU",
            crate::table::error(off),
            there.1,
            here.1
        );
    }
    let small = Benchmark { neurons: SMALL.neurons.min(size.neurons), synapses: SMALL.synapses.min(size.synapses) };
    let job = Tutorial::generate(small, 4)?;
    for (name, run) in [("ConnectomeOdeRnn", ode as Train), ("ConnectomeRnn", discrete)] {
        let (here, there) = (run(&job, Device::Cpu)?, run(&job, check.device)?);
        let mut off = 0f64;
        for ((what, truth), (_, got)) in here.iter().zip(&there) {
            off = off.max(check.distance(&format!("{name}, {what}"), got, truth, 1e-8)?);
        }
        println!(
            "{name}, Double, states and gradients of {} parameters: off by {}",
            here.len() - 1,
            crate::table::error(off)
        );
    }
    println!();
    Ok(())
}

/// States, then the gradient of each parameter, by name.
type Train = fn(&Tutorial, Device) -> Result<Vec<(String, Tensor)>>;

fn store(device: Device, kind: Kind) -> VarStore {
    let mut vs = VarStore::new(device);
    vs.set_kind(kind);
    vs
}

fn ode(job: &Tutorial, device: Device) -> Result<Vec<(String, Tensor)>> {
    let vs = store(device, Kind::Double);
    let model = job.model(&vs)?;
    let images = job.images(Kind::Double).f_to_device(device)?;
    trained(&vs, &model.forward(&images, &Forward::new().num_evals(OUTPUTS))?.hs)
}

fn discrete(job: &Tutorial, device: Device) -> Result<Vec<(String, Tensor)>> {
    let vs = store(device, Kind::Double);
    let inputs = job.input_neurons.len();
    let wires = projection(inputs, job.neurons(), Some(&job.input_neurons), Direction::Input)?;
    let model =
        ConnectomeRnn::builder(inputs, &job.wiring).input_projection(Projection::Sparse(wires)).build(&vs.root())?;
    let x = job.images(Kind::Double).f_to_device(device)?;
    trained(&vs, &model.forward(&x, &Steps::new().num_steps(5))?.hs)
}

fn trained(vs: &VarStore, states: &Tensor) -> Result<Vec<(String, Tensor)>> {
    states.f_square()?.f_sum(Kind::Double)?.f_backward()?;
    let here = |t: &Tensor| t.f_detach()?.f_to_device(Device::Cpu);
    let mut all = vec![("states".to_owned(), here(states)?)];
    let mut variables: Vec<_> = vs.variables().into_iter().filter(|(_, t)| t.requires_grad()).collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, variable) in variables {
        let gradient = variable.f_grad()?;
        if gradient.defined() {
            all.push((format!("gradient of {name}"), here(&gradient)?));
        }
    }
    Ok(all)
}
