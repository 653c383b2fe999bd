//! The kernels for each number type, index type and tier, compiled in this crate, so that nobody who is generic over the number type
//! compiles them again.

use super::fused::Factors as FusedFactors;
use super::product::Strides;
use super::sampled::Factors as SampledFactors;
use super::vector::Index;
use super::{Csr, Into, Pattern, Tier, fused, product, sampled, tile};
use crate::Real;
use crate::pattern::{Columns, Layout};
use std::ops::Range;

/// The kernels of a number type.
pub trait Kernels: Sized {
    /// # Safety
    /// As [`product::rows`], for a tier that the machine has; there are as many `values` as entries.
    #[allow(clippy::too_many_arguments)] // a kernel's
    unsafe fn kernel_product(
        tier: Tier,
        a: &Layout,
        values: &[Self],
        x: *const Self,
        strides: Strides,
        rows: Range<usize>,
        into: Into,
        y: *mut Self,
    );

    /// # Safety
    /// As [`sampled::rows`], for a tier that the machine has.
    unsafe fn kernel_sampled(
        tier: Tier,
        p: &Layout,
        factors: SampledFactors<Self>,
        batch: usize,
        rows: Range<usize>,
        into: Into,
    );

    /// # Safety
    /// As [`fused::rows`], for a tier that the machine has; there are as many `values` as entries.
    unsafe fn kernel_product_and_sampled(
        tier: Tier,
        a: &Layout,
        values: &[Self],
        factors: FusedFactors<Self>,
        batch: usize,
        rows: Range<usize>,
        into: Into,
    );

    /// # Safety
    /// As [`tile::tile`] of the shape of the tier with one or two registers of columns, for a tier that the machine has.
    unsafe fn kernel_tile(tier: Tier, registers: usize, inner: usize, a: *const Self, b: *const Self, out: *mut Self);
}

macro_rules! kernels {
    ($t:ty) => {
        impl Kernels for $t {
            unsafe fn kernel_product(
                tier: Tier,
                a: &Layout,
                values: &[Self],
                x: *const Self,
                strides: Strides,
                rows: Range<usize>,
                into: Into,
                y: *mut Self,
            ) {
                let (row_ptr, val) = (a.row_ptr(), values.as_ptr());
                // SAFETY: the caller's promise; a `Layout` is valid by construction and padded.
                unsafe {
                    match a.columns() {
                        Columns::Narrow(c) => {
                            run_product(tier, Csr { row_ptr, col: c.as_ptr(), val }, x, strides, rows, into, y);
                        }
                        Columns::Wide(c) => {
                            run_product(tier, Csr { row_ptr, col: c.as_ptr(), val }, x, strides, rows, into, y);
                        }
                    }
                }
            }

            unsafe fn kernel_sampled(
                tier: Tier,
                p: &Layout,
                factors: SampledFactors<Self>,
                batch: usize,
                rows: Range<usize>,
                into: Into,
            ) {
                let row_ptr = p.row_ptr();
                // SAFETY: as above.
                unsafe {
                    match p.columns() {
                        Columns::Narrow(c) => {
                            run_sampled(tier, Pattern { row_ptr, col: c.as_ptr() }, factors, batch, rows, into);
                        }
                        Columns::Wide(c) => {
                            run_sampled(tier, Pattern { row_ptr, col: c.as_ptr() }, factors, batch, rows, into);
                        }
                    }
                }
            }

            unsafe fn kernel_product_and_sampled(
                tier: Tier,
                a: &Layout,
                values: &[Self],
                factors: FusedFactors<Self>,
                batch: usize,
                rows: Range<usize>,
                into: Into,
            ) {
                let (row_ptr, val) = (a.row_ptr(), values.as_ptr());
                // SAFETY: as above.
                unsafe {
                    match a.columns() {
                        Columns::Narrow(c) => {
                            run_fused(tier, Csr { row_ptr, col: c.as_ptr(), val }, factors, batch, rows, into);
                        }
                        Columns::Wide(c) => {
                            run_fused(tier, Csr { row_ptr, col: c.as_ptr(), val }, factors, batch, rows, into);
                        }
                    }
                }
            }

            unsafe fn kernel_tile(
                tier: Tier,
                registers: usize,
                inner: usize,
                a: *const Self,
                b: *const Self,
                out: *mut Self,
            ) {
                // SAFETY: the caller's promise.
                unsafe { run_tile(tier, registers, inner, a, b, out) }
            }
        }
    };
}
kernels!(f32);
kernels!(f64);

/// Compiles a generic kernel once per tier and calls the one asked for.
macro_rules! per_tier {
    ($run:ident calls $module:ident::$kernel:ident, ($($arg:ident: $ty:ty),*)) => {
        unsafe fn $run<T: Real, I: Index>(tier: Tier, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn on_avx512<T: Real, I: Index>($($arg: $ty),*) {
                // SAFETY: the caller's promise, and the instructions are enabled here.
                unsafe { $module::$kernel::<T, T::Full, T::Half, I>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn on_avx2<T: Real, I: Index>($($arg: $ty),*) {
                // SAFETY: as above.
                unsafe { $module::$kernel::<T, T::Half, T::Half, I>($($arg),*) }
            }
            // SAFETY: the caller's promise, and the tier was found on this machine.
            unsafe {
                match tier {
                    #[cfg(target_arch = "x86_64")]
                    Tier::Avx512 => on_avx512::<T, I>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Tier::Avx2 => on_avx2::<T, I>($($arg),*),
                    _ => $module::$kernel::<T, T::Base, T::Base, I>($($arg),*),
                }
            }
        }
    };
}

per_tier!(run_product calls product::rows, (a: Csr<'_, T, I>, x: *const T, strides: Strides, rows: Range<usize>, into: Into, y: *mut T));
per_tier!(run_fused calls fused::rows, (a: Csr<'_, T, I>, factors: FusedFactors<T>, batch: usize, rows: Range<usize>, into: Into));
per_tier!(run_sampled calls sampled::rows, (p: Pattern<'_, I>, factors: SampledFactors<T>, batch: usize, rows: Range<usize>, into: Into));

unsafe fn run_tile<T: Real>(tier: Tier, registers: usize, inner: usize, a: *const T, b: *const T, out: *mut T) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    unsafe fn on_avx512<T: Real, const REGISTERS: usize>(inner: usize, a: *const T, b: *const T, out: *mut T) {
        // SAFETY: the caller's promise, and the instructions are enabled here.
        unsafe { tile::tile::<T, T::Full, 12, REGISTERS>(inner, a, b, out) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn on_avx2<T: Real, const REGISTERS: usize>(inner: usize, a: *const T, b: *const T, out: *mut T) {
        // SAFETY: as above.
        unsafe { tile::tile::<T, T::Half, 6, REGISTERS>(inner, a, b, out) }
    }
    // SAFETY: the caller's promise, and the tier was found on this machine.
    unsafe {
        match (tier, registers) {
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx512, 1) => on_avx512::<T, 1>(inner, a, b, out),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx512, _) => on_avx512::<T, 2>(inner, a, b, out),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx2, 1) => on_avx2::<T, 1>(inner, a, b, out),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx2, _) => on_avx2::<T, 2>(inner, a, b, out),
            (_, 1) => tile::tile::<T, T::Base, 2, 1>(inner, a, b, out),
            _ => tile::tile::<T, T::Base, 2, 2>(inner, a, b, out),
        }
    }
}
