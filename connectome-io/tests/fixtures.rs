//! Files that torch, NumPy and pickle wrote, each against the values that `fixtures/make_pt.py` put in.

mod common;

use std::path::PathBuf;

use common::Folder;
use connectome_io::format::pickle::{self, SparseLayout, Value};
use connectome_io::format::{pt, safetensors};
use connectome_io::{
    Array, ArrayData, Connectome, Dtype, Duplicates, Error, Limits, ReadOptions, Rows, read, read_array, read_with,
};
use half::{bf16, f16};

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn list(items: &[Value]) -> Value {
    Value::List(items.into())
}

fn ints(items: &[i64]) -> Vec<Value> {
    items.iter().map(|&n| Value::Int(n)).collect()
}

fn big(digits: &str) -> Value {
    Value::BigInt(digits.into())
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.into())
}

fn array(shape: &[usize], data: impl Into<ArrayData>) -> Array {
    Array::new(shape.to_vec(), data).unwrap()
}

fn tensor(shape: &[usize], data: impl Into<ArrayData>) -> Value {
    Value::Array(array(shape, data).into())
}

#[test]
fn plain_values_of_every_protocol() {
    let million = format!("1{}", "0".repeat(30));
    let shared = list(&[text("shared"), Value::Int(7)]);
    let expected = [
        ("none", Value::None),
        ("truth", list(&[Value::Bool(true), Value::Bool(false)])),
        ("small", list(&ints(&[0, 1, -1, 255, 256, 65_535, 65_536, -(1 << 31), 1 << 31]))),
        (
            "large",
            list(&[
                Value::Int(1 << 62),
                Value::Int(i64::MIN),
                Value::Int(i64::MAX),
                big("9223372036854775808"),
                big("-9223372036854775809"),
                big(&million),
                big(&format!("-{million}")),
            ]),
        ),
        ("float", list(&[1.5, -0.1, 1e300, f64::INFINITY, f64::NEG_INFINITY].map(Value::Float))),
        ("text", list(&[text(""), text("naïve"), text("😀"), text("line\nbreak \\ back"), text(&"x".repeat(300))])),
        ("bytes", list(&[bytes(b""), bytes(b"\x00\xff"), bytes(&[b'y'; 300])])),
        ("bytearray", bytes(b"ab\xff")),
        ("tuple", list(&[0, 1, 2, 3, 4].map(|n| Value::Tuple(ints(&[1, 2, 3, 4][..n]).into())))),
        ("set", Value::Set(ints(&[5]).into())),
        ("frozenset", Value::Set(ints(&[6]).into())),
        ("ordered", Value::Dict([(text("b"), Value::Int(1)), (text("a"), Value::Int(2))].into())),
        ("shared", list(&[shared.clone(), shared])),
        ("complex", tensor(&[], vec![[1.0, -2.0]])),
    ];
    for protocol in 0..6 {
        let value = pickle::read(fixture(&format!("plain_{protocol}.pkl"))).unwrap();
        for (name, want) in &expected {
            assert_eq!(value.get(name), Some(want), "protocol {protocol}: {name}");
        }
        let (key, last) = value.as_dict().unwrap().last().unwrap();
        assert_eq!(key.as_i64(), Some(720_575_940_628_857_210), "no id passes through a float");
        assert_eq!(last.as_str(), Some("FlyWire's ids have 18 digits"));
        assert_eq!(value.as_dict().unwrap().len(), expected.len() + 1);
    }
}

/// 1, 2, 3 in every type of NumPy.
fn one_two_three() -> Vec<ArrayData> {
    vec![
        vec![true, true, true].into(),
        vec![1i8, 2, 3].into(),
        vec![1i16, 2, 3].into(),
        vec![1i32, 2, 3].into(),
        vec![1i64, 2, 3].into(),
        vec![1u8, 2, 3].into(),
        vec![1u16, 2, 3].into(),
        vec![1u32, 2, 3].into(),
        vec![1u64, 2, 3].into(),
        [1.0, 2.0, 3.0].map(f16::from_f64).to_vec().into(),
        vec![1f32, 2.0, 3.0].into(),
        vec![1f64, 2.0, 3.0].into(),
        vec![[1f32, 0.0], [2.0, 0.0], [3.0, 0.0]].into(),
        vec![[1f64, 0.0], [2.0, 0.0], [3.0, 0.0]].into(),
    ]
}

