//! Images and sounds together: digits that are seen while digits are heard.

mod batch;
mod choose;
mod scenario;

pub use batch::{Batch, Item, attention_cue};
pub use choose::{Attend, Driven, Mismatch, Reading};
pub use scenario::Scenario;

use super::ambiguous::{Mixture, Pairs};
use super::images::Images;
use super::mel::MelSpectrogram;
use super::spoken::SpokenDigits;
use crate::Error;
use choose::{Choice, Chooser, Chosen, Modality};
use tch::Tensor;

/// How images are brought to the size of the visual area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resize {
    /// Interpolated between the four nearest pixels, whose centres are half a pixel from their edges, as the reference does. The default.
    #[default]
    Bilinear,
    /// Surrounded by zeros; of an odd number of them the last is to the right or below.
    Pad,
}

/// A set of pairs of an image and a recording, in all [`Scenario`]s.
///
/// Item `i` of a scenario is a function of the seed, the scenario and `i`, whatever was drawn before, so a training that is interrupted
/// goes on with the same items. Items are counted by recordings, or by images, in turn; further rounds have the same recordings with other
/// images.
///
/// # Example
/// ```no_run
/// use convgru_feedback::stimulus::audiovisual::{Attend, AudioVisual, Scenario};
/// use convgru_feedback::stimulus::images::{Images, Part};
/// use convgru_feedback::stimulus::spoken::SpokenDigits;
///
/// let images = Images::read_part("mnist", Part::Train)?;
/// let sounds = SpokenDigits::read("recordings")?;
/// let set = AudioVisual::builder(images, sounds).size([32, 32]).seed(1).build()?;
/// let items: Vec<_> = (0..32).map(|k| set.nth(&Scenario::TRAINED, k)).collect();
/// let batch = set.batch(&items)?.attending(Attend::Sound);
/// let [image, sound] = batch.streams()?;                        // [32, 1, 1, 32, 32] and [32, 1, 1, 64, 64], one frame each
/// let cue = batch.cue([10, 16, 16])?;                           // [32, 1, 10, 16, 16], ones
/// let targets = batch.targets()?;                               // [32], what is heard
/// # Ok::<(), convgru_feedback::Error>(())
/// ```
#[derive(Debug)]
pub struct AudioVisual {
    settings: Builder,
    mel: MelSpectrogram,
    /// Spectrograms of the recordings as they are, `[n, mels, frames]`.
    spectrograms: Vec<f32>,
    chooser: Chooser,
}

/// Settings of an [`AudioVisual`].
///
/// | setting | default |
/// | --- | --- |
/// | [`size`](Self::size), [`resize`](Self::resize) | that of the images; [`Resize::Bilinear`] |
/// | [`mel`](Self::mel) | 64 channels, 64 frames, at the recordings' sample rate |
/// | [`image_pairs`](Self::image_pairs), [`sound_pairs`](Self::sound_pairs) | [`Pairs::default`] |
/// | [`image_mixture`](Self::image_mixture), [`sound_mixture`](Self::sound_mixture) | [`Mixture::default`] |
/// | [`driven`](Self::driven) | [`Driven::Sound`] |
/// | [`mismatch`](Self::mismatch) | [`Mismatch::Different`] |
/// | [`seed`](Self::seed) | 0 |
#[derive(Debug)]
pub struct Builder {
    images: Images,
    sounds: SpokenDigits,
    size: [usize; 2],
    resize: Resize,
    mel: Option<MelSpectrogram>,
    image_pairs: Pairs,
    sound_pairs: Pairs,
    image_mixture: Mixture,
    sound_mixture: Mixture,
    driven: Driven,
    mismatch: Mismatch,
    seed: u64,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $t) -> Self {
            self.$name = $name;
            self
        }
    )*};
}

impl Builder {
    setters! {
        /// Height and width of the visual area.
        size: [usize; 2];
        /// How images are brought to that size.
        resize: Resize;
        /// Digits whose images are mixed.
        image_pairs: Pairs;
        /// Digits whose recordings are mixed, two of one speaker each time.
        sound_pairs: Pairs;
        /// How images are mixed.
        image_mixture: Mixture;
        /// How recordings are mixed.
        sound_mixture: Mixture;
        /// What items are counted by.
        driven: Driven;
        /// What does not match.
        mismatch: Mismatch;
        /// Seed of all draws.
        seed: u64;
    }

