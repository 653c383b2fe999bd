//! What each format means, on small files written here.

mod common;

use std::collections::BTreeMap;

use common::{Folder, npy_with_header};
use connectome_io::format::{csv_matrix, csv_tables, flyvis_json, idx, matrix, npy, npz, safetensors, sparse_matrix};
use connectome_io::{
    Array, Connectome, CsvLayout, Dtype, Duplicates, Error, Labels, Limits, NeuronsFile, Orientation, Place, Placement,
    ReadOptions, Regions, Rows, Sign, UnknownNeurons, read, read_array, read_with, write,
};

type Edge = (i64, i64, f64);

/// Edges by id, in the order of the table.
fn edges(c: &Connectome) -> Vec<Edge> {
    let (ids, s) = (c.neurons().ids(), c.synapses());
    (0..s.len()).map(|r| (ids[s.pre()[r] as usize], ids[s.post()[r] as usize], s.weight()[r])).collect()
}

const BIG: i64 = 720_575_940_628_857_210;

#[test]
fn neuprint_export_with_neurons() {
    let f = Folder::new();
    f.put(
        "neurons.csv",
        "bodyId,type,instance,cropped\n5813105172,EPG,EPG_L1,False\n387364605,ER4d,ER4d_R,False\n7,PEN,,True\n",
    );
    let total = f.put("total-connections.csv", "bodyId_pre,bodyId_post,weight\n387364605,5813105172,12\n");
    let c = read(&total).unwrap();
    assert_eq!(c.neurons().ids(), [5_813_105_172, 387_364_605, 7]);
    assert_eq!(c.neurons().names().unwrap()[1], "ER4d_R");
    assert_eq!(c.neurons().types().unwrap().get(2), "PEN");
    assert_eq!(c.neurons().column("cropped").unwrap().get(2), "True");
    assert_eq!(edges(&c), [(387_364_605, 5_813_105_172, 12.0)]);
    assert_eq!(read(f.path()).unwrap(), c);
}

#[test]
fn neuprint_regions_are_summed_or_chosen() {
    let f = Folder::new();
    let text = "bodyId_pre,bodyId_post,roi,weight\n1,2,EB,3\n1,2,PB,4\n2,1,PB,5\n";
    let path = f.put("roi-connections.csv", text);
    assert_eq!(edges(&read(&path).unwrap()), [(1, 2, 7.0), (2, 1, 5.0)]);
    let eb = ReadOptions { regions: Regions::Only(vec!["EB".to_owned()]), ..ReadOptions::default() };
    assert_eq!(edges(&read_with(&path, &eb).unwrap()), [(1, 2, 3.0)]);
    let keep = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
    let kept = read_with(&path, &keep).unwrap();
    assert_eq!(kept.n_synapses(), 3);
    let labels = csv_tables::read(&path, &keep).unwrap();
    assert_eq!(labels, kept);
    // A region that stands twice is a duplicate; another region is not.
    let twice = f.put("twice.csv", format!("{text}1,2,EB,1\n"));
    match read(&twice).unwrap_err() {
        Error::DuplicateSynapse { at, pre, post } => {
            assert_eq!((at.place, pre.as_str(), post.as_str()), (Place::Line(5), "1", "2"));
        }
        other => panic!("{other}"),
    }
    let sum = ReadOptions { duplicates: Duplicates::Sum, ..ReadOptions::default() };
    assert_eq!(edges(&read_with(&twice, &sum).unwrap()), [(1, 2, 8.0), (2, 1, 5.0)]);
    // Regions need a column.
    let plain = f.put("plain.csv", "bodyId_pre,bodyId_post,weight\n1,2,3\n");
    assert!(matches!(read_with(plain, &eb), Err(Error::Missing { .. })));
}

#[test]
fn a_column_may_be_an_end_and_the_weight() {
    let f = Folder::new();
    let path = f.put("edges.csv", "pre,post\n0,1\n1,2\n2,3");
    let post = ReadOptions { weight_column: Some("post".to_owned()), ..ReadOptions::default() };
    assert_eq!(edges(&read_with(&path, &post).unwrap()), [(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0)]);
}

