//! Ranks of MPI.

use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::environment::Universe;
use mpi::traits::{Communicator, CommunicatorCollectives};

use crate::failure::Failure;

/// This process among those that mpirun started. MPI is used by the main thread alone.
pub(super) struct Ranks(Universe);

impl Ranks {
    /// Starts MPI, which can be done once. Every MPI grants calls by the main thread alone.
    pub(super) fn start() -> Result<Self, Failure> {
        mpi::initialize_with_threading(Threading::Funneled).map(|(universe, _)| Self(universe)).ok_or(Failure::NoMpi)
    }

    /// Its number.
    pub(super) fn rank(&self) -> usize {
        self.0.world().rank() as usize
    }

    /// How many there are.
    pub(super) fn size(&self) -> usize {
        self.0.world().size() as usize
    }

    /// Waits for all; gives those that failed.
    pub(super) fn failed(&self, this: bool) -> Vec<usize> {
        let mut all = vec![false; self.size()];
        self.0.world().all_gather_into(&this, &mut all);
        (0..all.len()).filter(|&rank| all[rank]).collect()
    }

    /// Waits for all; gives sums over them.
    pub(super) fn sum<const N: usize>(&self, numbers: [usize; N]) -> [usize; N] {
        let mine = numbers.map(|n| n as u64);
        let mut all = [0; N];
        self.0.world().all_reduce_into(&mine, &mut all, SystemOperation::sum());
        all.map(|n| n as usize)
    }
}

impl Drop for Ranks {
    /// Others would wait for one that panics until the end of time.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.world().abort(101);
        }
    }
}
