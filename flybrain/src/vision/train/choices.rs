//! What settings of a training are made of.

use std::path::PathBuf;
use std::str::FromStr;

use fly_vision::stimulus::SceneSettings;
use fly_vision::task::AugmentationOptions;
use fly_vision::training::{ParameterPenalty, Penalised, Towards};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Movies {
    /// Procedural scenes with exact flow.
    Scenes {
        /// How many.
        scenes: usize,
        /// How many of them validate: the last ones.
        held_out: usize,
        /// Seed of the scenes.
        seed: u64,
        /// How they look and move.
        #[serde(default)]
        look: SceneLook,
    },
    /// The films of MPI-Sintel with the split of the publication.
    Sintel {
        /// The unpacked data set: the folder that holds `training`.
        folder: PathBuf,
    },
}

/// Which cells are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlyWiring {
    /// As measured, with gaps within receptive fields filled as in the publication. The default.
    #[default]
    Measured,
    /// As measured, nothing filled: what the others are compared with.
    Unfilled,
    /// [`LatticeShuffle::Symmetries`](connectome_graph::null::LatticeShuffle::Symmetries) of that: the receptive field of each pair of types
    /// turned and mirrored, by the model's seed.
    Symmetries,
    /// [`LatticeShuffle::Numbers`](connectome_graph::null::LatticeShuffle::Numbers): synapse numbers exchanged at equal distance.
    Numbers,
    /// [`LatticeShuffle::Rings`](connectome_graph::null::LatticeShuffle::Rings): synapses placed anew at equal distance.
    Rings,
}

impl FromStr for FlyWiring {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        const ALL: [(&str, FlyWiring); 5] = [
            ("measured", FlyWiring::Measured),
            ("unfilled", FlyWiring::Unfilled),
            ("symmetries", FlyWiring::Symmetries),
            ("numbers", FlyWiring::Numbers),
            ("rings", FlyWiring::Rings),
        ];
        ALL.into_iter().find(|(known, _)| *known == name).map(|(_, wiring)| wiring).ok_or_else(|| {
            let problem = format!("there is no {name:?}; there are {}", ALL.map(|(name, _)| name).join(", "));
            Error::Setting { key: "wiring", problem }
        })
    }
}

/// How scenes look and move. Defaults are those of [`SceneSettings`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneLook {
    /// Largest number of objects in a scene.
    pub objects: usize,
    /// Standard deviation of each component of the camera's velocity, columns per second.
    pub camera_speed: f64,
    /// That of objects.
    pub object_speed: f64,
    /// Standard deviation of the luminance of textures.
    pub contrast: f64,
    /// How the power of textures falls with frequency: `1 / f^alpha`.
    pub alpha: f64,
}

impl Default for SceneLook {
    fn default() -> Self {
        let SceneSettings { objects, camera, motion, noise, .. } = SceneSettings::default();
        Self {
            objects,
            camera_speed: camera.translation,
            object_speed: motion.translation,
            contrast: noise.contrast,
            alpha: noise.alpha,
        }
    }
}

/// Variations of luminance: standard deviations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Light {
    /// Of the noise of each pixel. Default 0.08.
    pub noise: f64,
    /// Of the logarithm of the contrast. Default 0.2.
    pub contrast: f64,
    /// Of the brightness. Default 0.1.
    pub brightness: f64,
}

impl Default for Light {
    fn default() -> Self {
        let AugmentationOptions { noise, contrast, brightness, .. } = AugmentationOptions::default();
        Self { noise, contrast, brightness }
    }
}

/// How strongly parameters are pulled to a place: weights of `weight sum (p - p0)^2`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pull {
    /// Resting potentials. Default 0: not at all.
    pub resting_potentials: f64,
    /// Time constants, seconds. Default 0.
    pub time_constants: f64,
    /// Strengths of synapses. Default 0.
    pub strengths: f64,
}

impl Pull {
    /// The penalties that are not 0.
    pub(super) fn penalties(self, towards: Towards) -> impl Iterator<Item = ParameterPenalty> {
        let all = [
            (Penalised::RestingPotentials, self.resting_potentials),
            (Penalised::TimeConstants, self.time_constants),
            (Penalised::Strengths, self.strengths),
        ];
        let penalty = move |(parameters, weight)| ParameterPenalty { parameters, towards, weight };
        all.into_iter().map(penalty).filter(|penalty| penalty.weight != 0.0)
    }
}

/// Sets of settings to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recipe {
    /// Those with which untrained networks learn to see motion in procedural scenes within minutes. The default of the command line.
    #[default]
    FromScratch,
    /// Those of the publication, which trained for days.
    Publication,
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "from-scratch" => Ok(Self::FromScratch),
            "publication" => Ok(Self::Publication),
            _ => {
                let problem = format!("there is no {name:?}; there are from-scratch and publication");
                Err(Error::Setting { key: "recipe", problem })
            }
        }
    }
}
