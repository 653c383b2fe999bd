//! Draws every kind of plot, from made-up data, into `target/figures`.
//!
//! `cargo run --release -p flybrain --example gallery [FOLDER]`

use std::path::PathBuf;

use connectome_graph::area::paper::{PaperGraph, Tasks, Wiring};
use flybrain::Error;
use flybrain::figure::{
    Animation, AreaNetwork, Axis, Bar, ColorScale, DegreeDistribution, DegreeView, Figure, FlowStyle, Grid, Heatmap,
    HexFlow, HexMovie, Hexagons, Histogram, Join, Letters, Lines, Mark, Panels, Polar, Pooling, PreferredDirections,
    Raster, Scatter, Share, Strip, StripStyle, ValueLabels, Zeros,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Normal};

fn main() -> Result<(), Error> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/figures")), PathBuf::from);
    for (name, figure) in [
        ("lines", overlay()?),
        ("lines_many", many()?),
        ("lines_stacked", stacked()?),
        ("lines_grid", small_multiples()?),
        ("scatter", work_precision()?),
        ("scatter_cloud", cloud()?),
        ("histogram", histogram()?),
        ("degrees", degrees(DegreeView::Survival)?),
        ("degrees_binned", degrees(DegreeView::LogBins(5))?),
        ("bar", accuracy()?),
        ("bar_log", timings()?),
        ("bar_types", selectivity()?),
        ("strip", flash_responses(StripStyle::Points)?),
        ("strip_boxes", flash_responses(StripStyle::Boxes)?),
        ("strip_violins", two_ensembles()?),
        ("polar", edges()?),
        ("polar_one", one_cell()?),
        ("heatmap_types", cell_types()?),
        ("heatmap_corner", corner()?),
        ("heatmap_large", large_matrix()?),
        ("heatmap_areas", areas()?),
        ("raster", raster()?),
        ("hexagons", eye()?),
        ("hexagons_frames", frames()?),
        ("hexagons_receptive_fields", receptive_fields()?),
        ("hex_flow", flow(FlowStyle::Arrows)?),
        ("hex_flow_hue", flow(FlowStyle::Hue)?),
        ("hex_flow_both", flow(FlowStyle::HueAndArrows)?),
        ("hexagons_categories", categories()?),
        ("area_network", audiovisual()?),
        ("area_network_chain", digits()?),
        ("area_network_cycles", all_to_all()?),
        ("grid", overview()?),
        ("extremes", extremes()?),
    ] {
        let [svg, png] = figure.save(folder.join(name))?;
        println!("{} {}", svg.display(), png.display());
    }
    for (name, movie) in [("hex_movie", film(12)?), ("hex_movie_one", film(1)?)] {
        let [svg, png] = movie.save(folder.join(name))?;
        movie.frame(20).save(folder.join(format!("{name}_frame")))?;
        println!("{} {}", svg.display(), png.display());
    }
    Ok(())
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn times(n: usize, step: f64) -> Vec<f64> {
    (0..n).map(|i| i as f64 * step).collect()
}

/// A random walk that returns to zero, smoothed: looks like a membrane voltage.
fn voltage(seed: u64, n: usize) -> Vec<f64> {
    let noise = Normal::new(0.0, 1.0).expect("finite");
    let mut rng = rng(seed);
    let (mut x, mut y) = (0.0, 0.0);
    (0..n)
        .map(|_| {
            x += -0.05 * x + 0.3 * noise.sample(&mut rng);
            y += 0.1 * (x - y);
            y
        })
        .collect()
}

