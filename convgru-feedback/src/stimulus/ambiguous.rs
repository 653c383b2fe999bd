//! Ambiguous digits: images and recordings that lie between two digits.
//!
//! connectome-to-model takes triplets of a clean digit, an ambiguous one and another clean digit from a generator that is not part of it
//! (a variational autoencoder). Here the ambiguous one is a mixture: of the pixels of two images, or of two recordings at equal loudness.

use super::draw::{of_item, pick};
use super::images::Images;
use super::labels::by_group;
use super::spoken::SpokenDigits;
use crate::Error;
use rand::RngExt;

/// Pairs of digits that are easily taken for each other, either way round.
///
/// Default: the confusable pairs of connectome-to-model (`pure_pairs`), 3-8, 3-5, 5-8, 0-6, 4-9 and 1-7. The digit 2 has no partner there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// By digit: its partners in ascending order.
    partners: Vec<Vec<u8>>,
}

impl Default for Pairs {
    fn default() -> Self {
        Self::linked(&[[3, 8], [3, 5], [5, 8], [0, 6], [4, 9], [1, 7]])
    }
}

impl Pairs {
    /// Takes pairs of digits; one that stands several times counts once.
    ///
    /// # Errors
    /// [`Error::Option`] for no pairs, and for a pair of equal digits or with a digit above 9.
    pub fn new(pairs: &[[u8; 2]]) -> Result<Self, Error> {
        let bad = pairs.iter().find(|[a, b]| a == b || *a > 9 || *b > 9);
        let what = match bad {
            Some([a, b]) => format!("{a}-{b} is no pair of different digits from 0 to 9"),
            None if pairs.is_empty() => "none; name at least one".to_owned(),
            None => return Ok(Self::linked(pairs)),
        };
        Err(Error::Option { option: "pairs", what })
    }

    fn linked(pairs: &[[u8; 2]]) -> Self {
        let mut partners = vec![Vec::new(); 10];
        for &[a, b] in pairs {
            partners[usize::from(a)].push(b);
            partners[usize::from(b)].push(a);
        }
        for list in &mut partners {
            list.sort_unstable();
            list.dedup();
        }
        Self { partners }
    }

    /// The digits that a digit is taken for, in ascending order.
    pub fn partners(&self, digit: u8) -> &[u8] {
        self.partners.get(usize::from(digit)).map_or(&[], Vec::as_slice)
    }

    /// All pairs in both orders, `[a, b]` and `[b, a]`, in ascending order.
    pub fn ordered(&self) -> Vec<[u8; 2]> {
        (0..10).flat_map(|a| self.partners(a).iter().map(move |&b| [a, b])).collect()
    }
}

/// Whether two digits are laid on each other before they are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Both are shifted, by whole pixels or samples, until their centres of mass or energy meet: where they lie says nothing about which
    /// of the two it is. The default.
    #[default]
    Centres,
    /// Images lie as they are, recordings begin together.
    None,
}

/// How two digits are mixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// Share of the second, 0 to 1. Default 0.5: neither is favoured.
    pub alpha: f64,
    /// Whether they are laid on each other. Default [`Align::Centres`].
    pub align: Align,
}

impl Default for Mixture {
    fn default() -> Self {
        Self { alpha: 0.5, align: Align::Centres }
    }
}

impl Mixture {
    pub(super) fn check(self) -> Result<(), Error> {
        if (0.0..=1.0).contains(&self.alpha) {
            return Ok(());
        }
        Err(Error::Option { option: "alpha", what: format!("{}; a share from 0 to 1", self.alpha) })
    }

    /// Mixes the pixels of two images, `[height, width]` each: `(1 - alpha) a + alpha b`, after both were shifted to the weighted mean of
    /// their centres of mass. Pixels that are shifted out are lost, those that come in are 0. With `alpha` 0 or 1 one image comes back as
    /// it was.
    ///
    /// # Errors
    /// [`Error::Option`] for a share that is none, [`Error::Input`] for images of another size.
    pub fn images(&self, a: &[f32], b: &[f32], size: [usize; 2]) -> Result<Vec<f32>, Error> {
        self.check()?;
        for (name, image) in [("the first image", a), ("the second image", b)] {
            if image.len() != size[0] * size[1] {
                let (got, want) = (format!("of {} pixels", image.len()), format!("{} x {}", size[0], size[1]));
                return Err(Error::Input { what: name.to_owned(), got, want });
            }
        }
        Ok(self.blend(a, b, size))
    }

