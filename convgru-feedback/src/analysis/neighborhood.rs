//! How well classes are apart: labels of the nearest neighbours.

use super::distance::Points;
use crate::Error;
use tch::{Device, Kind, Tensor};

/// Share of the `k` nearest neighbours of a point that have its label, mean over all points: 1 where classes are apart, about the sum of
/// squared class shares where they are mixed.
///
/// Distances are Euclidean. The point itself is no neighbour; of neighbours at equal distance the one listed first comes first, so the
/// result is the same for any number of threads. Takes time in proportion to `n² d`, and memory to `n d` and `n` per thread.
///
/// `x`: `[n, d]`, floating point; `labels`: `[n]`, integers; `k`: 1 to `n - 1`. Source: Paulovich, Nonato, Minghim & Levkowitz, *IEEE
/// Trans. Vis. Comput. Graph.* 14 (2008), 564-575; `k` is 6 in connectome-to-model's curves over areas and time steps.
///
/// # Errors
/// [`Error::Input`] for shapes, kinds and `k` that do not fit, [`Error::Data`] for numbers that are not finite.
pub fn neighborhood_hit(x: &Tensor, labels: &Tensor, k: usize) -> Result<f64, Error> {
    let input = |what: &str, got: String, want: String| Err(Error::Input { what: what.to_owned(), got, want });
    let points = Points::new(x)?;
    let n = points.len();
    if labels.size() != [n as i64] || labels.is_floating_point() || labels.is_complex() {
        let want = format!("integers [{n}], one per point");
        return input("labels", format!("{:?} {:?}", labels.kind(), labels.size()), want);
    }
    if k == 0 || k >= n {
        return input("k", k.to_string(), format!("1 to {}, the other points", n.saturating_sub(1)));
    }
    let labels = Vec::<i64>::try_from(labels.f_to_device(Device::Cpu)?.f_to_kind(Kind::Int64)?)?;
    let hits = points.map(|own, squared| {
        let mut others: Vec<usize> = (0..n).filter(|&i| i != own).collect();
        others.select_nth_unstable_by(k - 1, |&a, &b| squared[a].total_cmp(&squared[b]).then(a.cmp(&b)));
        others[..k].iter().filter(|&&i| labels[i] == labels[own]).count()
    });
    Ok(hits.into_iter().sum::<usize>() as f64 / (n * k) as f64)
}
