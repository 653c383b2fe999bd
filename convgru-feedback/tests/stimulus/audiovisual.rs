//! Images and sounds together.

use crate::data::{mnist, spoken};
use convgru_feedback::Error;
use convgru_feedback::stimulus::ambiguous::Pairs;
use convgru_feedback::stimulus::audiovisual::{
    Attend, AudioVisual, Batch, Builder, Driven, Mismatch, Resize, Scenario, attention_cue,
};
use convgru_feedback::stimulus::images::Images;
use convgru_feedback::stimulus::mel::MelSpectrogram;
use convgru_feedback::stimulus::spoken::{Spoken, SpokenDigits};
use std::collections::{BTreeMap, BTreeSet};
use tch::{Kind, Tensor};

/// Three images of each digit: one bright pixel where the digit stands, and a second one that tells which of the three it is.
fn images() -> Images {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for i in 0..30usize {
        let mut image = [0; 16];
        image[i % 10] = 255;
        image[12 + i / 10] = 51;
        pixels.extend(image);
        labels.push((i % 10) as u8);
    }
    Images::new(4, 4, pixels, labels).expect("images")
}

/// Each digit is a tone, twice by each of two speakers.
fn sounds() -> SpokenDigits {
    let recordings: Vec<(Spoken, Vec<f32>)> = (0..40u32)
        .map(|i| {
            let (digit, speaker, take) = ((i % 10) as u8, ["ann", "bob"][i as usize / 20], i / 10 % 2);
            let step = 0.1 + 0.2 * f32::from(digit);
            let samples = (0..500 + 50 * i).map(|k| 0.3 * (step * k as f32).sin()).collect();
            (Spoken { digit, speaker: speaker.to_owned(), take }, samples)
        })
        .collect();
    SpokenDigits::new(8000, &recordings).expect("sounds")
}

fn small() -> Builder {
    let mel = MelSpectrogram::builder().mels(16).frames(12).build().expect("settings");
    AudioVisual::builder(images(), sounds()).mel(mel).seed(11)
}

fn numbers(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.contiguous().view(-1)).expect("numbers")
}

fn items(set: &AudioVisual, scenario: Scenario, n: u64) -> Batch {
    set.batch(&(0..n).map(|i| (scenario, i)).collect::<Vec<_>>()).expect("items")
}

#[test]
fn names_are_those_of_the_reference() {
    for (place, scenario) in Scenario::ALL.into_iter().enumerate() {
        assert_eq!(scenario as usize, place);
        assert_eq!(scenario.to_string().parse::<Scenario>().expect("a name"), scenario);
        let letter = |yes, a, b| if yes { a } else { b };
        let name = [
            letter(scenario.ambiguous_sound(), 'a', 'u'),
            letter(scenario.ambiguous_image(), 'a', 'u'),
            letter(scenario.matching(), 'm', 'n'),
        ];
        assert_eq!(scenario.name(), name.iter().collect::<String>());
    }
    assert_eq!(Scenario::TRAINED.map(Scenario::name), ["aum", "uam", "uun"]);
    assert_eq!(
        [Scenario::AmbiguousImage, Scenario::Conflict, Scenario::Control].map(Scenario::name),
        ["uam", "uun", "aan"]
    );
    let error = "umu".parse::<Scenario>().expect_err("no name").to_string();
    assert!(error.contains("uum, uam, aum"), "{error}");
}

