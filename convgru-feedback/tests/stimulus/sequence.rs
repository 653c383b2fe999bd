//! Sequences of digits with clues.

use convgru_feedback::stimulus::labels::by_class;
use convgru_feedback::stimulus::sequence::{Clue, Sequences, Style, choice_sequence_gen, sequence_gen, str_to_bits};
use convgru_feedback::{Compat, Error};
use tch::{Device, Kind, Tensor};

/// Images whose only pixel is their number, three of each class in turn; and their numbers by class.
fn clean() -> (Tensor, Vec<Vec<usize>>) {
    let labels: Vec<u8> = (0..30).map(|i| i % 10).collect();
    (Tensor::arange(30, (Kind::Float, Device::Cpu)).view([30, 1, 1, 1]), by_class(&labels, 10).expect("digits"))
}

/// A thousand images to come last, with labels.
fn last() -> (Tensor, Vec<u8>) {
    (
        (Tensor::arange(1000, (Kind::Float, Device::Cpu)) + 100.0).view([1000, 1, 1, 1]),
        (0..1000).map(|i| (i % 10) as u8).collect(),
    )
}

fn pixels(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.contiguous().view(-1)).expect("numbers")
}

/// Clues are of the classes that are told, all of a class occur, and the last images are those that were given.
fn check<const N: usize>(sequences: &Sequences<N>, labels: &[u8]) {
    assert_eq!(sequences.images.size(), [labels.len() as i64, N as i64, 1, 1, 1]);
    let mut seen = [0; 30];
    for (i, (images, classes)) in pixels(&sequences.images).chunks(N).zip(&sequences.labels).enumerate() {
        assert_eq!((images[N - 1], classes[N - 1]), (i as f32 + 100.0, labels[i]));
        for (image, class) in images[..N - 1].iter().zip(classes) {
            assert_eq!(*image as u8 % 10, *class);
            seen[*image as usize] += 1;
        }
    }
    assert!(seen.iter().all(|&n| n > 5), "{seen:?}");
}

#[test]
fn clues_tell_what_they_are_said_to() {
    let ((clean, reference), (images, labels)) = (clean(), last());
    let make = |style, compat, seed| {
        let made = sequence_gen(&images, &labels, &clean, &reference, style, compat, seed).expect("sequences");
        check(&made, &labels);
        made.labels
    };
    for [first, second, n] in make(Style::Addition, Compat::None, 1) {
        assert_eq!((first + second) % 10, n);
        assert!(n == 0 || (second < n && first <= n), "{first} + {second} = {n}");
    }
    for [first, second, n] in make(Style::Order, Compat::None, 1) {
        assert_eq!([first, second], [(n + 8) % 10, (n + 9) % 10]);
    }
    for [first, second, n] in make(Style::Order, Compat::Reference, 1) {
        assert_eq!([first, second], [(n + 7) % 10, (n + 9) % 10]);
    }
    let random = make(Style::Random, Compat::None, 1);
    let mut pairs = std::collections::BTreeSet::new();
    for [first, second, n] in &random {
        assert!(first != n && second != n);
        pairs.insert([first, second]);
    }
    assert!(pairs.len() > 95, "{} pairs", pairs.len());
    assert_eq!(make(Style::Random, Compat::None, 1), random);
    assert_ne!(make(Style::Random, Compat::None, 2), random);
}

/// An element does not depend on those beside it.
#[test]
fn elements_are_drawn_by_their_number() {
    let ((clean, reference), (images, labels)) = (clean(), last());
    let make = |n: i64| {
        let images = images.narrow(0, 0, n);
        sequence_gen(&images, &labels[..n as usize], &clean, &reference, Style::Addition, Compat::None, 9)
            .expect("sequences")
    };
    assert_eq!(make(1000).images.narrow(0, 0, 40), make(40).images);
    assert_eq!(make(0).images.size(), [0, 3, 1, 1, 1]);
}

#[test]
fn a_choice_has_one_clue() {
    let ((clean, reference), (images, labels)) = (clean(), last());
    let make = |clue| {
        let made = choice_sequence_gen(&images, &labels, &clean, &reference, clue, 4).expect("sequences");
        check(&made, &labels);
        made.labels
    };
    assert!(make(Clue::Same).iter().all(|[clue, n]| clue == n));
    let any = make(Clue::Any);
    let same = any.iter().filter(|[clue, n]| clue == n).count();
    assert!((50..160).contains(&same), "{same} of 1000 are the same");
}

#[test]
fn what_does_not_fit_is_refused() {
    let ((clean, reference), (images, labels)) = (clean(), last());
    let make = |images: &Tensor, labels: &[u8], clean: &Tensor, reference: &[Vec<usize>], style| {
        sequence_gen(images, labels, clean, reference, style, Compat::None, 0).map(|made| made.images)
    };
    let order = Style::Order;
    assert!(matches!(make(&images.view([1000, 1]), &labels, &clean, &reference, order), Err(Error::Input { .. })));
    assert!(matches!(make(&images, &labels[1..], &clean, &reference, order), Err(Error::Input { .. })));
    assert!(matches!(
        make(&images, &labels, &clean.to_kind(Kind::Double), &reference, order),
        Err(Error::Input { .. })
    ));
    assert!(matches!(make(&images, &labels, &clean.view([15, 2, 1, 1]), &reference, order), Err(Error::Input { .. })));
    assert!(matches!(make(&images, &labels, &clean, &reference[..9], order), Err(Error::Data { .. })));
    assert!(matches!(make(&images, &labels, &clean, &[], order), Err(Error::Data { .. })));
    assert!(matches!(make(&images, &labels, &clean.narrow(0, 0, 29), &reference, order), Err(Error::Data { .. })));
    let mut gap = reference.clone();
    gap[6].clear();
    let error = make(&images, &labels, &clean, &gap, order).expect_err("no sixes").to_string();
    assert!(error.contains("class 6"), "{error}");
    assert!(matches!(make(&images, &[0; 1000], &clean, &reference[..1], Style::Random), Err(Error::Option { .. })));
}

#[test]
fn words_become_bits() {
    let bits = str_to_bits(&["cabbage", "", "z"]).expect("words");
    assert_eq!((bits.size(), bits.kind()), (vec![3, 27], Kind::Float));
    let set = |word: i64| -> Vec<usize> { (0..27).filter(|&i| pixels(&bits.get(word))[i] == 1.0).collect() };
    assert_eq!([set(0), set(1), set(2)], [vec![0, 1, 2, 4, 6], vec![], vec![25]]);
    assert_eq!(str_to_bits(&[]).expect("no words").size(), [0, 27]);
    for bad in ["Six", "zwölf", "two words"] {
        assert!(matches!(str_to_bits(&["one", bad]), Err(Error::Data { .. })), "{bad}");
    }
}
