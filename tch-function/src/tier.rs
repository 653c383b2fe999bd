//! Loops compiled once per instruction set and chosen at run time.

use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tier {
    /// Whatever the target's baseline is.
    Portable,
    /// AVX2 and FMA (x86-64 since 2013).
    Avx2,
    /// AVX-512 F, BW, DQ and VL (servers since 2017).
    Avx512,
}

impl Tier {
    /// All of them, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The fastest that this machine has. Asked once per process.
    pub fn best() -> Self {
        static BEST: OnceLock<Tier> = OnceLock::new();
        *BEST.get_or_init(|| Self::ALL.into_iter().rev().find(|t| t.is_available()).unwrap_or(Self::Portable))
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// Defines a function that calls an `#[inline(always)]` function of yours, compiled for each [`Tier`], on the machine's best one.
///
/// The compiler turns plain loops over slices into the widest vectors of the tier, so that no intrinsics are needed; the functions of
/// [`math`](crate::math) are made for such loops. The tiers' results are the same bits, unless the body fuses.
///
/// The first parameter is the number type with its bound; sizes known at compile time may follow. With `, fused` at the end the
/// body has one more parameter, `const FUSED: bool`: whether the tier multiplies and adds in one instruction, for
/// [`times_plus`](crate::math::Number::times_plus). Elsewhere that would be a slow call.
///
/// ```
/// use tch_function::math::Number;
///
/// tch_function::on_best_tier! {
///     /// Replaces each `x` by `tanh x`.
///     pub fn tanh_all<T: Number>(x: &mut [T]) = tanh_body
/// }
///
/// #[inline(always)]
/// fn tanh_body<T: Number>(x: &mut [T]) {
///     for x in x {
///         *x = x.tanh();
///     }
/// }
///
/// tch_function::on_best_tier!(fn dots<T: Number, const N: usize>(x: &[[T; N]], y: [T; N]) -> Vec<T> = dots_body, fused);
///
/// #[inline(always)]
/// fn dots_body<T: Number, const N: usize, const FUSED: bool>(x: &[[T; N]], y: [T; N]) -> Vec<T> {
///     let dot = |x: &[T; N]| x.iter().zip(y).fold(T::ZERO, |sum, (x, y)| x.times_plus::<FUSED>(y, sum));
///     x.iter().map(dot).collect()
/// }
///
/// let mut x = [0.0, 1.0];
/// tanh_all(&mut x);
/// assert_eq!(x[0], 0.0);
/// assert!((x[1] - 1.0f64.tanh()).abs() < 1e-15);
/// assert_eq!(dots(&[[1.0f32, 2.0], [3.0, 4.0]], [1.0, -1.0]), [-1.0, -1.0]);
/// ```
#[macro_export]
macro_rules! on_best_tier {
    (@define $(#[$attr:meta])* $vis:vis fn $name:ident<$t:ident: $bound:path $(, const $n:ident: usize)*>($($arg:ident: $ty:ty),*) $(-> $out:ty)?, $fast:expr, $portable:expr) => {
        $(#[$attr])*
        $vis fn $name<$t: $bound $(, const $n: usize)*>($($arg: $ty),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn on_avx512<$t: $bound $(, const $n: usize)*>($($arg: $ty),*) $(-> $out)? {
                $fast
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn on_avx2<$t: $bound $(, const $n: usize)*>($($arg: $ty),*) $(-> $out)? {
                $fast
            }
            match $crate::Tier::best() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the tier was found on this machine.
                $crate::Tier::Avx512 => unsafe { on_avx512::<$t $(, $n)*>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::Tier::Avx2 => unsafe { on_avx2::<$t $(, $n)*>($($arg),*) },
                _ => $portable,
            }
        }
    };
    ($(#[$attr:meta])* $vis:vis fn $name:ident<$t:ident: $bound:path $(, const $n:ident: usize)*>($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:ident) => {
        $crate::on_best_tier!(
            @define $(#[$attr])* $vis fn $name<$t: $bound $(, const $n: usize)*>($($arg: $ty),*) $(-> $out)?,
            $body::<$t $(, $n)*>($($arg),*),
            $body::<$t $(, $n)*>($($arg),*)
        );
    };
    ($(#[$attr:meta])* $vis:vis fn $name:ident<$t:ident: $bound:path $(, const $n:ident: usize)*>($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:ident, fused) => {
        $crate::on_best_tier!(
            @define $(#[$attr])* $vis fn $name<$t: $bound $(, const $n: usize)*>($($arg: $ty),*) $(-> $out)?,
            $body::<$t $(, $n)*, true>($($arg),*),
            $body::<$t $(, $n)*, false>($($arg),*)
        );
    };
}
