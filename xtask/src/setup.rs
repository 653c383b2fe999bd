//! `cargo xtask setup`.

use std::{env, ffi::OsStr, path::Path, path::PathBuf, process::ExitCode};

use crate::{
    console::Console,
    error::{Error, Result},
    libtorch::{Chosen, Layout, Libtorch, Place, Request, choose},
    options::Options,
    workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask setup [--cuda] [--from DIR] [--force]

Gets libtorch 2.11.0 into .libtorch/ at the workspace root: out of PyPI's torch wheel and NVIDIA's, through
`python3 -m pip download`, so that pip's own configuration and mirrors apply. Each file is pinned by its hash.
Does nothing when it is there. Interrupted, it goes on where it was when run again. Then `cargo fetch` gets the crates of all
packages, so that what comes after needs no network.

  (nothing)    the CPU libraries: 544 MB to download, 0.5 GB on disk
  --cuda       the CUDA 13 libraries too: 2.5 GB to download, 3.4 GB on disk; programs built before need no rebuild
  --from DIR   link to the libtorch 2.11 in DIR, a folder with lib and include (Python's site-packages/torch is one);
               nothing of it is downloaded; goes with none of the others
  --force      anew, also when it is there

A libtorch of your own goes before .libtorch; then setup only checks it:
  LIBTORCH=DIR               the libtorch in DIR
  LIBTORCH_USE_PYTORCH=1     the torch of the python3 that is active
  LIBTORCH_WHEELS=DIR        (for setup) take the wheels that are in DIR from there; with all of them no network is needed
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut options = Options::new("setup", args);
    let layout = if options.flag("--cuda") { Layout::Cuda } else { Layout::Cpu };
    let force = options.flag("--force");
    let from = options.value("--from")?.map(PathBuf::from);
    // Given by scripts/libtorch-cc, where nobody sees our standard error until it is too late.
    let in_linker = options.flag("--in-linker");
    let console = if in_linker {
        let console = Console::above_linker();
        console.say("libtorch is needed for this build and is not there yet (`cargo xtask setup` gets it beforehand):");
        console
    } else {
        Console::stderr()
    };
    options.finish()?;
    if from.is_some() && (force || layout == Layout::Cuda) {
        let problem = "--from links to a libtorch as it is: it goes with neither --cuda nor --force";
        return Err(Error::Usage(problem.into()));
    }
    let root = workspace::root();
    let found = match from {
        Some(from) => link(&root, &from, &console)?,
        None => ensure(&root, Request { layout, force }, &console)?,
    };
    console.say(found.describe());
    // The cargo that called the linker is at work.
    if !in_linker {
        fetch_crates(&root, &console);
    }
    Ok(ExitCode::SUCCESS)
}

/// The libtorch that builds will use, fetched if need be.
pub(crate) fn ensure(root: &Path, request: Request, console: &Console) -> Result<Libtorch> {
    match choose(root) {
        // What the user chose is theirs to change.
        Ok(Some(found)) if matches!(found.chosen, Chosen::Environment | Chosen::Python) => {
            if request.layout == Layout::Cuda && found.layout == Layout::Cpu {
                return Err(Error::Libtorch {
                    dir: found.dir.clone(),
                    problem: format!("it was {} and has no CUDA libraries", found.chosen.describe()),
                    todo: "unset that variable, then run `cargo xtask setup --cuda` again".into(),
                });
            }
            found.must_load()
        }
        Err(error) if environment_chooses(root) => Err(error),
        // Nothing yet, or something to look at again under the lock.
        _ => Place::of(root).fetch(request, console),
    }
}

/// For the commands that build: the CPU libraries at least.
pub(crate) fn ensure_some(root: &Path) -> Result<Libtorch> {
    ensure(root, Request { layout: Layout::Cpu, force: false }, &Console::stderr())
}

/// Gets the crates of all packages, of which a build of some fetches only its own.
pub(crate) fn fetch_crates(root: &Path, console: &Console) {
    if let Err(error) = workspace::run(workspace::cargo(root).args(["fetch", "--locked"])) {
        console.say(format!("{error}; crates that are not here yet are fetched when a build needs them"));
    }
}

fn link(root: &Path, from: &Path, console: &Console) -> Result<Libtorch> {
    if environment_chooses(root) {
        return Err(Error::Usage(
            "LIBTORCH, LIBTORCH_LIB or LIBTORCH_USE_PYTORCH is set and goes before what --from would link: unset it first"
                .into(),
        ));
    }
    Place::of(root).link(from, console)
}

fn environment_chooses(root: &Path) -> bool {
    env::var_os("LIBTORCH_USE_PYTORCH").is_some()
        || names_a_folder(env::var_os("LIBTORCH_LIB").as_deref())
        || workspace::user_libtorch(root).is_some()
}

/// An empty variable is as good as none, but for LIBTORCH_USE_PYTORCH.
fn names_a_folder(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_link_ignores_is_refused() {
        for other in ["--cuda", "--force"] {
            let error = run(&["--from", "/nowhere", other].map(str::to_owned)).unwrap_err();
            assert!(matches!(&error, Error::Usage(_)) && error.to_string().contains(other), "{error}");
        }
    }

    #[test]
    fn empty_variables_choose_nothing() {
        assert!(names_a_folder(Some("/opt/libtorch".as_ref())));
        assert!(!names_a_folder(Some("".as_ref())) && !names_a_folder(None));
    }
}
