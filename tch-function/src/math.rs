//! Elementary functions in a form that the compiler turns into vector code: no branch, no call, no table.
//!
//! `exp` reduces its argument to `r = x - n ln 2` with `|r| <= ln(2)/2` and sums the Taylor series of `e^r`, whose remainder is below
//! a tenth of the last place (Cody and Waite, *Software Manual for the Elementary Functions*, ch. 6). Errors are within 2 units in
//! the last place for arguments within 87 (single) or 708 (double) of zero, and the results hold still beyond; NaN stays NaN.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use tch::Kind;

/// `f32` or `f64` with arithmetic. Sealed: kernels are written for these two.
pub trait Number:
    Copy
    + Send
    + Sync
    + Default
    + PartialOrd
    + Debug
    + Display
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + sealed::Sealed
    + 'static
{
    /// The kind of tensors of it.
    const KIND: Kind;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Rounded to the type.
    #[must_use]
    fn from_f64(value: f64) -> Self;
    /// Exact.
    #[must_use]
    fn to_f64(self) -> f64;
    /// Whether it is NaN.
    #[must_use]
    fn is_nan(self) -> bool;
    /// The size without the sign.
    #[must_use]
    fn abs(self) -> Self;
    /// The square root, correctly rounded.
    #[must_use]
    fn sqrt(self) -> Self;
    /// `e^x`.
    #[must_use]
    fn exp(self) -> Self;
    /// `e^x - 1`, with all digits near zero.
    #[must_use]
    fn exp_m1(self) -> Self;
    /// `tanh x`.
    #[must_use]
    fn tanh(self) -> Self;
    /// `1 / (1 + e^-x)`.
    #[must_use]
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }
    /// `self by + plus`, rounded once. Slow on machines that lack the instruction.
    #[must_use]
    fn mul_add(self, by: Self, plus: Self) -> Self;
    /// `self by + plus`, rounded once where `FUSED`, else twice.
    #[must_use]
    #[inline(always)]
    fn times_plus<const FUSED: bool>(self, by: Self, plus: Self) -> Self {
        if FUSED { self.mul_add(by, plus) } else { self * by + plus }
    }
    /// The greater one; the first where either is NaN.
    #[must_use]
    #[inline(always)]
    fn or_greater(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
    /// Held within bounds; NaN stays.
    #[must_use]
    #[inline(always)]
    fn within(self, low: Self, high: Self) -> Self {
        let x = if self < low { low } else { self };
        if x > high { high } else { x }
    }
}

macro_rules! number {
    ($t:ident, $kind:ident, $bits:ident, $magic:expr, $mantissa:expr, $bias:expr, $ln2_high:expr, $ln2_low:expr, $exp_range:expr, $tanh_range:expr, $taylor:expr) => {
        impl sealed::Sealed for $t {}

        impl Number for $t {
            const KIND: Kind = Kind::$kind;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $t
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }

            #[inline(always)]
            fn mul_add(self, by: Self, plus: Self) -> Self {
                self.mul_add(by, plus)
            }

            #[inline(always)]
            fn exp(self) -> Self {
                let (p, scale) = $t::reduced(self.within(-$exp_range, $exp_range));
                p * scale + scale
            }

            #[inline(always)]
            fn exp_m1(self) -> Self {
                let (p, scale) = $t::reduced(self.within(-$exp_range, $exp_range));
                p * scale + (scale - 1.0)
            }

            #[inline(always)]
            fn tanh(self) -> Self {
                // With u = e^2x - 1; beyond the range it is 1 to the last digit. By the trait's name: the type's own is a call.
                let u = Number::exp_m1(2.0 * self.within(-$tanh_range, $tanh_range));
                u / (u + 2.0)
            }
        }

        impl Reduced for $t {
            #[inline(always)]
            fn reduced(x: $t) -> ($t, $t) {
                // Adding 1.5 * 2^mantissa leaves the nearest integer in the low bits.
                const MAGIC: $t = $magic;
                let shifted = x * std::$t::consts::LOG2_E + MAGIC;
                let n = shifted - MAGIC;
                let r = (x - n * $ln2_high) - n * $ln2_low;
                const TAYLOR: &[$t] = &$taylor;
                let mut p = TAYLOR[0];
                for &c in &TAYLOR[1..] {
                    p = p * r + c;
                }
                let scale = $t::from_bits(shifted.to_bits().wrapping_add($bias) << $mantissa);
                (p * r, scale)
            }
        }
    };
}

