//! What the objects of a pickle may take in memory.

use std::cell::Cell;

use crate::options::Limits;
use crate::{Error, Location};

/// Bytes in memory for each byte of a file.
const FACTOR: u64 = 4;

/// Memory in use for one file, its own bytes among it, against what the file may cost.
///
/// One byte of a pickle can make an object of many, so memory is claimed here before it is asked for. The counts are of
/// bytes that are asked for, for an instant twice where a list is moved to grow.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    used: Cell<u64>,
    limit: Cell<u64>,
    at: Location,
}

impl Budget {
    /// For a file of `size` bytes.
    pub(crate) fn new(size: u64, limits: &Limits, at: &Location) -> Self {
        let limit = size.saturating_mul(FACTOR).saturating_add(limits.objects);
        Self { used: Cell::new(0), limit: Cell::new(limit), at: at.clone() }
    }

    /// For a pickle that lies in memory.
    pub(crate) fn of(bytes: &[u8], limits: &Limits, at: &Location) -> Self {
        let budget = Self::new(bytes.len() as u64, limits, at);
        budget.used.set(bytes.len() as u64);
        budget
    }

    /// What was deflated counts as if it lay in the file, once it has been inflated.
    pub(crate) fn arrived(&self, bytes: usize) {
        self.limit.set(self.limit.get().saturating_add(FACTOR.saturating_mul(bytes as u64)));
    }

    /// Whether there is room for `bytes`, which whoever makes an object of them claims.
    pub(crate) fn fits(&self, bytes: usize) -> Result<(), Error> {
        let size = self.used.get().saturating_add(bytes as u64);
        if size <= self.limit.get() {
            return Ok(());
        }
        Err(Error::TooLarge {
            at: self.at.boxed(),
            what: "the file with what it becomes in memory",
            size,
            limit: self.limit.get(),
            remedy: "save numbers as arrays, or raise `ReadOptions::limits.objects` if the file is trusted",
        })
    }

    /// Takes `bytes`.
    pub(crate) fn claim(&self, bytes: usize) -> Result<(), Error> {
        self.fits(bytes)?;
        self.used.set(self.used.get().saturating_add(bytes as u64));
        Ok(())
    }

    /// Gives `bytes` back.
    pub(crate) fn release(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes as u64));
    }

    /// Drops a list.
    pub(crate) fn free<T>(&self, list: Vec<T>) {
        let old = list.capacity();
        drop(list);
        self.release(size_of::<T>() * old);
    }

    /// Makes room for `more` items at the end of a list, which grows by half at least.
    pub(crate) fn room<T>(&self, list: &mut Vec<T>, more: usize) -> Result<(), Error> {
        let (length, old) = (list.len(), list.capacity());
        if old - length >= more {
            return Ok(());
        }
        let new = (length + more).max(old + old / 2);
        self.claim(size_of::<T>().saturating_mul(new))?;
        list.reserve_exact(new - length);
        self.release(size_of::<T>() * old);
        Ok(())
    }

    /// Gives the room at the end of a list back, where it fits twice for an instant.
    pub(crate) fn trim<T>(&self, list: &mut Vec<T>) {
        let old = list.capacity();
        if old > list.len() && self.claim(size_of::<T>() * list.len()).is_ok() {
            list.shrink_to_fit();
            self.release(size_of::<T>() * old);
        }
    }
}
