//! Which stride and padding lead from one size to another.

/// Stride and padding of a convolution along one axis, of the rule of Tugsbayar, Li, Muller, Richards 2025 (*eLife* 105953, code):
/// `stride = ceil((from - kernel) / (to - 1))`, `padding = ceil(((to - 1) stride + kernel - from) / 2)`.
///
/// Either may be useless: a stride of zero or below where the source is not larger than the kernel, and a padding that misses the size
/// wanted by some pixels. A network then takes a plain
/// convolution and resizes its result. `None` where a side of one pixel is wanted, for which the rule has no answer.
///
/// ```
/// use convgru_feedback::stride_and_padding;
/// assert_eq!(stride_and_padding(28, 14, 3), Some((2, 1)));
/// assert_eq!(stride_and_padding(14, 14, 3), Some((1, 1)));
/// assert_eq!(stride_and_padding(7, 1, 3), None);
/// ```
#[must_use]
pub fn stride_and_padding(from: i64, to: i64, kernel: i64) -> Option<(i64, i64)> {
    let steps = to - 1;
    if steps == 0 {
        return None;
    }
    let stride = div_ceil(from - kernel, steps);
    Some((stride, div_ceil(steps * stride + kernel - from, 2)))
}

/// Pixels that a convolution gives along one axis: `floor((from + 2 padding - kernel) / stride) + 1`. `None` where there is no such
/// convolution.
#[must_use]
pub fn resulting_side(from: i64, kernel: i64, (stride, padding): (i64, i64)) -> Option<i64> {
    let room = from + 2 * padding - kernel;
    (stride > 0 && padding >= 0 && room >= 0).then(|| room / stride + 1)
}

/// Division of whole numbers, rounded up; the divisor is positive.
fn div_ceil(a: i64, b: i64) -> i64 {
    a.div_euclid(b) + i64::from(a.rem_euclid(b) != 0)
}

/// A convolution along one axis that comes as near to a wanted side as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) stride: i64,
    pub(super) padding: i64,
    /// Pixels that result.
    pub(super) side: i64,
}

impl Axis {
    /// By the rule where that hits `to`. Elsewhere with a stride that passes over no pixel and a padding that keeps the middle in the
    /// middle; the result is resized afterwards.
    pub(super) fn new(from: i64, to: i64, kernel: i64) -> Self {
        Self::ruled(from, to, kernel).filter(|axis| axis.side == to).unwrap_or_else(|| {
            let (stride, padding) = ((from / to).clamp(1, kernel), kernel / 2);
            Self { stride, padding, side: (from + 2 * padding - kernel) / stride + 1 }
        })
    }

    /// By the rule wherever it gives a convolution, of whatever side; with `rule_kernel` in the rule, which the reference takes from the
    /// source area.
    pub(super) fn of_reference(from: i64, to: i64, kernel: i64, rule_kernel: i64) -> Self {
        let ruled = stride_and_padding(from, to, rule_kernel).and_then(|(stride, padding)| {
            let side = resulting_side(from, kernel, (stride, padding))?;
            Some(Self { stride, padding, side })
        });
        ruled.unwrap_or_else(|| Self::new(from, to, kernel))
    }

    fn ruled(from: i64, to: i64, kernel: i64) -> Option<Self> {
        let (stride, padding) = stride_and_padding(from, to, kernel)?;
        Some(Self { stride, padding, side: resulting_side(from, kernel, (stride, padding))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// There is a convolution for any sizes, and where the rule hits it is the rule's.
        #[test]
        fn every_axis_has_a_convolution(from in 1..80i64, to in 1..80i64, half in 0..6i64) {
            let kernel = 2 * half + 1;
            let axis = Axis::new(from, to, kernel);
            prop_assert_eq!(resulting_side(from, kernel, (axis.stride, axis.padding)), Some(axis.side));
            prop_assert!(axis.side >= 1);
            if let Some(rule) = stride_and_padding(from, to, kernel)
                && resulting_side(from, kernel, rule) == Some(to)
            {
                prop_assert_eq!((axis.stride, axis.padding), rule);
            }
        }
    }

    #[test]
    fn usual_sizes_are_hit() {
        for (from, to, kernel, want) in
            [(28, 14, 3, (2, 1)), (14, 7, 3, (2, 1)), (4, 8, 3, (1, 3)), (32, 32, 1, (1, 0)), (1, 1, 1, (1, 0))]
        {
            let axis = Axis::new(from, to, kernel);
            assert_eq!((axis.stride, axis.padding, axis.side), (want.0, want.1, to), "{from} -> {to}, kernel {kernel}");
        }
        // The rule gives 29 pixels with 12 of padding; here it is a plain convolution, resized.
        assert_eq!(Axis::new(7, 28, 3), Axis { stride: 1, padding: 1, side: 7 });
        assert_eq!(Axis::of_reference(7, 28, 3, 3), Axis { stride: 1, padding: 12, side: 29 });
        // The rule divides by zero; here each pixel counts, and the two that result are averaged.
        assert_eq!(Axis::new(5, 1, 3), Axis { stride: 3, padding: 1, side: 2 });
    }
}
