//! A thread that finds rows while those before are looked at.

use std::panic::resume_unwind;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use crate::Error;
use crate::tables::{Each, PlainRows};

/// Batches that may wait.
const WAITING: usize = 2;

/// Lets a thread `take` rows, and the bytes of the file used so far with them, until it adds none or fails, and hands them
/// on; whether there were any. Errors are those that would come first without the thread.
pub(super) fn each_batch(
    mut take: impl FnMut(&mut PlainRows) -> (u64, Result<(), Error>) + Send,
    each: &mut Each<'_>,
) -> Result<bool, Error> {
    thread::scope(|scope| {
        let (found, batches) = sync_channel::<(PlainRows, u64)>(WAITING);
        let (used_up, empty) = channel::<PlainRows>();
        let finder = scope.spawn(move || {
            loop {
                let mut rows = empty.try_recv().unwrap_or_default();
                let (bytes, taken) = take(&mut rows);
                // Nobody waits for rows any more where those before were refused.
                if rows.len() == 0 || found.send((rows, bytes)).is_err() || taken.is_err() {
                    return taken;
                }
            }
        });
        let mut any = false;
        for (mut rows, bytes) in batches {
            each(&mut rows, bytes)?;
            any = true;
            let _ = used_up.send(rows);
        }
        finder.join().unwrap_or_else(|panic| resume_unwind(panic)).map(|()| any)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;

    fn failure(what: &'static str) -> Error {
        Error::Empty { at: Location::memory().boxed(), what }
    }

    /// Goes through batches of ten rows up to `n` rows; the thread fails behind them, the reader at the batch `refused`.
    fn run(n: u64, fails: bool, refused: Option<u64>) -> (Vec<i64>, Result<bool, Error>) {
        let mut next = 0;
        let take = |rows: &mut PlainRows| {
            let end = n.min(next + 10);
            while next < end {
                rows.push([next, 2 * next, 1], next as u32);
                next += 1;
            }
            (next, if fails && next == n { Err(failure("row")) } else { Ok(()) })
        };
        let mut seen = Vec::new();
        let mut each = |rows: &mut PlainRows, bytes: u64| {
            if refused.is_some_and(|batch| seen.len() as u64 == 10 * batch) {
                return Err(failure("batch"));
            }
            assert_eq!(bytes, n.min(seen.len() as u64 + 10));
            seen.extend((0..rows.len()).map(|row| rows.pre.get(row)));
            rows.clear();
            Ok(())
        };
        let result = each_batch(take, &mut each);
        (seen, result)
    }

    #[test]
    fn all_rows_come_in_their_order() {
        for n in [0, 1, 9, 10, 11, 1000, 1003] {
            let (seen, any) = run(n, false, None);
            assert!(seen.iter().copied().eq(0..n as i64) && any.unwrap() == (n > 0));
        }
    }

    #[test]
    fn what_is_wrong_first_is_said() {
        let (seen, result) = run(95, true, None);
        assert!(seen.len() == 95 && matches!(result, Err(Error::Empty { what: "row", .. })));
        let (seen, result) = run(95, true, Some(3));
        assert!(seen.len() == 30 && matches!(result, Err(Error::Empty { what: "batch", .. })));
        assert!(run(0, true, None).1.is_err());
    }

    #[test]
    #[should_panic(expected = "in the thread")]
    fn a_panic_is_passed_on() {
        let _ = each_batch(|_| panic!("in the thread"), &mut |_, _| Ok(()));
    }
}
