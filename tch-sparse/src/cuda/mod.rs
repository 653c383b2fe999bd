//! Our kernels on CUDA devices.
//!
//! They are compiled at run time by NVRTC, which comes with libtorch's CUDA libraries: nothing of CUDA is needed to build this
//! crate, and nothing is linked. They work on tch's tensors, on libtorch's current stream. Where NVRTC, the driver or a device is
//! missing the products go through libtorch's CSR, with one notice through `tracing`; [`facts`] says what was found.
//!
//! NVRTC is looked for in the folder that the environment variable `NVRTC_DIR` names, in `nvidia/cu13/lib` beside libtorch's
//! folder (where `pip` and `cargo xtask setup --cuda` put it), beside libtorch, and where the loader looks.
//!
//! Each number of a result is summed in an order that depends on the matrix, the batch and the alignment only: results are the
//! same, bit for bit, in each run on one kind of device.

#[cfg(test)]
mod emulator;
mod gpu;
mod matrix;
mod nvrtc;
mod schedule;
mod variant;

pub use gpu::{Facts, facts, prepare};
pub(crate) use matrix::{Matrix, RateOf, combine};
