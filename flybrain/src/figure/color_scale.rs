//! From values to colours.

use super::axis::{Scale, domain};
use super::color::{Rgb, diverging, viridis};
use super::ticks::{Ticks, ticks};

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorScale {
    /// `Diverging` if the values have both signs, else `Sequential`. The default.
    #[default]
    Auto,
    /// Dark blue over green to yellow, from the smallest to the largest value.
    Sequential,
    /// Blue below zero, white at zero, red above; equally far on both sides.
    Diverging,
    /// As `Sequential`, but equal ratios are equal steps. Values that are not positive are blank.
    Log,
}

/// Steps from one end of a colour scale to the other; even, so that the middle is one of them.
const STEPS: f64 = 254.0;

/// A colour scale with its range settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colors {
    scale: ColorScale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Steps from one end to the other.
    steps: f64,
}

impl Colors {
    pub(crate) fn new(scale: ColorScale, values: impl Iterator<Item = f64> + Clone, range: Option<(f64, f64)>) -> Self {
        let both = range.map_or_else(
            || {
                let finite = values.clone().filter(|v| v.is_finite());
                let (low, high) = finite.fold((0f64, 0f64), |(l, h), v| (l.min(v), h.max(v)));
                low < 0.0 && high > 0.0
            },
            |(low, high)| low < 0.0 && high > 0.0,
        );
        let scale = match scale {
            ColorScale::Auto if both => ColorScale::Diverging,
            ColorScale::Auto => ColorScale::Sequential,
            other => other,
        };
        let axis = if scale == ColorScale::Log { Scale::Log } else { Scale::Linear };
        let (low, high) = match (scale, range) {
            (ColorScale::Diverging, range) => {
                let all = values.chain(range.into_iter().flat_map(|(l, h)| [l, h]));
                let given = range.map(|(l, h)| l.abs().max(h.abs()));
                let largest =
                    given.unwrap_or_else(|| all.filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs())));
                domain(axis, [-largest, largest], None, 0.0)
            }
            (_, range) => domain(axis, values, range, 0.0),
        };
        Self { scale, low, high, steps: STEPS }
    }

    /// The same scale in so few levels, with colours of four bits a channel, which SVG writes in four characters.
    pub(crate) fn coarse(self, levels: usize) -> Self {
        Self { steps: (levels.max(2) - 1) as f64, ..self }
    }

    /// Scale and range as they came out, which give the same colours again.
    pub(crate) fn settled(&self) -> (ColorScale, (f64, f64)) {
        (self.scale, (self.low, self.high))
    }

    fn axis(&self) -> Scale {
        if self.scale == ColorScale::Log { Scale::Log } else { Scale::Linear }
    }

    /// Colour of a value; none for NaN and, on a logarithmic scale, for what is not positive. Infinities take the end colours.
    pub(crate) fn rgb(&self, v: f64) -> Option<Rgb> {
        if v.is_nan() || (self.scale == ColorScale::Log && v <= 0.0) {
            return None;
        }
        Some(self.at(self.fraction(v)))
    }

    /// Place of a value on the scale, from 0 to 1.
    fn fraction(&self, v: f64) -> f64 {
        let t = match self.scale {
            ColorScale::Log => (v.log10() - self.low.log10()) / (self.high.log10() - self.low.log10()),
            _ => (v.clamp(self.low, self.high) / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0),
        };
        t.clamp(0.0, 1.0)
    }

    /// The colours of all levels of a coarse scale, and the colour of no value at the end.
    pub(crate) fn palette(&self) -> Vec<Rgb> {
        let levels = (0..=self.steps as usize).map(|i| self.at(i as f64 / self.steps));
        levels.chain([super::color::MISSING.coarse()]).collect()
    }

    /// Place of a value's colour in the palette.
    pub(crate) fn level(&self, v: f64) -> usize {
        let none = v.is_nan() || (self.scale == ColorScale::Log && v <= 0.0);
        if none { self.steps as usize + 1 } else { (self.fraction(v) * self.steps).round() as usize }
    }

    /// Colour at a fraction of the scale.
    pub(crate) fn at(&self, t: f64) -> Rgb {
        // Steps finer than the eye can tell; with "no value" they fit a palette of 256 colours.
        let t = (t.clamp(0.0, 1.0) * self.steps).round() / self.steps;
        let color = if self.scale == ColorScale::Diverging { diverging(t) } else { viridis(t) };
        if self.steps < STEPS { color.coarse() } else { color }
    }

    pub(crate) fn ticks(&self, limit: usize) -> (Scale, Ticks) {
        (self.axis(), ticks(self.axis(), self.low, self.high, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_white_and_the_ends_are_the_ends() {
        let data = [-3.0, 1.0, f64::NAN];
        let c = Colors::new(ColorScale::Auto, data.iter().copied(), None);
        assert_eq!((c.low, c.high), (-3.0, 3.0));
        assert_eq!(c.rgb(0.0), Some(diverging(0.5)));
        assert_eq!(c.rgb(f64::NEG_INFINITY), Some(diverging(0.0)));
        assert_eq!(c.rgb(f64::INFINITY), Some(diverging(1.0)));
        assert_eq!(c.rgb(f64::NAN), None);
    }

    #[test]
    fn log_scale_leaves_zero_blank() {
        let data = [0.0, 1.0, 100.0];
        let c = Colors::new(ColorScale::Log, data.iter().copied(), None);
        assert_eq!((c.low, c.high), (1.0, 100.0));
        assert_eq!(c.rgb(0.0), None);
        assert_eq!(c.rgb(10.0), Some(viridis(0.5)));
    }
}
