#![doc = include_str!("../README.md")]

pub mod areas;
mod atomic;
pub mod catalog;
mod digest;
mod error;
pub mod figure;
mod import;
mod portrait;
pub mod rate;
pub mod report;
pub mod review;
mod run_folder;
pub mod summary;
pub mod vision;

pub use digest::{input_file, recognise_file};
pub use error::Error;
pub use import::import;
pub use portrait::{portrait, thumbnail};
