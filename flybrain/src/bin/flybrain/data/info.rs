//! `flybrain data info`.

use std::path::PathBuf;

use clap::Args;
use connectome_io::{check_options, read_with};
use flybrain::summary::{Summary, magnitudes};
use flybrain::{portrait, thumbnail};
use serde_json::json;

use super::array_instead;
use crate::failure::Failure;
use crate::reading::Reading;
use crate::terminal::{Terminal, aligned};

/// Lines of the picture in text.
const SIDE: usize = 24;

/// Counts, degrees, components, signs, orientation and a small picture of a connectome
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// A file, or a folder with tables
    file: PathBuf,
    /// Draw the matrix, the degrees and the types into PATH.svg and PATH.png
    #[arg(long, value_name = "PATH")]
    picture: Option<PathBuf>,
    /// Numbers only, without the picture in text
    #[arg(long)]
    no_picture: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Info {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let connectome = {
            let step = terminal.step(&format!("reading {}", self.file.display()));
            let options = self.reading.options(step.progress());
            match read_with(&self.file, &options) {
                Ok(connectome) => {
                    check_options(&self.file, &options)?;
                    connectome
                }
                Err(error) => {
                    let array = array_instead(&self.file, error)?;
                    if self.picture.is_some() {
                        return Err(Failure::NoPicture { path: self.file.clone() });
                    }
                    let (shape, dtype) = (array.shape().to_vec(), format!("{:?}", array.dtype()));
                    let value = json!({ "array": { "shape": shape, "dtype": dtype } });
                    return terminal.result(&value, || format!("no connectome, but an array of {dtype} {shape:?}\n"));
                }
            }
        };
        let wiring = magnitudes(&connectome)?;
        let summary = Summary::of(&connectome, &wiring);
        terminal.result(&summary, || {
            let text = aligned(&summary.lines());
            if self.no_picture { text } else { format!("{text}\n{}", thumbnail(&wiring, SIDE)) }
        })?;
        if let Some(path) = &self.picture {
            let title = self.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let figure = portrait(&title, &connectome, &wiring)?;
            let [svg, png] = figure.save(path)?;
            terminal.remark(&format!("drawn: {}, {}", svg.display(), png.display()));
        }
        Ok(())
    }
}
