//! Draws a scene as pixels and writes PNG.

use std::collections::{BTreeSet, HashMap};

use tiny_skia::{
    FillRule, FilterQuality, IntSize, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, PixmapPaint, StrokeDash,
    Transform,
};

use super::color::Rgb;
use super::font::{self, Weight};
use super::scene::{Anchor, Edges, Fill, Image, Item, Point, Rect, Scene, Segment, Stroke, Text};

/// Largest width and height in pixels.
const LARGEST: f64 = 16_384.0;

/// RGB pixels of the scene at `ratio` pixels per CSS pixel: width, height, bytes. None if it is too large.
pub(crate) fn draw(scene: &Scene, ratio: f64) -> Option<(usize, usize, Vec<u8>)> {
    let (w, h) = ((scene.width * ratio).round(), (scene.height * ratio).round());
    if !(w >= 1.0 && h >= 1.0 && w <= LARGEST && h <= LARGEST) {
        return None;
    }
    let mut pixmap = Pixmap::new(w as u32, h as u32)?;
    pixmap.fill(tiny_skia::Color::WHITE);
    let mut canvas = Canvas { pixmap, ratio: ratio as f32, shifts: Vec::new(), mask: None, glyphs: HashMap::new() };
    for item in &scene.items {
        canvas.item(item);
    }
    let rgb = canvas.pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Some((w as usize, h as usize, rgb))
}

/// PNG file of 8-bit RGB pixels; `density` is pixels per metre.
pub(crate) fn encode(width: usize, height: usize, rgb: &[u8], density: u32) -> Vec<u8> {
    write(width, height, rgb, |encoder| {
        encoder.set_color(png::ColorType::Rgb);
        let unit = png::Unit::Meter;
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: density, yppu: density, unit }));
    })
}

/// PNG file of coloured pixels, with a palette if there are at most 256 colours.
pub(crate) fn encode_colors(width: usize, pixels: &[Rgb]) -> Vec<u8> {
    let height = pixels.len() / width;
    let colors: Vec<Rgb> = pixels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let bytes = |colors: &[Rgb]| -> Vec<u8> { colors.iter().flat_map(|c| [c.0, c.1, c.2]).collect() };
    if colors.len() > 256 {
        return write(width, height, &bytes(pixels), |e| {
            e.set_color(png::ColorType::Rgb);
        });
    }
    let indices: Vec<u8> = pixels.iter().map(|p| colors.binary_search(p).unwrap_or(0) as u8).collect();
    write(width, height, &indices, |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(bytes(&colors));
    })
}

fn write(width: usize, height: usize, data: &[u8], set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    set(&mut encoder);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(data))
        .expect("pixels match the size and a vector takes all bytes");
    out
}

struct Canvas {
    pixmap: Pixmap,
    ratio: f32,
    /// Shift of each open group, added up.
    shifts: Vec<Point>,
    mask: Option<Mask>,
    glyphs: HashMap<(Weight, u16), Option<Path>>,
}

