//! Fuzz targets of `connectome-io`, one per reader.

pub mod readers;

use readers::{READERS, Scratch, options};

/// Reads an input and checks what is accepted; what a fuzz target does.
///
/// # Panics
/// If the reader has a fault, or if there is none of this name.
pub fn run(name: &str, bytes: &[u8]) {
    thread_local!(static SCRATCH: Scratch = Scratch::default());
    let reader = READERS.iter().find(|reader| reader.name == name).expect("the name of a reader");
    SCRATCH.with(|scratch| {
        if let Ok(content) = (reader.read)(&scratch.put(reader, bytes), &options(bytes)) {
            content.check(&scratch.check());
        }
    });
}
