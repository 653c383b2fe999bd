//! `flybrain train-...` as a user runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use flybrain::rate::RateSystem;
use lyapunov::Wiring;
use serde_json::Value;

const WORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv");
const REGIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/flystability");

fn flybrain(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flybrain")).args(args).current_dir(folder).output().unwrap()
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let output = flybrain(folder, &[args, &["--json", "--quiet"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that must fail says.
fn fails(folder: &Path, args: &[&str], code: i32) -> String {
    let output = flybrain(folder, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn log(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("log.json")).unwrap()).unwrap()
}

/// The default task, small: fifteen neurons, twelve epochs.
const SMALL: &[&str] = &[
    "--n",
    "15",
    "--nle",
    "5",
    "--g",
    "1",
    "--n_epochs",
    "12",
    "--activation",
    "tanh_pos",
    "--loss",
    "MSE",
    "--tsim",
    "20",
    "--lr",
    "0.1",
    "--seed",
    "3",
];

fn falls(losses: &[f64]) {
    assert!(losses[losses.len() - 1] < 0.8 * losses[0], "{losses:?}");
}

#[test]
fn random_networks_are_trained_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let train = [&["train_rd_model", "--out", "run"], SMALL].concat();
    let first = json(folder.path(), &[&train[..], &["--n_samples", "1"]].concat());
    assert_eq!(
        first["name"],
        "tanh_pos_WeightsTrue_ShiftsFalse_GainsFalse_N15_lr0.1_NLE5_Epochs12_MSE_0.00_g1_Tons0.2_Tsim20_dt0.1"
    );
    let at = |name: &str| folder.path().join("run").join(name);
    for file in
        ["config.toml", "run.json", "report.html", "learning.svg", "learning.png", "spectrum.svg", "spectrum.png"]
    {
        assert!(at(file).exists(), "{file} is missing");
    }
    let report = fs::read_to_string(at("report.html")).unwrap();
    assert!(report.contains("1 of 1 networks are done") && report.matches("<figure>").count() == 2, "{report}");
    let written = log(&at("sample_0"));
    let losses = numbers(&written["training_loss"]);
    assert_eq!((losses.len(), numbers(&written["spectrum"]).len()), (12, 15));
    falls(&losses);
    assert!(numbers(&written["grad_weights"]).iter().all(|x| *x > 0.0));
    assert_eq!(numbers(&written["grad_gains"]), [0.0; 12]);
    let [before, after] =
        ["initial", "network"].map(|name| RateSystem::read(at(&format!("sample_0/{name}.safetensors"))).unwrap());
    assert_ne!(before.weights(), after.weights());
    assert_eq!((before.gains(), before.state()), (after.gains(), after.state()));
    assert!((0..15).all(|i| after.weights()[i * 16] == 0.0), "no neuron acts on itself");

    // One more sample: the first is kept.
    let modified = || fs::metadata(at("sample_0/network.safetensors")).unwrap().modified().unwrap();
    let time = modified();
    let second = json(folder.path(), &[&train[..], &["--n_samples", "2"]].concat());
    assert_eq!((&second["samples"][0]["kept"], &second["samples"][1]["kept"]), (&true.into(), &false.into()));
    assert_eq!((modified(), &second["samples"][0]["loss"]), (time, &first["samples"][0]["loss"]));
    assert_ne!(second["samples"][0]["loss"], second["samples"][1]["loss"]);
    // Other settings are not mixed in.
    let message = fails(folder.path(), &[&train[..], &["--n_samples", "2", "--tons", "0.4"]].concat(), 1);
    assert!(message.contains("tons is 0.2 there, 0.4 here"), "{message}");
}

/// A training that goes on where it stopped is the same as one in a piece, whatever the number of threads.
#[test]
fn in_one_piece_or_two() {
    let folder = tempfile::tempdir().unwrap();
    let train = |out: &str, epochs: &str, more: &[&str]| {
        let args = ["train-random-fixed", "--out", out, "--n", "12", "--n_samples", "1", "--nle", "4", "--g", "1.5"];
        let rest =
            ["--n_epochs", epochs, "--activation", "tanh_streched", "--loss", "l2", "--tsim", "10", "--target=-1"];
        let groups =
            ["--train_gains", "True", "--train_shifts", "True", "--lr", "0.02", "--number_param", "30", "5", "4"];
        json(folder.path(), &[&args[..], &rest, &groups, more].concat())
    };
    let whole = train("whole", "20", &["--threads", "1"]);
    train("parts", "10", &["--threads", "2"]);
    let parts = train("parts", "20", &["--resume", "--threads", "3"]);
    assert_eq!(whole["samples"][0]["loss"], parts["samples"][0]["loss"]);
    let read = |run: &str, file: &str| fs::read(folder.path().join(run).join("sample_0").join(file)).unwrap();
    for file in ["training.csv", "validation.csv", "spectrum.csv", "initial.safetensors", "network.safetensors"] {
        assert!(read("whole", file) == read("parts", file), "{file} differs");
    }
    let losses = numbers(&log(&folder.path().join("whole/sample_0"))["training_loss"]);
    assert!(losses[19] < losses[0], "{losses:?}");
    let network =
        |name: &str| RateSystem::read(folder.path().join(format!("whole/sample_0/{name}.safetensors"))).unwrap();
    let (before, after) = (network("initial"), network("network"));
    let changed = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| a != b).count();
    assert_eq!(changed(before.weights(), after.weights()), 30);
    assert_eq!((changed(before.gains(), after.gains()), changed(before.shifts(), after.shifts())), (5, 4));
    // A training that was stopped in the middle is not begun anew by mistake.
    fs::remove_file(folder.path().join("parts/sample_0/network.safetensors")).unwrap();
    let args = ["train-random-fixed", "--out", "parts", "--n", "12", "--n_samples", "1", "--nle", "4", "--g", "1.5"];
    let rest = ["--n_epochs", "20", "--activation", "tanh_streched", "--loss", "l2", "--tsim", "10", "--target=-1"];
    let groups = ["--train_gains", "True", "--train_shifts", "True", "--lr", "0.02", "--number_param", "30", "5", "4"];
    let message = fails(folder.path(), &[&args[..], &rest, &groups].concat(), 1);
    assert!(message.contains("not at its end"), "{message}");
    // Its last step was done, so that only what follows it is made again.
    train("parts", "20", &["--resume"]);
    assert!(read("whole", "network.safetensors") == read("parts", "network.safetensors"));
    assert!(read("whole", "spectrum.csv") == read("parts", "spectrum.csv"));
}

/// What an interruption leaves between two spectra is noticed, whether epochs are left to do or not.
#[test]
fn spectra_and_networks_are_of_the_last_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let args = |epochs: &'static str, more: &[&'static str]| {
        let args = ["train-random", "--out", "run", "--n", "6", "--n_samples", "1", "--nle", "2", "--g", "1"];
        let rest = ["--activation", "tanh_pos", "--loss", "MSE", "--tsim", "5", "--lr", "0.1", "--n_epochs", epochs];
        [&args[..], &rest, more].concat()
    };
    let own = folder.path().join("run/sample_0");
    json(folder.path(), &args("5", &[]));
    let whole = log(&own);
    let csv = fs::read_to_string(own.join("training.csv")).unwrap();
    // Interrupted after five epochs, before the first spectrum, or with that of an earlier epoch.
    for earlier in [None, Some(3)] {
        fs::remove_file(own.join("network.safetensors")).unwrap();
        fs::remove_file(own.join("log.json")).unwrap();
        if let Some(epochs) = earlier {
            let mut stale = whole.clone();
            (stale["epochs"], stale["finished"]) = (epochs.into(), false.into());
            stale["spectrum"] = vec![7.0; 6].into();
            fs::write(own.join("log.json"), stale.to_string()).unwrap();
        }
        json(folder.path(), &args("5", &["--resume"]));
        let again = log(&own);
        assert_eq!((&again["epochs"], &again["finished"]), (&5.into(), &true.into()));
        let (got, want) = (numbers(&again["spectrum"]), numbers(&whole["spectrum"]));
        assert!(got.len() == 6 && got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 0.5), "{got:?}, {want:?}");
    }
    // Interrupted on the way from five epochs to eight: the network is still that of five.
    let last = csv.lines().last().unwrap();
    fs::write(own.join("training.csv"), format!("{csv}{last}\n{last}\n{last}\n")).unwrap();
    assert!(fails(folder.path(), &args("8", &[]), 1).contains("not at its end"));
    let kept = json(folder.path(), &args("5", &[]));
    assert_eq!((&kept["samples"][0]["kept"], &kept["samples"][0]["epochs"]), (&true.into(), &5.into()));
    let longer = json(folder.path(), &args("8", &["--resume"]));
    assert_eq!((&longer["samples"][0]["kept"], &longer["samples"][0]["epochs"]), (&false.into(), &8.into()));
    assert_eq!(log(&own)["epochs"], 8);
    // Epochs that were lost are not made up for.
    fs::remove_file(own.join("network.safetensors")).unwrap();
    fs::write(own.join("training.csv"), csv).unwrap();
    assert!(fails(folder.path(), &args("8", &["--resume"]), 1).contains("newest checkpoint is of epoch 8"));
    assert!(fails(folder.path(), &["collect", "run"], 1).contains("training on exponents"));
}

