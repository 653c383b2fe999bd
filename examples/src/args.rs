//! The command line of an example.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whatever goes wrong in an example. Its message says what, where and what to do next.
pub type Error = Box<dyn std::error::Error>;

/// A value that makes no sense; [`run_with`] ends with 2 for it, as for any other wrong argument.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// What an example was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// Whether to take seconds instead of minutes, on a smaller network.
    pub quick: bool,
    /// The folder for pictures.
    pub out: PathBuf,
    /// Which of the example's own flags were given.
    pub flags: Vec<&'static str>,
    /// Values of those that take one.
    pub values: Vec<(&'static str, OsString)>,
}

impl Args {
    /// The value of one of the example's own options, if it was given; the last one counts.
    pub fn value(&self, option: &str) -> Option<&OsString> {
        self.values.iter().rev().find(|(name, _)| *name == option).map(|(_, value)| value)
    }

    /// The value of one of the example's own options as a number, if it was given.
    ///
    /// # Errors
    /// If it is none.
    pub fn number(&self, option: &str) -> Result<Option<f64>, Error> {
        let Some(value) = self.value(option) else { return Ok(None) };
        let number = value.to_str().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| Usage(format!("{option} wants a number, not {value:?}")).into())
    }

    /// Whether one of the example's own flags was given.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Run(Args),
    Help,
}

/// Runs an example with the arguments of this process. Its error, if any, goes to standard error.
///
/// # Arguments
/// * `name` - the example's, as in `cargo run --example`
/// * `about` - what it does, for `--help`
pub fn run(name: &str, about: &str, example: fn(&Args) -> Result<(), Error>) -> ExitCode {
    run_with(name, about, &[], example)
}

