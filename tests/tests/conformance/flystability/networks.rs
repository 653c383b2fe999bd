//! Random networks, networks of connectomes, and their normalisation.

use super::problem::scalar;
use crate::case::Case;
use crate::report::{Report, absolute};
use connectome_graph::Topology;
use connectome_graph::normalise::sinkhorn_flystability;
use flybrain::rate::{Balance, FromConnectome, Grouping, Layout, RateSystem, SignOf, Symmetry, read_connectome};
use rand_mt::numpy_normals;

/// Random and symmetric matrices from numpy's draws.
pub(crate) fn matrices(case: &Case, report: &mut Report) -> crate::Outcome {
    let _ = case.setting("note")?;
    let mut m = 0;
    while case.has(&format!("m{m}.in.normals")) {
        let of = |key: &str| case.floats(&format!("m{m}.{key}"));
        let n = case.shape(&format!("m{m}.in.normals"))?[0];
        let (seed, coupling) = (scalar(case, &format!("m{m}.in.seed"))?, scalar(case, &format!("m{m}.in.coupling"))?);
        let drawn = numpy_normals(seed as u32, coupling / (n as f64).sqrt(), n * n);
        report.close("normals", &drawn, of("in.normals")?, absolute(1e-14));
        for (symmetry, suffix) in [(Symmetry::None, ""), (Symmetry::Symmetric, "sym")] {
            let network = RateSystem::from_normals(n, of("in.normals")?, symmetry).map_err(|e| e.to_string())?;
            report.close("W", network.weights(), of(&format!("out.W{suffix}"))?, absolute(0.0));
            report.close("C", network.signs(), of(&format!("out.C{suffix}"))?, absolute(0.0));
        }
        m += 1;
    }
    report.expect(m > 0, || "no matrices".into());
    Ok(())
}

/// A region's folder beside the file.
pub(crate) fn connectome(case: &Case, report: &mut Report) -> crate::Outcome {
    let region = case.name().strip_prefix("connectome_").unwrap_or_default();
    let connectome = read_connectome(&case.beside(&format!("roi_{region}"))).map_err(|e| e.to_string())?;
    let neurons = connectome.neurons();
    report.exact("nid", neurons.ids(), case.integers("in.nid")?);
    let positive: Vec<f64> =
        neurons.signs().into_iter().flatten().map(|s| f64::from(u8::from(s.value() > 0))).collect();
    report.exact("ei", &positive, case.floats("in.ei")?);
    let sides = [(SignOf::Presynaptic, "presyn"), (SignOf::Postsynaptic, "ref")];
    let balances = [(Balance::None, "weights".to_owned()), (Balance::Passes(10), "normalized_weights_".into())];
    for (signs, side) in sides {
        for (balance, key) in &balances {
            let how = FromConnectome { signs, balance: *balance, layout: Layout::Dense, ..FromConnectome::default() };
            let network = how.build(&connectome).map_err(|e| e.to_string())?;
            let key = if *balance == Balance::None { key.clone() } else { format!("{key}{side}") };
            report.close(&key, network.weights(), case.floats(&format!("out.{key}"))?, absolute(1e-12));
            let golden = case.floats(&format!("out.connectivity_{side}"))?;
            report.close(&format!("connectivity {side}"), network.signs(), golden, absolute(0.0));
            // The same network, sparse.
            let sparse =
                FromConnectome { layout: Layout::Sparse, ..how }.build(&connectome).map_err(|e| e.to_string())?;
            let dense: Vec<f64> = network.coupling().into_iter().filter(|x| *x != 0.0).collect();
            report.exact(&format!("sparse {key}"), &sparse.coupling(), &dense);
        }
    }
    for (grouping, labels, index) in [
        (Grouping::Transmitter, "types_nt", "out.types_nt_sorted_index"),
        (Grouping::CellFibre, "types_fiber", "out.types_fiber_sorted_index"),
    ] {
        let how = FromConnectome { grouping, ..FromConnectome::default() };
        let network = how.build(&connectome).map_err(|e| e.to_string())?;
        let codes: Vec<i64> = network.types().codes().iter().map(|&c| i64::from(c)).collect();
        report.exact(labels, &codes, case.integers(index)?);
        let names: Vec<String> = serde_json::from_value(case.json(labels)?).map_err(|e| e.to_string())?;
        report.exact("labels", &network.types().iter().map(str::to_owned).collect::<Vec<_>>(), &names);
    }
    Ok(())
}

/// Passes over rows and columns.
pub(crate) fn sinkhorn(case: &Case, report: &mut Report) -> crate::Outcome {
    let _ = case.setting("note")?;
    let [rows, columns] = *case.shape("in.A")? else {
        return Err("A is no matrix".into());
    };
    let matrix = Topology::from_dense(rows, columns, case.floats("in.A")?).map_err(|e| e.to_string())?;
    for (key, passes) in [("S", 10), ("S1", 1)] {
        let got = sinkhorn_flystability(&matrix, passes).map_err(|e| e.to_string())?;
        let dense = got.sub_matrix(0..rows, 0..columns);
        report.close(key, &dense, case.floats(&format!("out.{key}"))?, absolute(1e-12));
    }
    Ok(())
}

/// Normal numbers as numpy's legacy generator draws them.
mod rand_mt {
    const N: usize = 624;

    /// The Mersenne twister of Matsumoto and Nishimura (*ACM TOMACS* 8, 1998).
    struct Twister {
        state: [u32; N],
        at: usize,
    }

    impl Twister {
        fn new(seed: u32) -> Self {
            let mut state = [seed; N];
            for i in 1..N {
                let before = state[i - 1];
                state[i] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
            }
            Self { state, at: N }
        }

        fn next(&mut self) -> u32 {
            if self.at == N {
                for i in 0..N {
                    let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                    let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                    self.state[i] = self.state[(i + 397) % N] ^ (y >> 1) ^ odd;
                }
                self.at = 0;
            }
            let mut y = self.state[self.at];
            self.at += 1;
            y ^= y >> 11;
            y ^= (y << 7) & 0x9d2c_5680;
            y ^= (y << 15) & 0xefc6_0000;
            y ^ (y >> 18)
        }

        /// From 0 to below 1, 53 bits.
        fn uniform(&mut self) -> f64 {
            let (high, low) = (self.next() >> 5, self.next() >> 6);
            (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
        }
    }

    /// `numpy.random.seed(seed)`, then `normal(0, scale, count)`: Marsaglia's polar method, the second number of a pair first.
    pub(super) fn numpy_normals(seed: u32, scale: f64, count: usize) -> Vec<f64> {
        let mut twister = Twister::new(seed);
        let mut drawn = Vec::with_capacity(count + 1);
        while drawn.len() < count {
            let (x, y) = (2.0 * twister.uniform() - 1.0, 2.0 * twister.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                drawn.extend([scale * (factor * y), scale * (factor * x)]);
            }
        }
        drawn.truncate(count);
        drawn
    }
}
