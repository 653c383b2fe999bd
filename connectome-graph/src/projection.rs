//! Wiring between a network and the outside: which neurons receive an input, which are read out.

use crate::{Duplicates, Error, Topology};

/// Direction of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From channels to neurons: the matrix is `[neurons, channels]`.
    Input,
    /// From neurons to channels: the matrix is `[channels, neurons]`.
    Output,
}

/// Connects channel `k` to neuron `indices[k]` with weight 1, for `channels` channels.
///
/// Without `indices`, channel `k` belongs to neuron `k`. Several channels may share a neuron; each keeps its own entry.
///
/// # Errors
/// [`Error::Length`] unless there is one index per channel, [`Error::OutOfRange`] for a neuron that does not exist.
pub fn projection(
    channels: usize,
    neurons: usize,
    indices: Option<&[u32]>,
    direction: Direction,
) -> Result<Topology, Error> {
    let identity: Vec<u32>;
    let indices = match indices {
        Some(indices) => indices,
        None => {
            identity = (0..u32::try_from(channels).unwrap_or(u32::MAX)).collect();
            &identity
        }
    };
    if indices.len() != channels {
        return Err(Error::Length { what: "neuron indices of the projection", expected: channels, got: indices.len() });
    }
    if let Some(position) = indices.iter().position(|&i| i as usize >= neurons) {
        let index = u64::from(indices[position]);
        return Err(Error::OutOfRange { what: "neuron of channel", position, index, size: neurons });
    }
    let channel: Vec<u32> = (0..channels as u32).collect();
    let ones = vec![1.0; channels];
    match direction {
        Direction::Input => Topology::from_edges(neurons, channels, indices, &channel, &ones, Duplicates::Error),
        Direction::Output => Topology::from_edges(channels, neurons, &channel, indices, &ones, Duplicates::Error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output wiring is the transpose of input wiring.
    #[test]
    fn directions_are_transposed() {
        let indices = [3, 0, 3];
        let input = projection(3, 5, Some(&indices), Direction::Input).unwrap();
        assert_eq!((input.n_post(), input.n_pre(), input.nnz()), (5, 3, 3));
        let output = projection(3, 5, Some(&indices), Direction::Output).unwrap();
        assert_eq!(input.transpose(), output);
        for (channel, &neuron) in indices.iter().enumerate() {
            assert_eq!(input.get(neuron, channel as u32), Some(1.0));
        }
    }

    #[test]
    fn wrong_indices_are_named() {
        let error = projection(2, 5, Some(&[1, 5]), Direction::Input).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { position: 1, index: 5, size: 5, .. }));
        let error = projection(3, 5, Some(&[1, 2]), Direction::Output).unwrap_err();
        assert!(matches!(error, Error::Length { expected: 3, got: 2, .. }));
        assert!(matches!(projection(6, 5, None, Direction::Input), Err(Error::OutOfRange { .. })));
    }
}
