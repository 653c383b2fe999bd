//! Vectors of 256 bits: AVX2 with FMA.

use super::vector::{Index, Vector};
use std::arch::asm;
use std::arch::x86_64::*;

// SAFETY of the whole file: every method is an intrinsic or two of AVX2/FMA on registers, or on memory that the trait's
// contract makes valid; callers hold the trait's promise that the machine has the instructions.

/// Ones in the first `n` of eight 32-bit lanes when read from element `8 - n`.
static WINDOW: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
/// Ones in the first `n` of four 64-bit lanes when read from element `4 - n`.
static WINDOW64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

#[inline(always)]
pub(super) unsafe fn indices8<I: Index>(at: *const I) -> __m256i {
    // SAFETY: see the head of the file.
    unsafe { if I::NARROW { _mm256_cvtepu16_epi32(_mm_loadu_si128(at.cast())) } else { _mm256_loadu_si256(at.cast()) } }
}

#[inline(always)]
unsafe fn indices4<I: Index>(at: *const I) -> __m128i {
    // SAFETY: see the head of the file.
    unsafe { if I::NARROW { _mm_cvtepu16_epi32(_mm_loadl_epi64(at.cast())) } else { _mm_loadu_si128(at.cast()) } }
}

macro_rules! method {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) $(-> $out:ty)? { $body:expr })*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg: $ty),*) $(-> $out)? {
                // SAFETY: see the head of the file.
                unsafe { $body }
            }
        )*
    };
}
pub(super) use method;

impl Vector<f32> for __m256 {
    const LANES: usize = 8;
    type Mask = __m256i;

    method! {
        fn zero() -> Self { _mm256_setzero_ps() }
        fn splat(value: f32) -> Self { _mm256_set1_ps(value) }
        fn load(from: *const f32) -> Self { _mm256_loadu_ps(from) }
        fn mask(n: usize) -> __m256i { _mm256_loadu_si256(WINDOW.as_ptr().add(8 - n).cast()) }
        fn load_masked(from: *const f32, mask: __m256i) -> Self { _mm256_maskload_ps(from, mask) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the head of the file.
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __m256i) {
        // SAFETY: see the head of the file.
        unsafe { _mm256_maskstore_ps(to, mask, self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_fmadd_ps(self, by, plus) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_max_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, of: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_and_ps(self, _mm256_cmp_ps::<_CMP_GT_OQ>(of, _mm256_setzero_ps())) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the head of the file.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self), _mm256_extractf128_ps::<1>(self));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    unsafe fn fold<const D: usize>(a: Self, b: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe {
            match D {
                4 => {
                    let other = _mm256_permute2f128_ps::<0x21>(a, b);
                    _mm256_add_ps(_mm256_blend_ps::<0xF0>(a, b), other)
                }
                2 => {
                    let other = _mm256_shuffle_ps::<0b01_00_11_10>(a, b);
                    _mm256_add_ps(_mm256_blend_ps::<0xCC>(a, b), other)
                }
                _ => {
                    let other = _mm256_permute_ps::<0b10_11_00_01>(_mm256_blend_ps::<0x55>(a, b));
                    _mm256_add_ps(_mm256_blend_ps::<0xAA>(a, b), other)
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn now(self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { now_ps(self) }
    }
    #[inline(always)]
    unsafe fn gather<I: Index>(x: *const f32, at: *const I) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_i32gather_ps::<4>(x, indices8(at)) }
    }
    #[inline(always)]
    unsafe fn gather_masked<I: Index>(x: *const f32, at: *const I, mask: __m256i) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_mask_i32gather_ps::<4>(_mm256_setzero_ps(), x, indices8(at), _mm256_castsi256_ps(mask)) }
    }
}

impl Vector<f64> for __m256d {
    const LANES: usize = 4;
    type Mask = __m256i;

    method! {
        fn zero() -> Self { _mm256_setzero_pd() }
        fn splat(value: f64) -> Self { _mm256_set1_pd(value) }
        fn load(from: *const f64) -> Self { _mm256_loadu_pd(from) }
        fn mask(n: usize) -> __m256i { _mm256_loadu_si256(WINDOW64.as_ptr().add(4 - n).cast()) }
        fn load_masked(from: *const f64, mask: __m256i) -> Self { _mm256_maskload_pd(from, mask) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see the head of the file.
        unsafe { _mm256_storeu_pd(to, self) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f64, mask: __m256i) {
        // SAFETY: see the head of the file.
        unsafe { _mm256_maskstore_pd(to, mask, self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_fmadd_pd(self, by, plus) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_add_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_sub_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_max_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, of: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_and_pd(self, _mm256_cmp_pd::<_CMP_GT_OQ>(of, _mm256_setzero_pd())) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        // SAFETY: see the head of the file.
        unsafe {
            let two = _mm_add_pd(_mm256_castpd256_pd128(self), _mm256_extractf128_pd::<1>(self));
            _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
        }
    }
    #[inline(always)]
    unsafe fn fold<const D: usize>(a: Self, b: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe {
            match D {
                2 => {
                    let other = _mm256_permute2f128_pd::<0x21>(a, b);
                    _mm256_add_pd(_mm256_blend_pd::<0b1100>(a, b), other)
                }
                _ => {
                    let other = _mm256_shuffle_pd::<0b0101>(a, b);
                    _mm256_add_pd(_mm256_blend_pd::<0b1010>(a, b), other)
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn now(self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { now_pd(self) }
    }
    #[inline(always)]
    unsafe fn gather<I: Index>(x: *const f64, at: *const I) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_i32gather_pd::<8>(x, indices4(at)) }
    }
    #[inline(always)]
    unsafe fn gather_masked<I: Index>(x: *const f64, at: *const I, mask: __m256i) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm256_mask_i32gather_pd::<8>(_mm256_setzero_pd(), x, indices4(at), _mm256_castsi256_pd(mask)) }
    }
}

#[inline]
#[target_feature(enable = "avx")]
unsafe fn now_ps(mut v: __m256) -> __m256 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(ymm_reg) v, options(nomem, nostack, preserves_flags)) };
    v
}

#[inline]
#[target_feature(enable = "avx")]
unsafe fn now_pd(mut v: __m256d) -> __m256d {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(ymm_reg) v, options(nomem, nostack, preserves_flags)) };
    v
}
