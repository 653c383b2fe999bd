//! The sparse layer and its gradients.

use super::arrays::{naturals, numbers, tensor, topology};
use crate::case::Case;
use crate::report::{Report, relative};
use connectome_graph::{Duplicates, Topology};
use sparse_ode::{Bias, SparseLinear, Training};
use tch::nn::VarStore;
use tch::{Device, Kind, no_grad};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let text = |e: sparse_ode::Error| e.to_string();
    let (outputs, inputs) = (case.shape("bias")?[0], case.shape("x")?[0]);
    let wiring = topology(case, "indices", "values", outputs, inputs)?;

    // Entries in any order, some of them twice.
    let raw = naturals(case, "raw_indices")?;
    let (rows, columns) = raw.split_at(raw.len() / 2);
    let summed = Topology::from_edges(outputs, inputs, rows, columns, case.floats("raw_values")?, Duplicates::Sum);
    let summed = summed.map_err(|e| e.to_string())?;
    report.exact("summed entries", summed.columns(), wiring.columns());
    report.exact("summed rows", summed.row_ptr(), wiring.row_ptr());
    report.close("summed values", summed.weights(), wiring.weights(), relative(1e-6));

    let mut vs = VarStore::new(Device::Cpu);
    vs.set_kind(Kind::Double);
    let layer = SparseLinear::new(&vs.root(), &wiring, Bias::Zeros, Training::Trained).map_err(text)?;
    let mut bias = layer.bias().ok_or("the layer has no bias")?.shallow_clone();
    let start = tensor(case, "bias", Kind::Double)?;
    no_grad(|| bias.copy_(&start));

    let tolerance = relative(1e-13);
    let x = tensor(case, "x", Kind::Double)?.set_requires_grad(true);
    let y = layer.forward(&x).map_err(text)?;
    report.close_in_norm("y", &numbers(&y)?, case.floats("y")?, tolerance);
    (y * tensor(case, "grad_y", Kind::Double)?).sum(Kind::Double).backward();
    for (key, got) in [("grad_x", x.grad()), ("grad_values", layer.values().grad()), ("grad_bias", bias.grad())] {
        report.close_in_norm(key, &numbers(&got)?, case.floats(key)?, tolerance);
    }
    if case.has("x3") {
        let y3 = layer.forward(&tensor(case, "x3", Kind::Double)?).map_err(text)?;
        report.close_in_norm("y3", &numbers(&y3)?, case.floats("y3")?, tolerance);
    }
    if case.has("x_rowmajor") {
        let y = layer.forward_along(&tensor(case, "x_rowmajor", Kind::Double)?, -1).map_err(text)?;
        report.close_in_norm("y_rowmajor", &numbers(&y)?, case.floats("y_rowmajor")?, tolerance);
    }
    Ok(())
}
