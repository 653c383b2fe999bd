//! From rows of a table of edges to connections.

use super::columns::{EdgeColumns, TRANSMITTERS};
use super::keys::Keys;
use super::pair_sums::{PairSum, PairSums};
use super::{Cells, PlainRows, Table, cell};
use crate::edges::{Edges, Numbering};
use crate::labels::LabelsBuilder;
use crate::memory::{double, grow};
use crate::options::{Duplicates, Muscle, ReadOptions, Regions, UnknownNeurons};
use crate::{Error, Labels, Location, Sign, SynapseTable};

/// Probabilities of the transmitters, summed over the synapses that a neuron sends.
pub(super) type Chances = [f64; TRANSMITTERS.len()];

/// Rows as they arrive.
pub(super) struct Collector<'a> {
    columns: &'a EdgeColumns,
    options: &'a ReadOptions,
    edges: Edges,
    /// Sums where rows of one connection are not kept apart; weights, ends and signs then are here and not in `edges`.
    sums: Option<PairSums>,
    /// Whether the table says how many rows it has.
    expects_rows: bool,
    /// Whether ends are looked up for many rows at once.
    waits: bool,
    waiting: Waiting,
    part: LabelsBuilder,
    kinds: LabelsBuilder,
    further: Vec<LabelsBuilder>,
    /// Columns of probabilities of transmitters, and their sums per neuron in the order of the keys.
    transmitters: &'a [usize],
    chances: Vec<Chances>,
    /// Rows whose target is the muscle.
    muscle_rows: Vec<usize>,
}

/// Rows whose ends have not been looked up yet. Where rows are kept, the rest of them is in its place already.
#[derive(Default)]
pub(super) struct Waiting {
    /// Weights only of rows that are summed.
    plain: PlainRows,
    /// Kinds and signs of rows that are summed, where the table has either.
    rest: Vec<Rest>,
}

#[derive(Clone, Copy, Default)]
struct Rest {
    weight: f64,
    kind: Option<u32>,
    sign: Option<Sign>,
}

impl Waiting {
    /// Rows that wait at most.
    pub(super) const MOST: usize = 2048;
}

/// All rows.
pub(super) struct Collected {
    pub(super) edges: Edges,
    pub(super) muscle_rows: Vec<usize>,
    pub(super) chances: Vec<Chances>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(columns: &'a EdgeColumns, options: &'a ReadOptions, keys: &Keys) -> Self {
        let streams = match options.duplicates {
            Duplicates::Error => columns.synapses,
            Duplicates::Sum => true,
            Duplicates::Keep => false,
        };
        let transmitters: &[usize] = if keys.take_all() { &columns.transmitters } else { &[] };
        let drops = options.unknown_neurons == UnknownNeurons::Drop && !keys.take_all();
        let first_alone = streams && !columns.further.is_empty();
        let waits = keys.are_numbers() && !drops && !first_alone && !columns.varshney && transmitters.is_empty();
        Self {
            columns,
            options,
            expects_rows: false,
            waits,
            waiting: Waiting::default(),
            // Each cell is checked as it comes; sums may grow beyond all bounds.
            edges: Edges { signs: columns.sign.map(|_| Vec::new()), finite: !streams, ..Edges::default() },
            sums: streams.then(PairSums::new),
            part: LabelsBuilder::default(),
            kinds: LabelsBuilder::default(),
            further: columns.further.iter().map(|_| LabelsBuilder::default()).collect(),
            transmitters,
            chances: Vec::new(),
            muscle_rows: Vec::new(),
        }
    }

    /// Columns that are looked at.
    pub(super) fn wanted(&self) -> Vec<usize> {
        let columns = self.columns;
        let part = columns.part.filter(|_| self.sums.is_none() || columns.varshney || self.regions().is_some());
        let scores = [
            columns.connection_score.filter(|_| self.options.min_connection_score.is_some()),
            columns.cleft_score.filter(|_| self.options.min_cleft_score.is_some()),
        ];
        let optional = [columns.weight, part, columns.sign.map(|sign| sign.0), columns.kind];
        let lists = columns.further.iter().chain(self.transmitters).copied();
        [columns.pre, columns.post]
            .into_iter()
            .chain(optional.into_iter().chain(scores).flatten())
            .chain(lists)
            .collect()
    }