    /// As [`images`](Self::images), of what has been checked.
    pub(super) fn blend(&self, a: &[f32], b: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let shifts = match self.align {
            Align::Centres => {
                let (of_a, of_b) = (centre(a, width), centre(b, width));
                let meet = [0, 1].map(|axis| (1.0 - self.alpha) * of_a[axis] + self.alpha * of_b[axis]);
                [of_a, of_b].map(|own| [0, 1].map(|axis| (meet[axis] - own[axis]).round() as isize))
            }
            Align::None => [[0; 2]; 2],
        };
        let mut mixed = vec![0.0; height * width];
        for ((image, share), [down, right]) in [(a, 1.0 - self.alpha), (b, self.alpha)].into_iter().zip(shifts) {
            for (i, &pixel) in image.iter().enumerate() {
                let (Some(row), Some(column)) =
                    ((i / width).checked_add_signed(down), (i % width).checked_add_signed(right))
                else {
                    continue;
                };
                if row < height && column < width {
                    mixed[row * width + column] += share as f32 * pixel;
                }
            }
        }
        mixed
    }

    /// Mixes two recordings of one sample rate at equal loudness: each is divided by its root mean square and weighted by `1 - alpha` and
    /// `alpha`, scaled such that the weights' squares add up to 1 (so that unlike sounds together are as loud as each alone), and the sum
    /// is brought to the geometric mean, so weighted, of both loudnesses. It lasts as long as both do where they lie on each other.
    ///
    /// # Errors
    /// [`Error::Option`] for a share that is none, [`Error::Data`] for a recording without sound.
    pub fn sounds(&self, a: &[f32], b: &[f32]) -> Result<Vec<f32>, Error> {
        self.check()?;
        let loudness = |name: &str, sound: &[f32]| {
            let energy: f64 = sound.iter().map(|&x| f64::from(x).powi(2)).sum();
            if energy > 0.0 && energy.is_finite() {
                return Ok((energy / sound.len() as f64).sqrt());
            }
            let problem = format!("has {} samples and the energy {energy}; leave it out", sound.len());
            Err(Error::Data { what: name.to_owned(), problem })
        };
        let (of_a, of_b) = (loudness("the first recording", a)?, loudness("the second recording", b)?);
        let weights = [1.0 - self.alpha, self.alpha];
        let level = of_a.powf(weights[0]) * of_b.powf(weights[1]) / weights[0].hypot(weights[1]);
        let later = match self.align {
            Align::Centres => (middle(a) - middle(b)).round() as isize,
            Align::None => 0,
        };
        let starts = [later.min(0).unsigned_abs(), later.max(0).unsigned_abs()];
        let mut mixed = vec![0.0; (starts[0] + a.len()).max(starts[1] + b.len())];
        for ((sound, loud), (start, weight)) in [(a, of_a), (b, of_b)].into_iter().zip(starts.into_iter().zip(weights))
        {
            let factor = weight * level / loud;
            for (out, &x) in mixed[start..].iter_mut().zip(sound) {
                *out += (factor * f64::from(x)) as f32;
            }
        }
        Ok(mixed)
    }
}

/// Centre of mass, `[row, column]`; that of the frame for an image without any.
fn centre(image: &[f32], width: usize) -> [f64; 2] {
    let (mut mass, mut sums) = (0.0, [0.0; 2]);
    for (i, &pixel) in image.iter().enumerate() {
        let pixel = f64::from(pixel);
        mass += pixel;
        sums[0] += pixel * (i / width) as f64;
        sums[1] += pixel * (i % width) as f64;
    }
    if mass > 0.0 { sums.map(|sum| sum / mass) } else { [image.len() / width, width].map(|n| (n as f64 - 1.0) / 2.0) }
}

/// Centre of energy in samples, of a recording that has some.
fn middle(sound: &[f32]) -> f64 {
    let (mut energy, mut sum) = (0.0, 0.0);
    for (i, &x) in sound.iter().enumerate() {
        let x = f64::from(x).powi(2);
        energy += x;
        sum += x * i as f64;
    }
    sum / energy
}

