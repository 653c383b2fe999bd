//! Can a random network be taught how chaotic to be?
//!
//! The connections of random networks of a hundred neurons are changed by gradient descent until their ten largest Lyapunov exponents
//! are those that are asked for: towards 0 (the edge of chaos), towards -1 (neurons hardly act on each other) and towards a line that falls from
//! 0.2 to -0.2. Gradients are exact: through each step of the network and each orthonormalisation of its tangents.

use examples::{Args, Error, Pictures, Progress, Table, run};
use flybrain::figure::{Axis, Figure, Grid, Lines, Mark};
use flybrain::rate::train::{Bounds, Groups, Masks, Recipe, Share, Training};
use flybrain::rate::{RateSystem, Symmetry};
use lyapunov::{Activation, Compat, Interval, Loss};
use std::process::ExitCode;

fn main() -> ExitCode {
    run("11_train_on_exponents", "Trains random networks until their Lyapunov exponents are those asked for.", train)
}

const SEED: u64 = 29;
/// What magnitudes are at first, as a standard deviation times the square root of the number of neurons.
const GAIN: f64 = 1.0;

/// A network on its way to a spectrum.
struct Course {
    name: &'static str,
    losses: Vec<f64>,
    norms: Vec<f64>,
    largest: Vec<f64>,
    /// All exponents before and after.
    spectra: [Vec<f64>; 2],
    /// Root mean square change of a connection, relative to its size at first.
    change: f64,
}

fn train(args: &Args) -> Result<(), Error> {
    let (neurons, epochs) = if args.quick { (20, 5) } else { (100, 100) };
    let goals = [
        ("towards 0", Loss::MeanSquare { target: 0.0 }),
        ("towards -1", Loss::MeanSquare { target: -1.0 }),
        ("towards a line", Loss::Line { from: 0.2, to: -0.2 }),
    ];
    let mut progress = Progress::new(goals.len() as u64 + 1);
    let mut courses = Vec::new();
    for (name, loss) in goals {
        progress.stage(&format!("training {name}"));
        courses.push(Course::run(name, loss, neurons, epochs)?);
    }
    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("training", "loss, largest exponent and norm of the gradient by epoch", &learning(&courses)?)?;
    pictures.save("spectra", "all exponents before and after", &spectra(&courses)?)?;
    progress.finish();

    println!("{neurons} neurons, 10 exponents, {epochs} epochs of Adam on all connections:");
    let mut table = Table::new(["goal", "loss before", "after", "largest before", "after", "connections changed by"]);
    for course in &courses {
        let ends = |list: &[f64]| [list[0], list[list.len() - 1]].map(|x| format!("{x:.4}"));
        let ([loss, lost], [largest, reached]) = (ends(&course.losses), ends(&course.largest));
        table.row([course.name.into(), loss, lost, largest, reached, format!("{:.0} %", 100.0 * course.change)]);
    }
    print!("{table}");
    pictures.list();
    Ok(())
}

impl Course {
    fn run(name: &'static str, loss: Loss, neurons: usize, epochs: usize) -> Result<Self, Error> {
        let system = RateSystem::random(neurons, GAIN, Symmetry::None, SEED)?.with_activation(Activation::TanhPositive);
        let recipe = Recipe {
            groups: Groups { weights: Share::All, ..Groups::default() },
            loss,
            exponents: 10,
            full: None,
            duration: 50.0,
            interval: Interval::Adaptive,
            lr: 0.02,
            bounds: Bounds::Free,
            compat: Compat::None,
            seed: SEED,
            start: None,
        };
        let training = Training::new(system.clone(), recipe, &Masks::default())?;
        let mut optimizer = training.optimizer()?;
        let before = training.full_spectrum(&system)?.sorted();
        let (mut losses, mut norms, mut largest) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..=epochs {
            optimizer.zero_grad()?;
            let epoch = training.epoch()?;
            losses.push(epoch.loss);
            norms.push(epoch.norms[0]);
            largest.push(epoch.largest);
            if losses.len() <= epochs {
                optimizer.step()?;
                training.bound();
            }
        }
        let trained = training.system()?;
        let square = |list: &mut dyn Iterator<Item = f64>| list.map(|x| x * x).sum::<f64>();
        let moved = square(&mut trained.coupling().iter().zip(system.coupling()).map(|(a, b)| a - b));
        let size = square(&mut system.coupling().into_iter());
        let spectra = [before, training.full_spectrum(&trained)?.sorted()];
        Ok(Self { name, losses, norms, largest, spectra, change: (moved / size).sqrt() })
    }
}

fn learning(courses: &[Course]) -> Result<Figure, Error> {
    let mut losses = Lines::new("Loss").x("epoch").y(Axis::log("mean square distance"));
    let mut largest = Lines::new("Largest exponent").x("epoch").y("exponent per time constant");
    let mut norms = Lines::new("Norm of the gradient").x("epoch").y(Axis::log("norm"));
    for course in courses {
        let epochs: Vec<f64> = (0..course.losses.len()).map(|e| e as f64).collect();
        losses = losses.series(course.name, &epochs, &course.losses);
        largest = largest.series(course.name, &epochs, &course.largest);
        norms = norms.series(course.name, &epochs, &course.norms);
    }
    Ok(Grid::new(3).add(losses.build()?).add(largest.build()?).add(norms.build()?).build()?)
}

fn spectra(courses: &[Course]) -> Result<Figure, Error> {
    let mut lines = Lines::new("All exponents, before and after").x("percent of index").y("exponent per time constant");
    let place = |n: usize| (0..n).map(|i| 100.0 * (i as f64 + 0.5) / n as f64).collect::<Vec<_>>();
    if let Some(first) = courses.first() {
        lines = lines.series("before", &place(first.spectra[0].len()), &first.spectra[0]);
    }
    for course in courses {
        lines = lines.series(course.name, &place(course.spectra[1].len()), &course.spectra[1]);
    }
    Ok(lines.mark(Mark::Horizontal(0.0), "").build()?)
}
