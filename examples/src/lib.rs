//! What the numbered examples share: arguments, progress, tables, pictures, problems to solve, and the data beside them.
//!
//! An example is a function of its [`Args`] that [`run`] calls:
//!
//! ```no_run
//! use examples::{Args, Error, run};
//!
//! fn main() -> std::process::ExitCode {
//!     run("00_nothing", "Does nothing.", nothing)
//! }
//!
//! fn nothing(args: &Args) -> Result<(), Error> {
//!     println!("pictures would go to {}", args.out.display());
//!     Ok(())
//! }
//! ```

mod args;
pub mod data;
pub mod eye;
pub mod folder;
mod pictures;
pub mod problems;
mod progress;
pub mod sounds;
pub mod states;
mod table;
pub mod trials;
pub mod visual;

pub use args::{Args, Error, run, run_with};
pub use pictures::Pictures;
pub use progress::Progress;
pub use table::{Table, count, percent};
