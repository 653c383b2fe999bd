//! libtorch: which one is used, and how it gets here.

mod chosen;
mod fetch;
mod install;
mod pip;
mod unpack;
mod version;
mod wheels;

pub(crate) use chosen::{Chosen, Libtorch, choose};
pub(crate) use install::{Place, Request};
pub(crate) use wheels::Layout;
