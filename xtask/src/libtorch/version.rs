//! Which version of libtorch a folder holds.

use std::{fs, path::Path};

/// The version that tch 0.24 is made for.
pub(crate) const WANTED: &str = "2.11.0";

/// The version of the libtorch, or of Python's torch, in `dir`: from `build-version` (the zip from the PyTorch site),
/// `version.py` (Python's torch) or the headers, whichever is there first.
pub(crate) fn of_folder(dir: &Path) -> Option<String> {
    let read = |file: &str| fs::read_to_string(dir.join(file)).ok();
    if let Some(text) = read("build-version") {
        return Some(text.trim().to_owned());
    }
    if let Some(found) = read("version.py").as_deref().and_then(of_python) {
        return Some(found);
    }
    ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"]
        .into_iter()
        .find_map(|file| read(file).as_deref().and_then(of_header))
}

/// From `__version__ = '2.11.0+cu130'`.
fn of_python(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("__version__"))?;
    let value = value.trim_start_matches(|c: char| c != '=').trim_start_matches('=').trim();
    Some(value.trim_matches(['\'', '"']).to_owned()).filter(|value| !value.is_empty())
}

/// From `#define TORCH_VERSION_MAJOR 2` and so on.
fn of_header(text: &str) -> Option<String> {
    let number = |name: &str| {
        text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("#define") && words.next() == Some(name))
                .then(|| words.next()?.parse::<u32>().ok())
                .flatten()
        })
    };
    let [major, minor, patch] = ["MAJOR", "MINOR", "PATCH"].map(|part| number(&format!("TORCH_VERSION_{part}")));
    Some(format!("{}.{}.{}", major?, minor?, patch?))
}

/// Whether tch 0.24 can be built against `version`: 2.11 with any patch level and build tag.
pub(crate) fn fits(version: &str) -> bool {
    let number = version.split(['+', '-']).next().unwrap_or_default();
    let wanted = WANTED.rsplit_once('.').map_or(WANTED, |(series, _)| series);
    number.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_series_of_tch_fits() {
        for good in ["2.11.0", "2.11.0+cpu", "2.11.0+cu130", "2.11.1", "2.11"] {
            assert!(fits(good), "{good}");
        }
        for bad in ["2.1.0", "2.110.0", "2.12.0", "12.11.0", "", "2.1"] {
            assert!(!fits(bad), "{bad}");
        }
    }

    #[test]
    fn reads_each_of_the_three_places() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = dir.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        assert_eq!(of_folder(dir.path()), None);

        let header = "#pragma once\n#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 9\n  #define TORCH_VERSION_PATCH 1\n\
                      #define TORCH_VERSION \\\n  \"2.9.1\"\n";
        write("include/torch/headeronly/version.h", header);
        assert_eq!(of_folder(dir.path()).as_deref(), Some("2.9.1"));

        write("version.py", "from typing import Optional\n\n__version__ = '2.11.0+cu130'\ndebug = False\n");
        assert_eq!(of_folder(dir.path()).as_deref(), Some("2.11.0+cu130"));

        write("build-version", "2.10.0+cpu\n");
        assert_eq!(of_folder(dir.path()).as_deref(), Some("2.10.0+cpu"));
    }

    #[test]
    fn a_typed_version_and_a_broken_header_are_told_apart() {
        assert_eq!(of_python("__version__: str = \"2.11.0\"\n").as_deref(), Some("2.11.0"));
        assert_eq!(of_python("version = '2.11.0'\n"), None);
        assert_eq!(of_header("#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR x\n"), None);
    }
}
