//! Does the fly's eye see motion in movies that no camera took, and does it matter how its synapses are set?
//!
//! A network of the fly's optic lobe and a decoder that reads optic flow from 34 of its cell types are trained on procedural scenes: textured
//! discs and rectangles before a textured background, seen by a camera that moves. Once the network starts as published, where it had
//! learned from films, and once untrained, with the same wiring: 734 numbers, a resting potential and a time constant for each type and
//! a strength for each pair of types, are all that differs. The publication trained a hundred times longer than this: whether so few
//! iterations are enough for either is what the table tells.

use connectome_graph::hex::{Extent, expand};
use examples::{Args, Error, Pictures, Progress, Table, percent, run};
use fly_vision::Network;
use fly_vision::measure::{self, Averaging, PeakOptions};
use fly_vision::network::{Grey, Protocol, Wiring};
use fly_vision::stimulus::{BarSettings, MovingBars, SceneSettings, Scenes, Stimuli};
use fly_vision::task::{DecoderOptions, FlowData, FlowSet, Initial, ItemSeed, Phase, Split};
use fly_vision::training::{FlyTraining, RunOptions, TrainingSettings, batch, scenes_flow};
use flybrain::figure::{Axis, Figure, FlowStyle, Grid, HexFlow, Lines, Mark};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tch::{Kind, Tensor};

fn main() -> ExitCode {
    run(
        "19_train_optic_flow",
        "Trains the fly's motion pathways on optic flow of procedural scenes, published and untrained.",
        example,
    )
}

/// Types that are asked for their direction.
const ASKED: [&str; 8] = ["T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"];

/// A training.
struct Course {
    name: &'static str,
    training: FlyTraining,
    /// End-point errors before and after, on scenes that were held out.
    errors: [f64; 2],
    zero: f64,
    folder: PathBuf,
}

fn example(args: &Args) -> Result<(), Error> {
    let (extent, scenes, iterations) = if args.quick { (2, 16, 60) } else { (5, 128, 1500) };
    let mut progress = Progress::new(5);
    progress.stage("rendering scenes");
    let settings = SceneSettings { extent: Extent(extent), scenes, ..SceneSettings::default() };
    let data = scenes_flow(&Scenes::new(settings, Vec::new())?)?;
    let held_out = scenes / 8;
    let split = Split::by(scenes, |scene| scene >= scenes - held_out);

    let mut courses = Vec::new();
    for name in ["published", "untrained"] {
        progress.stage(&format!("training, {name} at first"));
        courses.push(Course::run(name, &data, &split, extent, iterations, &args.out.join(name))?);
    }
    progress.stage("asking T4 and T5");
    let directions = courses.iter().map(|c| selectivity(&c.training, extent)).collect::<Result<Vec<_>, _>>()?;
    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("learning", "loss and error by iteration", &learning(&courses)?)?;
    pictures.save("flow", "true and decoded flow of a held-out scene", &flow(&courses, &data, split.validation[0])?)?;
    progress.finish();

    println!("{iterations} iterations on {} scenes; end-point error on {held_out} held-out scenes:", scenes - held_out);
    let mut table = Table::new(["network at first", "no motion", "before", "after", "less than no motion by"]);
    for Course { name, errors, zero, .. } in &courses {
        let [before, after] = errors.map(|e| format!("{e:.3}"));
        table.row([(*name).into(), format!("{zero:.3}"), before, after, percent(1.0 - errors[1] / zero)]);
    }
    print!("{table}");
    println!("\nDirection selectivity to moving edges after training, and direction that is preferred:");
    let mut table = Table::new(["type", "published", "direction", "untrained", "direction", "known"]);
    for (row, name) in ASKED.iter().enumerate() {
        let known = measure::known::preferred_direction(name).map_or_else(String::new, |d| format!("{d:.0}°"));
        let [published, untrained] = [0, 1].map(|course: usize| directions[course][row]);
        let index = |found: [f64; 2]| format!("{:.3}", found[0]);
        let angle = |found: [f64; 2]| format!("{:.0}°", found[1].rem_euclid(360.0));
        let (first, second) = (angle(published), angle(untrained));
        table.row([(*name).to_owned(), index(published), first, index(untrained), second, known]);
    }
    print!("{table}");
    let file = courses[0].folder.join("network.safetensors");
    println!(
        "`flybrain vision edges --extent {extent} --models {}` shows edges to the trained network",
        file.display()
    );
    pictures.list();
    Ok(())
}

