//! Spoken digits: recordings with digit, speaker and take.
//!
//! The Free Spoken Digit Dataset (Jackson, Souza, Flaks, Pan, Nicolas & Thite, 2018, doi 10.5281/zenodo.1342401; CC BY-SA 4.0) has 50
//! takes of each digit by each of six speakers, at 8 kHz.

use super::labels::Split;
use super::{mel::MelSpectrogram, wav};
use crate::Error;
use connectome_io::format::safetensors::{Tensors, read_tensors};
use connectome_io::{Array, Error as FileError, Location};
use std::path::Path;
use tch::Tensor;

/// Recordings of one sample rate, with what is said in each, by whom, and in which take.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenDigits {
    sample_rate: u32,
    /// All recordings end to end, and where each begins and the last ends.
    samples: Vec<f32>,
    offsets: Vec<usize>,
    labels: Vec<u8>,
    speakers: Vec<u8>,
    takes: Vec<u32>,
    names: Vec<String>,
}

/// What a recording is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spoken {
    /// The digit, 0 to 9.
    pub digit: u8,
    /// Who speaks.
    pub speaker: String,
    /// Which of the takes of this digit by this speaker.
    pub take: u32,
}

impl SpokenDigits {
    /// Takes recordings, samples from -1 to 1, with what each is. Speakers are numbered in the order of their names.
    ///
    /// # Errors
    /// [`Error::Data`] for no recordings, an empty one, a digit above 9, more than 256 speakers.
    pub fn new(sample_rate: u32, recordings: &[(Spoken, Vec<f32>)]) -> Result<Self, Error> {
        let mut names: Vec<String> = recordings.iter().map(|(spoken, _)| spoken.speaker.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let mut digits = Self {
            sample_rate,
            samples: Vec::new(),
            offsets: vec![0],
            labels: Vec::new(),
            speakers: Vec::new(),
            takes: Vec::new(),
            names,
        };
        for (spoken, samples) in recordings {
            digits.samples.extend_from_slice(samples);
            digits.offsets.push(digits.samples.len());
            digits.labels.push(spoken.digit);
            digits.speakers.push(digits.names.partition_point(|name| *name < spoken.speaker) as u8);
            digits.takes.push(spoken.take);
        }
        digits.checked("recordings")
    }

    /// Reads a folder of WAV files named `{digit}_{speaker}_{take}.wav`, as the data set is published, in the order of digit, speaker and
    /// take; or a `.safetensors` file, plain or gzipped, with `audio` (16-bit integers or f32, all recordings end to end), `offsets`
    /// (`[n + 1]`), `label`, `speaker`, `take` (`[n]`) and the metadata entry `info`, `{"rate": 8000, "speakers": ["george", ...]}`.
    ///
    /// # Errors
    /// [`Error::File`] for files that are missing or damaged, [`Error::Data`] for files that hold something else.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        if path.is_dir() { read_folder(path) } else { unpack(read_tensors(path)?, path) }
    }

    /// Number of recordings.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; never.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Samples per second.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Samples of a recording, -1 to 1.
    ///
    /// # Panics
    /// If there are not so many recordings.
    pub fn recording(&self, index: usize) -> &[f32] {
        assert!(index < self.len(), "recording {index} of {}", self.len());
        &self.samples[self.offsets[index]..self.offsets[index + 1]]
    }

    /// The digit that is said in each, `[n]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Who speaks in each, `[n]`, as indices of [`names`](Self::names).
    pub fn speakers(&self) -> &[u8] {
        &self.speakers
    }

    /// Names of the speakers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The take of each, `[n]`.
    pub fn takes(&self) -> &[u32] {
        &self.takes
    }

    /// The recordings of these numbers, in this order.
    ///
    /// # Errors
    /// [`Error::Data`] for none.
    ///
    /// # Panics
    /// As [`recording`](Self::recording).
    pub fn subset(&self, indices: &[usize]) -> Result<Self, Error> {
        let mut offsets = vec![0];
        let mut samples = Vec::new();
        for &i in indices {
            samples.extend_from_slice(self.recording(i));
            offsets.push(samples.len());
        }
        let bytes = |all: &[u8]| indices.iter().map(|&i| all[i]).collect();
        Self {
            sample_rate: self.sample_rate,
            samples,
            offsets,
            labels: bytes(&self.labels),
            speakers: bytes(&self.speakers),
            takes: indices.iter().map(|&i| self.takes[i]).collect(),
            names: self.names.clone(),
        }
        .checked("a subset")
    }

