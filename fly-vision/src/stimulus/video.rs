//! Films: sequences of images.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use connectome_io::format::npy;
use connectome_io::{ArrayData, Dtype};
use png::{BitDepth, ColorType, Decoder, Transformations};

use crate::Error;
use crate::eye::FrameSize;

/// Pixels of a film at most: 8 GiB of luminance.
const MAX_PIXELS: usize = 1 << 31;

/// Weights of red, green and blue in luma (ITU-R BT.601), in parts of 2^16.
const LUMA: [u32; 3] = [19_595, 38_470, 7_471];

/// A film: luminance `[frames, height, width]`, 0 dark and 1 bright, and its frame rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    pixels: Vec<f32>,
    size: FrameSize,
    rate: f64,
}

impl Video {
    /// Of luminance `[frames, height, width]` at `rate` frames per second.
    ///
    /// # Errors
    /// [`Error::Shape`] unless these are whole frames, at least one; [`Error::Setting`] for a rate that is not positive.
    pub fn new(pixels: Vec<f32>, size: FrameSize, rate: f64) -> Result<Self, Error> {
        if size.frames_in(pixels.len())? == 0 {
            return Err(Error::shape("a film", "0 frames", "at least one"));
        }
        if !(rate > 0.0 && rate.is_finite()) {
            return Err(Error::setting("frame rate", format!("{rate} Hz, which must be positive")));
        }
        Ok(Self { pixels, size, rate })
    }

    /// Reads an array `[frames, height, width]`, `.npy` or `.npy.gz`: bytes, of which 255 is bright, or floats between 0 and 1.
    ///
    /// # Errors
    /// [`Error::Data`] for files that cannot be read; [`Error::Content`] for other arrays; [`Error::Setting`] as [`Video::new`].
    pub fn from_npy(path: impl AsRef<Path>, rate: f64) -> Result<Self, Error> {
        let path = path.as_ref();
        let content = |what: String| Error::Content { path: path.to_path_buf(), what };
        let array = npy::read(path)?;
        let &[frames, height, width] = array.shape() else {
            return Err(content(format!("an array of shape {:?}; films are [frames, height, width]", array.shape())));
        };
        if frames * height * width == 0 {
            return Err(content(format!(
                "an array of shape {:?}; films have a frame and a pixel at least",
                array.shape()
            )));
        }
        let pixels: Vec<f32> = match array.data() {
            ArrayData::U8(bytes) => bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect(),
            ArrayData::F32(values) => values.clone(),
            _ if matches!(array.dtype(), Dtype::F64 | Dtype::F16) => {
                array.to_f64()?.into_iter().map(|value| value as f32).collect()
            }
            _ => return Err(content(format!("elements of type {:?}; films are bytes or floats", array.dtype()))),
        };
        if let Some(value) = pixels.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(content(format!("luminance {value}, of 0 to 1")));
        }
        Self::new(pixels, FrameSize::new(height, width), rate)
    }

    /// Reads all PNG images of a folder in the order of their names: grey or colour (the luma of ITU-R BT.601 is taken), 8 or 16
    /// bits; transparency is ignored.
    ///
    /// # Errors
    /// [`Error::Io`] for files that cannot be read; [`Error::Content`] for damaged images, images of different sizes, a folder
    /// without any; [`Error::Setting`] as [`Video::new`].
    pub fn from_png_folder(folder: impl AsRef<Path>, rate: f64) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let io = |source| Error::Io { path: folder.to_path_buf(), doing: "listing images", source };
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
                files.push(path);
            }
        }
        files.sort();
        let (mut pixels, mut first) = (Vec::new(), None);
        for path in &files {
            let content = |what: String| Error::Content { path: path.clone(), what };
            let size = read_png(path, files.len(), &mut pixels)?;
            if *first.get_or_insert(size) != size {
                return Err(content(format!("an image of {size} pixels among others")));
            }
        }
        match first {
            Some(size) => Self::new(pixels, size, rate),
            None => Err(Error::Content { path: folder.to_path_buf(), what: "no *.png in this folder".into() }),
        }
    }

    /// Luminance, `[frames, height, width]`.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// Size of the frames.
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.pixels.len() / self.size.pixels()
    }

    /// Frames per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