/// Runs an example that has flags of its own: each with what it does, for `--help`; one that takes a value is given here as `--name VALUE`,
/// on the command line also as `--name=VALUE`. Otherwise as [`run`].
pub fn run_with(
    name: &str,
    about: &str,
    flags: &[(&'static str, &str)],
    example: fn(&Args) -> Result<(), Error>,
) -> ExitCode {
    let args = match parse(name, flags, std::env::args_os().skip(1)) {
        Ok(Request::Run(args)) => args,
        Ok(Request::Help) => {
            print!("{}", help(name, about, flags));
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("error: {message}; --help lists the options");
            return ExitCode::from(2);
        }
    };
    match example(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Usage>() => {
            eprintln!("error: {error}; --help lists the options");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn parse(
    name: &str,
    flags: &[(&'static str, &str)],
    args: impl IntoIterator<Item = OsString>,
) -> Result<Request, String> {
    let (mut quick, mut out, mut given, mut values) = (false, None, Vec::new(), Vec::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--help" | "-h") => return Ok(Request::Help),
            Some("--quick") => quick = true,
            Some("--out") => match args.next() {
                Some(folder) if !folder.is_empty() => out = Some(folder.into()),
                _ => return Err("--out wants a folder after it".to_owned()),
            },
            Some(text) if text.starts_with("--out=") && text.len() > 6 => {
                out = Some(text[6..].into());
            }
            _ => {
                let (name, value) = split(&arg);
                let mut known = flags.iter().map(|(flag, _)| flag.split_once(' ').unwrap_or((flag, "")));
                match known.find(|(flag, _)| *flag == name) {
                    Some((flag, "")) if value.is_none() => given.push(flag),
                    Some((option, wanted)) if !wanted.is_empty() => match value.or_else(|| args.next()) {
                        Some(value) if !value.is_empty() => values.push((option, value)),
                        _ => return Err(format!("{option} wants {wanted} after it")),
                    },
                    _ => return Err(format!("unknown argument {arg:?}")),
                }
            }
        }
    }
    let out = out.unwrap_or_else(|| default_folder(name));
    Ok(Request::Run(Args { quick, out, flags: given, values }))
}

/// Parts `--name=VALUE`; a value need not be Unicode.
fn split(arg: &OsStr) -> (&OsStr, Option<OsString>) {
    let bytes = arg.as_bytes();
    match bytes.iter().position(|&byte| byte == b'=') {
        Some(at) => (OsStr::from_bytes(&bytes[..at]), Some(OsStr::from_bytes(&bytes[at + 1..]).to_owned())),
        None => (arg, None),
    }
}

fn help(name: &str, about: &str, flags: &[(&'static str, &str)]) -> String {
    let out = format!("folder for pictures [default: {}]", default_folder(name).display());
    let all = [("--quick", "a smaller network, in seconds"), ("--out DIR", &out)];
    let all = || all.iter().chain(flags).chain(&[("--help", "this text")]);
    let width = all().map(|(flag, _)| flag.len()).max().unwrap_or(0);
    let options: String = all().map(|(flag, does)| format!("  {flag:<width$}  {does}\n")).collect();
    format!("{about}\n\nUsage: cargo run --release --example {name} -- [OPTIONS]\n\nOptions:\n{options}")
}

/// `target/examples/name` of the workspace.
fn default_folder(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).join("target/examples").join(name)
}

/// An error and its causes, without causes that the message before them quotes already.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Request, String> {
        parse("01_x", &[("--full", "all of it")], args.iter().map(OsString::from))
    }

    #[test]
    fn defaults_stand_when_nothing_is_said() {
        let Ok(Request::Run(args)) = parsed(&[]) else {
            panic!("no arguments must run");
        };
        assert!(!args.quick);
        assert!(args.out.ends_with("target/examples/01_x"), "{}", args.out.display());
    }

    #[test]
    fn options_are_taken_in_any_order() {
        let wanted = Request::Run(Args { quick: true, out: "a b".into(), flags: Vec::new(), values: Vec::new() });
        for args in [&["--quick", "--out", "a b"][..], &["--out", "a b", "--quick"], &["--out=a b", "--quick"]] {
            assert_eq!(parsed(args).as_ref(), Ok(&wanted));
        }
        assert_eq!(parsed(&["--quick", "--help"]), Ok(Request::Help));
        assert!(help("01_x", "About.", &[]).starts_with("About.\n\nUsage: cargo run"));
    }

    #[test]
    fn flags_of_the_example_are_known_to_it_alone() {
        let Ok(Request::Run(args)) = parsed(&["--full", "--quick"]) else {
            panic!("a flag of its own must run");
        };
        assert!(args.has("--full") && !args.has("--resume") && args.quick);
        let flags = &[("--from PATH", "what it reads")];
        for given in [&["--from", "there"][..], &["--from=there"]] {
            let Ok(Request::Run(args)) = parse("01_x", flags, given.iter().map(OsString::from)) else {
                panic!("an option of its own must run");
            };
            assert_eq!((args.value("--from"), args.value("--to")), (Some(&"there".into()), None));
        }
        assert!(parse("01_x", flags, [OsString::from("--from=")]).expect_err("nothing").contains("wants PATH"));
        let wants = parse("01_x", flags, [OsString::from("--from")]).expect_err("nothing after it");
        assert!(wants.contains("wants PATH"), "{wants}");
        assert!(help("01_x", "About.", &[("--full", "all of it")]).contains("\n  --full     all of it\n"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (args, wanted) in [
            (&["--fast"][..], "unknown argument \"--fast\""),
            (&["--quick", "3"], "unknown argument \"3\""),
            (&["--out"], "--out wants a folder"),
            (&["--out", ""], "--out wants a folder"),
            (&["--out="], "unknown argument \"--out=\""),
            (&["--full=yes"], "unknown argument \"--full=yes\""),
        ] {
            let message = parsed(args).expect_err("bad arguments");
            assert!(message.contains(wanted), "{message}");
        }
    }

    #[test]
    fn numbers_are_read_and_anything_else_is_wrong_usage() {
        let args = |rate: &str| {
            let values = vec![("--rate", rate.into())];
            Args { quick: false, out: "a".into(), flags: Vec::new(), values }
        };
        assert_eq!(args("12.5").number("--rate").expect("a number"), Some(12.5));
        assert_eq!(args("12.5").number("--gain").expect("not given"), None);
        let error = args("abc").number("--rate").expect_err("no number");
        assert!(error.is::<Usage>() && error.to_string().contains("--rate wants a number, not \"abc\""), "{error}");
    }

    #[test]
    fn causes_follow_errors_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "cannot save")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = Outer(std::io::Error::other("disk full"));
        assert_eq!(chain(&error), "cannot save: disk full");
        assert_eq!(chain(&error.0), "disk full");
    }
}
