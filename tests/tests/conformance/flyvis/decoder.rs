//! The decoder of optic flow: outputs, statistics, losses, gradients.

use crate::case::Case;
use crate::report::{Report, Tolerance, relative};
use crate::tensors::{numbers, tensor};
use connectome_graph::hex::{Extent, Role, expand};
use connectome_io::ReadOptions;
use connectome_io::format::flyvis_json;
use fly_vision::task::{Arithmetic, DecoderOptions, HexDecoder, Initial, Loss, OutsideWeights, Phase, Readout};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

/// Of single precision.
const FORWARD: Tolerance = Tolerance { relative: 1e-5, absolute: 1e-6 };
/// Of the largest entry.
const GRADIENTS: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-6 };

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for arithmetic in [Arithmetic::Fused, Arithmetic::Libtorch] {
        for outside in [OutsideWeights::Moved, OutsideWeights::Still] {
            let options = DecoderOptions { arithmetic, outside, dropout: 0.0, ..shape(case)? };
            trained(case, report, &options)?;
        }
        constant(case, report, &DecoderOptions { arithmetic, dropout: 0.0, ..shape(case)? })?;
    }
    cells(case, report)
}

fn said<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|e| e.to_string())
}

fn extent(case: &Case) -> Result<Extent, String> {
    Ok(Extent(case.number("extent")? as u32))
}

/// Channels and kernel, of the shapes of the weights.
fn shape(case: &Case) -> Result<DecoderOptions, String> {
    let layers = (0..).map(|layer| format!("weights.base.{}.weight", 3 * layer)).take_while(|key| case.has(key));
    let hidden: Vec<usize> = layers.map(|key| Ok(case.shape(&key)?[0])).collect::<Result<_, String>>()?;
    let last = if hidden.is_empty() { "weights.decoder.1.weight" } else { "weights.decoder.0.weight" };
    let [outputs, .., kernel] = *case.shape(last)? else {
        return Err(format!("{last} has no channels"));
    };
    Ok(DecoderOptions { hidden, outputs: outputs - 1, kernel, ..DecoderOptions::default() })
}

fn trained(case: &Case, report: &mut Report, options: &DecoderOptions) -> crate::Outcome {
    let what = |name: &str| format!("{:?} {:?} {name}", options.arithmetic, options.outside);
    let vs = VarStore::new(Device::Cpu);
    let inputs = case.shape("activity_out")?[2];
    let decoder = said(HexDecoder::new(&vs.root(), inputs, extent(case)?, options))?;
    report.exact(&what("num_parameters"), &[decoder.parameters() as f64], &[case.number("num_parameters")?]);
    let mut variables: Vec<(String, Tensor)> = vs.variables().into_iter().collect();
    for (name, variable) in &mut variables {
        let key = format!("weights.{name}");
        let value = if case.is_integer(&key) {
            Tensor::from_slice(case.integers(&key)?)
        } else {
            tensor(case, &key, Kind::Float)?
        };
        no_grad(|| variable.copy_(&value.view(&variable.size()[..])));
    }
    let of = |name: &str| vs.variables().remove(name).ok_or_else(|| format!("the decoder has no {name}"));

    let x = tensor(case, "activity_out", Kind::Float)?.set_requires_grad(true);
    let y = said(decoder.forward(&x, Phase::Evaluation))?;
    report.close(&what("output_eval"), &numbers(&y)?, case.floats("output_eval")?, FORWARD);
    for key in case.keys("masked.") {
        report.exact(&what(key), &numbers(&of(&key["masked.".len()..])?)?, case.floats(key)?);
    }
    let y = said(decoder.forward(&x, Phase::Training { seed: 0 }))?;
    report.close(&what("output_train"), &numbers(&y)?, case.floats("output_train")?, FORWARD);
    for key in ["running_mean", "running_var"] {
        let got = numbers(&of(&format!("base.1.{key}"))?)?;
        report.close(&what(key), &got, case.floats(&format!("{key}_after"))?, FORWARD);
    }
    let target = tensor(case, "target", Kind::Float)?;
    let loss = said(Loss::L2Norm.between(&y, &target))?;
    report.close(&what("l2norm"), &numbers(&loss)?, case.floats("l2norm")?, FORWARD);
    let epe = said(Loss::EndPointError.between(&y, &target))?;
    report.close(&what("epe"), &numbers(&epe)?, case.floats("epe")?, FORWARD);
    said(loss.f_backward())?;
    report.close_in_norm(&what("input"), &numbers(&x.grad())?, case.floats("grad_activity_out")?, GRADIENTS);
    for key in case.keys("grad.") {
        let parameter = of(&key["grad.".len()..])?;
        let gradient = numbers(&parameter.grad())?;
        let golden = case.floats(key)?;
        let golden = match (options.outside, &parameter.size()[..]) {
            (OutsideWeights::Still, &[.., k, _]) => inside(golden, k),
            _ => golden.to_vec(),
        };
        report.close_in_norm(&what(key), &gradient, &golden, GRADIENTS);
    }
    Ok(())
}

