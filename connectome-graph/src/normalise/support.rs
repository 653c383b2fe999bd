//! Whether a pattern of weights can have equal sums of rows and equal sums of columns at all.
//!
//! Such a matrix is a flow from rows to columns: every row supplies as many units as there are columns, every column
//! takes as many as there are rows. A scaling of given weights converges if a flow meets all demands, and keeps those
//! weights that some such flow uses (Rothblum & Schneider, *Linear Algebra Appl.* 114 (1989) 737, doi
//! 10.1016/0024-3795(89)90491-6). Flow by Dinitz, *Sov. Math. Dokl.* 11 (1970) 1277; which weights are used is read
//! from the strong components of what remains.

use crate::Topology;

/// What scaling to equal sums can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Support {
    /// All weights stay positive.
    Total,
    /// The weights at these positions tend to 0.
    Partial(Vec<usize>),
    /// There is no such matrix: these rows meet only this many columns, which is too few.
    None {
        /// The rows.
        rows: Vec<u32>,
        /// Number of columns with a weight in one of them.
        columns: usize,
    },
}

/// Examines the pattern of a matrix without empty rows or columns; its values play no part.
pub(super) fn support(matrix: &Topology) -> Support {
    let mut flow = Flow::new(matrix);
    while flow.level() {
        flow.block();
    }
    let rows: Vec<u32> = (0..matrix.n_post() as u32).filter(|&i| flow.row_level[i as usize] != UNSEEN).collect();
    if !rows.is_empty() {
        let columns = flow.column_level.iter().filter(|&&level| level != UNSEEN).count();
        return Support::None { rows, columns };
    }
    match flow.unused() {
        doomed if doomed.is_empty() => Support::Total,
        doomed => Support::Partial(doomed),
    }
}

const UNSEEN: u32 = u32::MAX;

/// A flow on the entries of a matrix, and the state of Dinitz's algorithm.
struct Flow<'a> {
    matrix: &'a Topology,
    /// Row and position of the entries of each column.
    column_ptr: Vec<usize>,
    column_entries: Vec<(u32, usize)>,
    flow: Vec<u64>,
    supply: Vec<u64>,
    demand: Vec<u64>,
    row_level: Vec<u32>,
    column_level: Vec<u32>,
    row_next: Vec<usize>,
    column_next: Vec<usize>,
}

impl<'a> Flow<'a> {
    fn new(matrix: &'a Topology) -> Self {
        let (rows, columns) = (matrix.n_post(), matrix.n_pre());
        let mut column_ptr = vec![0usize; columns + 1];
        for &j in matrix.columns() {
            column_ptr[j as usize + 1] += 1;
        }
        for j in 0..columns {
            column_ptr[j + 1] += column_ptr[j];
        }
        let mut next = column_ptr.clone();
        let mut column_entries = vec![(0, 0); column_ptr[columns]];
        for (entry, (i, j, _)) in matrix.iter().enumerate() {
            column_entries[next[j as usize]] = (i, entry);
            next[j as usize] += 1;
        }
        Self {
            matrix,
            column_ptr,
            column_entries,
            flow: vec![0; matrix.nnz()],
            supply: vec![columns as u64; rows],
            demand: vec![rows as u64; columns],
            row_level: vec![UNSEEN; rows],
            column_level: vec![UNSEEN; columns],
            row_next: vec![0; rows],
            column_next: vec![0; columns],
        }
    }

    /// Distances from rows with supply left along arcs that can take more; whether a column with demand is among them.
    fn level(&mut self) -> bool {
        self.row_level.fill(UNSEEN);
        self.column_level.fill(UNSEEN);
        self.row_next.copy_from_slice(&self.matrix.row_ptr()[..self.supply.len()]);
        self.column_next.copy_from_slice(&self.column_ptr[..self.demand.len()]);
        let mut rows: Vec<u32> = (0..self.supply.len() as u32).filter(|&i| self.supply[i as usize] > 0).collect();
        for &i in &rows {
            self.row_level[i as usize] = 0;
        }
        let (mut depth, mut found) = (0, false);
        while !rows.is_empty() {
            let mut columns = Vec::new();
            for &i in &rows {
                for &j in self.matrix.row(i as usize).0 {
                    if self.column_level[j as usize] == UNSEEN {
                        self.column_level[j as usize] = depth + 1;
                        found |= self.demand[j as usize] > 0;
                        columns.push(j);
                    }
                }
            }
            rows.clear();
            for &j in &columns {
                for &(i, entry) in &self.column_entries[self.column_ptr[j as usize]..self.column_ptr[j as usize + 1]] {
                    if self.flow[entry] > 0 && self.row_level[i as usize] == UNSEEN {
                        self.row_level[i as usize] = depth + 2;
                        rows.push(i);
                    }
                }
            }
            depth += 2;
        }
        found
    }