fn overlay() -> Result<Figure, Error> {
    let t = times(300, 0.005);
    let response = |gain: f64, tau: f64| -> Vec<f64> {
        t.iter()
            .map(|t| if *t < 0.25 { 0.0 } else { gain * ((0.25 - t) / tau).exp() * (1.0 - ((0.25 - t) / 0.05).exp()) })
            .collect()
    };
    let mean = response(24.0, 0.4);
    let (low, high) = (
        mean.iter().map(|v| 0.8 * v - 0.7).collect::<Vec<_>>(),
        mean.iter().map(|v| 1.2 * v + 0.7).collect::<Vec<_>>(),
    );
    Lines::new("Flash responses of lamina monopolar cells")
        .x("time (s)")
        .y("membrane voltage (mV)")
        .mark(Mark::Span(0.25, 0.75), "light on")
        .mark(Mark::Horizontal(0.0), "rest")
        .series_with_band("L1 (mean ± s.d. of 50 models)", &t, &mean, &low, &high)
        .series("L2", &t, &response(-16.0, 0.25))
        .series("L3", &t, &response(9.0, 1.6))
        .build()
}

fn many() -> Result<Figure, Error> {
    let t = times(400, 0.01);
    (0..25)
        .fold(Lines::new("25 neurons of the rate network").x("time (s)").y("rate (a.u.)"), |plot, i| {
            let wave: Vec<f64> =
                t.iter().map(|t| (t * (1.0 + 0.05 * f64::from(i))).sin() + 0.04 * f64::from(i)).collect();
            plot.series(format!("neuron {i}"), &t, &wave)
        })
        .build()
}

fn stacked() -> Result<Figure, Error> {
    let t = times(600, 0.005);
    let contrast: Vec<f64> = t.iter().map(|t| if (t % 1.0) < 0.5 { 1.0 } else { -1.0 }).collect();
    let current: Vec<f64> = voltage(1, 600).iter().map(|v| v * 2e-10).collect();
    Lines::new("Stimulus, current and voltage")
        .x("time (s)")
        .share(Share::Horizontal)
        .panels(Panels::Stacked)
        .panel("contrast")
        .series("", &t, &contrast)
        .panel("synaptic current (A)")
        .series("", &t, &current)
        .panel("membrane voltage (mV)")
        .series("", &t, &voltage(3, 600))
        .build()
}

fn small_multiples() -> Result<Figure, Error> {
    let t = times(300, 0.01);
    let mut plot = Lines::new("Measured and modelled activity of 25 neurons")
        .x("time (s)")
        .y("activity (a.u.)")
        .panels(Panels::Grid(5));
    for i in 0..25 {
        let data = voltage(i, 300);
        let model: Vec<f64> = data.iter().zip(voltage(100 + i, 300)).map(|(d, e)| 0.9 * d + 0.3 * e).collect();
        plot = plot.panel(format!("neuron {}", 17 * i + 3)).series("measured", &t, &data).series("model", &t, &model);
    }
    plot.build()
}

fn work_precision() -> Result<Figure, Error> {
    let mut rng = rng(5);
    let mut plot = Scatter::new("Work and precision, Van der Pol oscillator (batch of 100)")
        .x(Axis::log("error relative to a reference solution"))
        .y(Axis::log("wall time (ms)"))
        .join(Join::Lines);
    for (name, order, base) in [
        ("Heun", 2.0, 0.5),
        ("Bosh3", 3.0, 0.6),
        ("Dopri5", 5.0, 1.0),
        ("Tsit5", 5.0, 0.9),
        ("torchode Dopri5", 5.0, 9.0),
    ] {
        let errors: Vec<f64> = (2..11).map(|e| 10f64.powi(-e) * rng.random_range(0.4..2.5)).collect();
        let work: Vec<f64> = errors.iter().map(|e| base * e.powf(-1.0 / order) * 0.3).collect();
        plot = plot.series(name, &errors, &work);
    }
    plot.build()
}

fn cloud() -> Result<Figure, Error> {
    let mut rng = rng(6);
    let scale = LogNormal::new(1.0, 1.2).expect("finite");
    let noise = LogNormal::new(0.0, 0.35).expect("finite");
    let x: Vec<f64> = (0..400).map(|_| scale.sample(&mut rng)).collect();
    let y: Vec<f64> = x.iter().map(|v| 0.8 * v * noise.sample(&mut rng)).collect();
    Scatter::new("Synapse counts of two hemispheres")
        .x(Axis::log("synapses, left"))
        .y(Axis::log("synapses, right"))
        .mark(Mark::Identity, "equal")
        .series("pairs of cell types", &x, &y)
        .size(520.0, 460.0)
        .build()
}

