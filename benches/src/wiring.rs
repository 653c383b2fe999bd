//! Networks of given size to measure on.

use crate::{Error, Result};
use connectome_graph::Topology;
use connectome_graph::generate::{Benchmark, BenchmarkStream};

/// How the synapses are spread over the neurons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degrees {
    /// As in the fly's optic lobe: few neurons have most of them. [`Benchmark`].
    HeavyTailed,
    /// Every row has the same number (give or take one), its columns drawn evenly.
    Uniform,
}

impl Degrees {
    /// Both.
    pub const ALL: [Self; 2] = [Self::HeavyTailed, Self::Uniform];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::HeavyTailed => "heavy-tailed",
            Self::Uniform => "uniform",
        }
    }

    /// A network `[neurons, neurons]`, a fixed function of the size.
    ///
    /// # Errors
    /// If there are not as many pairs of neurons as synapses. Nearly full matrices take long.
    pub fn network(self, size: Benchmark) -> Result<Topology> {
        match self {
            Self::HeavyTailed => Ok(size.topology()?),
            Self::Uniform => uniform(size),
        }
    }
}

fn uniform(size: Benchmark) -> Result<Topology> {
    let (n, nnz) = (size.neurons as usize, size.synapses as usize);
    if nnz > n * n {
        return Err(Error::Usage(format!("{n} neurons have {} pairs, too few for {nnz} synapses", n * n)));
    }
    let row_ptr: Vec<usize> = (0..=n).map(|row| (row as u128 * nnz as u128 / n.max(1) as u128) as usize).collect();
    let mut columns = Vec::with_capacity(nnz);
    let (mut taken_by, mut draw) = (vec![usize::MAX; n], 0);
    for (row, ends) in row_ptr.windows(2).enumerate() {
        for _ in ends[0]..ends[1] {
            let column = loop {
                let column = (BenchmarkStream::Column.hash(draw) % n as u64) as usize;
                draw += 1;
                if taken_by[column] != row {
                    break column;
                }
            };
            taken_by[column] = row;
            columns.push(column as u32);
        }
        columns[ends[0]..ends[1]].sort_unstable();
    }
    let weights = (0..nnz as u64).map(|e| ((BenchmarkStream::Value.hash(e) >> 59) + 1) as f64 / 1024.0).collect();
    Ok(Topology::from_csr(n, n, row_ptr, columns, weights)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_rows_differ_by_one_at_most() {
        for (neurons, synapses) in [(1, 1), (50, 333), (300, 5000)] {
            let w = Degrees::Uniform.network(Benchmark { neurons, synapses }).unwrap();
            assert_eq!(w.nnz(), synapses as usize);
            let degrees = w.row_ptr().windows(2).map(|p| p[1] - p[0]);
            let (least, most) = (degrees.clone().min().unwrap(), degrees.max().unwrap());
            assert!(most - least <= 1, "{least} to {most}");
        }
    }

    #[test]
    fn heavy_tails_are_heavier() {
        let size = Benchmark { neurons: 2000, synapses: 40_000 };
        let most = |degrees: Degrees| {
            let w = degrees.network(size).unwrap();
            w.row_ptr().windows(2).map(|p| p[1] - p[0]).max().unwrap()
        };
        assert!(most(Degrees::HeavyTailed) > 5 * most(Degrees::Uniform));
    }
}