/// Rows come from a thread up to the first that is not plain, from the same one after it.
#[test]
fn large_tables_are_the_same_with_any_number_of_threads() {
    let f = Folder::new();
    let line = |i: u64| match i {
        70_000 => format!("\"{}\",{},{i}\n", i % 977, i / 977),
        80_000..80_100 => format!("{},{},{i}.5\n", i % 977, i / 977),
        _ => format!("{},{},{i}\n", i % 977, i / 977),
    };
    let path = f.put("edges.csv", format!("pre,post,weight\n{}", (0..100_000).map(line).collect::<String>()));
    let with = |threads| ReadOptions { threads: Some(threads), ..ReadOptions::default() };
    let one = read_with(&path, &with(1)).unwrap();
    assert_eq!((one.n_synapses(), one.total_weight()), (100_000, 4_999_950_000.0 + 50.0));
    assert_eq!(read_with(&path, &with(2)).unwrap(), one);
    // The first bad row is told, whoever finds it.
    let bad = format!("{}1,x,1\n{}\n", std::fs::read_to_string(&path).unwrap(), "5,1\n".repeat(100_000));
    let path = f.put("bad.csv", bad);
    for threads in [1, 2] {
        match read_with(&path, &with(threads)).unwrap_err() {
            Error::BadNumber { at, .. } => assert!(matches!(at.place, Place::Cell { line: 100_002, .. }), "{at}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn codex_ids_are_exact_and_transmitters_give_signs() {
    let f = Folder::new();
    let path = f.put(
        "connections.csv",
        format!(
            "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n{BIG},{},LOP_R,7,ACH\n{BIG},{},ME_R,2,GABA\n{},{BIG},ME_R,5,GLUT\n{},{BIG},ME_R,6,DA\n",
            BIG + 1, BIG + 1, BIG + 1, BIG + 2,
        ),
    );
    let c = read(&path).unwrap();
    assert_eq!(c.neurons().ids(), [BIG, BIG + 1, BIG + 2]);
    assert_eq!(edges(&c), [(BIG, BIG + 1, 9.0), (BIG + 1, BIG, 5.0), (BIG + 2, BIG, 6.0)]);
    // Where regions disagree, the larger part decides.
    assert_eq!(c.synapses().signs().unwrap(), [Sign::Excitatory, Sign::Inhibitory, Sign::Unknown]);
    let strong = ReadOptions { threshold: Some(6.0), ..ReadOptions::default() };
    let c = read_with(&path, &strong).unwrap();
    assert_eq!((c.n_synapses(), c.n_neurons()), (2, 3));
    assert_eq!(c.provenance().threshold(), Some(6.0));
}

#[test]
fn export_of_shiu() {
    let f = Folder::new();
    let path = f.put(
        "connectivity.csv",
        format!("Presynaptic_ID,Postsynaptic_ID,Presynaptic_Index,Postsynaptic_Index,Connectivity,Excitatory,Excitatory x Connectivity\n{BIG},5,0,1,3,-1,-3\n"),
    );
    let c = read(path).unwrap();
    assert_eq!(edges(&c), [(BIG, 5, 3.0)]);
    assert_eq!(c.synapses().signs().unwrap(), [Sign::Inhibitory]);
}

#[test]
fn byte_order_mark_crlf_quotes_tabs_and_column_order() {
    let f = Folder::new();
    let want = [(3, 9, 2.5)];
    for (name, text) in [
        ("bom.csv", "\u{feff}pre,post,weight\r\n3,9,2.5\r\n"),
        ("quoted_bom.csv", "\u{feff}\"pre\",\"post\",\"weight\"\r\n\"3\",\"9\",\"2.5\"\r\n"),
        ("order.csv", "weight,note,post,pre\n2.5,\"a, \"\"b\"\"\nc\", 9 ,3\n"),
        ("tabs.tsv", "pre\tpost\tweight\n3\t9\t2.5\n"),
        ("case.csv", "Body ID pre,body_id_post,Weight\n3,9,2.5"),
    ] {
        let c = read(f.put(name, text)).unwrap();
        assert_eq!(edges(&c), want, "{name}");
    }
    let noted = read(f.path().join("order.csv")).unwrap();
    assert_eq!(noted.synapses().column("note").unwrap().get(0), "a, \"b\"\nc");
}

#[test]
fn index_tables_follow_the_idx_column() {
    let f = Folder::new();
    f.put("neurons.csv", "id,idx,x [nm],y [nm],z [nm]\n500,2,1,2,3\n400,1,,,\n300,0,0.5,0,-1\n");
    let c = read(f.put("edges.csv", "pre,post,weight\n0,2,1\n")).unwrap();
    assert_eq!(edges(&c), [(300, 500, 1.0)]);
    let positions = c.neurons().positions().unwrap();
    assert_eq!((positions.unit(), positions.points()[1]), ("nm", None));
    // Without a table of neurons the ends are ids, or indices if their number is stated.
    let none = ReadOptions { neurons: NeuronsFile::None, ..ReadOptions::default() };
    assert_eq!(read_with(f.path().join("edges.csv"), &none).unwrap().neurons().ids(), [0, 2]);
    let four = ReadOptions { n_neurons: Some(4), ..none };
    assert_eq!(read_with(f.path().join("edges.csv"), &four).unwrap().n_neurons(), 4);
}

#[test]
fn edges_of_unlisted_neurons_can_be_dropped() {
    let f = Folder::new();
    f.put("neurons.csv", "bodyId\n1\n2\n");
    let path = f.put("edges.csv", "bodyId_pre,bodyId_post,weight\n1,2,3\n1,99,4\n");
    assert!(matches!(read(&path), Err(Error::UnknownNeuron { name, n: 2, .. }) if name == "99"));
    let drop = ReadOptions { unknown_neurons: UnknownNeurons::Drop, ..ReadOptions::default() };
    assert_eq!(edges(&read_with(&path, &drop).unwrap()), [(1, 2, 3.0)]);
}

#[test]
fn named_edges() {
    let f = Folder::new();
    let c = read(f.put("areas.csv", "source,target\nV1,V2\nV2,V1\nV1,MT\n")).unwrap();
    assert_eq!(c.neurons().names().unwrap(), ["V1", "V2", "MT"]);
    assert_eq!(edges(&c), [(0, 1, 1.0), (1, 0, 1.0), (0, 2, 1.0)]);
}

#[test]
fn csv_matrices() {
    let f = Folder::new();
    let want = [(1, 0, 2.0), (0, 1, -3.0)];
    let plain = f.put("plain.csv", "0,2\n-3,0\n");
    assert_eq!(edges(&read(&plain).unwrap()), want);
    let pandas = read(f.put("pandas.csv", ",a,b\na,0,2\nb,-3,0\n")).unwrap();
    assert_eq!(
        (edges(&pandas), pandas.neurons().names().unwrap()),
        (want.to_vec(), &["a".to_owned(), "b".to_owned()][..])
    );
    let named = f.put("named.csv", "a,c\n0,2\n-3,0\n");
    assert!(matches!(read(&named), Err(Error::Missing { .. })));
    let options = ReadOptions { csv: CsvLayout::Matrix, rows: Rows::Pre, ..ReadOptions::default() };
    let c = read_with(&named, &options).unwrap();
    assert_eq!(edges(&c), [(0, 1, 2.0), (1, 0, -3.0)]);
    assert_eq!(read_array(&plain).unwrap().shape(), [2, 2]);
    assert_eq!(csv_matrix::read(&named, &Limits::default()).unwrap().columns.unwrap(), ["a", "c"]);
}

#[test]
fn npy_of_numpy_byte_for_byte() {
    // numpy.save of numpy.arange(6, dtype='<i4').reshape(2, 3)
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }".to_vec();
    bytes.resize(127, b' ');
    bytes.push(b'\n');
    (0..6i32).for_each(|i| bytes.extend_from_slice(&i.to_le_bytes()));
    let array = Array::new(vec![2, 3], (0..6).collect::<Vec<i32>>()).unwrap();
    assert_eq!(npy::to_bytes(&array).unwrap(), bytes);
    assert_eq!(npy::from_bytes(&bytes).unwrap(), array);
}

#[test]
fn npy_versions_orders_and_types() {
    let data: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    let want = Array::new(vec![2, 3], vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0]).unwrap();
    for version in 1..=3 {
        let text = "{'shape': (2L, 3L), \"fortran_order\": True, 'descr': '>f8'}";
        assert_eq!(npy::from_bytes(&npy_with_header(version, text, &data)).unwrap(), want, "version {version}");
    }
    let cube = Array::new(vec![2, 3, 4], (0..24).collect::<Vec<u16>>()).unwrap();
    let reversed = cube.transpose();
    assert_eq!((reversed.shape(), reversed.as_slice::<u16>().unwrap()[1]), (&[4, 3, 2][..], 12));
    assert_eq!(reversed.transpose(), cube);
    let bytes: Vec<u8> = reversed.as_slice::<u16>().unwrap().iter().flat_map(|x| x.to_le_bytes()).collect();
    let fortran = npy_with_header(1, "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3, 4), }", &bytes);
    assert_eq!(npy::from_bytes(&fortran).unwrap(), cube);
    for (descr, size, dtype) in [
        ("|b1", 1, Dtype::Bool),
        ("|i1", 1, Dtype::I8),
        ("<i2", 2, Dtype::I16),
        (">i4", 4, Dtype::I32),
        ("<i8", 8, Dtype::I64),
        ("|u1", 1, Dtype::U8),
        (">u2", 2, Dtype::U16),
        ("<u4", 4, Dtype::U32),
        (">u8", 8, Dtype::U64),
        ("<f2", 2, Dtype::F16),
        (">f4", 4, Dtype::F32),
        ("<f8", 8, Dtype::F64),
        (">c8", 8, Dtype::C64),
        ("<c16", 16, Dtype::C128),
    ] {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (), }}");
        let array = npy::from_bytes(&npy_with_header(1, &header, &vec![1; size])).unwrap();
        assert_eq!((array.shape(), array.dtype(), array.len()), (&[][..], dtype, 1), "{descr}");
        let header = header.replace("()", "(3, 0, 2)");
        let empty = npy::from_bytes(&npy_with_header(1, &header, &[])).unwrap();
        assert_eq!((empty.shape(), empty.len()), (&[3, 0, 2][..], 0), "{descr}");
    }
}

