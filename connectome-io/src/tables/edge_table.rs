//! The table of edges.

use std::path::{Path, PathBuf};

use super::apart::{self, Apart};
use super::collector::{Chances, Collected, Collector, Waiting};
use super::columns::{EdgeColumns, Ends, TRANSMITTERS, sign_of_transmitter};
use super::keys::Keys;
use super::neuron_file::NeuronFile;
use super::{NEURON_FILES, TYPE_FILES, Table};
use crate::container;
use crate::edges::finish;
use crate::labels::check_count;
use crate::options::{Duplicates, Muscle, NeuronsFile, ReadOptions, Regions};
use crate::progress::Meter;
use crate::{Connectome, Error, Labels, Location, NeuronTable, Orientation, Provenance, Sign};

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
    check_count(&at, "neurons of the option", options.n_neurons.unwrap_or(0))?;
    let mut keys = match &neurons {
        Some(neurons) => Keys::of(neurons, columns.ends, &at)?,
        None => Keys::without_table(columns.ends, options.n_neurons),
    };

    let mut collector = Collector::new(&columns, options, &keys);
    table.select(&collector.wanted())?;
    let mut meter = Meter::new(&options.progress, path);
    let threads = options.threads_or_all();
    let plain = collector.plain().filter(|_| collector.keeps_rows());
    let mut others = None;
    match plain.and_then(|columns| apart::read(table, columns, &keys, threads, &mut meter)) {
        Some(Apart { pre, post, weight, keys: [of_pre, of_post] }) => {
            meter.finish(pre.len());
            collector.put(pre, post, weight);
            (keys, others) = (of_pre, Some(of_post));
        }
        None => {
            meter.restart();
            collector.reserve(table.rows_expected(ROW));
            read_rows(table, &mut collector, &mut keys, threads, &mut meter)?;
        }
    }
    let Collected { mut edges, muscle_rows, chances } = collector.finish(&header, T::COUNTS_ROWS);
    check_count(&at, "synapse rows", edges.pre.len())?;

    let mut neurons = match neurons {
        Some(neurons) => neurons.table,
        None => {
            let (mut neurons, new) = keys.into_neurons(others)?;
            let mut chances = chances;
            if let Some(new) = new {
                chances = reordered(&chances, &new[0]);
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

/// Goes through a table row by row.
fn read_rows<T: Table>(
    table: &mut T,
    collector: &mut Collector<'_>,
    keys: &mut Keys,
    threads: usize,
    meter: &mut Meter<'_>,
) -> Result<(), Error> {
    let (at, header) = (table.location().clone(), table.header().to_vec());
    let plain = collector.plain();
    let mut pause = Pause::default();
    loop {
        if let Some(columns) = plain
            && pause.is_over()
        {
            collector.resolve::<T>(keys, &header, &at)?;
            let any = table.each_plain(columns, threads, &mut |rows, bytes| {
                let n = rows.len();
                collector.take_plain::<T>(rows, keys, &header, &at)?;
                if meter.is_due(n as u64) {
                    meter.report(bytes);
                }
                Ok(())
            })?;
            pause.after(any);
        }
        let pushed = match table.next_row() {
            Ok(Some(row)) => collector.push(&row, keys),
            Ok(None) => break,
            Err(error) => Err(error),
        };
        if pushed.is_err() || collector.is_full() {
            // What is wrong with an earlier row is said first.
            collector.resolve::<T>(keys, &header, &at)?;
        }
        pushed?;
        if meter.is_due(1) {
            meter.report(table.bytes_read());
        }
    }
    collector.resolve::<T>(keys, &header, &at)?;
    meter.report(table.bytes_read());
    Ok(())
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

/// The sign that a connection of unknown sign is written as.
pub(crate) fn sign_text(sign: Sign) -> &'static str {
    match sign {
        Sign::Excitatory => "1",
        Sign::Inhibitory => "-1",
        Sign::Unknown => "0",
    }
}
