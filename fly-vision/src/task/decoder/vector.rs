//! The few vector operations that the kernels are written in.

use tch_function::Tier;
use tch_function::math::Number;

/// A register of numbers.
///
/// # Safety
/// Every method needs the instruction set of the implementing type on the running machine.
pub(super) trait Vector<T>: Copy {
    /// Numbers in a register.
    const LANES: usize;

    unsafe fn splat(value: T) -> Self;
    /// The first `LANES` numbers, which there must be: fewer panic.
    unsafe fn load(from: &[T]) -> Self;
    /// As [`Vector::load`].
    unsafe fn store(self, to: &mut [T]);
    /// `self by + plus`.
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self;
}

/// The registers of a type on each tier.
pub(super) trait Real: Number {
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Self>;

    /// Numbers in a register of the machine's best tier.
    fn lanes() -> usize {
        match Tier::best() {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => Self::Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => Self::Avx2::LANES,
            _ => <Quad<Self> as Vector<Self>>::LANES,
        }
    }
}

impl Real for f32 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = std::arch::x86_64::__m512;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = std::arch::x86_64::__m256;
}

impl Real for f64 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = std::arch::x86_64::__m512d;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = std::arch::x86_64::__m256d;
}

/// Four numbers on any machine.
#[derive(Clone, Copy)]
pub(super) struct Quad<T>([T; 4]);

impl<T: Number> Vector<T> for Quad<T> {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: &[T]) -> Self {
        Self([from[0], from[1], from[2], from[3]])
    }
    #[inline(always)]
    unsafe fn store(self, to: &mut [T]) {
        to[..4].copy_from_slice(&self.0);
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * by.0[i] + plus.0[i]))
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! register {
    ($v:ident, $t:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $fma:ident) => {
        impl Vector<$t> for std::arch::x86_64::$v {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn splat(value: $t) -> Self {
                // SAFETY: the machine has the instruction, by the trait's contract.
                unsafe { std::arch::x86_64::$splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: &[$t]) -> Self {
                // SAFETY: as above; the slice has as many numbers.
                unsafe { std::arch::x86_64::$load(from[..$lanes].as_ptr()) }
            }
            #[inline(always)]
            unsafe fn store(self, to: &mut [$t]) {
                // SAFETY: as above; the slice has as many numbers.
                unsafe { std::arch::x86_64::$store(to[..$lanes].as_mut_ptr(), self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$fma(self, by, plus) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
register!(__m512, f32, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps);
#[cfg(target_arch = "x86_64")]
register!(__m512d, f64, 8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_fmadd_pd);
#[cfg(target_arch = "x86_64")]
register!(__m256, f32, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps);
#[cfg(target_arch = "x86_64")]
register!(__m256d, f64, 4, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_fmadd_pd);
