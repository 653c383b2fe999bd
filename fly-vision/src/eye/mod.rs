//! Eyes: from images to the luminance of hexagonal columns.
//!
//! [`BoxEye`] averages squares of pixels and is what movies are seen with; [`HexEye`] averages hexagons of pixels and is
//! what bars, edges and gratings on a screen are seen with. Both number columns as [`connectome_graph::hex::Lattice`] does.
//! Images are slices `[frames, height, width]`, row-major, `y` downwards.
//!
//! Source: Lappalainen et al., *Nature* 634, 1132 (2024), and flyvis 1.2.0, whose numbers these eyes give.

mod box_eye;
mod frame_size;
mod hex_eye;
mod median;
pub mod render;
mod resize;
mod rotate;
mod split;

pub use box_eye::{BoxEye, Pooling};
pub use frame_size::FrameSize;
pub use hex_eye::{HexEye, Membership};
pub use resize::resize;
pub use rotate::rotate;
pub use split::{centre_crop, overlapping_parts};
