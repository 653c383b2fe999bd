//! The wiring, and the parameters that models found on it.

use std::path::Path;

use fly_vision::measure::{projective_field, receptive_field};
use serde::Serialize;

use super::panel::settings_text;
use super::population::{Model, Population};
use super::write_csv;
use crate::Error;
use crate::figure::{Axis, ColorScale, Heatmap, Hexagons, Strip};
use crate::report::{Report, RunRecord, Table};

/// What [`explore`] found.
#[derive(Debug, Clone, Serialize)]
pub struct ExploreResults {
    /// Cells.
    pub cells: usize,
    /// Edges.
    pub edges: usize,
    /// Pairs of types.
    pub pairs: usize,
    /// Presynaptic types of the type that was looked at, with signed synapse numbers, largest in size first.
    pub inputs: Vec<(String, f64)>,
    /// Its postsynaptic types.
    pub outputs: Vec<(String, f64)>,
}

/// Draws the wiring, where a type's synapses come from, and the parameters of models, into a folder.
///
/// # Errors
/// [`Error::Vision`] for a type that is not there or models that cannot be read; [`Error::Setting`] for types that are silenced, which are
/// shown nothing here; [`Error::Write`].
pub fn explore(population: &Population, cell_type: &str, folder: &Path) -> Result<ExploreResults, Error> {
    let mut record = RunRecord::start();
    if !population.silenced().is_empty() {
        let problem = "nothing is shown to cells here; wiring and parameters are the same with silenced ones";
        return Err(Error::Setting { key: "silence", problem: problem.into() });
    }
    population.note(&mut record)?;
    let fly = population.fly()?;
    let wiring = population.wiring()?;
    let names: Vec<&str> = wiring.types().iter().map(|t| t.name.as_str()).collect();
    let n = names.len();
    let (input, output) = (receptive_field(&fly, cell_type)?, projective_field(&fly, cell_type)?);
    let sorted = |totals: Vec<(&str, f64)>| {
        let mut list: Vec<(String, f64)> = totals.into_iter().map(|(name, x)| (name.to_owned(), x)).collect();
        list.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        list
    };
    let results = ExploreResults {
        cells: wiring.n_cells(),
        edges: wiring.n_edges(),
        pairs: wiring.pairs().len(),
        inputs: sorted(input.totals()),
        outputs: sorted(output.totals()),
    };
    record.result(&results);

    let mut matrix = vec![0.0; n * n];
    for (target, name) in names.iter().enumerate() {
        for (source, total) in receptive_field(&fly, name)?.totals() {
            let source = wiring.type_index(source)? as usize;
            matrix[target * n + source] += total;
        }
    }
    let connectivity = Heatmap::new("Synapses onto a cell of each type", n, n, &matrix)
        .x("presynaptic type")
        .y("postsynaptic type")
        .row_names(&names)
        .column_names(&names)
        .colors(ColorScale::Diverging)
        .color_label("synapses, inhibitory below zero")
        .build()?;
    let mut maps = Hexagons::new(format!("Where synapses onto {cell_type} come from")).colors(ColorScale::Diverging);
    for (source, _) in results.inputs.iter().take(12) {
        let map = input.map(source)?;
        let (u, v): (Vec<i32>, Vec<i32>) =
            map.iter().map(|(c, _)| (c.u - input.column().u, c.v - input.column().v)).unzip();
        let values: Vec<f64> = map.iter().map(|(_, x)| *x).collect();
        maps = maps.lattice(source.as_str(), &u, &v, &values);
    }

    let (mut bias, mut tau) = (vec![Vec::new(); n], vec![Vec::new(); n]);
    let mut rows = Vec::new();
    for model in population.models() {
        let network = population.network(&wiring, model)?;
        let p = network.parameters();
        for t in 0..n {
            let of = |tensor: &tch::Tensor| tensor.double_value(&[t as i64]);
            bias[t].push(of(&p.bias));
            tau[t].push(1e3 * of(&p.time_constant));
            rows.push(vec![
                model.name(),
                names[t].to_owned(),
                of(&p.bias).to_string(),
                of(&p.time_constant).to_string(),
            ]);
        }
    }
    write_csv(folder, "parameters.csv", &["model", "type", "bias", "time_constant_s"], &rows)?;
    let strip = |title: &str, label: &str, values: &[Vec<f64>]| {
        Strip::new(title).y(Axis::linear(label)).names(&names).series("models", values).build()
    };
    let partners = |caption: &str, list: &[(String, f64)]| {
        list.iter().fold(Table::new(caption, &["type", "synapses"]), |table, (name, x)| {
            table.row(&[name.clone(), format!("{x:.1}")])
        })
    };
    let models: Vec<String> = population.models().iter().map(Model::name).collect();
    Report::new("The fly visual system")
        .values(&[
            ("cells", results.cells.to_string()),
            ("edges", results.edges.to_string()),
            ("cell types", n.to_string()),
            ("pairs of types", results.pairs.to_string()),
        ])
        .saved_figure(
            "Signed synapse numbers onto the central cell of each type.",
            &connectivity,
            folder,
            "connectivity",
        )?
        .heading(format!("Partners of {cell_type}"))
        .saved_figure(
            "Synapses by the column of the presynaptic cell, relative to that of the postsynaptic one.",
            &maps.color_label("synapses").build()?,
            folder,
            "inputs",
        )?
        .table(partners("Inputs", &results.inputs))
        .table(partners("Outputs", &results.outputs))
        .heading(format!("Parameters of {} models", models.len()))
        .saved_figure("Resting potential by type.", &strip("Resting potentials", "bias", &bias)?, folder, "bias")?
        .saved_figure(
            "Time constant by type.",
            &strip("Time constants", "time constant (ms)", &tau)?,
            folder,
            "time_constants",
        )?
        .of_run(&settings_text(population, &serde_json::json!({"type": cell_type}))?, &record)
        .write(folder)?;
    record.write(folder)?;
    Ok(results)
}
