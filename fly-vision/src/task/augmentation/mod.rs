//! Variations of a sequence, drawn anew whenever it is used.

mod light;
mod symmetry;
mod time;

use connectome_graph::hex::Lattice;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

pub use light::{contrast_brightness, gamma_correction, pixel_noise};
pub use symmetry::Symmetry;
pub use time::{
    nearest_frames, overlapping_windows, resample_linear, resample_nearest, resampled_frames, temporal_windows,
};

use super::data::FlowSample;
use crate::{Error, Movie};

/// Which frames of a sequence are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crop {
    /// As many consecutive ones, from a start drawn uniformly. The default, 19.
    Frames(usize),
    /// The first ones.
    First(usize),
    /// All.
    All,
}

/// How sequences are varied. Luminance and flow of a sequence get the same crop and symmetry.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentationOptions {
    /// Which frames are used. Default 19, from anywhere.
    pub crop: Crop,
    /// Standard deviation of the noise of each pixel. Default 0.08.
    pub noise: f64,
    /// Standard deviation of the logarithm of the contrast. Default 0.2.
    pub contrast: f64,
    /// Standard deviation of the brightness. Default 0.1.
    pub brightness: f64,
    /// Standard deviation around 1 of the exponent that luminance is raised to. Default 0: none.
    pub gamma: f64,
    /// Probability of a rotation by 60 to 300 degrees. Default 0.5.
    pub rotation: f64,
    /// Probability of a reflection. Default 0.5.
    pub flip: f64,
    /// Reflections are drawn from axes 1 to this, at most 3. Default 3.
    pub flip_axes: u32,
    /// Time step of the simulation in seconds, which frames are resampled to. Default 0.02.
    pub dt: f64,
}

impl Default for AugmentationOptions {
    fn default() -> Self {
        Self {
            crop: Crop::Frames(19),
            noise: 0.08,
            contrast: 0.2,
            brightness: 0.1,
            gamma: 0.0,
            rotation: 0.5,
            flip: 0.5,
            flip_axes: 3,
            dt: 0.02,
        }
    }
}

impl AugmentationOptions {
    /// Nothing random: the first frames, resampled. What networks are validated with.
    #[must_use]
    pub fn without_draws(&self) -> Self {
        let crop = match self.crop {
            Crop::Frames(n) => Crop::First(n),
            crop => crop,
        };
        Self { crop, noise: 0.0, contrast: 0.0, brightness: 0.0, gamma: 0.0, rotation: 0.0, flip: 0.0, ..self.clone() }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] with the one that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        for (setting, value) in
            [("noise", self.noise), ("contrast", self.contrast), ("brightness", self.brightness), ("gamma", self.gamma)]
        {
            if !value.is_finite() || value < 0.0 {
                return Err(Error::setting(setting, format!("{value}; a standard deviation must be 0 or more")));
            }
        }
        for (setting, value) in [("rotation", self.rotation), ("flip", self.flip)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::setting(setting, format!("{value}; a probability lies between 0 and 1")));
            }
        }
        if !(1..=3).contains(&self.flip_axes) {
            return Err(Error::setting("flip axes", format!("{}; 1 to 3", self.flip_axes)));
        }
        if let Crop::Frames(0) | Crop::First(0) = self.crop {
            return Err(Error::setting("crop", "0 frames; at least 1"));
        }
        if !self.dt.is_finite() || self.dt <= 0.0 {
            return Err(Error::setting("dt", format!("{} s; it must be above 0", self.dt)));
        }
        Ok(())
    }

    /// Draws a variation of a sequence of `frames` frames.
    ///
    /// # Errors
    /// [`Error::Setting`] for options that make no sense or a sequence that is shorter than its crop.
    pub fn draw(&self, frames: usize, seed: ItemSeed) -> Result<Augmentation, Error> {
        self.validate()?;
        let length = match self.crop {
            Crop::All => frames,
            Crop::Frames(n) | Crop::First(n) => n,
        };
        if length > frames || frames == 0 {
            return Err(Error::setting("crop", format!("{length} frames of a sequence of {frames}; take fewer")));
        }
        let mut random = seed.generator(0);
        let mut normal = |deviation: f64| -> f64 {
            let drawn: f64 = StandardNormal.sample(&mut random);
            deviation * drawn
        };
        let contrast = normal(self.contrast).exp() as f32;
        let brightness = normal(self.brightness) as f32;
        let gamma = (self.gamma > 0.0).then(|| (1.0 + normal(self.gamma)).max(0.0) as f32);
        let mut below = |n: u64| random.next_u64() % n.max(1);
        // as in the reference, the last possible start is never drawn
        let start = if let Crop::Frames(_) = self.crop { below((frames - length) as u64) as usize } else { 0 };
        let mut chance = |probability: f64| ((below(1 << 53)) as f64) < probability * (1u64 << 53) as f64;
        let (turns, flips) = (chance(self.rotation), chance(self.flip));
        let turns = if turns { 1 + below(5) as u32 } else { 0 };
        let flip = flips.then(|| 1 + below(u64::from(self.flip_axes)) as u32);
        Ok(Augmentation {
            frames: start..start + length,
            noise: self.noise as f32,
            contrast,
            brightness,
            gamma,
            flip,
            turns,
            dt: self.dt,
            seed,
        })
    }
}

