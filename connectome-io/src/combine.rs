//! Several tables of one data set in one connectome.

use std::collections::{HashMap, HashSet};

use crate::edges::{Edges, finish};
use crate::labels::LabelsBuilder;
use crate::options::{Duplicates, GapJunctions};
use crate::{Connectome, Error, Labels, Location, NeuronTable, Positions, ReadOptions, Sign, SynapseTable};

impl NeuronTable {
    /// Adds what another table knows about the same neurons: names, types, classes, transmitters, signs, positions that this table lacks,
    /// and further columns. Neurons that only the other table has are left out; neurons that it lacks get empty labels and unknown signs.
    /// FlyWire, for one, describes its neurons in several files.
    ///
    /// Neurons are matched by id; by name where both tables name each neuron by a name of its own and the ids of one are the numbers of
    /// its rows, as in files that know their neurons by name.
    ///
    /// # Errors
    /// [`Error::UnknownNeuron`] if the tables have no neuron in common; [`Error::BadValue`] if the neuron of a row has two names.
    pub fn joined(self, other: &Self) -> Result<Self, Error> {
        let found = self.found_in(other)?;
        if found.iter().all(Option::is_none) && !self.is_empty() {
            let name = other.ids().first().map_or_else(|| "a table without rows".to_owned(), i64::to_string);
            return Err(Error::UnknownNeuron { at: Location::memory().key("joined table"), name, n: self.len() });
        }
        let rows: Vec<Rows> = (0..self.len()).map(Some).zip(found).collect();
        self.with_rows_of(other, self.ids().to_vec(), &rows)
    }

    /// The row of each of these neurons in another table.
    fn found_in(&self, other: &Self) -> Result<Vec<Option<usize>>, Error> {
        // ids that are more than numbers of rows are whose neuron it is, whatever several tables call it
        let names = self.names().zip(other.names()).filter(|_| self.is_numbered() || other.is_numbered());
        if let Some((own, names)) = names
            && [own, names].into_iter().all(tell_apart)
        {
            let row_of: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
            return Ok(own.iter().map(|name| row_of.get(name.as_str()).copied()).collect());
        }
        let row_of: HashMap<i64, usize> = other.ids().iter().copied().zip(0..).collect();
        let found: Vec<Option<usize>> = self.ids().iter().map(|id| row_of.get(id).copied()).collect();
        if let Some((own, names)) = names {
            for (row, found) in found.iter().enumerate() {
                let Some(there) = *found else { continue };
                let both = [&own[row], &names[there]];
                if both[0] != both[1] && both.iter().all(|name| !name.is_empty()) {
                    return Err(Error::BadValue {
                        at: Location::memory().key(format!("neuron {}", self.ids()[row])),
                        what: "name",
                        text: format!("{} in one table, {} in the other", both[0], both[1]),
                        allowed: "one name for each neuron; are these tables of the same neurons?",
                    });
                }
            }
        }
        Ok(found)
    }

    /// Whether ids are the numbers of rows.
    fn is_numbered(&self) -> bool {
        self.ids().iter().copied().eq(0..self.len() as i64)
    }

