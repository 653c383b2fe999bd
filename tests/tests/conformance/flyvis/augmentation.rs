//! Variations of sequences with given parameters.

use crate::case::Case;
use crate::report::{Report, Tolerance, relative};
use connectome_graph::hex::{Extent, Lattice, PlotLayout};
use fly_vision::task::{
    Symmetry, contrast_brightness, gamma_correction, nearest_frames, resample_linear, resample_nearest,
    resampled_frames, temporal_windows,
};

/// Frames per second of the sequences.
const RATE: f64 = 24.0;
/// Some units in the last place of single precision.
const ROUNDING: Tolerance = Tolerance { relative: 1e-6, absolute: 1e-6 };

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let lattice = Lattice::new(Extent(case.number("extent")? as u32)).map_err(|e| e.to_string())?;
    symmetries(case, report, &lattice)?;
    light(case, report)?;
    time(case, report)?;
    coordinates(case, report)
}

fn singles(case: &Case, key: &str) -> Result<Vec<f32>, String> {
    Ok(case.floats(key)?.iter().map(|&x| x as f32).collect())
}

fn wide(list: &[f32]) -> Vec<f64> {
    list.iter().map(|&x| f64::from(x)).collect()
}

fn symmetries(case: &Case, report: &mut Report, lattice: &Lattice) -> crate::Outcome {
    let (luminance, flow) = (singles(case, "lum")?, singles(case, "flow")?);
    let dimensions = case.shape("flow")?[1];
    for key in case.keys("rot").into_iter().chain(case.keys("flip")).filter(|k| k.ends_with(".perm")) {
        let name = key.trim_end_matches(".perm");
        let number = |prefix: &str| name.strip_prefix(prefix).and_then(|n| n.parse::<u32>().ok());
        let symmetry = match (number("rot"), number("flip")) {
            (Some(turns), _) => Symmetry::rotation(lattice, turns),
            (_, Some(axis)) => Symmetry::flip(lattice, axis).map_err(|e| e.to_string())?,
            _ => return Err(format!("the symmetry {name:?} is not understood")),
        };
        let sources: Vec<i64> = symmetry.sources().iter().map(|&i| i64::from(i)).collect();
        report.exact(key, &sources, case.integers(key)?);
        let key = format!("{name}.lum");
        report.exact(&key, &wide(&symmetry.scalars(&luminance)), case.floats(&key)?);
        let key = format!("{name}.flow");
        report.close(&key, &wide(&symmetry.vectors(&flow, dimensions)), case.floats(&key)?, ROUNDING);
    }
    Ok(())
}

fn light(case: &Case, report: &mut Report) -> crate::Outcome {
    let mut x = singles(case, "lum")?;
    contrast_brightness(&mut x, case.number("contrast")? as f32, case.number("brightness")? as f32);
    report.close("contrast", &wide(&x), case.floats("contrast")?, ROUNDING);
    let mut x = singles(case, "lum")?;
    gamma_correction(&mut x, case.number("gamma")? as f32);
    report.close("gamma", &wide(&x), case.floats("gamma")?, ROUNDING);
    Ok(())
}

fn time(case: &Case, report: &mut Report) -> crate::Outcome {
    let (luminance, flow) = (singles(case, "lum")?, singles(case, "flow")?);
    let frames = case.number("T")? as usize;
    let rates: Vec<f64> = serde_json::from_value(case.json("rates")?).map_err(|e| e.to_string())?;
    for rate in rates {
        let size = resampled_frames(frames, RATE, rate);
        let key = format!("nearest_idx_{rate}");
        let index: Vec<i64> = nearest_frames(frames, size).iter().map(|&i| i as i64).collect();
        report.exact(&key, &index, case.integers(&key)?);
        let key = format!("nearest_{rate}");
        report.exact(&key, &wide(&resample_nearest(&luminance, frames, size)), case.floats(&key)?);
        let key = format!("linear_{rate}");
        report.close(&key, &wide(&resample_linear(&flow, frames, size)), case.floats(&key)?, ROUNDING);
    }
    let [windows, frames, rest @ ..] = case.shape("temporal_split")? else {
        return Err("temporal_split has no windows".into());
    };
    let split = temporal_windows(case.number("long")? as usize, *frames).map_err(|e| e.to_string())?;
    report.exact("windows", &[split.len()], &[*windows]);
    let one: usize = rest.iter().product();
    let values = split.into_iter().flatten().flat_map(|frame| std::iter::repeat_n(frame as f64, one));
    report.exact("temporal_split", &values.collect::<Vec<_>>(), case.floats("temporal_split")?);
    Ok(())
}

/// Coordinates of the columns of a lattice and where they are drawn, `hex{extent}`.
fn coordinates(case: &Case, report: &mut Report) -> crate::Outcome {
    for key in case.keys("hex").into_iter().filter(|k| k.ends_with(".u")) {
        let name = key.trim_end_matches(".u");
        let extent = name.trim_start_matches("hex").parse().map_err(|_| format!("{name:?} has no extent"))?;
        let lattice = Lattice::new(Extent(extent)).map_err(|e| e.to_string())?;
        let [u, v]: [Vec<i64>; 2] =
            [lattice.columns().map(|c| c.u.into()).collect(), lattice.columns().map(|c| c.v.into()).collect()];
        report.exact(key, &u, case.integers(key)?);
        let key = format!("{name}.v");
        report.exact(&key, &v, case.integers(&key)?);
        for (axis, letter) in ["x", "y"].into_iter().enumerate() {
            let key = format!("{name}.{letter}");
            let got: Vec<f64> = lattice.plot(PlotLayout::Default).iter().map(|place| place[axis]).collect();
            report.close(&key, &got, case.floats(&key)?, relative(1e-12));
        }
    }
    Ok(())
}
