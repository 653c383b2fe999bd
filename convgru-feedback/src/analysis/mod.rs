//! Measures of what a network represents, and of what feedback does in it.

mod distance;
mod embedding;
mod modulation;
mod neighborhood;

pub use embedding::{Pca, Start, TSne, TSneEmbedding};
pub use modulation::{ChannelGain, Modulation, effective_gain};
pub use neighborhood::neighborhood_hit;

use crate::Error;
use tch::Tensor;

/// Number of points and of their coordinates, of finite floating-point numbers `[n, d]`.
fn points(x: &Tensor) -> Result<[i64; 2], Error> {
    let refuse = |got: String, want: &str| Err(Error::Input { what: "x".to_owned(), got, want: want.to_owned() });
    let &[n, d] = x.size().as_slice() else {
        return refuse(format!("{:?}", x.size()), "[n, d]");
    };
    if !x.is_floating_point() {
        return refuse(format!("{:?}", x.kind()), "floating point");
    }
    if !bool::try_from(x.f_isfinite()?.f_all()?)? {
        let problem = "holds NaN or infinity; distances need finite numbers".to_owned();
        return Err(Error::Data { what: "x".to_owned(), problem });
    }
    Ok([n, d])
}