#[test]
fn numpy_of_every_protocol() {
    for protocol in [0, 2, 3, 4, 5] {
        let value = pickle::read(fixture(&format!("numpy_{protocol}.pkl"))).unwrap();
        let scalars = [
            Value::Bool(true),
            Value::Int(-8),
            Value::Int(-16),
            Value::Int(-32),
            Value::Int(720_575_940_628_857_210),
            Value::Int(8),
            Value::Int(16),
            Value::Int(32),
            big("18446744073709551615"),
            Value::Float(0.5),
            Value::Float(f64::from(0.1f32)),
            Value::Float(0.1),
            tensor(&[], vec![[1f32, 2.0]]),
            text("GABA"),
        ];
        assert_eq!(value.get("scalars"), Some(&list(&scalars)), "protocol {protocol}");
        let arrays = one_two_three().into_iter().map(|data| tensor(&[3], data)).collect::<Vec<_>>();
        assert_eq!(value.get("arrays"), Some(&list(&arrays)), "protocol {protocol}");
        let swapped = [2, 7, 4, 10, 11].map(|i| arrays[i].clone());
        assert_eq!(value.get("big"), Some(&list(&swapped)), "protocol {protocol}");
        assert_eq!(value.get("fortran"), Some(&tensor(&[2, 3], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])));
        assert_eq!(value.get("strided"), Some(&tensor(&[2, 2], vec![0i32, 2, 8, 10])));
        assert_eq!(value.get("empty"), Some(&tensor(&[0, 3], Vec::<f64>::new())));
        assert_eq!(value.get("number"), Some(&tensor(&[], vec![2.5])));
    }
    let old = pickle::read(fixture("numpy1_2.pkl")).unwrap();
    assert_eq!(old, list(&[Value::Int(5), tensor(&[3], vec![0.0, 1.0, 2.0])]));
}

#[test]
fn ids_to_names() {
    for protocol in 0..6 {
        let names = pickle::read(fixture(&format!("ids_{protocol}.pkl"))).unwrap().to_text_by_id().unwrap();
        let want = [(-3, "glutamate"), (5_813_105_172, "acetylcholine"), (720_575_940_628_857_210, "GABA")];
        assert!(names.iter().map(|(&id, name)| (id, name.as_str())).eq(want), "protocol {protocol}: {names:?}");
    }
    let plain = pickle::read(fixture("plain_4.pkl")).unwrap();
    let error = plain.to_text_by_id().unwrap_err();
    assert!(matches!(error, Error::BadNumber { .. }), "{error}");
    let error = plain.get("small").unwrap().to_text_by_id().unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[test]
fn pickles_of_python_2() {
    let id = 720_575_940_628_857_210;
    let old = pickle::read(fixture("python2_0.pkl")).unwrap();
    let want = [(text("nt"), text("GABA 'a'")), (Value::Int(id), bytes(b"\xff"))];
    assert_eq!(old, Value::Dict(want.into()));
    let old = pickle::read(fixture("python2_2.pkl")).unwrap();
    assert_eq!(old, Value::Dict([(text("nt"), text("GABA")), (Value::Int(id), bytes(b"\xff"))].into()));
}

/// The hemibrain's ellipsoid body: see the data's own README.
#[test]
fn real_assignments() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/files/hemibrain_eb/EB");
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return;
    }
    for name in ["neurotransmitter_assignments", "cell_body_fiber_assignments"] {
        let names = pickle::read(folder.join(format!("{name}.pkl"))).unwrap().to_text_by_id().unwrap();
        let twin = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let twin: std::collections::BTreeMap<String, String> = serde_json::from_slice(&twin).unwrap();
        assert_eq!(names.len(), 286);
        assert_eq!(
            names.into_iter().map(|(id, name)| (id.to_string(), name)).collect::<std::collections::BTreeMap<_, _>>(),
            twin
        );
    }
}