fn histogram() -> Result<Figure, Error> {
    let mut rng = rng(7);
    let a = Normal::new(-0.3, 0.25).expect("finite");
    let b = Normal::new(0.25, 0.35).expect("finite");
    let inhibitory: Vec<f64> = (0..3000).map(|_| a.sample(&mut rng)).collect();
    let excitatory: Vec<f64> = (0..5000).map(|_| b.sample(&mut rng)).collect();
    Histogram::new("Synaptic weights after training")
        .x("weight (a.u.)")
        .mark(Mark::Vertical(0.0), "zero")
        .series("excitatory", &excitatory)
        .series("inhibitory", &inhibitory)
        .build()
}

fn degrees(view: DegreeView) -> Result<Figure, Error> {
    let mut rng = rng(8);
    let into = LogNormal::new(2.8, 1.1).expect("finite");
    let out = LogNormal::new(3.0, 0.8).expect("finite");
    let degree =
        |d: &LogNormal<f64>, rng: &mut ChaCha8Rng| -> Vec<u32> { (0..45_669).map(|_| d.sample(rng) as u32).collect() };
    let (into, out) = (degree(&into, &mut rng), degree(&out, &mut rng));
    DegreeDistribution::new("Degrees of 45,669 visual neurons")
        .view(view)
        .series("in-degree", &into)
        .series("out-degree", &out)
        .build()
}

fn accuracy() -> Result<Figure, Error> {
    Bar::new("Test accuracy after ten epochs")
        .groups(&["MNIST", "Fashion-MNIST", "sequential MNIST"])
        .y("accuracy (%)")
        .value_labels(ValueLabels::Shown)
        .mark(Mark::Horizontal(10.0), "chance")
        .series_with_errors("connectome", &[97.3, 86.2, 91.0], &[0.2, 0.4, 1.1])
        .series_with_errors("degree-preserving shuffle", &[96.1, 85.0, 87.4], &[0.3, 0.3, 1.9])
        .series_with_errors("random", &[94.8, 84.1, 71.3], &[0.3, 0.5, 3.2])
        .build()
}

fn timings() -> Result<Figure, Error> {
    Bar::new("Sparse-dense product of the connectome, batch of 64")
        .groups(&["forward, 1 thread", "forward, 2 threads", "gradient of states", "gradient of weights", "full step"])
        .y(Axis::log("time (ms)"))
        .series("this crate", &[13.1, 7.2, 15.8, 9.9, 42.0])
        .series("torch.sparse CSR", &[61.0, 44.0, 180.0, 2100.0, 2400.0])
        .build()
}

fn cell_types() -> Result<Figure, Error> {
    let names: Vec<String> = (1..=8)
        .map(|i| format!("R{i}"))
        .chain((1..=5).map(|i| format!("L{i}")))
        .chain(["Am", "C2", "C3", "CT1(Lo1)", "CT1(M10)"].map(String::from))
        .chain(
            ["Mi1", "Mi4", "Mi9", "T1", "T2", "T2a", "T3", "T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"]
                .map(String::from),
        )
        .chain((1..=5).map(|i| format!("TmY{i}")))
        .collect();
    let n = names.len();
    let mut rng = rng(9);
    let size = LogNormal::<f64>::new(1.5, 1.2).expect("finite");
    let weights: Vec<f64> = (0..n * n)
        .map(|i| {
            let sign = if (i % n).is_multiple_of(3) { -1.0 } else { 1.0 };
            if rng.random_bool(0.14) { sign * size.sample(&mut rng).min(60.0) } else { 0.0 }
        })
        .collect();
    Heatmap::new("Signed synapse counts between cell types", n, n, &weights)
        .x("presynaptic type")
        .y("postsynaptic type")
        .row_names(&names)
        .column_names(&names)
        .color_label("signed synapses per column")
        .build()
}

