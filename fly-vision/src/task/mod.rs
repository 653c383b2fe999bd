//! The task that networks are trained on: optic flow.
