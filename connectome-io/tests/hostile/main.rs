//! Files that are damaged or made to do harm: each is refused with a typed error that names file, place and remedy.

#[path = "../common/mod.rs"]
mod common;

macro_rules! is {
    ($pattern:pat) => {
        |error: &Error| matches!(error, $pattern)
    };
}

mod archives;
mod arrays;
mod general;
mod graphs;
mod pickles;
mod repeats;
mod tables;
mod tensors;
mod torch;

use std::path::Path;

use connectome_io::{Error, Place, read};

/// Reads the file, checks that the error is of the wanted kind and names file and place, and gives it back.
#[track_caller]
pub(crate) fn refuse(path: &Path, kind: fn(&Error) -> bool) -> Error {
    check(read(path).expect_err("the file should be refused"), path, kind)
}

#[track_caller]
pub(crate) fn check(error: Error, path: &Path, kind: fn(&Error) -> bool) -> Error {
    assert!(kind(&error), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "no file in: {text}");
    assert!(text.contains(';') || text.contains('?'), "no remedy in: {text}");
    error
}

pub(crate) fn place(error: &Error) -> &Place {
    &error.location().unwrap().place
}

pub(crate) fn cell(line: u64, column: &str) -> Place {
    Place::Cell { line, column: column.to_owned() }
}
