//! Which samples come in which batch.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Order of the samples of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// 0, 1, 2, ... in each epoch.
    Sequential,
    /// Each epoch in an order of its own, drawn from this seed and the number of the epoch.
    Shuffled(u64),
}

/// What is done with a last batch that is not full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastBatch {
    /// It comes as it is. The default.
    #[default]
    Keep,
    /// It is left out; with shuffling, other samples in each epoch.
    Drop,
}

/// Batches of sample numbers, epoch after epoch without end.
///
/// The order of an epoch depends on seed and epoch alone, so that two numbers say where it stands: [`Cursor`].
///
/// # Example
/// ```
/// use tch_train::Batches;
///
/// let mut batches = Batches::shuffled(10, 4, 7)?;
/// let first = batches.next_batch();
/// assert_eq!((first.len(), batches.per_epoch()), (4, 3));
/// let cursor = batches.cursor();
/// let (second, third) = (batches.next_batch(), batches.next_batch());
/// assert_eq!((third.len(), batches.epoch()), (2, 1));
/// batches.set_cursor(&cursor)?;
/// assert_eq!(batches.next_batch(), second);
/// # Ok::<(), tch_train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batches {
    plan: Plan,
    epoch: u64,
    /// Batches of this epoch that were given out.
    batch: u64,
    /// The samples of this epoch, for this part.
    samples: Vec<i64>,
}

/// Settings that decide what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    samples: u64,
    batch_size: u64,
    order: Order,
    last_batch: LastBatch,
    part: u64,
    parts: u64,
}

/// Where [`Batches`] stand, with the settings for which that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Epochs that are done.
    pub epoch: u64,
    /// Batches of the present epoch that are done.
    pub batch: u64,
    #[serde(flatten)]
    plan: Plan,
}

impl Batches {
    /// Batches of `batch_size` of `samples` samples, shuffled in each epoch.
    ///
    /// # Errors
    /// [`Error::Setting`] where either is zero.
    pub fn shuffled(samples: usize, batch_size: usize, seed: u64) -> Result<Self, Error> {
        Self::new(samples, batch_size, Order::Shuffled(seed))
    }

    /// Batches of `batch_size` of `samples` samples in their order. Where there are no data, `sequential(1, 1)`: each step is an epoch.
    ///
    /// # Errors
    /// [`Error::Setting`] where either is zero.
    pub fn sequential(samples: usize, batch_size: usize) -> Result<Self, Error> {
        Self::new(samples, batch_size, Order::Sequential)
    }

    fn new(samples: usize, batch_size: usize, order: Order) -> Result<Self, Error> {
        let (samples, batch_size) = (samples as u64, batch_size as u64);
        Self::of(Plan { samples, batch_size, order, last_batch: LastBatch::Keep, part: 0, parts: 1 })
    }

    /// What is done with a last batch that is not full. Default: it is kept.
    ///
    /// # Errors
    /// [`Error::Setting`] where no batch would be left.
    pub fn last_batch(self, last_batch: LastBatch) -> Result<Self, Error> {
        Self::of(Plan { last_batch, ..self.plan })
    }

    /// Only every `parts`-th sample of each epoch's order, from the `part`-th on: the share of one of several processes that train one
    /// model. All parts have the same number of samples; up to `parts - 1` samples of an epoch are in none.
    ///
    /// # Errors
    /// [`Error::Setting`] where `part` is not below `parts`, or no batch would be left.
    pub fn shard(self, part: usize, parts: usize) -> Result<Self, Error> {
        Self::of(Plan { part: part as u64, parts: parts as u64, ..self.plan })
    }

    fn of(plan: Plan) -> Result<Self, Error> {
        let refuse = |what: String| Err(Error::Setting { option: "batches", what });
        if plan.part >= plan.parts {
            return refuse(format!("part {} of {}; parts are counted from 0", plan.part, plan.parts));
        }
        if plan.samples == 0 || plan.batch_size == 0 || plan.batches() == 0 {
            let Plan { samples, batch_size, parts, .. } = plan;
            return refuse(format!("{samples} samples in {parts} parts give no batch of {batch_size}"));
        }
        let mut batches = Self { plan, epoch: 0, batch: 0, samples: Vec::new() };
        batches.samples = plan.epoch(0);
        Ok(batches)
    }

    /// The next batch: numbers of samples, `[batch]`.
    pub fn next_batch(&mut self) -> Vec<i64> {
        let size = self.plan.batch_size as usize;
        let start = self.batch as usize * size;
        let batch = self.samples[start..self.samples.len().min(start + size)].to_vec();
        self.batch += 1;
        if self.batch == self.plan.batches() {
            (self.epoch, self.batch) = (self.epoch + 1, 0);
            self.samples = self.plan.epoch(self.epoch);
        }
        batch
    }

    /// Batches in an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.plan.batches()
    }

    /// Number of the epoch that the next batch belongs to, from 0.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Where it stands.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, batch: self.batch, plan: self.plan }
    }

    /// Goes to where another one stood.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where settings differ.
    pub fn set_cursor(&mut self, cursor: &Cursor) -> Result<(), Error> {
        self.check(cursor)?;
        (self.epoch, self.batch) = (cursor.epoch, cursor.batch);
        self.samples = self.plan.epoch(self.epoch);
        Ok(())
    }

    pub(crate) fn check(&self, cursor: &Cursor) -> Result<(), Error> {
        let mut differences = Vec::new();
        if cursor.plan != self.plan {
            differences.push(format!("{:?} saved, {:?} here", cursor.plan, self.plan));
        } else if cursor.batch >= self.plan.batches() {
            differences.push(format!("batch {} of an epoch of {}", cursor.batch, self.plan.batches()));
        }
        Error::unless_empty("the order of the data", differences)
    }
}

