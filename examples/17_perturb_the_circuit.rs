//! Which inputs make T4 and T5 selective for the direction of motion?
//!
//! One by one, types that feed T4 and T5 are taken out of a published model, in two ways. Silenced cells are held at potential 0, so that
//! they pass nothing on: their signal is gone, and so is their tonic drive. Clamped cells are held at their potential in grey: the tonic
//! drive stays, the signal is gone. Edges then move in twelve directions, bright ones for T4 and dark ones for T5, as for the intact circuit.

use connectome_graph::hex::Extent;
use examples::visual::published;
use examples::{Args, Error, Pictures, Progress, Table, run};
use fly_vision::measure::{Averaging, PeakOptions, direction_selectivity_index, known, peak_responses};
use fly_vision::network::{Grey, Network, Protocol};
use fly_vision::stimulus::{BarSettings, MovingBars};
use flybrain::figure::{Axis, Bar, ColorScale, Figure, Grid, Heatmap, Mark};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(
        "17_perturb_the_circuit",
        "Takes inputs of T4 and T5 out of the circuit and looks at direction selectivity.",
        perturb,
    )
}

/// Inputs of T4, then of T5.
const INPUTS: [&str; 10] = ["Mi1", "Tm3", "Mi4", "Mi9", "CT1(M10)", "Tm1", "Tm2", "Tm4", "Tm9", "CT1(Lo1)"];

/// Direction selectivity and largest response of the eight subtypes to edges of the contrast that they prefer, in the order of
/// [`known::MOTION_TYPES`].
struct Tuning {
    dsi: Vec<f64>,
    peak: Vec<f64>,
}

impl Tuning {
    /// Of T4 or T5: mean selectivity of its subtypes, and the sum of their responses as a part of that of another circuit.
    fn summary(&self, subtypes: std::ops::Range<usize>, intact: &Self) -> [f64; 2] {
        let n = subtypes.len() as f64;
        let sum = |list: &[f64]| list[subtypes.clone()].iter().sum::<f64>();
        [sum(&self.dsi) / n, sum(&self.peak) / sum(&intact.peak)]
    }
}

fn perturb(args: &Args) -> Result<(), Error> {
    let extent = if args.quick { 4 } else { 10 };
    let inputs = if args.quick { &INPUTS[2..4] } else { &INPUTS[..] };
    let mut progress = Progress::new(3 + inputs.len() as u64);
    progress.stage("rendering edges");
    let edges = |intensity: f64| {
        MovingBars::new(BarSettings {
            extent: Extent(extent),
            intensities: vec![intensity],
            speeds: vec![19.0],
            t_pre: 0.1,
            t_post: 0.0,
            ..BarSettings::edges()
        })
    };
    let edges = [edges(1.0)?, edges(0.0)?];
    edges.iter().try_for_each(MovingBars::prepare)?;

    progress.stage("the intact circuit");
    let (_, mut network) = published(0, extent)?;
    let grey = network.steady_state(1.0, 1.0 / 200.0, 1, Grey::default())?;
    let intact = tuning(&network, &edges)?;
    let mut perturbed = Vec::with_capacity(inputs.len());
    for name in inputs {
        progress.stage(&format!("without {name}"));
        network.silence(name)?;
        let silenced = tuning(&network, &edges)?;
        network.release();
        let cells = network.wiring().cells_of(name)?;
        for cell in &cells {
            network.hold_cells(&[*cell], grey.double_value(&[0, i64::from(*cell)]))?;
        }
        let clamped = tuning(&network, &edges)?;
        network.release();
        perturbed.push((*name, [silenced, clamped]));
    }

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    let shows = "selectivity of each subtype with each input silenced";
    pictures.save("silenced", shows, &matrix(&intact, &perturbed)?)?;
    pictures.save(
        "circuits",
        "mean selectivity of T4 and of T5: intact, silenced, clamped",
        &bars(&intact, &perturbed)?,
    )?;
    progress.finish();

    println!(
        "Model 0, bright edges for T4, dark edges for T5: direction selectivity index (DSI), mean of the subtypes a to d,"
    );
    println!("and their largest responses as a part of those in the intact circuit.\n");
    let mut table = Table::new(["without", "", "T4: DSI", "peaks", "T5: DSI", "peaks"]);
    let mut row = |name: &str, how: &str, tuning: &Tuning| {
        let [t4, t5] = [0..4, 4..8].map(|subtypes| tuning.summary(subtypes, &intact));
        table.row([
            name.to_owned(),
            how.to_owned(),
            format!("{:.2}", t4[0]),
            format!("{:.2}", t4[1]),
            format!("{:.2}", t5[0]),
            format!("{:.2}", t5[1]),
        ]);
    };
    row("nothing", "intact", &intact);
    for (name, [silenced, clamped]) in &perturbed {
        row(name, "silenced", silenced);
        row(name, "clamped", clamped);
    }
    print!("{table}");
    println!("\nWhere peaks are 0 there is no response and no selectivity.");
    pictures.list();
    Ok(())
}

/// Shows edges to a circuit: bright ones to T4, dark ones to T5.
fn tuning(network: &Network, edges: &[MovingBars; 2]) -> Result<Tuning, Error> {
    let (mut dsi, mut peak) = (Vec::new(), Vec::new());
    for (edges, types) in edges.iter().zip(known::MOTION_TYPES.chunks(4)) {
        let responses = network.responses_to(edges, &Protocol::default())?;
        let peaks = peak_responses(&responses, &PeakOptions::default())?;
        let selectivity = direction_selectivity_index(&peaks, Averaging::OverWidthAndSpeed)?;
        for name in types {
            let cell = peaks.cell(name)?;
            dsi.push(selectivity.value(0, 0, cell));
            peak.push(peaks.largest().value(0, cell));
        }
    }
    Ok(Tuning { dsi, peak })
}

fn matrix(intact: &Tuning, perturbed: &[(&str, [Tuning; 2])]) -> Result<Figure, Error> {
    let names: Vec<&str> = std::iter::once("intact").chain(perturbed.iter().map(|(name, _)| *name)).collect();
    let all = std::iter::once(intact).chain(perturbed.iter().map(|(_, [silenced, _])| silenced));
    let values: Vec<f64> = all.flat_map(|tuning| tuning.dsi.iter().copied()).collect();
    let heatmap = Heatmap::new("Direction selectivity without an input", names.len(), 8, &values)
        .x("type")
        .y("silenced")
        .row_names(&names)
        .column_names(&known::MOTION_TYPES)
        .colors(ColorScale::Sequential)
        .color_range(0.0, 1.0)
        .color_label("direction selectivity index");
    Ok(heatmap.build()?)
}

fn bars(intact: &Tuning, perturbed: &[(&str, [Tuning; 2])]) -> Result<Figure, Error> {
    let names: Vec<&str> = perturbed.iter().map(|(name, _)| *name).collect();
    let mut grid = Grid::new(1);
    for (title, subtypes) in [("T4, bright edges", 0..4), ("T5, dark edges", 4..8)] {
        let of = |how: usize| -> Vec<f64> {
            perturbed.iter().map(|(_, both)| both[how].summary(subtypes.clone(), intact)[0]).collect()
        };
        let bar = Bar::new(title)
            .x("type that is taken out")
            .y(Axis::linear("mean direction selectivity").range(0.0, 1.0))
            .groups(&names)
            .series("silenced", &of(0))
            .series("clamped at its potential in grey", &of(1))
            .mark(Mark::Horizontal(intact.summary(subtypes.clone(), intact)[0]), "intact");
        grid = grid.add(bar.build()?);
    }
    Ok(grid.build()?)
}
