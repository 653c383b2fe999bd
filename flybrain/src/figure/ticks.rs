//! Where an axis has its ticks and what they say.
//!
//! Linear axes take the finest step of 1, 2, 2.5 or 5 times a power of ten that keeps to the allowed number of ticks;
//! logarithmic axes take powers of ten, with 2 and 5 in between where there is room.

use super::axis::Scale;

/// Ticks of one axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Ticks {
    /// Positions with a label, ascending.
    pub(crate) major: Vec<f64>,
    /// One label for each major tick.
    pub(crate) labels: Vec<String>,
    /// Positions without a label.
    pub(crate) minor: Vec<f64>,
    /// Power of ten that every label is to be multiplied with, as text; empty where there is none.
    pub(crate) multiplier: String,
}

/// At most `limit` (3 or more) major ticks in `low..=high`, a range from [`super::axis::domain`].
pub(crate) fn ticks(scale: Scale, low: f64, high: f64, limit: usize) -> Ticks {
    let limit = limit.max(3);
    match scale {
        Scale::Linear => linear(low, high, limit),
        Scale::Log => log(low, high, limit),
    }
}

fn linear(low: f64, high: f64, limit: usize) -> Ticks {
    let exponent = ((high - low) / limit as f64).log10().floor() as i32 - 1;
    let steps = (exponent..=exponent + 4).flat_map(|e| [(1.0, e), (2.0, e), (2.5, e), (5.0, e)]);
    let mut best = Vec::new();
    let mut digits = 0;
    for (mantissa, e) in steps {
        let multiple = |k: f64| {
            if e < 0 { k * mantissa / power(-e) } else { k * mantissa * power(e) }
        };
        let step = multiple(1.0);
        if step <= 0.0 || !step.is_finite() {
            continue;
        }
        let first = (low / step - 1e-9).ceil();
        let last = (high / step + 1e-9).floor();
        if last - first + 1.0 <= limit as f64 {
            let count = (last - first) as usize;
            // Adding 0.0 turns a negative zero into zero.
            best = (0..=count).map(|i| multiple(first + i as f64).clamp(low, high) + 0.0).collect();
            digits = if mantissa == 2.5 { e - 1 } else { e };
            break;
        }
    }
    let (labels, multiplier) = plain_labels(&best, digits);
    Ticks { major: best, labels, minor: Vec::new(), multiplier }
}

/// Labels with decimals down to 10^`digits`, over a common power of ten where the numbers are large or small.
fn plain_labels(values: &[f64], digits: i32) -> (Vec<String>, String) {
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let mut shift =
        if largest >= 1e6 || (largest < 1e-3 && largest > 0.0) { largest.log10().floor() as i32 } else { 0 };
    // A narrow range far from zero reads better in full.
    if shift - digits > 4 && (0..12).contains(&shift) {
        shift = 0;
    }
    let decimals = (shift - digits).max(0) as usize;
    let labels =
        values.iter().map(|v| number(if shift < 0 { v * power(-shift) } else { v / power(shift) }, decimals)).collect();
    let multiplier = if shift == 0 { String::new() } else { format!("×10{}", superscript(shift)) };
    (labels, multiplier)
}

fn log(low: f64, high: f64, limit: usize) -> Ticks {
    let slack = 1e-9;
    let first = (low.log10() - slack).ceil() as i32;
    let last = (high.log10() + slack).floor() as i32;
    let decades = (last - first + 1).max(0) as usize;
    let within = |v: f64| v >= low * (1.0 - slack) && v <= high * (1.0 + slack);
    let fill = |mantissas: &[f64]| -> Vec<f64> {
        (first - 1..=last)
            .flat_map(|e| mantissas.iter().map(move |m| m * power(e)))
            .filter(|v| within(*v))
            .map(|v| v.clamp(low, high))
            .collect()
    };
    let few = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]]
        .into_iter()
        .map(fill)
        .find(|v| decades <= 2 && (2..=limit).contains(&v.len()));
    if let Some(major) = few {
        let digits = major.iter().fold(0, |d, v| (v.log10() + slack).floor().min(f64::from(d)) as i32);
        if major.iter().all(|v| (1e-3..1e5).contains(v)) {
            let labels = major.iter().map(|v| shortest(*v, digits)).collect();
            return Ticks { major, labels, minor: fine(fill), multiplier: String::new() };
        }
        let labels = major.iter().map(|v| scientific(*v)).collect();
        return Ticks { major, labels, minor: fine(fill), multiplier: String::new() };
    }
    if decades < 2 {
        return Ticks { minor: Vec::new(), ..linear(low, high, limit) };
    }
    let stride = decades.div_ceil(limit).max(1);
    // Strides of 1, 2, 5, 10, 20, ... read best.
    let stride =
        [1, 2, 3, 5, 10, 20, 25, 50, 100, 200, 500].into_iter().find(|s| *s >= stride).unwrap_or(stride) as i32;
    let mut exponents: Vec<i32> = (first..=last).filter(|e| e.rem_euclid(stride) == 0).collect();
    if exponents.len() < 2 {
        exponents = vec![first, last];
    }
    let plain = *exponents.first().unwrap_or(&0) >= -2 && *exponents.last().unwrap_or(&0) <= 4;
    let labels = exponents
        .iter()
        .map(|e| if plain { shortest(power(*e), *e) } else { format!("10{}", superscript(*e)) })
        .collect();
    let major = exponents.iter().map(|e| power(*e).clamp(low, high)).collect();
    let minor = if stride == 1 { fine(fill) } else { Vec::new() };
    Ticks { major, labels, minor, multiplier: String::new() }
}

