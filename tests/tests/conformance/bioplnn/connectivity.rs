//! Projections and generated connectomes.

use super::arrays::{naturals, same};
use crate::case::Case;
use crate::report::Report;
use connectome_graph::generate::{
    ByType, Convention, SelfConnection, Sheet, Topographic, TopographicDraws, TypeAssignment,
};
use connectome_graph::projection::{Direction, projection};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for (name, indices, direction) in [
        ("identity_ih_default", None, Direction::Input),
        ("identity_ih", Some("input_indices"), Direction::Input),
        ("projection_ho", Some("output_indices"), Direction::Output),
    ] {
        if !case.has(&format!("{name}_indices")) {
            continue;
        }
        let shape = case.integers(&format!("{name}_shape"))?;
        let (neurons, channels) = match direction {
            Direction::Input => (shape[0], shape[1]),
            Direction::Output => (shape[1], shape[0]),
        };
        let indices = indices.map(|key| naturals(case, key)).transpose()?;
        let got = projection(channels as usize, neurons as usize, indices.as_deref(), direction);
        same(case, report, name, &got.map_err(|e| e.to_string())?)?;
    }
    for name in case.keys("topographic_").into_iter().filter_map(|k| k.strip_suffix("_args")) {
        topographic(case, report, name)?;
    }
    if case.has("bytype_types") {
        by_type(case, report)?;
    }
    for name in case.keys("idx2d_") {
        positions(case, report, name)?;
    }
    Ok(())
}

fn topographic(case: &Case, report: &mut Report, name: &str) -> crate::Outcome {
    // Rows, columns, standard deviation, synapses, self-recurrence, seed.
    let &[rows, columns, std, synapses, own, _] = case.floats(&format!("{name}_args"))? else {
        return Err(format!("{name}_args are not six numbers"));
    };
    let generator = Topographic {
        sheet: Sheet { rows: rows as u32, columns: columns as u32 },
        std: std as f32,
        synapses: synapses as u32,
        self_connection: if own == 0.0 { SelfConnection::Drawn } else { SelfConnection::Always },
        convention: Convention::Bioplnn,
    };
    let single = |what: &str| -> Result<Vec<f32>, String> {
        Ok(case.floats(&format!("{name}_{what}"))?.iter().map(|&v| v as f32).collect())
    };
    let (positions, weights) = (single("randn_positions")?, single("randn_values")?);
    let draws = TopographicDraws { positions: &positions, weights: &weights };
    same(case, report, name, &generator.from_draws(draws).map_err(|e| e.to_string())?)
}

fn by_type(case: &Case, report: &mut Report) -> crate::Outcome {
    let generator = ByType {
        type_probability: case.floats("bytype_type_prob")?.to_vec(),
        connection_probability: case.floats("bytype_connection_prob")?.to_vec(),
        assignment: TypeAssignment::Drawn,
    };
    let got = generator.from_uniforms(&naturals(case, "bytype_types")?, case.floats("bytype_uniforms")?);
    same(case, report, "bytype", &got.map_err(|e| e.to_string())?)
}

/// Numbers of neurons to rows and columns as bioplnn has them, and back; `name` ends with the size, `_m4_n5`.
fn positions(case: &Case, report: &mut Report, name: &str) -> crate::Outcome {
    let size = |letter: char| {
        let part = name.split('_').find_map(|part| part.strip_prefix(letter));
        part.and_then(|n| n.parse().ok()).ok_or_else(|| format!("{name} does not name the size of the sheet"))
    };
    let sheet = Sheet { rows: size('m')?, columns: size('n')? };
    let numbers = naturals(case, "idx1d")?;
    let got: Vec<(u32, u32)> = numbers.iter().map(|&i| sheet.position(i as usize, Convention::Bioplnn)).collect();
    let rows = got.iter().map(|p| i64::from(p.0));
    let columns = got.iter().map(|p| i64::from(p.1));
    report.exact(name, &rows.chain(columns).collect::<Vec<_>>(), case.integers(name)?);
    let back: Vec<i64> = got.iter().map(|&(row, column)| sheet.index(row, column) as i64).collect();
    report.exact("idx1d_back", &back, case.integers("idx1d_back")?);
    for &i in &numbers {
        let (row, column) = sheet.position(i as usize, Convention::Corrected);
        report.expect(sheet.index(row, column) == i as usize, || format!("neuron {i} comes back as another one"));
    }
    Ok(())
}
