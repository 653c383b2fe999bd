//! Log-mel spectrograms of recordings.
//!
//! A recording is cut into overlapping frames, centred and mirrored at its ends, weighted by a periodic Hann window and transformed; the
//! power of each frequency goes to overlapping triangles that are evenly spaced on the mel scale `2595 log10(1 + f / 700)` (O'Shaughnessy,
//! *Speech Communication*, 1987, p. 150), without normalisation; the output is `ln(power + 1e-6) / 2`.

use crate::Error;
use tch::{Device, Kind, Tensor};

/// Added to the power before the logarithm.
const FLOOR: f32 = 1e-6;
/// Frames that are transformed at a time.
const BLOCK: usize = 256;

/// Turns recordings into log-mel spectrograms, `[1, mels, frames]` each.
///
/// # Example
/// ```
/// use convgru_feedback::stimulus::mel::MelSpectrogram;
///
/// let tone: Vec<f32> = (0..4000).map(|i| (0.6 * i as f32).sin()).collect();     // half a second at 8 kHz
/// let mel = MelSpectrogram::builder().frames(32).build()?;
/// assert_eq!(mel.spectrogram(&tone)?.size(), [1, 64, 32]);                      // [channel, mels, frames]
/// # Ok::<(), convgru_feedback::Error>(())
/// ```
#[derive(Debug)]
pub struct MelSpectrogram {
    settings: MelBuilder,
    window: Vec<f32>,
    /// `[bins, mels]`.
    filterbank: Tensor,
    filters: Vec<Filter>,
}

/// A triangle: the first bin where it is above zero, and its weights from there on.
#[derive(Debug)]
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

/// Settings of a [`MelSpectrogram`].
///
/// | setting | default |
/// | --- | --- |
/// | [`sample_rate`](Self::sample_rate) | 8000 per second |
/// | [`mels`](Self::mels) | 64 |
/// | [`n_fft`](Self::n_fft) | 4 samples per mel channel |
/// | [`hop`](Self::hop) | 64 samples |
/// | [`frames`](Self::frames) | 64 |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MelBuilder {
    sample_rate: usize,
    mels: usize,
    n_fft: Option<usize>,
    hop: usize,
    frames: usize,
}

impl MelBuilder {
    /// Samples per second. The triangles span 0 to half of it, rounded down to whole Hz. connectome-to-model passes 2 for recordings of
    /// 8 kHz, which spaces the triangles evenly in frequency; to compare with its numbers, pass 2.
    #[must_use]
    pub fn sample_rate(mut self, per_second: usize) -> Self {
        self.sample_rate = per_second;
        self
    }

    /// Mel channels, the height of the spectrogram; 1 to 4096.
    #[must_use]
    pub fn mels(mut self, channels: usize) -> Self {
        self.mels = channels;
        self
    }

    /// Samples of a frame; even, 2 to 65536. Where the triangles of low frequencies are narrower than `sample_rate / n_fft`, some of them
    /// meet no frequency and stay silent: [`MelSpectrogram::silent`].
    #[must_use]
    pub fn n_fft(mut self, samples: usize) -> Self {
        self.n_fft = Some(samples);
        self
    }

    /// Samples from one frame to the next; at least 1.
    #[must_use]
    pub fn hop(mut self, samples: usize) -> Self {
        self.hop = samples;
        self
    }

    /// Frames of the output, its width; 1 to 65536. Later ones are cut off; missing ones are silence, `ln(1e-6) / 2 = -6.9078`.
    #[must_use]
    pub fn frames(mut self, frames: usize) -> Self {
        self.frames = frames;
        self
    }

    /// Checks the settings and prepares window and triangles.
    ///
    /// # Errors
    /// [`Error::Option`] for settings out of range.
    pub fn build(self) -> Result<MelSpectrogram, Error> {
        let refuse = |option, what: String| Err(Error::Option { option, what });
        if !(1..=4096).contains(&self.mels) {
            return refuse("mels", format!("{}; from 1 to 4096", self.mels));
        }
        let n_fft = self.n_fft.unwrap_or(4 * self.mels);
        if !(2..=65_536).contains(&n_fft) || n_fft % 2 == 1 {
            return refuse("n_fft", format!("{n_fft} samples; an even number from 2 to 65536"));
        }
        if !(2..=1 << 24).contains(&self.sample_rate) {
            return refuse("sample_rate", format!("{} per second; from 2 to 16777216", self.sample_rate));
        }
        if self.hop == 0 {
            return refuse("hop", "0 samples; at least 1".to_owned());
        }
        if !(1..=65_536).contains(&self.frames) {
            return refuse("frames", format!("{}; from 1 to 65536", self.frames));
        }
        let window = Tensor::f_hann_window(n_fft as i64, (Kind::Float, Device::Cpu))?;
        let filterbank = triangles(self.sample_rate, n_fft, self.mels)?;
        let columns = Vec::<f32>::try_from(filterbank.f_tr()?.f_contiguous()?.f_view(-1)?)?;
        let filters = columns.chunks_exact(n_fft / 2 + 1).map(Filter::new).collect();
        let settings = Self { n_fft: Some(n_fft), ..self };
        Ok(MelSpectrogram { settings, window: Vec::try_from(window)?, filterbank, filters })
    }
}

