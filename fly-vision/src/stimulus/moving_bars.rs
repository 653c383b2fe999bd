//! Bars and edges that move across the eye.

use std::ops::Range;

use connectome_graph::hex::Extent;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::lazy::LazyFrames;
use super::set::{Argument, Stimuli, check_finite, check_luminance, check_sample, check_times};
use super::temporal::{Padding, frames_in, pad_end, resampled};
use crate::eye::render::{Bars, Overhang};
use crate::eye::{HexEye, Membership};
use crate::{Conditions, Error, Movie};

/// Width of a column of light-emitting diodes in degrees, the unit of bars (Gruntman et al., *Nat. Neurosci.* 21, 250 (2018)).
const LED: f64 = 2.25;

/// Pixels per ommatidium.
const PPO: usize = 25;

/// What fast bars show while slower ones still move, so that all movies are equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tail {
    /// NaN, which makes responses NaN too, so that nothing is mistaken for a response. The default, as in the reference.
    #[default]
    Nan,
    /// The last frame.
    Hold,
}

/// In which order a bar takes its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OffsetOrder {
    /// From the first to the last. The default.
    #[default]
    Sweep,
    /// In random order, another one for each angle, width, intensity and speed: no motion, but the same luminances.
    Shuffled {
        /// Seed of the orders (`ChaCha8`).
        seed: u64,
    },
}

/// Settings of [`MovingBars`]. An LED is 2.25 degrees wide, an ommatidium 5.8 degrees.
#[derive(Debug, Clone, PartialEq)]
pub struct BarSettings {
    /// Size of the eye. Default 15.
    pub extent: Extent,
    /// Directions of motion in degrees, counter-clockwise from rightwards. Default 0, 30, ... 330.
    pub angles: Vec<f64>,
    /// Widths of the bars in LEDs. Default 1, 2 and 4; 80 for edges.
    pub widths: Vec<f64>,
    /// Luminances of the bars, 0 to 1. Default 0 and 1.
    pub intensities: Vec<f64>,
    /// Speeds in ommatidia per second. Default 2.4, 4.8, 9.7, 13, 19 and 25.
    pub speeds: Vec<f64>,
    /// Positions that a bar takes one after the other, in LEDs from its location. Default -10..11.
    pub offsets: Range<i32>,
    /// Height of the bars in LEDs. Default 9; 80 for edges, more than an eye of extent 15 sees, as in the recordings of the reference (whose
    /// class has 9 there too).
    pub height: f64,
    /// Middle of a bar at offset 0 in degrees from left to right before it is rotated; 90 is the middle of the eye. Default 90;
    /// 0 for edges, which are bars so wide that they end in the middle.
    pub location: f64,
    /// Luminance elsewhere and before. Default 0.5.
    pub background: f64,
    /// What follows the last position for `t_post`. Default the background for bars, the last frame for edges.
    pub after: Padding,
    /// What follows then. Default [`Tail::Nan`].
    pub tail: Tail,
    /// Order of the positions. Default [`OffsetOrder::Sweep`].
    pub order: OffsetOrder,
    /// Time before the motion in seconds. Default 1.
    pub t_pre: f64,
    /// Time after the motion in seconds. Default 1.
    pub t_post: f64,
    /// Length of a frame in seconds. Default 1/200.
    pub dt: f64,
    /// Bars higher than the screen. Default [`Overhang::Clip`].
    pub overhang: Overhang,
}

impl BarSettings {
    /// Bars of 1, 2 and 4 LEDs.
    pub fn bars() -> Self {
        Self {
            extent: Extent(15),
            angles: (0..12).map(|i| f64::from(30 * i)).collect(),
            widths: vec![1.0, 2.0, 4.0],
            intensities: vec![0.0, 1.0],
            speeds: vec![2.4, 4.8, 9.7, 13.0, 19.0, 25.0],
            offsets: -10..11,
            height: 9.0,
            location: 90.0,
            background: 0.5,
            after: Padding::Value(0.5),
            tail: Tail::Nan,
            order: OffsetOrder::Sweep,
            t_pre: 1.0,
            t_post: 1.0,
            dt: 1.0 / 200.0,
            overhang: Overhang::Clip,
        }
    }

