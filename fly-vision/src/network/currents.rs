//! Currents into a cell while stimuli are shown.

use connectome_graph::hex::Axial;
use tch_function::slices::as_slice;

use super::model::Network;
use super::respond::Protocol;
use super::run::Record;
use crate::Error;
use crate::measure::{Afferent, Currents};
use crate::stimulus::Stimuli;

impl Network {
    /// The edges onto a cell with their weights, and the presynaptic cells that they number.
    ///
    /// # Errors
    /// [`Error::Setting`] for a cell that is not there, [`Error::Torch`] if libtorch refuses.
    pub fn afferents(&self, cell: u32) -> Result<(Vec<Afferent>, Vec<u32>), Error> {
        let wiring = self.wiring();
        let n = wiring.n_cells();
        if cell as usize >= n {
            return Err(Error::setting("cell", format!("there is no cell {cell} of {n}")));
        }
        let weights = self.group_weights()?.f_detach()?.f_to_device(tch::Device::Cpu)?.f_to_kind(tch::Kind::Double)?;
        let weights = as_slice::<f64>(&weights);
        let mut sources = Vec::new();
        let mut afferents = Vec::new();
        for (source, group) in wiring.edges_onto(cell) {
            let at = sources.iter().position(|&known| known == source).unwrap_or_else(|| {
                sources.push(source);
                sources.len() - 1
            });
            let displacement = wiring.groups()[group as usize].displacement;
            afferents.push(Afferent {
                source: at,
                source_type: wiring.cell_types()[source as usize],
                // a displacement leads from the presynaptic cell to this one
                position: Axial::new(-displacement.u, -displacement.v),
                weight: weights[group as usize],
            });
        }
        Ok((afferents, sources))
    }

    /// Currents into the central cell of a type, one for each movie of a set: weight times output of the presynaptic cell, edge by edge.
    ///
    /// What `protocol` records is not used.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a type that is not there, otherwise as [`responses_to`](Self::responses_to).
    pub fn current_responses(
        &self,
        stimuli: &dyn Stimuli,
        cell_type: &str,
        protocol: &Protocol,
    ) -> Result<Vec<Currents>, Error> {
        let index = self.wiring().type_index(cell_type)?;
        let central = self.wiring().central_cells();
        let cell = central[index as usize];
        let (afferents, sources) = self.afferents(cell)?;
        let recorded = Record::Cells(if sources.is_empty() { vec![cell] } else { sources });
        let cells = recorded.cells(self.wiring())?.len();
        let responses = self.responses_to(stimuli, &Protocol { record: recorded, ..protocol.clone() })?;
        let mut outputs = responses.values().to_vec();
        self.activation().apply(&mut outputs);
        let per_movie = responses.frames() * cells;
        outputs.chunks_exact(per_movie).map(|movie| Currents::new(&afferents, movie, cells)).collect()
    }
}
