//! Batches of varied sequences, made ahead of their use.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use connectome_graph::hex::Lattice;
use rayon::prelude::*;
use tch::Tensor;
use tch_train::Batches;

use super::settings::TrainingSettings;
use crate::Error;
use crate::task::{AugmentationOptions, FlowData, FlowSample, ItemSeed};

/// Batches that are ready before they are asked for.
const AHEAD: usize = 2;

/// Sequences side by side.
#[derive(Debug)]
pub struct Items {
    /// Luminance, `[batch, frames, columns]`, Float.
    pub luminance: Tensor,
    /// Flow, `[batch, frames, 2, columns]`, Float.
    pub flow: Tensor,
}

/// Puts sequences of the same length side by side.
///
/// # Errors
/// [`Error::Shape`] for none, or for sequences that differ in length or eye.
pub fn batch(samples: &[FlowSample]) -> Result<Items, Error> {
    let Some(first) = samples.first() else {
        return Err(Error::shape("a batch", "no sequence", "at least one"));
    };
    let (frames, columns) = (first.frames(), first.columns());
    if let Some(other) = samples.iter().find(|s| (s.frames(), s.columns()) != (frames, columns)) {
        let got = format!("a sequence of {} frames of {} columns", other.frames(), other.columns());
        let want = format!("{frames} of {columns} as the first one; crop sequences, or take them one by one");
        return Err(Error::shape("a batch", got, want));
    }
    let luminance: Vec<f32> = samples.iter().flat_map(|s| s.luminance().luminance()).copied().collect();
    let flow: Vec<f32> = samples.iter().flat_map(FlowSample::flow).copied().collect();
    let [n, frames, columns] = [samples.len(), frames, columns].map(|n| n as i64);
    Ok(Items {
        luminance: Tensor::f_from_slice(&luminance)?.f_view([n, frames, columns])?,
        flow: Tensor::f_from_slice(&flow)?.f_view([n, frames, FlowSample::DIMENSIONS as i64, columns])?,
    })
}

/// Where batches come from.
#[derive(Clone, Copy)]
pub(super) struct Loader<'a> {
    pub(super) data: &'a dyn FlowData,
    /// Numbers of the sequences that train.
    pub(super) training: &'a [usize],
    pub(super) settings: &'a TrainingSettings,
    pub(super) lattice: Lattice,
}

impl Loader<'_> {
    /// The batch of a step in an epoch, whose variations follow from seed, epoch and sequence.
    pub(super) fn load(&self, step: u64, epoch: u64, items: &[i64]) -> Result<Items, Error> {
        let settings = self.settings;
        let augmentation = AugmentationOptions { dt: settings.dt_at(step), ..settings.augmentation.clone() };
        let vary = |&item: &i64| {
            let sample = self.data.sample(self.training[item as usize])?;
            let seed = ItemSeed { run: settings.seed, epoch, item: item as u64 };
            let variation = augmentation.draw(sample.frames(), seed)?;
            variation.apply(&sample, &self.lattice, self.data.frame_rate())
        };
        batch(&items.par_iter().map(vary).collect::<Result<Vec<_>, Error>>()?)
    }
}

/// Batches from a thread that makes them while others are computed with.
pub(super) struct Ahead(Receiver<Result<Loaded, Error>>);

struct Loaded {
    step: u64,
    items: Items,
}

impl Ahead {
    /// Starts to load the batches from `first` on until `steps`, in the order of `batches`.
    pub(super) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        loader: Loader<'env>,
        mut batches: Batches,
        first: u64,
        steps: u64,
    ) -> Result<Self, Error> {
        let mut cursor = batches.cursor();
        (cursor.epoch, cursor.batch) = (first / batches.per_epoch(), first % batches.per_epoch());
        batches.set_cursor(&cursor)?;
        let (to, from): (SyncSender<Result<Loaded, Error>>, _) = sync_channel(AHEAD);
        scope.spawn(move || {
            for step in first..steps {
                let epoch = batches.epoch();
                let loaded = loader.load(step, epoch, &batches.next_batch()).map(|items| Loaded { step, items });
                let failed = loaded.is_err();
                // the other side stops when it is done, or has failed
                if to.send(loaded).is_err() || failed {
                    return;
                }
            }
        });
        Ok(Self(from))
    }

    /// The batch of a step; steps must be asked for one after the other.
    pub(super) fn next(&self, step: u64) -> Result<Items, Error> {
        let ended =
            || Error::setting("loader", format!("it has no batch for step {step}; steps must follow each other"));
        let loaded = self.0.recv().map_err(|_| ended())??;
        if loaded.step == step { Ok(loaded.items) } else { Err(ended()) }
    }
}
