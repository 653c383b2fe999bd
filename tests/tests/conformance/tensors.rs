//! Arrays of a file as tensors, and back.

use crate::case::Case;
use tch::{Kind, Tensor};

/// An array as a tensor.
pub(crate) fn tensor(case: &Case, key: &str, kind: Kind) -> Result<Tensor, String> {
    let shape: Vec<i64> = case.shape(key)?.iter().map(|&n| n as i64).collect();
    Ok(Tensor::from_slice(case.floats(key)?).view(&shape[..]).to_kind(kind))
}

/// The numbers of a tensor, in its own order.
pub(crate) fn numbers(t: &Tensor) -> Result<Vec<f64>, String> {
    Vec::<f64>::try_from(t.detach().to_kind(Kind::Double).contiguous().view(-1)).map_err(|e| e.to_string())
}
