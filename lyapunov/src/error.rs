//! What can go wrong.

use tch::TchError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that makes no sense, alone or for this system.
    #[error("{setting}: {what}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A list or tensor of the wrong length, shape, kind or device.
    #[error("{what} is {got}, wanted is {want}")]
    Shape {
        /// Which one.
        what: &'static str,
        /// What it is.
        got: String,
        /// What it must be.
        want: String,
    },
    /// State or tangents are not numbers any more.
    #[error(
        "the {what} left the range of numbers by step {step} (time {time}); the system diverges, or its step is too long: \
         try a shorter step, another starting state or double precision"
    )]
    NotFinite {
        /// State or tangents.
        what: &'static str,
        /// Steps done, transients included.
        step: u64,
        /// Their time.
        time: f64,
    },
    /// Gradients of a chaotic run that is too long for them.
    #[error(
        "gradients left the range of numbers on the way back through {time} units of time, over which they grow as trajectories part: \
         try a shorter duration, a smaller largest exponent or double precision"
    )]
    Overflow {
        /// The time counted.
        time: f64,
    },
    /// A tangent that a step contracts to nothing within rounding, so that its exponent cannot be told from minus infinity.
    #[error("{}", vanished(*.column, *.step))]
    Vanished {
        /// Which one, from 0.
        column: usize,
        /// Steps done, transients included.
        step: u64,
    },
    /// Tangents that became dependent or too small, as far as rounding tells, because they were not orthonormalised for too long.
    #[error(
        "tangents became dependent or too small within the {interval} steps up to step {step}, so that exponents are lost to rounding: \
         choose a shorter interval, or let it adapt"
    )]
    Dependent {
        /// Steps since they were orthonormal.
        interval: u64,
        /// Steps done, transients included.
        step: u64,
    },
    /// A run kept in a file that cannot go on.
    #[error("kept run: {0}")]
    Kept(String),
    /// A sparse product refused.
    #[error(transparent)]
    Sparse(#[from] tch_sparse::Error),
    /// An operation could not be run or put into libtorch's graph.
    #[error(transparent)]
    Operation(tch_function::Error),
    /// libtorch refused.
    #[error("libtorch: {}", brief(.0))]
    Torch(#[from] TchError),
}

/// A number in a message: a short one as it is, others with an exponent.
pub(crate) fn short(x: f64) -> String {
    let plain = x.to_string();
    if plain.len() <= 24 { plain } else { format!("{x:e}") }
}

fn vanished(column: usize, step: u64) -> String {
    let what = if column == 0 {
        "the first tangent: the largest exponent is minus infinity, as of a system that settles faster than any power; \
         of a flow, take shorter steps"
            .to_string()
    } else {
        format!(
            "tangent {column} within rounding: its exponent cannot be told from minus infinity; ask for at most {column} exponents or, \
             of a flow, take shorter steps"
        )
    };
    format!("step {step} contracts to nothing {what}")
}

/// The first line of what libtorch says, without its stack.
fn brief(error: &TchError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_string()
}

impl Error {
    /// The error of an operation's forward where it is one of this crate.
    pub(crate) fn from_op(error: tch_function::Error) -> Self {
        match error {
            tch_function::Error::Forward { op, source } => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Operation(tch_function::Error::Forward { op, source }),
            },
            other => Self::Operation(other),
        }
    }

    pub(crate) fn setting(setting: &'static str, what: impl Into<String>) -> Self {
        Self::Setting { setting, what: what.into() }
    }
}
