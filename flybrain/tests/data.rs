//! `flybrain data` as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use connectome_io::{read, write};
use serde_json::Value;

const CELEGANS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans");
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/mnist/t10k-labels-idx1-ubyte.gz");
const FLY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");

fn flybrain(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flybrain")).arg("data").args(args).output().unwrap()
}

/// Standard output of a run that succeeds.
#[track_caller]
fn prints(args: &[&str]) -> String {
    let output = flybrain(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json", "--quiet"]).collect();
    serde_json::from_str(&prints(&args)).unwrap()
}

/// Standard error of a run that fails with a code; nothing is on standard output.
#[track_caller]
fn fails(args: &[&str], code: i32) -> String {
    let output = flybrain(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "{args:?} printed {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Names of the files in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_list_names_sources_licences_and_hashes() {
    let list = prints(&["list"]);
    for part in ["flywire-783", "celegans-2020", "NON-COMMERCIAL", "CC BY 4.0", "MB"] {
        assert!(list.contains(part), "{part} is missing in\n{list}");
    }
    let one = prints(&["list", "flyvis-2.2"]);
    assert!(one.contains("bfbb0766251ff09e22723d0ebbf7b14793e70b3ae8ad0eea64eac9d28223351a"), "{one}");
    let sets = json(&["list"]);
    assert!(sets.as_array().unwrap().iter().all(|set| set["licence"].is_string() && set["files"].is_array()));
    assert!(fails(&["list", "flywire"], 1).contains("flywire-783"));
}

#[test]
fn import_unites_tables_and_says_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let (chemical, gap) = (format!("{CELEGANS}/chemical.csv"), format!("{CELEGANS}/gap.csv"));
    let arguments = ["import", &chemical, &gap, "--as", "celegans-2020", "--out", text(folder.path())];
    let told = flybrain(&arguments);
    assert!(String::from_utf8_lossy(&told.stderr).contains("gap.csv is gap.csv of celegans-2020, unaltered"));
    let worm = read(folder.path().join("celegans-2020.safetensors")).unwrap();
    assert_eq!((worm.n_neurons(), worm.n_synapses(), worm.total_weight()), (302, 3638 + 2168, 20589.0 + 8642.0));
    let provenance = worm.provenance();
    assert_eq!(provenance.licence(), Some("CC BY 4.0"));
    assert!(provenance.reference().unwrap().contains("Fenyves"));
    let inputs: Vec<&str> = provenance.inputs().iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["chemical.csv", "gap.csv", "neurons.csv"]);
    assert!(provenance.inputs().iter().all(|input| flybrain::catalog::recognise(&input.sha256).is_some()));

    // A second import replaces nothing unless it is told to.
    assert!(fails(&arguments, 1).contains("--force"));
    let forced: Vec<&str> = arguments.iter().copied().chain(["--force"]).collect();
    prints(&forced);
    assert_eq!(read(folder.path().join("celegans-2020.safetensors")).unwrap(), worm);
}

#[test]
fn further_tables_of_neurons_are_joined_by_id() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let edges = put(
        "connections.csv",
        "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n720575940628857210,7,ME_R,5,ACH\n",
    );
    let first = put("a.csv", "root_id,nt_type\n7,GABA\n720575940628857210,ACH\n9,GLUT\n");
    let second = put("b.csv", "root_id,super_class,side\n720575940628857210,optic,left\n7,central,right\n");
    let result = json(&["import", &edges, &first, &second, "--as", "part", "--out", text(folder.path())]);
    assert_eq!((result["neurons"].as_u64(), result["connections"].as_u64()), (Some(3), Some(1)));
    let fly = read(folder.path().join("part.safetensors")).unwrap();
    assert_eq!(fly.neurons().classes().unwrap().iter().collect::<Vec<_>>(), ["central", "optic", ""]);
    assert_eq!(fly.neurons().column("side").unwrap().iter().collect::<Vec<_>>(), ["right", "left", ""]);
    assert_eq!(fly.neurons().transmitters().unwrap().get(2), "GLUT");
    assert!(fails(&["import", &first, "--as", "none"], 1).contains("holds connections"));
    // Folders are made, and nothing is read for a place that is none.
    json(&["import", &edges, &first, "--as", "part", "--out", text(&folder.path().join("new/folder"))]);
    assert!(
        fails(&["import", "no such file", "--as", "part", "--out", &edges], 1).contains("connections.csv is no folder")
    );
}

