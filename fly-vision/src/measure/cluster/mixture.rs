//! Mixtures of Gaussians.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::kmeans;
use super::linear::{cholesky, solve_lower};
use crate::Error;

/// How a mixture is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureOptions {
    /// Number of fits from different k-means clusterings; the most likely one is kept. Default 100.
    pub starts: usize,
    /// Largest number of rounds of a fit. Default 1000.
    pub max_rounds: usize,
    /// A fit ends once a round raises the mean log-likelihood by less. Default 1e-3.
    pub tolerance: f64,
    /// What is added to the diagonal of covariances. Default 1e-6.
    pub regularisation: f64,
    /// Seed of the starts. Default 42.
    pub seed: u64,
}

impl Default for MixtureOptions {
    fn default() -> Self {
        Self { starts: 100, max_rounds: 1000, tolerance: 1e-3, regularisation: 1e-6, seed: 42 }
    }
}

impl MixtureOptions {
    fn check(&self) -> Result<(), Error> {
        if self.starts == 0 || self.max_rounds == 0 {
            return Err(Error::setting("starts and rounds of a mixture", "must be at least 1"));
        }
        if !(self.tolerance >= 0.0 && self.regularisation >= 0.0 && self.regularisation.is_finite()) {
            return Err(Error::setting("tolerance and regularisation of a mixture", "must not be negative"));
        }
        Ok(())
    }
}

/// A mixture of Gaussians with full covariances.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    dims: usize,
    weights: Vec<f64>,
    means: Vec<f64>,
    covariances: Vec<f64>,
    /// Cholesky factors of the covariances.
    factors: Vec<f64>,
    rounds: usize,
    converged: bool,
}

impl Mixture {
    /// Fits `components` Gaussians to points `[n, dims]`, row-major, by expectation and maximisation.
    ///
    /// Starts are independent of each other and of the number of threads; of equally likely fits the first is kept.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are fewer points than components, or no whole points; [`Error::Setting`] if a number
    /// or option makes no sense, or a covariance is singular (raise the regularisation).
    ///
    /// Source: Dempster, Laird & Rubin, *J. R. Stat. Soc. B* 39, 1 (1977).
    pub fn fit(points: &[f64], dims: usize, components: usize, options: &MixtureOptions) -> Result<Self, Error> {
        options.check()?;
        if dims == 0 || components == 0 || !points.len().is_multiple_of(dims) || points.len() / dims < components {
            return Err(Error::shape(
                "points for a mixture",
                format!("{} numbers", points.len()),
                format!("[n, {dims}] with n >= {components} components >= 1"),
            ));
        }
        if !points.iter().all(|x| x.is_finite()) {
            return Err(Error::setting("points for a mixture", "must be finite; leave out those that are not"));
        }
        let fits: Vec<Option<(f64, Self)>> = (0..options.starts as u64)
            .into_par_iter()
            .map(|start| {
                let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
                rng.set_stream(start);
                Self::from_start(points, dims, components, options, &mut rng)
            })
            .collect();
        let best = fits.into_iter().flatten().reduce(|best, fit| if fit.0 > best.0 { fit } else { best });
        best.map(|(_, mixture)| mixture).ok_or_else(|| {
            Error::setting(
                "regularisation of a mixture",
                format!(
                    "of {} leaves a covariance of {components} components singular; raise it, or try fewer components",
                    options.regularisation
                ),
            )
        })
    }

