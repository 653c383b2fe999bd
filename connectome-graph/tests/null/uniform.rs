//! All networks that a model can make are equally likely.

use std::collections::HashMap;

use connectome_graph::null::{
    Configuration, DegreePreserving, DistancePreserving, NullModel, SelfConnections, gnm, gnp,
};
use connectome_graph::{Duplicates, Topology};
use connectome_io::Positions;

/// All networks with the degrees of a small one, as sorted lists of pairs (post, pre) that are no self connection.
fn with_degrees_of(original: &Topology) -> Vec<Vec<(u32, u32)>> {
    let n = original.n_post() as u32;
    let pairs: Vec<(u32, u32)> = (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j).collect();
    let (inputs, outputs) = (original.in_degree(), original.out_degree());
    (0u32..1 << pairs.len())
        .filter(|set| set.count_ones() as usize == original.nnz())
        .map(|set| pairs.iter().enumerate().filter(|(k, _)| set >> k & 1 == 1).map(|(_, &p)| p).collect())
        .filter(|chosen: &Vec<(u32, u32)>| {
            let degree = |end: fn(&(u32, u32)) -> u32| {
                let mut degree = vec![0; n as usize];
                chosen.iter().for_each(|pair| degree[end(pair) as usize] += 1);
                degree
            };
            degree(|p| p.0) == inputs && degree(|p| p.1) == outputs
        })
        .collect()
}

/// Every network is as likely as any other: chi-square of 4,000 draws below its 99.99 % point (Wilson & Hilferty 1931).
fn check_uniform(possible: Vec<Vec<(u32, u32)>>, draw: impl Fn(u64) -> Topology) {
    const DRAWS: u64 = 4000;
    assert!(possible.len() > 1);
    let mut seen: HashMap<Vec<(u32, u32)>, f64> = possible.into_iter().map(|network| (network, 0.0)).collect();
    for seed in 0..DRAWS {
        let network: Vec<(u32, u32)> = draw(seed).iter().map(|(post, pre, _)| (post, pre)).collect();
        *seen.get_mut(&network).expect("a network with these degrees") += 1.0;
    }
    let expected = DRAWS as f64 / seen.len() as f64;
    assert!(expected > 10.0, "{} networks", seen.len());
    let chi: f64 = seen.values().map(|count| (count - expected).powi(2) / expected).sum();
    let free = seen.len() as f64 - 1.0;
    let limit = free * (1.0 - 2.0 / (9.0 * free) + 3.72 * (2.0 / (9.0 * free)).sqrt()).powi(3);
    assert!(chi < limit, "chi-square {chi} of {} networks, limit {limit}", seen.len());
}

#[test]
fn all_networks_with_given_degrees_are_equally_likely() {
    let of = |n: usize, pairs: &[(u32, u32)]| {
        let (post, pre): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        Topology::from_edges(n, n, &post, &pre, &vec![1.0; pairs.len()], Duplicates::Error).unwrap()
    };
    let cases = [
        of(3, &[(1, 0), (2, 1), (0, 2)]), // only turning the cycle leads to the other network
        of(4, &[(1, 0), (2, 1), (3, 2), (0, 3)]),
        of(4, &[(1, 0), (2, 0), (3, 0), (0, 1), (2, 3), (1, 2)]),
        of(5, &[(1, 0), (2, 0), (0, 1), (3, 2), (4, 3), (1, 4)]),
    ];
    for original in cases {
        let possible = with_degrees_of(&original);
        check_uniform(possible.clone(), |seed| {
            DegreePreserving::new().swaps_per_synapse(30.0).topology(&original, seed).unwrap()
        });
        check_uniform(possible, |seed| Configuration::new().swaps_per_synapse(30.0).topology(&original, seed).unwrap());
    }
}

/// Among networks of equal degrees and distances too: on the corners of a square sides are shorter than diagonals.
#[test]
fn all_networks_with_given_distances_are_equally_likely() {
    let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].map(|[x, y]| Some([x, y, 0.0]));
    let square = Positions::new(corners.to_vec(), "").unwrap();
    let pairs = [(1, 0), (2, 1), (3, 2), (0, 3), (2, 0), (0, 2)];
    let (post, pre): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
    let original = Topology::from_edges(4, 4, &post, &pre, &[1.0; 6], Duplicates::Error).unwrap();
    let model = DistancePreserving::new(&square, 1.2).swaps_per_synapse(100.0);
    let diagonals = |network: &[(u32, u32)]| network.iter().filter(|(post, pre)| (post + pre) % 2 == 0).count();
    let possible: Vec<_> = with_degrees_of(&original).into_iter().filter(|n| diagonals(n) == 2).collect();
    check_uniform(possible, |seed| model.topology(&original, seed).unwrap());
}

/// Draws of numbers of synapses and of blocks are uniform too.
#[test]
fn all_networks_with_given_counts_are_equally_likely() {
    let mut seen: HashMap<Vec<u32>, f64> = HashMap::new();
    for seed in 0..3000 {
        let network = gnm(3, 4, SelfConnections::Excluded, seed).unwrap();
        *seen.entry(network.iter().map(|(post, pre, _)| post * 3 + pre).collect()).or_default() += 1.0;
    }
    assert_eq!(seen.len(), 15); // 4 of 6 pairs, the crowded way
    assert!(seen.values().map(|count| (count - 200.0).powi(2) / 200.0).sum::<f64>() < 42.6); // 99.99 %, 14 degrees of freedom
    let p = 0.3;
    let sizes: Vec<f64> = (0..200).map(|s| gnp(60, p, SelfConnections::Allowed, s).unwrap().nnz() as f64).collect();
    let mean = sizes.iter().sum::<f64>() / 200.0;
    assert!((mean - 3600.0 * p).abs() < 5.0 * (3600.0 * p * (1.0 - p) / 200.0).sqrt(), "{mean}");
}
