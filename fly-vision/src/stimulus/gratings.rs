//! Drifting gratings.

use connectome_graph::hex::Extent;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::lazy::LazyFrames;
use super::set::{Argument, Stimuli, check_finite, check_sample, check_times};
use super::temporal::{Padding, frames_before, frames_in, pad_end};
use crate::eye::{HexEye, Membership, render};
use crate::{Conditions, Error, Movie};

/// Pixels per ommatidium.
const PPO: usize = 25;

/// Settings of [`Gratings`].
#[derive(Debug, Clone, PartialEq)]
pub struct GratingSettings {
    /// Size of the eye. Default 15.
    pub extent: Extent,
    /// Directions of drift in degrees, counter-clockwise from rightwards. Default 0, 30, ... 330.
    pub angles: Vec<f64>,
    /// Widths of a bright and a dark stripe together, in degrees; whole pixels of 0.232 degrees are drawn. Default 30.
    pub periods: Vec<f64>,
    /// Periods that pass a column per second, in Hz; negative ones drift backwards, 0 stands still. Default 1.
    pub frequencies: Vec<f64>,
    /// Michelson contrasts, 0 to 1. Default 1.
    pub contrasts: Vec<f64>,
    /// Mean luminance; before and after, the whole eye sees it. Default 0.5.
    pub mean: f64,
    /// Duration of the drift in seconds. Default 1.
    pub t_stim: f64,
    /// Time before in seconds. Default 1.
    pub t_pre: f64,
    /// Time after in seconds. Default 0.
    pub t_post: f64,
    /// Length of a frame in seconds. Default 1/200.
    pub dt: f64,
}

impl Default for GratingSettings {
    fn default() -> Self {
        Self {
            extent: Extent(15),
            angles: (0..12).map(|i| f64::from(30 * i)).collect(),
            periods: vec![30.0],
            frequencies: vec![1.0],
            contrasts: vec![1.0],
            mean: 0.5,
            t_stim: 1.0,
            t_pre: 1.0,
            t_post: 0.0,
            dt: 1.0 / 200.0,
        }
    }
}

/// Square-wave gratings that drift across the eye.
///
/// Arguments: `angle`, `period`, `frequency`, `contrast`. A grating is drawn at phases a pixel apart and seen by a [`HexEye`]; these
/// frames are rendered once per angle and period, when the first movie needs them.
#[derive(Debug)]
pub struct Gratings {
    settings: GratingSettings,
    eye: HexEye,
    conditions: Conditions,
    frames: LazyFrames,
}

impl Gratings {
    /// The set of these settings. Nothing is rendered yet.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense, [`Error::Graph`] for too large an extent.
    pub fn new(settings: GratingSettings) -> Result<Self, Error> {
        let s = &settings;
        check_finite("angles", &s.angles)?;
        check_finite("frequencies", &s.frequencies)?;
        check_times(s.dt, &[("t_stim", s.t_stim), ("t_pre", s.t_pre), ("t_post", s.t_post)])?;
        if let Some(period) = s.periods.iter().find(|period| !(1.0..=3600.0).contains(*period)) {
            return Err(Error::setting("periods", format!("{period} degrees, of 1 to 3600")));
        }
        if let Some(contrast) = s.contrasts.iter().find(|contrast| !(0.0..=1.0).contains(*contrast)) {
            return Err(Error::setting("contrasts", format!("{contrast}, of 0 to 1")));
        }
        check_finite("mean luminance", &[s.mean])?;
        let eye = HexEye::new(s.extent, PPO, Membership::Half)?;
        let conditions = Conditions::product(&[
            ("angle", &s.angles),
            ("period", &s.periods),
            ("frequency", &s.frequencies),
            ("contrast", &s.contrasts),
        ]);
        let frames = LazyFrames::new(s.angles.len() * s.periods.len());
        Ok(Self { settings, eye, conditions, frames })
    }

    /// The settings.
    pub fn settings(&self) -> &GratingSettings {
        &self.settings
    }

    /// Share of bright stripes that each column sees at each phase, `[phases, columns]`: phases are pixels.
    fn phases(&self, picture: usize) -> Result<&[f32], Error> {
        let s = &self.settings;
        let (angle, period) = (s.angles[picture / s.periods.len()], s.periods[picture % s.periods.len()]);
        self.frames.get(picture, || {
            let pixels = (period / HexEye::OMMATIDIUM * PPO as f64) as usize;
            let grating = |phase: usize| render::Gratings {
                size: self.eye.screen(),
                period: pixels as f64,
                phase: phase as f64,
                intensity: 1.0,
                background: 0.0,
                window: [None; 2],
                angle,
            };
            let seen: Result<Vec<Vec<f64>>, Error> =
                (0..pixels).into_par_iter().map(|phase| self.eye.see_gratings(&grating(phase))).collect();
            Ok(seen?.into_iter().flatten().map(|share| share as f32).collect())
        })
    }
}