    /// A fit and the likelihood by which it is judged; `None` if a covariance becomes singular.
    fn from_start(
        points: &[f64],
        dims: usize,
        components: usize,
        options: &MixtureOptions,
        rng: &mut ChaCha8Rng,
    ) -> Option<(f64, Self)> {
        let labels = kmeans::assign(points, dims, components, rng);
        let mut shares = vec![0.0; labels.len() * components];
        for (row, label) in shares.chunks_exact_mut(components).zip(labels) {
            row[label] = 1.0;
        }
        let mut mixture = Self::maximise(points, dims, &shares, components, options.regularisation)?;
        let mut likelihood = f64::NEG_INFINITY;
        for round in 1..=options.max_rounds {
            let before = likelihood;
            likelihood = mixture.expect(points, &mut shares);
            mixture = Self::maximise(points, dims, &shares, components, options.regularisation)?;
            mixture.rounds = round;
            if (likelihood - before).abs() < options.tolerance {
                mixture.converged = true;
                break;
            }
        }
        Some((likelihood, mixture))
    }

    /// The mixture that is most likely for given shares `[n, components]` of the points.
    fn maximise(points: &[f64], dims: usize, shares: &[f64], k: usize, regularisation: f64) -> Option<Self> {
        let mut mass = vec![10.0 * f64::EPSILON; k];
        let mut means = vec![0.0; k * dims];
        for (point, row) in points.chunks_exact(dims).zip(shares.chunks_exact(k)) {
            for (c, share) in row.iter().enumerate() {
                mass[c] += share;
                for (sum, x) in means[c * dims..][..dims].iter_mut().zip(point) {
                    *sum += share * x;
                }
            }
        }
        for (mean, mass) in means.chunks_exact_mut(dims).zip(&mass) {
            mean.iter_mut().for_each(|x| *x /= mass);
        }
        let mut covariances = vec![0.0; k * dims * dims];
        for (point, row) in points.chunks_exact(dims).zip(shares.chunks_exact(k)) {
            for (c, share) in row.iter().enumerate() {
                let mean = &means[c * dims..][..dims];
                for i in 0..dims {
                    for j in 0..dims {
                        covariances[(c * dims + i) * dims + j] += share * (point[i] - mean[i]) * (point[j] - mean[j]);
                    }
                }
            }
        }
        let mut factors = Vec::with_capacity(covariances.len());
        for (covariance, mass) in covariances.chunks_exact_mut(dims * dims).zip(&mass) {
            covariance.iter_mut().for_each(|x| *x /= mass);
            covariance.iter_mut().step_by(dims + 1).for_each(|x| *x += regularisation);
            factors.extend(cholesky(covariance, dims)?);
        }
        let total: f64 = mass.iter().sum();
        let weights = mass.iter().map(|m| m / total).collect();
        Some(Self { dims, weights, means, covariances, factors, rounds: 0, converged: false })
    }

    /// Writes each component's share of each point, `[n, components]`, and returns the mean log-likelihood.
    fn expect(&self, points: &[f64], shares: &mut [f64]) -> f64 {
        let k = self.components();
        let mut sum = 0.0;
        for (point, row) in points.chunks_exact(self.dims).zip(shares.chunks_exact_mut(k)) {
            let likelihood = self.log_densities(point, row);
            row.iter_mut().for_each(|x| *x = (*x - likelihood).exp());
            sum += likelihood;
        }
        sum / (points.len() / self.dims) as f64
    }

    /// Writes the log of each component's weighted density at a point, `[components]`, and returns that of their sum.
    fn log_densities(&self, point: &[f64], out: &mut [f64]) -> f64 {
        let d = self.dims;
        let mut y = vec![0.0; d];
        for (c, out) in out.iter_mut().enumerate() {
            let factor = &self.factors[c * d * d..][..d * d];
            for (y, (x, mean)) in y.iter_mut().zip(point.iter().zip(&self.means[c * d..])) {
                *y = x - mean;
            }
            solve_lower(factor, &mut y);
            let square: f64 = y.iter().map(|y| y * y).sum();
            let log_det: f64 = factor.iter().step_by(d + 1).map(|l| l.ln()).sum();
            *out = self.weights[c].ln() - 0.5 * (d as f64 * (2.0 * PI).ln() + square) - log_det;
        }
        let largest = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest + out.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
    }

    /// Number of components.
    pub fn components(&self) -> usize {
        self.weights.len()
    }

