//! The program as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A command of `flybrain`, such as `areas`.
pub(crate) struct Cli(pub(crate) &'static str);

impl Cli {
    pub(crate) fn run(&self, folder: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flybrain"));
        command.arg(self.0).args(args).current_dir(folder).output().unwrap()
    }

    /// What it prints where it succeeds.
    #[track_caller]
    pub(crate) fn prints(&self, folder: &Path, args: &[&str]) -> String {
        let output = self.run(folder, args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self, folder: &Path, args: &[&str]) -> Value {
        serde_json::from_str(&self.prints(folder, &[args, &["--json", "--quiet"]].concat())).unwrap()
    }

    /// What it says where it fails with a code; then it prints nothing.
    #[track_caller]
    pub(crate) fn fails(&self, folder: &Path, args: &[&str], code: i32) -> String {
        let output = self.run(folder, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?} printed {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}
