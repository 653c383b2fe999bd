//! `flybrain areas scenarios` as a user runs it, on real digits and synthetic sounds.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use connectome_io::format::idx;
use convgru_feedback::analysis::neighborhood_hit;
use convgru_feedback::stimulus::audiovisual::{Attend, Scenario};
use convgru_feedback::{Forward, Keep, Schedule};
use flybrain::areas::multimodal::{Question, ScenarioNetwork, Sets, Settings, neighborhoods};
use serde_json::Value;
use tch::{Device, no_grad};
use tempfile::TempDir;

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/mnist/");

/// The paper's network in its smallest size, so that a step takes milliseconds.
const SETTINGS: &str = "\
shrink = 4
channels = 3
proj_hidden_dim = 4
hidden_units = 20
frames = 2
process_time = 3
steps = 6
batch_size = 8
lr = 0.003
validate_every = 3
test_items = 20
latent_items = 20
split = \"last_fifth\"
";

fn scenarios(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flybrain"));
    let usual = ["areas", "scenarios", "--images", "images", "--sounds", "sounds", "--config", "settings.toml"];
    command.args(usual).args(["--threads", "1"]).args(args).current_dir(folder).output().unwrap()
}

#[track_caller]
fn json(folder: &Path, args: &[&str]) -> Value {
    let output = scenarios(folder, &[args, &["--json", "--quiet"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn fails(folder: &Path, args: &[&str]) -> String {
    let output = scenarios(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap()
}

/// A tenth of a second of a tone per digit, 16 bits at 8 kHz.
fn tone(digit: usize) -> Vec<u8> {
    let samples: Vec<u8> = (0..800)
        .flat_map(|i| {
            ((8000.0 * (TAU * (300.0 + 300.0 * digit as f64) * f64::from(i) / 8000.0).sin()) as i16).to_le_bytes()
        })
        .collect();
    let bytes = |n: usize| (n as u32).to_le_bytes();
    let format = [&bytes(16)[..], &[1, 0, 1, 0], &bytes(8000), &bytes(16_000), &[2, 0, 16, 0]].concat();
    let length = samples.len();
    [b"RIFF", &bytes(36 + length)[..], b"WAVEfmt ", &format, b"data", &bytes(length), &samples].concat()
}

/// A folder with settings, two hundred real digits, and two takes of ten tones: take 5 is learned, take 0 held out.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("settings.toml"), SETTINGS).unwrap();
    fs::create_dir(at("images")).unwrap();
    fs::create_dir(at("sounds")).unwrap();
    let bytes = |name: &str| idx::read(format!("{DIGITS}{name}.gz")).unwrap().as_slice::<u8>().unwrap().to_vec();
    let (pixels, labels) = (bytes("t10k-images-idx3-ubyte"), bytes("t10k-labels-idx1-ubyte"));
    let [n, side] = [200u32, 28].map(u32::to_be_bytes);
    let images = [&[0, 0, 8, 3], &n[..], &side, &side, &pixels[..200 * 784]].concat();
    fs::write(at("images/train-images-idx3-ubyte"), images).unwrap();
    fs::write(at("images/train-labels-idx1-ubyte"), [&[0, 0, 8, 1], &n[..], &labels[..200]].concat()).unwrap();
    for digit in 0..10 {
        for take in [0, 5] {
            fs::write(at(&format!("sounds/{digit}_tone_{take}.wav")), tone(digit)).unwrap();
        }
    }
    folder
}

/// Training leaves what its documentation lists, and a run that goes on where it stopped is the same as one in a piece.
#[test]
fn scenarios_are_learned_in_one_piece_or_two() {
    let folder = workplace();
    let at = |name: &str| folder.path().join(name);
    let whole = json(folder.path(), &["--set", "tasks=four", "--out", "whole"]);
    assert_eq!((whole["interrupted"].as_bool(), whole["steps"].as_u64()), (Some(false), Some(6)));
    for file in [
        "config.toml",
        "graph.csv",
        "run.json",
        "report.html",
        "training.csv",
        "network.pt",
        "readout.pt",
        "neighborhood.csv",
        "gain.csv",
        "graph.svg",
        "learning.svg",
        "scenarios.png",
        "neighborhood.png",
        "gain.png",
    ] {
        assert!(at("whole").join(file).exists(), "{file} is missing");
    }
    json(folder.path(), &["--set", "tasks=four", "--set", "steps=3", "--out", "parts"]);
    let rest = json(folder.path(), &["--set", "tasks=four", "--out", "parts", "--resume"]);
    for key in ["answers", "neighborhoods", "gains"] {
        assert_eq!(rest[key], whole[key], "{key}");
    }
    for file in ["training.csv", "validation.csv", "network.pt", "neighborhood.csv"] {
        assert_eq!(fs::read(at("parts").join(file)).unwrap(), fs::read(at("whole").join(file)).unwrap(), "{file}");
    }
    assert!(fails(folder.path(), &["--set", "tasks=four", "--out", "whole"]).contains("not empty"));
    assert!(fails(folder.path(), &["--set", "channels=4", "--out", "whole", "--resume"]).contains("channels"));
    assert!(fails(folder.path(), &["--out", "images", "--resume"]).contains("something else than a run"));
    let run: Value = serde_json::from_str(&fs::read_to_string(at("whole/run.json")).unwrap()).unwrap();
    assert!(run["inputs"][0]["sha256"].is_string() && run["inputs"][1]["name"] == "recordings", "{run}");
    fs::write(at("sounds/3_tone_5.wav"), tone(4)).unwrap();
    let message = fails(folder.path(), &["--set", "tasks=four", "--out", "whole", "--resume"]);
    assert!(message.contains("config.sounds") && !message.contains("config.images"), "{message}");
}

/// What is found in one run is what runs of one step more each time find.
#[test]
fn states_are_looked_at_as_they_appear() {
    let folder = workplace();
    let at = |name: &str| folder.path().join(name);
    let settings = Settings::read(at("settings.toml")).unwrap();
    let sets = Sets::read(&settings, &at("images"), &at("sounds")).unwrap();
    let (scenario, asked) = (Scenario::Conflict, Attend::Image);
    let items: Vec<_> = (0..12).map(|i| (scenario, i)).collect();
    let batch = sets.held_out.batch(&items).unwrap().attending(asked);
    let [seen, heard] = [batch.image_labels(), batch.sound_labels()].map(Result::unwrap);
    for schedule in Schedule::ALL {
        let settings = Settings { schedule, process_time: Some(6), ..settings.clone() };
        let network = ScenarioNetwork::new(&settings, Device::Cpu).unwrap();
        let found = neighborhoods(&network, &sets.held_out, Question { scenario, asked }, 12).unwrap();
        let stimuli = network.stimuli(&batch).unwrap();
        for step in 1..=6 {
            let how = Forward::new().keep(Keep::States).steps(step);
            let states =
                no_grad(|| network.network().forward(&stimuli.iter().collect::<Vec<_>>(), &how)).unwrap().states;
            for (area, state) in states.iter().enumerate() {
                for (neighborhood, labels) in found.iter().zip([&seen, &heard]) {
                    let is_there = state.abs().max().double_value(&[]) > 0.0;
                    let want = is_there.then(|| neighborhood_hit(&state.flatten(1, -1), labels, 6).unwrap());
                    assert_eq!(neighborhood.hits[area][step as usize - 1], want, "{schedule:?}: {area}, step {step}");
                }
            }
        }
    }
}

/// What is answered adds up, and areas are looked at once a stimulus has reached them.
#[test]
fn answers_and_states_are_what_they_must_be() {
    let folder = workplace();
    let found = json(folder.path(), &["--out", "run"]);
    let answers = found["answers"].as_array().unwrap();
    let names: Vec<&str> = answers.iter().map(|a| a["question"].as_str().unwrap()).collect();
    assert_eq!(names, ["uam_image", "uun_image", "uum_image", "uan_image"]);
    for answer in answers {
        assert_eq!(answer["right"], answer["by_image"], "{answer}");
        if answer["question"] == "uam_image" || answer["question"] == "uum_image" {
            assert_eq!(answer["by_image"], answer["by_sound"], "image and sound are of one digit: {answer}");
        }
    }
    let hits = &found["neighborhoods"][0]["hits"];
    // V1 and A1 from the first step on, V2 from the second, as V1 drives it
    assert!(hits[0][0].as_f64().is_some() && hits[1][0].is_null() && hits[1][1].as_f64().is_some(), "{hits}");
    // the ten tones are one point each, and 20 held-out items have two of most
    assert!(hits[4][0].as_f64().unwrap() > 0.05, "{hits}");
    // A4, the last area, gets no feedback; V1 gets it from the second step on
    let gains = &found["gains"][0]["gains"];
    assert!(gains[6].as_array().unwrap().iter().all(Value::is_null), "{gains}");
    assert!(gains[0][0].is_null() && gains[0][1].as_f64().unwrap() >= 1.0, "{gains}");

    let without = json(folder.path(), &["--set", "topdown=false", "--out", "without"]);
    assert_eq!(without["gains"].as_array().unwrap().len(), 0);
    assert!(!folder.path().join("without/gain.svg").exists());
}

#[test]
fn bad_input_is_refused() {
    let folder = workplace();
    for (set, wanted) in [
        ("tasks=smell", "image"),
        ("shrink=3", "1, 2 or 4"),
        ("latent_items=6", "latent_items"),
        ("steps=0", "steps"),
        ("process_time=1", "first updated in step 1"),
        ("frames=20000", "at most 10000"),
        ("dropout_p=1.0", "dropout"),
        ("lr=-1.0", "lr"),
        ("epochs=3", "unknown field"),
        ("test_items=1000000000000", "at most 1000000"),
        ("seed=18446744073709551615", "at most 9223372036854775807"),
        ("split=files", "t10k"),
    ] {
        let message = fails(folder.path(), &["--set", set, "--out", "run"]);
        assert!(message.contains(wanted), "{set}: {message}");
    }
    let sound = |digit: usize, take: usize| folder.path().join(format!("sounds/{digit}_tone_{take}.wav"));
    let change = |change: &dyn Fn(&mut Vec<u8>)| {
        for (digit, take) in (0..10).flat_map(|digit| [(digit, 0), (digit, 5)]) {
            let mut bytes = tone(digit);
            change(&mut bytes);
            fs::write(sound(digit, take), bytes).unwrap();
        }
    };
    for rate in [100u32, 3_000_000] {
        change(&|bytes| bytes[24..28].copy_from_slice(&rate.to_le_bytes()));
        let message = fails(folder.path(), &["--out", "run"]);
        assert!(message.contains(&format!("have {rate} samples per second")), "{message}");
    }
    change(&|_| ());
    fs::write(sound(7, 5), [&tone(7)[..44], &[0; 1600]].concat()).unwrap();
    assert!(fails(folder.path(), &["--out", "run"]).contains("digit 7 by tone, take 5: is silent"));
    change(&|_| ());
    (0..10).for_each(|digit| fs::rename(sound(digit, 0), sound(digit, 6)).unwrap());
    let message = fails(folder.path(), &["--out", "run"]);
    assert!(message.contains("sounds") && message.contains("of 20 recordings 0 have a take from 0 to 4"), "{message}");
    (0..10).for_each(|digit| fs::rename(sound(digit, 6), sound(digit, 0)).unwrap());
    fs::remove_file(folder.path().join("sounds/3_tone_5.wav")).unwrap();
    for digit in [1, 4, 5, 6, 7, 8, 9, 0] {
        fs::remove_file(folder.path().join(format!("sounds/{digit}_tone_5.wav"))).unwrap();
    }
    assert!(fails(folder.path(), &["--out", "run"]).contains("uam to learn from"));
    assert!(!folder.path().join("run").exists(), "nothing is left behind");
}
