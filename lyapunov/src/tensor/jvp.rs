//! Tangent products by reverse passes.

use tch::{TchError, Tensor};

/// `F(x)` for states `[batch, n]` and `DF(x) Q` for tangents `[batch, n, k]`, by differentiating the product of `F` with a second
/// factor twice: `u -> DF(x)ᵀ u` is linear, and the derivative of its product with `q` is `DF(x) q`.
pub(super) fn push_by_autograd(
    step: impl Fn(&Tensor) -> Result<Tensor, TchError>,
    state: &Tensor,
    tangents: &Tensor,
) -> Result<(Tensor, Tensor), TchError> {
    let records = state.requires_grad() || tangents.requires_grad();
    let k = tangents.size()[2];
    let (next, pushed) = tch::with_grad(|| -> Result<_, TchError> {
        // A row per tangent, [batch k, n].
        let rows = state.f_unsqueeze(1)?.f_expand([-1, k, -1], false)?.f_reshape([-1, state.size()[1]])?;
        let rows = if rows.requires_grad() { rows } else { rows.f_detach()?.f_set_requires_grad(true)? };
        let image = step(&rows)?;
        let factor = image.f_zeros_like()?.f_set_requires_grad(true)?;
        let product = image.f_mul(&factor)?.f_sum(image.kind())?;
        let pulled = one(Tensor::f_run_backward(&[product], &[&rows], true, true)?);
        let along = tangents.f_transpose(1, 2)?.f_reshape([-1, state.size()[1]])?;
        let pushed = if pulled.requires_grad() {
            let product = pulled.f_mul(&along)?.f_sum(pulled.kind())?;
            one(Tensor::f_run_backward(&[product], &[&factor], true, true)?)
        } else {
            // The image does not depend on the state.
            image.f_zeros_like()?
        };
        let shape = [state.size()[0], k, -1];
        let next = image.f_reshape(shape)?.f_select(1, 0)?;
        Ok((next, pushed.f_reshape(shape)?.f_transpose(1, 2)?.f_contiguous()?))
    })?;
    if records { Ok((next, pushed)) } else { Ok((next.f_detach()?, pushed.f_detach()?)) }
}

fn one(mut gradients: Vec<Tensor>) -> Tensor {
    gradients.pop().unwrap_or_default()
}
