//! Whether a run can begin or go on in a folder, and write what it is to leave elsewhere.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use tch_train::Checkpoint;

use super::Run;
use crate::{Error, atomic, run_folder};

/// Refuses a folder that is not empty or, for a run that goes on, that holds something else than a run with these settings, but for
/// those in `may_differ`. Returns the settings of the run that is there.
pub(super) fn check<S: Serialize>(
    folder: &Path,
    resume: bool,
    settings: &S,
    may_differ: &[&str],
    read: impl FnOnce(&Path) -> Result<S, Error>,
) -> Result<Option<S>, Error> {
    if !resume {
        run_folder::check_empty(folder)?;
        return Ok(None);
    }
    let other = || {
        let problem = "it holds something else than a run; name another folder".to_owned();
        Error::Settings { path: folder.to_path_buf(), problem }
    };
    let holds = run_folder::holds(folder, "config.toml").map_err(|error| match error {
        Error::Exists { .. } => other(),
        error => error,
    })?;
    if !holds {
        return Ok(None);
    }
    // a run writes its table before its settings
    if !folder.join("graph.csv").exists() {
        return Err(other());
    }
    let path = folder.join("config.toml");
    let there = read(&path)?;
    run_folder::same_settings(&path, &there, settings, may_differ)?;
    Ok(Some(there))
}

/// What checkpoints note beside the state: the number of threads.
pub(super) fn notes() -> Value {
    json!({ "threads": tch::get_num_threads() })
}

/// Says that a run goes on with another number of threads.
pub(super) fn compare_threads(run: &Run) -> Result<(), Error> {
    // the trainer says which checkpoints are damaged
    let newest = run.checkpoints().list()?.into_iter().next().and_then(|(_, path)| Checkpoint::read(path).ok());
    let (then, now) = (newest.and_then(|saved| saved.notes["threads"].as_i64()), i64::from(tch::get_num_threads()));
    if let Some(then) = then.filter(|&then| then != now) {
        tracing::warn!(
            "the checkpoint was made with {then} threads, now {now}: libtorch adds gradients in another order, so that the run is not \
             the same bit for bit"
        );
    }
    Ok(())
}

/// Says that a run that was to go on begins.
pub(super) fn nothing_to_resume(run: &Run) {
    tracing::warn!("{} holds no checkpoint yet; the run begins from the start", run.path("checkpoints").display());
}

/// Refuses a file that could not be written at the end of a run.
pub(super) fn check_file(path: &Path) -> Result<(), Error> {
    atomic::try_folder(path).map_err(|source| Error::Write { path: path.to_path_buf(), source })
}
