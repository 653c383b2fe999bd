//! Races `areas-...`: training and inference of a network of three areas.

use super::args::Args;
use super::child::{Clock, Measurement};
use super::job::{Check, Contestant, Job};
use crate::areas::{Images, Model, table};
use crate::tutorial::load;
use crate::{Error, Result};
use connectome_io::Array;
use connectome_io::format::npy;
use convgru_feedback::{Mode, Schedule};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};
use tch_function::slices::as_slice;

/// What is done on sequences of how many frames.
pub(super) struct Areas {
    name: &'static str,
    pass: Pass,
    frames: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Train,
    Infer,
}

pub(super) const TRAIN_1: Areas = Areas { name: "areas-train-1", pass: Pass::Train, frames: 1 };
pub(super) const TRAIN_5: Areas = Areas { name: "areas-train-5", pass: Pass::Train, frames: 5 };
pub(super) const INFER_1: Areas = Areas { name: "areas-infer-1", pass: Pass::Infer, frames: 1 };
pub(super) const INFER_5: Areas = Areas { name: "areas-infer-5", pass: Pass::Infer, frames: 5 };

/// What errors may be: rounding puts some entries on the other side of a ReLU's kink, which gradients show. Without feedback, or with the
/// other schedule, they are above 0.1.
const TOLERANCE: f64 = 1e-2;

const SCHEDULES: [(&str, Schedule); 2] = [("ping_pong", Schedule::PingPong), ("synchronous", Schedule::Synchronous)];

impl Pass {
    const ALL: [Self; 2] = [Self::Train, Self::Infer];

    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
        }
    }

    /// What results are compared by, of a new model without dropout: logits, or in training gradients.
    fn numbers(self, mut model: Model) -> Result<Vec<f64>> {
        let tensors = match self {
            Self::Train => model.gradients(Mode::Evaluate)?,
            Self::Infer => vec![model.infer()?],
        };
        let numbers = |t: &Tensor| as_slice::<f64>(&t.to_kind(Kind::Double).contiguous()).to_vec();
        Ok(tensors.iter().flat_map(numbers).collect())
    }
}

impl Job for Areas {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self, args: &Args) -> String {
        let (pass, number) = match self.pass {
            Pass::Train => ("a training step (forward with dropout, cross-entropy, backward, Adam)", "gradient"),
            Pass::Infer => ("inference", "logit"),
        };
        format!(
            "{}: {pass} of V1 -> V2 -> V4 with feedback, 32 channels, 28, 14 and 7 pixels a side, batch {}, {} frame(s), f32\n\
             error: largest difference of any {number} without dropout from that of the same weights and schedule in f64, over the largest",
            self.name,
            batch(args),
            self.frames
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![
            Contestant::ours("ours, ping-pong", "ping_pong"),
            Contestant::ours("ours, synchronous", "synchronous"),
            Contestant::peer("torch as connectome-to-model, ping-pong", "areas_torch.py", self.pass.name()),
        ]
    }

    fn prepare(&self, args: &Args) -> Result<PathBuf> {
        let (batch, frames) = (batch(args), self.frames);
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/race").join(format!("areas-{frames}-{batch}"));
        // written last, so that it vouches for the others
        let (stamp, what) = (dir.join("job.txt"), "1");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == what) {
            return Ok(dir);
        }
        eprintln!("making the job's images, weights and the logits to compare with in {}", dir.display());
        fs::create_dir_all(&dir).map_err(Error::io("making", &dir))?;
        table()?.write(dir.join("areas.csv"))?;
        let images = Images::generate(batch, frames);
        images.write(&dir)?;
        Model::new(Schedule::Synchronous, Kind::Float, &images)?.save(&dir)?;
        for (name, schedule) in SCHEDULES {
            for pass in Pass::ALL {
                let numbers = pass.numbers(Model::new(schedule, Kind::Double, &images)?.load(&dir)?)?;
                npy::write(dir.join(format!("{}_{name}.npy", pass.name())), &Array::vector(numbers))?;
            }
        }
        fs::write(&stamp, what).map_err(Error::io("writing", &stamp))?;
        Ok(dir)
    }

    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        let schedule = SCHEDULES.iter().find(|(name, _)| *name == variant).map(|(_, schedule)| *schedule);
        let schedule = schedule.ok_or_else(|| Error::Usage(format!("there is no schedule {variant:?}")))?;
        let images = Images::read(dir)?;
        let model = || Model::new(schedule, Kind::Float, &images)?.load(dir);
        let mut raced = model()?;
        let timed = clock.run(|| match self.pass {
            Pass::Train => raced.step(Mode::Train),
            Pass::Infer => raced.infer().map(|_| 0.0),
        })?;
        let (got, want) = (self.pass.numbers(model()?)?, load::<f64>(dir, &format!("{}_{variant}", self.pass.name()))?);
        let largest = want.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let error = got.iter().zip(&want).map(|(got, want)| (got - want).abs() / largest).fold(0.0, f64::max);
        if error.is_nan() || error > TOLERANCE {
            return Err(Error::WrongJob { who: self.name.into(), what: "error", got: error, want: 0.0 });
        }
        Ok(timed.measurement(None, None, error, error))
    }

    fn check(&self, _args: &Args) -> Option<Check> {
        None
    }
}

fn batch(args: &Args) -> usize {
    args.batch.unwrap_or(64)
}
