//! A run as one differentiable operation.

use std::sync::{Arc, Mutex, PoisonError};

use sparse_ode::Activation;
use tch::{Kind, Tensor};
use tch_function::slices::{as_slice, filled, filled_with};
use tch_function::{BoxError, Forward, Op, apply};
use tch_sparse::Real;

use super::engine::{Engine, Rates, WeightGradient};
use super::model::{AnyEngine, Compat, Network};
use super::parameters::Parameters;
use super::rollout::{Backward, Keep, Outcome, Rollout, Shown, States, Wanted};
use super::run::{Response, Run, Stimulus};
use super::wiring::Wiring;
use crate::Error;

/// Number of the tensors of [`Parameters`], which are the first inputs of the operation.
const N_PARAMETERS: usize = 5;

impl Network {
    /// Runs through a stimulus. Differentiable with respect to parameters, stimulus and start.
    ///
    /// Backward, states are kept (4 bytes per cell, frame and sample, and up to two fifths more for the borders of a small batch), and nothing of the
    /// size of edges times samples.
    ///
    /// # Errors
    /// [`Error::Shape`] if stimulus or start do not fit, [`Error::Setting`] for a `dt` that is no time, [`Error::Unknown`] for recorded
    /// types that are not there, [`Error::Torch`] if there is no room.
    pub fn forward<'a>(&self, stimulus: impl Into<Stimulus<'a>>, run: &Run<'_>) -> Result<Response, Error> {
        self.clamp()?;
        self.run(stimulus.into(), run)
    }

    pub(super) fn run(&self, stimulus: Stimulus<'_>, run: &Run<'_>) -> Result<Response, Error> {
        let checked = self.checked(stimulus, run)?;
        let records = [run.record.cells(&self.wiring)?, run.also.cells(&self.wiring)?];
        if let AnyEngine::Tensors(csr) = &*self.engine {
            return self.run_by_tensors(csr, &checked, run.dt, &records);
        }
        let mut inputs: Vec<&Tensor> = self.parameters.all().to_vec();
        inputs.extend(&checked.shown);
        inputs.extend(&checked.start);
        let op = Operation {
            wiring: self.wiring.clone(),
            engine: self.engine.clone(),
            activation: self.activation(),
            compat: self.compat,
            dt: run.dt,
            held: self.held.clone(),
            records,
            shown: match (&checked.shown, checked.by_cell) {
                (None, _) => Showing::Nothing,
                (Some(_), false) => Showing::Columns,
                (Some(_), true) => Showing::Cells,
            },
            has_start: checked.start.is_some(),
            batch: checked.batch,
            frames: checked.frames,
            kept: Mutex::new(None),
        };
        match <[Tensor; 3]>::try_from(apply(op, &inputs)?) {
            Ok([activity, also, last]) => Ok(Response { activity, also, last }),
            Err(_) => Err(Error::setting("run", "the operation gave no result")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Showing {
    Nothing,
    Columns,
    Cells,
}

struct Operation {
    wiring: Arc<Wiring>,
    engine: Arc<AnyEngine>,
    activation: Activation,
    compat: Compat,
    dt: f64,
    held: Vec<(u32, f64)>,
    records: [Vec<u32>; 2],
    shown: Showing,
    has_start: bool,
    batch: usize,
    frames: usize,
    kept: Mutex<Option<Kept>>,
}

/// What the way back needs. Parameters are copies: optimisers may step before the last gradient is asked for.
enum Kept {
    Single(KeptOf<f32>),
    Double(KeptOf<f64>),
}

struct KeptOf<T> {
    constants: Constants<T>,
    states: Vec<States<T>>,
}

/// Number types by the variant that keeps them.
trait Keeps: Real {
    fn wrap(kept: KeptOf<Self>) -> Kept;
    fn of(kept: &Kept) -> Option<&KeptOf<Self>>;
}

impl Keeps for f32 {
    fn wrap(kept: KeptOf<Self>) -> Kept {
        Kept::Single(kept)
    }
    fn of(kept: &Kept) -> Option<&KeptOf<Self>> {
        if let Kept::Single(kept) = kept { Some(kept) } else { None }
    }
}

impl Keeps for f64 {
    fn wrap(kept: KeptOf<Self>) -> Kept {
        Kept::Double(kept)
    }
    fn of(kept: &Kept) -> Option<&KeptOf<Self>> {
        if let Kept::Double(kept) = kept { Some(kept) } else { None }
    }
}

/// Parameters as a run takes them.
pub(super) struct Constants<T> {
    pub(super) rates: Rates<T>,
    /// Weight of each group.
    pub(super) weights: Vec<T>,
    time_constant: Vec<T>,
    sign: Vec<T>,
    n_syn: Vec<T>,
    strength: Vec<T>,
    floor: f64,
}

impl<T: Real> Constants<T> {
    /// From tensors on the CPU, in the order of [`Parameters`].
    pub(super) fn new(wiring: &Wiring, tensors: &[Tensor], dt: f64, compat: Compat) -> Self {
        let list = |i: usize| as_slice::<T>(&tensors[i].contiguous()).to_vec();
        let [bias, time_constant, sign, log_n_syn, strength] = [0, 1, 2, 3, 4].map(list);
        let floor = match compat {
            Compat::Flyvis => f64::from(dt as f32),
            Compat::None => T::from_f64(dt).to_f64(),
        };
        let gain = |tau: &T| T::from_f64(dt) * (T::ONE / tau.or_greater(T::from_f64(floor)));
        let n_syn: Vec<T> = log_n_syn.iter().map(|x| x.exp()).collect();
        let weight = |(g, n): (&super::EdgeGroup, &T)| sign[g.pair as usize] * *n * strength[g.pair as usize];
        Self {
            rates: Rates { bias, gain: time_constant.iter().map(gain).collect() },
            weights: wiring.groups().iter().zip(&n_syn).map(weight).collect(),
            time_constant,
            sign,
            n_syn,
            strength,
            floor,
        }
    }

    /// Gradients of the parameters, in the order of [`Parameters`].
    fn gradients(&self, wiring: &Wiring, back: &Backward<T>, from_rest: bool) -> [Vec<f64>; N_PARAMETERS] {
        let mut bias = back.sums.input.clone();
        if from_rest {
            for start in back.start.chunks_exact(wiring.n_cells()) {
                for (&t, start) in wiring.cell_types().iter().zip(start) {
                    bias[t as usize] += start.to_f64();
                }
            }
        }
        // gain = dt / tau, where tau is above the floor; the change of V is gain times what it follows
        let time_constant = back.sums.change.iter().zip(&self.time_constant).map(|(change, tau)| {
            let tau = tau.to_f64();
            let share = if tau > self.floor {
                1.0
            } else if tau < self.floor {
                0.0
            } else {
                0.5
            };
            if share == 0.0 { 0.0 } else { -share * change / tau }
        });
        let pairs = self.sign.len();
        let (mut sign, mut strength) = (vec![0.0; pairs], vec![0.0; pairs]);
        let mut log_n_syn = Vec::with_capacity(self.n_syn.len());
        for ((group, gradient), n) in wiring.groups().iter().zip(&back.sums.group).zip(&self.n_syn) {
            let (pair, n) = (group.pair as usize, n.to_f64());
            let (s, strong) = (self.sign[pair].to_f64(), self.strength[pair].to_f64());
            sign[pair] += gradient * n * strong;
            strength[pair] += gradient * n * s;
            log_n_syn.push(gradient * n * s * strong);
        }
        [bias, time_constant.collect(), sign, log_n_syn, strength]
    }
}

impl Operation {
    fn rollout<'a, T: Real, E: Engine<T>>(
        &'a self,
        engine: &'a E,
        weights: &'a E::Weights,
        constants: &'a Constants<T>,
        held: &'a [(u32, T)],
    ) -> Rollout<'a, T, E> {
        Rollout {
            engine,
            weights,
            rates: &constants.rates,
            activation: self.activation,
            cell_types: self.wiring.cell_types(),
            n_columns: self.wiring.n_columns(),
            n_groups: self.wiring.groups().len(),
            batch: self.batch,
            frames: self.frames,
            held,
            records: &self.records,
        }
    }

    fn held<T: Real>(&self) -> Vec<(u32, T)> {
        self.held.iter().map(|&(cell, value)| (cell, T::from_f64(value))).collect()
    }

    /// Runs with the engine that the network has.
    fn with_engine<T: Real, R>(&self, constants: &Constants<T>, run: impl WithEngine<T, R>) -> R {
        match &*self.engine {
            AnyEngine::Stencil(engine) => run.call(engine, &<_ as Engine<T>>::weights(engine, &constants.weights)),
            AnyEngine::Sparse(engine) | AnyEngine::Tensors(engine) => {
                run.call(engine, &<_ as Engine<T>>::weights(engine, &constants.weights))
            }
        }
    }

    fn forward_of<T: Keeps>(&self, inputs: &[Tensor], keep: Keep) -> Result<Forward, BoxError> {
        let constants = Constants::<T>::new(&self.wiring, &inputs[..N_PARAMETERS], self.dt, self.compat);
        let shown = self.shown_of::<T>(inputs);
        let start = self.has_start.then(|| as_slice::<T>(&inputs[inputs.len() - 1]));
        let go = |outcome: Outcome<'_, T>| {
            self.with_engine(&constants, Go { op: self, constants: &constants, shown, start, keep, outcome })
        };
        let [batch, frames] = [self.batch, self.frames].map(|n| n as i64);
        let shape = |record: &[u32]| [batch, frames, record.len() as i64];
        let [first, second] = &self.records;
        let (activity, rest) = filled_with::<T, _>(&shape(first), |activity| {
            filled_with::<T, _>(&shape(second), |also| {
                filled_with::<T, _>(&[batch, self.wiring.n_cells() as i64], |last| {
                    go(Outcome { recorded: [activity, also], last })
                })
            })
        })?;
        let (also, rest) = rest?;
        let (last, states) = rest?;
        if keep == Keep::States {
            let kept = T::wrap(KeptOf { constants, states });
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        }
        Ok(Forward { outputs: vec![activity, also, last], saved: Vec::new() })
    }

    /// The shown numbers; for the way back only which kind they are matters.
    fn shown_of<'a, T: Real>(&self, inputs: &'a [Tensor]) -> Shown<'a, T> {
        let numbers = || inputs.get(N_PARAMETERS).map_or(&[][..], as_slice::<T>);
        match self.shown {
            Showing::Nothing => Shown::Nothing,
            Showing::Columns => Shown::Columns(numbers()),
            Showing::Cells => Shown::Cells(numbers()),
        }
    }

    fn backward_of<T: Keeps>(
        &self,
        kept: &Kept,
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let kept = T::of(kept).ok_or("states of another kind were kept")?;
        let plain = |g: &Option<Tensor>| g.as_ref().map(Tensor::f_contiguous).transpose();
        let (recorded, last) = ([plain(&grads[0])?, plain(&grads[1])?], plain(&grads[2])?);
        let back = self.with_engine(
            &kept.constants,
            Return {
                op: self,
                kept,
                shown: self.shown_of::<T>(&[]),
                recorded: recorded.each_ref().map(|g| g.as_ref().map(as_slice::<T>)),
                last: last.as_ref().map(as_slice::<T>),
                wanted: Wanted {
                    weights: if needs[2..N_PARAMETERS].contains(&true) {
                        WeightGradient::Wanted
                    } else {
                        WeightGradient::Left
                    },
                    shown: self.shown != Showing::Nothing && needs[N_PARAMETERS],
                },
            },
        );
        let mut gradients = Vec::with_capacity(needs.len());
        for (list, &need) in kept.constants.gradients(&self.wiring, &back, !self.has_start).iter().zip(needs) {
            gradients.push(need.then(|| Tensor::from_slice(list).to_kind(T::KIND)));
        }
        let tensor = |numbers: &[T], shape: &[i64]| filled::<T>(shape, |to| to.copy_from_slice(numbers));
        let (batch, cells) = (self.batch as i64, self.wiring.n_cells() as i64);
        if self.shown != Showing::Nothing {
            let last = if self.shown == Showing::Columns { self.wiring.n_columns() as i64 } else { cells };
            let shape = [batch, self.frames as i64, last];
            gradients.push(needs[N_PARAMETERS].then(|| tensor(&back.shown, &shape)).transpose()?);
        }
        if self.has_start {
            let need = needs[needs.len() - 1];
            gradients.push(need.then(|| tensor(&back.start, &[batch, cells])).transpose()?);
        }
        Ok(gradients)
    }
}

