//! What a call costs: memory by a counting allocator, per thread, and time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Counts the bytes in use by each thread and their peak. What one thread allocates and another frees is counted on
/// both, with opposite signs.
struct Counting;

thread_local! {
    static IN_USE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn grow(bytes: usize) {
    let now = IN_USE.get() + bytes as isize;
    IN_USE.set(now);
    PEAK.set(PEAK.get().max(now));
}

fn shrink(bytes: usize) {
    IN_USE.set(IN_USE.get() - bytes as isize);
}

// SAFETY: every call is handed on to the system's allocator unchanged; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // For a moment both may exist.
        grow(new_size);
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Cost of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Largest number of bytes in use at once, beyond those before the call.
    pub(crate) memory: usize,
    pub(crate) time: Duration,
}

/// Calls and measures.
pub(crate) fn measure<T>(call: impl FnOnce() -> T) -> (T, Cost) {
    let before = IN_USE.get();
    PEAK.set(before);
    let start = Instant::now();
    let value = call();
    let time = start.elapsed();
    (value, Cost { memory: (PEAK.get() - before) as usize, time })
}
