//! One row per neuron, or per cell type.

use crate::labels::check_count;
use crate::{Error, Labels, Location, Positions, Sign};

/// The neurons of a connectome: unique ids and optional columns of the same length.
///
/// Row numbers are what a synapse table refers to. Where the connectome has a [`crate::LatticeWiring`], a row is a
/// cell type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NeuronTable {
    ids: Vec<i64>,
    names: Option<Vec<String>>,
    types: Option<Labels>,
    classes: Option<Labels>,
    transmitters: Option<Labels>,
    signs: Option<Vec<Sign>>,
    positions: Option<Positions>,
    columns: Vec<(String, Labels)>,
}

impl NeuronTable {
    /// A table with ids alone.
    ///
    /// # Errors
    /// [`Error::DuplicateNeuron`] if an id stands twice, [`Error::TooMany`] beyond 2^32 - 1 rows.
    pub fn new(ids: Vec<i64>) -> Result<Self, Error> {
        let here = Location::memory();
        check_count(&here, "neurons", ids.len())?;
        // Ids in ascending order are the common case and need no map.
        if !ids.windows(2).all(|pair| pair[0] < pair[1]) {
            let mut rows: Vec<u32> = (0..ids.len() as u32).collect();
            rows.sort_unstable_by_key(|&row| (ids[row as usize], row));
            let repeated = rows.windows(2).filter(|pair| ids[pair[0] as usize] == ids[pair[1] as usize]);
            if let Some(pair) = repeated.min_by_key(|pair| pair[1]) {
                let (first, second) = (pair[0] as usize, pair[1] as usize);
                let at = here.key(format!("row {second}"));
                return Err(Error::DuplicateNeuron { at, id: ids[second], first, second });
            }
        }
        Ok(Self { ids, ..Self::default() })
    }

    /// A table of `n` neurons with the ids 0, 1, ...
    ///
    /// # Panics
    /// If `n` is beyond 2^32 - 1.
    #[must_use]
    pub fn numbered(n: usize) -> Self {
        assert!(u32::try_from(n).is_ok(), "{n} neurons are more than 32-bit indices allow ({})", u32::MAX);
        Self { ids: (0..n as i64).collect(), ..Self::default() }
    }

    /// Adds a name per neuron; names need not be unique.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], as all methods of this kind.
    pub fn with_names(mut self, names: Vec<String>) -> Result<Self, Error> {
        self.check("names", names.len())?;
        self.names = Some(names);
        Ok(self)
    }

    /// Adds the cell type per neuron.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_types(mut self, types: Labels) -> Result<Self, Error> {
        self.check("types", types.len())?;
        self.types = Some(types);
        Ok(self)
    }

    /// Adds a coarser class per neuron (sensory, motor, ...; for lattice connectomes the role input, intermediate, output).
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_classes(mut self, classes: Labels) -> Result<Self, Error> {
        self.check("classes", classes.len())?;
        self.classes = Some(classes);
        Ok(self)
    }

    /// Adds the transmitter per neuron.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_transmitters(mut self, transmitters: Labels) -> Result<Self, Error> {
        self.check("transmitters", transmitters.len())?;
        self.transmitters = Some(transmitters);
        Ok(self)
    }

    /// Adds the sign that all outgoing synapses of a neuron have.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_signs(mut self, signs: Vec<Sign>) -> Result<Self, Error> {
        self.check("signs", signs.len())?;
        self.signs = Some(signs);
        Ok(self)
    }

    /// Adds positions.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_positions(mut self, positions: Positions) -> Result<Self, Error> {
        self.check("positions", positions.len())?;
        self.positions = Some(positions);
        Ok(self)
    }

    /// Adds a further named column, such as the hemisphere or the cell body fibre; a column of that name is replaced.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_column(mut self, name: impl Into<String>, labels: Labels) -> Result<Self, Error> {
        let name = name.into();
        self.check(&name, labels.len())?;
        match self.columns.iter_mut().find(|(n, _)| *n == name) {
            Some(column) => column.1 = labels,
            None => self.columns.push((name, labels)),
        }
        Ok(self)
    }

    fn check(&self, what: &str, got: usize) -> Result<(), Error> {
        if got == self.ids.len() {
            return Ok(());
        }
        Err(Error::LengthMismatch {
            at: Location::memory().key("neuron table"),
            what: what.to_owned(),
            got,
            want: self.ids.len(),
            reason: "one per neuron",
        })
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The unique id per neuron.
    #[must_use]
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// The name per neuron.
    #[must_use]
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The cell type per neuron.
    #[must_use]
    pub fn types(&self) -> Option<&Labels> {
        self.types.as_ref()
    }

    /// The class or role per neuron.
    #[must_use]
    pub fn classes(&self) -> Option<&Labels> {
        self.classes.as_ref()
    }

    /// The transmitter per neuron.
    #[must_use]
    pub fn transmitters(&self) -> Option<&Labels> {
        self.transmitters.as_ref()
    }

    /// The sign per neuron.
    #[must_use]
    pub fn signs(&self) -> Option<&[Sign]> {
        self.signs.as_deref()
    }

    /// Positions.
    #[must_use]
    pub fn positions(&self) -> Option<&Positions> {
        self.positions.as_ref()
    }

    /// Further columns, in the order in which they were added.
    #[must_use]
    pub fn columns(&self) -> &[(String, Labels)] {
        &self.columns
    }

    /// The further column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Labels> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, labels)| labels)
    }

    /// The row of an id, by search through all rows; build a map for many look-ups.
    #[must_use]
    pub fn row_of(&self, id: i64) -> Option<u32> {
        self.ids.iter().position(|&other| other == id).map(|row| row as u32)
    }

    /// The table of the given rows, in their order.
    ///
    /// # Errors
    /// [`Error::DuplicateNeuron`] if a row is named twice.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn select(&self, rows: &[u32]) -> Result<Self, Error> {
        let at = |row: &u32| *row as usize;
        let mut table = Self::new(rows.iter().map(|row| self.ids[at(row)]).collect())?;
        table.names = self.names.as_ref().map(|names| rows.iter().map(|row| names[at(row)].clone()).collect());
        table.types = self.types.as_ref().map(|labels| labels.select(rows));
        table.classes = self.classes.as_ref().map(|labels| labels.select(rows));
        table.transmitters = self.transmitters.as_ref().map(|labels| labels.select(rows));
        table.signs = self.signs.as_ref().map(|signs| rows.iter().map(|row| signs[at(row)]).collect());
        table.positions = match &self.positions {
            Some(positions) => {
                let points = rows.iter().map(|row| positions.points()[at(row)]).collect();
                Some(Positions::new(points, positions.unit())?)
            }
            None => None,
        };
        table.columns = self.columns.iter().map(|(name, labels)| (name.clone(), labels.select(rows))).collect();
        Ok(table)
    }
}
