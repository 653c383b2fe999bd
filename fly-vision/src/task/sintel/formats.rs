//! The files of MPI-Sintel: images, flow fields, depth maps.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::Error;

/// What the first four bytes of flow and depth files are, as a little-endian `f32` (the letters "PIEH").
const TAG: f32 = 202_021.25;
/// Pixels of a file at most: a hundred times those of the data set.
const PIXELS: usize = 1 << 26;

/// An image or map: `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channel by channel, row by row.
    pub values: Vec<f32>,
}

fn io<'a>(path: &'a Path, doing: &'static str) -> impl Fn(std::io::Error) -> Error + 'a {
    move |source| Error::Io { path: path.to_owned(), doing, source }
}

fn content(path: &Path, what: impl Into<String>) -> Error {
    Error::Content { path: path.to_owned(), what: what.into() }
}

/// Luminance of an 8-bit PNG, `[1, height, width]` between 0 and 1: ITU-R 601 in whole numbers as Pillow computes it,
/// `(19595 r + 38470 g + 7471 b + 32768) >> 16`, divided by 255. Alpha is ignored.
///
/// # Errors
/// [`Error::Io`] and [`Error::Content`] for a file that cannot be read or is no such image.
pub fn read_luminance(path: &Path) -> Result<Raster, Error> {
    let file = File::open(path).map_err(io(path, "opening an image"))?;
    let broken = |e: png::DecodingError| content(path, format!("not a whole PNG image: {e}"));
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let (color, depth) = reader.output_color_type();
    if depth != png::BitDepth::Eight || width.saturating_mul(height) > PIXELS {
        let what =
            format!("{width} x {height} pixels of {depth:?} bits; images have 8 bits and at most {PIXELS} pixels");
        return Err(content(path, what));
    }
    let samples = color.samples();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap_or(0)];
    if bytes.len() != width * height * samples {
        return Err(content(path, format!("{} bytes for {width} x {height} pixels", bytes.len())));
    }
    reader.next_frame(&mut bytes).map_err(broken)?;
    let grey = |pixel: &[u8]| -> f32 {
        let luma = match pixel {
            [r, g, b, ..] => (19_595 * u32::from(*r) + 38_470 * u32::from(*g) + 7_471 * u32::from(*b) + 32_768) >> 16,
            [grey, ..] => u32::from(*grey),
            [] => 0,
        };
        luma as f32 / 255.0
    };
    Ok(Raster { height, width, values: bytes.chunks_exact(samples).map(grey).collect() })
}

/// A flow field `.flo`, `[2, height, width]`: pixels rightwards and downwards until the next frame, as stored.
///
/// # Errors
/// As [`read_luminance`]; a size that is not that of the file is noticed before anything is allocated.
pub fn read_flow(path: &Path) -> Result<Raster, Error> {
    let interleaved = read_tagged(path, 2)?;
    let channel = |c: usize| interleaved.values.iter().skip(c).step_by(2).copied();
    Ok(Raster { values: channel(0).chain(channel(1)).collect(), ..interleaved })
}

/// A depth map `.dpt`, `[1, height, width]`, in metres.
///
/// # Errors
/// As [`read_flow`].
pub fn read_depth(path: &Path) -> Result<Raster, Error> {
    read_tagged(path, 1)
}

/// Tag, width and height, then `channels` numbers per pixel.
fn read_tagged(path: &Path, channels: usize) -> Result<Raster, Error> {
    let mut file = File::open(path).map_err(io(path, "opening a map"))?;
    let length = file.metadata().map_err(io(path, "asking for the size"))?.len();
    let mut head = [0; 12];
    if length < 12 {
        return Err(content(path, format!("{length} bytes; tag, width and height alone are 12")));
    }
    file.read_exact(&mut head).map_err(io(path, "reading the head"))?;
    let word = |i: usize| [head[i], head[i + 1], head[i + 2], head[i + 3]];
    let tag = f32::from_le_bytes(word(0));
    if tag != TAG {
        return Err(content(path, format!("starts with {tag}, not with the tag {TAG}")));
    }
    let [width, height] = [4, 8].map(|i| i64::from(i32::from_le_bytes(word(i))));
    let pixels = width.checked_mul(height).filter(|n| width > 0 && height > 0 && *n <= PIXELS as i64);
    let Some(pixels) = pixels else {
        return Err(content(path, format!("says {width} x {height} pixels; at least 1, at most {PIXELS}")));
    };
    let want = 12 + 4 * channels as u64 * pixels as u64;
    if length != want {
        return Err(content(path, format!("{length} bytes, but {width} x {height} pixels take {want}")));
    }
    let mut bytes = vec![0; 4 * channels * pixels as usize];
    file.read_exact(&mut bytes).map_err(io(path, "reading the numbers"))?;
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        return Err(content(path, format!("{} at number {at}; all must be finite", values[at])));
    }
    Ok(Raster { height: height as usize, width: width as usize, values })
}
