//! Settings of a training.

use serde_json::{Value, json};
use tch_train::{Clip, StepsOf};

use super::penalty::{ActivityPenalty, ParameterPenalty};
use crate::Error;
use crate::task::{AugmentationOptions, Decay, DecoderOptions, Loss};

/// How a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSettings {
    /// Sequences in an iteration; what is left of an epoch is left out. Default 4.
    pub batch: usize,
    /// Iterations in all. Default 250,000.
    pub iterations: u64,
    /// What is minimised. Default [`Loss::L2Norm`].
    pub loss: Loss,
    /// Learning rate of Adam for resting potentials. Default 5e-5 to 5e-6 in ten steps.
    pub lr_network: Decay,
    /// Learning rate of Adam for time constants. Default: as the network's.
    pub lr_time_constant: Decay,
    /// Learning rate of Adam for strengths. Default: as the network's.
    pub lr_strength: Decay,
    /// What steps of strengths are taken of. Default: the strengths; with [`StepsOf::Logarithm`] their learning rate is relative, and those that
    /// are 0 stay so.
    pub strength_steps: StepsOf,
    /// Learning rate of Adam for the decoder. Default: as the network's.
    pub lr_decoder: Decay,
    /// Learning rate of gradient descent on the penalties. Default: as the network's.
    pub lr_penalty: Decay,
    /// Least time constant, seconds. Default 0: only the length of a frame bounds it, as in the reference, and cells that go all the way to their
    /// target in a frame may make the network explode.
    pub least_time_constant: f64,
    /// How gradients are clipped. Default: not at all.
    pub clip: Clip,
    /// What keeps cells active.
    pub penalty: ActivityPenalty,
    /// Weight of the penalty on activity over iterations, in place of its own. Default: none; it stays.
    pub penalty_weight: Option<Decay>,
    /// What keeps parameters near where they belong. Default: nothing.
    pub parameter_penalties: Vec<ParameterPenalty>,
    /// Length of a frame over iterations, seconds, in place of that of the variations. Default: none; it stays.
    pub dt: Option<Decay>,
    /// Slope below 0 over iterations of a network of [`Activation::LeakyRelu`](sparse_ode::Activation::LeakyRelu). Default: none; it stays.
    pub leak: Option<Decay>,
    /// The decoder.
    pub decoder: DecoderOptions,
    /// Variations of sequences, and the length of a frame of the simulation (0.02 s).
    pub augmentation: AugmentationOptions,
    /// Seconds of grey before a sequence. Default 0.5.
    pub t_pre: f64,
    /// Seconds of grey before a sequence that validates. Default 0.25.
    pub t_pre_validation: f64,
    /// Iterations from one validation, and one checkpoint, to the next. Default 3,600: 300 epochs of the reference's data.
    pub validate_every: u64,
    /// Seed of the order of data, of variations and of dropout. Default 0.
    pub seed: u64,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            batch: 4,
            iterations: 250_000,
            loss: Loss::L2Norm,
            lr_network: Decay::default(),
            lr_time_constant: Decay::default(),
            lr_strength: Decay::default(),
            strength_steps: StepsOf::Parameter,
            lr_decoder: Decay::default(),
            lr_penalty: Decay::default(),
            least_time_constant: 0.0,
            clip: Clip::Not,
            penalty: ActivityPenalty::default(),
            penalty_weight: None,
            parameter_penalties: Vec::new(),
            dt: None,
            leak: None,
            decoder: DecoderOptions::default(),
            augmentation: AugmentationOptions::default(),
            t_pre: 0.5,
            t_pre_validation: 0.25,
            validate_every: 3600,
            seed: 0,
        }
    }
}

impl TrainingSettings {
    /// The defaults for another number of iterations: decays end with them and the penalty after three fifths, as by default.
    #[must_use]
    pub fn lasting(iterations: u64) -> Self {
        let default = Self::default();
        // a step lasts at least an iteration
        let steps = default.lr_network.steps.min(usize::try_from(iterations).unwrap_or(usize::MAX)).max(1);
        let decay = Decay { until: iterations.max(1), iterations: iterations.max(1), steps, ..Decay::default() };
        Self {
            iterations,
            lr_network: decay.clone(),
            lr_time_constant: decay.clone(),
            lr_strength: decay.clone(),
            lr_decoder: decay.clone(),
            lr_penalty: decay,
            penalty: ActivityPenalty { until: (iterations / 5).saturating_mul(3).max(1), ..default.penalty },
            validate_every: default.validate_every.min(iterations.max(1)),
            ..default
        }
    }

