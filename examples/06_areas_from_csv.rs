//! Networks of brain areas from tables: who drives whom, who feeds back, and what each way of feedback does.
//!
//! A table is a CSV with a row per area: its connections to all areas, then its sizes. `three_areas.csv` is a chain A -> B -> C, of which A
//! sees; `two_inputs.csv` has an eye and an ear that drive a third area, which feeds back to the eye alone, by a negative entry. Feedback acts
//! on an area (Tugsbayar, Li, Muller, Richards 2025, eLife 105953) as a gain on what drives it, by shifting the thresholds of its candidate
//! state, and on its gates. Networks here act in one way at a time, from the same weights otherwise, which nothing has trained;
//! feedback is made strong enough to be seen.
//!
//! A sees a bar for half of the time. A gain makes its response stronger and longer where it sees something (mean |state| 0.126 instead of
//! 0.079), shifted thresholds make it wider, too (0.168), and gates change its course a little (by 0.009). Then the eye is in the dark while
//! the ear hears something: shifted thresholds alone make a silent area active. Without the edge nothing of all that is left, to the last bit.

use connectome_graph::area::{Area, AreaGraph, FeedbackEdges};
use convgru_feedback::{AreaNetwork, Forward, Keep, TopDown};
use examples::{Args, Error, Pictures, Table, data, run};
use flybrain::figure::{AreaNetwork as AreaPicture, Axis, ColorScale, Figure, Grid, Heatmap, Lines, Mark, Panels};
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

/// Frames of a film, and those in which there is something to see.
const FRAMES: i64 = 24;
const SHOWN: i64 = 12;
/// Factors of new weights, between areas and of feedback: those make for weak activity.
const DRIVE: f64 = 3.0;
const STRENGTH: f64 = 40.0;

fn main() -> ExitCode {
    run("06_areas_from_csv", "Reads networks of brain areas from tables and shows what feedback does.", show)
}

/// In which way feedback acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Gain,
    Threshold,
    Gates,
}

const WAYS: [Way; 3] = [Way::Gain, Way::Threshold, Way::Gates];

impl Way {
    fn words(self) -> &'static str {
        match self {
            Self::Gain => "gain",
            Self::Threshold => "thresholds (apical)",
            Self::Gates => "gates (basal)",
        }
    }

    /// Makes feedback to an area act in this way alone and strongly, and lets areas that are silent send nothing.
    fn alone(self, parameters: &VarStore, area: &Area, number: usize) {
        // what feedback gives: [basal | apical | gains]
        let [basal, apical] = [area.basal_topdown_dim, area.apical_topdown_dim].map(i64::from);
        let gains = i64::from(area.input_dim + area.hidden_dim) + apical;
        let (first, n) = match self {
            Self::Gates => (0, basal),
            Self::Threshold => (basal, apical),
            Self::Gain => (basal + apical, gains),
        };
        let integrator = format!("topdown_projections.node_{number}.integrator.weight");
        no_grad(|| {
            for (name, mut parameter) in parameters.variables() {
                if name.ends_with("bias") {
                    let _ = parameter.zero_();
                } else if name.starts_with("bottomup") {
                    parameter *= DRIVE;
                } else if name == integrator {
                    let acting = parameter.narrow(0, first, n) * STRENGTH;
                    let _ = parameter.zero_();
                    parameter.narrow(0, first, n).copy_(&acting);
                }
            }
        });
    }
}

fn show(args: &Args) -> Result<(), Error> {
    // small tensors: a second thread would wait more than it works
    tch::set_num_threads(1);
    let [chain, senses] = ["areas/three_areas.csv", "areas/two_inputs.csv"].map(data::path);
    let chain = AreaGraph::read(chain, &[0], &[2], FeedbackEdges::Reciprocal)?;
    let mirrored = AreaGraph::read(&senses, &[0, 1], &[2], FeedbackEdges::Reciprocal)?;
    let senses = AreaGraph::read(&senses, &[0, 1], &[2], FeedbackEdges::Signed)?;
    describe("three_areas.csv, feedback against every edge", &chain);
    describe("two_inputs.csv, feedback against every edge", &mirrored);
    describe("two_inputs.csv, feedback as its negative entries say", &senses);
    refuse(&args.out.join("damaged"))?;

    let networks = if args.quick { 2 } else { 10 };
    let dark = Tensor::zeros([1, FRAMES, 3, 32, 32], (Kind::Float, Device::Cpu));
    let bar = dark.copy();
    let _ = bar.narrow(1, 0, SHOWN).narrow(4, 13, 6).fill_(1.0);
    let sound = dark.narrow(2, 0, 1).narrow(3, 0, 16).narrow(4, 0, 16).copy();
    let waves = Tensor::arange(SHOWN * 16 * 16, (Kind::Float, Device::Cpu)).sin();
    sound.narrow(1, 0, SHOWN).copy_(&waves.view([1, SHOWN, 1, 16, 16]));
    let seen = runs(&chain, (1, 0), networks, &[&bar])?;
    let heard = runs(&senses, (2, 0), networks, &[&dark, &sound])?;
    println!(
        "\nMean |state| of an area over {FRAMES} steps and {networks} networks, and how much of it one feedback edge changes:"
    );
    let mut table =
        Table::new(["area", "feedback acts by", "edge cut", "edge there", "|difference|", "|difference| if cut"]);
    for (area, runs) in [("A sees a bar", &seen), ("eye in the dark", &heard)] {
        for runs in runs {
            let numbers = [mean(&runs.cut), mean(&runs.with), mean(&runs.effect), runs.left];
            let [cut, with, effect, left] = numbers.map(|x| if x == 0.0 { "0".to_owned() } else { format!("{x:.4}") });
            table.row([area.to_owned(), runs.way.words().to_owned(), cut, with, effect, left]);
        }
    }
    print!("{table}");

    let mut pictures = Pictures::new(&args.out);
    let graphs = [("three_areas.csv", &chain), ("two_inputs.csv", &senses)];
    let graphs = graphs.map(|(title, graph)| AreaPicture::of(title, graph).build());
    let graphs = graphs.into_iter().try_fold(Grid::new(2), |grid, graph| Ok::<_, Error>(grid.add(graph?)))?;
    pictures.save("areas", "the areas of both tables, their edges and feedback", &graphs.build()?)?;
    pictures.save("over_time", "activity over time with and without the feedback edge", &over_time(&seen, &heard)?)?;
    pictures.save("over_space", "where A is active while it sees the bar", &over_space(&bar, &seen)?)?;
    pictures.list();
    Ok(())
}

