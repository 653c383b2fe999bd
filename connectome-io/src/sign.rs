//! Excitatory, inhibitory, or not known.

/// Effect of a synapse, or of all synapses of a neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[repr(i8)]
pub enum Sign {
    /// Lowers the activity of the target.
    Inhibitory = -1,
    /// Not measured, not predicted, or mixed.
    #[default]
    Unknown = 0,
    /// Raises the activity of the target.
    Excitatory = 1,
}

impl Sign {
    /// -1, 0 or 1.
    #[must_use]
    pub fn value(self) -> i8 {
        self as i8
    }

    /// The sign of a code -1, 0, 1; `None` for any other number.
    #[must_use]
    pub fn from_value(value: i8) -> Option<Self> {
        match value {
            -1 => Some(Self::Inhibitory),
            0 => Some(Self::Unknown),
            1 => Some(Self::Excitatory),
            _ => None,
        }
    }

    /// The sign of a number; zero and NaN are [`Sign::Unknown`].
    #[must_use]
    pub fn of(weight: f64) -> Self {
        if weight > 0.0 {
            Self::Excitatory
        } else if weight < 0.0 {
            Self::Inhibitory
        } else {
            Self::Unknown
        }
    }

    /// -1.0, 0.0 or 1.0, for products.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.value())
    }
}
