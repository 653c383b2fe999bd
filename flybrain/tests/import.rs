//! `flybrain data import` of several files: whose connections they are, and which are the same.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::Cli;
use connectome_io::{Connectome, Sign, read};

const DATA: Cli = Cli("data");

fn put(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(name), content).unwrap();
}

/// Imports files as `it`, and reads what came of it.
#[track_caller]
fn import(folder: &Path, args: &[&str]) -> Connectome {
    DATA.json(folder, &[&["import"], args, &["--as", "it", "--force"]].concat());
    read(folder.join("it.safetensors")).unwrap()
}

/// Weights by the names of both ends; ids where there are no names.
fn wiring(connectome: &Connectome) -> BTreeMap<(String, String), Vec<f64>> {
    let neurons = connectome.neurons();
    let name = |row: u32| match neurons.names() {
        Some(names) => names[row as usize].clone(),
        None => neurons.ids()[row as usize].to_string(),
    };
    let mut all: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let s = connectome.synapses();
    for ((&pre, &post), &weight) in s.pre().iter().zip(s.post()).zip(s.weight()) {
        all.entry((name(pre), name(post))).or_default().push(weight);
    }
    all
}

fn edges(list: &[(&str, &str, f64)]) -> BTreeMap<(String, String), Vec<f64>> {
    list.iter().map(|&(pre, post, weight)| ((pre.to_owned(), post.to_owned()), vec![weight])).collect()
}

/// Files that know their neurons by name list them in any order, and not all of them.
#[test]
fn neurons_with_names_are_matched_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "a.csv", "source,target,weight\nfoo,bar,1\nbar,baz,2\n");
    put(at, "b.csv", "source,target,weight\nbar,foo,1\nqux,bar,2\n");
    let both = [("foo", "bar", 1.0), ("bar", "baz", 2.0), ("bar", "foo", 1.0), ("qux", "bar", 2.0)];
    let united = import(at, &["a.csv", "b.csv"]);
    assert_eq!(wiring(&united), edges(&both));
    assert_eq!(united.neurons().ids(), [0, 1, 2, 3]);

    put(at, "m.csv", ",x,y,z\nx,0,0,0\ny,0,0,0\nz,10,0,0\n");
    put(at, "n.csv", ",z,x,y\nz,0,0,0\nx,0,0,7\ny,0,0,0\n");
    // a row is a postsynaptic neuron
    let united = import(at, &["m.csv", "n.csv"]);
    assert_eq!(wiring(&united), edges(&[("x", "z", 10.0), ("y", "x", 7.0)]));

    // tables of neurons too
    put(at, "types.csv", "name,type\nfoo,F\nbar,B\nbaz,Z\n");
    put(at, "sides.csv", "name,side\nbaz,sz\nfoo,sf\nbar,sb\n");
    let joined = import(at, &["a.csv", "types.csv", "sides.csv"]);
    let sides: Vec<&str> = joined.neurons().column("side").unwrap().iter().collect();
    assert_eq!(
        (joined.neurons().names().unwrap(), sides),
        (&["foo", "bar", "baz"].map(String::from)[..], vec!["sf", "sb", "sz"])
    );

    // ids are more than names: a table may call its neurons otherwise
    put(at, "ids.csv", "id,name\n7,foo\n8,bar\n");
    put(at, "other.csv", "id,name,side\n8,B,left\n7,F,right\n");
    put(at, "e.csv", "pre,post,weight\n7,8,1\n");
    let joined = import(at, &["e.csv", "ids.csv", "other.csv"]);
    assert_eq!(joined.neurons().names().unwrap(), ["foo", "bar"]);
    assert_eq!(joined.neurons().column("side").unwrap().iter().collect::<Vec<_>>(), ["right", "left"]);
    // numbers of rows are not: names that do not tell neurons apart must agree
    put(at, "twins.csv", "id,name\n0,foo\n1,foo\n");
    put(at, "others.csv", "id,name\n0,bar\n1,foo\n");
    put(at, "t.csv", "pre,post,weight\n0,1,1\n");
    let error = DATA.fails(at, &["import", "t.csv", "twins.csv", "others.csv", "--as", "no"], 1);
    assert!(error.contains("foo in one table, bar in the other"), "{error}");
    // a table that is named by the option is the first
    put(at, "more.csv", "id,class\n8,second\n7,first\n");
    let named = import(at, &["e.csv", "more.csv", "--neurons", "ids.csv"]);
    assert_eq!(named.neurons().names().unwrap(), ["foo", "bar"]);
    assert_eq!(named.neurons().classes().unwrap().iter().collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(named.provenance().inputs().len(), 3);
}

