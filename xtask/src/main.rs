//! Set-up, demo, tests and races of this workspace.
fn main() {}