#[test]
fn regions_are_trained_by_neuron_and_by_population() {
    let folder = tempfile::tempdir().unwrap();
    let task = ["--data", REGIONS, "--n_epochs", "15", "--tsim", "20", "--lr", "0.2"];
    let args =
        ["train_flybrain_full", "--roi", "roi_SYN", "--out", "full", "--n_samples", "1", "--nle", "3", "--loss", "MSE"];
    json(folder.path(), &[&args[..], &["--activation", "tanh_pos"], &task].concat());
    let own = folder.path().join("full/sample_0");
    falls(&numbers(&log(&own)["training_loss"]));
    let network = RateSystem::read(own.join("network.safetensors")).unwrap();
    assert_eq!((network.n(), network.n_types()), (14, 14));

    json(folder.path(), &[&["train_flybrain_pop", "--roi", "roi_SYN", "--out", "pop"][..], &task].concat());
    let own = folder.path().join("pop/sample_0");
    falls(&numbers(&log(&own)["training_loss"]));
    let network = RateSystem::read(own.join("network.safetensors")).unwrap();
    assert_eq!(network.types().names(), ["acetylcholine", "gaba", "glutamate"]);
    assert!(network.gains().iter().all(|g| *g != 1.0));
    let text = fs::read_to_string(folder.path().join("pop/run.json")).unwrap();
    assert!(text.contains("sha256") && text.contains("roi_SYN"), "{text}");
}

