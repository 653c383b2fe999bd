//! Tensors as a file describes them, before their elements are read.

use std::sync::Arc;

use super::super::pickle::SparseLayout;
use crate::{Dtype, Error, Location};

/// A run of elements in the file.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) key: Arc<str>,
    /// `None`: bytes.
    pub(crate) dtype: Option<Dtype>,
    /// Elements, or bytes.
    pub(crate) n: u64,
    /// Elements before the view that this is, in files of the first versions of torch.
    pub(crate) start: u64,
}

impl Storage {
    /// Size of one element in bytes.
    pub(crate) fn element(&self) -> u64 {
        self.dtype.map_or(1, |dtype| dtype.size() as u64)
    }

    /// Bytes of memory that a storage takes.
    pub(crate) fn heap(&self) -> usize {
        size_of::<Self>() + 2 * size_of::<usize>() + self.key.len()
    }

    /// The whole storage as a tensor.
    pub(crate) fn as_tensor(&self) -> TensorSpec {
        let dtype = self.dtype.unwrap_or(Dtype::U8);
        TensorSpec { storage: self.clone(), dtype, offset: 0, size: vec![self.n], stride: vec![1], count: self.n }
    }
}

/// A dense tensor: a view of a storage, found to lie inside of it.
#[derive(Debug, Clone)]
pub(crate) struct TensorSpec {
    pub(crate) storage: Storage,
    pub(crate) dtype: Dtype,
    /// The first element.
    pub(crate) offset: u64,
    pub(crate) size: Vec<u64>,
    pub(crate) stride: Vec<u64>,
    /// Product of the size.
    pub(crate) count: u64,
}

impl TensorSpec {
    /// Checks the view against the storage.
    pub(crate) fn new(
        storage: Storage,
        dtype: Dtype,
        offset: u64,
        size: Vec<u64>,
        stride: Vec<u64>,
        at: &Location,
    ) -> Result<Self, Error> {
        let overflow = |what| Error::Overflow {
            at: at.boxed(),
            what,
            text: format!("{size:?} with stride {stride:?} and offset {offset}"),
        };
        let width = dtype.size() as u64;
        let n_bytes = storage.n.checked_mul(storage.element());
        let total = storage.start.checked_mul(storage.element()).zip(n_bytes).and_then(|(a, b)| a.checked_add(b));
        let (Some(n_bytes), Some(_)) = (n_bytes, total) else {
            return Err(overflow("size of the storage under a tensor"));
        };
        // Zero lengths make the tensor empty, but the other factors must still be sane.
        let nonzero = size.iter().filter(|&&n| n != 0).try_fold(width, |product, &n| product.checked_mul(n));
        let nonzero = nonzero.filter(|&n| isize::try_from(n).is_ok()).ok_or_else(|| overflow("size of a tensor"))?;
        let empty = size.contains(&0);
        let last = size.iter().zip(&stride).try_fold(offset, |last, (&n, &step)| {
            n.saturating_sub(1).checked_mul(step).and_then(|reach| last.checked_add(reach))
        });
        let end = if empty { Some(0) } else { last.and_then(|last| last.checked_add(1)) };
        let end = end.and_then(|end| end.checked_mul(width)).ok_or_else(|| overflow("extent of a tensor"))?;
        if end > n_bytes {
            return Err(Error::Truncated {
                at: at.boxed(),
                what: "a tensor in its storage",
                needed: end,
                available: n_bytes,
            });
        }
        let count = if empty { 0 } else { nonzero / width };
        Ok(Self { storage, dtype, offset, size, stride, count })
    }

    /// Bytes of memory that the description takes.
    pub(crate) fn heap(&self) -> usize {
        size_of::<Self>() + size_of::<u64>() * (self.size.capacity() + self.stride.capacity())
    }

    /// Whether the elements lie one after the other, in C order.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.count == 0
            || self.size.iter().zip(&self.stride).rev().all(|(&n, &step)| {
                let fits = n == 1 || step == expected;
                expected *= n;
                fits
            })
    }

    /// The bytes of the storage, from where it starts in the file, that the tensor needs.
    pub(crate) fn range(&self) -> std::ops::Range<u64> {
        let width = self.dtype.size() as u64;
        let base = self.storage.start * self.storage.element();
        if self.count == 0 {
            return base..base;
        }
        let last: u64 = self.size.iter().zip(&self.stride).map(|(&n, &step)| (n - 1) * step).sum();
        base + self.offset * width..base + (self.offset + last + 1) * width
    }

    /// Size in memory, in bytes.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.count * self.dtype.size() as u64
    }

    /// The shape as arrays hold it; it has been found to fit.
    pub(crate) fn shape(&self) -> Vec<usize> {
        self.size.iter().map(|&n| n as usize).collect()
    }
}

/// How a tensor is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout(pub(crate) SparseLayout);

/// A sparse matrix.
#[derive(Debug, Clone)]
pub(crate) struct SparseSpec {
    pub(crate) layout: SparseLayout,
    pub(crate) size: [u64; 2],
    /// COO: one tensor `[2, n]`; else pointers and indices.
    pub(crate) indices: Vec<TensorSpec>,
    pub(crate) values: TensorSpec,
    pub(crate) coalesced: Option<bool>,
}

impl SparseSpec {
    /// Bytes of memory that the description takes.
    pub(crate) fn heap(&self) -> usize {
        size_of::<Self>() + self.indices.iter().chain([&self.values]).map(TensorSpec::heap).sum::<usize>()
    }
}
