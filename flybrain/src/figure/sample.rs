//! Numbers that can be plotted.

/// A number that can be plotted: `f64`, `f32` and the common integers. Slices of any of them are accepted as data.
pub trait Sample: Copy + sealed::Sealed {
    /// The number as `f64`; integers beyond 2^53 are rounded.
    fn value(self) -> f64;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! samples {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Sample for $t {
            #[allow(clippy::cast_lossless, trivial_numeric_casts)] // one body for all number types
            fn value(self) -> f64 {
                self as f64
            }
        }
    )*};
}

samples!(f64, f32, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

pub(crate) fn values<T: Sample>(data: &[T]) -> Vec<f64> {
    data.iter().map(|v| v.value()).collect()
}