/// Samples of a file that was changed since are not mixed with those of the file that is there now.
#[test]
fn samples_are_of_one_connectome() {
    let folder = tempfile::tempdir().unwrap();
    let write = |weight: u32| {
        fs::write(folder.path().join("tri.csv"), format!("pre,post,weight\n0,1,{weight}\n1,2,3\n2,0,2\n")).unwrap();
    };
    let args = |samples: &'static str| {
        let args =
            ["train-connectome", "--roi", "tri.csv", "--out", "run", "--unknown_signs", "excitatory", "--nle", "1"];
        let rest =
            ["--loss", "l2", "--activation", "tanh_pos", "--n_epochs", "1", "--tsim", "2", "--n_samples", samples];
        [&args[..], &rest].concat()
    };
    let digest = || {
        let network = RateSystem::read(folder.path().join("run/sample_0/network.safetensors")).unwrap();
        network.origin().unwrap().sha256.clone()
    };
    write(4);
    json(folder.path(), &args("1"));
    let old = digest();
    let config = fs::read(folder.path().join("run/config.toml")).unwrap();
    write(5);
    let message = fails(folder.path(), &args("2"), 1);
    assert!(message.contains("sample_0/network.safetensors") && message.contains(&old), "{message}");
    assert!(message.matches("digest").count() == 1 && message.contains("name another folder"), "{message}");
    assert!(fs::read(folder.path().join("run/config.toml")).unwrap() == config, "nothing is written");
    write(4);
    let found = json(folder.path(), &args("2"));
    assert_eq!((&found["samples"][0]["kept"], &found["samples"][1]["kept"]), (&true.into(), &false.into()));
}

/// Any connectome will do: the worm's chemical synapses, by role of the neurons, kept sparse.
#[test]
fn other_connectomes_are_trained() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["train-populations", "--roi", WORM, "--out", "worm", "--unknown_signs", "omit", "--nle", "2"];
    let task = ["--n_epochs", "4", "--tsim", "5", "--lr", "0.1", "--spectrum_nle", "10"];
    json(folder.path(), &[&args[..], &task].concat());
    let own = folder.path().join("worm/sample_0");
    let losses = numbers(&log(&own)["training_loss"]);
    assert!(losses[3] < losses[0], "{losses:?}");
    let network = RateSystem::read(own.join("network.safetensors")).unwrap();
    assert!(matches!(network.wiring(), Wiring::Sparse(_)) && network.n() == 302);
    let message = fails(folder.path(), &[&args[..3], &["--out", "no"]].concat(), 1);
    assert!(message.contains("sign is not known") && message.contains("omit"), "{message}");
    let message = fails(
        folder.path(),
        &[&args[..3], &["--unknown_signs", "omit", "--subpopulation", "lineage", "--out", "no"]].concat(),
        1,
    );
    assert!(message.contains("lineage") && message.contains("neurotransmitter"), "{message}");
    assert!(!folder.path().join("no").exists(), "nothing is left behind");
    let message = fails(folder.path(), &[&args[..3], &["--dale", "True", "--out", "no"]].concat(), 1);
    assert!(message.contains("dale: "), "{message}");
    fs::write(folder.path().join("twice.csv"), "pre,post,weight\n0,1,3\n0,1,2\n").unwrap();
    let message = fails(folder.path(), &["train-populations", "--roi", "twice.csv", "--out", "no"], 1);
    assert!(message.contains("`--duplicates sum`") && message.contains("flybrain data convert"), "{message}");
}

