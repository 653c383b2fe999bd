//! Connectivity matrices in files of torch and in pickles.

use std::path::Path;

use super::super::matrix::{assemble, check_plausible, from_array_at, side};
use super::super::pickle::{Budget, Graph, SparseLayout};
use super::names::{Leaf, leaves};
use super::store::Store;
use super::{File, SparseSpec, TensorSpec};
use crate::edges::Edges;
use crate::indices::{append, expand_pointers};
use crate::memory::with_room;
use crate::options::ReadOptions;
use crate::synapse_table::first_not_finite;
use crate::{Array, Connectome, Dtype, Error, Location};

/// Reads a connectivity matrix: the sparse or square dense tensor that is the file or, in dicts and lists, the only one.
///
/// Rows are postsynaptic, as in bioplnn, unless `options.rows` says otherwise; `options.member` chooses among several by
/// flat name, as [`super::read_tensors_with`] makes them. Entries that a sparse tensor repeats, which torch sums when it
/// coalesces, follow `options.duplicates`; entries that are zero are connections of weight zero.
///
/// # Errors
/// As [`super::read`]; [`Error::Missing`] if it is not clear which tensor is meant; [`Error::NotSquare`],
/// [`Error::OutOfRange`], [`Error::NotFinite`], [`Error::DuplicateSynapse`], [`Error::Malformed`] for matrices that are none.
pub fn read_connectome(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let mut file = File::open(path.as_ref(), &options.limits)?;
    let pickle = file.take_pickle();
    let graph = file.graph(&pickle)?;
    connectome_of(&graph, &mut file.store, options)
}

/// The matrix among the objects of a file.
pub(crate) fn connectome_of(graph: &Graph<'_>, store: &mut Store, options: &ReadOptions) -> Result<Connectome, Error> {
    let file = store.at.clone();
    let (name, leaf) = choose(leaves(graph, true, &file)?, options.member.as_deref(), &file)?;
    let at = *file.key(name);
    let budget = graph.budget();
    match leaf {
        Leaf::Sparse(sparse) => read_sparse(sparse, store, budget, options, &at),
        Leaf::Tensor(tensor) => {
            let size = &tensor.size;
            side(size, &at)?;
            from_array_at(&one(store, tensor, budget)?, None, options, &at)
        }
        Leaf::Storage(storage) => {
            let tensor = storage.as_tensor();
            side(&tensor.size, &at)?;
            from_array_at(&one(store, &tensor, budget)?, None, options, &at)
        }
        Leaf::Array(array) => from_array_at(array, None, options, &at),
        Leaf::Number(..) | Leaf::Text(_) => Err(Error::NotSquare { at: at.boxed(), shape: Vec::new() }),
    }
}

/// The only array among the objects of a file.
pub(crate) fn single_array_of(graph: &Graph<'_>, store: &mut Store) -> Result<Array, Error> {
    let arrays = leaves(graph, true, &store.at)?;
    let budget = graph.budget();
    match arrays.as_slice() {
        [(_, Leaf::Tensor(tensor))] => one(store, tensor, budget),
        [(_, Leaf::Storage(storage))] => one(store, &storage.as_tensor(), budget),
        [(_, Leaf::Array(array))] => {
            budget.claim(array.n_bytes())?;
            Ok((*array).clone())
        }
        _ => Err(Error::Missing {
            at: store.at.boxed(),
            what: "single dense array".to_owned(),
            found: arrays.into_iter().map(|(name, _)| name).take(100).collect(),
            remedy: "read all of them by `format::pt::read_tensors`",
        }),
    }
}

