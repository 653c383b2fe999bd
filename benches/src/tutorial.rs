//! The job of bioplnn's tutorial at full size: a connectome of 47,521 neurons driven by images.
//!
//! `dh/dt = (relu(sigmoid(P x + W (s h) + b)) - h) / tau` from `h = 0`, `t` from 0 to 1, states at 20 times. Excitatory neurons
//! have `tau` 1.25, inhibitory ones 2; `b` is 0; `P` brings each of 784 inputs to one neuron. The network is [`Benchmark`]'s.

use crate::{Error, Result};
use connectome_graph::Topology;
use connectome_graph::generate::Benchmark;
use connectome_graph::projection::{Direction, projection};
use connectome_io::format::npy;
use connectome_io::{Array, ArrayData, Element, Sign};
use sparse_ode::{ConnectomeOdeRnn, Forward, NeuronClass, PerNeuron, Projection, Run, Solver, Tau};
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Times at which states are looked at, start and end included.
pub const OUTPUTS: usize = 20;

/// Sum of `h(1)` over 8 samples and all neurons at the tolerances 1e-3 and 1e-6, steps chosen per sample.
pub const SUM_OF_EIGHT: f64 = 91_730.699;

/// The job's numbers.
#[derive(Debug, Clone)]
pub struct Tutorial {
    /// Connectome, row = postsynaptic neuron.
    pub wiring: Topology,
    /// What each neuron does to its targets, `[neurons]`.
    pub signs: Vec<Sign>,
    /// Neuron of each input.
    pub input_neurons: Vec<u32>,
    /// Images, `[batch, inputs]`.
    pub x: Vec<f32>,
    /// Number of images.
    pub batch: usize,
}

impl Tutorial {
    /// The job on a network of this size.
    ///
    /// # Errors
    /// If there are not as many pairs of neurons as synapses.
    pub fn generate(size: Benchmark, batch: usize) -> Result<Self> {
        Ok(Self {
            wiring: size.topology()?,
            signs: size.signs(),
            input_neurons: size.input_targets(Benchmark::INPUTS),
            x: size.inputs(batch, Benchmark::INPUTS),
            batch,
        })
    }

    /// Number of neurons.
    pub fn neurons(&self) -> usize {
        self.wiring.n_post()
    }

    /// The time constant of each neuron.
    pub fn tau(&self) -> impl Iterator<Item = f64> {
        self.signs.iter().map(|&sign| if sign == Sign::Excitatory { 1.25 } else { 2.0 })
    }

    /// The model, its parameters in the variable store and of its kind.
    ///
    /// # Errors
    /// Those of the builder.
    pub fn model(&self, vs: &VarStore) -> Result<ConnectomeOdeRnn> {
        let inputs = self.input_neurons.len();
        let wires = projection(inputs, self.neurons(), Some(&self.input_neurons), Direction::Input)?;
        let class = |&sign: &Sign| {
            if sign == Sign::Excitatory { NeuronClass::Excitatory } else { NeuronClass::Inhibitory }
        };
        Ok(ConnectomeOdeRnn::builder(inputs, &self.wiring)
            .input_projection(Projection::Sparse(wires))
            .neuron_class(PerNeuron::Neurons(self.signs.iter().map(class).collect()))
            .tau(Tau::Given(PerNeuron::Neurons(self.tau().collect())))
            .build(&vs.root())?)
    }

    /// The images as a tensor `[batch, inputs]`.
    pub fn images(&self, kind: Kind) -> Tensor {
        Tensor::from_slice(&self.x).view([self.batch as i64, -1]).to_kind(kind)
    }

    /// The forward pass without gradients: states `[batch, OUTPUTS, neurons]` and what they took.
    ///
    /// # Errors
    /// Those of the model.
    pub fn forward(model: &ConnectomeOdeRnn, images: &Tensor) -> Result<Run> {
        Ok(tch::no_grad(|| model.forward(images, &Forward::new().num_evals(OUTPUTS)))?)
    }

    /// The states in double precision with tolerances of 1e-10, `[batch, OUTPUTS, neurons]`: what errors are measured against.
    ///
    /// # Errors
    /// Those of the model.
    pub fn reference(&self) -> Result<Vec<f64>> {
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(Kind::Double);
        let model = self.model(&vs)?.with_solver(Solver::new().tolerances(1e-10, 1e-10));
        let run = Self::forward(&model, &self.images(Kind::Double))?;
        Ok(tch_function::slices::as_slice::<f64>(&run.hs.contiguous()).to_vec())
    }

