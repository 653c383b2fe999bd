//! `.pt` files of torch.

use std::collections::BTreeMap;
use std::path::Path;

use connectome_io::format::pt;
use connectome_io::format::safetensors::Tensors;
use connectome_io::{Array, read, write as write_connectome};
use half::{bf16, f16};

use crate::{WEIGHT, edges, expected, ramp, sample, theirs};

fn state() -> BTreeMap<String, Array> {
    let tensor = |name: &str, array| (name.to_owned(), array);
    BTreeMap::from([
        tensor("bool", ramp(|i| i != 0)),
        tensor("int8", ramp(|i| i as i8)),
        tensor("int16", ramp(i16::from)),
        tensor("int32", ramp(i32::from)),
        tensor("int64", ramp(i64::from)),
        tensor("uint8", ramp(|i| i)),
        tensor("uint16", ramp(u16::from)),
        tensor("uint32", ramp(u32::from)),
        tensor("uint64", ramp(u64::from)),
        tensor("float16", ramp(f16::from)),
        tensor("bfloat16", ramp(bf16::from)),
        tensor("float32", ramp(f32::from)),
        tensor("float64", ramp(f64::from)),
        tensor("empty", Array::new(vec![0, 3], Vec::<f32>::new()).unwrap()),
        tensor("scalar", Array::new(vec![], vec![2.5f32]).unwrap()),
        tensor("名", Array::vector(vec![1.0f32; 2])),
    ])
}

fn linear() -> BTreeMap<String, Array> {
    let weight = Array::new(vec![2, 3], vec![0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    BTreeMap::from([("weight".to_owned(), weight), ("bias".to_owned(), Array::vector(vec![-1.0f32, 1.0]))])
}

#[test]
fn states_of_every_dtype_in_both_containers() {
    let Some(folder) = theirs("torch") else {
        return;
    };
    let mut want = state();
    let views = [
        ("transposed", Array::new(vec![3, 2], vec![0.0f32, 3.0, 1.0, 4.0, 2.0, 5.0]).unwrap()),
        ("view", Array::vector(vec![3.0, 5.0, 7.0])),
        ("expanded", Array::new(vec![3, 2], vec![1.0f32, 2.0, 1.0, 2.0, 1.0, 2.0]).unwrap()),
    ];
    want.extend(views.map(|(name, array)| (name.to_owned(), array)));
    for name in ["state.pt", "legacy.pt"] {
        assert_eq!(pt::read_tensors(folder.join(name)).unwrap().arrays, want, "{name}");
    }
    assert_eq!(pt::read_tensors(folder.join("linear.pt")).unwrap().arrays, linear());
}

#[test]
fn matrices_in_every_layout() {
    let Some(folder) = theirs("torch") else {
        return;
    };
    for name in ["coo.pt", "coo_legacy.pt", "csr.pt", "csc.pt", "dense.pt"] {
        let c = read(folder.join(name)).unwrap();
        assert_eq!(edges(&c), expected(&[0, 1, 2, 3, 4], &WEIGHT), "{name}");
    }
}

pub(crate) fn write(folder: &Path) {
    for (name, arrays) in [("state.pt", state()), ("linear.pt", linear())] {
        pt::write_tensors(folder.join(name), &Tensors { arrays, metadata: BTreeMap::new() }).unwrap();
    }
    write_connectome(&sample(), folder.join("w.pt")).unwrap();
}
