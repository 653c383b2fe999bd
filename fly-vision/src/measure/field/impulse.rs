//! Receptive fields in space and time from responses to impulses.

use connectome_graph::hex::Axial;

use super::RadialProfile;
use crate::Error;
use crate::measure::Responses;
use crate::measure::responses::first_from;

/// What is taken off responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Baseline {
    /// The response in the last frame before the impulse. The default.
    #[default]
    LastBefore,
    /// The mean of the frames before the impulse.
    MeanBefore,
    /// Nothing.
    None,
}

/// Responses of a cell to an impulse of light at each of some columns, less the baseline: `[columns, frames]`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpatioTemporalField {
    columns: Vec<Axial>,
    time: Vec<f64>,
    values: Vec<f64>,
}

/// Where and when a receptive field is strongest.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct FieldPeak {
    /// The column.
    pub column: Axial,
    /// Its number in the field's list.
    pub index: usize,
    /// The frame.
    pub frame: usize,
    /// Its time in seconds after the impulse.
    pub time: f64,
    /// The response, positive or negative.
    pub value: f64,
}

impl SpatioTemporalField {
    /// Of numbers `[columns, frames]`, row-major, with the time of each frame in seconds, 0 at the impulse.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers are not that many or there are none; [`Error::Setting`] if no frame is at or
    /// after the impulse.
    pub fn new(columns: Vec<Axial>, time: Vec<f64>, values: Vec<f64>) -> Result<Self, Error> {
        if values.is_empty() || columns.len().checked_mul(time.len()) != Some(values.len()) {
            return Err(Error::shape(
                "a receptive field",
                format!("{} numbers", values.len()),
                format!("[columns, frames] = [{}, {}], neither of them 0", columns.len(), time.len()),
            ));
        }
        if first_from(&time, 0.0) == time.len() {
            return Err(Error::setting("time of a receptive field", "has no frame at or after the impulse, at 0"));
        }
        Ok(Self { columns, time, values })
    }

