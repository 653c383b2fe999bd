//! How ordered, or chaotic, is the wiring of a fly's eye?
//!
//! The visual system of the fly, 45,669 neurons and 1.5 million connections, as a rate network `dh/dt = -h + g J tanh(h)`: its leading
//! Lyapunov exponents at growing gain g, and those of networks that share some of its properties: weights shuffled over the
//! connections, partners exchanged so that each neuron keeps its degrees, neurons' signs exchanged. J is scaled so that a network of
//! independent connections of the same strength would leave its rest at g = 1.

use connectome_graph::hex::{Extent, expand};
use connectome_graph::null::{DegreePreserving, NullModel, SignShuffle, WeightShuffle};
use connectome_graph::{Topology, UnknownSign, WeightRule};
use examples::{Args, Error, Pictures, Progress, Table, count, data, run};
use flybrain::figure::{Axis, Figure, Grid, Join, Lines, Mark, Scatter};
use flybrain::rate::{Purpose, normals};
use lyapunov::{Activation, Coupling, Interval, RateNetwork, Settings, Spectrum};
use std::process::ExitCode;
use std::time::Instant;
use tch_sparse::SparsityPattern;

fn main() -> ExitCode {
    run(
        "13_spectrum_of_a_connectome",
        "Leading Lyapunov exponents of the fly's visual system and its shuffled networks.",
        analyse,
    )
}

const SEED: u64 = 1;
/// Exponents.
const K: usize = 20;
/// Length of a step in time constants.
const DT: f64 = 0.1;

/// Exponents over the gain.
struct Network {
    name: &'static str,
    spectra: Vec<Spectrum<f32>>,
    /// Seconds for a unit of network time.
    pace: f64,
}

fn analyse(args: &Args) -> Result<(), Error> {
    let (extent, duration) = if args.quick { (2, 10.0) } else { (15, 60.0) };
    let gains: &[f64] = if args.quick { &[0.5, 2.0] } else { &[0.25, 0.5, 1.0, 2.0, 4.0] };
    let mut progress = Progress::new(6);
    progress.stage("reading the connectome and expanding it to the columns of the eye");
    let fly = expand(&data::fly()?, Extent(extent))?.topology(WeightRule::SynapseSign(UnknownSign::Error))?;
    let nulls: [(&str, &dyn NullModel); 3] = [
        ("weights shuffled", &WeightShuffle::Sign),
        ("partners exchanged", &DegreePreserving::new()),
        ("signs exchanged", &SignShuffle::Neurons),
    ];
    progress.stage("exponents of the fly");
    let mut networks = vec![spectra("fly", &fly, gains, duration)?];
    for (name, model) in nulls {
        progress.stage(&format!("exponents of the network with {name}"));
        networks.push(spectra(name, &model.topology(&fly, SEED)?, gains, duration)?);
    }
    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    let title = "the largest exponent over the gain, and the twenty leading ones at the largest gain";
    pictures.save("exponents", title, &figure(&networks, gains)?)?;
    progress.finish();

    println!(
        "{} neurons, {} connections, {K} exponents, {duration} time constants.",
        count(fly.n_post()),
        count(fly.nnz())
    );
    println!("\nLargest exponent (and Kaplan-Yorke dimension, where the {K} exponents reach it) by gain:");
    let mut table =
        Table::new(["network", "gain", "largest", "± standard error", "positive", "dimension", "s per unit of time"]);
    for network in &networks {
        for (gain, spectrum) in gains.iter().zip(&network.spectra) {
            let dimension = spectrum.kaplan_yorke_dimension();
            table.row([
                network.name.to_owned(),
                format!("{gain}"),
                format!("{:.4}", spectrum.largest()),
                format!("{:.4}", spectrum.standard_errors()[0]),
                format!("{}", spectrum.exponents().iter().filter(|x| **x > 0.0).count()),
                if dimension < K as f64 { format!("{dimension:.1}") } else { format!("above {K}") },
                format!("{:.3}", network.pace),
            ]);
        }
    }
    print!("{table}");
    pictures.list();
    Ok(())
}

/// The leading exponents at each gain.
fn spectra(name: &'static str, wiring: &Topology, gains: &[f64], duration: f64) -> Result<Network, Error> {
    let n = wiring.n_post();
    let pattern = SparsityPattern::from_csr(n, n, wiring.row_ptr().to_vec(), wiring.columns())?;
    let radius = (wiring.weights().iter().map(|w| w * w).sum::<f64>() / n as f64).sqrt();
    let state: Vec<f32> = normals(n, SEED, 0, Purpose::State).iter().map(|&x| x as f32).collect();
    // Often enough for standard errors.
    let interval = Interval::Time(duration / 40.0);
    let settings =
        Settings::new(K).duration(duration).interval(interval).transient(20.0).tangent_transient(20.0).seed(SEED);
    let (mut spectra, start) = (Vec::new(), Instant::now());
    for gain in gains {
        let values = wiring.weights().iter().map(|w| (gain * w / radius) as f32).collect();
        let network =
            RateNetwork::builder(Coupling::sparse(&pattern, values)?).activation(Activation::Tanh).dt(DT).build()?;
        spectra.push(settings.run(&network, &state)?);
    }
    let steps: u64 = spectra.iter().map(Spectrum::steps).sum();
    Ok(Network { name, spectra, pace: start.elapsed().as_secs_f64() / (steps as f64 * DT) })
}

fn figure(networks: &[Network], gains: &[f64]) -> Result<Figure, Error> {
    let mut over =
        Scatter::new("The largest exponent").x(Axis::log("gain")).y("exponent per time constant").join(Join::Lines);
    let mut leading = Lines::new(format!("The leading {K} at gain {}", gains[gains.len() - 1]))
        .x("number of the exponent")
        .y("exponent per time constant");
    let numbers: Vec<f64> = (1..=K).map(|i| i as f64).collect();
    for network in networks {
        let largest: Vec<f64> = network.spectra.iter().map(Spectrum::largest).collect();
        over = over.series(network.name, gains, &largest);
        if let Some(spectrum) = network.spectra.last() {
            leading = leading.series(network.name, &numbers, &spectrum.sorted());
        }
    }
    let over = over.mark(Mark::Horizontal(0.0), "").build()?;
    Ok(Grid::new(2).add(over).add(leading.mark(Mark::Horizontal(0.0), "").build()?).build()?)
}