/// The leaf that is meant.
fn choose<'g>(
    mut arrays: Vec<(String, Leaf<'g>)>,
    member: Option<&str>,
    at: &Location,
) -> Result<(String, Leaf<'g>), Error> {
    let only = |is: &dyn Fn(&Leaf<'_>) -> bool| {
        let mut places = (0..arrays.len()).filter(|&i| is(&arrays[i].1));
        places.next().filter(|_| places.next().is_none())
    };
    let is_sparse = |leaf: &Leaf<'_>| matches!(leaf, Leaf::Sparse(_));
    let is_square = |leaf: &Leaf<'_>| matches!(leaf.shape().as_deref(), Some(&[rows, columns]) if rows == columns);
    let place = match member {
        Some(member) => arrays.iter().position(|(name, _)| name == member),
        None if arrays.len() == 1 => Some(0),
        None => {
            only(&|leaf| is_sparse(leaf) && is_square(leaf)).or_else(|| only(&is_sparse)).or_else(|| only(&is_square))
        }
    };
    match place {
        Some(place) => Ok(arrays.swap_remove(place)),
        None => Err(Error::Missing {
            at: at.boxed(),
            what: member.map_or_else(|| "single matrix".to_owned(), |member| format!("tensor {member:?}")),
            found: arrays.into_iter().map(|(name, _)| name).take(100).collect(),
            remedy: "choose one by `ReadOptions::member`",
        }),
    }
}

fn one(store: &mut Store, tensor: &TensorSpec, budget: &Budget) -> Result<Array, Error> {
    store.read(&[tensor], budget)?.pop().ok_or_else(|| Error::Empty { at: store.at.boxed(), what: "tensor" })
}

fn read_sparse(
    sparse: &SparseSpec,
    store: &mut Store,
    budget: &Budget,
    options: &ReadOptions,
    at: &Location,
) -> Result<Connectome, Error> {
    let n = side(&sparse.size, at)?;
    let n_entries = sparse.values.count as usize;
    check_plausible(n, n_entries, options, at)?;
    let (rows, columns) = match (sparse.layout, sparse.indices.as_slice()) {
        (SparseLayout::Coo, [pairs]) => {
            let mut pairs = indices(pairs, 2, n, store, budget, at)?;
            let columns = pairs.pop().unwrap_or_default();
            (pairs.pop().unwrap_or_default(), columns)
        }
        (layout, [pointers, inner]) => {
            let name = if layout == SparseLayout::Csr { "crow_indices" } else { "ccol_indices" };
            let here = at.key(name);
            if pointers.count != n as u64 + 1 {
                return Err(Error::LengthMismatch {
                    at: here,
                    what: name.to_owned(),
                    got: pointers.count as usize,
                    want: n + 1,
                    reason: "one more than rows",
                });
            }
            budget.claim(size_of::<i64>() * (n + 1))?;
            let width = pointers.dtype.size();
            let pointers = one(store, pointers, budget)?.to_i64().map_err(|e| e.in_file(at))?;
            let outer = expand_pointers(&pointers, n_entries, &here)?;
            budget.release((width + size_of::<i64>()) * (n + 1));
            let inner = indices(inner, 1, n, store, budget, at)?.pop().unwrap_or_default();
            if layout == SparseLayout::Csr { (outer, inner) } else { (inner, outer) }
        }
        _ => return Err(Error::Empty { at: at.boxed(), what: "indices" }),
    };
    let (weight, finite) = values(&sparse.values, store, budget, at)?;
    assemble(rows, columns, Edges { weight, finite, ..Edges::default() }, n, None, options, at)
}