    /// Of a cell's responses to impulses whose columns are the arguments `u` and `v`.
    ///
    /// Only samples in which the arguments of `filter` have the values given there are used, for example an intensity
    /// and a duration; no column may be left with more than one sample.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an argument or cell type that is not there; [`Error::Setting`] if no sample or several of
    /// a column are left, or the baseline has no frame.
    ///
    /// # Panics
    /// If there is no such model.
    pub fn of_cell<T: Copy + Into<f64>>(
        responses: &Responses<T>,
        model: usize,
        cell: &str,
        filter: &[(&str, f64)],
        baseline: Baseline,
    ) -> Result<Self, Error> {
        let cell = responses.cell(cell)?;
        let conditions = responses.conditions();
        let mut samples: Vec<usize> = (0..conditions.len()).collect();
        for &(argument, value) in filter {
            let column = conditions.column(argument)?;
            samples.retain(|&sample| column[sample] == value);
        }
        let (u, v) = (conditions.column("u")?, conditions.column("v")?);
        let columns: Vec<Axial> = samples.iter().map(|&s| Axial::new(u[s] as i32, v[s] as i32)).collect();
        let mut sorted = columns.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::setting(
                "filter of impulses",
                format!("leaves several samples of column ({}, {}); name more arguments", twice[0].u, twice[0].v),
            ));
        }
        let before = first_from(responses.time(), 0.0);
        if before == 0 && baseline != Baseline::None {
            return Err(Error::setting("baseline", "there is no frame before the impulse; keep one, or take none off"));
        }
        let mut values = Vec::with_capacity(samples.len() * responses.frames());
        for &sample in &samples {
            let trace: Vec<f64> = responses.trace(model, sample, cell).collect();
            let level = match baseline {
                Baseline::LastBefore => trace[before - 1],
                Baseline::MeanBefore => trace[..before].iter().sum::<f64>() / before as f64,
                Baseline::None => 0.0,
            };
            values.extend(trace.iter().map(|value| value - level));
        }
        if samples.is_empty() {
            return Err(Error::setting("filter of impulses", format!("no sample has {filter:?}")));
        }
        Self::new(columns, responses.time().to_vec(), values)
    }

    /// The columns, in order of the field.
    pub fn columns(&self) -> &[Axial] {
        &self.columns
    }

    /// Time of each frame in seconds after the impulse.
    pub fn time(&self) -> &[f64] {
        &self.time
    }

    /// All numbers, `[columns, frames]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Response to an impulse at a column, by its number, over time: `[frames]`.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn temporal(&self, index: usize) -> &[f64] {
        assert!(index < self.columns.len(), "column {index} of {}", self.columns.len());
        &self.values[index * self.time.len()..][..self.time.len()]
    }

    /// Responses in a frame, `[columns]`.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn spatial(&self, frame: usize) -> Vec<f64> {
        assert!(frame < self.time.len(), "frame {frame} of {}", self.time.len());
        self.values.iter().skip(frame).step_by(self.time.len()).copied().collect()
    }

    /// The response of largest size at or after the impulse; the first of equal ones. `None` if all are 0 or NaN.
    pub fn peak(&self) -> Option<FieldPeak> {
        let first = first_from(&self.time, 0.0);
        let mut best: Option<FieldPeak> = None;
        for (index, &column) in self.columns.iter().enumerate() {
            for (frame, &value) in self.temporal(index).iter().enumerate().skip(first) {
                if value.abs() > best.map_or(0.0, |peak| peak.value.abs()) {
                    best = Some(FieldPeak { column, index, frame, time: self.time[frame], value });
                }
            }
        }
        best
    }

    /// Time from the impulse to the peak in seconds.
    pub fn time_to_peak(&self) -> Option<f64> {
        self.peak().map(|peak| peak.time)
    }

    /// How far the response at the column of the peak swings back: the largest response of opposite sign after the peak
    /// over that of the peak. 0 is monophasic, 1 fully biphasic.
    pub fn biphasic_index(&self) -> Option<f64> {
        let peak = self.peak()?;
        let after = &self.temporal(peak.index)[peak.frame..];
        Some(after.iter().map(|value| -value / peak.value).fold(0.0, f64::max))
    }

    /// The field by distance from the column of the peak, at the time of the peak.
    pub fn profile(&self) -> Option<RadialProfile> {
        let peak = self.peak()?;
        Some(RadialProfile::new(&self.columns, &self.spatial(peak.frame), peak.column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;
    use crate::stimulus::{DotSettings, ImpulseSettings, Impulses, Stimuli};
    use connectome_graph::hex::{Extent, Lattice};

    /// Centre and surround with a biphasic time course on a baseline of 3, for two intensities of which one does
    /// nothing.
    fn responses() -> Responses<f64> {
        let columns: Vec<Axial> = Lattice::new(Extent(3)).unwrap().columns().collect();
        let course = [0.0, 0.0, 0.5, 1.0, 0.25, -0.4, -0.1];
        let mut rows = Vec::new();
        let mut values = Vec::new();
        for intensity in [0.0, 1.0] {
            for column in &columns {
                let weight = intensity * [2.0, 0.5, -0.25, 0.0][column.norm() as usize];
                rows.push((f64::from(column.u), f64::from(column.v), intensity));
                values.extend(course.map(|c| 3.0 + weight * c));
            }
        }
        let pick = |f: fn(&(f64, f64, f64)) -> f64| rows.iter().map(f).collect::<Vec<_>>();
        let conditions =
            Conditions::from_columns(vec![("u", pick(|r| r.0)), ("v", pick(|r| r.1)), ("intensity", pick(|r| r.2))]);
        let time = (0..course.len()).map(|i| (i as f64 - 2.0) * 0.1).collect();
        Responses::new(values, 1, time, conditions.unwrap(), vec!["Mi1".into()]).unwrap()
    }

    #[test]
    fn fields_are_taken_apart() {
        for baseline in [Baseline::LastBefore, Baseline::MeanBefore] {
            let field = SpatioTemporalField::of_cell(&responses(), 0, "Mi1", &[("intensity", 1.0)], baseline).unwrap();
            assert_eq!(field.columns().len(), 37);
            let peak = field.peak().unwrap();
            assert_eq!((peak.column, peak.frame), (Axial::ORIGIN, 3));
            assert!((peak.value - 2.0).abs() < 1e-12 && (field.time_to_peak().unwrap() - 0.1).abs() < 1e-12);
            assert!((field.biphasic_index().unwrap() - 0.4).abs() < 1e-12);
            let profile = field.profile().unwrap();
            assert!((profile.centre_radius().unwrap() - 2.0 / 3.0).abs() < 1e-12);
            assert!((profile.surround_strength() - 0.25 * 12.0 / (2.0 + 3.0)).abs() < 1e-12);
        }
    }

    /// Whatever the length of a frame does to the time of the onset, the frame with the light is not the one before it.
    #[test]
    fn the_onset_is_not_before_itself() {
        for dt in [0.01, 1.0 / 200.0, 1.0 / 60.0, 0.025] {
            let whole = |t: f64| (t / dt - (t / dt).round()).abs() < 1e-9;
            let times = [(0.1, 0.5), (0.5, 0.5), (1.0, 0.5), (2.0, 0.5), (0.57, dt), (0.03, dt)];
            for (t_pre, t_stim) in times.into_iter().filter(|(t_pre, _)| whole(*t_pre)) {
                let dots = DotSettings {
                    extent: Extent(0),
                    max_extent: Extent(0),
                    t_pre,
                    t_stim,
                    dt,
                    ..DotSettings::default()
                };
                let impulses = Impulses::new(ImpulseSettings { durations: vec![dt], dots }).unwrap();
                let bright = impulses.sample(&[("intensity", 1.0)]).unwrap();
                let light: Vec<f64> = (0..impulses.len())
                    .flat_map(|sample| impulses.movie(sample).unwrap().luminance().to_vec())
                    .map(f64::from)
                    .collect();
                let conditions = impulses.conditions().clone();
                let responses = Responses::new(light, 1, impulses.time(), conditions, vec!["R1".into()]).unwrap();
                let filter = [("intensity", 1.0)];
                let field = SpatioTemporalField::of_cell(&responses, 0, "R1", &filter, Baseline::LastBefore).unwrap();
                let peak = field.peak().unwrap();
                assert!((peak.value - 0.5).abs() < 1e-6 && peak.time.abs() < 1e-9, "{dt}, {t_pre}: {peak:?}");
                let during = responses.frames_within(&(0.0..=0.5 * dt));
                let lit: Vec<f64> = responses.trace(0, bright, 0).skip(during.start).take(during.len()).collect();
                assert_eq!(lit, [1.0], "{dt}, {t_pre}");
            }
        }
    }

    #[test]
    fn misuse_is_refused() {
        let all = responses();
        let of = |filter: &[(&str, f64)]| SpatioTemporalField::of_cell(&all, 0, "Mi1", filter, Baseline::None);
        assert!(of(&[]).unwrap_err().to_string().contains("several"));
        assert!(of(&[("intensity", 0.5)]).unwrap_err().to_string().contains("no sample"));
        assert!(of(&[("radius", 0.5)]).is_err());
        let silent = SpatioTemporalField::of_cell(&all, 0, "Mi1", &[("intensity", 0.0)], Baseline::LastBefore).unwrap();
        assert!(silent.peak().is_none() && silent.profile().is_none() && silent.biphasic_index().is_none());
        assert!(SpatioTemporalField::new(vec![Axial::ORIGIN], vec![-1.0], vec![0.0]).is_err());
        assert!(SpatioTemporalField::new(vec![Axial::ORIGIN], vec![0.0], vec![]).is_err());
    }
}
