//! Some steps of Adam.

use super::graph::graph;
use super::parameters::{FORWARD, fill, store, whole};
use crate::case::Case;
use crate::report::{Report, Tolerance};
use crate::tensors::{numbers, tensor};
use convgru_feedback::{AreaNetwork, ClassifierReadout, Forward, Schedule};
use tch::{Kind, Tensor};
use tch_train::{Adam, Optimizer, Parameters};

/// After the last step, by the file's README.
const TRAINED: Tolerance = Tolerance { relative: 1e-6, absolute: 1e-6 };

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let (vs, graph) = (store(), graph(case)?);
    let network = AreaNetwork::builder(&graph)
        .schedule(Schedule::PingPong)
        .dropout(0.0)
        .projection_channels(whole(case, "proj_hidden_dim")?)
        .build(&(vs.root() / "model"))
        .map_err(|e| e.to_string())?;
    let state = network.state_shape(graph.outputs()[0]);
    let [classes, hidden] = [whole(case, "n_classes")?, whole(case, "intermediate_dim")?];
    let readout =
        ClassifierReadout::new(&(vs.root() / "readout"), state, classes, hidden, 0).map_err(|e| e.to_string())?;
    fill(case, &vs, "init/")?;
    let logits = |x: &Tensor| -> Result<Tensor, String> {
        let response = network.forward(&[x], &Forward::new()).map_err(|e| e.to_string())?;
        readout.forward(&response.outputs[0]).map_err(|e| e.to_string())
    };
    let adam = Adam { lr: 0.01, ..Adam::default() };
    let mut optimizer = Optimizer::new(adam, &Parameters::of(&vs)).map_err(|e| e.to_string())?;
    let x = tensor(case, "x", Kind::Double)?;
    let labels = Tensor::from_slice(case.integers("y")?);
    let labels = labels.view([x.size()[0], -1]);
    let mut losses = Vec::new();
    for step in 0..x.size()[0] {
        optimizer.zero_grad().map_err(|e| e.to_string())?;
        let got = logits(&x.get(step))?;
        report.close("logits", &numbers(&got)?, case.floats(&format!("logits/{step}"))?, TRAINED);
        let loss = got.log_softmax(-1, Kind::Double).nll_loss(&labels.get(step));
        losses.extend(numbers(&loss)?);
        loss.f_backward().map_err(|e| e.to_string())?;
        optimizer.step().map_err(|e| e.to_string())?;
    }
    report.close("losses", &losses, case.floats("losses")?, TRAINED);
    report.close("first loss", &losses[..1], &case.floats("losses")?[..1], FORWARD);
    report.close("final_logits", &numbers(&logits(&x.get(0))?)?, case.floats("final_logits")?, TRAINED);
    for (name, variable) in vs.variables() {
        report.close("final", &numbers(&variable)?, case.floats(&format!("final/{name}"))?, TRAINED);
    }
    Ok(())
}
