//! Connectivity matrices, dense ones here.

use std::borrow::Cow;
use std::path::Path;

use super::npy;
use crate::container;
use crate::edges::{Edges, finish};
use crate::memory::with_room;
use crate::options::{NeuronsFile, ReadOptions, Rows};
use crate::synapse_table::first_not_finite;
use crate::{Array, Connectome, Error, Location, NeuronTable, Orientation, Provenance};

/// The connectome of a square array; every entry that is not zero is a connection, in the order of the rows.
///
/// # Errors
/// [`Error::NotSquare`], [`Error::NotFinite`], [`Error::Unsupported`] for complex numbers; [`Error::LengthMismatch`] if
/// `options` state another number of neurons or describe another number.
pub fn from_array(array: &Array, options: &ReadOptions) -> Result<Connectome, Error> {
    from_array_at(array, None, options, &Location::memory())
}

/// As [`from_array`], for an array from a file, perhaps with names of rows.
pub(crate) fn from_array_at(
    array: &Array,
    names: Option<Vec<String>>,
    options: &ReadOptions,
    at: &Location,
) -> Result<Connectome, Error> {
    let n = side(&array.shape().iter().map(|&n| n as u64).collect::<Vec<_>>(), at)?;
    let values = match array.as_slice::<f64>() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(array.to_f64().map_err(|e| e.in_file(at))?),
    };
    // Nothing is made of a matrix that is refused.
    if let Some(place) = first_not_finite(&values) {
        let (row, column, value) = (place / n, place % n, values[place]);
        return Err(Error::NotFinite { at: at.key(format!("entry [{row}, {column}]")), what: "weight", value });
    }
    let n_entries = values.iter().filter(|&&value| value != 0.0).count();
    let (mut rows, mut columns, mut weight) = (with_room(n_entries), with_room(n_entries), with_room(n_entries));
    for (row, line) in values.chunks_exact(n.max(1)).enumerate() {
        for (column, &value) in line.iter().enumerate() {
            if value != 0.0 {
                rows.push(row as u32);
                columns.push(column as u32);
                weight.push(value);
            }
        }
    }
    let edges = Edges { weight, finite: true, ..Edges::default() };
    assemble(rows, columns, edges, n, names, options, at)
}

/// The side of a square shape that 32-bit indices can count.
pub(crate) fn side(shape: &[u64], at: &Location) -> Result<usize, Error> {
    match *shape {
        [rows, columns] if rows == columns => {
            let limit = u64::from(u32::MAX);
            if rows > limit {
                return Err(Error::TooMany { at: at.boxed(), what: "neurons", n: rows, limit });
            }
            if rows == 0 {
                return Err(Error::Empty { at: at.boxed(), what: "neurons" });
            }
            Ok(rows as usize)
        }
        _ => Err(Error::NotSquare { at: at.boxed(), shape: shape.to_vec() }),
    }
}

/// Refuses a number of neurons that is out of proportion to the entries: a stray size must not make a table of billions.
pub(crate) fn check_plausible(n: usize, n_entries: usize, options: &ReadOptions, at: &Location) -> Result<(), Error> {
    if options.n_neurons == Some(n) || n <= n_entries.saturating_mul(16).saturating_add(65_536) {
        return Ok(());
    }
    let problem =
        format!("{n} neurons with {n_entries} connections are implausible unless `ReadOptions::n_neurons` states it");
    Err(Error::Malformed { at: at.boxed(), problem })
}

/// Orients entries, describes the neurons and checks everything.
pub(crate) fn assemble(
    rows: Vec<u32>,
    columns: Vec<u32>,
    mut edges: Edges,
    n: usize,
    names: Option<Vec<String>>,
    options: &ReadOptions,
    at: &Location,
) -> Result<Connectome, Error> {
    let orientation = match options.rows {
        Rows::Post => {
            (edges.post, edges.pre) = (rows, columns);
            Orientation::PostPre
        }
        Rows::Pre => {
            (edges.pre, edges.post) = (rows, columns);
            Orientation::PrePost
        }
    };
    let mut neurons = match &options.neurons {
        NeuronsFile::File(path) => describe(path, options)?,
        NeuronsFile::Sibling | NeuronsFile::None => NeuronTable::numbered(n),
    };
    if neurons.len() != n {
        return Err(Error::LengthMismatch {
            at: at.boxed(),
            what: "the table of neurons".to_owned(),
            got: neurons.len(),
            want: n,
            reason: "one per row of the matrix",
        });
    }
    if let (Some(names), None) = (names, neurons.names()) {
        neurons = neurons.with_names(names)?;
    }
    finish(neurons, edges, Provenance::new(at.source_name(), orientation), options, at)
}

/// The neurons of a matrix: a table, or an array of ids.
fn describe(path: &Path, options: &ReadOptions) -> Result<NeuronTable, Error> {
    let at = Location::file(path);
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy")) {
        let ids = npy::read_with(path, &options.limits)?.to_i64().map_err(|e| e.in_file(&at))?;
        return NeuronTable::new(ids).map_err(|e| e.in_file(&at));
    }
    Ok(container::read_neuron_file(path, &options.limits)?.table)
}
