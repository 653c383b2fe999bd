//! Measures of responses: flash response index, peaks, direction selectivity, correlation, clusters.

use crate::case::Case;
use crate::report::{Report, absolute, relative};
use fly_vision::Conditions;
use fly_vision::measure::cluster::{Criterion, ErrorSummary, Mixture, MixtureOptions, select_mixture, sort_by_error};
use fly_vision::measure::{
    Averaging, FlashOptions, PeakOptions, PerCondition, Responses, Shift, Window, angular_distance,
    correlate_one_to_many, direction_selectivity_index, flash_response_index, peak_responses, preferred_direction,
};

/// The label of what was left out.
const MASKED: i64 = -99_999;

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    flashes(case, report)?;
    edges(case, report)?;
    correlations(case, report)?;
    clusters(case, report)
}

fn message(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// Responses of the file, `[models, samples, frames, cells]`.
fn responses(case: &Case, key: &str, time: &str, conditions: Conditions) -> Result<Responses<f64>, String> {
    let shape = case.shape(key)?;
    let [models, .., cells] = *shape else {
        return Err(format!("{key} is {shape:?}, not [models, samples, frames, cells]"));
    };
    let cells = (0..cells).map(|cell| format!("cell {cell}")).collect();
    Responses::new(case.floats(key)?.to_vec(), models, case.floats(time)?.to_vec(), conditions, cells).map_err(message)
}

/// Radii and shifts are in the names of the arrays; samples are intensities 0 and 1, radii in the order of the names'
/// numbers.
fn flashes(case: &Case, report: &mut Report) -> crate::Outcome {
    let mut radii: Vec<f64> = Vec::new();
    let mut wanted = Vec::new();
    for key in case.keys("fri.radius") {
        let name = &key["fri.radius".len()..];
        let (radius, shift) = name.strip_suffix(".raw").map_or((name, Shift::Minimum), |radius| (radius, Shift::None));
        let radius: f64 = radius.parse().map_err(|_| format!("{key:?} names no radius"))?;
        if !radii.contains(&radius) {
            radii.push(radius);
        }
        wanted.push((key, radius, shift));
    }
    radii.sort_by(f64::total_cmp);
    let conditions = Conditions::product(&[("intensity", &[0.0, 1.0]), ("radius", &radii)]);
    let responses = responses(case, "fri.responses", "fri.time", conditions)?;
    for (key, radius, shift) in wanted {
        let options = FlashOptions { radius, shift, ..FlashOptions::lasting(1.0, case.number("flash_dt")?) };
        let fri = flash_response_index(&responses, &options).map_err(message)?;
        report.close(key, fri.values(), case.floats(key)?, absolute(1e-14));
    }
    Ok(())
}

fn edges(case: &Case, report: &mut Report) -> crate::Outcome {
    let table = case.floats("dsi.arg_df")?;
    let column = |at: usize| table.iter().skip(at).step_by(5).copied().collect::<Vec<f64>>();
    let angles = column(0);
    let conditions = Conditions::from_columns(vec![
        ("angle", column(0)),
        ("width", column(1)),
        ("intensity", column(2)),
        ("t_stim", column(3)),
        ("speed", column(4)),
    ])
    .map_err(message)?;
    for (setting, argument) in [("angles", "angle"), ("speeds", "speed")] {
        let listed: Vec<f64> = serde_json::from_value(case.json(setting)?).map_err(message)?;
        report.exact(setting, &conditions.distinct(argument).map_err(message)?, &listed);
    }
    let responses = responses(case, "dsi.responses", "dsi.time", conditions)?;
    let window = Window::default();
    let mut masks = Vec::with_capacity(responses.samples() * responses.frames());
    for sample in 0..responses.samples() {
        let frames = window.frames(&responses, sample).map_err(message)?;
        masks.extend((0..responses.frames()).map(|frame| i64::from(frames.contains(&frame))));
    }
    report.exact("dsi.time_masks", &masks, case.integers("dsi.time_masks")?);
    let peaks = peak_responses(&responses, &PeakOptions::default()).map_err(message)?;
    report.exact("dsi.peak", peaks.values(), case.floats("dsi.peak")?);
    for (suffix, averaging) in [("0", Averaging::Each), ("1", Averaging::OverWidthAndSpeed)] {
        let dsi = direction_selectivity_index(&peaks, averaging).map_err(message)?;
        let key = format!("dsi.average{suffix}");
        report.close(&key, &by_neuron(&dsi)?, case.floats(&key)?, absolute(1e-13));
        let directions = preferred_direction(&peaks, averaging).map_err(message)?;
        let key = format!("pd.average{suffix}");
        report.close(&key, &by_neuron(&directions)?, case.floats(&key)?, absolute(1e-12));
    }
    dimensions(case, report)?;
    // the reference's distances are those of the angles' numbers over 57 to the same in reverse over 20
    let reversed = angles.iter().rev();
    let apart: Vec<f64> = angles.iter().zip(reversed).map(|(a, b)| angular_distance(a / 57.0, b / 20.0)).collect();
    report.close("angle_dist", &apart, case.floats("angle_dist")?, absolute(1e-14));
    Ok(())
}

/// In the file neurons come before conditions, which are sorted by width, intensity and speed.
fn by_neuron(table: &PerCondition) -> Result<Vec<f64>, String> {
    let conditions = table.conditions();
    let columns = conditions.names().iter().map(|name| conditions.column(name)).collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(message)?;
    let key = |row: usize| columns.iter().map(move |column| column[row]);
    let mut order: Vec<usize> = (0..conditions.len()).collect();
    order.sort_by(|&a, &b| key(a).partial_cmp(key(b)).unwrap_or(std::cmp::Ordering::Equal));
    let cells = table.cells().len();
    let places = (0..table.models()).flat_map(|model| (0..cells).map(move |cell| (model, cell)));
    Ok(places.flat_map(|(model, cell)| order.iter().map(move |&row| table.value(model, row, cell))).collect())
}

/// The order of dimensions is that of [`by_neuron`]; some of length 1 may be left out.
fn dimensions(case: &Case, report: &mut Report) -> crate::Outcome {
    let dims = case.json("dims")?;
    for key in ["dsi", "pd"] {
        let names: Vec<String> = serde_json::from_value(dims[key].clone()).map_err(message)?;
        let all = ["network_id", "neuron", "width", "intensity", "speed"];
        let known: Vec<&str> = all.into_iter().filter(|name| names.iter().any(|n| n == name)).collect();
        report.exact(&format!("dims of {key}"), &names.iter().map(String::as_str).collect::<Vec<_>>(), &known);
        report.exact(
            &format!("number of dims of {key}"),
            &[names.len()],
            &[case.shape(&format!("{key}.average0"))?.len()],
        );
    }
    Ok(())
}

fn correlations(case: &Case, report: &mut Report) -> crate::Outcome {
    let got = correlate_one_to_many(case.floats("corr.x")?, case.floats("corr.Y")?).map_err(message)?;
    report.close("corr.out", &got, case.floats("corr.out")?, absolute(1e-14));
    Ok(())
}

fn clusters(case: &Case, report: &mut Report) -> crate::Outcome {
    let shape = case.shape("gmm.X")?;
    let [n, dims] = *shape else {
        return Err(format!("gmm.X is {shape:?}, not [models, dimensions]"));
    };
    let mask = case.integers("gmm.mask")?;
    let valid: Vec<usize> = (0..n).filter(|&model| mask[model] != 0).collect();
    let all = case.floats("gmm.X")?;
    let points: Vec<f64> = valid.iter().flat_map(|&model| &all[model * dims..][..dims]).copied().collect();
    let bic = case.floats("gmm.bic")?;
    let components: Vec<usize> = (1..=bic.len()).collect();
    let options = MixtureOptions::default();
    let selection = select_mixture(&points, dims, &components, Criterion::Bic, &options).map_err(message)?;
    let k = case.shape("gmm.means")?[0];
    // a fit may end short of its optimum by the tolerance, and the reference's need not be the best one
    let slack = 2.0 * valid.len() as f64 * options.tolerance;
    for (&(tried, value), &reference) in selection.tried.iter().zip(bic) {
        let name = format!("gmm.bic of {tried}");
        let (value, slack) = match tried {
            1 => (value, 1e-9),
            _ if tried <= k => (value, slack),
            _ => (value.max(reference), slack),
        };
        report.close(&name, &[value], &[reference], absolute(slack));
    }
    let chosen = selection.mixture.components();
    let better = selection.tried.iter().zip(bic).any(|((n, value), want)| *n == chosen && *value < want - slack);
    report.expect(chosen == k || better, || format!("{chosen} components are chosen, golden {k}"));
    let mixture = Mixture::fit(&points, dims, k, &options).map_err(message)?;
    let value = mixture.criterion(Criterion::Bic, &points);
    report.close(
        "gmm.bic of the golden number",
        &[value],
        &[bic.get(k - 1).copied().unwrap_or(f64::NAN)],
        absolute(1e-9),
    );
    let wanted = case.integers("gmm.labels")?;
    let mut order = vec![0; k];
    for (at, label) in mixture.labels(&points).into_iter().enumerate() {
        order[label] = wanted[valid[at]];
    }
    let permuted = |per: usize, list: &[f64]| -> Vec<f64> {
        let place = |c: usize| (0..k).find(|&own| order[own] == c as i64).unwrap_or(0);
        (0..k).flat_map(|c| &list[place(c) * per..][..per]).copied().collect()
    };
    report.close("gmm.means", &permuted(dims, mixture.means()), case.floats("gmm.means")?, relative(1e-9));
    let covariances = permuted(dims * dims, mixture.covariances());
    report.close_in_norm("gmm.cov", &covariances, case.floats("gmm.cov")?, relative(1e-9));
    report.close("gmm.weights", &permuted(1, mixture.weights()), case.floats("gmm.weights")?, relative(1e-9));

    let mut labels = vec![None; n];
    for (&model, label) in valid.iter().zip(mixture.labels(&points)) {
        labels[model] = Some(label);
    }
    let number = |label: &Option<usize>, name: &dyn Fn(usize) -> i64| label.map_or(MASKED, name);
    let named: Vec<i64> = labels.iter().map(|label| number(label, &|c| order[c])).collect();
    report.exact("gmm.labels", &named, wanted);
    let sorted = sort_by_error(&labels, case.floats("gmm.task_error")?, ErrorSummary::Mean).map_err(message)?;
    let sorted: Vec<i64> = sorted.iter().map(|label| number(label, &|c| c as i64)).collect();
    report.exact("gmm.sorted_labels", &sorted, case.integers("gmm.sorted_labels")?);
    Ok(())
}
