//! `cargo xtask demo`.

use std::process::{Command, ExitCode};

use crate::{error::Result, setup, workspace};

pub(crate) const HELP: &str = "\
Usage: cargo xtask demo [ARGS]

Sets up what is missing, builds `flybrain`, and shows edges that move in twelve directions to the 50 published models of
the fly visual system: `flybrain vision edges --models all`. Prints what T4 and T5 prefer, and names the report with
figures and a movie. ARGS are passed on; `cargo xtask demo -- --help` lists them.
";

/// Options that ARGS may replace. A second of grey precedes each edge in any case, which `--t-pre` adds to.
const DEFAULTS: [[&str; 2]; 3] = [["--models", "all"], ["--t-pre", "0.1"], ["--out", "target/demo"]];

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
    let root = workspace::root();
    eprintln!("{}", setup::ensure_some(&root)?.describe());
    eprintln!("building flybrain (a first build takes some minutes)");
    // with the features that tests and examples have, so that nothing is built twice
    let mut build = workspace::cargo(&root);
    workspace::run(build.args(["build", "--release", "--workspace", "--bin", "flybrain"]))?;
    let mut command = Command::new(workspace::target_dir(&root)?.join("release/flybrain"));
    command.current_dir(&root).args(["vision", "edges"]).args(chosen(args)).args(args);
    workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
    workspace::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// The defaults that are not among the arguments.
fn chosen(args: &[String]) -> Vec<&'static str> {
    let given = |option: &str| args.iter().any(|arg| arg.split('=').next() == Some(option));
    DEFAULTS.iter().filter(|[option, _]| !given(option)).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_give_way() {
        let args = ["--models", "0", "--out=there"].map(str::to_owned);
        assert_eq!(chosen(&args), ["--t-pre", "0.1"]);
        assert_eq!(chosen(&[]).len(), 6);
    }
}
