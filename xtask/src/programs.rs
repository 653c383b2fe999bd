//! The programs to which cargo compiles tests, run without it.

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

/// Runs a `cargo test --no-run` that writes JSON, and returns a job for each test program.
pub(crate) fn compile(root: &Path, command: &mut Command) -> Result<Vec<Job>> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(Error::io(format!("starting {}", workspace::describe(command))))?;
    if !output.status.success() {
        return Err(workspace::failed(command, output.status));
    }
    let packages = workspace::packages(root)?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut programs: Vec<Program> = messages.lines().filter_map(Program::read).collect();
    if programs.is_empty() {
        let status = "no program among what it tells".into();
        return Err(Error::Failed { command: workspace::describe(command), status });
    }
    // Unit tests are short: at the end no core waits for another.
    programs.sort_by_key(|program| !program.target.starts_with("--test "));
    Ok(programs.into_iter().map(|program| program.job(&packages)).collect())
}

/// A test program, as cargo tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    manifest: PathBuf,
    /// The options of `cargo test` that choose it.
    target: String,
    file: PathBuf,
}

impl Program {
    /// Reads a line of JSON; most tell of other things.
    fn read(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
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
    fn only_test_programs_are_taken() {
        let program = r#""/w/target/release/deps/laws-0a""#;
        let found = Program::read(&message("compiler-artifact", "test", true, program)).unwrap();
        assert_eq!(found.target, "--test laws");
        assert_eq!(found.file, Path::new("/w/target/release/deps/laws-0a"));
        let library = Program::read(&message("compiler-artifact", "lib", true, program)).unwrap();
        assert_eq!(library.target, "--lib");
        for other in [
            message("compiler-artifact", "bin", false, program),
            message("compiler-artifact", "lib", true, "null"),
            message("build-script-executed", "test", true, program),
            "{\"reason\":\"build-finished\",\"success\":true}".into(),
            "no JSON".into(),
        ] {
            assert_eq!(Program::read(&other), None, "{other}");
        }
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