impl Canvas {
    fn transform(&self) -> Transform {
        let (dx, dy) = self.shifts.last().copied().unwrap_or_default();
        Transform::from_translate(dx as f32, dy as f32).post_scale(self.ratio, self.ratio)
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Path { segments, fill, stroke, edges } => self.path(segments, *fill, *stroke, *edges),
            Item::Text(t) => self.text(t),
            Item::Image(i) => self.image(i),
            Item::Open { shift, .. } => {
                let (x, y) = self.shifts.last().copied().unwrap_or_default();
                self.shifts.push((x + shift.0, y + shift.1));
            }
            Item::Close => {
                self.shifts.pop();
            }
            Item::Clip(rect) => self.mask = self.clip(*rect),
            Item::Unclip => self.mask = None,
            Item::Markup(_) => {}
        }
    }

    fn clip(&self, r: Rect) -> Option<Mask> {
        let mut mask = Mask::new(self.pixmap.width(), self.pixmap.height())?;
        let rect = tiny_skia::Rect::from_xywh(r.x as f32, r.y as f32, r.w as f32, r.h as f32)?;
        mask.fill_path(&PathBuilder::from_rect(rect), FillRule::Winding, true, self.transform());
        Some(mask)
    }

    fn path(&mut self, segments: &[Segment], fill: Option<Fill>, stroke: Option<Stroke>, edges: Edges) {
        let Some(path) = build(segments) else { return };
        let transform = self.transform();
        if let Some(f) = fill {
            let paint = paint(f, edges);
            self.pixmap.fill_path(&path, &paint, FillRule::Winding, transform, self.mask.as_ref());
        }
        if let Some(s) = stroke {
            let paint = paint(Fill { color: s.color, opacity: s.opacity }, edges);
            let stroke = tiny_skia::Stroke {
                width: s.width as f32,
                line_join: LineJoin::Round,
                dash: s.dash.and_then(|d| StrokeDash::new(d.map(|v| v as f32).to_vec(), 0.0)),
                ..tiny_skia::Stroke::default()
            };
            self.pixmap.stroke_path(&path, &paint, &stroke, transform, self.mask.as_ref());
        }
    }

    fn text(&mut self, t: &Text) {
        let (glyphs, width) = font::shape(&t.text, t.weight);
        let start = match t.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let place = self
            .transform()
            .pre_translate(t.at.0 as f32, t.at.1 as f32)
            .pre_concat(Transform::from_rotate(t.angle as f32))
            .pre_scale(t.size as f32, t.size as f32);
        let paint = paint(t.color.into(), Edges::Smooth);
        for glyph in glyphs {
            let outline =
                self.glyphs.entry((t.weight, glyph.id)).or_insert_with(|| build(&font::outline(glyph.id, t.weight)));
            if let Some(path) = outline {
                let transform = place.pre_translate((start + glyph.x) as f32, 0.0);
                self.pixmap.fill_path(path, &paint, FillRule::Winding, transform, self.mask.as_ref());
            }
        }
    }

    fn image(&mut self, i: &Image) {
        let rows = i.pixels.len() / i.columns;
        let rgba = i.pixels.iter().flat_map(|c| [c.0, c.1, c.2, 255]).collect();
        let size = IntSize::from_wh(i.columns as u32, rows as u32);
        let Some(pixmap) = size.and_then(|s| Pixmap::from_vec(rgba, s)) else {
            return;
        };
        let transform = self
            .transform()
            .pre_translate(i.place.x as f32, i.place.y as f32)
            .pre_scale(i.place.w as f32 / i.columns as f32, i.place.h as f32 / rows as f32);
        let paint = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
        self.pixmap.draw_pixmap(0, 0, pixmap.as_ref(), &paint, transform, self.mask.as_ref());
    }
}

fn paint(fill: Fill, edges: Edges) -> Paint<'static> {
    let mut paint = Paint::default();
    let alpha = (fill.opacity * 255.0).round() as u8;
    paint.set_color_rgba8(fill.color.0, fill.color.1, fill.color.2, alpha);
    paint.anti_alias = edges == Edges::Smooth;
    paint
}

fn build(segments: &[Segment]) -> Option<Path> {
    let mut b = PathBuilder::new();
    let f = |p: Point| (p.0 as f32, p.1 as f32);
    for s in segments {
        match *s {
            Segment::Move(p) => {
                let (x, y) = f(p);
                b.move_to(x, y);
            }
            Segment::Line(p) => {
                let (x, y) = f(p);
                b.line_to(x, y);
            }
            Segment::Quad(c, p) => {
                let ((cx, cy), (x, y)) = (f(c), f(p));
                b.quad_to(cx, cy, x, y);
            }
            Segment::Cubic(c, d, p) => {
                let ((cx, cy), (dx, dy), (x, y)) = (f(c), f(d), f(p));
                b.cubic_to(cx, cy, dx, dy, x, y);
            }
            Segment::Close => b.close(),
        }
    }
    b.finish()
}
