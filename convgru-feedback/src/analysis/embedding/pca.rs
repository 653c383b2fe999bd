//! Principal components.

use crate::Error;
use crate::analysis::points;
use tch::{Kind, Tensor};

/// Directions in which points vary most.
#[derive(Debug)]
pub struct Pca {
    /// Where the axes meet, the mean of the points, `[d]` of f64.
    pub mean: Tensor,
    /// Orthogonal directions of length 1, by falling variance, `[components, d]` of f64. The largest entry of each is positive; a direction
    /// without variance is zero.
    pub axes: Tensor,
    /// Share of the points' variance along each, `[components]`.
    pub explained: Vec<f64>,
}

impl Pca {
    /// Finds the first components of points, `x`: `[n, d]`, floating point. Takes the smaller of the matrices `d x d` and `n x n` apart.
    /// Results for unlike numbers of threads are equal up to rounding.
    ///
    /// # Errors
    /// [`Error::Input`] for shapes and kinds that do not fit, and for fewer than 1 or more than `min(n - 1, d)` components; [`Error::Data`]
    /// for numbers that are not finite.
    pub fn fit(x: &Tensor, components: usize) -> Result<Self, Error> {
        let [n, d] = points(x)?;
        let most = (n - 1).min(d);
        if components == 0 || components as i64 > most {
            let want = format!("1 to {most}, which {n} points of {d} coordinates have");
            return Err(Error::Input { what: "components".to_owned(), got: components.to_string(), want });
        }
        tch::no_grad(|| {
            let x = x.f_to_kind(Kind::Double)?;
            let mean = x.f_mean_dim(0i64, false, None)?;
            let centred = x.f_sub(&mean)?;
            let transposed = centred.f_tr()?;
            let product = if d <= n { transposed.f_matmul(&centred)? } else { centred.f_matmul(&transposed)? };
            let total = centred.f_square()?.f_sum(Kind::Double)?.f_double_value(&[])?;
            let (values, vectors) = product.f_linalg_eigh("L")?;
            let k = components as i64;
            let side = values.size()[0];
            let values = values.f_narrow(0, side - k, k)?.f_flip([0i64])?.f_clamp_min(0.0)?;
            let vectors = vectors.f_narrow(1, side - k, k)?.f_flip([1i64])?.f_tr()?;
            // what rounding leaves of a direction without variance is no direction
            let rounding = total * side as f64 * f64::EPSILON;
            let real = values.f_gt(rounding)?.f_to_kind(Kind::Double)?;
            let axes = if d <= n {
                vectors
            } else {
                vectors.f_matmul(&centred)?.f_div(&values.f_clamp_min(f64::MIN_POSITIVE)?.f_sqrt()?.f_unsqueeze(1)?)?
            };
            let largest = axes.f_abs()?.f_argmax(1, true)?;
            let sign = axes.f_gather(1, &largest, false)?.f_sign()?;
            let axes = axes.f_mul(&sign)?.f_mul(&real.f_unsqueeze(1)?)?;
            let explained = Vec::<f64>::try_from(values)?;
            let share = |value: f64| if total > 0.0 { value / total } else { 0.0 };
            Ok(Self { mean, axes, explained: explained.into_iter().map(share).collect() })
        })
    }

    /// Coordinates of points along the axes, `[n, components]` of f64; `x`: `[n, d]`, those that were fitted, or others.
    ///
    /// # Errors
    /// [`Error::Input`] for another number of coordinates, [`Error::Data`] for numbers that are not finite.
    pub fn project(&self, x: &Tensor) -> Result<Tensor, Error> {
        let ([_, d], [want]) = (points(x)?, [self.mean.size()[0]]);
        if d != want {
            return Err(Error::Input {
                what: "x".to_owned(),
                got: format!("{:?}", x.size()),
                want: format!("[n, {want}]"),
            });
        }
        tch::no_grad(|| Ok(x.f_to_kind(Kind::Double)?.f_sub(&self.mean)?.f_matmul(&self.axes.f_tr()?)?))
    }
}
