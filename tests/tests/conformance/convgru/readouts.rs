//! Readouts and the upsampler.

use super::parameters::{FORWARD, fill, list, store};
use crate::case::Case;
use crate::report::Report;
use crate::tensors::{numbers, tensor};
use convgru_feedback::{ClassifierReadout, Error, InterlacedUpsampler, TwoAreaReadout, ValueReadout};
use tch::{Kind, Tensor};

/// Hidden units and outputs of a readout, from the shapes of its layers.
fn sizes(case: &Case, name: &str) -> Result<[i64; 2], String> {
    let rows = |layer: &str| Ok::<i64, String>(case.shape(&format!("{name}/state/{layer}.weight"))?[0] as i64);
    Ok([rows("fc1")?, rows("fc2")?])
}

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let text = |e: Error| e.to_string();
    let of = |key: &str| tensor(case, key, Kind::Double);
    let shape = |key: &str| case.shape(key).map(|s| [s[1] as i64, s[2] as i64, s[3] as i64]);
    let (x1, x2, flag) = (of("x1")?, of("x2")?, of("align_flag")?);
    let [h, w, c] = <[i64; 3]>::try_from(list(case, "output_size_h_w_c")?).map_err(|l| format!("{l:?}"))?;
    report.exact("output_size_h_w_c", &[c, h, w], &shape("x1")?);
    let mut compare = |key: &str, got: &Tensor| -> crate::Outcome {
        report.close(key, &numbers(got)?, case.floats(key)?, FORWARD);
        Ok(())
    };

    let (vs, [hidden, classes]) = (store(), sizes(case, "classifier")?);
    let readout = ClassifierReadout::new(&vs.root(), shape("x1")?, classes, hidden, 0).map_err(text)?;
    fill(case, &vs, "classifier/state/")?;
    compare("classifier/out", &readout.forward(&x1).map_err(text)?)?;
    compare("classifier/out_eval_mode", &readout.features(&x1).map_err(text)?)?;

    let (vs, [hidden, classes]) = (store(), sizes(case, "multi")?);
    let readout = TwoAreaReadout::new(&vs.root(), [shape("x1")?, shape("x2")?], classes, hidden, 0).map_err(text)?;
    fill(case, &vs, "multi/state/")?;
    compare("multi/out", &readout.forward([&x1, &x2], &flag).map_err(text)?)?;

    let (vs, [hidden, _]) = (store(), sizes(case, "value")?);
    let readout = ValueReadout::new(&vs.root(), shape("x1")?, hidden, 0).map_err(text)?;
    fill(case, &vs, "value/state/")?;
    compare("value/out", &readout.forward(&x1).map_err(text)?)?;

    let (vs, x) = (store(), of("ilc/x")?);
    let outputs = case.shape("ilc/out")?[1] as i64;
    let upsampler = InterlacedUpsampler::new(&vs.root(), [x.size()[1], outputs], 2, 0).map_err(text)?;
    fill(case, &vs, "ilc/state/")?;
    compare("ilc/out", &upsampler.forward(&x).map_err(text)?)
}
