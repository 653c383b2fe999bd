//! The functions of torch that put tensors together, as far as they describe data.

use std::sync::Arc;

use super::super::pickle::{Global, Machine, Node, Slot, SparseLayout, TorchGlobal};
use super::{Layout, SparseSpec, Storage, TensorSpec};
use crate::{Dtype, Error};

/// Dimensions that a tensor may have.
const MAX_DIMS: usize = 64;
/// Entries of the dict of a tensor's bits, at most; torch writes two.
const BITS: usize = 16;

/// The storage that a persistent id stands for: `("storage", class, key, location, length)`, in the layout before zip
/// also with `None` or `(key, offset, length)` of a view.
pub(crate) fn storage_of(machine: &mut Machine<'_, '_>, id: Slot) -> Result<Storage, Error> {
    let Some(&[kind, class, key, _location, length, ref rest @ ..]) = machine.items(id) else {
        return Err(machine.malformed("a persistent id that is no storage"));
    };
    if machine.text(kind) != Some("storage") {
        return Err(machine.unsupported("a persistent id that is no storage, such as a module,".to_owned()));
    }
    let Some(TorchGlobal::Storage(dtype)) = machine.node_of_type(class) else {
        return Err(machine.malformed("a storage without class"));
    };
    let key = machine.text(key).ok_or_else(|| machine.malformed("a storage without key"))?;
    machine.budget().fits(key.len())?;
    let key: Arc<str> = key.into();
    let n = length_of(machine, length)?;
    let (start, n) = match rest {
        [] | [Slot::None] => (0, n),
        &[view] => match machine.items(view) {
            Some(&[_, offset, length]) => {
                let (start, length) = (length_of(machine, offset)?, length_of(machine, length)?);
                if start.checked_add(length).is_none_or(|end| end > n) {
                    return Err(machine.malformed("a view leads out of its storage"));
                }
                (start, length)
            }
            _ => return Err(machine.malformed("the view of a storage is odd")),
        },
        _ => return Err(machine.malformed("a persistent id that is no storage")),
    };
    machine.charge(key.len())?;
    Ok(Storage { key, dtype, n, start })
}

/// The result of a function of torch.
pub(crate) fn call(machine: &mut Machine<'_, '_>, function: TorchGlobal, args: &[Slot]) -> Result<Slot, Error> {
    let bad = |machine: &Machine<'_, '_>| machine.malformed(format!("{function:?} is called with odd arguments"));
    let node = match (function, args) {
        (TorchGlobal::RebuildTensor { v3 }, &[storage, offset, size, stride, ref rest @ ..]) => {
            let metadata = match (v3, rest) {
                (false, [] | [_, _]) | (true, [_, _, _]) => None,
                (false, &[_, _, metadata]) | (true, &[_, _, _, metadata]) => Some(metadata),
                _ => return Err(bad(machine)),
            };
            // Bits that say that elements are to be conjugated or negated.
            if let Some(Node::Dict(bits)) = metadata.and_then(|slot| machine.node(slot)) {
                if bits.len() > BITS {
                    return Err(machine.malformed("a tensor with more bits than there are"));
                }
                if bits.iter().any(|(_, set)| !matches!(set, Slot::Bool(false))) {
                    return Err(machine.unsupported("a tensor with its conjugation or negation put off".to_owned()));
                }
            }
            let Some(Node::Storage(storage)) = machine.node(storage) else {
                return Err(machine.malformed("a tensor without storage"));
            };
            let storage = storage.clone();
            let dtype = match rest.get(2) {
                Some(&dtype) if v3 => match machine.node_of_type(dtype) {
                    Some(TorchGlobal::Dtype(dtype)) => dtype,
                    _ => return Err(bad(machine)),
                },
                _ => storage.dtype.unwrap_or(Dtype::U8),
            };
            let offset = length_of(machine, offset)?;
            let (size, stride) = (lengths_of(machine, size)?, lengths_of(machine, stride)?);
            if size.len() != stride.len() {
                return Err(machine.malformed(format!("size {size:?} and stride {stride:?} differ in length")));
            }
            machine.charge(8 * size.len())?;
            Node::Tensor(Box::new(TensorSpec::new(*storage, dtype, offset, size, stride, &machine.place())?))
        }
        (TorchGlobal::RebuildParameter, &[data, ..]) => match machine.node(data) {
            Some(Node::Tensor(_) | Node::Sparse(_)) => return Ok(data),
            _ => return Err(bad(machine)),
        },
        (TorchGlobal::RebuildSparse, &[layout, data]) => Node::Sparse(Box::new(sparse(machine, layout, data)?)),
        (TorchGlobal::RebuildFromType, &[function, class, args, _state]) => {
            let inner = machine.node_of_type(function).filter(|inner| *inner != TorchGlobal::RebuildFromType);
            let (Some(inner), Some(TorchGlobal::Type)) = (inner, machine.node_of_type(class)) else {
                return Err(bad(machine));
            };
            let args = machine.arguments(machine.items(args).ok_or_else(|| bad(machine))?)?;
            return machine.call(Global::Torch(inner), &args);
        }
        (TorchGlobal::Layout, &[name]) => {
            let layout = match machine.text(name) {
                Some("torch.sparse_coo") => SparseLayout::Coo,
                Some("torch.sparse_csr") => SparseLayout::Csr,
                Some("torch.sparse_csc") => SparseLayout::Csc,
                Some(other) => {
                    let other: String = other.chars().take(40).collect();
                    return Err(machine.unsupported(format!("a tensor of layout {other}")));
                }
                None => return Err(bad(machine)),
            };
            Node::Layout(Layout(layout))
        }
        (TorchGlobal::Size, &[items]) if machine.items(items).is_some() => return Ok(items),
        (TorchGlobal::Device, &[kind, ref index @ ..]) => {
            let kind = machine.text(kind).ok_or_else(|| bad(machine))?;
            // Python writes at most 20 characters for the index.
            machine.budget().fits(kind.len() + 21)?;
            let text = match *index {
                [] => kind.to_owned(),
                [Slot::Int(index)] => format!("{kind}:{}", index.get()),
                _ => return Err(bad(machine)),
            };
            machine.charge(text.len())?;
            Node::Text(text.into())
        }
        _ => return Err(bad(machine)),
    };
    machine.make(node)
}