    /// Edges: one very wide bar, which stays after it has come to rest.
    pub fn edges() -> Self {
        Self { widths: vec![80.0], height: 80.0, location: 0.0, after: Padding::Continue, ..Self::bars() }
    }

    /// Edges that reach across an eye of any size. Up to extent 15 they are [`BarSettings::edges`]; those of larger eyes are as many times
    /// as wide and high as these have more columns along a side, and end in the middle too.
    pub fn edges_across(extent: Extent) -> Self {
        let times = (f64::from(extent.0.min(1 << 20) * 2 + 1) / 31.0).max(1.0);
        let size = 80.0 * times;
        Self { extent, widths: vec![size], height: size, location: 90.0 * (1.0 - times), ..Self::edges() }
    }
}

/// Bars or edges that are brighter or darker than the background and move in several directions at several speeds.
///
/// A bar is drawn on a screen at each of its positions and seen by a [`HexEye`]; these frames are rendered once per angle, width and
/// intensity, when the first movie needs them, and shared by all speeds. Movies are grey for `t_pre`, show the motion, what
/// [`BarSettings::after`] says for `t_post`, and [`BarSettings::tail`] until the slowest one ends.
///
/// Arguments: `angle`, `width`, `intensity`, `t_stim`, `speed`.
///
/// ```
/// use fly_vision::stimulus::{BarSettings, MovingBars, Stimuli};
///
/// let edges = MovingBars::new(BarSettings { angles: vec![0.0, 90.0], ..BarSettings::edges() })?;
/// let sample = edges.sample(&[("angle", 90.0), ("intensity", 1.0), ("speed", 19.0)])?;
/// let movie = edges.movie(sample)?;
/// assert_eq!(movie.frame(0)[360], 0.5);
/// assert!(movie.frame(movie.frames() - 1)[360].is_nan()); // slower edges still move
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug)]
pub struct MovingBars {
    settings: BarSettings,
    eye: HexEye,
    conditions: Conditions,
    t_stim_max: f64,
    frames: LazyFrames,
}

impl MovingBars {
    /// The set of these settings. Nothing is rendered yet.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense, [`Error::Graph`] for too large an extent.
    pub fn new(settings: BarSettings) -> Result<Self, Error> {
        for (name, values) in [("angles", &settings.angles), ("widths", &settings.widths), ("speeds", &settings.speeds)]
        {
            check_finite(name, values)?;
        }
        check_finite("location", &[settings.location])?;
        check_luminance("intensities", &settings.intensities)?;
        check_luminance("background", &[settings.background])?;
        if let Some(speed) = settings.speeds.iter().find(|speed| **speed <= 0.0) {
            return Err(Error::setting("speeds", format!("{speed} ommatidia per second, which must be positive")));
        }
        let wide = settings.widths.iter().chain([&settings.height]).find(|n| !(0.0..=1e4).contains(*n));
        if let Some(n) = wide {
            return Err(Error::setting("width or height of a bar", format!("{n} LEDs, of 0 to 10000")));
        }
        if settings.offsets.is_empty() || settings.offsets.len() > 1 << 16 {
            return Err(Error::setting("offsets", format!("{:?} are no or too many positions", settings.offsets)));
        }
        let eye = HexEye::new(settings.extent, PPO, Membership::Half)?;
        let t_stim = |speed: f64| t_stim(settings.offsets.len(), speed);
        let t_stim_max = settings.speeds.iter().map(|&speed| t_stim(speed)).fold(0.0, f64::max);
        let (pre, post) = (settings.t_pre, settings.t_post);
        check_times(settings.dt, &[("t_pre", pre), ("t_post", post), ("speeds", t_stim_max + pre + post)])?;
        let still = settings.speeds.iter().find(|speed| frames_in(t_stim(**speed), settings.dt) == 0);
        if let Some(&speed) = still {
            let (t, dt) = (t_stim(speed), settings.dt);
            let what =
                format!("{speed} ommatidia per second: all positions are passed in {t:.4} s, and a frame is {dt} s");
            return Err(Error::setting("speeds", what + "; take slower ones or shorter frames"));
        }
        let s = &settings;
        let shown: Vec<(f64, f64)> = s.speeds.iter().map(|&speed| (t_stim(speed), speed)).collect();
        let index: Vec<f64> = (0..shown.len()).map(|i| i as f64).collect();
        let all = Conditions::product(&[
            ("angle", &s.angles),
            ("width", &s.widths),
            ("intensity", &s.intensities),
            ("speed", &index),
        ]);
        let pick = |value: fn(&(f64, f64)) -> f64| -> Result<Vec<f64>, Error> {
            Ok(all.column("speed")?.iter().map(|&i| value(&shown[i as usize])).collect())
        };
        let conditions = Conditions::from_columns(vec![
            ("angle", all.column("angle")?.to_vec()),
            ("width", all.column("width")?.to_vec()),
            ("intensity", all.column("intensity")?.to_vec()),
            ("t_stim", pick(|shown| shown.0)?),
            ("speed", pick(|shown| shown.1)?),
        ])?;
        let frames = LazyFrames::new(s.angles.len() * s.widths.len() * s.intensities.len());
        Ok(Self { settings, eye, conditions, t_stim_max, frames })
    }

