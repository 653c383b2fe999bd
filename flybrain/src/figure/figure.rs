//! A finished figure and the way it gets onto the disk.

use std::path::{Path, PathBuf};

use super::png;
use super::scene::Scene;
use super::svg;
use crate::Error;

/// A drawn figure. Made by the `build` of a plot or of a [`Grid`](super::Grid).
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub(crate) scene: Scene,
    pub(crate) title: String,
    pixel_ratio: f64,
}

impl Figure {
    pub(crate) fn new(scene: Scene, title: &str) -> Self {
        Self { scene, title: title.to_owned(), pixel_ratio: 2.0 }
    }

    /// Width and height in CSS pixels (1/96 inch).
    pub fn size(&self) -> (f64, f64) {
        (self.scene.width, self.scene.height)
    }

    /// PNG pixels per CSS pixel. Default 2, which is sharp on any screen and in print at half size.
    #[must_use]
    pub fn pixel_ratio(self, pixel_ratio: f64) -> Self {
        Self { pixel_ratio, ..self }
    }

    /// The figure as an SVG document. It needs no fonts, and several can stand in one HTML page.
    pub fn svg(&self) -> String {
        svg::write(&self.scene, &self.title)
    }

    /// The figure as the bytes of a PNG file.
    ///
    /// # Errors
    /// [`Error::PictureSize`] above 16,384 pixels of width or height.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        let (width, height, rgb) = png::draw(&self.scene, self.pixel_ratio).ok_or(Error::PictureSize {
            width: self.scene.width * self.pixel_ratio,
            height: self.scene.height * self.pixel_ratio,
        })?;
        // CSS pixels are 1/96 inch.
        let density = (self.pixel_ratio * 96.0 / 0.0254).round();
        Ok(png::encode(width, height, &rgb, density as u32))
    }

    /// Writes `PATH.svg` and `PATH.png` and returns both paths.
    ///
    /// An ending `.svg` or `.png` of `path` is ignored. Missing folders are made. Each file appears whole or not at all,
    /// and equal figures give equal bytes.
    ///
    /// # Errors
    /// [`Error::PictureSize`] if the PNG is too large, [`Error::Write`] if a file or folder cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<[PathBuf; 2], Error> {
        let path = path.as_ref();
        let stem = match path.extension() {
            Some(e) if e == "svg" || e == "png" => path.with_extension(""),
            _ => path.to_owned(),
        };
        let ending = |ending: &str| {
            let mut name = stem.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let paths = [ending(".svg"), ending(".png")];
        let png = self.png()?;
        for (path, bytes) in paths.iter().zip([self.svg().as_bytes(), &png]) {
            crate::atomic::write(path, bytes).map_err(|source| Error::Write { path: path.clone(), source })?;
        }
        Ok(paths)
    }
}
