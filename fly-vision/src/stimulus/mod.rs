//! Stimuli: sets of movies with their arguments.
//!
//! A set implements [`Stimuli`]: it knows the arguments of each sample ([`crate::Conditions`]), its frame length and time axis,
//! and renders a movie when asked for it. Sets of the reference: [`Flashes`], [`MovingBars`] (bars and edges), [`Dots`],
//! [`Impulses`]; further ones: [`Gratings`],
//! [`NaturalMovies`], and [`Scenes`], which come with exact optic flow. [`cache::Cached`] keeps rendered sets in files.
//!
//! Times are in seconds, angles in degrees, luminance lies between 0 (dark) and 1 (bright).
//!
//! Source: Lappalainen et al., *Nature* 634, 1132 (2024), and flyvis 1.2.0.

pub mod cache;
mod dots;
mod flashes;
mod gratings;
mod lazy;
mod motion;
mod moving_bars;
mod natural;
mod scenes;
mod set;
mod similarity;
mod temporal;
mod texture;
mod video;

pub use dots::{Course, DotSettings, Dots, ImpulseSettings, Impulses};
pub use flashes::{FlashSettings, Flashes, Phase};
pub use gratings::{GratingSettings, Gratings};
pub use motion::MotionSettings;
pub use moving_bars::{BarSettings, MovingBars, OffsetOrder, Tail};
pub use natural::{Crop, NaturalMovies, NaturalSettings, Views};
pub use scenes::{Scene, SceneSettings, Scenes};
pub use set::{Argument, Stimuli};
pub use temporal::{Padding, frames_in, pad_end, resampled, time_axis, without_post, without_pre};
pub use texture::{NoiseSettings, Texture};
pub use video::Video;
