//! The fly visual system: published or trained models shown flashes, edges, bars, films and impulses, and what they are tuned to.
//!
//! Each workflow takes a [`Population`] of models, settings, and a folder; it writes tables (`.csv`), responses, figures (`.svg` and
//! `.png`), `run.json` and a `report.html` that opens without a server.

mod clusters;
mod edges;
mod explore;
mod fields;
mod flash;
mod panel;
mod population;
mod predict;
mod respond;
mod train;

pub use clusters::Cluster;
pub use edges::{EdgeResults, EdgeSettings, Moving, Subtype, edges};
pub use explore::{ExploreResults, explore};
pub use fields::{FieldResults, FieldSettings, FieldSummary, receptive_fields};
pub use flash::{FlashResults, FlashSettings, flash};
pub use population::{Model, Population};
pub use predict::{PredictSettings, Prediction, Predictions, Spread, predict};
pub use respond::{Film, RespondResults, RespondSettings, respond};
pub use train::{
    CompareSettings, ComparedMeasure, ComparedModel, ComparedRun, Comparison, FlyTrainSettings, FlyTrained, FlyWiring,
    Light, Movies, Pull, Recipe, RecordSettings, Recorded, SceneLook, TrainOptions, TrainedModel, Validated, collect,
    compare, record, train, validate,
};

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::{Error, atomic};

/// Types whose activity is shown as movies and traces when nothing else is asked for: from the eye to T4 and T5.
pub const SHOWN: [&str; 12] = ["R1", "L1", "L2", "Mi1", "Tm3", "Mi9", "Tm1", "Tm9", "T4a", "T4b", "T5a", "T5b"];

/// Writes a table.
fn write_csv(folder: &Path, name: &str, head: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
    let mut text = head.join(",") + "\n";
    for row in rows {
        text += &row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    let path = folder.join(name);
    atomic::write(&path, text.as_bytes()).map_err(|source| Error::Write { path: path.clone(), source })
}

/// A table that is written row by row, and is there once it is finished.
struct CsvFile {
    path: PathBuf,
    file: atomic::Writing,
}

impl CsvFile {
    fn create(folder: &Path, name: &str, head: &[&str]) -> Result<Self, Error> {
        let path = folder.join(name);
        match atomic::Writing::create(&path) {
            Ok(file) => {
                let mut table = Self { path, file };
                table.row(head)?;
                Ok(table)
            }
            Err(source) => Err(Error::Write { path, source }),
        }
    }

    fn row(&mut self, fields: &[&str]) -> Result<(), Error> {
        let line = fields.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",") + "\n";
        self.file.write(line.as_bytes()).map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    fn finish(self) -> Result<(), Error> {
        let Self { path, file } = self;
        file.finish().map_err(|source| Error::Write { path, source })
    }
}

/// A field of a table, in quotes where it needs them (RFC 4180): names of files may hold anything.
fn quoted(field: &str) -> Cow<'_, str> {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")).into(),
        false => field.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let folder = tempfile::tempdir().unwrap();
        let row = ["a,b.pt", "say \"T4a\"", "CT1(Lo1)"].map(String::from);
        write_csv(folder.path(), "t.csv", &["model", "type", "x"], &[row.to_vec()]).unwrap();
        let text = std::fs::read_to_string(folder.path().join("t.csv")).unwrap();
        assert_eq!(text, "model,type,x\n\"a,b.pt\",\"say \"\"T4a\"\"\",CT1(Lo1)\n");
    }
}
