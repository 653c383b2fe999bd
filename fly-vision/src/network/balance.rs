//! Resting potentials such that all cells take part.

use tch_function::slices::as_slice;

use super::engine::output_of;
use super::model::Network;
use crate::Error;

impl Network {
    /// Sets resting potentials such that, under steady light, central cells are all at the same potential: `b = v - W f(v) - x`.
    ///
    /// Above 0, no rectified cell is silent then, and changes of light reach all types that are wired to the eye, whatever the signs on
    /// the way; from random resting potentials, half of the pathways are closed at first. Cells at the edge of the eye, which lack inputs, are
    /// at other potentials, and so are cells of a type that receive other input than the central one in a network without a lattice.
    ///
    /// # Errors
    /// [`Error::Setting`] for numbers that are not finite.
    pub fn balance(&mut self, potential: f64, luminance: f64) -> Result<(), Error> {
        if !potential.is_finite() || !luminance.is_finite() {
            return Err(Error::setting("balance", format!("potential {potential}, luminance {luminance}")));
        }
        let weights = self.group_weights()?.f_detach()?.f_to_kind(tch::Kind::Double)?.f_to_device(tch::Device::Cpu)?;
        let weights = as_slice::<f64>(&weights.f_contiguous()?).to_vec();
        let wiring = self.wiring();
        let central = wiring.central_cells();
        let types = wiring.cell_types();
        // by type, what comes into the central cell
        let mut received = vec![0.0; wiring.types().len()];
        for (&target, &group) in wiring.target().iter().zip(wiring.edge_groups()) {
            let t = types[target as usize] as usize;
            if central[t] == target {
                received[t] += weights[group as usize];
            }
        }
        let output = output_of(self.activation(), potential);
        let mut light = vec![0.0; received.len()];
        for &(cell, _) in wiring.inputs() {
            let t = types[cell as usize] as usize;
            if central[t] == cell {
                light[t] += luminance;
            }
        }
        let bias: Vec<f32> = received
            .iter()
            .zip(&light)
            .map(|(received, light)| (potential - received * output - light) as f32)
            .collect();
        self.set(&self.parameters.bias, &bias)
    }
}

#[cfg(test)]
mod tests {
    use connectome_graph::hex::{Extent, expand};
    use tch::Kind;

    use crate::network::{Grey, Initials, Network, Strength, Wiring};

    /// In grey, central cells of a balanced network are where they should be, as far as nothing arrives from the edge of the eye.
    #[test]
    fn central_cells_are_at_the_potential() {
        let fly = expand(&crate::connectome().unwrap(), Extent(12)).unwrap();
        let initials = Initials { strength: Strength::Total(0.9), ..Initials::default() };
        let builder = Network::builder(Wiring::from_hex(&fly).unwrap()).kind(Kind::Double).initials(initials);
        let mut network = builder.build_alone().unwrap();
        network.balance(1.0, 0.5).unwrap();
        let state = network.steady_state(2.0, 0.01, 1, Grey::default()).unwrap();
        for cell in network.wiring().central_cells() {
            let v = state.double_value(&[0, i64::from(cell)]);
            assert!((v - 1.0).abs() < 0.1, "{cell}: {v}");
        }
        assert!(network.balance(f64::NAN, 0.5).is_err());
    }
}