fn corner() -> Result<Figure, Error> {
    let mut rng = rng(10);
    let count = LogNormal::<f64>::new(1.5, 1.0).expect("finite");
    let weights: Vec<f64> = (0..10_000)
        .map(|i: usize| {
            let near = (i / 100).abs_diff(i % 100) < 12;
            if rng.random_bool(if near { 0.15 } else { 0.012 }) { count.sample(&mut rng).ceil() } else { 0.0 }
        })
        .collect();
    Heatmap::new("First 100 x 100 entries of the weight matrix", 100, 100, &weights)
        .x("presynaptic neuron")
        .y("postsynaptic neuron")
        .colors(ColorScale::Log)
        .zeros(Zeros::Blank)
        .color_label("synapses")
        .build()
}

fn large_matrix() -> Result<Figure, Error> {
    let n = 2500;
    let mut rng = rng(11);
    let noise = Normal::new(0.0, 0.4).expect("finite");
    let values: Vec<f32> = (0..n * n)
        .map(|i| {
            let (r, c) = ((i / n) as f64 / n as f64, (i % n) as f64 / n as f64);
            ((9.0 * r).sin() * (7.0 * c + 3.0 * r).cos() + noise.sample(&mut rng)) as f32
        })
        .collect();
    Heatmap::new("Correlation of 2500 neurons", n, n, &values)
        .x("neuron")
        .y("neuron")
        .color_label("correlation")
        .color_range(-1.0, 1.0)
        .pooling(Pooling::Mean)
        .build()
}

fn areas() -> Result<Figure, Error> {
    let names = ["V1", "V2", "V4", "IT", "PFC"];
    #[rustfmt::skip]
    let strength = [
        0.0,     3e-1,    2e-2,     1e-3,     f64::NAN,
        8e-1,    0.0,     1.5e-1,   4e-3,     1e-5,
        5e-2,    4e-1,    0.0,      2e-1,     3e-4,
        f64::NAN, 2e-2,   5e-1,     0.0,      5e-2,
        f64::NAN, 1e-4,   3e-3,     1e-1,     0.0,
    ];
    Heatmap::new("Fraction of labelled neurons between areas", 5, 5, &strength)
        .x("source area")
        .y("target area")
        .row_names(&names)
        .column_names(&names)
        .colors(ColorScale::Log)
        .color_label("fraction of labelled neurons")
        .build()
}

fn raster() -> Result<Figure, Error> {
    let t = times(500, 0.002);
    let activity: Vec<f64> = (0..200)
        .flat_map(|n| {
            let noise = voltage(1000 + n, 500);
            let delay = n as f64 / 400.0;
            t.clone().into_iter().zip(noise).map(move |(t, e)| {
                let s = (t - 0.1 - delay) / 0.06;
                8.0 * (-s * s).exp() + 0.5 * e.abs()
            })
        })
        .collect();
    Raster::new("A wave travels through 200 neurons", &t, 200, &activity).color_label("rate (Hz)").build()
}

/// Axial coordinates of a hexagonal lattice.
fn lattice(n: i32) -> (Vec<i32>, Vec<i32>) {
    (-n..=n).flat_map(|u| ((-n).max(-n - u)..=n.min(n - u)).map(move |v| (u, v))).unzip()
}

fn eye_response(t: f64) -> Vec<f64> {
    let (u, v) = lattice(15);
    u.iter()
        .zip(&v)
        .map(|(u, v)| {
            let x = 1.5 * f64::from(*v);
            let y = -(3f64.sqrt()) * (f64::from(*u) + f64::from(*v) / 2.0);
            let edge = (x * 0.8 + y * 0.3) / 6.0 - t;
            2.5 * edge * (-edge * edge).exp() + 0.4 * (-(x * x + y * y) / 60.0).exp()
        })
        .collect()
}

