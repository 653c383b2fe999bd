//! Workflows on connectomes: figures and reports.
