//! Where chaos begins in random networks, and how far finite networks are from theory.
//!
//! Networks `dh/dt = -h + J tanh(h)` with independent normal connections of mean 0 and deviation `g / sqrt(N)` are at rest up to g = 1
//! and chaotic above, as N grows. Their largest exponent is measured over g for two sizes and compared with the mean-field theory of
//! Sompolinsky, Crisanti and Sommers (*Phys. Rev. Lett.* 61, 1988), taken over to the steps of 0.1 that are done. Then all exponents are computed at a few g: over the index in
//! percent, spectra of both sizes lie on one curve, so that dimension and entropy grow in proportion to the network (Engelken, Wolf and
//! Abbott, *Phys. Rev. Research* 5, 2023).
//!
//! The sweep over g is one of the workflows of `flybrain`: its points are files in the folder of the pictures, and a second run takes them
//! from there.

use examples::{Args, Error, Pictures, Progress, Table, run};
use flybrain::figure::{Axis, Figure, Grid, Lines, Mark, Scatter};
use flybrain::rate::sweep::{Options, read};
use flybrain::rate::{Dynamics, MeanField, Plan, RateSystem, Record, Symmetry, Transition, Varied};
use lyapunov::{Activation, Derivative, Settings, Spectrum};
use std::process::ExitCode;

/// Couplings at which all exponents are computed.
const SPECTRA: [f64; 3] = [0.8, 2.0, 6.0];
/// Length of a step in time constants.
const DT: f64 = 0.1;

fn main() -> ExitCode {
    run("10_transition_to_chaos", "Measures where chaos begins in random networks, and compares with theory.", chaos)
}

fn chaos(args: &Args) -> Result<(), Error> {
    let (sizes, n_samples) = if args.quick { ([40, 80], 4) } else { ([100, 300], 12) };
    let plans = sizes.map(|n| Transition {
        gmin: 0.5,
        gmax: 4.0,
        m_g: 8,
        n_samples,
        varied: Varied::WEIGHTS,
        dynamics: Dynamics { n, activation: Activation::Tanh, dt: DT, tsim: 200.0, tons: None, seed: 1, compat: false },
    });
    let (mut measured, mut counts) = (Vec::new(), Vec::new());
    let mut progress = Progress::new(4);
    for plan in plans {
        progress.stage(&format!("largest exponents of {} neurons", plan.dynamics.n));
        let folder = args.out.join(format!("neurons-{}", plan.dynamics.n));
        let swept = Plan::TransitionToChaos(plan.clone()).run(&folder, &Options::default())?;
        counts.push(format!("{} neurons: {} points computed, {} found", plan.dynamics.n, swept.computed, swept.found));
        let records: Vec<Record> = read(&plan, &folder)?.into_iter().flatten().collect();
        measured.push((plan, records));
    }

    let mut spectra = Vec::new();
    for n in sizes {
        progress.stage(&format!("all exponents of {n} neurons"));
        for g in SPECTRA {
            let network = RateSystem::random(n, g, Symmetry::None, 2)?.with_activation(Activation::Tanh).with_dt(DT)?;
            let settings = Settings::new(n).duration(if args.quick { 40.0 } else { 100.0 });
            spectra.push((n, g, settings.run(&network.network(Derivative::Exact)?, network.state())?));
        }
    }
    progress.finish();
    println!("{}", counts.join("\n"));
    println!("\nLargest exponent per time constant, mean over {n_samples} networks ± its standard error:");
    let headings = sizes.map(|n| format!("{n} neurons"));
    let mut table = Table::new(["g", headings[0].as_str(), headings[1].as_str(), "both, to infinity", "mean field"]);
    let plan = &measured[0].0;
    for g in plan.values() {
        let [small, large] = [0, 1].map(|size| mean(&measured[size].1, g));
        // The error of finite size goes with 1 / N.
        let part = sizes[0] as f64 / (sizes[1] - sizes[0]) as f64;
        let limit = large.0 + part * (large.0 - small.0);
        let error = ((1.0 + part).powi(2) * large.1.powi(2) + part.powi(2) * small.1.powi(2)).sqrt();
        let said = |(mean, error): (f64, f64)| format!("{mean:.4} ± {error:.4}");
        let theory = plan.theory(g).map_or(String::new(), |exponent| format!("{exponent:.4}"));
        table.row([format!("{g}"), said(small), said(large), said((limit, error)), theory]);
    }
    print!("{table}");

    println!("\nAttractors of one network each:");
    let mut table = Table::new(["g", "neurons", "dimension", "per neuron", "entropy", "per neuron"]);
    for (n, g, spectrum) in &spectra {
        let (dimension, entropy) = (spectrum.kaplan_yorke_dimension(), spectrum.entropy());
        let per = |x: f64| format!("{:.4}", x / *n as f64);
        let numbers = [format!("{dimension:.1}"), per(dimension), format!("{entropy:.2}"), per(entropy)];
        let [dimension, dimension_per, entropy, entropy_per] = numbers;
        table.row([g.to_string(), n.to_string(), dimension, dimension_per, entropy, entropy_per]);
    }
    print!("{table}");

    let mut pictures = Pictures::new(&args.out);
    let both = Grid::new(2).add(over_coupling(&measured)?).add(over_index(&spectra)?).build()?;
    pictures.save(
        "chaos",
        "the largest exponent over coupling with its mean field, and whole spectra of two sizes",
        &both,
    )?;
    pictures.save("theory", "how long a neuron remembers its state, in theory", &memory()?)?;
    pictures.list();
    Ok(())
}

