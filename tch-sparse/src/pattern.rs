//! Where the entries of a sparse matrix lie: validated once, then trusted.

use crate::Error;
use crate::kernel::PADDING;
use crate::on_device::OnDevice;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tch::Device;

/// The entries of a matrix by rows, columns ascending in each.
#[derive(Debug)]
pub struct Layout {
    n_columns: usize,
    row_ptr: Vec<usize>,
    columns: Columns,
}

/// Column indices, followed by padding that kernels may read ahead of themselves.
#[derive(Debug)]
pub(crate) enum Columns {
    /// At most 65,536 columns.
    Narrow(Vec<u16>),
    /// More.
    Wide(Vec<u32>),
}

impl Layout {
    /// Row and column numbers must be valid already.
    fn new(n_columns: usize, row_ptr: Vec<usize>, columns: impl ExactSizeIterator<Item = u32>) -> Self {
        let padded = columns.len() + PADDING;
        let columns = if n_columns <= 1 << 16 {
            let mut narrow = Vec::with_capacity(padded);
            narrow.extend(columns.map(|c| c as u16)); // fits: c < n_columns <= 65,536
            narrow.resize(padded, 0);
            Columns::Narrow(narrow)
        } else {
            let mut wide = Vec::with_capacity(padded);
            wide.extend(columns);
            wide.resize(padded, 0);
            Columns::Wide(wide)
        };
        Self { n_columns, row_ptr, columns }
    }

    /// Rows of the matrix.
    pub fn n_rows(&self) -> usize {
        self.row_ptr.len() - 1
    }

    /// Columns of the matrix.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Entries of the matrix.
    pub fn n_entries(&self) -> usize {
        self.row_ptr[self.row_ptr.len() - 1]
    }

    /// Where each row's entries begin, and the end: `[n_rows + 1]`.
    pub fn row_ptr(&self) -> &[usize] {
        &self.row_ptr
    }

    /// The column of entry `e`.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn column(&self, e: usize) -> u32 {
        assert!(e < self.n_entries(), "entry {e} of {}", self.n_entries());
        match &self.columns {
            Columns::Narrow(c) => u32::from(c[e]),
            Columns::Wide(c) => c[e],
        }
    }

    /// The columns of all entries, `[n_entries]`.
    pub fn to_columns(&self) -> Vec<u32> {
        match &self.columns {
            Columns::Narrow(c) => c[..self.n_entries()].iter().map(|&c| u32::from(c)).collect(),
            Columns::Wide(c) => c[..self.n_entries()].to_vec(),
        }
    }

    /// The row of each entry, `[n_entries]`.
    pub fn to_rows(&self) -> Vec<u32> {
        let mut rows = Vec::with_capacity(self.n_entries());
        for (row, ends) in self.row_ptr.windows(2).enumerate() {
            rows.resize(ends[1], row as u32);
        }
        rows
    }

    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The rows in at most `n` stretches of about equal work: an entry counts one, and so does a row.
    pub fn parts(&self, n: usize) -> Vec<Range<usize>> {
        let (rows, work) = (self.n_rows(), self.n_entries() + self.n_rows());
        let mut parts = Vec::with_capacity(n);
        let mut start = 0;
        for k in 1..=n {
            let goal = work * k / n;
            let end = if k == n { rows } else { partition(start..rows, |row| self.row_ptr[row] + row < goal) };
            if end > start {
                parts.push(start..end);
                start = end;
            }
        }
        parts
    }
}

