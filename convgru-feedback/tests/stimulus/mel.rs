//! Spectrograms.

use convgru_feedback::Error;
use convgru_feedback::stimulus::mel::MelSpectrogram;
use proptest::prelude::*;
use std::f64::consts::TAU;
use tch::{Kind, Tensor};

fn numbers(t: &Tensor) -> Vec<f64> {
    Vec::try_from(t.to_kind(Kind::Double).contiguous().view(-1)).expect("numbers")
}

fn tone(hertz: f64, samples: usize) -> Vec<f32> {
    (0..samples).map(|i| (TAU * hertz * i as f64 / 8000.0).sin() as f32).collect()
}

/// Mel power of a frame by the definition of the Fourier transform.
fn by_definition(mel: &MelSpectrogram, wave: &[f32], hop: usize, frame: usize) -> Vec<f64> {
    let (n, window) = (mel.window().len(), mel.window());
    let sample = |at: i64| {
        let at = at.abs();
        let last = wave.len() as i64 - 1;
        f64::from(wave[(if at > last { 2 * last - at } else { at }) as usize])
    };
    let power: Vec<f64> = (0..=n / 2)
        .map(|bin| {
            let (mut re, mut im) = (0.0, 0.0);
            for (k, &w) in window.iter().enumerate() {
                let x = f64::from(w) * sample((frame * hop + k) as i64 - (n / 2) as i64);
                let (sin, cos) = (TAU * (bin * k) as f64 / n as f64).sin_cos();
                re += x * cos;
                im -= x * sin;
            }
            re * re + im * im
        })
        .collect();
    let [mels, _] = mel.size();
    let weights = numbers(mel.filterbank());
    (0..mels).map(|m| power.iter().zip(weights[m..].iter().step_by(mels)).map(|(p, w)| p * w).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every frame is what the definition says, the first and the last ones, which are mirrored, too.
    #[test]
    fn power_is_that_of_the_definition(
        wave in prop::collection::vec(-1.0f32..1.0, 40..160),
        hop in 1usize..50,
        mels in 1usize..9,
        half in 1usize..20,
        rate in prop::sample::select(vec![2usize, 301, 8000, 44_100]),
    ) {
        let mel = MelSpectrogram::builder().sample_rate(rate).mels(mels).n_fft(2 * half).hop(hop).build().expect("settings");
        let power = numbers(&mel.power(&wave).expect("a spectrogram"));
        let frames = 1 + wave.len() / hop;
        prop_assert_eq!(power.len(), mels * frames);
        for frame in 0..frames {
            for (m, want) in by_definition(&mel, &wave, hop, frame).into_iter().enumerate() {
                let got = power[m * frames + frame];
                prop_assert!((got - want).abs() <= 1e-5 * want.abs() + 1e-4, "frame {frame}, channel {m}: {got} for {want}");
            }
        }
    }

    /// A spectrogram is the logarithm of the power, cut off or filled with silence.
    #[test]
    fn size_is_fixed(samples in 33usize..400, frames in 1usize..20) {
        let wave = tone(440.0, samples);
        let mel = MelSpectrogram::builder().mels(8).n_fft(64).hop(32).frames(frames).build().expect("settings");
        let shown = mel.spectrogram(&wave).expect("a spectrogram");
        prop_assert_eq!(shown.size(), [1, 8, frames as i64]);
        let heard = 1 + samples / 32;
        let (shown, power) = (numbers(&shown), numbers(&mel.power(&wave).expect("power")));
        for (i, value) in shown.into_iter().enumerate() {
            let (m, frame) = (i / frames, i % frames);
            let want = if frame < heard { (power[m * heard + frame] + 1e-6).ln() / 2.0 } else { -6.907_755 };
            prop_assert!((value - want).abs() < 1e-5, "{value} for {want} at {m}, {frame}");
        }
    }
}

#[test]
fn a_tone_is_heard_in_its_channel() {
    let mel = MelSpectrogram::builder().n_fft(1024).build().expect("settings");
    let on_mel_scale = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    for hertz in [300.0, 1000.0, 2500.0, 3700.0] {
        let power = numbers(&mel.power(&tone(hertz, 4000)).expect("a spectrogram"));
        let channels: Vec<f64> = power.chunks(63).map(|frames| frames[30]).collect();
        let loudest = (0..64).max_by(|&a, &b| channels[a].total_cmp(&channels[b])).expect("channels");
        let centre = on_mel_scale(4000.0) / 65.0 * (loudest + 1) as f64;
        assert!((on_mel_scale(hertz) - centre).abs() < on_mel_scale(4000.0) / 65.0, "{hertz} Hz in channel {loudest}");
    }
}

/// With 64 channels at 16 kHz the lowest triangles are narrower than the 62 Hz between two bins.
#[test]
fn narrow_triangles_are_told() {
    let mel = MelSpectrogram::builder().sample_rate(16_000).build().expect("settings");
    let silent = mel.silent();
    assert!(!silent.is_empty() && silent.iter().all(|&m| m < 16), "{silent:?}");
    let shown = numbers(&mel.spectrogram(&tone(100.0, 4000)).expect("a spectrogram"));
    for (m, channel) in shown.chunks(64).enumerate() {
        assert_eq!(channel.iter().all(|&v| v == f64::from(MelSpectrogram::silence())), silent.contains(&m), "{m}");
    }
    let builder = MelSpectrogram::builder;
    for awake in [builder(), builder().sample_rate(2), builder().sample_rate(16_000).n_fft(1024)] {
        assert_eq!(awake.clone().build().expect("settings").silent(), [0usize; 0], "{awake:?}");
    }
}

#[test]
fn company_and_threads_change_nothing() {
    let mel = MelSpectrogram::builder().build().expect("settings");
    let waves: Vec<Vec<f32>> = [900, 3000, 9000].iter().map(|&n| tone(n as f64 / 7.0, n)).collect();
    let before = tch::get_num_threads();
    let mut all = Vec::new();
    for threads in [1, 2, 5] {
        tch::set_num_threads(threads);
        let batch = mel.batch(&waves).expect("spectrograms");
        assert_eq!(batch.size(), [3, 1, 64, 64]);
        for (i, wave) in waves.iter().enumerate() {
            assert_eq!(batch.get(i as i64), mel.spectrogram(wave).expect("a spectrogram"));
        }
        all.push(numbers(&batch));
    }
    tch::set_num_threads(before);
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_cannot_be_heard_is_refused() {
    let mel = MelSpectrogram::builder().build().expect("settings");
    assert!(mel.spectrogram(&tone(440.0, 129)).is_ok());
    for wave in [vec![], vec![0.5; 128]] {
        let error = mel.spectrogram(&wave).expect_err("too short");
        assert!(matches!(error, Error::Data { .. }) && error.to_string().contains("at least 129"), "{error}");
    }
    let mut wave = tone(440.0, 500);
    wave[77] = f32::NAN;
    let error = mel.power(&wave).expect_err("not finite");
    assert!(error.to_string().contains("sample 77 is NaN"), "{error}");
    for loud in [1e30f32, 1e38] {
        let wave: Vec<f32> = tone(440.0, 500).into_iter().map(|x| loud * x).collect();
        let error = mel.spectrogram(&wave).expect_err("too loud");
        assert!(error.to_string().contains("beyond single precision"), "{error}");
    }
    let builder = MelSpectrogram::builder;
    for settings in [
        builder().mels(0),
        builder().mels(5000),
        builder().n_fft(255),
        builder().n_fft(0),
        builder().n_fft(1 << 20),
        builder().sample_rate(1),
        builder().hop(0),
        builder().frames(0),
        builder().frames(usize::MAX),
    ] {
        assert!(matches!(settings.clone().build(), Err(Error::Option { .. })), "{settings:?}");
    }
}
