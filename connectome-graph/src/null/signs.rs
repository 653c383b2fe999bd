//! Signs on other neurons or synapses of the same network.

use connectome_io::{Connectome, LatticeWiring, Sign, SynapseTable, TypePair};
use rand_chacha::ChaCha8Rng;

use super::edges::{Streams, rebuilt};
use super::{NullModel, Report};
use crate::random::shuffle;
use crate::rebuild::with_labels_of;
use crate::{Error, Topology};

/// Permutes signs; who connects to whom and the magnitudes of weights stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignShuffle {
    /// Among neurons with known sign: all outgoing synapses of a neuron turn with it, so that Dale's law holds where it
    /// held, and as many neurons as before inhibit.
    ///
    /// The sign of a neuron is that of the neuron table of a connectome, else of its summed outgoing weight; synapses of
    /// the other sign contradict the new one too. In a connectome the signs of neurons, of synapses, of weights and of
    /// pairs of types on a lattice all turn.
    Neurons,
    /// Among synapses with known sign, their own or that of their presynaptic neuron: as many synapses as before inhibit,
    /// Dale's law does not hold. Signs of neurons are dropped. Not on a lattice of cell types, where signs belong to pairs of types.
    Synapses,
}

impl SignShuffle {
    fn name(self) -> &'static str {
        match self {
            Self::Neurons => "signs of neurons shuffled",
            Self::Synapses => "signs of synapses shuffled",
        }
    }
}

/// Permutes the known ones among themselves.
fn shuffled(signs: &[Sign], rng: &mut ChaCha8Rng) -> Vec<Sign> {
    let mut known: Vec<Sign> = signs.iter().copied().filter(|&sign| sign != Sign::Unknown).collect();
    shuffle(&mut known, rng);
    let mut known = known.into_iter();
    signs.iter().map(|&sign| if sign == Sign::Unknown { sign } else { known.next().unwrap_or(sign) }).collect()
}

/// -1 where a sign turned, else 1.
fn turned(before: Sign, after: Sign) -> i8 {
    if before == after { 1 } else { -1 }
}

fn turn(sign: Sign, by: i8) -> Sign {
    match sign {
        Sign::Excitatory if by < 0 => Sign::Inhibitory,
        Sign::Inhibitory if by < 0 => Sign::Excitatory,
        kept => kept,
    }
}

