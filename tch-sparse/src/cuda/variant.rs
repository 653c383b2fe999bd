//! Which compilation of the kernels an operation takes.

use tch::{Kind, Tensor};

/// The bytes that a lane loads at once, at most.
const WIDEST: usize = 16;

/// Lanes of a warp.
const WARP: usize = 32;

/// Number type and shape of the batch that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variant {
    /// Double, not Float.
    pub(super) double: bool,
    /// Neighbours in the batch that a lane takes at once.
    pub(super) vec: u32,
    /// Lanes side by side along the batch.
    pub(super) lanes: u32,
}

impl Variant {
    /// The variant for a batch of at least one column and dense matrices that begin where these do.
    pub(super) fn new(kind: Kind, batch: usize, dense: &[&Tensor]) -> Self {
        let all = dense.iter().fold(0, |all, tensor| all | tensor.data_ptr() as usize);
        Self::of(kind == Kind::Double, batch, all)
    }

    /// `addresses`: of all matrices, their bits put together.
    fn of(double: bool, batch: usize, addresses: usize) -> Self {
        let size = if double { size_of::<f64>() } else { size_of::<f32>() };
        let mut vec = WIDEST / size;
        while vec > 1 && (!batch.is_multiple_of(vec) || !addresses.is_multiple_of(vec * size)) {
            vec /= 2;
        }
        Self { double, vec: vec as u32, lanes: (batch / vec).next_power_of_two().min(WARP) as u32 }
    }

    /// Columns of the batch that a group of lanes takes at once.
    pub(super) fn tile(self) -> u32 {
        self.vec * self.lanes
    }

    /// Lanes that share a row of so many entries: about eight entries for each that takes part along the row.
    pub(super) fn width(self, entries_per_row: usize) -> u32 {
        let wanted = (entries_per_row * self.lanes as usize / 8).next_power_of_two();
        wanted.clamp(8.max(self.lanes as usize), WARP) as u32
    }

    /// What the compiler is told.
    pub(super) fn options(self) -> [String; 3] {
        let real = if self.double { "double" } else { "float" };
        [format!("-DREAL={real}"), format!("-DVEC={}", self.vec), format!("-DLANES={}", self.lanes)]
    }

    /// Every variant that an operation may ask for.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let types = [(false, 1), (false, 2), (false, 4), (true, 1), (true, 2)];
        let lanes = [1, 2, 4, 8, 16, 32];
        types.iter().flat_map(|&(double, vec)| lanes.map(|lanes| Self { double, vec, lanes })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_as_wide_as_batch_and_addresses_allow() {
        for (double, batch, addresses, vec, lanes) in [
            (false, 1, 0, 1, 1),
            (false, 8, 0, 4, 2),
            (false, 8, 8, 2, 4),
            (false, 8, 4, 1, 8),
            (false, 12, 0, 4, 4),
            (false, 6, 0, 2, 4),
            (false, 128, 0, 4, 32),
            (false, 1000, 0, 4, 32),
            (false, 127, 0, 1, 32),
            (true, 8, 0, 2, 4),
            (true, 8, 8, 1, 8),
            (true, 3, 0, 1, 4),
        ] {
            assert_eq!(Variant::of(double, batch, addresses), Variant { double, vec, lanes }, "batch {batch}");
        }
    }

    /// Whatever the batch, the variant is one of those that are tested to compile, and its groups fit into a warp.
    #[test]
    fn every_variant_is_known() {
        let all = Variant::all();
        for batch in 1..=300 {
            for (double, addresses) in [(false, 0), (false, 4), (false, 8), (true, 0), (true, 8)] {
                let variant = Variant::of(double, batch, addresses);
                assert!(all.contains(&variant), "{variant:?}");
                assert!(batch.is_multiple_of(variant.vec as usize));
                for mean in [0, 1, 37, 97, 5000] {
                    let width = variant.width(mean);
                    assert!(width.is_power_of_two() && (8..=32).contains(&width) && width >= variant.lanes);
                }
            }
        }
    }
}
