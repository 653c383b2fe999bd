//! One step of a cell.

use super::parameters::{FORWARD, GRADIENTS, compare_gradients, fill, gradient, leaf, pair, store, truth, whole};
use crate::case::Case;
use crate::report::Report;
use crate::tensors::{numbers, tensor};
use convgru_feedback::{Arithmetic, Bias, ConvGruCell, TopDownCell, TopDownKind};
use tch::Kind;

const ARITHMETICS: [Arithmetic; 2] = [Arithmetic::Fused, Arithmetic::Recorded];

fn bias(case: &Case) -> Result<Bias, String> {
    Ok(if truth(case, "bias")? { Bias::Trained } else { Bias::None })
}

/// The cell of networks, with gradients.
pub(crate) fn run_cell(case: &Case, report: &mut Report) -> crate::Outcome {
    for arithmetic in ARITHMETICS {
        let what = |name: &str| format!("{arithmetic:?} {name}");
        let store = store();
        let channels = [whole(case, "input_dim")?, whole(case, "hidden_dim")?];
        let feedback = [whole(case, "basal")?, whole(case, "apical")?];
        let cell = ConvGruCell::new(&store.root(), channels, pair(case, "kernel")?, feedback, bias(case)?, 0)
            .map_err(|e| e.to_string())?
            .with_arithmetic(arithmetic);
        fill(case, &store, "state/")?;
        let mut leaves = vec![("x", leaf(case, "x")?), ("h", leaf(case, "h")?)];
        if truth(case, "topdown")? {
            leaves.push(("topdown", leaf(case, "topdown")?));
        }
        let out =
            cell.forward(&leaves[0].1, Some(&leaves[1].1), leaves.get(2).map(|(_, t)| t)).map_err(|e| e.to_string())?;
        report.close(&what("out"), &numbers(&out)?, case.floats("out")?, FORWARD);
        let loss = (out * tensor(case, "loss_weight", Kind::Double)?).sum(Kind::Double);
        report.close(&what("loss"), &numbers(&loss)?, case.floats("loss")?, FORWARD);
        loss.f_backward().map_err(|e| e.to_string())?;
        for (name, leaf) in &leaves {
            let key = format!("grad/{name}");
            report.close(&what(&key), &gradient(leaf)?, case.floats(&key)?, GRADIENTS);
        }
        compare_gradients(case, report, &what("parameter"), &store, &[])?;
    }
    Ok(())
}

/// The secondary cells.
pub(crate) fn run_top_down(case: &Case, report: &mut Report) -> crate::Outcome {
    let kind: TopDownKind = case.setting("variant")?.parse().map_err(|e: convgru_feedback::Error| e.to_string())?;
    for arithmetic in ARITHMETICS {
        let store = store();
        let channels = [whole(case, "input_dim")?, whole(case, "hidden_dim")?];
        let cell = TopDownCell::new(&store.root(), channels, pair(case, "kernel")?, kind, bias(case)?, 0)
            .map_err(|e| e.to_string())?
            .with_arithmetic(arithmetic);
        fill(case, &store, "state/")?;
        let [x, h] = ["x", "h"].map(|key| tensor(case, key, Kind::Double));
        let feedback = case.has("topdown").then(|| tensor(case, "topdown", Kind::Double)).transpose()?;
        let out = cell.forward(&x?, Some(&h?), feedback.as_ref()).map_err(|e| e.to_string())?;
        report.close(&format!("{arithmetic:?} out"), &numbers(&out)?, case.floats("out")?, FORWARD);
    }
    Ok(())
}
