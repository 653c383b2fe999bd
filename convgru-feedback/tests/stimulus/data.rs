//! Where real data lie.

use convgru_feedback::stimulus::images::{Images, Part};
use convgru_feedback::stimulus::spoken::SpokenDigits;
use std::path::PathBuf;

/// A file of the data sets that are not part of the repository; `None`, and a message, if they are not there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/files")).join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// The test images of MNIST, which are beside the examples.
pub(crate) fn mnist() -> Images {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/mnist");
    Images::read_part(folder, Part::Test).expect("data beside the examples")
}

/// Recordings to test with: those of the Free Spoken Digit Dataset that its authors hold out.
pub(crate) fn spoken() -> Option<SpokenDigits> {
    shared("fsdd/test.safetensors.gz").map(|path| SpokenDigits::read(path).expect("spoken digits"))
}
