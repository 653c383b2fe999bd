//! Settings of a training.

use std::fs;
use std::path::{Path, PathBuf};

use connectome_graph::UnknownSign;
use connectome_io::Connectome;
use lyapunov::{Activation, Compat, Interval, Loss};
use serde::{Deserialize, Serialize};

use super::training::seeded;
use super::{Among, Bounds, Groups, Recipe, Share};
use crate::Error;
use crate::rate::dynamics::{check_run, short};
use crate::rate::{
    Balance, FromConnectome, Grouping, Purpose, RateSystem, SignOf, Symmetry, activation, normals, read_connectome,
};

/// What is trained, on which networks and towards what. Names are those of the options of the commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// Networks, each with a starting state of its own, and connections of its own where they are random.
    pub n_samples: u64,
    /// Steps of Adam.
    pub n_epochs: u64,
    /// Exponents that the loss is of: so many of the largest.
    pub nle: usize,
    /// `tanh`, `tanh_pos` or `tanh_streched`.
    pub activation: String,
    /// `l2`, `MSE`, `MSE_Custom`, `entropy`, `expansion`; `Sinai` is `entropy`, and with `compat` what it is in FlyStability, `expansion`.
    pub loss: String,
    /// What exponents are to be, for `l2` and `MSE`.
    pub target: f64,
    /// Time between orthonormalisations; adaptive where there is none.
    pub tons: Option<f64>,
    /// Time in which growth is counted.
    pub tsim: f64,
    /// Length of a step in time constants.
    pub dt: f64,
    /// Learning rate.
    pub lr: f64,
    /// Whether weights are trained.
    pub train_weights: bool,
    /// Whether shifts are trained.
    pub train_shifts: bool,
    /// Whether gains are trained.
    pub train_gains: bool,
    /// How many weights, gains and shifts are trained, of those that are; all where this is not given.
    pub number_param: Option<[usize; 3]>,
    /// Whether weights stay 0 or more, so that Dale's law stays.
    pub dale: bool,
    /// Exponents in the spectra that are looked at; all, but at most 1000, where this is not given.
    pub spectrum_nle: Option<usize>,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether FlyStability is reproduced, where it is wrong too.
    pub compat: bool,
    /// The networks.
    pub network: Source,
}

/// Where networks come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// Normal connections.
    Random {
        /// Neurons.
        n: usize,
        /// Coupling: connections have the deviation `g / sqrt(n)`.
        g: f64,
    },
    /// A connectome, its excitation and inhibition balanced.
    Connectome {
        /// A region's folder or any other connectome.
        roi: PathBuf,
        /// `neurotransmitter`, `cell_fibers`, `type`, `class`, another column of neurons, or none: one gain and shift per neuron.
        subpopulation: Option<String>,
        /// Whose sign a connection has: `presynaptic`, `postsynaptic`, `synapse` or `weight`.
        signs: String,
        /// What a connection is of which the sign is not known: `error`, `excitatory`, `inhibitory` or `omit`.
        unknown_signs: String,
        /// Passes of balancing. FlyStability's, and the default of the commands, are 10.
        passes: usize,
    },
}

/// Size of a target at most; squares of it are summed.
const FARTHEST: f64 = 1e9;