/// What a variation is drawn from. Nothing else enters, so that training goes on from a checkpoint as if it had not stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemSeed {
    /// Of the whole training.
    pub run: u64,
    /// Number of the epoch.
    pub epoch: u64,
    /// Number of the sequence.
    pub item: u64,
}

impl ItemSeed {
    /// A generator for one of several uses.
    fn generator(self, usage: u64) -> ChaCha8Rng {
        let mut seed = [0; 32];
        for (to, part) in seed.as_chunks_mut::<8>().0.iter_mut().zip([self.run, self.epoch, self.item, usage]) {
            *to = part.to_le_bytes();
        }
        ChaCha8Rng::from_seed(seed)
    }
}

/// A variation, in the order in which its parts act.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// Frames that are used.
    pub frames: std::ops::Range<usize>,
    /// Standard deviation of the noise of each pixel; 0 for none.
    pub noise: f32,
    /// Contrast, 1 for none.
    pub contrast: f32,
    /// Brightness, 0 for none.
    pub brightness: f32,
    /// Exponent of the luminance.
    pub gamma: Option<f32>,
    /// Axis of a reflection, 1 to 3.
    pub flip: Option<u32>,
    /// Rotation in units of 60 degrees.
    pub turns: u32,
    /// Time step in seconds that frames are resampled to.
    pub dt: f64,
    /// Where the noise comes from.
    pub seed: ItemSeed,
}

impl Augmentation {
    /// Varies a sequence of this frame rate per second: crop, noise, contrast and brightness, gamma, reflection, rotation, and
    /// resampling, piecewise constant for luminance and linear for flow.
    ///
    /// # Errors
    /// [`Error::Setting`] for frames that the sequence does not have or no such axis, [`Error::Shape`] for a sequence of another eye.
    pub fn apply(&self, sample: &FlowSample, lattice: &Lattice, frame_rate: f64) -> Result<FlowSample, Error> {
        let columns = sample.columns();
        if columns != lattice.len() {
            let want = format!("{} columns of the lattice", lattice.len());
            return Err(Error::shape("a sequence", format!("of {columns} columns"), want));
        }
        let frames = self.frames.len();
        if frames == 0 || self.frames.end > sample.frames() {
            let what = format!("{:?} of a sequence of {}", self.frames, sample.frames());
            return Err(Error::setting("frames", what));
        }
        let cut = self.frames.start * columns..self.frames.end * columns;
        let mut flow = sample.flow()[2 * cut.start..2 * cut.end].to_vec();
        let mut luminance = sample.luminance().luminance()[cut].to_vec();
        if self.noise > 0.0 {
            pixel_noise(&mut luminance, self.noise, &mut self.seed.generator(1));
        }
        if self.contrast != 1.0 || self.brightness != 0.0 {
            contrast_brightness(&mut luminance, self.contrast, self.brightness);
        }
        if let Some(gamma) = self.gamma {
            gamma_correction(&mut luminance, gamma);
        }
        let flip = self.flip.map(|axis| Symmetry::flip(lattice, axis)).transpose()?;
        let turn = (!self.turns.is_multiple_of(6)).then(|| Symmetry::rotation(lattice, self.turns));
        for symmetry in [flip, turn].into_iter().flatten() {
            luminance = symmetry.scalars(&luminance);
            flow = symmetry.vectors(&flow, FlowSample::DIMENSIONS);
        }
        let size = resampled_frames(frames, frame_rate, 1.0 / self.dt);
        if size == 0 || size > 1 << 24 {
            let what = format!("{} s makes {size} frames of {frames} at {frame_rate} per second", self.dt);
            return Err(Error::setting("dt", what));
        }
        let luminance = Movie::new(columns, resample_nearest(&luminance, frames, size))?;
        FlowSample::new(luminance, resample_linear(&flow, frames, size))
    }
}

#[cfg(test)]
mod tests;
