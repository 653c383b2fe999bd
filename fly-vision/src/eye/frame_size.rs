//! Height and width of images.

use crate::Error;

/// Pixels of frames that are made here, at most: 256 MiB of luminance.
pub(super) const MAX_PIXELS: usize = 1 << 26;

/// Height and width of the frames of a movie, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameSize {
    /// Number of rows.
    pub height: usize,
    /// Number of columns of pixels.
    pub width: usize,
}

impl FrameSize {
    /// So many rows and columns.
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// Number of pixels.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Whether a frame of this size lacks rows or columns of another one.
    pub(crate) fn is_below(self, other: Self) -> bool {
        self.height < other.height || self.width < other.width
    }

    /// Number of frames in `n` pixels.
    pub(crate) fn frames_in(self, n: usize) -> Result<usize, Error> {
        let pixels = self.height.checked_mul(self.width).unwrap_or(0);
        if pixels == 0 || !n.is_multiple_of(pixels) {
            return Err(Error::shape(
                "a movie of images",
                format!("{n} pixels"),
                format!("whole frames of {} x {} pixels", self.height, self.width),
            ));
        }
        Ok(n / pixels)
    }
}

impl std::fmt::Display for FrameSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.height, self.width)
    }
}
