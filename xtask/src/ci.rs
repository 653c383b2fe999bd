//! `cargo xtask ci`.

use std::process::ExitCode;

use crate::{error::Result, test};

pub(crate) const HELP: &str = "\
Usage: cargo xtask ci

What continuous integration runs: `cargo xtask test`, whose options it takes.
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    test::run(args)
}
