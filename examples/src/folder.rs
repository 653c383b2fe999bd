//! The folders in which examples leave runs.

use crate::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// What a run writes before its first step, or at its end.
const OF_A_RUN: [&str; 2] = ["config.toml", "run.json"];

/// Deletes what an earlier run left in `folder`, so that another one can begin there.
///
/// # Errors
/// If the folder holds something, but no run: it is left as it is.
pub fn clear(folder: &Path) -> Result<(), Error> {
    let mut files = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        files => files.map_err(|error| format!("reading {}: {error}", folder.display()))?,
    };
    if files.next().is_none() {
        return Ok(());
    }
    if !OF_A_RUN.iter().any(|file| folder.join(file).is_file()) {
        let found = format!("{} holds something else than a run", folder.display());
        return Err(format!("{found} and is left as it is; delete it, or name another folder with --out").into());
    }
    fs::remove_dir_all(folder).map_err(|error| format!("deleting {}: {error}", folder.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_are_deleted() {
        let all = std::env::temp_dir().join(format!("examples-folder-{}", std::process::id()));
        let folder = all.join("seed_1");
        let fill = |file: &str| {
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join(file), "").expect("a file");
        };
        clear(&folder).expect("nothing there");
        fill("thesis.tex");
        let error = clear(&folder).expect_err("something else").to_string();
        let is_left = folder.join("thesis.tex").exists();
        let cleared = OF_A_RUN.map(|file| {
            fill(file);
            clear(&folder).is_ok() && !folder.exists()
        });
        fs::create_dir_all(&folder).expect("a folder");
        let empty = clear(&folder);
        fs::remove_dir_all(&all).expect("it is there");
        assert!(error.contains("something else than a run") && error.contains("--out") && is_left, "{error}");
        assert_eq!(cleared, [true, true]);
        empty.expect("nothing in it");
    }
}
