//! Trainings of the fly visual system in a folder: shares, resumption, refusals, and what the other commands take of it.

use connectome_graph::hex::{Extent, expand};
use fly_vision::network::{Network, Wiring};
use fly_vision::training::Start;
use flybrain::rate::sweep::Share;
use flybrain::vision::{FlyTrainSettings, Movies, RecordSettings, TrainOptions, record, train, validate};

fn settings() -> FlyTrainSettings {
    FlyTrainSettings {
        models: 2,
        extent: 1,
        iterations: 4,
        batch: 2,
        lr: 1e-3,
        frames: 6,
        validate_every: 2,
        movies: Movies::Scenes { scenes: 5, held_out: 1, seed: 0 },
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
