//! The way from rows of a file to a checked synapse table: duplicates, gap junctions, threshold.

use std::collections::HashMap;

use crate::options::{Duplicates, GapJunctions, ReadOptions};
use crate::row_numbers::RowNumbers;
use crate::synapse_table::first_not_finite;
use crate::threads::share_out;
use crate::{Connectome, Error, Labels, Location, NeuronTable, Provenance, Sign, SynapseTable};

/// Connections as a file lists them.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    pub(crate) pre: Vec<u32>,
    pub(crate) post: Vec<u32>,
    pub(crate) weight: Vec<f64>,
    pub(crate) signs: Option<Vec<Sign>>,
    pub(crate) kinds: Option<Labels>,
    /// Column that splits a connection into parts which are summed, with its name: brain region, sub-type.
    pub(crate) part: Option<(String, Labels)>,
    pub(crate) columns: Vec<(String, Labels)>,
    /// Kind of which repeated rows are summed in any case, since the file does not tell its targets apart.
    pub(crate) summed_kind: Option<&'static str>,
    /// Line or number of each row in the file; empty where there are none.
    pub(crate) lines: RowNumbers,
    /// Which of both.
    pub(crate) numbering: Numbering,
    /// The row of each neuron, where ends have other numbers yet.
    pub(crate) renumber: Option<NewRows>,
    /// Whether weights are known to be finite.
    pub(crate) finite: bool,
}

/// The row of each neuron by the number that presynaptic ends have for it, and the others.
pub(crate) type NewRows = [Vec<u32>; 2];

/// How a file counts its rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// Lines of text, counted from 1.
    #[default]
    Lines,
    /// Rows, counted from 0.
    Rows,
}

impl Edges {
    /// Takes indices of any width and checks them.
    pub(crate) fn from_indices(
        pre: &[i64],
        post: &[i64],
        weight: Vec<f64>,
        n: usize,
        at: &Location,
    ) -> Result<Self, Error> {
        let narrow = |name: &str, column: &[i64]| {
            let check = |(row, &index): (usize, &i64)| {
                let narrow = u32::try_from(index).ok().filter(|&i| (i as usize) < n);
                let at = || at.key(format!("{name}[{row}]"));
                narrow.ok_or_else(|| Error::OutOfRange { at: at(), index, n, what: "neurons" })
            };
            column.iter().enumerate().map(check).collect::<Result<Vec<u32>, Error>>()
        };
        Ok(Self { pre: narrow("pre", pre)?, post: narrow("post", post)?, weight, ..Self::default() })
    }

    /// Where row `row` stands.
    fn place(&self, row: usize, at: &Location) -> Box<Location> {
        match (self.lines.get(row), self.numbering) {
            (Some(line), Numbering::Lines) => at.line(u64::from(line)),
            (Some(row), Numbering::Rows) => at.key(format!("row {row}")),
            (None, _) => at.key(format!("entry {row}")),
        }
    }

    /// Rows in their order.
    fn key(&self, row: usize) -> (u32, u32, u32) {
        let kind = self.kinds.as_ref().map_or(0, |kinds| kinds.codes()[row]);
        (self.pre[row], self.post[row], kind)
    }

    /// One row per connection and kind, at the place of its first row; whether that changed any.
    fn merge(&mut self, policy: Duplicates, scan: &Scan, neurons: &NeuronTable, at: &Location) -> Result<bool, Error> {
        if policy == Duplicates::Keep {
            self.columns.extend(self.part.take());
            return Ok(false);
        }
        if scan.ascends != [false; 2] || (self.kinds.is_none() && self.ends_are_distinct()) {
            return Ok(false);
        }
        let mut order: Vec<u32> = (0..self.pre.len() as u32).collect();
        order.sort_unstable_by_key(|&row| (self.key(row as usize), row));
        let mut groups: Vec<&[u32]> = order.chunk_by(|&a, &b| self.key(a as usize) == self.key(b as usize)).collect();
        if groups.len() == order.len() {
            return Ok(false);
        }
        if policy == Duplicates::Error {
            let summed = self.summed_kind.and_then(|kind| self.kinds.as_ref()?.code_of(kind));
            let is_summed = |group: &[u32]| summed.is_some_and(|kind| self.key(group[0] as usize).2 == kind);
            for group in groups.iter().filter(|group| group.len() > 1 && !is_summed(group)) {
                if let Some(row) = self.repeated(group) {
                    let name = |index: u32| neurons.ids()[index as usize].to_string();
                    return Err(Error::DuplicateSynapse {
                        at: self.place(row, at),
                        pre: name(self.pre[row]),
                        post: name(self.post[row]),
                    });
                }
            }
        }
        groups.sort_unstable_by_key(|group| group[0]);
        let sum = |group: &&[u32]| group.iter().map(|&row| self.weight[row as usize]).sum::<f64>();
        let weight = groups.iter().map(sum).collect();
        let signs = self.signs.as_ref().map(|signs| groups.iter().map(|g| self.majority(signs, g)).collect());
        let first: Vec<usize> = groups.iter().map(|group| group[0] as usize).collect();
        self.keep(&first);
        self.weight = weight;
        self.signs = signs;
        Ok(true)
    }

