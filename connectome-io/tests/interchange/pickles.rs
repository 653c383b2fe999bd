//! Pickles of Python and numpy, every protocol.

use connectome_io::format::pickle;
use connectome_io::read_array;

use crate::{IDS, NAMES, ramp, theirs};

#[test]
fn dictionaries_and_arrays() {
    let Some(folder) = theirs("pickles") else {
        return;
    };
    for protocol in 0..6 {
        let names = pickle::read(folder.join(format!("names{protocol}.pkl"))).unwrap().to_text_by_id().unwrap();
        let want = IDS.into_iter().zip(NAMES.map(str::to_owned)).collect();
        assert_eq!(names, want, "protocol {protocol}");
        let array = read_array(folder.join(format!("array{protocol}.pkl"))).unwrap();
        assert_eq!(array, ramp(f32::from), "protocol {protocol}");
    }
}
