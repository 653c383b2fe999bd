//! Numbered examples.
