//! Which image goes with which recording.

use super::Scenario;
use crate::Error;
use crate::stimulus::ambiguous::Pairs;
use crate::stimulus::draw::{of_item, pick};
use crate::stimulus::labels::{by_class, by_group};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What an image or a sound is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// Its label.
    pub label: u8,
    /// What it may as well be taken for, if it is ambiguous.
    pub other: Option<u8>,
}

impl Reading {
    fn has(self, digit: u8) -> bool {
        self.label == digit || self.other == Some(digit)
    }
}

/// What is asked for: the digit that is seen or the digit that is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attend {
    /// That of the image.
    Image,
    /// That of the sound.
    Sound,
}

/// What the items of a set are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Driven {
    /// By recordings: each comes in turn, images are drawn to go with them (`audio_align`). The default.
    #[default]
    Sound,
    /// By images: each comes in turn, recordings are drawn to go with them.
    Image,
}

/// What does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mismatch {
    /// Image and sound that have no reading in common. The default.
    #[default]
    Different,
    /// A label that is drawn from all there are, and may be the same by chance, as in the reference.
    Uniform,
}

/// An image or a recording, mixed with another one if it is ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) item: usize,
    pub(super) mixed_with: Option<usize>,
    pub(super) reading: Reading,
}

/// What an item consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) image: Chosen,
    pub(super) sound: Chosen,
    pub(super) attend: Attend,
}

/// Images, or recordings: what there is of each digit, and what it can be mixed with.
#[derive(Debug)]
pub(super) struct Modality {
    labels: Vec<u8>,
    /// Items are mixed with those of their group: recordings with those of the same speaker.
    groups: Vec<u8>,
    /// By digit.
    items: Vec<Vec<usize>>,
    /// By group and digit.
    grouped: Vec<Vec<Vec<usize>>>,
    pairs: Pairs,
}

impl Modality {
    pub(super) fn new(labels: &[u8], groups: &[u8], pairs: Pairs) -> Result<Self, Error> {
        let (items, grouped) = (by_class(labels, 10)?, by_group(labels, groups)?);
        Ok(Self { labels: labels.to_vec(), groups: groups.to_vec(), items, grouped, pairs })
    }

    /// Digits that an item of a digit and a group can be mixed with.
    fn partners(&self, digit: u8, group: usize) -> impl Iterator<Item = u8> {
        let there = &self.grouped[group];
        self.pairs.partners(digit).iter().copied().filter(move |&p| !there[usize::from(p)].is_empty())
    }

    /// Whether an item of a digit can be made, in any group, without the readings of another.
    fn can_make(&self, digit: u8, ambiguous: bool, without: Option<Reading>) -> bool {
        let allowed = |digit: u8| without.is_none_or(|other| !other.has(digit));
        let made_in = |group: usize| {
            !self.grouped[group][usize::from(digit)].is_empty()
                && (!ambiguous || self.partners(digit, group).any(allowed))
        };
        allowed(digit) && (0..self.grouped.len()).any(made_in)
    }

    /// An item of a digit, without the readings of another; one that can be made.
    fn draw(&self, digit: u8, ambiguous: bool, without: Option<Reading>, rng: &mut ChaCha8Rng) -> Chosen {
        let of_digit = &self.items[usize::from(digit)];
        let allowed = |digit: &u8| without.is_none_or(|other| !other.has(*digit));
        if !ambiguous {
            let reading = Reading { label: digit, other: None };
            return Chosen { item: pick(of_digit, rng), mixed_with: None, reading };
        }
        let possible: Vec<bool> =
            (0..self.grouped.len()).map(|group| self.partners(digit, group).any(|p| allowed(&p))).collect();
        let candidates: Vec<usize> =
            of_digit.iter().copied().filter(|&i| possible[usize::from(self.groups[i])]).collect();
        let item = pick(&candidates, rng);
        let partners: Vec<u8> = self.partners(digit, usize::from(self.groups[item])).filter(allowed).collect();
        let partner = pick(&partners, rng);
        self.mixed(item, partner, Reading { label: digit, other: Some(partner) }, rng)
    }

    fn mixed(&self, item: usize, partner: u8, reading: Reading, rng: &mut ChaCha8Rng) -> Chosen {
        let with = pick(&self.grouped[usize::from(self.groups[item])][usize::from(partner)], rng);
        Chosen { item, mixed_with: Some(with), reading }
    }
}

/// Draws the items of all scenarios.
#[derive(Debug)]
pub(super) struct Chooser {
    pub(super) image: Modality,
    pub(super) sound: Modality,
    driven: Driven,
    mismatch: Mismatch,
    seed: u64,
    /// By scenario: the images or recordings that items are counted by.
    anchors: Vec<Vec<usize>>,
}

impl Chooser {
    pub(super) fn new(image: Modality, sound: Modality, driven: Driven, mismatch: Mismatch, seed: u64) -> Self {
        let mut chooser = Self { image, sound, driven, mismatch, seed, anchors: Vec::new() };
        chooser.anchors = Scenario::ALL.map(|scenario| chooser.possible(scenario)).to_vec();
        chooser
    }

    /// The items that a scenario is counted by.
    pub(super) fn anchors(&self, scenario: Scenario) -> &[usize] {
        &self.anchors[scenario as usize]
    }

