//! Matrices in `.npz` archives: those of `scipy.sparse.save_npz` in CSR, CSC or COO layout, and plain arrays.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::matrix::{assemble, check_plausible, from_array_at, side};
use super::npz::{self, Archive, Compression};
use crate::edges::Edges;
use crate::indices::{expand_pointers, narrow};
use crate::options::ReadOptions;
use crate::threads::share_out;
use crate::{Array, Connectome, Error, Location};

/// Reads a connectivity matrix from an archive.
///
/// # Errors
/// Those of [`Archive`]; [`Error::Missing`] if it is not clear which member is meant; [`Error::Unsupported`] for the
/// layouts BSR and DIA; [`Error::NotSquare`], [`Error::OutOfRange`], [`Error::NotFinite`], [`Error::Malformed`] for
/// matrices that are none.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let path = path.as_ref();
    let at = Location::file(path);
    let mut archive = Archive::open(path, &options.limits)?;
    if let Some(member) = &options.member {
        let array = archive.read(member)?;
        return from_array_at(&array, None, options, &at.key(member));
    }
    if archive.contains("format") && archive.contains("data") && archive.contains("shape") {
        return read_scipy(&mut archive, path, options, &at);
    }
    let [name] = archive.names() else {
        return Err(Error::Missing {
            at: at.boxed(),
            what: "single matrix".to_owned(),
            found: archive.names().to_vec(),
            remedy: "choose one by `ReadOptions::member`",
        });
    };
    let name = name.clone();
    let array = archive.read(&name)?;
    from_array_at(&array, None, options, &at.key(name))
}

/// Writes the weights as `scipy.sparse.save_npz` writes a matrix in COO layout, `[post, pre]`, in the order of the table; a
/// pair in several rows stays in several. Neurons, signs and kinds are left out.
///
/// # Errors
/// [`Error::Io`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let (n, synapses) = (connectome.n_neurons(), connectome.synapses());
    // scipy's own type for indices of matrices of this size
    let indices = |ends: &[u32]| match i32::try_from(n) {
        Ok(_) => Array::vector(ends.iter().map(|&end| end as i32).collect::<Vec<_>>()),
        Err(_) => Array::vector(ends.iter().map(|&end| i64::from(end)).collect::<Vec<_>>()),
    };
    let arrays = BTreeMap::from([
        ("row".to_owned(), indices(synapses.post())),
        ("col".to_owned(), indices(synapses.pre())),
        ("data".to_owned(), Array::vector(synapses.weight().to_vec())),
        ("shape".to_owned(), Array::vector(vec![n as i64; 2])),
    ]);
    npz::write_with_text(path.as_ref(), &arrays, Some(("format", "coo")), Compression::Deflated)
}

/// Members that were read beside others.
type Ahead = HashMap<&'static str, Array>;

/// Inflates large members side by side. What cannot be read is left to be read, and refused, in its turn.
fn read_ahead(path: &Path, archive: &mut Archive, names: &[&'static str], options: &ReadOptions) -> Ahead {
    const LARGE: u64 = 1 << 20;
    // The directory is read once more for each.
    const FEW: usize = 16;
    let threads = options.threads_or_all();
    if threads < 2 || archive.n_bytes() < LARGE || archive.names().len() > FEW {
        return Ahead::new();
    }
    let mut size = |name: &str| archive.inflated_size(name).unwrap_or(0);
    // All that is read counts for the cap, so that it is not met here.
    let all = ["format", "shape", "indptr", "data", "indices", "row", "col"];
    let all = all.iter().fold(0, |all: u64, name| all.saturating_add(size(name)));
    let members: Vec<&'static str> = names.iter().copied().filter(|name| size(name) >= LARGE).collect();
    if members.len() < 2 || all > options.limits.inflated {
        return Ahead::new();
    }
    let read = |name| Some((name, Archive::open(path, &options.limits).ok()?.read(name).ok()?));
    share_out(members.into_iter(), threads, read).into_iter().flatten().collect()
}

/// Reads the members that `scipy.sparse.save_npz` writes.
fn read_scipy(archive: &mut Archive, path: &Path, options: &ReadOptions, at: &Location) -> Result<Connectome, Error> {
    let integers = |archive: &mut Archive, name: &str| {
        archive.read(name)?.to_i64().map_err(|e| {
            let mut e = e;
            e.prefix_key(name);
            e.in_file(at)
        })
    };
    let layout = archive.read_text("format")?;
    let shape = integers(archive, "shape")?;
    let shape: Vec<u64> = shape
        .iter()
        .map(|&n| u64::try_from(n))
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Malformed { at: at.key("shape"), problem: format!("the shape {shape:?} is negative") })?;
    let n = side(&shape, at)?;
    let large: &[&'static str] = match layout.as_str() {
        "coo" => &["data", "row", "col"],
        "csr" | "csc" => &["data", "indices"],
        _ => &[],
    };
    let mut ahead = read_ahead(path, archive, large, options);
    let mut array = |archive: &mut Archive, name: &str| ahead.remove(name).map_or_else(|| archive.read(name), Ok);
    let weight = array(archive, "data")?.into_f64().map_err(|e| e.in_file(at))?;
    let (rows, columns) = match layout.as_str() {
        "coo" => {
            let rows = narrow(&array(archive, "row")?, n, "row", at)?;
            (rows, narrow(&array(archive, "col")?, n, "col", at)?)
        }
        "csr" | "csc" => {
            let pointers = integers(archive, "indptr")?;
            let indices = narrow(&array(archive, "indices")?, n, "indices", at)?;
            if pointers.len() != n + 1 {
                return Err(Error::LengthMismatch {
                    at: at.key("indptr"),
                    what: "indptr".to_owned(),
                    got: pointers.len(),
                    want: n + 1,
                    reason: "one more than rows",
                });
            }
            let outer = expand_pointers(&pointers, indices.len(), &at.key("indptr"))?;
            if layout == "csr" { (outer, indices) } else { (indices, outer) }
        }
        other => {
            let what = format!("the sparse layout {other:?}");
            let remedy = "convert the matrix with .tocsr() and save it again";
            return Err(Error::Unsupported { at: at.key("format"), what, remedy });
        }
    };
    for (what, got) in [("rows", rows.len()), ("columns", columns.len())] {
        if got != weight.len() {
            let (what, want) = (format!("the list of {what}"), weight.len());
            return Err(Error::LengthMismatch { at: at.boxed(), what, got, want, reason: "one per entry of `data`" });
        }
    }
    check_plausible(n, weight.len(), options, at)?;
    assemble(rows, columns, Edges { weight, ..Edges::default() }, n, None, options, at)
}