    /// Pushes flow along shortest paths until none is left.
    fn block(&mut self) {
        for source in 0..self.supply.len() as u32 {
            while self.supply[source as usize] > 0 {
                let Some(path) = self.path(source) else {
                    break;
                };
                self.push(source, &path);
            }
        }
    }

    /// Entries of a shortest path from a row to a column with demand: forwards and backwards in turn.
    fn path(&mut self, source: u32) -> Option<Vec<usize>> {
        let mut path: Vec<usize> = Vec::new();
        let mut rows = vec![source];
        let mut columns: Vec<u32> = Vec::new();
        loop {
            // at a row
            let i = *rows.last()? as usize;
            let end = self.matrix.row_ptr()[i + 1];
            let forward = (self.row_next[i]..end)
                .find(|&entry| self.column_level[self.matrix.columns()[entry] as usize] == self.row_level[i] + 1);
            self.row_next[i] = forward.unwrap_or(end);
            let Some(entry) = forward else {
                // no way on: the column before must look for another row
                rows.pop();
                path.pop()?;
                let j = *columns.last()? as usize;
                self.column_next[j] += 1;
                if !self.back(j, &mut rows, &mut path) {
                    columns.pop();
                    path.pop();
                    self.row_next[*rows.last()? as usize] += 1;
                }
                continue;
            };
            let j = self.matrix.columns()[entry] as usize;
            path.push(entry);
            if self.demand[j] > 0 {
                return Some(path);
            }
            columns.push(j as u32);
            if !self.back(j, &mut rows, &mut path) {
                columns.pop();
                path.pop();
                self.row_next[i] += 1;
            }
        }
    }

    /// Steps from a column back to a row of the next level whose flow can be redirected.
    fn back(&mut self, j: usize, rows: &mut Vec<u32>, path: &mut Vec<usize>) -> bool {
        while self.column_next[j] < self.column_ptr[j + 1] {
            let (i, entry) = self.column_entries[self.column_next[j]];
            if self.flow[entry] > 0 && self.row_level[i as usize] == self.column_level[j] + 1 {
                rows.push(i);
                path.push(entry);
                return true;
            }
            self.column_next[j] += 1;
        }
        false
    }

    fn push(&mut self, source: u32, path: &[usize]) {
        let last = self.matrix.columns()[path[path.len() - 1]] as usize;
        let redirected = path.iter().skip(1).step_by(2).map(|&entry| self.flow[entry]);
        let amount = redirected.fold(self.supply[source as usize].min(self.demand[last]), u64::min);
        for (k, &entry) in path.iter().enumerate() {
            if k % 2 == 0 {
                self.flow[entry] += amount;
            } else {
                self.flow[entry] -= amount;
            }
        }
        self.supply[source as usize] -= amount;
        self.demand[last] -= amount;
    }

    /// Entries that no flow uses: flow could be redirected through them only along a loop, and there is none.
    fn unused(&self) -> Vec<usize> {
        let (rows, columns) = (self.matrix.n_post(), self.matrix.n_pre());
        // row i is node i and leads to its columns, column j is node rows + j and leads back where there is flow
        let mut arcs: Vec<Vec<(u32, f64)>> = Vec::with_capacity(rows + columns);
        for i in 0..rows {
            arcs.push(self.matrix.row(i).0.iter().map(|&j| (rows as u32 + j, 1.0)).collect());
        }
        for j in 0..columns {
            let entries = &self.column_entries[self.column_ptr[j]..self.column_ptr[j + 1]];
            arcs.push(entries.iter().filter(|(_, entry)| self.flow[*entry] > 0).map(|&(i, _)| (i, 1.0)).collect());
        }
        let components = Topology::from_rows(rows + columns, &arcs).strongly_connected_components();
        let component = |node: usize| components.labels()[node];
        let entries = self.matrix.iter().enumerate();
        entries
            .filter(|&(entry, (i, j, _))| {
                self.flow[entry] == 0 && component(i as usize) != component(rows + j as usize)
            })
            .map(|(entry, _)| entry)
            .collect()
    }
}