    /// What a recording is, for messages; numbers of a subset are its own.
    pub(super) fn described(&self, index: usize) -> String {
        let (digit, take) = (self.labels[index], self.takes[index]);
        format!("recording {index}, digit {digit} by {}, take {take}", self.names[usize::from(self.speakers[index])])
    }

    /// The split of the data set's authors: takes 0 to 4 of each digit and speaker are for testing.
    pub fn official_split(&self) -> Split {
        let (test, train) = (0..self.len()).partition(|&i| self.takes[i] < 5);
        Split { train, test }
    }

    /// Spectrograms of all recordings, `[n, 1, mels, frames]`.
    ///
    /// # Errors
    /// [`Error::Option`] if the spectrogram is for another sample rate, unless that is connectome-to-model's 2; [`Error::Data`] for
    /// recordings that are too short.
    pub fn to_tensor(&self, mel: &MelSpectrogram) -> Result<Tensor, Error> {
        self.check_rate(mel)?;
        mel.batch(&(0..self.len()).map(|i| self.recording(i)).collect::<Vec<_>>())
    }

    pub(super) fn check_rate(&self, mel: &MelSpectrogram) -> Result<(), Error> {
        match mel.sample_rate() {
            2 => Ok(()),
            rate if rate == self.sample_rate as usize => Ok(()),
            rate => {
                let what = format!("{rate} per second, but the recordings have {}", self.sample_rate);
                Err(Error::Option { option: "sample_rate", what })
            }
        }
    }

    /// All labels, `[n]` of i64.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn label_tensor(&self) -> Result<Tensor, Error> {
        super::images::label_tensor(&self.labels)
    }

    /// Refuses what is no set of spoken digits.
    fn checked(self, what: &str) -> Result<Self, Error> {
        let n = self.labels.len();
        let problem = if n == 0 {
            "holds no recording".to_owned()
        } else if self.sample_rate == 0 {
            "has 0 samples per second".to_owned()
        } else if self.speakers.len() != n || self.takes.len() != n || self.offsets.len() != n + 1 {
            format!(
                "has {n} labels, {} speakers, {} takes and {} offsets; wanted is one of each per recording and one offset more",
                self.speakers.len(),
                self.takes.len(),
                self.offsets.len()
            )
        } else if self.names.len() > 256 {
            format!("has {} speakers, at most 256 are possible", self.names.len())
        } else if (self.offsets[0], self.offsets[n]) != (0, self.samples.len()) {
            let samples = self.samples.len();
            format!("has offsets from {} to {} for samples 0 to {samples}", self.offsets[0], self.offsets[n])
        } else if let Some(i) = (0..n).find(|&i| self.offsets[i + 1] <= self.offsets[i]) {
            format!("recording {i} goes from sample {} to {}; it needs samples", self.offsets[i], self.offsets[i + 1])
        } else if let Some(i) = self.labels.iter().position(|&digit| digit > 9) {
            format!("recording {i} is labelled {}; digits are 0 to 9", self.labels[i])
        } else if let Some(i) = self.speakers.iter().position(|&s| usize::from(s) >= self.names.len()) {
            format!("recording {i} is by speaker {} of {}", self.speakers[i], self.names.len())
        } else if let Some(i) = self.samples.iter().position(|x| !x.is_finite()) {
            format!("sample {i} is {}", self.samples[i])
        } else {
            return Ok(self);
        };
        Err(Error::Data { what: what.to_owned(), problem })
    }
}

