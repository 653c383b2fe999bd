//! Races `lyapunov-...`: spectra of random rate networks, and a step of training on them.

use super::args::Args;
use super::child::{Clock, Measurement};
use super::job::{Check, Contestant, Job};
use crate::tutorial::load;
use crate::{Error, Result};
use ::lyapunov::{Activation, Coupling, Inputs, Interval, Loss, RateModel, RateNetwork, Real, Settings, Wiring};
use connectome_io::Array;
use connectome_io::format::npy;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};
use tch_function::slices::as_slice;
use tch_train::{Adam, Optimizer, Parameters};

/// A network and what is asked of it.
pub(super) struct Lyapunov {
    name: &'static str,
    neurons: usize,
    exponents: usize,
    duration: f64,
    trains: bool,
}

/// All exponents of 200 neurons.
pub(super) const FULL: Lyapunov =
    Lyapunov { name: "lyapunov-full", neurons: 200, exponents: 200, duration: 50.0, trains: false };
/// Ten of 1000.
pub(super) const LEADING: Lyapunov =
    Lyapunov { name: "lyapunov-leading", neurons: 1000, exponents: 10, duration: 20.0, trains: false };
/// A training step on ten of 100.
pub(super) const TRAIN: Lyapunov =
    Lyapunov { name: "lyapunov-train", neurons: 100, exponents: 10, duration: 50.0, trains: true };

const GAIN: f64 = 1.5;
/// The interval of FlyStability.
const INTERVAL: f64 = 0.2;

impl Lyapunov {
    fn settings(&self, start: &[f64], interval: Interval) -> Settings {
        Settings::new(self.exponents).duration(self.duration).interval(interval).start(start).history(false)
    }

    fn activation(&self) -> Activation {
        if self.trains { Activation::TanhPositive } else { Activation::Tanh }
    }

    /// Exponents, or where it trains the gradient by connections, in double precision and with the fixed interval.
    fn reference(&self, j: &[f64], h0: &[f64], q0: &[f64]) -> Result<Vec<f64>> {
        let settings = self.settings(q0, Interval::Time(INTERVAL));
        if self.trains {
            return Training::new(self, j, h0, Kind::Double)?.gradient(&settings);
        }
        self.network::<f64>(j)?.run(&settings, h0)
    }

    fn network<T: Real>(&self, j: &[f64]) -> Result<Spectral<T>> {
        let j = j.iter().map(|&x| T::from_f64(x)).collect();
        let network = RateNetwork::builder(Coupling::dense(self.neurons, j)?).activation(self.activation()).build()?;
        Ok(Spectral(network))
    }

    fn time<T: Real>(&self, dir: &Path, interval: Interval, clock: &mut Clock) -> Result<Measurement> {
        let [j, h0, q0, want] = ["J", "h0", "q0", "reference"].map(|name| load::<f64>(dir, name));
        let (j, h0, want) = (j?, h0?, want?);
        let settings = self.settings(&q0?, interval);
        if self.trains {
            let mut training = Training::new(self, &j, &h0, T::KIND)?;
            let timed = clock.run(|| training.step(&settings))?;
            let got = Training::new(self, &j, &h0, T::KIND)?.gradient(&settings)?;
            let largest = want.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            let error = got.iter().zip(&want).map(|(g, w)| (g - w).abs() / largest).fold(0.0, f64::max);
            return Ok(timed.measurement(None, None, self.accept(error, 1e-2)?, 0.0));
        }
        let timed = clock.run(|| self.network::<T>(&j)?.run(&settings, &h0))?;
        let error = timed.result.iter().zip(&want).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max);
        Ok(timed.measurement(None, None, self.accept(error, 2e-2)?, 0.0))
    }

    fn accept(&self, error: f64, tolerance: f64) -> Result<f64> {
        if error < tolerance {
            return Ok(error);
        }
        Err(Error::WrongJob { who: self.name.into(), what: "error", got: error, want: 0.0 })
    }
}

/// A network whose spectrum is computed.
struct Spectral<T>(RateNetwork<T>);

impl<T: Real> Spectral<T> {
    fn run(&self, settings: &Settings, h0: &[f64]) -> Result<Vec<f64>> {
        let h0: Vec<T> = h0.iter().map(|&x| T::from_f64(x)).collect();
        Ok(settings.run(&self.0, &h0)?.exponents().to_vec())
    }
}

/// Connections that are trained towards exponents of 0.
struct Training {
    model: RateModel,
    weights: Tensor,
    state: Tensor,
    optimizer: Optimizer,
}

