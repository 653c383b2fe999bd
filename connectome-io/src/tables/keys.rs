//! From what an edge calls its ends to rows of the neuron table.

use std::collections::HashMap;
use std::sync::Arc;

use super::columns::Ends;
use super::id_map::IdMap;
use super::neuron_file::NeuronFile;
use super::{Cells, Numbers};
use crate::edges::NewRows;
use crate::labels::LabelsBuilder;
use crate::{Error, Location, NeuronTable};

/// Rows by key.
#[derive(Clone)]
pub(super) struct Keys {
    map: Map,
    n: usize,
    /// The key before at either end and its row: tables are sorted by one of them.
    last: [Option<(i64, u32)>; 2],
    /// The list that ends of either kind had their places in, and the rows of its numbers that were looked up.
    lists: [LookedUp; 2],
}

/// A list of numbers and the row of each.
type LookedUp = (Option<Arc<Vec<i64>>>, Vec<u32>);

/// No row.
const UNKNOWN: u32 = u32::MAX;

#[derive(Clone)]
enum Map {
    /// The keys are 0 to n - 1.
    Range,
    /// The keys are known.
    Known(IdMap),
    /// Neurons are what edges name.
    Growing(IdMap),
    /// The names are known; `None` where two neurons have the name. Names in canonical spelling are a second chance.
    Names { exact: HashMap<String, Option<u32>>, canonical: HashMap<String, Option<u32>> },
    /// Neurons are what edges name.
    GrowingNames(LabelsBuilder),
}

impl Keys {
    /// Keys of a table of neurons.
    pub(super) fn of(neurons: &NeuronFile, ends: Ends, at: &Location) -> Result<Self, Error> {
        let table = &neurons.table;
        let map = if ends == Ends::Name {
            let Some(names) = table.names() else {
                return Err(Error::Missing {
                    at: at.boxed(),
                    what: "column of names of neurons".to_owned(),
                    found: table.columns().iter().map(|(name, _)| name.clone()).collect(),
                    remedy: "the edges name neurons: add a column name, or choose `NeuronsFile::None`",
                });
            };
            Map::names(names)
        } else {
            let keys = match &neurons.idx {
                Some(idx) if ends == Ends::Index => idx.as_slice(),
                _ => table.ids(),
            };
            if keys.iter().zip(0..).all(|(&key, row)| key == row) { Map::Range } else { Map::Known(IdMap::of(keys)) }
        };
        Ok(Self { map, n: table.len(), last: [None; 2], lists: Default::default() })
    }

    /// Keys where there is no table of neurons.
    pub(super) fn without_table(ends: Ends, n_neurons: Option<usize>) -> Self {
        let map = match (ends, n_neurons) {
            (Ends::Name, _) => Map::GrowingNames(LabelsBuilder::default()),
            (Ends::Index, Some(_)) => Map::Range,
            _ => Map::Growing(IdMap::new()),
        };
        Self { map, n: n_neurons.unwrap_or(0), last: [None; 2], lists: Default::default() }
    }

    /// The row that a cell names; `None` if no neuron is called so. `end` is 0 for the presynaptic one, 1 for the other.
    pub(super) fn row(&mut self, row: &impl Cells, column: usize, end: usize) -> Result<Option<u32>, Error> {
        match &mut self.map {
            Map::Names { exact, canonical } => {
                // The C. elegans edge list of c302 pads names with blanks.
                let name = row.text(column)?;
                let name = name.trim();
                let found = exact.get(name).or_else(|| canonical.get(&canonical_name(name)));
                match found {
                    Some(Some(index)) => Ok(Some(*index)),
                    Some(None) => {
                        let name = name.to_owned();
                        Err(Error::DuplicateName { at: row.at(column), what: "name of a neuron", name })
                    }
                    None => Ok(None),
                }
            }
            Map::GrowingNames(names) => Ok(Some(names.code(row.text(column)?.trim()))),
            Map::Range | Map::Known(_) | Map::Growing(_) => {
                let key = row.integer(column, "neuron id (whole number of 64 bits)")?;
                if let Some((last, index)) = self.last[end]
                    && last == key
                {
                    return Ok(Some(index));
                }
                let found = match &mut self.map {
                    Map::Range => u32::try_from(key).ok().filter(|&index| (index as usize) < self.n),
                    Map::Known(map) => map.get(key),
                    Map::Growing(map) => Some(map.insert(key)),
                    Map::Names { .. } | Map::GrowingNames(_) => None,
                };
                self.last[end] = found.map(|index| (key, index));
                Ok(found)
            }
        }
    }

    /// Whether neurons have numbers, so that [`Keys::rows`] works.
    pub(super) fn are_numbers(&self) -> bool {
        matches!(self.map, Map::Range | Map::Known(_) | Map::Growing(_))
    }

    /// Whether every key is a neuron.
    pub(super) fn take_all(&self) -> bool {
        matches!(self.map, Map::Growing(_) | Map::GrowingNames(_))
    }

    /// Adds the rows of many ends, up to the first that no neuron has, and gives their number. `end` is 0 for presynaptic
    /// ones, 1 for the others.
    pub(super) fn rows(&mut self, ends: &Numbers<i64>, rows: &mut Vec<u32>, end: usize) -> usize {
        match &ends.list {
            Some(list) => self.rows_of_list(&ends.codes, list, rows, end),
            None => self.rows_of_numbers(&ends.values, rows),
        }
    }