impl TrainSettings {
    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// [`Error::Setting`] with the key and what would be right.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, problem: String| Err(Error::Setting { key, problem });
        let counts = [
            ("n_samples", self.n_samples),
            ("n_epochs", self.n_epochs),
            ("nle", self.nle as u64),
            ("spectrum_nle", self.spectrum_nle.map_or(1, |k| k as u64)),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return refuse(key, "0; at least 1 is needed".into());
        }
        for (key, value) in [("tsim", self.tsim), ("dt", self.dt), ("lr", self.lr), ("tons", self.tons.unwrap_or(1.0))]
        {
            if !(value > 0.0 && value.is_finite()) {
                return refuse(key, format!("{}; a number above 0 is needed", short(value)));
            }
        }
        if self.dt > 1.0 {
            return refuse("dt", format!("{} time constants; at most 1", short(self.dt)));
        }
        if self.target.is_nan() || self.target.abs() > FARTHEST {
            let problem = format!("{}; a number from -{FARTHEST:e} to {FARTHEST:e} is needed", short(self.target));
            return refuse("target", problem);
        }
        if self.dale && !self.train_weights {
            return refuse("dale", "it holds weights that are trained, and these are not; leave it out".into());
        }
        self.loss()?;
        self.activation()?;
        if i64::try_from(self.seed).is_err() {
            return refuse("seed", format!("{}; at most {}", self.seed, i64::MAX));
        }
        if let Source::Random { n, .. } = self.network
            && self.nle > n
        {
            return refuse("nle", format!("{} exponents of {n} neurons; ask for 1 to {n}", self.nle));
        }
        check_run(&seeded(&self.recipe()?, self.nle), self.nle, self.dt)
    }

    /// The settings of the training in a folder.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Settings`] for a folder that holds none.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.toml");
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        toml::from_str(&text).map_err(|e| Error::Settings { path, problem: e.to_string().trim_end().into() })
    }

    /// The loss.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that is not known.
    pub fn loss(&self) -> Result<Loss, Error> {
        let target = self.target;
        Ok(match self.loss.as_str() {
            "l2" => Loss::L2 { target },
            "MSE" => Loss::MeanSquare { target },
            "MSE_Custom" => Loss::Line { from: 1.24, to: -1.25 },
            "expansion" => Loss::Expansion,
            "Sinai" if self.compat => Loss::Expansion,
            "Sinai" | "entropy" => Loss::Entropy,
            other => {
                let problem = format!("{other:?}; known are l2, MSE, MSE_Custom, Sinai, entropy, expansion");
                return Err(Error::Setting { key: "loss", problem });
            }
        })
    }

    /// The activation.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that is not known.
    pub fn activation(&self) -> Result<Activation, Error> {
        activation(&self.activation).ok_or_else(|| {
            let problem = format!("{:?}; known are tanh, tanh_pos, tanh_streched", self.activation);
            Error::Setting { key: "activation", problem }
        })
    }

    /// What is trained and towards what.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn recipe(&self) -> Result<Recipe, Error> {
        let share = |trained: bool, place: usize| match (trained, self.number_param) {
            (false, _) => Share::None,
            (true, None) => Share::All,
            (true, Some(counts)) => Share::Some(counts[place]),
        };
        Ok(Recipe {
            groups: Groups {
                weights: share(self.train_weights, 0),
                gains: share(self.train_gains, 1),
                shifts: share(self.train_shifts, 2),
            },
            loss: self.loss()?,
            exponents: self.nle,
            full: self.spectrum_nle,
            duration: self.tsim,
            interval: self.tons.map_or(Interval::Adaptive, Interval::Time),
            lr: self.lr,
            bounds: if self.dale { Bounds::NonNegative } else { Bounds::Free },
            compat: if self.compat { Compat::FlyStability } else { Compat::None },
            seed: self.seed,
            start: None,
        })
    }

    /// Among which weights some are drawn.
    pub(super) fn among(&self) -> Among {
        if self.compat { Among::Everything } else { Among::Connections }
    }

    /// The name that FlyStability gives such a training.
    pub fn name(&self) -> String {
        let truth = |b: bool| if b { "True" } else { "False" };
        let (target, nle) = (self.target, self.nle);
        let [tsim, dt, lr] = [self.tsim, self.dt, self.lr].map(short);
        let loss = match self.loss.as_str() {
            "l2" => format!("l2Norm_{target:.2}"),
            "MSE" => format!("MSE_{target:.2}"),
            "MSE_Custom" => "MSE_1.25_-1.25".into(),
            "Sinai" => "Entropy".into(),
            other => other.to_owned(),
        };
        let tons = self.tons.map_or_else(|| "None".into(), short);
        let groups = format!(
            "Weights{}_Shifts{}_Gains{}",
            truth(self.train_weights),
            truth(self.train_shifts),
            truth(self.train_gains)
        );
        let learning = format!("lr{lr}_NLE{nle}_Epochs{}_{loss}", self.n_epochs);
        let end = match self.number_param {
            Some([a, b, c]) => format!("Param{a}_{b}_{c}"),
            None => format!("dt{dt}"),
        };
        let activation = &self.activation;
        match &self.network {
            Source::Random { n, g } => {
                let g = short(*g);
                format!("{activation}_{groups}_N{n}_{learning}_g{g}_Tons{tons}_Tsim{tsim}_{end}")
            }
            Source::Connectome { roi, subpopulation, .. } => {
                // Endings of files say nothing; names of regions may have a point in them.
                let whole = roi.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                let endings = [".csv.gz", ".csv", ".safetensors", ".graphml", ".mtx", ".npz", ".pt", ".parquet"];
                let roi = endings.iter().find_map(|ending| whole.strip_suffix(ending)).unwrap_or(&whole);
                let types = subpopulation.as_ref().map_or_else(String::new, |s| format!("_Subpop_{s}"));
                format!("{activation}_ROI_{roi}{types}_{groups}_{learning}_Tons{tons}_Tsim{tsim}_{end}")
            }
        }
    }

    /// The settings as TOML.
    ///
    /// # Errors
    /// [`Error::Settings`] for paths that are no text.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::Settings { path: "config.toml".into(), problem: e.to_string() })
    }
}

