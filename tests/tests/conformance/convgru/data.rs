//! Stimuli and measures.

use crate::case::Case;
use crate::report::{Report, absolute, relative};
use crate::tensors::numbers;
use convgru_feedback::analysis::neighborhood_hit;
use convgru_feedback::stimulus::mel::MelSpectrogram;
use tch::Tensor;

/// Spectrograms of waves. Rate and hop stand in the metadata where they are not the reference's 2 and 64.
pub(crate) fn run_mel(case: &Case, report: &mut Report) -> crate::Outcome {
    let text = |e: convgru_feedback::Error| e.to_string();
    let whole =
        |key: &str, default: &str| case.setting_or(key, default).parse::<usize>().map_err(|e| format!("{key}: {e}"));
    let &[bins, mels] = case.shape("filterbank")? else {
        return Err("filterbank is no matrix".to_owned());
    };
    let waves = case.keys("wave/");
    for wave in &waves {
        let key = |what: &str| wave.replacen("wave", what, 1);
        let shape = case.shape(&key("mel"))?;
        let mel = MelSpectrogram::builder()
            .sample_rate(whole("sample_rate", "2")?)
            .hop(whole("hop", "64")?)
            .mels(mels)
            .n_fft(2 * (bins - 1))
            .frames(*shape.last().ok_or_else(|| format!("{} is a single number", key("mel")))?)
            .build()
            .map_err(text)?;
        let window: Vec<f64> = mel.window().iter().map(|&w| f64::from(w)).collect();
        report.close("window", &window, case.floats("window")?, absolute(0.0));
        report.close("filterbank", &numbers(mel.filterbank())?, case.floats("filterbank")?, absolute(0.0));
        let samples: Vec<f32> = case.floats(wave)?.iter().map(|&x| x as f32).collect();
        for (what, got, tolerance) in [
            ("melpower", mel.power(&samples).map_err(text)?, relative(2e-6)),
            ("mel", mel.spectrogram(&samples).map_err(text)?, absolute(1e-5)),
        ] {
            let size: Vec<usize> = got.size().iter().map(|&n| n as usize).collect();
            report.exact(&format!("{} shape", key(what)), &size, case.shape(&key(what))?);
            report.close_in_norm(&key(what), &numbers(&got)?, case.floats(&key(what))?, tolerance);
        }
    }
    if waves.is_empty() { Err("no wave".to_owned()) } else { Ok(()) }
}

/// The share of neighbours with the same label, stored in single precision.
pub(crate) fn run_neighborhood_hit(case: &Case, report: &mut Report) -> crate::Outcome {
    let shape: Vec<i64> = case.shape("x")?.iter().map(|&n| n as i64).collect();
    let x = Tensor::from_slice(case.floats("x")?).view(&shape[..]);
    let labels = Tensor::from_slice(case.integers("y")?);
    let hit = neighborhood_hit(&x, &labels, case.number("k")? as usize).map_err(|e| e.to_string())?;
    report.close("score", &[hit], case.floats("score")?, absolute(1e-7));
    Ok(())
}
