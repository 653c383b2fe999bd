//! Spoken digits: recordings where there are some, else sounds made up for each digit.

use crate::Error;
use convgru_feedback::stimulus::spoken::{Spoken, SpokenDigits};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

/// What [`synthetic`] sounds are called.
pub const MADE_UP: &str = "made-up sounds";

/// Where the Free Spoken Digit Dataset is looked for: beside the workspace.
fn usual_place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/files/fsdd")
}

/// Recordings to learn from and recordings to test with, and what they are.
///
/// `given`: a folder with `train.safetensors.gz` and `test.safetensors.gz`, or what [`SpokenDigits::read`] takes. Without it these files
/// are looked for in `../shared/data/files/fsdd`, beside the workspace; without them sounds are [made up](synthetic).
///
/// # Errors
/// If what was given cannot be read, or does not have both takes below 5, to test with, and others.
pub fn spoken(given: Option<&Path>) -> Result<([SpokenDigits; 2], &'static str), Error> {
    let usual = usual_place();
    let Some(path) = given.or_else(|| usual.exists().then_some(usual.as_path())) else {
        println!(
            "No recordings of spoken digits are here. They are at https://github.com/Jakobovski/free-spoken-digit-dataset: \
             --sounds free-spoken-digit-dataset/recordings. Sounds are made up instead."
        );
        return Ok((synthetic(), MADE_UP));
    };
    let part = |name: &str| path.join(format!("{name}.safetensors.gz"));
    let sounds = if part("train").exists() {
        [SpokenDigits::read(part("train"))?, SpokenDigits::read(part("test"))?]
    } else {
        let all = SpokenDigits::read(path)?;
        divided(&all).ok_or_else(|| {
            let (n, path) = (all.len(), path.display());
            format!("the {n} recordings in {path} are all to learn from or all to test with (takes 0 to 4); give both")
        })?
    };
    Ok((sounds, "recordings of spoken digits"))
}

/// The first five takes of each digit and speaker are to test with; none if either part is empty.
fn divided(all: &SpokenDigits) -> Option<[SpokenDigits; 2]> {
    let split = all.official_split();
    Some([all.subset(&split.train).ok()?, all.subset(&split.test).ok()?])
}

/// Lowest two resonances of the vocal tract, in Hz, at the beginning and the end of each digit: roughly those of its vowels.
const RESONANCES: [[[f64; 2]; 2]; 10] = [
    [[300.0, 2200.0], [450.0, 900.0]],
    [[350.0, 850.0], [640.0, 1200.0]],
    [[350.0, 1700.0], [320.0, 900.0]],
    [[400.0, 1250.0], [280.0, 2300.0]],
    [[500.0, 850.0], [480.0, 1350.0]],
    [[750.0, 1150.0], [350.0, 2050.0]],
    [[400.0, 1950.0], [420.0, 1900.0]],
    [[560.0, 1800.0], [500.0, 1400.0]],
    [[480.0, 2000.0], [300.0, 2300.0]],
    [[700.0, 1250.0], [450.0, 1600.0]],
];
const RATE: u32 = 8000;

/// Ten digits by four speakers, fifteen takes each at 8 kHz, of which five are to test with: harmonics of a voice, louder where they meet
/// the resonances of the digit's vowels. Speakers differ in pitch and size, takes in length, pitch and loudness.
///
/// # Panics
/// Never; the recordings are valid.
pub fn synthetic() -> [SpokenDigits; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut recordings = Vec::new();
    for (speaker, (pitch, size)) in [(110.0, 1.0), (135.0, 0.96), (180.0, 1.08), (215.0, 1.14)].into_iter().enumerate()
    {
        for digit in 0..10u8 {
            for take in 0..15 {
                let mut about = |value: f64, spread: f64| value * rng.random_range(1.0 - spread..1.0 + spread);
                let voice = Voice { pitch: about(pitch, 0.08), size: about(size, 0.03), loudness: about(0.3, 0.3) };
                let samples = voice.says(digit, about(0.36, 0.25));
                recordings.push((Spoken { digit, speaker: format!("voice {speaker}"), take }, samples));
            }
        }
    }
    let all = SpokenDigits::new(RATE, &recordings).expect("the recordings are valid");
    divided(&all).expect("both parts have takes")
}

/// A way to speak.
struct Voice {
    /// Hz
    pitch: f64,
    /// Factor of all resonances.
    size: f64,
    loudness: f64,
}

impl Voice {
    fn says(&self, digit: u8, seconds: f64) -> Vec<f32> {
        let n = (seconds * f64::from(RATE)) as usize;
        let [start, end] = RESONANCES[usize::from(digit)];
        let harmonics = (3500.0 / self.pitch) as u32;
        let sample = |i: usize| {
            let (time, part) = (i as f64 / f64::from(RATE), i as f64 / n as f64);
            // up in a tenth of the time, down in a third
            let envelope = (part / 0.1).min((1.0 - part) / 0.33).min(1.0);
            let resonances = [0, 1].map(|k| self.size * (start[k] + part * (end[k] - start[k])));
            let tone = |k: u32| {
                let frequency = self.pitch * f64::from(k);
                let near = |resonance: f64| (-((frequency - resonance) / 130.0).powi(2)).exp();
                (near(resonances[0]) + 0.6 * near(resonances[1]) + 0.01) * (TAU * frequency * time).sin()
            };
            (self.loudness * envelope * (1..=harmonics).map(tone).sum::<f64>()) as f32
        };
        (0..n).map(sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_digits_are_the_same_each_time() {
        let [train, test] = synthetic();
        assert_eq!((train.len(), test.len(), train.sample_rate()), (400, 200, RATE));
        assert!((0..10).all(|digit| train.labels().iter().filter(|&&label| label == digit).count() == 40));
        let largest =
            |all: &SpokenDigits| (0..all.len()).flat_map(|i| all.recording(i)).fold(0f32, |m, x| m.max(x.abs()));
        assert!((0.1..3.0).contains(&largest(&train)), "{}", largest(&train));
        assert_eq!(synthetic(), [train, test]);
    }

    #[test]
    fn a_place_without_recordings_is_named() {
        let error = spoken(Some(Path::new("no such folder"))).expect_err("nothing is there").to_string();
        assert!(error.contains("no such folder"), "{error}");
    }
}