    /// The settings.
    pub fn settings(&self) -> &BarSettings {
        &self.settings
    }

    /// Time that a bar of a speed needs for all its positions, in seconds.
    pub fn t_stim(&self, speed: f64) -> f64 {
        t_stim(self.settings.offsets.len(), speed)
    }

    /// Number of pictures, one per angle, width and intensity.
    pub fn pictures(&self) -> usize {
        self.frames.len()
    }

    /// Frames of a bar at all its positions, `[offsets, columns]`, of an angle, width and intensity: `picture` counts all
    /// combinations, the angle slowest. Rendered on the first call.
    ///
    /// # Errors
    /// None with settings that were accepted.
    ///
    /// # Panics
    /// If there is no such picture.
    pub fn offset_frames(&self, picture: usize) -> Result<&[f32], Error> {
        assert!(picture < self.frames.len(), "picture {picture} of {}", self.frames.len());
        self.frames.get(picture, || {
            let offsets: Vec<i32> = self.settings.offsets.clone().collect();
            let seen: Result<Vec<Vec<f64>>, Error> =
                offsets.par_iter().map(|&offset| self.eye.see_bars(&self.bar(picture, offset))).collect();
            Ok(seen?.into_iter().flatten().map(|luminance| luminance as f32).collect())
        })
    }

    /// Which position is shown in each frame of the motion at a speed.
    pub fn positions(&self, speed: f64) -> Vec<usize> {
        resampled(self.settings.offsets.len(), frames_in(self.t_stim(speed), self.settings.dt))
    }

    /// Renders all pictures, on all threads.
    ///
    /// # Errors
    /// None with settings that were accepted.
    pub fn prepare(&self) -> Result<(), Error> {
        (0..self.frames.len()).into_par_iter().try_for_each(|picture| self.offset_frames(picture).map(drop))
    }

    /// A bar at one of its positions, on the screen.
    fn bar(&self, picture: usize, offset: i32) -> Bars {
        let s = &self.settings;
        let intensity = s.intensities[picture % s.intensities.len()];
        let width = s.widths[picture / s.intensities.len() % s.widths.len()];
        let angle = s.angles[picture / (s.intensities.len() * s.widths.len())];
        let led = LED.to_radians();
        let pixels = |angle: f64| (angle / HexEye::OMMATIDIUM.to_radians() * PPO as f64) as usize;
        let side = self.eye.screen().width as f64;
        // a screen of 31 ommatidia spans 180 degrees, as in the reference, and others accordingly
        let span = 180f64.to_radians() * (f64::from(2 * s.extent.0 + 1) / 31.0);
        let place = |angle: f64| (side * (angle - (180f64.to_radians() - span) / 2.0) / span) as i64;
        Bars {
            size: self.eye.screen(),
            width: pixels(width * led),
            height: pixels(led * s.height),
            x: place(s.location.to_radians() + f64::from(offset) * led),
            y: place(90f64.to_radians()),
            count: 1,
            intensity,
            background: s.background,
            angle,
            overhang: s.overhang,
        }
    }
}