impl Stimuli for Gratings {
    fn name(&self) -> &'static str {
        "gratings"
    }

    fn arguments(&self) -> &'static [Argument] {
        const {
            &[
                Argument::new("angle", "degrees", "direction of drift, counter-clockwise from rightwards"),
                Argument::new("period", "degrees", "width of a bright and a dark stripe"),
                Argument::new("frequency", "Hz", "periods that pass a column per second"),
                Argument::new("contrast", "", "difference of bright and dark over their sum"),
            ]
        }
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn columns(&self) -> usize {
        self.eye.lattice().len()
    }

    fn dt(&self) -> f64 {
        self.settings.dt
    }

    fn t_pre(&self) -> f64 {
        self.settings.t_pre
    }

    fn frames(&self) -> usize {
        let s = &self.settings;
        // no fewer than those up to the end of the drift, whatever rounding takes off the sum
        let shown = frames_before(s.t_pre, s.dt) + frames_before(s.t_stim, s.dt);
        shown.max(frames_in(s.t_pre + s.t_stim + s.t_post, s.dt))
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        let s = &self.settings;
        let argument = |name| self.conditions.value(name, sample);
        let (frequency, contrast, mean) = (argument("frequency")?, argument("contrast")? as f32, s.mean as f32);
        let phases = self.phases(sample / (s.frequencies.len() * s.contrasts.len()))?;
        let n = self.columns();
        let count = phases.len() / n;
        // it drifts from the first frame that is not before time 0
        let mut luminance = vec![mean; frames_before(s.t_pre, s.dt) * n];
        for frame in 0..frames_before(s.t_stim, s.dt) {
            let cycles = (frequency * frame as f64 * s.dt).rem_euclid(1.0);
            let phase = ((cycles * count as f64) as usize).min(count - 1);
            luminance
                .extend(phases[phase * n..][..n].iter().map(|share| mean * (1.0 + contrast * (2.0 * share - 1.0))));
        }
        pad_end(&mut luminance, n, self.frames(), Padding::Value(mean))?;
        Movie::new(n, luminance)
    }

    fn configuration(&self) -> Value {
        let s = &self.settings;
        json!({
            "stimuli": self.name(), "extent": s.extent.0, "angles": s.angles, "periods": s.periods,
            "frequencies": s.frequencies, "contrasts": s.contrasts, "mean": s.mean, "t_stim": s.t_stim, "t_pre": s.t_pre,
            "t_post": s.t_post, "dt": s.dt,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectome_graph::hex::Axial;

    fn quick() -> GratingSettings {
        GratingSettings {
            extent: Extent(3),
            angles: vec![0.0, 180.0],
            frequencies: vec![2.0, -2.0],
            contrasts: vec![0.5, 1.0],
            t_pre: 0.1,
            t_post: 0.05,
            dt: 0.01,
            ..GratingSettings::default()
        }
    }

    /// A grating repeats after its period. Turned by 180 degrees it drifts backwards, with bright and dark exchanged.
    #[test]
    fn gratings_drift() {
        let gratings = Gratings::new(quick()).unwrap();
        assert_eq!((gratings.len(), gratings.frames()), (8, 115));
        let center = gratings.eye.lattice().index(Axial::ORIGIN).unwrap() as usize;
        let trace_of = |angle, frequency, contrast| -> Vec<f32> {
            let sample =
                gratings.sample(&[("angle", angle), ("frequency", frequency), ("contrast", contrast)]).unwrap();
            gratings.movie(sample).unwrap().trace(center).collect()
        };
        let right = trace_of(0.0, 2.0, 1.0);
        assert!(right[..10].iter().all(|&v| v == 0.5) && right[110..].iter().all(|&v| v == 0.5));
        assert_eq!(right[10..60], right[60..110]);
        assert!(right.iter().any(|&v| v > 0.99) && right.iter().any(|&v| v < 0.01));
        let (left, back) = (trace_of(180.0, 2.0, 1.0), trace_of(0.0, -2.0, 1.0));
        let differ = left.iter().zip(&back).filter(|(a, b)| (**a + **b - 1.0).abs() > 0.2).count();
        assert!(differ < 12, "{differ}");
        // 0.57 s of 0.01 s are a little less than 57 frames, in double precision
        let late = Gratings::new(GratingSettings { t_pre: 0.57, ..quick() }).unwrap();
        let trace: Vec<f32> = late.movie(0).unwrap().trace(center).collect();
        let first = trace.iter().position(|&v| v != 0.5).unwrap();
        let brief = Gratings::new(GratingSettings { t_stim: 0.57, ..quick() }).unwrap();
        let shown = brief.movie(0).unwrap().trace(center).filter(|&v| v != 0.5).count();
        assert_eq!(shown, right.iter().skip(10).take(57).filter(|&&v| v != 0.5).count());
        assert!(late.time()[first] >= 0.0 && late.time()[first - 1] < 0.0 && trace.len() == late.frames(), "{first}");
        let weak = trace_of(0.0, 2.0, 0.5);
        assert!(right.iter().zip(&weak).all(|(a, b)| ((a - 0.5) / 2.0 - (b - 0.5)).abs() < 1e-6));
    }

    #[test]
    fn settings_are_checked() {
        assert!(Gratings::new(GratingSettings { periods: vec![0.1], ..quick() }).is_err());
        assert!(Gratings::new(GratingSettings { contrasts: vec![1.1], ..quick() }).is_err());
        assert!(Gratings::new(GratingSettings { t_stim: -1.0, ..quick() }).is_err());
    }
}
