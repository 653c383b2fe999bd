//! Lists of numbers that begin on a cache line.

use crate::Real;
use std::ops::{Deref, DerefMut};

/// Numbers that begin on a boundary of 64 bytes, as libtorch's tensors do.
///
/// A row of eight `f32` then lies in one cache line; in a plain `Vec` it may lie in two, and products take longer.
#[derive(Debug)]
pub struct Aligned<T> {
    held: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    /// `n` zeros.
    pub fn zeros(n: usize) -> Self {
        let line = 64 / size_of::<T>();
        let held = vec![T::ZERO; n + line];
        let start = held.as_ptr().align_offset(64).min(line);
        Self { held, start, len: n }
    }

    /// Keeps the first `n` numbers.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn truncate(&mut self, n: usize) {
        assert!(n <= self.len, "the first {n} of {} numbers", self.len);
        self.len = n;
    }
}

impl<T: Real> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.held[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.held[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_on_a_line() {
        for n in [0, 1, 7, 64, 1000] {
            let mut a = Aligned::<f32>::zeros(n);
            a.iter_mut().enumerate().for_each(|(i, v)| *v = i as f32);
            let copy = a.clone();
            a.truncate(n / 2);
            for (list, len) in [(&a, n / 2), (&copy, n)] {
                assert_eq!((list.as_ptr() as usize % 64, list.len()), (0, len));
                assert!(list.iter().enumerate().all(|(i, &v)| v == i as f32));
            }
        }
    }
}