#[test]
fn views_of_storages() {
    let numbers = |places: &[u32]| places.iter().map(|&i| i as f32).collect::<Vec<_>>();
    let expected: [(&str, &[usize], Vec<f32>); 8] = [
        ("plain", &[2, 3, 4], numbers(&(0..24).collect::<Vec<_>>())),
        ("transposed", &[4, 3], numbers(&[0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])),
        ("offset", &[4], numbers(&[5, 6, 7, 8])),
        ("steps", &[8], numbers(&[1, 4, 7, 10, 13, 16, 19, 22])),
        ("inner", &[2, 2, 2], numbers(&[5, 6, 9, 10, 17, 18, 21, 22])),
        (
            "permuted",
            &[4, 2, 3],
            numbers(&[0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23]),
        ),
        ("expanded", &[2, 3], numbers(&[1, 1, 1, 2, 2, 2])),
        ("overlapping", &[3, 3], numbers(&[0, 1, 2, 1, 2, 3, 2, 3, 4])),
    ];
    for name in ["views.pt", "views_legacy.pt"] {
        let value = pt::read(fixture(name), &Limits::default()).unwrap();
        for (key, shape, data) in &expected {
            assert_eq!(value.get(key), Some(&tensor(shape, data.clone())), "{name}: {key}");
        }
        let image: Vec<f64> = (0..24).map(f64::from).collect();
        assert_eq!(value.get("channels_last"), Some(&tensor(&[2, 3, 2, 2], image)));
        assert_eq!(value.get("empty"), Some(&tensor(&[0, 3], Vec::<f32>::new())));
        assert_eq!(value.get("number"), Some(&tensor(&[], vec![2.5])));
        assert_eq!(value.get("numbers"), Some(&list(&[Value::Int(1), Value::Float(0.5), Value::Bool(true)])));
        assert_eq!(value.get("nothing"), Some(&Value::None));
        assert_eq!(value.get("size"), Some(&Value::Tuple(ints(&[2, 3]).into())));
        assert_eq!(value.get("device"), Some(&text("cpu")));
        assert_eq!(value.get("dtype"), Some(&text("torch.float32")));
    }
    let value = pt::read(fixture("views.pt"), &Limits::default()).unwrap();
    assert_eq!(value.get("storage"), Some(&tensor(&[6], vec![1u8, 0, 2, 0, 3, 0])));

    let flat = pt::read_tensors(fixture("views.pt")).unwrap();
    assert_eq!(flat.arrays["inner"], array(&[2, 2, 2], numbers(&[5, 6, 9, 10, 17, 18, 21, 22])));
    assert_eq!((&flat.arrays["numbers.1"], &flat.arrays["size.0"]), (&array(&[], vec![0.5]), &array(&[], vec![2i64])));
    assert_eq!(flat.metadata["text"], "a text");
    assert!(!flat.arrays.contains_key("nothing"));
}

#[test]
fn element_types() {
    let tensors = pt::read_tensors(fixture("dtypes.pt")).unwrap().arrays;
    let expected: [(&str, ArrayData); 15] = [
        ("float64", vec![0.0, 1.0, 3.0].into()),
        ("float32", vec![0f32, 1.0, 3.0].into()),
        ("float16", [0.0, 1.0, 3.0].map(f16::from_f64).to_vec().into()),
        ("bfloat16", [0.0, 1.0, 3.0].map(bf16::from_f64).to_vec().into()),
        ("int64", vec![0i64, 1, 3].into()),
        ("int32", vec![0i32, 1, 3].into()),
        ("int16", vec![0i16, 1, 3].into()),
        ("int8", vec![0i8, 1, 3].into()),
        ("uint8", vec![0u8, 1, 3].into()),
        ("uint16", vec![0u16, 1, 3].into()),
        ("uint32", vec![0u32, 1, 3].into()),
        ("uint64", vec![0u64, 1, 3].into()),
        ("bool", vec![false, true, true].into()),
        ("complex64", vec![[0f32, 0.0], [1.0, 0.0], [3.0, 0.0]].into()),
        ("complex128", vec![[0f64, 0.0], [1.0, 0.0], [3.0, 0.0]].into()),
    ];
    assert_eq!(tensors.len(), expected.len());
    for (name, data) in expected {
        assert_eq!(tensors[name], Array::vector(data), "{name}");
    }
}