#[test]
fn refused_files_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let bad = folder.path().join("edges.csv");
    std::fs::write(&bad, "pre,post,weight\n0,1,3\n1,0,NaN\n").unwrap();
    let error = fails(&["import", text(&bad), "--as", "bad", "--out", text(out.path()), "--quiet"], 1);
    assert!(error.contains("line 3") && error.contains("weight"), "{error}");
    for name in ["../escape", "", ".hidden", "a/b"] {
        assert!(fails(&["import", text(&bad), "--as", name, "--out", text(out.path())], 1).contains("name"));
    }
    let target = out.path().join("x.npy");
    fails(&["convert", text(&bad), text(&target)], 1);
    assert!(files(out.path()).is_empty(), "{:?}", files(out.path()));
    fails(&["import", text(&bad)], 2);
    fails(&["info", "no such file"], 1);
}

#[test]
fn info_measures_and_draws() {
    let folder = tempfile::tempdir().unwrap();
    let chemical = format!("{CELEGANS}/chemical.csv");
    let info = json(&["info", &chemical]);
    assert_eq!(info["neurons"], 302);
    assert_eq!(info["connections"], 3638);
    assert_eq!(info["synapses"], 20589.0);
    assert_eq!(info["connection_signs"]["inhibitory"], 425);
    assert_eq!(info["provenance"]["orientation"], "EdgeList");
    let picture = folder.path().join("worm");
    let text_form = prints(&["info", &chemical, "--picture", text(&picture)]);
    assert!(text_form.contains("strong components") && text_form.contains('█') && text_form.contains("EdgeList"));
    let png = std::fs::read(picture.with_extension("png")).unwrap();
    assert!(png.starts_with(b"\x89PNG") && picture.with_extension("svg").is_file());
    assert!(prints(&["info", DIGITS]).contains("array of U8 [10000]"));
    assert!(fails(&["info", DIGITS, "--picture", text(&picture)], 1).contains("no picture"));
    for weight in ["nan", "-1"] {
        assert!(fails(&["info", &chemical, "--threshold", weight], 2).contains("from 0 on"), "{weight}");
    }
    assert_eq!(json(&["info", FLY])["on_lattice"], true);
}

#[test]
fn conversion_keeps_what_the_format_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (canonical, table) = (folder.path().join("worm.safetensors"), folder.path().join("worm.csv.gz"));
    let chemical = format!("{CELEGANS}/chemical.csv");
    prints(&["convert", &chemical, text(&canonical)]);
    assert_eq!(read(&canonical).unwrap(), read(&chemical).unwrap());
    prints(&["convert", text(&canonical), text(&table)]);
    let (a, b) = (read(&canonical).unwrap(), read(&table).unwrap());
    assert_eq!((a.neurons(), a.synapses()), (b.neurons(), b.synapses()));
    assert!(fails(&["convert", text(&table), text(&table)], 1).contains("another name"));
    // Nor is the table of neurons that is read written over.
    let again = folder.path().join("again.csv.gz");
    assert!(fails(&["convert", text(&table), text(&again), "--force"], 1).contains("neurons.csv.gz is read"));
    assert!(!again.exists());
    assert!(fails(&["convert", text(&table), text(&canonical)], 1).contains("--force"));
    // A table of neurons is written beside the edges; that of somebody else stays.
    let beside = folder.path().join("edges.csv.gz");
    assert!(fails(&["convert", text(&canonical), text(&beside)], 1).contains("neurons.csv.gz"));
    // What cannot be written is said before anything is read; a folder is made.
    let unknown = folder.path().join("worm.xyz");
    assert!(fails(&["convert", "no such file", text(&unknown)], 1).contains("worm.xyz"));
    assert!(fails(&["convert", "no such file", text(&table.join("x.mtx"))], 1).contains("is no folder"));
    prints(&["convert", &chemical, text(&folder.path().join("new/folder/worm.mtx"))]);
}

