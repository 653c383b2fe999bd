//! Numbers of threads.

use clap::builder::RangedU64ValueParser;

/// Threads at most: more than any machine has cores, and few enough for the limits of most systems.
const MOST: u64 = 1024;

/// Takes the numbers of threads that make sense.
pub(crate) fn threads() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=MOST)
}
