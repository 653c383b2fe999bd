//! Handwritten digits run through the visual system of the fly.
//!
//! Eight images of MNIST drive 784 of 45,669 neurons. The network is the differential equation
//! `dh/dt = (relu(sigmoid(P x + W h)) - h) / tau` with `tau` = 1 and `W` the measured numbers of synapses, all taken as
//! excitatory; its states are read at 20 times between 0 and 1. An adaptive solver chooses steps for each image.

use connectome_graph::hex::{Extent, HexNetwork, expand};
use connectome_graph::projection::{Direction, projection};
use connectome_graph::{Topology, WeightRule};
use examples::data::{self, Digits};
use examples::states::{States, deviation, mean};
use examples::{Args, Error, Pictures, Progress, Table, count, percent, run};
use flybrain::figure::{Aspect, Axis, Figure, Heatmap, Hexagons, Lines, Panels, Raster};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sparse_ode::{ConnectomeOdeRnn, Forward, Projection, Run};
use std::process::ExitCode;
use std::time::Instant;
use tch::{Device, Tensor, nn};

fn main() -> ExitCode {
    run("02_connectome_forward", "Runs MNIST digits through the connectome of the fly's visual system.", forward)
}

const BATCH: usize = 8;
const TIMES: usize = 20;
/// Of the draw of the neurons that receive the pixels.
const SEED: u64 = 1;
/// What no neuron exceeds at t = 1: the answer to a target of 1 from the start.
const CEILING: f64 = 0.632_120_558_828_557_7;

fn forward(args: &Args) -> Result<(), Error> {
    let mut progress = Progress::new(9);
    progress.stage("reading the digits");
    let digits = Digits::first(BATCH)?;
    let x = Tensor::from_slice(&digits.normalised()).view([BATCH as i64, Digits::PIXELS as i64]);

    progress.stage("reading the connectome and expanding it to the columns of the eye");
    let fly = expand(&data::fly()?, Extent(if args.quick { 3 } else { 15 }))?;
    let neurons = fly.n_nodes();
    let synapses = fly.topology(WeightRule::Magnitude)?;

    // Pixel k goes to neuron receivers[k], drawn with replacement.
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let receivers: Vec<u32> = (0..Digits::PIXELS).map(|_| rng.random_range(0..neurons as u32)).collect();
    let input = projection(Digits::PIXELS, neurons, Some(&receivers), Direction::Input)?;

    // A neuron has 119 synapses on average, so with one unit of weight per synapse nearly every sigmoid ends in its flat
    // part and no image makes a difference. Divided by that average, inputs add up to what a sigmoid resolves.
    let per_neuron = mean(synapses.in_strength());
    let scaled = synapses.map_weights(|n| n / per_neuron)?;

    progress.stage("integrating with weights as counted");
    let raw = Trial::run("synapses as counted", &synapses, &input, &x)?;
    progress.stage("integrating with weights scaled");
    let trial = Trial::run("scaled", &scaled, &input, &x)?;
    let states = &trial.states;

    let mut pictures = Pictures::new(&args.out);
    progress.stage("drawing the images");
    pictures.save("images", "the digits that went in", &images(&digits)?)?;
    progress.stage("drawing traces");
    pictures.save(
        "traces",
        "25 neurons over time, with pixels of their own and without",
        &traces(&fly, &digits, &trial, &receivers)?,
    )?;
    progress.stage("drawing all neurons over time");
    pictures.save("activity", "all neurons over time for the first digit", &activity(&trial)?)?;
    progress.stage("drawing differences between digits");
    pictures.save(
        "differences",
        "what differs between two digits, neuron by neuron",
        &differences(&digits, &trial)?,
    )?;
    progress.stage("drawing the lattice");
    pictures.save("lattice", "activity of two cell types over the eye at the end", &lattice(&fly, &digits, states)?)?;
    progress.finish();

    println!(
        "{} neurons, {} connections, {} synapses; {} pixels drive {} neurons.",
        count(neurons),
        count(synapses.nnz()),
        count(synapses.weights().iter().sum::<f64>().round() as usize),
        Digits::PIXELS,
        count(driven(&receivers, neurons).iter().filter(|&&d| d).count()),
    );
    println!("{BATCH} images, states at {TIMES} times from 0 to 1, Dopri5 with tolerances 1e-3 and 1e-6.\n");
    print!("{}", report(&[raw, trial], per_neuron));
    pictures.list();
    Ok(())
}

