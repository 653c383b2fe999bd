//! Ambiguous digits.

use crate::data::{mnist, spoken};
use convgru_feedback::Error;
use convgru_feedback::stimulus::ambiguous::{Align, AmbiguousDigits, AmbiguousSounds, Mixture, Pairs};
use convgru_feedback::stimulus::images::Images;
use convgru_feedback::stimulus::labels::by_class;
use proptest::prelude::*;

fn loudness(sound: &[f32]) -> f64 {
    (sound.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / sound.len() as f64).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing of the other is in a mixture with share 0 or 1.
    #[test]
    fn shares_of_nothing(
        (height, width, a, b) in (1usize..8, 1usize..8).prop_flat_map(|(h, w)| {
            let image = || prop::collection::vec(0.0f32..1.0, h * w);
            (Just(h), Just(w), image(), image())
        }),
    ) {
        for align in [Align::Centres, Align::None] {
            let mixed = |alpha| Mixture { alpha, align }.images(&a, &b, [height, width]).expect("images");
            prop_assert_eq!(mixed(0.0), a.clone());
            prop_assert_eq!(mixed(1.0), b.clone());
        }
    }

    /// A figure and itself elsewhere give the figure half way, whatever the shares, where nothing is shifted out.
    #[test]
    fn centres_meet(
        figure in prop::collection::vec(0.01f32..1.0, 9),
        (down, right) in (0usize..4, 0usize..4),
        alpha in 0.0f64..1.0,
    ) {
        let at = |row: usize, column: usize| {
            let mut image = vec![0.0; 144];
            for (i, &pixel) in figure.iter().enumerate() {
                image[(row + i / 3) * 12 + column + i % 3] = pixel;
            }
            image
        };
        let half = Mixture::default().images(&at(1, 2), &at(1 + 2 * down, 2 + 2 * right), [12, 12]).expect("images");
        for (got, want) in half.iter().zip(at(1 + down, 2 + right)) {
            prop_assert!((got - want).abs() < 1e-6);
        }
        let mixed = Mixture { alpha, ..Mixture::default() }.images(&at(4, 4), &at(4, 4), [12, 12]).expect("images");
        for (got, want) in mixed.iter().zip(at(4, 4)) {
            prop_assert!((got - want).abs() < 1e-6);
        }
    }

    /// How loud a recording is has no say in which of the two is heard.
    #[test]
    fn loudness_has_no_say(
        a in prop::collection::vec(-1.0f32..1.0, 2..50),
        b in prop::collection::vec(-1.0f32..1.0, 2..50),
        factor in 0.01f32..100.0,
        alpha in 0.0f64..1.0,
    ) {
        prop_assume!(loudness(&a) > 0.01 && loudness(&b) > 0.01);
        let mixture = Mixture { alpha, align: Align::Centres };
        let before = mixture.sounds(&a, &b).expect("sounds");
        let louder: Vec<f32> = b.iter().map(|x| x * factor).collect();
        let after = mixture.sounds(&a, &louder).expect("sounds");
        prop_assert_eq!(before.len(), after.len());
        let level = f64::from(factor).powf(alpha);
        for (x, y) in before.iter().zip(&after) {
            prop_assert!((f64::from(*y) - level * f64::from(*x)).abs() < 1e-4 * level.max(1.0), "{y} for {level} {x}");
        }
    }
}

#[test]
fn pairs_are_those_of_the_reference() {
    let pairs = Pairs::default();
    let mut pure = vec![[3, 8], [8, 3], [3, 5], [5, 3], [5, 8], [8, 5], [0, 6], [6, 0], [4, 9], [9, 4], [1, 7], [7, 1]];
    pure.sort_unstable();
    assert_eq!(pairs.ordered(), pure);
    assert_eq!((pairs.partners(3), pairs.partners(2), pairs.partners(77)), (&[5, 8][..], &[][..], &[][..]));
    assert_eq!(Pairs::new(&[[9, 4], [4, 9], [9, 4]]).expect("a pair").ordered(), [[4, 9], [9, 4]]);
    for bad in [&[][..], &[[4, 4]], &[[1, 7], [4, 10]]] {
        assert!(matches!(Pairs::new(bad), Err(Error::Option { option: "pairs", .. })));
    }
}

#[test]
fn unlike_sounds_are_as_loud_as_each() {
    let tone = |step: f32, level: f32| -> Vec<f32> { (0..4000).map(|i| level * (step * i as f32).sin()).collect() };
    for alpha in [0.2, 0.5, 0.9] {
        let mixed = Mixture { alpha, align: Align::None }.sounds(&tone(0.3, 0.8), &tone(0.7, 0.2)).expect("sounds");
        let want = loudness(&tone(0.3, 0.8)).powf(1.0 - alpha) * loudness(&tone(0.7, 0.2)).powf(alpha);
        assert!((loudness(&mixed) / want - 1.0).abs() < 0.01, "{alpha}: {} for {want}", loudness(&mixed));
    }
}

#[test]
fn sounds_meet_in_their_middle() {
    let click = |at: usize, n: usize| -> Vec<f32> { (0..n).map(|i| if i == at { 1.0 } else { 0.0 }).collect() };
    let mixed = Mixture::default().sounds(&click(2, 5), &click(7, 9)).expect("sounds");
    assert_eq!(
        (mixed.len(), mixed.iter().position(|&x| x != 0.0), mixed.iter().filter(|&&x| x != 0.0).count()),
        (10, Some(7), 1)
    );
    let apart =
        Mixture { align: Align::None, ..Mixture::default() }.sounds(&click(2, 5), &click(7, 9)).expect("sounds");
    assert_eq!((apart.len(), apart.iter().filter(|&&x| x != 0.0).count()), (9, 2));
    let only = Mixture { alpha: 0.0, ..Mixture::default() }.sounds(&click(2, 5), &click(7, 9)).expect("sounds");
    assert_eq!(only[5..], click(2, 5));
}

