//! The table of edges.

use std::path::{Path, PathBuf};

use super::columns::{EdgeColumns, Ends, TRANSMITTERS, sign_of_transmitter};
use super::keys::Keys;
use super::neuron_file::NeuronFile;
use super::pair_sums::{PairSum, PairSums};
use super::{Cells, NEURON_FILES, PlainRows, TYPE_FILES, Table, cell};
use crate::container;
use crate::edges::{Edges, Numbering, finish};
use crate::labels::{LabelsBuilder, check_count};
use crate::memory::{double, grow};
use crate::options::{Duplicates, Muscle, NeuronsFile, ReadOptions, Regions, UnknownNeurons};
use crate::progress::Meter;
use crate::{Connectome, Error, Labels, Location, NeuronTable, Orientation, Provenance, Sign, SynapseTable};

/// Name of the muscle in the list of Varshney et al.
const MUSCLE: &str = "NMJ";

/// Bytes of a row that is kept: both ends and the weight.
const ROW: usize = 2 * size_of::<u32>() + size_of::<f64>();

/// Goes through a table of edges and, if there is one, the table of neurons.
///
/// Repeated connections are summed as rows arrive where the options ask for sums, and in tables of synapses; memory then
/// grows with the connections. Otherwise rows are kept, since what becomes of them is decided when all are known.
pub(crate) fn read_edges<T: Table>(table: &mut T, path: &Path, options: &ReadOptions) -> Result<Connectome, Error> {
    let at = table.location().clone();
    let header = table.header().to_vec();
    let columns = EdgeColumns::find(&header, options.weight_column.as_deref(), &at)?;
    check_filters(&columns, &header, options, &at)?;
    let neurons = match neurons_file(path, options) {
        Some(file) => Some(container::read_neuron_file(&file, &options.limits)?),
        None => None,
    };
    let mut keys = match &neurons {
        Some(neurons) => Keys::of(neurons, columns.ends, &at)?,
        None => Keys::without_table(columns.ends, options.n_neurons),
    };

    let mut collector = Collector::new(&columns, options, &keys);
    table.select(&collector.wanted())?;
    collector.reserve(table.rows_expected(ROW));
    let mut meter = Meter::new(&options.progress, path);
    let plain = collector.plain();
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let mut pause = Pause::default();
    loop {
        if let Some(columns) = plain
            && pause.is_over()
        {
            collector.resolve::<T>(&mut keys, &header, &at)?;
            let any = table.each_plain(columns, threads, &mut |rows, bytes| {
                let n = rows.len();
                collector.take::<T>(rows, &[], &mut keys, &header, &at)?;
                if meter.is_due(n as u64) {
                    meter.report(bytes);
                }
                Ok(())
            })?;
            pause.after(any);
        }
        let pushed = match table.next_row() {
            Ok(Some(row)) => collector.push(&row, &mut keys),
            Ok(None) => break,
            Err(error) => Err(error),
        };
        if pushed.is_err() || collector.waiting.plain.len() == Waiting::MOST {
            // What is wrong with an earlier row is said first.
            collector.resolve::<T>(&mut keys, &header, &at)?;
        }
        pushed?;
        if meter.is_due(1) {
            meter.report(table.bytes_read());
        }
    }
    collector.resolve::<T>(&mut keys, &header, &at)?;
    meter.report(table.bytes_read());
    let Collected { mut edges, muscle_rows, chances } = collector.finish(&header, T::COUNTS_ROWS);
    check_count(&at, "synapse rows", edges.pre.len())?;

    let mut neurons = match neurons {
        Some(neurons) => neurons.table,
        None => {
            let (mut neurons, new) = keys.into_neurons()?;
            let mut chances = chances;
            if let Some(new) = new {
                chances = reordered(&chances, &new);
                edges.renumber = Some(new);
            }
            if !columns.transmitters.is_empty() {
                neurons = with_transmitters(neurons, &chances)?;
            }
            neurons
        }
    };
    if !muscle_rows.is_empty() {
        let muscle = neurons.len() as u32;
        neurons = NeuronFile::extended(&neurons, MUSCLE)?;
        for row in muscle_rows {
            edges.post[row] = muscle;
        }
    }
    if neurons.is_empty() {
        return Err(Error::Empty { at: at.boxed(), what: "rows" });
    }
    let mut options = ReadOptions { n_neurons: expected(options, &neurons, columns.ends), ..options.clone() };
    if columns.synapses && options.duplicates == Duplicates::Error {
        options.duplicates = Duplicates::Sum;
    }
    finish(neurons, edges, Provenance::new(at.source_name(), Orientation::EdgeList), &options, &at)
}

/// Refuses options that name what the table does not have.
fn check_filters(columns: &EdgeColumns, header: &[String], options: &ReadOptions, at: &Location) -> Result<(), Error> {
    let regions = matches!(options.regions, Regions::Only(_));
    let wanted = [
        (regions, columns.part, "of brain regions", "`ReadOptions::regions` needs a column roi or neuropil"),
        (
            options.min_connection_score.is_some(),
            columns.connection_score,
            "\"connection_score\"",
            "`ReadOptions::min_connection_score` needs it",
        ),
        (
            options.min_cleft_score.is_some(),
            columns.cleft_score,
            "\"cleft_score\"",
            "`ReadOptions::min_cleft_score` needs it",
        ),
    ];
    for (asked, column, what, remedy) in wanted {
        if asked && column.is_none() {
            let found = header.to_vec();
            return Err(Error::Missing { at: at.line(1), what: format!("column {what}"), found, remedy });
        }
    }
    Ok(())
}

