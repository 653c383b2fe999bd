//! Wiring of cell types that repeat on a hexagonal lattice.
//!
//! Source: Lappalainen et al. 2024, *Nature* 634, 1132 (the convolutional connectome of the fly's optic lobe). A pair of
//! types has one synapse count per displacement; the network applies it at every column of the lattice.

use crate::{Error, Location, Sign};

/// At which columns of the lattice the cells of a type stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// At every column with `u % stride[0] == 0` and `v % stride[1] == 0`; `[1, 1]` is every column.
    Stride([u32; 2]),
    /// One cell, in the central column.
    Single,
}

/// A connection from one cell type to another, for all displacements together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypePair {
    /// Row of the source type in the neuron table.
    pub pre: u32,
    /// Row of the target type.
    pub post: u32,
    /// Effect of the synapses.
    pub sign: Sign,
    /// How certain the synapse count is, as a factor on its prior; `lambda_mult` in the flyvis file.
    pub certainty: f32,
}

/// How the rows of a synapse table of cell types repeat on the lattice.
///
/// There is one [`Placement`] per row of the neuron table, one displacement and one pair per row of the synapse table. A
/// pair may have no rows: its displacements are then all unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct LatticeWiring {
    placement: Vec<Placement>,
    pairs: Vec<TypePair>,
    pair: Vec<u32>,
    offset: Vec<[i32; 2]>,
}

impl LatticeWiring {
    /// Takes the placement per type, the pairs in the order of the file, and per synapse row its pair and its
    /// displacement `[du, dv]` in columns.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if `pair` and `offset` differ in length, [`Error::OutOfRange`] if a pair or type does
    /// not exist, [`Error::NotFinite`] for a certainty, [`Error::BadValue`] for a stride of zero,
    /// [`Error::DuplicateSynapse`] if two pairs join the same types.
    pub fn new(
        placement: Vec<Placement>,
        pairs: Vec<TypePair>,
        pair: Vec<u32>,
        offset: Vec<[i32; 2]>,
    ) -> Result<Self, Error> {
        let here = Location::memory();
        if pair.len() != offset.len() {
            return Err(Error::LengthMismatch {
                at: here.key("lattice wiring"),
                what: "offset".to_owned(),
                got: offset.len(),
                want: pair.len(),
                reason: "one per synapse row",
            });
        }
        for (index, placement) in placement.iter().enumerate() {
            if let Placement::Stride([su, sv]) = *placement
                && (su == 0 || sv == 0)
            {
                return Err(Error::BadValue {
                    at: here.key(format!("placement of type {index}")),
                    what: "stride",
                    text: format!("[{su}, {sv}]"),
                    allowed: "two whole numbers from 1",
                });
            }
        }
        let n = placement.len();
        let mut seen = std::collections::HashSet::with_capacity(pairs.len());
        for (index, p) in pairs.iter().enumerate() {
            for end in [p.pre, p.post] {
                if end as usize >= n {
                    let at = here.key(format!("pair {index}"));
                    return Err(Error::OutOfRange { at, index: i64::from(end), n, what: "cell types" });
                }
            }
            if !p.certainty.is_finite() {
                let at = here.key(format!("pair {index}"));
                return Err(Error::NotFinite { at, what: "certainty", value: f64::from(p.certainty) });
            }
            if !seen.insert((p.pre, p.post)) {
                let at = here.key(format!("pair {index}"));
                return Err(Error::DuplicateSynapse { at, pre: p.pre.to_string(), post: p.post.to_string() });
            }
        }
        if let Some(row) = pair.iter().position(|&p| p as usize >= pairs.len()) {
            return Err(Error::OutOfRange {
                at: here.key(format!("pair of synapse row {row}")),
                index: i64::from(pair[row]),
                n: pairs.len(),
                what: "pairs",
            });
        }
        Ok(Self { placement, pairs, pair, offset })
    }

    /// Placement per row of the neuron table.
    #[must_use]
    pub fn placement(&self) -> &[Placement] {
        &self.placement
    }

    /// The pairs of types in the order of the file, with and without synapse rows.
    #[must_use]
    pub fn pairs(&self) -> &[TypePair] {
        &self.pairs
    }

    /// Number of pairs.
    #[must_use]
    pub fn n_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Pair per synapse row.
    #[must_use]
    pub fn pair(&self) -> &[u32] {
        &self.pair
    }

    /// Displacement `[du, dv]` per synapse row, in columns.
    #[must_use]
    pub fn offset(&self) -> &[[i32; 2]] {
        &self.offset
    }

    /// Certainty of a synapse row, that of its pair.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn certainty(&self, row: usize) -> f32 {
        self.pairs[self.pair[row] as usize].certainty
    }

    /// The displacements of the given synapse rows, in their order; all pairs are kept.
    pub(crate) fn select(self, rows: &[u32]) -> Self {
        let pair = rows.iter().map(|&row| self.pair[row as usize]).collect();
        let offset = rows.iter().map(|&row| self.offset[row as usize]).collect();
        Self { pair, offset, ..self }
    }

    /// The wiring in which every synapse runs the other way: ends exchanged, displacements reversed.
    #[must_use]
    pub fn transpose(mut self) -> Self {
        for pair in &mut self.pairs {
            std::mem::swap(&mut pair.pre, &mut pair.post);
        }
        for [du, dv] in &mut self.offset {
            *du = du.wrapping_neg();
            *dv = dv.wrapping_neg();
        }
        self
    }
}
