//! Sequences of digits: clues, and then the digit that they tell something about.

use super::draw::{of_item, pick};
use crate::{Compat, Error};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

/// What the two clues say about the digit `n` that follows, with `c` classes, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// They add up to it: the second is uniform from 0 to `n - 1`, the first is the rest. For `n = 0` the second is any and both add up to
    /// `c`, or are 0. The default.
    #[default]
    Addition,
    /// Nothing: each is any other class, all equally likely.
    Random,
    /// It is the next in order: `n - 2`, `n - 1`, going round below 0. (With [`Compat::Reference`] `n - 3`, `n - 1`.)
    Order,
}

/// What the clue is, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clue {
    /// An image of the same class. The default.
    #[default]
    Same,
    /// An image of any class, the same among them: it tells nothing (`full_ambiguity`).
    Any,
}

/// Sequences of `N` images.
#[derive(Debug)]
pub struct Sequences<const N: usize> {
    /// `[batch, N, channels, height, width]`; the last images are those that were given.
    pub images: Tensor,
    /// Class of each image, `[batch]`.
    pub labels: Vec<[u8; N]>,
}

/// Puts two clues before each image (`sequence_gen`).
///
/// `images`: `[batch, channels, height, width]`, those that come last, clean or ambiguous; `labels`: `[batch]`, what they are; `clean`:
/// `[n, channels, height, width]`, of the same kind, where clues are taken from; `reference`: the numbers of these by class, as
/// [`by_class`](super::labels::by_class) gives them. Element `i` of the batch depends on the seed and `i`.
///
/// # Errors
/// [`Error::Input`] for shapes and kinds that do not fit, [`Error::Data`] for labels and numbers out of range, and for a class without
/// images that is needed.
pub fn sequence_gen(
    images: &Tensor,
    labels: &[u8],
    clean: &Tensor,
    reference: &[Vec<usize>],
    style: Style,
    compat: Compat,
    seed: u64,
) -> Result<Sequences<3>, Error> {
    let classes = reference.len() as u8;
    if style == Style::Random && reference.len() < 2 {
        let what = "random clues are of other classes, so there must be two at least".to_owned();
        return Err(Error::Option { option: "style", what });
    }
    with_clues(images, labels, clean, reference, *b"sequence", seed, |label, rng| {
        let before = |steps: u8| (label + classes - steps % classes) % classes;
        let [first, second] = match style {
            Style::Addition => {
                let second = rng.random_range(0..if label == 0 { classes } else { label });
                [before(second), second]
            }
            Style::Random => [(); 2].map(|()| before(rng.random_range(1..classes))),
            Style::Order => [before(if compat == Compat::Reference { 3 } else { 2 }), before(1)],
        };
        [first, second, label]
    })
}

/// Puts a clue before each image (`choice_sequence_gen`). Arguments and errors are those of [`sequence_gen`].
///
/// # Errors
/// As [`sequence_gen`].
pub fn choice_sequence_gen(
    images: &Tensor,
    labels: &[u8],
    clean: &Tensor,
    reference: &[Vec<usize>],
    clue: Clue,
    seed: u64,
) -> Result<Sequences<2>, Error> {
    let classes = reference.len() as u8;
    with_clues(images, labels, clean, reference, *b"choosing", seed, |label, rng| match clue {
        Clue::Same => [label, label],
        Clue::Any => [rng.random_range(0..classes), label],
    })
}

/// Sequences whose classes `classes_of` draws, the last of them the label.
fn with_clues<const N: usize>(
    images: &Tensor,
    labels: &[u8],
    clean: &Tensor,
    reference: &[Vec<usize>],
    purpose: [u8; 8],
    seed: u64,
    classes_of: impl Fn(u8, &mut ChaCha8Rng) -> [u8; N],
) -> Result<Sequences<N>, Error> {
    let (size, of_clean) = (images.size(), clean.size());
    let input = |what: &str, got: String, want: String| Err(Error::Input { what: what.to_owned(), got, want });
    let &[batch, channels, height, width] = size.as_slice() else {
        return input("images", format!("{size:?}"), "[batch, channels, height, width]".to_owned());
    };
    if of_clean.len() != 4 || of_clean[1..] != size[1..] || clean.kind() != images.kind() {
        let want = format!("{:?} [n, {channels}, {height}, {width}], as the images", images.kind());
        return input("clean", format!("{:?} {of_clean:?}", clean.kind()), want);
    }
    if labels.len() as i64 != batch {
        return input("labels", format!("{} numbers", labels.len()), format!("{batch}, one per image"));
    }
    let refuse = |what: &str, problem: String| Err(Error::Data { what: what.to_owned(), problem });
    if reference.is_empty() || reference.len() > 128 {
        return refuse("reference", format!("has {} classes; 1 to 128 are possible", reference.len()));
    }
    if let Some(label) = labels.iter().find(|&&label| usize::from(label) >= reference.len()) {
        return refuse("labels", format!("hold {label}, but there are {} classes, counted from 0", reference.len()));
    }
    if let Some(i) = reference.iter().flatten().find(|&&i| i as i64 >= of_clean[0]) {
        return refuse("reference", format!("names image {i} of {}", of_clean[0]));
    }
    let mut clues = Vec::with_capacity((N - 1) * labels.len());
    let mut drawn = Vec::with_capacity(labels.len());
    for (i, &label) in labels.iter().enumerate() {
        let mut rng = of_item(seed, purpose, i as u64);
        let classes = classes_of(label, &mut rng);
        for class in &classes[..N - 1] {
            let of_class = &reference[usize::from(*class)];
            if of_class.is_empty() {
                return refuse("clean", format!("has no image of class {class}, which a clue must be of"));
            }
            clues.push(pick(of_class, &mut rng) as i64);
        }
        drawn.push(classes);
    }
    let clues = clean.f_index_select(0, &Tensor::f_from_slice(&clues)?.f_to_device(clean.device())?)?;
    let clues = clues.f_view([batch, N as i64 - 1, channels, height, width])?.f_to_device(images.device())?;
    Ok(Sequences { images: Tensor::f_cat(&[clues, images.f_unsqueeze(1)?], 1)?, labels: drawn })
}

/// Which letters words have, `[words, 27]` of f32: 1 at 0 to 25 for each of a to z that occurs, 0 elsewhere; the last is always 0. The
/// feedback signal of the older repository's networks that read words.
///
/// # Errors
/// [`Error::Data`] for anything but the small letters a to z.
pub fn str_to_bits(words: &[&str]) -> Result<Tensor, Error> {
    const BITS: usize = 27;
    let mut bits = vec![0f32; BITS * words.len()];
    for (word, bits) in words.iter().zip(bits.chunks_exact_mut(BITS)) {
        for letter in word.chars() {
            if !letter.is_ascii_lowercase() {
                let problem = format!("has {letter:?}; only the small letters a to z are known");
                return Err(Error::Data { what: format!("the word {word:?}"), problem });
            }
            bits[letter as usize - usize::from(b'a')] = 1.0;
        }
    }
    Ok(Tensor::f_from_slice(&bits)?.f_view([words.len() as i64, BITS as i64])?)
}