/// What FlyStability does differently: a start at 0, one exponent less, one epoch less in the log, other signs.
#[test]
fn flystability_is_reproduced_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    json(folder.path(), &[&["train_rd_model", "--out", "run", "--n_samples", "1", "--compat"], SMALL].concat());
    let written = log(&folder.path().join("run/sample_0"));
    assert_eq!((numbers(&written["training_loss"]).len(), numbers(&written["spectrum"]).len()), (11, 14));
    let network = RateSystem::read(folder.path().join("run/sample_0/network.safetensors")).unwrap();
    assert_eq!(network.state(), [0.0; 15]);
    falls(&numbers(&written["training_loss"]));
}

/// Dale's law holds where it is asked for: no connection changes its sign.
#[test]
fn weights_stay_positive_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let train = |out: &str, dale: &str| {
        let args = ["train-random", "--out", out, "--n_samples", "1", "--dale", dale];
        json(folder.path(), &[&args[..], SMALL].concat());
        RateSystem::read(folder.path().join(out).join("sample_0/network.safetensors")).unwrap()
    };
    assert!(train("free", "False").weights().iter().any(|w| *w < 0.0));
    assert!(train("dale", "True").weights().iter().all(|w| *w >= 0.0));
}

#[test]
fn bad_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let train = |more: &[&str], code: i32| {
        fails(folder.path(), &[&["train-random", "--n_samples", "1", "--out", "run"], SMALL, more].concat(), code)
    };
    assert!(train(&["--dt", "2"], 1).contains("at most 1"));
    assert!(train(&["--tons", "soon"], 2).contains("a time or none"));
    assert!(train(&["--train_gains", "maybe"], 2).contains("True"));
    assert!(train(&["--train_weights", "False"], 1).contains("choose some"));
    let over = |key: &str, value: &str, what: &str| {
        let rest: Vec<&str> = SMALL.chunks(2).filter(|pair| pair[0] != key).flatten().copied().collect();
        let args = [&["train-random", "--n_samples", "1", "--out", "run", key, value][..], &rest].concat();
        let message = fails(folder.path(), &args, 1);
        assert!(message.contains(what), "{key}: {message}");
    };
    over("--nle", "16", "16 exponents of 15 neurons");
    over("--n", "0", "nle");
    over("--lr", "0", "above 0");
    over("--tsim", "0", "above 0");
    over("--n_epochs", "0", "at least 1");
    over("--tsim", "1e300", "1e15 steps");
    assert!(train(&["--tons", "1e300"], 1).contains("give a time above 0"));
    assert!(train(&["--target", "1e200"], 1).contains("target: "));
    assert!(train(&["--spectrum_nle", "0"], 1).contains("spectrum_nle: 0"));
    assert!(train(&["--dale", "True", "--train_weights", "False", "--train_gains", "True"], 1).contains("dale: "));
    assert!(train(&["--threads", "0"], 2).contains("0 is not in 1..=1024"));
    let short: Vec<&str> = SMALL.iter().map(|word| if *word == "20" { "0.1" } else { word }).collect();
    let args = [&["train-random", "--n_samples", "1", "--out", "run", "--compat"], &short[..]].concat();
    assert!(fails(folder.path(), &args, 1).contains("tsim: FlyStability's counts"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_flybrain"));
    command.args(["train-random", "--n_samples", "1", "--out", "run"]).args(SMALL).current_dir(folder.path());
    let output = command.env("OMPI_COMM_WORLD_SIZE", "4").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && message.contains("one of 4 processes"), "{message}");
    let fixed = |counts: &[&str]| {
        let args =
            [&["train-random-fixed", "--n_samples", "1", "--out", "run", "--number_param"], counts, SMALL].concat();
        fails(folder.path(), &args, 1)
    };
    assert!(fixed(&["211", "0", "0"]).contains("there are 210"));
    let message = fails(folder.path(), &["train-populations", "--roi", "EB"], 1);
    for file in ["adjacency_scc.npy", "nid_scc.npy", "ei_neuron_types.npy", "neuprint.janelia.org"] {
        assert!(message.contains(file), "{message}");
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(!fails(folder.path(), &["train-populations", "--roi", "empty"], 1).is_empty());
    assert!(
        !folder.path().join("run").exists() && !folder.path().join("flybrain_RNN_cell").exists(),
        "nothing is left behind"
    );
    fs::create_dir(folder.path().join("run")).unwrap();
    fs::write(folder.path().join("run/thesis.tex"), "").unwrap();
    assert!(train(&[], 1).contains("not empty"));
}
