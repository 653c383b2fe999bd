//! Stimuli: sets of movies with their arguments.
//!
//! A set implements [`Stimuli`]: it knows the arguments of each sample ([`crate::Conditions`]), its frame length and time axis,
//! and renders a movie when asked for it. Sets of the reference: [`Flashes`], [`MovingBars`] (bars and edges), [`Dots`],
//! [`Impulses`]; further ones: [`Gratings`].
//!
//! Times are in seconds, angles in degrees, luminance lies between 0 (dark) and 1 (bright).
//!
//! Source: Lappalainen et al., *Nature* 634, 1132 (2024), and flyvis 1.2.0.

mod dots;
mod flashes;
mod gratings;
mod lazy;
mod moving_bars;
mod set;
mod temporal;

pub use dots::{Course, DotSettings, Dots, ImpulseSettings, Impulses};
pub use flashes::{FlashSettings, Flashes, Phase};
pub use gratings::{GratingSettings, Gratings};
pub use moving_bars::{BarSettings, MovingBars, OffsetOrder, Tail};
pub use set::{Argument, Stimuli};
pub use temporal::{Padding, frames_in, pad_end, resampled, time_axis, without_post, without_pre};
