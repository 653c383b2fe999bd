//! Movies that excite a cell type most, in three ways.
//!
//! * [`most_exciting`]: the one of a set of movies with the largest response.
//! * [`regularised`]: what of a movie the response is due to. The response is kept while all else goes to grey.
//! * [`from_noise`]: a movie that is made from noise for the response alone.
//!
//! Source: Lappalainen et al., *Nature* 634, 1132 (2024), Methods, "Maximally excitatory stimuli"; constants of flyvis 1.2.0.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tch::Kind;

use super::search::{Bounds, Found, Search};
use crate::measure::Responses;
use crate::network::{Grey, Network, Record, Run};
use crate::task::mean;
use crate::{Error, Movie};

/// The sample of a set with the largest response of a cell type in a model, and that response.
///
/// Frames without a response (NaN) do not count.
///
/// # Errors
/// [`Error::Unknown`] if the type was not recorded, [`Error::Setting`] for a model that is not there or if there is no response.
pub fn most_exciting(responses: &Responses, model: usize, cell_type: &str) -> Result<(usize, f64), Error> {
    let cell = responses.cell(cell_type)?;
    if model >= responses.models() {
        return Err(Error::setting("model", format!("{model} of {}, counted from 0", responses.models())));
    }
    let peak = |sample: usize| responses.trace(model, sample, cell).fold(f64::NEG_INFINITY, f64::max);
    let peaks = (0..responses.samples()).map(|sample| (sample, peak(sample)));
    // the first of equal ones
    let best = peaks.reduce(|a, b| if b.1 > a.1 { b } else { a });
    best.filter(|(_, peak)| peak.is_finite())
        .ok_or_else(|| Error::setting("responses", format!("{cell_type} has none in model {model}")))
}

/// Settings of [`regularised`].
#[derive(Debug, Clone, PartialEq)]
pub struct RegularisedSearch {
    /// Weight of the squared change of the response, summed over frames. Default 1.
    pub keep_response: f64,
    /// Weight of the squared distance from grey, summed over frames and columns. Default 1.
    pub towards_grey: f64,
    /// Steps of Adam. Default 100.
    pub iterations: usize,
    /// Learning rate. Default 0.01.
    pub lr: f64,
    /// Length of a frame in seconds. Default 1/100.
    pub dt: f64,
    /// Seconds of grey before the movie. Default 1.
    pub t_pre: f64,
}

impl Default for RegularisedSearch {
    fn default() -> Self {
        Self { keep_response: 1.0, towards_grey: 1.0, iterations: 100, lr: 1e-2, dt: 0.01, t_pre: 1.0 }
    }
}

/// What [`regularised`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Regularised {
    /// Response of the central cell to the movie as it was, `[frames]`.
    pub target: Vec<f64>,
    /// The search; its losses are the sum alone.
    pub found: Found,
}

/// Takes out of a movie what the response of a type's central cell is not due to:
/// minimises `keep_response sum (r - r0)^2 + towards_grey sum (s - 1/2)^2`.
///
/// # Errors
/// As [`Search::run`].
pub fn regularised(
    network: &Network,
    movie: &Movie,
    cell_type: &str,
    settings: &RegularisedSearch,
) -> Result<Regularised, Error> {
    let RegularisedSearch { iterations, lr, dt, t_pre, keep_response, towards_grey } = *settings;
    let search = Search { iterations, lr, dt, t_pre, ..Search::new(cell_type) };
    let grey = network.steady_state(t_pre, dt, 1, Grey::default())?;
    let central = network.wiring().central_cells();
    let cells = network.wiring().cells_of(cell_type)?.into_iter().filter(|c| central.contains(c)).collect();
    let run = Run::new(dt).from(&grey).record(Record::Cells(cells));
    let shown = movie.to_tensor(network.kind())?.f_unsqueeze(0)?;
    let target = network.simulate(&shown, &run)?.activity.f_view(-1)?;
    let found = search.run(network, movie, |seen| {
        let change = seen.central.f_sub(&target)?.f_square()?.f_sum(None::<Kind>)?.f_mul_scalar(keep_response)?;
        // frame by frame: libtorch adds long lists in as many parts as there are threads
        let away = seen.movie.f_sub_scalar(0.5)?.f_square()?.f_sum_dim_intlist([-1].as_slice(), false, None::<Kind>)?;
        let away = away.f_sum(None::<Kind>)?.f_mul_scalar(towards_grey)?;
        Ok(vec![change.f_add(&away)?])
    })?;
    Ok(Regularised { target: Vec::<f64>::try_from(target.f_to_kind(Kind::Double)?)?, found })
}

/// Which frames of the response count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FromNoise {
    /// The last one. The default.
    #[default]
    LastFrame,
    /// The mean over all.
    AllFrames,
}