    /// Whether no two rows have the same ends. Rows that come in the order of one end are compared among few others.
    fn ends_are_distinct(&self) -> bool {
        let by_post = !self.pre.is_sorted() && self.post.is_sorted();
        let (outer, inner) = if by_post { (&self.post, &self.pre) } else { (&self.pre, &self.post) };
        if outer.is_sorted() {
            // In which run an end was met last, runs counted from 1.
            let mut met = vec![0u32; inner.iter().max().map_or(0, |&last| last as usize + 1)];
            let (mut run, mut last) = (0, None);
            return outer.iter().zip(inner).all(|(&a, &b)| {
                run += u32::from(last != Some(a));
                last = Some(a);
                std::mem::replace(&mut met[b as usize], run) != run
            });
        }
        let mut all: Vec<u64> = outer.iter().zip(inner).map(|(&a, &b)| (u64::from(a) << 32) | u64::from(b)).collect();
        all.sort_unstable();
        all.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// The first row of a group that repeats an earlier one, parts told apart.
    fn repeated(&self, group: &[u32]) -> Option<usize> {
        let Some((_, part)) = &self.part else {
            return group.get(1).map(|&row| row as usize);
        };
        let mut rows: Vec<(u32, u32)> = group.iter().map(|&row| (part.codes()[row as usize], row)).collect();
        rows.sort_unstable();
        rows.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1 as usize).min()
    }

    /// The sign that most of the weight of a group has; unknown if there is no majority.
    fn majority(&self, signs: &[Sign], group: &[u32]) -> Sign {
        let first = signs[group[0] as usize];
        if group.iter().all(|&row| signs[row as usize] == first) {
            return first;
        }
        Sign::of(group.iter().map(|&row| signs[row as usize].factor() * self.weight[row as usize].abs()).sum())
    }

    /// Keeps the given rows, in their order.
    fn keep(&mut self, rows: &[usize]) {
        fn take<T: Copy>(column: &mut Vec<T>, rows: &[usize]) {
            *column = rows.iter().map(|&row| column[row]).collect();
        }
        take(&mut self.pre, rows);
        take(&mut self.post, rows);
        take(&mut self.weight, rows);
        self.lines.keep(rows);
        if let Some(signs) = &mut self.signs {
            take(signs, rows);
        }
        let narrow: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        self.kinds = self.kinds.take().map(|kinds| kinds.select(&narrow));
        self.part = self.part.take().map(|(name, part)| (name, part.select(&narrow)));
        for (_, column) in &mut self.columns {
            *column = column.select(&narrow);
        }
    }

    /// Makes electrical connections conduct both ways with equal weight.
    fn symmetrise(&mut self) {
        let Some(electrical) = self.kinds.as_ref().and_then(|kinds| kinds.code_of(SynapseTable::ELECTRICAL)) else {
            return;
        };
        let is_electrical = |row: usize| self.kinds.as_ref().is_some_and(|kinds| kinds.codes()[row] == electrical);
        let rows: Vec<usize> = (0..self.pre.len()).filter(|&row| is_electrical(row)).collect();
        let mut largest: HashMap<(u32, u32), f64> = HashMap::with_capacity(2 * rows.len());
        for &row in &rows {
            for ends in [(self.pre[row], self.post[row]), (self.post[row], self.pre[row])] {
                let weight = largest.entry(ends).or_insert(self.weight[row]);
                *weight = weight.max(self.weight[row]);
            }
        }
        let present: std::collections::HashSet<(u32, u32)> =
            rows.iter().map(|&row| (self.pre[row], self.post[row])).collect();
        let mut mirrored: Vec<usize> = (0..self.pre.len()).collect();
        for &row in &rows {
            self.weight[row] = largest[&(self.pre[row], self.post[row])];
            if !present.contains(&(self.post[row], self.pre[row])) {
                mirrored.push(row);
            }
        }
        let n = self.pre.len();
        self.keep(&mirrored);
        for row in n..mirrored.len() {
            std::mem::swap(&mut self.pre[row], &mut self.post[row]);
        }
    }
}

/// What one pass over the ends of all rows finds.
struct Scan {
    /// The largest index of an end.
    top: u32,
    /// Rows ascend strictly, as in files sorted by the presynaptic end or by the other, so that no connection of a kind is
    /// there twice.
    ascends: [bool; 2],
}

/// The same of rows that follow on each other, of which there is one at least.
struct Part {
    top: u32,
    ascends: [bool; 2],
    first: [u64; 2],
    last: [u64; 2],
}