/// A sparse matrix from its layout and `(indices, values, size, coalesced)` or `(pointers, indices, values, size)`.
fn sparse(machine: &mut Machine<'_, '_>, layout: Slot, data: Slot) -> Result<SparseSpec, Error> {
    let (Some(&Node::Layout(Layout(layout))), Some(data)) = (machine.node(layout), machine.items(data)) else {
        return Err(machine.malformed("a sparse tensor without layout"));
    };
    let (indices, values, size, coalesced) = match (layout, data) {
        (SparseLayout::Coo, [indices, values, size, rest @ ..]) => {
            let coalesced = match rest {
                [] | [Slot::None] => None,
                [Slot::Bool(coalesced)] => Some(*coalesced),
                _ => return Err(machine.malformed("a sparse tensor with odd parts")),
            };
            (vec![*indices], *values, *size, coalesced)
        }
        (SparseLayout::Csr | SparseLayout::Csc, &[pointers, indices, values, size]) => {
            (vec![pointers, indices], values, size, None)
        }
        _ => return Err(machine.malformed("a sparse tensor with odd parts")),
    };
    let dense = |slot: Slot| match machine.node(slot) {
        Some(Node::Tensor(tensor)) => Ok((**tensor).clone()),
        _ => Err(machine.malformed("a part of a sparse tensor is no dense tensor")),
    };
    let indices = indices.into_iter().map(dense).collect::<Result<Vec<_>, _>>()?;
    let values = dense(values)?;
    let size = lengths_of(machine, size)?;
    let first = match layout {
        SparseLayout::Coo => *indices[0].size.first().unwrap_or(&0) as usize,
        _ => 2,
    };
    let (&[rows, columns], true, [n_values]) = (size.as_slice(), first == 2, values.size.as_slice()) else {
        return Err(machine.unsupported(format!(
            "a sparse tensor of size {size:?} with values {:?} (scalar, hybrid, batched or not a matrix)",
            values.size
        )));
    };
    let dims = if layout == SparseLayout::Coo { 2 } else { 1 };
    let listed = indices.last().filter(|last| last.size.len() == dims).and_then(|last| last.size.last());
    if listed != Some(n_values) || indices[0].size.len() != dims {
        return Err(machine.malformed(format!(
            "a sparse tensor has indices {:?} and values {:?}",
            indices.iter().map(|part| &part.size).collect::<Vec<_>>(),
            values.size
        )));
    }
    machine.charge(64)?;
    Ok(SparseSpec { layout, size: [rows, columns], indices, values, coalesced })
}

fn length_of(machine: &Machine<'_, '_>, slot: Slot) -> Result<u64, Error> {
    match slot {
        Slot::Int(n) => u64::try_from(n.get())
            .map_err(|_| machine.malformed(format!("{n:?} as offset, length or stride: none of them is negative"))),
        _ => match machine.node(slot) {
            Some(Node::BigInt(digits)) => Err(Error::Overflow {
                at: machine.place(),
                what: "offset, length or stride",
                text: digits.chars().take(40).collect(),
            }),
            _ => Err(machine.malformed("an offset, length or stride is no whole number")),
        },
    }
}

fn lengths_of(machine: &Machine<'_, '_>, slot: Slot) -> Result<Vec<u64>, Error> {
    let items = machine.items(slot).ok_or_else(|| machine.malformed("a size or stride is no tuple"))?;
    if items.len() > MAX_DIMS {
        return Err(machine.malformed(format!("a tensor of {} dimensions, {MAX_DIMS} are the limit", items.len())));
    }
    items.iter().map(|&slot| length_of(machine, slot)).collect()
}
