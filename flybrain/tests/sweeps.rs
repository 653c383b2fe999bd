//! Sweeps of Lyapunov exponents as a user runs them: shared out, stopped, killed, taken up again, put together.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flybrain::rate::sweep::{Options, Share};
use flybrain::rate::{Dynamics, Plan, SpectrumScan, Transition, Varied};
use lyapunov::Activation;
use serde_json::Value;
use tempfile::TempDir;

fn flybrain(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flybrain"));
    command.args(args).current_dir(folder);
    for key in ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "LSB_JOBINDEX"] {
        command.env_remove(key);
    }
    command
}

#[track_caller]
fn json(folder: &Path, args: &[&str]) -> Value {
    let output = flybrain(folder, args).args(["--json", "--quiet"]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// Files of a folder and those of its points, with their bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let in_folder = |folder: &Path| {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
        files
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect::<Vec<_>>()
    };
    in_folder(folder).into_iter().chain(in_folder(&folder.join("points"))).collect()
}

const SMALL: [&str; 13] = [
    "transition-to-chaos",
    "--gmin",
    "0.5",
    "--gmax",
    "2.5",
    "--m_g",
    "3",
    "--n_samples",
    "4",
    "--n",
    "12",
    "--tsim",
    "20",
];

/// Whether in one process or three, with one thread or more, in one go or two: the same files.
#[test]
fn shares_give_what_one_run_gives() {
    let folder = tempfile::tempdir().unwrap();
    let whole = json(folder.path(), &[&SMALL[..], &["--out", "whole", "--threads", "3"]].concat());
    assert_eq!((whole["computed"].as_u64(), whole["found"].as_u64()), (Some(12), Some(0)));
    let written: Vec<&str> = whole["collected"]["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((written.len(), written[3]), (4, "whole/report.html"));
    let report = fs::read_to_string(folder.path().join("whole/report.html")).unwrap();
    assert!(report.contains("All 12 points are there.") && report.contains("<svg"), "{report}");
    assert_eq!(whole["collected"]["summary"][0]["samples"], 4);

    let mut points = 0;
    for task in ["1", "2", "0"] {
        let share = ["--out", "shares", "--threads", "1", "--task-id", task, "--n-tasks", "3"];
        let found = json(folder.path(), &[&SMALL[..], &share].concat());
        points += found["computed"].as_u64().unwrap();
        assert_eq!(found["collected"].is_null(), task != "0", "{found}");
    }
    assert_eq!(points, 12);
    let run = fs::read_to_string(folder.path().join("shares/runs/2_of_3.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(
        (&run["result"]["computed"], &run["command"][1], &run["seeds"]["seed"]),
        (&4.into(), &"transition-to-chaos".into(), &0.into())
    );
    assert_eq!(files(&folder.path().join("shares")), files(&folder.path().join("whole")));

    // Slurm's and LSF's numbers say the same
    for task in 0..3 {
        for (out, key, first) in [("slurm", "SLURM_ARRAY_TASK", 5), ("lsf", "LSB_JOBINDEX", 1)] {
            let mut command = flybrain(folder.path(), &[&SMALL[..], &["--out", out, "-q"]].concat());
            let id = (task + first).to_string();
            match key {
                "LSB_JOBINDEX" => command.env(key, id).env("LSB_JOBINDEX_END", "3"),
                _ => {
                    command.env(format!("{key}_ID"), id).env(format!("{key}_MIN"), "5").env(format!("{key}_COUNT"), "3")
                }
            };
            assert!(command.output().unwrap().status.success());
        }
    }
    assert_eq!(files(&folder.path().join("slurm")), files(&folder.path().join("whole")));
    assert_eq!(files(&folder.path().join("lsf")), files(&folder.path().join("whole")));
}

/// Points that are there are left alone; what is missing is said, and computed; values and samples can be added.
#[test]
fn finished_points_are_not_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join("run").join(name);
    let run = |more: &[&str]| json(folder.path(), &[&SMALL[..], &["--out", "run"], more].concat());
    run(&[]);
    let before = files(&at(""));
    let again = run(&["--resume"]);
    assert_eq!((again["computed"].as_u64(), again["found"].as_u64()), (Some(0), Some(12)));
    assert_eq!(files(&at("")), before);

    // one that is taken as it is, whatever its exponent, and one that is missing
    let mut marked: Value = serde_json::from_slice(&before["weights_g0.5_sample1_seed0.json"]).unwrap();
    marked["exponents"] = serde_json::json!([7.0]);
    let marked = marked.to_string();
    fs::write(at("points/weights_g0.5_sample1_seed0.json"), &marked).unwrap();
    fs::remove_file(at("points/weights_g2.5_sample3_seed0.json")).unwrap();
    let output = flybrain(folder.path(), &["collect", "run", "--json"]).output().unwrap();
    assert_eq!(code(&output), Some(3));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["missing"], serde_json::json!(["weights_g2.5_sample3_seed0"]));
    let again = run(&[]);
    assert_eq!((again["computed"].as_u64(), again["found"].as_u64()), (Some(1), Some(11)));
    assert_eq!(fs::read_to_string(at("points/weights_g0.5_sample1_seed0.json")).unwrap(), marked);
    assert_eq!(
        fs::read(at("points/weights_g2.5_sample3_seed0.json")).unwrap(),
        before["weights_g2.5_sample3_seed0.json"]
    );

    // 0.5, 1, 1.5, 2, 2.5 and a sample more
    let more = SMALL.map(|arg| if arg == "3" || arg == "4" { "5" } else { arg });
    let more = json(folder.path(), &[&more[..], &["--out", "run"]].concat());
    assert_eq!((more["computed"].as_u64(), more["found"].as_u64()), (Some(13), Some(12)));
}