/// One forward pass.
struct Trial {
    name: &'static str,
    run: Run,
    states: States,
    times: Vec<f64>,
    seconds: f64,
}

impl Trial {
    fn run(name: &'static str, wiring: &Topology, input: &Topology, x: &Tensor) -> Result<Self, Error> {
        let vs = nn::VarStore::new(Device::Cpu);
        let model = ConnectomeOdeRnn::builder(Digits::PIXELS, wiring)
            .input_projection(Projection::Sparse(input.clone()))
            .build(&vs.root())?;
        let start = Instant::now();
        let run = model.forward(x, &Forward::new().num_evals(TIMES))?;
        let seconds = start.elapsed().as_secs_f64();
        let states = States::new(&run.hs)?;
        let times = Vec::try_from(run.ts.get(0))?;
        Ok(Self { name, run, states, times, seconds })
    }
}

fn report(trials: &[Trial; 2], per_neuron: f64) -> Table<3> {
    let columns = |of: &dyn Fn(&Trial) -> String| trials.each_ref().map(of);
    let mut table = Table::new(["", trials[0].name, trials[1].name]);
    let mut row = |what: &str, [a, b]: [String; 2]| {
        table.row([what.to_owned(), a, b]);
    };
    row("weight per synapse", ["1".to_owned(), format!("1/{per_neuron:.1}")]);
    row(
        "steps per image, accepted of tried",
        columns(&|t| {
            let of = |f: fn(&sparse_ode::Stats) -> usize| {
                let all = t.run.stats.iter().map(f);
                match (all.clone().min(), all.max()) {
                    (Some(low), Some(high)) if low != high => format!("{low} to {high}"),
                    (low, _) => low.unwrap_or(0).to_string(),
                }
            };
            format!("{} of {}", of(|s| s.accepted), of(|s| s.steps))
        }),
    );
    row("evaluations, each of all images", columns(&|t| t.run.evaluations.to_string()));
    row("wall time", columns(&|t| format!("{:.0} ms", 1e3 * t.seconds)));
    let last = TIMES - 1;
    let end = |t: &Trial| -> Vec<f64> {
        let all = (0..BATCH).flat_map(|b| t.states.at(b, last));
        all.map(|&h| f64::from(h)).collect()
    };
    row("activity at t = 1, mean", columns(&|t| format!("{:.3}", mean(end(t)))));
    row("standard deviation", columns(&|t| format!("{:.3}", deviation(end(t)))));
    row("least", columns(&|t| format!("{:.3}", end(t).into_iter().fold(f64::MAX, f64::min))));
    row("greatest", columns(&|t| format!("{:.3}", end(t).into_iter().fold(f64::MIN, f64::max))));
    row(
        "within 5 % of the ceiling, 1 - 1/e",
        columns(&|t| {
            let all = end(t);
            let high = all.iter().filter(|&&h| h > 0.95 * CEILING).count();
            percent(high as f64 / all.len() as f64)
        }),
    );
    row(
        "neurons that differ by 1e-3 between images",
        columns(&|t| {
            let spread = t.states.spread(last);
            let differ = spread.iter().filter(|&&s| s > 1e-3).count();
            percent(differ as f64 / spread.len() as f64)
        }),
    );
    table
}

/// Which neurons receive a pixel.
fn driven(receivers: &[u32], neurons: usize) -> Vec<bool> {
    let mut driven = vec![false; neurons];
    for &neuron in receivers {
        driven[neuron as usize] = true;
    }
    driven
}

/// All images side by side, a pixel of space between them.
fn images(digits: &Digits) -> Result<Figure, Error> {
    let width = (Digits::SIDE + 1) * BATCH - 1;
    let mut canvas = vec![f32::NAN; Digits::SIDE * width];
    for image in 0..BATCH {
        for (row, pixels) in digits.image(image).chunks(Digits::SIDE).enumerate() {
            let left = row * width + image * (Digits::SIDE + 1);
            canvas[left..left + Digits::SIDE].copy_from_slice(pixels);
        }
    }
    let names: Vec<String> = digits.labels.iter().map(ToString::to_string).collect();
    Ok(Heatmap::new(format!("MNIST test images: {}", names.join(", ")), Digits::SIDE, width, &canvas)
        .x("pixel")
        .y("pixel")
        .color_label("brightness")
        .aspect(Aspect::Square)
        .size(1000.0, 230.0)
        .build()?)
}

