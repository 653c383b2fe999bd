//! The state of an optimiser, by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::{Optimizer, Rule};
use crate::Error;
use crate::slices::copy_to;

/// Everything that an optimiser knows beside the parameters: a copy, on the CPU.
#[derive(Debug, Default)]
pub struct OptimizerState {
    /// Settings and counts of each group, in their order.
    pub groups: Vec<GroupState>,
    /// `slot/parameter` -> tensor: `exp_avg`, `exp_avg_sq`, `max_exp_avg_sq` of Adam, `momentum` of gradient descent.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Settings and counts of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// Its rule, with the learning rate of the moment.
    pub rule: Rule,
    /// Steps of each parameter: those in which it had a gradient.
    pub steps: BTreeMap<String, u64>,
}

impl Optimizer {
    /// The state, copied to the CPU.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn state(&self) -> Result<OptimizerState, Error> {
        let _guard = tch::no_grad_guard();
        let mut state = OptimizerState::default();
        for group in &self.groups {
            for parameter in &group.parameters {
                for (slot, tensor) in group.rule.slots().iter().zip(&parameter.slots) {
                    state.tensors.insert(format!("{slot}/{}", parameter.name), copy_to(tensor, Device::Cpu)?);
                }
            }
            let steps = group.parameters.iter().map(|p| (p.name.clone(), p.steps)).collect();
            state.groups.push(GroupState { name: group.name.clone(), rule: group.rule, steps });
        }
        Ok(state)
    }

    /// Puts a state back: counts, tensors, learning rate and momentum of the moment. All is checked before anything is changed.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where groups, settings other than learning rate and momentum, parameters, shapes or kinds differ.
    pub fn load_state(&mut self, state: &OptimizerState) -> Result<(), Error> {
        let _guard = tch::no_grad_guard();
        Error::unless_empty("the optimiser's state", self.differences(state))?;
        for (group, saved) in self.groups.iter_mut().zip(&state.groups) {
            group.rule = saved.rule;
            for parameter in &mut group.parameters {
                parameter.steps = saved.steps[&parameter.name];
                parameter.slots.clear();
                for slot in group.rule.slots() {
                    if let Some(tensor) = state.tensors.get(&format!("{slot}/{}", parameter.name)) {
                        parameter.slots.push(copy_to(tensor, parameter.tensor.device())?);
                    }
                }
            }
        }
        Ok(())
    }

    fn differences(&self, state: &OptimizerState) -> Vec<String> {
        let mut found = Vec::new();
        let names = |list: Vec<&str>| list.join(", ");
        let (here, saved) = (
            names(self.groups.iter().map(|g| g.name.as_str()).collect()),
            names(state.groups.iter().map(|g| g.name.as_str()).collect()),
        );
        if here != saved {
            return vec![format!("groups: {saved} saved, {here} here")];
        }
        for (group, saved) in self.groups.iter().zip(&state.groups) {
            let mut rule = saved.rule;
            rule.set_lr(group.rule.lr());
            if let Some(momentum) = group.rule.momentum_of_kind(&rule) {
                rule.set_momentum(momentum);
            }
            if rule != group.rule {
                found.push(format!("group {}: {:?} saved, {:?} here", group.name, saved.rule, group.rule));
                continue;
            }
            for name in saved.steps.keys().filter(|name| !group.parameters.iter().any(|p| p.name == **name)) {
                found.push(format!("{name}: saved, not in group {} here", group.name));
            }
            for parameter in &group.parameters {
                let Some(&steps) = saved.steps.get(&parameter.name) else {
                    found.push(format!("{}: not saved in group {}", parameter.name, group.name));
                    continue;
                };
                for slot in group.rule.slots().iter().filter(|_| steps > 0) {
                    let key = format!("{slot}/{}", parameter.name);
                    let (size, kind) = (parameter.tensor.size(), parameter.tensor.kind());
                    match state.tensors.get(&key) {
                        None => found.push(format!("{key}: not saved")),
                        Some(t) if t.size() != size || t.kind() != kind => {
                            found.push(format!("{key}: {:?} {:?} saved, {size:?} {kind:?} here", t.size(), t.kind()));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        found
    }
}

impl Rule {
    /// Momentum, where the other rule is of the same kind and keeps the same tensors.
    fn momentum_of_kind(&self, other: &Rule) -> Option<f64> {
        match (self, other) {
            (Self::Adam(a), Self::Adam(_)) => Some(a.beta1),
            (Self::AdamW(a), Self::AdamW(_)) => Some(a.beta1),
            (Self::Sgd(a), Self::Sgd(_)) if self.slots() == other.slots() => Some(a.momentum),
            _ => None,
        }
    }
}
