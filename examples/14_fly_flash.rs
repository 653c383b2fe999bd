//! Which cells of the fly's eye respond to light, and which to dark?
//!
//! A disc lights up, or goes dark, in the middle of a grey field, and published models of the visual system watch. The flash response
//! index of a type is 1 if its cell responds to light only and -1 if to dark only. The models were trained to see motion and never told
//! which cells prefer what; the table compares them with what was measured in flies.

use connectome_graph::hex::{Extent, expand};
use examples::visual::FAMOUS;
use examples::{Args, Error, Pictures, Progress, Table, run};
use fly_vision::measure::known::{self, Contrast};
use fly_vision::measure::{FlashOptions, PerCell, Responses, flash_response_index, fri_agreement, quantile};
use fly_vision::network::{Network, Protocol, Wiring};
use fly_vision::stimulus::{FlashSettings, Flashes, Stimuli};
use flybrain::figure::{Axis, Figure, Lines, Mark, Share, Strip};
use std::process::ExitCode;

fn main() -> ExitCode {
    run("14_fly_flash", "Shows flashes of light and dark to models of the fly's eye.", flash)
}

fn flash(args: &Args) -> Result<(), Error> {
    let (extent, radius, models) = if args.quick { (3, 2, 3) } else { (15, 6, 10) };
    let mut progress = Progress::new(2 + models as u64);
    progress.stage("expanding the connectome to the columns of the eye");
    let fly = expand(&fly_vision::connectome()?, Extent(extent))?;
    let mut network = Network::builder(Wiring::from_hex(&fly)?).build_alone()?;
    let flashes =
        Flashes::new(FlashSettings { extent: Extent(extent), radius: vec![radius], ..FlashSettings::default() })?;
    let options = FlashOptions { radius: f64::from(radius), ..FlashOptions::default() };

    // the wiring stays, parameters change from model to model
    let (mut indices, mut first) = (Vec::new(), None);
    for model in 0..models {
        progress.stage(&format!("model {model}"));
        network.set_pretrained(model)?;
        let responses = network.responses_to(&flashes, &Protocol::default())?;
        indices.extend_from_slice(flash_response_index(&responses, &options)?.values());
        first.get_or_insert(responses);
    }
    let first = first.ok_or("no model was shown anything")?;
    let fri = PerCell::new(indices, models, first.cells().to_vec())?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("fri", "flash response index of all types, known ones marked; a point is a model", &strip(&fri)?)?;
    pictures.save("traces", "potentials of central cells in model 0", &traces(&first, &flashes)?)?;
    progress.finish();

    println!("Flash response index, 1 light to -1 dark, of types whose preference was measured, {models} models:");
    let mut table = Table::new(["type", "measured", "model 0", "median", "models that agree"]);
    for (cell, name) in fri.cells().iter().enumerate() {
        let Some(contrast) = known::preferred_contrast(name) else { continue };
        let all = fri.across_models(cell);
        let agree = all.iter().filter(|index| contrast.sign() * **index > 0.0).count();
        table.row([
            name.clone(),
            (if contrast == Contrast::On { "light" } else { "dark" }).into(),
            format!("{:.2}", all[0]),
            format!("{:.2}", quantile(&all, 0.5)),
            format!("{agree} of {models}"),
        ]);
    }
    print!("{table}");
    let agreement: Vec<String> = fri_agreement(&fri)?.iter().map(|part| format!("{:.0}", 100.0 * part)).collect();
    println!("\nTypes for which a model agrees, in percent, by model: {}", agreement.join(" "));
    pictures.list();
    Ok(())
}

fn strip(fri: &PerCell) -> Result<Figure, Error> {
    let samples: Vec<Vec<f64>> = (0..fri.cells().len()).map(|cell| fri.across_models(cell)).collect();
    let strip = Strip::new("Preference for light or dark")
        .y(Axis::linear("flash response index").range(-1.0, 1.0))
        .names(fri.cells())
        .series("models", &samples)
        .mark(Mark::Horizontal(0.0), "")
        .highlight("measured: light", &known::ON_TYPES)
        .highlight("measured: dark", &known::OFF_TYPES);
    Ok(strip.build()?)
}

fn traces(responses: &Responses, flashes: &Flashes) -> Result<Figure, Error> {
    let mut lines = Lines::new("A flash of one second")
        .x("time (s)")
        .y("potential")
        .share(Share::Horizontal)
        .mark(Mark::Span(0.0, 1.0), "");
    for name in FAMOUS {
        lines = lines.panel(name);
        for (label, intensity) in [("light", 1.0), ("dark", 0.0)] {
            let sample = flashes.sample(&[("intensity", intensity)])?;
            let trace: Vec<f64> = responses.trace(0, sample, responses.cell(name)?).collect();
            lines = lines.series(label, responses.time(), &trace);
        }
    }
    Ok(lines.build()?)
}