fn fine(fill: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    fill(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
}

/// The nearest double to 10^e; `powi` alone is off by some ulps.
pub(crate) fn power(e: i32) -> f64 {
    format!("1e{e}").parse().unwrap_or(f64::INFINITY)
}

fn shortest(v: f64, digits: i32) -> String {
    let decimals = if v >= 1.0 { 0 } else { (-digits).max(0) as usize };
    let text = number(v, decimals);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn scientific(v: f64) -> String {
    let e = (v.log10() + 1e-9).floor() as i32;
    let m = (v / power(e)).round();
    if m == 1.0 { format!("10{}", superscript(e)) } else { format!("{m}×10{}", superscript(e)) }
}

/// A number with a true minus sign and, from 10,000 on, commas.
pub(crate) fn number(v: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", v.abs());
    let negative = v < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(w, f)| (w, f));
    let mut out = String::from(if negative { "−" } else { "" });
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && whole.len() > 4 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// An integer in raised digits.
pub(crate) fn superscript(e: i32) -> String {
    e.to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            c => char::from_u32('⁰' as u32 + c.to_digit(10).unwrap_or(0)).unwrap_or(c),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::axis::domain;
    use super::*;
    use proptest::prelude::*;

    fn check(scale: Scale, a: f64, b: f64, limit: usize) -> Result<(), TestCaseError> {
        let (low, high) = domain(scale, [a, b], None, 0.05);
        let t = ticks(scale, low, high, limit);
        let n = t.major.len();
        prop_assert!((2..=limit).contains(&n), "{n} ticks of at most {limit} in {low:e}..{high:e}: {t:?}");
        prop_assert_eq!(n, t.labels.len());
        prop_assert!(t.major.windows(2).all(|w| w[0] < w[1]), "not ascending: {:?}", t);
        prop_assert!(t.major.iter().chain(&t.minor).all(|v| (low..=high).contains(v)), "outside {low}..{high}: {t:?}");
        let mut labels = t.labels.clone();
        labels.dedup();
        prop_assert_eq!(labels.len(), n, "labels repeat: {:?}", t);
        // The ticks cover the range: no end of the axis is farther from a tick than two gaps between ticks.
        let f = |v: f64| {
            if scale == Scale::Log { v.log10() } else { v / high.abs().max(low.abs()) }
        };
        let gap = t.major.windows(2).map(|w| f(w[1]) - f(w[0])).fold(0.0, f64::max);
        prop_assert!(f(t.major[0]) - f(low) <= 2.0 * gap, "start is bare: {low:e}..{high:e} {t:?}");
        prop_assert!(f(high) - f(t.major[n - 1]) <= 2.0 * gap, "end is bare: {low:e}..{high:e} {t:?}");
        Ok(())
    }

    fn any_magnitude() -> impl Strategy<Value = f64> {
        (-1.0..1.0f64, -307..308i32).prop_map(|(m, e)| m * power(e))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn linear_ticks_cover_the_range(a in any_magnitude(), b in any_magnitude(), limit in 3usize..12) {
            check(Scale::Linear, a, b, limit)?;
        }

        #[test]
        fn linear_ticks_cover_narrow_ranges(a in -1e6..1e6f64, span in 1e-6..1e3f64, limit in 3usize..12) {
            check(Scale::Linear, a, a + span, limit)?;
        }

        #[test]
        fn log_ticks_cover_the_range(a in any_magnitude(), b in any_magnitude(), limit in 3usize..12) {
            check(Scale::Log, a.abs(), b.abs(), limit)?;
        }

        #[test]
        fn log_ticks_cover_narrow_ranges(a in 1e-6..1e6f64, factor in 1.0001..1e3f64, limit in 3usize..12) {
            check(Scale::Log, a, a * factor, limit)?;
        }
    }

    #[test]
    fn labels_read_well() {
        let linear = |a, b, n| ticks(Scale::Linear, a, b, n);
        assert_eq!(linear(0.0, 1.0, 6).labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(linear(-50.0, 50.0, 5).labels, ["−40", "−20", "0", "20", "40"]);
        assert_eq!(linear(0.0, 45_669.0, 6).labels, ["0", "10,000", "20,000", "30,000", "40,000"]);
        let narrow = linear(45_669_000.0, 45_669_002.0, 4);
        assert_eq!(
            (narrow.labels.join(" ").as_str(), narrow.multiplier.as_str()),
            ("45,669,000 45,669,001 45,669,002", "")
        );
        let small = linear(0.0, 3e-9, 4);
        assert_eq!((small.labels.join(" "), small.multiplier.as_str()), ("0 1 2 3".to_owned(), "×10⁻⁹"));
        assert_eq!(ticks(Scale::Log, 1e-12, 1.0, 7).labels, ["10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(ticks(Scale::Log, 1.0, 1000.0, 7).labels, ["1", "10", "100", "1000"]);
        assert_eq!(ticks(Scale::Log, 0.15, 6.0, 7).labels, ["0.2", "0.5", "1", "2", "5"]);
    }
}
