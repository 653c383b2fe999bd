//! Images and recordings to learn from and to be judged by.

use std::ops::RangeInclusive;
use std::path::Path;

use convgru_feedback::stimulus::audiovisual::{AudioVisual, Scenario};
use convgru_feedback::stimulus::images::{Images, Part};
use convgru_feedback::stimulus::labels;
use convgru_feedback::stimulus::mel::MelSpectrogram;
use convgru_feedback::stimulus::spoken::SpokenDigits;
use sha2::{Digest, Sha256};

use super::{Question, Settings};
use crate::Error;
use crate::areas::{Split, task};
use crate::digest::hex;

/// Items to learn from and items that are held out; they share neither images nor recordings.
#[derive(Debug)]
pub struct Sets {
    /// To learn from.
    pub learned: AudioVisual,
    /// To be judged by.
    pub held_out: AudioVisual,
    /// SHA-256 of sizes, pixels and labels of all images.
    pub image_digest: String,
    /// SHA-256 of rates, samples, labels, speakers and takes of all recordings.
    pub sound_digest: String,
}

impl Sets {
    /// Reads images and recordings.
    ///
    /// `images`: a folder of IDX files. `sounds`: what [`SpokenDigits::read`] takes, of which the first five takes of each digit and
    /// speaker are held out; or a folder with `train.safetensors.gz` and `test.safetensors.gz`.
    ///
    /// # Errors
    /// [`Error::Areas`] for files that are missing, damaged or too few.
    pub fn read(settings: &Settings, images: &Path, sounds: &Path) -> Result<Self, Error> {
        let train = Images::read_part(images, Part::Train)?;
        let images = match settings.split {
            Split::Files => [train, Images::read_part(images, Part::Test)?],
            Split::LastFifth => {
                let split = labels::hold_out(train.labels(), 5)?;
                [train.subset(&split.train), train.subset(&split.test)]
            }
        };
        let part = |name: &str| sounds.join(format!("{name}.safetensors.gz"));
        let sounds = if part("train").exists() {
            [SpokenDigits::read(part("train"))?, SpokenDigits::read(part("test"))?]
        } else {
            let all = SpokenDigits::read(sounds)?;
            let split = all.official_split();
            if split.train.is_empty() || split.test.is_empty() {
                let problem = format!(
                    "of {} recordings {} have a take from 0 to 4, which are held out; the others are learned, and both are needed",
                    all.len(),
                    split.test.len()
                );
                return Err(bad(sounds.display().to_string(), problem));
            }
            [all.subset(&split.train)?, all.subset(&split.test)?]
        };
        Self::new(settings, images, sounds)
    }

    /// Pairs images with recordings, those to learn from first, in the sizes of the settings' areas.
    ///
    /// # Errors
    /// [`Error::Areas`] for images and recordings that no item can be made of.
    pub fn new(
        settings: &Settings,
        [images, other_images]: [Images; 2],
        [sounds, other_sounds]: [SpokenDigits; 2],
    ) -> Result<Self, Error> {
        settings.check()?;
        let image_digest = task::digest([&images, &other_images]);
        let sound_digest = digest([&sounds, &other_sounds]);
        let learned = pair(settings, images, sounds, settings.seed)?;
        let held_out = pair(settings, other_images, other_sounds, !settings.seed)?;
        let asked: Vec<Scenario> = Question::of(settings.tasks).into_iter().map(|question| question.scenario).collect();
        for (name, set, scenarios) in
            [("to learn from", &learned, Question::learned(settings.tasks)), ("held out", &held_out, &asked)]
        {
            if let Some(scenario) = scenarios.iter().find(|&&scenario| set.is_empty(scenario)) {
                let problem = "no image goes with any recording; more digits are needed".to_owned();
                return Err(bad(format!("the scenario {scenario} {name}"), problem));
            }
        }
        Ok(Self { learned, held_out, image_digest, sound_digest })
    }
}

fn bad(what: String, problem: String) -> Error {
    Error::Areas(convgru_feedback::Error::Data { what, problem })
}

/// SHA-256 of numbers, rates, labels, speakers, takes and samples.
fn digest(parts: [&SpokenDigits; 2]) -> String {
    let mut hash = Sha256::new();
    for sounds in parts {
        hash.update((sounds.len() as u64).to_le_bytes());
        hash.update(sounds.sample_rate().to_le_bytes());
        hash.update(sounds.labels());
        hash.update(sounds.speakers());
        for (recording, take) in sounds.takes().iter().enumerate() {
            let samples = sounds.recording(recording);
            hash.update(take.to_le_bytes());
            hash.update((samples.len() as u64).to_le_bytes());
            hash.update(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
        }
    }
    hex(&hash.finalize())
}

/// Time that is heard, in frames of the reference: 64 samples at 8 kHz each, 0.512 s together.
const FRAMES: usize = 64;

/// Samples per second at which [`FRAMES`] are a sample apart at least, and spectra have 65,536 samples at most.
const RATES: RangeInclusive<usize> = 125..=2_048_000;

/// A set in the sizes of V1 and A1. Whatever A1's side, it spans the same time: the reference's 64 frames.
fn pair(settings: &Settings, images: Images, sounds: SpokenDigits, seed: u64) -> Result<AudioVisual, Error> {
    let table = settings.table()?;
    let side = |area: usize| table.areas()[area].input_h as usize;
    let (v1, a1) = (side(0), side(4));
    let rate = sounds.sample_rate() as usize;
    if !RATES.contains(&rate) {
        let problem = format!("have {rate} samples per second; from {} to {} are taken", RATES.start(), RATES.end());
        return Err(bad("the recordings".into(), problem));
    }
    // as the reference's, 256 samples and 64 from one frame to the next, at its rate of 8 kHz and its side of 64
    let mel = MelSpectrogram::builder()
        .sample_rate(rate)
        .mels(a1)
        .frames(a1)
        .n_fft((rate * 256 / 8000).next_multiple_of(2))
        .hop(rate * 64 / 8000 * FRAMES / a1)
        .build()?;
    Ok(AudioVisual::builder(images, sounds).size([v1, v1]).mel(mel).seed(seed).build()?)
}
