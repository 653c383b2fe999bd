//! Images and recordings to learn from and to be judged by.

use std::path::Path;

use convgru_feedback::stimulus::audiovisual::{AudioVisual, Scenario};
use convgru_feedback::stimulus::images::{Images, Part};
use convgru_feedback::stimulus::labels;
use convgru_feedback::stimulus::mel::MelSpectrogram;
use convgru_feedback::stimulus::spoken::SpokenDigits;

use super::{Question, Settings};
use crate::Error;
use crate::areas::Split;

/// Items to learn from and items that are held out; they share neither images nor recordings.
#[derive(Debug)]
pub struct Sets {
    /// To learn from.
    pub learned: AudioVisual,
    /// To be judged by.
    pub held_out: AudioVisual,
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
        let learned = pair(settings, images, sounds, settings.seed)?;
        let held_out = pair(settings, other_images, other_sounds, !settings.seed)?;
        let asked: Vec<Scenario> = Question::of(settings.tasks).into_iter().map(|question| question.scenario).collect();
        for (name, set, scenarios) in
            [("to learn from", &learned, Question::learned(settings.tasks)), ("held out", &held_out, &asked)]
        {
            if let Some(scenario) = scenarios.iter().find(|&&scenario| set.is_empty(scenario)) {
                let what = format!("the scenario {scenario} {name}");
                let problem = "no image goes with any recording; more digits are needed".to_owned();
                return Err(Error::Areas(convgru_feedback::Error::Data { what, problem }));
            }
        }
        Ok(Self { learned, held_out })
    }
}

/// Time that is heard, in frames of the reference: 64 samples at 8 kHz each, 0.512 s together.
const FRAMES: usize = 64;

/// A set in the sizes of V1 and A1. Whatever A1's side, it spans the same time: the reference's 64 frames.
fn pair(settings: &Settings, images: Images, sounds: SpokenDigits, seed: u64) -> Result<AudioVisual, Error> {
    let table = settings.table()?;
    let side = |area: usize| table.areas()[area].input_h as usize;
    let (v1, a1) = (side(0), side(4));
    let rate = sounds.sample_rate() as usize;
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