    /// The same with other learning rates, one for all, falling to a tenth.
    #[must_use]
    pub fn lr(mut self, lr: f64) -> Self {
        for decay in self.decays_mut() {
            (decay.start, decay.stop) = (lr, lr / 10.0);
        }
        self
    }

    /// Learning rates of resting potentials, time constants, strengths, decoder and penalty.
    pub fn decays_mut(&mut self) -> [&mut Decay; 5] {
        [
            &mut self.lr_network,
            &mut self.lr_time_constant,
            &mut self.lr_strength,
            &mut self.lr_decoder,
            &mut self.lr_penalty,
        ]
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] with the one that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        if self.batch == 0 || self.validate_every == 0 {
            return Err(Error::setting("batch, validate_every", "0; at least 1 of each"));
        }
        let times = [
            ("t_pre", self.t_pre),
            ("t_pre_validation", self.t_pre_validation),
            ("least_time_constant", self.least_time_constant),
        ];
        for (setting, t) in times {
            if !(t.is_finite() && t >= 0.0) {
                return Err(Error::setting(setting, format!("{t} s; 0 or more")));
            }
        }
        if let Clip::Norm(most) | Clip::NormOfGroup(most) | Clip::Value(most) = self.clip
            && !(most.is_finite() && most > 0.0)
        {
            return Err(Error::setting("clip", format!("{most}; above 0")));
        }
        let rates = [&self.lr_network, &self.lr_time_constant, &self.lr_strength, &self.lr_decoder, &self.lr_penalty];
        let others = [&self.penalty_weight, &self.dt, &self.leak];
        rates.into_iter().chain(others.into_iter().flatten()).try_for_each(Decay::validate)?;
        self.penalty.validate()?;
        self.parameter_penalties.iter().try_for_each(ParameterPenalty::validate)?;
        self.augmentation.validate()
    }

    /// Length of a frame at an iteration, seconds.
    pub fn dt_at(&self, iteration: u64) -> f64 {
        self.dt.as_ref().map_or(self.augmentation.dt, |dt| dt.at(iteration))
    }

    /// The penalty that keeps cells active at an iteration; none once it has ended.
    pub(super) fn penalty_at(&self, iteration: u64) -> Option<ActivityPenalty> {
        let weight = self.penalty_weight.as_ref().map_or(self.penalty.weight, |weight| weight.at(iteration));
        (weight > 0.0 && iteration < self.penalty.until).then(|| ActivityPenalty { weight, ..self.penalty.clone() })
    }

    /// Settings that a run must agree in with the one that it goes on with. Lengths, learning rates and other schedules may change.
    pub(super) fn identity(&self) -> Value {
        let mut identity = json!({
            "batch": self.batch,
            "loss": format!("{:?}", self.loss),
            "least_time_constant": self.least_time_constant,
            "clip": format!("{:?}", self.clip),
            "strength_steps": format!("{:?}", self.strength_steps),
            "penalty": format!("{:?}", ActivityPenalty { until: 0, ..self.penalty.clone() }),
            "decoder": format!("{:?}", self.decoder),
            "augmentation": format!("{:?}", self.augmentation),
            "t_pre": self.t_pre,
            "t_pre_validation": self.t_pre_validation,
        });
        if !self.parameter_penalties.is_empty() {
            identity["parameter_penalties"] = json!(format!("{:?}", self.parameter_penalties));
        }
        identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trainings_of_any_length_have_valid_settings() {
        for iterations in [1, 3, 10, 11, 1000, 250_000] {
            let settings = TrainingSettings::lasting(iterations);
            settings.validate().unwrap();
            assert_eq!(settings.lr_network.at(iterations), 5e-6);
            assert_eq!(settings.clone().lr(1e-3).lr_penalty.at(0), 1e-3);
            assert_eq!(settings.identity(), TrainingSettings::lasting(5).identity());
        }
        assert_eq!(TrainingSettings::lasting(250_000), TrainingSettings::default());
        assert!(TrainingSettings { batch: 0, ..TrainingSettings::default() }.validate().is_err());
        assert!(TrainingSettings { t_pre: f64::NAN, ..TrainingSettings::default() }.validate().is_err());
    }
}
