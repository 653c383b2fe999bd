//! Races `fly-vision-...`: forty frames of an edge that moves over the fly's eye, 1, 4 and 16 samples.

use super::args::Args;
use super::child::{Clock, Measurement};
use super::job::{Check, Contestant, Job};
use crate::tutorial::load;
use crate::{Error, Result};
use connectome_graph::hex::{Extent, expand};
use connectome_io::Array;
use connectome_io::format::npy;
use fly_vision::network::{EngineKind, Grey, Network, Record, Run, Wiring};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};
use tch_function::slices::as_slice;

/// So many samples at once.
pub(super) struct FlyVision {
    name: &'static str,
    batch: usize,
}

pub(super) const ONE: FlyVision = FlyVision { name: "fly-vision-1", batch: 1 };
pub(super) const FOUR: FlyVision = FlyVision { name: "fly-vision-4", batch: 4 };
pub(super) const SIXTEEN: FlyVision = FlyVision { name: "fly-vision-16", batch: 16 };

const FRAMES: usize = 40;
const DT: f64 = 1.0 / 200.0;
/// Seconds of grey before the clock runs.
const T_PRE: f64 = 0.1;

/// The default network of the published model, untrained.
fn network(engine: EngineKind, kind: Kind) -> Result<Network> {
    let fly = expand(&fly_vision::connectome()?, Extent(15)).map_err(fly_vision::Error::from)?;
    Ok(Network::builder(Wiring::from_hex(&fly)?).engine(engine).kind(kind).build_alone()?)
}

/// Light from one side up to a line that moves over the eye, another part of the way in each sample: `[batch, frames, columns]`.
fn movie(network: &Network, batch: usize) -> Vec<f32> {
    let columns: Vec<i32> = network.wiring().lattice().map(|l| l.columns().map(|c| c.v).collect()).unwrap_or_default();
    let mut light = Vec::with_capacity(batch * FRAMES * columns.len());
    for sample in 0..batch {
        for frame in 0..FRAMES {
            let edge = -15.0 + 30.0 * ((frame + sample) % FRAMES) as f64 / (FRAMES - 1) as f64;
            light.extend(columns.iter().map(|&v| if f64::from(v) < edge { 1.0 } else { 0.5 }));
        }
    }
    light
}

impl FlyVision {
    fn time(&self, dir: &Path, engine: EngineKind, record: &Record, clock: &mut Clock) -> Result<Measurement> {
        let network = network(engine, Kind::Float)?;
        let shape = [self.batch as i64, FRAMES as i64, network.wiring().n_columns() as i64];
        let light = Tensor::from_slice(&load::<f32>(dir, "light")?).f_view(shape)?;
        let grey = network.steady_state(T_PRE, DT, 1, Grey::default())?;
        let run = Run::new(DT).from(&grey).record(record.clone());
        let timed = clock.run(|| Ok(network.simulate(&light, &run)?.activity))?;
        let activity = if *record == Record::All {
            let central: Vec<i64> = network.wiring().central_cells().iter().map(|&c| i64::from(c)).collect();
            timed.result.f_index_select(2, &Tensor::from_slice(&central))?
        } else {
            timed.result.shallow_clone()
        };
        let got = as_slice::<f32>(&activity.f_contiguous()?).to_vec();
        let want = load::<f64>(dir, "reference")?;
        let error = got.iter().zip(&want).map(|(g, w)| (f64::from(*g) - w).abs()).fold(0.0, f64::max);
        if error.is_nan() || error > 1e-3 {
            return Err(Error::WrongJob { who: self.name.into(), what: "error", got: error, want: 0.0 });
        }
        let sum = got.iter().map(|x| f64::from(*x)).sum();
        Ok(timed.measurement(Some(FRAMES as u64), None, error, sum))
    }
}

impl Job for FlyVision {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self, _args: &Args) -> String {
        format!(
            "{}: {FRAMES} frames of {DT} s of a moving edge, {} samples, 45,669 cells, 1,513,231 edges, f32\n\
             error: largest difference of the potential of any central cell from f64",
            self.name, self.batch
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![
            Contestant::ours("ours, central cells kept", "stencil"),
            Contestant::ours("ours, all cells kept", "all"),
            Contestant::ours("ours, sparse matrix", "sparse"),
            Contestant::peer("flyvis 1.2.0", "fly_vision.py", "simulate"),
        ]
    }

    fn prepare(&self, _args: &Args) -> Result<PathBuf> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/race").join(self.name);
        let (stamp, what) = (dir.join("job.txt"), "1");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == what) {
            return Ok(dir);
        }
        eprintln!("making the job's movie and what is compared with in {}", dir.display());
        fs::create_dir_all(&dir).map_err(Error::io("making", &dir))?;
        let network = network(EngineKind::Sparse, Kind::Double)?;
        let light = movie(&network, self.batch);
        let columns = network.wiring().n_columns();
        let shape = vec![self.batch, FRAMES, columns];
        let shown = Tensor::from_slice(&light).f_view([self.batch as i64, FRAMES as i64, columns as i64])?;
        let grey = network.steady_state(T_PRE, DT, 1, Grey::default())?;
        let activity = network.simulate(&shown, &Run::new(DT).from(&grey))?.activity;
        let reference = as_slice::<f64>(&activity).to_vec();
        npy::write(dir.join("light.npy"), &Array::new(shape, light)?)?;
        npy::write(dir.join("reference.npy"), &Array::new(vec![self.batch, FRAMES, 65], reference)?)?;
        fs::write(&stamp, what).map_err(Error::io("writing", &stamp))?;
        Ok(dir)
    }

    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        match variant {
            "stencil" => self.time(dir, EngineKind::Stencil, &Record::Central, clock),
            "all" => self.time(dir, EngineKind::Stencil, &Record::All, clock),
            "sparse" => self.time(dir, EngineKind::Sparse, &Record::Central, clock),
            other => Err(Error::Usage(format!("there is no variant {other:?}"))),
        }
    }

    fn check(&self, _args: &Args) -> Option<Check> {
        None
    }
}
