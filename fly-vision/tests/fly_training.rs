//! Training: gradients are right, runs go on bit for bit where they were stopped, and losses fall.

use connectome_graph::hex::{Extent, expand};
use fly_vision::network::{Activation, EngineKind, Network, Wiring};
use fly_vision::stimulus::{SceneSettings, Scenes};
use fly_vision::task::{Crop, Decay, DecoderOptions, FlowData, FlowSet, ItemSeed, Split};
use fly_vision::training::{
    ActivityPenalty, FlyTraining, Items, ParameterPenalty, Penalised, RunOptions, Start, Towards, TrainingSettings,
    batch, scenes_flow,
};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Kind, Tensor};

fn data(extent: u32, scenes: usize) -> FlowSet {
    let settings = SceneSettings { extent: Extent(extent), scenes, textures: 2, ..SceneSettings::default() };
    scenes_flow(&Scenes::new(settings, Vec::new()).unwrap()).unwrap()
}

fn training(extent: u32, engine: EngineKind, kind: Kind, settings: TrainingSettings) -> FlyTraining {
    let fly = expand(&fly_vision::connectome().unwrap(), Extent(extent)).unwrap();
    let builder = Network::builder(Wiring::from_hex(&fly).unwrap()).engine(engine).kind(kind);
    FlyTraining::new(builder, settings).unwrap()
}

/// A network whose rectifiers leak.
fn leaky(settings: TrainingSettings) -> FlyTraining {
    let fly = expand(&fly_vision::connectome().unwrap(), Extent(1)).unwrap();
    let builder = Network::builder(Wiring::from_hex(&fly).unwrap()).activation(Activation::LeakyRelu(0.1));
    FlyTraining::new(builder, settings).unwrap()
}

/// Without dropout, weights of the decoder that differ from each other, and few frames.
fn plain(penalty: f64) -> TrainingSettings {
    let mut settings = TrainingSettings::lasting(10).lr(1e-3);
    settings.decoder = DecoderOptions {
        dropout: 0.0,
        initial: fly_vision::task::Initial::Uniform { seed: 3 },
        ..DecoderOptions::default()
    };
    settings.augmentation.crop = Crop::Frames(5);
    settings.penalty = ActivityPenalty { weight: penalty, ..settings.penalty };
    settings
}

/// The first sequences of a set, as they are validated with.
fn items(data: &dyn FlowData, training: &FlyTraining, n: usize) -> Items {
    let plain = training.settings().augmentation.without_draws();
    let one = |i: usize| {
        let sample = data.sample(i).unwrap();
        let variation = plain.draw(sample.frames(), ItemSeed { run: 0, epoch: 0, item: 0 }).unwrap();
        variation.apply(&sample, training.lattice(), data.frame_rate()).unwrap()
    };
    batch(&(0..n).map(one).collect::<Vec<_>>()).unwrap()
}

/// The gradient of the task's loss by each kind of parameter is that of differences.
#[test]
fn gradients_are_those_of_differences() {
    let training = training(1, EngineKind::Stencil, Kind::Double, plain(0.0));
    let items = items(&data(1, 2), &training, 2);
    training.settle().unwrap();
    let loss = || training.loss(&items.luminance, &items.flow, 0, 0).unwrap().0;
    loss().backward();
    let all = training.parameters();
    for name in [
        "network.nodes_bias",
        "network.nodes_time_const",
        "network.edges_syn_strength",
        "decoder.base.0.weight",
        "decoder.base.1.bias",
        "decoder.decoder.0.weight",
    ] {
        let parameter = all.get(name).unwrap();
        let gradient = Vec::<f64>::try_from(parameter.grad().view(-1)).unwrap();
        let size = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert!(size > 0.0, "{name}");
        let flat = parameter.detach().view(-1);
        // the entry of the largest gradient, and some others
        let largest = gradient.iter().position(|g| g.abs() == size).unwrap() as i64;
        let n = gradient.len() as i64;
        for at in [largest, n / 3, n / 2, n - 1] {
            let mut entry = flat.get(at);
            let value = entry.double_value(&[]);
            let step = 1e-6 * value.abs().max(1e-3);
            let at_value = |value: f64, entry: &mut Tensor| {
                let _ = tch::no_grad(|| entry.fill_(value));
                tch::no_grad(|| loss().double_value(&[]))
            };
            let difference = (at_value(value + step, &mut entry) - at_value(value - step, &mut entry)) / (2.0 * step);
            let _ = tch::no_grad(|| entry.fill_(value));
            let got = gradient[at as usize];
            // weights outside the kernel's hexagon are zeroed before each use
            let is_outside = name.ends_with("weight") && got == 0.0;
            assert!(is_outside || (got - difference).abs() < 1e-4 * size, "{name}[{at}]: {got}, {difference}");
        }
    }
}