impl Source {
    /// Reads the connectome, where there is one.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub(super) fn read(&self) -> Result<Option<Connectome>, Error> {
        match self {
            Self::Random { .. } => Ok(None),
            Self::Connectome { roi, .. } => read_connectome(roi).map(Some),
        }
    }

    /// The network of a sample, with unit gains, no shifts and a normal starting state.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Graph`], [`Error::Lyapunov`].
    pub(super) fn build(
        &self,
        connectome: Option<&Connectome>,
        settings: &TrainSettings,
        sample: u64,
    ) -> Result<RateSystem, Error> {
        let system = match (self, connectome) {
            (Self::Random { n, g }, _) => RateSystem::random_sample(*n, *g, Symmetry::None, settings.seed, sample)?,
            (Self::Connectome { subpopulation, signs, unknown_signs, passes, .. }, Some(connectome)) => {
                let how = FromConnectome {
                    signs: sign_of(signs)?,
                    unknown: unknown(unknown_signs)?,
                    grouping: grouping(subpopulation.as_deref()),
                    balance: Balance::Passes(*passes),
                    ..FromConnectome::default()
                };
                let system = how.build(connectome).map_err(|e| with_remedy(e, connectome))?;
                let n = system.n();
                system.with_state(normals(n, settings.seed, sample, Purpose::State))?
            }
            (Self::Connectome { roi, .. }, None) => {
                return Err(Error::Settings { path: roi.clone(), problem: "the connectome was not read".into() });
            }
        };
        let n = system.n();
        if settings.nle > n {
            let problem = format!("{} exponents of {n} neurons; ask for 1 to {n}", settings.nle);
            return Err(Error::Setting { key: "nle", problem });
        }
        system.with_activation(settings.activation()?).with_dt(settings.dt)
    }
}

fn grouping(name: Option<&str>) -> Grouping {
    match name {
        None => Grouping::Neuron,
        Some("neurotransmitter" | "Neurotransmitter") => Grouping::Transmitter,
        Some("cell_fibers" | "cell_body_fiber") => Grouping::CellFibre,
        Some("type") => Grouping::Type,
        Some("class") => Grouping::Class,
        Some(column) => Grouping::Column(column.into()),
    }
}

fn sign_of(name: &str) -> Result<SignOf, Error> {
    Ok(match name {
        "presynaptic" => SignOf::Presynaptic,
        "postsynaptic" => SignOf::Postsynaptic,
        "synapse" => SignOf::Synapse,
        "weight" => SignOf::Weight,
        other => {
            let problem = format!("{other:?}; known are presynaptic, postsynaptic, synapse, weight");
            return Err(Error::Setting { key: "signs", problem });
        }
    })
}

/// What to do about signs that are not there, in words of the options.
fn with_remedy(error: Error, connectome: &Connectome) -> Error {
    let source = connectome.provenance().source();
    let problem = match error {
        Error::Graph(connectome_graph::Error::NoSigns { of }) => format!("{source} has no signs of {of}"),
        Error::Graph(connectome_graph::Error::UnknownSigns { count, .. }) => {
            format!("of {count} connections of {source} the sign is not known")
        }
        other => return other,
    };
    let remedy =
        "say what such connections are: excitatory, inhibitory or omit; or take signs from elsewhere by --signs";
    Error::Setting { key: "unknown_signs", problem: format!("{problem}; {remedy}") }
}

fn unknown(name: &str) -> Result<UnknownSign, Error> {
    Ok(match name {
        "error" => UnknownSign::Error,
        "excitatory" => UnknownSign::Excitatory,
        "inhibitory" => UnknownSign::Inhibitory,
        "omit" => UnknownSign::Omit,
        other => {
            let problem = format!("{other:?}; known are error, excitatory, inhibitory, omit");
            return Err(Error::Setting { key: "unknown_signs", problem });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_region(roi: &str) -> TrainSettings {
        TrainSettings {
            n_samples: 1,
            n_epochs: 10,
            nle: 1,
            activation: "tanh_pos".into(),
            loss: "l2".into(),
            target: 0.0,
            tons: None,
            tsim: 200.0,
            dt: 0.1,
            lr: 0.01,
            train_weights: false,
            train_shifts: true,
            train_gains: true,
            number_param: None,
            dale: false,
            spectrum_nle: None,
            seed: 30,
            compat: false,
            network: Source::Connectome {
                roi: roi.into(),
                subpopulation: None,
                signs: "presynaptic".into(),
                unknown_signs: "error".into(),
                passes: 10,
            },
        }
    }

    #[test]
    fn names_tell_regions_apart_and_are_short() {
        assert!(of_region("data/EB").name().starts_with("tanh_pos_ROI_EB_Weights"));
        assert_ne!(of_region("data/EB.left").name(), of_region("data/EB.right").name());
        let small = TrainSettings { lr: 1e-300, ..of_region("EB") };
        assert!(small.check().is_ok() && small.name().contains("_lr1e-300_"), "{}", small.name());
    }

    #[test]
    fn what_a_run_would_refuse_is_known_before() {
        let refused = |settings: TrainSettings| settings.check().unwrap_err().to_string();
        assert!(refused(TrainSettings { spectrum_nle: Some(0), ..of_region("EB") }).contains("spectrum_nle"));
        assert!(refused(TrainSettings { tons: Some(1e300), ..of_region("EB") }).contains("tons"));
        assert!(refused(TrainSettings { tsim: 0.1, compat: true, ..of_region("EB") }).contains("tsim"));
        assert!(refused(TrainSettings { target: 1e200, ..of_region("EB") }).contains("target"));
        assert!(refused(TrainSettings { dale: true, ..of_region("EB") }).contains("dale"));
    }
}
