//! The job of connectome-to-model's tutorial: three areas of the visual cortex on images, and the classes of what is seen.
//!
//! V1 -> V2 -> V4 with 32 channels each, feedback along each edge, 28, 14 and 7 pixels a side, kernels of 3 x 3, 32 channels of projections,
//! cells without biases, dropout 0.25 in training; a readout of V4 with 100 hidden units and 10 classes: 313,814 parameters. Images and
//! labels are noise.

use crate::Result;
use crate::tutorial::load;
use connectome_graph::area::{AreaGraph, FeedbackEdges};
use connectome_io::Array;
use connectome_io::format::area_table::{Area, AreaTable};
use connectome_io::format::npy;
use convgru_feedback::{AreaNetwork, ClassifierReadout, Forward, Mode, Schedule, load_state_dict, save_state_dict};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, Reduction, Tensor};
use tch_train::{Adam, Optimizer, Parameters};

/// Pixels of a side of an image.
const SIDE: usize = 28;
const CLASSES: u8 = 10;

/// Images of noise and their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// `[batch, frames, 28, 28]`.
    pub pixels: Vec<f32>,
    /// `[batch]`.
    pub labels: Vec<i64>,
}

impl Images {
    /// So many sequences of so many frames.
    pub fn generate(batch: usize, frames: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let pixels = StandardNormal.sample_iter(&mut rng).take(batch * frames * SIDE * SIDE).collect();
        Self { pixels, labels: (0..batch).map(|_| rng.random_range(0..CLASSES).into()).collect() }
    }

    /// Writes `x` f32 `[batch, frames, 1, 28, 28]` and `labels` i64, a file of NumPy for each.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let frames = self.pixels.len() / (self.labels.len() * SIDE * SIDE).max(1);
        let x = Array::new(vec![self.labels.len(), frames, 1, SIDE, SIDE], self.pixels.clone())?;
        npy::write(dir.join("x.npy"), &x)?;
        Ok(npy::write(dir.join("labels.npy"), &Array::vector(self.labels.clone()))?)
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// If a file is missing or not what it was.
    pub fn read(dir: &Path) -> Result<Self> {
        Ok(Self { pixels: load(dir, "x")?, labels: load(dir, "labels")? })
    }
}

/// The table of the areas.
///
/// # Errors
/// None for this one.
pub fn table() -> Result<AreaTable> {
    let area = |side, input_dim| Area {
        hidden_dim: 32,
        input_dim,
        input_h: side,
        input_w: side,
        kernel_h: 3,
        kernel_w: 3,
        basal_topdown_dim: 0,
        apical_topdown_dim: 0,
    };
    let edges = vec![0., 1., 0., 0., 0., 1., 0., 0., 0.];
    Ok(AreaTable::new(
        ["V1", "V2", "V4"].map(str::to_owned).to_vec(),
        edges,
        vec![area(28, 1), area(14, 10), area(7, 10)],
    )?)
}

/// The network and its readout, with images of their kind to work on.
pub struct Model {
    vs: VarStore,
    network: AreaNetwork,
    readout: ClassifierReadout,
    optimizer: Optimizer,
    x: Tensor,
    labels: Tensor,
}

impl Model {
    /// With parameters of this kind, drawn from a seed: three times what PyTorch draws, since with its own the
    /// images hardly matter to the logits.
    ///
    /// # Errors
    /// Those of the builder.
    pub fn new(schedule: Schedule, kind: Kind, images: &Images) -> Result<Self> {
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(kind);
        let graph = AreaGraph::new(&table()?, &[0], &[2], FeedbackEdges::Reciprocal)?;
        let network = AreaNetwork::builder(&graph).schedule(schedule).seed(1).build(&(vs.root() / "network"))?;
        let readout = ClassifierReadout::new(&(vs.root() / "readout"), network.state_shape(2), CLASSES.into(), 100, 2)?;
        tch::no_grad(|| vs.variables().into_values().try_for_each(|mut v| v.f_mul_scalar_(3.0).map(drop)))?;
        let optimizer = Optimizer::new(Adam { lr: 1e-3, ..Adam::default() }, &Parameters::of(&vs))?;
        let (batch, side) = (images.labels.len() as i64, SIDE as i64);
        let x = Tensor::from_slice(&images.pixels).view([batch, -1, 1, side, side]).to_kind(kind);
        Ok(Self { vs, network, readout, optimizer, x, labels: Tensor::from_slice(&images.labels) })
    }

