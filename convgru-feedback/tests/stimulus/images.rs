//! Images, their labels, and parts of sets.

use crate::data::{mnist, shared};
use convgru_feedback::Error;
use convgru_feedback::stimulus::images::{Images, Normalisation, Part};
use convgru_feedback::stimulus::labels::{by_class, hold_out};
use proptest::prelude::*;
use tch::Kind;

proptest! {
    /// Classes take up all items, each once, in order; the held-out ones come last in their class.
    #[test]
    fn items_are_neither_lost_nor_doubled(labels in prop::collection::vec(0u8..7, 0..200), one_in in 1usize..8) {
        let classes = by_class(&labels, 7).expect("labels");
        for (class, items) in classes.iter().enumerate() {
            prop_assert!(items.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(items.iter().all(|&i| usize::from(labels[i]) == class));
        }
        let split = hold_out(&labels, one_in).expect("a split");
        for items in &classes {
            let held: Vec<usize> = split.test.iter().copied().filter(|i| items.contains(i)).collect();
            prop_assert_eq!(&held[..], &items[items.len() - items.len() / one_in..]);
        }
        let mut all = [split.train, split.test].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
    }
}

#[test]
fn labels_beyond_the_classes_are_refused() {
    let error = by_class(&[0, 1, 2, 3], 3).expect_err("a fourth class").to_string();
    assert!(error.contains("item 3 has label 3"), "{error}");
    assert!(matches!(hold_out(&[0], 0), Err(Error::Option { .. })));
}

#[test]
fn images_become_tensors() {
    let images = Images::new(1, 2, vec![0, 255, 51, 102, 1, 2], vec![3, 1, 2]).expect("images");
    assert_eq!((images.len(), images.size(), images.image(1)), (3, [1, 2], &[51, 102][..]));
    assert_eq!(images.brightness(1), [0.2, 0.4]);
    let all = images.to_tensor().expect("a tensor");
    assert_eq!((all.size(), all.kind()), (vec![3, 1, 1, 2], Kind::Float));
    assert_eq!(Vec::<f32>::try_from(all.get(0).view(-1)).expect("numbers"), [0.0, 1.0]);
    assert_eq!(Vec::<i64>::try_from(images.label_tensor().expect("labels")).expect("numbers"), [3, 1, 2]);
    let some = images.subset(&[2, 2, 0]);
    assert_eq!((some.labels(), some.image(1), some.image(2)), (&[2, 2, 3][..], &[1, 2][..], &[0, 255][..]));
    assert!(images.subset(&[]).is_empty());
    for bad in [
        Images::new(1, 2, vec![0; 5], vec![0; 3]),
        Images::new(0, 2, vec![], vec![]),
        Images::new(1 << 40, 1 << 40, vec![], vec![0]),
    ] {
        assert!(matches!(bad, Err(Error::Data { .. })));
    }
    for (mean, std) in [(0.0, 0.0), (f64::NAN, 1.0), (0.0, -1.0), (0.0, f64::INFINITY)] {
        assert!(Normalisation { mean, std }.apply(&all).is_err());
    }
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    let read = || Images::read_part(folder.path(), Part::Train);
    assert!(matches!(read(), Err(Error::File(_))));
    write("train-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6]);
    write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 4, 5]);
    let images = read().expect("images");
    assert_eq!((images.size(), images.image(1), images.labels()), ([1, 2], &[7, 6][..], &[4, 5][..]));
    write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 4]);
    assert!(read().expect_err("one label").to_string().contains("labels [2]"));
    write("train-images-idx3-ubyte", &[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 9]);
    assert!(read().expect_err("two dimensions").to_string().contains("[n, height, width]"));
}

/// The baseline's job: counts of the first 10,000 training images, of its split, and mean and deviation of the
/// pixels of those that are learned.
#[test]
fn digits_are_those_of_mnist() {
    let test = mnist();
    assert_eq!((test.len(), test.size(), &test.labels()[..8]), (10_000, [28, 28], &[7, 2, 1, 0, 4, 1, 4, 9][..]));
    let Some(folder) = shared("mnist") else { return };
    let train = Images::read_part(folder, Part::Train).expect("images");
    let counts: Vec<usize> = by_class(train.labels(), 10).expect("digits").iter().map(Vec::len).collect();
    assert_eq!(counts, [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]);
    let split = hold_out(train.labels(), 5).expect("a split");
    assert_eq!((split.train.len(), split.test.len()), (8004, 1996));
    let pixels = train.subset(&split.train).to_tensor().expect("a tensor");
    let (mean, std) =
        (pixels.mean(Kind::Double).double_value(&[]), pixels.to_kind(Kind::Double).std(false).double_value(&[]));
    assert!((mean - 0.1309).abs() < 5e-5 && (std - 0.3084).abs() < 5e-5, "{mean} {std}");
    let normal = Normalisation::MNIST.apply(&pixels).expect("a tensor").mean(Kind::Double).double_value(&[]);
    assert!((normal - (mean - 0.1307) / 0.3081).abs() < 1e-5, "{normal}");
}
