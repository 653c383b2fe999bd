#![doc = include_str!("../README.md")]

pub mod analysis;
mod cell;
mod convolution;
mod dropout;
mod error;
mod init;
mod layout;
mod linear;
mod network;
mod parallel;
mod projection;
mod readout;
mod state_dict;
pub mod stimulus;

pub use cell::{
    Arithmetic, ConvGruCell, ExplicitTopDown, ExplicitTopDownOptions, TopDownCell, TopDownKind, TopDownSource,
};
pub use convolution::Bias;
pub use error::Error;
pub use network::{AreaNetwork, Builder, Compat, Forward, Keep, LayerNorm, Mode, Response, Schedule, TopDown, Updated};
pub use projection::{InterlacedUpsampler, resulting_side, stride_and_padding};
pub use readout::{ClassifierReadout, TwoAreaReadout, ValueReadout};
pub use state_dict::{load_state_dict, save_state_dict};
