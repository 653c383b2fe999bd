//! `flybrain vision` as a user runs it, on small eyes.

mod common;

use std::fs;
use std::path::Path;

use common::Cli;
use connectome_graph::hex::{Extent, expand};
use connectome_io::Array;
use connectome_io::format::npy;
use fly_vision::network::{Activation, Network, Wiring};
use serde_json::Value;

const VISION: Cli = Cli("vision");

/// The folder of a run has these, and a report that holds so many figures and movies; `run.json` has the result.
#[track_caller]
fn left(folder: &Path, files: &[&str], pictures: usize, result: &Value) {
    for file in files.iter().chain(&["report.html", "run.json"]) {
        assert!(folder.join(file).metadata().is_ok_and(|m| m.len() > 0), "{file} is missing");
    }
    let report = fs::read_to_string(folder.join("report.html")).unwrap();
    assert_eq!(report.matches("<figure>").count(), pictures, "figures");
    let run: Value = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    assert!(run["seconds"]["total"].is_number() && run["command"][1] == "vision", "{run}");
    assert_eq!(&run["result"], result);
}

/// Rows of a table, without its heading.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn flashes_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let flash = ["flash", "--models", "0-1", "--extent", "2", "--radius", "1", "--dt", "0.01"];
    let found = VISION.json(folder.path(), &[&flash[..], &["--out", "one", "--threads", "1"]].concat());
    assert_eq!((found["models"][1].as_str(), found["types"].as_array().map(Vec::len)), (Some("001"), Some(65)));
    let files = ["fri.csv", "fri.svg", "fri.png", "traces.svg", "traces.png"];
    left(&folder.path().join("one"), &files, 2, &found);
    let table = rows(&folder.path().join("one/fri.csv"));
    assert_eq!(table.len(), 2 * 65);
    assert!(table.iter().all(|row| (-1.0..=1.0).contains(&row[2].parse::<f64>().unwrap())));
    let index = |name: &str| table.iter().find(|row| row[1] == name).unwrap()[2].parse::<f64>().unwrap();
    assert!(index("R1") > 0.0 && index("L1") < 0.0, "photoreceptors prefer light, L1 dark");

    // the number of threads changes nothing, and the default folder is that of the command
    let text = VISION.prints(folder.path(), &[&flash[..], &["--threads", "2"]].concat());
    assert!(text.contains("contrast right in") && text.ends_with("vision-flash/report.html\n"), "{text}");
    let same = |file: &str| fs::read(folder.path().join(file)).unwrap();
    assert!(same("one/fri.csv") == same("vision-flash/fri.csv"));
    assert!(same("one/traces.svg") == same("vision-flash/traces.svg"));
}

/// What a model responds does not depend on the one before it: its activation, signs and synapse numbers are its own.
#[test]
fn models_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let fly = expand(&fly_vision::connectome().unwrap(), Extent(2)).unwrap();
    let other = Network::builder(Wiring::from_hex(&fly).unwrap()).activation(Activation::Tanh).build_alone().unwrap();
    let _ = tch::no_grad(|| other.parameters().log_n_syn.shallow_clone().fill_(0.0));
    other.save(folder.path().join("other.safetensors")).unwrap();
    let flash = |models: &str, out: &str| {
        let args = ["flash", "--models", models, "--extent", "2", "--radius", "1", "--dt", "0.01", "--out", out];
        VISION.json(folder.path(), &args);
        rows(&folder.path().join(out).join("fri.csv")).into_iter().filter(|row| row[0] == "000").collect::<Vec<_>>()
    };
    let (alone, after) = (flash("0", "alone"), flash("other.safetensors,0", "after"));
    assert!(alone.len() == 65 && alone == after);
}