    /// Number of dimensions.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Share of each component, `[components]`, in sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Mean of each component, `[components, dims]`.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Covariance of each component, `[components, dims, dims]`, regularisation included.
    pub fn covariances(&self) -> &[f64] {
        &self.covariances
    }

    /// Number of rounds of the fit that was kept.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// Whether it ended by its tolerance.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Log-likelihood of points `[n, dims]`, in sum.
    ///
    /// # Panics
    /// If they are not whole points.
    pub fn log_likelihood(&self, points: &[f64]) -> f64 {
        self.check(points);
        let mut row = vec![0.0; self.components()];
        points.chunks_exact(self.dims).map(|point| self.log_densities(point, &mut row)).sum()
    }

    /// Share of each component in each of the points `[n, dims]`: `[n, components]`.
    ///
    /// # Panics
    /// If they are not whole points.
    pub fn responsibilities(&self, points: &[f64]) -> Vec<f64> {
        self.check(points);
        let mut shares = vec![0.0; points.len() / self.dims * self.components()];
        self.expect(points, &mut shares);
        shares
    }

    /// The component with the largest share of each of the points `[n, dims]`: `[n]`.
    ///
    /// # Panics
    /// If they are not whole points.
    pub fn labels(&self, points: &[f64]) -> Vec<usize> {
        let shares = self.responsibilities(points);
        let largest = |row: &[f64]| (0..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
        shares.chunks_exact(self.components()).map(largest).collect()
    }

    /// Number of free numbers: weights, means and covariances.
    pub fn parameters(&self) -> usize {
        let (k, d) = (self.components(), self.dims);
        k - 1 + k * d + k * d * (d + 1) / 2
    }

    /// An information criterion on points `[n, dims]`; smaller is better.
    ///
    /// # Panics
    /// If they are not whole points.
    pub fn criterion(&self, criterion: Criterion, points: &[f64]) -> f64 {
        let price = match criterion {
            Criterion::Bic => ((points.len() / self.dims) as f64).ln(),
            Criterion::Aic => 2.0,
        };
        -2.0 * self.log_likelihood(points) + self.parameters() as f64 * price
    }

    fn check(&self, points: &[f64]) {
        assert!(points.len().is_multiple_of(self.dims), "{} numbers, wanted are [n, {}]", points.len(), self.dims);
    }
}

/// What tells the better number of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// Schwarz's Bayesian information criterion, `-2 ln L + p ln n`. The default.
    #[default]
    Bic,
    /// Akaike's, `-2 ln L + 2 p`.
    Aic,
}

/// The chosen mixture, and by how much.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// The mixture with the smallest criterion; of equal ones the first.
    pub mixture: Mixture,
    /// Numbers of components that were tried, in order, with their criterion.
    pub tried: Vec<(usize, f64)>,
}

