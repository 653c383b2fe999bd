//! Movies that excite a cell most.

use super::network::with_parameters;
use crate::case::Case;
use crate::report::{Report, Tolerance, relative};
use fly_vision::Movie;
use fly_vision::network::EngineKind;
use fly_vision::probe::{NoiseSearch, RegularisedSearch, from_noise, regularised};
use tch::Kind;

/// Of single precision; gradients lie under each step.
const SINGLE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-5 };

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let cell_type = case.setting("cell_type")?.trim_matches('"').to_owned();
    let (extent, iterations) = (case.number("extent")? as u32, case.number("iters")? as usize);
    let movie = |key: &str| -> Result<Movie, String> {
        let columns = *case.shape(key)?.last().ok_or_else(|| format!("{key} has no columns"))?;
        let luminance = case.floats(key)?.iter().map(|x| *x as f32).collect();
        Movie::new(columns, luminance).map_err(|e| e.to_string())
    };
    let wide = |movie: &Movie| movie.luminance().iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    for engine in [EngineKind::Stencil, EngineKind::Sparse, EngineKind::Tensors] {
        let network = with_parameters(case, "param.", extent, engine, Kind::Float)?;
        let start = movie("regularized.stimulus0")?;
        report.exact("T", &[start.frames() as f64], &[case.number("T")?]);
        let settings = RegularisedSearch { iterations, ..RegularisedSearch::default() };
        let got = regularised(&network, &start, &cell_type, &settings).map_err(|e| e.to_string())?;
        report.close("regularized.target", &got.target, case.floats("regularized.target")?, SINGLE);
        let losses: Vec<f64> = got.found.losses.iter().map(|row| row[0]).collect();
        report.close("regularized.losses", &losses, case.floats("regularized.losses")?, relative(1e-5));
        let golden = case.floats("regularized.predicted_last")?;
        report.close("regularized.predicted_last", &got.found.central, golden, SINGLE);
        report.close("regularized.stimulus", &wide(&got.found.movie), case.floats("regularized.stimulus")?, SINGLE);

        let settings = NoiseSearch { iterations, start: Some(movie("init_stimulus")?), ..NoiseSearch::default() };
        let got = from_noise(&network, &cell_type, &settings).map_err(|e| e.to_string())?;
        report.close("artificial.losses", &got.losses.concat(), case.floats("artificial.losses")?, relative(1e-5));
        report.close("artificial.response", &got.cells, case.floats("artificial.response")?, SINGLE);
        report.close("artificial.stimulus", &wide(&got.movie), case.floats("artificial.stimulus")?, SINGLE);
    }
    Ok(())
}
