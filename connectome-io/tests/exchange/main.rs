//! Formats that other programs exchange: what they write, what is written for them, and what is refused.

#[path = "../common/mod.rs"]
mod common;

mod area_table;
mod graphml;
mod matrix_market;
mod roi_folder;

use std::path::PathBuf;

use connectome_io::{Connectome, Error};

/// A file that scipy or networkx wrote, see `tests/fixtures/make_graphs.py`.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(name)
}

/// Rows `(pre, post, weight)` by index, in the order of the table.
fn rows(c: &Connectome) -> Vec<(u32, u32, f64)> {
    let s = c.synapses();
    (0..s.len()).map(|row| (s.pre()[row], s.post()[row], s.weight()[row])).collect()
}

/// Checks that an error is of the wanted kind and names place and remedy.
#[track_caller]
fn check(error: &Error, kind: fn(&Error) -> bool, words: &str) {
    assert!(kind(error), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(words), "no {words:?} in: {text}");
    assert!(text.contains(';') || text.contains('?'), "no remedy in: {text}");
}