    fn regions(&self) -> Option<&'a [String]> {
        match &self.options.regions {
            Regions::All => None,
            Regions::Only(names) => Some(names),
        }
    }

    /// Whether all rows are kept.
    pub(super) fn keeps_rows(&self) -> bool {
        self.sums.is_none()
    }

    /// Takes the rows of a whole table.
    pub(super) fn put(&mut self, pre: Vec<u32>, post: Vec<u32>, weight: Vec<f64>) {
        self.edges.lines.count(0, pre.len());
        (self.edges.pre, self.edges.post, self.edges.weight) = (pre, post, weight);
    }

    /// Makes room for rows that will come, as far as that is known.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.expects_rows = rows > 0;
        if self.expects_rows {
            self.make_room(rows + Waiting::MOST);
        }
    }

    /// Makes room for rows that are kept.
    fn make_room(&mut self, rows: usize) {
        if self.sums.is_some() {
            return;
        }
        let Edges { pre, post, weight, .. } = &mut self.edges;
        // The largest column grows first: what it leaves is room for the others.
        let ends_room = if self.expects_rows { double::<u32> } else { grow::<u32> };
        let weight_room = if self.expects_rows { double::<f64> } else { grow::<f64> };
        weight_room(weight, rows);
        ends_room(pre, rows);
        ends_room(post, rows);
    }

    pub(super) fn push(&mut self, row: &impl Cells, keys: &mut Keys) -> Result<(), Error> {
        let columns = self.columns;
        let mut varshney = None;
        if columns.varshney {
            let Some(kind) = self.varshney_kind(row)? else {
                return Ok(());
            };
            varshney = Some(kind);
        } else if let (Some(part), Some(regions)) = (columns.part, self.regions())
            && !regions.iter().any(|region| *region.as_bytes() == *row.bytes(part))
        {
            return Ok(());
        }
        // Checked before the ends, so that a row that is dropped is still a good row.
        let weight = columns.weight.map_or(Ok(1.0), |column| row.number(column, "weight"))?;
        let scores = [
            (columns.connection_score, self.options.min_connection_score, "connection score"),
            (columns.cleft_score, self.options.min_cleft_score, "cleft score"),
        ];
        for (column, least, what) in scores {
            if let (Some(column), Some(least)) = (column, least)
                && row.number(column, what)? < least
            {
                return Ok(());
            }
        }
        if self.waits {
            const ID: &str = "neuron id (whole number of 64 bits)";
            let (pre, post) = (row.integer(columns.pre, ID)?, row.integer(columns.post, ID)?);
            let rest = self.rest(row, weight, None)?;
            if self.sums.is_some() {
                self.waiting.plain.weight.push(weight);
                if rest.kind.is_some() || rest.sign.is_some() {
                    self.waiting.rest.push(rest);
                }
            } else {
                self.keep(row, rest)?;
            }
            self.waiting.plain.numbers.push(number_of(row));
            self.waiting.plain.pre.push(pre);
            self.waiting.plain.post.push(post);
            return Ok(());
        }
        let pre = keys.row(row, columns.pre, 0)?;
        let to_muscle = varshney == Some(SynapseTable::NEUROMUSCULAR);
        let post = if to_muscle { Some(0) } else { keys.row(row, columns.post, 1)? };
        let (Some(pre), Some(post)) = (pre, post) else {
            if self.options.unknown_neurons == UnknownNeurons::Drop {
                return Ok(());
            }
            return Err(keys.unknown(row, if pre.is_none() { columns.pre } else { columns.post }));
        };
        let rest = self.rest(row, weight, varshney)?;
        if !self.transmitters.is_empty() {
            self.add_chances(row, pre)?;
        }
        let place = match &mut self.sums {
            Some(sums) => {
                if !sums.add(PairSum { pre, post, weight }, rest.kind, rest.sign) {
                    return Ok(());
                }
                let place = sums.len() - 1;
                self.push_further(row)?;
                self.edges.lines.push(number_of(row));
                place
            }
            None => {
                self.keep(row, rest)?;
                self.edges.pre.push(pre);
                self.edges.post.push(post);
                self.edges.lines.push(number_of(row));
                self.edges.pre.len() - 1
            }
        };
        if to_muscle {
            self.muscle_rows.push(place);
        }
        Ok(())
    }

    /// Ends and weight, three columns, where a row says nothing else that counts.
    pub(super) fn plain(&self) -> Option<[usize; 3]> {
        let EdgeColumns { pre, post, weight, .. } = *self.columns;
        let weight = weight.filter(|&weight| weight != pre && weight != post)?;
        (self.waits && pre != post && self.wanted().len() == 3).then_some([pre, post, weight])
    }

    /// What a row says beside its ends.
    fn rest(&mut self, row: &impl Cells, weight: f64, varshney: Option<&str>) -> Result<Rest, Error> {
        let sign = self.columns.sign.map(|(column, rule)| row.sign(column, rule)).transpose()?;
        let kind = match (self.columns.kind, varshney) {
            (Some(column), _) => Some(self.kinds.code(&row.text(column)?)),
            (None, Some(kind)) => Some(self.kinds.code(kind)),
            (None, None) => None,
        };
        Ok(Rest { weight, kind, sign })
    }

    /// Keeps what a row says beside its ends.
    fn keep(&mut self, row: &impl Cells, rest: Rest) -> Result<(), Error> {
        self.edges.weight.push(rest.weight);
        if let (Some(signs), Some(sign)) = (&mut self.edges.signs, rest.sign) {
            signs.push(sign);
        }
        if let Some(kind) = rest.kind {
            self.kinds.push_code(kind);
        }
        if let Some(column) = self.columns.part {
            self.part.push(&row.text(column)?);
        }
        self.push_further(row)
    }

    fn push_further(&mut self, row: &impl Cells) -> Result<(), Error> {
        for (builder, &column) in self.further.iter_mut().zip(&self.columns.further) {
            builder.push(&row.text(column)?);
        }
        Ok(())
    }

    /// Whether no more rows may wait.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.plain.len() == Waiting::MOST
    }

    /// Takes the rows that wait.
    pub(super) fn resolve<T: Table>(&mut self, keys: &mut Keys, header: &[String], at: &Location) -> Result<(), Error> {
        let Waiting { mut plain, mut rest } = std::mem::take(&mut self.waiting);
        self.take::<T>(&mut plain, &rest, keys, header, at)?;
        rest.clear();
        self.waiting = Waiting { plain, rest };
        Ok(())
    }

    /// Takes rows that say nothing but their ends and weights.
    pub(super) fn take_plain<T: Table>(
        &mut self,
        rows: &mut PlainRows,
        keys: &mut Keys,
        header: &[String],
        at: &Location,
    ) -> Result<(), Error> {
        self.take::<T>(rows, &[], keys, header, at)
    }

    /// Looks up the ends of rows and uses the rows up. Weights that are not with them are in their place already.
    fn take<T: Table>(
        &mut self,
        rows: &mut PlainRows,
        rest: &[Rest],
        keys: &mut Keys,
        header: &[String],
        at: &Location,
    ) -> Result<(), Error> {
        self.make_room(rows.len());
        let PlainRows { pre, post, weight, numbers } = rows;
        // Rows that are kept go to their place, those that are summed wait in it.
        let start = if self.sums.is_some() { 0 } else { self.edges.pre.len() };
        let known = [keys.rows(pre, &mut self.edges.pre, 0), keys.rows(post, &mut self.edges.post, 1)];
        let found = known[0].min(known[1]);
        if found < pre.len() {
            let (column, key) = if known[0] == found {
                (self.columns.pre, pre.get(found))
            } else {
                (self.columns.post, post.get(found))
            };
            let place = cell::<T>(at, u64::from(numbers.get(found).unwrap_or_default()), &header[column]);
            return Err(keys.unknown_number(place, key));
        }
        if let Some(sums) = &mut self.sums {
            let ends = self.edges.pre[start..].iter().zip(&self.edges.post[start..]);
            for (row, (&pre, &post)) in ends.enumerate() {
                let Rest { kind, sign, .. } = rest.get(row).copied().unwrap_or_default();
                if sums.add(PairSum { pre, post, weight: weight.get(row) }, kind, sign) {
                    self.edges.lines.push(numbers.get(row).unwrap_or_default());
                }
            }
            self.edges.pre.clear();
            self.edges.post.clear();
        } else {
            weight.append_to(&mut self.edges.weight);
            self.edges.lines.append(numbers);
        }
        rows.clear();
        Ok(())
    }

    /// Adds the probabilities of a synapse to those of the neuron that sends it.
    fn add_chances(&mut self, row: &impl Cells, pre: u32) -> Result<(), Error> {
        if self.chances.len() <= pre as usize {
            self.chances.resize(pre as usize + 1, Chances::default());
        }
        for (sum, &column) in self.chances[pre as usize].iter_mut().zip(self.transmitters) {
            *sum += row.number(column, "probability of a transmitter")?;
        }
        Ok(())
    }

    /// What the rows are, as far as they tell by themselves.
    pub(super) fn finish(self, header: &[String], counts_rows: bool) -> Collected {
        let Self { columns, mut edges, sums, part, kinds, further, chances, muscle_rows, .. } = self;
        edges.numbering = if counts_rows { Numbering::Rows } else { Numbering::Lines };
        let has_kinds = columns.kind.is_some() || columns.varshney;
        let mut kinds = has_kinds.then(|| kinds.finish());
        match sums {
            Some(sums) => {
                let (sums, signs, codes) = sums.finish();
                edges.pre = sums.iter().map(|sum| sum.pre).collect();
                edges.post = sums.iter().map(|sum| sum.post).collect();
                edges.weight = sums.iter().map(|sum| sum.weight).collect();
                edges.signs = columns.sign.map(|_| signs);
                kinds = kinds.map(|kinds| kinds.with_codes(codes));
            }
            None => {
                if let Some(column) = columns.part {
                    edges.part = Some((header[column].clone(), part.finish()));
                }
            }
        }
        // All muscles are one in this list, so a neuron that drives two stands in it twice.
        edges.summed_kind = columns.varshney.then_some(SynapseTable::NEUROMUSCULAR);
        let all = columns.all_of_kind.filter(|_| columns.kind.is_none());
        edges.kinds = match all {
            Some(kind) => Some(Labels::from_values(std::iter::repeat_n(kind, edges.pre.len()))),
            None => kinds,
        };
        edges.columns = columns
            .further
            .iter()
            .map(|&c| header[c].clone())
            .zip(further.into_iter().map(LabelsBuilder::finish))
            .collect();
        Collected { edges, muscle_rows, chances }
    }

    /// The kind of a row of Varshney's list; `None` for rows that are not read.
    fn varshney_kind(&self, row: &impl Cells) -> Result<Option<&'static str>, Error> {
        let Some(column) = self.columns.part else {
            return Ok(None);
        };
        Ok(match &*row.bytes(column) {
            b"S" | b"Sp" => Some(SynapseTable::CHEMICAL),
            b"R" | b"Rp" => None,
            b"EJ" => Some(SynapseTable::ELECTRICAL),
            b"NMJ" => (self.options.muscle == Muscle::Keep).then_some(SynapseTable::NEUROMUSCULAR),
            _ => {
                return Err(Error::BadValue {
                    at: row.at(column),
                    what: "type of synapse",
                    text: row.lossy(column),
                    allowed: "S, Sp, R, Rp, EJ, NMJ",
                });
            }
        })
    }
}

/// The number of a row; rows beyond 32 bits are not told apart in messages.
fn number_of(row: &impl Cells) -> u32 {
    u32::try_from(row.number_of_row()).unwrap_or(u32::MAX)
}
