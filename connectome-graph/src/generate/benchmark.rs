//! The connectome on which products and solvers are timed: a fixed function of its size.
//!
//! Every number is a hash of its position, so that any program in any language can build the same network without a
//! file. Degrees are heavy-tailed like those of the fly's optic lobe; weights are multiples of 1/1024, hence exact in
//! `f32`, and so are inputs and factors.

use connectome_io::Sign;
use rayon::prelude::*;

use crate::pair_set::PairSet;
use crate::{Error, Topology};

/// Independent sequences of hashes, by what they decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BenchmarkStream {
    /// Weight of a neuron as postsynaptic partner.
    RowWeight = 1,
    /// Weight of a neuron as presynaptic partner.
    ColumnWeight = 2,
    /// Postsynaptic neuron of a draw.
    Row = 3,
    /// Presynaptic neuron of a draw.
    Column = 4,
    /// Weight of a synapse.
    Value = 5,
    /// Neuron of an input channel.
    InputTarget = 6,
    /// Input values.
    Input = 7,
    /// Dense factor of the product.
    Factor = 8,
}

impl BenchmarkStream {
    /// Hash `i` of the stream: the finaliser of `splitmix64` (Steele, Lea & Flood, OOPSLA 2014, doi
    /// 10.1145/2660193.2660195) over a counter.
    pub const fn hash(self, i: u64) -> u64 {
        let seed = ((self as u64) << 56) ^ 0x5EED_0000;
        let z = seed.wrapping_add(i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A benchmark network, given by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Benchmark {
    /// Number of neurons.
    pub neurons: u32,
    /// Number of synapses.
    pub synapses: u32,
}

impl Benchmark {
    /// The size of the optic-lobe connectome of the bioplnn tutorial: 47,521 neurons, 4,623,254 synapses.
    pub const OPTIC_LOBE: Self = Self { neurons: 47_521, synapses: 4_623_254 };

    /// Number of input channels of the tutorial, the pixels of an MNIST digit.
    pub const INPUTS: usize = 784;

    /// The network `[neurons, neurons]`, weights `1/1024..=32/1024`.
    ///
    /// Pairs are drawn in proportion to heavy-tailed weights of rows and columns until enough different ones are found;
    /// nearly full matrices therefore take long.
    ///
    /// # Errors
    /// [`Error::TooMany`] if there are not as many pairs of neurons as synapses.
    pub fn topology(&self) -> Result<Topology, Error> {
        let n = u64::from(self.neurons);
        let (nnz, pairs) = (self.synapses as usize, n * n);
        if nnz as u64 > pairs {
            let (count, limit) = (nnz as u128, u128::from(pairs));
            return Err(Error::TooMany { what: "synapses for so few neurons", count, limit });
        }
        let mut keys = self.distinct_pairs(nnz);
        keys.par_sort_unstable();
        let mut row_ptr = vec![0usize; self.neurons as usize + 1];
        for &key in &keys {
            row_ptr[(key / n) as usize + 1] += 1;
        }
        for i in 0..self.neurons as usize {
            row_ptr[i + 1] += row_ptr[i];
        }
        let columns = keys.par_iter().map(|key| (key % n) as u32).collect();
        let value = |e: u64| ((BenchmarkStream::Value.hash(e) >> 59) + 1) as f64 / 1024.0;
        let weights = (0..nnz as u64).into_par_iter().map(value).collect();
        Topology::from_csr(self.neurons as usize, self.neurons as usize, row_ptr, columns, weights)
    }

    /// The first `nnz` different pairs `row * neurons + column` in order of drawing.
    fn distinct_pairs(&self, nnz: usize) -> Vec<u64> {
        const BATCH: u64 = 1 << 16;
        let n = u64::from(self.neurons);
        let rows = Roulette::new(self.neurons, BenchmarkStream::RowWeight);
        let columns = Roulette::new(self.neurons, BenchmarkStream::ColumnWeight);
        let mut keys = Vec::with_capacity(nnz);
        let mut known = PairSet::new(nnz);
        let mut first = 0;
        while keys.len() < nnz {
            let batch: Vec<u64> = (first..first + BATCH)
                .into_par_iter()
                .map(|k| rows.pick(BenchmarkStream::Row.hash(k)) * n + columns.pick(BenchmarkStream::Column.hash(k)))
                .collect();
            let missing = nnz - keys.len();
            keys.extend(batch.into_iter().filter(|&key| known.insert(key)).take(missing));
            first += BATCH;
        }
        keys
    }

    /// Neuron of each input channel; channels may share a neuron.
    ///
    /// # Panics
    /// If there are no neurons.
    pub fn input_targets(&self, channels: usize) -> Vec<u32> {
        let n = u64::from(self.neurons);
        (0..channels as u64).map(|j| (BenchmarkStream::InputTarget.hash(j) % n) as u32).collect()
    }

    /// Sign of each presynaptic neuron: odd numbers excite, even ones inhibit.
    pub fn signs(&self) -> Vec<Sign> {
        (0..self.neurons).map(|i| if i % 2 == 1 { Sign::Excitatory } else { Sign::Inhibitory }).collect()
    }

    /// Input values in `[-1, 1)`, row-major `[batch, channels]`.
    pub fn inputs(&self, batch: usize, channels: usize) -> Vec<f32> {
        values(batch * channels, |i| (BenchmarkStream::Input.hash(i) >> 40) as f32 / (1 << 23) as f32 - 1.0)
    }

    /// Dense factor of the product in `[0, 1)`, row-major `[neurons, batch]`.
    pub fn factor(&self, batch: usize) -> Vec<f32> {
        values(self.neurons as usize * batch, |i| (BenchmarkStream::Factor.hash(i) >> 40) as f32 / (1 << 24) as f32)
    }
}

fn values(n: usize, value: impl Fn(u64) -> f32 + Sync + Send) -> Vec<f32> {
    (0..n as u64).into_par_iter().map(value).collect()
}

/// Draws neurons in proportion to their weights.
struct Roulette {
    /// Summed weights up to and including each neuron.
    cumulative: Vec<u64>,
    /// First neuron whose sum exceeds `bucket << shift`.
    guide: Vec<u32>,
    shift: u32,
}

impl Roulette {
    fn new(neurons: u32, stream: BenchmarkStream) -> Self {
        let mut total = 0;
        let cumulative: Vec<u64> = (0..u64::from(neurons))
            .map(|i| {
                let hash = stream.hash(i);
                total += (16 + (hash >> 60)) << hash.trailing_zeros().min(6);
                total
            })
            .collect();
        // weights are at least 16, so that a bucket of 16 spans few neurons
        let shift = 4;
        let mut neuron = 0;
        let guide = (0..=total >> shift)
            .map(|bucket| {
                while neuron + 1 < cumulative.len() && cumulative[neuron] <= bucket << shift {
                    neuron += 1;
                }
                neuron as u32
            })
            .collect();
        Self { cumulative, guide, shift }
    }

    /// First neuron whose cumulative weight exceeds `hash` modulo the total.
    fn pick(&self, hash: u64) -> u64 {
        let value = hash % self.cumulative[self.cumulative.len() - 1];
        let mut neuron = self.guide[(value >> self.shift) as usize] as usize;
        while self.cumulative[neuron] <= value {
            neuron += 1;
        }
        neuron as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small networks agree with the definition, followed literally.
    #[test]
    fn agrees_with_the_definition() {
        for (neurons, synapses) in [(1, 1), (2, 4), (37, 400), (300, 5000)] {
            let weight = |stream: BenchmarkStream, i: u64| {
                let h = stream.hash(i);
                (16 + (h >> 60)) << h.trailing_zeros().min(6)
            };
            let pick = |weights: BenchmarkStream, draws: BenchmarkStream, k: u64| {
                let total: u64 = (0..neurons).map(|i| weight(weights, i)).sum();
                let value = draws.hash(k) % total;
                let mut sum = 0;
                (0..neurons).find(|&i| {
                    sum += weight(weights, i);
                    sum > value
                })
            };
            let mut pairs = Vec::new();
            for k in 0.. {
                let row = pick(BenchmarkStream::RowWeight, BenchmarkStream::Row, k).unwrap();
                let column = pick(BenchmarkStream::ColumnWeight, BenchmarkStream::Column, k).unwrap();
                if !pairs.contains(&(row as u32, column as u32)) {
                    pairs.push((row as u32, column as u32));
                }
                if pairs.len() == synapses {
                    break;
                }
            }
            pairs.sort_unstable();
            let benchmark = Benchmark { neurons: neurons as u32, synapses: synapses as u32 };
            let topology = benchmark.topology().unwrap();
            assert_eq!(topology.iter().map(|(post, pre, _)| (post, pre)).collect::<Vec<_>>(), pairs);
        }
    }

    #[test]
    fn too_many_synapses_are_refused() {
        let benchmark = Benchmark { neurons: 3, synapses: 10 };
        assert!(matches!(benchmark.topology(), Err(Error::TooMany { count: 10, limit: 9, .. })));
        assert_eq!(Benchmark { neurons: 0, synapses: 0 }.topology().unwrap().nnz(), 0);
    }
}
