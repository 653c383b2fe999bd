//! Optimisers whose state can be saved.

mod adam;
mod sgd;
mod state;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};
use tch_function::forget_gradient;
use tch_function::math::Number;
use tch_function::slices::{is_plain, overlap};

pub use adam::{Adam, AdamW, SecondMoment, StepsOf};
pub use sgd::{Lookahead, Sgd};
pub use state::{GroupState, OptimizerState};

use crate::slices::{changed, copy_to};
use crate::{Error, Parameters};

/// What a rule does to one parameter.
trait Options {
    /// Names of the tensors that it keeps for each parameter.
    fn slots(&self) -> &'static [&'static str];
    fn validate(&self) -> Result<(), Error>;
    /// Step `t` (from 1) of a parameter, gradient and state that are plain and share no memory.
    fn update<T: Number>(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]);
    /// The same by libtorch's operations.
    fn update_tensor(&self, t: u64, p: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) -> Result<(), Error>;
}

/// An optimiser's formula and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// Adam.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
    /// Gradient descent, with or without momentum.
    Sgd(Sgd),
}

macro_rules! each_rule {
    ($self:expr, $options:ident => $body:expr) => {
        match $self {
            Rule::Adam($options) => $body,
            Rule::AdamW($options) => $body,
            Rule::Sgd($options) => $body,
        }
    };
}

impl Rule {
    /// The learning rate.
    pub fn lr(&self) -> f64 {
        each_rule!(self, options => options.lr)
    }

    /// Momentum of gradient descent, Adam's `beta1`.
    pub(crate) fn momentum(&self) -> f64 {
        match self {
            Self::Adam(options) => options.beta1,
            Self::AdamW(options) => options.beta1,
            Self::Sgd(options) => options.momentum,
        }
    }

    fn set_lr(&mut self, lr: f64) {
        each_rule!(self, options => options.lr = lr);
    }

    fn set_momentum(&mut self, momentum: f64) {
        match self {
            Self::Adam(options) => options.beta1 = momentum,
            Self::AdamW(options) => options.beta1 = momentum,
            Self::Sgd(options) => options.momentum = momentum,
        }
    }

    fn slots(&self) -> &'static [&'static str] {
        each_rule!(self, options => options.slots())
    }

    fn validate(&self) -> Result<(), Error> {
        check("lr", self.lr(), "finite and 0 or more", self.lr() >= 0.0 && self.lr().is_finite())?;
        each_rule!(self, options => options.validate())
    }
}

impl From<Adam> for Rule {
    fn from(options: Adam) -> Self {
        Self::Adam(options)
    }
}

impl From<AdamW> for Rule {
    fn from(options: AdamW) -> Self {
        Self::AdamW(options)
    }
}

impl From<Sgd> for Rule {
    fn from(options: Sgd) -> Self {
        Self::Sgd(options)
    }
}

fn check(option: &'static str, value: f64, want: &str, good: bool) -> Result<(), Error> {
    if good { Ok(()) } else { Err(Error::Setting { option, what: format!("{value}; it must be {want}") }) }
}

/// An optimiser: groups of parameters, each with a rule of its own, and the state of each parameter.
///
/// The formulas are those of `torch.optim` 2.11, in its order of operations. Contiguous parameters on the CPU are updated in one pass
/// over memory; results do not depend on the number of threads. A parameter that no step found a gradient of is left alone; afterwards
/// none counts as zero, so that its moments fade and its weight decays (torch's `set_to_none=False`).
///
/// # Example
/// ```
/// use tch::{Device, Kind, nn};
/// use tch_train::{Adam, Optimizer, Parameters, Sgd};
///
/// let vs = nn::VarStore::new(Device::Cpu);
/// let network = nn::linear(vs.root() / "network", 3, 2, Default::default());
/// let decoder = nn::linear(vs.root() / "decoder", 2, 1, Default::default());
/// let all = Parameters::of(&vs);
/// let mut optimizer = Optimizer::new(Adam { lr: 1e-2, ..Adam::default() }, &all.under("network"))?
///     .with_group("decoder", Sgd { momentum: 0.9, ..Sgd::default() }, &all.under("decoder"))?;
/// let x = tch::Tensor::ones([4, 3], (Kind::Float, Device::Cpu));
/// let loss = x.apply(&network).apply(&decoder).square().mean(Kind::Float);
/// optimizer.zero_grad()?;
/// loss.f_backward()?;
/// optimizer.step()?;
/// # Ok::<(), tch_train::Error>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    name: String,
    rule: Rule,
    parameters: Vec<Parameter>,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    tensor: Tensor,
    steps: u64,
    /// In the order of [`Options::slots`]; none before the first step.
    slots: Vec<Tensor>,
}