/// Fits mixtures with each of the numbers of components to points `[n, dims]` and keeps the best.
///
/// Numbers larger than that of points are left out.
///
/// # Errors
/// [`Error::Setting`] if no number is left; see [`Mixture::fit`].
pub fn select_mixture(
    points: &[f64],
    dims: usize,
    components: &[usize],
    criterion: Criterion,
    options: &MixtureOptions,
) -> Result<Selection, Error> {
    let mut best: Option<(f64, Mixture)> = None;
    let mut tried = Vec::with_capacity(components.len());
    for &k in components.iter().filter(|&&k| k * dims <= points.len()) {
        let mixture = Mixture::fit(points, dims, k, options)?;
        let value = mixture.criterion(criterion, points);
        tried.push((k, value));
        if best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, mixture));
        }
    }
    let (_, mixture) = best.ok_or_else(|| {
        Error::setting(
            "numbers of components",
            format!("none of {components:?} fits {} points", points.len() / dims.max(1)),
        )
    })?;
    Ok(Selection { mixture, tried })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    /// Three elongated clusters, 40 points each.
    fn planted(seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let centres = [[0.0, 0.0], [6.0, 0.0], [0.0, 8.0]];
        (0..120)
            .flat_map(|i| {
                let (x, y) = (normal(), normal());
                let [cx, cy] = centres[i / 40];
                [cx + x, cy + 0.5 * x + 0.4 * y]
            })
            .collect()
    }

    fn few() -> MixtureOptions {
        MixtureOptions { starts: 5, ..MixtureOptions::default() }
    }

    /// Planted clusters come back, and their number has the smallest criterion.
    #[test]
    fn planted_clusters_are_found() {
        let points = planted(1);
        for criterion in [Criterion::Bic, Criterion::Aic] {
            let selection = select_mixture(&points, 2, &[1, 2, 3, 4, 500], criterion, &few()).unwrap();
            assert_eq!(selection.tried.iter().map(|(k, _)| *k).collect::<Vec<_>>(), [1, 2, 3, 4]);
            if criterion == Criterion::Bic {
                assert_eq!(selection.mixture.components(), 3);
            }
        }
        let mixture = Mixture::fit(&points, 2, 3, &few()).unwrap();
        let labels = mixture.labels(&points);
        for i in 0..120 {
            assert_eq!(labels[i], labels[i / 40 * 40]);
        }
        for (share, &label) in mixture.responsibilities(&points).chunks_exact(3).zip(&labels) {
            assert!((share.iter().sum::<f64>() - 1.0).abs() < 1e-12 && share[label] > 0.9, "{share:?}");
        }
        assert!((mixture.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let slope = mixture.covariances()[1] / mixture.covariances()[0];
        assert!((slope - 0.5).abs() < 0.25, "{slope}");
        assert!(mixture.converged() && mixture.rounds() > 0);
    }

    /// One component is the mean and covariance of the points.
    #[test]
    fn one_component_is_the_sample() {
        let points = [0.0, 0.0, 2.0, 0.0, 0.0, 4.0, 2.0, 4.0];
        let mixture = Mixture::fit(&points, 2, 1, &few()).unwrap();
        for (got, want) in mixture.means().iter().zip([1.0, 2.0]) {
            assert!((got - want).abs() < 1e-12);
        }
        for (got, want) in mixture.covariances().iter().zip([1.0 + 1e-6, 0.0, 0.0, 4.0 + 1e-6]) {
            assert!((got - want).abs() < 1e-12);
        }
        assert_eq!(mixture.parameters(), 5);
    }

    /// More rounds never make the points less likely, and the result depends on the seed only, not on threads.
    #[test]
    fn likelihood_rises_and_fits_repeat() {
        let points = planted(2);
        let mut before = f64::NEG_INFINITY;
        for max_rounds in [1, 2, 4, 8, 16] {
            let options = MixtureOptions { starts: 1, max_rounds, tolerance: 0.0, ..few() };
            let likelihood = Mixture::fit(&points, 2, 4, &options).unwrap().log_likelihood(&points);
            assert!(likelihood >= before - 1e-4);
            before = likelihood;
        }
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Mixture::fit(&points, 2, 4, &few()).unwrap())
        };
        assert_eq!(fit(1), fit(3));
    }

    #[test]
    fn misuse_is_refused() {
        assert!(Mixture::fit(&[0.0; 4], 2, 3, &few()).is_err());
        assert!(Mixture::fit(&[0.0; 3], 2, 1, &few()).is_err());
        assert!(Mixture::fit(&[f64::NAN; 4], 2, 1, &few()).is_err());
        let singular = MixtureOptions { regularisation: 0.0, ..few() };
        assert!(Mixture::fit(&[1.0; 8], 2, 1, &singular).unwrap_err().to_string().contains("raise it"));
        assert!(Mixture::fit(&[1.0; 8], 2, 1, &MixtureOptions { starts: 0, ..few() }).is_err());
        assert!(select_mixture(&[0.0; 4], 2, &[5], Criterion::Bic, &few()).is_err());
    }
}
