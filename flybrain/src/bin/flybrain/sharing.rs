//! Work that several processes share: tasks of an array job, or ranks of MPI.

#[cfg(feature = "mpi")]
mod ranks;

use clap::Args;
use flybrain::rate::sweep::Share;

use crate::failure::Failure;
#[cfg(feature = "mpi")]
use tch_train::Listening;

/// Which of several processes this is.
#[derive(Debug, Args)]
pub(crate) struct Sharing {
    /// Which of several tasks this is, from 0 [default: that of a Slurm or LSF array job, else 0]
    #[arg(long, value_name = "I")]
    task_id: Option<usize>,
    /// Tasks that the work is shared out to [default: those of the array job, else 1]
    #[arg(long, value_name = "N")]
    n_tasks: Option<usize>,
    /// Share out to the processes that mpirun started, of which the first one reports
    #[cfg(feature = "mpi")]
    #[arg(long, conflicts_with_all = ["task_id", "n_tasks"])]
    mpi: bool,
}

impl Sharing {
    /// Finds out.
    pub(crate) fn start(&self) -> Result<Processes, Failure> {
        #[cfg(feature = "mpi")]
        if self.mpi {
            let ranks = ranks::Ranks::start()?;
            let share = Share::new(ranks.rank(), ranks.size())?;
            // one that has done its share and waits is not to be ended by a signal that asks others to save
            let listening = Listening::start().map_err(flybrain::Error::from)?;
            return Ok(Processes { share, ranks: Some((ranks, listening)) });
        }
        if let Some(processes) = started().filter(|_| self.n_tasks.is_none()) {
            return Err(Failure::Alike { processes, remedy: SHARE });
        }
        let variable = |key: &str| std::env::var(key).ok();
        Ok(Processes {
            share: Share::find(self.task_id, self.n_tasks, variable)?,
            #[cfg(feature = "mpi")]
            ranks: None,
        })
    }
}

/// How work is shared out.
const SHARE: &str = if cfg!(feature = "mpi") {
    "give --mpi, or --task-id and --n-tasks"
} else {
    "build with `--features mpi` and give --mpi, or --task-id and --n-tasks"
};

/// How many processes mpirun of Open MPI or of MPICH started, where these are several.
fn started() -> Option<usize> {
    let of = |key: &str| std::env::var(key).ok()?.parse().ok();
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"].into_iter().find_map(of).filter(|&n| n > 1)
}

/// Refuses to be one of several processes that would do the same, for work that cannot be shared out.
pub(crate) fn alone() -> Result<(), Failure> {
    let remedy = "start one, without mpirun: this command's work is not shared out";
    started().map_or(Ok(()), |processes| Err(Failure::Alike { processes, remedy }))
}

/// Warns one of several tasks of an array job that all of them do the same, for work that is not shared out. They may be meant to
/// differ, so that this is not refused.
pub(crate) fn warn_of_array() {
    let variable = |key: &str| std::env::var(key).ok();
    let Ok(share) = Share::find(None, None, variable) else { return };
    if share.tasks() > 1 {
        let names = ["SLURM_ARRAY_TASK_ID", "LSB_JOBINDEX"];
        let name = names.into_iter().find(|key| variable(key).is_some()).unwrap_or_default();
        tracing::warn!(
            "{name} says that this is one of {} tasks of an array job, and this command does not share out its work: each task does all of \
             it; give each a --seed and an --out of its own, or start one",
            share.tasks()
        );
    }
}

/// The processes that share the work.
pub(crate) struct Processes {
    share: Share,
    #[cfg(feature = "mpi")]
    ranks: Option<(ranks::Ranks, Listening)>,
}

impl Processes {
    /// What this process does.
    pub(crate) fn share(&self) -> Share {
        self.share
    }

    /// Whether this process waits for others, and they for it.
    pub(crate) fn meet(&self) -> bool {
        #[cfg(feature = "mpi")]
        return self.ranks.is_some();
        #[cfg(not(feature = "mpi"))]
        false
    }

    /// Whether this process tells what came of it: the first of those that meet, each of those that do not.
    pub(crate) fn reports(&self) -> bool {
        !self.meet() || self.share.task() == 0
    }

    /// Waits until all that meet are here. If one fails, which it tells at once, all do.
    pub(crate) fn join<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        #[cfg(feature = "mpi")]
        if let Some((ranks, _)) = &self.ranks {
            if let Err(failure) = &result {
                eprintln!("error: rank {}: {failure}", ranks.rank());
            }
            let failed = ranks.failed(result.is_err());
            return if failed.is_empty() { result } else { Err(Failure::Ranks { failed }) };
        }
        result
    }

    /// Sums numbers over all that meet.
    pub(crate) fn sum<const N: usize>(&self, numbers: [usize; N]) -> [usize; N] {
        #[cfg(feature = "mpi")]
        if let Some((ranks, _)) = &self.ranks {
            return ranks.sum(numbers);
        }
        numbers
    }
}
