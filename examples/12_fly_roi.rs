//! How much can gains and shifts do, if wiring is given?
//!
//! Measured wiring stays as it is, balanced between excitation and inhibition; the gain and shift of each population is trained until
//! the ten largest Lyapunov exponents are 0. *C. elegans* by transmitter, and, where the hemibrain's ellipsoid body lies in
//! `../shared/data`, that of the fly by neuron and by cell body fibre. Spectra before and after, gains and shifts that came out. Neurons
//! of the worm whose transmitter says nothing of their sign are taken as excitatory.

use connectome_graph::UnknownSign;
use connectome_io::Connectome;
use examples::{Args, Error, Pictures, Progress, Table, data, run};
use flybrain::figure::{Axis, Bar, Figure, Grid, Lines, Mark};
use flybrain::rate::train::{Bounds, Groups, Masks, Recipe, Share, Training};
use flybrain::rate::{
    Balance, FromConnectome, Grouping, Layout, Purpose, RateSystem, SignOf, normals, read_connectome,
};
use lyapunov::{Activation, Compat, Interval, Loss};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    run("12_fly_roi", "Trains gains and shifts of populations in measured wiring on Lyapunov exponents.", train)
}

const SEED: u64 = 30;
/// The ellipsoid body in FlyStability's layout of files.
const ELLIPSOID_BODY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/files/hemibrain_eb/EB");

/// A network in training.
struct Course {
    name: &'static str,
    neurons: usize,
    populations: usize,
    losses: Vec<f64>,
    spectra: [Vec<f64>; 2],
    trained: RateSystem,
}

fn train(args: &Args) -> Result<(), Error> {
    let epochs = if args.quick { 3 } else { 60 };
    let fly = Path::new(ELLIPSOID_BODY);
    let mut progress = Progress::new(if fly.is_dir() { 4 } else { 2 });
    progress.stage("C. elegans by transmitter");
    let worm = FromConnectome { unknown: UnknownSign::Excitatory, ..settings(Grouping::Transmitter) };
    let mut courses = vec![Course::run("C. elegans, by transmitter", &data::worm()?, &worm, epochs)?];
    if fly.is_dir() {
        let region = read_connectome(fly)?;
        for (name, grouping) in
            [("ellipsoid body, by neuron", Grouping::Neuron), ("ellipsoid body, by fibre", Grouping::CellFibre)]
        {
            progress.stage(name);
            courses.push(Course::run(name, &region, &settings(grouping), epochs)?);
        }
    }
    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("spectra", "all exponents before and after; loss by epoch", &spectra(&courses)?)?;
    pictures.save("populations", "gains and shifts of the worm's populations", &populations(&courses[0])?)?;
    progress.finish();

    println!("Gains and shifts trained until the ten largest exponents are 0, {epochs} epochs of Adam:");
    let mut table =
        Table::new(["network", "neurons", "populations", "loss before", "after", "largest before", "after"]);
    for course in &courses {
        let largest = |i: usize| format!("{:.4}", course.spectra[i][0]);
        table.row([
            course.name.into(),
            course.neurons.to_string(),
            course.populations.to_string(),
            format!("{:.4}", course.losses[0]),
            format!("{:.4}", course.losses[course.losses.len() - 1]),
            largest(0),
            largest(1),
        ]);
    }
    print!("{table}");
    if !fly.is_dir() {
        println!(
            "\nThe ellipsoid body is not in ../shared/data; `flybrain data list` names where the hemibrain comes from."
        );
    }
    pictures.list();
    Ok(())
}

/// Signs of presynaptic neurons, and ten passes of balancing, as FlyStability has them.
fn settings(grouping: Grouping) -> FromConnectome {
    FromConnectome {
        signs: SignOf::Presynaptic,
        grouping,
        balance: Balance::Passes(10),
        layout: Layout::Auto,
        ..Default::default()
    }
}

impl Course {
    fn run(name: &'static str, connectome: &Connectome, from: &FromConnectome, epochs: usize) -> Result<Self, Error> {
        let system = from.build(connectome)?.with_activation(Activation::TanhStretched);
        let n = system.n();
        let system = system.with_state(normals(n, SEED, 0, Purpose::State))?;
        let recipe = Recipe {
            groups: Groups { gains: Share::All, shifts: Share::All, ..Groups::default() },
            loss: Loss::MeanSquare { target: 0.0 },
            exponents: 10,
            full: None,
            duration: 40.0,
            interval: Interval::Adaptive,
            lr: 0.05,
            bounds: Bounds::Free,
            compat: Compat::None,
            seed: SEED,
            start: None,
        };
        let training = Training::new(system.clone(), recipe, &Masks::default())?;
        let mut optimizer = training.optimizer()?;
        let before = training.full_spectrum(&system)?.sorted();
        let mut losses = Vec::new();
        for _ in 0..=epochs {
            optimizer.zero_grad()?;
            losses.push(training.epoch()?.loss);
            if losses.len() <= epochs {
                optimizer.step()?;
            }
        }
        let trained = training.system()?;
        let spectra = [before, training.full_spectrum(&trained)?.sorted()];
        Ok(Self { name, neurons: n, populations: trained.n_types(), losses, spectra, trained })
    }
}

fn spectra(courses: &[Course]) -> Result<Figure, Error> {
    let mut grid = Grid::new(2);
    let mut losses = Lines::new("Loss").x("epoch").y(Axis::log("mean square of ten exponents"));
    for course in courses {
        let [before, after] = &course.spectra;
        let place: Vec<f64> = (0..before.len()).map(|i| 100.0 * (i as f64 + 0.5) / before.len() as f64).collect();
        let lines = Lines::new(course.name)
            .x("percent of index")
            .y("exponent per time constant")
            .series("before", &place, before)
            .series("after", &place, after)
            .mark(Mark::Horizontal(0.0), "");
        grid = grid.add(lines.build()?);
        let epochs: Vec<f64> = (0..course.losses.len()).map(|e| e as f64).collect();
        losses = losses.series(course.name, &epochs, &course.losses);
    }
    Ok(grid.add(losses.build()?).build()?)
}

fn populations(course: &Course) -> Result<Figure, Error> {
    let system = &course.trained;
    let names = system.types().names();
    let bars = |title: &str, values: &[f64], start: f64| -> Result<Figure, Error> {
        let bar = Bar::new(title).x("population").y("after training").groups(names).series("", values);
        Ok(bar.mark(Mark::Horizontal(start), "before").build()?)
    };
    Ok(Grid::new(2).add(bars("Gains", system.gains(), 1.0)?).add(bars("Shifts", system.shifts(), 0.0)?).build()?)
}