impl Course {
    fn run(
        name: &'static str,
        data: &FlowSet,
        split: &Split,
        extent: u32,
        iterations: u64,
        folder: &Path,
    ) -> Result<Self, Error> {
        // minutes in place of days: a decoder whose channels differ from the start, with larger steps than the publication's
        let base = TrainingSettings::lasting(iterations).lr(5e-5);
        let mut settings = TrainingSettings { validate_every: iterations / 10, ..base };
        (settings.lr_decoder.start, settings.lr_decoder.stop) = (5e-3, 5e-4);
        settings.decoder = DecoderOptions { initial: Initial::Uniform { seed: 0 }, dropout: 0.0, ..settings.decoder };
        let fly = expand(&fly_vision::connectome()?, Extent(extent))?;
        let mut training = FlyTraining::new(Network::builder(Wiring::from_hex(&fly)?), settings)?;
        if name == "published" {
            training.network_mut().set_pretrained(0)?;
        }
        let before = training.errors(data, &split.validation, 0.25)?;
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let options = RunOptions { folder: Some(folder.to_owned()), log_every: 1, ..RunOptions::default() };
        training.run(data, split, &options)?;
        let after = training.errors(data, &split.validation, 0.25)?;
        training.network().save(folder.join("network.safetensors"))?;
        let (errors, folder) = ([before.epe, after.epe], folder.to_owned());
        Ok(Self { name, training, errors, zero: after.epe_of_zero, folder })
    }
}

/// Direction selectivity and preferred direction (degrees) of the types that are asked, to edges of the contrast that they prefer.
fn selectivity(training: &FlyTraining, extent: u32) -> Result<Vec<[f64; 2]>, Error> {
    let settings = BarSettings { extent: Extent(extent), speeds: vec![19.0], ..BarSettings::edges() };
    let edges = MovingBars::new(settings)?;
    edges.prepare()?;
    let responses = training.network().responses_to(&edges as &dyn Stimuli, &Protocol::default())?;
    let peaks = measure::peak_responses(&responses, &PeakOptions::default())?;
    let dsi = measure::direction_selectivity_index(&peaks, Averaging::OverWidthAndSpeed)?;
    let directions = measure::preferred_direction(&peaks, Averaging::OverWidthAndSpeed)?;
    let mut found = Vec::new();
    for name in ASKED {
        let cell = peaks.cells().iter().position(|c| c == name).ok_or("a type is missing")?;
        let light = if name.starts_with("T4") { 1.0 } else { 0.0 };
        let at = |table: &measure::PerCondition| Ok::<f64, Error>(table.select("intensity", light)?.row(0)[cell]);
        found.push([at(&dsi)?, at(&directions)?.to_degrees()]);
    }
    Ok(found)
}

/// Columns of a table of the run.
fn columns(path: &Path, names: [&str; 2]) -> Result<[Vec<f64>; 2], Error> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().ok_or("the table is empty")?;
    let places = names.map(|name| heading.iter().position(|title| *title == name));
    let mut found = [Vec::new(), Vec::new()];
    for line in lines {
        for (column, place) in found.iter_mut().zip(places) {
            column.push(line[place.ok_or("a column is missing")?].parse()?);
        }
    }
    Ok(found)
}

fn learning(courses: &[Course]) -> Result<Figure, Error> {
    let mut trained = Lines::new("Loss").x("iteration").y(Axis::linear("norm of the difference of flow"));
    let mut held_out = Lines::new("Error on held-out scenes").x("iteration").y(Axis::linear("end-point error"));
    for course in courses {
        let [step, loss] = columns(&course.folder.join("training.csv"), ["step", "loss"])?;
        let every = step.len().div_ceil(60).max(1);
        let mean = |all: &[f64]| all.chunks(every).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect::<Vec<_>>();
        trained = trained.series(course.name, &mean(&step), &mean(&loss));
        let [step, error] = columns(&course.folder.join("validation.csv"), ["step", "epe"])?;
        let (steps, errors) = ([&[0.0][..], &step].concat(), [&course.errors[..1], &error].concat());
        held_out = held_out.series(course.name, &steps, &errors);
    }
    if let Some(course) = courses.first() {
        held_out = held_out.mark(Mark::Horizontal(course.zero), "no motion");
    }
    Ok(Grid::new(2).add(trained.build()?).add(held_out.build()?).build()?)
}

/// True and decoded flow of a scene in its middle.
fn flow(courses: &[Course], data: &FlowSet, scene: usize) -> Result<Figure, Error> {
    let sample = data.sample(scene)?;
    let numbers = |t: &Tensor| Vec::<f64>::try_from(t.to_kind(Kind::Double).contiguous());
    let mut figure =
        HexFlow::new("Optic flow, rightwards and upwards").style(FlowStyle::Arrows).label("flow per frame");
    for (i, Course { name, training, .. }) in courses.iter().enumerate() {
        let settings = training.settings();
        let seed = ItemSeed { run: 0, epoch: 0, item: 0 };
        let plain = settings.augmentation.without_draws().draw(sample.frames(), seed)?;
        let items = batch(&[plain.apply(&sample, training.lattice(), data.frame_rate())?])?;
        let grey = training.network().steady_state(settings.t_pre, settings.augmentation.dt, 1, Grey::default())?;
        let decoded = tch::no_grad(|| training.pass(&items.luminance, &grey, Phase::Evaluation))?.flow;
        let middle = items.flow.size()[1] / 2;
        let panels = if i == 0 { vec![("true", &items.flow), (*name, &decoded)] } else { vec![(*name, &decoded)] };
        for (name, flow) in panels {
            let frame = flow.get(0).get(middle);
            figure = figure.columns(name, &numbers(&frame.get(0))?, &numbers(&frame.get(1))?);
        }
    }
    Ok(figure.build()?)
}
