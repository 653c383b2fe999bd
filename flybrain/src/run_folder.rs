//! Whose a folder of results is, so that no run writes into another's.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;

use crate::Error;

/// Names of what is in a folder; none where it is not there yet.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, Error> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::Read { path: folder.to_path_buf(), source }),
        Ok(files) => Ok(files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned())).collect()),
    }
}

/// Refuses a folder that holds anything.
pub(crate) fn check_empty(folder: &Path) -> Result<(), Error> {
    if names(folder)?.is_empty() { Ok(()) } else { Err(Error::Exists { folder: folder.to_path_buf() }) }
}

/// Whether a folder holds the file `settings`; one of something else is refused.
pub(crate) fn holds(folder: &Path, settings: &str) -> Result<bool, Error> {
    let names = names(folder)?;
    if names.iter().any(|name| name == settings) {
        return Ok(true);
    }
    // Another process may be about to write the settings.
    let part = format!(".{settings}.");
    if names.iter().all(|name| name.starts_with(&part)) {
        Ok(false)
    } else {
        Err(Error::Exists { folder: folder.to_path_buf() })
    }
}

/// Refuses settings other than those in the file at `path`, but for those named in `may_differ`.
pub(crate) fn same_settings<S: Serialize>(path: &Path, there: &S, here: &S, may_differ: &[&str]) -> Result<(), Error> {
    let bad = |problem: String| Error::Settings { path: path.to_path_buf(), problem };
    let table = |settings: &S| toml::Table::try_from(settings).map_err(|e| bad(e.to_string()));
    let (there, here) = (table(there)?, table(here)?);
    let keys = there.keys().chain(here.keys().filter(|key| !there.contains_key(*key)));
    let side = |table: &toml::Table, key: &str| table.get(key).map_or_else(|| "none".into(), ToString::to_string);
    let differences: Vec<String> = keys
        .filter(|key| !may_differ.contains(&key.as_str()) && there.get(*key) != here.get(*key))
        .map(|key| format!("{key} is {} there, {} here", side(&there, key), side(&here, key)))
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(bad(format!("the folder is of another training: {}; name another folder", differences.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("run");
        assert!(!holds(&folder, "config.toml").unwrap());
        check_empty(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        check_empty(&folder).unwrap();
        fs::write(folder.join(".config.toml.12.part"), "").unwrap();
        assert!(!holds(&folder, "config.toml").unwrap());
        fs::write(folder.join("thesis.tex"), "").unwrap();
        assert!(matches!(holds(&folder, "config.toml"), Err(Error::Exists { .. })));
        assert!(matches!(check_empty(&folder), Err(Error::Exists { .. })));
        fs::write(folder.join("config.toml"), "").unwrap();
        assert!(holds(&folder, "config.toml").unwrap());
    }

    #[test]
    fn differences_are_named() {
        #[derive(Serialize)]
        struct Settings {
            lr: f64,
            epochs: u32,
            name: Option<&'static str>,
        }
        let path = Path::new("run/config.toml");
        let there = Settings { lr: 0.1, epochs: 3, name: None };
        same_settings(path, &there, &Settings { epochs: 9, ..there }, &["epochs"]).unwrap();
        let error = same_settings(path, &there, &Settings { lr: 0.2, epochs: 3, name: Some("b") }, &["epochs"]);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("lr is 0.1 there, 0.2 here; name is none there, \"b\" here"), "{text}");
    }
}
