//! The table of edges.

use std::path::{Path, PathBuf};

use super::columns::{EdgeColumns, parse_sign};
use super::keys::Keys;
use super::neuron_file::NeuronFile;
use super::table::{Row, Table};
use super::{NEURON_FILES, TYPE_FILES, columns::Ends};
use crate::edges::{Edges, finish};
use crate::labels::{LabelsBuilder, check_count};
use crate::options::{Muscle, NeuronsFile, ReadOptions, Regions, UnknownNeurons};
use crate::{Connectome, Error, NeuronTable, Orientation, Provenance, Sign, SynapseTable};

/// Name of the muscle in the list of Varshney et al.
const MUSCLE: &str = "NMJ";

/// Reads a table of edges and, if there is one, the table of neurons; the module's documentation lists the columns.
///
/// # Errors
/// [`Error::Missing`] if the header lacks a column; [`Error::BadNumber`], [`Error::NotFinite`], [`Error::BadValue`],
/// [`Error::UnknownNeuron`], [`Error::OutOfRange`], [`Error::DuplicateSynapse`] with line and column;
/// [`Error::Malformed`], [`Error::Empty`], [`Error::TooLarge`], [`Error::Io`]; and those of [`super::read_neurons`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let path = path.as_ref();
    let mut table = Table::open(path, &options.limits)?;
    let at = table.location().clone();
    let header = table.header().to_vec();
    let columns = EdgeColumns::find(&header, options.weight_column.as_deref(), &at)?;
    if columns.part.is_none() && matches!(options.regions, Regions::Only(_)) {
        return Err(Error::Missing {
            at: at.line(1),
            what: "column of brain regions".to_owned(),
            found: header,
            remedy: "`ReadOptions::regions` needs a column roi or neuropil",
        });
    }
    let neurons = match neurons_file(path, options) {
        Some(file) => Some(NeuronFile::read(&file, &options.limits)?),
        None => None,
    };
    let mut keys = match &neurons {
        Some(neurons) => Keys::of(neurons, columns.ends, &at)?,
        None => Keys::without_table(columns.ends, options.n_neurons),
    };

    let mut collector = Collector::new(&columns, options);
    while let Some(row) = table.next_row()? {
        collector.push(&row, &mut keys)?;
    }
    check_count(&at, "synapse rows", collector.edges.pre.len())?;
    let Collector { mut edges, muscle_rows, part, kinds, further, .. } = collector;
    // All muscles are one in this list, so a neuron that drives two stands in it twice.
    edges.summed_kind = columns.varshney.then_some(SynapseTable::NEUROMUSCULAR);
    edges.kinds = match (columns.kind, columns.all_of_kind) {
        (Some(_), _) => Some(kinds.finish()),
        (None, Some(kind)) => Some(crate::Labels::from_values(std::iter::repeat_n(kind, edges.pre.len()))),
        (None, None) if columns.varshney => Some(kinds.finish()),
        (None, None) => None,
    };
    if let Some(column) = columns.part {
        edges.part = Some((header[column].clone(), part.finish()));
    }
    edges.columns = columns
        .further
        .iter()
        .map(|&c| header[c].clone())
        .zip(further.into_iter().map(LabelsBuilder::finish))
        .collect();

    let mut neurons = match neurons {
        Some(neurons) => neurons.table,
        None => {
            let (neurons, new) = keys.into_neurons()?;
            if let Some(new) = new {
                for end in edges.pre.iter_mut().chain(&mut edges.post) {
                    *end = new[*end as usize];
                }
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
    let options = ReadOptions { n_neurons: expected(options, &neurons, columns.ends), ..options.clone() };
    finish(neurons, edges, Provenance::new(at.source_name(), Orientation::EdgeList), &options, &at)
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

/// Rows as they arrive.
struct Collector<'a> {
    columns: &'a EdgeColumns,
    options: &'a ReadOptions,
    edges: Edges,
    part: LabelsBuilder,
    kinds: LabelsBuilder,
    further: Vec<LabelsBuilder>,
    /// Rows whose target is the muscle.
    muscle_rows: Vec<usize>,
}

impl<'a> Collector<'a> {
    fn new(columns: &'a EdgeColumns, options: &'a ReadOptions) -> Self {
        Self {
            columns,
            options,
            edges: Edges { signs: columns.sign.map(|_| Vec::new()), ..Edges::default() },
            part: LabelsBuilder::default(),
            kinds: LabelsBuilder::default(),
            further: columns.further.iter().map(|_| LabelsBuilder::default()).collect(),
            muscle_rows: Vec::new(),
        }
    }

    fn push(&mut self, row: &Row<'_>, keys: &mut Keys) -> Result<(), Error> {
        let columns = self.columns;
        let mut varshney = None;
        if columns.varshney {
            let Some(kind) = self.varshney_kind(row)? else {
                return Ok(());
            };
            varshney = Some(kind);
        } else if let (Some(part), Regions::Only(regions)) = (columns.part, &self.options.regions)
            && !regions.iter().any(|region| region.as_bytes() == row.get(part))
        {
            return Ok(());
        }
        // Checked before the ends, so that a row that is dropped is still a good row.
        let weight = columns.weight.map_or(Ok(1.0), |column| row.number(column, "weight"))?;
        let pre = keys.row(row, columns.pre)?;
        let to_muscle = varshney == Some(SynapseTable::NEUROMUSCULAR);
        let post = if to_muscle { Some(0) } else { keys.row(row, columns.post)? };
        let (Some(pre), Some(post)) = (pre, post) else {
            if self.options.unknown_neurons == UnknownNeurons::Drop {
                return Ok(());
            }
            return Err(keys.unknown(row, if pre.is_none() { columns.pre } else { columns.post }));
        };
        if let (Some((column, rule)), Some(signs)) = (columns.sign, &mut self.edges.signs) {
            signs.push(parse_sign(row.get(column), rule).ok_or_else(|| Error::BadValue {
                at: row.at(column),
                what: "sign",
                text: row.lossy(column),
                allowed: "1, -1, 0, +, -, complex, none, empty",
            })?);
        }
        if let Some(column) = columns.part {
            self.part.push(row.text(column)?);
        }
        if let Some(column) = columns.kind {
            self.kinds.push(row.text(column)?);
        } else if let Some(kind) = varshney {
            self.kinds.push(kind);
        }
        for (builder, &column) in self.further.iter_mut().zip(&columns.further) {
            builder.push(row.text(column)?);
        }
        if to_muscle {
            self.muscle_rows.push(self.edges.pre.len());
        }
        self.edges.pre.push(pre);
        self.edges.post.push(post);
        self.edges.weight.push(weight);
        self.edges.lines.push(u32::try_from(row.line()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// The kind of a row of Varshney's list; `None` for rows that are not read.
    fn varshney_kind(&self, row: &Row<'_>) -> Result<Option<&'static str>, Error> {
        let Some(column) = self.columns.part else {
            return Ok(None);
        };
        Ok(match row.get(column) {
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
pub(super) fn sign_text(sign: Sign) -> &'static str {
    match sign {
        Sign::Excitatory => "1",
        Sign::Inhibitory => "-1",
        Sign::Unknown => "0",
    }
}