#[test]
fn npy_refuses_what_is_no_number() {
    for descr in ["'|O'", "[('a', '<f8')]", "'<U3'", "'|S3'", "'<M8[s]'", "'<f16'", "'|V8'"] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}");
        let error = npy::from_bytes(&npy_with_header(1, &header, &[0; 16])).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{descr}: {error}");
    }
}

#[test]
fn scipy_layouts_agree_with_the_dense_matrix() {
    let f = Folder::new();
    let dense = Array::new(vec![3, 3], vec![0.0, 2.0, 0.0, 0.0, 0.0, -1.0, 4.0, 0.0, 0.0]).unwrap();
    let want = edges(&matrix::from_array(&dense, &ReadOptions::default()).unwrap());
    assert_eq!(want, [(1, 0, 2.0), (2, 1, -1.0), (0, 2, 4.0)]);
    let member = |name: &str, data: Vec<i32>| (name.to_owned(), Array::vector(data));
    let layouts = [
        ("csr", vec![member("indptr", vec![0, 1, 2, 3]), member("indices", vec![1, 2, 0])], vec![2.0, -1.0, 4.0]),
        ("csc", vec![member("indptr", vec![0, 1, 2, 3]), member("indices", vec![2, 0, 1])], vec![4.0, 2.0, -1.0]),
        ("coo", vec![member("row", vec![2, 0, 1]), member("col", vec![0, 1, 2])], vec![4.0, 2.0, -1.0]),
    ];
    for (layout, members, data) in layouts {
        let mut arrays: BTreeMap<String, Array> = members.into_iter().collect();
        arrays.insert("shape".to_owned(), Array::vector(vec![3i64, 3]));
        arrays.insert("data".to_owned(), Array::vector(data));
        let path = f.scipy(&format!("{layout}.npz"), layout, &arrays);
        let mut got = edges(&read(&path).unwrap());
        got.sort_by_key(|e| e.1);
        assert_eq!(got, want, "{layout}");
    }
    for compression in [npz::Compression::Stored, npz::Compression::Deflated] {
        let path = f.path().join("dense.npz");
        npz::write(&path, &BTreeMap::from([("W".to_owned(), dense.clone())]), compression).unwrap();
        assert_eq!(edges(&read(&path).unwrap()), want);
        assert_eq!(read_array(&path).unwrap(), dense);
    }
    let two = BTreeMap::from([("W".to_owned(), dense.clone()), ("x".to_owned(), Array::vector(vec![1u8]))]);
    let path = f.path().join("two.npz");
    npz::write(&path, &two, npz::Compression::Stored).unwrap();
    assert!(matches!(read(&path), Err(Error::Missing { .. })));
    let options = ReadOptions { member: Some("W".to_owned()), ..ReadOptions::default() };
    assert_eq!(edges(&sparse_matrix::read(&path, &options).unwrap()), want);
}