/// Lists of indices below `n`: a tensor of one list, or of `parts` lists one after the other. 64-bit indices go straight
/// from the file to 32 bits.
fn indices(
    tensor: &TensorSpec,
    parts: usize,
    n: usize,
    store: &mut Store,
    budget: &Budget,
    at: &Location,
) -> Result<Vec<Vec<u32>>, Error> {
    let length = tensor.count as usize / parts;
    let error = |place: usize, index: i64| {
        let name = if parts == 1 {
            format!("index {place}")
        } else {
            format!("indices[{}, {}]", place / length, place % length)
        };
        Error::OutOfRange { at: at.key(name), index, n, what: "neurons" }
    };
    let reserve = |certain: bool| if certain { length } else { 0 };
    if tensor.dtype != Dtype::I64 || !tensor.is_contiguous() {
        budget.claim((size_of::<i64>() + size_of::<u32>()).saturating_mul(tensor.count as usize))?;
        let values = one(store, tensor, budget)?.to_i64().map_err(|e| e.in_file(at))?;
        if let Some(bad) = values.iter().position(|&index| index as u64 >= n as u64) {
            return Err(error(bad, values[bad]));
        }
        let lists = values.chunks(length.max(1)).map(|list| list.iter().map(|&index| index as u32).collect()).collect();
        budget.release((tensor.dtype.size() + size_of::<i64>()) * tensor.count as usize);
        return Ok(lists);
    }
    let big_endian = store.big_endian();
    store.with(&tensor.storage, tensor.range(), |stream| {
        let mut lists: Vec<Vec<u32>> = (0..parts).map(|_| with_room(reserve(stream.certain))).collect();
        let mut place = 0;
        stream.chunks(8 * tensor.count, |bytes| {
            let values = bytes.as_chunks::<8>().0;
            let bad = if big_endian {
                distribute(&values.iter().map(|&raw| i64::from_be_bytes(raw)), place, length, n, &mut lists)
            } else {
                distribute(&values.iter().map(|&raw| i64::from_le_bytes(raw)), place, length, n, &mut lists)
            };
            place += values.len();
            bad.map_or(Ok(()), |(place, index)| Err(error(place, index)))
        })?;
        Ok(lists)
    })
}

/// Appends indices, of which the first stands at `place` of all lists, to the lists of `length` that they belong to; place and
/// value of the first that is not below `n`.
fn distribute(
    indices: &(impl ExactSizeIterator<Item = i64> + Clone),
    mut place: usize,
    length: usize,
    n: usize,
    lists: &mut [Vec<u32>],
) -> Option<(usize, i64)> {
    let mut done = 0;
    while done < indices.len() {
        let now = (indices.len() - done).min(length - place % length);
        let piece = indices.clone().skip(done).take(now);
        if !append(piece.clone(), n, &mut lists[place / length]) {
            return piece.enumerate().find(|&(_, index)| index as u64 >= n as u64).map(|(k, index)| (place + k, index));
        }
        (done, place) = (done + now, place + now);
    }
    None
}

/// Values of entries, and whether all are finite as far as that was looked at; those of the usual types go straight from the file
/// to 64 bits.
fn values(tensor: &TensorSpec, store: &mut Store, budget: &Budget, at: &Location) -> Result<(Vec<f64>, bool), Error> {
    if !(matches!(tensor.dtype, Dtype::F32 | Dtype::F64) && tensor.is_contiguous()) {
        budget.claim(size_of::<f64>().saturating_mul(tensor.count as usize))?;
        let values = one(store, tensor, budget)?.into_f64().map_err(|e| e.in_file(at))?;
        budget.release(tensor.dtype.size() * tensor.count as usize);
        return Ok((values, false));
    }
    let big_endian = store.big_endian();
    store.with(&tensor.storage, tensor.range(), |stream| {
        let mut values = with_room(if stream.certain { tensor.count as usize } else { 0 });
        let mut finite = true;
        stream.chunks(tensor.n_bytes(), |bytes| {
            let start = values.len();
            let (singles, doubles) =
                (bytes.as_chunks::<4>().0.iter().copied(), bytes.as_chunks::<8>().0.iter().copied());
            match (tensor.dtype, big_endian) {
                (Dtype::F32, true) => values.extend(singles.map(|raw| f64::from(f32::from_be_bytes(raw)))),
                (Dtype::F32, false) => values.extend(singles.map(|raw| f64::from(f32::from_le_bytes(raw)))),
                (_, true) => values.extend(doubles.map(f64::from_be_bytes)),
                (_, false) => values.extend(doubles.map(f64::from_le_bytes)),
            }
            finite &= first_not_finite(&values[start..]).is_none();
            Ok(())
        })?;
        Ok((values, finite))
    })
}
