//! Simulation of the network and its gradients.

use crate::case::Case;
use crate::report::{Report, Tolerance, absolute, relative};
use crate::tensors::{numbers, tensor};
use connectome_graph::hex::{Extent, expand};
use fly_vision::network::{Compat, EngineKind, Grey, Network, Record, Response, Run, Start, Stimulus, Wiring};
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Single precision: sums come in another order.
const SINGLE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-5 };
/// Every so many edges are in the files.
const EVERY: usize = 97;

const ENGINES: [EngineKind; 3] = [EngineKind::Stencil, EngineKind::Sparse, EngineKind::Tensors];

const PARAMETERS: [&str; 5] = ["nodes_bias", "nodes_time_const", "edges_sign", "edges_syn_count", "edges_syn_strength"];

fn wiring(extent: u32) -> Result<Arc<Wiring>, String> {
    let types = fly_vision::connectome().map_err(text)?;
    let fly = expand(&types, Extent(extent)).map_err(text)?;
    Ok(Arc::new(Wiring::from_hex(&fly).map_err(text)?))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn whole(case: &Case, key: &str) -> Result<usize, String> {
    Ok(case.number(key)? as usize)
}

/// The five tensors by their names in files.
pub(super) fn named(network: &Network) -> [(&'static str, &Tensor); 5] {
    let p = network.parameters();
    let all = [&p.bias, &p.time_constant, &p.sign, &p.log_n_syn, &p.strength];
    std::array::from_fn(|i| (PARAMETERS[i], all[i]))
}

/// A network with the parameters of a file, whose names begin with `prefix`.
pub(super) fn with_parameters(
    case: &Case,
    prefix: &str,
    extent: u32,
    engine: EngineKind,
    kind: Kind,
) -> Result<Network, String> {
    let activation = case.setting_or("activation", "relu").trim_matches('"').parse().map_err(text)?;
    let builder = Network::builder(wiring(extent)?).activation(activation).engine(engine).kind(kind);
    let network = builder.compat(Compat::Flyvis).build_alone().map_err(text)?;
    for (name, parameter) in named(&network) {
        let values = tensor(case, &format!("{prefix}{name}"), kind)?;
        if values.size() != parameter.size() {
            return Err(format!("{name} has {:?} numbers, the network {:?}", values.size(), parameter.size()));
        }
        tch::no_grad(|| parameter.shallow_clone().copy_(&values));
    }
    Ok(network)
}

/// The keys of parameters, as the file lists them.
fn keys(case: &Case, report: &mut Report, wiring: &Wiring) -> crate::Outcome {
    let json = case.json("keys")?;
    let name = |t: u32| serde_json::json!(wiring.types()[t as usize].name);
    for (parameter, keys) in json.as_object().ok_or("keys are no table")? {
        let keys = keys.as_array().ok_or("keys are no list")?;
        let got: Vec<serde_json::Value> = match parameter.as_str() {
            "nodes_bias" | "nodes_time_const" => (0..wiring.types().len() as u32).map(name).collect(),
            "edges_sign" | "edges_syn_strength" => {
                wiring.pairs().iter().map(|p| serde_json::json!([name(p.source), name(p.target)])).collect()
            }
            "edges_syn_count" => {
                let key = |g: &fly_vision::network::EdgeGroup| {
                    let pair = &wiring.pairs()[g.pair as usize];
                    let d = g.displacement;
                    serde_json::json!([name(pair.source), name(pair.target), d.u, d.v])
                };
                wiring.groups().iter().map(key).collect()
            }
            other => return Err(format!("keys of {other:?} are not understood")),
        };
        report.exact(&format!("keys of {parameter}"), &got, keys);
    }
    Ok(())
}

fn compare(case: &Case, report: &mut Report, key: &str, got: &Tensor, tolerance: Tolerance) -> crate::Outcome {
    report.close(key, &numbers(got)?, case.floats(key)?, tolerance);
    Ok(())
}

/// `small_network`: single precision, several lengths of a frame, all engines.
pub(super) fn small(case: &Case, report: &mut Report) -> crate::Outcome {
    let extent = whole(case, "extent")? as u32;
    let (batch, frames) = (whole(case, "batch")?, whole(case, "T")?);
    report.exact("n_nodes", &[wiring(extent)?.n_cells()], &[whole(case, "n_nodes")?]);
    report.exact("n_edges", &[wiring(extent)?.n_edges()], &[whole(case, "n_edges")?]);
    keys(case, report, &*wiring(extent)?)?;
    let dts = case.json("dts")?;
    let dts = dts.as_object().ok_or("dts is no table")?;
    let stimulus = tensor(case, "stimulus", Kind::Float)?.squeeze_dim(2);
    report.exact("stimulus", &stimulus.size()[..2], &[batch as i64, frames as i64]);
    let last_dt = dts
        .iter()
        .map(|(name, dt)| (dt.as_f64().unwrap_or(f64::NAN), name))
        .reduce(|a, b| if b.0 < a.0 { b } else { a });
    for engine in ENGINES {
        for (name, dt) in dts {
            let dt = dt.as_f64().ok_or("a dt is no number")?;
            let network = with_parameters(case, "param.", extent, engine, Kind::Float)?;
            let grey = small_at(case, report, &network, name, dt, &stimulus)?;
            if last_dt.is_some_and(|(_, last)| last == name) {
                edges(case, report, &network, &grey)?;
            }
        }
    }
    Ok(())
}

fn small_at(
    case: &Case,
    report: &mut Report,
    network: &Network,
    name: &str,
    dt: f64,
    stimulus: &Tensor,
) -> Result<Tensor, String> {
    let key = |what: &str| format!("{name}.{what}");
    let batch = stimulus.size()[0];
    let grey = network.steady_state(case.number("t_pre")?, dt, 1, Grey::default()).map_err(text)?;
    compare(case, report, "syn_strength_after_clamp", &network.parameters().strength, absolute(0.0))?;
    compare(case, report, &key("steady_state"), &grey, SINGLE)?;

    let first = stimulus.select(1, 0);
    let start = grey.expand([batch, -1], false);
    let faded = network.fade_in(case.number("t_fade_in")?, dt, &first, Start::State(&start)).map_err(text)?;
    compare(case, report, &key("fade_in_state"), &faded, SINGLE)?;

    let shape = case.shape(&key("response_from_bias"))?.to_vec();
    let few = stimulus.narrow(0, 0, shape[0] as i64).narrow(1, 0, shape[1] as i64);
    let run = Run::new(dt).record(Record::All);
    let from_bias = network.simulate(&few, &run).map_err(text)?.activity;
    compare(case, report, &key("response_from_bias"), &from_bias, SINGLE)?;

    let shown = stimulus.copy().set_requires_grad(true);
    let response = response(network, &shown, dt, &grey)?;
    compare(case, report, &key("response"), &response.activity, SINGLE)?;
    let loss = response.activity.square().mean(Kind::Float) * 0.5;
    compare(case, report, &key("loss"), &loss, relative(1e-5))?;
    loss.backward();
    gradients(case, report, network, &key("grad."), 1e-3)?;
    let got = numbers(&shown.grad())?;
    report.close_in_norm(&key("grad.stimulus"), &got, case.floats(&key("grad.stimulus"))?, relative(1e-3));
    Ok(grey)
}

fn response(network: &Network, stimulus: &Tensor, dt: f64, grey: &Tensor) -> Result<Response, String> {
    let run = Run::new(dt).from(grey).record(Record::All);
    network.forward(Stimulus::Columns(stimulus), &run).map_err(text)
}

fn gradients(case: &Case, report: &mut Report, network: &Network, prefix: &str, tolerance: f64) -> crate::Outcome {
    for (name, parameter) in named(network) {
        let key = format!("{prefix}{name}");
        if parameter.requires_grad() {
            report.close_in_norm(&key, &numbers(&parameter.grad())?, case.floats(&key)?, relative(tolerance));
        }
    }
    Ok(())
}

/// Weights of single edges, and their currents in a state.
fn edges(case: &Case, report: &mut Report, network: &Network, state: &Tensor) -> crate::Outcome {
    let every: Vec<usize> = (0..network.wiring().n_edges()).step_by(EVERY).collect();
    let weights = numbers(&network.edge_weights().map_err(text)?)?;
    let outputs = numbers(&network.activation().apply_tensor(state).map_err(text)?)?;
    let picked: Vec<f64> = every.iter().map(|&e| weights[e]).collect();
    report.close("edge_weight_sample", &picked, case.floats("edge_weight_sample")?, relative(1e-6));
    let currents: Vec<f64> =
        every.iter().map(|&e| weights[e] * outputs[network.wiring().source()[e] as usize]).collect();
    report.close("current_sample_last_dt", &currents, case.floats("current_sample_last_dt")?, SINGLE);
    Ok(())
}

/// `small_network_f64`: the same network in double precision.
pub(super) fn small_double(case: &Case, report: &mut Report) -> crate::Outcome {
    let single = case.name().replace("_f64", "");
    let single = Case::read(&case.beside(&format!("{single}.safetensors")), &single)?;
    let extent = whole(&single, "extent")? as u32;
    let (dt, frames) = (case.number("dt")?, whole(case, "T")? as i64);
    let stimulus = tensor(&single, "stimulus", Kind::Double)?.squeeze_dim(2).narrow(1, 0, frames);
    for engine in ENGINES {
        let network = with_parameters(&single, "param.", extent, engine, Kind::Double)?;
        let grey = network.steady_state(case.number("t_pre")?, dt, 1, Grey::default()).map_err(text)?;
        compare(case, report, "steady_state", &grey, Tolerance { relative: 1e-10, absolute: 1e-12 })?;
        let response = response(&network, &stimulus, dt, &grey)?;
        compare(case, report, "response", &response.activity, Tolerance { relative: 1e-10, absolute: 1e-12 })?;
        let loss = response.activity.square().mean(Kind::Double) * 0.5;
        compare(case, report, "loss", &loss, relative(1e-12))?;
        loss.backward();
        gradients(case, report, &network, "grad.", 1e-10)?;
    }
    Ok(())
}

/// `full_default`: the default network at full size.
pub(super) fn full(case: &Case, report: &mut Report) -> crate::Outcome {
    let wiring = wiring(15)?;
    keys(case, report, &wiring)?;
    let (dt, t_pre) = (case.number("dt")?, case.number("t_pre")?);
    for engine in [EngineKind::Stencil, EngineKind::Sparse] {
        let network = Network::builder(wiring.clone()).engine(engine).build_alone().map_err(text)?;
        for (name, parameter) in named(&network) {
            compare(case, report, &format!("param.{name}"), parameter, relative(1e-6))?;
        }
        report.exact("n_free", &[network.parameters().n_trained()], &[whole(case, "n_free")?]);
        report.exact("n_fixed", &[network.parameters().n_fixed()], &[whole(case, "n_fixed")?]);

        let frames = whole(case, "T")?;
        let (omega, k) = (case.number("omega")?, case.number("k")?);
        let wave = |t: usize, c: usize| 0.5 + 0.5 * (omega * t as f64 + k * c as f64).sin();
        let columns = wiring.n_columns();
        let made: Vec<f64> = (0..frames).flat_map(|t| (0..columns).map(move |c| wave(t, c))).collect();
        report.close("stimulus", &made, case.floats("stimulus")?, absolute(2e-7));

        let central = Tensor::from_slice(&wiring.central_cells().iter().map(|&c| i64::from(c)).collect::<Vec<_>>());
        let grey = network.steady_state(t_pre, dt, 1, Grey::default()).map_err(text)?;
        compare(case, report, "steady_central", &grey.index_select(1, &central), SINGLE)?;
        let all = numbers(&grey)?;
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        report.close("steady_mean", &[mean(&all)], case.floats("steady_mean")?, relative(1e-5));

        let movie = tensor(case, "stimulus", Kind::Float)?.unsqueeze(0);
        let run = Run::new(dt).from(&grey).record(Record::All);
        let activity = network.simulate(&movie, &run).map_err(text)?.activity;
        compare(case, report, "response_central", &activity.index_select(2, &central), SINGLE)?;
        let (mut means, mut norms) = (Vec::new(), Vec::new());
        for frame in 0..frames as i64 {
            let x = numbers(&activity.get(0).get(frame))?;
            means.push(mean(&x));
            norms.push(x.iter().map(|x| x * x).sum::<f64>().sqrt());
        }
        report.close("response_mean_per_frame", &means, case.floats("response_mean_per_frame")?, relative(1e-5));
        report.close("response_l2_per_frame", &norms, case.floats("response_l2_per_frame")?, relative(1e-5));
        let last = activity.get(0).get(frames as i64 - 1);
        let half = Tolerance { relative: 1e-3, absolute: 1e-4 };
        compare(case, report, "response_last_frame_f16", &last, half)?;
    }
    Ok(())
}
