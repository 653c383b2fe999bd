//! Files of measured brain wiring to one typed connectome, and back.
