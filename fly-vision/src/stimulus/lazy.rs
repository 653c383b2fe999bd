//! Frames that are rendered when they are first wanted.

use std::sync::OnceLock;

use crate::Error;

/// Frames `[n, columns]` of several conditions, each rendered once.
#[derive(Debug)]
pub(super) struct LazyFrames {
    slots: Vec<OnceLock<Vec<f32>>>,
}

impl LazyFrames {
    pub(super) fn new(conditions: usize) -> Self {
        Self { slots: (0..conditions).map(|_| OnceLock::new()).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The frames of a condition. Two threads that want them at once may both render them, equally.
    pub(super) fn get(
        &self,
        condition: usize,
        render: impl FnOnce() -> Result<Vec<f32>, Error>,
    ) -> Result<&[f32], Error> {
        let slot = &self.slots[condition];
        if let Some(frames) = slot.get() {
            return Ok(frames);
        }
        let frames = render()?;
        Ok(slot.get_or_init(|| frames))
    }
}