/// The first of `range` for which `before` is false.
fn partition(range: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The transpose of a layout, and where its entries lie in the original.
#[derive(Debug)]
pub struct Transposed {
    layout: Layout,
    position: Vec<u32>,
}

impl Transposed {
    /// The transposed matrix, by its own rows.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// For each entry of the transpose, the number of the same entry in the original, `[n_entries]`.
    pub fn position(&self) -> &[u32] {
        &self.position
    }

    fn of(original: &Layout) -> Self {
        let columns = original.to_columns();
        let mut row_ptr = vec![0usize; original.n_columns + 1];
        for &c in &columns {
            row_ptr[c as usize + 1] += 1;
        }
        for i in 1..row_ptr.len() {
            row_ptr[i] += row_ptr[i - 1];
        }
        let mut next = row_ptr.clone();
        let (mut rows, mut position) = (vec![0u32; columns.len()], vec![0u32; columns.len()]);
        for (row, ends) in original.row_ptr.windows(2).enumerate() {
            for e in ends[0]..ends[1] {
                let to = &mut next[columns[e] as usize];
                (rows[*to], position[*to]) = (row as u32, e as u32);
                *to += 1;
            }
        }
        Self { layout: Layout::new(original.n_rows(), row_ptr, rows.into_iter()), position }
    }
}

/// Refuses what has no numbers: gathers take signed 32-bit indices.
fn check_size(n_rows: usize, n_columns: usize, n_entries: usize) -> Result<(), Error> {
    if n_rows.max(n_columns) <= i32::MAX as usize && n_entries <= u32::MAX as usize {
        return Ok(());
    }
    let what = format!(
        "[{n_rows}, {n_columns}] with {n_entries} entries: there may be 2,147,483,647 rows and columns and 4,294,967,295 entries"
    );
    Err(Error::Pattern { row: 0, what })
}

/// The sparsity pattern of a matrix `[rows, columns]`: compressed rows, and the transpose, made when first asked for.
///
/// Cheap to clone: clones share everything. For connectomes the matrix is `[post, pre]`.
#[derive(Debug, Clone)]
pub struct SparsityPattern {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    layout: Layout,
    transposed: OnceLock<Transposed>,
    /// What other devices have of it.
    devices: Mutex<Vec<OnDevice>>,
}

impl SparsityPattern {
    /// A pattern from compressed rows.
    ///
    /// # Arguments
    /// * `row_ptr` - where each row's entries begin, and the end, `[n_rows + 1]`
    /// * `columns` - the column of each entry, ascending without repeats in each row
    ///
    /// # Errors
    /// [`Error::Pattern`] names the first row at which this does not hold.
    ///
    /// **Complexity**: one pass; 2 bytes per entry are kept where there are at most 65,536 columns, else 4.
    pub fn from_csr(n_rows: usize, n_columns: usize, row_ptr: Vec<usize>, columns: &[u32]) -> Result<Self, Error> {
        let bad = |row: usize, what: String| Err(Error::Pattern { row, what });
        check_size(n_rows, n_columns, columns.len())?;
        if row_ptr.len() != n_rows + 1 || row_ptr[0] != 0 || row_ptr[n_rows] != columns.len() {
            return bad(
                0,
                format!(
                    "row_ptr has {} numbers from {:?} to {:?}; {n_rows} rows and {} entries want {} from 0 to {}",
                    row_ptr.len(),
                    row_ptr.first(),
                    row_ptr.last(),
                    columns.len(),
                    n_rows + 1,
                    columns.len()
                ),
            );
        }
        for (row, ends) in row_ptr.windows(2).enumerate() {
            if ends[0] > ends[1] || ends[1] > columns.len() {
                return bad(row, format!("its entries would run from {} to {}", ends[0], ends[1]));
            }
            let row_columns = &columns[ends[0]..ends[1]];
            if let Some(pair) = row_columns.windows(2).find(|c| c[0] >= c[1]) {
                return bad(
                    row,
                    format!("column {} is followed by {}; sort and merge entries first", pair[0], pair[1]),
                );
            }
            if let Some(&last) = row_columns.last()
                && last as usize >= n_columns
            {
                return bad(row, format!("column {last} of {n_columns}"));
            }
        }
        let layout = Layout::new(n_columns, row_ptr, columns.iter().copied());
        Ok(Self { shared: Arc::new(Shared { layout, transposed: OnceLock::new(), devices: Mutex::default() }) })
    }

    /// A pattern from coordinates in any order, and for each coordinate pair the number of its entry.
    ///
    /// Pairs that occur more than once become one entry: sum their values into it.
    ///
    /// # Errors
    /// [`Error::Pattern`] for lists of different length, numbers out of range and matrices beyond 32-bit indices.
    ///
    /// **Complexity**: O(entries log entries).
    pub fn from_coo(n_rows: usize, n_columns: usize, rows: &[u32], columns: &[u32]) -> Result<(Self, Vec<u32>), Error> {
        if rows.len() != columns.len() {
            let what = format!("{} row numbers for {} column numbers", rows.len(), columns.len());
            return Err(Error::Pattern { row: 0, what });
        }
        check_size(n_rows, n_columns, rows.len())?;
        if let Some(&row) = rows.iter().find(|&&r| r as usize >= n_rows) {
            return Err(Error::Pattern { row: row as usize, what: format!("there are {n_rows} rows") });
        }
        let key = |e: u32| (rows[e as usize], columns[e as usize]);
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_unstable_by_key(|&e| key(e));
        let (mut row_ptr, mut kept, mut slot) = (vec![0usize; n_rows + 1], Vec::new(), vec![0u32; rows.len()]);
        let mut last = None;
        for &e in &order {
            if last != Some(key(e)) {
                last = Some(key(e));
                row_ptr[rows[e as usize] as usize + 1] += 1;
                kept.push(columns[e as usize]);
            }
            slot[e as usize] = (kept.len() - 1) as u32;
        }
        for i in 1..row_ptr.len() {
            row_ptr[i] += row_ptr[i - 1];
        }
        Ok((Self::from_csr(n_rows, n_columns, row_ptr, &kept)?, slot))
    }

    /// Rows of the matrix.
    pub fn n_rows(&self) -> usize {
        self.shared.layout.n_rows()
    }

    /// Columns of the matrix.
    pub fn n_columns(&self) -> usize {
        self.shared.layout.n_columns()
    }

    /// Entries of the matrix.
    pub fn n_entries(&self) -> usize {
        self.shared.layout.n_entries()
    }

    /// The entries by rows.
    pub fn layout(&self) -> &Layout {
        &self.shared.layout
    }

    /// The entries by columns. Made at the first call: one pass over the entries, 6 bytes per entry kept.
    pub fn transposed(&self) -> &Transposed {
        self.shared.transposed.get_or_init(|| Transposed::of(&self.shared.layout))
    }

    /// Runs with what a device other than the CPU has of the pattern: made there when first asked for, kept with the pattern.
    pub(crate) fn on_device<R>(
        &self,
        device: Device,
        run: impl FnOnce(&mut OnDevice) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut held = self.shared.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let at = held.iter().position(|d| d.device() == device).unwrap_or_else(|| {
            held.push(OnDevice::new(device));
            held.len() - 1
        });
        run(&mut held[at])
    }
}
