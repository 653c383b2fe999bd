//! What can go wrong.

use std::path::PathBuf;

use crate::BoxError;

/// Why an operation was not applied, or a question to libtorch not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operation's own forward returned an error.
    #[error("{op}: forward failed: {}", brief(&.source.to_string()))]
    Forward {
        /// [`Op::NAME`](crate::Op::NAME).
        op: &'static str,
        /// What the forward returned.
        source: BoxError,
    },
    /// The operation's own forward panicked.
    #[error("{op}: forward panicked: {message}")]
    ForwardPanicked {
        /// [`Op::NAME`](crate::Op::NAME).
        op: &'static str,
        /// What it panicked with.
        message: String,
    },
    /// The inputs, or what the forward handed over, break the rules of [`Op`](crate::Op).
    #[error("{op}: {message}")]
    Attach {
        /// [`Op::NAME`](crate::Op::NAME).
        op: &'static str,
        /// Which rule, which tensor, and what to do.
        message: String,
    },
    /// The operation returned another number of outputs than the caller takes.
    #[error("{op}: {got} outputs where {want} was asked for; use `apply`")]
    Outputs {
        /// [`Op::NAME`](crate::Op::NAME).
        op: &'static str,
        /// How many the forward gave.
        got: usize,
        /// How many were asked for.
        want: usize,
    },
    /// A tensor without a version counter was asked for its version.
    #[error(
        "the tensor was made in inference mode and has no version counter; copy it outside, or compare without a version"
    )]
    NoVersion,
    /// A derivative of the (weighted) sum of what a function returns does not agree with finite differences.
    #[error(
        "{order} derivative by input {input}, entry {index:?}: {analytic:e} where central differences give {numeric:e} \
         ({wrong} of {entries} entries are further off than {tolerance:e}, this one the most)"
    )]
    Gradient {
        /// "first" or "second".
        order: &'static str,
        /// Which input.
        input: usize,
        /// The place in it.
        index: Vec<i64>,
        /// What backward gives.
        analytic: f64,
        /// What differences of values (of gradients, for the second derivative) give.
        numeric: f64,
        /// The largest `|analytic - numeric| / (1 + |numeric|)` that passes.
        tolerance: f64,
        /// How many entries do not pass.
        wrong: usize,
        /// How many were compared.
        entries: usize,
    },
    /// A derivative cannot be compared with finite differences.
    #[error("gradcheck: {0}")]
    Gradcheck(String),
    /// libtorch answered with an error.
    #[error("libtorch: {0}")]
    Libtorch(String),
    /// libtorch_cpu.so is not among the libraries of this process (it may be linked statically).
    #[error("libtorch_cpu.so is not among the loaded libraries, so what lies beside it is unknown")]
    LibtorchNotFound,
    /// There is no CUDA half of libtorch.
    #[error("no {}: this libtorch is for the CPU only; install one with CUDA", .0.display())]
    NoCudaLibrary(PathBuf),
    /// The CUDA half of libtorch is there and cannot be loaded.
    #[error("{} cannot be loaded: {message}; its own libraries (cudart, cublas, cudnn, ...) must lie where it looks for them", .path.display())]
    CudaLibrary {
        /// The library.
        path: PathBuf,
        /// What the dynamic loader says.
        message: String,
    },
    /// CUDA was asked for a device that is not a CUDA device.
    #[error("{0:?} is not a CUDA device")]
    NotCuda(tch::Device),
}

/// The part of libtorch's message before its C++ stack trace.
pub(crate) fn brief(text: &str) -> &str {
    text.split("Exception raised from").next().unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_traces_are_cut_off() {
        let from_libtorch =
            tch::Tensor::from_slice(&[1.0, 2.0]).f_matmul(&tch::Tensor::from_slice(&[1.0])).unwrap_err();
        let source: BoxError = from_libtorch.into();
        assert!(source.to_string().contains("frame #"), "libtorch no longer appends a trace: {source}");
        let text = Error::Forward { op: "Op", source }.to_string();
        assert!(text.starts_with("Op: forward failed: Internal torch error: "), "{text}");
        assert!(!text.contains("frame #") && !text.contains("Exception raised"), "{text}");
    }
}