    /// A table of these ids, whose rows are those of this table, else those of the other. What both know is as this one has it.
    fn with_rows_of(&self, other: &Self, ids: Vec<i64>, rows: &[Rows]) -> Result<Self, Error> {
        let mut table = Self::new(ids)?;
        let labels = |of: [Option<&Labels>; 2]| {
            let mut builder = LabelsBuilder::default();
            for &(row, there) in rows {
                builder.push(pick(of, [row, there], Labels::get, |label| !label.is_empty()).unwrap_or_default());
            }
            builder.finish()
        };
        if self.names().or(other.names()).is_some() {
            let name = |&(row, there): &Rows| {
                let names = [self.names(), other.names()];
                pick(names, [row, there], |names, row| names[row].clone(), |name| !name.is_empty()).unwrap_or_default()
            };
            table = table.with_names(rows.iter().map(name).collect())?;
        }
        let of = |of: fn(&Self) -> Option<&Labels>| {
            Some([of(self), of(other)]).filter(|both| both.iter().any(Option::is_some))
        };
        if let Some(types) = of(Self::types) {
            table = table.with_types(labels(types))?;
        }
        if let Some(classes) = of(Self::classes) {
            table = table.with_classes(labels(classes))?;
        }
        if let Some(transmitters) = of(Self::transmitters) {
            table = table.with_transmitters(labels(transmitters))?;
        }
        if self.signs().or(other.signs()).is_some() {
            let sign = |&(row, there): &Rows| {
                let signs = [self.signs(), other.signs()];
                pick(signs, [row, there], |signs, row| signs[row], |sign| *sign != Sign::Unknown).unwrap_or_default()
            };
            table = table.with_signs(rows.iter().map(sign).collect())?;
        }
        if let Some(positions) = self.positions().or(other.positions()) {
            // points in other units would be others
            let more = other.positions().filter(|more| more.unit() == positions.unit());
            let point = |&(row, there): &Rows| {
                pick([self.positions(), more], [row, there], |all, row| all.points()[row], Option::is_some).flatten()
            };
            table = table.with_positions(Positions::new(rows.iter().map(point).collect(), positions.unit())?)?;
        }
        let further = other.columns().iter().filter(|(name, _)| self.column(name).is_none());
        for (name, _) in self.columns().iter().chain(further) {
            table = table.with_column(name.clone(), labels([self.column(name), other.column(name)]))?;
        }
        Ok(table)
    }
}

/// Where a neuron stands in one table and in the other.
type Rows = (Option<usize>, Option<usize>);

/// What the first table says of a neuron, if it has that column and row and knows it; else what the other says.
fn pick<'a, C: ?Sized, V>(
    columns: [Option<&'a C>; 2],
    rows: [Option<usize>; 2],
    get: impl Fn(&'a C, usize) -> V,
    knows: impl Fn(&V) -> bool,
) -> Option<V> {
    columns.into_iter().zip(rows).filter_map(|(column, row)| Some(get(column?, row?))).find(knows)
}

/// Whether each neuron has a name of its own.
fn tell_apart(names: &[String]) -> bool {
    let mut met = HashSet::with_capacity(names.len());
    names.iter().all(|name| !name.is_empty() && met.insert(name.as_str()))
}

/// What becomes of neurons that only one of two connectomes has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Strangers {
    /// Connectomes of other neurons are refused.
    #[default]
    Refuse,
    /// They are added at the end of the table: for tables of connections that name no more than the neurons in them.
    Add,
}