    /// Writes the arrays for other programs, a file of NumPy for each: `row_ptr` i64, `columns` i32, `weights` f32 (without signs),
    /// `signs` f32, `tau` f32, `input_neurons` i64, `x` f32.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let w = &self.wiring;
        let sign = |&s: &Sign| if s == Sign::Excitatory { 1f32 } else { -1.0 };
        save(dir, "row_ptr", w.row_ptr().iter().map(|&p| p as i64).collect::<Vec<_>>())?;
        save(dir, "columns", w.columns().iter().map(|&c| c as i32).collect::<Vec<_>>())?;
        save(dir, "weights", w.weights().iter().map(|&v| v as f32).collect::<Vec<_>>())?;
        save(dir, "signs", self.signs.iter().map(sign).collect::<Vec<_>>())?;
        save(dir, "tau", self.tau().map(|t| t as f32).collect::<Vec<_>>())?;
        save(dir, "input_neurons", self.input_neurons.iter().map(|&i| i64::from(i)).collect::<Vec<_>>())?;
        let x = Array::new(vec![self.batch, self.input_neurons.len()], self.x.clone())?;
        Ok(npy::write(dir.join("x.npy"), &x)?)
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// If a file is missing or not what it was.
    pub fn read(dir: &Path) -> Result<Self> {
        let signs: Vec<Sign> = load::<f32>(dir, "signs")?
            .iter()
            .map(|&s| if s > 0.0 { Sign::Excitatory } else { Sign::Inhibitory })
            .collect();
        let row_ptr = load::<i64>(dir, "row_ptr")?;
        let weights = load::<f32>(dir, "weights")?;
        let wiring = Topology::from_csr(
            signs.len(),
            signs.len(),
            row_ptr.iter().map(|&p| p as usize).collect(),
            load::<i32>(dir, "columns")?.iter().map(|&c| c as u32).collect(),
            weights.iter().map(|&w| f64::from(w)).collect(),
        )?;
        let input_neurons: Vec<u32> = load::<i64>(dir, "input_neurons")?.iter().map(|&i| i as u32).collect();
        let x = load::<f32>(dir, "x")?;
        let batch = x.len() / input_neurons.len().max(1);
        Ok(Self { wiring, signs, input_neurons, x, batch })
    }
}

fn save(dir: &Path, name: &str, data: impl Into<ArrayData>) -> Result<()> {
    Ok(npy::write(dir.join(name).with_extension("npy"), &Array::vector(data))?)
}

/// The elements of an array that a job wrote.
///
/// # Errors
/// If the file is missing or not what it was.
pub fn load<T: Element>(dir: &Path, name: &str) -> Result<Vec<T>> {
    let path = dir.join(name).with_extension("npy");
    T::unwrap(npy::read(&path)?.into_parts().1).map_err(|_| Error::Elements { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Benchmark = Benchmark { neurons: 900, synapses: 20_000 };

    #[test]
    fn what_is_written_is_read() {
        let dir = std::env::temp_dir().join(format!("tutorial-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let job = Tutorial::generate(SMALL, 3).unwrap();
        job.write(&dir).unwrap();
        let back = Tutorial::read(&dir).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(back.wiring, job.wiring);
        assert_eq!((back.signs, back.input_neurons, back.x, back.batch), (job.signs, job.input_neurons, job.x, 3));
    }

    /// In single precision at the usual tolerances the states are right to the tolerance.
    #[test]
    fn forward_is_close_to_the_reference() {
        let job = Tutorial::generate(SMALL, 2).unwrap();
        let vs = VarStore::new(Device::Cpu);
        let run = Tutorial::forward(&job.model(&vs).unwrap(), &job.images(Kind::Float)).unwrap();
        assert_eq!(run.hs.size(), [2, OUTPUTS as i64, 900]);
        let h = run.hs.contiguous();
        let off = tch_function::slices::as_slice::<f32>(&h)
            .iter()
            .zip(job.reference().unwrap())
            .map(|(&h, want)| (f64::from(h) - want).abs())
            .fold(0.0, f64::max);
        assert!(off < 1e-3 && off > 0.0, "{off}");
    }
}