/// The neurons among `candidates` that differ most between images.
fn most_telling(candidates: impl Iterator<Item = usize>, spread: &[f64], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = candidates.collect();
    order.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
    order.truncate(n);
    order
}

fn traces(fly: &HexNetwork, digits: &Digits, trial: &Trial, receivers: &[u32]) -> Result<Figure, Error> {
    let driven = driven(receivers, fly.n_nodes());
    let spread = trial.states.spread(TIMES - 1);
    let direct = most_telling((0..driven.len()).filter(|&n| driven[n]), &spread, 10);
    let indirect = most_telling((0..driven.len()).filter(|&n| !driven[n]), &spread, 15);
    let (types, columns) = (fly.node_types(), fly.node_columns());
    let mut plot = Lines::new("Activity of 25 neurons: type (u, v); the first ten receive a pixel (*)")
        // Wider than the data, so that the labels of neighbouring panels stay apart.
        .x(Axis::linear("time (τ)").range(0.0, 1.12))
        .y("activity h")
        .panels(Panels::Grid(5))
        .size(1100.0, 900.0);
    for neuron in direct.into_iter().chain(indirect) {
        let star = if driven[neuron] { "*" } else { "" };
        let name = fly.types()[types[neuron] as usize].name();
        let column = columns[neuron];
        let place = format!("({}, {})", column.u, column.v).replace('-', "−");
        plot = plot.panel(format!("{name} {place}{star}"));
        for image in 0..4 {
            let trace = trial.states.trace(image, neuron);
            plot = plot.series(format!("digit {}", digits.labels[image]), &trial.times, &trace);
        }
    }
    Ok(plot.build()?)
}

/// States of one image as `[neurons, times]`.
fn by_neuron(states: &States, image: usize) -> Vec<f32> {
    (0..states.shape()[2]).flat_map(|neuron| states.trace(image, neuron)).collect()
}

fn activity(trial: &Trial) -> Result<Figure, Error> {
    let states = &trial.states;
    Ok(Raster::new("All neurons, first image", &trial.times, states.shape()[2], &by_neuron(states, 0))
        .x("time (τ)")
        .y("neuron, ordered by cell type")
        .color_label("activity h")
        .size(760.0, 560.0)
        .build()?)
}

/// The 200 neurons that tell the first two images apart best.
fn differences(digits: &Digits, trial: &Trial) -> Result<Figure, Error> {
    let states = &trial.states;
    let last = TIMES - 1;
    let gap: Vec<f64> = states.at(0, last).iter().zip(states.at(1, last)).map(|(a, b)| f64::from(a - b)).collect();
    let size: Vec<f64> = gap.iter().map(|g| g.abs()).collect();
    let mut chosen = most_telling(0..gap.len(), &size, 200);
    chosen.sort_by(|&a, &b| gap[a].total_cmp(&gap[b]));
    let values: Vec<f32> = chosen
        .iter()
        .flat_map(|&n| {
            let (a, b) = (states.trace(0, n), states.trace(1, n));
            a.into_iter().zip(b).map(|(a, b)| a - b)
        })
        .collect();
    Ok(Raster::new(
        format!("The {} neurons that best tell {} from {}", chosen.len(), digits.labels[0], digits.labels[1]),
        &trial.times,
        chosen.len(),
        &values,
    )
    .x("time (τ)")
    .y("neuron, ordered by difference")
    .color_label("difference of activity")
    .build()?)
}

fn lattice(fly: &HexNetwork, digits: &Digits, states: &States) -> Result<Figure, Error> {
    let mut plot = Hexagons::new("Activity at t = 1: cells with a pixel of their own stand out").per_row(2);
    for name in ["Mi1", "T4a"] {
        let cells = fly.layer(name).ok_or("no such type")?;
        for image in 0..2 {
            let state = &states.at(image, TIMES - 1)[cells.start as usize..cells.end as usize];
            plot = plot.columns(format!("{name}, digit {}", digits.labels[image]), state);
        }
    }
    Ok(plot.color_label("activity h").build()?)
}