/// What a table makes of its areas.
fn describe(title: &str, graph: &AreaGraph) {
    let name = |&area: &usize| graph.names()[area].as_str();
    let list = |areas: &[usize]| areas.iter().map(name).collect::<Vec<_>>().join(", ");
    let edges = |edges: Vec<(usize, usize)>| {
        edges.iter().map(|(from, to)| format!("{} -> {}", name(from), name(to))).collect::<Vec<_>>().join(", ")
    };
    println!("{title}");
    println!("  stimuli go to {}; {} is read", list(graph.inputs()), list(graph.outputs()));
    println!("  edges {}; feedback {}", edges(graph.edges()), edges(graph.feedback_edges()));
    if let Some(steps) = graph.longest_path().process_time(1) {
        println!("  all that follows from one frame has arrived after {steps} steps");
    }
    for remark in graph.diagnostics() {
        println!("  note: {remark}");
    }
}

/// Tables as one may write them, and what is said of them.
fn refuse(folder: &Path) -> Result<(), Error> {
    let good = fs::read_to_string(data::path("areas/three_areas.csv"))?;
    let indexed = || {
        good.lines().enumerate().map(|(i, line)| match i {
            0 => format!(",{line}\n"),
            _ => format!("{},{line}\n", i - 1),
        })
    };
    let no_place = |e| format!("cannot write to {}: {e}; --out takes another folder", folder.display());
    fs::create_dir_all(folder).map_err(no_place)?;
    println!("\nTables that are refused:");
    for (name, text) in [
        ("other_name", good.replace("kernel_w", "kernel_width")),
        ("even_kernel", good.replacen(",3,3,", ",4,3,", 1)),
        ("no_pixels", good.replacen(",32,32,", ",0,32,", 1)),
        ("word", good.replacen("0,1,0,", "0,yes,0,", 1)),
        ("index_column", indexed().collect()),
    ] {
        let path = folder.join(name).with_extension("csv");
        fs::write(&path, text).map_err(no_place)?;
        complain(AreaGraph::read(&path, &[0], &[2], FeedbackEdges::Reciprocal), folder)?;
    }
    complain(AreaGraph::read(data::path("areas/three_areas.csv"), &[0], &[5], FeedbackEdges::Reciprocal), folder)
}

fn complain(read: Result<AreaGraph, connectome_graph::Error>, folder: &Path) -> Result<(), Error> {
    let Err(error) = read else { return Err("a table that makes no sense was taken".into()) };
    println!("  {}", error.to_string().replace(&format!("{}/", folder.display()), ""));
    Ok(())
}

/// What networks that feedback acts on in one way do.
struct Runs {
    way: Way,
    /// Mean |state| of the area that gets feedback, `[network][step]`: with the edge, without it, and of their difference.
    with: Vec<Vec<f64>>,
    cut: Vec<Vec<f64>>,
    effect: Vec<Vec<f64>>,
    /// The same by pixel, `[height, width]`, in the last step of the stimulus; mean over networks.
    maps: [Tensor; 3],
    /// The largest difference between a network without the edge and one with all feedback turned off.
    left: f64,
}