fn t_stim(offsets: usize, speed: f64) -> f64 {
    (offsets as f64 * LED.to_radians()) / (speed * HexEye::OMMATIDIUM.to_radians())
}

impl Stimuli for MovingBars {
    fn name(&self) -> &'static str {
        "moving_bars"
    }

    fn arguments(&self) -> &'static [Argument] {
        const {
            &[
                Argument::new("angle", "degrees", "direction of motion, counter-clockwise from rightwards"),
                Argument::new("width", "LEDs", "width of the bar; an LED is 2.25 degrees"),
                Argument::new("intensity", "", "luminance of the bar"),
                Argument::new("t_stim", "s", "duration of the motion"),
                Argument::new("speed", "ommatidia/s", "speed; an ommatidium is 5.8 degrees"),
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
        frames_in(self.t_stim_max + self.settings.t_pre + self.settings.t_post, self.settings.dt)
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        let s = &self.settings;
        let (speed, t) = (self.conditions.value("speed", sample)?, self.conditions.value("t_stim", sample)?);
        let pictures = self.offset_frames(sample / s.speeds.len())?;
        let n = self.columns();
        let mut positions = self.positions(speed);
        if let OffsetOrder::Shuffled { seed } = s.order {
            shuffle(&mut positions, seed, sample);
        }
        let before = frames_in(t + s.t_pre, s.dt).saturating_sub(positions.len());
        let mut luminance = Vec::with_capacity(self.frames() * n);
        luminance.resize(before * n, s.background as f32);
        for position in positions {
            luminance.extend_from_slice(&pictures[position * n..][..n]);
        }
        pad_end(&mut luminance, n, frames_in(t + s.t_pre + s.t_post, s.dt), s.after)?;
        let tail = if s.tail == Tail::Nan { Padding::Value(f32::NAN) } else { Padding::Continue };
        pad_end(&mut luminance, n, self.frames(), tail)?;
        Movie::new(n, luminance)
    }

    fn configuration(&self) -> Value {
        let s = &self.settings;
        json!({
            "stimuli": self.name(), "extent": s.extent.0, "angles": s.angles, "widths": s.widths, "intensities": s.intensities,
            "speeds": s.speeds, "offsets": [s.offsets.start, s.offsets.end], "height": s.height, "location": s.location,
            "background": s.background, "after": format!("{:?}", s.after), "tail": format!("{:?}", s.tail),
            "order": format!("{:?}", s.order), "t_pre": s.t_pre, "t_post": s.t_post, "dt": s.dt,
            "overhang": format!("{:?}", s.overhang),
        })
    }
}

/// Puts positions into random order, all orders equally likely (Fisher and Yates).
fn shuffle(positions: &mut [usize], seed: u64, sample: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(sample as u64);
    for i in (1..positions.len()).rev() {
        positions.swap(i, below(i as u64 + 1, &mut rng) as usize);
    }
}

