//! The parameters of a network and the gradient of a loss on its exponents.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use lyapunov::{
    Activation, Compat, Derivative, Inputs, Interval, Loss, RateModel, RateNetwork, RateWork, Settings, Spectrum,
    StepMap, Wiring,
};
use tch::{Device, Kind, Tensor, no_grad};
use tch_train::{Adam, Optimizer, Parameters, clip_norm, grad_norm};

use super::{Groups, Masks, Share};
use crate::Error;
use crate::rate::RateSystem;

/// What magnitudes may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bounds {
    /// Anything: connections may change their sign. The default.
    #[default]
    Free,
    /// 0 or more, so that Dale's law stays.
    NonNegative,
}

/// What is trained and towards what.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What is trained.
    pub groups: Groups,
    /// The loss.
    pub loss: Loss,
    /// How many of the largest exponents it is of.
    pub exponents: usize,
    /// Exponents in spectra that are looked at. Default: all, but at most 1000; for FlyStability all but one.
    pub full: Option<usize>,
    /// Time in which growth is counted.
    pub duration: f64,
    /// When tangents are orthonormalised.
    pub interval: Interval,
    /// Learning rate.
    pub lr: f64,
    /// What magnitudes may become.
    pub bounds: Bounds,
    /// What is reproduced: [`Compat::FlyStability`] has its counts, its derivative and a start at 0.
    pub compat: Compat,
    /// Seed of the tangents to start from; for [`Compat::FlyStability`] they are always [`flystability_tangents`].
    pub seed: u64,
    /// Tangents to start from, `[neurons, exponents]`, in place of the seed's.
    pub start: Option<Vec<f64>>,
}

/// The norm that the gradient of each group has at most.
const LARGEST_NORM: f64 = 2000.0;

/// Exponents of a full spectrum, unless more are asked for.
const MOST: usize = 1000;

/// What an epoch found, all from before its step.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// The loss.
    pub loss: f64,
    /// The largest exponent.
    pub largest: f64,
    /// Norms of the gradients of weights, shifts and gains, clipped and masked; 0 for those that are not trained.
    pub norms: [f64; 3],
    /// The exponents.
    pub exponents: Vec<f64>,
}

/// A network in training.
#[derive(Debug)]
pub struct Training {
    system: RateSystem,
    recipe: Recipe,
    model: RateModel,
    settings: Settings,
    signs: Tensor,
    state: Tensor,
    /// Weights, shifts, gains.
    parameters: [Tensor; 3],
    masks: [Option<Tensor>; 3],
    end: RefCell<End>,
}

/// Where the last run ended.
#[derive(Debug, Clone)]
struct End {
    state: Vec<f64>,
    /// What neurons put out there with the gains and shifts of that run; for FlyStability alone.
    activity: Vec<f64>,
}

/// Names of the groups.
const NAMES: [&str; 3] = ["weights", "shifts", "gains"];

impl Training {
    /// Begins with a network as it is; with [`Compat::FlyStability`] at state 0.
    ///
    /// # Errors
    /// [`Error::Setting`] where nothing is trained, for gains and shifts that the activation does not have, and for masks of another
    /// length.
    pub fn new(system: RateSystem, recipe: Recipe, masks: &Masks) -> Result<Self, Error> {
        let compat = recipe.compat == Compat::FlyStability;
        let refuse = |key, problem: String| Err(Error::Setting { key, problem });
        let Groups { weights, shifts, gains } = recipe.groups;
        if [weights, shifts, gains] == [Share::None; 3] {
            return refuse("train_weights", "neither weights nor shifts nor gains are trained; choose some".into());
        }
        if system.activation() == Activation::Tanh {
            let what = "tanh has none; train weights, or choose tanh_pos or tanh_streched";
            for (key, share, allowed) in [("train_shifts", shifts, false), ("train_gains", gains, compat)] {
                if share != Share::None && !allowed {
                    return refuse(key, what.into());
                }
            }
        }
        let system = if compat { system.clone().with_state(vec![0.0; system.n()])? } else { system };
        let derivative = if compat { Derivative::FlyStability } else { Derivative::Exact };
        let mut settings = settings(&recipe, recipe.exponents, system.n());
        if let Some(start) = &recipe.start {
            settings = settings.start(start);
        }
        let shape: Vec<i64> = match system.wiring() {
            Wiring::Dense(n) => vec![*n as i64; 2],
            Wiring::Sparse(pattern) => vec![pattern.n_entries() as i64],
        };
        let tensor = |numbers: &[f64], shape: &[i64]| Tensor::from_slice(numbers).view(shape);
        let types = [system.n_types() as i64];
        let parameters = [
            tensor(system.weights(), &shape).set_requires_grad(weights != Share::None),
            tensor(system.shifts(), &types).set_requires_grad(shifts != Share::None),
            tensor(system.gains(), &types).set_requires_grad(gains != Share::None),
        ];
        let given = [&masks.weights, &masks.shifts, &masks.gains];
        for ((mask, parameter), name) in given.into_iter().zip(&parameters).zip(NAMES) {
            if let Some(mask) = mask
                && mask.len() != parameter.numel()
            {
                let problem = format!("the mask of {name} has {} numbers for {}", mask.len(), parameter.numel());
                return refuse("number_param", problem);
            }
        }
        let masks = [0, 1, 2].map(|i| given[i].as_ref().map(|mask| tensor(mask, &parameters[i].size())));
        Ok(Self {
            model: system.model(derivative),
            signs: tensor(system.signs(), &shape),
            state: Tensor::from_slice(system.state()),
            end: RefCell::new(End {
                state: system.state().to_vec(),
                activity: if compat { system.network(derivative)?.activity(system.state()) } else { Vec::new() },
            }),
            system,
            recipe,
            settings,
            parameters,
            masks,
        })
    }

