//! Sparse-dense products on tch tensors with values-only gradients.
