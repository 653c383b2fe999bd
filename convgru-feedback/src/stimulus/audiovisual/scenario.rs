//! What is ambiguous, and whether image and sound agree.

use crate::Error;
use std::fmt;
use std::str::FromStr;

/// A kind of items. Its name has three letters, as the sets of connectome-to-model: `a`mbiguous or `u`nambiguous sound, `a`mbiguous or
/// `u`nambiguous image, `m`atching or `n`on-matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// `uum`: clean image and clean sound of one digit.
    Aligned,
    /// `uam`: ambiguous image, and the sound of one of its readings. Task VS1: the sound helps to see.
    AmbiguousImage,
    /// `aum`: ambiguous sound, and the image of one of its readings. Task AS1: the image helps to hear.
    AmbiguousSound,
    /// `aam`: ambiguous image and ambiguous sound that share a reading.
    BothAmbiguous,
    /// `uun`: clean image and clean sound of different digits. Tasks VS2, scored by the image, and AS2, scored by the sound: which of
    /// them is asked for only the cue of attention says.
    Conflict,
    /// `uan`: ambiguous image and the sound of another digit, which misleads.
    AmbiguousImageConflict,
    /// `aun`: ambiguous sound and the image of another digit, which misleads.
    AmbiguousSoundConflict,
    /// `aan`: ambiguous image and ambiguous sound without a common reading. The control: nothing tells which of two readings is right.
    Control,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Aligned,
        Self::AmbiguousImage,
        Self::AmbiguousSound,
        Self::BothAmbiguous,
        Self::Conflict,
        Self::AmbiguousImageConflict,
        Self::AmbiguousSoundConflict,
        Self::Control,
    ];

    /// What the paper's networks learn: `aum`, `uam` and `uun`.
    pub const TRAINED: [Self; 3] = [Self::AmbiguousSound, Self::AmbiguousImage, Self::Conflict];

    /// Its three letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aligned => "uum",
            Self::AmbiguousImage => "uam",
            Self::AmbiguousSound => "aum",
            Self::BothAmbiguous => "aam",
            Self::Conflict => "uun",
            Self::AmbiguousImageConflict => "uan",
            Self::AmbiguousSoundConflict => "aun",
            Self::Control => "aan",
        }
    }

    /// Whether the sound is ambiguous.
    pub fn ambiguous_sound(self) -> bool {
        self.name().starts_with('a')
    }

    /// Whether the image is ambiguous.
    pub fn ambiguous_image(self) -> bool {
        self.name()[1..].starts_with('a')
    }

    /// Whether image and sound have the same label.
    pub fn matching(self) -> bool {
        self.name().ends_with('m')
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name).ok_or_else(|| Error::Option {
            option: "scenario",
            what: format!("{name:?} is none of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}
