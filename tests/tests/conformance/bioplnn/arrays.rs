//! Arrays of a file as tensors and wiring, and back.

use crate::case::Case;
use crate::report::{Report, relative};
use connectome_graph::{Duplicates, Topology};

pub(crate) use crate::tensors::{numbers, tensor};

/// Wiring from the arrays of its entries, which are in row order.
pub(crate) fn topology(case: &Case, indices: &str, values: &str, post: usize, pre: usize) -> Result<Topology, String> {
    let list = naturals(case, indices)?;
    let (rows, columns) = list.split_at(list.len() / 2);
    let wiring = Topology::from_edges(post, pre, rows, columns, case.floats(values)?, Duplicates::Error);
    let wiring = wiring.map_err(|e| e.to_string())?;
    if wiring.iter().map(|(row, column, _)| (row, column)).eq(rows.iter().copied().zip(columns.iter().copied())) {
        Ok(wiring)
    } else {
        Err(format!("{indices} is not in row order"))
    }
}

/// The numbers of an array of indices.
pub(crate) fn naturals(case: &Case, key: &str) -> Result<Vec<u32>, String> {
    let numbers = case.integers(key)?.iter().map(|&i| u32::try_from(i));
    numbers.collect::<Result<_, _>>().map_err(|_| format!("{key} holds numbers that are no indices"))
}

/// Compares a topology with the arrays `{name}_indices`, `_values` and `_shape`.
pub(crate) fn same(case: &Case, report: &mut Report, name: &str, got: &Topology) -> crate::Outcome {
    let key = |what: &str| format!("{name}_{what}");
    let (mut rows, mut columns, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (row, column, weight) in got.iter() {
        rows.push(i64::from(row));
        columns.push(i64::from(column));
        weights.push(weight);
    }
    report.exact(&key("shape"), &[got.n_post() as i64, got.n_pre() as i64], case.integers(&key("shape"))?);
    report.exact(&key("indices"), &[rows, columns].concat(), case.integers(&key("indices"))?);
    report.close_in_norm(&key("values"), &weights, case.floats(&key("values"))?, relative(1e-6));
    Ok(())
}
