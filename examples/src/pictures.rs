//! Pictures of an example: saved as they come, listed at the end.

use crate::Error;
use flybrain::figure::{Animation, Figure};
use std::path::{Path, PathBuf};

/// A folder of pictures.
#[derive(Debug)]
pub struct Pictures {
    folder: PathBuf,
    saved: Vec<(String, String)>,
}

impl Pictures {
    /// Pictures in `folder`, which is made with the first of them.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), saved: Vec::new() }
    }

    /// Saves a figure as `name.svg` and `name.png`.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&mut self, name: &str, shows: &str, figure: &Figure) -> Result<(), Error> {
        figure.save(self.folder.join(name))?;
        self.saved.push((name.to_owned(), shows.to_owned()));
        Ok(())
    }

    /// Saves a movie as `name.svg`, which plays in a browser, and a picture of it, its contact sheet or a frame, as `name.png`.
    ///
    /// # Errors
    /// If the folder cannot be written to, or the picture is too large.
    pub fn save_movie(&mut self, name: &str, shows: &str, movie: &Animation, still: &Figure) -> Result<(), Error> {
        self.save(name, shows, still)?;
        std::fs::write(self.folder.join(format!("{name}.svg")), movie.svg())?;
        Ok(())
    }

    /// Prints where the pictures are and what they show.
    pub fn list(&self) {
        let here = std::env::current_dir().unwrap_or_default();
        let folder = self.folder.strip_prefix(&here).unwrap_or(&self.folder);
        println!("\nPictures, each as SVG and PNG:");
        for (name, shows) in &self.saved {
            println!("  {}", folder.join(format!("{name}.png")).display());
            println!("      {shows}");
        }
    }
}
