//! Runge-Kutta solvers with per-sample steps, and recurrent networks on a connectome.