/// Members of large archives are inflated side by side, to the same matrix and the same errors.
#[test]
fn archives_on_several_threads() {
    let f = Folder::new();
    let path = f.path().join("w.npz");
    let n = 300_000u32;
    let weight = (0..n).map(|i| f64::from(i.wrapping_mul(2_654_435_761)) / 7.0).collect();
    let ends = |factor: u32| (0..n).map(|i| i.wrapping_mul(factor) % 2999).collect::<Vec<u32>>();
    let synapses = connectome_io::SynapseTable::new((0..n).map(|i| i / 101).collect(), ends(7919), weight).unwrap();
    let neurons = connectome_io::NeuronTable::numbered(2999);
    let c = Connectome::new(neurons, synapses, connectome_io::Provenance::default()).unwrap();
    write(&c, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 1 << 20);
    let on = |threads: usize| ReadOptions { threads: Some(threads), ..ReadOptions::default() };
    for threads in [1, 2, 3] {
        let back = read_with(&path, &on(threads)).unwrap();
        assert_eq!((back.neurons(), back.synapses()), (c.neurons(), c.synapses()));
    }
    // what the members inflate to, and the texts of their headers
    for inflated in [u64::from(n) * 16, u64::from(n) * 16 + 2048] {
        let limits = Limits { inflated, ..Limits::default() };
        let [one, two] = [1, 2].map(|threads| read_with(&path, &ReadOptions { limits, ..on(threads) }).is_ok());
        assert_eq!((one, two), (inflated > u64::from(n) * 16, inflated > u64::from(n) * 16));
    }
    for place in [1000, bytes.len() / 3, bytes.len() / 2, bytes.len() - 60_000] {
        let mut damaged = bytes.clone();
        damaged[place..place + 40].fill(0xa5);
        let path = f.put("damaged.npz", damaged);
        let [one, two] = [1, 2].map(|threads| read_with(&path, &on(threads)).map(|_| ()).map_err(|e| e.to_string()));
        assert!(one.is_err() && one == two, "{one:?}, {two:?}");
    }
}

