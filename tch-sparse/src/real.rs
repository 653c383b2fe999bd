//! The number types of the kernels.

use crate::kernel::compiled::Kernels;
use crate::kernel::vector::Vector;
use tch_function::math::Number;

/// `f32` or `f64`: numbers that the kernels here are written for.
pub trait Real: Number + sealed::Registers + Kernels {}

impl Real for f32 {}
impl Real for f64 {}

pub(crate) mod sealed {
    use super::Vector;
    use crate::kernel::portable::Array8;

    /// The registers that hold a number type, by instruction set.
    pub trait Registers: Sized {
        /// Any machine.
        type Base: Vector<Self>;
        /// 256 bits.
        #[cfg(target_arch = "x86_64")]
        type Half: Vector<Self>;
        /// 512 bits.
        #[cfg(target_arch = "x86_64")]
        type Full: Vector<Self>;
        /// Runs with numbers of this thread's that outlive the call, so that they are allocated once. On a cache line's boundary;
        /// they hold anything.
        fn with_scratch<R>(n: usize, run: impl FnOnce(&mut [Self]) -> R) -> R;
    }

    macro_rules! registers {
        ($t:ty, $half:ident, $full:ident) => {
            impl Registers for $t {
                type Base = Array8<$t>;
                #[cfg(target_arch = "x86_64")]
                type Half = std::arch::x86_64::$half;
                #[cfg(target_arch = "x86_64")]
                type Full = std::arch::x86_64::$full;
                fn with_scratch<R>(n: usize, run: impl FnOnce(&mut [Self]) -> R) -> R {
                    thread_local! {
                        static HELD: std::cell::Cell<Vec<$t>> = const { std::cell::Cell::new(Vec::new()) };
                    }
                    // Taken, not borrowed: a nested call has numbers of its own.
                    let mut held = HELD.take();
                    let line = 64 / size_of::<$t>();
                    if held.len() < n + line {
                        held.resize(n + line, 0.0);
                    }
                    let start = held.as_ptr().align_offset(64).min(line);
                    let result = run(&mut held[start..start + n]);
                    HELD.set(held);
                    result
                }
            }
        };
    }
    registers!(f32, __m256, __m512);
    registers!(f64, __m256d, __m512d);
}
