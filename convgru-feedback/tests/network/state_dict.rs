//! Parameters to and from files of torch.

use std::collections::BTreeMap;
use std::path::Path;

use crate::setting::{Setting, pair};
use connectome_io::format::safetensors::Tensors;
use connectome_io::format::{pt, safetensors};
use connectome_io::{Array, ArrayData};
use convgru_feedback::{Arithmetic, Error, LayerNorm, load_state_dict, save_state_dict};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

const FILES: [&str; 2] = ["weights.pt", "weights.safetensors"];

fn setting(seed: u64) -> Setting {
    Setting { seed, layer_norm: LayerNorm::On, ..pair() }
}

fn values(store: &VarStore) -> BTreeMap<String, Tensor> {
    store.variables().into_iter().map(|(name, value)| (name, value.detach().copy())).collect()
}

fn same(a: &BTreeMap<String, Tensor>, b: &BTreeMap<String, Tensor>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((i, a), (j, b))| i == j && a.kind() == b.kind() && a.equal(b))
}

/// Every bit comes back, in both kinds and both formats; singles can be read as doubles.
#[test]
fn parameters_survive_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        for kind in [Kind::Float, Kind::Double] {
            let path = folder.path().join(format!("{kind:?}-{file}"));
            let (here, _) = setting(1).network(kind, Arithmetic::Fused);
            save_state_dict(&here, "", &path).unwrap();
            let (there, _) = setting(2).network(kind, Arithmetic::Fused);
            assert!(!same(&values(&here), &values(&there)));
            load_state_dict(&there, "", &path).unwrap();
            assert!(same(&values(&here), &values(&there)), "{file}, {kind:?}");

            let (wide, _) = setting(2).network(Kind::Double, Arithmetic::Fused);
            load_state_dict(&wide, "", &path).unwrap();
            for (name, value) in values(&wide) {
                assert!(value.equal(&values(&here)[&name].to_kind(Kind::Double)), "{name}");
            }
        }
    }
}

/// What has another name in the store is neither written nor changed.
#[test]
fn parameters_under_a_path_are_apart() {
    let folder = tempfile::tempdir().unwrap();
    let build = |seed| {
        let store = VarStore::new(Device::Cpu);
        let root = store.root();
        for part in ["model", "modeled"] {
            convgru_feedback::AreaNetwork::builder(&pair().graph()).seed(seed).build(&(&root / part)).unwrap();
        }
        store
    };
    let part = |store: &VarStore, part: &str| -> BTreeMap<String, Tensor> {
        let of = |(name, value): (String, Tensor)| Some((name.strip_prefix(part)?.to_owned(), value));
        values(store).into_iter().filter_map(of).collect()
    };
    for file in FILES {
        let path = folder.path().join(file);
        let (here, there) = (build(1), build(2));
        save_state_dict(&here, "model", &path).unwrap();
        let before = part(&there, "modeled.");
        load_state_dict(&there, "model", &path).unwrap();
        assert!(same(&part(&there, "model."), &part(&here, "model.")) && same(&part(&there, "modeled."), &before));
    }
}

fn read(path: &Path) -> Tensors {
    if path.ends_with("weights.pt") {
        pt::read_tensors(path).unwrap()
    } else {
        safetensors::read_tensors(path).unwrap()
    }
}

fn write(path: &Path, tensors: &Tensors) {
    if path.ends_with("weights.pt") {
        pt::write_tensors(path, tensors).unwrap();
    } else {
        safetensors::write_tensors(path, tensors).unwrap();
    }
}

/// What is done to a file, and what the refusal says.
type Damage = (fn(&mut Tensors), &'static [&'static str]);

/// Puts zeros of a shape under a name.
fn put(file: &mut Tensors, name: &str, shape: &[usize]) {
    let zeros = ArrayData::F32(vec![0.0; shape.iter().product()]);
    file.arrays.insert(name.to_owned(), Array::new(shape.to_vec(), zeros).unwrap());
}

/// Files that are not of this network are refused, all that is wrong is listed, and no parameter changes.
#[test]
fn files_of_other_networks_change_nothing() {
    let damages: [Damage; 4] = [
        (|file| drop(file.arrays.remove("cell_list.0.conv_can.weight")), &["cell_list.0.conv_can.weight is missing"]),
        (|file| put(file, "extra.weight", &[1]), &["extra.weight has no place here"]),
        (
            |file| put(file, "cell_list.1.conv_gates.bias", &[2, 2]),
            &["cell_list.1.conv_gates.bias is [2, 2], here [4]"],
        ),
        (
            |file| {
                file.arrays.remove("layer_norm_list.0.bias");
                put(file, "layer_norm_list.0.shift", &[2, 4, 4]);
                put(file, "cell_list.1.conv_gates.bias", &[0]);
            },
            &["layer_norm_list.0.bias is missing", "layer_norm_list.0.shift has no place here", "is [0], here [4]"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        let path = folder.path().join(file);
        for (damage, parts) in damages {
            save_state_dict(&setting(1).network(Kind::Float, Arithmetic::Fused).0, "", &path).unwrap();
            let mut tensors = read(&path);
            damage(&mut tensors);
            write(&path, &tensors);
            let (store, _) = setting(2).network(Kind::Float, Arithmetic::Fused);
            let before = values(&store);
            let error = load_state_dict(&store, "", &path).expect_err("it does not fit");
            assert!(matches!(error, Error::Data { .. }), "{error:?}");
            let message = error.to_string();
            for part in parts.iter().chain(&[file, "same graph and settings?"]) {
                assert!(message.contains(part), "{part:?} is not in {message:?}");
            }
            assert!(same(&values(&store), &before), "{file}: parameters changed");
        }
    }
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = setting(2).network(Kind::Float, Arithmetic::Fused);
    let before = values(&store);
    for file in FILES {
        let path = folder.path().join(file);
        assert!(matches!(load_state_dict(&store, "", &path), Err(Error::File(_))), "there is none");
        std::fs::write(&path, b"PK\x03\x04 no archive").unwrap();
        assert!(matches!(load_state_dict(&store, "", &path), Err(Error::File(_))), "it is broken");
        let error = save_state_dict(&store, "model", &path).expect_err("nothing is there").to_string();
        assert!(error.contains("no variables under \"model\""), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"PK\x03\x04 no archive", "a file was overwritten with nothing");
        let nowhere = folder.path().join("nowhere").join(file);
        assert!(matches!(save_state_dict(&store, "", nowhere), Err(Error::File(_))));
    }
    assert!(same(&values(&store), &before));
}
