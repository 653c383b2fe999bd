//! Running a network.

use tch::Tensor;

use super::drive::Drive;
use super::plan::{Frame, Plan, Update, Written};
use super::{AreaNetwork, TopDown};
use crate::Error;
use crate::dropout::dropout;
use crate::layout::channels_last;
use crate::projection::Part;

/// Whether a network is trained or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Dropout is off. The default.
    #[default]
    Evaluate,
    /// Dropout is on, drawn from libtorch's generator.
    Train,
}

/// What a run keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The states of the output areas at the end; what they do not depend on is not computed. The default.
    #[default]
    Outputs,
    /// The states of the output areas at the end; every update is made, for [`AreaNetwork::forward_watched`].
    Updates,
    /// The states of all areas at the end (`return_all`).
    States,
    /// The states of all areas after each step.
    Trace,
}

/// How a network is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forward {
    mode: Mode,
    keep: Keep,
    steps: Option<u32>,
}

impl Forward {
    /// For use, to the default number of steps, keeping the outputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// For training or for use.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What is kept.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Number of steps (`process_time`), up to 100,000. Default: frames of the longest stimulus + areas - 1. With 0 all states are zero.
    #[must_use]
    pub fn steps(mut self, steps: u32) -> Self {
        self.steps = Some(steps);
        self
    }
}

/// Steps of a run at most: each is an update of every active area.
const MOST_STEPS: u32 = 100_000;

/// What a run gives. States are `[batch, hidden, height, width]`; those of areas that were never updated are zero.
#[derive(Debug)]
pub struct Response {
    /// The state of each output area at the end, in their order.
    pub outputs: Vec<Tensor>,
    /// The state of each area at the end, with [`Keep::States`] and [`Keep::Trace`].
    pub states: Vec<Tensor>,
    /// The states after each step, `[step][area]`, with [`Keep::Trace`]. With [`Schedule::PingPong`](super::Schedule::PingPong) those of
    /// the set that the step wrote to.
    pub trace: Vec<Vec<Tensor>>,
}

/// An update that was just made, for those who watch.
#[derive(Debug)]
pub struct Updated<'a> {
    /// The step, from 0.
    pub step: u32,
    /// The area.
    pub area: usize,
    /// What it got from below, `[batch or 1, input, height, width]`.
    pub bottom_up: &'a Tensor,
    /// What it got from above, `[batch or 1, basal + apical + (input + hidden + apical), height, width]`, if there is feedback.
    pub top_down: Option<&'a Tensor>,
    /// The new state, `[batch, hidden, height, width]`.
    pub state: &'a Tensor,
}

impl AreaNetwork {
    /// Runs the network on one stimulus per input area, `[batch, time, channels, height, width]` each, in the order of the graph's input
    /// areas. Lengths may differ: a stimulus that has ended counts as zero.
    ///
    /// # Errors
    /// [`Error::Input`] for another number of stimuli, or stimuli of other shapes, kinds or devices than the network's; [`Error::Torch`]
    /// where libtorch refuses.
    pub fn forward(&self, stimuli: &[&Tensor], how: &Forward) -> Result<Response, Error> {
        self.forward_watched(stimuli, how, |_| {})
    }

