//! The network: parameters, engines, simulation.
