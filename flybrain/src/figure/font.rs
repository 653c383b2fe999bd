//! Text without system fonts: DejaVu Sans (free licence of its own, Bitstream Vera derived) comes with the program.
//!
//! Text is laid out here once, glyph by glyph, so that SVG and PNG show the same outlines on every machine.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::scene::Segment;

/// Regular for labels, bold for titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| parse(dejavu::sans::regular()));
static BOLD: LazyLock<Face<'static>> = LazyLock::new(|| parse(dejavu::sans::bold()));

fn parse(bytes: &'static [u8]) -> Face<'static> {
    Face::parse(bytes, 0).expect("the embedded font is valid")
}

fn face(weight: Weight) -> &'static Face<'static> {
    match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    }
}

/// A glyph and its pen position in units of the font size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Glyph {
    pub(crate) id: u16,
    pub(crate) x: f64,
}

/// Glyphs of one line of text and its width, in units of the font size.
pub(crate) fn shape(text: &str, weight: Weight) -> (Vec<Glyph>, f64) {
    let face = face(weight);
    let em = f64::from(face.units_per_em());
    let mut pen = 0.0;
    let glyphs = text
        .chars()
        .map(|c| {
            let c = if c.is_whitespace() { ' ' } else { c };
            let id = face.glyph_index(c).unwrap_or_default();
            let glyph = Glyph { id: id.0, x: pen };
            pen += f64::from(face.glyph_hor_advance(id).unwrap_or(0)) / em;
            glyph
        })
        .collect();
    (glyphs, pen)
}

/// Width of one line of text in pixels.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    shape(text, weight).1 * size
}

/// Breaks text at spaces into lines that are at most `limit` pixels wide; a longer word is shortened.
pub(crate) fn wrap(text: &str, size: f64, weight: Weight, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size, weight) + width(" ", size, weight) + width(word, size, weight) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| shorten(line, size, weight, limit)).collect()
}

/// Shortens text with an ellipsis until it is at most `limit` pixels wide.
pub(crate) fn shorten(text: &str, size: f64, weight: Weight, limit: f64) -> String {
    if width(text, size, weight) <= limit {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let short: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&short, size, weight) <= limit {
            return short;
        }
    }
    "…".to_owned()
}

/// Outline of a glyph for font size 1, y downwards.
pub(crate) fn outline(id: u16, weight: Weight) -> Vec<Segment> {
    let face = face(weight);
    let mut pen = Pen { scale: 1.0 / f64::from(face.units_per_em()), segments: Vec::new() };
    face.outline_glyph(GlyphId(id), &mut pen);
    pen.segments
}

struct Pen {
    scale: f64,
    segments: Vec<Segment>,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f64, f64) {
        (f64::from(x) * self.scale, -f64::from(y) * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let p = self.at(x, y);
        self.segments.push(Segment::Move(p));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let p = self.at(x, y);
        self.segments.push(Segment::Line(p));
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (c, p) = (self.at(x1, y1), self.at(x, y));
        self.segments.push(Segment::Quad(c, p));
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (c, d, p) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.segments.push(Segment::Cubic(c, d, p));
    }
    fn close(&mut self) {
        self.segments.push(Segment::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_the_axes_use_has_a_glyph() {
        for c in "0123456789.,−×⁰¹²³⁴⁵⁶⁷⁸⁹⁻µτλΔσ≥√°…".chars() {
            for weight in [Weight::Regular, Weight::Bold] {
                let (glyphs, _) = shape(&c.to_string(), weight);
                assert_ne!(glyphs[0].id, 0, "{c} is missing");
                assert!(!outline(glyphs[0].id, weight).is_empty(), "{c} is blank");
            }
        }
    }

    #[test]
    fn wrapped_lines_keep_all_words_and_the_limit() {
        let text = "Responses of the medulla to moving edges in both directions";
        let lines = wrap(text, 12.0, Weight::Bold, 150.0);
        assert_eq!(lines.join(" "), text);
        assert!(lines.len() > 1 && lines.iter().all(|l| width(l, 12.0, Weight::Bold) <= 150.0));
    }

    #[test]
    fn shortened_text_fits() {
        let short = shorten("a rather long name of a cell type", 11.0, Weight::Regular, 90.0);
        assert!(short.ends_with('…') && width(&short, 11.0, Weight::Regular) <= 90.0);
        assert_eq!(shorten("T4a", 11.0, Weight::Regular, 90.0), "T4a");
    }
}