mod sealed {
    pub trait Sealed {}
}

/// `e^x = scale (1 + p)` with `scale` a power of two.
trait Reduced: Sized {
    fn reduced(x: Self) -> (Self, Self);
}

number!(
    f32,
    Float,
    u32,
    12_582_912.0,
    23,
    127,
    0.693_359_4,
    -2.121_944_4e-4,
    87.0,
    10.0,
    [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0]
);
number!(
    f64,
    Double,
    u64,
    6_755_399_441_055_744.0,
    52,
    1023,
    0.693_147_180_369_123_8,
    1.908_214_929_270_587_7e-10,
    708.0,
    20.0,
    [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0
    ]
);

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn elementary_functions_agree_with_the_standard_library() {
        for i in -200_000..=200_000 {
            let x = f64::from(i) * 0.003_5;
            let close = |got: f64, want: f64, unit: f64| (got - want).abs() <= 4.0 * unit * want.abs();
            assert!(close(Number::exp(x), f64::exp(x), f64::EPSILON), "exp {x}");
            assert!(close(x.sigmoid(), 1.0 / (1.0 + f64::exp(-x)), f64::EPSILON), "sigmoid {x}");
            let small = x * 0.01;
            assert!(close(Number::exp_m1(small), f64::exp_m1(small), f64::EPSILON), "exp_m1 {small}");
            assert!(close(Number::tanh(small), f64::tanh(small), f64::EPSILON), "tanh {small}");
            let s = (x * 0.12) as f32;
            let close =
                |got: f32, want: f64| (f64::from(got) - want).abs() <= 4.0 * f64::from(f32::EPSILON) * want.abs();
            assert!(close(Number::exp(s), f64::exp(f64::from(s))), "exp {s}: {}", Number::exp(s));
            assert!(close(Number::exp_m1(s), f64::exp_m1(f64::from(s))), "exp_m1 {s}");
            assert!(close(Number::tanh(s), f64::tanh(f64::from(s))), "tanh {s}");
            assert!(close(s.sigmoid(), 1.0 / (1.0 + f64::exp(-f64::from(s)))), "sigmoid {s}");
        }
        for tiny in [1e-300, 1e-20, 1e-8] {
            assert!((Number::tanh(tiny) / tiny - 1.0).abs() < 1e-15);
        }
    }

    /// The functions that types have by the same names are calls into the system's library.
    #[test]
    fn tanh_is_made_of_the_exponential_here() {
        fn of_exp_m1<T: Number>(x: T) -> T {
            let u = (x + x).exp_m1();
            u / (u + T::from_f64(2.0))
        }
        for i in -4000..=4000 {
            let x = f64::from(i) * 0.002_3;
            assert_eq!(Number::tanh(x), of_exp_m1(x));
            assert_eq!(Number::tanh(x as f32), of_exp_m1(x as f32));
        }
    }

    #[test]
    fn extremes() {
        assert!(Number::exp(f64::NAN).is_nan() && Number::tanh(f32::NAN).is_nan() && f32::NAN.sigmoid().is_nan());
        assert_eq!((Number::tanh(1e30), Number::tanh(-1e30f32)), (1.0, -1.0));
        assert!(Number::exp(-1e9) < 1e-300 && Number::exp(-1e9f32) < 1e-37);
        assert!(Number::exp(1e9) > 1e300 && Number::exp(1e9f32) > 1e37);
        assert_eq!((1e9.sigmoid(), 1e9f32.sigmoid(), 0.0.sigmoid()), (1.0, 1.0, 0.5));
        assert!((0.0..1e-300).contains(&(-1e9).sigmoid()) && (0.0..1e-37).contains(&(-1e9f32).sigmoid()));
        assert_eq!((Number::exp(0.0), Number::exp(0.0f32), Number::tanh(0.0)), (1.0, 1.0, 0.0));
    }
}
