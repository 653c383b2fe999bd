//! Measures of responses: what cells are tuned to.