fn plan(tsim: f64) -> Plan {
    let dynamics = Dynamics { n: 20, activation: Activation::Tanh, dt: 0.1, tsim, tons: None, seed: 3, compat: false };
    Plan::TransitionToChaos(Transition {
        gmin: 0.8,
        gmax: 3.0,
        m_g: 2,
        n_samples: 2,
        varied: Varied::WEIGHTS,
        dynamics,
    })
}

/// Stopped in the middle of points again and again, a sweep gives the files of one that was not.
#[test]
fn stopped_points_go_on_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let plan = plan(300.0);
    plan.run(&whole, &Options { threads: 1, ..Options::default() }).unwrap();
    let (mut rounds, mut kept) = (0, 0);
    loop {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 4;
        let options = Options { threads: 1, stop: &stop, keep_every: Duration::ZERO, ..Options::default() };
        let swept = plan.run(&parts, &options).unwrap();
        rounds += 1;
        if !swept.interrupted {
            break;
        }
        let points = fs::read_dir(parts.join("points")).unwrap();
        kept += points.filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "run").count();
    }
    assert!(rounds > 4 && kept > 4, "{rounds} rounds, {kept} states kept");
    assert_eq!(files(&parts), files(&whole));
}

/// Killed without warning, or asked to stop, a sweep goes on where it was.
#[test]
fn killed_sweeps_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let long = ["lyapunov-convergence", "--tons", "5", "--activation", "tanh", "--n", "40", "--nle", "4"];
    let long = [&long[..], &["--n_samples", "12", "--tsim", "4000", "--threads", "1"]].concat();
    let started = |signal: &str, out: &str| {
        let args = [&long[..], &["--out", out]].concat();
        let mut child = flybrain(folder.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let some = || fs::read_dir(folder.path().join(out).join("points")).is_ok_and(|files| files.count() >= 2);
        while !some() {
            assert!(begun.elapsed() < Duration::from_secs(60), "no points");
            std::thread::sleep(Duration::from_millis(2));
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        child.wait().unwrap()
    };
    assert_eq!(started("-KILL", "killed").code(), None);
    assert_eq!(started("-INT", "stopped").code(), Some(130));
    let whole = json(folder.path(), &[&long[..], &["--out", "whole"]].concat());
    assert_eq!(whole["computed"], 12);
    let wanted = files(&folder.path().join("whole"));
    for out in ["killed", "stopped"] {
        let rest = json(folder.path(), &[&long[..], &["--out", out]].concat());
        let (computed, found) = (rest["computed"].as_u64().unwrap(), rest["found"].as_u64().unwrap());
        assert!(computed < 12 && found > 0 && computed + found == 12, "{rest}");
        let mut got = files(&folder.path().join(out));
        // a file that was being written when the process was killed
        got.retain(|name, _| !name.ends_with(".part"));
        assert_eq!(got, wanted, "{out}");
    }
}

/// At coupling 0 each exponent is ln(0.9) / 0.1 in steps of 0.1; FlyStability divides by the transients too.
#[test]
fn the_reference_is_reproduced_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let rest = ["transition_2_chaos", "--gmin", "0", "--gmax", "0", "--m_g", "1", "--n_samples", "1", "--n", "5"];
    let exponent = |more: &[&str]| {
        let found = json(folder.path(), &[&rest[..], more].concat());
        found["collected"]["summary"][0]["median"].as_f64().unwrap()
    };
    let right = exponent(&["--out", "right"]);
    assert!((right - 0.9f64.ln() / 0.1).abs() < 1e-9, "{right}");
    let compat = exponent(&["--out", "compat", "--compat"]);
    assert!((compat / right - 2000.0 / 2039.0).abs() < 2e-3, "{compat}");
}