/// Two clean digits and their mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Triplet {
    /// The clean ones, pixels `[height, width]` or samples.
    pub clean: [Vec<f32>; 2],
    /// The ambiguous one.
    pub ambiguous: Vec<f32>,
    /// What the clean ones are, and what the ambiguous one may be taken for.
    pub labels: [u8; 2],
}

/// Triplets of images, as many as wanted, each a function of the seed and its number.
#[derive(Debug)]
pub struct AmbiguousDigits<'a> {
    images: &'a Images,
    drawn: Drawn,
}

/// Triplets of recordings, as many as wanted, each a function of the seed and its number. Both recordings are by one speaker.
#[derive(Debug)]
pub struct AmbiguousSounds<'a> {
    sounds: &'a SpokenDigits,
    drawn: Drawn,
}

/// What triplets are drawn from.
#[derive(Debug)]
struct Drawn {
    purpose: [u8; 8],
    seed: u64,
    mixture: Mixture,
    /// Every pair in both orders that can be drawn: digits, and the items of each.
    choices: Vec<([u8; 2], [Vec<usize>; 2])>,
}

impl Drawn {
    /// `groups`: items are mixed with those of the same group.
    fn new(
        purpose: [u8; 8],
        labels: &[u8],
        groups: &[u8],
        pairs: &Pairs,
        mixture: Mixture,
        seed: u64,
    ) -> Result<Self, Error> {
        mixture.check()?;
        let mut choices = Vec::new();
        for items in by_group(labels, groups)? {
            for pair in pairs.ordered() {
                let lists = pair.map(|digit| items[usize::from(digit)].clone());
                if lists.iter().all(|list| !list.is_empty()) {
                    choices.push((pair, lists));
                }
            }
        }
        if choices.is_empty() {
            let problem = format!("hold none of the pairs {:?}; choose other pairs or a larger set", pairs.ordered());
            return Err(Error::Data { what: "the digits".to_owned(), problem });
        }
        Ok(Self { purpose, seed, mixture, choices })
    }

    fn draw(&self, index: u64) -> ([u8; 2], [usize; 2]) {
        let mut rng = of_item(self.seed, self.purpose, index);
        let (labels, lists) = &self.choices[rng.random_range(0..self.choices.len())];
        (*labels, lists.each_ref().map(|list| pick(list, &mut rng)))
    }
}

impl<'a> AmbiguousDigits<'a> {
    /// Mixes images of digits.
    ///
    /// # Errors
    /// [`Error::Option`] for a share that is none, [`Error::Data`] for labels above 9, or if the images hold no pair.
    pub fn new(images: &'a Images, pairs: &Pairs, mixture: Mixture, seed: u64) -> Result<Self, Error> {
        let groups = vec![0; images.len()];
        Ok(Self { images, drawn: Drawn::new(*b"triplets", images.labels(), &groups, pairs, mixture, seed)? })
    }

    /// The triplet of a number. All pairs, orders and images of a pair are equally likely.
    pub fn triplet(&self, index: u64) -> Triplet {
        let (labels, items) = self.drawn.draw(index);
        let clean = items.map(|i| self.images.brightness(i));
        let ambiguous = self.drawn.mixture.blend(&clean[0], &clean[1], self.images.size());
        Triplet { clean, ambiguous, labels }
    }
}

impl<'a> AmbiguousSounds<'a> {
    /// Mixes recordings of digits.
    ///
    /// # Errors
    /// [`Error::Option`] for a share that is none, [`Error::Data`] if no speaker says both digits of a pair.
    pub fn new(sounds: &'a SpokenDigits, pairs: &Pairs, mixture: Mixture, seed: u64) -> Result<Self, Error> {
        let drawn = Drawn::new(*b"mixtures", sounds.labels(), sounds.speakers(), pairs, mixture, seed)?;
        Ok(Self { sounds, drawn })
    }

    /// The triplet of a number. All pairs, orders and speakers who say both are equally likely, and all their recordings.
    ///
    /// # Errors
    /// [`Error::Data`] for a recording without sound.
    pub fn triplet(&self, index: u64) -> Result<Triplet, Error> {
        let (labels, items) = self.drawn.draw(index);
        let clean = items.map(|i| self.sounds.recording(i).to_vec());
        let ambiguous = self.drawn.mixture.sounds(&clean[0], &clean[1])?;
        Ok(Triplet { clean, ambiguous, labels })
    }
}