impl Connectome {
    /// The connections of both connectomes: chemical synapses and gap junctions of one animal, for example. Neurons are matched as by
    /// [`NeuronTable::joined`], and what the other table alone knows of them is added. Kinds are kept; rows without a kind are chemical.
    /// Where one side has signs and the other none, those of its weights become its signs if any is negative; else they are unknown.
    /// Further columns of connections are kept where both sides have them. A pair may then occur in several rows; see
    /// [`Connectome::merged`].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::UnknownNeuron`] if the neurons differ and strangers are refused, or are told apart by the
    /// numbers of their rows alone; [`Error::BadValue`] if the neuron of a row has two names; [`Error::TooMany`];
    /// [`Error::Unsupported`] for connectomes on a lattice.
    pub fn united(self, other: &Self, strangers: Strangers) -> Result<Self, Error> {
        let here = || Location::memory().key("united connectomes");
        if self.lattice().is_some() || other.lattice().is_some() {
            let what = "a union of cell types on a lattice".to_owned();
            return Err(Error::Unsupported { at: here(), what, remedy: "expand both to cells first" });
        }
        let (own, theirs) = (self.neurons(), other.neurons());
        let found = theirs.found_in(own)?;
        let known = found.iter().flatten().count();
        let named = [own, theirs].iter().all(|table| table.names().is_some_and(tell_apart));
        let numbered = [own, theirs].map(NeuronTable::is_numbered);
        // numbers of rows say nothing of neurons elsewhere, and are no ids to stand among others
        let all = strangers == Strangers::Refuse || (numbered != [false; 2] && !named);
        let no_more = all || numbered[0] != numbered[1];
        if (no_more && known < theirs.len()) || (all && own.len() > theirs.len()) {
            if own.len() != theirs.len() {
                return Err(Error::LengthMismatch {
                    at: here(),
                    what: "the other table of neurons".to_owned(),
                    got: theirs.len(),
                    want: own.len(),
                    reason: "these are to be the same neurons: ids may be mere numbers of rows; `ReadOptions::n_neurons` or a table of neurons says which there are",
                });
            }
            let row = found.iter().position(Option::is_none).unwrap_or_default();
            let name = theirs.names().map_or_else(|| theirs.ids()[row].to_string(), |names| names[row].clone());
            return Err(Error::UnknownNeuron { at: here(), name, n: own.len() });
        }
        let (neurons, row) = own.with_strangers(theirs, &found)?;
        let (a, b) = (self.synapses(), other.synapses());
        let signed = a.signs().is_some() || b.signs().is_some();
        let renamed = |ends: &[u32]| -> Vec<u32> { ends.iter().map(|&end| row[end as usize]).collect() };
        let mut synapses = SynapseTable::new(
            [a.pre(), &renamed(b.pre())].concat(),
            [a.post(), &renamed(b.post())].concat(),
            if signed { [magnitudes(a), magnitudes(b)].concat() } else { [a.weight(), b.weight()].concat() },
        )?;
        if signed {
            synapses = synapses.with_signs([signs(a), signs(b)].concat())?;
        }
        if a.kinds().is_some() || b.kinds().is_some() {
            let mut builder = LabelsBuilder::default();
            for table in [a, b] {
                let kind = |row| table.kinds().map_or(SynapseTable::CHEMICAL, |kinds| kinds.get(row));
                for row in 0..table.len() {
                    builder.push(kind(row));
                }
            }
            synapses = synapses.with_kinds(builder.finish())?;
        }
        for (name, column) in a.columns() {
            if let Some(more) = b.column(name) {
                let both = Labels::from_values(column.iter().chain(more.iter()));
                synapses = synapses.with_column(name.clone(), both)?;
            }
        }
        let provenance = self.provenance().clone();
        Self::new(neurons, synapses, provenance)
    }

    /// Rows of the same pair and kind as one, as [`Duplicates`] says, and gap junctions as [`GapJunctions`] says. One on a lattice stays as it
    /// is.
    ///
    /// # Errors
    /// [`Error::DuplicateSynapse`] with [`Duplicates::Error`] where there are any; [`Error::NotFinite`] for sums.
    pub fn merged(self, duplicates: Duplicates, gap_junctions: GapJunctions) -> Result<Self, Error> {
        if (duplicates, gap_junctions) == (Duplicates::Keep, GapJunctions::AsPublished) {
            return Ok(self);
        }
        let options = ReadOptions { duplicates, gap_junctions, ..ReadOptions::default() };
        self.read_again(&options, &Location::memory().key("connections"))
    }

    /// Applies options of reading that concern connections.
    pub(crate) fn read_again(self, options: &ReadOptions, at: &Location) -> Result<Self, Error> {
        if self.lattice().is_some() {
            return Ok(self);
        }
        let (neurons, synapses, _, provenance) = self.into_parts();
        let edges = Edges {
            pre: synapses.pre().to_vec(),
            post: synapses.post().to_vec(),
            weight: synapses.weight().to_vec(),
            signs: synapses.signs().map(<[Sign]>::to_vec),
            kinds: synapses.kinds().cloned(),
            columns: synapses.columns().to_vec(),
            finite: true,
            ..Edges::default()
        };
        drop(synapses);
        finish(neurons, edges, provenance, options, at)
    }
}

impl NeuronTable {
    /// These neurons and, after them, those of another table that are not among them; and the row of each of the other's neurons.
    fn with_strangers(&self, other: &Self, found: &[Option<usize>]) -> Result<(Self, Vec<u32>), Error> {
        let mut ids = self.ids().to_vec();
        let mut rows: Vec<Rows> = (0..self.len()).map(|row| (Some(row), None)).collect();
        // ids that are numbers of rows go on; others are the neurons'
        let numbered = self.is_numbered() && other.is_numbered();
        let mut row_of = Vec::with_capacity(other.len());
        for (there, found) in found.iter().enumerate() {
            let row = found.unwrap_or(ids.len());
            if found.is_none() {
                ids.push(if numbered { ids.len() as i64 } else { other.ids()[there] });
                rows.push((None, None));
            }
            rows[row].1 = Some(there);
            row_of.push(row as u32);
        }
        Ok((self.with_rows_of(other, ids, &rows)?, row_of))
    }
}

