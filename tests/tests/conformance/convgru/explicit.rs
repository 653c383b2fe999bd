//! The first model.

use super::parameters::{FORWARD, fill, pair, store, whole};
use crate::case::Case;
use crate::report::Report;
use crate::tensors::{numbers, tensor};
use convgru_feedback::{ExplicitTopDown, ExplicitTopDownOptions, TopDownSource};
use tch::Kind;

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let source = match case.shape("topdown")?.len() {
        2 => TopDownSource::Text,
        _ if case.has("state/topdown_linear.weight") => TopDownSource::Audio,
        _ => TopDownSource::Image,
    };
    let kernel = case.shape("state/cell_list.0.conv_gates.weight")?;
    let options = ExplicitTopDownOptions {
        size: pair(case, "input_size")?,
        input: case.shape("x")?[2] as i64,
        hidden: whole(case, "hidden_dim")?,
        kernel: [kernel[2] as i64, kernel[3] as i64],
        outputs: whole(case, "n_out")?,
        repeats: whole(case, "reps")? as usize,
        source,
    };
    let vs = store();
    let model = ExplicitTopDown::new(&vs.root(), options, 0).map_err(|e| e.to_string())?;
    fill(case, &vs, "state/")?;
    let signal = tensor(case, "topdown", Kind::Double)?;
    let out = model.forward(&tensor(case, "x", Kind::Double)?, Some(&signal)).map_err(|e| e.to_string())?;
    report.close("out", &numbers(&out)?, case.floats("out")?, FORWARD);
    Ok(())
}
