//! Tests across crates.

/// The example of the workspace's README, compiled and run.
#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
struct Readme;
