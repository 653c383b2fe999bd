//! Matrix Market.

use connectome_io::format::matrix_market;
use connectome_io::{
    Array, Connectome, Duplicates, Error, Limits, NeuronTable, Orientation, Place, Provenance, ReadOptions, Rows,
    SynapseTable, read, read_array, read_with, write,
};

use crate::common::Folder;
use crate::{check, fixture, rows};

#[test]
fn files_of_scipy() {
    let real = read(fixture("scipy_real.mtx")).unwrap();
    assert_eq!(real.n_neurons(), 4);
    // Row 0, column 1 of the file: neuron 1 drives neuron 0.
    assert_eq!(rows(&real), [(1, 0, 0.1), (1, 1, 1e-300), (0, 2, -1.5), (2, 2, 3.0)]);
    assert_eq!(real.provenance().orientation(), Orientation::PostPre);
    assert_eq!(real.provenance().source(), "scipy_real.mtx");
    let pre = read_with(fixture("scipy_real.mtx"), &ReadOptions { rows: Rows::Pre, ..ReadOptions::default() }).unwrap();
    assert_eq!(pre.synapses(), real.clone().transpose().synapses());

    assert_eq!(rows(&read(fixture("scipy_integer.mtx")).unwrap()), [(0, 3, 7.0), (1, 0, -2.0), (3, 1, 9.0)]);
    let ones = rows(&read(fixture("scipy_pattern.mtx")).unwrap());
    assert_eq!(ones, rows(&real).into_iter().map(|(pre, post, _)| (pre, post, 1.0)).collect::<Vec<_>>());
    let both = rows(&read(fixture("scipy_symmetric.mtx")).unwrap());
    assert_eq!(both, [(0, 0, 2.0), (0, 1, 0.25), (1, 2, -3.0), (2, 2, 1.0), (1, 0, 0.25), (2, 1, -3.0)]);
    let skew = rows(&read(fixture("scipy_skew.mtx")).unwrap());
    assert_eq!(skew, [(0, 1, 0.25), (1, 2, -3.0), (1, 0, -0.25), (2, 1, 3.0)]);
}

#[test]
fn dense_files_of_scipy() {
    let symmetric = read_array(fixture("scipy_dense_symmetric.mtx")).unwrap();
    assert_eq!(symmetric.shape(), [3, 3]);
    assert_eq!(symmetric.as_slice::<f64>().unwrap(), [2.0, 0.25, 0.0, 0.25, 0.0, -3.0, 0.0, -3.0, 1.0]);
    let c = read(fixture("scipy_dense_symmetric.mtx")).unwrap();
    assert_eq!(rows(&c), [(0, 0, 2.0), (1, 0, 0.25), (0, 1, 0.25), (2, 1, -3.0), (1, 2, -3.0), (2, 2, 1.0)]);
    let rectangle = read_array(fixture("scipy_dense_rectangle.mtx")).unwrap();
    assert_eq!(rectangle, Array::new(vec![2, 3], (0..6).map(|i| f64::from(i) / 3.0).collect::<Vec<_>>()).unwrap());
    check(&read(fixture("scipy_dense_rectangle.mtx")).unwrap_err(), |e| matches!(e, Error::NotSquare { .. }), "[2, 3]");
    let integer = read_array(fixture("scipy_dense_integer.mtx")).unwrap();
    assert_eq!(integer.as_slice::<i64>().unwrap(), [1, -2, 3, 1 << 62]);
}

#[test]
fn freedom_of_the_format() {
    let f = Folder::new();
    let text = "%%matrixmarket MATRIX Coordinate Double General\r\n%\n\n  % indented\n 2\t2  3 \r\n\n1 2 1e3\n% amid\n  2 1 -.5  \n2 2 +7";
    let c = read(f.put("a.mtx", text)).unwrap();
    assert_eq!(rows(&c), [(1, 0, 1000.0), (0, 1, -0.5), (1, 1, 7.0)]);
    // The first bytes tell, whatever the name; compressed too.
    assert_eq!(read(f.put("noname", text)).unwrap().synapses(), c.synapses());
    assert_eq!(read(f.gz("a.mtx.gz", text.as_bytes())).unwrap().synapses(), c.synapses());
    let dense = "%%MatrixMarket matrix array real skew-symmetric\n3 3\n1\n2\n3\n";
    let c = read_array(f.put("d.mtx", dense)).unwrap();
    assert_eq!(c.as_slice::<f64>().unwrap(), [0.0, -1.0, -2.0, 1.0, 0.0, -3.0, 2.0, 3.0, 0.0]);
    // An empty matrix of neurons is one without connections.
    assert_eq!(
        read(f.put("e.mtx", "%%MatrixMarket matrix coordinate integer general\n3 3 0\n")).unwrap().n_neurons(),
        3
    );
    // Lines across the chunks in which the file is read.
    let mut long =
        format!("%%MatrixMarket matrix coordinate integer general\n%{}\n1000 1000 100000\n", "x".repeat(300_000));
    (0..100_000).for_each(|i| long.push_str(&format!("{} {} {i}\n", i / 100 + 1, i % 100 + 1)));
    let c = read(f.put("long.mtx", long)).unwrap();
    assert!(rows(&c).iter().zip(0..).all(|(&row, i)| row == (i % 100, i / 100, f64::from(i))));
}

