//! Colours that people with any colour vision can tell apart.
//!
//! Categories: M. Okabe and K. Ito, *Color Universal Design* (2008), yellow last since it is faint on white.
//! Sequential map: anchors of viridis (S. van der Walt and N. Smith, 2015, CC0), linear in between.
//! Diverging map: blue, white, red with equal lightness on both sides, interpolated in OKLab
//! (B. Ottosson, *A perceptual color space for image processing*, 2020).

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Rgb {
    const fn hex(rgb: u32) -> Self {
        Self((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
    }

    /// The colour of four bits a channel that looks most like it, by the distance in OKLab.
    pub(crate) fn coarse(self) -> Self {
        let wanted = to_oklab(self);
        let distance = |c: &Self| to_oklab(*c).iter().zip(wanted).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let near = |c: u8| (c / 17).saturating_sub(1)..=(c / 17 + 2).min(15);
        let all = near(self.0).flat_map(|r| near(self.1).flat_map(move |g| near(self.2).map(move |b| (r, g, b))));
        let all = all.map(|(r, g, b)| Self(17 * r, 17 * g, 17 * b));
        all.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(self)
    }
}

pub(crate) const WHITE: Rgb = Rgb(255, 255, 255);
/// Titles and labels.
pub(crate) const INK: Rgb = Rgb::hex(0x1f2328);
/// Tick labels, spines and reference lines.
pub(crate) const SOFT_INK: Rgb = Rgb::hex(0x57606a);
/// Grid lines.
pub(crate) const GRID: Rgb = Rgb::hex(0xe4e7eb);
/// Cells and columns without a value.
pub(crate) const MISSING: Rgb = Rgb::hex(0xeceff2);

const OKABE_ITO: [Rgb; 8] = [
    Rgb::hex(0x0072b2),
    Rgb::hex(0xd55e00),
    Rgb::hex(0x009e73),
    Rgb::hex(0xcc79a7),
    Rgb::hex(0xe69f00),
    Rgb::hex(0x56b4e9),
    Rgb::hex(0x000000),
    Rgb::hex(0xf0e442),
];

const VIRIDIS: [Rgb; 10] = [
    Rgb::hex(0x440154),
    Rgb::hex(0x482878),
    Rgb::hex(0x3e4989),
    Rgb::hex(0x31688e),
    Rgb::hex(0x26828e),
    Rgb::hex(0x1f9e89),
    Rgb::hex(0x35b779),
    Rgb::hex(0x6ece58),
    Rgb::hex(0xb5de2b),
    Rgb::hex(0xfde725),
];

/// Ends and middles of the diverging map in OKLab: lightness, green-red, blue-yellow. Both arms fall alike in lightness.
const DIVERGING: [[f64; 3]; 5] =
    [[0.38, -0.025, -0.125], [0.66, -0.035, -0.110], [0.985, 0.0, 0.0], [0.66, 0.145, 0.075], [0.38, 0.145, 0.070]];

/// How many categories have a colour of their own.
pub(crate) const CATEGORIES: usize = OKABE_ITO.len();

/// Colour of category `index` of `count`: Okabe-Ito up to eight, then samples of the sequential map.
pub(crate) fn category(index: usize, count: usize) -> Rgb {
    if count <= CATEGORIES { OKABE_ITO[index % CATEGORIES] } else { viridis(0.94 * index as f64 / (count - 1) as f64) }
}

/// Sequential map, `t` from 0 (dark) to 1 (light); clamped.
pub(crate) fn viridis(t: f64) -> Rgb {
    let (i, f) = segment(t, VIRIDIS.len());
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * f).round() as u8;
    let (a, b) = (VIRIDIS[i], VIRIDIS[i + 1]);
    Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Diverging map, `t` from 0 (blue) over 0.5 (white) to 1 (red); clamped.
pub(crate) fn diverging(t: f64) -> Rgb {
    let (i, f) = segment(t, DIVERGING.len());
    let lab: [f64; 3] = std::array::from_fn(|k| DIVERGING[i][k] + (DIVERGING[i + 1][k] - DIVERGING[i][k]) * f);
    from_oklab(lab)
}

/// Directions in OKLab, from the right counter-clockwise: orange, purple, blue, green. Opposite ones differ in lightness and on
/// the blue-yellow axis, which people of any colour vision see.
const DIRECTIONS: [[f64; 3]; 4] =
    [[0.76, 0.060, 0.140], [0.60, 0.150, -0.050], [0.52, -0.040, -0.130], [0.68, -0.130, 0.060]];

/// Colour of a direction in degrees, counter-clockwise from the right, and a strength from 0 (white) to 1; clamped.
pub(crate) fn direction(degrees: f64, strength: f64) -> Rgb {
    let s = degrees.rem_euclid(360.0) / 90.0;
    let (i, f) = (s as usize % 4, s.fract());
    let (a, b) = (DIRECTIONS[i], DIRECTIONS[(i + 1) % 4]);
    // Along the circle, not its chord, so that colours between two anchors are as strong as these.
    let chroma = |c: [f64; 3]| c[1].hypot(c[2]);
    let mixed: [f64; 3] = std::array::from_fn(|k| a[k] + (b[k] - a[k]) * f);
    let wanted = chroma(a) + (chroma(b) - chroma(a)) * f;
    let scale = wanted / chroma(mixed).max(1e-9);
    let strength = strength.clamp(0.0, 1.0);
    from_oklab([0.985 + (mixed[0] - 0.985) * strength, scale * mixed[1] * strength, scale * mixed[2] * strength])
}

fn segment(t: f64, anchors: usize) -> (usize, f64) {
    let s = t.clamp(0.0, 1.0) * (anchors - 1) as f64;
    let i = (s as usize).min(anchors - 2);
    (i, s - i as f64)
}

fn from_oklab([l, a, b]: [f64; 3]) -> Rgb {
    let cone = |x: f64, y: f64| (l + x * a + y * b).powi(3);
    let (l, m, s) = (
        cone(0.396_337_777_4, 0.215_803_757_3),
        cone(-0.105_561_345_8, -0.063_854_172_8),
        cone(-0.089_484_177_5, -1.291_485_548_0),
    );
    let gamma = |c: f64| {
        let c = c.clamp(0.0, 1.0);
        let c = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (255.0 * c).round() as u8
    };
    Rgb(
        gamma(4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s),
        gamma(-1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s),
        gamma(-0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s),
    )
}

fn to_oklab(Rgb(r, g, b): Rgb) -> [f64; 3] {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let (r, g, b) = (linear(r), linear(g), linear(b));
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There and back again, every colour is the same; a coarse one has equal halves and is near.
    #[test]
    fn colours_survive_oklab() {
        for i in 0..=30 {
            for c in [diverging(f64::from(i) / 30.0), viridis(f64::from(i) / 30.0), direction(12.0 * f64::from(i), 0.7)]
            {
                assert_eq!(from_oklab(to_oklab(c)), c);
                let coarse = c.coarse();
                for (a, b) in [(c.0, coarse.0), (c.1, coarse.1), (c.2, coarse.2)] {
                    assert!(b % 17 == 0 && a.abs_diff(b) <= 34, "{c:?} {coarse:?}");
                }
            }
        }
        assert_eq!(Rgb(0xff, 0xee, 0x88).coarse(), Rgb(0xff, 0xee, 0x88));
    }

    /// Relative luminance (WCAG 2).
    fn luminance(c: Rgb) -> f64 {
        let lin = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * lin(c.0) + 0.7152 * lin(c.1) + 0.0722 * lin(c.2)
    }

    #[test]
    fn sequential_map_gets_lighter() {
        let l: Vec<f64> = (0..=100).map(|i| luminance(viridis(f64::from(i) / 100.0))).collect();
        assert!(l.windows(2).all(|w| w[1] > w[0] - 1e-3), "{l:?}");
    }

    #[test]
    fn diverging_map_is_white_in_the_middle_and_balanced() {
        let white = diverging(0.5);
        assert!(white.0 >= 248 && white.1 >= 248 && white.2 >= 248, "{white:?}");
        for i in 0..50 {
            let t = f64::from(i) / 100.0;
            let (blue, red) = (diverging(t), diverging(1.0 - t));
            assert!(blue.2 > blue.0 && red.0 > red.2, "{t}: {blue:?} {red:?}");
            assert!((luminance(blue) - luminance(red)).abs() < 0.06, "{t}: {blue:?} {red:?}");
        }
    }

    #[test]
    fn categories_differ() {
        for count in [2, 8, 9, 25] {
            let mut all: Vec<Rgb> = (0..count).map(|i| category(i, count)).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}
