//! What can go wrong.

use tch::TchError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option that makes no sense, alone or beside another.
    #[error("{option}: {what}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A tensor of the wrong shape, kind or device.
    #[error("{what} is {got}; wanted is {want}")]
    Input {
        /// Which tensor.
        what: String,
        /// What it is.
        got: String,
        /// What it must be.
        want: String,
    },
    /// Data that cannot be used.
    #[error("{what}: {problem}")]
    Data {
        /// Which data.
        what: String,
        /// What is wrong with them, and what to do.
        problem: String,
    },
    /// A graph of areas was refused.
    #[error(transparent)]
    Graph(#[from] connectome_graph::Error),
    /// A file was refused.
    #[error(transparent)]
    File(#[from] connectome_io::Error),
    /// An operation could not be run or put into libtorch's graph.
    #[error(transparent)]
    Operation(#[from] tch_function::Error),
    /// libtorch refused.
    #[error("libtorch: {}", brief(&.0.to_string()))]
    Torch(#[from] TchError),
}

/// The part of libtorch's message before its C++ stack trace.
fn brief(text: &str) -> &str {
    text.split("Exception raised from").next().unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_traces_are_cut_off() {
        let one = tch::Tensor::from_slice(&[1.0]);
        let text = Error::from(one.f_view([2i64]).expect_err("another size")).to_string();
        assert!(text.starts_with("libtorch: ") && !text.contains("frame #") && !text.contains("Exception"), "{text}");
    }
}
