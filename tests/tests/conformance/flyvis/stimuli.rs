//! Flashes, and bars and edges that move.

use super::eyes::{hex_eye, numbers};
use crate::case::Case;
use crate::report::{Report, Tolerance, relative};
use connectome_graph::hex::Lattice;
use fly_vision::eye::render::{Bars, Overhang};
use fly_vision::stimulus::{BarSettings, FlashSettings, Flashes, MovingBars, Padding, Phase, Stimuli};
use serde_json::{Map, Value};

/// Luminance: sums in double precision, kept in single.
const LUMINANCE: Tolerance = Tolerance { relative: 1e-7, absolute: 0.0 };

/// Files `flashes`.
pub(crate) fn flashes(case: &Case, report: &mut Report) -> crate::Outcome {
    let columns = case.shape("flashes_times2_u8")?.last().copied().unwrap_or_default();
    let lattice = Lattice::with_columns(columns).ok_or_else(|| format!("{columns} columns are no hexagon"))?;
    let phase = |&n: &f64| if n == 0.0 { Phase::Baseline } else { Phase::Flash };
    let settings = FlashSettings {
        extent: lattice.extent(),
        dynamic_range: numbers(&case.json("dynamic_range")?, "dynamic_range")?,
        radius: numbers(&case.json("radius")?, "radius")?.iter().map(|&r| r as i32).collect(),
        t_stim: case.number("t_stim")?,
        t_pre: case.number("t_pre")?,
        dt: case.number("dt")?,
        phases: numbers(&case.json("alternations")?, "alternations")?.iter().map(phase).collect(),
    };
    let flashes = Flashes::new(settings).map_err(|e| e.to_string())?;
    let argument = |name| flashes.conditions().column(name).map_err(|e| e.to_string());
    for key in ["baseline", "intensity"] {
        report.close(key, argument(key)?, case.floats(key)?, relative(1e-7));
    }
    let radius: Vec<i64> = argument("radius")?.iter().map(|&r| r as i64).collect();
    report.exact("radius", &radius, case.integers("radius")?);
    let mut twice = Vec::new();
    for sample in 0..flashes.len() {
        let movie = flashes.movie(sample).map_err(|e| e.to_string())?;
        twice.extend(movie.luminance().iter().map(|&luminance| (2.0 * luminance) as i64));
    }
    report.exact("flashes_times2_u8", &twice, case.integers("flashes_times2_u8")?);
    Ok(())
}

/// Files `moving_stimuli`.
pub(crate) fn moving(case: &Case, report: &mut Report) -> crate::Outcome {
    eye(case, report)?;
    bars(case, report, "edge", BarSettings::edges())?;
    bars(case, report, "bar", BarSettings::bars())
}

fn eye(case: &Case, report: &mut Report) -> crate::Outcome {
    let columns = case.integers("hexeye.kernel_sum")?.len();
    let eye = hex_eye(columns)?;
    let pixels: Vec<i64> = eye.pixels().iter().map(|&n| i64::from(n)).collect();
    report.exact("hexeye.kernel_sum", &pixels, case.integers("hexeye.kernel_sum")?);
    let mut owners = vec![0usize; eye.screen().pixels()];
    let mut first = vec![0i64; columns];
    for (column, first) in first.iter_mut().enumerate() {
        for pixel in eye.pixels_of(column) {
            owners[pixel] += 1;
            *first += i64::from(owners[pixel] == 1);
        }
    }
    report.exact("hexeye.first_owner_column_sums", &first, case.integers("hexeye.first_owner_column_sums")?);
    let mut histogram = vec![0i64; owners.iter().max().map_or(0, |n| n + 1)];
    for n in owners {
        histogram[n] += 1;
    }
    report.exact("hexeye.owners_hist", &histogram, case.integers("hexeye.owners_hist")?);
    for (key, column) in [("hexeye.center_mask", columns / 2), ("hexeye.mask_row0", 0)] {
        let pixels: Vec<i64> = eye.pixels_of(column).map(|pixel| pixel as i64).collect();
        report.exact(key, &pixels, case.integers(key)?);
    }
    // 4 by 9 LEDs; the file does not say so
    let bar = Bars {
        size: eye.screen(),
        width: 38,
        height: 87,
        x: 387,
        y: 388,
        count: 1,
        intensity: 1.0,
        background: 0.5,
        angle: 30.0,
        overhang: Overhang::Wrap,
    };
    let seen = eye.see_bars(&bar).map_err(|e| e.to_string())?;
    report.close("hexeye.bar", &seen, case.floats("hexeye.bar")?, relative(1e-12));
    Ok(())
}

