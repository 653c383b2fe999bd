//! Movies with their optic flow: what networks are trained and validated on.

use std::borrow::Cow;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{Error, Movie};

/// What an eye sees, and how it moves.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowSample {
    luminance: Movie,
    flow: Vec<f32>,
}

impl FlowSample {
    /// Components of a flow vector: to the right and upwards.
    pub const DIMENSIONS: usize = 2;

    /// Of a movie and the flow of each of its frames, `[frames, 2, columns]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no frame or not as much flow.
    pub fn new(luminance: Movie, flow: Vec<f32>) -> Result<Self, Error> {
        let want = 2 * luminance.frames() * luminance.columns();
        if want == 0 || flow.len() != want {
            let want = format!("[{}, 2, {}], not empty", luminance.frames(), luminance.columns());
            return Err(Error::shape("the flow of a movie", format!("{} numbers", flow.len()), want));
        }
        Ok(Self { luminance, flow })
    }

    /// Luminance, `[frames, columns]`.
    pub fn luminance(&self) -> &Movie {
        &self.luminance
    }

    /// Flow, `[frames, 2, columns]`: rightwards and upwards, in the data set's unit per frame.
    pub fn flow(&self) -> &[f32] {
        &self.flow
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.luminance.frames()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.luminance.columns()
    }
}

/// Sequences of frames with their flow, all of one eye and frame rate.
pub trait FlowData: Send + Sync {
    /// Number of sequences.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of columns of the eye.
    fn columns(&self) -> usize;

    /// Frames per second.
    fn frame_rate(&self) -> f64;

    /// Name of a sequence.
    ///
    /// # Panics
    /// If there is no such sequence.
    fn name(&self, sequence: usize) -> &str;

    /// A sequence.
    ///
    /// # Errors
    /// Those of the source, such as a file that cannot be read.
    ///
    /// # Panics
    /// If there is no such sequence.
    fn sample(&self, sequence: usize) -> Result<Cow<'_, FlowSample>, Error>;
}

/// Sequences in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowSet {
    columns: usize,
    frame_rate: f64,
    sequences: Vec<(String, FlowSample)>,
}

impl FlowSet {
    /// Of named sequences at a frame rate per second.
    ///
    /// # Errors
    /// [`Error::Setting`] for a frame rate that is not above 0 or no sequence, [`Error::Shape`] for sequences of different eyes.
    pub fn new(frame_rate: f64, sequences: Vec<(String, FlowSample)>) -> Result<Self, Error> {
        if !frame_rate.is_finite() || frame_rate <= 0.0 {
            return Err(Error::setting("frame rate", format!("{frame_rate}; it must be above 0")));
        }
        let Some((_, first)) = sequences.first() else {
            return Err(Error::setting("sequences", "none; at least one is needed"));
        };
        let columns = first.columns();
        if let Some((name, other)) = sequences.iter().find(|(_, s)| s.columns() != columns) {
            let got = format!("{} columns in {name}", other.columns());
            return Err(Error::shape("a set of sequences", got, format!("{columns} as in the first one")));
        }
        Ok(Self { columns, frame_rate, sequences })
    }
}

impl FlowData for FlowSet {
    fn len(&self) -> usize {
        self.sequences.len()
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn frame_rate(&self) -> f64 {
        self.frame_rate
    }

    fn name(&self, sequence: usize) -> &str {
        &self.sequences[sequence].0
    }

    fn sample(&self, sequence: usize) -> Result<Cow<'_, FlowSample>, Error> {
        Ok(Cow::Borrowed(&self.sequences[sequence].1))
    }
}

/// Which sequences train and which validate, both ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Numbers of the sequences that train.
    pub training: Vec<usize>,
    /// Numbers of the sequences that validate.
    pub validation: Vec<usize>,
}

impl Split {
    /// By whether the sequence of a number validates.
    pub fn by(sequences: usize, validates: impl Fn(usize) -> bool) -> Self {
        let (validation, training) = (0..sequences).partition(|&i| validates(i));
        Self { training, validation }
    }

    /// One of `folds` parts of shuffled sequences validates. The first parts have one sequence more where they cannot be equal.
    ///
    /// # Errors
    /// [`Error::Setting`] unless there are at least 2 folds, a sequence for each, and the fold is one of them.
    pub fn k_fold(sequences: usize, folds: usize, fold: usize, seed: u64) -> Result<Self, Error> {
        if folds < 2 || folds > sequences || fold >= folds {
            let what =
                format!("number {fold} of {folds} of {sequences} sequences; 2 to {sequences} folds, counted from 0");
            return Err(Error::setting("fold", what));
        }
        let mut order: Vec<usize> = (0..sequences).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for last in (1..sequences).rev() {
            order.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
        }
        let (size, more) = (sequences / folds, sequences % folds);
        let start = fold * size + fold.min(more);
        let chosen = &order[start..start + size + usize::from(fold < more)];
        Ok(Self::by(sequences, |i| chosen.contains(&i)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(frames: usize, columns: usize) -> FlowSample {
        let movie = Movie::new(columns, vec![0.5; frames * columns]).unwrap();
        FlowSample::new(movie, vec![0.0; 2 * frames * columns]).unwrap()
    }

    #[test]
    fn sequences_of_one_eye_make_a_set() {
        let set = FlowSet::new(24.0, vec![("a".into(), sample(3, 7)), ("b".into(), sample(5, 7))]).unwrap();
        assert_eq!((set.len(), set.columns(), set.name(1), set.sample(1).unwrap().frames()), (2, 7, "b", 5));
        assert!(FlowSet::new(24.0, vec![("a".into(), sample(3, 7)), ("b".into(), sample(5, 19))]).is_err());
        assert!(FlowSet::new(24.0, vec![]).is_err() && FlowSet::new(0.0, vec![("a".into(), sample(3, 7))]).is_err());
        assert!(FlowSample::new(Movie::new(7, vec![0.5; 14]).unwrap(), vec![0.0; 14]).is_err());
    }

    /// Every sequence validates in exactly one fold.
    #[test]
    fn folds_are_a_partition() {
        for (sequences, folds) in [(69, 4), (5, 5), (7, 2)] {
            let mut seen = vec![0; sequences];
            for fold in 0..folds {
                let split = Split::k_fold(sequences, folds, fold, 3).unwrap();
                assert_eq!(split.training.len() + split.validation.len(), sequences);
                assert!(split.validation.len().abs_diff(sequences / folds) <= 1);
                split.validation.iter().for_each(|&i| seen[i] += 1);
            }
            assert!(seen.iter().all(|&n| n == 1));
        }
        assert!(Split::k_fold(5, 6, 0, 0).is_err() && Split::k_fold(5, 2, 2, 0).is_err());
    }
}