#[test]
fn repeated_entries_follow_the_option() {
    let f = Folder::new();
    let path = f.put("a.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 2 1\n2 1 4\n1 2 2\n");
    match read(&path).unwrap_err() {
        Error::DuplicateSynapse { at, pre, post } => {
            assert_eq!((at.place, pre.as_str(), post.as_str()), (Place::Line(5), "1", "0"));
        }
        other => panic!("{other}"),
    }
    let with = |duplicates| rows(&read_with(&path, &ReadOptions { duplicates, ..ReadOptions::default() }).unwrap());
    assert_eq!(with(Duplicates::Sum), [(1, 0, 3.0), (0, 1, 4.0)]);
    assert_eq!(with(Duplicates::Keep).len(), 3);
}

#[test]
fn what_is_written_is_read_back() {
    let f = Folder::new();
    let connectome = |weight: Vec<f64>| {
        let synapses = SynapseTable::new(vec![2, 0, 1, 1], vec![0, 1, 1, 0], weight).unwrap();
        Connectome::new(NeuronTable::numbered(3), synapses, Provenance::default()).unwrap()
    };
    for (name, weight, field) in [
        ("i.mtx", vec![3.0, -4.0, 0.0, 9_007_199_254_740_992.0], "integer"),
        ("r.mtx.gz", vec![0.1, 5e-324, -1.797_693_134_862_315_7e308, -0.0], "real"),
    ] {
        let c = connectome(weight.clone());
        let path = f.path().join(name);
        write(&c, &path).unwrap();
        let bits = |weight: &[f64]| weight.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        let back = read(&path).unwrap();
        assert_eq!(rows(&back), rows(&c));
        assert_eq!(bits(back.synapses().weight()), bits(&weight));
        if field == "integer" {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("%%MatrixMarket matrix coordinate integer general\n"), "{text}");
            assert!(text.contains("\n3 3 4\n1 3 3\n2 1 -4\n"), "{text}");
        }
    }
    let array = Array::new(vec![2, 3], vec![1i32, 2, 3, 4, 5, 6]).unwrap();
    let path = f.path().join("a.mtx");
    matrix_market::write_array(&path, &array).unwrap();
    assert_eq!(read_array(&path).unwrap().as_slice::<i64>().unwrap(), [1, 2, 3, 4, 5, 6]);
    let array = Array::new(vec![3, 2], vec![0.1, -0.0, 1e300, 5e-324, 2.0, 0.5]).unwrap();
    matrix_market::write_array(&path, &array).unwrap();
    assert_eq!(read_array(&path).unwrap(), array);
    let refused = |array: Array, kind: fn(&Error) -> bool| {
        check(&matrix_market::write_array(&path, &array).unwrap_err(), kind, "a.mtx");
        assert_eq!(read_array(&path).unwrap().shape(), [3, 2], "the old file stays");
    };
    refused(Array::vector(vec![1.0]), |e| matches!(e, Error::Malformed { .. }));
    refused(Array::new(vec![1, 2], vec![1.0, f64::NAN]).unwrap(), |e| matches!(e, Error::NotFinite { .. }));
    refused(Array::new(vec![1, 1], vec![[1.0, 2.0]]).unwrap(), |e| matches!(e, Error::Unsupported { .. }));
    refused(Array::new(vec![1, 1], vec![u64::MAX]).unwrap(), |e| matches!(e, Error::BadNumber { .. }));
}

