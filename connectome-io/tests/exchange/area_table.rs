//! Tables of brain areas.

use connectome_io::{Area, AreaTable, Error, Orientation, ReadOptions, read, read_with};

use crate::common::Folder;
use crate::{check, rows};

/// Three areas in a chain, as the sample of the modelled system has them.
const SAMPLE: &str = "V1,V2,V4,hidden_dim,input_dim,input_h,input_w,kernel_h,kernel_w,basal_topdown_dim,apical_topdown_dim,output_h,output_w
0,1,0,32,1,28,28,3,3,0,0,16,16
0,0,1,32,10,14,14,3,3,0,0,8,8
0,0,0,32,10,7,7,3,3,0,0,16,16
";

#[test]
fn the_sample_graph() {
    let f = Folder::new();
    let table = AreaTable::read(f.put("sample.csv", SAMPLE)).unwrap();
    assert_eq!(table.names(), ["V1", "V2", "V4"]);
    assert_eq!(table.adjacency(), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!((table.connection(0, 1), table.connection(1, 0)), (1.0, 0.0));
    let side = |hw: u32, input_dim: u32| Area {
        hidden_dim: 32,
        input_dim,
        input_h: hw,
        input_w: hw,
        kernel_h: 3,
        kernel_w: 3,
        basal_topdown_dim: 0,
        apical_topdown_dim: 0,
    };
    assert_eq!(table.areas(), [side(28, 1), side(14, 10), side(7, 10)]);
    assert_eq!(table.further_columns(), ["output_h", "output_w"]);

    // As a connectome: row i, column j of the table is i -> j.
    let c = read(f.path().join("sample.csv")).unwrap();
    assert_eq!(rows(&c), [(0, 1, 1.0), (1, 2, 1.0)]);
    assert_eq!(c.neurons().names().unwrap(), ["V1", "V2", "V4"]);
    assert!(c.neurons().column("input_h").unwrap().iter().eq(["28", "14", "7"]));
    assert_eq!(c.provenance().orientation(), Orientation::PrePost);
    assert_eq!(c.provenance().source(), "sample.csv");
    let wrong = ReadOptions { n_neurons: Some(4), ..ReadOptions::default() };
    assert!(read_with(f.path().join("sample.csv"), &wrong).is_err());
}

#[test]
fn freedom_of_the_format() {
    let f = Folder::new();
    let free = "\u{feff}\"V,1\",\"A\"\" 1\", V1 ,remark,apical_topdown_dim,kernel_w,kernel_h,input_w,hidden_dim,input_h,basal_topdown_dim,input_dim,seed\r\n\
        \r\n 0 ,0.5, -2,first,1,1,3.0,8,1e1, 4,2,\"3\",7\r\n   \r\nTrue,False,1e-3,,0,5,1,8,10,4,0,1,8\r\n0,0,0,x,0,1,1,1,1,1,0,1,9";
    let table = AreaTable::read(f.put("free.csv", free)).unwrap();
    assert_eq!(table.names(), ["V,1", "A\" 1", " V1 "]);
    assert_eq!(table.adjacency(), [0.0, 0.5, -2.0, 1.0, 0.0, 1e-3, 0.0, 0.0, 0.0]);
    let first = table.areas()[0];
    assert_eq!((first.hidden_dim, first.input_dim, first.input_h, first.input_w), (10, 3, 4, 8));
    assert_eq!((first.kernel_h, first.kernel_w, first.basal_topdown_dim, first.apical_topdown_dim), (3, 1, 2, 1));
    assert_eq!(table.further_columns(), ["remark", "seed"]);
    assert_eq!(AreaTable::read(f.gz("free.csv.gz", free.as_bytes())).unwrap().areas(), table.areas());
    // The same name twice is no defect of the connections.
    assert!(AreaTable::read(f.put("twice.csv", SAMPLE.replace("V2", "V1"))).is_ok());
}

#[test]
fn what_is_written_is_read_back() {
    let f = Folder::new();
    let table = AreaTable::read(f.put("sample.csv", SAMPLE.replace("0,0,1,32", "0,-0.1,1e300,32"))).unwrap();
    for name in ["a.csv", "a.csv.gz"] {
        let path = f.path().join(name);
        table.write(&path).unwrap();
        let back = AreaTable::read(&path).unwrap();
        assert_eq!((back.names(), back.areas()), (table.names(), table.areas()));
        assert_eq!(back.adjacency(), table.adjacency());
    }
    let text = std::fs::read_to_string(f.path().join("a.csv")).unwrap();
    assert!(text.starts_with("V1,V2,V4,hidden_dim,"), "{text}");
    assert!(text.contains("\n0,1,0,32,1,28,28,3,3,0,0\n"), "{text}");
}

#[test]
fn lists_of_areas() {
    let f = Folder::new();
    let table = AreaTable::read(f.put("sample.csv", SAMPLE)).unwrap();
    table.check_areas(&[2, 0], "output_nodes").unwrap();
    let refuse = |areas: &[usize], kind: fn(&Error) -> bool, words: &str| {
        check(&table.check_areas(areas, "input_nodes").unwrap_err(), kind, words);
    };
    refuse(&[], |e| matches!(e, Error::Empty { .. }), "input_nodes");
    refuse(&[0, 3], |e| matches!(e, Error::OutOfRange { index: 3, n: 3, .. }), "input_nodes[1]");
    refuse(&[1, 0, 1], |e| matches!(e, Error::DuplicateName { .. }), "1 (V2)");
}

#[test]
fn tables_that_are_refused() {
    let f = Folder::new();
    let refuse = |text: &str, kind: fn(&Error) -> bool, words: &str| {
        for path in [f.put("bad.csv", text), f.gz("bad.csv.gz", text.as_bytes())] {
            let error = AreaTable::read(&path).unwrap_err();
            check(&error, kind, words);
            check(&error, kind, "bad.csv");
        }
    };
    let replaced = |from: &str, to: &str| {
        assert!(SAMPLE.contains(from), "{from}");
        SAMPLE.replacen(from, to, 1)
    };
    let empty: fn(&Error) -> bool = |e| matches!(e, Error::Empty { .. });
    let missing: fn(&Error) -> bool = |e| matches!(e, Error::Missing { .. });
    let length: fn(&Error) -> bool = |e| matches!(e, Error::LengthMismatch { .. });
    let value: fn(&Error) -> bool = |e| matches!(e, Error::BadValue { .. });
    let number: fn(&Error) -> bool = |e| matches!(e, Error::BadNumber { .. });
    let malformed: fn(&Error) -> bool = |e| matches!(e, Error::Malformed { .. });

    // In the order in which defects are looked for.
    refuse("", empty, "rows");
    refuse(SAMPLE.lines().next().unwrap(), empty, "rows");
    refuse(&replaced(",14,14,3", ",14,14,3,3"), malformed, "line 3: 14 cells, the header has 13");
    refuse(&replaced(",14,14,3", ",14,3"), malformed, "line 3: 12 cells");
    refuse(&replaced("kernel_h,kernel_w", "kernel_h,kernel"), missing, "[\"kernel_w\"]");
    refuse(&replaced("input_h,input_w", " input_h,b"), missing, "[\"input_h\", \"input_w\"]");
    refuse(&replaced("output_h", "input_h"), |e| matches!(e, Error::DuplicateName { .. }), "input_h");
    let narrow = "V1,hidden_dim,input_dim,input_h,input_w,kernel_h,kernel_w,basal_topdown_dim,apical_topdown_dim\n";
    refuse(&format!("{narrow}{}", "0,1,1,1,1,1,1,0,0\n".repeat(2)), length, "9 entries, 10 are wanted");
    refuse(&replaced("V4,hidden_dim,input_dim", "hidden_dim,V4,input_dim"), value, "column \"hidden_dim\"");
    for index in ["", " ", "Unnamed: 0"] {
        let indexed: Vec<String> = SAMPLE
            .lines()
            .enumerate()
            .map(|(i, l)| format!("{},{l}", if i == 0 { index.to_owned() } else { (i - 1).to_string() }))
            .collect();
        refuse(&indexed.join("\n"), value, "name of an area");
    }
    let surplus = SAMPLE.replacen("V4,", "V4,IT,", 1).replace(",32,", ",0,32,");
    refuse(&surplus, length, "4 entries, 3 are wanted");
    refuse(&surplus.replace(",0,32,", ",False,32,"), length, "4 entries, 3 are wanted");
    refuse(&surplus.replacen(",0,32,", ",none,32,", 2), length, "4 entries, 3 are wanted");
    refuse(&format!("\n \n{surplus}"), length, "line 3");
    refuse(&format!("\n{}", replaced("kernel_h,kernel_w", "kernel_h,kernel")), missing, "line 2");
    for text in ["x", "", " ", "1,5"] {
        refuse(&replaced("\n0,1,0,32", &format!("\n0,\"{text}\",0,32")), number, "line 2, column \"V2\"");
    }
    let not_finite: fn(&Error) -> bool = |e| matches!(e, Error::NotFinite { .. });
    refuse(&replaced("\n0,1,0,32", "\n0,nan,0,32"), not_finite, "line 2, column \"V2\"");
    refuse(&replaced(",10,14,14", ",10,inf,14"), not_finite, "line 3, column \"input_h\"");
    for text in ["0", "-1", "-1.0"] {
        refuse(&replaced(",10,14,14", &format!(",10,{text},14")), value, "line 3, column \"input_h\"");
    }
    for text in ["0.5", "", "ten", "True", "4294967296", "1e300"] {
        refuse(&replaced(",10,14,14", &format!(",10,{text},14")), number, "line 3, column \"input_h\"");
    }
    refuse(&replaced("3,3,0,0,16,16\n0,0,1", "3,3,-1,0,16,16\n0,0,1"), value, "line 2, column \"basal_topdown_dim\"");
    refuse(&replaced("3,3,0,0,8", "3,4,0,0,8"), value, "line 3, column \"kernel_w\"");
    // The first defect is told: that of a connection before that of a size, that of the header before both.
    let both = replaced("\n0,1,0,32", "\n0,x,0,0");
    refuse(&both, number, "V2");
    refuse(&both.replace("kernel_w", "kernel"), missing, "kernel_w");
    refuse(&replaced("V1,V2", "V1,"), value, "name of an area");
    let large = f.put(
        "large.csv",
        format!("{narrow}{}", "\"000000000000000000000000000000\",1,1,1,1,1,1,0,0\n".repeat(2_000_000)),
    );
    check(&AreaTable::read(large).unwrap_err(), |e| matches!(e, Error::TooLarge { .. }), "large.csv");

    let area = AreaTable::read(f.put("sample.csv", SAMPLE)).unwrap().areas()[0];
    let new = |name: &str, weights: Vec<f64>, areas: Vec<Area>| {
        AreaTable::new(vec![name.to_owned()], weights, areas).unwrap_err()
    };
    assert!(AreaTable::new(vec!["V1".to_owned()], vec![1.0], vec![area]).is_ok());
    check(&new("V1", vec![], vec![]), empty, "areas");
    check(&new("V1", vec![], vec![area]), length, "adjacency");
    check(&new("input_h", vec![0.0], vec![area]), value, "area 0");
    check(&new("V1", vec![f64::NAN], vec![area]), not_finite, "[0, 0]");
    check(&new("V1", vec![0.0], vec![Area { kernel_h: 2, ..area }]), value, "kernel_h of area 0");
    check(&new("V1", vec![0.0], vec![Area { hidden_dim: 0, ..area }]), value, "hidden_dim of area 0");
}
