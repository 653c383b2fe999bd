//! Numbers to places of their own, on all threads.

use crate::pattern::Transposed;
use rayon::prelude::*;

/// Numbers that a thread moves at a time.
const CHUNK: usize = 1 << 14;

/// A list whose elements are written by several threads, each by one.
struct Shared<T>(*mut T);

// SAFETY: `untranspose` writes each element from one thread only, and nobody reads before all are done.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// # Safety
    /// The list has element `at`, which nobody else reads or writes meanwhile.
    unsafe fn put(&self, at: usize, value: T) {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(at).write(value) };
    }
}

/// Values in the order of the transpose to row order. Lengths are the number of entries.
pub(crate) fn untranspose<T: Copy + Send + Sync>(t: &Transposed, values: &[T], out: &mut [T]) {
    let position = t.position();
    assert!(values.len() == position.len() && out.len() == position.len(), "lengths differ");
    let out = Shared(out.as_mut_ptr());
    values.par_chunks(CHUNK).zip(position.par_chunks(CHUNK)).for_each(|(values, position)| {
        for (&v, &p) in values.iter().zip(position) {
            // SAFETY: positions are a permutation of the entries by construction, and `out` has one place for each.
            unsafe { out.put(p as usize, v) };
        }
    });
}