/// A function of any engine.
trait WithEngine<T: Real, R> {
    fn call<E: Engine<T>>(self, engine: &E, weights: &E::Weights) -> R;
}

struct Go<'a, T> {
    op: &'a Operation,
    constants: &'a Constants<T>,
    shown: Shown<'a, T>,
    start: Option<&'a [T]>,
    keep: Keep,
    outcome: Outcome<'a, T>,
}

impl<T: Real> WithEngine<T, Vec<States<T>>> for Go<'_, T> {
    fn call<E: Engine<T>>(self, engine: &E, weights: &E::Weights) -> Vec<States<T>> {
        let held = self.op.held();
        let rollout = self.op.rollout(engine, weights, self.constants, &held);
        rollout.forward(self.shown, self.start, self.keep, self.outcome)
    }
}

struct Return<'a, T> {
    op: &'a Operation,
    kept: &'a KeptOf<T>,
    shown: Shown<'a, T>,
    recorded: [Option<&'a [T]>; 2],
    last: Option<&'a [T]>,
    wanted: Wanted,
}

impl<T: Real> WithEngine<T, Backward<T>> for Return<'_, T> {
    fn call<E: Engine<T>>(self, engine: &E, weights: &E::Weights) -> Backward<T> {
        let held = self.op.held();
        let rollout = self.op.rollout(engine, weights, &self.kept.constants, &held);
        rollout.backward(&self.kept.states, self.shown, self.recorded, self.last, self.wanted)
    }
}

impl Op for Operation {
    const NAME: &'static str = "FlyVisionRun";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let keep = if needs.contains(&true) { Keep::States } else { Keep::Nothing };
        match inputs[0].kind() {
            Kind::Double => self.forward_of::<f64>(inputs, keep),
            _ => self.forward_of::<f32>(inputs, keep),
        }
    }

    fn backward(
        &self,
        _: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some(kept @ Kept::Single(_)) => self.backward_of::<f32>(kept, grads, needs),
            Some(kept @ Kept::Double(_)) => self.backward_of::<f64>(kept, grads, needs),
            None => Err("no states were kept".into()),
        }
    }
}

impl Parameters {
    /// All tensors on the CPU, in order.
    pub(super) fn on_cpu(&self) -> Result<Vec<Tensor>, Error> {
        Ok(self.all().iter().map(|t| t.f_to_device(tch::Device::Cpu)?.f_contiguous()).collect::<Result<_, _>>()?)
    }
}