#[test]
fn outputs_have_the_layout_of_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &str| -> Value { serde_json::from_slice(&fs::read(folder.path().join(path)).unwrap()).unwrap() };
    let convergence = ["lyapu_convergence", "--tons", "0.5", "--activation", "tanh_pos", "--n", "10", "--nle", "3"];
    json(folder.path(), &[&convergence[..], &["--tsim", "20", "--n_samples", "2", "--out", "c"]].concat());
    let log = read("c/tanh_positive_N10_NLE3_g1.5_Tons0.5_Tsim20_dt0.1.json");
    let sample = &log["sample_1"];
    assert_eq!(sample["spectrum"].as_array().unwrap().len(), sample["times"].as_array().unwrap().len());
    assert_eq!((sample["spectrum"][0].as_array().unwrap().len(), &sample["tons"]), (3, &serde_json::json!([5])));

    let spectrum = ["spectrum", "--n", "12", "--n_samples", "2", "--variance_max", "4", "--tsim", "20"];
    let spread = ["--parameter", "weights", "--parameter", "gains", "--activation", "strech", "--save", "True"];
    json(folder.path(), &[&spectrum[..], &spread, &["--out", "s"]].concat());
    let run = "s/tanh_streched_N12_nSample2_tSim20_dt0.1_weights_gains";
    let spectra = read(&format!("{run}_spectrum.json"));
    assert_eq!(spectra.as_object().unwrap().keys().collect::<Vec<_>>(), ["1", "2", "4", "8"]);
    assert_eq!((spectra["8"].as_array().unwrap().len(), spectra["8"][1].as_array().unwrap().len()), (2, 12));
    let sum = |list: &Value| list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap().max(0.0)).sum::<f64>();
    let entropy = read(&format!("{run}_entropies.json"))["8"][1].as_f64().unwrap();
    assert!((entropy - sum(&spectra["8"][1])).abs() < 1e-12);
    assert!(read(&format!("{run}_dim.json"))["8"][0].as_f64().unwrap() <= 12.0);
    for ending in ["dim.svg", "entro.png", "spect.svg"] {
        assert!(folder.path().join(format!("{run}_{ending}")).exists(), "{ending}");
    }

    let benchmark = ["lyapu_benchmark", "--n", "20", "--repeats", "1", "--tsim", "10", "--out", "b"];
    let found = json(folder.path(), &benchmark);
    assert_eq!(found["computed"], 34);
    for name in ["0_convergence_vs_Tons", "1_time_vs_nle", "2_time_vs_tSim", "3_time_vs_netSize"] {
        assert!(folder.path().join(format!("b/{name}_N20.svg")).exists(), "{name}");
    }
    // the interval changes nothing
    let largest = |i: usize| found["collected"]["summary"][i]["largest"].as_f64().unwrap();
    assert!((0..5).all(|i| (largest(i) - largest(0)).abs() < 1e-9), "{found}");
}

#[track_caller]
fn refused(folder: &TempDir, args: &[&str], wanted: &str) {
    let output = flybrain(folder.path(), &[args, &["--out", "bad"]].concat()).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}: {message}");
    assert!(message.contains(wanted) && output.stdout.is_empty(), "{args:?}: {message}");
    assert!(!folder.path().join("bad").exists(), "{args:?}: something is left behind");
}

