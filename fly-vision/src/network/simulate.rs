//! Simulation: warm-up in grey, fading in, responses to movies.

use tch::Tensor;

use super::model::Network;
use super::run::{Record, Response, Run, Start, Stimulus};
use crate::Error;
use crate::stimulus::frames_in;

/// How a network is brought to rest before a stimulus.
#[derive(Debug, Clone, Copy)]
pub struct Grey<'a> {
    /// Luminance. Default: 0.5.
    pub luminance: f64,
    /// Where it starts. Default: at the resting potentials.
    pub start: Start<'a>,
}

impl Default for Grey<'_> {
    fn default() -> Self {
        Self { luminance: 0.5, start: Start::Rest }
    }
}

/// Frames of `dt` in a time, of which a day is enough.
fn frames_of(time: f64, dt: f64) -> Result<i64, Error> {
    const MOST: f64 = (1 << 24) as f64;
    if time / dt <= MOST {
        return Ok(frames_in(time, dt) as i64);
    }
    Err(Error::setting(
        "time before a stimulus",
        format!("{time} s in frames of {dt} s; at most {MOST} frames are shown"),
    ))
}

impl Network {
    /// Shows grey for `t_pre` seconds in frames of `dt`, and returns the last state, `[batch, cells]`. No graph is recorded.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn steady_state(&self, t_pre: f64, dt: f64, batch: usize, grey: Grey<'_>) -> Result<Tensor, Error> {
        self.clamp()?;
        tch::no_grad(|| {
            let cells = self.wiring.n_cells() as i64;
            // samples that start alike stay alike
            let (alone, rows) = match grey.start {
                Start::State(state) if state.size().first() != Some(&1) => (false, batch),
                _ => (true, 1),
            };
            let run = Run::new(dt).start(grey.start).record(Record::Nothing);
            run.check()?;
            let shape = [rows as i64, frames_of(t_pre, dt)?, self.wiring.n_columns() as i64];
            let movie =
                Tensor::f_full([1, 1, 1], grey.luminance, (self.kind(), self.device()))?.f_expand(shape, false)?;
            let last = self.run(Stimulus::Columns(&movie), &run)?.last;
            Ok(if alone { last.f_expand([batch as i64, cells], false)?.f_contiguous()? } else { last })
        })
    }

    /// Fades from grey to the first frame (`[batch, columns]`) within `t` seconds, and returns the last state, `[batch, cells]`. No graph
    /// is recorded.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn fade_in(&self, t: f64, dt: f64, frame: &Tensor, start: Start<'_>) -> Result<Tensor, Error> {
        self.clamp()?;
        tch::no_grad(|| {
            let run = Run::new(dt).start(start).record(Record::Nothing);
            run.check()?;
            let n = frames_of(t, dt)?;
            let ramp = Tensor::f_linspace(0.0, 1.0, n, (self.kind(), self.device()))?.f_view([1, n, 1])?;
            let frame = frame.f_to_kind(self.kind())?.f_to_device(self.device())?;
            let movie = ramp.f_mul(&frame.f_unsqueeze(1)?.f_sub_scalar(0.5)?)?.f_add_scalar(0.5)?;
            Ok(self.run(Stimulus::Columns(&movie), &run)?.last)
        })
    }

    /// Runs through a stimulus without recording a graph and without touching parameters.
    ///
    /// Frames of more than 1/50 s are warned of: the fastest cells then follow their input within one.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn simulate<'a>(&self, stimulus: impl Into<Stimulus<'a>>, run: &Run<'_>) -> Result<Response, Error> {
        if run.dt > 1.0 / 50.0 {
            tracing::warn!("frames of {} s are longer than 1/50 s: fast cells are not resolved", run.dt);
        }
        tch::no_grad(|| self.run(stimulus.into(), run))
    }
}