fn eye() -> Result<Figure, Error> {
    let (u, v) = lattice(15);
    Hexagons::new("Response of T4a to a moving edge, 721 columns")
        .lattice("", &u, &v, &eye_response(0.0))
        .color_label("voltage above rest (mV)")
        .build()
}

fn frames() -> Result<Figure, Error> {
    (0..8)
        .fold(Hexagons::new("A bright edge moves over the eye"), |plot, i| {
            plot.columns(format!("{} ms", 50 * i), &eye_response(-3.0 + 0.8 * f64::from(i)))
        })
        .color_label("voltage above rest (mV)")
        .build()
}

/// Cell types of the fly's visual system whose activity the connectome's model predicts.
const TYPES: [&str; 65] = [
    "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "L1", "L2", "L3", "L4", "L5", "Lawf1", "Lawf2", "Am", "C2", "C3",
    "CT1(Lo1)", "CT1(M10)", "Mi1", "Mi2", "Mi3", "Mi4", "Mi9", "Mi10", "Mi11", "Mi12", "Mi13", "Mi14", "Mi15", "T1",
    "T2", "T2a", "T3", "T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d", "Tm1", "Tm2", "Tm3", "Tm4", "Tm5Y",
    "Tm5a", "Tm5b", "Tm5c", "Tm9", "Tm16", "Tm20", "Tm28", "Tm30", "TmY3", "TmY4", "TmY5a", "TmY9", "TmY10", "TmY13",
    "TmY14", "TmY15", "TmY18",
];

/// An index of 50 models for each cell type.
fn indices(seed: u64, spread: f64) -> Vec<Vec<f64>> {
    let mut rng = rng(seed);
    let noise = Normal::new(0.0, spread).expect("finite");
    (0..TYPES.len())
        .map(|i| {
            let middle = (i as f64 * 1.7).sin() * 0.8;
            (0..50).map(|_| (middle + noise.sample(&mut rng)).clamp(-1.0, 1.0)).collect()
        })
        .collect()
}

fn flash_responses(style: StripStyle) -> Result<Figure, Error> {
    Strip::new("Flash response index of 50 models")
        .names(&TYPES)
        .x("cell type")
        .y(Axis::linear("flash response index").range(-1.0, 1.0))
        .mark(Mark::Horizontal(0.0), "")
        .highlight("ON in experiments", &["L5", "Mi1", "Tm3", "T4a", "T4b", "T4c", "T4d", "Mi4"])
        .highlight(
            "OFF in experiments",
            &["L1", "L2", "L3", "L4", "Tm1", "Tm2", "Tm4", "Tm9", "T5a", "T5b", "T5c", "T5d"],
        )
        .style(style)
        .series("models", &indices(31, 0.2))
        .build()
}

fn two_ensembles() -> Result<Figure, Error> {
    let some = |all: Vec<Vec<f64>>| all[31..43].to_vec();
    Strip::new("Direction selectivity, trained and untrained")
        .names(&TYPES[31..43])
        .y("direction selectivity index")
        .mark(Mark::Horizontal(0.0), "")
        .style(StripStyle::Violins)
        .series("trained on optic flow", &some(indices(32, 0.1)))
        .series("random weights", &some(indices(33, 0.3)))
        .build()
}

fn selectivity() -> Result<Figure, Error> {
    let mean = |all: Vec<Vec<f64>>| all.iter().map(|v| v.iter().sum::<f64>().abs() / 50.0).collect::<Vec<_>>();
    Bar::new("Direction selectivity index, best of 50 models")
        .groups(&TYPES)
        .y("direction selectivity index")
        .highlight("known to be direction selective", &["T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"])
        .series("ON edges", &mean(indices(34, 0.2)))
        .series("OFF edges", &mean(indices(35, 0.4)))
        .build()
}

fn directions() -> Vec<f64> {
    (0..12).map(|i| 30.0 * f64::from(i)).collect()
}

fn tuning(preferred: f64, width: f64, peak: f64) -> Vec<f64> {
    directions().iter().map(|a| peak * (width * ((a - preferred).to_radians().cos() - 1.0)).exp()).collect()
}

