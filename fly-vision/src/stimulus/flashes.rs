//! Discs that light up or go dark.

use connectome_graph::hex::{Axial, Extent, Lattice};
use serde_json::{Value, json};

use super::set::{Argument, Stimuli, check_finite, check_sample, check_times};
use super::temporal::frames_in;
use crate::{Conditions, Error, Movie};

/// A part of a sequence of flashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The baseline, for `t_pre`.
    Baseline,
    /// The flash, for `t_stim`.
    Flash,
}

/// Settings of [`Flashes`].
#[derive(Debug, Clone, PartialEq)]
pub struct FlashSettings {
    /// Size of the eye. Default 15.
    pub extent: Extent,
    /// Luminances of the flashes; their mean is the baseline. Default 0 and 1.
    pub dynamic_range: Vec<f64>,
    /// Radii of the discs in columns; 0 is a single column, -1 the whole eye. Default -1 and 6.
    pub radius: Vec<i32>,
    /// Duration of a flash in seconds. Default 1.
    pub t_stim: f64,
    /// Duration of the baseline in seconds. Default 1.
    pub t_pre: f64,
    /// Length of a frame in seconds. Default 1/200.
    pub dt: f64,
    /// The sequence, which starts with the baseline. Default baseline, flash, baseline.
    pub phases: Vec<Phase>,
}

impl Default for FlashSettings {
    fn default() -> Self {
        Self {
            extent: Extent(15),
            dynamic_range: vec![0.0, 1.0],
            radius: vec![-1, 6],
            t_stim: 1.0,
            t_pre: 1.0,
            dt: 1.0 / 200.0,
            phases: vec![Phase::Baseline, Phase::Flash, Phase::Baseline],
        }
    }
}

/// Flashes of discs around the central column, brighter or darker than the grey before and after.
///
/// Arguments: `baseline`, `intensity`, `radius`.
///
/// ```
/// use fly_vision::stimulus::{FlashSettings, Flashes, Stimuli};
///
/// let flashes = Flashes::new(FlashSettings::default())?;
/// let bright = flashes.sample(&[("intensity", 1.0), ("radius", 6.0)])?;
/// let movie = flashes.movie(bright)?;
/// assert_eq!((movie.frames(), movie.columns()), (600, 721));
/// assert_eq!((movie.frame(199)[360], movie.frame(200)[360], movie.frame(200)[0]), (0.5, 1.0, 0.5));
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Flashes {
    settings: FlashSettings,
    lattice: Lattice,
    conditions: Conditions,
}

impl Flashes {
    /// The set of these settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for times, luminances and radii that make no sense, or a sequence that does not start with the baseline;
    /// [`Error::Graph`] for too large an extent.
    pub fn new(settings: FlashSettings) -> Result<Self, Error> {
        check_times(settings.dt, &[("t_pre", settings.t_pre), ("t_stim", settings.t_stim)])?;
        check_finite("dynamic range", &settings.dynamic_range)?;
        if settings.phases.first() != Some(&Phase::Baseline) {
            return Err(Error::setting("phases", "a sequence of flashes starts with the baseline"));
        }
        if frames_in(settings.t_stim, settings.dt) == 0 && settings.phases.contains(&Phase::Flash) {
            let what = format!("{} s, less than a frame of {} s; nothing would flash", settings.t_stim, settings.dt);
            return Err(Error::setting("t_stim", what));
        }
        if let Some(radius) = settings.radius.iter().find(|&&radius| radius < -1) {
            return Err(Error::setting("radius", format!("{radius} columns; -1 is the whole eye")));
        }
        let baseline = settings.dynamic_range.iter().sum::<f64>() / settings.dynamic_range.len().max(1) as f64;
        let radius: Vec<f64> = settings.radius.iter().map(|&radius| f64::from(radius)).collect();
        let conditions = Conditions::product(&[
            ("baseline", &[baseline]),
            ("intensity", &settings.dynamic_range),
            ("radius", &radius),
        ]);
        Ok(Self { lattice: Lattice::new(settings.extent)?, settings, conditions })
    }

    /// The settings.
    pub fn settings(&self) -> &FlashSettings {
        &self.settings
    }

    fn frames_of(&self, phase: Phase) -> usize {
        let time = match phase {
            Phase::Baseline => self.settings.t_pre,
            Phase::Flash => self.settings.t_stim,
        };
        frames_in(time, self.settings.dt)
    }
}

impl Stimuli for Flashes {
    fn name(&self) -> &'static str {
        "flashes"
    }

    fn arguments(&self) -> &'static [Argument] {
        const {
            &[
                Argument::new("baseline", "", "luminance before and after the flash, and around the disc"),
                Argument::new("intensity", "", "luminance of the flash"),
                Argument::new("radius", "columns", "radius of the disc; -1 is the whole eye"),
            ]
        }
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn columns(&self) -> usize {
        self.lattice.len()
    }

    fn dt(&self) -> f64 {
        self.settings.dt
    }

    fn t_pre(&self) -> f64 {
        self.settings.t_pre
    }

    fn frames(&self) -> usize {
        self.settings.phases.iter().map(|&phase| self.frames_of(phase)).sum()
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        let argument = |name| self.conditions.value(name, sample);
        let (baseline, intensity) = (argument("baseline")? as f32, argument("intensity")? as f32);
        let radius = argument("radius")?;
        let lit = |column: Axial| radius < 0.0 || f64::from(column.norm()) <= radius;
        let flash: Vec<f32> =
            self.lattice.columns().map(|column| if lit(column) { intensity } else { baseline }).collect();
        let rest = vec![baseline; flash.len()];
        let mut luminance = Vec::with_capacity(self.frames() * flash.len());
        for &phase in &self.settings.phases {
            let frame = if phase == Phase::Flash { &flash } else { &rest };
            for _ in 0..self.frames_of(phase) {
                luminance.extend_from_slice(frame);
            }
        }
        Movie::new(self.lattice.len(), luminance)
    }

    fn configuration(&self) -> Value {
        let s = &self.settings;
        let phases: Vec<u8> = s.phases.iter().map(|&phase| u8::from(phase == Phase::Flash)).collect();
        json!({
            "stimuli": self.name(), "extent": s.extent.0, "dynamic_range": s.dynamic_range, "radius": s.radius,
            "t_stim": s.t_stim, "t_pre": s.t_pre, "dt": s.dt, "phases": phases,
        })
    }
}