    /// Writes the parameters as `network.pt` and `readout.pt`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        for name in ["network", "readout"] {
            save_state_dict(&self.vs, name, dir.join(name).with_extension("pt"))?;
        }
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If a file is missing or not what it was.
    pub fn load(self, dir: &Path) -> Result<Self> {
        for name in ["network", "readout"] {
            load_state_dict(&self.vs, name, dir.join(name).with_extension("pt"))?;
        }
        Ok(self)
    }

    /// Logits `[batch, 10]` without gradients.
    ///
    /// # Errors
    /// Those of the network.
    pub fn infer(&self) -> Result<Tensor> {
        tch::no_grad(|| self.logits(Mode::Evaluate))
    }

    /// The gradients of all parameters in the order of their names, from the cross-entropy of the batch; zero where there is none.
    ///
    /// # Errors
    /// Those of the network.
    pub fn gradients(&mut self, mode: Mode) -> Result<Vec<Tensor>> {
        self.backward(mode)?;
        let variables: BTreeMap<_, _> = self.vs.variables().into_iter().collect();
        let gradient = |v: &Tensor| Ok(if v.grad().defined() { v.grad() } else { v.f_zeros_like()? });
        variables.values().map(gradient).collect()
    }

    /// A step of Adam on the cross-entropy of the batch, with dropout in [`Mode::Train`]; the loss before it.
    ///
    /// # Errors
    /// Those of network and optimiser.
    pub fn step(&mut self, mode: Mode) -> Result<f64> {
        let loss = self.backward(mode)?;
        self.optimizer.step()?;
        Ok(loss)
    }

    fn backward(&mut self, mode: Mode) -> Result<f64> {
        self.optimizer.zero_grad()?;
        let logits = self.logits(mode)?;
        let loss = logits.f_cross_entropy_loss::<Tensor>(&self.labels, None, Reduction::Mean, -100, 0.0)?;
        loss.f_backward()?;
        Ok(loss.f_double_value(&[])?)
    }

    fn logits(&self, mode: Mode) -> Result<Tensor> {
        let response = self.network.forward(&[&self.x], &Forward::new().mode(mode))?;
        Ok(self.readout.forward(&response.outputs[0])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = std::env::temp_dir().join(format!("areas-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let images = Images::generate(2, 3);
        images.write(&dir).unwrap();
        let model = Model::new(Schedule::PingPong, Kind::Float, &images).unwrap();
        model.save(&dir).unwrap();
        let doubles = Model::new(Schedule::PingPong, Kind::Double, &images).unwrap().load(&dir).unwrap();
        let read = Images::read(&dir).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(read, images);
        let off = (model.infer().unwrap().to_kind(Kind::Double) - doubles.infer().unwrap()).abs().max();
        assert!(off.double_value(&[]) < 1e-5, "{off:?}");
    }

    /// The size of the job, and what the race's table rests on.
    #[test]
    fn the_job_is_the_tutorials() {
        for (schedule, frames, want) in
            [(Schedule::PingPong, 1, 3), (Schedule::PingPong, 5, 9), (Schedule::Synchronous, 5, 15)]
        {
            let model = Model::new(schedule, Kind::Float, &Images::generate(1, frames)).unwrap();
            assert_eq!(model.vs.variables().values().map(Tensor::numel).sum::<usize>(), 313_814);
            let mut updates = 0;
            model.network.forward_watched(&[&model.x], &Forward::new(), |_| updates += 1).unwrap();
            assert_eq!(updates, want, "{schedule:?}, {frames} frames");
        }
    }
}
