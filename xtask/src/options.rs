//! Command lines of a few flags.

use crate::error::{Error, Result};

/// The arguments of one command, taken out one by one; what is left at the end is an error.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    command: &'a str,
    left: Vec<String>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(command: &'a str, args: &[String]) -> Self {
        Self { command, left: args.to_vec() }
    }

    /// Takes `--name` out; true when it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|arg| arg != name);
        self.left.len() < before
    }

    /// Takes `--name VALUE` or `--name=VALUE` out.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let found = self
            .left
            .iter()
            .position(|arg| arg.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')));
        let Some(at) = found else { return Ok(None) };
        let arg = self.left.remove(at);
        if let Some((_, value)) = arg.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        if at < self.left.len() {
            return Ok(Some(self.left.remove(at)));
        }
        Err(Error::Usage(format!("{name} wants a value; see `cargo xtask {} --help`", self.command)))
    }

    /// All must have been taken by now.
    pub(crate) fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some(arg) => Err(Error::Usage(format!(
                "`cargo xtask {command}` knows no {arg:?}; see `cargo xtask {command} --help`",
                command = self.command
            ))),
        }
    }
}

/// Whether arguments ask for the help of a command: what stands after `--` is for the program that it runs.
pub(crate) fn ask_for_help(args: &[String]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--help" || arg == "-h")
}

/// The arguments that a command passes on: `--` at their beginning only parts them from the command's own.
pub(crate) fn passed_on(args: &[String]) -> &[String] {
    if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Options<'static> {
        Options::new("setup", &args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn takes_flags_and_values_in_any_order() {
        for args in [["--cuda", "--from", "/x"].as_slice(), &["--from=/x", "--cuda"]] {
            let mut options = options(args);
            assert!(options.flag("--cuda"));
            assert!(!options.flag("--force"));
            assert_eq!(options.value("--from").unwrap().as_deref(), Some("/x"));
            options.finish().unwrap();
        }
    }

    #[test]
    fn help_may_stand_anywhere_before_the_program_s_own() {
        let asks = |args: &[&str]| ask_for_help(&args.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(asks(&["--help"]) && asks(&["--fast", "-h"]) && asks(&["spmm", "--help", "--", "x"]));
        assert!(!asks(&[]) && !asks(&["--", "--help"]));
        assert_eq!(passed_on(&["--", "--help"].map(str::to_owned)), ["--help"]);
        assert_eq!(passed_on(&["x", "--"].map(str::to_owned)), ["x", "--"]);
    }

    #[test]
    fn names_what_it_does_not_know() {
        let mut unknown = options(&["--fromage", "x"]);
        assert!(unknown.value("--from").unwrap().is_none());
        assert!(unknown.finish().unwrap_err().to_string().contains("--fromage"));
        assert!(options(&["--from"]).value("--from").is_err());
    }
}