impl Filter {
    fn new(weights: &[f32]) -> Self {
        let first = weights.iter().position(|&w| w > 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|&w| w > 0.0).map_or(0, |last| last + 1);
        Self { first, weights: weights[first..end].to_vec() }
    }

    fn sum(&self, power: &[f64]) -> f32 {
        let pairs = self.weights.iter().zip(&power[self.first..]);
        pairs.map(|(&w, p)| f64::from(w) * p).sum::<f64>() as f32
    }
}

/// Triangles on the mel scale, `[bins, mels]`. The corners are computed in single precision as torchaudio does: `10^(m / 2595) - 1` loses
/// digits where frequencies are low, and double precision would give other triangles there.
fn triangles(sample_rate: usize, n_fft: usize, mels: usize) -> Result<Tensor, Error> {
    let options = (Kind::Float, Device::Cpu);
    let highest = (sample_rate / 2) as f64;
    let top = 2595.0 * (1.0 + highest / 700.0).log10();
    let corners = Tensor::f_linspace(0.0, top, mels as i64 + 2, options)?;
    let corners = Tensor::f_pow_scalar(10.0, &corners.f_divide_scalar(2595.0)?)?.f_sub_scalar(1.0)? * 700.0;
    let bins = Tensor::f_linspace(0.0, highest, n_fft as i64 / 2 + 1, options)?;
    let mels = mels as i64;
    let widths = corners.f_narrow(0, 1, mels + 1)?.f_sub(&corners.f_narrow(0, 0, mels + 1)?)?;
    let distance = corners.f_unsqueeze(0)?.f_sub(&bins.f_unsqueeze(1)?)?;
    let rise = distance.f_narrow(1, 0, mels)?.f_neg()?.f_div(&widths.f_narrow(0, 0, mels)?)?;
    let fall = distance.f_narrow(1, 2, mels)?.f_div(&widths.f_narrow(0, 1, mels)?)?;
    Ok(rise.f_minimum(&fall)?.f_clamp_min(0.0)?)
}

impl MelSpectrogram {
    /// Settings to start from.
    pub fn builder() -> MelBuilder {
        MelBuilder { sample_rate: 8000, mels: 64, n_fft: None, hop: 64, frames: 64 }
    }

    /// Mel channels and frames of the output.
    pub fn size(&self) -> [usize; 2] {
        [self.settings.mels, self.settings.frames]
    }

    /// Samples per second that recordings must have.
    pub fn sample_rate(&self) -> usize {
        self.settings.sample_rate
    }

    /// Value of silence, `ln(1e-6) / 2`.
    pub fn silence() -> f32 {
        FLOOR.ln() / 2.0
    }

    /// Weights of the triangles, `[n_fft / 2 + 1, mels]`.
    pub fn filterbank(&self) -> &Tensor {
        &self.filterbank
    }

    /// The window, `[n_fft]`.
    pub fn window(&self) -> &[f32] {
        &self.window
    }

    /// Mel channels whose triangles lie between two frequencies of the transform: they are silent whatever is heard. With the defaults
    /// there are none; at 16 kHz some of the lowest are, and a larger [`n_fft`](MelBuilder::n_fft) wakes them.
    pub fn silent(&self) -> Vec<usize> {
        (0..self.filters.len()).filter(|&i| self.filters[i].weights.is_empty()).collect()
    }

