//! Topology of connectomes and the hexagonal lattice of the fly visual system.
