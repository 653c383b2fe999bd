//! Vectors for any machine: arrays that the compiler turns into whatever registers the target has.

use super::vector::{Index, Vector};

/// Eight numbers.
#[derive(Clone, Copy)]
pub struct Array8<T>([T; 8]);

macro_rules! portable {
    ($t:ty) => {
        impl Vector<$t> for Array8<$t> {
            const LANES: usize = 8;
            type Mask = usize;

            #[inline(always)]
            unsafe fn zero() -> Self {
                Self([0.0; 8])
            }
            #[inline(always)]
            unsafe fn splat(value: $t) -> Self {
                Self([value; 8])
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: readable for eight numbers, by the trait's contract.
                Self(unsafe { from.cast::<[$t; 8]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: writable for eight numbers, by the trait's contract.
                unsafe { to.cast::<[$t; 8]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn mask(n: usize) -> usize {
                n
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const $t, mask: usize) -> Self {
                let (mut v, mut at) = ([0.0; 8], 0);
                // By halves: the count is the same for every entry, so that these branches cost nothing.
                for part in [8, 4, 2, 1] {
                    if mask & part != 0 {
                        // SAFETY: masked lanes are readable, by the trait's contract; the parts add up to at most 8.
                        unsafe { from.add(at).copy_to_nonoverlapping(v.as_mut_ptr().add(at), part) };
                        at += part;
                    }
                }
                Self(v)
            }
            #[inline(always)]
            unsafe fn store_masked(self, to: *mut $t, mask: usize) {
                for (j, v) in self.0.iter().enumerate().take(mask) {
                    // SAFETY: masked lanes are writable, by the trait's contract.
                    unsafe { *to.add(j) = *v };
                }
            }
            #[inline(always)]
            unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
                // Two roundings: without the instruction a fused one would be a slow library call.
                Self(std::array::from_fn(|j| self.0[j] * by.0[j] + plus.0[j]))
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j] + other.0[j]))
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j] - other.0[j]))
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                // not `f32::max`, which prefers numbers
                Self(std::array::from_fn(|j| if self.0[j] > other.0[j] { self.0[j] } else { other.0[j] }))
            }
            #[inline(always)]
            unsafe fn where_positive(self, of: Self) -> Self {
                Self(std::array::from_fn(|j| if of.0[j] > 0.0 { self.0[j] } else { 0.0 }))
            }
            #[inline(always)]
            unsafe fn sum(self) -> $t {
                let v = self.0;
                ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
            }
            #[inline(always)]
            unsafe fn fold<const D: usize>(a: Self, b: Self) -> Self {
                Self(std::array::from_fn(|j| if j & D == 0 { a.0[j] + a.0[j ^ D] } else { b.0[j] + b.0[j ^ D] }))
            }
            #[inline(always)]
            unsafe fn now(self) -> Self {
                self
            }
            #[inline(always)]
            unsafe fn gather<I: Index>(x: *const $t, at: *const I) -> Self {
                // SAFETY: eight indices are readable and each lies within `x`, by the trait's contract.
                Self(std::array::from_fn(|j| unsafe { *x.add((*at.add(j)).get()) }))
            }
            #[inline(always)]
            unsafe fn gather_masked<I: Index>(x: *const $t, at: *const I, mask: usize) -> Self {
                let mut v = [0.0; 8];
                for (j, v) in v.iter_mut().enumerate().take(mask) {
                    // SAFETY: the indices are readable and the masked ones lie within `x`, by the trait's contract.
                    *v = unsafe { *x.add((*at.add(j)).get()) };
                }
                Self(v)
            }
        }
    };
}

portable!(f32);
portable!(f64);