/// Settings of [`from_noise`].
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSearch {
    /// Length of the movie in seconds. Default 49/200, 24 frames.
    pub t_stim: f64,
    /// Which frames count. Default: the last.
    pub frames: FromNoise,
    /// Weight of the exponential of the response. Default 1.
    pub excite: f64,
    /// Weight of the squared distance from grey, the mean over frames and columns. Default 3000.
    pub towards_grey: f64,
    /// Steps of Adam. Default 200.
    pub iterations: usize,
    /// Learning rate. Default 0.01.
    pub lr: f64,
    /// Length of a frame in seconds. Default 1/100.
    pub dt: f64,
    /// Seconds of grey before the movie. Default 1.
    pub t_pre: f64,
    /// Seed of the noise (`ChaCha8`). Default 0.
    pub seed: u64,
    /// The movie to start from in place of noise, `[frames, columns]`. Default: none.
    pub start: Option<Movie>,
}

impl Default for NoiseSearch {
    fn default() -> Self {
        Self {
            t_stim: 49.0 / 200.0,
            frames: FromNoise::LastFrame,
            excite: 1.0,
            towards_grey: 3000.0,
            iterations: 200,
            lr: 1e-2,
            dt: 0.01,
            t_pre: 1.0,
            seed: 0,
            start: None,
        }
    }
}

/// Makes a movie of noise, uniform between 0 and 1, into one that excites a type's central cell: minimises
/// `-excite mean exp(r) + towards_grey mean (s - 1/2)^2` with luminance held between 0 and 1.
///
/// The losses of each iteration are the sum and its two parts.
///
/// # Errors
/// [`Error::Setting`] for times that make no frame; otherwise as [`Search::run`].
pub fn from_noise(network: &Network, cell_type: &str, settings: &NoiseSearch) -> Result<Found, Error> {
    let NoiseSearch { iterations, lr, dt, t_pre, excite, towards_grey, .. } = *settings;
    let start = match &settings.start {
        Some(movie) => movie.clone(),
        None => {
            let frames = settings.t_stim / dt;
            if !(1.0..16_777_216.0).contains(&frames) {
                let what = format!("{} s in frames of {dt} s; 1 to 2^24 frames", settings.t_stim);
                return Err(Error::setting("t_stim", what));
            }
            let columns = network.wiring().n_columns();
            let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
            let uniform = |bits: u32| (bits >> 8) as f32 / 16_777_216.0;
            Movie::new(columns, (0..frames as usize * columns).map(|_| uniform(random.next_u32())).collect())?
        }
    };
    let search = Search { iterations, lr, dt, t_pre, bounds: Bounds::Between(0.0, 1.0), ..Search::new(cell_type) };
    search.run(network, &start, |seen| {
        let counted = match settings.frames {
            FromNoise::LastFrame => seen.central.f_select(0, -1)?,
            FromNoise::AllFrames => seen.central.shallow_clone(),
        };
        let excited = counted.f_exp()?.f_mean(None::<Kind>)?.f_mul_scalar(-excite)?;
        let away = mean(&seen.movie.f_sub_scalar(0.5)?.f_square()?)?.f_mul_scalar(towards_grey)?;
        Ok(vec![excited.f_add(&away)?, excited, away])
    })
}

#[cfg(test)]
mod tests {
    use connectome_graph::hex::{Extent, expand};

    use super::*;
    use crate::Conditions;
    use crate::network::Wiring;

    fn network() -> Network {
        let fly = expand(&crate::connectome().unwrap(), Extent(2)).unwrap();
        let mut network = Network::builder(Wiring::from_hex(&fly).unwrap()).build_alone().unwrap();
        network.set_pretrained(0).unwrap();
        network
    }

    /// Searches lower their loss, keep their bounds, and leave the network without gradients.
    #[test]
    fn searches_lower_their_loss() {
        let network = network();
        let before = network.parameters().strength.copy();
        let noise = NoiseSearch { iterations: 15, towards_grey: 1.0, ..NoiseSearch::default() };
        let found = from_noise(&network, "T4c", &noise).unwrap();
        assert_eq!((found.movie.frames(), found.movie.columns()), (24, 19));
        assert!(found.losses[14][0] < found.losses[0][0], "{:?}", found.losses);
        assert!(found.movie.luminance().iter().all(|x| (0.0..=1.0).contains(x)));
        let kept = regularised(&network, &found.movie, "T4c", &RegularisedSearch::default()).unwrap();
        assert!(kept.found.losses[99][0] < 0.9 * kept.found.losses[0][0]);
        assert!(!network.parameters().strength.grad().defined());
        assert_eq!(before, network.parameters().strength);
        assert!(from_noise(&network, "T4x", &noise).is_err());
        assert!(from_noise(&network, "T4a", &NoiseSearch { t_stim: 0.001, ..noise }).is_err());
    }

    #[test]
    fn the_most_exciting_sample_has_the_largest_response() {
        let values = vec![0.0, 1.0, 5.0, f32::NAN, 3.0, 2.0];
        let conditions = Conditions::product(&[("a", &[0.0, 1.0, 2.0])]);
        let responses = Responses::new(values, 1, vec![0.0, 0.1], conditions, vec!["T1".into()]).unwrap();
        assert_eq!(most_exciting(&responses, 0, "T1").unwrap(), (1, 5.0));
        assert!(most_exciting(&responses, 1, "T1").is_err() && most_exciting(&responses, 0, "T2").is_err());
    }
}