#[test]
fn matrices_that_are_refused() {
    let f = Folder::new();
    let refuse = |text: &str, kind: fn(&Error) -> bool, words: &str| {
        let error = read(f.put("bad.mtx", text)).unwrap_err();
        check(&error, kind, words);
        check(&error, kind, "bad.mtx");
        check(&read(f.gz("bad.mtx.gz", text.as_bytes())).unwrap_err(), kind, words);
    };
    let head = "%%MatrixMarket matrix coordinate real general\n";
    let with = |entries: &str| format!("{head}3 3 2\n{entries}");
    for (banner, words) in [("coordinate complex general", "complex"), ("coordinate real hermitian", "Hermitian")] {
        refuse(&format!("%%MatrixMarket matrix {banner}\n1 1 0\n"), |e| matches!(e, Error::Unsupported { .. }), words);
    }
    for (banner, words) in [
        ("vector coordinate real general", "object"),
        ("matrix elemental real general", "layout"),
        ("matrix coordinate quaternion general", "type of value"),
        ("matrix coordinate real triangular", "symmetry"),
        ("matrix coordinate real", "symmetry"),
    ] {
        refuse(&format!("%%MatrixMarket {banner}\n1 1 0\n"), |e| matches!(e, Error::BadValue { .. }), words);
    }
    let malformed = |text: &str, words: &str| refuse(text, |e| matches!(e, Error::Malformed { .. }), words);
    malformed("%MatrixMarket matrix coordinate real general\n1 1 0\n", "begin with %%MatrixMarket");
    malformed("%%MatrixMarket matrix array pattern general\n1 1\n", "pattern");
    malformed("%%MatrixMarket matrix coordinate pattern skew-symmetric\n1 1 0\n", "sign");
    malformed("%%MatrixMarket matrix coordinate real general more\n1 1 0\n", "\"more\"");
    malformed(head, "line of sizes");
    malformed(&format!("{head}3 3\n"), "line 2");
    malformed(&format!("{head}3 3 1 1\n"), "character 7");
    malformed(&with("1 1 1\n"), "1 entries");
    malformed(&with("1 1 1\n2 2 2\n3 3 3\n"), "line 5");
    malformed(&with("1 1\n2 2 2\n"), "line 3");
    malformed(&with("1 1 1 0\n2 2 2\n"), "character 7");
    malformed("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n1 1 0\n", "diagonal");
    malformed("%%MatrixMarket matrix coordinate real general\n1000000 1000000 1\n1 1 1\n", "implausible");
    let number = |text: &str, words: &str| refuse(text, |e| matches!(e, Error::BadNumber { .. }), words);
    number(&format!("{head}3 x 2\n"), "line 2, character 3");
    number(&format!("{head}3 -3 2\n"), "\"-3\"");
    number(&with("1.0 1 1\n"), "line 3, character 1");
    number(&with("1 one 1\n"), "\"one\"");
    number(&with("1 1 1..5\n"), "line 3, character 5");
    number("%%MatrixMarket matrix coordinate integer general\n2 2 1\n1 1 1.5\n", "whole number");
    for entry in ["0 1 1", "4 1 1", "1 0 1", "1 4 1", "-1 1 1", "1 9000000000000000000 1"] {
        refuse(&with(&format!("{entry}\n")), |e| matches!(e, Error::BadValue { .. }), "of 3");
    }
    for value in ["nan", "inf", "-Infinity", "1e999"] {
        refuse(&with(&format!("1 1 {value}\n")), |e| matches!(e, Error::NotFinite { .. }), "line 3, character 5");
    }
    let shape = "%%MatrixMarket matrix coordinate real symmetric\n3 2 0\n";
    refuse(shape, |e| matches!(e, Error::NotSquare { .. }), "[3, 2]");
    refuse(&format!("{head}5000000000 5000000000 0\n"), |e| matches!(e, Error::TooMany { .. }), "5000000000");
    refuse(&format!("{head}0 0 0\n"), |e| matches!(e, Error::Empty { .. }), "neurons");
    let dense = "%%MatrixMarket matrix array real general\n";
    let sides = format!("{dense}5000000000 5000000000\n");
    refuse(&sides, |e| matches!(e, Error::Overflow { .. } | Error::TooMany { .. }), "bad.mtx");
    let promise = f.put("promise.mtx", format!("{dense}30000 30000\n1\n"));
    check(&read(promise).unwrap_err(), |e| matches!(e, Error::Truncated { .. }), "1799999999");
    malformed(&format!("{dense}2 2\n1\n2\n3\n4\n5\n"), "line 7");
    malformed(&format!("{dense}1 1\n1 2\n"), "character 3");
    let line = f.put("line.mtx", format!("{head}3 3 1\n{}", "1".repeat(2 << 20)));
    check(&read(line).unwrap_err(), |e| matches!(e, Error::TooLarge { .. }), "line 3");
    let sparse = f.put("sparse.mtx", with("1 1 1\n2 2 2\n"));
    check(&read_array(&sparse).unwrap_err(), |e| matches!(e, Error::Unsupported { .. }), "sparse.mtx");
    // A stated number of neurons is believed, that of the file alone is not.
    let wide = f.put("wide.mtx", format!("{head}1000000 1000000 1\n1 1 1\n"));
    let stated = ReadOptions { n_neurons: Some(1_000_000), ..ReadOptions::default() };
    assert_eq!(read_with(wide, &stated).unwrap().n_neurons(), 1_000_000);
    let limits = Limits { inflated: 100, ..Limits::default() };
    let long = f.gz("long.mtx.gz", with(&"1 1 1\n".repeat(100)).as_bytes());
    let error = read_with(&long, &ReadOptions { limits, ..ReadOptions::default() }).unwrap_err();
    check(&error, |e| matches!(e, Error::TooLarge { limit: 100, .. }), "long.mtx.gz");
}