#[test]
fn checkpoints() {
    for name in ["checkpoint.pt", "checkpoint_legacy.pt", "checkpoint_4.pt"] {
        let flat = pt::read_tensors(fixture(name)).unwrap().arrays;
        let weight = array(&[2, 2], vec![0f32, 1.0, 2.0, 3.0]);
        let names: Vec<&str> = flat.keys().map(String::as_str).collect();
        let want = [
            "epoch",
            "model.0.bias",
            "model.0.weight",
            "model.1.weight",
            "optimizer.param_groups.0.lr",
            "optimizer.param_groups.0.params.0",
            "optimizer.state.0.step",
            "parameter",
            "score",
        ];
        assert_eq!(names, want, "{name}");
        assert_eq!((&flat["model.0.weight"], &flat["parameter"]), (&weight, &weight));
        assert_eq!(flat["model.0.bias"], Array::vector(vec![10f32, 11.0]));
        assert_eq!(flat["model.1.weight"], array(&[1, 2], vec![20f32, 21.0]));
        assert_eq!(flat["optimizer.state.0.step"], array(&[], vec![3f32]));
        assert_eq!((&flat["epoch"], &flat["score"]), (&array(&[], vec![7i64]), &array(&[], vec![0.25])));
    }
}

fn edges(connectome: &Connectome) -> Vec<(u32, u32, f64)> {
    let synapses = connectome.synapses();
    let mut edges: Vec<_> =
        (0..synapses.len()).map(|row| (synapses.pre()[row], synapses.post()[row], synapses.weight()[row])).collect();
    edges.sort_by_key(|&(pre, post, _)| (pre, post));
    edges
}

const EDGES: [(u32, u32, f64); 3] = [(0, 1, 2.5), (2, 0, -1.0), (2, 2, 4.0)];

#[test]
fn matrices_in_every_layout() {
    let names = [
        "coo.pt",
        "coo_f32.pt",
        "coo_legacy.pt",
        "turned.pt",
        "csr.pt",
        "csc.pt",
        "dense.pt",
        "state.pt",
        "deflated.pt",
        "big_endian.pt",
        "early.pt",
    ];
    for name in names {
        let connectome = read(fixture(name)).unwrap();
        assert_eq!((connectome.n_neurons(), edges(&connectome)), (3, EDGES.to_vec()), "{name}");
        assert_eq!(connectome.provenance().source(), name);
        let turned = read_with(fixture(name), &ReadOptions { rows: Rows::Pre, ..ReadOptions::default() }).unwrap();
        assert_eq!(edges(&turned.transpose()), EDGES, "{name}");
    }
    let doubled = EDGES.map(|(pre, post, weight)| (pre, post, 2.0 * weight));
    assert_eq!(edges(&read(fixture("coo_int.pt")).unwrap()), doubled);
    assert_eq!(edges(&read(fixture("matrix.pkl")).unwrap()), [(0, 1, -1.0), (1, 0, 2.5)]);
}

