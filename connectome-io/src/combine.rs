//! Several tables of one data set in one connectome.

use std::collections::HashMap;

use crate::labels::LabelsBuilder;
use crate::{Connectome, Error, Labels, Location, NeuronTable, Positions, Sign, SynapseTable};

impl NeuronTable {
    /// Adds what another table knows about the same neurons, matched by id: names, types, classes, transmitters, signs,
    /// positions that this table lacks, and further columns. Neurons that only the other table has are left out; neurons
    /// that it lacks get empty labels and unknown signs. FlyWire, for one, describes its neurons in several files.
    ///
    /// # Errors
    /// [`Error::UnknownNeuron`] if the tables have no neuron in common.
    pub fn joined(mut self, other: &Self) -> Result<Self, Error> {
        let row_of: HashMap<i64, usize> = other.ids().iter().copied().zip(0..).collect();
        let rows: Vec<Option<usize>> = self.ids().iter().map(|id| row_of.get(id).copied()).collect();
        if rows.iter().all(Option::is_none) && !self.is_empty() {
            let name = other.ids().first().map_or_else(|| "a table without rows".to_owned(), i64::to_string);
            return Err(Error::UnknownNeuron { at: Location::memory().key("joined table"), name, n: self.len() });
        }
        let labels = |from: &Labels| {
            let mut builder = LabelsBuilder::default();
            for row in &rows {
                builder.push(row.map_or("", |row| from.get(row)));
            }
            builder.finish()
        };
        if let (None, Some(names)) = (self.names(), other.names()) {
            let names = rows.iter().map(|row| row.map_or_else(String::new, |row| names[row].clone())).collect();
            self = self.with_names(names)?;
        }
        if let (None, Some(types)) = (self.types(), other.types()) {
            self = self.with_types(labels(types))?;
        }
        if let (None, Some(classes)) = (self.classes(), other.classes()) {
            self = self.with_classes(labels(classes))?;
        }
        if let (None, Some(transmitters)) = (self.transmitters(), other.transmitters()) {
            self = self.with_transmitters(labels(transmitters))?;
        }
        if let (None, Some(signs)) = (self.signs(), other.signs()) {
            self = self.with_signs(rows.iter().map(|row| row.map_or(Sign::Unknown, |row| signs[row])).collect())?;
        }
        if let (None, Some(positions)) = (self.positions(), other.positions()) {
            let points = rows.iter().map(|row| row.and_then(|row| positions.points()[row])).collect();
            self = self.with_positions(Positions::new(points, positions.unit())?)?;
        }
        for (name, column) in other.columns() {
            if self.column(name).is_none() {
                self = self.with_column(name.clone(), labels(column))?;
            }
        }
        Ok(self)
    }
}

impl Connectome {
    /// The connections of both connectomes between the neurons of this one: chemical synapses and gap junctions of one
    /// animal, for example. Kinds are kept; rows without a kind are chemical. Signs are unknown where one side has none.
    /// Further columns of connections are kept where both sides have them. A pair may then occur in several rows.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::UnknownNeuron`] if the neurons differ; [`Error::TooMany`];
    /// [`Error::Unsupported`] for connectomes on a lattice.
    pub fn united(self, other: &Self) -> Result<Self, Error> {
        let here = || Location::memory().key("united connectomes");
        if self.lattice().is_some() || other.lattice().is_some() {
            let what = "a union of cell types on a lattice".to_owned();
            return Err(Error::Unsupported { at: here(), what, remedy: "expand both to cells first" });
        }
        if self.n_neurons() != other.n_neurons() {
            return Err(Error::LengthMismatch {
                at: here(),
                what: "the other table of neurons".to_owned(),
                got: other.n_neurons(),
                want: self.n_neurons(),
                reason: "both describe the same neurons",
            });
        }
        let row_of: HashMap<i64, u32> = self.neurons().ids().iter().copied().zip(0..).collect();
        let mut row = Vec::with_capacity(other.n_neurons());
        for id in other.neurons().ids() {
            let n = self.n_neurons();
            row.push(*row_of.get(id).ok_or_else(|| Error::UnknownNeuron { at: here(), name: id.to_string(), n })?);
        }
        let (a, b) = (self.synapses(), other.synapses());
        let renamed = |ends: &[u32]| -> Vec<u32> { ends.iter().map(|&end| row[end as usize]).collect() };
        let mut synapses = SynapseTable::new(
            [a.pre(), &renamed(b.pre())].concat(),
            [a.post(), &renamed(b.post())].concat(),
            [a.weight(), b.weight()].concat(),
        )?;
        if a.signs().is_some() || b.signs().is_some() {
            let signs = |of: &SynapseTable| of.signs().map_or_else(|| vec![Sign::Unknown; of.len()], <[Sign]>::to_vec);
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
        Self::new(self.neurons().clone(), synapses, provenance)
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
        let both = chemical.united(&electrical).unwrap();
        assert_eq!((both.synapses().pre(), both.synapses().post()), (&[0, 1][..], &[1, 0][..]));
        assert_eq!(both.synapses().weight(), [2.0, 5.0]);
        let kinds: Vec<&str> = both.synapses().kinds().unwrap().iter().collect();
        assert_eq!(kinds, [SynapseTable::CHEMICAL, SynapseTable::ELECTRICAL]);
        let stranger = connectome(&[3, 8], &[]);
        assert!(matches!(both.clone().united(&stranger), Err(Error::UnknownNeuron { .. })));
        assert!(matches!(both.united(&connectome(&[3], &[])), Err(Error::LengthMismatch { .. })));
    }
}
