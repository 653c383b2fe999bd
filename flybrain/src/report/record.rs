//! Where the results of a run come from.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::table::six_digits;
use crate::{Error, atomic};

/// The git revision that the program was built from; none where it was built from something else than a checkout. Changes that were
/// not committed are not seen.
pub fn revision() -> Option<&'static str> {
    option_env!("FLYBRAIN_REVISION")
}

/// What a run leaves in its `run.json`: program, version, revision, platform, command line, threads, seeds, inputs with their hashes,
/// times, and results.
#[derive(Debug, Clone)]
pub struct RunRecord {
    start: Instant,
    seeds: Map<String, Value>,
    inputs: Vec<Value>,
    /// Seconds.
    timings: Map<String, Value>,
    result: Value,
}

impl RunRecord {
    /// Begins a record; the time of the run counts from now.
    pub fn start() -> Self {
        Self { start: Instant::now(), seeds: Map::new(), inputs: Vec::new(), timings: Map::new(), result: Value::Null }
    }

    /// Time since the start, seconds.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Notes a seed.
    pub fn seed(&mut self, name: &str, seed: u64) {
        self.seeds.insert(name.to_owned(), seed.into());
    }

    /// Notes what was read: [`input_file`](crate::input_file) of it, or anything else that names it and has a hash.
    ///
    /// # Panics
    /// If it is no JSON, such as a map whose keys are no strings.
    pub fn input(&mut self, input: impl Serialize) {
        self.inputs.push(to_json(&input));
    }

    /// Notes how long a part of the run took, in seconds.
    pub fn timing(&mut self, name: &str, seconds: f64) {
        self.timings.insert(name.to_owned(), json!(seconds));
    }

    /// Notes the results.
    ///
    /// # Panics
    /// If they are no JSON, such as a map whose keys are no strings.
    pub fn result(&mut self, result: &impl Serialize) {
        self.result = to_json(result);
    }

    /// The record as it is now.
    pub fn to_json(&self) -> Value {
        let mut timings = self.timings.clone();
        timings.insert("total".to_owned(), json!(self.seconds()));
        json!({
            "program": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "revision": revision(),
            "platform": platform(),
            "command": command(),
            "threads": { "cores": cores(), "libtorch": tch::get_num_threads(), "rayon": rayon::current_num_threads() },
            "seeds": self.seeds,
            "inputs": self.inputs,
            "seconds": timings,
            "result": self.result,
        })
    }

    /// Writes `run.json` in a folder, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        self.write_as(&folder.as_ref().join("run.json"))
    }

    /// Writes the record under another name.
    pub(crate) fn write_as(&self, path: &Path) -> Result<(), Error> {
        let text = format!("{:#}\n", self.to_json());
        atomic::write(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_path_buf(), source })
    }

    /// The record without its results as lines of a name and a value, for a report.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines =
            vec![("program".to_owned(), format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))];
        let mut line = |name: &str, value: String| lines.push((name.to_owned(), value));
        if let Some(revision) = revision() {
            line("revision", revision.to_owned());
        }
        line("platform", platform());
        line("command", command().join(" "));
        let threads = format!(
            "{} cores; {} of libtorch, {} of rayon",
            cores(),
            tch::get_num_threads(),
            rayon::current_num_threads()
        );
        line("threads", threads);
        for (name, seed) in &self.seeds {
            line(&if name == "seed" { name.clone() } else { format!("seed of {name}") }, seed.to_string());
        }
        for input in &self.inputs {
            line("input", described(input));
        }
        for (name, seconds) in &self.timings {
            line(&format!("{name} (s)"), seconds.as_f64().map_or_else(String::new, six_digits));
        }
        line("time (s)", format!("{:.1}", self.seconds()));
        lines
    }
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| panic!("what a run records must be JSON: {error}"))
}

fn platform() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn command() -> Vec<String> {
    std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect()
}

/// Plain fields of an object, or its text.
fn described(input: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match input {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(key, value)| format!("{key}: {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_all() {
        let mut record = RunRecord::start();
        record.seed("seed", u64::MAX);
        record.input(json!({ "name": "graph.csv", "sha256": "00" }));
        record.timing("training", 1.5);
        record.result(&[1, 2]);
        let json = record.to_json();
        assert_eq!(
            (&json["seeds"]["seed"], &json["result"][1], &json["seconds"]["training"]),
            (&json!(u64::MAX), &json!(2), &json!(1.5))
        );
        assert!(json["seconds"]["total"].as_f64().unwrap() >= 0.0 && !json["command"].as_array().unwrap().is_empty());
        if let Some(revision) = revision() {
            assert!(revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()), "{revision}");
        }
        let lines = record.lines();
        assert!(lines.contains(&("input".to_owned(), "name: graph.csv, sha256: 00".to_owned())), "{lines:?}");
        let folder = tempfile::tempdir().unwrap();
        record.write(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("run.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["inputs"], json["inputs"]);
    }
}
