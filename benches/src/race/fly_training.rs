//! Race `fly-training`: an iteration of the training of the fly's eye on optic flow.

use super::args::Args;
use super::child::{Clock, Measurement};
use super::job::{Check, Contestant, Job};
use crate::tutorial::load;
use crate::{Error, Result};
use connectome_graph::hex::{Extent, expand};
use connectome_io::Array;
use connectome_io::format::npy;
use fly_vision::network::{EngineKind, Network, Wiring};
use fly_vision::task::{AugmentationOptions, DecoderOptions};
use fly_vision::training::{FlyTraining, TrainingSettings};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};
use tch_function::slices::as_slice;

/// Four sequences of forty frames.
pub(super) struct FlyTrainingJob;

const BATCH: usize = 4;
const FRAMES: usize = 40;
const DT: f64 = 0.02;

/// Network and decoder as they start in the publication. Dropout is left out and nothing moves, so that all compute the same numbers.
fn training(engine: EngineKind, kind: Kind) -> Result<FlyTraining> {
    let fly = expand(&fly_vision::connectome()?, Extent(15)).map_err(fly_vision::Error::from)?;
    let settings = TrainingSettings {
        decoder: DecoderOptions { dropout: 0.0, ..DecoderOptions::default() },
        augmentation: AugmentationOptions { dt: DT, ..AugmentationOptions::default() },
        ..TrainingSettings::default().lr(1e-30)
    };
    Ok(FlyTraining::new(Network::builder(Wiring::from_hex(&fly)?).engine(engine).kind(kind), settings)?)
}

/// Gradient of the strengths.
fn iteration(training: &FlyTraining, optimizer: &mut tch_train::Optimizer, shown: &[Tensor; 2]) -> Result<Tensor> {
    let [light, flow] = shown;
    optimizer.zero_grad()?;
    let (loss, _, _) = training.loss(light, flow, 0, 0)?;
    loss.f_backward()?;
    optimizer.step()?;
    training.penalise(1e-30)?;
    Ok(training.network().parameters().strength.f_grad()?)
}

fn shown(dir: &Path, columns: i64) -> Result<[Tensor; 2]> {
    let (batch, frames) = (BATCH as i64, FRAMES as i64);
    let light = Tensor::from_slice(&load::<f32>(dir, "light")?).f_view([batch, frames, columns])?;
    let flow = Tensor::from_slice(&load::<f32>(dir, "flow")?).f_view([batch, frames, 2, columns])?;
    Ok([light, flow])
}

impl Job for FlyTrainingJob {
    fn name(&self) -> &'static str {
        "fly-training"
    }

    fn about(&self, _args: &Args) -> String {
        format!(
            "an iteration of training on optic flow: {BATCH} sequences of {FRAMES} frames, forward, decoder, backward, Adam, and the penalty on \
             activity with its own way back; 45,669 cells, f32, without dropout\n\
             error: largest difference of the gradient of any strength from f64, of the largest gradient"
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![
            Contestant::ours("ours", "stencil"),
            Contestant::ours("ours, sparse matrix", "sparse"),
            Contestant::peer("flyvis 1.2.0", "fly_vision.py", "train"),
        ]
    }

    fn prepare(&self, _args: &Args) -> Result<PathBuf> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/race").join(self.name());
        let (stamp, what) = (dir.join("job.txt"), "1");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == what) {
            return Ok(dir);
        }
        eprintln!("making the job's sequences and what is compared with in {}", dir.display());
        fs::create_dir_all(&dir).map_err(Error::io("making", &dir))?;
        let training = training(EngineKind::Sparse, Kind::Double)?;
        let columns = training.lattice().len();
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut uniform = || (random.next_u32() >> 8) as f32 / (1 << 24) as f32;
        let light: Vec<f32> = (0..BATCH * FRAMES * columns).map(|_| uniform()).collect();
        // twelve uniform numbers are as good as a normal one
        let flow: Vec<f32> =
            (0..2 * BATCH * FRAMES * columns).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect();
        npy::write(dir.join("light.npy"), &Array::new(vec![BATCH, FRAMES, columns], light)?)?;
        npy::write(dir.join("flow.npy"), &Array::new(vec![BATCH, FRAMES, 2, columns], flow)?)?;
        training.settle()?;
        let mut optimizer = training.optimizer()?;
        let gradient = iteration(&training, &mut optimizer, &shown(&dir, columns as i64)?)?;
        let reference = as_slice::<f64>(&gradient.f_contiguous()?).to_vec();
        npy::write(dir.join("reference.npy"), &Array::new(vec![reference.len()], reference)?)?;
        fs::write(&stamp, what).map_err(Error::io("writing", &stamp))?;
        Ok(dir)
    }

    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        let engine = match variant {
            "stencil" => EngineKind::Stencil,
            "sparse" => EngineKind::Sparse,
            other => return Err(Error::Usage(format!("there is no variant {other:?}"))),
        };
        let training = training(engine, Kind::Float)?;
        let shown = shown(dir, training.lattice().len() as i64)?;
        training.settle()?;
        let mut optimizer = training.optimizer()?;
        let timed = clock.run(|| iteration(&training, &mut optimizer, &shown))?;
        let got = as_slice::<f32>(&timed.result.f_contiguous()?).to_vec();
        let want = load::<f64>(dir, "reference")?;
        let largest = want.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let error = got.iter().zip(&want).map(|(g, w)| (f64::from(*g) - w).abs()).fold(0.0, f64::max) / largest;
        if error.is_nan() || error > 1e-2 {
            return Err(Error::WrongJob { who: self.name().into(), what: "error", got: error, want: 0.0 });
        }
        let sum = got.iter().map(|x| f64::from(*x)).sum();
        Ok(timed.measurement(Some(FRAMES as u64), None, error, sum))
    }

    fn check(&self, _args: &Args) -> Option<Check> {
        None
    }
}
