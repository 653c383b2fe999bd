//! Dots and impulses: what receptive fields are mapped with.

use connectome_graph::hex::{Axial, Extent, Lattice};
use serde_json::{Value, json};

use super::set::{Argument, Stimuli, check_finite, check_sample, check_times};
use super::temporal::{Padding, frames_before, frames_in, pad_end};
use crate::{Conditions, Error, Movie};

/// How long a dot is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// For the whole `t_stim`.
    Sustained,
    /// For so many seconds at the beginning of `t_stim`; `dt` is one frame.
    Impulse(f64),
}

/// Settings of [`Dots`].
#[derive(Debug, Clone, PartialEq)]
pub struct DotSettings {
    /// Size of the eye. Default 15.
    pub extent: Extent,
    /// Radius of a dot in columns; 0 is a single column. Default 0.
    pub radius: u32,
    /// Dots are shown at all columns so near to the central one. Default 15; `radius` at least.
    pub max_extent: Extent,
    /// Luminance elsewhere. Default 0.5.
    pub background: f64,
    /// Luminance of bright dots; dark ones are as much darker than the background as these are brighter. Default 1.
    pub intensity: f64,
    /// How long a dot is shown. Default [`Course::Sustained`].
    pub course: Course,
    /// Duration of the stimulus in seconds. Default 5.
    pub t_stim: f64,
    /// Time before in seconds. Default 2.
    pub t_pre: f64,
    /// Time after in seconds. Default 0.
    pub t_post: f64,
    /// Length of a frame in seconds. Default 1/200.
    pub dt: f64,
}

impl Default for DotSettings {
    fn default() -> Self {
        Self {
            extent: Extent(15),
            radius: 0,
            max_extent: Extent(15),
            background: 0.5,
            intensity: 1.0,
            course: Course::Sustained,
            t_stim: 5.0,
            t_pre: 2.0,
            t_post: 0.0,
            dt: 1.0 / 200.0,
        }
    }
}

impl DotSettings {
    /// Columns that dots are shown at.
    fn places(&self) -> Result<(Lattice, Vec<Axial>), Error> {
        let lattice = Lattice::new(self.extent)?;
        check_times(self.dt, &[("t_stim", self.t_stim), ("t_pre", self.t_pre), ("t_post", self.t_post)])?;
        check_finite("luminance", &[self.background, self.intensity])?;
        if self.radius > self.max_extent.0 {
            return Err(Error::setting(
                "radius",
                format!("{} columns, beyond the extent {} in which dots are shown", self.radius, self.max_extent.0),
            ));
        }
        let near = lattice.columns().filter(|column| column.norm() <= self.max_extent.0).collect();
        Ok((lattice, near))
    }

    /// Dark and bright.
    fn intensities(&self) -> [f64; 2] {
        [2.0 * self.background - self.intensity, self.intensity]
    }

    /// No fewer than those up to the end of the stimulus, whatever rounding takes off the sum.
    fn frames(&self) -> usize {
        let all = frames_in(self.t_stim + self.t_pre + self.t_post, self.dt);
        all.max(frames_before(self.t_pre, self.dt) + frames_in(self.t_stim, self.dt))
    }

    /// A dot of a luminance at a column, for a time.
    fn movie(&self, lattice: Lattice, center: Axial, intensity: f64, course: Course) -> Result<Movie, Error> {
        let background = self.background as f32;
        let lit = |column: Axial| column.distance(center) <= self.radius;
        let dot: Vec<f32> =
            lattice.columns().map(|column| if lit(column) { intensity as f32 } else { background }).collect();
        let n = dot.len();
        let shown = match course {
            Course::Sustained => frames_in(self.t_stim, self.dt),
            Course::Impulse(time) if time == self.dt => 1,
            Course::Impulse(time) => frames_in(time, self.dt),
        };
        // the dot appears in the first frame that is not before time 0
        let before = frames_before(self.t_pre, self.dt).min(self.frames());
        let shown = shown.min(self.frames() - before);
        let mut luminance = Vec::with_capacity(self.frames() * n);
        luminance.resize(before * n, background);
        for _ in 0..shown {
            luminance.extend_from_slice(&dot);
        }
        pad_end(&mut luminance, n, self.frames(), Padding::Value(background))?;
        Movie::new(n, luminance)
    }

