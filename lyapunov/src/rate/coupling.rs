//! The matrix J that neurons act on each other by.

use crate::Error;
use std::sync::OnceLock;
use tch_sparse::dense::{Columns, Rows, product};
use tch_sparse::kernel::Into;
use tch_sparse::parallel::{product_all, transpose_values};
use tch_sparse::{Aligned, Real, SparsityPattern};

/// Effects `[post, pre]` of neurons on each other.
#[derive(Debug)]
pub struct Coupling<T>(pub(super) Kind<T>);

#[derive(Debug)]
pub(super) enum Kind<T> {
    Dense { n: usize, values: Vec<T>, rows: Rows<T>, transposed: OnceLock<Rows<T>> },
    Sparse { pattern: SparsityPattern, values: Vec<T>, transposed: OnceLock<Vec<T>> },
}

impl<T: Real> Coupling<T> {
    /// All pairs: `[n, n]`, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] when the length is not `n n`, [`Error::Setting`] for numbers that are not finite.
    pub fn dense(n: usize, values: Vec<T>) -> Result<Self, Error> {
        if n.checked_mul(n) != Some(values.len()) {
            let (got, want) = (format!("{} numbers", values.len()), format!("[{n}, {n}]"));
            return Err(Error::Shape { what: "the coupling", got, want });
        }
        check_finite(&values)?;
        let rows = Rows::new(n, n, &values);
        Ok(Self(Kind::Dense { n, values, rows, transposed: OnceLock::new() }))
    }

    /// The pairs of a pattern `[n, n]`: one number per entry, in row order.
    ///
    /// # Errors
    /// [`Error::Shape`] when the pattern is not square or values are not as many as its entries, [`Error::Setting`] for numbers that
    /// are not finite.
    pub fn sparse(pattern: &SparsityPattern, values: Vec<T>) -> Result<Self, Error> {
        let (rows, columns, entries) = (pattern.n_rows(), pattern.n_columns(), pattern.n_entries());
        if rows != columns || values.len() != entries {
            let got = format!("[{rows}, {columns}] with {} values", values.len());
            let want = format!("[{rows}, {rows}] with {entries} values, one per entry");
            return Err(Error::Shape { what: "the coupling", got, want });
        }
        check_finite(&values)?;
        Ok(Self(Kind::Sparse { pattern: pattern.clone(), values, transposed: OnceLock::new() }))
    }

    /// Neurons.
    pub fn n(&self) -> usize {
        match &self.0 {
            Kind::Dense { n, .. } => *n,
            Kind::Sparse { pattern, .. } => pattern.n_rows(),
        }
    }

    /// Its numbers: `[n n]`, or one per entry.
    pub fn values(&self) -> &[T] {
        match &self.0 {
            Kind::Dense { values, .. } | Kind::Sparse { values, .. } => values,
        }
    }

    /// Memory for a factor of `columns` columns.
    pub(super) fn factor(&self, columns: usize) -> Factor<T> {
        match self.0 {
            Kind::Dense { n, .. } => Factor::Strips(Columns::zeros(n, columns)),
            Kind::Sparse { .. } => Factor::Rows(Aligned::zeros(self.n() * columns)),
        }
    }

    /// `y = J x`, or `Jᵀ x`. **Shape**: `[n, columns]`, row-major.
    pub(super) fn product(&self, x: &Factor<T>, columns: usize, transposed: bool, y: &mut [T]) {
        match (&self.0, x) {
            (Kind::Dense { n, values, rows, transposed: held }, Factor::Strips(x)) => {
                let turned = || {
                    let mut rows = Rows::zeros(*n, *n);
                    rows.fill_transposed(values, *n);
                    rows
                };
                let rows = if transposed { held.get_or_init(turned) } else { rows };
                product(
                    rows,
                    x,
                    |_, _| *n,
                    y,
                    columns,
                    |tile, into| {
                        for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(columns)) {
                            to[tile.columns.clone()].copy_from_slice(from);
                        }
                    },
                );
            }
            (Kind::Sparse { pattern, values, transposed: held }, Factor::Rows(x)) => {
                if transposed {
                    let to = pattern.transposed();
                    let moved = held.get_or_init(|| {
                        let mut moved = vec![T::ZERO; values.len()];
                        transpose_values(to, values, &mut moved);
                        moved
                    });
                    product_all(to.layout(), moved, x, columns, Into::Replace, y);
                } else {
                    product_all(pattern.layout(), values, x, columns, Into::Replace, y);
                }
            }
            _ => unreachable!("the factor was made for this coupling"),
        }
    }
}

/// A right factor in the layout that a coupling's product reads.
#[derive(Debug)]
pub(super) enum Factor<T> {
    Strips(Columns<T>),
    Rows(Aligned<T>),
}

impl<T: Real> Factor<T> {
    /// Fills `[n, columns]`: `write` gets a row's number, the column its numbers begin at, and the numbers.
    pub(super) fn fill(&mut self, columns: usize, write: impl Fn(usize, usize, &mut [T])) {
        match self {
            Self::Strips(strips) => strips.fill_with(|range, width, strip| {
                for (i, row) in strip.chunks_exact_mut(width).enumerate() {
                    write(i, range.start, &mut row[..range.len()]);
                }
            }),
            Self::Rows(rows) => {
                for (i, row) in rows.chunks_exact_mut(columns).enumerate() {
                    write(i, 0, row);
                }
            }
        }
    }
}

fn check_finite<T: Real>(values: &[T]) -> Result<(), Error> {
    match values.iter().position(|x| !x.to_f64().is_finite()) {
        Some(at) => Err(Error::setting("coupling", format!("number {at} is {}; all must be finite", values[at]))),
        None => Ok(()),
    }
}