impl Optimizer {
    /// Name of the group that [`Optimizer::new`] makes.
    pub const FIRST_GROUP: &str = "main";

    /// An optimiser of those parameters that want a gradient.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rule out of its bounds or a list without parameters that want a gradient; [`Error::Parameter`] for one
    /// that is neither Float nor Double, not a leaf of the graph, or given twice.
    pub fn new(rule: impl Into<Rule>, parameters: &Parameters) -> Result<Self, Error> {
        Self::named(Self::FIRST_GROUP, rule, parameters)
    }

    /// The same with another name of the first group.
    ///
    /// # Errors
    /// As [`Optimizer::new`].
    pub fn named(name: &str, rule: impl Into<Rule>, parameters: &Parameters) -> Result<Self, Error> {
        Self { groups: Vec::new() }.with_group(name, rule, parameters)
    }

    /// Adds a group with a rule of its own.
    ///
    /// # Errors
    /// As [`Optimizer::new`]; and where a group of this name is there.
    pub fn with_group(mut self, name: &str, rule: impl Into<Rule>, parameters: &Parameters) -> Result<Self, Error> {
        let rule = rule.into();
        rule.validate()?;
        let refuse = |what: String| Err(Error::Setting { option: "group", what });
        if self.groups.iter().any(|group| group.name == name) {
            return refuse(format!("there are two of the name {name:?}"));
        }
        let wanted = parameters.trainable();
        if wanted.is_empty() {
            return refuse(format!("{name:?} has no parameter that wants a gradient"));
        }
        let names: BTreeSet<&str> =
            self.groups.iter().flat_map(|group| group.parameters.iter().map(|p| p.name.as_str())).collect();
        let mut seen: BTreeSet<usize> = self.tensors().map(|t| t.data_ptr() as usize).collect();
        for (name, tensor) in wanted.iter() {
            let refuse = |what: String| Err(Error::Parameter { name: name.into(), what });
            if !matches!(tensor.kind(), Kind::Float | Kind::Double) {
                return refuse(format!("{:?} cannot be trained; make it Float or Double", tensor.kind()));
            }
            if !tensor.is_leaf() {
                return refuse("it is computed from others; give those to the optimiser".into());
            }
            let twice = tensor.numel() > 0 && !seen.insert(tensor.data_ptr() as usize);
            if names.contains(name) || twice {
                return refuse("it is in the optimiser already; a parameter belongs to one group".into());
            }
        }
        let parameters = wanted
            .iter()
            .map(|(name, t)| Parameter { name: name.into(), tensor: t.shallow_clone(), steps: 0, slots: Vec::new() })
            .collect();
        self.groups.push(Group { name: name.into(), rule, parameters });
        Ok(self)
    }

    /// Changes all parameters by their gradients.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a sparse gradient and for a parameter that was moved to another device or kind since the first step;
    /// what libtorch reports.
    pub fn step(&mut self) -> Result<(), Error> {
        let _guard = tch::no_grad_guard();
        for group in &mut self.groups {
            for parameter in &mut group.parameters {
                parameter.step(&group.rule)?;
            }
        }
        Ok(())
    }

