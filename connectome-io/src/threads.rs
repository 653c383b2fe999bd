//! Work that several threads share.

use std::iter;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Does jobs on up to `threads` threads, this one among them, and gives what comes of each, in the order of the jobs.
pub(crate) fn share_out<J: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    threads: usize,
    work: impl Fn(J) -> R + Sync,
) -> Vec<R> {
    let threads = jobs.size_hint().1.map_or(threads, |most| threads.min(most));
    let queue = Mutex::new(jobs.enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || iter::from_fn(next).map(|(place, job)| (place, work(job))).collect::<Vec<(usize, R)>>();
    let mut done = thread::scope(|scope| {
        // The system may have no thread to give.
        let others: Vec<_> = (1..threads).map_while(|_| Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_jobs() {
        for threads in [0, 1, 2, 5] {
            let twice = share_out(0..1000u32, threads, |job| {
                if job.is_multiple_of(7) {
                    thread::yield_now();
                }
                2 * job
            });
            assert!(twice.iter().copied().eq((0..1000).map(|job| 2 * job)), "{threads} threads");
        }
        assert!(share_out(iter::empty::<u32>(), 2, |job| job).is_empty());
    }

    #[test]
    #[should_panic(expected = "job 3")]
    fn a_panic_is_passed_on() {
        share_out(0..5, 2, |job| assert_ne!(job, 3, "job 3"));
    }
}