#[test]
fn content_decides_where_the_name_says_nothing() {
    let f = Folder::new();
    let array = Array::new(vec![1, 1], vec![3u8]).unwrap();
    let want = [(0, 0, 3.0)];
    let path = f.path().join("matrix");
    npy::write(&path, &array).unwrap();
    assert_eq!(edges(&read(&path).unwrap()), want);
    let gz = f.gz("packed", &npy::to_bytes(&array).unwrap());
    assert_eq!(edges(&read(&gz).unwrap()), want);
    assert_eq!(edges(&read(f.put("edges", "pre,post,weight\n0,0,3\n")).unwrap()), want);
    assert!(matches!(read(f.put("noise", "hello")), Err(Error::UnknownFormat { .. })));
    assert!(matches!(read(f.path().join("absent.csv")), Err(Error::Io { .. })));
}

/// A lattice connectome with every kind of placement.
const LATTICE: &str = r#"{"nodes": [{"name": "A", "pattern": ["stride", [1, 2]]}, {"name": "B", "pattern": ["tile", 3]},
  {"name": "C", "pattern": ["single", null]}], "input_units": ["A"], "output_units": ["B"], "receptors": [],
  "edges": [{"src": "A", "tar": "B", "alpha": -1, "offsets": [[[0, 1], 2.5], [[-1, 0], 3]], "lambda_mult": 0.5},
            {"src": "C", "tar": "C", "alpha": 1.0, "offsets": [], "lambda_mult": 1}]}"#;

