//! Which numbers are trained.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::super::draw::{Purpose, generator};
use super::super::{RateSystem, system};
use crate::Error;

/// How many numbers of a group are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// None: the group stays as it is. The default.
    #[default]
    None,
    /// All.
    All,
    /// So many, drawn at random. 0 holds all of them, and the group still counts as trained.
    Some(usize),
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Groups {
    /// Magnitudes of connections.
    pub weights: Share,
    /// Shifts of types.
    pub shifts: Share,
    /// Gains of types.
    pub gains: Share,
}

/// Masks of trained numbers: 1 where a number is trained, else 0. `None` where all are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Masks {
    /// As the magnitudes.
    pub weights: Option<Vec<f64>>,
    /// By type.
    pub shifts: Option<Vec<f64>>,
    /// By type.
    pub gains: Option<Vec<f64>>,
}

/// Among which magnitudes is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Among {
    /// Those of connections: where the sign is not 0. The default.
    #[default]
    Connections,
    /// All, as in FlyStability: those that fall on no connection are lost.
    Everything,
}

impl Masks {
    /// Draws masks for a sample of a seed: each choice of so many numbers is equally likely.
    ///
    /// # Errors
    /// [`Error::Setting`] where more are asked for than there are.
    pub fn draw(system: &RateSystem, groups: &Groups, among: Among, seed: u64, sample: u64) -> Result<Self, Error> {
        let mut rng = generator(seed, sample, Purpose::Mask);
        let places: Vec<usize> = match among {
            Among::Connections => (0..system.signs().len()).filter(|&at| system.signs()[at] != 0.0).collect(),
            Among::Everything => (0..system::entries(system.wiring())).collect(),
        };
        let types: Vec<usize> = (0..system.n_types()).collect();
        let mut draw = |share, places: &[usize], length, what| -> Result<Option<Vec<f64>>, Error> {
            match share {
                Share::None | Share::All => Ok(None),
                Share::Some(count) if count > places.len() => {
                    let problem = format!("{count} {what} are to be trained, and there are {}", places.len());
                    Err(Error::Setting { key: "number_param", problem })
                }
                Share::Some(count) => Ok(Some(chosen(count, places, length, &mut rng))),
            }
        };
        Ok(Self {
            weights: draw(groups.weights, &places, system.weights().len(), "weights")?,
            gains: draw(groups.gains, &types, system.n_types(), "gains")?,
            shifts: draw(groups.shifts, &types, system.n_types(), "shifts")?,
        })
    }
}

/// Ones at `count` of the places, by Fisher and Yates.
fn chosen(count: usize, places: &[usize], length: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut places = places.to_vec();
    let mut mask = vec![0.0; length];
    for i in 0..count {
        // 64 bits over at most 2^32 places: the bias is below 2^-32
        let j = i + (rng.next_u64() % (places.len() - i) as u64) as usize;
        places.swap(i, j);
        mask[places[i]] = 1.0;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Symmetry;

    #[test]
    fn so_many_numbers_are_drawn_and_each_alike() {
        let system = RateSystem::random(6, 1.0, Symmetry::None, 1).unwrap();
        let groups = Groups { weights: Share::Some(10), shifts: Share::All, gains: Share::Some(2) };
        let mut sums = vec![0.0; 36];
        for sample in 0..600 {
            let masks = Masks::draw(&system, &groups, Among::Connections, 3, sample).unwrap();
            assert_eq!(masks.shifts, None);
            assert_eq!(masks.gains.unwrap().iter().sum::<f64>(), 2.0);
            let weights = masks.weights.unwrap();
            assert_eq!(weights.iter().sum::<f64>(), 10.0);
            sums.iter_mut().zip(&weights).for_each(|(sum, w)| *sum += w);
        }
        // 30 connections, 200 of 600 times each, with a deviation of 11.5
        for (at, sum) in sums.iter().enumerate() {
            assert!(if at % 7 == 0 { *sum == 0.0 } else { (sum - 200.0).abs() < 58.0 }, "{at}: {sum}");
        }
        let all = Groups { weights: Share::Some(36), ..Groups::default() };
        assert!(Masks::draw(&system, &all, Among::Everything, 0, 0).is_ok());
        let message = Masks::draw(&system, &all, Among::Connections, 0, 0).unwrap_err().to_string();
        assert!(message.contains("36 weights") && message.contains("30"), "{message}");
    }
}
