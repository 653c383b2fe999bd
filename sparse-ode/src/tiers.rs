//! Loops compiled once per instruction set and chosen at run time.

/// Makes `$name` call `$body`, an `#[inline(always)]` function, compiled for the machine's best tier.
///
/// With `, fused` at the end the body's last parameter tells whether the tier multiplies and adds in one instruction: elsewhere
/// that is a slow call.
macro_rules! on_best_tier {
    (@define $(#[$doc:meta])* fn $name:ident<$t:ident $(, const $n:ident: usize)?>($($arg:ident: $ty:ty),*) $(-> $out:ty)?, $fast:expr, $portable:expr) => {
        $(#[$doc])*
        pub(crate) fn $name<$t: $crate::math::Number $(, const $n: usize)?>($($arg: $ty),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn on_avx512<$t: $crate::math::Number $(, const $n: usize)?>($($arg: $ty),*) $(-> $out)? {
                $fast
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn on_avx2<$t: $crate::math::Number $(, const $n: usize)?>($($arg: $ty),*) $(-> $out)? {
                $fast
            }
            match ::tch_sparse::kernel::Tier::best() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the tier was found on this machine.
                ::tch_sparse::kernel::Tier::Avx512 => unsafe { on_avx512::<$t $(, $n)?>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                ::tch_sparse::kernel::Tier::Avx2 => unsafe { on_avx2::<$t $(, $n)?>($($arg),*) },
                _ => $portable,
            }
        }
    };
    ($(#[$doc:meta])* fn $name:ident<$t:ident $(, const $n:ident: usize)?>($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:ident) => {
        on_best_tier!(
            @define $(#[$doc])* fn $name<$t $(, const $n: usize)?>($($arg: $ty),*) $(-> $out)?,
            $body::<$t $(, $n)?>($($arg),*),
            $body::<$t $(, $n)?>($($arg),*)
        );
    };
    ($(#[$doc:meta])* fn $name:ident<$t:ident $(, const $n:ident: usize)?>($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:ident, fused) => {
        on_best_tier!(
            @define $(#[$doc])* fn $name<$t $(, const $n: usize)?>($($arg: $ty),*) $(-> $out)?,
            $body::<$t $(, $n)?, true>($($arg),*),
            $body::<$t $(, $n)?, false>($($arg),*)
        );
    };
}
pub(crate) use on_best_tier;
