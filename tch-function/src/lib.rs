//! Differentiable operations written in Rust for tch tensors.