    /// Item `index` of a scenario that has items.
    pub(super) fn choose(&self, scenario: Scenario, index: u64) -> Choice {
        let mut purpose = *b"audiovis";
        purpose[7] = scenario as u8;
        let mut rng = of_item(self.seed, purpose, index);
        let anchors = self.anchors(scenario);
        let anchor = anchors[(index % anchors.len() as u64) as usize];
        let (first, second) = self.modalities();
        let (mix_first, mix_second) = self.ambiguous(scenario);
        let (digit, group) = (first.labels[anchor], usize::from(first.groups[anchor]));
        let leading = if mix_first {
            let partner = pick(&self.first_partners(scenario, digit, group), &mut rng);
            let reading = if rng.random() {
                Reading { label: digit, other: Some(partner) }
            } else {
                Reading { label: partner, other: Some(digit) }
            };
            first.mixed(anchor, partner, reading, &mut rng)
        } else {
            Chosen { item: anchor, mixed_with: None, reading: Reading { label: digit, other: None } }
        };
        let label = pick(&self.second_labels(scenario, leading.reading), &mut rng);
        let following = second.draw(label, mix_second, self.without(scenario, leading.reading), &mut rng);
        let attend = if rng.random() { Attend::Image } else { Attend::Sound };
        match self.driven {
            Driven::Sound => Choice { image: following, sound: leading, attend },
            Driven::Image => Choice { image: leading, sound: following, attend },
        }
    }

    /// The modality that items are counted by, and the other.
    fn modalities(&self) -> (&Modality, &Modality) {
        match self.driven {
            Driven::Sound => (&self.sound, &self.image),
            Driven::Image => (&self.image, &self.sound),
        }
    }

    /// Whether the first and the second modality are ambiguous.
    fn ambiguous(&self, scenario: Scenario) -> (bool, bool) {
        match self.driven {
            Driven::Sound => (scenario.ambiguous_sound(), scenario.ambiguous_image()),
            Driven::Image => (scenario.ambiguous_image(), scenario.ambiguous_sound()),
        }
    }

    /// The readings that the second modality must not have.
    fn without(&self, scenario: Scenario, first: Reading) -> Option<Reading> {
        (!scenario.matching() && self.mismatch == Mismatch::Different).then_some(first)
    }

    /// Labels that the second modality can have beside a reading of the first.
    fn second_labels(&self, scenario: Scenario, first: Reading) -> Vec<u8> {
        let (second, mix) = (self.modalities().1, self.ambiguous(scenario).1);
        let without = self.without(scenario, first);
        let fits =
            |digit: &u8| (!scenario.matching() || *digit == first.label) && second.can_make(*digit, mix, without);
        (0..10).filter(fits).collect()
    }

    /// Digits that an item of the first modality can be mixed with, such that the second fits whichever reading is the label.
    fn first_partners(&self, scenario: Scenario, digit: u8, group: usize) -> Vec<u8> {
        let fits = |label, other| !self.second_labels(scenario, Reading { label, other: Some(other) }).is_empty();
        self.modalities().0.partners(digit, group).filter(|&p| fits(digit, p) && fits(p, digit)).collect()
    }

    fn possible(&self, scenario: Scenario) -> Vec<usize> {
        let (first, mix) = (self.modalities().0, self.ambiguous(scenario).0);
        let fits = |digit: u8, group: usize| {
            if mix {
                !self.first_partners(scenario, digit, group).is_empty()
            } else {
                !self.second_labels(scenario, Reading { label: digit, other: None }).is_empty()
            }
        };
        let table: Vec<[bool; 10]> =
            (0..first.grouped.len()).map(|group| std::array::from_fn(|digit| fits(digit as u8, group))).collect();
        (0..first.labels.len()).filter(|&i| table[usize::from(first.groups[i])][usize::from(first.labels[i])]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An item is mixed with one of the other digit and of the same group; where there is none, it is left out.
    #[test]
    fn items_are_mixed_within_their_group() {
        // the third speaker says no digit that could be mixed with another of his
        let labels: Vec<u8> = (0..60).map(|i| i % 10).chain([3, 0, 4, 1]).collect();
        let speakers: Vec<u8> = (0..60).map(|i| i / 30).chain([2; 4]).collect();
        let sound = Modality::new(&labels, &speakers, Pairs::default()).expect("digits");
        let image = Modality::new(&labels[..10], &[0; 10], Pairs::default()).expect("digits");
        let chooser = Chooser::new(image, sound, Driven::Sound, Mismatch::Different, 1);
        assert_eq!(chooser.anchors(Scenario::AmbiguousSound).len(), 54);
        assert_eq!(chooser.anchors(Scenario::AmbiguousImageConflict).len(), 64);
        for index in 0..500 {
            let choice = chooser.choose(Scenario::AmbiguousSound, index);
            let Chosen { item, mixed_with: Some(other), reading } = choice.sound else {
                panic!("{choice:?}");
            };
            assert_eq!(speakers[item], speakers[other]);
            let both = [labels[item], labels[other]];
            assert!(
                both.contains(&reading.label) && reading.other.is_some_and(|o| o != reading.label && both.contains(&o))
            );
            assert_eq!(choice.image.mixed_with, None);
            assert_eq!(labels[choice.image.item], reading.label);
        }
    }
}
