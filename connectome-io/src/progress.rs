//! How far a table has been read.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much of a file has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file, as it lies on the disc.
    pub bytes: u64,
    /// Bytes that the file has.
    pub total_bytes: u64,
}

/// Someone who wants to know how far a table has been read: a bar, a log. Called at most ten times a second, and once at
/// the end, from a thread that reads.
///
/// ```
/// use connectome_io::{Progress, ReadOptions};
/// let progress = Progress::new(|done| eprintln!("{} of {} bytes", done.bytes, done.total_bytes));
/// let options = ReadOptions { progress, ..ReadOptions::default() };
/// # assert_eq!(options.progress, options.clone().progress);
/// ```
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(Done) + Send + Sync>>);

impl Progress {
    /// Calls this.
    pub fn new(tell: impl Fn(Done) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(told)" } else { "Progress(not told)" })
    }
}

/// Equal if the same one is told.
impl PartialEq for Progress {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

/// Rows between looks at the clock.
const ROWS_PER_LOOK: u64 = 1 << 14;

/// Tells of progress, not too often.
pub(crate) struct Meter<'a> {
    progress: &'a Progress,
    total_bytes: u64,
    rows: u64,
    told: Instant,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(progress: &'a Progress, path: &Path) -> Self {
        let total_bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Self { progress, total_bytes, rows: 0, told: Instant::now() }
    }

    /// Counts rows, and says whether it is time to tell.
    pub(crate) fn is_due(&mut self, rows: u64) -> bool {
        let before = self.rows / ROWS_PER_LOOK;
        self.rows += rows;
        self.rows / ROWS_PER_LOOK > before
            && self.progress.0.is_some()
            && self.told.elapsed() >= Duration::from_millis(100)
    }

    /// Says whether it is time to tell that `rows` have been read.
    pub(crate) fn stands_at(&mut self, rows: u64) -> bool {
        self.is_due(rows.saturating_sub(self.rows))
    }

    /// Begins again at the first row.
    pub(crate) fn restart(&mut self) {
        self.rows = 0;
    }

    /// Tells that all has been read.
    pub(crate) fn finish(&mut self, rows: usize) {
        self.rows = rows as u64;
        self.report(self.total_bytes);
    }

    /// Tells.
    pub(crate) fn report(&mut self, bytes: u64) {
        self.told = Instant::now();
        if let Some(tell) = &self.progress.0 {
            tell(Done { rows: self.rows, bytes, total_bytes: self.total_bytes });
        }
    }
}
