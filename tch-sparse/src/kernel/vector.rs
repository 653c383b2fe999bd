//! The few vector operations that the kernels are written in, one implementation per instruction set: also for kernels of one's own,
//! by way of [`Real`](crate::Real), whose `Base`, `Half` and `Full` are the registers of the three tiers.

/// A column index as stored: u16 where the matrix has at most 65,536 columns (a quarter less memory traffic), else u32.
pub trait Index: Copy + Send + Sync + 'static {
    /// As an offset.
    fn get(self) -> usize;
    /// Whether it takes two bytes (else four).
    const NARROW: bool;
}

impl Index for u16 {
    const NARROW: bool = true;
    #[inline(always)]
    fn get(self) -> usize {
        usize::from(self)
    }
}

impl Index for u32 {
    const NARROW: bool = false;
    #[inline(always)]
    fn get(self) -> usize {
        self as usize
    }
}

/// A register of numbers.
///
/// # Safety
/// Every method needs the instruction set of the implementing type on the running machine; pointers must be readable
/// (writable) for `LANES` numbers, or for the masked ones only where a mask is given. Alignment is not needed.
#[allow(clippy::missing_safety_doc)] // said above for all methods
pub trait Vector<T>: Copy {
    /// Numbers in a register, at most 16.
    const LANES: usize;
    /// Selects the first few lanes.
    type Mask: Copy;

    /// Zeros.
    unsafe fn zero() -> Self;
    /// The same number in all lanes.
    unsafe fn splat(value: T) -> Self;
    /// Reads `LANES` numbers.
    unsafe fn load(from: *const T) -> Self;
    /// Writes `LANES` numbers.
    unsafe fn store(self, to: *mut T);
    /// The first `n` lanes, `n <= LANES`.
    unsafe fn mask(n: usize) -> Self::Mask;
    /// Lanes outside the mask are zero and their memory is not touched.
    unsafe fn load_masked(from: *const T, mask: Self::Mask) -> Self;
    /// Writes the lanes within the mask.
    unsafe fn store_masked(self, to: *mut T, mask: Self::Mask);
    /// `self * by + plus`.
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self;
    /// Lane by lane.
    unsafe fn add(self, other: Self) -> Self;
    /// Lane by lane.
    unsafe fn sub(self, other: Self) -> Self;
    /// The larger one, lane by lane; `other` where one of the two is no number, or both are zero.
    unsafe fn max(self, other: Self) -> Self;
    /// Itself in the lanes where `of` is more than zero, zero elsewhere.
    unsafe fn where_positive(self, of: Self) -> Self;
    /// The sum over the lanes, in a fixed order.
    unsafe fn sum(self) -> T;
    /// Lane `j` of the result is `a[j] + a[j ^ D]` where bit `D` of `j` is off, `b[j] + b[j ^ D]` where it is on; `D` is a power of
    /// two below `LANES`: a step of summing many registers at once.
    unsafe fn fold<const D: usize>(a: Self, b: Self) -> Self;
    /// Itself, computed here: the compiler may not put it off to where it is used, which costs more registers than there are when
    /// what it is made of has to wait.
    unsafe fn now(self) -> Self;
    /// Lane `j` is `x[at[j]]`.
    unsafe fn gather<I: Index>(x: *const T, at: *const I) -> Self;
    /// The same with zero, and no access to `x`, outside the mask. All `LANES` indices must be readable.
    unsafe fn gather_masked<I: Index>(x: *const T, at: *const I, mask: Self::Mask) -> Self;
}

/// Sums over the lanes of as many registers as a register has lanes: lane `j` of the result is that of the `j`th, which the
/// expression makes when its turn comes, so that few of them wait at a time. Their turns are 0, 8, 4, 12, 2, ...
macro_rules! sums {
    ($v:ty, $t:ty, $j:ident => $register:expr) => {
        sums!(@from 0, [1 2 4 8], $v, $t, $j => $register)
    };
    (@from $at:expr, [], $v:ty, $t:ty, $j:ident => $register:expr) => {{
        let $j: usize = $at;
        $register
    }};
    (@from $at:expr, [$d:literal $($rest:literal)*], $v:ty, $t:ty, $j:ident => $register:expr) => {
        if $d < <$v as Vector<$t>>::LANES {
            let a = sums!(@from $at, [$($rest)*], $v, $t, $j => $register);
            let b = sums!(@from $at + $d, [$($rest)*], $v, $t, $j => $register);
            <$v as Vector<$t>>::fold::<$d>(a, b)
        } else {
            sums!(@from $at, [$($rest)*], $v, $t, $j => $register)
        }
    };
}
pub(super) use sums;

/// How many bytes ahead a list that is gone through once, from end to end, is asked for. From 1 to 2 KiB are alike.
const STREAM: usize = 2048;

/// Asks for the cache line [`STREAM`] bytes after `at` in such a list.
///
/// Processors see streams by themselves but lose them among the rows of X that entries jump to: with this, products of 1 to 16
/// columns take 70 to 85 % of the time on AMD's Zen 5, and the pass that writes a gradient too, 50 to 70 %.
#[inline(always)]
pub(crate) fn prefetch_stream<T>(at: *const T) {
    prefetch(at.cast::<u8>().wrapping_add(STREAM));
}

/// Asks for the cache line at `at`, which need not be a valid address.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching has no effect on memory and SSE is part of the x86-64 baseline.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
