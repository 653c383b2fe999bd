//! Figures: every plot of the workspace is drawn here and saved as SVG and PNG.
//!
//! A plot is a builder: give it data, labels and options, [`build`](Lines::build) it into a [`Figure`], and
//! [`save`](Figure::save) that. Fonts come with the program; SVG and PNG show the same shapes on every machine, and
//! equal data give equal bytes.
//!
//! | plot | shows |
//! |---|---|
//! | [`Lines`] | traces over time, overlaid or as small multiples |
//! | [`Scatter`] | points, joined or not, on linear or logarithmic axes |
//! | [`Histogram`] | how often values occur |
//! | [`DegreeDistribution`] | in- and out-degrees on double logarithmic axes |
//! | [`Bar`] | grouped bars, of many named groups too |
//! | [`Strip`] | distributions as dots, boxes or violins, one for each name |
//! | [`Polar`] | tuning curves over angle, with preferred directions |
//! | [`Heatmap`] | a matrix |
//! | [`Raster`] | activity of many neurons over time |
//! | [`Hexagons`] | columns of the fly's eye: activity, receptive fields |
//! | [`HexFlow`] | vectors of these columns |
//! | [`HexMovie`] | their activity over time, as a movie |
//! | [`AreaNetwork`] | brain areas with feedforward and feedback edges |
//! | [`Grid`] | several of these in one |
//!
//! Data are slices of any number type ([`Sample`]). NaN means "no value" everywhere: a gap in a trace, a grey cell.

mod animation;
mod area_network;
mod axis;
mod bar;
mod cells;
mod check;
mod color;
mod color_bar;
mod color_scale;
mod degree_distribution;
mod dial;
#[allow(clippy::module_inception)] // the folder is the subject, the file its main type
mod figure;
mod font;
mod grid;
mod heatmap;
mod hex_flow;
mod hex_layout;
mod hex_movie;
mod hexagons;
mod histogram;
mod layered;
mod layout;
mod legend;
mod lines;
mod mark;
mod names;
mod png;
mod polar;
mod raster;
mod sample;
mod scatter;
mod scene;
mod strip;
mod svg;
mod ticks;
mod trace;

pub use animation::Animation;
pub use area_network::AreaNetwork;
pub(crate) use area_network::MOST_AREAS;
pub use axis::{Axis, Scale};
pub use bar::{Bar, ValueLabels};
pub use cells::Pooling;
pub use color_scale::ColorScale;
pub use degree_distribution::{DegreeDistribution, DegreeView};
pub use figure::Figure;
pub use grid::{Grid, Letters};
pub use heatmap::{Aspect, Heatmap, Zeros};
pub use hex_flow::{FlowStyle, HexFlow};
pub use hex_movie::HexMovie;
pub use hexagons::Hexagons;
pub use histogram::{Bins, Histogram, Measure};
pub use lines::{Lines, Panels, Share};
pub use mark::Mark;
pub use polar::{Polar, PreferredDirections};
pub use raster::Raster;
pub use sample::Sample;
pub use scatter::{Join, Scatter};
pub use strip::{Strip, StripStyle};
pub(crate) use svg::escape;