/// Weights `[.., k, k]` with zeros outside the hexagon of the kernel.
fn inside(weights: &[f64], k: i64) -> Vec<f64> {
    let radius = k / 2;
    let place = |i: usize| [i as i64 / k % k - radius, i as i64 % k - radius];
    let keep = |i: usize| place(i).iter().sum::<i64>().abs() <= radius;
    weights.iter().enumerate().map(|(i, w)| if keep(i) { *w } else { 0.0 }).collect()
}

/// Decoders whose weights start all the same.
fn constant(case: &Case, report: &mut Report, options: &DecoderOptions) -> crate::Outcome {
    let inputs = case.shape("activity_out")?[2];
    let bias = case.floats("const_init.dec0_bias")?;
    let initial = Initial::Constant(*bias.first().ok_or("const_init.dec0_bias is empty")?);
    let options = DecoderOptions { initial, ..options.clone() };
    let vs = VarStore::new(Device::Cpu);
    said(HexDecoder::new(&vs.root(), inputs, extent(case)?, &options))?;
    let variables = vs.variables();
    for (key, name) in [
        ("const_init.base0", "base.0.weight"),
        ("const_init.dec0", "decoder.0.weight"),
        ("const_init.dec0_bias", "decoder.0.bias"),
    ] {
        let variable = variables.get(name).ok_or_else(|| format!("the decoder has no {name}"))?;
        report.exact(key, &numbers(variable)?, case.floats(key)?);
    }
    for key in case.keys("n_out_features") {
        let [.., outputs, features] = *case.shape(key)? else {
            return Err(format!("{key} has no features"));
        };
        let options = DecoderOptions { outputs, readout: Readout::Features(features), ..options.clone() };
        let vs = VarStore::new(Device::Cpu);
        let decoder = said(HexDecoder::new(&vs.root(), inputs, extent(case)?, &options))?;
        let x = tensor(case, "activity_out", Kind::Float)?;
        let y = said(decoder.forward(&x, Phase::Evaluation))?;
        let what = format!("{:?} {key}", options.arithmetic);
        report.close(&what, &numbers(&y)?, case.floats(key)?, relative(1e-5));
    }
    Ok(())
}

/// The cells whose activity is decoded.
fn cells(case: &Case, report: &mut Report) -> crate::Outcome {
    let wiring = said(flyvis_json::read(super::connectome::WIRING, &ReadOptions::default()))?;
    let network = said(expand(&wiring, extent(case)?))?;
    let outputs = network.types().iter().filter(|t| t.role() == Role::Output);
    let cells: Vec<i64> = outputs.flat_map(connectome_graph::hex::CellType::cells).map(i64::from).collect();
    report.exact("output_indices", &cells, case.integers("output_indices")?);
    Ok(())
}
