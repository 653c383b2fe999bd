//! Receptive and projective fields of cell types by their wiring.

use connectome_graph::hex::{Axial, CellType, HexNetwork};

use crate::Error;

/// A cell that is connected to the cell in question.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Partner {
    /// Number of its type.
    pub cell_type: u32,
    /// Its column relative to that of the cell in question.
    pub position: Axial,
    /// Number of synapses, negative if they inhibit.
    pub synapses: f64,
}

/// The partners of a cell on one side.
#[derive(Debug, Clone, PartialEq)]
pub struct AnatomicalField {
    names: Vec<String>,
    column: Axial,
    partners: Vec<Partner>,
}

impl AnatomicalField {
    /// Column of the cell in question: the one with the least `|u| + |v|`, in the centre if there is one.
    pub fn column(&self) -> Axial {
        self.column
    }

    /// All partners, by type in order of the wiring, then displacement.
    pub fn partners(&self) -> &[Partner] {
        &self.partners
    }

    /// Synapses with cells of a type by their relative column.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such type.
    pub fn map(&self, cell_type: &str) -> Result<Vec<(Axial, f64)>, Error> {
        let wanted = self.type_index(cell_type)?;
        let own = self.partners.iter().filter(|partner| partner.cell_type == wanted);
        Ok(own.map(|partner| (partner.position, partner.synapses)).collect())
    }

    /// Signed number of synapses with each type that is a partner, in order of types.
    pub fn totals(&self) -> Vec<(&str, f64)> {
        let mut sums = vec![None; self.names.len()];
        for partner in &self.partners {
            *sums[partner.cell_type as usize].get_or_insert(0.0) += partner.synapses;
        }
        sums.iter().zip(&self.names).filter_map(|(sum, name)| Some((name.as_str(), (*sum)?))).collect()
    }

    /// Number of synapses that excite.
    pub fn excitatory(&self) -> f64 {
        self.partners.iter().map(|partner| partner.synapses.max(0.0)).sum()
    }

    /// Number of synapses that inhibit, not positive.
    pub fn inhibitory(&self) -> f64 {
        self.partners.iter().map(|partner| partner.synapses.min(0.0)).sum()
    }

    fn type_index(&self, name: &str) -> Result<u32, Error> {
        let found = self.names.iter().position(|n| n == name);
        let found = found.ok_or_else(|| Error::unknown("cell type", name, self.names.iter().map(String::as_str)))?;
        Ok(found as u32)
    }
}

/// The cells that are presynaptic to the most central cell of a type.
///
/// # Errors
/// [`Error::Unknown`] if there is no such type; [`Error::Setting`] if it has no cell.
pub fn receptive_field(network: &HexNetwork, cell_type: &str) -> Result<AnatomicalField, Error> {
    field(network, cell_type, Side::Presynaptic)
}

/// The cells that are postsynaptic to the most central cell of a type.
///
/// # Errors
/// [`Error::Unknown`] if there is no such type; [`Error::Setting`] if it has no cell.
pub fn projective_field(network: &HexNetwork, cell_type: &str) -> Result<AnatomicalField, Error> {
    field(network, cell_type, Side::Postsynaptic)
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Presynaptic,
    Postsynaptic,
}

fn field(network: &HexNetwork, cell_type: &str, side: Side) -> Result<AnatomicalField, Error> {
    let names = || network.types().iter().map(CellType::name);
    let own = network.type_index(cell_type).ok_or_else(|| Error::unknown("cell type", cell_type, names()))?;
    let size = |column: &Axial| u64::from(column.u.unsigned_abs()) + u64::from(column.v.unsigned_abs());
    let column = network.types()[own as usize].columns().min_by_key(size);
    let column = column.ok_or_else(|| Error::setting("cell type", format!("{cell_type} has no cell")))?;
    let mut partners = Vec::new();
    for offset in network.offsets() {
        let (this, other, position) = match side {
            Side::Presynaptic => (offset.target_type, offset.source_type, -offset.displacement),
            Side::Postsynaptic => (offset.source_type, offset.target_type, offset.displacement),
        };
        // an edge joins every two cells that stand so
        if this == own && network.types()[other as usize].cell_at(column + position).is_some() {
            let synapses = f64::from(offset.sign.value()) * f64::from(offset.n_syn);
            partners.push(Partner { cell_type: other, position, synapses });
        }
    }
    Ok(AnatomicalField { names: names().map(str::to_owned).collect(), column, partners })
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectome_graph::hex::{Extent, expand};

    /// Fields hold the very edges of the cell, and what is presynaptic from one side is postsynaptic from the other.
    #[test]
    fn fields_are_the_edges() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/fib25-fib19_v2.2.json.gz");
        let wiring = connectome_io::read(file).unwrap();
        let network = expand(&wiring, Extent(8)).unwrap();
        let synapses = network.per_edge(|o| f64::from(o.sign.value()) * f64::from(o.n_syn));
        let (mut received, mut sent) = (0.0, 0.0);
        for name in ["T4a", "Mi9", "Lawf1", "R1"] {
            let cell = network.types()[network.type_index(name).unwrap() as usize].cell_at(Axial::ORIGIN).unwrap();
            for (ends, field) in [
                (network.target(), receptive_field(&network, name).unwrap()),
                (network.source(), projective_field(&network, name).unwrap()),
            ] {
                assert_eq!(field.column(), Axial::ORIGIN);
                let own: Vec<f64> = (0..ends.len()).filter(|&e| ends[e] == cell).map(|e| synapses[e]).collect();
                assert_eq!(field.partners().len(), own.len(), "{name}");
                assert!((field.excitatory() + field.inhibitory() - own.iter().sum::<f64>()).abs() < 1e-9);
                let totals: f64 = field.totals().iter().map(|(_, n)| n).sum();
                assert!((totals - own.iter().sum::<f64>()).abs() < 1e-9);
            }
        }
        for (position, n) in receptive_field(&network, "T4a").unwrap().map("Mi9").unwrap() {
            received += n;
            let back = projective_field(&network, "Mi9").unwrap().map("T4a").unwrap();
            sent += back.iter().filter(|(p, _)| *p == -position).map(|(_, n)| n).sum::<f64>();
        }
        assert!(received != 0.0 && received == sent);
        assert!(receptive_field(&network, "T6").is_err());
        assert!(receptive_field(&network, "T4a").unwrap().map("T6").is_err());
    }
}