#[test]
fn flyvis_patterns_and_pairs_without_displacement() {
    let c = flyvis_json::from_bytes(LATTICE.as_bytes()).unwrap();
    let lattice = c.lattice().unwrap();
    assert_eq!(lattice.placement(), [Placement::Stride([1, 2]), Placement::Stride([3, 3]), Placement::Single]);
    assert_eq!((lattice.n_pairs(), c.n_synapses()), (2, 2));
    assert_eq!(lattice.offset(), [[0, 1], [-1, 0]]);
    assert_eq!(lattice.certainty(1), 0.5);
    assert_eq!(c.synapses().signs().unwrap(), [Sign::Inhibitory; 2]);
    assert_eq!(c.synapses().weight(), [2.5, 3.0]);
    let classes = c.neurons().classes().unwrap();
    assert_eq!(classes.iter().collect::<Vec<_>>(), ["input", "output", "intermediate"]);
}

#[test]
fn a_threshold_applies_to_every_format() {
    let f = Folder::new();
    let path = f.put("graph.json", LATTICE);
    let options = ReadOptions { threshold: Some(3.0), ..ReadOptions::default() };
    let json = read_with(&path, &options).unwrap();
    let lattice = json.lattice().unwrap();
    assert_eq!((json.n_synapses(), lattice.offset(), lattice.n_pairs()), (1, &[[-1, 0]][..], 2));
    assert_eq!(json.provenance().threshold(), Some(3.0));
    let whole = f.path().join("graph.safetensors");
    write(&read(&path).unwrap(), &whole).unwrap();
    assert_eq!(read_with(&whole, &options).unwrap(), json);
    let four = ReadOptions { n_neurons: Some(4), ..ReadOptions::default() };
    for file in [&path, &whole] {
        assert!(matches!(read_with(file, &four), Err(Error::LengthMismatch { got: 3, want: 4, .. })));
        let nan = ReadOptions { threshold: Some(f64::NAN), ..ReadOptions::default() };
        assert!(matches!(read_with(file, &nan), Err(Error::NotFinite { .. })));
    }
}

#[test]
fn lattice_survives_safetensors_and_is_refused_by_tables() {
    let f = Folder::new();
    let c = flyvis_json::from_bytes(LATTICE.as_bytes()).unwrap();
    for name in ["c.safetensors", "c.safetensors.gz"] {
        write(&c, f.path().join(name)).unwrap();
        assert_eq!(read(f.path().join(name)).unwrap(), c);
    }
    assert!(matches!(write(&c, f.path().join("c.csv")), Err(Error::Unsupported { .. })));
    assert!(matches!(write(&c, f.path().join("c.npy")), Err(Error::UnknownFormat { .. })));
}

#[test]
fn tables_refuse_columns_that_would_be_read_as_something_else() {
    let f = Folder::new();
    let c = read(f.put("edges.csv", "pre,post,weight\n0,1,3\n")).unwrap();
    let (neurons, synapses, _, provenance) = c.into_parts();
    for name in ["type", "sign", "nt", " blank", "x", "id"] {
        let labels = Labels::from_values(["p", "q"]);
        let odd = neurons.clone().with_column(name, labels).unwrap();
        let odd = Connectome::new(odd, synapses.clone(), provenance.clone()).unwrap();
        let result = write(&odd, f.path().join("odd.csv"));
        // A lone x is no position: it stays a column.
        assert_eq!(result.is_ok(), name == "x", "{name}");
    }
}