impl NullModel for SignShuffle {
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        let mut rng = Streams::of(seed).part(0);
        let weights = original.weights();
        let weights = match self {
            Self::Neurons => {
                let effects = original.columns().iter().copied().zip(weights.iter().copied());
                let signs = signs_of_neurons(original.n_pre(), effects);
                let turn: Vec<f64> =
                    signs.iter().zip(shuffled(&signs, &mut rng)).map(|(&a, b)| f64::from(turned(a, b))).collect();
                weights.iter().zip(original.columns()).map(|(w, &pre)| w * turn[pre as usize]).collect()
            }
            Self::Synapses => {
                let signs: Vec<Sign> = weights.iter().map(|&w| Sign::of(w)).collect();
                let turned = signs.iter().zip(shuffled(&signs, &mut rng)).map(|(&a, b)| f64::from(turned(a, b)));
                weights.iter().zip(turned).map(|(w, turn)| w * turn).collect()
            }
        };
        Ok((original.with_weights(weights)?, Report::default()))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        let mut rng = Streams::of(seed).part(0);
        let (neurons, synapses) = (original.neurons(), original.synapses());
        let pre = synapses.pre();
        // weights of signed matrices turn themselves, counts of synapses stay positive
        let signed = synapses.weight().iter().any(|&w| w < 0.0);
        let of_neurons = neurons.signs().filter(|_| !signed);
        let found: Vec<Sign>;
        let synapse_signs = match (synapses.signs(), original.lattice(), of_neurons) {
            (Some(signs), ..) => signs,
            (None, Some(lattice), _) => {
                found = lattice.pair().iter().map(|&pair| lattice.pairs()[pair as usize].sign).collect();
                &found
            }
            (None, None, Some(signs)) => {
                found = pre.iter().map(|&pre| signs[pre as usize]).collect();
                &found
            }
            (None, None, None) => {
                found = synapses.weight().iter().map(|&w| Sign::of(w)).collect();
                &found
            }
        };
        let has_signs = match self {
            Self::Neurons => synapses.signs().is_some(),
            // those that neurons had go to their synapses
            Self::Synapses => synapses.signs().is_some() || of_neurons.is_some(),
        };
        let (neurons, turns, lattice) = match self {
            Self::Neurons => {
                let before = match neurons.signs() {
                    Some(signs) => signs.to_vec(),
                    None => {
                        let effect = |(&w, sign): (&f64, &Sign)| w.abs() * sign.factor();
                        let effects = synapses.weight().iter().zip(synapse_signs).map(effect);
                        signs_of_neurons(neurons.len(), pre.iter().copied().zip(effects))
                    }
                };
                let after = shuffled(&before, &mut rng);
                let turns: Vec<i8> = before.iter().zip(&after).map(|(&a, &b)| turned(a, b)).collect();
                let lattice = original.lattice().map(|lattice| turned_lattice(lattice, &turns)).transpose()?;
                let neurons = neurons.clone();
                let neurons = if neurons.signs().is_some() { neurons.with_signs(after)? } else { neurons };
                (neurons, pre.iter().map(|&pre| turns[pre as usize]).collect::<Vec<i8>>(), lattice)
            }
            Self::Synapses if original.lattice().is_some() => {
                return Err(Error::OnLattice { what: "SignShuffle::Synapses turns single synapses" });
            }
            Self::Synapses => {
                let after = shuffled(synapse_signs, &mut rng);
                let turns = synapse_signs.iter().zip(after).map(|(&a, b)| turned(a, b)).collect();
                let unknown = vec![Sign::Unknown; neurons.len()];
                let neurons = neurons.clone();
                let neurons = if neurons.signs().is_some() { neurons.with_signs(unknown)? } else { neurons };
                (neurons, turns, None)
            }
        };
        let weight = |(&w, &by): (&f64, &i8)| if signed { w * f64::from(by) } else { w };
        let weight = synapses.weight().iter().zip(&turns).map(weight).collect();
        let mut table = SynapseTable::new(pre.to_vec(), synapses.post().to_vec(), weight)?;
        if has_signs {
            table = table.with_signs(synapse_signs.iter().zip(&turns).map(|(&sign, &by)| turn(sign, by)).collect())?;
        }
        table = with_labels_of(table, synapses)?;
        let mut result = rebuilt(original, neurons, table, self.name(), seed)?;
        if let Some(lattice) = lattice {
            result = result.with_lattice(lattice)?;
        }
        Ok((result, Report::default()))
    }
}

/// The sign of the larger part of what each neuron sends out; unknown if it sends nothing or both parts are equal.
fn signs_of_neurons(n: usize, effects: impl Iterator<Item = (u32, f64)>) -> Vec<Sign> {
    let mut sum = vec![0f64; n];
    for (pre, effect) in effects {
        sum[pre as usize] += effect;
    }
    sum.into_iter().map(Sign::of).collect()
}

/// The pairs of types with the signs that their presynaptic types turned to.
fn turned_lattice(lattice: &LatticeWiring, turns: &[i8]) -> Result<LatticeWiring, Error> {
    let pair = |pair: &TypePair| TypePair { sign: turn(pair.sign, turns[pair.pre as usize]), ..*pair };
    let pairs = lattice.pairs().iter().map(pair).collect();
    Ok(LatticeWiring::new(lattice.placement().to_vec(), pairs, lattice.pair().to_vec(), lattice.offset().to_vec())?)
}
