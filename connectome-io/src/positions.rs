//! Where neurons lie.

use crate::{Error, Location};

/// One point in space per neuron, where known.
#[derive(Debug, Clone, PartialEq)]
pub struct Positions {
    points: Vec<Option<[f64; 3]>>,
    unit: String,
}

impl Positions {
    /// Takes `[x, y, z]` per neuron (`None`: not known; z = 0 for planar positions) and the name of the unit, such as
    /// `"nm"`, `"8 nm voxel"` or `"column"`; empty if the source does not tell.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a coordinate is NaN or infinite.
    pub fn new(points: Vec<Option<[f64; 3]>>, unit: impl Into<String>) -> Result<Self, Error> {
        for (row, point) in points.iter().enumerate() {
            if let Some(value) = point.iter().flatten().find(|value| !value.is_finite()) {
                return Err(Error::NotFinite {
                    at: Location::memory().key(format!("position of neuron {row}")),
                    what: "coordinate",
                    value: *value,
                });
            }
        }
        Ok(Self { points, unit: unit.into() })
    }

    /// The points, `[x, y, z]` in [`Positions::unit`].
    #[must_use]
    pub fn points(&self) -> &[Option<[f64; 3]>] {
        &self.points
    }

    /// The unit; empty if not known.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Neurons.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are no neurons.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}