    /// How recordings become spectrograms, of the size of the auditory area.
    #[must_use]
    pub fn mel(mut self, mel: MelSpectrogram) -> Self {
        self.mel = Some(mel);
        self
    }

    /// Checks the settings and computes the spectrograms of all recordings.
    ///
    /// # Errors
    /// [`Error::Option`] for settings that make no sense, [`Error::Data`] for no images, images that are not labelled 0 to 9 and recordings
    /// that are too short or without sound.
    pub fn build(mut self) -> Result<AudioVisual, Error> {
        let refuse = |option, what: String| Err(Error::Option { option, what });
        let [height, width] = self.size;
        let [own_height, own_width] = self.images.size();
        if height == 0 || width == 0 {
            return refuse("size", format!("{height} x {width}; at least one pixel"));
        }
        if self.resize == Resize::Pad && (height < own_height || width < own_width) {
            let what =
                format!("{height} x {width} is smaller than the images, {own_height} x {own_width}; interpolate");
            return refuse("size", what);
        }
        if self.images.is_empty() {
            return Err(Error::Data { what: "images".to_owned(), problem: "there are none".to_owned() });
        }
        self.image_mixture.check()?;
        self.sound_mixture.check()?;
        let mel = match self.mel.take() {
            Some(mel) => mel,
            None => MelSpectrogram::builder().sample_rate(self.sounds.sample_rate() as usize).build()?,
        };
        self.sounds.check_rate(&mel)?;
        let mut spectrograms = Vec::new();
        for i in 0..self.sounds.len() {
            let recording = self.sounds.recording(i);
            // nothing can be mixed with it at equal loudness
            if recording.iter().all(|&x| x == 0.0) {
                let problem = "is silent; leave it out".to_owned();
                return Err(Error::Data { what: self.sounds.described(i), problem });
            }
            spectrograms.extend(mel.values(recording).map_err(|e| match e {
                Error::Data { what, problem } => {
                    Error::Data { what: format!("{}, {what}", self.sounds.described(i)), problem }
                }
                other => other,
            })?);
        }
        let image = Modality::new(self.images.labels(), &vec![0; self.images.len()], self.image_pairs.clone())?;
        let sound = Modality::new(self.sounds.labels(), self.sounds.speakers(), self.sound_pairs.clone())?;
        let chooser = Chooser::new(image, sound, self.driven, self.mismatch, self.seed);
        Ok(AudioVisual { settings: self, mel, spectrograms, chooser })
    }
}

impl AudioVisual {
    /// Settings to start from.
    pub fn builder(images: Images, sounds: SpokenDigits) -> Builder {
        Builder {
            size: images.size(),
            images,
            sounds,
            resize: Resize::default(),
            mel: None,
            image_pairs: Pairs::default(),
            sound_pairs: Pairs::default(),
            image_mixture: Mixture::default(),
            sound_mixture: Mixture::default(),
            driven: Driven::default(),
            mismatch: Mismatch::default(),
            seed: 0,
        }
    }

    /// Recordings, or images, that items of a scenario are counted by. Those that have no partner to be mixed with, or nothing that goes
    /// with them, are left out: with the usual pairs the digit 2 where something is ambiguous.
    pub fn len(&self, scenario: Scenario) -> usize {
        self.chooser.anchors(scenario).len()
    }

    /// Whether a scenario has no items.
    pub fn is_empty(&self, scenario: Scenario) -> bool {
        self.len(scenario) == 0
    }

