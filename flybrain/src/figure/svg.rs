//! Writes a scene as SVG. Text becomes glyph outlines, each stored once, so that it looks the same everywhere;
//! its words stay readable for machines as `aria-label`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::color::Rgb;
use super::font::{self, Weight};
use super::png;
use super::scene::{Anchor, Edges, Fill, Image, Item, Point, Scene, Segment, Stroke, Text};

/// Units of the stored outlines per font size.
const EM: f64 = 1000.0;

pub(crate) fn write(scene: &Scene, title: &str) -> String {
    let (w, h) = (number(scene.width), number(scene.height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\">\n\
         <title>{}</title>\n",
        escape(title)
    );
    glyphs(&mut out, scene);
    let _ = writeln!(out, "<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>");
    for item in &scene.items {
        match item {
            Item::Path { segments, fill, stroke, edges } => path(&mut out, segments, *fill, *stroke, *edges),
            Item::Text(t) => text(&mut out, t),
            Item::Image(i) => image(&mut out, i),
            Item::Open { class, label, shift } => {
                let _ = write!(out, "<g class=\"{class}\"");
                if !label.is_empty() {
                    let _ = write!(out, " aria-label=\"{}\"", escape(label));
                }
                if *shift != (0.0, 0.0) {
                    let _ = write!(out, " transform=\"translate({} {})\"", number(shift.0), number(shift.1));
                }
                out.push_str(">\n");
            }
            Item::Close => out.push_str("</g>\n"),
            // A nested picture clips without an id, so that several figures can stand in one HTML page.
            Item::Clip(r) => {
                let [x, y, w, h] = [r.x, r.y, r.w, r.h].map(number);
                let _ = writeln!(
                    out,
                    "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\" overflow=\"hidden\">"
                );
            }
            Item::Unclip => out.push_str("</svg>\n"),
            Item::Markup(markup) => out.push_str(markup),
        }
    }
    out.push_str("</svg>\n");
    out
}

fn glyphs(out: &mut String, scene: &Scene) {
    let used: BTreeSet<(Weight, u16)> = scene
        .items
        .iter()
        .filter_map(|item| if let Item::Text(t) = item { Some(t) } else { None })
        .flat_map(|t| font::shape(&t.text, t.weight).0.into_iter().map(|g| (t.weight, g.id)))
        .collect();
    out.push_str("<defs>\n");
    for (weight, id) in used {
        let scaled = |p: Point| (p.0 * EM, p.1 * EM);
        let segments: Vec<Segment> = font::outline(id, weight)
            .into_iter()
            .map(|s| match s {
                Segment::Move(p) => Segment::Move(scaled(p)),
                Segment::Line(p) => Segment::Line(scaled(p)),
                Segment::Quad(c, p) => Segment::Quad(scaled(c), scaled(p)),
                Segment::Cubic(c, d, p) => Segment::Cubic(scaled(c), scaled(d), scaled(p)),
                Segment::Close => Segment::Close,
            })
            .collect();
        let _ = writeln!(out, "<path id=\"{}\" d=\"{}\"/>", glyph_name(weight, id), data(&segments));
    }
    out.push_str("</defs>\n");
}

fn glyph_name(weight: Weight, id: u16) -> String {
    match weight {
        Weight::Regular => format!("glyph-r{id}"),
        Weight::Bold => format!("glyph-b{id}"),
    }
}

fn text(out: &mut String, t: &Text) {
    let (glyphs, width) = font::shape(&t.text, t.weight);
    let start = match t.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let _ = write!(
        out,
        "<g class=\"text\" aria-label=\"{}\" fill=\"{}\" transform=\"translate({} {})",
        escape(&t.text),
        color(t.color),
        number(t.at.0),
        number(t.at.1)
    );
    if t.angle != 0.0 {
        let _ = write!(out, " rotate({})", number(t.angle));
    }
    let _ = write!(out, " scale({:.5})\">", t.size / EM);
    for glyph in glyphs {
        let x = number((start + glyph.x) * EM);
        let _ = write!(out, "<use href=\"#{}\" x=\"{x}\"/>", glyph_name(t.weight, glyph.id));
    }
    out.push_str("</g>\n");
}

fn image(out: &mut String, i: &Image) {
    let [x, y, w, h] = [i.place.x, i.place.y, i.place.w, i.place.h].map(number);
    let bytes = png::encode_colors(i.columns, &i.pixels);
    let _ = writeln!(
        out,
        "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
         style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
        base64(&bytes)
    );
}

fn path(out: &mut String, segments: &[Segment], fill: Option<Fill>, stroke: Option<Stroke>, edges: Edges) {
    let _ = write!(out, "<path d=\"{}\"", data(segments));
    match fill {
        Some(f) => {
            let _ = write!(out, " fill=\"{}\"", color(f.color));
            if f.opacity < 1.0 {
                let _ = write!(out, " fill-opacity=\"{}\"", number(f.opacity));
            }
        }
        None => out.push_str(" fill=\"none\""),
    }
    if let Some(s) = stroke {
        let _ = write!(
            out,
            " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
            color(s.color),
            number(s.width)
        );
        if s.opacity < 1.0 {
            let _ = write!(out, " stroke-opacity=\"{}\"", number(s.opacity));
        }
        if let Some([on, off]) = s.dash {
            let _ = write!(out, " stroke-dasharray=\"{} {}\"", number(on), number(off));
        }
    }
    if edges == Edges::Crisp {
        out.push_str(" shape-rendering=\"crispEdges\"");
    }
    out.push_str("/>\n");
}

fn data(segments: &[Segment]) -> String {
    let mut d = String::with_capacity(segments.len() * 12);
    let pair = |d: &mut String, p: Point| {
        d.push_str(&number(p.0));
        d.push(' ');
        d.push_str(&number(p.1));
    };
    for s in segments {
        match *s {
            Segment::Move(p) => {
                d.push('M');
                pair(&mut d, p);
            }
            Segment::Line(p) => {
                d.push('L');
                pair(&mut d, p);
            }
            Segment::Quad(c, p) => {
                d.push('Q');
                pair(&mut d, c);
                d.push(' ');
                pair(&mut d, p);
            }
            Segment::Cubic(c, e, p) => {
                d.push('C');
                pair(&mut d, c);
                d.push(' ');
                pair(&mut d, e);
                d.push(' ');
                pair(&mut d, p);
            }
            Segment::Close => d.push('Z'),
        }
    }
    d
}

/// A coordinate to a hundredth of a pixel, without idle zeros.
pub(crate) fn number(v: f64) -> String {
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

pub(crate) fn color(c: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", c.0, c.1, c.2)
}

/// Text for an attribute or element; control characters, which XML forbids, become spaces.
pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
        out
    })
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |w, (i, b)| w | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            if i <= chunk.len() {
                out.push(char::from(ALPHABET[(word >> (18 - 6 * i) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(1.0, "1"), (-0.001, "0"), (12.345, "12.35"), (0.5, "0.5"), (100.0, "100")];
        for (v, text) in cases {
            assert_eq!(number(v), text);
        }
    }

    #[test]
    fn text_cannot_break_the_document() {
        assert_eq!(escape("<a & \"b\">\u{1}"), "&lt;a &amp; &quot;b&quot;&gt; ");
    }
}