    fn configuration(&self) -> Value {
        json!({
            "extent": self.extent.0, "radius": self.radius, "max_extent": self.max_extent.0, "background": self.background,
            "intensity": self.intensity, "course": format!("{:?}", self.course), "t_stim": self.t_stim, "t_pre": self.t_pre,
            "t_post": self.t_post, "dt": self.dt,
        })
    }
}

const U: Argument = Argument::new("u", "columns", "first axial coordinate of the dot");
const V: Argument = Argument::new("v", "columns", "second axial coordinate of the dot");
const INTENSITY: Argument = Argument::new("intensity", "", "luminance of the dot");
const T_IMPULSE: Argument = Argument::new("t_impulse", "s", "duration of the impulse");

/// Dark and bright dots, one at a time, at each of a number of columns.
///
/// Arguments: `u`, `v`, `intensity`.
#[derive(Debug, Clone)]
pub struct Dots {
    settings: DotSettings,
    lattice: Lattice,
    conditions: Conditions,
}

impl Dots {
    /// The set of these settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense, [`Error::Graph`] for too large an extent.
    pub fn new(settings: DotSettings) -> Result<Self, Error> {
        if let Course::Impulse(time) = settings.course {
            check_impulse(time, &settings)?;
        }
        let (lattice, places) = settings.places()?;
        let conditions = conditions(&places, &settings.intensities(), &[0.0], &["u", "v", "intensity"])?;
        Ok(Self { settings, lattice, conditions })
    }

    /// The settings.
    pub fn settings(&self) -> &DotSettings {
        &self.settings
    }
}

impl Stimuli for Dots {
    fn name(&self) -> &'static str {
        "dots"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[U, V, INTENSITY]
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
        self.settings.frames()
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        let intensity = self.conditions.value("intensity", sample)?;
        self.settings.movie(self.lattice, center(&self.conditions, sample)?, intensity, self.settings.course)
    }

    fn configuration(&self) -> Value {
        json!({ "stimuli": self.name(), "dots": self.settings.configuration() })
    }
}

/// Settings of [`Impulses`].
#[derive(Debug, Clone, PartialEq)]
pub struct ImpulseSettings {
    /// Durations of the impulses in seconds.
    pub durations: Vec<f64>,
    /// The dots; their course is not used.
    pub dots: DotSettings,
}

impl ImpulseSettings {
    /// Impulses of 5 to 300 ms at the central column: for temporal receptive fields.
    pub fn central() -> Self {
        Self {
            durations: vec![0.005, 0.02, 0.05, 0.1, 0.2, 0.3],
            dots: DotSettings { max_extent: Extent(0), ..DotSettings::default() },
        }
    }

    /// Impulses of 5 and 20 ms at the 61 columns around the middle: for spatial receptive fields.
    pub fn spatial() -> Self {
        Self { durations: vec![0.005, 0.02], dots: DotSettings { max_extent: Extent(4), ..DotSettings::default() } }
    }

    /// Impulses of one frame at every column of an eye: for the impulse response of the whole network.
    pub fn every_column(extent: Extent) -> Self {
        let dots = DotSettings { extent, max_extent: extent, ..DotSettings::default() };
        Self { durations: vec![dots.dt], dots }
    }
}

/// Dark and bright impulses of several durations, one at a time, at each of a number of columns.
///
/// Arguments: `u`, `v`, `intensity`, `t_impulse`.
///
/// ```
/// use fly_vision::stimulus::{ImpulseSettings, Impulses, Stimuli};
///
/// let impulses = Impulses::new(ImpulseSettings::central())?;
/// assert_eq!(impulses.len(), 2 * 6);
/// let sample = impulses.sample(&[("intensity", 1.0), ("t_impulse", 0.02)])?;
/// let movie = impulses.movie(sample)?;
/// assert_eq!(movie.trace(360).filter(|&luminance| luminance == 1.0).count(), 4);
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Impulses {
    settings: ImpulseSettings,
    lattice: Lattice,
    conditions: Conditions,
}

impl Impulses {
    /// The set of these settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense, [`Error::Graph`] for too large an extent.
    pub fn new(settings: ImpulseSettings) -> Result<Self, Error> {
        for &duration in &settings.durations {
            check_impulse(duration, &settings.dots)?;
        }
        let (lattice, places) = settings.dots.places()?;
        let names = ["u", "v", "intensity", "t_impulse"];
        let conditions = conditions(&places, &settings.dots.intensities(), &settings.durations, &names)?;
        Ok(Self { settings, lattice, conditions })
    }

