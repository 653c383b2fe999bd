//! Tells the program which revision it was built from, where that is known.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // These change with every commit and checkout; a file that is missing would have this run each time.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // A copy that lies in another project's repository, but does not belong to it, has no revision.
    let ours = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    if let Some(revision) = git(&["rev-parse", "HEAD"]).filter(|_| ours) {
        println!("cargo::rustc-env=FLYBRAIN_REVISION={revision}");
    }
}

/// What git prints, if there is a git and it succeeds.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
