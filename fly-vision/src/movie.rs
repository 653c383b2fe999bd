//! What the eye sees over time.

use tch::{Kind, Tensor};

use crate::Error;

/// Luminance at each column of the eye, frame by frame: `[frames, columns]`, in lattice order, 0 dark and 1 bright.
#[derive(Debug, Clone, PartialEq)]
pub struct Movie {
    columns: usize,
    luminance: Vec<f32>,
}

impl Movie {
    /// Of numbers `[frames, columns]`, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] if they are not whole frames.
    pub fn new(columns: usize, luminance: Vec<f32>) -> Result<Self, Error> {
        if columns == 0 || !luminance.len().is_multiple_of(columns) {
            return Err(Error::shape(
                "a movie",
                format!("{} numbers", luminance.len()),
                format!("whole frames of {columns} columns"),
            ));
        }
        Ok(Self { columns, luminance })
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.luminance.len() / self.columns
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All luminance, `[frames, columns]`.
    pub fn luminance(&self) -> &[f32] {
        &self.luminance
    }

    /// A frame, `[columns]`.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn frame(&self, frame: usize) -> &[f32] {
        &self.luminance[frame * self.columns..][..self.columns]
    }

    /// Luminance of a column over time.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn trace(&self, column: usize) -> impl Iterator<Item = f32> + '_ {
        assert!(column < self.columns, "column {column} of {}", self.columns);
        self.luminance[column..].iter().step_by(self.columns).copied()
    }

    /// As a tensor `[frames, columns]` of a kind, on the CPU.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no room.
    pub fn to_tensor(&self, kind: Kind) -> Result<Tensor, Error> {
        let shape = [self.frames() as i64, self.columns as i64];
        Ok(Tensor::from_slice(&self.luminance).f_view(shape)?.f_to_kind(kind)?)
    }
}
