//! Networks of areas: laws that hold whatever the graph, and what is refused.

mod gradients;
mod laws;
mod refusals;
mod setting;
mod state_dict;
mod stimuli;