fn read_folder(folder: &Path) -> Result<SpokenDigits, Error> {
    let io = |source| FileError::Io { action: "list", path: folder.to_path_buf(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
            let spoken = named(&path).ok_or_else(|| Error::Data {
                what: path.display().to_string(),
                problem: "is not named {digit}_{speaker}_{take}.wav; rename it or move it away".to_owned(),
            })?;
            files.push((spoken, path));
        }
    }
    files.sort();
    if let Some(pair) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let problem = format!("is the same recording as {}; remove one", pair[0].1.display());
        return Err(Error::Data { what: pair[1].1.display().to_string(), problem });
    }
    let mut rate = None;
    let mut recordings = Vec::with_capacity(files.len());
    for (spoken, path) in files {
        let recording = wav::read(&path)?;
        let rate = *rate.get_or_insert(recording.sample_rate);
        if recording.sample_rate != rate {
            let problem = format!("has {} samples per second, others have {rate}; resample it", recording.sample_rate);
            return Err(Error::Data { what: path.display().to_string(), problem });
        }
        recordings.push((spoken, recording.samples));
    }
    if recordings.is_empty() {
        let problem = "holds no .wav file; name the folder with the recordings".to_owned();
        return Err(Error::Data { what: folder.display().to_string(), problem });
    }
    SpokenDigits::new(rate.unwrap_or(0), &recordings)
}

/// Digit, speaker and take from a file's name.
fn named(path: &Path) -> Option<Spoken> {
    let (digit, rest) = path.file_stem()?.to_str()?.split_once('_')?;
    let (speaker, take) = rest.rsplit_once('_')?;
    let digit = digit.parse().ok().filter(|&digit| digit <= 9)?;
    Some(Spoken { digit, speaker: speaker.to_owned(), take: take.parse().ok()? })
}

/// The metadata entry `info`.
#[derive(Debug, serde::Deserialize)]
struct Info {
    rate: u32,
    speakers: Vec<String>,
}

fn unpack(mut tensors: Tensors, path: &Path) -> Result<SpokenDigits, Error> {
    let at = Location::file(path);
    let missing = |what: String, found: Vec<String>| FileError::Missing {
        at: at.boxed(),
        what,
        found,
        remedy: "spoken digits have audio, offsets, label, speaker, take, and info in their metadata",
    };
    let info = tensors.metadata.get("info").ok_or_else(|| missing("metadata entry \"info\"".to_owned(), Vec::new()))?;
    let info: Info = serde_json::from_str(info).map_err(|e| FileError::Malformed {
        at: at.key("info"),
        problem: format!("not the rate and the speakers: {e}"),
    })?;
    let mut take = |name: &str| -> Result<Array, FileError> {
        let Some(array) = tensors.arrays.remove(name) else {
            return Err(missing(format!("tensor {name:?}"), tensors.arrays.keys().cloned().collect()));
        };
        if let [_] = array.shape() {
            return Ok(array);
        }
        let problem = format!("has the shape {:?}, a list is wanted", array.shape());
        Err(FileError::Malformed { at: at.key(name), problem })
    };
    let audio = take("audio")?;
    let samples = if let Some(integers) = audio.as_slice::<i16>() {
        integers.iter().map(|&x| f32::from(x) / 32768.0).collect()
    } else if let Some(floats) = audio.as_slice::<f32>() {
        floats.to_vec()
    } else {
        let what = format!("sound as {:?}", audio.dtype());
        return Err(FileError::Unsupported { at: at.key("audio"), what, remedy: "store 16-bit integers or f32" }.into());
    };
    drop(audio);
    let mut naturals = |name: &str, largest: u32, wanted: &'static str| -> Result<Vec<u32>, FileError> {
        let bad = |text: String| FileError::BadNumber { at: at.key(name), text, wanted };
        let list = take(name)?;
        let numbers = list.to_i64().map_err(|_| bad(format!("{:?}", list.dtype())))?;
        let checked = |i: i64| u32::try_from(i).ok().filter(|&i| i <= largest).ok_or_else(|| bad(i.to_string()));
        numbers.into_iter().map(checked).collect()
    };
    let bytes = |list: Vec<u32>| list.into_iter().map(|i| i as u8).collect();
    SpokenDigits {
        sample_rate: info.rate,
        samples,
        offsets: naturals("offsets", u32::MAX, "offset of 32 bits")?.into_iter().map(|i| i as usize).collect(),
        labels: bytes(naturals("label", 9, "digit from 0 to 9")?),
        speakers: bytes(naturals("speaker", 255, "speaker from 0 to 255")?),
        takes: naturals("take", u32::MAX, "take of 32 bits")?,
        names: info.speakers,
    }
    .checked(&path.display().to_string())
}
