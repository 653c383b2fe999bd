//! What a network is shown, from where it starts, and what is recorded.

use tch::{Kind, Tensor};

use super::model::Network;
use super::wiring::Wiring;
use crate::Error;

/// What a network is shown.
#[derive(Debug, Clone, Copy)]
pub enum Stimulus<'a> {
    /// Luminance of columns, `[batch, frames, columns]`: added to the input of all photoreceptors of a column.
    Columns(&'a Tensor),
    /// Input of each cell, `[batch, frames, cells]`.
    Cells(&'a Tensor),
    /// Darkness.
    Nothing {
        /// Samples.
        batch: usize,
        /// Frames.
        frames: usize,
    },
}

impl<'a> From<&'a Tensor> for Stimulus<'a> {
    fn from(movie: &'a Tensor) -> Self {
        Self::Columns(movie)
    }
}

/// The state that a network starts in.
#[derive(Debug, Clone, Copy, Default)]
pub enum Start<'a> {
    /// Each cell at its resting potential.
    #[default]
    Rest,
    /// Given, `[batch, cells]`, or `[1, cells]` for all samples.
    State(&'a Tensor),
}

/// Cells whose potentials are kept, frame by frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Record {
    /// The cell in the central column for each type.
    #[default]
    Central,
    /// All cells.
    All,
    /// Cells that are read out.
    Output,
    /// Cells of one type.
    Type(String),
    /// These.
    Cells(Vec<u32>),
    /// None; the last state is there all the same.
    Nothing,
}

impl Record {
    /// The cells, in the order in which they are recorded.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a type that is not there, [`Error::Setting`] for a cell that is not.
    pub fn cells(&self, wiring: &Wiring) -> Result<Vec<u32>, Error> {
        let n = wiring.n_cells() as u32;
        Ok(match self {
            Self::Central => wiring.central_cells(),
            Self::All => (0..n).collect(),
            Self::Output => wiring.outputs().to_vec(),
            Self::Type(name) => wiring.cells_of(name)?,
            Self::Cells(cells) => {
                if let Some(cell) = cells.iter().find(|cell| **cell >= n) {
                    return Err(Error::setting("recorded cells", format!("there is no cell {cell} of {n}")));
                }
                cells.clone()
            }
            Self::Nothing => Vec::new(),
        })
    }
}

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    pub(super) dt: f64,
    pub(super) start: Start<'a>,
    pub(super) record: Record,
    pub(super) also: Record,
}

impl<'a> Run<'a> {
    /// A frame lasts `dt` seconds, a step each. Default: from rest, recording central cells.
    pub fn new(dt: f64) -> Self {
        Self { dt, start: Start::Rest, record: Record::Central, also: Record::Nothing }
    }

    /// Starts in a state, `[batch, cells]` or `[1, cells]`.
    #[must_use]
    pub fn from(self, state: &'a Tensor) -> Self {
        Self { start: Start::State(state), ..self }
    }

    /// Starts there.
    #[must_use]
    pub fn start(self, start: Start<'a>) -> Self {
        Self { start, ..self }
    }

    /// Records these cells.
    #[must_use]
    pub fn record(self, record: Record) -> Self {
        Self { record, ..self }
    }

    /// Records these cells too, apart from the others.
    #[must_use]
    pub fn also(self, also: Record) -> Self {
        Self { also, ..self }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.dt.is_finite() && self.dt > 0.0 {
            Ok(())
        } else {
            Err(Error::setting("dt", format!("a frame of {} seconds; it must last some time", self.dt)))
        }
    }
}

/// What a network did.
#[derive(Debug)]
pub struct Response {
    /// Potentials of the recorded cells after each frame, `[batch, frames, recorded]`.
    pub activity: Tensor,
    /// The same of those of [`Run::also`].
    pub also: Tensor,
    /// All potentials after the last frame, `[batch, cells]`.
    pub last: Tensor,
}

/// A stimulus and a start whose shapes were checked.
pub(super) struct Checked {
    /// `[batch, frames, columns or cells]`, contiguous, of the network's kind and on its device.
    pub(super) shown: Option<Tensor>,
    pub(super) by_cell: bool,
    pub(super) start: Option<Tensor>,
    pub(super) batch: usize,
    pub(super) frames: usize,
}

impl Network {
    pub(super) fn checked(&self, stimulus: Stimulus<'_>, run: &Run<'_>) -> Result<Checked, Error> {
        run.check()?;
        let (columns, cells) = (self.wiring().n_columns() as i64, self.wiring().n_cells() as i64);
        let fits = |what: &'static str, t: &Tensor, last: i64, dims: usize, want: String| -> Result<(), Error> {
            let size = t.size();
            if size.len() == dims && size.last() == Some(&last) && matches!(t.kind(), Kind::Float | Kind::Double) {
                return Ok(());
            }
            Err(Error::shape(what, format!("{:?} {size:?}", t.kind()), want))
        };
        let (tensor, by_cell) = match stimulus {
            Stimulus::Columns(t) => {
                fits("the stimulus", t, columns, 3, format!("[batch, frames, {columns} columns] of floats"))?;
                (Some(t), false)
            }
            Stimulus::Cells(t) => {
                fits("the stimulus", t, cells, 3, format!("[batch, frames, {cells} cells] of floats"))?;
                (Some(t), true)
            }
            Stimulus::Nothing { .. } => (None, false),
        };
        let (batch, frames) = match (tensor, stimulus) {
            (Some(t), _) => (t.size()[0] as usize, t.size()[1] as usize),
            (None, Stimulus::Nothing { batch, frames }) => (batch, frames),
            _ => (0, 0),
        };
        let start = match run.start {
            Start::Rest => None,
            Start::State(t) => {
                fits("the start", t, cells, 2, format!("[{batch} or 1, {cells} cells] of floats"))?;
                if t.size()[0] != batch as i64 && t.size()[0] != 1 {
                    return Err(Error::shape(
                        "the start",
                        format!("{:?}", t.size()),
                        format!("[{batch} or 1, {cells}]"),
                    ));
                }
                Some(self.own(&t.f_expand([batch as i64, cells], false)?)?)
            }
        };
        Ok(Checked { shown: tensor.map(|t| self.own(t)).transpose()?, by_cell, start, batch, frames })
    }

    /// Of the network's kind, on its device, contiguous.
    fn own(&self, t: &Tensor) -> Result<Tensor, Error> {
        Ok(t.f_to_kind(self.kind())?.f_to_device(self.device())?.f_contiguous()?)
    }
}
