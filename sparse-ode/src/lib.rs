#![doc = include_str!("../README.md")]

mod adjoint;
mod arrays;
mod columns;
mod control;
mod error;
mod field;
mod initial_step;
mod interpolation;
pub mod method;
mod model;
mod reversible;
mod solution;
mod solver;
mod stepper;
mod tensors;
mod times;
mod trajectory;

pub use adjoint::{Adjoint, Checkpointing, Cotangents, ErrorOf, Gradients, Recording};
pub use columns::LastStep;
pub use control::{Controller, Integral, Limits, Pid};
pub use error::{Error, SolveFailure};
pub use field::{At, Differentiable, Evaluated, FieldError, PerSample, PulledBack, VectorField, per_sample};
pub use method::Method;
pub use model::{
    Activation, Bias, Builder, ConnectomeClassifier, ConnectomeOdeClassifier, ConnectomeOdeRnn, ConnectomeRnn, Forward,
    FrameBoundaries, FromNetwork, HeldInput, HeldWork, Init, Layout, Mode, NeuronClass, NeuronTypes, Nonlinearity,
    OnFailure, PerNeuron, Prediction, Projection, ReadAt, Readout, Run, Sequence, SignRule, SparseLinear, SparseRnn,
    Steps, Tau, Training,
};
pub use solution::{Solution, Stats, Status};
pub use solver::{Compat, Solver, TimePrecision};
pub use stepper::Stepper;
pub use tch_sparse::Real;
pub use tensors::{Now, TensorSolution, TensorTimes};
pub use times::Times;
pub use trajectory::{Save, Trajectory};