/// Runs networks of a graph on stimuli, each with and without a feedback edge, in all ways.
fn runs(graph: &AreaGraph, (from, to): (usize, usize), networks: u64, stimuli: &[&Tensor]) -> Result<Vec<Runs>, Error> {
    let cut = graph.cut_feedback(from, to)?;
    let run = |way| {
        let mut runs = Runs {
            way,
            with: vec![],
            cut: vec![],
            effect: vec![],
            maps: [(); 3].map(|()| Tensor::from(0f32)),
            left: 0.0,
        };
        for seed in 1..=networks {
            let (parameters, _) = network(graph, seed, TopDown::On, stimuli)?;
            way.alone(&parameters, graph.area(to), to);
            let course = |graph: &AreaGraph, top_down| -> Result<Tensor, Error> {
                let (mut store, network) = network(graph, seed, top_down, stimuli)?;
                store.copy(&parameters)?;
                let how = Forward::new().keep(Keep::Trace).steps(FRAMES as u32);
                let trace = no_grad(|| network.forward(stimuli, &how))?.trace;
                // [step, hidden, height, width]
                Ok(Tensor::cat(&trace.iter().map(|states| &states[to]).collect::<Vec<_>>(), 0))
            };
            let [with, cut, off] =
                [course(graph, TopDown::On)?, course(&cut, TopDown::On)?, course(graph, TopDown::Off)?];
            runs.left = runs.left.max((&cut - &off).abs().max().double_value(&[]));
            let activity =
                |states: &Tensor| Vec::<f64>::try_from(states.abs().flatten(1, -1).mean_dim(1, false, Kind::Double));
            let effect = &with - &cut;
            for (map, states) in runs.maps.iter_mut().zip([&with, &cut, &effect]) {
                *map = &*map + states.get(SHOWN - 1).abs().mean_dim(0, false, Kind::Float) / networks as f64;
            }
            runs.with.push(activity(&with)?);
            runs.cut.push(activity(&cut)?);
            runs.effect.push(activity(&effect)?);
        }
        Ok(runs)
    };
    WAYS.into_iter().map(run).collect()
}

fn network(
    graph: &AreaGraph,
    seed: u64,
    top_down: TopDown,
    stimuli: &[&Tensor],
) -> Result<(VarStore, AreaNetwork), Error> {
    let store = VarStore::new(Device::Cpu);
    let mut builder = AreaNetwork::builder(graph).seed(seed).top_down(top_down).projection_channels(8);
    for (input, stimulus) in stimuli.iter().enumerate() {
        let (_, _, channels, height, width) = stimulus.size5()?;
        builder = builder.stimulus(input, [channels, height, width]);
    }
    let network = builder.build(&store.root())?;
    Ok((store, network))
}

fn mean(values: &[Vec<f64>]) -> f64 {
    values.iter().flatten().sum::<f64>() / values.iter().map(Vec::len).sum::<usize>() as f64
}

/// A panel per way: mean over networks, and one standard deviation to either side.
fn over_time(seen: &[Runs], heard: &[Runs]) -> Result<Figure, Error> {
    let mut grid = Grid::new(1);
    for (title, runs) in
        [("A sees a bar, B feeds back", seen), ("The eye is in the dark, what the ear hears is fed back", heard)]
    {
        let mut lines = Lines::new(title)
            .x("time (steps)")
            .y(Axis::linear("mean |state|"))
            .mark(Mark::Span(0.0, SHOWN as f64 - 1.0), "stimulus")
            .panels(Panels::Grid(3))
            .size(960.0, 300.0);
        for runs in runs {
            lines = lines.panel(runs.way.words());
            for (name, courses) in [("with the feedback edge", &runs.with), ("edge cut", &runs.cut)] {
                let steps: Vec<usize> = (0..FRAMES as usize).collect();
                let moments = steps.iter().map(|&step| moments(courses.iter().map(|course| course[step])));
                let (middle, spread): (Vec<f64>, Vec<f64>) = moments.unzip();
                let edge = |sign: f64| middle.iter().zip(&spread).map(|(m, s)| m + sign * s).collect::<Vec<_>>();
                lines = lines.series_with_band(name, &steps, &middle, &edge(-1.0), &edge(1.0));
            }
        }
        grid = grid.add(lines.build()?);
    }
    Ok(grid.build()?)
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, (values.map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// A without feedback and with feedback of each way; below, the bar and what feedback changes.
fn over_space(bar: &Tensor, seen: &[Runs]) -> Result<Figure, Error> {
    let highest = |map: usize| seen.iter().map(|runs| runs.maps[map].max().double_value(&[])).fold(0.0, f64::max);
    let bar = bar.get(0).get(0).get(0);
    let mut maps = vec![("A, edge cut", &seen[0].maps[1], highest(0), "mean |state|")];
    maps.extend(seen.iter().map(|runs| (runs.way.words(), &runs.maps[0], highest(0), "mean |state|")));
    maps.push(("the bar", &bar, 1.0, "brightness"));
    maps.extend(seen.iter().map(|runs| ("changed by feedback", &runs.maps[2], highest(2), "mean |difference|")));
    let mut grid = Grid::new(4).title("State of A in the last step of the bar");
    for (title, map, highest, label) in maps {
        let (rows, columns) = map.size2()?;
        let values = Vec::<f32>::try_from(map.contiguous().view(-1))?;
        let map = Heatmap::new(title, rows as usize, columns as usize, &values)
            .colors(ColorScale::Sequential)
            .color_range(0.0, highest)
            .color_label(label)
            .size(270.0, 240.0);
        grid = grid.add(map.build()?);
    }
    Ok(grid.build()?)
}