#[test]
fn what_cannot_be_mixed_is_refused() {
    for alpha in [-0.1, 1.1, f64::NAN] {
        let mixture = Mixture { alpha, align: Align::None };
        assert!(matches!(mixture.images(&[0.0], &[0.0], [1, 1]), Err(Error::Option { option: "alpha", .. })));
        assert!(matches!(mixture.sounds(&[1.0], &[1.0]), Err(Error::Option { option: "alpha", .. })));
    }
    let mixture = Mixture::default();
    assert!(matches!(mixture.images(&[0.0; 4], &[0.0; 5], [2, 2]), Err(Error::Input { .. })));
    for silent in [&[][..], &[0.0, 0.0], &[f32::NAN]] {
        assert!(matches!(mixture.sounds(&[1.0], silent), Err(Error::Data { .. })));
    }
    let images = Images::new(1, 1, vec![1, 2], vec![3, 4]).expect("images");
    let error = AmbiguousDigits::new(&images, &Pairs::default(), mixture, 0).expect_err("no pair");
    assert!(matches!(error, Error::Data { .. }) && error.to_string().contains("[3, 5]"), "{error}");
}

/// Against the mean image of each digit: clean digits are told apart, ambiguous ones lie half way.
#[test]
fn ambiguous_digits_lie_between() {
    let images = mnist();
    let means: Vec<Vec<f32>> = by_class(images.labels(), 10)
        .expect("digits")
        .iter()
        .map(|items| {
            let mut mean = vec![0.0; 784];
            for &i in items {
                mean.iter_mut().zip(images.brightness(i)).for_each(|(m, p)| *m += p / items.len() as f32);
            }
            mean
        })
        .collect();
    let apart = |image: &[f32], digit: u8| -> f32 {
        image.iter().zip(&means[usize::from(digit)]).map(|(p, m)| (p - m).powi(2)).sum()
    };
    let digits = AmbiguousDigits::new(&images, &Pairs::default(), Mixture::default(), 5).expect("pairs");
    let (mut right, mut first, mut clean, mut ambiguous) = (0, 0, 0.0, 0.0);
    let n = 600;
    for index in 0..n {
        let triplet = digits.triplet(index);
        let [a, b] = triplet.labels;
        assert!(Pairs::default().partners(a).contains(&b));
        let margin = |image: &[f32]| apart(image, b) - apart(image, a);
        right += usize::from(margin(&triplet.clean[0]) > 0.0) + usize::from(margin(&triplet.clean[1]) < 0.0);
        first += usize::from(margin(&triplet.ambiguous) > 0.0);
        clean += margin(&triplet.clean[0]).abs() + margin(&triplet.clean[1]).abs();
        ambiguous += 2.0 * margin(&triplet.ambiguous).abs();
    }
    let share = |count: usize, of: u64| count as f64 / of as f64;
    assert!(share(right, 2 * n) > 0.85, "{right} clean digits of {} are right", 2 * n);
    assert!((share(first, n) - 0.5).abs() < 0.1, "{first} ambiguous digits of {n} are taken for the first");
    assert!(ambiguous < 0.6 * clean, "margins {ambiguous} and {clean}");
}

#[test]
fn triplets_depend_on_seed_and_number() {
    let images = mnist().subset(&(0..400).collect::<Vec<_>>());
    let digits = |seed| AmbiguousDigits::new(&images, &Pairs::default(), Mixture::default(), seed).expect("pairs");
    let (one, two) = (digits(1), digits(2));
    let later = one.triplet(1 << 40);
    assert_eq!(digits(1).triplet(1 << 40), later);
    assert_ne!(one.triplet(0), later);
    assert_ne!(two.triplet(1 << 40), later);
    let mut counts = std::collections::BTreeMap::new();
    for index in 0..1200 {
        *counts.entry(one.triplet(index).labels).or_insert(0u32) += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), Pairs::default().ordered());
    assert!(counts.values().all(|n| (60..150).contains(n)), "{counts:?}");
    let triplet = one.triplet(7);
    for (clean, label) in triplet.clean.iter().zip(triplet.labels) {
        assert!((0..400).any(|i| images.labels()[i] == label && images.brightness(i) == *clean));
    }
}

#[test]
fn ambiguous_sounds_are_of_one_speaker() {
    let Some(spoken) = spoken() else { return };
    let sounds = AmbiguousSounds::new(&spoken, &Pairs::default(), Mixture::default(), 3).expect("pairs");
    for index in 0..60 {
        let triplet = sounds.triplet(index).expect("a triplet");
        assert_eq!(triplet, sounds.triplet(index).expect("a triplet"));
        let of = |k: usize| {
            let is = |i: &usize| spoken.labels()[*i] == triplet.labels[k] && spoken.recording(*i) == triplet.clean[k];
            spoken.speakers()[(0..spoken.len()).find(is).expect("a recording of the set")]
        };
        assert_eq!(of(0), of(1));
        assert!(triplet.ambiguous.len() >= triplet.clean[0].len().max(triplet.clean[1].len()));
        assert!(triplet.ambiguous.iter().all(|x| x.is_finite()));
    }
}
