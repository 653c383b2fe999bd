//! Activations with a gain and a shift per neuron, and their derivatives.

use tch_sparse::Real;

/// The activation φ of a neuron with gain g and shift s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Activation {
    /// `tanh(x)`; gain and shift have no effect.
    Tanh,
    /// `tanh(g (x - s))`. The default. (FlyStability's `tanh_streched`.)
    #[default]
    TanhStretched,
    /// `(1 + tanh(g (x - s))) / 2`.
    TanhPositive,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tanh, Self::TanhStretched, Self::TanhPositive];

    /// What the amplitude of tanh is multiplied by.
    fn scale(self) -> f64 {
        if self == Self::TanhPositive { 0.5 } else { 1.0 }
    }

    /// `φ(x)` and `φ'(x)` of each neuron.
    ///
    /// **Shape**: all `[neurons]`.
    ///
    /// # Panics
    /// When lengths differ.
    pub fn evaluate<T: Real>(self, x: &[T], gain: &[T], shift: &[T], value: &mut [T], slope: &mut [T]) {
        let lengths = [x.len(), gain.len(), shift.len(), value.len(), slope.len()];
        assert_eq!(lengths, [x.len(); 5], "numbers of states, gains, shifts, values, slopes");
        match self {
            Self::Tanh => plain(x, value, slope),
            _ => scaled(x, gain, shift, T::from_f64(self.scale()), value, slope),
        }
        if self == Self::TanhPositive {
            value.iter_mut().for_each(|v| *v += T::from_f64(0.5));
        }
    }

    /// All derivatives at one neuron.
    #[inline(always)]
    pub(crate) fn derivatives<T: Real>(self, x: T, gain: T, shift: T) -> Derivatives<T> {
        let two = T::from_f64(2.0);
        if self == Self::Tanh {
            let t = x.tanh();
            let c = T::ONE - t * t;
            let zero = T::ZERO;
            return Derivatives {
                slope: c,
                by_gain: zero,
                by_shift: zero,
                slope_by_state: -(two * t * c),
                slope_by_gain: zero,
                slope_by_shift: zero,
            };
        }
        let (scale, from) = (T::from_f64(self.scale()), x - shift);
        let t = (gain * from).tanh();
        let c = scale * (T::ONE - t * t);
        let bend = two * gain * t * c;
        Derivatives {
            slope: gain * c,
            by_gain: from * c,
            by_shift: -(gain * c),
            slope_by_state: -(gain * bend),
            slope_by_gain: c - from * bend,
            slope_by_shift: gain * bend,
        }
    }
}

/// Derivatives of φ and of a slope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derivatives<T> {
    pub(crate) slope: T,
    pub(crate) by_gain: T,
    pub(crate) by_shift: T,
    pub(crate) slope_by_state: T,
    pub(crate) slope_by_gain: T,
    pub(crate) slope_by_shift: T,
}

tch_function::on_best_tier!(fn plain<T: Real>(x: &[T], value: &mut [T], slope: &mut [T]) = plain_body);

#[inline(always)]
fn plain_body<T: Real>(x: &[T], value: &mut [T], slope: &mut [T]) {
    for ((x, value), slope) in x.iter().zip(value).zip(slope) {
        *value = x.tanh();
        *slope = T::ONE - *value * *value;
    }
}

tch_function::on_best_tier!(fn scaled<T: Real>(x: &[T], gain: &[T], shift: &[T], scale: T, value: &mut [T], slope: &mut [T]) = scaled_body);

#[inline(always)]
fn scaled_body<T: Real>(x: &[T], gain: &[T], shift: &[T], scale: T, value: &mut [T], slope: &mut [T]) {
    for ((((x, gain), shift), value), slope) in x.iter().zip(gain).zip(shift).zip(value).zip(slope) {
        let t = (*gain * (*x - *shift)).tanh();
        *value = scale * t;
        *slope = scale * *gain * (T::ONE - t * t);
    }
}
