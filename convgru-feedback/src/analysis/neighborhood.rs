//! How well classes are apart: labels of the nearest neighbours.

use crate::Error;
use tch::{Kind, Tensor};

/// Distances that are held at a time.
const BLOCK: i64 = 1 << 21;

/// Share of the `k` nearest neighbours of a point that have its label, mean over all points: 1 where classes are apart, about the sum of
/// squared class shares where they are mixed.
///
/// Distances are Euclidean. The point itself is no neighbour; of neighbours at equal distance the one listed first comes first, so the
/// result is the same for any number of threads. Takes time in proportion to `n² d` and memory to `n`.
///
/// `x`: `[n, d]`, floating point; `labels`: `[n]`, integers; `k`: 1 to `n - 1`. Source: Paulovich, Nonato, Minghim & Levkowitz, *IEEE
/// Trans. Vis. Comput. Graph.* 14 (2008), 564-575; `k` is 6 in connectome-to-model's curves over areas and time steps.
///
/// # Errors
/// [`Error::Input`] for shapes, kinds and `k` that do not fit, [`Error::Data`] for numbers that are not finite.
pub fn neighborhood_hit(x: &Tensor, labels: &Tensor, k: usize) -> Result<f64, Error> {
    let input = |what: &str, got: String, want: String| Err(Error::Input { what: what.to_owned(), got, want });
    let &[n, _] = x.size().as_slice() else {
        return input("x", format!("{:?}", x.size()), "[n, d]".to_owned());
    };
    if !x.is_floating_point() {
        return input("x", format!("{:?}", x.kind()), "floating point".to_owned());
    }
    if labels.size() != [n] || labels.is_floating_point() || labels.is_complex() {
        return input(
            "labels",
            format!("{:?} {:?}", labels.kind(), labels.size()),
            format!("integers [{n}], one per point"),
        );
    }
    if k == 0 || k as i64 >= n {
        return input("k", k.to_string(), format!("1 to {}, the other points", n - 1));
    }
    if !bool::try_from(x.f_isfinite()?.f_all()?)? {
        let problem = "holds NaN or infinity; distances need finite numbers".to_owned();
        return Err(Error::Data { what: "x".to_owned(), problem });
    }
    tch::no_grad(|| {
        let x = x.f_to_kind(Kind::Double)?;
        let labels = labels.f_to_device(x.device())?;
        let mut hits = 0;
        let rows_at_once = (BLOCK / n).max(1);
        for start in (0..n).step_by(rows_at_once as usize) {
            let rows = rows_at_once.min(n - start);
            let points = Tensor::f_arange_start(start, start + rows, (Kind::Int64, x.device()))?.f_unsqueeze(1)?;
            // without matrix products, whose rounding would part points that lie on each other
            let distances = Tensor::f_cdist(&x.f_narrow(0, start, rows)?, &x, 2.0, 2)?;
            let (_, order) = distances.f_sort_stable(true, 1, false)?;
            let others = order.f_masked_select(&order.f_ne_tensor(&points)?)?.f_view([rows, n - 1])?;
            let nearest = others.f_narrow(1, 0, k as i64)?.f_contiguous()?.f_view(-1)?;
            let near = labels.f_index_select(0, &nearest)?.f_view([rows, k as i64])?;
            let own = labels.f_narrow(0, start, rows)?.f_unsqueeze(1)?;
            hits += near.f_eq_tensor(&own)?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        }
        Ok(hits as f64 / (n * k as i64) as f64)
    })
}