/// The step on the penalty is along the gradient that libtorch computes through operations of its own, and it leaves all else alone.
#[test]
fn penalty_steps_along_its_gradient() {
    let movies = data(1, 2);
    let mut steps = Vec::new();
    for engine in [EngineKind::Stencil, EngineKind::Tensors] {
        let training = training(1, engine, Kind::Double, plain(0.1));
        let items = items(&movies, &training, 2);
        training.settle().unwrap();
        let bias = &training.network().parameters().bias;
        let before = bias.detach().copy();
        let (_, value, pass) = training.loss(&items.luminance, &items.flow, 0, 0).unwrap();
        let penalty = training.settings().penalty.of(&pass.central).unwrap();
        assert!(value > 0.0 && (penalty.double_value(&[]) - value).abs() < 1e-12);
        let gradient = Tensor::run_backward(&[&penalty], &[bias], true, false).swap_remove(0);
        assert!(!bias.grad().defined() && !training.network().parameters().strength.grad().defined());
        training.penalise(0.5).unwrap();
        let step = (&before - bias.detach()) / 0.5;
        assert!((&step - &gradient).abs().max().double_value(&[]) < 1e-12);
        steps.push(step);
        // once only
        training.penalise(0.5).unwrap();
        assert!(((&before - bias.detach()) / 0.5 - &gradient).abs().max().double_value(&[]) < 1e-12);
    }
    let apart = (&steps[0] - &steps[1]).abs().max().double_value(&[]);
    assert!(apart < 1e-12 && steps[0].abs().max().double_value(&[]) > 1e-4, "{apart}");
    // after its end there is none
    let training = training(1, EngineKind::Stencil, Kind::Double, plain(0.1));
    let items = items(&movies, &training, 2);
    let until = training.settings().penalty.until;
    assert_eq!(training.loss(&items.luminance, &items.flow, until, 0).unwrap().1, 0.0);
}

/// Parameters are pulled to 0, or to where they were when the run began, by steps of their own.
#[test]
fn parameters_are_pulled_back() {
    let movies = data(1, 4);
    let penalties = |towards, weight| ParameterPenalty { parameters: Penalised::Strengths, towards, weight };
    let train = |penalty: ParameterPenalty| {
        let settings = TrainingSettings {
            batch: 2,
            parameter_penalties: vec![penalty],
            lr_penalty: Decay { start: 0.1, stop: 0.1, ..TrainingSettings::lasting(8).lr_penalty },
            ..plain(0.0)
        };
        let mut training =
            training(1, EngineKind::Stencil, Kind::Double, TrainingSettings { iterations: 8, ..settings });
        training.network_mut().set_pretrained(0).unwrap();
        let start = training.network().parameters().strength.detach().copy();
        training.run(&movies, &Split::by(4, |i| i == 0), &RunOptions::default()).unwrap();
        let end = training.network().parameters().strength.detach();
        [(&end - &start).norm(), end.norm(), start.norm()].map(|norm| norm.double_value(&[]))
    };
    let [free, ..] = train(penalties(Towards::Start, 0.0));
    let [held, ..] = train(penalties(Towards::Start, 4.0));
    let [_, small, start] = train(penalties(Towards::Zero, 1.0));
    assert!(free > 1e-3 && held < 0.5 * free, "{held} of {free}");
    // each of 8 steps takes a fifth; Adam's are small beside that
    assert!((small / start - 0.8f64.powi(8)).abs() < 0.05, "{small} of {start}");
}

