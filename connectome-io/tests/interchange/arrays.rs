//! numpy's `.npy` and `.npz`.

use std::collections::BTreeMap;
use std::path::Path;

use connectome_io::format::npy;
use connectome_io::format::npz::{self, Compression};
use connectome_io::{Array, read_array};
use half::f16;

use crate::{IDS, ramp, theirs};

fn ramps() -> Vec<(&'static str, Array)> {
    vec![
        ("b1", ramp(|i| i % 2 == 1)),
        ("i1", ramp(|i| i as i8)),
        ("i2", ramp(i16::from)),
        ("i4", ramp(i32::from)),
        ("i8", ramp(i64::from)),
        ("u1", ramp(|i| i)),
        ("u2", ramp(u16::from)),
        ("u4", ramp(u32::from)),
        ("u8", ramp(u64::from)),
        ("f2", ramp(f16::from)),
        ("f4", ramp(f32::from)),
        ("f8", ramp(f64::from)),
    ]
}

fn archive() -> BTreeMap<String, Array> {
    let member = |name: &str, array| (name.to_owned(), array);
    BTreeMap::from([
        member("a", ramp(f32::from)),
        member("名", ramp(i64::from)),
        member("folder/b", ramp(|i| i % 2 == 1)),
    ])
}

#[test]
fn every_dtype_order_and_endianness() {
    let Some(folder) = theirs("arrays") else {
        return;
    };
    for (name, want) in ramps() {
        for form in ["", "_fortran", "_big"] {
            let path = folder.join(format!("{name}{form}.npy"));
            assert_eq!(read_array(&path).unwrap(), want, "{}", path.display());
        }
    }
}

#[test]
fn odd_shapes_and_values() {
    let Some(folder) = theirs("arrays") else {
        return;
    };
    let scalar = read_array(folder.join("scalar.npy")).unwrap();
    assert!(scalar.shape().is_empty() && scalar.to_f64().unwrap()[0].to_bits() == (-0.0f64).to_bits());
    assert_eq!(read_array(folder.join("empty.npy")).unwrap(), Array::new(vec![0, 3], Vec::<f32>::new()).unwrap());
    assert_eq!(read_array(folder.join("huge_ids.npy")).unwrap(), Array::vector(IDS.to_vec()));
    assert_eq!(read_array(folder.join("unsigned.npy")).unwrap(), Array::vector(vec![0, u64::MAX]));
    let special = read_array(folder.join("special.npy")).unwrap().to_f64().unwrap();
    assert!(special[0].is_nan() && special[1..] == [f64::INFINITY, f64::NEG_INFINITY, 5e-324]);
}

#[test]
fn archives() {
    let Some(folder) = theirs("arrays") else {
        return;
    };
    for name in ["stored.npz", "deflated.npz"] {
        assert_eq!(npz::read(folder.join(name)).unwrap(), archive(), "{name}");
    }
}

pub(crate) fn write(folder: &Path) {
    for (name, array) in ramps() {
        npy::write(folder.join(format!("{name}.npy")), &array).unwrap();
    }
    npy::write(folder.join("scalar.npy"), &Array::new(vec![], vec![-0.0]).unwrap()).unwrap();
    npy::write(folder.join("empty.npy"), &Array::new(vec![0, 3], Vec::<f32>::new()).unwrap()).unwrap();
    npy::write(folder.join("huge_ids.npy"), &Array::vector(IDS.to_vec())).unwrap();
    npz::write(folder.join("stored.npz"), &archive(), Compression::Stored).unwrap();
    npz::write(folder.join("deflated.npz"), &archive(), Compression::Deflated).unwrap();
}