/// Repeated pairs and the threshold concern the union, and files that list other neurons are united.
#[test]
fn duplicates_and_threshold_are_of_the_union() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "a.csv", "pre,post,weight\n11,12,3\n12,13,9\n");
    put(at, "b.csv", "pre,post,weight\n11,12,3\n14,11,9\n");
    let error = DATA.fails(at, &["import", "a.csv", "b.csv", "--as", "no"], 1);
    assert!(error.contains("--duplicates sum") && !at.join("no.safetensors").exists(), "{error}");
    let summed = import(at, &["a.csv", "b.csv", "--duplicates", "sum", "--threshold", "5"]);
    assert_eq!(wiring(&summed), edges(&[("11", "12", 6.0), ("12", "13", 9.0), ("14", "11", 9.0)]));
    assert_eq!((summed.n_neurons(), summed.provenance().threshold()), (4, Some(5.0)));
    let kept = import(at, &["a.csv", "b.csv", "--duplicates", "keep"]);
    assert_eq!(wiring(&kept)[&("11".to_owned(), "12".to_owned())], [3.0, 3.0]);
    // the remedy that `check` names
    let checked = DATA.prints(at, &["check", "it.safetensors"]);
    assert!(checked.contains("--duplicates sum"), "{checked}");
    DATA.prints(at, &["convert", "it.safetensors", "sum.safetensors", "--duplicates", "sum"]);
    assert_eq!(read(at.join("sum.safetensors")).unwrap().n_synapses(), 3);

    // signs that weights have are not lost to a file with a column of signs
    put(at, "s.csv", "pre,post,weight\n11,12,-3\n12,11,2\n");
    put(at, "t.csv", "pre,post,weight,sign\n13,12,4,-1\n");
    let signed = import(at, &["s.csv", "t.csv"]);
    assert_eq!(signed.synapses().signs().unwrap(), [Sign::Inhibitory, Sign::Excitatory, Sign::Inhibitory]);
    assert_eq!(signed.synapses().weight(), [3.0, 2.0, 4.0]);

    // rows of a matrix are nobody's ids
    put(at, "m.csv", "0,0,1\n0,0,0\n0,0,0\n");
    put(at, "one.csv", "pre,post,weight\n1,2,5\n2,3,5\n");
    let error = DATA.fails(at, &["import", "m.csv", "one.csv", "--as", "no"], 1);
    assert!(error.contains("same neurons") || error.contains("not among"), "{error}");
    // an option that one of the files heeds
    put(at, "w.csv", "pre,post,weight,n\n11,12,1,7\n");
    DATA.prints(at, &["convert", "a.csv", "base.safetensors"]);
    let weighed = import(at, &["w.csv", "base.safetensors", "--weight-column", "n", "--duplicates", "keep"]);
    assert!(weighed.synapses().weight().contains(&7.0));
}

/// What cannot be done as asked is refused, before anything is written.
#[test]
fn options_and_places_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "a.csv", "pre,post,weight\n11,12,3\n12,13,9\n");
    import(at, &["a.csv"]);
    for option in [
        &["--regions", "EB"][..],
        &["--weight-column", "w"],
        &["--min-cleft-score", "50"],
        &["--member", "x"],
        &["--rows", "pre"],
    ] {
        let error = DATA.fails(at, &[&["convert", "it.safetensors", "out.csv"], option].concat(), 1);
        assert!(error.contains(option[0]) && error.contains("leave it out"), "{error}");
    }
    assert!(DATA.fails(at, &["convert", "a.csv", "out.csv", "--member", "x"], 1).contains("--member"));
    // its own source
    let bytes = fs::read(at.join("it.safetensors")).unwrap();
    DATA.fails(at, &["import", "it.safetensors", "--as", "it", "--force"], 1);
    assert_eq!(fs::read(at.join("it.safetensors")).unwrap(), bytes);
    // a folder of that name
    fs::create_dir_all(at.join("to/x.csv")).unwrap();
    put(at, "to/neurons.csv", "mine");
    let error = DATA.fails(at, &["convert", "a.csv", "to/x.csv", "--force"], 1);
    assert!(error.contains("is a folder") && fs::read(at.join("to/neurons.csv")).unwrap() == b"mine", "{error}");
}