#[test]
fn edges_and_bars_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["--models", "0", "--extent", "3", "--t-pre", "0.05", "--angles", "-90,0,90,180"];
    let found =
        VISION.json(folder.path(), &[&["edges"], &small[..], &["--out", "intact", "--movie", "T4a,T4b"]].concat());
    let files = ["directions.csv", "peaks.csv", "tuning.png", "dsi.svg", "movie.svg", "movie.png"];
    left(&folder.path().join("intact"), &files, 3, &found["subtypes"]);
    let subtypes = found["subtypes"].as_array().unwrap();
    assert_eq!(subtypes.len(), 8);
    for subtype in subtypes {
        let apart = subtype["first_direction"].as_f64().unwrap() - subtype["known"].as_f64().unwrap();
        assert!(((apart + 540.0).rem_euclid(360.0) - 180.0).abs() < 45.0, "{subtype}");
        assert!(subtype["first_dsi_alone"].as_f64().unwrap() > 0.2, "{subtype}");
    }
    assert_eq!(rows(&folder.path().join("intact/directions.csv")).len(), 65 * 2);
    assert_eq!(rows(&folder.path().join("intact/peaks.csv")).len(), 65 * 2 * 4);

    let silent =
        VISION.json(folder.path(), &[&["edges"], &small[..], &["--out", "lesioned", "--silence", "T4a"]].concat());
    assert_eq!(silent["subtypes"][0]["first_dsi"], 0.0);
    // the direction of no response is 0, and counts for none
    assert_eq!((&silent["subtypes"][0]["right"], &silent["subtypes"][0]["reversed"]), (&0.0.into(), &0.0.into()));
    let report = fs::read_to_string(folder.path().join("lesioned/report.html")).unwrap();
    assert!(report.contains("; T4a held at 0"));

    let text = VISION.prints(folder.path(), &[&["bars"], &small[..], &["--widths", "2", "--speeds", "13,25"]].concat());
    assert!(text.contains("T5d") && text.ends_with("vision-bars/report.html\n"), "{text}");
    assert_eq!(rows(&folder.path().join("vision-bars/peaks.csv")).len(), 65 * 2 * 4 * 2);
}

