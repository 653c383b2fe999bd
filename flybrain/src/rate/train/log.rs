//! What a training leaves in writing.

use std::fs;
use std::path::Path;

use lyapunov::{entropy, kaplan_yorke_dimension};
use serde_json::{Value, json};
use tch_train::Outcome;

use super::Epoch;
use crate::Error;

/// Epochs and spectra of one network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    /// In their order.
    pub epochs: Vec<Epoch>,
    /// The full spectrum before training; empty as long as training goes on.
    pub before: Vec<f64>,
    /// The full spectrum after the newest tenth epoch or the last.
    pub after: Vec<f64>,
    /// Epochs after which it was computed.
    pub measured: usize,
    /// Time of training, seconds.
    pub seconds: f64,
    /// Whether training ended.
    pub finished: bool,
}

/// Which epochs the lists of a JSON log have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listed {
    /// All. The default.
    #[default]
    All,
    /// All but the last, as FlyStability's plain training has them.
    WithoutLast,
}

impl Log {
    /// The log as JSON: FlyStability's keys `training_loss`, `training_lambda_max`, `grad_weights`, `grad_shifts`, `grad_gains` (one
    /// number per epoch, from before its step), `spectrum` and `time_training[s]`, and ours.
    pub fn to_json(&self, listed: Listed) -> Value {
        let count = self.epochs.len() - usize::from(listed == Listed::WithoutLast && !self.epochs.is_empty());
        let list = |of: &dyn Fn(&Epoch) -> f64| self.epochs[..count].iter().map(of).collect::<Vec<_>>();
        json!({
            "training_loss": list(&|e| e.loss),
            "training_lambda_max": list(&|e| e.largest),
            "spectrum": self.after,
            "grad_gains": list(&|e| e.norms[2]),
            "grad_shifts": list(&|e| e.norms[1]),
            "grad_weights": list(&|e| e.norms[0]),
            "time_training[s]": format!("{:.2}", self.seconds),
            "epochs": self.measured,
            "finished": self.finished,
            "spectrum_before": self.before,
            "entropy": entropy(&self.after),
            "kaplan_yorke_dimension": kaplan_yorke_dimension(&self.after),
        })
    }

    /// Reads what a run left in its folder: epochs from `training.csv`, all else from `log.json`. `None` where there is no log.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Settings`] for files that are none of these.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join("log.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let bad = |problem: String| Error::Settings { path: path.clone(), problem };
        let json: Value = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        let spectrum = |key: &str| -> Result<Vec<f64>, Error> {
            let list = json[key].as_array().ok_or_else(|| bad(format!("it has no list {key:?}")))?;
            list.iter().map(|x| x.as_f64().ok_or_else(|| bad(format!("{key}: {x} is no number")))).collect()
        };
        Ok(Some(Self {
            epochs: rows(&folder.join("training.csv"))?,
            before: spectrum("spectrum_before")?,
            after: spectrum("spectrum")?,
            measured: json["epochs"].as_u64().unwrap_or(0) as usize,
            seconds: json["time_training[s]"].as_str().and_then(|s| s.parse().ok()).unwrap_or(0.0),
            finished: json["finished"].as_bool().unwrap_or(false),
        }))
    }
}

impl Epoch {
    /// The numbers of a row of `training.csv` beside the loss.
    pub(super) fn outcome(&self) -> Outcome {
        let [weights, shifts, gains] = self.norms;
        let outcome = Outcome::differentiated(self.loss)
            .metric("lambda_max", self.largest)
            .metric("grad_weights", weights)
            .metric("grad_shifts", shifts)
            .metric("grad_gains", gains);
        let numbered = self.exponents.iter().enumerate();
        numbered.fold(outcome, |outcome, (i, x)| outcome.metric(format!("lambda_{i}"), *x))
    }
}

/// The epochs of a `training.csv`.
pub(super) fn rows(path: &Path) -> Result<Vec<Epoch>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    let bad = |problem: String| Error::Settings { path: path.to_path_buf(), problem };
    // A row that a crash cut off has no end.
    let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let Some(heading) = lines.next() else { return Ok(Vec::new()) };
    let heading: Vec<&str> = heading.split(',').collect();
    let place = |name: &str| {
        heading.iter().position(|title| *title == name).ok_or_else(|| bad(format!("there is no column {name:?}")))
    };
    let columns = [place("loss")?, place("lambda_max")?, place("grad_weights")?, place("grad_shifts")?];
    let [loss, largest, weights, shifts] = columns;
    let (gains, first) = (place("grad_gains")?, place("lambda_0")?);
    lines
        .enumerate()
        .map(|(row, line)| {
            let numbers: Option<Vec<f64>> = line.split(',').map(|cell| cell.parse().ok()).collect();
            let numbers = numbers
                .filter(|n| n.len() == heading.len())
                .ok_or_else(|| bad(format!("row {} is {line:?}, not {} numbers", row + 1, heading.len())))?;
            let norms = [numbers[weights], numbers[shifts], numbers[gains]];
            Ok(Epoch { loss: numbers[loss], largest: numbers[largest], norms, exponents: numbers[first..].to_vec() })
        })
        .collect()
}
