//! What areas send each other.
//!
//! Every connection has a map of its own to a common number of channels ([`Route`]); those that end in one area are brought together by
//! an [`Integrator`]. All of it is linear.

mod collapsed;
mod integrator;
mod route;
mod rule;
mod upsampler;

use tch::Tensor;
use tch::nn::Path;

use crate::Error;
use crate::init::Draw;

use integrator::Integrator;
pub(crate) use integrator::Part;
pub(crate) use route::{Route, Size};
pub use rule::{resulting_side, stride_and_padding};
pub use upsampler::InterlacedUpsampler;

/// All that reaches an area from one side, from below or from above.
#[derive(Debug)]
pub(crate) struct Afferents {
    routes: Vec<Route>,
    integrator: Integrator,
    /// Whether both convolutions are done as one.
    collapses: bool,
}

impl Afferents {
    /// `None` where nothing reaches the area. Names of the routes come with them.
    pub(crate) fn new(
        path: &Path<'_>,
        draw: &mut Draw,
        routes: Vec<Route>,
        outputs: i64,
    ) -> Result<Option<Self>, Error> {
        let Some(width) = routes.first().map(Route::channels) else {
            return Ok(None);
        };
        let integrator = Integrator::new(&(path / "integrator"), draw, routes.len(), width, outputs)?;
        let collapses = collapsed::pays(width, outputs) && routes.iter().all(|route| route.exact().is_some());
        Ok(Some(Self { routes, integrator, collapses }))
    }

    /// Brings the sources together, in the order of the routes; `None` is a source without activity.
    pub(crate) fn forward(&self, sources: &[Option<&Tensor>]) -> Result<Part, Error> {
        self.of_routes(0, sources, true)
    }

    /// The share of the first source, `[batch, outputs, ..]`, with the integrator's bias.
    pub(crate) fn share_of_first(&self, source: &Tensor) -> Result<Tensor, Error> {
        Ok(self.of_routes(0, &[Some(source)], true)?.tensor().shallow_clone())
    }

    /// Brings the other sources together with the share of the first.
    pub(crate) fn forward_after(&self, share: &Tensor, others: &[Option<&Tensor>]) -> Result<Part, Error> {
        Ok(Part::Varying(match others {
            [] => share.shallow_clone(),
            _ => share.f_add(self.of_routes(1, others, false)?.tensor())?,
        }))
    }

    /// How many numbers the share of the first source goes through, for each sample, at its widest.
    pub(crate) fn width_of_first(&self) -> i64 {
        let pixels = self.routes.first().map_or(1, Route::most_pixels);
        let channels =
            if self.collapses { collapsed::width(self.integrator.outputs()) } else { self.integrator.width() };
        channels.max(self.integrator.outputs()).saturating_mul(pixels)
    }

    /// What the routes from `first` on bring together, as many as there are sources.
    fn of_routes(&self, first: usize, sources: &[Option<&Tensor>], with_bias: bool) -> Result<Part, Error> {
        let routes = &self.routes[first..first + sources.len()];
        if self.collapses {
            return collapsed::forward(first, routes, &self.integrator, sources, with_bias);
        }
        let part = |(route, source): (&Route, &Option<&Tensor>)| {
            Ok(match source {
                Some(source) => Part::Varying(route.forward(source)?),
                None => Part::Constant(route.at_rest()?),
            })
        };
        let parts: Vec<Part> = routes.iter().zip(sources).map(part).collect::<Result<_, Error>>()?;
        self.integrator.forward(first, &parts, with_bias)
    }
}
