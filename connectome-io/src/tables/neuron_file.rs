//! The table of neurons.

use super::columns::{NeuronColumns, SignRule};
use super::{Cells, Table};
use crate::labels::{LabelsBuilder, check_count};
use crate::memory::with_room;
use crate::row_numbers::RowNumbers;
use crate::{Error, NeuronTable, Positions, Sign};

/// A table of neurons and what index tables call them.
pub(crate) struct NeuronFile {
    pub(crate) table: NeuronTable,
    /// Values of the column `idx`.
    pub(crate) idx: Option<Vec<i64>>,
}

/// Texts one behind the other: short ones take a fraction of what as many strings do, in a table that may be refused yet.
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    fn into_strings(self) -> Vec<String> {
        let mut start = 0;
        let next = |end| self.all[std::mem::replace(&mut start, end)..end].to_owned();
        self.ends.into_iter().map(next).collect()
    }
}

/// Positions of which many may not be known.
#[derive(Default)]
struct Points {
    known: Vec<bool>,
    points: Vec<[f64; 3]>,
}

impl Points {
    fn push(&mut self, point: Option<[f64; 3]>) {
        self.known.push(point.is_some());
        self.points.extend(point);
    }

    fn into_options(self) -> Vec<Option<[f64; 3]>> {
        let mut points = self.points.into_iter();
        self.known.into_iter().map(|known| if known { points.next() } else { None }).collect()
    }
}

impl NeuronFile {
    /// Goes through a table.
    pub(crate) fn read<T: Table>(table: &mut T) -> Result<Self, Error> {
        let at = table.location().clone();
        let header = table.header().to_vec();
        let columns = NeuronColumns::find(&header, &at)?;
        table.select(&columns.all())?;
        // At most eight bytes for a cell, which has a byte and a separator.
        let rows = table.rows_expected(8 * columns.all().len());
        let room = |column: Option<usize>| if column.is_some() { rows } else { 0 };
        let (mut idx, mut ids) = (with_room(room(columns.idx)), with_room(room(columns.id)));
        let mut signs = with_room(room(columns.sign));
        let mut names = Texts { all: String::new(), ends: with_room(room(columns.name)) };
        let mut points = Points::default();
        let labelled = [columns.cell_type, columns.class, columns.transmitter];
        let mut labels = labelled.map(|column| LabelsBuilder::with_room(room(column)));
        let mut further: Vec<LabelsBuilder> = columns.further.iter().map(|_| LabelsBuilder::with_room(rows)).collect();
        let mut numbers = RowNumbers::default();
        while let Some(row) = table.next_row()? {
            if let Some(c) = columns.idx {
                idx.push(row.integer(c, "index of a neuron (whole number)")?);
            }
            if let Some(c) = columns.id {
                ids.push(row.integer(c, "neuron id (whole number of 64 bits)")?);
            }
            if let Some(c) = columns.name {
                names.push(&row.text(c)?);
            }
            if let Some(c) = columns.sign {
                signs.push(row.sign(c, SignRule::Polarity)?);
            }
            if let Some(axes) = columns.position {
                let known = axes.iter().any(|&c| !row.bytes(c).trim_ascii().is_empty());
                points.push(if known {
                    let mut point = [0.0; 3];
                    for (value, c) in point.iter_mut().zip(axes) {
                        *value = row.number(c, "coordinate")?;
                    }
                    Some(point)
                } else {
                    None
                });
            }
            for (builder, column) in labels.iter_mut().zip(labelled) {
                if let Some(c) = column {
                    builder.push(&row.text(c)?);
                }
            }
            for (builder, &c) in further.iter_mut().zip(&columns.further) {
                builder.push(&row.text(c)?);
            }
            numbers.push(u32::try_from(row.number_of_row()).unwrap_or(u32::MAX));
        }
        if numbers.len() == 0 {
            return Err(Error::Empty { at: at.boxed(), what: "neurons" });
        }

        let unique = |ids: Vec<i64>, column: usize| {
            NeuronTable::new(ids).map_err(|error| match error {
                Error::DuplicateNeuron { id, first, second, .. } => Error::DuplicateNeuron {
                    at: super::cell::<T>(&at, numbers.get(second).map_or(0, u64::from), &header[column]),
                    id,
                    first,
                    second,
                },
                other => other.in_file(&at),
            })
        };
        if let Some(c) = columns.idx {
            unique(idx.clone(), c)?;
        }
        let mut neurons = match (columns.id, columns.idx) {
            (Some(c), _) => unique(ids, c)?,
            (None, Some(c)) => unique(idx.clone(), c)?,
            (None, None) => {
                check_count(&at, "neurons", numbers.len())?;
                NeuronTable::numbered(numbers.len())
            }
        };
        if columns.name.is_some() {
            neurons = neurons.with_names(names.into_strings())?;
        }
        let [cell_type, class, transmitter] = labels.map(LabelsBuilder::finish);
        if columns.cell_type.is_some() {
            neurons = neurons.with_types(cell_type)?;
        }
        if columns.class.is_some() {
            neurons = neurons.with_classes(class)?;
        }
        if columns.transmitter.is_some() {
            neurons = neurons.with_transmitters(transmitter)?;
        }
        if columns.sign.is_some() {
            neurons = neurons.with_signs(signs)?;
        }
        if columns.position.is_some() {
            neurons = neurons.with_positions(Positions::new(points.into_options(), columns.unit)?)?;
        }
        for (builder, c) in further.into_iter().zip(columns.further) {
            neurons = neurons.with_column(header[c].clone(), builder.finish())?;
        }
        Ok(Self { table: neurons, idx: columns.idx.map(|_| idx) })
    }

    /// Adds a neuron that no file lists, such as the muscle.
    pub(crate) fn extended(table: &NeuronTable, name: &str) -> Result<NeuronTable, Error> {
        let id = table.ids().iter().copied().max().map_or(Some(0), |id| id.checked_add(1)).unwrap_or(i64::MIN);
        let mut extended = NeuronTable::new(table.ids().iter().copied().chain([id]).collect())?;
        let blank = |labels: &crate::Labels| crate::Labels::from_values(labels.iter().chain([""]));
        if let Some(names) = table.names() {
            extended = extended.with_names(names.iter().cloned().chain([name.to_owned()]).collect())?;
        }
        if let Some(types) = table.types() {
            extended = extended.with_types(crate::Labels::from_values(types.iter().chain([name])))?;
        }
        if let Some(classes) = table.classes() {
            extended = extended.with_classes(crate::Labels::from_values(classes.iter().chain(["muscle"])))?;
        }
        if let Some(transmitters) = table.transmitters() {
            extended = extended.with_transmitters(blank(transmitters))?;
        }
        if let Some(signs) = table.signs() {
            extended = extended.with_signs(signs.iter().copied().chain([Sign::Unknown]).collect())?;
        }
        if let Some(positions) = table.positions() {
            let points = positions.points().iter().copied().chain([None]).collect();
            extended = extended.with_positions(Positions::new(points, positions.unit())?)?;
        }
        for (column, labels) in table.columns() {
            extended = extended.with_column(column.clone(), blank(labels))?;
        }
        Ok(extended)
    }
}
