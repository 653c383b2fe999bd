//! What does a motion detector want to see most?
//!
//! Three answers for T4c, a cell that responds to bright edges moving upwards: the scene of a set of procedural ones that excites it most;
//! the same scene after gradient descent has taken out all that the response is not due to; and a movie that gradient ascent makes of noise.
//! All three are movies of a whole eye in a published model; no bar or edge was shown.

use connectome_graph::hex::Extent;
use examples::{Args, Error, Pictures, Progress, Table, run};
use fly_vision::network::{Grey, Network, Record, Run, Wiring};
use fly_vision::probe::{NoiseSearch, RegularisedSearch, from_noise, regularised};
use fly_vision::stimulus::{SceneSettings, Scenes, Stimuli};
use fly_vision::task::resample_nearest;
use fly_vision::{Movie, connectome};
use flybrain::figure::{Animation, ColorScale, Figure, HexMovie, Lines};
use std::process::ExitCode;
use tch::Kind;

fn main() -> ExitCode {
    run(
        "20_optimal_stimuli",
        "Finds the movies that excite a motion detector most, by gradients through the eye.",
        find,
    )
}

const CELL: &str = "T4c";
/// Length of a frame, seconds.
const DT: f64 = 0.01;

fn find(args: &Args) -> Result<(), Error> {
    let (extent, scenes, iterations) = if args.quick { (3, 8, 10) } else { (6, 64, 200) };
    let mut progress = Progress::new(4);
    progress.stage("showing scenes");
    let fly = connectome_graph::hex::expand(&connectome()?, Extent(extent))?;
    let mut network = Network::builder(Wiring::from_hex(&fly)?).build_alone()?;
    network.set_pretrained(0)?;
    let set = Scenes::new(SceneSettings { extent: Extent(extent), scenes, ..SceneSettings::default() }, Vec::new())?;
    let movies = (0..set.len()).map(|scene| slowed(&set, scene)).collect::<Result<Vec<_>, _>>()?;
    let responses = movies.iter().map(|movie| response(&network, movie)).collect::<Result<Vec<_>, _>>()?;
    let peak = |trace: &[f64]| trace.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let best = (0..movies.len()).max_by(|&a, &b| peak(&responses[a]).total_cmp(&peak(&responses[b])));
    let best = best.ok_or("there is no scene")?;

    progress.stage("taking out what does not matter");
    let settings = RegularisedSearch { iterations, ..RegularisedSearch::default() };
    let kept = regularised(&network, &movies[best], CELL, &settings)?;
    progress.stage("making a movie of noise");
    let made = from_noise(&network, CELL, &NoiseSearch { iterations, ..NoiseSearch::default() })?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    let shown = [
        ("scene", &movies[best], responses[best].clone()),
        ("regularised", &kept.found.movie, response(&network, &kept.found.movie)?),
        ("from noise", &made.movie, response(&network, &made.movie)?),
    ];
    for (name, movie, _) in &shown {
        let file = name.replace(' ', "_");
        let title = format!("What {CELL} wants to see: {name}");
        film(&title, movie)?.save(args.out.join(format!("{file}_movie")))?;
    }
    pictures.save("responses", "potential of the central cell", &traces(&shown)?)?;
    progress.finish();

    let mut table = Table::new(["movie", "frames", "largest response", "contrast (root mean square)"]);
    for (name, movie, trace) in &shown {
        table.row([
            (*name).to_owned(),
            movie.frames().to_string(),
            format!("{:.2}", peak(trace)),
            format!("{:.3}", contrast(movie)),
        ]);
    }
    print!("{table}");
    println!(
        "The best of {scenes} scenes is number {best}; {iterations} iterations took the loss of the search from {:.2} to {:.2}.",
        kept.found.losses[0][0],
        kept.found.losses.last().map_or(f64::NAN, |row| row[0])
    );
    println!("movies: scene_movie.svg, regularised_movie.svg, from_noise_movie.svg");
    pictures.list();
    Ok(())
}

/// A scene at the rate of the simulation.
fn slowed(set: &Scenes, scene: usize) -> Result<Movie, Error> {
    let movie = set.movie(scene)?;
    let frames = (movie.frames() as f64 * set.dt() / DT).round() as usize;
    Ok(Movie::new(movie.columns(), resample_nearest(movie.luminance(), movie.frames(), frames))?)
}

/// Potential of the central cell, its rest in grey being 0.
fn response(network: &Network, movie: &Movie) -> Result<Vec<f64>, Error> {
    let grey = network.steady_state(1.0, DT, 1, Grey::default())?;
    let central = network.wiring().central_cells();
    let cell = network.wiring().cells_of(CELL)?.into_iter().find(|c| central.contains(c)).ok_or("no central cell")?;
    let run = Run::new(DT).from(&grey).record(Record::Cells(vec![cell]));
    let activity = network.simulate(&movie.to_tensor(Kind::Float)?.unsqueeze(0), &run)?.activity;
    let rest = grey.double_value(&[0, i64::from(cell)]);
    Ok(Vec::<f64>::try_from(activity.view(-1).to_kind(Kind::Double))?.into_iter().map(|v| v - rest).collect())
}

fn contrast(movie: &Movie) -> f64 {
    let squares = movie.luminance().iter().map(|x| (f64::from(*x) - 0.5).powi(2)).sum::<f64>();
    (squares / movie.luminance().len() as f64).sqrt()
}

fn film(title: &str, movie: &Movie) -> Result<Animation, Error> {
    let every = movie.frames().div_ceil(40).max(1);
    let picked: Vec<usize> = (0..movie.frames()).step_by(every).collect();
    let times: Vec<f64> = picked.iter().map(|&frame| 1e3 * DT * frame as f64).collect();
    let light: Vec<f64> = picked.iter().flat_map(|&frame| movie.frame(frame)).map(|x| f64::from(*x) - 0.5).collect();
    let largest = light.iter().fold(1e-9f64, |m, x| m.max(x.abs()));
    let film = HexMovie::new(title).times(&times, "ms").color_label("luminance, difference from grey");
    Ok(film
        .panel("light", movie.columns(), &light)
        .colors(ColorScale::Diverging)
        .color_range(-largest, largest)
        .build()?)
}

fn traces(shown: &[(&str, &Movie, Vec<f64>)]) -> Result<Figure, Error> {
    let mut lines = Lines::new(format!("Responses of {CELL}")).x("time (s)").y("potential, from rest");
    for (name, _, trace) in shown {
        let times: Vec<f64> = (0..trace.len()).map(|frame| DT * frame as f64).collect();
        lines = lines.series(*name, &times, trace);
    }
    Ok(lines.build()?)
}