/// What holds in each scenario, by recordings and by images.
#[test]
fn scenarios_are_what_they_are_called() {
    let pairs = Pairs::default();
    for driven in [Driven::Sound, Driven::Image] {
        let set = small().driven(driven).build().expect("a set");
        for scenario in Scenario::ALL {
            let batch = items(&set, scenario, 400);
            let (mut seen, mut heard) = (BTreeMap::new(), BTreeMap::new());
            for i in 0..400 {
                let (image, sound) = (batch.seen[i], batch.heard[i]);
                for (reading, ambiguous) in [(image, scenario.ambiguous_image()), (sound, scenario.ambiguous_sound())] {
                    assert_eq!(reading.other.is_some(), ambiguous);
                    assert!(reading.other.is_none_or(|other| pairs.partners(reading.label).contains(&other)));
                }
                if scenario.matching() {
                    assert_eq!(image.label, sound.label);
                } else {
                    let of = |r: convgru_feedback::stimulus::audiovisual::Reading| {
                        [Some(r.label), r.other.or(Some(r.label))]
                    };
                    assert!(
                        of(image).iter().all(|digit| !of(sound).contains(digit)),
                        "{scenario}: {image:?} {sound:?}"
                    );
                }
                *seen.entry(image.label).or_insert(0) += 1;
                *heard.entry(sound.label).or_insert(0) += 1;

                let pixels = numbers(&batch.images.get(i as i64));
                let bright: BTreeSet<u8> = (0..10).filter(|&d| pixels[usize::from(d)] > 0.2).collect();
                if scenario.ambiguous_image() {
                    assert!(pixels.iter().all(|&p| p <= 1.0) && pixels.iter().any(|&p| p > 0.0));
                } else {
                    assert_eq!(bright, BTreeSet::from([image.label]));
                }
            }
            let without_two = scenario.ambiguous_image() || scenario.ambiguous_sound();
            for (what, counts) in [("seen", &seen), ("heard", &heard)] {
                let two = counts.contains_key(&2);
                assert!(
                    counts.len() == if two { 10 } else { 9 } && counts.values().all(|&n| n > 10),
                    "{scenario} {what} {counts:?}"
                );
                assert!(two || without_two, "{scenario}: no two is {what}");
            }
            let asked = batch.attend.iter().filter(|&&a| a == Attend::Image).count();
            assert!((150..250).contains(&asked), "{scenario}: {asked} of 400 ask for the image");
        }
    }
}

/// Each recording comes once in a round, in every round with other images.
#[test]
fn recordings_come_in_turn() {
    let set = small().build().expect("a set");
    assert_eq!(Scenario::ALL.map(|s| set.len(s)), [40, 36, 36, 36, 40, 40, 36, 36]);
    let batch = items(&set, Scenario::Conflict, 120);
    let digits: Vec<u8> = (0..120).map(|i| i % 10).collect();
    assert_eq!(batch.heard.iter().map(|r| r.label).collect::<Vec<_>>(), digits);
    for i in 0..40 {
        assert_eq!(batch.mels.get(i), batch.mels.get(i + 40));
    }
    assert_ne!(batch.images.narrow(0, 0, 40), batch.images.narrow(0, 40, 40));
    let by_image = small().driven(Driven::Image).build().expect("a set");
    assert_eq!(Scenario::ALL.map(|s| by_image.len(s)), [30, 27, 27, 27, 30, 27, 30, 27]);
    let batch = items(&by_image, Scenario::Aligned, 30);
    assert_eq!(numbers(&batch.images), numbers(&images().to_tensor().expect("images")));
}

#[test]
fn items_depend_on_seed_scenario_and_number() {
    let set = small().build().expect("a set");
    let list: Vec<(Scenario, u64)> = (0..50).map(|i| (Scenario::ALL[i as usize % 8], (i * i) << 20)).collect();
    let batch = set.batch(&list).expect("items");
    let again = small().build().expect("a set");
    for (i, &(scenario, index)) in list.iter().enumerate().rev() {
        let item = again.item(scenario, index).expect("an item");
        assert_eq!((item.seen, item.heard, item.attend), (batch.seen[i], batch.heard[i], batch.attend[i]));
        assert_eq!((&item.image, &item.mel), (&batch.images.get(i as i64), &batch.mels.get(i as i64)));
    }
    let other = small().seed(12).build().expect("a set").batch(&list).expect("items");
    assert_ne!(other.images, batch.images);
}