/// torch writes zeros for checksums on demand; any other checksum must hold.
#[test]
fn checksums_of_zero_stand_for_none() {
    let f = Folder::new();
    let mut bytes = std::fs::read(fixture("early.pt")).unwrap();
    let entries: Vec<usize> = (0..bytes.len() - 4).filter(|&i| bytes[i..].starts_with(b"PK\x01\x02")).collect();
    for &entry in &entries {
        bytes[entry + 16..entry + 20].fill(0);
    }
    assert_eq!(edges(&read(f.put("a.pt", &bytes)).unwrap()), EDGES);
    for &entry in &entries {
        bytes[entry + 16..entry + 20].fill(1);
    }
    let error = read(f.put("b.pt", &bytes)).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[test]
fn members_are_chosen_by_flat_name() {
    let member = |name: &str| ReadOptions { member: Some(name.to_owned()), ..ReadOptions::default() };
    assert_eq!(edges(&read_with(fixture("state.pt"), &member("connectome")).unwrap()), EDGES);
    let error = read_with(fixture("state.pt"), &member("input")).unwrap_err();
    assert!(matches!(&error, Error::NotSquare { shape, .. } if shape == &[3, 2]), "{error}");
    let error = read_with(fixture("state.pt"), &member("output")).unwrap_err();
    assert!(matches!(&error, Error::Missing { found, .. } if found.len() == 3), "{error}");
    let error = read(fixture("dtypes.pt")).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert_eq!(edges(&read_with(fixture("matrix.pkl"), &member("W")).unwrap()).len(), 2);
}

#[test]
fn repeated_entries_follow_the_option() {
    let with = |duplicates| read_with(fixture("uncoalesced.pt"), &ReadOptions { duplicates, ..ReadOptions::default() });
    let error = with(Duplicates::Error).unwrap_err();
    assert!(matches!(error, Error::DuplicateSynapse { .. }), "{error}");
    assert_eq!(edges(&with(Duplicates::Sum).unwrap()), [(0, 1, 2.5), (2, 0, -1.0), (2, 2, 4.0)]);
    assert_eq!(with(Duplicates::Keep).unwrap().n_synapses(), 4);
}

#[test]
fn sparse_tensors_as_stored() {
    let Value::Sparse(coo) = pt::read(fixture("coo.pt"), &Limits::default()).unwrap() else { panic!("sparse") };
    assert_eq!((coo.layout, coo.size, coo.coalesced), (SparseLayout::Coo, [3, 3], Some(true)));
    assert_eq!(coo.indices, [array(&[2, 3], vec![0i64, 1, 2, 2, 0, 2])]);
    assert_eq!(coo.values, Array::vector(vec![-1.0, 2.5, 4.0]));
    let Value::Sparse(csc) = pt::read(fixture("csc.pt"), &Limits::default()).unwrap() else { panic!("sparse") };
    assert_eq!((csc.layout, csc.coalesced), (SparseLayout::Csc, None));
    assert_eq!(csc.indices, [Array::vector(vec![0i64, 1, 1, 3]), Array::vector(vec![1i64, 0, 2])]);
    let flat = pt::read_tensors(fixture("csr.pt")).unwrap().arrays;
    let names: Vec<&str> = flat.keys().map(String::as_str).collect();
    assert_eq!(names, ["tensor.col_indices", "tensor.crow_indices", "tensor.size", "tensor.values"]);
    assert_eq!(flat["tensor.size"], Array::vector(vec![3u64, 3]));
}

#[test]
fn what_is_not_read_is_named() {
    let expected = [
        ("hybrid.pt", "hybrid"),
        ("bsr.pt", "torch.sparse_bsr"),
        ("module.pt", "torch.nn.modules"),
        ("quantized.pt", "_rebuild_qtensor"),
    ];
    for (name, part) in expected {
        let error = pt::read(fixture(name), &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{name}: {error}");
        assert!(error.to_string().contains(part), "{name}: {error}");
    }
}

#[test]
fn arrays_by_themselves() {
    assert_eq!(read_array(fixture("dense.pt")).unwrap().shape(), [3, 3]);
    let error = read_array(fixture("coo.pt")).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    let f = Folder::new();
    // Content decides, whatever the name.
    for (source, name) in [("dense.pt", "a.bin"), ("dense.pt", "b.pkl"), ("coo.pt", "c.npz"), ("matrix.pkl", "d.bin")] {
        let path = f.put(name, std::fs::read(fixture(source)).unwrap());
        assert_eq!(edges(&read(&path).unwrap()), edges(&read(fixture(source)).unwrap()), "{name}");
    }
    let path = f.gz("m.pkl.gz", &std::fs::read(fixture("matrix.pkl")).unwrap());
    assert_eq!(read_array(&path).unwrap(), array(&[2, 2], vec![0.0, 2.5, -1.0, 0.0]));
    assert_eq!(edges(&read(&path).unwrap()).len(), 2);
}

#[test]
fn what_is_written_reads_back() {
    let f = Folder::new();
    let path = f.path().join("t.pt");
    let mut tensors = pt::read_tensors(fixture("dtypes.pt")).unwrap();
    tensors.arrays.insert("layer.0.weight".to_owned(), array(&[2, 0, 3], Vec::<f32>::new()));
    tensors.arrays.insert("number".to_owned(), array(&[], vec![2.5]));
    tensors.arrays.insert("cube".to_owned(), array(&[2, 3, 4], (0..24).collect::<Vec<i32>>()));
    tensors.metadata.insert("note".to_owned(), "naïve".to_owned());
    pt::write_tensors(&path, &tensors).unwrap();
    assert_eq!(pt::read_tensors(&path).unwrap(), tensors);
    let first = std::fs::read(&path).unwrap();
    pt::write_tensors(&path, &tensors).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first, "two runs give the same bytes");

    let clash = safetensors::Tensors { metadata: [("cube".to_owned(), String::new())].into(), ..tensors.clone() };
    let error = pt::write_tensors(&path, &clash).unwrap_err();
    assert!(matches!(error, Error::DuplicateName { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), first, "an error leaves the old file");

    pt::write_array(&path, &tensors.arrays["cube"]).unwrap();
    assert_eq!(read_array(&path).unwrap(), tensors.arrays["cube"]);
}

#[test]
fn connectomes_written_as_matrices() {
    let f = Folder::new();
    let path = f.path().join("c.pt");
    let connectome = read(fixture("coo.pt")).unwrap();
    for layout in [SparseLayout::Coo, SparseLayout::Csr, SparseLayout::Csc] {
        for precision in [pt::Precision::Double, pt::Precision::Single] {
            pt::write_with(&connectome, &path, &pt::WriteOptions { layout, precision, ..pt::WriteOptions::default() })
                .unwrap();
            assert_eq!(edges(&read(&path).unwrap()), EDGES, "{layout:?} {precision:?}");
        }
    }
    connectome_io::write(&connectome, &path).unwrap();
    let Value::Sparse(coo) = pt::read(&path, &Limits::default()).unwrap() else { panic!("sparse") };
    assert_eq!((coo.coalesced, coo.values.dtype()), (Some(true), Dtype::F64));

    // Parallel connections become one, and signs those of weights on demand.
    let table = f.put("e.csv", "pre,post,weight,polarity\n0,1,3,+\n0,1,1,-\n1,0,4,-\n1,1,2,none\n");
    let options = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
    let table = read_with(table, &options).unwrap();
    pt::write(&table, &path).unwrap();
    assert_eq!(edges(&read(&path).unwrap()), [(0, 1, 4.0), (1, 0, 4.0), (1, 1, 2.0)]);
    pt::write_with(&table, &path, &pt::WriteOptions { signs: pt::Signs::InWeights, ..Default::default() }).unwrap();
    assert_eq!(edges(&read(&path).unwrap()), [(0, 1, 2.0), (1, 0, -4.0), (1, 1, 2.0)]);

    let huge = connectome_io::SynapseTable::new(vec![0], vec![0], vec![1e300]).unwrap();
    let (neurons, _, _, provenance) = connectome.into_parts();
    let huge = Connectome::new(neurons, huge, provenance).unwrap();
    let single = pt::WriteOptions { precision: pt::Precision::Single, ..pt::WriteOptions::default() };
    let error = pt::write_with(&huge, &path, &single).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
}

/// Large enough for indices and values to come in several pieces.
#[test]
fn a_large_matrix() {
    let f = Folder::new();
    let n = 100_000u32;
    let next: Vec<u32> = (0..n).map(|i| (i + 1) % n).collect();
    let weight: Vec<f64> = (0..n).map(|i| f64::from(i) - 7.5).collect();
    let synapses = connectome_io::SynapseTable::new((0..n).collect(), next, weight).unwrap();
    let neurons = connectome_io::NeuronTable::numbered(n as usize);
    let ring = Connectome::new(neurons, synapses, read(fixture("coo.pt")).unwrap().provenance().clone()).unwrap();
    for layout in [SparseLayout::Coo, SparseLayout::Csr, SparseLayout::Csc] {
        let path = f.path().join("ring.pt");
        pt::write_with(&ring, &path, &pt::WriteOptions { layout, ..pt::WriteOptions::default() }).unwrap();
        assert_eq!(edges(&read(&path).unwrap()), edges(&ring), "{layout:?}");
        // Damage in the last value, which the checksum finds.
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.windows(8).rposition(|raw| raw == 99_991.5f64.to_le_bytes()).unwrap();
        bytes[last] ^= 1;
        let error = read(f.put("damaged.pt", &bytes)).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}
