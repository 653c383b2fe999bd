//! Laws of normalised weights.

use connectome_graph::normalise::{Axis, Norm, Sinkhorn, Target, normalise, sinkhorn_flystability, to_spectral_radius};
use connectome_graph::spectrum::{Krylov, spectral_radius};
use connectome_graph::{Duplicates, Error, Topology, WeightRule};
use proptest::prelude::*;

fn norm(norm: Norm, weights: impl Iterator<Item = f64>) -> f64 {
    match norm {
        Norm::L1 => weights.map(f64::abs).sum(),
        Norm::L2 => weights.map(|w| w * w).sum::<f64>().sqrt(),
        Norm::Max => weights.map(f64::abs).fold(0.0, f64::max),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

proptest! {
    /// Every list that has a weight gets its norm, keeps its signs and proportions; the rest stays as it is.
    #[test]
    fn norms_are_reached(
        n in 1..9usize,
        m in 1..9usize,
        dense in prop::collection::vec(prop_oneof![2 => Just(0.0), 3 => -9.0..9.0f64], 64),
        kind in prop_oneof![Just(Norm::L1), Just(Norm::L2), Just(Norm::Max)],
        excitatory in 0.1..5.0f64,
        inhibitory in 0.1..5.0f64,
    ) {
        let w = Topology::from_dense(n, m, &dense[..n * m]).unwrap();
        let target = Target::Separate { excitatory, inhibitory };
        for (axis, of) in [(Axis::Inputs, w.clone()), (Axis::Outputs, w.transpose())] {
            let turn = |t: Topology| if axis == Axis::Inputs { t } else { t.transpose() };
            let separate = turn(normalise(&w, axis, kind, target).unwrap());
            let together = turn(normalise(&w, axis, kind, Target::Together(excitatory)).unwrap());
            prop_assert_eq!((separate.columns(), separate.row_ptr()), (of.columns(), of.row_ptr()));
            for i in 0..of.n_post() {
                let (before, after) = (of.row(i).1, separate.row(i).1);
                for (sign, target) in [(1.0, excitatory), (-1.0, inhibitory)] {
                    let part = |row: &[f64]| row.iter().copied().filter(|w| w * sign > 0.0).collect::<Vec<f64>>();
                    let (before, after) = (part(before), part(after));
                    prop_assert_eq!(before.len(), after.len());
                    if !before.is_empty() {
                        prop_assert!(close(norm(kind, after.iter().copied()), target));
                        let factor = after[0] / before[0];
                        prop_assert!(before.iter().zip(&after).all(|(b, a)| close(b * factor, *a)));
                    }
                }
                let whole = norm(kind, together.row(i).1.iter().copied());
                let expected = if before.iter().all(|&w| w == 0.0) { 0.0 } else { excitatory };
                prop_assert!(close(whole, expected));
            }
        }
    }

    /// Positive matrices always have a scaling; its rows and columns have their sums.
    #[test]
    fn full_parts_are_balanced(
        n in 1..12usize,
        m in 1..12usize,
        logs in prop::collection::vec(-5.0..5.0f64, 144),
        inhibitory in prop::collection::vec(any::<bool>(), 12),
    ) {
        let dense: Vec<f64> =
            (0..n * m).map(|k| if inhibitory[k % m] { -logs[k].exp() } else { logs[k].exp() }).collect();
        let w = Topology::from_dense(n, m, &dense).unwrap();
        let sinkhorn = Sinkhorn { excitatory: 2.0, inhibitory: 0.3, ..Sinkhorn::default() };
        let balanced = sinkhorn.balance(&w).unwrap();
        let after = balanced.topology.sub_matrix(0..n, 0..m);
        for (sign, part, target) in [(1.0, balanced.excitatory, 2.0), (-1.0, balanced.inhibitory, 0.3)] {
            let columns: Vec<usize> = (0..m).filter(|&j| (sign < 0.0) == inhibitory[j]).collect();
            prop_assert_eq!(part.columns, columns.len());
            prop_assert_eq!((part.rows, part.vanished), (if columns.is_empty() { 0 } else { n }, 0));
            for i in 0..n {
                let sum: f64 = columns.iter().map(|&j| after[i * m + j]).sum();
                prop_assert!(columns.is_empty() || (sum * sign / target - 1.0).abs() < 1.1e-10);
            }
            for &j in &columns {
                let sum: f64 = (0..n).map(|i| after[i * m + j]).sum();
                prop_assert!((sum * sign / part.column_sum - 1.0).abs() < 1e-12);
                // cross-ratios are those of the weights: only rows and columns were scaled
                for i in 1..n {
                    let ratio = |w: &[f64]| w[i * m + j] * w[columns[0]] / w[j] / w[i * m + columns[0]];
                    prop_assert!((ratio(&after) / ratio(&dense) - 1.0).abs() < 1e-9);
                }
            }
        }
    }

    /// Sparse square patterns, judged by brute force: a weight stays where a permutation on the pattern uses it; without
    /// a permutation there is no scaling.
    #[test]
    fn existence_follows_from_permutations(n in 1..6usize, bits in prop::collection::vec(0..5u8, 25)) {
        let pattern: Vec<bool> = (0..n * n).map(|k| bits[k] < 2).collect();
        let line = |i: usize| (0..n).any(|j| pattern[i * n + j]) && (0..n).any(|j| pattern[j * n + i]);
        prop_assume!((0..n).all(line));
        let mut used = vec![false; n * n];
        let mut order: Vec<usize> = (0..n).collect();
        permutations(&mut order, 0, &mut |order| {
            if (0..n).all(|i| pattern[i * n + order[i]]) {
                (0..n).for_each(|i| used[i * n + order[i]] = true);
            }
        });
        let dense: Vec<f64> = (0..n * n).map(|k| if pattern[k] { 1.0 + k as f64 } else { 0.0 }).collect();
        let w = Topology::from_dense(n, n, &dense).unwrap();
        match Sinkhorn::default().balance(&w) {
            Ok(balanced) => {
                prop_assert!(used.contains(&true));
                let doomed = (0..n * n).filter(|&k| pattern[k] && !used[k]).count();
                prop_assert_eq!(balanced.excitatory.vanished, doomed);
                for (i, j, weight) in balanced.topology.iter() {
                    prop_assert_eq!(weight > 0.0, used[i as usize * n + j as usize]);
                }
                for sum in balanced.topology.in_strength().into_iter().chain(balanced.topology.out_strength()) {
                    prop_assert!((sum - 0.5).abs() < 1e-10);
                }
            }
            Err(Error::NoScaling { part, rows, columns, neurons }) => {
                prop_assert!(!used.contains(&true));
                prop_assert_eq!(part, "excitatory");
                // Hall's condition fails for the rows named
                prop_assert!(columns < rows && neurons.len() == rows);
                let met = (0..n).filter(|&j| neurons.iter().any(|&i| pattern[i as usize * n + j])).count();
                prop_assert_eq!(met, columns);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

fn permutations(order: &mut Vec<usize>, at: usize, found: &mut impl FnMut(&[usize])) {
    if at == order.len() {
        return found(order);
    }
    for k in at..order.len() {
        order.swap(at, k);
        permutations(order, at + 1, found);
        order.swap(at, k);
    }
}

/// Weights near the largest and the smallest numbers there are.
#[test]
fn extreme_weights() {
    let w = Topology::from_dense(2, 2, &[1e308, 1e308, 4e-320, 4e-320]).unwrap();
    for kind in [Norm::L1, Norm::L2, Norm::Max] {
        let scaled = normalise(&w, Axis::Inputs, kind, Target::Together(1.0)).unwrap();
        for i in 0..2 {
            assert!((norm(kind, scaled.row(i).1.iter().copied()) - 1.0).abs() < 1e-12, "{kind:?} {scaled:?}");
        }
    }
    let scaled = to_spectral_radius(&w, 3.0, &Krylov::default()).unwrap();
    assert!((scaled.get(0, 0).unwrap() - 3.0).abs() < 1e-12);
}

/// Where rows outnumber columns, sums of columns are larger in proportion.
#[test]
fn rectangular_parts() {
    let w = Topology::from_dense(3, 3, &[1.0, 0.0, 2.0, 3.0, 0.0, 1.0, 1.0, 0.0, 1.0]).unwrap();
    let balanced = Sinkhorn::default().balance(&w).unwrap();
    let part = balanced.excitatory;
    assert_eq!((part.rows, part.columns, part.row_sum, part.column_sum), (3, 2, 0.5, 0.75));
    assert!(part.iterations > 0 && part.residual <= 1e-10);
    let sums = balanced.topology.out_strength();
    assert!((sums[0] - 0.75).abs() < 1e-12 && sums[1] == 0.0 && (sums[2] - 0.75).abs() < 1e-12);
    assert_eq!(balanced.inhibitory.iterations, 0);
    let empty = Topology::from_dense(2, 2, &[0.0; 4]).unwrap();
    assert_eq!(Sinkhorn::default().balance(&empty).unwrap().topology, empty);
}

/// The worm has neurons that no scaling can serve; all others can be balanced.
#[test]
fn worm() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv");
    let worm = connectome_io::read(path).unwrap();
    let worm = Topology::from_connectome(&worm, WeightRule::Magnitude, Duplicates::Sum).unwrap();
    let mut keep: Vec<u32> = (0..302).collect();
    let mut refused = 0;
    let balanced = loop {
        match Sinkhorn::default().balance(&worm.induced(&keep)) {
            Ok(balanced) => break balanced,
            Err(Error::NoScaling { neurons, .. }) => {
                refused += 1;
                let place: Vec<u32> = neurons.iter().map(|&at| keep[at as usize]).collect();
                keep.retain(|i| !place.contains(i));
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(refused > 0 && keep.len() > 100, "{refused} {}", keep.len());
    let rows = balanced.topology.in_strength().into_iter().filter(|&sum| sum > 0.0);
    assert!(rows.into_iter().all(|sum| (sum - 0.5).abs() < 1e-9));
}

#[test]
fn spectral_radius_is_set() {
    let w = Topology::from_dense(3, 3, &[0.0, 2.0, 0.0, -3.0, 1.0, 0.0, 5.0, 5.0, 0.5]).unwrap();
    let krylov = Krylov::default();
    let scaled = to_spectral_radius(&w, 0.9, &krylov).unwrap();
    assert!((spectral_radius(&scaled, &krylov).unwrap() - 0.9).abs() < 1e-14);
    assert!(to_spectral_radius(&w, 0.0, &krylov).unwrap().weights().iter().all(|&w| w == 0.0));
    let chain = Topology::from_dense(2, 2, &[0.0, 0.0, 1.0, 0.0]).unwrap();
    let refused = to_spectral_radius(&chain, 0.9, &krylov);
    assert!(matches!(refused, Err(Error::Parameter { value: 0.0, .. })));
}

#[test]
fn impossible_parameters_are_refused() {
    let w = Topology::from_dense(1, 1, &[1.0]).unwrap();
    for target in [Target::Together(-1.0), Target::Separate { excitatory: 1.0, inhibitory: f64::NAN }] {
        assert!(matches!(normalise(&w, Axis::Inputs, Norm::L1, target), Err(Error::Parameter { .. })));
    }
    assert!(matches!(to_spectral_radius(&w, f64::INFINITY, &Krylov::default()), Err(Error::Parameter { .. })));
    for wrong in [
        Sinkhorn { excitatory: 0.0, ..Sinkhorn::default() },
        Sinkhorn { inhibitory: f64::NAN, ..Sinkhorn::default() },
        Sinkhorn { tolerance: 0.0, ..Sinkhorn::default() },
        Sinkhorn { max_iterations: 0, ..Sinkhorn::default() },
    ] {
        assert!(matches!(wrong.balance(&w), Err(Error::Parameter { .. })), "{wrong:?}");
    }
    // scaled to (1 0; 0 1) in the limit of ever smaller factors, far from it after two iterations
    let slow = Topology::from_dense(2, 2, &[1.0, 1e-3, 1.0, 1.0]).unwrap();
    let hasty = Sinkhorn { max_iterations: 2, ..Sinkhorn::default() };
    assert!(matches!(hasty.balance(&slow), Err(Error::NotConverged { iterations: 2, .. })));
}

/// Zero rows stay, and sums of columns tend to 1/2 for each part.
#[test]
fn reference_variant() {
    let w = Topology::from_dense(3, 3, &[0.0, 0.0, 0.0, 1.0, 2.0, -3.0, 4.0, 1.0, -1.0]).unwrap();
    let scaled = sinkhorn_flystability(&w, 50).unwrap();
    assert_eq!(scaled.in_strength()[0], 0.0);
    for (sign, columns) in [(1.0, [0, 1]), (-1.0, [2, 2])] {
        for j in columns {
            let sum: f64 = (0..3).filter_map(|i| scaled.get(i, j)).map(|w| w * sign).sum();
            assert!((sum - 0.5).abs() < 1e-9, "{sum}");
        }
    }
    assert_eq!(sinkhorn_flystability(&w, 0).unwrap(), w);
}

/// Factors are not taken before there are any.
#[test]
fn any_tolerance_keeps_weights() {
    let w = Topology::from_dense(2, 2, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let balanced = Sinkhorn { tolerance: 1.0, ..Sinkhorn::default() }.balance(&w).unwrap().topology;
    assert!(balanced.weights().iter().all(|&weight| weight > 0.0), "{:?}", balanced.weights());
}
