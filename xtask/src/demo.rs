//! `cargo xtask demo`.

use std::process::ExitCode;

use crate::{error::Result, setup, workspace};

pub(crate) const HELP: &str = "\
Usage: cargo xtask demo [ARGS]

Sets up what is missing, builds and runs the main example, 02_connectome_forward, which says at its end where its
pictures are. ARGS are passed on to it; `cargo xtask demo -- --help` lists them.
";

const EXAMPLE: &str = "02_connectome_forward";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
    let root = workspace::root();
    eprintln!("{}", setup::ensure_some(&root)?.describe());
    eprintln!("building the example {EXAMPLE} (a first build takes two minutes or so)");
    let mut command = workspace::cargo(&root);
    command.args(["run", "--release", "--package", "examples", "--example", EXAMPLE, "--"]).args(args);
    workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
    workspace::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