#[test]
fn sets_stand_one_after_the_other() {
    let set = small().build().expect("a set");
    let counted: Vec<_> = (0..112).map(|k| set.nth(&Scenario::TRAINED, k)).collect();
    let want = [(Scenario::AmbiguousSound, 36), (Scenario::AmbiguousImage, 36), (Scenario::Conflict, 40)];
    let want: Vec<_> = want.into_iter().flat_map(|(s, n)| (0..n).map(move |i| (s, i))).collect();
    assert_eq!(counted, want);
    assert_eq!(set.nth(&Scenario::TRAINED, 112 * 5 + 40), (Scenario::AmbiguousImage, 36 * 5 + 4));
}

#[test]
fn what_is_asked_for_is_the_target() {
    let set = small().build().expect("a set");
    let batch = items(&set, Scenario::Conflict, 20);
    let labels = |t: Result<Tensor, Error>| Vec::<i64>::try_from(t.expect("labels")).expect("numbers");
    let (seen, heard) = (labels(batch.image_labels()), labels(batch.sound_labels()));
    for (i, target) in labels(batch.targets()).into_iter().enumerate() {
        assert_eq!(target, if batch.attend[i] == Attend::Image { seen[i] } else { heard[i] });
    }
    let cue = batch.cue([10, 16, 16]).expect("a cue");
    assert_eq!((cue.size(), cue.kind()), (vec![20, 1, 10, 16, 16], Kind::Float));
    let means = numbers(&cue.mean_dim([1i64, 2, 3, 4].as_slice(), false, Kind::Float));
    assert_eq!(means, batch.attend.iter().map(|&a| f32::from(u8::from(a == Attend::Sound))).collect::<Vec<_>>());
    let [image, sound] = batch.streams().expect("streams");
    assert_eq!((image.size(), sound.size()), (vec![20, 1, 1, 4, 4], vec![20, 1, 1, 16, 12]));
    let batch = batch.attending(Attend::Sound);
    assert_eq!(labels(batch.targets()), heard);
    assert_eq!(labels(batch.attending(Attend::Image).targets()), seen);
    assert_eq!(attention_cue(&[], [1, 2, 3]).expect("no cue").size(), [0, 1, 1, 2, 3]);
}

#[test]
fn images_are_brought_to_size() {
    let make =
        |resize, size| small().resize(resize).size(size).build().map(|set| items(&set, Scenario::Aligned, 10).images);
    let own = make(Resize::Pad, [4, 4]).expect("images");
    let padded = make(Resize::Pad, [7, 6]).expect("images");
    assert_eq!(padded.size(), [10, 1, 7, 6]);
    assert_eq!(padded.narrow(2, 1, 4).narrow(3, 1, 4), own);
    assert_eq!(numbers(&padded.sum(Kind::Float)), numbers(&own.sum(Kind::Float)));
    let doubled = make(Resize::Bilinear, [8, 8]).expect("images");
    let pixel = |t: &Tensor, row: i64, column: i64| numbers(&t.select(2, row).select(2, column));
    for (row, column) in [(0, 0), (1, 2), (3, 4)] {
        // a new pixel lies a quarter of the way to the next old one
        let near = |row: i64, column: i64| pixel(&own, row.clamp(0, 3), column.clamp(0, 3));
        let (up, left) = ((row + 1) / 2 - 1, (column + 1) / 2 - 1);
        let corner = [near(up, left), near(up, left + 1), near(up + 1, left), near(up + 1, left + 1)];
        let share = |odd: i64| if odd % 2 == 1 { [0.75, 0.25] } else { [0.25, 0.75] };
        let ([top, bottom], [west, east]) = (share(row), share(column));
        for (i, got) in pixel(&doubled, row, column).into_iter().enumerate() {
            let want = top * (west * corner[0][i] + east * corner[1][i])
                + bottom * (west * corner[2][i] + east * corner[3][i]);
            assert!((got - want).abs() < 1e-6, "{row} {column}: {got} for {want}");
        }
    }
    assert_eq!(make(Resize::Bilinear, [2, 3]).expect("images").size(), [10, 1, 2, 3]);
    assert!(matches!(make(Resize::Pad, [4, 3]), Err(Error::Option { option: "size", .. })));
    assert!(matches!(make(Resize::Bilinear, [0, 3]), Err(Error::Option { option: "size", .. })));
}

