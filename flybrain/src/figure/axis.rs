//! Axes: what a plot is told about them, the range they show, and the way from values to pixels.

/// How values are laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal differences are equally long. The default.
    #[default]
    Linear,
    /// Equal ratios are equally long. Values that are not positive have no place and leave a gap.
    Log,
}

/// An axis: its label (with the unit in parentheses), its scale and its range.
///
/// A `&str` or `String` becomes a linear axis whose range follows the data: `plot.x("time (s)")`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis, say `Axis::linear("time (s)")`.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A logarithmic axis, say `Axis::log("relative error")`.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log, range: None }
    }

    /// Shows `low` to `high` whatever the data. Default: the range of the data with a small margin.
    ///
    /// [`build`](super::Lines::build) fails unless both are finite, `low < high`, and on a logarithmic axis `low > 0`.
    #[must_use]
    pub fn range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    pub(crate) fn range_error(&self) -> Option<&'static str> {
        let (low, high) = self.range?;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Some("give two finite numbers, the smaller first");
        }
        (self.scale == Scale::Log && low <= 0.0).then_some("a logarithmic axis shows positive numbers only")
    }
}

impl From<&str> for Axis {
    fn from(label: &str) -> Self {
        Self::linear(label)
    }
}

impl From<String> for Axis {
    fn from(label: String) -> Self {
        Self::linear(label)
    }
}

/// Largest magnitude an axis shows, whose sums and differences stay finite; lines run off the picture beyond it.
const LARGEST: f64 = 4e307;
/// Smallest magnitude that a linear axis tells from zero.
const SMALLEST: f64 = 1e-290;
/// Smallest value on a logarithmic axis, still a normal number with room below.
const LOG_SMALLEST: f64 = 1e-305;

/// The range of an axis: that of the drawable values, widened by the fraction `margin` at both ends.
///
/// Always a proper range: without drawable values it is 0 to 1 (logarithmic: 1 to 10), a constant gets room on both sides.
pub(crate) fn domain(
    scale: Scale,
    values: impl IntoIterator<Item = f64>,
    fixed: Option<(f64, f64)>,
    margin: f64,
) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for v in values {
        if drawable(scale, v) {
            low = low.min(v);
            high = high.max(v);
        }
    }
    if let Some(fixed) = fixed {
        (low, high) = fixed;
    }
    let margin = if fixed.is_some() { 0.0 } else { margin };
    let (low, high) = (low.min(LARGEST), high.max(-LARGEST));
    match scale {
        Scale::Linear => {
            let (low, high) = if low > high { (0.0, 1.0) } else { (low.max(-LARGEST), high.min(LARGEST)) };
            let size = low.abs().max(high.abs());
            if size < SMALLEST {
                return (-1.0, 1.0);
            }
            if high - low < 1e-9 * size {
                return (low - 0.1 * size, high + 0.1 * size);
            }
            let room = margin * (high - low);
            (low - room, high + room)
        }
        Scale::Log => {
            let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
            // In exponents, where nothing overflows.
            let (low, high) = (low.max(LOG_SMALLEST).log10(), high.clamp(LOG_SMALLEST, LARGEST).log10());
            let constant = high - low < 1e-9;
            let room = if constant { 2f64.log10() } else { margin * (high - low) };
            let end = |exponent: f64| 10f64.powf(exponent).clamp(LOG_SMALLEST / 2.0, 2.0 * LARGEST);
            (end(low - room), end(high + room))
        }
    }
}

/// Whether a value has a place on the axis.
pub(crate) fn drawable(scale: Scale, v: f64) -> bool {
    v.is_finite() && (scale == Scale::Linear || v > 0.0)
}

/// The way from values to pixels along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Pixel of `low`.
    pub(crate) start: f64,
    /// Pixel of `high`.
    pub(crate) end: f64,
}

impl Mapping {
    /// Pixel of a value; none where the value has no place on the axis. At most ten lengths of the axis away from it.
    pub(crate) fn at(&self, v: f64) -> Option<f64> {
        drawable(self.scale, v).then(|| self.start + self.fraction(v).clamp(-10.0, 11.0) * (self.end - self.start))
    }

    /// Pixel of a value, held at the ends of the axis; a value without a place stands at the start.
    pub(crate) fn held(&self, v: f64) -> f64 {
        let f = if drawable(self.scale, v) { self.fraction(v).clamp(0.0, 1.0) } else { 0.0 };
        self.start + f * (self.end - self.start)
    }

    fn fraction(&self, v: f64) -> f64 {
        match self.scale {
            Scale::Linear => {
                // Halves keep the difference of two huge numbers finite.
                (v / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)
            }
            Scale::Log => (v.log10() - self.low.log10()) / (self.high.log10() - self.low.log10()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_data_gives_a_proper_range() {
        let cases: [&[f64]; 9] = [
            &[],
            &[f64::NAN, f64::INFINITY],
            &[0.0],
            &[3.5, 3.5],
            &[-1e-320, 1e-320],
            &[f64::MIN, f64::MAX],
            &[f64::MAX],
            &[f64::MIN_POSITIVE],
            &[1e-300, 1.0],
        ];
        for data in cases {
            for scale in [Scale::Linear, Scale::Log] {
                let (low, high) = domain(scale, data.iter().copied(), None, 0.05);
                assert!(low < high && (high - low).is_finite(), "{data:?} {scale:?}: {low:e}..{high:e}");
                assert!(scale == Scale::Linear || low > 0.0);
                let map = Mapping { scale, low, high, start: 0.0, end: 100.0 };
                assert!((map.at(low).unwrap()).abs() < 1e-6 && (map.at(high).unwrap() - 100.0).abs() < 1e-6);
            }
        }
    }
}