impl Training {
    fn new(job: &Lyapunov, j: &[f64], h0: &[f64], kind: Kind) -> Result<Self> {
        let n = job.neurons as i64;
        let weights = Tensor::from_slice(j).view([n, n]).to_kind(kind).set_requires_grad(true);
        let parameters = Parameters::new([("weights".to_string(), weights.shallow_clone())])?;
        Ok(Self {
            model: RateModel::new(Wiring::Dense(job.neurons)).activation(job.activation()),
            weights,
            state: Tensor::from_slice(h0).to_kind(kind),
            optimizer: Optimizer::new(Adam { lr: 1e-3, ..Adam::default() }, &parameters)?,
        })
    }

    fn backward(&self, settings: &Settings) -> Result<()> {
        let of = self.model.exponents(&Inputs::new(&self.weights, &self.state), settings)?;
        let by = Loss::MeanSquare { target: 0.0 }.gradient(of.spectra[0].exponents());
        let by = Tensor::from_slice(&by).to_kind(of.exponents.kind());
        Ok((of.exponents * by).f_sum(self.weights.kind())?.f_backward()?)
    }

    fn step(&mut self, settings: &Settings) -> Result<()> {
        self.optimizer.zero_grad()?;
        self.backward(settings)?;
        Ok(self.optimizer.step()?)
    }

    fn gradient(&self, settings: &Settings) -> Result<Vec<f64>> {
        self.backward(settings)?;
        Ok(as_slice::<f64>(&self.weights.grad().to_kind(Kind::Double).contiguous()).to_vec())
    }
}

impl Job for Lyapunov {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self, _args: &Args) -> String {
        let (what, error) = if self.trains {
            (
                "a training step (exponents, mean square, backward, Adam) of tanh_positive",
                "of any gradient, over the largest",
            )
        } else {
            ("spectrum of tanh", "of any exponent")
        };
        format!(
            "{}: {what}, {} neurons, {} exponents, g = {GAIN}, {} time constants in steps of 0.1, one network\n\
             error: largest difference {error}, from f64 with an interval of {INTERVAL}; lyapax and clvlib begin with tangents of their own",
            self.name, self.neurons, self.exponents, self.duration
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        let pass = |train: &'static str, infer: &'static str| if self.trains { train } else { infer };
        let script = "lyapunov.py";
        let mut all = vec![
            Contestant::ours("ours, f32", "f32"),
            Contestant::ours("ours, f32, QR every 0.2", "f32-fixed"),
            Contestant::ours("ours, f64", "f64"),
            Contestant::ours("ours, f64, QR every 0.2", "f64-fixed"),
            Contestant::peer("torch, row-scaled, f32", script, pass("train-float32", "scaled-float32")),
            Contestant::peer("torch, row-scaled, f64", script, pass("train-float64", "scaled-float64")),
            Contestant::peer("torch, dense Jacobian, f32", script, pass("train-dense-float32", "dense-float32")),
        ];
        if !self.trains {
            all.push(Contestant::peer("lyapax, f64", script, "lyapax"));
            all.push(Contestant::peer("clvlib, QR every step, f64", script, "clvlib"));
        }
        all
    }

    fn prepare(&self, _args: &Args) -> Result<PathBuf> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/race").join(self.name);
        let (stamp, what) = (dir.join("job.txt"), "1");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == what) {
            return Ok(dir);
        }
        eprintln!("making the job's network and what is compared with in {}", dir.display());
        fs::create_dir_all(&dir).map_err(Error::io("making", &dir))?;
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut normals = |count: usize, scale: f64| -> Vec<f64> {
            (0..count)
                .map(|_| scale * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng))
                .collect()
        };
        let (n, k) = (self.neurons, self.exponents);
        let (j, h0, q0) = (normals(n * n, GAIN / (n as f64).sqrt()), normals(n, 1.0), normals(n * k, 1.0));
        let reference = self.reference(&j, &h0, &q0)?;
        for (name, shape, numbers) in [
            ("J", vec![n, n], j),
            ("h0", vec![n], h0),
            ("q0", vec![n, k], q0),
            ("duration", vec![1], vec![self.duration]),
            ("reference", vec![reference.len()], reference),
        ] {
            npy::write(dir.join(format!("{name}.npy")), &Array::new(shape, numbers)?)?;
        }
        fs::write(&stamp, what).map_err(Error::io("writing", &stamp))?;
        Ok(dir)
    }

    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        let fixed = Interval::Time(INTERVAL);
        match variant {
            "f32" => self.time::<f32>(dir, Interval::Adaptive, clock),
            "f32-fixed" => self.time::<f32>(dir, fixed, clock),
            "f64" => self.time::<f64>(dir, Interval::Adaptive, clock),
            "f64-fixed" => self.time::<f64>(dir, fixed, clock),
            other => Err(Error::Usage(format!("there is no variant {other:?}"))),
        }
    }

    fn check(&self, _args: &Args) -> Option<Check> {
        None
    }
}
