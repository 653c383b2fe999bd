//! `race NAME`: this workspace and its peers on the same job. `cargo xtask race` installs the peers and runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match benches::race::main(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("race: {error}");
            ExitCode::from(if matches!(error, benches::Error::Usage(_)) { 2 } else { 1 })
        }
    }
}
