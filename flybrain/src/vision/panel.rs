//! Pictures and texts that several workflows share.

use fly_vision::measure::{Responses, known};
use serde::Serialize;

use super::population::{Model, Population};
use crate::Error;
use crate::figure::{Figure, Lines, Mark, Share};

/// Types that are known to prefer light, and those known to prefer dark, among some.
pub(super) fn on_off_types(types: &[String]) -> (Vec<String>, Vec<String>) {
    let of = |sign: f64| {
        let prefers = |name: &&String| known::preferred_contrast(name).is_some_and(|c| c.sign() == sign);
        types.iter().filter(prefers).cloned().collect()
    };
    (of(1.0), of(-1.0))
}

/// Types among `names` that were recorded.
pub(super) fn recorded<'a>(responses: &Responses, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().filter(|name| responses.cells().iter().any(|cell| cell == name)).collect()
}

/// Traces of some cells of the first model, a panel each, a line per sample.
pub(super) fn traces(
    title: &str,
    responses: &Responses,
    names: &[&str],
    samples: &[usize],
    label: &dyn Fn(usize) -> String,
    stimulus: Option<(f64, f64)>,
) -> Result<Figure, Error> {
    let mut lines = Lines::new(title).x("time (s)").y("potential").share(Share::Horizontal);
    for name in recorded(responses, names) {
        lines = lines.panel(name);
        let cell = responses.cell(name)?;
        for &sample in samples {
            let (mut time, mut values) = (Vec::new(), Vec::new());
            for (t, v) in responses.time().iter().zip(responses.trace(0, sample, cell)) {
                if !v.is_nan() {
                    time.push(*t);
                    values.push(v);
                }
            }
            lines = lines.series(label(sample), &time, &values);
        }
        if let Some((from, to)) = stimulus {
            lines = lines.mark(Mark::Span(from, to), "");
        }
    }
    lines.build()
}

/// The settings of a run as a text for its report.
pub(super) fn settings_text(population: &Population, settings: &impl Serialize) -> Result<String, Error> {
    let models: Vec<String> = population.models().iter().map(Model::name).collect();
    let text = serde_json::json!({
        "models": models,
        "extent": population.lattice().0,
        "silenced": population.silenced(),
        "unfilled": population.is_unfilled(),
        "settings": settings,
    });
    Ok(format!("{text:#}"))
}
