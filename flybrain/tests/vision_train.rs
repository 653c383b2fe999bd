//! Trainings of the fly visual system in a folder: shares, resumption, kills, refusals, comparison, and what the other commands take of it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use connectome_graph::hex::{Extent, expand};
use fly_vision::network::{Network, Wiring};
use fly_vision::training::Start;
use flybrain::rate::sweep::Share;
use flybrain::vision::{
    CompareSettings, FlyTrainSettings, FlyWiring, Movies, RecordSettings, TrainOptions, collect, compare, record,
    train, validate,
};

fn settings() -> FlyTrainSettings {
    FlyTrainSettings {
        models: 2,
        extent: 1,
        iterations: 4,
        batch: 2,
        lr: 1e-3,
        frames: 6,
        validate_every: 2,
        movies: Movies::Scenes { scenes: 5, held_out: 1, seed: 0, look: Default::default() },
        ..FlyTrainSettings::default()
    }
}

#[test]
fn models_are_shared_out_kept_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("run");
    let share = |task| TrainOptions { share: Share::new(task, 2).unwrap(), ..TrainOptions::default() };
    let first = train(&settings(), &folder, &share(1)).unwrap();
    assert_eq!((first.models.len(), first.missing, first.models[0].model), (1, 1, 1));
    let collected = collect(&folder).unwrap();
    assert_eq!((collected.models, collected.missing), (first.models.clone(), 1));
    let both = train(&settings(), &folder, &share(0)).unwrap();
    assert_eq!((both.missing, both.models[1].clone()), (0, first.models[0].clone()));
    assert_ne!(both.models[0].error, both.models[1].error);
    // what is done is kept; other settings are refused
    assert_eq!(train(&settings(), &folder, &TrainOptions::default()).unwrap().models, both.models);
    let other = FlyTrainSettings { batch: 4, ..settings() };
    let error = train(&other, &folder, &TrainOptions::default()).unwrap_err().to_string();
    assert!(error.contains("batch is 2 there, 4 here"), "{error}");

    // more iterations go on where the others ended
    let longer = FlyTrainSettings { iterations: 6, ..settings() };
    assert!(train(&longer, &folder, &TrainOptions::default()).unwrap_err().to_string().contains("resume"));
    let options = TrainOptions { start: Start::Resume, ..TrainOptions::default() };
    let trained = train(&longer, &folder, &options).unwrap();
    assert_eq!(trained.models.iter().map(|m| m.iterations).collect::<Vec<_>>(), [6, 6]);
    assert_eq!(trained.models[0].error_before, both.models[0].error_before);
    for file in ["config.toml", "run.json", "report.html", "learning.svg", "flow.png"] {
        assert!(folder.join(file).is_file(), "{file}");
    }

    let fly = expand(&fly_vision::connectome().unwrap(), Extent(1)).unwrap();
    let mut network = Network::builder(Wiring::from_hex(&fly).unwrap()).build_alone().unwrap();
    network.load(&trained.models[0].network).unwrap();
    let validated = validate(&folder, &mut |_, _| ()).unwrap();
    let of_first: Vec<u64> = validated.iter().filter(|v| v.model == 0).map(|v| v.iteration).collect();
    assert!(of_first.ends_with(&[4, 6]) && folder.join("checkpoints.csv").is_file(), "{of_first:?}");
    let recorded = record(&folder, &RecordSettings::default(), &mut |_, _| ()).unwrap();
    assert_eq!((recorded.len(), recorded[1].shape), (2, [5, 25, 65]));
}

/// What a training starts from is read when it begins; then it may go.
#[test]
fn starts_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start.safetensors"), folder.path().join("run"));
    Network::builder(settings().wiring(0, Extent(1)).unwrap()).build_alone().unwrap().save(&start).unwrap();
    let from = FlyTrainSettings { models: 1, start: start.display().to_string(), ..settings() };
    let trained = train(&from, &run, &TrainOptions::default()).unwrap();
    let noted = fs::read_to_string(run.join("run.json")).unwrap();
    assert!(noted.contains("\"start.safetensors\"") && noted.contains("\"sha256\""), "{noted}");

    fs::remove_file(&start).unwrap();
    assert_eq!(collect(&run).unwrap().models, trained.models);
    assert!(!validate(&run, &mut |_, _| ()).unwrap().is_empty());
    assert_eq!(record(&run, &RecordSettings::default(), &mut |_, _| ()).unwrap().len(), 1);
    let options = TrainOptions { start: Start::Resume, ..TrainOptions::default() };
    let longer = FlyTrainSettings { iterations: 6, ..from.clone() };
    assert_eq!(train(&longer, &run, &options).unwrap().models[0].iterations, 6);
    // another one does not begin, and leaves nothing
    let other = folder.path().join("other");
    let error = train(&from, &other, &TrainOptions::default()).unwrap_err().to_string();
    assert!(error.contains("start.safetensors") && !other.exists(), "{error}");
}