    /// Computes loss and exponents of the network as it is and leaves the gradients with the parameters: clipped by group, then masked.
    /// They are of the loss's negative where it is to be made large.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] where the network diverges; [`Error::Train`] where gradients are not finite.
    pub fn epoch(&self) -> Result<Epoch, Error> {
        let [weights, shifts, gains] = &self.parameters;
        let coupling = weights * &self.signs;
        let inputs = Inputs::new(&coupling, &self.state).gains(gains).shifts(shifts);
        let got = self.model.exponents(&inputs, &self.settings)?;
        let spectrum = &got.spectra[0];
        let exponents = spectrum.exponents().to_vec();
        let loss = &self.recipe.loss;
        let direction = if loss.is_maximised() { -1.0 } else { 1.0 };
        let by = Tensor::from_slice(&loss.gradient(&exponents)) * direction;
        (got.exponents * by).sum(Kind::Double).f_backward().map_err(lyapunov::Error::from)?;
        let mut norms = [0.0; 3];
        for (i, norm) in norms.iter_mut().enumerate().filter(|(i, _)| self.parameters[*i].requires_grad()) {
            let group = Parameters::new([(NAMES[i], self.parameters[i].shallow_clone())])?;
            clip_norm(&group, LARGEST_NORM)?;
            if let Some(mask) = &self.masks[i] {
                let _ = no_grad(|| self.parameters[i].grad().f_mul_(mask)).map_err(lyapunov::Error::from)?;
            }
            *norm = grad_norm(&group)?;
        }
        let state = spectrum.state().to_vec();
        let activity = match self.recipe.compat {
            Compat::FlyStability => self.system()?.network(self.derivative())?.activity(&state),
            _ => Vec::new(),
        };
        *self.end.borrow_mut() = End { state, activity };
        Ok(Epoch { loss: loss.value(&exponents), largest: spectrum.largest(), norms, exponents })
    }

    /// Holds the magnitudes within their bounds; to be called after each step.
    pub fn bound(&self) {
        if self.recipe.bounds == Bounds::NonNegative {
            let _ = no_grad(|| self.parameters[0].shallow_clone().clamp_min_(0.0));
        }
    }

    /// Adam on what is trained.
    ///
    /// # Errors
    /// [`Error::Train`] for a learning rate that is none.
    pub fn optimizer(&self) -> Result<Optimizer, Error> {
        Ok(Optimizer::new(Adam { lr: self.recipe.lr, ..Adam::default() }, &self.parameters().trainable())?)
    }

    /// Weights, shifts and gains, trained or not.
    pub fn parameters(&self) -> Parameters {
        let named = NAMES.into_iter().zip(&self.parameters).map(|(name, t)| (name, t.shallow_clone()));
        Parameters::new(named).unwrap_or_default()
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The network as it is now.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] where a parameter is not finite.
    pub fn system(&self) -> Result<RateSystem, Error> {
        let [weights, shifts, gains] = [0, 1, 2].map(|i| {
            let flat = self.parameters[i].detach().contiguous().view(-1);
            Vec::<f64>::try_from(flat).map_err(|e| Error::from(lyapunov::Error::from(e)))
        });
        self.system.clone().with_weights(weights?)?.with_shifts(shifts?)?.with_gains(gains?)
    }

