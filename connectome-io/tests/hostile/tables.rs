//! Tables of edges and neurons.

use std::path::Path;

use connectome_io::format::csv_tables;
use connectome_io::{Error, Limits, NeuronsFile, Place, ReadOptions, read, read_with};

use crate::common::Folder;
use crate::{cell, check, place, refuse};

#[test]
fn tables_of_edges() {
    let f = Folder::new();
    let error = refuse(&f.put("float.csv", "pre,post,weight\n0,1,1\n1.5,0,1\n"), is!(Error::BadNumber { .. }));
    assert_eq!(*place(&error), cell(3, "pre"));
    for id in ["NaN", "", "1e5", "9223372036854775808", "0x1", "--1", "-"] {
        let error = refuse(
            &f.put("id.csv", format!("bodyId_pre,bodyId_post,weight\n1,{id},3\n")),
            is!(Error::BadNumber { .. }),
        );
        assert_eq!(*place(&error), cell(2, "bodyId_post"), "{id}");
    }
    for weight in ["NaN", "inf", "-inf", "1e999"] {
        let error = refuse(&f.put("w.csv", format!("pre,post,weight\n1,2,{weight}\n")), is!(Error::NotFinite { .. }));
        assert_eq!(*place(&error), cell(2, "weight"));
    }
    refuse(&f.put("text.csv", "pre,post,weight\n1,2,many\n"), is!(Error::BadNumber { .. }));
    refuse(&f.put("none.csv", "pre,post,weight\n1,2,\n"), is!(Error::BadNumber { .. }));
    let error =
        refuse(&f.put("twice.csv", "pre,post,weight\n1,2,3\n2,1,3\n1,2,4\n"), is!(Error::DuplicateSynapse { .. }));
    assert_eq!(*place(&error), Place::Line(4));
    refuse(&f.put("columns.csv", "from,to,weight\n1,2,3\n"), is!(Error::Missing { .. }));
    refuse(&f.put("noweight.csv", "pre,post,length\n1,2,3\n"), is!(Error::Missing { .. }));
    refuse(&f.put("same.csv", "pre,post,weight,weight\n1,2,3,4\n"), is!(Error::DuplicateName { .. }));
    let error = refuse(&f.put("ragged.csv", "pre,post,weight\n1,2,3\n1,2\n"), is!(Error::Malformed { .. }));
    assert_eq!(*place(&error), Place::Line(3));
    refuse(&f.put("sign.csv", "pre,post,weight,sign\n1,2,3,up\n"), is!(Error::BadValue { .. }));
    refuse(&f.put("utf16.csv", b"\xff\xfep\0r\0e\0,\0"), is!(Error::Malformed { .. }));
    refuse(&f.put("bytes.csv", b"source,target\n\xff\xfe,a\n"), is!(Error::Malformed { .. }));
    refuse(&f.put("varshney.csv", "n1,n2,type,count\nA,B,X,1\n"), is!(Error::BadValue { .. }));
    refuse(
        &f.put("sum.csv", "bodyId_pre,bodyId_post,roi,weight\n1,2,A,1e308\n1,2,B,1e308\n"),
        is!(Error::NotFinite { .. }),
    );
    let column = ReadOptions { weight_column: Some("size".to_owned()), ..ReadOptions::default() };
    let path = f.put("good.csv", "pre,post,weight\n1,2,3\n");
    check(read_with(&path, &column).unwrap_err(), &path, is!(Error::Missing { .. }));
    let two = ReadOptions { n_neurons: Some(2), neurons: NeuronsFile::None, ..ReadOptions::default() };
    let error = check(read_with(&path, &two).unwrap_err(), &path, is!(Error::OutOfRange { index: 2, n: 2, .. }));
    assert_eq!(*place(&error), cell(2, "post"));
}

#[test]
fn tables_of_neurons() {
    let f = Folder::new();
    let edges = f.put("edges.csv", "bodyId_pre,bodyId_post,weight\n1,2,3\n");
    let refuse_neurons = |text: &str, kind: fn(&Error) -> bool| {
        f.put("neurons.csv", text);
        check(read(&edges).unwrap_err(), Path::new("neurons.csv"), kind)
    };
    let error = refuse_neurons("bodyId\n1\n2\n1\n", is!(Error::DuplicateNeuron { id: 1, first: 0, second: 2, .. }));
    assert_eq!(*place(&error), cell(4, "bodyId"));
    let error = refuse_neurons("bodyId\n1\nNaN\n", is!(Error::BadNumber { .. }));
    assert_eq!(*place(&error), cell(3, "bodyId"));
    refuse_neurons("bodyId\n1.0\n2.0\n", is!(Error::BadNumber { .. }));
    refuse_neurons("idx,bodyId\n0,1\n0,2\n", is!(Error::DuplicateNeuron { id: 0, .. }));
    refuse_neurons("weight\n1\n", is!(Error::Missing { .. }));
    refuse_neurons("bodyId,sign\n1,2\n", is!(Error::BadValue { .. }));
    refuse_neurons("bodyId,x,y,z\n1,2,NaN,3\n", is!(Error::NotFinite { .. }));
    refuse_neurons("bodyId,x,y,z\n1,2,,3\n", is!(Error::BadNumber { .. }));
    refuse_neurons("bodyId,type\n1,a\n2\n", is!(Error::Malformed { .. }));
    refuse_neurons("", is!(Error::Empty { .. }));
    f.put("neurons.csv", "bodyId\n1\n3\n");
    let error = refuse(&edges, is!(Error::UnknownNeuron { .. }));
    assert_eq!(*place(&error), cell(2, "bodyId_post"));
    // Names must be there, and mean one neuron, when edges use them.
    let named = f.put("named.csv", "source,target\na,b\n");
    refuse(&named, is!(Error::Missing { .. }));
    f.put("neurons.csv", "name\na\na\nb\n");
    refuse(&named, is!(Error::DuplicateName { .. }));
    f.put("neurons.csv", "idx\n0\n1\n");
    refuse(&f.put("index.csv", "pre,post,weight\n0,2,1\n"), is!(Error::OutOfRange { index: 2, n: 2, .. }));
    assert!(matches!(csv_tables::read_neurons(f.path().join("absent"), &Limits::default()), Err(Error::Io { .. })));
    let sized = ReadOptions { n_neurons: Some(5), ..ReadOptions::default() };
    let good = f.put("good.csv", "pre,post,weight\n0,1,1\n");
    check(read_with(&good, &sized).unwrap_err(), &good, is!(Error::LengthMismatch { want: 5, .. }));
}