    /// The settings.
    pub fn settings(&self) -> &ImpulseSettings {
        &self.settings
    }
}

impl Stimuli for Impulses {
    fn name(&self) -> &'static str {
        "impulses"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[U, V, INTENSITY, T_IMPULSE]
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn columns(&self) -> usize {
        self.lattice.len()
    }

    fn dt(&self) -> f64 {
        self.settings.dots.dt
    }

    fn t_pre(&self) -> f64 {
        self.settings.dots.t_pre
    }

    fn frames(&self) -> usize {
        self.settings.dots.frames()
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        let argument = |name| self.conditions.value(name, sample);
        let course = Course::Impulse(argument("t_impulse")?);
        self.settings.dots.movie(self.lattice, center(&self.conditions, sample)?, argument("intensity")?, course)
    }

    fn configuration(&self) -> Value {
        json!({
            "stimuli": self.name(), "durations": self.settings.durations, "dots": self.settings.dots.configuration(),
        })
    }
}

/// An impulse is at least a frame long and no longer than the stimulus.
fn check_impulse(time: f64, settings: &DotSettings) -> Result<(), Error> {
    if time >= settings.dt && time <= settings.t_stim {
        return Ok(());
    }
    Err(Error::setting(
        "duration of an impulse",
        format!("{time} s, of {} (a frame) to {} s (the stimulus)", settings.dt, settings.t_stim),
    ))
}

/// Every place with every intensity and duration, of which those named are kept.
fn conditions(
    places: &[Axial],
    intensities: &[f64],
    durations: &[f64],
    names: &[&'static str],
) -> Result<Conditions, Error> {
    let mut columns: [Vec<f64>; 4] = Default::default();
    for place in places {
        for &intensity in intensities {
            for &duration in durations {
                let row = [f64::from(place.u), f64::from(place.v), intensity, duration];
                columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
            }
        }
    }
    Conditions::from_columns(names.iter().copied().zip(columns).collect())
}

fn center(conditions: &Conditions, sample: usize) -> Result<Axial, Error> {
    Ok(Axial::new(conditions.value("u", sample)? as i32, conditions.value("v", sample)? as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_where_and_when_they_should_be() {
        let settings = DotSettings {
            extent: Extent(4),
            radius: 1,
            max_extent: Extent(4),
            intensity: 0.75,
            t_stim: 0.05,
            t_pre: 0.03,
            t_post: 0.02,
            dt: 0.01,
            ..DotSettings::default()
        };
        let dots = Dots::new(settings.clone()).unwrap();
        assert_eq!((dots.len(), dots.frames(), dots.columns()), (122, 10, 61));
        let dark = dots.sample(&[("u", 4.0), ("v", -4.0), ("intensity", 0.25)]).unwrap();
        let movie = dots.movie(dark).unwrap();
        let lit: Vec<usize> = (0..10).map(|f| movie.frame(f).iter().filter(|&&v| v == 0.25).count()).collect();
        // a corner has itself and three neighbours
        assert_eq!(lit, [0, 0, 0, 4, 4, 4, 4, 4, 0, 0]);
        let brief = Dots::new(DotSettings { course: Course::Impulse(0.02), ..settings.clone() }).unwrap();
        let movie = brief.movie(dark).unwrap();
        assert_eq!((movie.frames(), movie.luminance().iter().filter(|&&v| v == 0.25).count()), (10, 8));
        assert!(Dots::new(DotSettings { radius: 5, ..settings.clone() }).is_err());
        assert!(Dots::new(DotSettings { course: Course::Impulse(0.001), ..settings }).is_err());
    }

    #[test]
    fn impulses_are_counted() {
        let spatial = Impulses::new(ImpulseSettings::spatial()).unwrap();
        assert_eq!(spatial.len(), 61 * 2 * 2);
        let all = Impulses::new(ImpulseSettings::every_column(Extent(2))).unwrap();
        assert_eq!(all.len(), 38);
        let movie = all.movie(1).unwrap();
        assert_eq!(movie.luminance().iter().filter(|&&v| v == 1.0).count(), 1);
        assert!(all.movie(38).is_err());
    }
}
