//! Vectors of 512 bits: AVX-512 F, BW, DQ and VL.

use super::avx2::{indices8, method};
use super::vector::{Index, Vector};
use std::arch::asm;
use std::arch::x86_64::*;

// SAFETY of the whole file: every method is an intrinsic or two of AVX-512 on registers, or on memory that the trait's
// contract makes valid; callers hold the trait's promise that the machine has the instructions.

impl Vector<f32> for __m512 {
    const LANES: usize = 16;
    type Mask = __mmask16;

    method! {
        fn zero() -> Self { _mm512_setzero_ps() }
        fn splat(value: f32) -> Self { _mm512_set1_ps(value) }
        fn load(from: *const f32) -> Self { _mm512_loadu_ps(from) }
        fn load_masked(from: *const f32, mask: __mmask16) -> Self { _mm512_maskz_loadu_ps(mask, from) }
    }
    #[inline(always)]
    unsafe fn mask(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the head of the file.
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __mmask16) {
        // SAFETY: see the head of the file.
        unsafe { _mm512_mask_storeu_ps(to, mask, self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_fmadd_ps(self, by, plus) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_max_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, of: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(of, _mm512_setzero_ps()), self) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the head of the file.
        unsafe { Vector::<f32>::sum(fold_ps(self)) }
    }
    #[inline(always)]
    unsafe fn fold<const D: usize>(a: Self, b: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe {
            match D {
                8 => {
                    let other = _mm512_shuffle_f32x4::<0b01_00_11_10>(a, b);
                    _mm512_add_ps(_mm512_mask_blend_ps(0xFF00, a, b), other)
                }
                4 => {
                    let other = _mm512_mask_blend_ps(0x0F0F, a, b);
                    let other = _mm512_shuffle_f32x4::<0b10_11_00_01>(other, other);
                    _mm512_add_ps(_mm512_mask_blend_ps(0xF0F0, a, b), other)
                }
                2 => {
                    let other = _mm512_shuffle_ps::<0b01_00_11_10>(a, b);
                    _mm512_add_ps(_mm512_mask_blend_ps(0xCCCC, a, b), other)
                }
                _ => {
                    let other = _mm512_permute_ps::<0b10_11_00_01>(_mm512_mask_blend_ps(0x5555, a, b));
                    _mm512_add_ps(_mm512_mask_blend_ps(0xAAAA, a, b), other)
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
        unsafe { _mm512_i32gather_ps::<4>(indices16(at), x) }
    }
    #[inline(always)]
    unsafe fn gather_masked<I: Index>(x: *const f32, at: *const I, mask: __mmask16) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_mask_i32gather_ps::<4>(_mm512_setzero_ps(), mask, indices16(at), x) }
    }
}

impl Vector<f64> for __m512d {
    const LANES: usize = 8;
    type Mask = __mmask8;

    method! {
        fn zero() -> Self { _mm512_setzero_pd() }
        fn splat(value: f64) -> Self { _mm512_set1_pd(value) }
        fn load(from: *const f64) -> Self { _mm512_loadu_pd(from) }
        fn load_masked(from: *const f64, mask: __mmask8) -> Self { _mm512_maskz_loadu_pd(mask, from) }
    }
    #[inline(always)]
    unsafe fn mask(n: usize) -> __mmask8 {
        ((1u32 << n) - 1) as __mmask8
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see the head of the file.
        unsafe { _mm512_storeu_pd(to, self) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f64, mask: __mmask8) {
        // SAFETY: see the head of the file.
        unsafe { _mm512_mask_storeu_pd(to, mask, self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_fmadd_pd(self, by, plus) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_add_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_sub_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_max_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, of: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(of, _mm512_setzero_pd()), self) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        // SAFETY: see the head of the file.
        unsafe { Vector::<f64>::sum(fold_pd(self)) }
    }
    #[inline(always)]
    unsafe fn fold<const D: usize>(a: Self, b: Self) -> Self {
        // SAFETY: see the head of the file.
        unsafe {
            match D {
                4 => {
                    let other = _mm512_shuffle_f64x2::<0b01_00_11_10>(a, b);
                    _mm512_add_pd(_mm512_mask_blend_pd(0xF0, a, b), other)
                }
                2 => {
                    let other = _mm512_mask_blend_pd(0x33, a, b);
                    let other = _mm512_shuffle_f64x2::<0b10_11_00_01>(other, other);
                    _mm512_add_pd(_mm512_mask_blend_pd(0xCC, a, b), other)
                }
                _ => {
                    let other = _mm512_shuffle_pd::<0b0101_0101>(a, b);
                    _mm512_add_pd(_mm512_mask_blend_pd(0xAA, a, b), other)
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
        unsafe { _mm512_i32gather_pd::<8>(indices8(at), x) }
    }
    #[inline(always)]
    unsafe fn gather_masked<I: Index>(x: *const f64, at: *const I, mask: __mmask8) -> Self {
        // SAFETY: see the head of the file.
        unsafe { _mm512_mask_i32gather_pd::<8>(_mm512_setzero_pd(), mask, indices8(at), x) }
    }
}

#[inline(always)]
unsafe fn indices16<I: Index>(at: *const I) -> __m512i {
    // SAFETY: see the head of the file.
    unsafe {
        if I::NARROW { _mm512_cvtepu16_epi32(_mm256_loadu_si256(at.cast())) } else { _mm512_loadu_si512(at.cast()) }
    }
}

/// The sum of the two halves.
#[inline(always)]
unsafe fn fold_ps(v: __m512) -> __m256 {
    // SAFETY: see the head of the file.
    unsafe { _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v)) }
}

/// The sum of the two halves.
#[inline(always)]
unsafe fn fold_pd(v: __m512d) -> __m256d {
    // SAFETY: see the head of the file.
    unsafe { _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd::<1>(v)) }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn now_ps(mut v: __m512) -> __m512 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(zmm_reg) v, options(nomem, nostack, preserves_flags)) };
    v
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn now_pd(mut v: __m512d) -> __m512d {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(zmm_reg) v, options(nomem, nostack, preserves_flags)) };
    v
}
