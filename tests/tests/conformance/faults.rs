//! The runner itself: a file with a fault in it must fail.

use crate::case::{Case, Keep, Numbers};
use crate::{GOLDEN, Runner, bioplnn, check, convgru, flystability, flyvis};
use libtest_mimic::{Failed, Trial};
use std::path::Path;

type Fault = fn(Case) -> Case;

/// A number of an array, changed by a part in a million or, where it is whole, by one.
fn nudge(case: Case, key: &str, at: usize) -> Case {
    case.with_array(key, |numbers| {
        match numbers {
            Numbers::Float(list) => list[at] *= 1.0 + 1e-6,
            Numbers::Integer(list) => list[at] ^= 1,
        }
        Keep::Yes
    })
}

/// Faults by name: what they are done to, and what they do.
const FAULTS: [(&str, &str, &str, Fault); 45] = [
    ("a state", "bioplnn", "dopri5_lotka_default_f64", |c| nudge(c, "ys", 60)),
    ("a parameter", "bioplnn", "dopri5_decay_mid_f64", |c| nudge(c, "param.k", 1)),
    ("an accept flag", "bioplnn", "dopri5_vdp_default_f64", |c| nudge(c, "trace_accept", 30)),
    ("a status", "bioplnn", "dopri5_max_steps_f64", |c| nudge(c, "status", 0)),
    ("a count", "bioplnn", "tsit5_pid_lotka_f64", |c| nudge(c, "stat_n_steps", 2)),
    ("a count in single precision", "bioplnn", "dopri5_lotka_default_f32", |c| {
        c.with_array("stat_n_accepted", |n| {
            if let Numbers::Integer(list) = n {
                list[0] += 4;
            }
            Keep::Yes
        })
    }),
    ("another problem", "bioplnn", "dopri5_no_eval_f64", |c| c.with_setting("problem", "lorenz")),
    ("another method", "bioplnn", "heun_decay_f64", |c| c.with_setting("method", "Ralston")),
    ("the wrong method", "bioplnn", "dopri5_decay_mid_f64", |c| c.with_setting("method", "Tsit5")),
    ("an unknown option", "bioplnn", "dopri5_dt_limits_f64", |c| c.with_setting("controller_kw", r#"{"dt_mx": 0.1}"#)),
    ("another limit", "bioplnn", "dopri5_dt_limits_f64", |c| c.with_setting("controller_kw", r#"{"dt_max": 0.2}"#)),
    ("an array more", "bioplnn", "dopri5_blowup_f64", |c| c.with_copy("y0", "y2")),
    ("an array less", "bioplnn", "dopri5_blowup_f64", |c| c.with_array("ts", |_| Keep::No)),
    ("another name", "bioplnn", "dopri5_blowup_f64", |c| c.renamed("rosenbrock_blowup_f64")),
    ("a hidden state", "bioplnn", "ode_types_f64", |c| nudge(c, "hs", 4000)),
    ("a weight", "bioplnn", "ode_stiff_gain_f64", |c| nudge(c, "hh_values_before", 17)),
    ("another nonlinearity", "bioplnn", "rnn_per_neuron_f64", |c| {
        c.with_setting("build", r#"{"neuron_nonlinearity": "Softsign"}"#)
    }),
    ("an unknown option of a model", "bioplnn", "rnn_global_f64", |c| c.with_setting("build", r#"{"gain": 2}"#)),
    ("the other layout", "bioplnn", "ode_sequence_f32", |c| c.with_setting("batch_first", "true")),
    ("a drawn number", "bioplnn", "connectivity_helpers", |c| nudge(c, "bytype_types", 3)),
    ("a displacement", "flyvis", "connectome_extent2", |c| nudge(c, "offset_du", 100)),
    ("a sample of a sound", "convgru", "mel", |c| {
        c.with_array("wave/0", |n| {
            if let Numbers::Float(list) = n {
                list[700] += 0.01;
            }
            Keep::Yes
        })
    }),
    ("a triangle", "convgru", "mel", |c| nudge(c, "filterbank", 193)),
    ("a label", "convgru", "neighborhood_hit", |c| nudge(c, "y", 3)),
    ("a drawn number", "flystability", "matrices", |c| nudge(c, "m1.in.normals", 9)),
    ("a body id", "flystability", "connectome_SYN", |c| nudge(c, "in.nid", 2)),
    ("a trained weight", "flystability", "train_pos_fixed_mse", |c| nudge(c, "out.exact.W", 287)),
    ("a norm", "flystability", "train_pos_gs_l2", |c| nudge(c, "out.ref.grad_gains", 1)),
    ("a response", "flyvis", "small_network_f64", |c| nudge(c, "response", 5000)),
    ("a gradient", "flyvis", "small_network_f64", |c| nudge(c, "grad.nodes_time_const", 20)),
    ("a resting potential", "flyvis", "full_default", |c| {
        c.with_array("param.nodes_bias", |n| {
            if let Numbers::Float(list) = n {
                list[64] += 1e-5;
            }
            Keep::Yes
        })
    }),
    ("a decoder's weight", "flyvis", "decoder", |c| {
        c.with_array("weights.base.0.weight", |n| {
            if let Numbers::Float(list) = n {
                list[12] += 0.01;
            }
            Keep::Yes
        })
    }),
    ("a peak", "flyvis", "analysis", |c| nudge(c, "dsi.peak", 40)),
    ("a cluster", "flyvis", "analysis", |c| nudge(c, "gmm.sorted_labels", 20)),
    ("a length of frames", "flyvis", "analysis", |c| c.with_setting("flash_dt", "0.15")),
    ("a rotated pixel", "flyvis", "eyes", |c| nudge(c, "rot.30", 1800)),
    ("an owner of pixels", "flyvis", "hexeye_mask", |c| nudge(c, "rle_owner", 700)),
    ("a luminance", "flyvis", "moving_stimuli", |c| nudge(c, "bar.offset_frames", 8000)),
    ("a reflected column", "flyvis", "augmentation", |c| nudge(c, "flip2.perm", 3)),
    ("a rate", "flyvis", "schedulers", |c| nudge(c, "exponential_half", 499)),
    ("an optimal stimulus", "flyvis", "optimal_stimuli", |c| {
        c.with_array("artificial.stimulus", |n| {
            if let Numbers::Float(list) = n {
                list[200] += 1e-4;
            }
            Keep::Yes
        })
    }),
    ("another cell", "flyvis", "optimal_stimuli", |c| c.with_setting("cell_type", "\"T4b\"")),
    ("a flow", "flyvis", "training", |c| {
        c.with_array("flow", |n| {
            if let Numbers::Float(list) = n {
                list[100] += 0.01;
            }
            Keep::Yes
        })
    }),
    ("another learning rate", "flyvis", "training", |c| c.with_setting("lr", "0.0011")),
    ("a hash", "flyvis", "connectome_extent2", |c| c.with_setting("sha256_n_syn_f32_le", "\"0\"")),
];

/// One test per fault.
pub(crate) fn trials() -> Vec<Trial> {
    let runner = |system: &str| -> Runner {
        match system {
            "convgru" => convgru::run,
            "flystability" => flystability::run,
            "flyvis" => flyvis::run,
            _ => bioplnn::run,
        }
    };
    let fault = |&(what, system, file, change): &(&str, &'static str, &'static str, Fault)| {
        Trial::test(format!("faults/{file}: {what}"), move || {
            let path = Path::new(GOLDEN).join(system).join(format!("{file}.safetensors"));
            let case = change(Case::read(&path, file)?);
            match check(system, runner(system), &case).map(crate::report::Report::into_result) {
                Ok(Ok(())) => Err(Failed::from("the fault passes")),
                _ => Ok(()),
            }
        })
    };
    let mut trials: Vec<Trial> = FAULTS.iter().map(fault).collect();
    trials.push(Trial::test("faults/cut off anywhere", || {
        let bytes = std::fs::read(Path::new(GOLDEN).join("bioplnn/euler_fixed_f64.safetensors"))?;
        match (0..bytes.len()).step_by(97).find(|&n| Case::from_bytes(&bytes[..n], "euler_fixed_f64").is_ok()) {
            Some(n) => Err(Failed::from(format!("the first {n} bytes pass for a file"))),
            None => Ok(()),
        }
    }));
    trials
}