    /// The spectrogram of a recording, `[1, mels, frames]` of f32: `ln(power + 1e-6) / 2`, cut off or filled with silence.
    ///
    /// `wave`: samples, usually between -1 and 1.
    ///
    /// # Errors
    /// [`Error::Data`] for a recording of at most `n_fft / 2` samples, or with samples that are not finite or so large that their power is
    /// not.
    pub fn spectrogram(&self, wave: &[f32]) -> Result<Tensor, Error> {
        let [mels, frames] = self.size();
        Ok(Tensor::f_from_slice(&self.values(wave)?)?.f_view([1, mels as i64, frames as i64])?)
    }

    /// Spectrograms of some recordings, `[n, 1, mels, frames]`; each is the same as alone.
    ///
    /// # Errors
    /// As [`spectrogram`](Self::spectrogram).
    pub fn batch<W: AsRef<[f32]>>(&self, waves: &[W]) -> Result<Tensor, Error> {
        let [mels, frames] = self.size();
        let mut all = Vec::with_capacity(waves.len() * mels * frames);
        for wave in waves {
            all.extend_from_slice(&self.values(wave.as_ref())?);
        }
        Ok(Tensor::f_from_slice(&all)?.f_view([waves.len() as i64, 1, mels as i64, frames as i64])?)
    }

    /// Power in each mel channel before the logarithm and before cutting or filling, `[1, mels, 1 + samples / hop]`.
    ///
    /// # Errors
    /// As [`spectrogram`](Self::spectrogram).
    pub fn power(&self, wave: &[f32]) -> Result<Tensor, Error> {
        let total = 1 + wave.len() / self.settings.hop;
        let power = self.transform(wave, total)?;
        Ok(Tensor::f_from_slice(&power)?.f_view([1, self.settings.mels as i64, total as i64])?)
    }

    /// The numbers of a spectrogram, `[mels, frames]`.
    pub(super) fn values(&self, wave: &[f32]) -> Result<Vec<f32>, Error> {
        let [mels, frames] = self.size();
        let heard = frames.min(1 + wave.len() / self.settings.hop);
        let power = self.transform(wave, heard)?;
        let mut values = vec![Self::silence(); mels * frames];
        for (row, power) in values.chunks_exact_mut(frames).zip(power.chunks_exact(heard)) {
            for (value, p) in row.iter_mut().zip(power) {
                *value = (p + FLOOR).ln() / 2.0;
            }
        }
        Ok(values)
    }

    /// Mel power of the first `total` frames, `[mels, total]`.
    fn transform(&self, wave: &[f32], total: usize) -> Result<Vec<f32>, Error> {
        let (hop, n_fft) = (self.settings.hop, self.window.len());
        let pad = n_fft / 2;
        let refuse =
            |problem: String| Err(Error::Data { what: format!("a recording of {} samples", wave.len()), problem });
        if wave.len() <= pad {
            return refuse(format!(
                "a frame of {n_fft} samples mirrors {pad} of them at each end, so at least {} are needed; choose a smaller n_fft or \
                 append silence",
                pad + 1
            ));
        }
        if let Some(i) = wave.iter().position(|x| !x.is_finite()) {
            return refuse(format!("sample {i} is {}; repair or leave out the recording", wave[i]));
        }
        let mirrored = |at: usize| -> f32 {
            let last = wave.len() - 1;
            wave[if at < pad {
                pad - at
            } else if at - pad <= last {
                at - pad
            } else {
                2 * last + pad - at
            }]
        };
        let mut mel = vec![0.0; self.filters.len() * total];
        for start in (0..total).step_by(BLOCK) {
            let rows = BLOCK.min(total - start);
            let mut framed = Vec::with_capacity(rows * n_fft);
            for frame in start..start + rows {
                framed.extend(self.window.iter().enumerate().map(|(k, w)| w * mirrored(frame * hop + k)));
            }
            let spectrum = Tensor::f_from_slice(&framed)?.f_view([rows as i64, n_fft as i64])?;
            let spectrum = spectrum.f_fft_rfft(None, -1, "backward")?.f_view_as_real()?;
            let parts = Vec::<f32>::try_from(spectrum.f_contiguous()?.f_view(-1)?)?;
            for (row, parts) in parts.chunks_exact(n_fft + 2).enumerate() {
                let power: Vec<f64> = parts
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|z| f64::from(z[0]).powi(2) + f64::from(z[1]).powi(2))
                    .collect();
                for (channel, filter) in self.filters.iter().enumerate() {
                    mel[channel * total + start + row] = filter.sum(&power);
                }
            }
        }
        if mel.iter().any(|power| !power.is_finite()) {
            return refuse("its power is beyond single precision; scale the samples to -1 to 1".to_owned());
        }
        Ok(mel)
    }
}