/// Mean of the largest exponents at a coupling, and its standard error.
fn mean(records: &[Record], g: f64) -> (f64, f64) {
    let all: Vec<f64> = records.iter().filter(|record| record.value == g).map(Record::largest).collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn over_coupling(measured: &[(Transition, Vec<Record>)]) -> Result<Figure, Error> {
    let mut figure = Scatter::new("Largest exponent")
        .x("coupling g")
        .y("per time constant")
        .mark(Mark::Horizontal(0.0), "")
        .size(560.0, 420.0);
    for (plan, records) in measured {
        let (g, exponents): (Vec<f64>, Vec<f64>) = records.iter().map(|r| (r.value, r.largest())).unzip();
        figure = figure.series(format!("{} neurons", plan.dynamics.n), &g, &exponents);
    }
    let plan = &measured[0].0;
    let grid = (0..=70).map(|i| plan.gmin + 0.05 * f64::from(i));
    let (g, theory): (Vec<f64>, Vec<f64>) = grid.filter_map(|g| Some((g, plan.theory(g)?))).unzip();
    Ok(figure.curve(format!("mean field of steps of {DT}"), &g, &theory).build()?)
}

fn over_index(spectra: &[(usize, f64, Spectrum<f64>)]) -> Result<Figure, Error> {
    let mut figure = Lines::new("All exponents")
        .x(Axis::linear("index (%)").range(0.0, 100.0))
        .y(Axis::linear("per time constant").range(-2.5, 0.75))
        .mark(Mark::Horizontal(0.0), "")
        .size(560.0, 420.0);
    for (n, g, spectrum) in spectra {
        let percent: Vec<f64> = (0..*n).map(|i| 100.0 * (i as f64 + 0.5) / *n as f64).collect();
        figure = figure.series(format!("g = {g}, {n} neurons"), &percent, &spectrum.sorted());
    }
    Ok(figure.build()?)
}

/// Autocorrelation of the mean field.
fn memory() -> Result<Figure, Error> {
    let mut figure = Lines::new("Memory of a neuron in infinite networks")
        .x(Axis::linear("time apart (time constants)").range(0.0, 20.0))
        .y(Axis::linear("autocorrelation / variance").range(0.0, 1.0))
        .size(640.0, 400.0);
    for g in [1.2, 2.0, 6.0] {
        let theory = MeanField::of(g)?;
        let (times, values) = theory.autocorrelation();
        let values: Vec<f64> = values.iter().map(|x| x / theory.variance()).collect();
        figure = figure.series(format!("g = {g}"), times, &values);
    }
    Ok(figure.build()?)
}