#[test]
fn check_finds_what_is_odd() {
    let folder = tempfile::tempdir().unwrap();
    let chemical = format!("{CELEGANS}/chemical.csv");
    let good = prints(&["check", &chemical]);
    assert!(good.contains("unaltered") && good.contains("20589 synapses, as published"), "{good}");
    let part = prints(&["check", &chemical, "--threshold", "3"]);
    assert!(
        part.contains("only a part of it was read") && !part.contains("published:") && !part.contains("PROBLEM"),
        "{part}"
    );
    assert!(prints(&["check", DIGITS]).contains("t10k-labels-idx1-ubyte of mnist, unaltered"));
    let output = flybrain(&["check", DIGITS, "--as", "celegans-2020"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(3) && told.contains("of mnist, not of celegans-2020"), "{told}");

    // One row less than was published.
    let content = std::fs::read_to_string(&chemical).unwrap();
    let shortened = folder.path().join("chemical.csv");
    std::fs::write(&shortened, content.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    std::fs::copy(format!("{CELEGANS}/neurons.csv"), folder.path().join("neurons.csv")).unwrap();
    let output = flybrain(&["check", text(&shortened), "--as", "celegans-2020"]);
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("PROBLEM: 3637 connections, but 3638 are published"), "{told}");

    let repeated = folder.path().join("repeated.csv");
    std::fs::write(&repeated, "pre,post,weight\n0,1,3\n0,1,2\n1,1,0\n").unwrap();
    let findings = json(&["check", text(&repeated), "--neurons", "none"]);
    let found = findings["findings"].to_string();
    for part in
        ["0 -> 1 stands a second time; choose `--duplicates sum`", "weight 0", "no signs", "connect to themselves"]
    {
        assert!(found.contains(part), "{part} is missing in {found}");
    }
}

#[test]
fn findings_of_the_library() {
    use flybrain::review::{Level, review};
    use flybrain::summary::{Summary, magnitudes};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signed.csv");
    std::fs::write(&path, "pre,post,weight,sign\n0,1,3,1\n0,2,2,-1\n3,3,1,0\n").unwrap();
    let c = read(&path).unwrap();
    write(&c, folder.path().join("c.safetensors")).unwrap();
    let summary = Summary::of(&c, &magnitudes(&c).unwrap());
    assert_eq!((summary.neurons, summary.isolated, summary.self_connections), (4, 1, 1));
    assert_eq!((summary.weak.count, summary.weak.largest, summary.strong.count), (2, 3, 4));
    let findings = review(&c, &summary, None);
    let warned = |part: &str| findings.iter().any(|f| f.level == Level::Warning && f.text.contains(part));
    assert!(warned("Dale") && warned("unknown"), "{findings:?}");
    assert!(findings.windows(2).all(|pair| pair[0].level >= pair[1].level));
}

/// No connections: numbers are 0, not -0, and the picture has no panel of degrees.
#[test]
fn neurons_without_connections_are_measured_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let edges = folder.path().join("none.mtx");
    std::fs::write(&edges, "%%MatrixMarket matrix coordinate integer general\n3 3 0\n").unwrap();
    let picture = folder.path().join("picture");
    let told = prints(&["info", text(&edges), "--picture", text(&picture)]);
    assert!(told.contains("mean size 0.000") && picture.with_extension("svg").is_file(), "{told}");
    let imported = prints(&["import", text(&edges), "--as", "none", "--out", text(folder.path()), "--json"]);
    assert!(imported.contains("\"synapses\": 0.0"), "{imported}");
}
