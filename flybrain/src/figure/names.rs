//! Names along a horizontal axis, and those among them that are set off from the others.

use super::check::Check;
use super::color::{INK, Rgb};
use super::font::{Weight, shorten, width};
use super::layout::TICK;
use super::legend::{Entry, Swatch};
use super::scene::{Anchor, Rect, Scene, Text};
use crate::Error;

/// Longest name in pixels.
const LONGEST: f64 = 130.0;
/// Least width of a slot whose slanted name does not touch the next one.
const SLANT: f64 = 1.5 * TICK;

/// How names stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posture {
    Level,
    Slanted,
    Upright,
}

/// Names below the slots of an axis: level where they fit, slanted where slots are narrower, upright where they are narrow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    names: &'a [String],
    highlights: &'a Highlights,
    widest: f64,
    slot: f64,
    posture: Posture,
}

impl<'a> Names<'a> {
    pub(crate) fn new(names: &'a [String], highlights: &'a Highlights, width_of_all: f64) -> Self {
        let slot = width_of_all / names.len() as f64;
        let weight = if highlights.0.is_empty() { Weight::Regular } else { Weight::Bold };
        let widest = names.iter().map(|g| width(g, TICK, weight)).fold(0.0, f64::max);
        let posture = match widest > slot - 6.0 {
            false => Posture::Level,
            true if slot >= SLANT => Posture::Slanted,
            true => Posture::Upright,
        };
        Self { names, highlights, widest: widest.min(LONGEST), slot, posture }
    }

    /// Height that the names take.
    pub(crate) fn room(&self) -> f64 {
        match self.posture {
            Posture::Level => 20.0,
            // A line at 45 degrees is 0.71 of its length high.
            Posture::Slanted => (self.widest + 8.0) * 0.71 + 12.0,
            Posture::Upright => self.widest + 12.0,
        }
    }

    /// Shades the slots that are set off; goes behind everything else.
    pub(crate) fn shade(&self, scene: &mut Scene, area: Rect) {
        for (i, (name, members)) in self.highlights.0.iter().enumerate() {
            scene.open("highlight", name);
            for slot in (0..self.names.len()).filter(|slot| members.contains(&self.names[*slot])) {
                let x = area.x + self.slot * slot as f64;
                scene.rect(Rect { x, y: area.y, w: self.slot, h: area.h }, Highlights::tint(i));
            }
            scene.close();
        }
    }

    pub(crate) fn draw(&self, scene: &mut Scene, area: Rect) {
        for (g, name) in self.names.iter().enumerate() {
            let x = area.x + self.slot * (g as f64 + 0.5);
            let highlight = self.highlights.of(name);
            let weight = if highlight.is_some() { Weight::Bold } else { Weight::Regular };
            let color = highlight.map_or(INK, Highlights::ink);
            let size = if self.posture == Posture::Upright { (0.92 * self.slot).clamp(4.0, TICK) } else { TICK };
            let short = shorten(name, size, weight, LONGEST);
            let text = match self.posture {
                Posture::Level => Text::new(short, (x, area.bottom() + 15.0), size).anchor(Anchor::Middle),
                Posture::Slanted => {
                    Text::new(short, (x + 4.0, area.bottom() + 12.0), size).anchor(Anchor::End).angle(-45.0)
                }
                Posture::Upright => {
                    Text::new(short, (x + 0.36 * size, area.bottom() + 7.0), size).anchor(Anchor::End).angle(-90.0)
                }
            };
            scene.text(Text { weight, ..text.color(color) });
        }
    }
}

/// Sets of names that are set off, by a tint behind them and bold coloured letters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Highlights(pub(crate) Vec<(String, Vec<String>)>);

impl Highlights {
    /// Tint and colour of letters of each set: light and dark tones of yellow, blue, green and pink.
    const COLORS: [(Rgb, Rgb); 4] = [
        (Rgb(0xff, 0xf1, 0xc9), Rgb(0x8a, 0x5a, 0x00)),
        (Rgb(0xdd, 0xeb, 0xf7), Rgb(0x0b, 0x4f, 0x86)),
        (Rgb(0xdc, 0xf1, 0xe6), Rgb(0x00, 0x66, 0x4a)),
        (Rgb(0xf7, 0xe1, 0xee), Rgb(0x8f, 0x3a, 0x6f)),
    ];

    fn tint(set: usize) -> Rgb {
        Self::COLORS[set % Self::COLORS.len()].0
    }

    fn ink(set: usize) -> Rgb {
        Self::COLORS[set % Self::COLORS.len()].1
    }

    /// The first set that has a name.
    fn of(&self, name: &String) -> Option<usize> {
        self.0.iter().position(|(_, members)| members.contains(name))
    }

    pub(crate) fn push<S: AsRef<str>>(&mut self, name: String, members: &[S]) {
        self.0.push((name, members.iter().map(|m| m.as_ref().to_owned()).collect()));
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let entry =
            |(i, (name, _)): (usize, &(String, _))| Entry { name: name.clone(), swatch: Swatch::Patch(Self::tint(i)) };
        self.0.iter().enumerate().map(entry)
    }

    /// Refuses what is not among the names, and more sets than there are tints.
    pub(crate) fn check(&self, check: &Check<'_>, names: &[String]) -> Result<(), Error> {
        let many = self.0.len() > Self::COLORS.len();
        check.option("highlights", self.0.len(), many.then_some("set off at most four groups of names"))?;
        for member in self.0.iter().flat_map(|(_, members)| members) {
            let unknown = !names.contains(member);
            check.option("highlight", member, unknown.then_some("it is not among the names of the axis"))?;
        }
        Ok(())
    }
}