    /// Settings of a full spectrum.
    pub fn full_settings(&self) -> Settings {
        let n = self.system.n();
        let all = if self.recipe.compat == Compat::FlyStability { n.saturating_sub(1).max(1) } else { n.min(MOST) };
        settings(&self.recipe, self.recipe.full.unwrap_or(all).min(n), n)
    }

    /// The spectrum of the network as it is now, from where the last epoch's run ended.
    ///
    /// FlyStability keeps what neurons put out from one run to the next, so that its first step is with the gains and shifts of the last
    /// epoch; with [`Compat::FlyStability`] it is so here.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] where it diverges.
    pub fn spectrum(&self, settings: &Settings) -> Result<Spectrum<f64>, Error> {
        let system = self.system()?;
        let network = system.network(self.derivative())?;
        let End { state, activity } = &*self.end.borrow();
        if self.recipe.compat != Compat::FlyStability {
            return Ok(settings.run(&network, state)?);
        }
        let mut first: Vec<f64> = state.iter().map(|h| (1.0 - system.dt()) * h).collect();
        for (post, pre, effect) in system.connections() {
            first[post] += system.dt() * effect * activity[pre];
        }
        Ok(settings.run(&Stale { network, first }, state)?)
    }

    /// The full spectrum of a network under this recipe's settings, from its starting state.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] where it diverges.
    pub fn full_spectrum(&self, system: &RateSystem) -> Result<Spectrum<f64>, Error> {
        Ok(self.full_settings().run(&system.network(self.derivative())?, system.state())?)
    }

    /// Which derivative tangents are multiplied by.
    fn derivative(&self) -> Derivative {
        if self.recipe.compat == Compat::FlyStability { Derivative::FlyStability } else { Derivative::Exact }
    }
}

/// Settings of so many exponents, whose tangents are the seed's.
pub(super) fn seeded(recipe: &Recipe, exponents: usize) -> Settings {
    Settings::new(exponents)
        .duration(recipe.duration)
        .interval(recipe.interval)
        .seed(recipe.seed)
        .compat(recipe.compat)
        .history(false)
}

/// Settings of so many exponents of `n` neurons.
fn settings(recipe: &Recipe, exponents: usize, n: usize) -> Settings {
    let settings = seeded(recipe, exponents);
    match recipe.compat {
        Compat::FlyStability if exponents <= n => settings.start(&flystability_tangents(n, exponents, Kind::Double)),
        _ => settings,
    }
}

/// The tangents from which FlyStability starts, `[neurons, exponents]`: what libtorch draws from seed 41, which depends on the kind of
/// numbers, Float or Double. Its generator, which belongs to the process, is left there: nothing else may draw from it at the same time.
pub fn flystability_tangents(n: usize, exponents: usize, kind: Kind) -> Vec<f64> {
    // Of two threads that seed and draw, each is to get its own.
    static DRAWS: Mutex<()> = Mutex::new(());
    let _held = DRAWS.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(41);
    let drawn = Tensor::randn([(n * exponents) as i64], (kind, Device::Cpu));
    Vec::try_from(drawn.to_kind(Kind::Double)).unwrap_or_default()
}

/// A network whose first step is known.
struct Stale {
    network: RateNetwork<f64>,
    /// The state after it.
    first: Vec<f64>,
}

impl StepMap<f64> for Stale {
    type Work = RateWork<f64>;

    fn dimension(&self) -> usize {
        self.network.dimension()
    }

    fn dt(&self) -> f64 {
        self.network.dt()
    }

    fn work(&self, tangents: usize) -> RateWork<f64> {
        self.network.work(tangents)
    }

    fn step(&self, n: u64, state: &mut [f64], work: &mut RateWork<f64>) {
        if n == 0 {
            state.copy_from_slice(&self.first);
        } else {
            self.network.step(n, state, work);
        }
    }

    /// Never the first step: the state alone runs before.
    fn push(&self, n: u64, state: &mut [f64], tangents: &mut [f64], work: &mut RateWork<f64>) {
        self.network.push(n, state, tangents, work);
    }
}