#[test]
fn films_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..12 * 20 * 30).map(|i| if i % 30 < 2 * (i / 600) { 255 } else { 0 }).collect();
    npy::write(folder.path().join("film.npy"), &Array::new(vec![12, 20, 30], pixels.clone()).unwrap()).unwrap();
    let respond = ["respond", "film.npy", "--rate", "50", "--extent", "2", "--kernel", "4", "--movie", "R1,T4b"];
    let found = VISION.json(folder.path(), &respond);
    assert_eq!((found["frames"].as_u64(), found["models"][0].as_str()), (Some(24), Some("000")));
    left(&folder.path().join("vision-respond"), &["responses.csv", "movie.svg", "traces.png"], 2, &found);
    assert_eq!(rows(&folder.path().join("vision-respond/responses.csv")).len(), 24 * 65);
    let run = fs::read_to_string(folder.path().join("vision-respond/run.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!((&run["inputs"][0]["name"], run["inputs"][0]["sha256"].is_string()), (&"film.npy".into(), true));

    // the same film as images
    fs::create_dir(folder.path().join("images")).unwrap();
    for (number, frame) in pixels.chunks(600).enumerate() {
        let file = fs::File::create(folder.path().join(format!("images/{number:03}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 30, 20);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(frame).unwrap();
    }
    let images = [&["respond", "images"], &respond[2..], &["--out", "images/seen"]].concat();
    assert_eq!(VISION.json(folder.path(), &images), found);
}

#[test]
fn receptive_fields_and_wiring_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let fields = ["receptive-fields", "--types", "R1,L1", "--extent", "2", "--radius", "1", "--t-stim", "0.1"];
    let found = VISION.json(folder.path(), &fields);
    let [r1, l1] = [0, 1].map(|i| found["fields"][i]["peak"].as_f64().unwrap());
    assert!(r1 > 0.0 && l1 < 0.0, "{found}");
    assert_eq!(found["fields"][0]["column"], serde_json::json!([0, 0]));
    left(&folder.path().join("vision-receptive-fields"), &["fields.csv", "maps.png", "traces.svg"], 2, &found);

    let explore = ["explore", "T5a", "--extent", "2", "--models", "0-2"];
    let found = VISION.json(folder.path(), &explore);
    assert_eq!(found["pairs"], 604);
    let files = ["parameters.csv", "connectivity.svg", "inputs.png", "bias.png", "time_constants.svg"];
    left(&folder.path().join("vision-explore"), &files, 4, &found);
    assert_eq!(rows(&folder.path().join("vision-explore/parameters.csv")).len(), 3 * 65);
    assert!(VISION.prints(folder.path(), &explore).contains("inputs of T5a\n"));
}

#[test]
fn unknown_types_are_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let predict = ["predict", "--extent", "3", "--models", "0-3", "--radius", "1", "--dt", "0.01"];
    let found = VISION.json(folder.path(), &predict);
    let types = found["types"].as_array().unwrap();
    // all but the 10 types whose contrast and selectivity are known, and T4 and T5
    assert_eq!((types.len(), found["models"].as_array().unwrap().len()), (65 - 18, 4));
    for t in types {
        let (fri, [on, off]) = (&t["fri"], ["on", "off"].map(|key| t[key].as_f64().unwrap()));
        let [lower, median, upper] = ["lower", "median", "upper"].map(|key| fri[key].as_f64().unwrap());
        assert!(lower <= median && median <= upper && (0.0..=1.0).contains(&on), "{t}");
        let contrast = if on >= 0.75 {
            "on".into()
        } else if off >= 0.75 {
            "off".into()
        } else {
            Value::Null
        };
        let known = ["R1", "L1", "C3"].iter().any(|name| t["cell_type"] == *name);
        assert!(t["contrast"] == if known { Value::Null } else { contrast.clone() } || t["contrast"].is_null(), "{t}");
    }
    // what is silent tells nothing
    let silent = VISION.json(folder.path(), &[&predict[..], &["--silence", "T2,Tm30", "--out", "silent"]].concat());
    let t2 = silent["types"].as_array().unwrap().iter().find(|t| t["cell_type"] == "T2").unwrap();
    assert!(t2["contrast"].is_null() && t2["on"] == 0.0 && t2["off"] == 0.0, "{t2}");
    left(&folder.path().join("vision-predict"), &["predictions.csv", "fri.svg"], 1, &found);
    assert_eq!(rows(&folder.path().join("vision-predict/predictions.csv")).len(), 47);
    assert!(VISION.prints(folder.path(), &predict).starts_with("type       contrast  selective  direction\n"));
}

#[test]
fn bad_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("text.npy"), "no array").unwrap();
    fs::write(folder.path().join("text.safetensors"), "no parameters").unwrap();
    for (args, wanted) in [
        (&["flash", "--silence", "Mi99"][..], "\"Mi99\""),
        (&["edges", "--movie", "T4x"], "\"T4x\""),
        (&["explore", "T99"], "\"T99\""),
        (&["receptive-fields", "--types", "T4a,T99"], "\"T99\""),
        (&["flash", "--models", "absent.pt"], "absent.pt"),
        (&["flash", "--models", "text.safetensors"], "text.safetensors"),
        (&["respond", "absent.npy"], "absent.npy"),
        (&["respond", "text.npy"], "text.npy"),
        (&["respond", "empty"], "no *.png"),
        (&["respond", "empty", "--rate", "0"], "no *.png"),
        (&["flash", "--dt", "0"], "dt"),
        (&["flash", "--t-stim", "nan"], "t_stim"),
        (&["flash", "--t-stim", "0"], "t_stim"),
        (&["edges", "--speeds", "1e4", "--angles", "0,180"], "speeds"),
        (&["edges", "--angles", "0,30,60"], "equally spaced"),
        (&["edges", "--angles", "0,90,180,270,360"], "equally spaced"),
        (&["edges", "--dt", "0.5"], "shorter frames"),
        (&["explore", "--silence", "T4a"], "silence"),
        (&["receptive-fields", "--types", "T4a", "--silence", "T4a"], "no T4a responds"),
        (&["predict", "--radius", "-2"], "radius"),
        (&["flash", "--radius", "-2"], "radius"),
        (&["edges", "--speeds", "0"], "speed"),
        (&["edges", "--angles", "inf"], "angle"),
        (&["bars", "--widths=-1"], "width"),
        (&["flash", "--extent", "4000000000"], "extent"),
        (&["predict", "--speed", "0"], "speed"),
        (&["predict", "--agreement", "0.5"], "agreement"),
    ] {
        let small: &[&str] = if args.contains(&"--extent") { &["--quiet"] } else { &["--quiet", "--extent", "2"] };
        let args = [args, small].concat();
        let message = VISION.fails(folder.path(), &args, 1);
        assert!(message.starts_with("error: ") && message.contains(wanted), "{args:?}: {message}");
    }
    for args in [
        &["flash", "--models", "50"][..],
        &["flash", "--models", "7-3"],
        &["flash", "--models", "best"],
        &["edges", "--speeds", "fast"],
        &["flash", "--threads", "0"],
        &["look"],
    ] {
        assert!(VISION.fails(folder.path(), args, 2).starts_with("error: "));
    }
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["empty", "text.npy", "text.safetensors"], "nothing is left behind");
}
