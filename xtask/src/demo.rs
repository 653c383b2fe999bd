//! `cargo xtask demo`.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, ExitCode},
};

use crate::{console::Console, error::Result, options, programs, setup, workspace};

pub(crate) const HELP: &str = "\
Usage: cargo xtask demo [ARGS]

Sets up what is missing, builds `flybrain`, and shows edges that move in twelve directions to the 50 published models of
the fly visual system: `flybrain vision edges --models all`. Prints what T4 and T5 prefer, and names the report with
figures and a movie, in target/demo of the workspace. ARGS are passed on; `cargo xtask demo -- --help` lists them.
";

/// Options that ARGS may replace. A second of grey precedes each edge in any case, which `--t-pre` adds to.
fn defaults(root: &Path) -> [(&'static str, OsString); 3] {
    [("--models", "all".into()), ("--t-pre", "0.1".into()), ("--out", root.join("target/demo").into())]
}

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args = options::passed_on(args);
    let root = workspace::root();
    eprintln!("{}", setup::ensure_some(&root)?.describe());
    setup::fetch_crates(&root, &Console::stderr());
    eprintln!("building flybrain (a first build takes some minutes)");
    // with the features that tests and examples have, so that nothing is built twice
    let mut build = workspace::cargo(&root);
    let program = programs::build(build.args(["build", "--release", "--workspace", "--bin", "flybrain"]), "flybrain")?;
    // in the user's folder, from which paths among the arguments are meant
    let mut command = Command::new(program);
    command.args(["vision", "edges"]).args(chosen(&root, args)).args(args);
    workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
    workspace::end_as(&mut command)
}

/// The defaults that are not among the arguments.
fn chosen(root: &Path, args: &[String]) -> Vec<OsString> {
    let given = |option: &str| args.iter().any(|arg| arg.split('=').next() == Some(option));
    let left = defaults(root).into_iter().filter(|(option, _)| !given(option));
    left.flat_map(|(option, value)| [option.into(), value]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_give_way() {
        let args = ["--models", "0", "--out=there"].map(str::to_owned);
        let root = Path::new("/w");
        assert_eq!(chosen(root, &args), ["--t-pre", "0.1"]);
        assert_eq!(chosen(root, &[]).last().unwrap(), "/w/target/demo");
    }
}
