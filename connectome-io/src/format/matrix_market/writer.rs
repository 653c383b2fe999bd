//! Matrices as text that other programs read.

use std::io::{self, Write};
use std::path::Path;

use crate::array::ArrayData;
use crate::atomic::write_atomic_gz;
use crate::{Array, Connectome, Error, Location};

/// Writes the weights as a sparse matrix `[post, pre]`, gzipped if `path` ends in `.gz`: `integer` if all are whole,
/// else `real`, each number as short as is exact. Rows of the synapse table become entries in their order, and read back
/// as they were.
///
/// A matrix holds weights alone: ids, names, signs, kinds and provenance are not written. Other programs add up
/// connections that stand in several rows.
///
/// # Errors
/// [`Error::Unsupported`] for connectomes with a lattice; [`Error::Io`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    if connectome.lattice().is_some() {
        let what = "a lattice connectome as a matrix".to_owned();
        let remedy = "expand the lattice first, or write .safetensors";
        return Err(Error::Unsupported { at: Location::file(path).boxed(), what, remedy });
    }
    let synapses = connectome.synapses();
    let whole = synapses.weight().iter().all(|&weight| is_whole(weight));
    write_atomic_gz(path, |out| {
        let n = connectome.n_neurons();
        writeln!(out, "%%MatrixMarket matrix coordinate {} general", if whole { "integer" } else { "real" })?;
        writeln!(out, "% row: postsynaptic, column: presynaptic neuron")?;
        writeln!(out, "{n} {n} {}", synapses.len())?;
        let ends = synapses.post().iter().zip(synapses.pre());
        for ((post, pre), &weight) in ends.zip(synapses.weight()) {
            write!(out, "{} {} ", u64::from(*post) + 1, u64::from(*pre) + 1)?;
            write_number(out, weight, whole)?;
        }
        Ok(())
    })
}

/// Writes an array of two dimensions, column by column, gzipped if `path` ends in `.gz`.
///
/// # Errors
/// [`Error::Malformed`] for other numbers of dimensions, [`Error::NotFinite`], [`Error::Unsupported`] for complex numbers,
/// [`Error::BadNumber`] for whole numbers beyond 64 bits with sign, [`Error::Io`].
pub fn write_array(path: impl AsRef<Path>, array: &Array) -> Result<(), Error> {
    let path = path.as_ref();
    let at = Location::file(path);
    let &[rows, columns] = array.shape() else {
        let problem = format!("the shape is {:?}, a matrix has two dimensions", array.shape());
        return Err(Error::Malformed { at: at.boxed(), problem });
    };
    let turned = array.transpose();
    let integers = match turned.data() {
        ArrayData::F16(_) | ArrayData::Bf16(_) | ArrayData::F32(_) | ArrayData::F64(_) => None,
        ArrayData::C64(_) | ArrayData::C128(_) => None,
        _ => Some(turned.to_i64().map_err(|e| e.in_file(&at))?),
    };
    let reals = match &integers {
        Some(_) => Vec::new(),
        None => turned.to_f64().map_err(|e| e.in_file(&at))?,
    };
    if let Some(place) = reals.iter().position(|value| !value.is_finite()) {
        let (row, column) = (place % rows, place / rows);
        let at = at.key(format!("entry [{row}, {column}]"));
        return Err(Error::NotFinite { at, what: "value", value: reals[place] });
    }
    write_atomic_gz(path, |out| {
        let field = if integers.is_some() { "integer" } else { "real" };
        writeln!(out, "%%MatrixMarket matrix array {field} general\n{rows} {columns}")?;
        integers.iter().flatten().try_for_each(|value| writeln!(out, "{value}"))?;
        reals.iter().try_for_each(|&value| write_number(out, value, false))
    })
}

/// Whether a weight is a whole number that every program reads exactly; -0 is none, since integers have one zero.
fn is_whole(weight: f64) -> bool {
    weight.fract() == 0.0 && weight.abs() <= 2f64.powi(53) && !(weight == 0.0 && weight.is_sign_negative())
}

/// A number and the end of the line. The shortest text that reads back as the same number, with an exponent where long.
fn write_number(out: &mut dyn Write, value: f64, whole: bool) -> io::Result<()> {
    if whole { writeln!(out, "{}", value as i64) } else { writeln!(out, "{value:?}") }
}
