//! Does the wiring matter?
//!
//! Networks are trained to see motion, each from a start of its own, on the wiring that was measured; on wirings in which each receptive
//! field was turned or mirrored as a whole; and on wirings in which synapses were placed anew at the distances that they had. Pairs of types,
//! their signs and their synapse numbers are the same in all. Some measured ones are not trained: only the decoder that reads their cells is.
//! What comes of it is compared by permutation tests.

use examples::folder::clear;
use examples::{Args, Error, Progress, Table, run};
use flybrain::vision::{CompareSettings, FlyTrainSettings, FlyWiring, Movies, TrainOptions, compare, train};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(
        "21_does_the_wiring_matter",
        "Trains the fly's motion pathways on measured and on shuffled wirings, and compares them.",
        example,
    )
}

/// Name, wiring, and whether only the decoder is trained.
const CONDITIONS: [(&str, FlyWiring, bool); 4] = [
    ("measured", FlyWiring::Unfilled, false),
    ("untrained", FlyWiring::Unfilled, true),
    ("turned", FlyWiring::Symmetries, false),
    ("scattered", FlyWiring::Rings, false),
];

fn example(args: &Args) -> Result<(), Error> {
    let base = FlyTrainSettings::from_scratch();
    let settings = if args.quick {
        let look = Default::default();
        FlyTrainSettings {
            models: 2,
            extent: 2,
            iterations: 20,
            validate_every: 10,
            movies: Movies::Scenes { scenes: 16, held_out: 4, seed: 0, look },
            ..base
        }
    } else {
        FlyTrainSettings { models: 5, ..base }
    };
    let mut progress = Progress::new(1 + CONDITIONS.len() as u64);
    let mut runs = Vec::new();
    for (name, wiring, frozen) in CONDITIONS {
        progress.stage(&format!("training {} models: {name}", settings.models));
        let folder = args.out.join(name);
        clear(&folder)?;
        train(&FlyTrainSettings { wiring, frozen, ..settings.clone() }, &folder, &TrainOptions::default())?;
        runs.push(folder);
    }
    progress.stage("comparing");
    let asked = CompareSettings { extent: if args.quick { 2 } else { 8 }, ..CompareSettings::default() };
    let folder = args.out.join("comparison");
    let found = compare(&runs, &asked, &folder, &mut |_, _| ())?;
    progress.finish();

    println!(
        "{} models of each kind, {} iterations; medians, and p of the difference from measured:",
        settings.models, settings.iterations
    );
    let mut table =
        Table::new(["", "error of that of no flow", "p", "DSI of T4 and T5", "p", "right directions of 8", "p"]);
    for run in &found.runs {
        let cells = [0, 1, 3].map(|i| {
            let measure = &run.measures[i];
            [format!("{:.3}", measure.median), measure.p.map_or_else(String::new, |p| format!("{p:.3}"))]
        });
        let [error, dsi, right] = cells;
        let [(error, p), (dsi, q), (right, r)] = [error, dsi, right].map(|[median, p]| (median, p));
        table.row([run.run.clone(), error, p, dsi, q, right, r]);
    }
    print!("{table}");
    println!("\n{}", folder.join("report.html").display());
    Ok(())
}