/// Measured, shuffled and frozen networks are trained and compared.
#[test]
fn runs_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = Vec::new();
    for (name, wiring, frozen) in [
        ("measured", FlyWiring::Unfilled, false),
        ("frozen", FlyWiring::Unfilled, true),
        ("turned", FlyWiring::Symmetries, false),
        ("scattered", FlyWiring::Rings, false),
    ] {
        let run = folder.path().join(name);
        train(&FlyTrainSettings { wiring, frozen, extent: 2, ..settings() }, &run, &TrainOptions::default()).unwrap();
        runs.push(run);
    }
    // nor does a bound that the others keep to move it
    let bounded = FlyTrainSettings { models: 1, extent: 2, frozen: true, least_time_constant: 0.06, ..settings() };
    train(&bounded, &folder.path().join("bounded"), &TrainOptions::default()).unwrap();
    let path = folder.path().join("bounded/model_000/network.safetensors");
    let held =
        connectome_io::format::safetensors::read_tensors(path).unwrap().arrays["nodes_time_const"].to_f64().unwrap();
    assert!(held.iter().all(|t| (t - 0.05).abs() < 1e-6), "{held:?}");
    // what is frozen stays
    let network = |run: &Path, model: usize| {
        let config = FlyTrainSettings::read(&run.join("config.toml")).unwrap();
        let mut network = Network::builder(config.wiring(model, Extent(2)).unwrap()).build_alone().unwrap();
        network.load(run.join(format!("model_00{model}/network.safetensors"))).unwrap();
        Vec::<f32>::try_from(network.parameters().bias.detach()).unwrap()
    };
    let untrained = Network::builder(settings().wiring(0, Extent(2)).unwrap()).build_alone().unwrap();
    assert_eq!(network(&runs[1], 0), Vec::<f32>::try_from(untrained.parameters().bias.detach()).unwrap());
    assert_ne!(network(&runs[0], 0), network(&runs[1], 0));
    // parameters of a shuffled wiring are not taken for another
    let config = FlyTrainSettings::read(&runs[0].join("config.toml")).unwrap();
    let mut unfilled = Network::builder(config.wiring(0, Extent(2)).unwrap()).build_alone().unwrap();
    let error = unfilled.load(runs[2].join("model_000/network.safetensors")).unwrap_err().to_string();
    assert!(error.contains("elsewhere on the lattice"), "{error}");

    let out = folder.path().join("out");
    let asked = CompareSettings { extent: 2, ..CompareSettings::default() };
    let found = compare(&runs, &asked, &out, &mut |_, _| ()).unwrap();
    assert_eq!((found.models.len(), found.runs.len(), found.runs[0].measures[0].p), (8, 4, None));
    // two models each: 6 ways
    assert!(found.runs[2].measures.iter().all(|m| m.p.is_some_and(|p| (6.0 * p).fract() == 0.0 && p >= 2.0 / 6.0)));
    assert_ne!(found.models[0].dsi_of_t4_t5, found.models[4].dsi_of_t4_t5);
    for file in ["report.html", "run.json", "models.csv", "tuning.csv", "comparison.svg"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let error = compare(&runs[..1], &asked, &out, &mut |_, _| ()).unwrap_err().to_string();
    assert!(error.contains("at least two folders"), "{error}");
}

/// Killed again and again, a training ends with the bytes of one that never was.
#[test]
fn killed_trainings_end_as_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("long.toml");
    let long = FlyTrainSettings { models: 1, iterations: 120, validate_every: 15, ..settings() };
    fs::write(&config, long.to_toml().unwrap()).unwrap();
    // where training starts is no file, though there is one of that name
    fs::create_dir(folder.path().join("untrained")).unwrap();
    let start = |out: &str, resume: bool| -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flybrain"));
        command.current_dir(&folder);
        command.args(["vision", "train", "--quiet", "--config"]).arg(&config).arg("--out").arg(folder.path().join(out));
        command.args(resume.then_some("--resume")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    assert!(start("whole", false).wait().unwrap().success());
    let validation = folder.path().join("killed/model_000/validation.csv");
    let rows = || fs::read_to_string(&validation).map_or(0, |text| text.lines().count());
    for (kill, least) in [2, 4, 7].into_iter().enumerate() {
        let mut child = start("killed", kill > 0);
        let patience = Instant::now();
        while rows() < least {
            assert!(child.try_wait().unwrap().is_none(), "ended with {} rows", rows());
            assert!(patience.elapsed() < Duration::from_secs(60), "{} rows", rows());
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL on Unix
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(start("killed", true).wait().unwrap().success());
    for file in ["training.csv", "validation.csv", "network.safetensors", "result.json"] {
        let read = |run: &str| fs::read(folder.path().join(run).join("model_000").join(file)).unwrap();
        let [killed, whole] = ["killed", "whole"].map(read);
        // the result names the folder of its network
        if file == "result.json" {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("/killed/", "/whole/");
            assert_eq!(text(killed), text(whole));
        } else {
            assert!(killed == whole, "{file} differs");
        }
    }
}