    /// [`AreaNetwork::forward`], with a look at each update that is made.
    ///
    /// # Errors
    /// As [`AreaNetwork::forward`].
    pub fn forward_watched(
        &self,
        stimuli: &[&Tensor],
        how: &Forward,
        mut watch: impl FnMut(Updated<'_>),
    ) -> Result<Response, Error> {
        let (batch, lengths) = self.check(stimuli)?;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let steps = how.steps.unwrap_or(longest.saturating_add(self.areas.len() as u32 - 1));
        let plan = self.plan(&lengths, steps)?;
        let last = plan.last();
        let outputs: Vec<Written> = self.graph.outputs().iter().map(|&area| last[area]).collect();
        let wanted = match how.keep {
            Keep::Outputs | Keep::Updates => outputs,
            Keep::States => last.clone(),
            Keep::Trace => plan.after.iter().flatten().chain(&last).copied().collect(),
        };
        let needed = match how.keep {
            Keep::Updates => vec![true; plan.updates.len()],
            _ => plan.needed(wanted.iter().copied()),
        };
        // How often each state is still to be read; what is kept is read once more.
        let mut readers = vec![0u32; plan.updates.len()];
        let reads =
            plan.updates.iter().zip(&needed).filter(|(_, needed)| **needed).flat_map(|(update, _)| update.reads());
        for read in reads.chain(wanted.iter().flatten().copied()) {
            readers[read as usize] += 1;
        }

        let mut is_read: Vec<Vec<bool>> =
            lengths.iter().map(|&length| vec![false; length.min(steps) as usize]).collect();
        for (update, _) in plan.updates.iter().zip(&needed).filter(|(_, needed)| **needed) {
            if let Some(Frame::Of { input, time }) = update.frame {
                is_read[input as usize][time as usize] = true;
            }
        }
        let mut drives = Vec::with_capacity(stimuli.len());
        for ((stimulus, &area), is_read) in stimuli.iter().zip(self.graph.inputs()).zip(is_read) {
            drives.push(Drive::new(stimulus, &self.areas[area], is_read)?);
        }
        let mut states: Vec<Option<Tensor>> = plan.updates.iter().map(|_| None).collect();
        for (i, update) in plan.updates.iter().enumerate().filter(|(i, _)| needed[*i]) {
            let state = self.update(update, &mut drives, batch, &states, how.mode, &mut watch)?;
            if readers[i] > 0 {
                states[i] = Some(state);
            }
            for read in update.reads() {
                readers[read as usize] -= 1;
                if readers[read as usize] == 0 {
                    states[read as usize] = None;
                }
            }
        }
        let of = |area: usize, written: Written| match written.and_then(|i| states[i as usize].as_ref()) {
            Some(state) => Ok(state.shallow_clone()),
            None => {
                let [c, h, w] = self.areas[area].shape;
                Tensor::f_zeros([batch, c, h, w], self.options).map_err(Error::from)
            }
        };
        let all = |set: &Vec<Written>| set.iter().enumerate().map(|(area, &w)| of(area, w)).collect::<Result<_, _>>();
        Ok(Response {
            outputs: self.graph.outputs().iter().map(|&area| of(area, last[area])).collect::<Result<_, _>>()?,
            states: if matches!(how.keep, Keep::States | Keep::Trace) { all(&last)? } else { Vec::new() },
            trace: if how.keep == Keep::Trace {
                plan.after.iter().map(all).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            },
        })
    }

    /// Whether the state that a run ends with is that of an update, for each output area: without one it is zero, and nothing can be
    /// learned. So it is after fewer steps than lead to the area, and with [`Schedule::PingPong`](super::Schedule::PingPong) where the
    /// area was only updated in steps that wrote to the other set of states.
    ///
    /// `frames`: length of each stimulus, in the order of the input areas.
    ///
    /// # Errors
    /// [`Error::Input`] for another number of lengths, [`Error::Option`] for too many steps.
    pub fn updates_outputs(&self, frames: &[u32], steps: u32) -> Result<Vec<bool>, Error> {
        if frames.len() != self.stimuli.len() {
            let want = format!("one per input area: {}", self.stimuli.len());
            return Err(Error::Input {
                what: "the list of lengths".into(),
                got: format!("{} long", frames.len()),
                want,
            });
        }
        let last = self.plan(frames, steps)?.last();
        Ok(self.graph.outputs().iter().map(|&area| last[area].is_some()).collect())
    }

    fn plan(&self, frames: &[u32], steps: u32) -> Result<Plan, Error> {
        if steps > MOST_STEPS {
            let what = format!("{steps}; at most {MOST_STEPS} are run at once");
            return Err(Error::Option { option: "steps", what });
        }
        Ok(Plan::new(&self.graph, self.schedule, frames, steps, self.top_down == TopDown::On))
    }

    fn update(
        &self,
        update: &Update,
        drives: &mut [Drive<'_>],
        batch: i64,
        states: &[Option<Tensor>],
        mode: Mode,
        watch: &mut impl FnMut(Updated<'_>),
    ) -> Result<Tensor, Error> {
        let area = &self.areas[update.area as usize];
        let state = |written: &Written| written.and_then(|i| states[i as usize].as_ref());
        let Some(afferents) = &area.bottom_up else {
            unreachable!("areas that nothing reaches are not updated");
        };
        let sources = update.sources.iter().map(state);
        let bottom_up = match update.frame {
            Some(Frame::Of { input, time }) => {
                afferents.forward_after(&drives[input as usize].share(time)?, &sources.collect::<Vec<_>>())?
            }
            Some(Frame::Ended) => afferents.forward(&std::iter::once(None).chain(sources).collect::<Vec<_>>())?,
            None => afferents.forward(&sources.collect::<Vec<_>>())?,
        };
        let top_down = match (&area.top_down, &update.feedback) {
            (Some(afferents), Some(feedback)) => {
                Some(afferents.forward(&feedback.iter().map(state).collect::<Vec<_>>())?)
            }
            _ => None,
        };
        let x = spread(&bottom_up, batch)?;
        let feedback = top_down.as_ref().map(|part| spread(part, batch)).transpose()?;
        let mut new = area.cell.step(&x, state(&update.own), feedback.as_ref())?;
        if let Some([weight, bias]) = &area.norm {
            new = channels_last(&new.f_layer_norm(area.shape, Some(weight), Some(bias), 1e-5, false)?)?;
        }
        if mode == Mode::Train && self.dropout > 0.0 {
            new = dropout(&new, self.dropout, area.cell.arithmetic())?;
        }
        watch(Updated {
            step: update.step,
            area: update.area as usize,
            bottom_up: bottom_up.tensor(),
            top_down: top_down.as_ref().map(Part::tensor),
            state: &new,
        });
        Ok(new)
    }

    /// The number of samples, and of frames of each stimulus.
    fn check(&self, stimuli: &[&Tensor]) -> Result<(i64, Vec<u32>), Error> {
        if stimuli.len() != self.stimuli.len() {
            return Err(Error::Input {
                what: "the list of stimuli".into(),
                got: format!("{} long", stimuli.len()),
                want: format!("one per input area: {}", self.stimuli.len()),
            });
        }
        let batch = stimuli.first().and_then(|s| s.size().first().copied()).unwrap_or(0);
        let mut lengths = Vec::with_capacity(stimuli.len());
        for (i, (stimulus, [channels, h, w])) in stimuli.iter().zip(&self.stimuli).enumerate() {
            let size = stimulus.size();
            let fits = size.len() == 5 && size[0] == batch && size[2..] == [*channels, *h, *w];
            if !fits || batch < 1 || (stimulus.kind(), stimulus.device()) != self.options {
                let (kind, device) = self.options;
                let batch = if i == 0 { "batch from 1".to_owned() } else { batch.to_string() };
                return Err(Error::Input {
                    what: format!("stimulus {i}, of {}", self.graph.names()[self.graph.inputs()[i]]),
                    got: format!("{size:?} of {:?} on {:?}", stimulus.kind(), stimulus.device()),
                    want: format!("[{batch}, time, {channels}, {h}, {w}] of {kind:?} on {device:?}"),
                });
            }
            lengths.push(u32::try_from(size[1]).unwrap_or(u32::MAX));
        }
        Ok((batch, lengths))
    }
}

/// One image per sample.
fn spread(part: &Part, batch: i64) -> Result<Tensor, Error> {
    match part {
        Part::Varying(t) => Ok(t.shallow_clone()),
        Part::Constant(t) => {
            let mut size = t.size();
            size[0] = batch;
            Ok(t.f_expand(size, false)?)
        }
    }
}
