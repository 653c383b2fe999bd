//! How does the fly's eye tell the direction of motion?
//!
//! Edges, bright and dark, move across the eye in twelve directions. In published models, as in flies, T4 cells respond to bright edges
//! and T5 cells to dark ones, and of each the subtypes a, b, c and d to one direction; their inputs respond to all.

use connectome_graph::hex::{Extent, expand};
use examples::{Args, Error, Pictures, Progress, Table, run};
use fly_vision::measure::{
    Averaging, PeakOptions, PerCondition, TuningOptions, TuningScale, angular_tuning, direction_selectivity_index,
    known, peak_responses, preferred_direction, quantile,
};
use fly_vision::network::{Network, Protocol, Wiring};
use fly_vision::stimulus::{BarSettings, MovingBars, Stimuli};
use flybrain::figure::{Axis, Figure, Mark, Polar, PreferredDirections, Strip};
use std::process::ExitCode;

fn main() -> ExitCode {
    run("15_fly_moving_edges", "Shows edges that move in twelve directions to models of the fly's eye.", edges)
}

fn edges(args: &Args) -> Result<(), Error> {
    let (extent, models) = if args.quick { (4, 2) } else { (15, 10) };
    let mut progress = Progress::new(3 + models as u64);
    progress.stage("expanding the connectome to the columns of the eye");
    let fly = expand(&fly_vision::connectome()?, Extent(extent))?;
    let mut network = Network::builder(Wiring::from_hex(&fly)?).build_alone()?;
    progress.stage("rendering edges");
    let edges = MovingBars::new(BarSettings {
        extent: Extent(extent),
        speeds: vec![19.0],
        t_pre: 0.1,
        t_post: 0.1,
        ..BarSettings::edges()
    })?;
    edges.prepare()?;

    // the largest response of each cell while an edge passes
    let (mut all, mut cells) = (Vec::new(), Vec::new());
    for model in 0..models {
        progress.stage(&format!("model {model}"));
        network.set_pretrained(model)?;
        let responses = network.responses_to(&edges, &Protocol::default())?;
        all.extend_from_slice(peak_responses(&responses, &PeakOptions::default())?.values());
        cells = responses.cells().to_vec();
    }
    let peaks = PerCondition::new(all, models, edges.conditions().clone(), cells)?;
    let dsi = direction_selectivity_index(&peaks, Averaging::OverWidthAndSpeed)?;
    let directions = preferred_direction(&peaks, Averaging::OverWidthAndSpeed)?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("tuning", "responses of T4 and T5 over direction in the first models", &polar(&peaks)?)?;
    pictures.save("dsi", "direction selectivity of all types; a point is a model", &strip(&dsi)?)?;
    progress.finish();

    println!("Edges of the contrast that each type prefers, {models} models; 0° is rightwards, 90° upwards:");
    let mut table = Table::new(["type", "edges", "measured", "model 0", "DSI", "median DSI", "models within 45°"]);
    let types = known::MOTION_TYPES.iter().chain(known::NOT_MOTION_TYPES.iter());
    for name in types {
        let Some(contrast) = known::preferred_contrast(name) else { continue };
        let cell = peaks.cell(name)?;
        let selectivity = dsi.select("intensity", contrast.intensity())?.across_models(cell);
        let preferred = directions.select("intensity", contrast.intensity())?.across_models(cell);
        let preferred: Vec<f64> = preferred.into_iter().map(f64::to_degrees).collect();
        let measured = known::preferred_direction(name);
        let near =
            |to: f64| preferred.iter().filter(move |d| ((*d - to + 540.0).rem_euclid(360.0) - 180.0).abs() <= 45.0);
        table.row([
            (*name).to_owned(),
            (if contrast.sign() > 0.0 { "bright" } else { "dark" }).into(),
            measured.map_or("none".into(), |to| format!("{to:.0}°")),
            measured.map_or(String::new(), |_| format!("{:.0}°", preferred[0].rem_euclid(360.0))),
            format!("{:.2}", selectivity[0]),
            format!("{:.2}", quantile(&selectivity, 0.5)),
            measured.map_or(String::new(), |to| format!("{} of {models}", near(to).count())),
        ]);
    }
    print!("{table}");
    println!("\nDSI, the direction selectivity index: 0 responds to all directions alike, 1 to one only.");
    pictures.list();
    Ok(())
}

/// Tuning curves of the first models, each divided by its largest value.
fn polar(peaks: &PerCondition) -> Result<Figure, Error> {
    let curves = angular_tuning(peaks, &TuningOptions { scale: TuningScale::Curve, ..TuningOptions::default() })?;
    let mut polar = Polar::new("Tuning of T4 (bright edges) and T5 (dark edges)")
        .radius("peak response, of the largest")
        .preferred(PreferredDirections::Arrows);
    for name in known::MOTION_TYPES {
        let contrast = known::preferred_contrast(name).ok_or("T4 and T5 prefer a contrast")?;
        let samples = curves.conditions().samples_where("intensity", contrast.intensity())?;
        let angles = curves.conditions().column("angle")?;
        let angles: Vec<f64> = samples.iter().map(|&sample| angles[sample]).collect();
        polar = polar.panel(name);
        for model in 0..curves.models().min(3) {
            let cell = curves.cell(name)?;
            let curve: Vec<f64> = samples.iter().map(|&sample| curves.value(model, sample, cell)).collect();
            polar = polar.series(format!("model {model}"), &angles, &curve);
        }
    }
    Ok(polar.build()?)
}

fn strip(dsi: &PerCondition) -> Result<Figure, Error> {
    let mut strip = Strip::new("Direction selectivity")
        .y(Axis::linear("direction selectivity index").range(0.0, 1.0))
        .names(dsi.cells())
        .mark(Mark::Horizontal(0.0), "");
    for (name, intensity) in [("bright edges", 1.0), ("dark edges", 0.0)] {
        let of = dsi.select("intensity", intensity)?;
        let samples: Vec<Vec<f64>> = (0..dsi.cells().len()).map(|cell| of.across_models(cell)).collect();
        strip = strip.series(name, &samples);
    }
    let strip = strip.highlight("measured: selective", &known::MOTION_TYPES).highlight("not", &known::NOT_MOTION_TYPES);
    Ok(strip.build()?)
}
