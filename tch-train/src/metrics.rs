//! Numbers of a run, as CSV.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// A CSV file with a row per step, in the order of steps.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    /// None before the first row.
    columns: Option<String>,
}

impl Log {
    /// Opens or makes a file, and cuts off what came after `step`: rows of later steps, and one that is not whole.
    pub(crate) fn open(path: &Path, step: u64) -> Result<Self, Error> {
        let failed = || Error::file("open", path);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed())?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed())?;
        let (mut kept, mut columns) = (0, None);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok()) else { break };
            let row = || whole.split(',').next()?.parse::<u64>().ok();
            match &columns {
                None if step > 0 => columns = Some(whole.to_owned()),
                Some(_) if row().is_some_and(|row| row <= step) => {}
                _ => break,
            }
            kept += line.len();
        }
        file.set_len(kept as u64).map_err(failed())?;
        file.seek(SeekFrom::End(0)).map_err(failed())?;
        Ok(Self { path: path.into(), file, columns })
    }

    /// Adds a row; the first one decides the columns. It is with the system when this returns.
    pub(crate) fn row(&mut self, step: u64, values: &[(String, f64)]) -> Result<(), Error> {
        let names = values.iter().fold("step".to_owned(), |text, (name, _)| text + "," + name);
        let mut text = String::new();
        match &self.columns {
            Some(columns) if *columns != names => {
                let what = self.path.display().to_string();
                return Err(Error::Mismatch {
                    what,
                    differences: vec![format!("columns {columns} there, {names} now")],
                });
            }
            Some(_) => {}
            None => {
                if let Some((bad, _)) = values.iter().find(|(name, _)| name.contains([',', '"', '\n', '\r'])) {
                    let what =
                        format!("{bad:?} cannot be the name of a column; leave out commas, quotes and line ends");
                    return Err(Error::Setting { option: "metric", what });
                }
                text = names.clone() + "\n";
                self.columns = Some(names);
            }
        }
        text += &step.to_string();
        for (_, value) in values {
            text += &format!(",{value:?}");
        }
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(Error::file("write", &self.path))
    }

    /// Brings all rows to the disk.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::file("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn rows_after_the_step_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("training.csv");
        let row = |loss: f64| [("lr".to_owned(), 1e-5), ("loss".to_owned(), loss)];
        let mut log = Log::open(&path, 0).unwrap();
        for step in 1..=4 {
            log.row(step, &row(step as f64)).unwrap();
        }
        log.sync().unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        assert_eq!(whole, "step,lr,loss\n1,1e-5,1.0\n2,1e-5,2.0\n3,1e-5,3.0\n4,1e-5,4.0\n");
        // killed in the middle of a row
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut log = Log::open(&path, 2).unwrap();
            log.row(3, &row(3.0)).unwrap();
            let want = whole.lines().take(whole[..cut].matches('\n').count().clamp(0, 3)).collect::<Vec<_>>();
            let got = fs::read_to_string(&path).unwrap();
            let rows = if want.is_empty() { vec!["step,lr,loss"] } else { want };
            assert_eq!(got, rows.join("\n") + "\n3,1e-5,3.0\n", "cut at {cut}");
        }
        Log::open(&path, 0).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn other_columns_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(&folder.path().join("x.csv"), 0).unwrap();
        assert!(log.row(1, &[("a,b".into(), 1.0)]).is_err());
        log.row(1, &[("a".into(), f64::NAN)]).unwrap();
        let text = log.row(2, &[("b".into(), 1.0)]).unwrap_err().to_string();
        assert!(text.ends_with("x.csv does not fit:\n  columns step,a there, step,b now"), "{text}");
    }
}
