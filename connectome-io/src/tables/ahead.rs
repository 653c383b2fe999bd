//! A thread that finds rows while those before are looked at.

use std::panic::resume_unwind;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use super::{Each, PlainRows};
use crate::Error;

/// Batches that may wait.
const WAITING: usize = 2;

/// Lets a thread `take` rows, and the bytes of the file used so far with them, until it adds none or fails, and hands them
/// on; whether there were any. Errors are those that would come first without the thread.
pub(crate) fn each_batch(
    mut take: impl FnMut(&mut PlainRows) -> (u64, Result<(), Error>) + Send,
    each: &mut Each<'_>,
) -> Result<bool, Error> {
    let with_thread = thread::scope(|scope| {
        let (found, batches) = sync_channel::<(PlainRows, u64)>(WAITING);
        let (used_up, empty) = channel::<PlainRows>();
        let take = &mut take;
        let find = move || {
            loop {
                let mut rows = empty.try_recv().unwrap_or_default();
                let (bytes, taken) = take(&mut rows);
                // Nobody waits for rows any more where those before were refused.
                if rows.len() == 0 || found.send((rows, bytes)).is_err() || taken.is_err() {
                    return taken;
                }
            }
        };
        let finder = thread::Builder::new().spawn_scoped(scope, find).ok()?;
        let mut any = false;
        for (mut rows, bytes) in batches {
            if let Err(error) = each(&mut rows, bytes) {
                return Some(Err(error));
            }
            any = true;
            let _ = used_up.send(rows);
        }
        Some(finder.join().unwrap_or_else(|panic| resume_unwind(panic)).map(|()| any))
    });
    // The system may have no thread to give.
    with_thread.unwrap_or_else(|| in_turn(take, each))
}

/// Does the same without a thread.
pub(crate) fn in_turn(
    mut take: impl FnMut(&mut PlainRows) -> (u64, Result<(), Error>),
    each: &mut Each<'_>,
) -> Result<bool, Error> {
    let mut rows = PlainRows::default();
    let mut any = false;
    loop {
        let (bytes, taken) = take(&mut rows);
        if rows.len() == 0 {
            return taken.map(|()| any);
        }
        each(&mut rows, bytes)?;
        any = true;
        taken?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;

    fn failure(what: &'static str) -> Error {
        Error::Empty { at: Location::memory().boxed(), what }
    }

    /// Goes through batches of ten rows up to `n` rows, with a thread and without; the finder fails behind them, the reader at
    /// the batch `refused`.
    fn run(n: u64, fails: bool, refused: Option<u64>) -> (Vec<i64>, Result<bool, Error>) {
        let (seen, result) = run_with(n, fails, refused, true);
        let (seen_in_turn, result_in_turn) = run_with(n, fails, refused, false);
        assert_eq!(seen, seen_in_turn);
        assert_eq!(result.as_ref().map_err(ToString::to_string), result_in_turn.as_ref().map_err(ToString::to_string));
        (seen, result)
    }

    fn run_with(n: u64, fails: bool, refused: Option<u64>, thread: bool) -> (Vec<i64>, Result<bool, Error>) {
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
        let result = if thread { each_batch(take, &mut each) } else { in_turn(take, &mut each) };
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