impl Scan {
    /// Rows of a part. What is found does not depend on how they are shared out.
    const PART: usize = 1 << 18;

    /// Gives ends their rows on the way.
    fn of(edges: &mut Edges, threads: usize) -> Self {
        let renumber = edges.renumber.take();
        let renumber = renumber.as_ref().map(|rows| rows.each_ref().map(Vec::as_slice));
        let threads = threads.min(edges.pre.len() / Self::PART);
        let parts = edges.pre.chunks_mut(Self::PART).zip(edges.post.chunks_mut(Self::PART));
        let parts = share_out(parts, threads, |(pre, post)| Part::of(pre, post, renumber));
        let follow = |by: usize| parts.windows(2).all(|pair| pair[0].last[by] < pair[1].first[by]);
        Self {
            top: parts.iter().map(|part| part.top).max().unwrap_or(0),
            ascends: [0, 1].map(|by| parts.iter().all(|part| part.ascends[by]) && follow(by)),
        }
    }
}

impl Part {
    fn of(all_pre: &mut [u32], all_post: &mut [u32], renumber: Option<[&[u32]; 2]>) -> Self {
        // All that is asked of a row is asked while it is in the cache.
        const ROWS: usize = 1 << 11;
        let mut part = Self { top: 0, ascends: [true; 2], first: [0; 2], last: [0; 2] };
        for (chunk, (pre, post)) in all_pre.chunks_mut(ROWS).zip(all_post.chunks_mut(ROWS)).enumerate() {
            for (end, ends) in [&mut *pre, &mut *post].into_iter().enumerate() {
                if let Some(rows) = renumber {
                    give_rows(ends, rows[end]);
                }
                part.top = ends.iter().fold(part.top, |top, &index| top.max(index));
            }
            for (by, (major, minor)) in [(&*pre, &*post), (post, pre)].into_iter().enumerate() {
                let key = |row: usize| u64::from(major[row]) << 32 | u64::from(minor[row]);
                if chunk == 0 {
                    part.first[by] = key(0);
                }
                if part.ascends[by] {
                    let after = major[1..].iter().zip(&minor[1..]);
                    let within = major
                        .iter()
                        .zip(minor)
                        .zip(after)
                        .fold(true, |ascends, ((&a, &b), (&c, &d))| ascends & ((a < c) | ((a == c) & (b < d))));
                    part.ascends[by] = within && (chunk == 0 || part.last[by] < key(0));
                }
                part.last[by] = key(major.len() - 1);
            }
        }
        part
    }
}

/// Gives ends the rows of their neurons.
#[inline(never)]
fn give_rows(ends: &mut [u32], rows: &[u32]) {
    ends.iter_mut().for_each(|end| *end = rows[*end as usize]);
}

/// Applies the options and puts the connectome together.
pub(crate) fn finish(
    neurons: NeuronTable,
    mut edges: Edges,
    provenance: Provenance,
    options: &ReadOptions,
    at: &Location,
) -> Result<Connectome, Error> {
    if !edges.finite
        && let Some(row) = first_not_finite(&edges.weight)
    {
        return Err(Error::NotFinite { at: edges.place(row, at), what: "weight", value: edges.weight[row] });
    }
    let scan = Scan::of(&mut edges, options.threads_or_all());
    let summed = edges.merge(options.duplicates, &scan, &neurons, at)?;
    if options.gap_junctions == GapJunctions::Symmetrise {
        edges.symmetrise();
    }
    // Sums of finite weights need not be finite.
    let table = if summed { SynapseTable::new } else { SynapseTable::of_finite };
    let mut synapses = table(edges.pre, edges.post, edges.weight).map_err(|e| e.in_file(at))?;
    if let Some(signs) = edges.signs {
        synapses = synapses.with_signs(signs)?;
    }
    if let Some(kinds) = edges.kinds {
        synapses = synapses.with_kinds(kinds)?;
    }
    for (name, column) in edges.columns {
        synapses = synapses.with_column(name, column)?;
    }
    let in_range = (scan.top as usize) < neurons.len();
    let join = if in_range { Connectome::of_indices_in_range } else { Connectome::new };
    restrict(join(neurons, synapses, provenance).map_err(|e| e.in_file(at))?, options, at)
}

/// Applies the options that concern every connectome: the number of neurons and the threshold.
pub(crate) fn restrict(connectome: Connectome, options: &ReadOptions, at: &Location) -> Result<Connectome, Error> {
    if let Some(want) = options.n_neurons
        && want != connectome.n_neurons()
    {
        return Err(Error::LengthMismatch {
            at: at.boxed(),
            what: "the table of neurons".to_owned(),
            got: connectome.n_neurons(),
            want,
            reason: "`ReadOptions::n_neurons`",
        });
    }
    match options.threshold {
        Some(threshold) => connectome.with_threshold(threshold),
        None => Ok(connectome),
    }
}
