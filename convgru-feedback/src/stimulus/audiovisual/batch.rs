//! Items as tensors.

use super::choose::{Attend, Reading};
use crate::Error;
use crate::stimulus::images::label_tensor;
use tch::Tensor;

/// An image and a sound.
#[derive(Debug)]
pub struct Item {
    /// `[1, height, width]`, 0 to 1.
    pub image: Tensor,
    /// Log-mel spectrogram, `[1, mels, frames]`.
    pub mel: Tensor,
    /// What the image is.
    pub seen: Reading,
    /// What the sound is.
    pub heard: Reading,
    /// Which of them is asked for.
    pub attend: Attend,
}

/// Some items.
#[derive(Debug)]
pub struct Batch {
    /// `[batch, 1, height, width]`, 0 to 1.
    pub images: Tensor,
    /// Log-mel spectrograms, `[batch, 1, mels, frames]`.
    pub mels: Tensor,
    /// What each image is.
    pub seen: Vec<Reading>,
    /// What each sound is.
    pub heard: Vec<Reading>,
    /// Which of them is asked for: image or sound, either drawn with a half.
    pub attend: Vec<Attend>,
}

impl Batch {
    /// The same items, with the same question in all of them, as the reference draws for each batch, and scores tests.
    #[must_use]
    pub fn attending(mut self, attend: Attend) -> Self {
        self.attend.fill(attend);
        self
    }

    /// Labels of the images, `[batch]` of i64.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn image_labels(&self) -> Result<Tensor, Error> {
        label_tensor(&self.seen.iter().map(|reading| reading.label).collect::<Vec<_>>())
    }

    /// Labels of the sounds, `[batch]` of i64.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn sound_labels(&self) -> Result<Tensor, Error> {
        label_tensor(&self.heard.iter().map(|reading| reading.label).collect::<Vec<_>>())
    }

    /// Labels of what is asked for, `[batch]` of i64.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn targets(&self) -> Result<Tensor, Error> {
        let labels =
            self.attend.iter().zip(self.seen.iter().zip(&self.heard)).map(|(attend, (seen, heard))| match attend {
                Attend::Image => seen.label,
                Attend::Sound => heard.label,
            });
        label_tensor(&labels.collect::<Vec<_>>())
    }

    /// Image and sound as stimuli of a network, of one frame each: `[batch, 1, 1, height, width]` and `[batch, 1, 1, mels, frames]`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn streams(&self) -> Result<[Tensor; 2], Error> {
        Ok([self.images.f_unsqueeze(1)?, self.mels.f_unsqueeze(1)?])
    }

    /// The cue of attention as a stimulus of one frame; see [`attention_cue`].
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn cue(&self, size: [usize; 3]) -> Result<Tensor, Error> {
        attention_cue(&self.attend, size)
    }
}

/// The stimulus that says which of image and sound is asked for: zeros for the image, ones for the sound, `[batch, 1, channels, height,
/// width]` of f32. `size`: `[channels, height, width]`, `[10, 16, 16]` in the paper's networks of four tasks.
///
/// # Errors
/// [`Error::Torch`].
pub fn attention_cue(attend: &[Attend], size: [usize; 3]) -> Result<Tensor, Error> {
    let flags: Vec<f32> = attend.iter().map(|&a| if a == Attend::Sound { 1.0 } else { 0.0 }).collect();
    let [channels, height, width] = size.map(|n| n as i64);
    let flags = Tensor::f_from_slice(&flags)?.f_view([attend.len() as i64, 1, 1, 1, 1])?;
    Ok(flags.f_expand([attend.len() as i64, 1, channels, height, width], false)?.f_contiguous()?)
}
