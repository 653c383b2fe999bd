//! The recurrent cell of an area, and its relatives.

mod basal_top_down;
mod core;
mod explicit;
mod fused;
mod top_down;

pub use basal_top_down::ConvGruCell;
pub use explicit::{ExplicitTopDown, ExplicitTopDownOptions, TopDownSource};
pub use top_down::{TopDownCell, TopDownKind};

/// With what the elementwise half of a cell's step is computed. Both give the same numbers up to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// One pass per half of a step, forward and backward, with kernels of this crate; elsewhere than on the CPU as
    /// [`Arithmetic::Recorded`]. Gradients of gradients are refused. The default.
    #[default]
    Fused,
    /// libtorch's operations one by one, whose gradients have gradients.
    Recorded,
}
