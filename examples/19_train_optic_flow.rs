//! Does the fly's wiring become a motion detector when it is trained to see motion?
//!
//! A network of the fly's optic lobe and a decoder that reads optic flow from 34 of its cell types are trained on procedural scenes: textured
//! discs and rectangles before a textured background, seen by a camera that moves. Once the network is untrained at first, and once it starts
//! as published, where it had learned from films. The wiring is the same: 734 numbers, a resting potential and a time constant for each
//! type and a strength for each pair of types, are all that is learned. Then T4 and T5 are asked what they prefer.

use connectome_graph::hex::Extent;
use examples::folder::clear;
use examples::{Args, Error, Progress, Table, percent, run};
use fly_vision::measure::{MotionTuning, motion_tuning};
use fly_vision::network::{Network, Protocol};
use fly_vision::stimulus::{BarSettings, MovingBars};
use flybrain::vision::{FlyTrainSettings, FlyWiring, Movies, TrainOptions, TrainedModel, train};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(
        "19_train_optic_flow",
        "Trains the fly's motion pathways on optic flow of procedural scenes, untrained and as published at first.",
        example,
    )
}

/// Name, and the parameters at first.
const COURSES: [(&str, &str); 2] = [(UNTRAINED, UNTRAINED), ("published", "0")];

const UNTRAINED: &str = "untrained";

fn example(args: &Args) -> Result<(), Error> {
    let base = FlyTrainSettings::from_scratch();
    let settings = if args.quick {
        let movies = Movies::Scenes { scenes: 16, held_out: 2, seed: 0, look: Default::default() };
        FlyTrainSettings { extent: 2, iterations: 40, validate_every: 20, movies, ..base }
    } else {
        base
    };
    let mut progress = Progress::new(1 + COURSES.len() as u64);
    let (mut trained, mut networks) = (Vec::new(), Vec::new());
    let extent = Extent(if args.quick { 2 } else { 8 });
    for (name, start) in COURSES {
        progress.stage(&format!("training, {name} at first"));
        let folder = args.out.join(name);
        clear(&folder)?;
        let mut settings = FlyTrainSettings { start: start.into(), ..settings.clone() };
        if start != UNTRAINED {
            // what was learned before is kept: time constants below the bound, and strengths of 0, which logarithms cannot move; and gaps were filled
            let FlyTrainSettings { baseline, .. } = FlyTrainSettings::default();
            settings = FlyTrainSettings {
                wiring: FlyWiring::Measured,
                least_time_constant: 0.0,
                relative_strengths: false,
                lr: 5e-5,
                lr_time_constant: None,
                lr_strength: None,
                lr_penalty: None,
                baseline,
                ..settings
            };
        }
        let mut model = train(&settings, &folder, &TrainOptions::default())?.models.remove(0);
        let mut small = Network::builder(settings.wiring(0, Extent(settings.extent))?).build_alone()?;
        small.load(&model.network)?;
        // what was learned on a small eye holds for a larger one
        let mut network = Network::builder(settings.wiring(0, extent)?).build_alone()?;
        network.set_from(&small)?;
        model.network = folder;
        trained.push(model);
        networks.push(network);
    }
    progress.stage("asking T4, T5 and the cells before them");
    let tuning = networks.iter().map(|network| tuning(network, extent)).collect::<Result<Vec<_>, _>>()?;
    progress.finish();

    println!("{} iterations; end-point error on held-out scenes:", settings.iterations);
    let heading = ["network at first", "no motion", "mean motion", "before", "least", "less than no motion by"];
    let mut table = Table::new(heading);
    for ((name, _), model) in COURSES.iter().zip(&trained) {
        let TrainedModel { error_before, error, error_of_zero, error_of_mean, .. } = model;
        let [zero, mean, before, least] =
            [error_of_zero, error_of_mean, error_before, error].map(|e| format!("{e:.3}"));
        table.row([(*name).to_owned(), zero, mean, before, least, percent(1.0 - error / error_of_zero)]);
    }
    print!("{table}");
    println!("\nDirection selectivity to moving edges after training, and direction that is preferred:");
    let mut table = Table::new(["type", "untrained at first", "direction", "published", "direction", "known"]);
    let degrees = |radians: f64| format!("{:.0}°", radians.to_degrees().rem_euclid(360.0));
    for (untrained, published) in tuning[0].iter().zip(&tuning[1]) {
        let [[dsi, direction], [its_dsi, its_direction]] = [untrained, published]
            .map(|t| [format!("{:.2}", t.dsi), t.known_direction.map_or_else(String::new, |_| degrees(t.direction))]);
        let known = untrained.known_direction.map_or_else(|| "not selective".into(), degrees);
        table.row([untrained.cell_type.to_owned(), dsi, direction, its_dsi, its_direction, known]);
    }
    print!("{table}");
    for model in &trained {
        println!("{}", model.network.join("report.html").display());
    }
    Ok(())
}

/// Tuning of the known types to edges of the contrast that they prefer.
fn tuning(network: &Network, extent: Extent) -> Result<Vec<MotionTuning>, Error> {
    let edges = MovingBars::new(BarSettings { extent, speeds: vec![19.0], ..BarSettings::edges() })?;
    edges.prepare()?;
    Ok(motion_tuning(&network.responses_to(&edges, &Protocol::default())?, 0)?)
}