/// Weights without signs, which go to a column.
fn magnitudes(of: &SynapseTable) -> Vec<f64> {
    match of.signs() {
        Some(_) => of.weight().to_vec(),
        None => of.weight().iter().map(|weight| weight.abs()).collect(),
    }
}

/// The sign of each row; those of the weights where there is no column of signs and any weight is negative.
fn signs(of: &SynapseTable) -> Vec<Sign> {
    match of.signs() {
        Some(signs) => signs.to_vec(),
        None if of.weight().iter().any(|weight| *weight < 0.0) => of.weight().iter().copied().map(Sign::of).collect(),
        None => vec![Sign::Unknown; of.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Orientation, Provenance};

    fn table(ids: &[i64]) -> NeuronTable {
        NeuronTable::new(ids.to_vec()).unwrap()
    }

    fn connectome(ids: &[i64], edges: &[(u32, u32, f64)]) -> Connectome {
        let column = |of: fn(&(u32, u32, f64)) -> u32| edges.iter().map(of).collect();
        let synapses =
            SynapseTable::new(column(|e| e.0), column(|e| e.1), edges.iter().map(|e| e.2).collect()).unwrap();
        Connectome::new(table(ids), synapses, Provenance::new("test", Orientation::EdgeList)).unwrap()
    }

    #[test]
    fn columns_are_joined_by_id() {
        let base = table(&[7, 3, 5]).with_classes(Labels::from_values(["a", "b", "c"])).unwrap();
        let other = table(&[5, 9, 7])
            .with_types(Labels::from_values(["T5", "T9", "T7"]))
            .unwrap()
            .with_classes(Labels::from_values(["x", "y", "z"]))
            .unwrap()
            .with_signs(vec![Sign::Inhibitory, Sign::Unknown, Sign::Excitatory])
            .unwrap()
            .with_column("side", Labels::from_values(["left", "right", "right"]))
            .unwrap();
        let joined = base.joined(&other).unwrap();
        assert_eq!(joined.ids(), [7, 3, 5]);
        assert_eq!(joined.types().unwrap().iter().collect::<Vec<_>>(), ["T7", "", "T5"]);
        assert_eq!(joined.classes().unwrap().iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(joined.signs().unwrap(), [Sign::Excitatory, Sign::Unknown, Sign::Inhibitory]);
        assert_eq!(joined.column("side").unwrap().iter().collect::<Vec<_>>(), ["right", "", "left"]);
        assert!(matches!(table(&[1]).joined(&other), Err(Error::UnknownNeuron { .. })));
    }

    #[test]
    fn connections_of_both_go_between_the_neurons_of_the_first() {
        let chemical = connectome(&[7, 3], &[(0, 1, 2.0)]);
        let electrical = connectome(&[3, 7], &[(0, 1, 5.0)]);
        let gaps = electrical.synapses().clone().with_kinds(Labels::from_values([SynapseTable::ELECTRICAL])).unwrap();
        let electrical = Connectome::new(electrical.neurons().clone(), gaps, electrical.provenance().clone()).unwrap();
        let both = chemical.united(&electrical, Strangers::Refuse).unwrap();
        assert_eq!((both.synapses().pre(), both.synapses().post()), (&[0, 1][..], &[1, 0][..]));
        assert_eq!(both.synapses().weight(), [2.0, 5.0]);
        let kinds: Vec<&str> = both.synapses().kinds().unwrap().iter().collect();
        assert_eq!(kinds, [SynapseTable::CHEMICAL, SynapseTable::ELECTRICAL]);
        let stranger = connectome(&[3, 8], &[]);
        assert!(matches!(both.clone().united(&stranger, Strangers::Refuse), Err(Error::UnknownNeuron { .. })));
        assert!(matches!(both.united(&connectome(&[3], &[]), Strangers::Refuse), Err(Error::LengthMismatch { .. })));
    }
}
