//! t-distributed stochastic neighbour embedding, exact.
//!
//! Neighbours in many dimensions, by a Gaussian around each point, shall be neighbours in two, by a Student t distribution; the
//! Kullback-Leibler divergence of the two is minimised by gradient descent with momentum and gains. Source: van der Maaten & Hinton, *J.
//! Mach. Learn. Res.* 9 (2008), 2579-2605; the learning rate is that of Belkina et al., *Nat. Commun.* 10 (2019), 5415.

use super::neighbours::neighbourhoods;
use super::start::{normal, principal};
use crate::Error;
use crate::analysis::distance::{Points, of_rows};
use tch::Tensor;
use tch_function::math::Number;
use tch_function::on_best_tier;

/// Points that are possible: beyond, the table of pairs needs more than 2 GiB.
const MAX_POINTS: usize = 16_384;
/// Attraction is increased by this in the first quarter.
const EXAGGERATION: f64 = 12.0;
/// Standard deviation of the starting points along the first axis.
const START_SPREAD: f64 = 1e-4;
/// Pairs that are summed beside each other.
const LANES: usize = 32;

/// Where points start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Start {
    /// On their first two principal components: the picture keeps the large-scale order. The default.
    #[default]
    Principal,
    /// Anywhere, normally distributed.
    Random,
}

/// Settings of an embedding in two dimensions.
///
/// | setting | default |
/// | --- | --- |
/// | [`perplexity`](Self::perplexity) | 20 |
/// | [`iterations`](Self::iterations) | 1000 |
/// | [`start`](Self::start) | [`Start::Principal`] |
/// | [`seed`](Self::seed) | 42 |
///
/// Perplexity and seed are those of connectome-to-model's `dim_reduction`. Time grows with `iterations n²`, memory with `8 n²` bytes; a
/// thousand points take about a second. Results are the same for any number of threads.
///
/// # Example
/// ```
/// use convgru_feedback::analysis::TSne;
/// use tch::{Device, Kind, Tensor};
///
/// let states = Tensor::randn([100, 640], (Kind::Float, Device::Cpu));          // [n, features]
/// let picture = TSne::new().iterations(250).embed(&states)?;
/// assert_eq!(picture.points.size(), [100, 2]);
/// # Ok::<(), convgru_feedback::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TSne {
    perplexity: f64,
    iterations: usize,
    start: Start,
    seed: u64,
}

/// Points in two dimensions.
#[derive(Debug)]
pub struct TSneEmbedding {
    /// `[n, 2]` of f64.
    pub points: Tensor,
    /// Kullback-Leibler divergence of the neighbourhoods in two dimensions from those in many, in nats.
    pub divergence: f64,
}

impl Default for TSne {
    fn default() -> Self {
        Self { perplexity: 20.0, iterations: 1000, start: Start::default(), seed: 42 }
    }
}

impl TSne {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Neighbours that a point has, smoothly counted: the exponential of the entropy of its Gaussian. Above 1, below the number of other
    /// points.
    #[must_use]
    pub fn perplexity(mut self, neighbours: f64) -> Self {
        self.perplexity = neighbours;
        self
    }

    /// Steps of the descent, of which a quarter have increased attraction.
    #[must_use]
    pub fn iterations(mut self, steps: usize) -> Self {
        self.iterations = steps;
        self
    }