    /// Item `k` of some scenarios put one after the other, round after round.
    ///
    /// # Panics
    /// If they have no items.
    pub fn nth(&self, scenarios: &[Scenario], k: u64) -> (Scenario, u64) {
        let lengths: Vec<u64> = scenarios.iter().map(|&scenario| self.len(scenario) as u64).collect();
        let total: u64 = lengths.iter().sum();
        assert!(total > 0, "the scenarios {scenarios:?} have no items");
        let (round, mut rest) = (k / total, k % total);
        for (&scenario, &length) in scenarios.iter().zip(&lengths) {
            if rest < length {
                return (scenario, round * length + rest);
            }
            rest -= length;
        }
        unreachable!("the rest is below the sum of the lengths")
    }

    /// An item: image, spectrogram, what they are, and which of them is asked for.
    ///
    /// # Errors
    /// [`Error::Data`] for a scenario without items; [`Error::Input`] for no items.
    pub fn item(&self, scenario: Scenario, index: u64) -> Result<Item, Error> {
        let batch = self.batch(&[(scenario, index)])?;
        Ok(Item {
            image: batch.images.f_get(0)?,
            mel: batch.mels.f_get(0)?,
            seen: batch.seen[0],
            heard: batch.heard[0],
            attend: batch.attend[0],
        })
    }

    /// Some items, each the same as alone.
    ///
    /// # Errors
    /// As [`item`](Self::item).
    pub fn batch(&self, items: &[(Scenario, u64)]) -> Result<Batch, Error> {
        if items.is_empty() {
            let (what, want) = ("the list of items".to_owned(), "one at least".to_owned());
            return Err(Error::Input { what, got: "empty".to_owned(), want });
        }
        let [mels, frames] = self.mel.size();
        let [height, width] = self.settings.images.size();
        let (mut pixels, mut spectrograms) = (Vec::new(), Vec::new());
        let (mut seen, mut heard, mut attend) = (Vec::new(), Vec::new(), Vec::new());
        for &(scenario, index) in items {
            if self.is_empty(scenario) {
                let problem = "nothing goes with anything; choose other pairs or larger sets".to_owned();
                return Err(Error::Data { what: format!("the scenario {scenario}"), problem });
            }
            let Choice { image, sound, attend: asked } = self.chooser.choose(scenario, index);
            pixels.extend(self.pixels(image));
            spectrograms.extend(self.spectrogram(sound)?);
            seen.push(image.reading);
            heard.push(sound.reading);
            attend.push(asked);
        }
        let n = items.len() as i64;
        let images = Tensor::f_from_slice(&pixels)?.f_view([n, 1, height as i64, width as i64])?;
        let mels = Tensor::f_from_slice(&spectrograms)?.f_view([n, 1, mels as i64, frames as i64])?;
        Ok(Batch { images: self.resized(&images)?, mels, seen, heard, attend })
    }

    fn pixels(&self, image: Chosen) -> Vec<f32> {
        let Builder { images, image_mixture, .. } = &self.settings;
        let pixels = images.brightness(image.item);
        match image.mixed_with {
            Some(other) => image_mixture.blend(&pixels, &images.brightness(other), images.size()),
            None => pixels,
        }
    }

    fn spectrogram(&self, sound: Chosen) -> Result<Vec<f32>, Error> {
        let Builder { sounds, sound_mixture, .. } = &self.settings;
        match sound.mixed_with {
            Some(other) => {
                self.mel.values(&sound_mixture.sounds(sounds.recording(sound.item), sounds.recording(other))?)
            }
            None => {
                let n = self.mel.size().iter().product::<usize>();
                Ok(self.spectrograms[sound.item * n..(sound.item + 1) * n].to_vec())
            }
        }
    }

    fn resized(&self, images: &Tensor) -> Result<Tensor, Error> {
        let [height, width] = self.settings.size.map(|n| n as i64);
        let [own_height, own_width] = self.settings.images.size().map(|n| n as i64);
        if [height, width] == [own_height, own_width] {
            return Ok(images.shallow_clone());
        }
        Ok(match self.settings.resize {
            Resize::Bilinear => images.f_upsample_bilinear2d([height, width], false, None, None)?,
            Resize::Pad => {
                let (down, right) = (height - own_height, width - own_width);
                images.f_constant_pad_nd([right / 2, right - right / 2, down / 2, down - down / 2])?
            }
        })
    }
}
