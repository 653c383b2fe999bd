//! Race `sparse-forward`: the forward pass of the tutorial's network.

use super::args::Args;
use super::child::{Clock, Measurement};
use super::job::{Check, Contestant, Job};
use crate::tutorial::{OUTPUTS, SUM_OF_EIGHT, Tutorial, load};
use crate::{Error, Result};
use connectome_graph::generate::Benchmark;
use connectome_io::Array;
use connectome_io::format::npy;
use std::fs;
use std::path::{Path, PathBuf};
use tch::nn::VarStore;
use tch::{Device, Kind};

pub(super) struct SparseForward;

pub(super) const SIZE: Benchmark = Benchmark::OPTIC_LOBE;

impl Job for SparseForward {
    fn name(&self) -> &'static str {
        "sparse-forward"
    }

    fn about(&self, args: &Args) -> String {
        format!(
            "sparse-forward: dh/dt = (relu(sigmoid(P x + W (s h) + b)) - h) / tau, {} neurons, {} synapses, batch {}, t from 0 to 1, \
             {OUTPUTS} outputs, f32, Dopri5, rtol 1e-3, atol 1e-6\n\
             error: largest difference of any h from a solution in f64 with tolerances of 1e-10",
            SIZE.neurons,
            SIZE.synapses,
            batch(args)
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![
            Contestant::ours("ours", "f32"),
            Contestant::peer("diffrax, segment_sum", "sparse_forward_diffrax.py", "segment_sum"),
            Contestant::peer("diffrax, BCOO", "sparse_forward_diffrax.py", "bcoo"),
            Contestant::peer("torchode, torch CSR int32", "sparse_forward_torch.py", "torchode-csr32"),
            Contestant::peer("torchode, torch CSR int64", "sparse_forward_torch.py", "torchode-csr64"),
            Contestant::peer("torchdiffeq, torch CSR int32", "sparse_forward_torch.py", "torchdiffeq-csr32"),
            Contestant::peer("scipy solve_ivp, CSR", "sparse_forward_scipy.py", "rk45"),
        ]
    }

    fn prepare(&self, args: &Args) -> Result<PathBuf> {
        prepare(self.name(), args, |job, dir| {
            let shape = vec![job.batch, OUTPUTS, job.neurons()];
            Ok(npy::write(dir.join("reference.npy"), &Array::new(shape, job.reference()?)?)?)
        })
    }

    fn ours(&self, _variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        let vs = VarStore::new(Device::Cpu);
        let (model, x) = {
            let job = Tutorial::read(dir)?;
            (job.model(&vs)?, job.images(Kind::Float))
        };
        let timed = clock.run(|| Tutorial::forward(&model, &x))?;
        let run = &timed.result;
        let hs = run.hs.contiguous();
        let (h, reference) = (tch_function::slices::as_slice::<f32>(&hs), load::<f64>(dir, "reference")?);
        let off = h.iter().zip(&reference).map(|(&h, want)| (f64::from(h) - want).abs());
        let neurons = hs.size()[2] as usize;
        let ends = h.chunks(neurons).skip(OUTPUTS - 1).step_by(OUTPUTS);
        let steps = run.stats.iter().map(|s| s.steps as u64).max();
        Ok(timed.measurement(
            steps,
            Some(run.evaluations as u64),
            off.fold(0.0, f64::max),
            ends.flatten().map(|&h| f64::from(h)).sum(),
        ))
    }

    fn check(&self, args: &Args) -> Option<Check> {
        // others choose other steps: they agree to the tolerance of the solve
        (batch(args) == 8).then_some(Check { what: "sum of h(1)", want: SUM_OF_EIGHT, tolerance: 1e-4 })
    }
}

/// Writes the tutorial's arrays and a reference into the race's folder, unless they are there; the folder.
pub(super) fn prepare(
    race: &str,
    args: &Args,
    write_reference: impl Fn(&Tutorial, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let batch = batch(args);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/race").join(format!("{race}-{batch}"));
    // written last, so that it vouches for the others
    let (stamp, what) = (dir.join("job.txt"), format!("{SIZE:?} {batch} {OUTPUTS} 1"));
    if fs::read_to_string(&stamp).is_ok_and(|done| done == what) {
        return Ok(dir);
    }
    eprintln!("making the job's network and the solution to compare with in {}", dir.display());
    fs::create_dir_all(&dir).map_err(Error::io("making", &dir))?;
    let job = Tutorial::generate(SIZE, batch)?;
    job.write(&dir)?;
    write_reference(&job, &dir)?;
    fs::write(&stamp, what).map_err(Error::io("writing", &stamp))?;
    Ok(dir)
}

pub(super) fn batch(args: &Args) -> usize {
    args.batch.unwrap_or(8)
}
