//! A film, or a scene rendered in code, through the fly's eye, and what all 65 cell types make of it.
//!
//! The film is a clip of *Big Buck Bunny* where `../shared/data` has it; otherwise one that is rendered in code, textured objects in front of
//! a textured background that the camera moves over.

use connectome_graph::hex::{CellType, Extent};
use examples::visual::{self, Course, FAMOUS, courses, published};
use examples::{Args, Error, Pictures, Progress, Table, run};
use fly_vision::Movie;
use fly_vision::stimulus::{NaturalMovies, NaturalSettings, SceneSettings, Scenes, Stimuli, Video, Views};
use flybrain::figure::{Figure, Heatmap, Lines, Share};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    run("18_natural_movie", "Shows a film to a fly's eye and all 65 cell types behind it.", watch)
}

/// Length of a frame of the simulation in seconds.
const DT: f64 = 0.01;
/// 132 frames of 180 x 320 pixels, 25 a second.
const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/files/video/bigbuckbunny_180x320_u8.npy.gz");
const CLIP_RATE: f64 = 25.0;

fn watch(args: &Args) -> Result<(), Error> {
    let (extent, frames, pictures_shown) = if args.quick { (3, 60, 10) } else { (15, 300, 40) };
    let mut progress = Progress::new(5);
    progress.stage("what the columns of the eye see");
    let (what, seen) = film(extent, frames)?;
    progress.stage("running the network");
    let (fly, network) = published(0, extent)?;
    let names: Vec<&str> = fly.types().iter().map(CellType::name).collect();
    let courses = courses(&fly, &network, &seen, DT, 1.0, &names)?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("traces", "potentials in the middle of the eye, less those in grey", &traces(&courses)?)?;
    pictures.save("types", "the same for all types, each as a part of its largest change", &raster(&courses)?)?;
    progress.stage("making a movie of all types");
    let movie = visual::movie("65 cell types of the fly's eye", &seen, &courses, DT, pictures_shown)?;
    let movie = movie.per_row(11).panel_size(120.0).build()?;
    progress.stage("writing the movie");
    let shows = "what cells of all types do (the SVG plays in a browser, the PNG is a frame of it)";
    pictures.save_movie("movie", shows, &movie, &movie.frame(movie.frames() / 2))?;
    progress.finish();

    println!("The film: {what}; {} frames of {DT} s on {} columns. Model 0.", seen.frames(), seen.columns());
    println!("\nThe types whose central cells change most, and least (root mean square of the change from grey):");
    let mut ranked: Vec<(&str, f64, f64)> = courses
        .iter()
        .map(|course| {
            let central = course.central();
            let square = central.iter().map(|x| x * x).sum::<f64>() / central.len().max(1) as f64;
            (course.name.as_str(), square.sqrt(), course.largest())
        })
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut table = Table::new(["type", "central cell", "largest change of any"]);
    for (name, square, largest) in ranked[..6].iter().chain(&ranked[ranked.len() - 4..]) {
        table.row([(*name).to_owned(), format!("{square:.3}"), format!("{largest:.3}")]);
    }
    print!("{table}");
    pictures.list();
    Ok(())
}

/// What it is, and what the columns see of it.
fn film(extent: u32, frames: usize) -> Result<(&'static str, Movie), Error> {
    if Path::new(CLIP).is_file() {
        let clip = Video::from_npy(CLIP, CLIP_RATE)?;
        // the whole height of the clip falls on the eye
        let kernel = clip.size().height / (2 * extent as usize + 1);
        let settings = NaturalSettings { extent: Extent(extent), kernel, views: Views::Whole, dt: DT };
        let seen = NaturalMovies::new(vec![clip], settings)?.movie(0)?;
        let shown = frames.min(seen.frames()) * seen.columns();
        return Ok(("Big Buck Bunny", Movie::new(seen.columns(), seen.luminance()[..shown].to_vec())?));
    }
    let settings = SceneSettings {
        extent: Extent(extent),
        scenes: 1,
        frames,
        rate: 1.0 / DT,
        textures: 4,
        ..SceneSettings::default()
    };
    Ok(("a scene rendered in code", Scenes::new(settings, Vec::new())?.movie(0)?))
}

fn traces(courses: &[Course]) -> Result<Figure, Error> {
    let mut lines = Lines::new("The middle of the eye").x("time (s)").y("change of potential").share(Share::Horizontal);
    for course in courses.iter().filter(|course| FAMOUS.contains(&course.name.as_str())) {
        let central = course.central();
        let time: Vec<f64> = (0..central.len()).map(|frame| frame as f64 * DT).collect();
        lines = lines.panel(course.name.as_str()).series("", &time, &central);
    }
    Ok(lines.build()?)
}

fn raster(courses: &[Course]) -> Result<Figure, Error> {
    let centrals: Vec<(&str, Vec<f64>)> =
        courses.iter().map(|course| (course.name.as_str(), course.central())).filter(|(_, c)| !c.is_empty()).collect();
    let frames = centrals.first().map_or(0, |(_, central)| central.len());
    let mut values = Vec::with_capacity(centrals.len() * frames);
    for (_, central) in &centrals {
        let largest = central.iter().fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs()));
        values.extend(central.iter().map(|x| x / largest));
    }
    let names: Vec<&str> = centrals.iter().map(|(name, _)| *name).collect();
    let heatmap = Heatmap::new("Central cells", names.len(), frames, &values)
        .x(format!("frame of {DT} s"))
        .y("type")
        .row_names(&names)
        .colors(flybrain::figure::ColorScale::Diverging)
        .color_range(-1.0, 1.0)
        .color_label("change of potential, of its largest");
    Ok(heatmap.build()?)
}