/// The number of a row; rows beyond 32 bits are not told apart in messages.
fn number_of(row: &impl Cells) -> u32 {
    u32::try_from(row.number_of_row()).unwrap_or(u32::MAX)
}

/// Probabilities of the transmitters, summed over the synapses that a neuron sends.
type Chances = [f64; TRANSMITTERS.len()];

/// Sums of neurons at their new rows.
fn reordered(chances: &[Chances], new: &[u32]) -> Vec<Chances> {
    let mut sorted = vec![Chances::default(); new.len()];
    for (sums, &row) in chances.iter().zip(new) {
        sorted[row as usize] = *sums;
    }
    sorted
}

/// Gives each neuron the transmitter that is the most probable on average over its synapses, and its sign.
fn with_transmitters(neurons: NeuronTable, chances: &[Chances]) -> Result<NeuronTable, Error> {
    let likeliest = |row: usize| {
        let sums = chances.get(row).copied().unwrap_or_default();
        // The first of equal ones, and none for a neuron that sends nothing.
        let best = (0..sums.len()).rev().max_by(|&a, &b| sums[a].total_cmp(&sums[b]))?;
        (sums[best] > 0.0).then_some(TRANSMITTERS[best].1)
    };
    let names: Vec<&str> = (0..neurons.len()).map(|row| likeliest(row).unwrap_or("")).collect();
    let signs = names.iter().map(sign_of_transmitter).collect();
    neurons.with_transmitters(Labels::from_values(names))?.with_signs(signs)
}

/// The number of neurons to check; a muscle that was added does not count.
fn expected(options: &ReadOptions, neurons: &NeuronTable, ends: Ends) -> Option<usize> {
    let muscle = ends == Ends::Name && neurons.names().and_then(<[String]>::last).is_some_and(|name| name == MUSCLE);
    options.n_neurons.map(|n| n + usize::from(muscle && options.muscle == Muscle::Keep))
}

/// The file that describes the neurons.
fn neurons_file(edges: &Path, options: &ReadOptions) -> Option<PathBuf> {
    match &options.neurons {
        NeuronsFile::None => None,
        NeuronsFile::File(path) => Some(path.clone()),
        NeuronsFile::Sibling => neurons_beside(edges),
    }
}

/// The table of neurons that [`NeuronsFile::Sibling`] means: in the folder of a table of edges.
#[must_use]
pub fn neurons_beside(edges: impl AsRef<Path>) -> Option<PathBuf> {
    let edges = edges.as_ref();
    let of_types = edges.file_name().is_some_and(|name| name.to_string_lossy().starts_with("type_edges."));
    let types = TYPE_FILES.iter().filter(|_| of_types);
    NEURON_FILES.iter().chain(types).map(|name| edges.with_file_name(name)).find(|path| path != edges && path.is_file())
}

/// Rows that are looked at one by one, before the next attempt to take many: ever more, where attempts are in vain.
#[derive(Default)]
struct Pause {
    left: u32,
    length: u32,
}

impl Pause {
    /// A row has passed.
    fn is_over(&mut self) -> bool {
        let over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        over
    }

    fn after(&mut self, success: bool) {
        self.length = if success { 0 } else { (2 * self.length + 1).min(Waiting::MOST as u32) };
        self.left = self.length;
    }
}

/// Rows as they arrive.
struct Collector<'a> {
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
struct Waiting {
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
    const MOST: usize = 2048;
}

/// All rows.
struct Collected {
    edges: Edges,
    muscle_rows: Vec<usize>,
    chances: Vec<Chances>,
}

impl<'a> Collector<'a> {
    fn new(columns: &'a EdgeColumns, options: &'a ReadOptions, keys: &Keys) -> Self {
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
    fn wanted(&self) -> Vec<usize> {
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

    /// Makes room for rows that will come, as far as that is known.
    fn reserve(&mut self, rows: usize) {
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

    fn push(&mut self, row: &impl Cells, keys: &mut Keys) -> Result<(), Error> {
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
    fn plain(&self) -> Option<[usize; 3]> {
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

    /// Takes the rows that wait.
    fn resolve<T: Table>(&mut self, keys: &mut Keys, header: &[String], at: &Location) -> Result<(), Error> {
        let Waiting { mut plain, mut rest } = std::mem::take(&mut self.waiting);
        self.take::<T>(&mut plain, &rest, keys, header, at)?;
        rest.clear();
        self.waiting = Waiting { plain, rest };
        Ok(())
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
            let place = cell::<T>(at, u64::from(numbers[found]), &header[column]);
            return Err(keys.unknown_number(place, key));
        }
        if let Some(sums) = &mut self.sums {
            let ends = self.edges.pre[start..].iter().zip(&self.edges.post[start..]);
            for (row, (&pre, &post)) in ends.enumerate() {
                let Rest { kind, sign, .. } = rest.get(row).copied().unwrap_or_default();
                if sums.add(PairSum { pre, post, weight: weight[row] }, kind, sign) {
                    self.edges.lines.push(numbers[row]);
                }
            }
            self.edges.pre.clear();
            self.edges.post.clear();
        } else {
            self.edges.weight.append(weight);
            self.edges.lines.extend(numbers);
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
    fn finish(self, header: &[String], counts_rows: bool) -> Collected {
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

/// The sign that a connection of unknown sign is written as.
pub(crate) fn sign_text(sign: Sign) -> &'static str {
    match sign {
        Sign::Excitatory => "1",
        Sign::Inhibitory => "-1",
        Sign::Unknown => "0",
    }
}
