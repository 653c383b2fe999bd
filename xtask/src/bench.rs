//! `cargo xtask bench`.

use std::process::ExitCode;

use crate::{error::Result, setup, workspace};

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [ARGS]

Sets up what is missing, then `cargo bench --package benches ARGS`: `cargo xtask bench spmm` runs the benches whose names
hold spmm, `cargo xtask bench --bench NAME` one file of them. OMP_WAIT_POLICY is passive unless set, so that libtorch's
idle threads don't take the cores from ours.
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let root = workspace::root();
    eprintln!("{}", setup::ensure_some(&root)?.describe());
    let mut command = workspace::cargo(&root);
    command.args(["bench", "--package", "benches"]).args(args);
    workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
    workspace::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
