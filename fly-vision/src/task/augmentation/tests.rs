use super::*;
use connectome_graph::hex::Extent;

fn sample(frames: usize, lattice: &Lattice) -> FlowSample {
    let n = frames * lattice.len();
    let movie = Movie::new(lattice.len(), (0..n).map(|i| (i % 101) as f32 / 100.0).collect()).unwrap();
    FlowSample::new(movie, (0..2 * n).map(|i| (i as f32 * 0.1).sin()).collect()).unwrap()
}

fn seed(item: u64) -> ItemSeed {
    ItemSeed { run: 1, epoch: 2, item }
}

/// The same seed varies a sequence in the same way; run, epoch and item each matter.
#[test]
fn draws_follow_from_the_seed() {
    let lattice = Lattice::new(Extent(2)).unwrap();
    let options = AugmentationOptions { gamma: 0.1, ..AugmentationOptions::default() };
    let of = |seed| options.draw(30, seed).unwrap().apply(&sample(30, &lattice), &lattice, 24.0).unwrap();
    let one = of(seed(3));
    assert_eq!(one, of(seed(3)));
    assert_eq!((one.frames(), one.columns()), (40, 19));
    for other in [ItemSeed { run: 2, ..seed(3) }, ItemSeed { epoch: 3, ..seed(3) }, seed(4)] {
        assert_ne!(one, of(other));
    }
}

/// What is drawn has the distribution that the options say.
#[test]
fn draws_have_their_distributions() {
    let options = AugmentationOptions::default();
    let all: Vec<Augmentation> = (0..4000).map(|i| options.draw(25, seed(i)).unwrap()).collect();
    let part = |holds: &dyn Fn(&Augmentation) -> bool| all.iter().filter(|a| holds(a)).count() as f64 / 4e3;
    assert!((part(&|a| a.turns > 0) - 0.5).abs() < 0.03);
    for axis in 1..=3 {
        assert!((part(&|a| a.flip == Some(axis)) - 1.0 / 6.0).abs() < 0.03);
    }
    for start in 0..6 {
        assert!((part(&|a| a.frames == (start..start + 19)) - 1.0 / 6.0).abs() < 0.03);
    }
    for turns in 1..6 {
        assert!((part(&|a| a.turns == turns) - 0.1).abs() < 0.03);
    }
    assert!((part(&|a| a.contrast > 1.0) - 0.5).abs() < 0.03 && (part(&|a| a.brightness > 0.1) - 0.16).abs() < 0.03);
}

/// Without draws, frames are cropped from the start and resampled, nothing else.
#[test]
fn validation_is_not_random() {
    let lattice = Lattice::new(Extent(1)).unwrap();
    let options = AugmentationOptions { dt: 1.0 / 24.0, ..AugmentationOptions::default() }.without_draws();
    let original = sample(25, &lattice);
    let shown = options.draw(25, seed(9)).unwrap().apply(&original, &lattice, 24.0).unwrap();
    assert_eq!(shown.luminance().luminance(), &original.luminance().luminance()[..19 * 7]);
    assert_eq!(shown.flow(), &original.flow()[..19 * 14]);
}

/// With nothing else that varies, frames still begin anywhere; the first ones are asked for as such.
#[test]
fn crops_are_drawn_whatever_else_is() {
    let still = AugmentationOptions::default().without_draws();
    let starts = |crop: Crop| -> Vec<usize> {
        let options = AugmentationOptions { crop, ..still.clone() };
        (0..200).map(|item| options.draw(25, seed(item)).unwrap().frames.start).collect()
    };
    let anywhere = starts(Crop::Frames(19));
    assert!((0..6).all(|start| anywhere.contains(&start)), "{anywhere:?}");
    assert_eq!(starts(Crop::First(19)), [0; 200]);
}

#[test]
fn nonsense_is_refused() {
    let lattice = Lattice::new(Extent(1)).unwrap();
    let good = AugmentationOptions::default();
    assert!(good.draw(18, seed(0)).unwrap_err().to_string().contains("19 frames of a sequence of 18"));
    for bad in [
        AugmentationOptions { noise: -1.0, ..good.clone() },
        AugmentationOptions { flip: 1.5, ..good.clone() },
        AugmentationOptions { flip_axes: 4, ..good.clone() },
        AugmentationOptions { dt: 0.0, ..good.clone() },
        AugmentationOptions { crop: Crop::Frames(0), ..good.clone() },
    ] {
        assert!(bad.draw(25, seed(0)).is_err());
    }
    let drawn = good.draw(25, seed(0)).unwrap();
    assert!(drawn.apply(&sample(19, &Lattice::new(Extent(2)).unwrap()), &lattice, 24.0).is_err());
}
