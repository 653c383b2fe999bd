//! Public data sets: where they are, under which licence, and how to know that a file is the one meant.
//!
//! Nothing is downloaded: several sources want an account or the acceptance of a licence. What a user has fetched is
//! recognised by its SHA-256, where that could be verified, and imported by [`crate::import`].

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// What it is called here, such as `flywire-783`.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Official source and others.
    pub source: String,
    /// Licence of the data.
    pub licence: String,
    /// The publications to cite.
    pub reference: String,
    /// Version of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The files that matter here.
    pub files: Vec<DataFile>,
    /// The command that imports them.
    pub how: String,
}

/// Published counts of a connectome; `None` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Neurons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neurons: Option<usize>,
    /// Connected pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// Rows of the table of connections: displacements, on a lattice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Sum of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synapses: Option<usize>,
}

/// A file of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Its name at the source.
    pub name: String,
    /// What it holds.
    pub what: String,
    /// Size of the plain file; `None` where it could not be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of the plain file, in hexadecimal; `None` where it could not be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What its authors count in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Counts>,
}

static CATALOG: LazyLock<Vec<DataSet>> =
    LazyLock::new(|| serde_json::from_str(include_str!("catalog/catalog.json")).expect("the catalogue is valid JSON"));

/// All data sets.
#[must_use]
pub fn all() -> &'static [DataSet] {
    &CATALOG
}

/// The data set of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static DataSet> {
    all().iter().find(|set| set.name == name)
}

/// The file with a SHA-256, and its data set.
#[must_use]
pub fn recognise(sha256: &str) -> Option<(&'static DataSet, &'static DataFile)> {
    let in_set = |set: &'static DataSet| {
        let file = set.files.iter().find(|file| file.sha256.as_deref() == Some(sha256))?;
        Some((set, file))
    };
    all().iter().find_map(in_set)
}

impl Counts {
    /// The counts that are known, with what they count.
    #[must_use]
    pub fn known(&self) -> Vec<(&'static str, usize)> {
        let all = [
            ("neurons", self.neurons),
            ("connections", self.connections),
            ("rows", self.rows),
            ("synapses", self.synapses),
        ];
        all.into_iter().filter_map(|(what, n)| Some((what, n?))).collect()
    }
}

impl DataSet {
    /// The file of a name; `.gz` counts for nothing.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&DataFile> {
        let plain = |name: &str| name.strip_suffix(".gz").unwrap_or(name).to_owned();
        self.files.iter().find(|file| plain(&file.name) == plain(name))
    }

    /// Size of all files whose size is known, in bytes, and whether that is every file.
    #[must_use]
    pub fn bytes(&self) -> (u64, bool) {
        let known = self.files.iter().filter_map(|file| file.bytes);
        (known.sum(), self.files.iter().all(|file| file.bytes.is_some()))
    }

    /// Everything that is known about the set, in lines.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.name, self.title);
        for (what, value) in [
            ("version", self.version.as_deref()),
            ("source", Some(self.source.as_str())),
            ("licence", Some(self.licence.as_str())),
            ("cite", Some(self.reference.as_str())),
            ("import", Some(self.how.as_str())),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "{what:<10}{value}");
            }
        }
        for file in &self.files {
            let _ = write!(text, "\n  {}\n    {}\n", file.name, file.what);
            match (&file.sha256, file.bytes) {
                (Some(sha256), Some(bytes)) => {
                    let _ = writeln!(text, "    {bytes} bytes, sha256 {sha256}");
                }
                _ => text.push_str("    size and sha256 not verified: the source states none that could be checked\n"),
            }
            if let Some(counts) = &file.published {
                let known: Vec<String> = counts.known().iter().map(|(what, n)| format!("{n} {what}")).collect();
                let _ = writeln!(text, "    published: {}", known.join(", "));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_hashes_whole() {
        let names: HashSet<&str> = all().iter().map(|set| set.name.as_str()).collect();
        assert_eq!(names.len(), all().len());
        for set in all() {
            assert!(
                !set.files.is_empty() && !set.licence.is_empty() && set.source.contains(['.', '/']),
                "{}",
                set.name
            );
            for file in &set.files {
                assert_eq!(file.sha256.is_some(), file.bytes.is_some(), "{}", file.name);
                if let Some(sha256) = &file.sha256 {
                    assert!(sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()), "{}", file.name);
                    assert_eq!(recognise(sha256), Some((set, file)));
                }
            }
            let text = set.describe();
            assert!(text.contains(&set.licence) && set.files.iter().all(|file| text.contains(&file.name)));
        }
        assert!(find("flywire-783").is_some() && find("flywire").is_none() && recognise("00").is_none());
    }
}
