//! Smooth random motion.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, Uniform};

use super::similarity::Similarity;
use crate::Error;

/// How fast something moves, at random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionSettings {
    /// Standard deviation of each component of velocity, in columns per second.
    pub translation: f64,
    /// Standard deviation of the angular velocity, in degrees per second.
    pub rotation: f64,
    /// Standard deviation of the rate of expansion, in 1/s: 0.1 approaches by a tenth per second.
    pub expansion: f64,
    /// Highest frequency in which velocity changes, in Hz.
    pub bandwidth: f64,
}

impl MotionSettings {
    /// Of a camera: 6 columns/s, 15 degrees/s, 0.2/s, up to 1 Hz.
    pub const CAMERA: Self = Self { translation: 6.0, rotation: 15.0, expansion: 0.2, bandwidth: 1.0 };

    /// Of an object: 8 columns/s, 20 degrees/s, 0.2/s, up to 1 Hz.
    pub const OBJECT: Self = Self { translation: 8.0, rotation: 20.0, expansion: 0.2, bandwidth: 1.0 };

    pub(super) fn check(&self) -> Result<(), Error> {
        let all = [self.translation, self.rotation, self.expansion];
        if all.iter().all(|s| s.is_finite() && *s >= 0.0) && self.bandwidth > 0.0 && self.bandwidth.is_finite() {
            return Ok(());
        }
        Err(Error::setting("motion", format!("{self:?}; sizes are not negative, the bandwidth is positive")))
    }
}

/// Velocity as a sum of a few waves, so that it and its integral are known at any time.
#[derive(Debug, Clone, Copy)]
struct Waves([[f64; 3]; Waves::COUNT]);

impl Waves {
    const COUNT: usize = 4;

    /// Waves whose sum has a standard deviation `size` over all draws: Gaussian amplitudes, uniform phases and frequencies from a tenth of the
    /// bandwidth.
    fn draw(size: f64, bandwidth: f64, rng: &mut ChaCha8Rng) -> Result<Self, Error> {
        let uniform = |low: f64, high: f64| {
            Uniform::new(low, high).map_err(|e| Error::setting("bandwidth", format!("{bandwidth} Hz: {e}")))
        };
        let (frequencies, phases) = (uniform(bandwidth / 10.0, bandwidth)?, uniform(0.0, TAU)?);
        let mut waves = [[0.0; 3]; Self::COUNT];
        for [amplitude, frequency, phase] in &mut waves {
            let normal: f64 = StandardNormal.sample(rng);
            *amplitude = size * normal * (2.0 / Self::COUNT as f64).sqrt();
            *frequency = TAU * frequencies.sample(rng);
            *phase = phases.sample(rng);
        }
        Ok(Self(waves))
    }

    /// Way from time 0.
    fn way(&self, time: f64) -> f64 {
        self.0.iter().map(|[a, w, phase]| a / w * ((w * time + phase).sin() - phase.sin())).sum()
    }
}

/// Position, orientation and size of something over time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Motion {
    start: [f64; 2],
    waves: [Waves; 4],
}

impl Motion {
    pub(super) fn draw(start: [f64; 2], settings: &MotionSettings, rng: &mut ChaCha8Rng) -> Result<Self, Error> {
        let sizes = [settings.translation, settings.translation, settings.rotation.to_radians(), settings.expansion];
        let mut waves = [Waves([[0.0, 1.0, 0.0]; Waves::COUNT]); 4];
        for (waves, size) in waves.iter_mut().zip(sizes) {
            *waves = Waves::draw(size, settings.bandwidth, rng)?;
        }
        Ok(Self { start, waves })
    }

    /// From the thing's own coordinates to those of what it moves in, at a time: for objects in the image.
    pub(super) fn place(&self, time: f64) -> Similarity {
        let [x, y, angle, log_size] = self.waves.map(|waves| waves.way(time));
        Similarity::new(log_size, angle, [self.start[0] + x, self.start[1] + y])
    }

    /// From the world to the image of a camera that looks at the middle of its image and moves in the world.
    pub(super) fn view(&self, time: f64) -> Similarity {
        let [x, y, angle, log_size] = self.waves.map(|waves| waves.way(time));
        let about = Similarity::new(log_size, angle, [0.0; 2]);
        Similarity { turn: [1.0, 0.0], shift: [-(self.start[0] + x), -(self.start[1] + y)] }.then(&about)
    }
}
