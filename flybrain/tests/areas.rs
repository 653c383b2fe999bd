//! `flybrain areas` as a user runs it.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::Cli;
use connectome_io::format::idx;
use convgru_feedback::Schedule;
use flybrain::areas::{Config, DataSet, Nodes, Split, TrainOptions, train};
use serde_json::Value;
use tempfile::TempDir;

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/mnist/");

/// A small network, so that a step takes milliseconds.
const GRAPH: &str = "\
V1,V2,hidden_dim,input_dim,input_h,input_w,kernel_h,kernel_w,basal_topdown_dim,apical_topdown_dim
0,1,6,1,14,14,3,3,0,1
0,0,8,4,7,7,3,3,0,0
";

const SETTINGS: &str = "\
graph_loc: graph.csv
dataset: mnist
data_path: data
input_nodes: [0]
output_nodes: 1
epochs: 2
batch_size: 20
lr: 0.003
seed: 5
dropout_p: 0.1
proj_hidden_dim: 4
frames: 2
results_save: history.json
";

const AREAS: Cli = Cli("areas");

/// A folder with the graph, the settings and two hundred real digits: 160 to learn, 40 held out.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("graph.csv"), GRAPH).unwrap();
    fs::write(at("areas.yaml"), SETTINGS).unwrap();
    fs::create_dir(at("data")).unwrap();
    let bytes = |name: &str| idx::read(format!("{DIGITS}{name}.gz")).unwrap().as_slice::<u8>().unwrap().to_vec();
    let (pixels, labels) = (bytes("t10k-images-idx3-ubyte"), bytes("t10k-labels-idx1-ubyte"));
    for (part, range) in [("train", 0..160), ("t10k", 160..200)] {
        let n = (range.len() as u32).to_be_bytes();
        let side = 28u32.to_be_bytes();
        let images = [&[0, 0, 8, 3], &n[..], &side, &side, &pixels[range.start * 784..range.end * 784]].concat();
        fs::write(at(&format!("data/{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(at(&format!("data/{part}-labels-idx1-ubyte")), [&[0, 0, 8, 1], &n[..], &labels[range]].concat())
            .unwrap();
    }
    folder
}

#[test]
fn a_network_is_inspected() {
    let folder = workplace();
    let found = AREAS.json(folder.path(), &["inspect", "--config", "areas.yaml", "--picture", "drawn"]);
    assert_eq!(found["areas"][1]["first_update"], 1);
    assert_eq!((found["feedback"][0][0].as_str(), found["feedback"][0][1].as_str()), (Some("V2"), Some("V1")));
    // V1: projection 1 -> 4 and integrator 4 -> 1, cells without bias; V2 likewise; feedback 8 -> 4, 2 x 2, and 4 -> 1 + 6 + 2
    let v1 = (4 * 9 + 4) + (4 * 9 + 1) + 12 * 7 * 9 + 6 * 8 * 9;
    let v2 = (6 * 4 * 9 + 4) + (4 * 4 * 9 + 4) + 16 * 12 * 9 + 8 * 12 * 9;
    let feedback = (8 * 4 * 4 + 4) + (4 * 9 * 9 + 9);
    assert_eq!(found["parameters"], v1 + v2 + feedback);
    assert_eq!((found["steps"].as_u64(), found["sufficient_steps"].as_u64()), (Some(3), Some(3)));
    assert!(folder.path().join("drawn.svg").exists() && folder.path().join("drawn.png").exists());
    let text = AREAS.prints(folder.path(), &["inspect", "--config", "areas.yaml"]);
    assert!(text.contains("V1 -> V2") && text.contains("note: "), "{text}");
    let further =
        GRAPH.replacen("dim\n", "dim,lobe\n", 1).replacen(",1\n", ",1,occipital\n", 1).replacen("0\n", "0,?\n", 1);
    fs::write(folder.path().join("graph.csv"), further).unwrap();
    let text = AREAS.prints(folder.path(), &["inspect", "--config", "areas.yaml"]);
    assert!(text.contains("no meaning here: lobe"), "{text}");
}

/// Training leaves what its documentation lists, and a run that goes on where it stopped is the same as one in a piece.
#[test]
fn a_network_is_trained_in_one_piece_or_two() {
    let folder = workplace();
    let at = |name: &str| folder.path().join(name);
    let train = ["train", "--config", "areas.yaml", "--threads", "1"];
    let whole = AREAS.json(folder.path(), &[&train[..], &["--out", "whole"]].concat());
    assert_eq!((whole["steps"].as_u64(), whole["learned"].as_u64()), (Some(16), Some(160)));
    for file in [
        "config.toml",
        "graph.csv",
        "run.json",
        "report.html",
        "training.csv",
        "network.pt",
        "readout.pt",
        "learning.svg",
        "graph.png",
    ] {
        assert!(at("whole").join(file).exists(), "{file} is missing");
    }
    let text = |name: &str| fs::read_to_string(at("whole").join(name)).unwrap();
    let run: Value = serde_json::from_str(&text("run.json")).unwrap();
    assert_eq!(
        (&run["seeds"]["seed"], &run["command"][2], &run["inputs"][0]["name"]),
        (&5.into(), &"train".into(), &"graph.csv".into())
    );
    assert!(
        run["inputs"][0]["sha256"].is_string() && run["seconds"]["total"].is_number() && run["result"] == whole,
        "{run}"
    );
    let report = text("report.html");
    assert_eq!(report.matches("<figure>").count(), 3);
    assert!(report.contains("Of 40 images that were held out") && report.contains("batch_size = 20"), "{report}");
    let history: Value = serde_json::from_str(&fs::read_to_string(at("history.json")).unwrap()).unwrap();
    assert_eq!((history["loss"].as_array().unwrap().len(), history["test_acc"].as_array().unwrap().len()), (2, 2));

    AREAS.json(folder.path(), &[&train[..], &["--out", "parts", "--epochs", "1"]].concat());
    let rest = AREAS.json(folder.path(), &[&train[..], &["--out", "parts", "--resume"]].concat());
    assert_eq!(rest["held_out"], whole["held_out"]);
    for file in ["training.csv", "validation.csv", "network.pt"] {
        assert_eq!(fs::read(at("parts").join(file)).unwrap(), fs::read(at("whole").join(file)).unwrap(), "{file}");
    }
    // what is refused leaves the run as it was
    let message = AREAS.fails(folder.path(), &[&train[..], &["--out", "whole", "--resume", "--seed", "6"]].concat(), 1);
    assert!(message.contains("seed"), "{message}");
    let labels = fs::read(at("data/train-labels-idx1-ubyte")).unwrap();
    fs::write(at("data/train-labels-idx1-ubyte"), [&labels[..167], &[(labels[167] + 1) % 10]].concat()).unwrap();
    let message = AREAS.fails(folder.path(), &[&train[..], &["--out", "whole", "--resume"]].concat(), 1);
    assert!(message.contains("images"), "{message}");
    fs::write(at("data/train-labels-idx1-ubyte"), labels).unwrap();
    assert!(AREAS.fails(folder.path(), &[&train[..], &["--out", "whole"]].concat(), 1).contains("not empty"));
    let found = AREAS.json(folder.path(), &["eval", "whole"]);
    assert_eq!(found, whole["held_out"]);

    // a damaged checkpoint is passed over, and that is said
    let newest = at("parts/checkpoints/step_000000000016.safetensors");
    fs::write(&newest, &fs::read(&newest).unwrap()[..1000]).unwrap();
    let evaluated = AREAS.run(folder.path(), &["eval", "parts"]);
    let said = String::from_utf8_lossy(&evaluated.stderr).into_owned();
    assert!(evaluated.status.success() && said.starts_with("warning: passed over a damaged checkpoint"), "{said}");
    assert_eq!(AREAS.run(folder.path(), &["eval", "parts", "--quiet"]).stderr, b"");

    // parameters go on in another run as a state_dict of torch
    let settings = format!("{SETTINGS}model_save: saved.pt\n");
    fs::write(at("areas.yaml"), settings).unwrap();
    fs::copy(at("whole/network.pt"), at("saved.pt")).unwrap();
    AREAS.json(folder.path(), &[&train[..], &["--out", "again", "--epochs", "1"]].concat());
    assert_ne!(fs::read(at("saved.pt")).unwrap(), fs::read(at("whole/network.pt")).unwrap());
}

/// What others have in a folder stays; what a run goes on from is its checkpoint, and what differs from it is said.
#[test]
fn a_run_goes_on_in_its_own_folder() {
    let folder = workplace();
    let at = |name: &str| folder.path().join(name);
    let resume = ["train", "--config", "areas.yaml", "--epochs", "1", "--resume", "--out"];
    for (file, text) in [("thesis.tex", "a"), ("config.toml", "title = 1\n"), ("config.toml", "epochs = 1\n")] {
        let own = at(&format!("of {text:?}"));
        fs::create_dir(&own).unwrap();
        fs::write(own.join(file), text).unwrap();
        let message = AREAS.fails(folder.path(), &[&resume[..], &[own.to_str().unwrap()]].concat(), 1);
        assert!(message.contains("something else than a run"), "{message}");
        assert_eq!(
            (fs::read_dir(&own).unwrap().count(), fs::read_to_string(own.join(file)).unwrap()),
            (1, text.into())
        );
    }

    let says = |more: &[&str]| {
        let output = AREAS.run(folder.path(), &[&resume[..], &["run"], more].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    fs::write(at("areas.yaml"), format!("{SETTINGS}model_save: saved.pt\n")).unwrap();
    let said = says(&["--threads", "1"]);
    assert!(said.contains("holds no checkpoint yet"), "{said}");
    fs::write(at("saved.pt"), "damaged").unwrap();
    let said = says(&["--threads", "1"]);
    assert!(!said.contains("warning"), "{said}");
    fs::write(at("areas.yaml"), SETTINGS.replace("dropout_p: 0.1", "dropout_p: 0.2")).unwrap();
    let said = says(&["--threads", "2"]);
    assert!(said.contains("made with 1 threads, now 2") && said.contains("made with 0.1, now 0.2"), "{said}");

    let resume = [&resume[..], &["run"]].concat();
    fs::write(at("areas.yaml"), format!("{SETTINGS}normalise: true\n")).unwrap();
    assert!(AREAS.fails(folder.path(), &resume, 1).contains("normalise is false there, true here"));
    fs::write(at("areas.yaml"), format!("{SETTINGS}dataset: fashion_mnist\n").replacen("dataset: mnist\n", "", 1))
        .unwrap();
    AREAS.prints(folder.path(), &resume);
}

/// A drawing of boxes has room for a hundred areas; training has for more.
#[test]
fn many_areas_are_trained() {
    let folder = workplace();
    let (header, rows) = GRAPH.split_once('\n').unwrap();
    let (sizes, n) = (header.strip_prefix("V1,V2,").unwrap(), 101);
    let names: String = (1..=n).map(|i| format!("V{i},")).collect();
    let row = |i: usize| {
        let (own, nothing) = (rows.lines().nth(i.min(1)).unwrap(), "0,".repeat(n - 2));
        format!("{}{nothing}{}\n", &own[..4], &own[4..])
    };
    let rows: String = (0..n).map(row).collect();
    fs::write(folder.path().join("graph.csv"), format!("{names}{sizes}\n{rows}")).unwrap();
    AREAS.json(folder.path(), &["train", "--config", "areas.yaml", "--epochs", "1", "--threads", "1", "--out", "run"]);
    assert!(folder.path().join("run/graph.svg").exists() && folder.path().join("run/report.html").exists());
}

/// Every setting changes what is learned.
#[test]
fn no_setting_is_without_effect() {
    let folder = workplace();
    // V1 would send feedback to itself, the kernels differ, and feedback carries a signal from the third frame on
    let graph = GRAPH.replacen("\n0,1,", "\n-1,1,", 1).replacen("7,7,3,3", "14,14,5,5", 1);
    fs::write(folder.path().join("graph.csv"), graph).unwrap();
    let usual = Config {
        batch_size: 80,
        frames: 3,
        results_save: None,
        ..Config::read(folder.path().join("areas.yaml")).unwrap()
    };
    let normalised = Config { normalise: true, ..usual.clone() };
    let slower = Config { lr_epochs: Some(1), ..usual.clone() };
    let of = |change: fn(&mut Config)| {
        let mut config = usual.clone();
        change(&mut config);
        config
    };
    let all = [
        ("the usual ones", usual.clone()),
        ("image_size", of(|c| c.image_size = Some(16))),
        ("split", of(|c| c.split = Split::LastFifth)),
        ("lr_epochs", slower.clone()),
        ("lr_factor", Config { lr_factor: 0.5, ..slower }),
        ("layer_norm", of(|c| c.layer_norm = true)),
        ("cell_bias", of(|c| c.cell_bias = true)),
        ("compat", of(|c| c.compat = true)),
        ("normalise", normalised.clone()),
        ("dataset", Config { dataset: DataSet::FashionMnist, ..normalised }),
        ("reciprocal", of(|c| c.reciprocal = false)),
        ("dropout", of(|c| c.dropout = false)),
        ("topdown", of(|c| c.topdown = false)),
        ("ping-pong", of(|c| c.schedule = Schedule::PingPong)),
        ("in-place", of(|c| c.schedule = Schedule::InPlace)),
        ("process_time", of(|c| c.process_time = Some(2))),
        ("hidden_units", of(|c| c.hidden_units = 20)),
    ];
    tch::set_num_threads(1);
    let mut found = BTreeMap::new();
    for (name, config) in all {
        let run = folder.path().join(name);
        train(&config, &run, &TrainOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let same = found.insert(fs::read(run.join("network.pt")).unwrap(), name);
        assert_eq!(same, None, "{name} changes nothing");
    }
}

#[test]
fn bad_input_is_refused() {
    let folder = workplace();
    let at = |name: &str| folder.path().join(name);
    let train = |more: &[&str]| {
        AREAS.fails(folder.path(), &[&["train", "--config", "areas.yaml", "--out", "run"], more].concat(), 1)
    };
    assert!(train(&["--output", "2"]).contains("output_nodes"), "no such area");
    assert!(train(&["--inputs", "0,0"]).contains("input_nodes"));
    // V1 gets no edges from V2
    let message =
        AREAS.fails(folder.path(), &["inspect", "--config", "areas.yaml", "--inputs", "1", "--output", "0"], 1);
    assert!(message.contains("no edges lead from an input to the output V1"), "{message}");
    assert!(train(&["--data", "nowhere"]).contains("nowhere"));
    assert!(train(&["--epochs", "0"]).contains("epochs"));
    for threads in ["0", "1025", "4294967295"] {
        let message = AREAS.fails(folder.path(), &["train", "--config", "areas.yaml", "--threads", threads], 2);
        assert!(message.contains("1..=1024"), "{message}");
    }
    fs::create_dir(at("folder.json")).unwrap();
    assert!(train(&["--graph", "areas.yaml"]).contains("areas.yaml"));
    for (line, wanted) in [
        ("dropout_p: 1.0", "dropout"),
        ("batch_size: 0", "batch_size"),
        ("lr: -1", "lr"),
        ("n_classes: 4", "n_classes"),
        ("results_save: history.pkl", "pickles are not written"),
        ("schedule: random", "synchronous, ping-pong, in-place"),
        ("layers: 3", "unknown field"),
        ("output_nodes: [0, 1]", "output_nodes"),
        ("process_time: 1", "first updated in step 1"),
        ("proj_hidden_dim: 1000000000000", "parameters"),
        ("frames: 5000000000", "frames"),
        ("n_classes: 1000000", "n_classes"),
        ("process_time: 4294967295", "at most 100000"),
        ("image_size: 1000000", "at most 4096"),
        ("seed: 18446744073709551615", "at most 9223372036854775807"),
        ("output_nodes: -1", "number of an area"),
        ("output_nodes: V2", "number of an area"),
        ("model_save: ''", "model_save: it is empty"),
        ("model_save: folder.json", "is a folder"),
        ("results_save: folder.json", "is a folder"),
        ("results_save: areas.yaml/history.json", "cannot write"),
        (
            "frames: 1\nprocess_time: 3\nschedule: ping-pong",
            "V2 was updated in steps that wrote to the other set of states",
        ),
    ] {
        let key = line.split(':').next().unwrap();
        let rest: String = SETTINGS.lines().filter(|l| !l.starts_with(key)).map(|l| format!("{l}\n")).collect();
        fs::write(at("areas.yaml"), format!("{rest}{line}\n")).unwrap();
        let message = train(&[]);
        assert!(message.contains(wanted), "{line}: {message}");
    }
    assert!(!at("run").exists(), "nothing is left behind");
    assert!(AREAS.fails(folder.path(), &["eval", "run"], 1).contains("config.toml"));
    assert!(AREAS.fails(folder.path(), &["train", "--config", "absent.toml"], 1).contains("absent.toml"));
}

/// The file of settings that the program writes is what it takes by default.
#[test]
fn settings_are_written() {
    let folder = workplace();
    AREAS.prints(folder.path(), &["init"]);
    let text = fs::read_to_string(folder.path().join("areas.toml")).unwrap();
    fs::write(folder.path().join("areas.toml"), text.replace("sample_graph.csv", "graph.csv").replace("[2]", "[1]"))
        .unwrap();
    let written = Config::read(folder.path().join("areas.toml")).unwrap();
    let [graph_loc, data_path] = ["graph.csv", "data"].map(|name| folder.path().join(name));
    let output_nodes = Nodes::Many(vec![1]);
    assert_eq!(written, Config { graph_loc, data_path, output_nodes, ..Config::default() });
    assert!(AREAS.fails(folder.path(), &["init"], 1).contains("--force"));
    AREAS.prints(folder.path(), &["init", "--force"]);
    let again = fs::read_to_string(folder.path().join("areas.toml")).unwrap();
    assert!(again.contains("sample_graph.csv"), "{again}");
}