/// A number below `n`, all equally likely.
fn below(n: u64, rng: &mut ChaCha8Rng) -> u64 {
    let limit = u64::MAX - u64::MAX % n;
    loop {
        let drawn = rng.next_u64();
        if drawn < limit {
            return drawn % n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> BarSettings {
        BarSettings {
            extent: Extent(3),
            angles: vec![0.0, 90.0],
            widths: vec![2.0],
            speeds: vec![25.0, 50.0],
            dt: 0.01,
            t_pre: 0.05,
            t_post: 0.04,
            ..BarSettings::bars()
        }
    }

    /// A bar that moves upwards passes the lower columns first, whatever the size of the eye.
    #[test]
    fn bars_move_where_they_should() {
        for extent in [3, 15, 18] {
            let bars = MovingBars::new(BarSettings { extent: Extent(extent), ..quick() }).unwrap();
            let lattice = bars.eye.lattice();
            let time = |sample: usize, u: i32, v: i32| {
                let column = lattice.index(connectome_graph::hex::Axial::new(u, v)).unwrap() as usize;
                let movie = bars.movie(sample).unwrap();
                let trace: Vec<f32> = movie.trace(column).collect();
                (0..trace.len()).filter(|&i| !trace[i].is_nan()).max_by(|&a, &b| trace[a].total_cmp(&trace[b])).unwrap()
            };
            let right = bars.sample(&[("angle", 0.0), ("intensity", 1.0), ("speed", 25.0)]).unwrap();
            assert!(time(right, 1, -2) < time(right, 0, 0) && time(right, 0, 0) < time(right, -1, 2));
            let up = bars.sample(&[("angle", 90.0), ("intensity", 1.0), ("speed", 25.0)]).unwrap();
            assert!(time(up, 1, 0) < time(up, 0, 0) && time(up, 0, 0) < time(up, -1, 0));
        }
    }

    /// Where edges of opposite directions end, every column was passed by one of them, in eyes of any size.
    #[test]
    fn edges_reach_across_the_eye() {
        assert_eq!(BarSettings::edges_across(Extent(15)), BarSettings::edges());
        for extent in [4, 15, 18, 25] {
            let settings = BarSettings { intensities: vec![1.0], ..BarSettings::edges_across(Extent(extent)) };
            let edges = MovingBars::new(settings).unwrap();
            let n = edges.columns();
            let last = |angle: usize| edges.offset_frames(angle).unwrap().rchunks_exact(n).next().unwrap();
            for angle in 0..6 {
                let both = last(angle).iter().zip(last(angle + 6)).filter(|(a, b)| **a == 1.0 || **b == 1.0).count();
                let first = edges.offset_frames(angle).unwrap()[..n].iter().filter(|v| **v == 1.0).count();
                assert!(both == n && first < n / 2, "extent {extent}, {angle}: {both} of {n}, {first} at first");
            }
        }
    }

    #[test]
    fn movies_are_equally_long() {
        for (tail, nan) in [(Tail::Nan, true), (Tail::Hold, false)] {
            let bars = MovingBars::new(BarSettings { tail, ..quick() }).unwrap();
            for sample in 0..bars.len() {
                let movie = bars.movie(sample).unwrap();
                assert_eq!(movie.frames(), bars.frames());
                let fast = bars.conditions().value("speed", sample).unwrap() == 50.0;
                assert_eq!(movie.frame(movie.frames() - 1)[0].is_nan(), nan && fast);
            }
            assert!(bars.movie(bars.len()).is_err());
        }
    }

    #[test]
    fn shuffled_bars_show_the_same_frames() {
        let bars = MovingBars::new(quick()).unwrap();
        let order = OffsetOrder::Shuffled { seed: 3 };
        let shuffled = MovingBars::new(BarSettings { order, ..quick() }).unwrap();
        let sorted = |movie: &Movie| {
            let mut trace: Vec<u32> = movie.trace(18).map(f32::to_bits).collect();
            trace.sort_unstable();
            trace
        };
        let (a, b) = (bars.movie(2).unwrap(), shuffled.movie(2).unwrap());
        assert_eq!(sorted(&a), sorted(&b));
        assert_ne!(a, b);
        assert_eq!(b, MovingBars::new(BarSettings { order, ..quick() }).unwrap().movie(2).unwrap());
        assert_ne!(bars.configuration(), shuffled.configuration());
    }

    #[test]
    fn settings_are_checked() {
        for wrong in [
            BarSettings { speeds: vec![0.0], ..quick() },
            BarSettings { widths: vec![-1.0], ..quick() },
            BarSettings { height: f64::NAN, ..quick() },
            BarSettings { offsets: 3..3, ..quick() },
            BarSettings { dt: 0.0, ..quick() },
            BarSettings { angles: vec![f64::INFINITY], ..quick() },
            BarSettings { extent: Extent(60), ..quick() },
            // rotated bars are drawn in bytes
            BarSettings { intensities: vec![1.5], ..quick() },
            BarSettings { background: -0.1, ..quick() },
        ] {
            assert!(MovingBars::new(wrong).is_err());
        }
        for unseen in [BarSettings { speeds: vec![25.0, 1e4], ..quick() }, BarSettings { dt: 0.5, ..quick() }] {
            let told = MovingBars::new(unseen).unwrap_err().to_string();
            assert!(told.contains("speeds") && told.contains("shorter frames"), "{told}");
        }
    }
}
