//! Many dimensions on two.

use convgru_feedback::Error;
use convgru_feedback::analysis::{Pca, Start, TSne, neighborhood_hit};
use convgru_feedback::stimulus::images::{Images, Part};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

/// Numbers that look random, `[n, d]`, normally distributed enough.
fn noise(n: i64, d: i64, seed: f64) -> Tensor {
    let i = Tensor::arange(n * d * 4, CPU) + seed * 1000.0;
    let uniform = (i.square() * 0.754_877_666_246_7 + i * 0.569_840_290_998).frac();
    ((uniform.view([n, d, 4]).sum_dim_intlist(2i64, false, Kind::Double)) - 2.0) * 3f64.sqrt()
}

/// Five clusters in fifty dimensions, and which of them each point is in.
fn clusters(n: i64, apart: f64) -> (Tensor, Tensor) {
    let labels = Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(5);
    let centres = noise(5, 50, 7.0) * apart;
    (noise(n, 50, 1.0) + centres.index_select(0, &labels), labels)
}

fn numbers(t: &Tensor) -> Vec<f64> {
    Vec::try_from(t.contiguous().view(-1)).expect("numbers")
}

fn close(a: &Tensor, b: &Tensor, tolerance: f64) -> bool {
    a.size() == b.size() && (a - b).abs().max().double_value(&[]) <= tolerance
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// More points than coordinates or fewer: axes are orthonormal, coordinates along them uncorrelated, variances fall and add up, and all
    /// components together lose nothing.
    #[test]
    fn components_are_principal(n in 3i64..30, d in 1i64..30, seed in 0.0f64..1.0) {
        let x = noise(n, d, seed) * Tensor::linspace(1.0, 3.0, d, CPU) + 5.0;
        let k = (n - 1).min(d);
        let pca = Pca::fit(&x, k as usize).expect("components");
        prop_assert!(close(&pca.axes.matmul(&pca.axes.tr()), &Tensor::eye(k, CPU), 1e-9));
        let along = pca.project(&x).expect("coordinates");
        prop_assert!(close(&(along.matmul(&pca.axes) + &pca.mean), &x, 1e-9));
        let total = (&x - &pca.mean).square().sum(Kind::Double).double_value(&[]);
        let variances = Tensor::from_slice(&pca.explained) * total;
        prop_assert!(close(&along.tr().matmul(&along), &Tensor::diag_embed(&variances, 0, 0, 1), 1e-8 * total));
        prop_assert!((pca.explained.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(pca.explained.windows(2).all(|pair| pair[0] >= pair[1]));
        // coordinates without variance change nothing, though another matrix is taken apart
        let wide = Tensor::cat(&[&x, &Tensor::full([n, 30], 4.0, CPU)], 1);
        let other = Pca::fit(&wide, k as usize).expect("components");
        prop_assert!(close(&other.project(&wide).expect("coordinates"), &along, 1e-7));
    }
}

#[test]
fn directions_without_variance_are_zero() {
    let line = noise(6, 1, 0.3).matmul(&Tensor::from_slice(&[3.0, 4.0]).view([1, 2]));
    for x in [line.shallow_clone(), Tensor::cat(&[&line, &Tensor::zeros([6, 9], CPU)], 1)] {
        let pca = Pca::fit(&x, 2).expect("components");
        let axes = numbers(&pca.axes.narrow(1, 0, 2));
        assert!((axes[0] - 0.6).abs() < 1e-12 && (axes[1] - 0.8).abs() < 1e-12 && axes[2..] == [0.0, 0.0], "{axes:?}");
        assert!((pca.explained[0] - 1.0).abs() < 1e-12 && pca.explained[1] < 1e-12, "{:?}", pca.explained);
    }
    let same = Pca::fit(&Tensor::ones([4, 3], CPU), 2).expect("components");
    assert_eq!((same.explained, numbers(&same.axes)), (vec![0.0; 2], vec![0.0; 6]));
}

#[test]
fn clusters_stay_apart() {
    let (x, labels) = clusters(150, 1.0);
    for start in [Start::Principal, Start::Random] {
        let map = TSne::new().start(start).iterations(500).embed(&x.to_kind(Kind::Float)).expect("an embedding");
        assert_eq!((map.points.size(), map.points.kind()), (vec![150, 2], Kind::Double));
        let hit = neighborhood_hit(&map.points, &labels, 6).expect("a measure");
        assert!(hit >= 0.95, "{start:?}: {hit}");
        let short = TSne::new().start(start).iterations(100).embed(&x).expect("an embedding");
        assert!(map.divergence < short.divergence && map.divergence > 0.0, "{} {}", map.divergence, short.divergence);
    }
}

/// Neighbours among the first test digits of MNIST stay neighbours on paper.
#[test]
fn digits_stay_together() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/mnist");
    let images =
        Images::read_part(folder, Part::Test).expect("data beside the examples").subset(&(0..300).collect::<Vec<_>>());
    let (x, labels) = (images.to_tensor().expect("pixels").flatten(1, -1), images.label_tensor().expect("labels"));
    let hit = |x: &Tensor| neighborhood_hit(x, &labels, 6).expect("a measure");
    let paper = TSne::new().iterations(400).embed(&x).expect("an embedding");
    let plane = Pca::fit(&x, 2).and_then(|pca| pca.project(&x)).expect("coordinates");
    assert!(hit(&paper.points) > hit(&x) - 0.05, "{} of {}", hit(&paper.points), hit(&x));
    assert!(hit(&paper.points) > hit(&plane) + 0.2, "{} and {}", hit(&paper.points), hit(&plane));
}

#[test]
fn threads_and_scale_change_nothing() {
    let (x, _) = clusters(67, 1.0);
    let settings = TSne::new().perplexity(8.0).iterations(60);
    let points = |x: &Tensor, threads: i32| {
        tch::set_num_threads(threads);
        numbers(&settings.embed(x).expect("an embedding").points)
    };
    let before = tch::get_num_threads();
    let all = [1, 2, 5].map(|threads| points(&x, threads));
    let scaled = points(&(&x * 1024.0), 2);
    tch::set_num_threads(before);
    assert!(all[1] == all[0] && all[2] == all[0]);
    assert_eq!(scaled, all[0]);
    let random = |seed| numbers(&settings.start(Start::Random).seed(seed).embed(&x).expect("an embedding").points);
    assert_eq!(random(1), random(1));
    assert_ne!(random(1), random(2));
}

#[test]
fn points_that_are_one_stay_one() {
    let map = TSne::new().perplexity(3.0).embed(&Tensor::ones([9, 4], CPU)).expect("an embedding");
    assert_eq!((numbers(&map.points), map.divergence), (vec![0.0; 18], 0.0));
    let twice = noise(20, 3, 0.1);
    twice.narrow(0, 10, 10).copy_(&twice.narrow(0, 0, 10).copy());
    let map = TSne::new().perplexity(3.0).iterations(300).embed(&twice).expect("an embedding");
    assert!(numbers(&map.points).iter().all(|v| v.is_finite()) && map.divergence.is_finite());
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let x = noise(10, 3, 0.5);
    for perplexity in [1.0, 9.0, f64::NAN] {
        assert!(matches!(
            TSne::new().perplexity(perplexity).embed(&x),
            Err(Error::Option { option: "perplexity", .. })
        ));
    }
    let few = TSne::new().perplexity(2.0);
    assert!(matches!(few.embed(&x.narrow(0, 0, 2)), Err(Error::Input { .. })));
    assert!(matches!(few.embed(&Tensor::zeros([16_385, 1], CPU)), Err(Error::Input { .. })));
    assert!(matches!(few.embed(&(&x * 1e200)), Err(Error::Data { .. })));
    assert!(matches!(few.embed(&x.log()), Err(Error::Data { .. })));
    assert!(matches!(few.embed(&x.to_kind(Kind::Int64)), Err(Error::Input { .. })));
    for components in [0, 4] {
        assert!(matches!(Pca::fit(&x, components), Err(Error::Input { .. })));
    }
    assert!(matches!(Pca::fit(&x.narrow(0, 0, 1), 1), Err(Error::Input { .. })));
    let pca = Pca::fit(&x, 2).expect("components");
    assert!(matches!(pca.project(&x.narrow(1, 0, 2)), Err(Error::Input { .. })));
}
