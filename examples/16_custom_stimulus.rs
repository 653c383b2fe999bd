//! What does a fly's eye make of your film?
//!
//! Any sequence of images can be shown to the model: a folder of PNG files or an array [frames, height, width] in a `.npy`
//! (`--film PATH`, `--rate HZ`). Without one, images are made here: two gratings that drift across each other while a dark disc looms. The
//! eye averages the pixels of each column, the network runs through what the columns see, and cells of some types (`--types A,B,...`)
//! become a movie.

use connectome_graph::hex::Extent;
use examples::visual::{self, Course, courses, published};
use examples::{Args, Error, Pictures, Progress, Table, run_with};
use fly_vision::eye::FrameSize;
use fly_vision::stimulus::{NaturalMovies, NaturalSettings, Stimuli, Video, Views};
use flybrain::figure::{Figure, Lines, Share};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = [
        ("--film PATH", "folder of PNG images, or array [frames, height, width] in a .npy or .npy.gz"),
        ("--rate HZ", "frames per second of the film [default: 24]"),
        ("--types LIST", "cell types that are shown [default: T4a,T4b,T4c,T4d,T5a,T5b,T5c,T5d,Mi1,Tm1,L1]"),
    ];
    run_with("16_custom_stimulus", "Shows a film of yours, or one made in code, to a fly's eye.", &options, custom)
}

/// Length of a frame of the simulation in seconds.
const DT: f64 = 0.01;
/// Side of the images that are made here, in pixels, and of a receptor.
const SIDE: usize = 124;
const KERNEL: usize = 4;

fn custom(args: &Args) -> Result<(), Error> {
    let extent = if args.quick { 4 } else { 15 };
    let text = |option: &str| args.value(option).map(|value| value.to_string_lossy().into_owned());
    let types = text("--types").unwrap_or_else(|| "T4a,T4b,T4c,T4d,T5a,T5b,T5c,T5d,Mi1,Tm1,L1".into());
    let types: Vec<&str> = types.split(',').map(str::trim).collect();
    let rate = args.number("--rate")?.unwrap_or(24.0);

    let mut progress = Progress::new(4);
    let (film, kernel) = match args.value("--film").map(Path::new) {
        Some(path) => {
            progress.stage("reading the film");
            let film = if path.is_dir() { Video::from_png_folder(path, rate)? } else { Video::from_npy(path, rate)? };
            // as many pixels per column as the height of the image has
            let kernel = (film.size().height.min(film.size().width) / (2 * extent + 1) as usize).max(1);
            (film, kernel)
        }
        None => {
            progress.stage("making a film");
            let frames = if args.quick { 40 } else { 150 };
            (gratings_and_disc(frames)?, KERNEL)
        }
    };
    let settings = NaturalSettings { extent: Extent(extent), kernel, views: Views::Whole, dt: DT };
    let seen = NaturalMovies::new(vec![film], settings)?.movie(0)?;

    progress.stage("running the network");
    let (fly, network) = published(0, extent)?;
    let courses = courses(&fly, &network, &seen, DT, 1.0, &types)?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("traces", "potentials in the middle of the eye, less those in grey", &traces(&courses)?)?;
    let movie = visual::movie("A film, and the cells that see it", &seen, &courses, DT, 60)?.build()?;
    progress.stage("writing the movie");
    let shows = "what cells over the whole eye do (the SVG plays in a browser)";
    pictures.save_movie("movie", shows, &movie, &movie.sheet())?;
    progress.finish();

    println!(
        "{} frames of {DT} s on {} columns, model 0. Potentials less those in grey:",
        seen.frames(),
        seen.columns()
    );
    let mut table = Table::new(["type", "cells", "lowest", "highest", "most active at"]);
    for course in &courses {
        let (low, high) = course.change.iter().fold((0.0f64, 0.0f64), |(l, h), x| (l.min(*x), h.max(*x)));
        let largest = course.largest();
        let at = course.change.iter().position(|x| x.abs() == largest).unwrap_or(0) / course.u.len();
        table.row([
            course.name.clone(),
            course.u.len().to_string(),
            format!("{low:.2}"),
            format!("{high:.2}"),
            format!("{:.2} s", at as f64 * DT),
        ]);
    }
    print!("{table}");
    pictures.list();
    Ok(())
}

/// Gratings that drift to the right and upwards, and a dark disc in the middle that doubles its size again and again.
fn gratings_and_disc(frames: usize) -> Result<Video, Error> {
    /// Frames per second, wave length in pixels, speed in pixels per frame.
    const RATE: f64 = 100.0;
    const WAVE: f64 = 32.0;
    const SPEED: f64 = 0.7;
    let mut pixels = Vec::with_capacity(frames * SIDE * SIDE);
    for frame in 0..frames {
        let t = frame as f64;
        let radius = 2.0 * (4.0 * t / frames as f64).exp2();
        for row in 0..SIDE {
            for column in 0..SIDE {
                let [x, y] = [column, SIDE - 1 - row].map(|pixel| pixel as f64 + 0.5 - SIDE as f64 / 2.0);
                let wave = |along: f64| 0.25 * (2.0 * std::f64::consts::PI * (along - SPEED * t) / WAVE).sin();
                pixels.push(if x.hypot(y) < radius { 0.0 } else { (0.5 + wave(x) + wave(y)) as f32 });
            }
        }
    }
    Ok(Video::new(pixels, FrameSize::new(SIDE, SIDE), RATE)?)
}

fn traces(courses: &[Course]) -> Result<Figure, Error> {
    let mut lines = Lines::new("The middle of the eye").x("time (s)").y("change of potential").share(Share::Horizontal);
    for course in courses {
        let central = course.central();
        if !central.is_empty() {
            let time: Vec<f64> = (0..central.len()).map(|frame| frame as f64 * DT).collect();
            lines = lines.panel(course.name.as_str()).series("", &time, &central);
        }
    }
    Ok(lines.build()?)
}
