//! Room for the columns of large tables.

/// Bytes from which on large pages are asked for.
const LARGE: usize = 4 << 20;
/// Bytes from which on glibc always maps memory for itself, which can then grow without being copied.
const MAPPED: usize = 32 << 20;

/// A column with room for `n` elements. Linux is asked to give it in large pages, as NumPy does: the many small ones of a
/// column of millions take longer to come than the column to be filled.
pub(crate) fn with_room<T>(n: usize) -> Vec<T> {
    let mut column = Vec::with_capacity(n);
    advise(&mut column);
    column
}

/// Makes room for `more` elements of a column that may have any length: for half as many as there are, if it has to be made.
pub(crate) fn grow<T>(column: &mut Vec<T>, more: usize) {
    if column.capacity() - column.len() < more {
        column.reserve_exact(more.max(column.len() / 2));
        advise(column);
    }
}

/// Makes room for `more` elements of a column that is expected to become twice as long.
pub(crate) fn double<T>(column: &mut Vec<T>, more: usize) {
    if column.capacity() - column.len() >= more {
        return;
    }
    let more = more.max(column.len());
    let bytes = (column.len() + more).saturating_mul(size_of::<T>());
    if bytes < LARGE || column.capacity() * size_of::<T>() > MAPPED {
        column.reserve_exact(more);
        advise(column);
    } else {
        // Where the allocator copies, it copies into small pages.
        let mut larger = with_room(column.len() + more);
        larger.append(column);
        *column = larger;
    }
}

/// Asks for large pages if a column is large.
fn advise<T>(column: &mut Vec<T>) {
    let bytes = column.capacity() * size_of::<T>();
    if bytes >= LARGE {
        ask_for_large_pages(column.as_mut_ptr().cast(), bytes);
    }
}

#[cfg(target_os = "linux")]
fn ask_for_large_pages(start: *mut u8, bytes: usize) {
    // SAFETY: a question without side effects.
    let Ok(page) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) else { return };
    // All pages of the allocation, so that Linux can still move it as a whole when it grows.
    let before = start.addr() % page;
    let whole = (before + bytes).next_multiple_of(page);
    // SAFETY: each page has a byte of the caller's allocation in it, and is therefore mapped. The advice changes neither what
    // is in a page nor who may use it, and whether it was taken is of no matter.
    unsafe { libc::madvise(start.wrapping_sub(before).cast(), whole, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages(_start: *mut u8, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_of_any_size_can_be_filled() {
        let sizes = [0, 1, LARGE - 1, LARGE, LARGE + 1, (3 << 20) + 12_345, MAPPED + 7];
        for (n, doubles) in sizes.into_iter().flat_map(|n| [(n, false), (n, true)]) {
            let make_room = if doubles { double::<u8> } else { grow::<u8> };
            let mut column: Vec<u8> = with_room(n);
            for round in 1..4 {
                column.extend((column.len()..round * n).map(|i| (i % 251) as u8));
                make_room(&mut column, n + 1);
                assert!(column.capacity() > (round + 1) * n);
            }
            assert!(
                column.len() == 3 * n && column.iter().zip(0..).all(|(&byte, i)| usize::from(byte) == i % 251),
                "{n}"
            );
        }
    }
}
