//! Vectors of 512 bits: AVX-512 F, BW, DQ and VL.

use super::avx2::{indices8, method};
use super::vector::{Index, Vector};
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
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the head of the file.
        unsafe { Vector::<f32>::sum(fold_ps(self)) }
    }
    #[inline(always)]
    unsafe fn sums(rows: &[Self; 16]) -> Self {
        // SAFETY: see the head of the file.
        unsafe {
            let mut low = [_mm256_setzero_ps(); 16];
            let mut high = low;
            for j in 0..8 {
                low[j] = fold_ps(rows[j]);
                high[j] = fold_ps(rows[j + 8]);
            }
            let (low, high) = (Vector::<f32>::sums(&low), Vector::<f32>::sums(&high));
            _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
        }
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
    unsafe fn sum(self) -> f64 {
        // SAFETY: see the head of the file.
        unsafe { Vector::<f64>::sum(fold_pd(self)) }
    }
    #[inline(always)]
    unsafe fn sums(rows: &[Self; 16]) -> Self {
        // SAFETY: see the head of the file.
        unsafe {
            let mut low = [_mm256_setzero_pd(); 16];
            let mut high = low;
            for j in 0..4 {
                low[j] = fold_pd(rows[j]);
                high[j] = fold_pd(rows[j + 4]);
            }
            let (low, high) = (Vector::<f64>::sums(&low), Vector::<f64>::sums(&high));
            _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high)
        }
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
