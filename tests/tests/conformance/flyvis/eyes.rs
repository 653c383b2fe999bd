//! What eyes see of images, and pictures of bars.

use crate::case::Case;
use crate::report::{Report, Tolerance};
use connectome_graph::hex::{Extent, Lattice};
use fly_vision::Movie;
use fly_vision::eye::render::{Bars, Overhang};
use fly_vision::eye::{BoxEye, FrameSize, HexEye, Membership, Pooling, centre_crop, overlapping_parts, rotate};
use serde_json::Value;

/// Pixels per ommatidium.
pub(super) const PPO: usize = 25;

/// Single precision, summed in another order.
const SINGLE: Tolerance = Tolerance { relative: 2e-6, absolute: 1e-7 };

/// Files `eyes`.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for (i, settings) in list(&case.json("box")?, "box")?.iter().enumerate() {
        box_eye(case, report, i, &numbers(settings, "box")?)?;
    }
    rotations(case, report)?;
    for (i, arguments) in list(&case.json("bars")?, "bars")?.iter().enumerate() {
        let picture = bars(&numbers(arguments, "bars")?)?.render().map_err(|e| e.to_string())?;
        let key = format!("bar{i}");
        report.exact(&key, &picture, case.floats(&key)?);
    }
    split(case, report)
}

/// Files `hexeye_mask`.
pub(crate) fn mask(case: &Case, report: &mut Report) -> crate::Outcome {
    let columns = case.integers("kernel_sum")?.len();
    let eye = hex_eye(columns)?;
    let shape = format!("{},{}", eye.screen().height, eye.screen().width);
    report.exact("shape", &[shape.as_str()], &[case.setting("shape")?]);
    let pixels: Vec<i64> = eye.pixels().iter().map(|&n| i64::from(n)).collect();
    report.exact("kernel_sum", &pixels, case.integers("kernel_sum")?);
    for (axis, key) in ["x_centers", "y_centers"].into_iter().enumerate() {
        let got: Vec<f64> = eye.centers().iter().map(|center| center[axis]).collect();
        report.exact(key, &got, case.floats(key)?);
    }
    report.exact("vertices_at_origin_f32", eye.vertices().as_flattened(), case.floats("vertices_at_origin_f32")?);
    let mut owners = vec![-1; eye.screen().pixels()];
    for column in 0..columns {
        for pixel in eye.pixels_of(column) {
            owners[pixel] = column as i64;
        }
    }
    let runs: Vec<&[i64]> = owners.chunk_by(|a, b| a == b).collect();
    let lengths: Vec<i64> = runs.iter().map(|run| run.len() as i64).collect();
    report.exact("rle_length", &lengths, case.integers("rle_length")?);
    let owners: Vec<i64> = runs.iter().map(|run| run[0]).collect();
    report.exact("rle_owner", &owners, case.integers("rle_owner")?);
    Ok(())
}

/// The hexagonal eye with so many columns.
pub(super) fn hex_eye(columns: usize) -> Result<HexEye, String> {
    let lattice = Lattice::with_columns(columns).ok_or_else(|| format!("{columns} columns are no hexagon"))?;
    HexEye::new(lattice.extent(), PPO, Membership::Half).map_err(|e| e.to_string())
}

fn list<'a>(json: &'a Value, what: &str) -> Result<&'a Vec<Value>, String> {
    json.as_array().ok_or_else(|| format!("{what} is {json}, not a list"))
}

/// A JSON list of numbers.
pub(super) fn numbers(json: &Value, what: &str) -> Result<Vec<f64>, String> {
    list(json, what)?.iter().map(|n| n.as_f64().ok_or_else(|| format!("{what}: {n} is no number"))).collect()
}

fn box_eye(case: &Case, report: &mut Report, i: usize, settings: &[f64]) -> crate::Outcome {
    let [extent, kernel, height, width, _frames] = *settings else {
        return Err(format!("box {i} has {} settings, not 5", settings.len()));
    };
    let fail = |e: fly_vision::Error| e.to_string();
    let eye = BoxEye::new(Extent(extent as u32), kernel as usize).map_err(fail)?;
    let size = FrameSize::new(height as usize, width as usize);
    let key = |what: &str| format!("box{i}.{what}");
    let centers: Vec<i64> = eye.centers().as_flattened().iter().map(|&n| i64::from(n)).collect();
    report.exact(&key("centers"), &centers, case.integers(&key("centers"))?);
    let least = eye.min_frame_size();
    let least_size = [least.height as i64, least.width as i64];
    report.exact(&key("min_frame_size"), &least_size, case.integers(&key("min_frame_size"))?);
    let bytes = case.integers(&key("frames_u8"))?;
    let frames: Vec<f32> = bytes.iter().map(|&byte| byte as f32 / 255.0).collect();
    let wide = |list: &[f32]| -> Vec<f64> { list.iter().map(|&x| f64::from(x)).collect() };
    let mut check = |what: &str, look: &dyn Fn() -> Result<Vec<f64>, fly_vision::Error>| -> crate::Outcome {
        if case.has(&key(what)) {
            let got = look().map_err(fail)?;
            report.close(&format!("box.{what}"), &got, case.floats(&key(what))?, SINGLE);
        }
        Ok(())
    };
    let see = |pooling| eye.see(&frames, size, pooling).map(|movie: Movie| wide(movie.luminance()));
    check("mean", &|| see(Pooling::Mean))?;
    check("sum", &|| see(Pooling::Sum))?;
    check("median", &|| see(Pooling::Median))?;
    check("cartesian_mean", &|| eye.filter(&frames, size, Pooling::Mean).map(|(pixels, _)| wide(&pixels)))?;
    check("hex_render", &|| eye.sample(&frames, size).map(|movie| wide(movie.luminance())))
}

fn rotations(case: &Case, report: &mut Report) -> crate::Outcome {
    let [height, width] = *case.shape("rot.image")? else {
        return Err(format!("rot.image has shape {:?}", case.shape("rot.image")?));
    };
    let image = case.floats("rot.image")?;
    for degrees in numbers(&case.json("rot_angles")?, "rot_angles")? {
        let turned = rotate(image, FrameSize::new(height, width), degrees).map_err(|e| e.to_string())?;
        let key = format!("rot.{degrees}");
        report.exact(&key, &turned, case.floats(&key)?);
    }
    Ok(())
}

/// Bars of the arguments of the reference's function.
fn bars(arguments: &[f64]) -> Result<Bars, String> {
    let [height, width, bar_width, bar_height, x, y, count, intensity, background, angle] = *arguments else {
        return Err(format!("bars have {} arguments, not 10", arguments.len()));
    };
    Ok(Bars {
        size: FrameSize::new(height as usize, width as usize),
        width: bar_width as usize,
        height: bar_height as usize,
        x: x as i64,
        y: y as i64,
        count: count as usize,
        intensity,
        background,
        angle,
        overhang: Overhang::Wrap,
    })
}

/// Parts of the numbers 0, 1, ... `split_n` - 1, cropped to 70 %.
fn split(case: &Case, report: &mut Report) -> crate::Outcome {
    let (n, length) = (case.number("split_n")? as usize, case.number("split_out")? as usize);
    let parts = case.shape("split")?[0];
    let crop = centre_crop(n, 0.7).map_err(|e| e.to_string())?;
    let parts = overlapping_parts(crop.len(), length, parts).map_err(|e| e.to_string())?;
    let got: Vec<f64> = parts.into_iter().flatten().map(|i| (crop.start + i) as f64).collect();
    report.exact("split", &got, case.floats("split")?);
    Ok(())
}
