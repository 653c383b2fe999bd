//! Networks of areas in all schedules.

use super::parameters::{FORWARD, compare_gradients, fill, list, store, truth, whole};
use crate::case::Case;
use crate::report::Report;
use crate::tensors::{numbers, tensor};
use connectome_graph::area::{AreaGraph, FeedbackEdges};
use convgru_feedback::{AreaNetwork, Arithmetic, Bias, Compat, Forward, Keep, LayerNorm, Response, Schedule, TopDown};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

/// The graph that lies beside a file.
pub(crate) fn graph(case: &Case) -> Result<AreaGraph, String> {
    let areas = |key: &str| -> Result<Vec<usize>, String> {
        list(case, key)?.into_iter().map(|a| usize::try_from(a).map_err(|_| format!("{key} holds {a}"))).collect()
    };
    let feedback = match case.setting_or("reciprocal", "true") {
        "true" => FeedbackEdges::Reciprocal,
        _ => FeedbackEdges::Signed,
    };
    let csv = case.beside(case.setting("csv")?);
    AreaGraph::read(csv, &areas("input_nodes")?, &areas("output_nodes")?, feedback).map_err(|e| e.to_string())
}

/// A network with the file's parameters.
fn network(case: &Case, store: &VarStore, schedule: Schedule, arithmetic: Arithmetic) -> Result<AreaNetwork, String> {
    let graph = graph(case)?;
    let sizes: Vec<[i64; 2]> = serde_json::from_value(case.json("input_sizes")?).map_err(|e| e.to_string())?;
    let channels = list(case, "input_dims")?;
    let mut builder = AreaNetwork::builder(&graph)
        .schedule(schedule)
        .arithmetic(arithmetic)
        .compat(Compat::Reference)
        .top_down(if truth(case, "topdown")? { TopDown::On } else { TopDown::Off })
        .layer_norm(if truth(case, "layer_norm")? { LayerNorm::On } else { LayerNorm::Off })
        .cell_bias(if truth(case, "bias")? { Bias::Trained } else { Bias::None })
        .projection_channels(whole(case, "proj_hidden_dim")?);
    for (i, &area) in graph.inputs().iter().enumerate() {
        builder = builder.stimulus(i, [channels[area], sizes[area][0], sizes[area][1]]);
    }
    let network = builder.build(&store.root()).map_err(|e| e.to_string())?;
    fill(case, store, "state/")?;
    Ok(network)
}

fn respond(case: &Case, network: &AreaNetwork, keep: Keep) -> Result<Response, String> {
    let inputs = (0..network.graph().inputs().len())
        .map(|i| tensor(case, &format!("input/{i}"), Kind::Double))
        .collect::<Result<Vec<_>, _>>()?;
    let steps = u32::try_from(whole(case, "process_time")?).map_err(|e| e.to_string())?;
    let how = Forward::new().keep(keep).steps(steps);
    network.forward(&inputs.iter().collect::<Vec<_>>(), &how).map_err(|e| e.to_string())
}

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for arithmetic in [Arithmetic::Fused, Arithmetic::Recorded] {
        reference(case, report, arithmetic)?;
        let mut others = vec![(Schedule::Synchronous, "sync")];
        if truth(case, "has_inplace")? {
            others.push((Schedule::InPlace, "inplace"));
        }
        for (schedule, name) in others {
            let network = network(case, &store(), schedule, arithmetic)?;
            let states = tch::no_grad(|| respond(case, &network, Keep::States))?.states;
            for (area, state) in states.iter().enumerate() {
                let key = format!("{name}/{area}");
                report.close(&format!("{arithmetic:?} {key}"), &numbers(state)?, case.floats(&key)?, FORWARD);
            }
        }
    }
    let lengths = list(case, "seq_lens")?;
    for (i, length) in lengths.iter().enumerate() {
        let shape = case.shape(&format!("input/{i}"))?;
        report
            .expect(shape[1] as i64 == *length, || format!("seq_lens has {length} for input {i}, which is {shape:?}"));
    }
    Ok(())
}

/// The schedule of the files, with gradients; and that computing less gives the same.
fn reference(case: &Case, report: &mut Report, arithmetic: Arithmetic) -> crate::Outcome {
    let store = store();
    let network = network(case, &store, Schedule::PingPong, arithmetic)?;
    report.exact(
        "n_params",
        &[store.variables().values().map(|v| v.numel() as i64).sum::<i64>()],
        &[whole(case, "n_params")?],
    );
    let batch = whole(case, "batch")?;
    let trace = tch::no_grad(|| respond(case, &network, Keep::Trace))?.trace;
    for (step, states) in trace.iter().enumerate() {
        for (area, state) in states.iter().enumerate() {
            let key = format!("trace/{step}/{area}");
            report.expect(state.size()[0] == batch, || format!("{key}: {:?} with batch {batch}", state.size()));
            report.close(&format!("{arithmetic:?} trace"), &numbers(state)?, case.floats(&key)?, FORWARD);
        }
    }
    let response = respond(case, &network, Keep::Outputs)?;
    let mut loss = Tensor::from(0.0);
    for (area, output) in network.graph().outputs().iter().zip(&response.outputs) {
        let key = format!("output/{area}");
        report.close(&format!("{arithmetic:?} {key}"), &numbers(output)?, case.floats(&key)?, FORWARD);
        loss += (output * tensor(case, &format!("loss_weight/{area}"), Kind::Double)?).sum(Kind::Double);
    }
    report.close(&format!("{arithmetic:?} loss"), &numbers(&loss)?, case.floats("loss")?, FORWARD);
    if loss.requires_grad() {
        loss.f_backward().map_err(|e| e.to_string())?;
    }
    let without: Vec<String> =
        serde_json::from_value(case.json("params_without_gradient")?).map_err(|e| e.to_string())?;
    compare_gradients(case, report, &format!("{arithmetic:?}"), &store, &without)
}
