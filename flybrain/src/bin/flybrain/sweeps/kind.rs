//! What a folder is the run of, for commands that are given that of another one.

use std::path::Path;

use flybrain::areas::{Config, multimodal};
use flybrain::rate::train::TrainSettings;
use flybrain::vision::FlyTrainSettings;

/// What a folder is the run of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a sweep.
    Sweep,
    /// Of `vision train`.
    Fly,
    /// Of a training on exponents.
    Exponents,
    /// Of `areas train`.
    Areas,
    /// Of `areas scenarios`.
    Scenarios,
}

impl Kind {
    /// The kind of a folder by its settings; none where they are no command's, or damaged.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        if folder.join("sweep.json").exists() {
            return Some(Self::Sweep);
        }
        let config = folder.join("config.toml");
        let kinds = [
            (FlyTrainSettings::read(&config).is_ok(), Self::Fly),
            (TrainSettings::read(folder).is_ok(), Self::Exponents),
            (Config::read(&config).is_ok(), Self::Areas),
            (multimodal::Settings::read(&config).is_ok(), Self::Scenarios),
        ];
        kinds.into_iter().find_map(|(is, kind)| is.then_some(kind))
    }

    /// What the folder holds.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sweep => "a sweep of exponents",
            Self::Fly => "models of `vision train`",
            Self::Exponents => "a training on exponents",
            Self::Areas => "a run of `areas train`",
            Self::Scenarios => "a run of `areas scenarios`",
        }
    }
}