    /// Each number of a list is looked up once; those that a map knows all at once, so that they wait for memory side by side.
    fn rows_of_list(&mut self, codes: &[u32], list: &Arc<Vec<i64>>, rows: &mut Vec<u32>, end: usize) -> usize {
        let (known, mut found) = std::mem::take(&mut self.lists[end]);
        if !known.is_some_and(|known| Arc::ptr_eq(&known, list)) {
            found.clear();
            match &self.map {
                Map::Known(map) | Map::Growing(map) => {
                    found.extend(list.iter().map(|&key| map.get(key).unwrap_or(UNKNOWN)));
                }
                _ => found.resize(list.len(), UNKNOWN),
            }
        }
        let before = rows.len();
        rows.resize(before + codes.len(), UNKNOWN);
        for (place, (row, &code)) in rows[before..].iter_mut().zip(codes).enumerate() {
            *row = found.get(code as usize).copied().unwrap_or(UNKNOWN);
            if *row == UNKNOWN {
                // A number that comes for the first time.
                let Some(new) = self.new_row(list[code as usize]) else {
                    rows.truncate(before + place);
                    break;
                };
                (*row, found[code as usize]) = (new, new);
            }
        }
        self.lists[end] = (Some(list.clone()), found);
        rows.len() - before
    }

    /// The row of a number that no known list has.
    #[cold]
    fn new_row(&mut self, key: i64) -> Option<u32> {
        match &mut self.map {
            Map::Range => u32::try_from(key).ok().filter(|&index| (index as usize) < self.n),
            Map::Growing(map) => Some(map.insert(key)),
            Map::Known(_) | Map::Names { .. } | Map::GrowingNames(_) => None,
        }
    }

    /// Look-ups of many numbers wait for memory side by side.
    fn rows_of_numbers(&mut self, keys: &[i64], rows: &mut Vec<u32>) -> usize {
        fn all(keys: &[i64], rows: &mut Vec<u32>, mut row_of: impl FnMut(i64) -> Option<u32>) {
            rows.reserve(keys.len());
            let mut last = None;
            for &key in keys {
                let row = match last {
                    Some((known, row)) if known == key => row,
                    _ => match row_of(key) {
                        Some(row) => row,
                        None => break,
                    },
                };
                last = Some((key, row));
                rows.push(row);
            }
        }
        let (before, n) = (rows.len(), self.n);
        match &mut self.map {
            Map::Range => all(keys, rows, |key| u32::try_from(key).ok().filter(|&index| (index as usize) < n)),
            Map::Known(map) => all(keys, rows, |key| map.get(key)),
            Map::Growing(map) => all(keys, rows, |key| Some(map.insert(key))),
            Map::Names { .. } | Map::GrowingNames(_) => {}
        }
        rows.len() - before
    }

    /// What a key without neuron means.
    pub(super) fn unknown(&self, row: &impl Cells, column: usize) -> Error {
        match row.integer(column, "") {
            Ok(key) if self.are_numbers() => self.unknown_number(row.at(column), key),
            _ => Error::UnknownNeuron { at: row.at(column), name: row.lossy(column), n: self.n },
        }
    }

    /// What a number without neuron means.
    pub(super) fn unknown_number(&self, at: Box<Location>, key: i64) -> Error {
        match self.map {
            Map::Range => Error::OutOfRange { at, index: key, n: self.n, what: "neurons" },
            _ => Error::UnknownNeuron { at, name: key.to_string(), n: self.n },
        }
    }

    /// The neurons that edges named, and the new row of each old one, for presynaptic ends and for the others, which have
    /// their own keys if they were looked up apart. Ids ascend, names keep the order of appearance.
    pub(super) fn into_neurons(self, others: Option<Self>) -> Result<(NeuronTable, Option<NewRows>), Error> {
        match self.map {
            Map::Growing(map) => {
                let by_id = |map: IdMap| {
                    let mut ids: Vec<(i64, u32)> = map.into_ids().into_iter().zip(0..).collect();
                    ids.sort_unstable();
                    ids
                };
                let own = by_id(map);
                let others = match others {
                    Some(Self { map: Map::Growing(map), .. }) => Some(by_id(map)),
                    _ => None,
                };
                let mut ids: Vec<i64> = own.iter().chain(others.iter().flatten()).map(|&(id, _)| id).collect();
                ids.sort();
                ids.dedup();
                let new = |old: &[(i64, u32)]| {
                    let mut new = vec![0; old.len()];
                    let mut rows = ids.iter().zip(0..);
                    for &(id, number) in old {
                        new[number as usize] = rows.find(|row| *row.0 == id).map_or(UNKNOWN, |row| row.1);
                    }
                    new
                };
                let pre = new(&own);
                let post = others.map_or_else(|| pre.clone(), |others| new(&others));
                Ok((NeuronTable::new(ids)?, Some([pre, post])))
            }
            Map::GrowingNames(names) => {
                let names = names.names();
                Ok((NeuronTable::numbered(names.len()).with_names(names)?, None))
            }
            Map::Range | Map::Known(_) | Map::Names { .. } => Ok((NeuronTable::numbered(self.n), None)),
        }
    }
}

impl Map {
    fn names(names: &[String]) -> Self {
        let mut exact = HashMap::with_capacity(names.len());
        let mut canonical = HashMap::with_capacity(names.len());
        for (name, row) in names.iter().zip(0u32..) {
            exact.entry(name.clone()).and_modify(|found| *found = None).or_insert(Some(row));
            canonical.entry(canonical_name(name)).and_modify(|found| *found = None).or_insert(Some(row));
        }
        Self::Names { exact, canonical }
    }
}

/// A name without the leading zeros of its number: the worm's VA01 is also written VA1.
fn canonical_name(name: &str) -> String {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].trim_start_matches('0');
    format!("{stem}{number}")
}