fn edges() -> Result<Figure, Error> {
    let mut plot = Polar::new("Moving edges: peak voltage by direction of motion")
        .radius("peak voltage above rest (mV)")
        .preferred(PreferredDirections::Arrows);
    for (i, name) in ["T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"].iter().enumerate() {
        let angle = [180.0, 0.0, 90.0, 270.0][i % 4] + 7.0 * i as f64;
        let (on, off) = if i < 4 { (3.2, 0.7) } else { (0.5, 2.4) };
        plot = plot.panel(*name).series("ON edges", &directions(), &tuning(angle, 1.8, on)).series(
            "OFF edges",
            &directions(),
            &tuning(angle + 40.0, 0.6, off),
        );
    }
    plot.build()
}

fn one_cell() -> Result<Figure, Error> {
    let mut gap = tuning(45.0, 1.0, 0.02);
    gap[9] = f64::NAN;
    Polar::new("Tm9")
        .radius("response (a.u.)")
        .preferred(PreferredDirections::Arrows)
        .series("one speed", &directions(), &gap)
        .series("another", &directions(), &tuning(200.0, 0.2, 0.014))
        .build()
}

fn receptive_fields() -> Result<Figure, Error> {
    let (u, v) = lattice(6);
    let mut plot = Hexagons::new("Spatial receptive fields of 65 cell types").per_row(13).panel_size(66.0);
    for (i, name) in TYPES.iter().enumerate() {
        let (width, shift) = (4.0 + (i % 7) as f64, (i % 5) as f64 - 2.0);
        let sign = if i % 3 == 0 { -1.0 } else { 1.0 };
        let field: Vec<f64> = u
            .iter()
            .zip(&v)
            .map(|(u, v)| {
                let (x, y) = (1.5 * f64::from(*v) - shift, -(3f64.sqrt()) * (f64::from(*u) + f64::from(*v) / 2.0));
                let r = (x * x + y * y) / width;
                sign * (1.2 * (-r).exp() - 0.45 * (-r / 4.0).exp())
            })
            .collect();
        plot = plot.lattice(*name, &u, &v, &field);
    }
    plot.colors(ColorScale::Diverging).color_label("response (mV)").build()
}

fn flow(style: FlowStyle) -> Result<Figure, Error> {
    let (u, v) = lattice(if style == FlowStyle::Hue { 15 } else { 8 });
    let places =
        || u.iter().zip(&v).map(|(u, v)| (1.5 * f64::from(*v), -(3f64.sqrt()) * (f64::from(*u) + f64::from(*v) / 2.0)));
    let expansion: (Vec<f64>, Vec<f64>) = places().map(|(x, y)| (0.1 * x, 0.1 * y)).unzip();
    let turn: (Vec<f64>, Vec<f64>) =
        places().map(|(x, y)| if x > 5.0 && y > 5.0 { (f64::NAN, 0.0) } else { (-0.1 * y, 0.1 * x) }).unzip();
    HexFlow::new("Optic flow of self-motion")
        .lattice("forwards", &u, &v, &expansion.0, &expansion.1)
        .lattice("roll, a corner is not known", &u, &v, &turn.0, &turn.1)
        .label("speed (columns per frame)")
        .style(style)
        .build()
}

/// A second of so many cell types, each with gain, delay and filter of its own.
fn film(types: usize) -> Result<Animation, Error> {
    let times: Vec<f64> = (0..60).map(|i| 20.0 * f64::from(i) - 200.0).collect();
    let mut movie =
        HexMovie::new("A bright edge moves over the eye").times(&times, "ms").color_label("voltage above rest (mV)");
    for (i, name) in TYPES.iter().skip(20).take(types).enumerate() {
        let gain = if i % 2 == 0 { 1.0 } else { -0.7 };
        let data: Vec<f64> =
            times.iter().flat_map(|t| eye_response((t / 120.0) - 4.0 - 0.2 * i as f64)).map(|v| gain * v).collect();
        movie = movie.panel(*name, 721, &data);
    }
    movie.build()
}

