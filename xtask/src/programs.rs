//! The programs that cargo makes, run without it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    error::{Error, Result},
    pool::Job,
    workspace,
};

/// Runs a `cargo test --no-run`, and returns a job for each test program.
pub(crate) fn compile(root: &Path, command: &mut Command) -> Result<Vec<Job>> {
    let mut programs: Vec<Program> = made(command)?.into_iter().filter(|program| program.is_test).collect();
    let packages = workspace::packages(root)?;
    // Unit tests are short: at the end no core waits for another.
    programs.sort_by_key(|program| !program.target.starts_with("--test "));
    Ok(programs.into_iter().map(|program| program.job(&packages)).collect())
}

/// Runs a `cargo build` of one program and returns where it lies.
pub(crate) fn build(command: &mut Command, name: &str) -> Result<PathBuf> {
    let target = format!("--bin {name}");
    let found = made(command)?.into_iter().find(|program| program.target == target);
    found.map(|program| program.file).ok_or_else(|| none_made(command))
}

/// Runs a `cargo build --examples`, and returns name and file of each example of the package in a folder, sorted.
pub(crate) fn build_examples(command: &mut Command, package: &Path) -> Result<Vec<(String, PathBuf)>> {
    let of_package = made(command)?.into_iter().filter(|program| program.manifest.parent() == Some(package));
    let mut examples: Vec<_> = of_package
        .filter_map(|program| Some((program.target.strip_prefix("--example ")?.to_owned(), program.file)))
        .collect();
    examples.sort();
    if examples.is_empty() { Err(none_made(command)) } else { Ok(examples) }
}

/// Runs a cargo that compiles, and returns the programs that it tells of: settings of the user's decide where they lie.
fn made(command: &mut Command) -> Result<Vec<Program>> {
    let output = command
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(Error::io(format!("starting {}", workspace::describe(command))))?;
    if !output.status.success() {
        return Err(workspace::failed(command, output.status));
    }
    let programs: Vec<Program> = String::from_utf8_lossy(&output.stdout).lines().filter_map(Program::read).collect();
    if programs.is_empty() { Err(none_made(command)) } else { Ok(programs) }
}

fn none_made(command: &Command) -> Error {
    Error::Failed { command: workspace::describe(command), status: "no program among what it tells".into() }
}

/// A program, as cargo tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    manifest: PathBuf,
    /// The options of cargo that choose it.
    target: String,
    file: PathBuf,
    is_test: bool,
}

impl Program {
    /// Reads a line of JSON; most tell of other things.
    fn read(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" {
            return None;
        }
        let (kind, name) = (message["target"]["kind"][0].as_str()?, message["target"]["name"].as_str()?);
        Some(Self {
            manifest: message["manifest_path"].as_str()?.into(),
            target: match kind {
                "test" | "bin" | "example" | "bench" => format!("--{kind} {name}"),
                _ => "--lib".to_owned(),
            },
            file: message["executable"].as_str()?.into(),
            is_test: message["profile"]["test"] == true,
        })
    }

    /// Runs it where cargo would. What else cargo tells of the package our tests ask for when they are compiled; what
    /// `.cargo/config.toml` sets we were given ourselves.
    fn job(self, packages: &[(PathBuf, String)]) -> Job {
        let folder = self.manifest.parent().unwrap_or(&self.manifest);
        let package = packages.iter().find(|(manifest, _)| *manifest == self.manifest);
        let package = package.map_or_else(|| folder.to_string_lossy(), |(_, name)| name.into());
        let mut command = Command::new(&self.file);
        workspace::leave_package(&mut command);
        command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
        Job { name: format!("{package} {}", self.target), command }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cargo 1.95 writes it, without what is not read.
    fn message(reason: &str, kind: &str, test: bool, executable: &str) -> String {
        format!(
            r#"{{"reason":"{reason}","manifest_path":"/w/ode/Cargo.toml","target":{{"kind":["{kind}"],"name":"laws"}},"profile":{{"opt_level":"3","test":{test}}},"executable":{executable}}}"#
        )
    }

    #[test]
    fn only_programs_are_taken() {
        let program = r#""/w/target/release/deps/laws-0a""#;
        let found = Program::read(&message("compiler-artifact", "test", true, program)).unwrap();
        assert_eq!(found.target, "--test laws");
        assert_eq!((found.file.as_path(), found.is_test), (Path::new("/w/target/release/deps/laws-0a"), true));
        let library = Program::read(&message("compiler-artifact", "lib", true, program)).unwrap();
        assert_eq!(library.target, "--lib");
        let binary = Program::read(&message("compiler-artifact", "bin", false, program)).unwrap();
        assert_eq!((binary.target.as_str(), binary.is_test), ("--bin laws", false));
        for other in [
            message("compiler-artifact", "lib", true, "null"),
            message("build-script-executed", "test", true, program),
            "{\"reason\":\"build-finished\",\"success\":true}".into(),
            "no JSON".into(),
        ] {
            assert_eq!(Program::read(&other), None, "{other}");
        }
    }

    /// Wherever cargo put them: under the name of a target triple where the user's settings name one.
    #[test]
    fn programs_lie_where_cargo_says() {
        let cargo = |kind: &str| {
            let line = message("compiler-artifact", kind, false, "\"/w/target/x86_64-unknown-linux-gnu/release/laws\"");
            let mut command = Command::new("sh");
            command.args(["-c", "echo \"$0\"", &line]);
            command
        };
        let file = PathBuf::from("/w/target/x86_64-unknown-linux-gnu/release/laws");
        assert_eq!(build(&mut cargo("bin"), "laws").unwrap(), file);
        assert!(build(&mut cargo("bin"), "race").is_err());
        let package = Path::new("/w/ode");
        assert_eq!(build_examples(&mut cargo("example"), package).unwrap(), [("laws".to_owned(), file)]);
        assert!(build_examples(&mut cargo("example"), Path::new("/w/examples")).is_err());
    }

    #[test]
    fn a_program_runs_in_the_folder_of_its_package() {
        let line = message("compiler-artifact", "test", true, "\"/w/target/laws\"");
        let job = Program::read(&line).unwrap().job(&[("/w/ode/Cargo.toml".into(), "sparse-ode".into())]);
        assert_eq!(job.name, "sparse-ode --test laws");
        assert_eq!(job.command.get_current_dir(), Some(Path::new("/w/ode")));
        let set = |name: &str| job.command.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        assert_eq!(set("CARGO_MANIFEST_DIR"), Some("/w/ode".as_ref()));
    }
}