#[test]
fn bad_input_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let with = |more: &[&'static str]| [&SMALL[..], more].concat();
    for (more, wanted) in [
        (&["--gmax", "0.1"][..], "the argument '--gmax"),
        (&["--dt", "0"], "dt: 0"),
        (&["--dt", "NaN"], "dt: NaN"),
        (&["--tons", "0.01"], "tons: 0.01"),
        (&["--tons", "often"], "adaptive"),
        (&["--parameter", "gains"], "tanh has neither gain nor shift"),
        (&["--activation", "relu"], "tanh_pos"),
        (&["--save", "maybe"], "True or False"),
        (&["--threads", "0"], "0 is not in 1..=1024"),
        (&["--threads", "100000"], "100000 is not in 1..=1024"),
        (&["--task-id", "3", "--n-tasks", "3"], "task-id: 3 of 3"),
        (&["--task-id", "3"], "n-tasks"),
        (&["--resume"], "sweep.json"),
    ] {
        refused(&folder, &with(more), wanted);
    }
    let chaos = |gmin, gmax, m_g, n_samples| {
        ["transition-to-chaos", "--gmin", gmin, "--gmax", gmax, "--m_g", m_g, "--n_samples", n_samples]
    };
    refused(&folder, &chaos("2", "1", "3", "1"), "the smaller first");
    refused(&folder, &chaos("-1", "1", "3", "1"), "gmin: values from -1");
    refused(&folder, &chaos("1", "inf", "3", "1"), "finite");
    refused(&folder, &chaos("1", "2", "1", "1"), "m_g");
    refused(&folder, &chaos("1", "1", "3", "1"), "m_g: 3 values from 1 to 1");
    refused(&folder, &chaos("1", "1.000000000000001", "30", "1"), "m_g: 1 twice among the 30 values");
    refused(&folder, &chaos("1", "2", "3", "0"), "n_samples");
    refused(&folder, &chaos("1", "2", "3", "18446744073709551615"), "n_samples");
    let convergence = ["lyapunov-convergence", "--tons", "1", "--activation", "tanh", "--nle"];
    refused(&folder, &[&convergence[..], &["101"]].concat(), "nle: 101 exponents of 100");
    refused(&folder, &[&convergence[..], &["5", "--g", "-1"]].concat(), "g: -1");
    refused(
        &folder,
        &[&convergence[..], &["5", "--tsim", "1", "--dt", "1", "--compat"]].concat(),
        "tsim: FlyStability's counts",
    );
    refused(&folder, &[&convergence[..], &["5", "--n", "99999999"]].concat(), "n: 99999999");
    let spectrum = ["spectrum", "--n_samples", "1", "--parameter", "weights", "--variance_max", "99"];
    refused(&folder, &spectrum, "variance_max: 99");
    refused(&folder, &["lyapunov-benchmark", "--n", "9"], "n: 9");
    let message = flybrain(folder.path(), &["collect", "bad"]).output().unwrap().stderr;
    assert!(String::from_utf8(message).unwrap().contains("sweep.json"));
}

/// A folder is of one sweep, and damage is named.
#[test]
fn other_sweeps_and_damage_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    plan(10.0).run(&run, &Options::default()).unwrap();
    let before = files(&run);
    let fails = |plan: Plan| plan.run(&run, &Options::default()).unwrap_err().to_string();
    assert!(fails(plan(20.0)).contains("dynamics.tsim = 10.0, not 20.0"), "{}", fails(plan(20.0)));
    assert_eq!(files(&run), before);
    let point = run.join("points/weights_g3_sample1_seed3.json");
    fs::write(&point, "{\"value\":3.0,").unwrap();
    assert!(fails(plan(10.0)).contains("delete it"));
    assert!(plan(10.0).collect(&run).unwrap_err().to_string().contains("g3_sample1"));
    // a point that can be read, and is another's or too short
    let whole: Value = serde_json::from_slice(&before["weights_g3_sample1_seed3.json"]).unwrap();
    for (key, value, wanted) in
        [("exponents", serde_json::json!([]), "0 exponents"), ("value", 2.0.into(), "it is of value 2")]
    {
        let mut damaged = whole.clone();
        damaged[key] = value;
        fs::write(&point, damaged.to_string()).unwrap();
        let message = plan(10.0).collect(&run).unwrap_err().to_string();
        assert!(message.contains(wanted) && message.contains("delete it"), "{message}");
    }
    // settings that cannot be, and those of another kind of sweep
    let settings = String::from_utf8(before["sweep.json"].clone()).unwrap();
    for (old, new, wanted) in
        [("\"m_g\":2", "\"m_g\":100000000000", "n_samples: 2 samples"), ("\"dt\":0.1", "\"dt\":-0.1", "dt: -0.1")]
    {
        assert!(settings.contains(old), "{settings}");
        fs::write(run.join("sweep.json"), settings.replace(old, new)).unwrap();
        let message = Plan::read(&run).unwrap_err().to_string();
        assert!(message.contains("sweep.json") && message.contains(wanted), "{message}");
    }
    fs::write(run.join("sweep.json"), settings).unwrap();
    let Plan::TransitionToChaos(Transition { varied, dynamics, .. }) = plan(10.0) else { unreachable!() };
    let scan = Plan::Spectrum(SpectrumScan { variance_max: 1, n_samples: 1, varied, dynamics });
    assert!(fails(scan.clone()).contains("is transition-to-chaos, not spectrum"), "{}", fails(scan));
    fs::write(run.join("sweep.json"), "{}").unwrap();
    assert!(Plan::read(&run).unwrap_err().to_string().contains("sweep.json"));
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.tex"), "").unwrap();
    assert!(plan(10.0).run(&other, &Options::default()).unwrap_err().to_string().contains("not empty"));
    assert!(Share::new(2, 2).is_err());
}