fn categories() -> Result<Figure, Error> {
    let (u, v) = lattice(8);
    let kind: Vec<u8> = u.iter().zip(&v).map(|(u, v)| ((u - v).rem_euclid(3)) as u8).collect();
    let missing: Vec<f64> = kind.iter().zip(&u).map(|(k, u)| if *u > 5 { f64::NAN } else { f64::from(*k) }).collect();
    Hexagons::new("Ommatidia")
        .lattice("left eye", &u, &v, &kind)
        .lattice("right eye, dorsal rim not recorded", &u, &v, &missing)
        .categories(&["pale", "yellow", "polarised"])
        .build()
}

fn audiovisual() -> Result<Figure, Error> {
    let graph = PaperGraph { wiring: Wiring::Brainlike, tasks: Tasks::Four, ..PaperGraph::default() }.graph();
    AreaNetwork::of("Seven audiovisual areas and PFC, vision below hearing", &graph).build()
}

fn digits() -> Result<Figure, Error> {
    AreaNetwork::new("A chain for digits")
        .area("V1", "28×28×32", 0)
        .area("V2", "14×14×32", 1)
        .area("V4", "7×7×32", 2)
        .edge(0, 1)
        .edge(1, 2)
        .edge(2, 2)
        .feedback(1, 0)
        .feedback(2, 1)
        .input(0)
        .output(2)
        .build()
}

fn all_to_all() -> Result<Figure, Error> {
    let graph = PaperGraph { wiring: Wiring::BigRnn, ..PaperGraph::default() }.graph();
    AreaNetwork::of("Everything drives everything", &graph).build()
}

fn overview() -> Result<Figure, Error> {
    let t = times(200, 0.01);
    let lines = Lines::new("Voltage")
        .x("time (s)")
        .y("voltage (mV)")
        .series("T4a", &t, &voltage(42, 200))
        .series("T5a", &t, &voltage(43, 200))
        .size(420.0, 320.0)
        .build()?;
    let hexagons = Hexagons::new("Response at 0.1 s")
        .columns("", &eye_response(0.5))
        .color_label("voltage (mV)")
        .size(420.0, 320.0)
        .build()?;
    let degrees = DegreeDistribution::new("Degrees")
        .series("in", &[1, 2, 2, 3, 5, 8, 13, 40, 90])
        .series("out", &[1, 1, 3, 5, 7, 9, 20, 30]);
    let bars = Bar::new("Accuracy").groups(&["MNIST", "Fashion"]).y("accuracy (%)").series("", &[97.3, 86.2]);
    Grid::new(2)
        .title("One run at a glance")
        .letters(Letters::Lowercase)
        .add(lines)
        .add(hexagons)
        .add(degrees.size(420.0, 320.0).build()?)
        .add(bars.size(420.0, 320.0).build()?)
        .build()
}

fn extremes() -> Result<Figure, Error> {
    let x: Vec<f64> = (0..=300).map(f64::from).collect();
    let decades: Vec<f64> = x.iter().map(|x| 10f64.powf(-x)).collect();
    let small = |title: &str| Lines::new(title).x("step").y("value (a.u.)").size(360.0, 260.0);
    Grid::new(2)
        .add(small("Constant").series("", &[0, 1, 2], &[5.0, 5.0, 5.0]).build()?)
        .add(small("One point").series("", &[3], &[1e-9]).build()?)
        .add(small("300 decades").y(Axis::log("value (a.u.)")).series("", &x, &decades).build()?)
        .add(
            small("Gaps and infinities")
                .series("", &[0, 1, 2, 3, 4, 5, 6, 7], &[1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 2.0, 1.5, 4.0])
                .build()?,
        )
        .add(small("Largest numbers").series("", &[0, 1, 2], &[-1e308, 1e308, 3e307]).build()?)
        .add(small("Nothing finite").series("", &[0, 1], &[f64::NAN, f64::NAN]).build()?)
        .build()
}
