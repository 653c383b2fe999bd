//! Generated connectomes against reference results.

use connectome_graph::Topology;
use connectome_graph::generate::{
    Benchmark, ByType, Convention, SelfConnection, Sheet, Topographic, TopographicDraws, TypeAssignment,
};
use connectome_graph::projection::{Direction, projection};

use crate::reader::Golden;

fn helpers() -> Golden {
    Golden::open("bioplnn/connectivity_helpers.safetensors")
}

/// Entries of a topology against indices `[2, nnz]` (row by row), shape and values of a reference.
fn assert_same(topology: &Topology, golden: &Golden, name: &str, tolerance: f64) {
    let shape = golden.indices(&format!("{name}_shape"));
    assert_eq!([topology.n_post() as u32, topology.n_pre() as u32], shape[..], "{name}");
    let entries: Vec<(u32, u32, f64)> = topology.iter().collect();
    let indices: Vec<u32> = entries.iter().map(|e| e.0).chain(entries.iter().map(|e| e.1)).collect();
    assert_eq!(indices, golden.indices(&format!("{name}_indices")), "{name}");
    for (entry, value) in entries.iter().zip(golden.numbers(&format!("{name}_values"))) {
        assert!((entry.2 - value).abs() <= tolerance, "{name}: {entry:?} instead of {value}");
    }
}

#[test]
fn projections() {
    let golden = helpers();
    let inputs = golden.indices("input_indices");
    let topology = projection(inputs.len(), 60, Some(&inputs), Direction::Input).unwrap();
    assert_same(&topology, &golden, "identity_ih", 0.0);
    let topology = projection(12, 60, None, Direction::Input).unwrap();
    assert_same(&topology, &golden, "identity_ih_default", 0.0);
    let outputs = golden.indices("output_indices");
    let topology = projection(outputs.len(), 60, Some(&outputs), Direction::Output).unwrap();
    assert_same(&topology, &golden, "projection_ho", 0.0);
}

#[test]
fn topographic() {
    let golden = helpers();
    for name in ["topographic_seed11", "topographic_seed12"] {
        let args = golden.numbers(&format!("{name}_args"));
        let f32s = |key: &str| -> Vec<f32> {
            golden.numbers(&format!("{name}_{key}")).into_iter().map(|x| x as f32).collect()
        };
        let (positions, weights) = (f32s("randn_positions"), f32s("randn_values"));
        let topographic = Topographic {
            sheet: Sheet { rows: args[0] as u32, columns: args[1] as u32 },
            std: args[2] as f32,
            synapses: args[3] as u32,
            self_connection: if args[4] == 0.0 { SelfConnection::Drawn } else { SelfConnection::Always },
            convention: Convention::Bioplnn,
        };
        let draws = TopographicDraws { positions: &positions, weights: &weights };
        // the reference adds duplicates in f32
        assert_same(&topographic.from_draws(draws).unwrap(), &golden, name, 5e-7);
    }
}

#[test]
fn sheet_positions() {
    let golden = helpers();
    let sheet = Sheet { rows: 4, columns: 5 };
    let expected = golden.indices("idx2d_m4_n5");
    let back = golden.indices("idx1d_back");
    for (k, index) in golden.indices("idx1d").into_iter().enumerate() {
        let (row, column) = sheet.position(index as usize, Convention::Bioplnn);
        assert_eq!([row, column], [expected[k], expected[20 + k]]);
        assert_eq!(sheet.index(row, column), back[k] as usize);
        let (row, column) = sheet.position(index as usize, Convention::Corrected);
        assert_eq!(sheet.index(row, column), index as usize);
    }
}

#[test]
fn by_type() {
    let golden = helpers();
    let model = ByType {
        type_probability: golden.numbers("bytype_type_prob"),
        connection_probability: golden.numbers("bytype_connection_prob"),
        assignment: TypeAssignment::Exact,
    };
    let types = golden.indices("bytype_types");
    let topology = model.from_uniforms(&types, &golden.numbers("bytype_uniforms")).unwrap();
    assert_same(&topology, &golden, "bytype", 0.0);
}

/// All published checksums of the full-size benchmark network.
#[test]
fn benchmark_checksums() {
    let benchmark = Benchmark::OPTIC_LOBE;
    let topology = benchmark.topology().unwrap();
    let n = u64::from(benchmark.neurons);
    assert_eq!(topology.nnz(), 4_623_254);
    let (mut xor, mut sum, mut values) = (0u64, 0u64, 0f64);
    for (post, pre, weight) in topology.iter() {
        let key = u64::from(post) * n + u64::from(pre);
        xor ^= key;
        sum = sum.wrapping_add(key);
        values += weight * 1024.0;
        assert_eq!(f64::from(weight as f32), weight);
    }
    assert_eq!((xor, sum, values), (2_405_239_685, 5_236_852_821_035_661, 76_274_299.0));
    assert_eq!(topology.iter().next(), Some((0, 1750, 0.0283203125)));
    let (columns, weights) = topology.row(47_520);
    assert_eq!((columns.last(), weights.last()), (Some(&47_495), Some(&0.017578125)));

    // min, median, 99th percentile, max
    for (mut degree, expected) in
        [(topology.in_degree(), [5, 37, 1351, 1978]), (topology.out_degree(), [5, 36, 1312, 1979])]
    {
        degree.sort_unstable();
        let last = degree.len() - 1;
        let quantile = |q: f64| {
            let (at, part) = ((q * last as f64) as usize, (q * last as f64).fract());
            (f64::from(degree[at]) * (1.0 - part) + f64::from(degree[(at + 1).min(last)]) * part).round() as u32
        };
        assert_eq!([degree[0], quantile(0.5), quantile(0.99), degree[last]], expected);
    }
    assert_eq!(benchmark.input_targets(Benchmark::INPUTS)[..5], [11_597, 31_897, 30_401, 33_763, 19_383]);
    let mut targets = benchmark.input_targets(Benchmark::INPUTS);
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), 781);
    assert_eq!(benchmark.signs().iter().filter(|s| s.value() == 1).count(), 23_760);

    // sums of the product W X
    let column_sum = topology.out_strength();
    for (batch, expected) in [(1, 37_190.229_661_885_65), (8, 296_181.283_632_206_73), (64, 2_384_526.381_400_046)] {
        let factor = benchmark.factor(batch);
        let sum: f64 = factor
            .chunks_exact(batch)
            .zip(&column_sum)
            .map(|(x, w)| w * x.iter().map(|&x| f64::from(x)).sum::<f64>())
            .sum();
        assert!((sum / expected - 1.0).abs() < 1e-7, "batch {batch}: {sum}");
    }
    let inputs = benchmark.inputs(8, Benchmark::INPUTS);
    assert!(inputs.iter().all(|x| (-1.0..1.0).contains(x)));
}