/// Appends the luminance of an image, one of `count`.
fn read_png(path: &Path, count: usize, pixels: &mut Vec<f32>) -> Result<FrameSize, Error> {
    let file = File::open(path).map_err(|source| Error::Io { path: path.to_path_buf(), doing: "reading", source })?;
    let content = |what: String| Error::Content { path: path.to_path_buf(), what };
    let damaged = |e: png::DecodingError| content(format!("no PNG image that can be read: {e}"));
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    let size = FrameSize::new(info.height as usize, info.width as usize);
    let total = size.height.saturating_mul(size.width).saturating_mul(count);
    if total > MAX_PIXELS {
        return Err(content(format!("{count} images of {size} pixels are more than the {MAX_PIXELS} that fit a film")));
    }
    let bytes = reader.output_buffer_size().ok_or_else(|| content(format!("{size} pixels do not fit the memory")))?;
    let mut buffer = vec![0; bytes];
    let frame = reader.next_frame(&mut buffer).map_err(damaged)?;
    let buffer = &buffer[..frame.buffer_size()];
    let channels = frame.color_type.samples();
    let colour = matches!(frame.color_type, ColorType::Rgb | ColorType::Rgba);
    match frame.bit_depth {
        BitDepth::Eight => pixels.extend(buffer.chunks_exact(channels).map(|sample| {
            let luma = if colour {
                let sum: u32 = LUMA.iter().zip(sample).map(|(&weight, &part)| weight * u32::from(part)).sum();
                (sum + (1 << 15)) >> 16
            } else {
                u32::from(sample[0])
            };
            luma as f32 / 255.0
        })),
        BitDepth::Sixteen => pixels.extend(buffer.chunks_exact(2 * channels).map(|sample| {
            let part = |i: usize| f64::from(u16::from_be_bytes([sample[2 * i], sample[2 * i + 1]])) / 65_535.0;
            let luma =
                if colour { (0..3).map(|i| f64::from(LUMA[i]) * part(i)).sum::<f64>() / 65_536.0 } else { part(0) };
            luma as f32
        })),
        depth => return Err(content(format!("{depth:?} bits per sample"))),
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_png(path: &Path, colour: ColorType, depth: BitDepth, [width, height]: [u32; 2], bytes: &[u8]) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), width, height);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    }

    #[test]
    fn images_become_luminance() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        write_png(&file("b.png"), ColorType::Rgb, BitDepth::Eight, [2, 1], &[255, 0, 0, 255, 255, 255]);
        write_png(&file("a.png"), ColorType::Grayscale, BitDepth::Eight, [2, 1], &[0, 51]);
        write_png(&file("c.png"), ColorType::GrayscaleAlpha, BitDepth::Sixteen, [2, 1], &[255, 255, 0, 0, 0, 0, 9, 9]);
        std::fs::write(file("notes.txt"), "none").unwrap();
        let film = Video::from_png_folder(folder.path(), 24.0).unwrap();
        assert_eq!((film.frames(), film.size()), (3, FrameSize::new(1, 2)));
        assert_eq!(film.pixels(), [0.0, 0.2, 76.0 / 255.0, 1.0, 1.0, 0.0]);
        write_png(&file("d.png"), ColorType::Grayscale, BitDepth::Eight, [1, 1], &[0]);
        assert!(Video::from_png_folder(folder.path(), 24.0).unwrap_err().to_string().contains("d.png"));
        std::fs::write(file("d.png"), "no image").unwrap();
        assert!(Video::from_png_folder(folder.path(), 24.0).is_err());
        assert!(Video::from_png_folder(file("a.png"), 24.0).is_err());
    }

    #[test]
    fn arrays_become_luminance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.npy");
        let array = |shape: &[usize], data: ArrayData| connectome_io::Array::new(shape.to_vec(), data).unwrap();
        npy::write(&path, &array(&[2, 1, 2], vec![0u8, 255, 51, 0].into())).unwrap();
        assert_eq!(Video::from_npy(&path, 30.0).unwrap().pixels(), [0.0, 1.0, 0.2, 0.0]);
        npy::write(&path, &array(&[1, 1, 1], vec![0.25f64].into())).unwrap();
        assert_eq!(Video::from_npy(&path, 30.0).unwrap().pixels(), [0.25]);
        assert!(Video::from_npy(&path, 0.0).is_err());
        npy::write(&path, &array(&[1, 1, 1], vec![f32::NAN].into())).unwrap();
        assert!(Video::from_npy(&path, 30.0).is_err());
        npy::write(&path, &array(&[2, 1], vec![0u8, 1].into())).unwrap();
        assert!(Video::from_npy(&path, 30.0).is_err());
        for empty in [[0, 1, 1], [3, 0, 4], [3, 4, 0]] {
            npy::write(&path, &array(&empty, Vec::<u8>::new().into())).unwrap();
            let told = Video::from_npy(&path, 30.0).unwrap_err().to_string();
            assert!(told.contains("film.npy") && told.contains(&format!("{empty:?}")), "{told}");
        }
    }
}