impl Plan {
    /// Samples in each part.
    fn share(&self) -> u64 {
        self.samples / self.parts
    }

    fn batches(&self) -> u64 {
        match self.last_batch {
            LastBatch::Keep => self.share().div_ceil(self.batch_size),
            LastBatch::Drop => self.share() / self.batch_size,
        }
    }

    /// The samples of an epoch.
    fn epoch(&self, epoch: u64) -> Vec<i64> {
        let mut all: Vec<i64> = (0..self.samples as i64).collect();
        if let Order::Shuffled(seed) = self.order {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(epoch);
            // Fisher and Yates; Knuth, The Art of Computer Programming 2, 3.4.2, algorithm P.
            for i in (1..all.len()).rev() {
                all.swap(i, below(&mut rng, i as u64 + 1) as usize);
            }
        }
        all.into_iter().skip(self.part as usize).step_by(self.parts as usize).take(self.share() as usize).collect()
    }
}

/// Uniform below `n`. Source: Lemire, arXiv:1805.10941, algorithm 5.
fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(n);
        if product as u64 >= n.wrapping_neg() % n {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn epoch(batches: &mut Batches) -> Vec<i64> {
        (0..batches.per_epoch()).flat_map(|_| batches.next_batch()).collect()
    }

    proptest! {
        /// The parts of an epoch are disjoint, of one size, and together all samples but fewer than there are parts.
        #[test]
        fn parts_share_an_epoch(samples in 1..200usize, size in 1..20usize, parts in 1..5usize, seed: u64) {
            prop_assume!(samples >= parts);
            let shares: Vec<Vec<i64>> = (0..parts)
                .map(|part| epoch(&mut Batches::shuffled(samples, size, seed).unwrap().shard(part, parts).unwrap()))
                .collect();
            prop_assert!(shares.iter().all(|share| share.len() == samples / parts));
            let mut all = shares.concat();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), samples / parts * parts);
            prop_assert!(all.iter().all(|&i| (i as usize) < samples));
        }

        /// From any place, a cursor that went through JSON goes on as the original.
        #[test]
        fn a_cursor_restores_the_place(samples in 1..60usize, size in 1..20usize, seed: u64, before in 0..50usize, drop: bool) {
            let last = if drop { LastBatch::Drop } else { LastBatch::Keep };
            prop_assume!(!drop || samples >= size);
            let new = || Batches::shuffled(samples, size, seed).unwrap().last_batch(last).unwrap();
            let mut batches = new();
            for _ in 0..before {
                let batch = batches.next_batch();
                prop_assert!(batch.len() == size || (!drop && batch.len() == samples % size));
            }
            let cursor: Cursor = serde_json::from_str(&serde_json::to_string(&batches.cursor()).unwrap()).unwrap();
            let mut other = new();
            other.set_cursor(&cursor).unwrap();
            for _ in 0..10 {
                prop_assert_eq!(batches.next_batch(), other.next_batch());
            }
        }
    }

    #[test]
    fn orders_are_what_they_always_were() {
        let mut batches = Batches::shuffled(10, 10, 7).unwrap();
        let epochs = [batches.next_batch(), batches.next_batch()];
        assert_eq!(epochs, [[4, 6, 2, 0, 8, 3, 7, 5, 9, 1], [7, 1, 6, 4, 2, 8, 3, 5, 0, 9]]);
        assert_eq!(Batches::sequential(5, 3).unwrap().next_batch(), [0, 1, 2]);
    }

    #[test]
    fn each_place_is_as_likely_as_another() {
        let mut counts = [[0i32; 5]; 5];
        for seed in 0..5000 {
            for (place, &sample) in Batches::shuffled(5, 5, seed).unwrap().next_batch().iter().enumerate() {
                counts[place][sample as usize] += 1;
            }
        }
        // 1000 expected, standard deviation 28
        assert!(counts.iter().flatten().all(|&n| (n - 1000).abs() < 130), "{counts:?}");
    }

    #[test]
    fn what_gives_no_batches_is_refused() {
        assert!(Batches::sequential(0, 3).is_err() && Batches::sequential(3, 0).is_err());
        assert!(Batches::sequential(3, 4).unwrap().last_batch(LastBatch::Drop).is_err());
        assert!(Batches::sequential(3, 1).unwrap().shard(4, 4).is_err());
        let text = Batches::sequential(3, 1).unwrap().shard(0, 4).unwrap_err().to_string();
        assert_eq!(text, "batches: 3 samples in 4 parts give no batch of 1");
        let other = Batches::shuffled(3, 1, 2).unwrap().cursor();
        let text = Batches::shuffled(3, 1, 3).unwrap().set_cursor(&other).unwrap_err().to_string();
        assert!(text.contains("Shuffled(2)") && text.contains("Shuffled(3)"), "{text}");
    }
}
