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
    fn names_what_it_does_not_know() {
        let mut unknown = options(&["--fromage", "x"]);
        assert!(unknown.value("--from").unwrap().is_none());
        assert!(unknown.finish().unwrap_err().to_string().contains("--fromage"));
        assert!(options(&["--from"]).value("--from").is_err());
    }
}
