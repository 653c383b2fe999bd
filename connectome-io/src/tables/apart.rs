//! Plain columns of a table of edges, each read by itself.
//!
//! What a column holds stays in the cache, and threads can share the columns out. This is for tables in which all is well:
//! what is wrong with one is found row by row, by [`super::edge_table`], for which it is read once more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Table;
use super::keys::Keys;
use super::plain_rows::Numbers;
use crate::memory::double;
use crate::progress::Meter;
use crate::threads::share_out;

/// A column, read from its first value to its last.
pub(crate) trait OneColumn: Send {
    /// Takes whole numbers, in place of those of `numbers`; how many. `None` where values are something else or cannot be
    /// read.
    fn next_whole(&mut self, numbers: &mut Numbers<i64>) -> Option<usize>;

    /// Takes finite numbers in the same way.
    fn next_finite(&mut self, numbers: &mut Numbers<f64>) -> Option<usize>;

    /// Bytes of the file used so far, those of other columns among them.
    fn bytes_read(&self) -> u64;
}

/// Rows of all columns.
pub(super) struct Apart {
    pub(super) pre: Vec<u32>,
    pub(super) post: Vec<u32>,
    pub(super) weight: Vec<f64>,
    /// What the ends of either kind are called.
    pub(super) keys: [Keys; 2],
}

/// Rows from which on a second thread is worth its start.
const MANY: usize = 1 << 18;

enum Job {
    /// With the rows that room is made for at once.
    End(Box<dyn OneColumn>, Box<Keys>, usize),
    Weight(Box<dyn OneColumn>, usize),
}

enum Read {
    End(Vec<u32>, Box<Keys>),
    Weight(Vec<f64>),
}

/// Reads both ends and the weight, `columns`, of a table whose keys are numbers. `None` unless all is well.
pub(super) fn read<T: Table>(
    table: &T,
    columns: [usize; 3],
    keys: &Keys,
    threads: usize,
    meter: &mut Meter<'_>,
) -> Option<Apart> {
    let open = |column| table.open_column(column);
    let rows = table.rows_expected(size_of::<f64>());
    // Room for all weights and the ends of one kind, and for a quarter of the others until they come: that is within the bound
    // on what a file may ask for. The widest column, which would cost the most to grow, never has to.
    let jobs = [
        Job::Weight(open(columns[2])?, rows),
        Job::End(open(columns[0])?, Box::new(keys.clone()), rows),
        Job::End(open(columns[1])?, Box::new(keys.clone()), rows.div_ceil(4)),
    ];
    let threads = if rows < MANY { 1 } else { threads };
    let course = Course { failed: AtomicBool::new(false), values: 0.into(), bytes: 0.into(), meter: Mutex::new(meter) };
    let read = share_out(jobs.into_iter(), threads, |job| match job {
        Job::End(column, keys, room) => read_end(column, keys, room, &course),
        Job::Weight(column, room) => read_weight(column, room, &course),
    });
    let [Some(Read::Weight(weight)), Some(Read::End(pre, a)), Some(Read::End(post, b))] =
        <[_; 3]>::try_from(read).ok()?
    else {
        return None;
    };
    let n = pre.len();
    (n > 0 && u32::try_from(n).is_ok() && post.len() == n && weight.len() == n).then_some(Apart {
        pre,
        post,
        weight,
        keys: [*a, *b],
    })
}

/// How far all columns have come.
struct Course<'a, 'm> {
    failed: AtomicBool,
    values: AtomicU64,
    bytes: AtomicU64,
    meter: Mutex<&'a mut Meter<'m>>,
}

impl Course<'_, '_> {
    /// Goes through a column, `step` by step until there are no more values; whether all was well.
    fn follow(&self, column: &mut dyn OneColumn, mut step: impl FnMut(&mut dyn OneColumn) -> Option<usize>) -> bool {
        let mut bytes = 0;
        while !self.failed.load(Ordering::Relaxed) {
            let Some(n) = step(column) else {
                self.failed.store(true, Ordering::Relaxed);
                return false;
            };
            if n == 0 {
                return true;
            }
            let more = column.bytes_read() - bytes;
            bytes += more;
            let values = self.values.fetch_add(n as u64, Ordering::Relaxed) + n as u64;
            let bytes = self.bytes.fetch_add(more, Ordering::Relaxed) + more;
            if let Ok(mut meter) = self.meter.try_lock()
                && meter.stands_at(values / 3)
            {
                meter.report(bytes / 3);
            }
        }
        false
    }
}

fn read_end(mut column: Box<dyn OneColumn>, mut keys: Box<Keys>, room: usize, course: &Course<'_, '_>) -> Option<Read> {
    let (mut rows, mut numbers) = (Vec::new(), Numbers::default());
    double(&mut rows, room);
    let whole = course.follow(&mut *column, |column| {
        let n = column.next_whole(&mut numbers)?;
        double(&mut rows, n);
        (keys.rows(&numbers, &mut rows, 0) == n).then_some(n)
    });
    whole.then_some(Read::End(rows, keys))
}

fn read_weight(mut column: Box<dyn OneColumn>, room: usize, course: &Course<'_, '_>) -> Option<Read> {
    let (mut weights, mut numbers) = (Vec::new(), Numbers::default());
    double(&mut weights, room);
    let whole = course.follow(&mut *column, |column| {
        let n = column.next_finite(&mut numbers)?;
        double(&mut weights, n);
        numbers.append_to(&mut weights);
        Some(n)
    });
    whole.then_some(Read::Weight(weights))
}
