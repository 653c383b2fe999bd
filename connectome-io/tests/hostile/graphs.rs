//! Cell-type graphs.

use connectome_io::format::flyvis_json;
use connectome_io::{Error, Place, read};

use crate::common::Folder;
use crate::{place, refuse};

#[test]
fn cell_type_graphs() {
    let f = Folder::new();
    let good = r#"{"nodes": [{"name": "A", "pattern": ["stride", [1, 1]]}, {"name": "B", "pattern": ["stride", [1, 1]]}],
"input_units": ["A"], "output_units": ["B"],
"edges": [{"src": "A", "tar": "B", "alpha": 1, "offsets": [[[0, 0], 2.0], [[0, 1], 3.0]], "lambda_mult": 1.0}]}"#;
    assert!(flyvis_json::from_bytes(good.as_bytes()).is_ok());
    let refuse_with = |from: &str, to: &str, kind: fn(&Error) -> bool, key: &str| {
        assert!(good.contains(from), "{from}");
        let path = f.put("bad.json", good.replacen(from, to, 1));
        let error = refuse(&path, kind);
        if !key.is_empty() {
            assert_eq!(*place(&error), Place::Key(key.to_owned()), "{from} -> {to}");
        }
        let packed = f.gz("bad.json.gz", good.replacen(from, to, 1).as_bytes());
        refuse(&packed, kind);
    };
    refuse_with(r#""src": "A""#, r#""src": "Z""#, is!(Error::UnknownType { .. }), "edges[0].src");
    refuse_with(r#""tar": "B""#, r#""tar": "Z""#, is!(Error::UnknownType { .. }), "edges[0].tar");
    for alpha in ["0", "2", "0.5", "-3"] {
        let to = format!(r#""alpha": {alpha}"#);
        refuse_with(r#""alpha": 1"#, &to, is!(Error::BadValue { .. }), "edges[0].alpha");
    }
    for pattern in [
        r#"["stride", [0, 1]]"#,
        r#"["stride", [1]]"#,
        r#"["stride", [1, -1]]"#,
        r#"["stride", 1]"#,
        r#"["tile", [1, 1]]"#,
        r#"["tile", 0]"#,
        r#"["single", 1]"#,
        r#"["many", 1]"#,
        r#"["stride"]"#,
        r#""stride""#,
        "null",
        r#"["tile", 1.5]"#,
        r#"["tile", 4294967296]"#,
    ] {
        refuse_with(r#"["stride", [1, 1]]"#, pattern, is!(Error::BadValue { .. }), "nodes[0].pattern");
    }
    refuse_with(r#""name": "B""#, r#""name": "A""#, is!(Error::DuplicateName { .. }), "nodes[1].name");
    let edge = r#"{"src": "A", "tar": "B", "alpha": -1, "offsets": [], "lambda_mult": 1.0}"#;
    refuse_with("\"edges\": [", &format!("\"edges\": [{edge}, "), is!(Error::DuplicateSynapse { .. }), "edges[1]");
    refuse_with("[0, 1], 3.0", "[0, 0], 3.0", is!(Error::DuplicateSynapse { .. }), "edges[0].offsets[1]");
    for offset in ["[0.5, 1]", "[1]", "[0, 1, 2]", "[1e10, 0]", "[]"] {
        let to = format!("{offset}, 3.0");
        refuse_with("[0, 1], 3.0", &to, is!(Error::BadNumber { .. }), "edges[0].offsets[1]");
    }
    refuse_with("[0, 1], 3.0", "[0, 1], -3.0", is!(Error::BadValue { .. }), "edges[0].offsets[1]");
    for count in ["NaN", "Infinity", "-Infinity"] {
        refuse_with("3.0", count, is!(Error::NotFinite { .. }), "");
    }
    refuse_with(
        r#""lambda_mult": 1.0"#,
        r#""lambda_mult": 1e300"#,
        is!(Error::NotFinite { .. }),
        "edges[0].lambda_mult",
    );
    refuse_with(r#""lambda_mult": 1.0"#, r#""lambda_mult": NaN"#, is!(Error::NotFinite { .. }), "");
    refuse_with(r#""input_units": ["A"]"#, r#""input_units": ["Z"]"#, is!(Error::UnknownType { .. }), "input_units[0]");
    refuse_with(r#"["B"]"#, r#"["B", "B"]"#, is!(Error::DuplicateName { .. }), "output_units[1]");
    for (from, to) in [
        ("3.0", "1e999"),
        ("3.0", "\"3\""),
        (r#""alpha": 1, "#, ""),
        (r#""nodes""#, r#""knots""#),
        ("]}", ""),
        ("{", "[{"),
        (r#""alpha": 1"#, r#""alpha": 1, "alpha": 1"#),
        ("[[0, 0], 2.0]", "[0, 0, 2.0]"),
        ("[[0, 0], 2.0]", "null"),
    ] {
        refuse_with(from, to, is!(Error::Malformed { .. }), "");
    }
    let deep = "[".repeat(100_000);
    refuse(&f.put("deep.json", &deep), is!(Error::Malformed { .. }));
    let text = read(f.put("place.json", "{\"nodes\": [],\n \"edges\": x}")).unwrap_err();
    assert_eq!(*place(&text), Place::Text { line: 2, column: 11 });
}