/// Every file of a run.
fn files(folder: &Path) -> BTreeMap<std::ffi::OsString, Vec<u8>> {
    [folder.to_path_buf(), folder.join("checkpoints")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// A training that is stopped within an epoch and goes on is, to the last bit of its files, one that was never stopped: dropout,
/// variations, order, rest in grey, optimisers, penalties and what changes with the iteration.
#[test]
fn resumed_trainings_are_whole_ones() {
    let movies = data(1, 6);
    let split = Split::by(6, |i| i == 0);
    let falling = |start: f64, stop: f64| Some(Decay { start, stop, ..TrainingSettings::lasting(7).lr_network });
    let settings = TrainingSettings {
        batch: 2,
        validate_every: 1,
        seed: 5,
        penalty_weight: falling(0.1, 0.01),
        parameter_penalties: vec![ParameterPenalty {
            parameters: Penalised::TimeConstants,
            towards: Towards::Start,
            weight: 10.0,
        }],
        dt: falling(0.02, 0.012),
        leak: falling(0.1, 0.001),
        ..TrainingSettings::lasting(7).lr(1e-3)
    };
    let run = |folder: &Path, iterations: u64, start: Start| {
        let settings = TrainingSettings { iterations, ..settings.clone() };
        let options = RunOptions { folder: Some(folder.into()), start, log_every: 1, ..RunOptions::default() };
        let mut training = leaky(settings);
        training.run(&movies, &split, &options).map(|_| training.network().activation())
    };
    let [whole, parts] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert_eq!(run(whole.path(), 7, Start::Anew).unwrap(), Activation::LeakyRelu(0.001));
    // two batches in an epoch: 3 is within the second, 4 at its end
    let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (stop, start) in [(3, Start::Anew), (4, Start::Resume)] {
        threads.install(|| run(parts.path(), stop, start)).unwrap();
    }
    assert!(run(parts.path(), 7, Start::Anew).unwrap_err().to_string().contains("resume"));
    run(parts.path(), 7, Start::Resume).unwrap();
    let (whole, parts) = (files(whole.path()), files(parts.path()));
    assert!(whole.len() >= 5 && whole.keys().eq(parts.keys()), "{:?} {:?}", whole.keys(), parts.keys());
    for (name, bytes) in &whole {
        assert!(parts[name] == *bytes, "{name:?} differs");
    }
}

/// A folder of other data, another wiring or other cells that are held is refused.
#[test]
fn other_trainings_are_refused() {
    let movies = data(1, 4);
    let folder = tempfile::tempdir().unwrap();
    let run = |movies: &FlowSet, batch: usize| {
        let settings = TrainingSettings { batch, ..TrainingSettings::lasting(2) };
        let start = Start::Resume;
        let options = RunOptions { folder: Some(folder.path().into()), start, ..RunOptions::default() };
        training(1, EngineKind::Stencil, Kind::Float, settings).run(movies, &Split::by(4, |_| false), &options)
    };
    run(&movies, 2).unwrap();
    assert!(run(&movies, 4).unwrap_err().to_string().contains("batch"));
    let reordered = FlowSet::new(
        movies.frame_rate(),
        (0..4).rev().map(|i| (movies.name(i).to_owned(), movies.sample(i).unwrap().into_owned())).collect(),
    );
    assert!(run(&reordered.unwrap(), 2).unwrap_err().to_string().contains("data"));
    // so are other sequences to validate with, in the same places
    let folder = tempfile::tempdir().unwrap();
    let run_validated = |movies: &FlowSet| {
        let settings = TrainingSettings { batch: 2, ..TrainingSettings::lasting(2) };
        let options = RunOptions { folder: Some(folder.path().into()), start: Start::Resume, ..RunOptions::default() };
        training(1, EngineKind::Stencil, Kind::Float, settings).run(movies, &Split::by(4, |i| i == 3), &options)
    };
    run_validated(&movies).unwrap();
    let others = (0..4).map(|i| (movies.name(i).to_owned(), movies.sample(i.min(2)).unwrap().into_owned())).collect();
    let others = FlowSet::new(movies.frame_rate(), others).unwrap();
    let error = run_validated(&others).unwrap_err().to_string();
    assert!(error.contains("validation_data") && !error.contains(" data"), "{error}");
    let mut silent =
        training(1, EngineKind::Stencil, Kind::Float, TrainingSettings { batch: 2, ..TrainingSettings::lasting(2) });
    silent.network_mut().silence("T4a").unwrap();
    let options = RunOptions { folder: Some(folder.path().into()), start: Start::Resume, ..RunOptions::default() };
    let error = silent.run(&movies, &Split::by(4, |_| false), &options).unwrap_err().to_string();
    assert!(error.contains("bonds"), "{error}");
    let error = run(&data(2, 4), 2).unwrap_err().to_string();
    assert!(error.contains("19 columns") && error.contains("7 columns"), "{error}");
}

#[test]
fn exploded_networks_are_told() {
    let movies = data(1, 4);
    let settings = TrainingSettings { batch: 2, ..TrainingSettings::lasting(3) };
    let mut training = training(1, EngineKind::Stencil, Kind::Float, settings);
    let _ = tch::no_grad(|| training.network().parameters().bias.shallow_clone().fill_(1e30));
    let error = training.run(&movies, &Split::by(4, |i| i == 0), &RunOptions::default()).unwrap_err().to_string();
    assert!(error.contains("exploded") && error.contains("lower the learning rate"), "{error}");
}

/// A short training on scenes, from a published network, learns: errors on what it was trained on fall below those at first and below those of saying 0.
#[test]
fn errors_fall() {
    let movies = data(2, 8);
    let split = Split::by(8, |_| false);
    let mut settings = TrainingSettings { validate_every: 1000, ..TrainingSettings::lasting(200).lr(1e-4) };
    (settings.lr_decoder.start, settings.lr_decoder.stop) = (1e-2, 1e-3);
    settings.augmentation = settings.augmentation.without_draws();
    settings.decoder.dropout = 0.0;
    settings.decoder.initial = fly_vision::task::Initial::Uniform { seed: 1 };
    let mut training = training(2, EngineKind::Fastest, Kind::Float, settings);
    training.network_mut().set_pretrained(0).unwrap();
    let before = training.errors(&movies, &split.training, 0.25).unwrap();
    training.run(&movies, &split, &RunOptions::default()).unwrap();
    let after = training.errors(&movies, &split.training, 0.25).unwrap();
    assert!(after.epe < 0.9 * before.epe && after.epe < 0.95 * after.epe_of_zero, "{before:?} {after:?}");
    // no constant is much better than 0: directions are as likely as their opposites
    assert!((after.epe_of_mean / after.epe_of_zero - 1.0).abs() < 0.2, "{after:?}");
    assert!(training.network().parameters().strength.min().double_value(&[]) >= 0.0);
}
