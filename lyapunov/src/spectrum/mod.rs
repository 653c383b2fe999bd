//! Spectra: settings, runs, results.

mod blocks;
mod keep;
mod measures;
mod result;
mod run;
pub(crate) mod schedule;
mod settings;
pub(crate) mod tensors;

pub use measures::{entropy, integer_dimension, kaplan_yorke_dimension};
pub use result::{History, Spectrum};
pub use run::Run;
pub use settings::{Compat, Interval, Settings};