#[test]
fn foreign_tensors() {
    let f = Folder::new();
    let path = f.path().join("edges.safetensors");
    let put = |items: Vec<(&str, Array)>| {
        let arrays = items.into_iter().map(|(name, array)| (name.to_owned(), array)).collect();
        safetensors::write_tensors(&path, &safetensors::Tensors { arrays, metadata: BTreeMap::new() }).unwrap();
    };
    put(vec![
        ("pre", Array::vector(vec![0i32, 1])),
        ("post", Array::vector(vec![1i32, 0])),
        ("weight", Array::vector(vec![5u16, 6])),
        ("skid", Array::vector(vec![29i64, 31])),
    ]);
    assert_eq!(edges(&read(&path).unwrap()), [(29, 31, 5.0), (31, 29, 6.0)]);
    put(vec![
        ("crow", Array::vector(vec![0i32, 0, 2])),
        ("col", Array::vector(vec![0u8, 1])),
        ("weight", Array::vector(vec![0.5f32, 1.5])),
        ("sign", Array::vector(vec![-1i8, 1])),
    ]);
    let c = read(&path).unwrap();
    assert_eq!(edges(&c), [(0, 1, 0.5), (1, 1, 1.5)]);
    assert_eq!(c.neurons().signs().unwrap(), [Sign::Inhibitory, Sign::Excitatory]);
    assert_eq!(c.provenance().orientation(), Orientation::PostPre);
}

#[test]
fn idx_types_are_big_endian() {
    let array = idx::from_bytes(&[0, 0, 0x0b, 1, 0, 0, 0, 2, 0x01, 0x00, 0xff, 0xfe]).unwrap();
    assert_eq!(array.as_slice::<i16>().unwrap(), [256, -2]);
    assert_eq!(array.to_i64().unwrap(), [256, -2]);
}

#[test]
fn writes_replace_the_file_or_leave_it() {
    let f = Folder::new();
    let path = f.path().join("edges.csv");
    let c = read(f.put("source.csv", "pre,post,weight\n0,1,3\n")).unwrap();
    write(&c, &path).unwrap();
    write(&c, &path).unwrap();
    let names: Vec<_> = std::fs::read_dir(f.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
    assert!(matches!(write(&c, f.path().join("no/such/folder/c.csv")), Err(Error::Io { .. })));
    // The same connectome gives the same bytes.
    for name in ["a.safetensors", "b.safetensors"] {
        write(&c, f.path().join(name)).unwrap();
    }
    let bytes = |name| std::fs::read(f.path().join(name)).unwrap();
    assert_eq!(bytes("a.safetensors"), bytes("b.safetensors"));
}

/// The layout of c302's herm_full_edgelist.csv: padded names, chemical and electrical connections in one list.
#[test]
fn names_padded_with_blanks_and_kinds_of_named_edges() {
    let f = Folder::new();
    let text = "Source,Target,Weight,Type\nI1L , I2L           ,10,chemical\nI2L , I1L  ,3,chemical\nI1L , I2L ,2,electrical\n";
    let c = read(f.put("herm.csv", text)).unwrap();
    assert_eq!(c.neurons().names().unwrap(), ["I1L", "I2L"]);
    assert_eq!(c.synapses().weight(), [10.0, 3.0, 2.0]);
    let kinds: Vec<&str> = c.synapses().kinds().unwrap().iter().collect();
    assert_eq!(kinds, ["chemical", "chemical", "electrical"]);
}

/// Indices have a table of their own, whose ids do not fill the other.
#[test]
fn an_id_may_come_after_many_indices() {
    let f = Folder::new();
    let rows: String = (0..3000).map(|i| format!("{i},{},1\n", i + 1)).collect();
    let path = f.put("edges.csv", format!("pre,post,weight\n{rows}720575940628857210,5,2\n-7,6,3\n"));
    let c = read(&path).unwrap();
    assert_eq!((c.n_neurons(), c.n_synapses(), c.total_weight()), (3003, 3002, 3005.0));
    assert_eq!((c.neurons().ids()[0], c.neurons().ids()[3002]), (-7, 720_575_940_628_857_210));
}

/// The separator is that of the header, which any line end may end.
#[test]
fn commas_in_later_lines_separate_nothing() {
    let f = Folder::new();
    for end in ["\n", "\r\n", "\r"] {
        let text = ["pre\tpost\tweight\tnote", "0\t1\t3\ta,b,c,d,e", ""].join(end);
        let c = read(f.put("edges.csv", text)).unwrap();
        assert_eq!((c.n_synapses(), c.synapses().column("note").unwrap().get(0)), (1, "a,b,c,d,e"));
    }
}