    /// Forgets all gradients: there are none then, not zeros.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn zero_grad(&mut self) -> Result<(), Error> {
        self.tensors().try_for_each(forget_gradient).map_err(|e| Error::Torch(TchError::Torch(e.to_string())))
    }

    /// Sets the learning rate of all groups.
    ///
    /// # Errors
    /// [`Error::Setting`] where it is negative or not finite.
    pub fn set_lr(&mut self, lr: f64) -> Result<(), Error> {
        self.change(None, |rule| rule.set_lr(lr))
    }

    /// Sets the learning rate of one group.
    ///
    /// # Errors
    /// [`Error::Setting`] where it is negative or not finite, or there is no such group.
    pub fn set_group_lr(&mut self, group: &str, lr: f64) -> Result<(), Error> {
        self.change(Some(group), |rule| rule.set_lr(lr))
    }

    /// Sets the momentum of all groups: Adam's `beta1`, the momentum of gradient descent.
    ///
    /// # Errors
    /// [`Error::Setting`] where it is outside of 0 to 1, or switches the momentum of gradient descent on or off.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<(), Error> {
        self.change(None, |rule| rule.set_momentum(momentum))
    }

    /// Name and rule of each group.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.groups.iter().map(|group| (group.name.as_str(), &group.rule))
    }

    /// Parameters of a group, by name.
    pub fn group(&self, name: &str) -> Option<Parameters> {
        let group = self.groups.iter().find(|group| group.name == name)?;
        Parameters::new(group.parameters.iter().map(|p| (p.name.clone(), p.tensor.shallow_clone()))).ok()
    }

    /// Parameters of all groups, by name.
    pub fn parameters(&self) -> Parameters {
        let all = self.groups.iter().flat_map(|group| &group.parameters);
        Parameters::new(all.map(|p| (p.name.clone(), p.tensor.shallow_clone()))).unwrap_or_default()
    }

    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.groups.iter().flat_map(|group| group.parameters.iter().map(|p| &p.tensor))
    }

    fn change(&mut self, only: Option<&str>, change: impl Fn(&mut Rule)) -> Result<(), Error> {
        let chosen = |group: &Group| only.is_none_or(|only| group.name == only);
        if !self.groups.iter().any(chosen) {
            let names: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
            let what = format!("there is no {:?}, only {}", only.unwrap_or_default(), names.join(", "));
            return Err(Error::Setting { option: "group", what });
        }
        let mut rules: Vec<Rule> = self.groups.iter().map(|group| group.rule).collect();
        for (group, rule) in self.groups.iter().zip(&mut rules).filter(|(group, _)| chosen(group)) {
            change(rule);
            rule.validate()?;
            if rule.slots() != group.rule.slots() {
                let what = "it cannot be switched on or off in the middle of a run".into();
                return Err(Error::Setting { option: "momentum", what });
            }
        }
        for (group, rule) in self.groups.iter_mut().zip(rules) {
            group.rule = rule;
        }
        Ok(())
    }
}

pub(crate) fn refuse_sparse(name: &str, grad: &Tensor) -> Result<(), Error> {
    if grad.is_sparse() {
        let what = "its gradient is sparse; make it dense before the step".into();
        return Err(Error::Parameter { name: name.into(), what });
    }
    Ok(())
}

impl Parameter {
    fn step(&mut self, rule: &Rule) -> Result<(), Error> {
        let mut grad = self.tensor.f_grad()?;
        if !grad.defined() {
            if self.steps == 0 {
                return Ok(());
            }
            grad = self.tensor.f_zeros_like()?;
        }
        refuse_sparse(&self.name, &grad)?;
        if self.slots.is_empty() {
            let zeros = |_: &&str| Tensor::f_zeros(self.tensor.size(), (self.tensor.kind(), self.tensor.device()));
            self.slots = rule.slots().iter().map(zeros).collect::<Result<_, _>>()?;
        }
        let likeness = |t: &Tensor| (t.kind(), t.device(), t.size());
        if self.slots.iter().any(|slot| likeness(slot) != likeness(&self.tensor)) {
            let what = "it was moved or changed its kind after the first step; make a new optimiser".into();
            return Err(Error::Parameter { name: self.name.clone(), what });
        }
        self.steps += 1;
        let (t, p, slots) = (self.steps, &mut self.tensor, &mut self.slots);
        if !is_plain(p) {
            return each_rule!(rule, options => options.update_tensor(t, p, &grad, slots));
        }
        if !is_plain(&grad) || overlap(p, &grad) {
            grad = copy_to(&grad, Device::Cpu)?;
        }
        match p.kind() {
            Kind::Float => each_rule!(rule, options => options.update::<f32>(t, p, &grad, slots)),
            _ => each_rule!(rule, options => options.update::<f64>(t, p, &grad, slots)),
        }
        changed(p)
    }
}
