//! What the literature knows about the tuning of cell types.
//!
//! Source: the sources collected by Lappalainen et al., *Nature* 634, 1132 (2024), and in flyvis 1.2.0; directions of
//! T4 and T5 from Maisak et al., *Nature* 500, 212 (2013), doi:10.1038/nature12320.

/// Contrast that a cell type responds to by depolarisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contrast {
    /// Light.
    On,
    /// Dark.
    Off,
}

impl Contrast {
    /// +1 for on, -1 for off.
    pub const fn sign(self) -> f64 {
        match self {
            Self::On => 1.0,
            Self::Off => -1.0,
        }
    }

    /// Intensity of an edge of this contrast: 1 for on, 0 for off.
    pub const fn intensity(self) -> f64 {
        match self {
            Self::On => 1.0,
            Self::Off => 0.0,
        }
    }
}

/// Types that prefer light.
pub const ON_TYPES: [&str; 18] = [
    "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "L5", "C3", "CT1(M10)", "Mi1", "Mi4", "T4a", "T4b", "T4c", "T4d",
    "Tm3",
];

/// Types that prefer dark.
pub const OFF_TYPES: [&str; 14] =
    ["L1", "L2", "L3", "L4", "CT1(Lo1)", "Mi9", "T5a", "T5b", "T5c", "T5d", "Tm1", "Tm2", "Tm4", "Tm9"];

/// Types that are selective for the direction of motion.
pub const MOTION_TYPES: [&str; 8] = ["T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"];

/// Types that are known not to be: the inputs of T4 and T5.
pub const NOT_MOTION_TYPES: [&str; 10] =
    ["Mi1", "Mi4", "Mi9", "Tm1", "Tm2", "Tm3", "Tm4", "Tm9", "CT1(Lo1)", "CT1(M10)"];

/// The contrast that a cell type prefers, where that is known.
pub fn preferred_contrast(cell_type: &str) -> Option<Contrast> {
    if ON_TYPES.contains(&cell_type) {
        Some(Contrast::On)
    } else if OFF_TYPES.contains(&cell_type) {
        Some(Contrast::Off)
    } else {
        None
    }
}

/// Whether a cell type is selective for the direction of motion, where that is known.
pub fn motion_selective(cell_type: &str) -> Option<bool> {
    if MOTION_TYPES.contains(&cell_type) { Some(true) } else { NOT_MOTION_TYPES.contains(&cell_type).then_some(false) }
}

/// The preferred direction of a subtype of T4 or T5 in degrees: a 180, b 0, c 90, d 270.
pub fn preferred_direction(cell_type: &str) -> Option<f64> {
    let subtype = cell_type.strip_prefix("T4").or_else(|| cell_type.strip_prefix("T5"))?;
    match subtype {
        "a" => Some(180.0),
        "b" => Some(0.0),
        "c" => Some(90.0),
        "d" => Some(270.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All names are cell types of the connectome, and what is known does not contradict itself.
    #[test]
    fn names_exist_and_agree() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/fib25-fib19_v2.2.json.gz");
        let wiring = connectome_io::read(file).unwrap();
        let network = connectome_graph::hex::expand(&wiring, connectome_graph::hex::Extent(1)).unwrap();
        for name in [&ON_TYPES[..], &OFF_TYPES, &MOTION_TYPES, &NOT_MOTION_TYPES].concat() {
            assert!(network.type_index(name).is_some(), "{name}");
        }
        assert!(ON_TYPES.iter().all(|name| !OFF_TYPES.contains(name)));
        for name in MOTION_TYPES {
            assert!(preferred_direction(name).is_some() && motion_selective(name) == Some(true));
            let contrast = if name.starts_with("T4") { Contrast::On } else { Contrast::Off };
            assert_eq!(preferred_contrast(name), Some(contrast));
        }
        assert_eq!(motion_selective("Mi1"), Some(false));
        assert_eq!((motion_selective("T2"), preferred_contrast("T2"), preferred_direction("T2a")), (None, None, None));
    }
}
