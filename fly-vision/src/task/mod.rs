//! The task that networks are trained on: optic flow.

mod augmentation;
mod data;
mod decoder;
mod loss;
mod schedule;
pub mod sintel;

pub use augmentation::{
    Augmentation, AugmentationOptions, Crop, ItemSeed, Symmetry, contrast_brightness, gamma_correction, nearest_frames,
    overlapping_windows, pixel_noise, resample_linear, resample_nearest, resampled_frames, temporal_windows,
};
pub use data::{FlowData, FlowSample, FlowSet, Split};
pub use decoder::{Arithmetic, DecoderOptions, HexDecoder, Initial, Last, OutsideWeights, Phase, Readout};
pub(crate) use loss::mean;
pub use loss::{Loss, task_loss};
pub use schedule::{Decay, DecayShape};
