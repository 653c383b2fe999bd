//! Projection and integrator as one convolution.
//!
//! The integrator `y(q) = b + sum over d of V_d m(q + d)`, d over 3 x 3, of projections `m = W * x + c` is
//! `y(q) = b + sum over d of z_d(q + d)` with `z_d = (V_d W) * x + V_d c`, where z is zero outside of the image as m is. So one convolution
//! gives nine numbers per output, which are then shifted and added. With an output or two that is a fraction of the work: the
//! projections' many channels are never computed.

use tch::Tensor;

use super::integrator::{Integrator, Part};
use super::route::Route;
use crate::Error;

/// Entries of the integrator's kernel.
const TAPS: i64 = 9;

/// Whether it is less work.
pub(super) fn pays(width: i64, outputs: i64) -> bool {
    TAPS.saturating_mul(outputs) <= width
}

/// Channels between the convolution and the sum.
pub(super) fn width(outputs: i64) -> i64 {
    TAPS.saturating_mul(outputs)
}

/// What the routes and the integrator give, of which these are the routes from `first` on; all are plain convolutions.
pub(super) fn forward(
    first: usize,
    routes: &[Route],
    integrator: &Integrator,
    sources: &[Option<&Tensor>],
    with_bias: bool,
) -> Result<Part, Error> {
    let (convolution, width, outputs) = (integrator.convolution(), integrator.width(), integrator.outputs());
    let (mut varying, mut constant): (Option<Tensor>, Option<Tensor>) = (None, None);
    let mut size = [0, 0];
    for (i, (route, source)) in routes.iter().zip(sources).enumerate() {
        let Some(map) = route.exact() else { unreachable!("collapsed routes are plain convolutions") };
        size = route.size();
        // [outputs, taps, width]; col2im shifts the other way than a convolution
        let taps = convolution
            .weight
            .f_narrow(1, (first + i) as i64 * width, width)?
            .f_flip([2, 3])?
            .f_permute([0, 2, 3, 1])?;
        let taps = taps.f_reshape([outputs * TAPS, width])?;
        let bias = map.bias.as_ref().map(|bias| taps.f_mv(bias)).transpose()?;
        let (sum, z) = match source {
            Some(x) => {
                let &[_, channels, h, w] = &map.weight.size()[..] else { unreachable!("weights have four dimensions") };
                let weight = taps.f_matmul(&map.weight.f_reshape([width, -1])?)?;
                let weight = weight.f_view([outputs * TAPS, channels, h, w])?;
                (&mut varying, map.forward_with(x, &weight, bias.as_ref())?)
            }
            None => match bias {
                Some(bias) => (&mut constant, bias.f_view([1, -1, 1, 1])?.f_expand([1, -1, size[0], size[1]], false)?),
                None => continue,
            },
        };
        *sum = Some(match sum.take() {
            Some(sum) => sum.f_add(&z)?,
            None => z,
        });
    }
    let gathered = |z: &Tensor| -> Result<Tensor, Error> {
        let columns = z.f_reshape([z.size()[0], outputs * TAPS, size[0] * size[1]])?;
        let y = columns.f_col2im(size, [3, 3], [1, 1], [1, 1], [1, 1])?;
        match convolution.bias.as_ref().filter(|_| with_bias) {
            Some(bias) => Ok(y.f_add(&bias.f_view([1, -1, 1, 1])?)?),
            None => Ok(y),
        }
    };
    Ok(match (varying, constant) {
        (Some(varying), Some(constant)) => Part::Varying(gathered(&varying.f_add(&constant)?)?),
        (Some(varying), None) => Part::Varying(gathered(&varying)?),
        (None, Some(constant)) => Part::Constant(gathered(&constant)?),
        (None, None) => unreachable!("projections have biases"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tch::nn::VarStore;
    use tch::{Device, Kind, Tensor};

    use super::super::Afferents;
    use super::super::route::Route;
    use crate::init::Draw;

    proptest! {
        /// It is the same as one convolution after the other, gradients too.
        #[test]
        fn it_is_both_convolutions(
            outputs in 1..3i64,
            sides in (1..7i64, 1..7i64),
            half in (0..3i64, 0..2i64),
            sources in prop::collection::vec((1..4i64, any::<bool>()), 1..4),
        ) {
            let mut store = VarStore::new(Device::Cpu);
            store.set_kind(Kind::Double);
            let (root, draw) = (store.root(), &mut Draw::new(7));
            let (size, kernel) = ([sides.0, sides.1], [2 * half.0 + 1, 2 * half.1 + 1]);
            let routes = sources.iter().enumerate().map(|(i, &(channels, _))| {
                Route::bottom_up(&(&root / i), draw, [channels, 9 * outputs], [size, size], kernel).unwrap()
            });
            let routes = routes.collect();
            let mut afferents = Afferents::new(&root, draw, routes, outputs).unwrap().unwrap();
            // one pixel a side is beyond the rule of strides, so that such a map may not be exact
            prop_assume!(afferents.collapses);
            tch::manual_seed(3);
            let inputs: Vec<Option<Tensor>> = sources
                .iter()
                .map(|&(channels, present)| {
                    present.then(|| Tensor::randn([2, channels, size[0], size[1]], (Kind::Double, Device::Cpu)))
                })
                .collect();
            let mut run = || {
                let part = afferents.forward(&inputs.iter().map(Option::as_ref).collect::<Vec<_>>()).unwrap();
                let y = part.tensor().shallow_clone();
                store.variables().values_mut().for_each(Tensor::zero_grad);
                (&y * &y * &y).sum(Kind::Double).backward();
                let gradient = |v: &Tensor| if v.grad().defined() { v.grad().copy() } else { v.zeros_like() };
                let mut gradients: Vec<(String, Tensor)> =
                    store.variables().iter().map(|(name, v)| (name.clone(), gradient(v))).collect();
                gradients.sort_by(|a, b| a.0.cmp(&b.0));
                afferents.collapses = !afferents.collapses;
                (y.detach(), gradients)
            };
            let (one, both) = (run(), run());
            prop_assert!(one.0.size() == both.0.size() && one.0.allclose(&both.0, 1e-12, 1e-12, false));
            for ((name, a), (_, b)) in one.1.iter().zip(&both.1) {
                prop_assert!(a.allclose(b, 1e-10, 1e-10, false), "{name}");
            }
        }
    }
}