#[test]
fn mismatches_may_be_left_to_chance() {
    let set = small().mismatch(Mismatch::Uniform).build().expect("a set");
    let batch = items(&set, Scenario::Conflict, 400);
    let same = batch.seen.iter().zip(&batch.heard).filter(|(seen, heard)| seen.label == heard.label).count();
    assert!((15..80).contains(&same), "{same} of 400 are the same");
}

/// With a single pair nothing ambiguous can be had that conflicts with something ambiguous.
#[test]
fn scenarios_without_items_are_told() {
    let one = Pairs::new(&[[3, 8]]).expect("a pair");
    let set = small().image_pairs(one.clone()).sound_pairs(one).build().expect("a set");
    assert!(set.is_empty(Scenario::Control) && set.len(Scenario::BothAmbiguous) == 8);
    let error = set.item(Scenario::Control, 0).expect_err("no items");
    assert!(matches!(error, Error::Data { .. }) && error.to_string().contains("aan"), "{error}");
    let batch = items(&set, Scenario::AmbiguousSoundConflict, 100);
    assert!(batch.seen.iter().all(|r| r.label != 3 && r.label != 8));
    assert!(matches!(set.batch(&[]), Err(Error::Input { .. })));
}

#[test]
fn sets_that_make_no_sense_are_refused() {
    let mel = |rate| MelSpectrogram::builder().sample_rate(rate).mels(16).frames(12).build().expect("settings");
    assert!(matches!(small().mel(mel(16_000)).build(), Err(Error::Option { option: "sample_rate", .. })));
    assert!(small().mel(mel(2)).build().is_ok());
    let long = MelSpectrogram::builder().n_fft(2048).build().expect("settings");
    let error = small().mel(long).build().expect_err("too short").to_string();
    assert!(error.contains("recording 0, digit 0 by ann, take 0, a recording of 500 samples"), "{error}");
    let said = |take, samples| (Spoken { digit: 3, speaker: "bob".to_owned(), take }, samples);
    let silent = SpokenDigits::new(8000, &[said(4, vec![0.1; 400]), said(7, vec![0.0; 400])]).expect("sounds");
    let error = AudioVisual::builder(images(), silent).build().expect_err("silence").to_string();
    assert!(error.contains("recording 1, digit 3 by bob, take 7: is silent"), "{error}");
    let none = images().subset(&[]);
    assert!(matches!(AudioVisual::builder(none, sounds()).build(), Err(Error::Data { .. })));
    let clothes = Images::new(1, 1, vec![0], vec![10]).expect("an image");
    assert!(matches!(AudioVisual::builder(clothes, sounds()).build(), Err(Error::Data { .. })));
}

/// Handwritten and spoken digits as the paper's networks of images get them, and the mixtures within the range of the clean ones.
#[test]
fn real_digits() {
    let Some(spoken) = spoken() else { return };
    let mel = MelSpectrogram::builder().mels(32).frames(32).build().expect("settings");
    let set = AudioVisual::builder(mnist(), spoken).size([32, 32]).mel(mel).build().expect("a set");
    assert_eq!(Scenario::ALL.map(|s| set.len(s)), [300, 270, 270, 270, 300, 300, 270, 270]);
    let loudest = |scenario| items(&set, scenario, 32).mels.max().double_value(&[]);
    let (clean, mixed) = (loudest(Scenario::Aligned), loudest(Scenario::Control));
    assert!((clean - mixed).abs() < 1.5, "{clean} {mixed}");
    let batch = items(&set, Scenario::Control, 32);
    assert_eq!((batch.images.size(), batch.mels.size()), (vec![32, 1, 32, 32], vec![32, 1, 32, 32]));
    assert!(batch.images.min().double_value(&[]) >= 0.0 && batch.images.max().double_value(&[]) <= 1.0);
    assert!(batch.mels.min().double_value(&[]) > -6.908);
}
