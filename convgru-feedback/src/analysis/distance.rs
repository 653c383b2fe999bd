//! Squared Euclidean distances, the same for any number of threads.

use crate::Error;
use rayon::prelude::*;
use std::ops::Range;
use tch::{Device, Kind, Tensor};
use tch_function::math::Number;
use tch_function::on_best_tier;

/// Coordinates that are summed beside each other.
const LANES: usize = 32;
/// Points whose distances are computed together; another point stays in the cache for all of them.
const BLOCK: usize = 16;

/// Points in memory, `[n, d]`.
pub(super) struct Points {
    n: usize,
    d: usize,
    coordinates: Coordinates,
}

enum Coordinates {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Points {
    /// Takes finite floating-point numbers `[n, d]`.
    pub(super) fn new(x: &Tensor) -> Result<Self, Error> {
        let [n, d] = super::points(x)?.map(|side| side as usize);
        let list = |kind| x.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(kind)?.f_contiguous()?.f_view(-1);
        let coordinates = match x.kind() {
            Kind::Double => Coordinates::Double(Vec::try_from(list(Kind::Double)?)?),
            _ => Coordinates::Single(Vec::try_from(list(Kind::Float)?)?),
        };
        Ok(Self { n, d, coordinates })
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// What `work` gives for each point and its squared distances to all points, `[n]`, on as many threads as libtorch has. Sums are in
    /// double precision.
    pub(super) fn map<T: Send>(&self, work: impl Fn(usize, &[f64]) -> T + Send + Sync) -> Vec<T> {
        let n = self.n;
        let blocks = of_rows(n.div_ceil(BLOCK), |block| {
            let points = block * BLOCK..n.min((block + 1) * BLOCK);
            let mut squared = vec![0.0; points.len() * n];
            self.distances(points.clone(), &mut squared);
            points.zip(squared.chunks_exact(n)).map(|(point, row)| work(point, row)).collect::<Vec<T>>()
        });
        blocks.into_iter().flatten().collect()
    }

    /// Squared distances of all points, `[n, n]`.
    pub(super) fn table(&self) -> Vec<f64> {
        let n = self.n;
        let mut squared = vec![0.0; n * n];
        let blocks = squared.par_chunks_mut(n * BLOCK).with_min_len(stretch(n.div_ceil(BLOCK)));
        blocks.enumerate().for_each(|(i, rows)| self.distances(i * BLOCK..i * BLOCK + rows.len() / n, rows));
        squared
    }

    fn distances(&self, points: Range<usize>, squared: &mut [f64]) {
        let range = points.start * self.d..points.end * self.d;
        match &self.coordinates {
            Coordinates::Single(list) => distances(&list[range], list, self.d, squared),
            Coordinates::Double(list) => distances(&list[range], list, self.d, squared),
        }
    }
}

on_best_tier!(fn distances<T: Number>(from: &[T], to: &[T], d: usize, squared: &mut [f64]) = distances_body);

/// Of points `[m, d]` to points `[n, d]`, as `[m, n]`; `d` may be 0, where all distances are.
#[inline(always)]
fn distances_body<T: Number>(from: &[T], to: &[T], d: usize, squared: &mut [f64]) {
    if d == 0 {
        return squared.fill(0.0);
    }
    let n = to.len() / d;
    for (column, to) in to.chunks_exact(d).enumerate() {
        for (row, from) in from.chunks_exact(d).enumerate() {
            squared[row * n + column] = distance_body(from, to);
        }
    }
}

#[inline(always)]
fn distance_body<T: Number>(a: &[T], b: &[T]) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((a, last_a), (b, last_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            let apart = a[lane].to_f64() - b[lane].to_f64();
            lanes[lane] += apart * apart;
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(last_a).zip(last_b) {
        let apart = a.to_f64() - b.to_f64();
        *lane += apart * apart;
    }
    lanes.iter().sum()
}

/// What `work` gives for each of `n` rows, on as many threads as libtorch has.
pub(super) fn of_rows<T: Send>(n: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    (0..n).into_par_iter().with_min_len(stretch(n)).map(work).collect()
}

/// Calls `work` for each row of `[n, n]` numbers, on as many threads as libtorch has.
pub(super) fn in_rows(n: usize, numbers: &mut [f64], work: impl Fn(usize, &mut [f64]) + Send + Sync) {
    let rows = numbers.par_chunks_exact_mut(n).with_min_len(stretch(n));
    rows.enumerate().for_each(|(row, numbers)| work(row, numbers));
}

/// Rows that a thread takes at least.
fn stretch(n: usize) -> usize {
    n.div_ceil(tch::get_num_threads().max(1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any number of coordinates, of points of one block and of several, gives the sum by definition; either way round the same bits.
    #[test]
    fn distances_are_those_of_the_definition() {
        for (n, d) in [(1, 3), (4, 8), (7, 1), (9, 19), (37, 40), (3, 0)] {
            let x = Tensor::randn([n, d], (Kind::Double, Device::Cpu));
            for x in [x.to_kind(Kind::Float), x] {
                let points = Points::new(&x).expect("points");
                let coordinates = Vec::<f64>::try_from(x.to_kind(Kind::Double).view(-1)).expect("numbers");
                let (n, d) = (n as usize, d as usize);
                let table = points.table();
                assert_eq!(
                    points.map(|i, row| (i, row.to_vec())),
                    table.chunks(n).map(<[f64]>::to_vec).enumerate().collect::<Vec<_>>()
                );
                for i in 0..n {
                    for j in 0..n {
                        let want: f64 = (0..d).map(|k| (coordinates[i * d + k] - coordinates[j * d + k]).powi(2)).sum();
                        assert!((table[i * n + j] - want).abs() <= 1e-14 * want, "{} for {want}", table[i * n + j]);
                        assert_eq!(table[i * n + j], table[j * n + i]);
                    }
                }
            }
        }
    }
}