/// Points of the other sweeps that were damaged or edited.
#[test]
fn damaged_points_of_all_sweeps_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = |args: &[&str], point: &str, edits: &[(&str, Value)]| {
        json(folder.path(), &[args, &["--out", args[0]]].concat());
        let path = folder.path().join(args[0]).join("points").join(point);
        let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (key, value) in edits {
            let mut edited = whole.clone();
            edited[*key] = value.clone();
            fs::write(&path, edited.to_string()).unwrap();
            let output = flybrain(folder.path(), &["collect", args[0]]).output().unwrap();
            let message = String::from_utf8(output.stderr.clone()).unwrap();
            assert!(code(&output) == Some(1) && message.contains("delete it"), "{key}: {message}");
        }
    };
    let convergence = ["lyapunov-convergence", "--tons", "0.5", "--activation", "tanh", "--n", "6", "--nle", "2"];
    let short = |args: &[&'static str]| [args, &["--tsim", "10", "--n_samples", "1"]].concat();
    let none = serde_json::json!([]);
    let edits = [("exponents", none.clone()), ("history", none.clone()), ("times", none.clone())];
    let edits = [&edits[..], &[("history", serde_json::json!([[1.0]])), ("sample", 1.into())]].concat();
    damaged(&short(&convergence), "g1.5_sample0_seed0.json", &edits);
    let spectrum = ["spectrum", "--n", "6", "--variance_max", "1", "--parameter", "weights"];
    damaged(&short(&spectrum), "weights_sigma1_sample0_seed0.json", &[("exponents", serde_json::json!([1.0]))]);
    let benchmark = ["lyapunov-benchmark", "--n", "10", "--repeats", "1", "--tsim", "10"];
    let edits = [("seconds", none.clone()), ("seconds", serde_json::json!([0.0])), ("times", none)];
    damaged(&benchmark, "interval_1.json", &edits);
}

/// Where the system refuses threads, there is a message.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_the_system_refuses_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let train = ["train-random", "--n", "4", "--n_samples", "1", "--nle", "1", "--g", "1", "--activation", "tanh"];
    let train = [&train[..], &["--loss", "l2", "--tsim", "2", "--n_epochs", "1"]].concat();
    for args in [&SMALL[..], &train] {
        let mut command = flybrain(folder.path(), &[args, &["--threads", "2", "--out", "run"]].concat());
        // no stack of a thread is so large
        let output = command.env("RUST_MIN_STACK", (1u64 << 60).to_string()).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(code(&output) == Some(1) && message.contains("error: "), "{message}");
        assert!(message.contains("threads") && !message.contains("panicked"), "{message}");
    }
}

/// Values of any size have names that files can have.
#[test]
fn extreme_values_have_short_names() {
    let folder = tempfile::tempdir().unwrap();
    let chaos = ["transition-to-chaos", "--gmin", "1e-320", "--gmax", "1e-300", "--m_g", "2", "--n_samples", "1"];
    let found = json(folder.path(), &[&chaos[..], &["--n", "4", "--tsim", "2", "--out", "run"]].concat());
    assert_eq!(found["computed"], 2, "{found}");
    assert!(folder.path().join("run/points/weights_g1e-300_sample0_seed0.json").exists());
}

/// Beside exponents that are biased, the theory is said not to be; for long steps it is not drawn.
#[test]
fn the_mean_field_is_shown_where_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let of = |out: &str, more: &[&str]| {
        let chaos = ["transition-to-chaos", "--gmin", "2", "--gmax", "2", "--m_g", "1", "--n_samples", "1", "--n", "4"];
        let found = json(folder.path(), &[&chaos[..], &["--tsim", "10", "--out", out], more].concat());
        let report = fs::read_to_string(folder.path().join(out).join("report.html")).unwrap();
        (found["collected"]["summary"][0]["mean_field"].as_f64(), report.contains("without the bias"))
    };
    let (theory, labelled) = of("right", &[]);
    assert!((theory.unwrap() - 0.1115).abs() < 1e-4 && !labelled);
    assert_eq!(of("compat", &["--compat"]), (theory, true));
    assert_eq!(of("long", &["--dt", "1", "--tons", "1"]), (None, false));
}