/// Settings as the reference names them, in the place of defaults.
fn settings(table: &Map<String, Value>, mut settings: BarSettings) -> Result<BarSettings, String> {
    for (key, value) in table {
        let number = || value.as_f64().ok_or_else(|| format!("{key} is {value}, not a number"));
        match key.as_str() {
            "angles" => settings.angles = numbers(value, key)?,
            "widths" => settings.widths = numbers(value, key)?,
            "intensities" => settings.intensities = numbers(value, key)?,
            "speeds" => settings.speeds = numbers(value, key)?,
            "offsets" => match numbers(value, key)?[..] {
                [start, end] => settings.offsets = start as i32..end as i32,
                _ => return Err(format!("offsets are {value}, not first and end")),
            },
            "height" => settings.height = number()?,
            "dt" => settings.dt = number()?,
            "t_pre" => settings.t_pre = number()?,
            "t_post" => settings.t_post = number()?,
            "post_pad_mode" => {
                settings.after = match value.as_str() {
                    Some("value") => Padding::Value(settings.background as f32),
                    Some("continue") => Padding::Continue,
                    _ => return Err(format!("post_pad_mode is {value}")),
                }
            }
            _ => return Err(format!("the setting {key:?} of moving bars is not understood")),
        }
    }
    settings.overhang = Overhang::Wrap;
    Ok(settings)
}

fn bars(case: &Case, report: &mut Report, kind: &str, defaults: BarSettings) -> crate::Outcome {
    let Value::Object(table) = case.json(kind)? else {
        return Err(format!("the settings of {kind} are no table"));
    };
    let set = MovingBars::new(settings(&table, defaults)?).map_err(|e| e.to_string())?;
    let key = |what: &str| format!("{kind}.{what}");
    let speeds = &set.settings().speeds;
    let rows: Vec<&[f64]> = ["angle", "width", "intensity", "t_stim", "speed"]
        .iter()
        .map(|name| set.conditions().column(name).map_err(|e| e.to_string()))
        .collect::<Result<_, _>>()?;
    let table: Vec<f64> = (0..set.len()).flat_map(|sample| rows.iter().map(move |row| row[sample])).collect();
    report.close(&key("arg_df"), &table, case.floats(&key("arg_df"))?, relative(1e-14));
    let t_stim: Vec<f64> = speeds.iter().map(|&speed| set.t_stim(speed)).collect();
    report.close(&key("t_stim"), &t_stim, case.floats(&key("t_stim"))?, relative(1e-14));
    report.exact(&key("time"), &set.time(), case.floats(&key("time"))?);
    let mut pictures = Vec::new();
    for picture in 0..set.pictures() {
        pictures.extend(set.offset_frames(picture).map_err(|e| e.to_string())?.iter().map(|&x| f64::from(x)));
    }
    report.close(&key("offset_frames"), &pictures, case.floats(&key("offset_frames"))?, LUMINANCE);
    for (i, &speed) in speeds.iter().enumerate() {
        let positions: Vec<i64> = set.positions(speed).into_iter().map(|position| position as i64).collect();
        let indices = key(&format!("indices_speed{speed}"));
        report.exact(&indices, &positions, case.integers(&indices)?);
        let (mut trace, mut frames) = (Vec::new(), 0);
        for picture in 0..set.pictures() {
            let movie = set.movie(picture * speeds.len() + i).map_err(|e| e.to_string())?;
            frames = movie.frames();
            trace.extend(movie.trace(movie.columns() / 2).map(f64::from));
        }
        let length = key(&format!("length_speed{speed}"));
        let shape = [set.pictures(), frames, set.columns()].map(|n| n as i64);
        report.exact(&length, &shape, case.integers(&length)?);
        let central = key(&format!("central_trace_speed{speed}"));
        report.close(&central, &trace, case.floats(&central)?, LUMINANCE);
    }
    let first = set.movie(0).map_err(|e| e.to_string())?;
    let every_tenth: Vec<f64> =
        (0..first.frames()).step_by(10).flat_map(|f| first.frame(f)).map(|&x| f64::from(x)).collect();
    report.close(&key("item0_stride10"), &every_tenth, case.floats(&key("item0_stride10"))?, LUMINANCE);
    Ok(())
}
