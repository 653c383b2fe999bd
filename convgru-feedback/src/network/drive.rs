//! What stimuli give to their areas: it depends on no state, so that it is computed for many frames at once.

use tch::Tensor;

use super::Area;
use crate::Error;
use crate::layout::from_pixels;
use crate::projection::Afferents;

/// Numbers that the frames of a stretch may take, where it has more than one frame.
const STRETCH: i64 = 1 << 22;

/// A stimulus, `[batch, time, channels, height, width]`, on its way to an area.
///
/// Frames are projected by stretches that depend on the stimulus alone: what is read of them, and how far a run goes, changes no number.
pub(super) struct Drive<'a> {
    stimulus: &'a Tensor,
    to: &'a Afferents,
    /// Which of the first frames are read. The others count as zero: what is in them, be it NaN, is not to reach a gradient.
    is_read: Vec<bool>,
    /// Frames of a stretch.
    stretch: i64,
    /// The first frame of the stretch that is at hand, and the shares of its frames.
    first: i64,
    shares: Vec<Tensor>,
}

impl<'a> Drive<'a> {
    /// `is_read` tells which of the first frames are, and that later ones are not.
    pub(super) fn new(stimulus: &'a Tensor, area: &'a Area, is_read: Vec<bool>) -> Result<Self, Error> {
        let Some(to) = &area.bottom_up else { unreachable!("input areas are reached by their stimulus") };
        let (batch, _, [channels, h, w]) = shape(stimulus)?;
        let numbers = to.width_of_first().max(channels.saturating_mul(h).saturating_mul(w)).saturating_mul(batch);
        let stretch = (STRETCH / numbers.max(1)).max(1);
        Ok(Self { stimulus, to, is_read, stretch, first: 0, shares: Vec::new() })
    }

    /// The share of a frame, `[batch, channels, height, width]`, in what the area gets.
    pub(super) fn share(&mut self, time: u32) -> Result<Tensor, Error> {
        let time = i64::from(time);
        let first = time / self.stretch * self.stretch;
        if self.shares.is_empty() || first != self.first {
            (self.first, self.shares) = (first, self.project(first)?);
        }
        Ok(self.shares[(time - first) as usize].shallow_clone())
    }

    fn project(&self, first: i64) -> Result<Vec<Tensor>, Error> {
        let (batch, frames, [channels, h, w]) = shape(self.stimulus)?;
        let n = self.stretch.min(frames - first);
        let mut film = self.stimulus.f_narrow(1, first, n)?;
        let is_read = |frame: &i64| self.is_read.get((first + frame) as usize) == Some(&true);
        let unread: Vec<i64> = (0..n).filter(|frame| !is_read(frame)).collect();
        if !unread.is_empty() {
            film = film.f_index_fill(1, &Tensor::f_from_slice(&unread)?.f_to_device(film.device())?, 0.0)?;
        }
        // frame by frame, channels innermost
        let pixels = film.f_permute([1, 0, 3, 4, 2])?.f_contiguous()?.f_view([-1, h, w, channels])?;
        let shares = self.to.share_of_first(&from_pixels(&pixels)?)?;
        // one operation for all, whose gradient is one too
        Ok(shares.f_split(batch, 0)?)
    }
}

/// Samples, frames, and the shape of a frame.
fn shape(stimulus: &Tensor) -> Result<(i64, i64, [i64; 3]), Error> {
    let (batch, frames, channels, h, w) = stimulus.size5()?;
    Ok((batch, frames, [channels, h, w]))
}
