//! Labels of the nearest neighbours.

use convgru_feedback::Error;
use convgru_feedback::analysis::neighborhood_hit;
use proptest::prelude::*;
use tch::{Kind, Tensor};

/// One by one, in whole numbers.
fn by_definition(points: &[Vec<i64>], labels: &[i64], k: usize) -> f64 {
    let mut hits = 0;
    for (i, here) in points.iter().enumerate() {
        let apart = |j: usize| -> i64 { here.iter().zip(&points[j]).map(|(a, b)| (a - b).pow(2)).sum() };
        let mut others: Vec<usize> = (0..points.len()).filter(|&j| j != i).collect();
        others.sort_by_key(|&j| (apart(j), j));
        hits += others[..k].iter().filter(|&&j| labels[j] == labels[i]).count();
    }
    hits as f64 / (points.len() * k) as f64
}

fn tensor(points: &[Vec<i64>]) -> Tensor {
    Tensor::from_slice(&points.concat()).view([points.len() as i64, points[0].len() as i64])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// On a small grid many points lie on each other and many distances are equal.
    #[test]
    fn hit_is_that_of_the_definition(
        points in (1usize..4).prop_flat_map(|d| prop::collection::vec(prop::collection::vec(-2i64..3, d), 2..40)),
        seed in any::<u64>(),
        k in 1usize..39,
        single in any::<bool>(),
    ) {
        let labels: Vec<i64> = (0..points.len()).map(|i| (seed >> (i % 60)) as i64 & 3).collect();
        let k = k.min(points.len() - 1);
        let x = tensor(&points).to_kind(if single { Kind::Float } else { Kind::Double });
        let hit = neighborhood_hit(&x, &Tensor::from_slice(&labels), k).expect("points");
        prop_assert_eq!(hit, by_definition(&points, &labels, k));
    }
}

/// More points than are compared at a time; two on each place, of unlike labels.
#[test]
fn many_points_on_few_places() {
    let n = 3000;
    let points: Vec<Vec<i64>> = (0..n).map(|i| vec![i / 2, i % 7]).collect();
    let labels: Vec<i64> = (0..n).map(|i| i % 2 + 2 * (i % 3)).collect();
    let hit = |threads| {
        tch::set_num_threads(threads);
        neighborhood_hit(&tensor(&points).to_kind(Kind::Float), &Tensor::from_slice(&labels), 6).expect("points")
    };
    let before = tch::get_num_threads();
    let hits = [hit(1), hit(2), hit(5)];
    tch::set_num_threads(before);
    assert_eq!(hits, [by_definition(&points, &labels, 6); 3]);
}

/// The points are one: whoever takes the first of the sorted for the point itself counts the point among its neighbours.
#[test]
fn a_point_is_no_neighbour_of_its_own() {
    let x = Tensor::zeros([4, 3], (Kind::Double, tch::Device::Cpu));
    assert_eq!(neighborhood_hit(&x, &Tensor::from_slice(&[0i64, 1, 2, 3]), 2).expect("points"), 0.0);
    assert_eq!(neighborhood_hit(&x, &Tensor::from_slice(&[0i64, 0, 1, 1]), 1).expect("points"), 0.5);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let x = Tensor::zeros([4, 3], (Kind::Float, tch::Device::Cpu));
    let labels = Tensor::from_slice(&[0i64, 1, 2, 3]);
    let bad = |x: &Tensor, labels: &Tensor, k: usize| neighborhood_hit(x, labels, k).expect_err("nonsense").to_string();
    assert!(bad(&x.view([12]), &labels, 1).contains("[n, d]"));
    assert!(bad(&x.to_kind(Kind::Int64), &labels, 1).contains("floating point"));
    assert!(bad(&x, &labels.narrow(0, 0, 3), 1).contains("integers [4]"));
    assert!(bad(&x, &labels.to_kind(Kind::Float), 1).contains("integers [4]"));
    assert!(bad(&x, &labels, 0).contains("1 to 3") && bad(&x, &labels, 4).contains("1 to 3"));
    let nan = x.log() - x.log();
    assert!(matches!(neighborhood_hit(&nan, &labels, 1), Err(Error::Data { .. })));
}