    /// Where points start.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Seed of [`Start::Random`], and of the first guess of the principal components.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Embeds points, `x`: `[n, d]`, floating point. Points that are all the same stay together, at zero.
    ///
    /// # Errors
    /// [`Error::Option`] for a perplexity that so many points cannot have, [`Error::Input`] for shapes and kinds that do not fit and for
    /// more than 16,384 points, [`Error::Data`] for numbers that are not finite or whose squared distances overflow.
    pub fn embed(&self, x: &Tensor) -> Result<TSneEmbedding, Error> {
        let points = Points::new(x)?;
        let n = points.len();
        if !(3..=MAX_POINTS).contains(&n) {
            let (what, want) = ("x".to_owned(), format!("3 to {MAX_POINTS} of them; draw some of them"));
            return Err(Error::Input { what, got: format!("{n} points"), want });
        }
        if !(self.perplexity > 1.0 && self.perplexity < (n - 1) as f64) {
            let what = format!("{} among {} other points; above 1, below that number", self.perplexity, n - 1);
            return Err(Error::Option { option: "perplexity", what });
        }
        let mut distances = points.table();
        let mean = distances.iter().sum::<f64>() / (n * n) as f64;
        if !mean.is_finite() {
            let problem = "has squared distances that overflow; scale the numbers down".to_owned();
            return Err(Error::Data { what: "x".to_owned(), problem });
        }
        let mut map = Map::new(n);
        if mean == 0.0 {
            return Ok(TSneEmbedding { points: map.to_tensor()?, divergence: 0.0 });
        }
        // the unit of length is free; this one keeps the search for the Gaussians' widths short
        distances.iter_mut().for_each(|d| *d /= mean);
        map.put(match self.start {
            Start::Principal => principal(&distances, n, self.seed),
            Start::Random => normal(n, self.seed),
        });
        let p = neighbourhoods(distances, n, self.perplexity);
        for step in 0..self.iterations {
            let early = step < self.iterations / 4;
            map.step(&p, if early { EXAGGERATION } else { 1.0 }, if early { 0.5 } else { 0.8 });
        }
        Ok(TSneEmbedding { points: map.to_tensor()?, divergence: map.divergence(&p) })
    }
}

/// The points on their way.
struct Map {
    at: [Vec<f64>; 2],
    velocity: [Vec<f64>; 2],
    gain: [Vec<f64>; 2],
}

impl Map {
    fn new(n: usize) -> Self {
        let axes = |value: f64| [vec![value; n], vec![value; n]];
        Self { at: axes(0.0), velocity: axes(0.0), gain: axes(1.0) }
    }

    /// Puts points where they start, near zero.
    fn put(&mut self, start: [Vec<f64>; 2]) {
        let n = start[0].len() as f64;
        let spread = (start[0].iter().map(|v| v * v).sum::<f64>() / n).sqrt();
        self.at = start.map(|axis| axis.into_iter().map(|v| v * START_SPREAD / spread).collect());
    }

    /// One step of the descent.
    fn step(&mut self, p: &[f64], exaggeration: f64, momentum: f64) {
        let n = self.at[0].len();
        let rate = (n as f64 / EXAGGERATION / 4.0).max(50.0);
        let sums = self.sums(p);
        let total: f64 = sums.iter().map(|of_point| of_point.weight).sum();
        for axis in 0..2 {
            let (at, velocity, gain) = (&mut self.at[axis], &mut self.velocity[axis], &mut self.gain[axis]);
            for i in 0..n {
                let gradient = 4.0 * (exaggeration * sums[i].attraction[axis] - sums[i].repulsion[axis] / total);
                let on = if gradient * velocity[i] < 0.0 { gain[i] + 0.2 } else { gain[i] * 0.8 };
                gain[i] = on.max(0.01);
                velocity[i] = momentum * velocity[i] - rate * gain[i] * gradient;
                at[i] += velocity[i];
            }
        }
    }

    /// The sums of each point.
    fn sums(&self, p: &[f64]) -> Vec<Sums> {
        let n = self.at[0].len();
        of_rows(n, |i| Sums::new(i, &self.at, &p[i * n..(i + 1) * n]))
    }

    fn divergence(&self, p: &[f64]) -> f64 {
        let n = self.at[0].len();
        let total: f64 = self.sums(p).iter().map(|of_point| of_point.weight).sum();
        let mut sum = 0.0;
        for i in 0..n {
            for j in 0..n {
                let p = p[i * n + j];
                if p > 0.0 {
                    let (dx, dy) = (self.at[0][i] - self.at[0][j], self.at[1][i] - self.at[1][j]);
                    sum += p * (p * total * (1.0 + dx * dx + dy * dy)).ln();
                }
            }
        }
        sum
    }

    fn to_tensor(&self) -> Result<Tensor, Error> {
        let columns = [Tensor::f_from_slice(&self.at[0])?, Tensor::f_from_slice(&self.at[1])?];
        Ok(Tensor::f_stack(&columns, 1)?)
    }
}

/// Sums over all other points `j` of a point `i`, with `w = 1 / (1 + |y_i - y_j|²)`.
struct Sums {
    /// Of `p w (y_i - y_j)`.
    attraction: [f64; 2],
    /// Of `w² (y_i - y_j)`.
    repulsion: [f64; 2],
    /// Of `w`.
    weight: f64,
}

impl Sums {
    /// `p`: of this point with each.
    fn new(i: usize, [xs, ys]: &[Vec<f64>; 2], p: &[f64]) -> Self {
        let [ax, ay, rx, ry, weight] = sums([xs[i], ys[i]], xs, ys, p);
        // the point itself was among them: it pulls nowhere and weighs 1
        Self { attraction: [ax, ay], repulsion: [rx, ry], weight: weight - 1.0 }
    }
}

on_best_tier!(fn sums<T: Number>(at: [T; 2], xs: &[T], ys: &[T], p: &[T]) -> [T; 5] = sums_body);

/// Attraction, repulsion and weight of all points.
#[inline(always)]
fn sums_body<T: Number>([x, y]: [T; 2], xs: &[T], ys: &[T], p: &[T]) -> [T; 5] {
    let mut lanes = [[T::ZERO; LANES]; 5];
    let (whole_xs, last_xs) = xs.as_chunks::<LANES>();
    let (whole_ys, last_ys) = ys.as_chunks::<LANES>();
    let (whole_p, last_p) = p.as_chunks::<LANES>();
    for ((px, py), p) in whole_xs.iter().zip(whole_ys).zip(whole_p) {
        for lane in 0..LANES {
            let sums = pair_body([x - px[lane], y - py[lane]], p[lane]);
            for k in 0..5 {
                lanes[k][lane] += sums[k];
            }
        }
    }
    for (lane, ((&px, &py), &p)) in last_xs.iter().zip(last_ys).zip(last_p).enumerate() {
        let sums = pair_body([x - px, y - py], p);
        for k in 0..5 {
            lanes[k][lane] += sums[k];
        }
    }
    lanes.map(|lanes| lanes.into_iter().fold(T::ZERO, |sum, v| sum + v))
}

/// Attraction, repulsion and weight of a pair.
#[inline(always)]
fn pair_body<T: Number>([dx, dy]: [T; 2], p: T) -> [T; 5] {
    let w = T::ONE / (T::ONE + dx * dx + dy * dy);
    let (pull, push) = (p * w, w * w);
    [pull * dx, pull * dy, push * dx, push * dy, w]
}

#[cfg(test)]
mod tests {
    use super::super::squared;
    use super::*;

    /// Forces are the gradient of the divergence.
    #[test]
    fn forces_are_the_gradient() {
        let p = neighbourhoods(squared(&normal(29, 1)), 29, 6.0);
        let mut map = Map { at: normal(29, 2), ..Map::new(29) };
        let sums = map.sums(&p);
        let total: f64 = sums.iter().map(|s| s.weight).sum();
        for axis in 0..2 {
            for (i, of_point) in sums.iter().enumerate() {
                let mut moved = |by: f64| {
                    map.at[axis][i] += by;
                    let divergence = map.divergence(&p);
                    map.at[axis][i] -= by;
                    divergence
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                let gradient = 4.0 * (of_point.attraction[axis] - of_point.repulsion[axis] / total);
                assert!((slope - gradient).abs() < 1e-8, "{gradient} for {slope}");
            }
        }
    }
}
