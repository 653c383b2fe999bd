//! What every figure promises: it names what it shows, shows all of it, cuts nothing off, and is the same each time.

use connectome_graph::area::paper::{PaperGraph, Tasks};
use flybrain::Error;
use flybrain::figure::{
    AreaNetwork, Axis, Bar, ColorScale, DegreeDistribution, DegreeView, Figure, FlowStyle, Grid, Heatmap, HexFlow,
    HexMovie, Hexagons, Histogram, Join, Letters, Lines, Mark, Panels, Polar, Pooling, PreferredDirections, Raster,
    Scatter, Share, Strip, StripStyle, ValueLabels, Zeros,
};
use proptest::prelude::*;

/// Width, height and RGB bytes of the PNG.
fn pixels(bytes: Vec<u8>) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
    let mut rgb = vec![0; reader.output_buffer_size().expect("small")];
    let info = reader.next_frame(&mut rgb).expect("whole");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width as usize, info.height as usize, rgb)
}

/// Fails unless every element that is opened is closed, in order, and no number is NaN or infinite.
fn check_svg(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1).map(|t| t.split_once('>').expect("tags end").0) {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        for attribute in [" d=\"", " x=\"", " y=\"", " width=\"", " height=\"", " transform=\""] {
            if let Some((_, rest)) = tag.split_once(attribute) {
                let value = rest.split('"').next().unwrap_or_default();
                assert!(!value.contains("NaN") && !value.contains("inf"), "{attribute}{value}");
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

/// The laws that hold for every figure.
fn check(figure: &Figure, texts: &[&str]) {
    let svg = figure.svg();
    check_svg(&svg);
    for text in texts {
        assert!(svg.contains(&format!("aria-label=\"{text}\"")), "no \"{text}\" in the picture");
    }
    assert_eq!(svg, figure.svg());
    let png = figure.png().unwrap();
    assert_eq!(png, figure.png().unwrap());
    let (width, height, rgb) = pixels(png);
    let (w, h) = figure.size();
    assert_eq!((width, height), ((2.0 * w).round() as usize, (2.0 * h).round() as usize));
    let white = |p: &[u8]| p == [255, 255, 255];
    assert!(rgb.chunks(3).filter(|p| !white(p)).count() > 500, "nearly blank");
    for y in 0..height {
        for x in 0..width {
            if x.min(y).min(width - 1 - x).min(height - 1 - y) < 8 {
                let p = &rgb[3 * (y * width + x)..][..3];
                assert!(white(p), "something reaches the edge at {x}, {y}: {texts:?}");
            }
        }
    }
}

/// What is inside each group of a class.
fn groups<'a>(svg: &'a str, class: &str) -> Vec<&'a str> {
    let inside = |text: &'a str| {
        let mut depth = 1;
        for (at, _) in text.match_indices('<') {
            depth += usize::from(text[at..].starts_with("<g "));
            depth -= usize::from(text[at..].starts_with("</g>"));
            if depth == 0 {
                return &text[..at];
            }
        }
        text
    };
    svg.split(&format!("<g class=\"{class}\"")).skip(1).map(inside).collect()
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

const T: [f64; 5] = [0.0, 0.1, 0.2, 0.3, 0.4];
const V: [f64; 5] = [1.0, -2.0, f64::NAN, 3.0, 2.5];

#[test]
fn lines_show_series_band_and_marks() {
    let figure = Lines::new("Voltage of <T4>")
        .x("time (s)")
        .y("voltage (mV)")
        .series("T4a", &T, &V)
        .series_with_band("T4b", &T, &[1, 2, 3, 4, 5], &[0, 1, 2, 3, 4], &[2, 3, 4, 5, 6])
        .mark(Mark::Span(0.1, 0.2), "light")
        .mark(Mark::Horizontal(20.0), "threshold")
        .build()
        .unwrap();
    check(&figure, &["Voltage of &lt;T4&gt;", "time (s)", "voltage (mV)", "T4a", "T4b", "light", "threshold", "20"]);
    let svg = figure.svg();
    assert_eq!(groups(&svg, "series").len(), 2);
    // The gap splits the first trace in two.
    let trace = groups(&svg, "series")[0];
    let path = trace.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(count(path, "M"), 2);
}

#[test]
fn a_curve_lies_behind_points_without_any() {
    let plot = Scatter::new("Theory and data").x("g").y("exponent").series("networks", &T, &V);
    let points = count(&plot.build().unwrap().svg(), "<path");
    let figure = plot.clone().curve("theory", &[0.0, 0.2, 0.8], &[9.0, 4.0, 3.0]).build().unwrap();
    check(&figure, &["Theory and data", "networks", "theory", "0.8"]);
    let svg = figure.svg();
    let (curve, series) = (svg.find("class=\"curve\"").unwrap(), svg.find("class=\"series\"").unwrap());
    assert!(curve < series && count(groups(&svg, "curve")[0], "<path") == 1 && count(&svg, "<path") > points);
    assert!(plot.curve("short", &[1.0, 2.0], &[1.0]).build().is_err());
}

#[test]
fn small_multiples_share_axes() {
    let mut plot = Lines::new("25 neurons").x("time (s)").y("activity (a.u.)");
    for i in 0..25 {
        plot = plot.panel(format!("neuron {i}")).series("data", &T, &V).series("model", &T, &T);
    }
    let figure = plot.panels(Panels::Grid(5)).build().unwrap();
    check(&figure, &["25 neurons", "time (s)", "activity (a.u.)", "neuron 0", "neuron 24", "data", "model"]);
    let svg = figure.svg();
    assert_eq!(groups(&svg, "panel").len(), 25);
    assert_eq!(groups(&svg, "series").len(), 50);
    // Numbers stand at the left column and the bottom row only.
    let labelled = |class| groups(&svg, class).iter().filter(|g| g.contains("class=\"text\"")).count();
    assert_eq!((labelled("x-axis"), labelled("y-axis")), (5, 5));
}

#[test]
fn stacked_panels_may_have_ranges_of_their_own() {
    let figure = Lines::new("Stimulus and response")
        .x("time (s)")
        .share(Share::Horizontal)
        .panel("contrast")
        .series("", &T, &[0.0, 1.0, 0.0, 1.0, 0.0])
        .panel("voltage (mV)")
        .series("", &T, &[-70.0, -65.0, -60.0, -50.0, -40.0])
        .build()
        .unwrap();
    check(&figure, &["Stimulus and response", "contrast", "voltage (mV)", "−60", "1.0"]);
}

#[test]
fn scatter_shows_every_point() {
    let figure = Scatter::new("Work and precision")
        .x(Axis::log("relative error"))
        .y(Axis::log("time (ms)"))
        .join(Join::Lines)
        .series("a", &[1e-3, 1e-6, 1e-9], &[1, 2, 4])
        .series("b", &[1e-3, 0.0, 1e-9], &[2, 3, 8])
        .mark(Mark::Identity, "")
        .build()
        .unwrap();
    check(&figure, &["Work and precision", "relative error", "time (ms)", "a", "b", "10⁻⁹"]);
    let svg = figure.svg();
    let marks = |i: usize| count(groups(&svg, "series")[i].split("</g>").next().unwrap(), "stroke=\"#ffffff\"");
    // Zero has no place on a logarithmic axis.
    assert_eq!((marks(0), marks(1)), (3, 2));
}

#[test]
fn histogram_and_degrees() {
    let data: Vec<f32> = (0..500).map(|i| (i as f32 * 0.7).sin()).collect();
    let figure =
        Histogram::new("Weights").x("weight (a.u.)").series("all", &data).series("half", &data[..250]).build().unwrap();
    check(&figure, &["Weights", "weight (a.u.)", "count", "all", "half"]);
    assert_eq!(groups(&figure.svg(), "series").len(), 2);

    let degrees: Vec<u32> = (0..400).map(|i| i * i / 100).collect();
    for (view, label) in
        [(DegreeView::Survival, "fraction with degree ≥ k"), (DegreeView::LogBins(4), "probability density p(k)")]
    {
        let figure = DegreeDistribution::new("Degrees")
            .view(view)
            .series("in", &degrees)
            .series("out", &[1, 2, 3])
            .build()
            .unwrap();
        check(&figure, &["Degrees", "degree k (connections)", label, "in", "out", "1000"]);
    }
}

#[test]
fn bars_stand_in_groups() {
    let figure = Bar::new("Accuracy")
        .groups(&["MNIST", "a data set with a very long name", "third"])
        .x("data set")
        .y("accuracy (%)")
        .value_labels(ValueLabels::Shown)
        .series_with_errors("connectome", &[97.0, 86.5, 91.0], &[1.0, 0.5, f64::NAN])
        .series("random", &[94.0, f64::NAN, -12.0])
        .size(360.0, 300.0)
        .build()
        .unwrap();
    check(&figure, &["Accuracy", "accuracy (%)", "data set", "MNIST", "connectome", "random", "86.5", "91.0", "−12.0"]);
    let svg = figure.svg();
    let bars = |i: usize| {
        count(groups(&svg, "series")[i], "fill=\"#0072b2\"") + count(groups(&svg, "series")[i], "fill=\"#d55e00\"")
    };
    assert_eq!((bars(0), bars(1)), (3, 2));
}

#[test]
fn heatmap_shows_cells_names_and_scale() {
    let figure = Heatmap::new("Weights", 2, 3, &[1.0, 0.0, -2.0, 0.5, f64::NAN, 1.5])
        .x("presynaptic area")
        .y("postsynaptic area")
        .row_names(&["V1", "an area with a long name"])
        .column_names(&["LGN", "V1", "another area with a long name"])
        .color_label("weight (a.u.)")
        .build()
        .unwrap();
    check(&figure, &["Weights", "presynaptic area", "postsynaptic area", "LGN", "V1", "weight (a.u.)", "−2", "2"]);
    let svg = figure.svg();
    // Five cells with a value, the other shows the grey below.
    assert_eq!(count(&svg, "crispEdges"), 5);

    let sparse: Vec<f64> = (0..10_000).map(|i| if i % 37 == 0 { f64::from(i % 11 + 1) } else { 0.0 }).collect();
    let blank = Heatmap::new("Corner", 100, 100, &sparse).zeros(Zeros::Blank).colors(ColorScale::Log).build().unwrap();
    check(&blank, &["Corner", "10", "80"]);
    assert!(blank.svg().len() < 60_000, "{}", blank.svg().len());
}

#[test]
fn raster_shows_neurons_over_time() {
    let activity: Vec<f32> = (0..60 * 50).map(|i| (i % 50) as f32 * (i / 50) as f32).collect();
    let times: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.01).collect();
    let figure = Raster::new("Activity", &times, 60, &activity).color_label("rate (Hz)").build().unwrap();
    check(&figure, &["Activity", "time (s)", "neuron", "rate (Hz)", "0.10"]);
}

#[test]
fn hexagons_are_all_there() {
    let whole: Vec<f64> = (0..721).map(|i| if i == 360 { f64::NAN } else { f64::from(i) - 300.0 }).collect();
    let figure = Hexagons::new("Eye")
        .columns("before", &whole)
        .lattice("after", &[0, 1, 5], &[0, 0, -3], &[1, 2, 3])
        .color_label("voltage (mV)")
        .build()
        .unwrap();
    check(&figure, &["Eye", "before", "after", "voltage (mV)", "0"]);
    let svg = figure.svg();
    let panels = groups(&svg, "panel");
    let hexagons = |panel: &str| count(panel.split("class=\"contour\"").next().unwrap(), "Z");
    assert_eq!((hexagons(panels[0]), hexagons(panels[1])), (721, 3));
    // Of the three hexagons two touch: 2 * 6 - 2 + 6 free sides.
    let contour = panels[1].split("class=\"contour\"").nth(1).unwrap().split("</g>").next().unwrap();
    assert_eq!(count(contour, "M"), 16);

    let kinds = Hexagons::new("Kinds")
        .columns("", &[0, 1, 2, 0, 1, 2, 0])
        .categories(&["pale", "yellow", "rim"])
        .build()
        .unwrap();
    check(&kinds, &["Kinds", "pale", "yellow", "rim"]);
    assert!(!kinds.svg().contains("color-bar"));
}

/// Names of 65 cell types, none wider than the widest of the fly's.
fn many_types() -> Vec<String> {
    (0..65).map(|i| format!("CT{i}(M10)")).collect()
}

/// Bars and distributions of 65 names: slanted, upright in a narrow figure, never over each other; known ones are set off.
#[test]
fn many_names_are_readable() {
    let names = many_types();
    let heights: Vec<f64> = (0..65).map(|i| f64::from(i % 9) - 3.0).collect();
    let bars = Bar::new("Selectivity").groups(&names).y("index").highlight("known", &names[3..7]).series("a", &heights);
    let samples: Vec<Vec<f64>> = heights.iter().map(|h| (0..20).map(|i| h + 0.1 * f64::from(i)).collect()).collect();
    let strip =
        Strip::new("Selectivity").names(&names).y("index").highlight("known", &names[3..7]).series("a", &samples);
    for (figure, angle, labels, apart) in [
        (bars.build(), "-45", 65, 15.0),
        (strip.build(), "-45", 65, 15.0),
        // with the label of the axis
        (bars.clone().size(760.0, 400.0).build(), "-90", 66, 10.0),
        (strip.clone().size(760.0, 400.0).build(), "-90", 66, 10.0),
    ] {
        let figure = figure.unwrap();
        check(&figure, &["Selectivity", "index", "known", "CT0(M10)", "CT64(M10)"]);
        let svg = figure.svg();
        assert_eq!(count(groups(&svg, "highlight")[0], "<path"), 4);
        assert_eq!(count(&svg, &format!("rotate({angle})")), labels);
        let place = |name: &str| -> f64 {
            let text = svg.split(&format!("aria-label=\"{name}\"")).nth(1).unwrap();
            text.split_once("translate(").unwrap().1.split(' ').next().unwrap().parse().unwrap()
        };
        assert!(place("CT21(M10)") - place("CT20(M10)") > apart);
    }
    let unknown = bars.highlight("new", &["Mi77"]).build().unwrap_err().to_string();
    assert!(unknown.contains("Mi77") && unknown.contains("not among the names"), "{unknown}");
    let crowd = (0..5).fold(strip, |strip, i| strip.highlight(format!("{i}"), &names[..1]));
    assert!(crowd.build().unwrap_err().to_string().contains("at most four"));
}

#[test]
fn distributions_show_every_value() {
    let samples = [vec![1.0, 2.0, f64::NAN, 3.0, 40.0, 2.5, 2.2], vec![], vec![5.0]];
    let plot = Strip::new("Index")
        .names(&["L1", "L2", "Mi1"])
        .x("cell type")
        .y("index")
        .mark(Mark::Horizontal(0.0), "zero")
        .series("trained", &samples)
        .series("random", &[[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
    let paths = |style| {
        let figure = plot.clone().style(style).build().unwrap();
        check(&figure, &["Index", "cell type", "index", "L1", "L2", "Mi1", "trained", "random", "zero", "40"]);
        let svg = figure.svg();
        let series = groups(&svg, "series");
        assert_eq!(series.len(), 2);
        count(series[0], "<path")
    };
    // Six values and one, and a median for each of two distributions.
    assert_eq!(paths(StripStyle::Points), 7 + 2);
    // Two whiskers and their ends, body and its frame, median; 40 is beyond the whiskers.
    assert_eq!(paths(StripStyle::Boxes), 2 * 7 + 1);
    // A shape, quartiles and median; a single value has no shape.
    assert_eq!(paths(StripStyle::Violins), 3 + 2);
    assert!(matches!(plot.series("short", &[[1.0]]).build(), Err(Error::LengthMismatch { left: 3, right: 1, .. })));
    assert!(matches!(Strip::new("s").build(), Err(Error::EmptyPlot { .. })));
}

#[test]
fn tuning_curves_go_around() {
    let angles: Vec<f64> = (0..12).map(|i| 30.0 * f64::from(i)).collect();
    let tuned: Vec<f64> = angles.iter().map(|a| 2.0 + (a - 90.0).to_radians().cos()).collect();
    let mut gap = tuned.clone();
    gap[4] = f64::NAN;
    let plot = Polar::new("Moving edges")
        .radius("peak voltage (mV)")
        .preferred(PreferredDirections::Arrows)
        .panel("T4a")
        .series("ON", &angles, &tuned)
        .series("OFF", &angles, &gap)
        .panel("T4b")
        .series("ON", &angles[..4], &tuned[..4]);
    let figure = plot.build().unwrap();
    check(&figure, &["Moving edges", "peak voltage (mV)", "T4a", "T4b", "ON", "OFF", "0°", "90°", "270°", "3"]);
    let svg = figure.svg();
    let series = groups(&svg, "series");
    let line = |s: &str| s.split("d=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // The whole circle is closed, with a gap or a part of it the line is open.
    assert_eq!((count(&line(series[0]), "Z"), count(&line(series[1]), "Z"), count(&line(series[2]), "Z")), (1, 0, 0));
    assert_eq!(count(&line(series[0]), "L"), 11);
    // A cosine of 1 on 2 prefers its peak with a selectivity of a quarter.
    assert!(series[0].contains("aria-label=\"90° 0.25\""), "{}", series[0]);
    let own = plot.clone().share(Share::Horizontal).build().unwrap();
    check(&own, &["2", "3"]);
    let error = plot.clone().radius(Axis::log("r")).build().unwrap_err().to_string();
    assert!(error.contains("a radius is linear"), "{error}");
    assert!(matches!(plot.series("s", &angles, &[1.0]).build(), Err(Error::LengthMismatch { left: 12, right: 1, .. })));
    assert!(matches!(Polar::new("p").panel("empty").build(), Err(Error::EmptyPlot { .. })));
}

#[test]
fn flow_has_arrows_and_a_wheel() {
    let mut dx: Vec<f64> = (0..37).map(|i| f64::from(i) - 18.0).collect();
    let dy = vec![1.0; 37];
    dx[0] = f64::NAN;
    let plot = HexFlow::new("Optic flow").columns("a", &dx, &dy).columns("b", &dy, &dx).label("columns per frame");
    for (style, arrows) in [(FlowStyle::Arrows, 36), (FlowStyle::Hue, 0), (FlowStyle::HueAndArrows, 36)] {
        let figure = plot.clone().style(style).build().unwrap();
        check(&figure, &["Optic flow", "a", "b", "columns per frame"]);
        let svg = figure.svg();
        assert_eq!(groups(&svg, "panel").len(), 2);
        let heads = groups(&svg, "arrows").first().map_or(0, |g| count(g, "fill=\"#1f2328\""));
        assert_eq!(heads, arrows, "{style:?}");
        let said = if style == FlowStyle::Arrows { "aria-label=\"18\"" } else { "aria-label=\"rim: 18\"" };
        assert!(svg.contains(said), "{style:?}");
    }
    assert!(matches!(plot.clone().largest(0.0).build(), Err(Error::BadOption { .. })));
    assert!(matches!(plot.columns("c", &dx, &dy[1..]).build(), Err(Error::LengthMismatch { left: 37, right: 36, .. })));
}

/// Twelve panels of 721 columns and sixty frames of which no two are alike.
#[test]
fn movies_play_and_stay_small() {
    let times: Vec<f64> = (0..60).map(|i| 0.02 * f64::from(i)).collect();
    let wave = |panel: usize, frame: usize, column: usize| {
        ((column as f64 * 0.09 - frame as f64 * 0.35 + panel as f64).sin() * (column as f64 * 0.013).cos()) as f32
    };
    let mut plot = HexMovie::new("A moving edge").times(&times, "s").color_label("voltage (mV)");
    for panel in 0..12 {
        let data: Vec<f32> = (0..60 * 721).map(|i| wave(panel, i / 721, i % 721)).collect();
        plot = plot.panel(format!("type {panel}"), 721, &data);
    }
    let movie = plot.build().unwrap();
    assert_eq!((movie.frames(), movie.title()), (60, "A moving edge"));
    let svg = movie.svg();
    check_svg(&svg);
    assert!(svg == movie.svg() && svg.len() < 4_000_000, "{} bytes", svg.len());
    for text in ["A moving edge", "type 0", "type 11", "voltage (mV)", "0.00 s", "1.18 s"] {
        assert!(svg.contains(&format!("aria-label=\"{text}\"")), "no \"{text}\" in the movie");
    }
    assert!(!svg.contains("<script") && count(&svg, "class=\"time\"") == 60);
    let mut colors: Vec<&str> =
        svg.split("values=\"#").skip(1).flat_map(|v| v.split('"').next().unwrap().split(";#")).collect();
    colors.sort_unstable();
    colors.dedup();
    assert!(colors.len() <= 32, "{colors:?}");

    let few: Vec<f32> = (0..12 * 37).map(|i| wave(0, i / 37, i % 37)).collect();
    let named = HexMovie::new("A flash").panel("T4a", 37, &few).panel("T5a", 37, &few).color_label("voltage (mV)");
    let movie = named.times(&times[..12], "s").build().unwrap();
    check(&movie.frame(7), &["A flash, 0.14 s", "T4a", "T5a", "voltage (mV)"]);
    check(&movie.sheet(), &["A flash", "voltage (mV)", "T4a 0.00 s", "T5a", "0.22 s"]);
    let folder = tempfile::tempdir().unwrap();
    let small = HexMovie::new("").panel("", 7, &[0.0; 21]).build().unwrap();
    let [svg, png] = small.save(folder.path().join("film")).unwrap();
    assert_eq!(std::fs::read_to_string(svg).unwrap(), small.svg());
    assert_eq!(std::fs::read(png).unwrap(), small.sheet().png().unwrap());
    let frames = small.save_frames(folder.path().join("frames")).unwrap();
    assert_eq!((frames.len(), frames[2].file_name().unwrap().to_str()), (3, Some("frame_0002.png")));

    let message = |r: HexMovie| r.build().unwrap_err().to_string();
    assert!(message(HexMovie::new("m")).contains("add a panel"));
    assert!(message(HexMovie::new("m").panel("a", 7, &[0.0; 20])).contains("values has 20"));
    assert!(message(HexMovie::new("m").panel("a", 7, &[0.0; 14]).panel("b", 7, &[0.0; 21])).contains("panel \"b\""));
    assert!(message(HexMovie::new("m").panel("a", 7, &[0.0; 14]).times(&[0.0], "s")).contains("times has 1"));
    assert!(message(HexMovie::new("m").panel("a", 6, &[0.0; 12])).contains("do not fill"));
    assert!(message(HexMovie::new("m").panel("a", 7, &[0.0; 14]).frame_seconds(0.0)).contains("frame_seconds"));
}

#[test]
fn many_receptive_fields_are_small() {
    let field: Vec<f64> = (0..127).map(|i| (f64::from(i) * 0.3).sin()).collect();
    let plot = many_types().iter().fold(Hexagons::new("Fields"), |plot, name| plot.columns(name, &field));
    let figure = plot.clone().per_row(13).panel_size(64.0).colors(ColorScale::Diverging).build().unwrap();
    check(&figure, &["Fields", "CT0(M10)", "CT64(M10)"]);
    assert!(figure.size().0 < 1100.0 && figure.size().1 < 700.0, "{:?}", figure.size());
    assert!(matches!(plot.panel_size(3.0).build(), Err(Error::BadOption { .. })));
}

#[test]
fn area_networks_show_every_edge() {
    let graph = PaperGraph { tasks: Tasks::Four, ..PaperGraph::default() }.graph();
    let figure = AreaNetwork::of("Vision below hearing", &graph).build().unwrap();
    let names = ["V1", "V2", "V4", "IT", "A1", "PBelt", "A4", "PFC", "64×64×10", "4×4×10", "input", "input, output"];
    check(&figure, &[&names[..], &["Vision below hearing", "feedforward", "feedback", "output"]].concat());
    let svg = figure.svg();
    assert_eq!(groups(&svg, "area").len(), 8);
    // each edge ends in a filled arrowhead; lines of feedback are dashed
    let heads = |svg: &str, kind, color: &str| count(groups(svg, kind)[0], &format!("fill=\"{color}\""));
    let (blue, vermilion) = ("#0072b2", "#d55e00");
    assert_eq!((heads(&svg, "feedforward", blue), heads(&svg, "feedback", vermilion)), (21, 21));
    assert_eq!(count(groups(&svg, "feedforward")[0], "dasharray"), 0);
    assert_eq!(count(groups(&svg, "feedback")[0], "dasharray"), 7);

    // piece by piece: edges up, down, within a level and from an area to itself, none twice
    let figure = AreaNetwork::new("Loops")
        .area("A", "", 0)
        .area("B", "", 0)
        .area("C", "1×1×1", 3)
        .edge(0, 1)
        .edge(1, 0)
        .edge(0, 2)
        .edge(0, 2)
        .edge(2, 2)
        .feedback(2, 0)
        .feedback(0, 0)
        .build()
        .unwrap();
    check(&figure, &["Loops", "A", "B", "C", "1×1×1", "feedback"]);
    let svg = figure.svg();
    assert_eq!((heads(&svg, "feedforward", blue), heads(&svg, "feedback", vermilion)), (4, 2));
    assert!(!svg.contains("output"));
    check(&AreaNetwork::new("Alone").area("A", "", 7).input(0).output(0).build().unwrap(), &["A", "input, output"]);
}

#[test]
fn grid_holds_all_figures() {
    let part = |title: &str| {
        Lines::new(title).x("time (s)").y("v (mV)").series("", &T, &V).size(300.0, 220.0).build().unwrap()
    };
    let figure = Grid::new(2)
        .title("All")
        .letters(Letters::Lowercase)
        .add(part("first"))
        .add(part("second"))
        .add(part("third"))
        .build()
        .unwrap();
    check(&figure, &["All", "first", "second", "third", "a", "b", "c"]);
    assert_eq!(groups(&figure.svg(), "figure").len(), 3);
    assert_eq!(figure.size().0, 600.0);
}

#[test]
fn long_texts_are_wrapped_or_shortened_inside_the_figure() {
    let long = "a label that goes on and on about what it measures and in which unit it does so (arbitrary units)";
    let word = "Aword".repeat(60);
    let figures = [
        Lines::new(format!("{long} {long}")).x(long).y(long).series(long, &T, &V).series(word.clone(), &T, &T).build(),
        Scatter::new(word.clone()).x(long).y(word.clone()).series(word.clone(), &T, &T).series("b", &T, &T).build(),
        Bar::new(long).groups(&[long, &word]).y(long).series(long, &[1, 2]).build(),
        Heatmap::new(long, 2, 2, &T[..4])
            .x(long)
            .y(long)
            .row_names(&[long, "b"])
            .column_names(&[long, "b"])
            .color_label(long)
            .build(),
        Heatmap::new(long, 20, 4, &[1e-9; 80]).x(long).y(long).color_label(long).build(),
        Raster::new(long, &T, 1, &V).color_label(long).build(),
        Hexagons::new(long).columns(word.clone(), &[1e9]).columns("b", &[2e9]).color_label(long).build(),
        Histogram::new(long).x(long).y(long).series("", &T).build(),
        AreaNetwork::new(long).area(long, &*word, 0).area(&*word, long, 1).edge(0, 1).build(),
        Polar::new(long).radius(long).panel(word.clone()).series(long, &T, &T).series("b", &T, &V).build(),
        Strip::new(long).x(long).y(long).names(&[long, &word]).highlight(long, &[long]).series(long, &[T, T]).build(),
        HexFlow::new(long).columns(word.clone(), &[1e9], &[1.0]).label(format!("{long} {word}")).build(),
    ];
    for figure in figures {
        let figure = figure.unwrap();
        check(&figure, &[]);
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let message = |r: Result<Figure, Error>| r.expect_err("misuse").to_string();
    let m = message(Lines::new("Voltage").series("T4a", &[1.0, 2.0, 3.0], &[1.0]).build());
    assert!(m.contains("lines \"Voltage\", series \"T4a\": x has 3 values but y has 1"), "{m}");
    assert!(matches!(Lines::new("t").build(), Err(Error::EmptyPlot { .. })));
    assert!(matches!(Lines::new("t").series("s", &T[..0], &T[..0]).build(), Err(Error::EmptyPlot { .. })));
    assert!(matches!(
        Scatter::new("t").series("s", &T, &T[1..]).build(),
        Err(Error::LengthMismatch { left: 5, right: 4, .. })
    ));
    let m = message(Heatmap::new("Weights", 3, 4, &[1.0; 11]).build());
    assert!(m.contains("3 x 4 wants 12 values but got 11"), "{m}");
    let m = message(Heatmap::new("Weights", 1, 2, &[1, 2]).row_names(&["a", "b"]).build());
    assert!(m.contains("(rows) has 1 values but row_names has 2"), "{m}");
    assert!(matches!(Heatmap::new("huge", usize::MAX, 2, &T).build(), Err(Error::MatrixShape { .. })));
    let m = message(Hexagons::new("Eye").columns("left", &[0.0; 720]).build());
    assert!(m.contains("720 values do not fill"), "{m}");
    assert!(matches!(
        Hexagons::new("Eye").columns("", &[3]).categories(&["a"]).build(),
        Err(Error::UnknownCategory { names: 1, .. })
    ));
    let m = message(Raster::new("r", &[0.0, 0.2, 0.1], 1, &[1, 2, 3]).build());
    assert!(m.contains("time 2 is 0.1 after 0.2"), "{m}");
    assert!(matches!(Raster::new("r", &[f64::NAN], 1, &[1]).build(), Err(Error::TimeOrder { .. })));
    assert!(matches!(Bar::new("b").groups(&["a"]).series("s", &[1, 2]).build(), Err(Error::LengthMismatch { .. })));
    assert!(matches!(DegreeDistribution::new("d").series("s", &[0, 0]).build(), Err(Error::EmptyPlot { .. })));
    assert!(matches!(Grid::new(0).build(), Err(Error::EmptyPlot { .. })));
    assert!(matches!(AreaNetwork::new("a").build(), Err(Error::EmptyPlot { .. })));
    let pair = AreaNetwork::new("a").area("A", "", 0).area("B", "", 1);
    let m = message(pair.clone().feedback(1, 2).build());
    assert!(m.contains("edge") && m.contains("(1, 2)") && m.contains("numbered from 0"), "{m}");
    assert!(message(pair.output(2).build()).contains("output"));
    let crowd = (0..101).fold(AreaNetwork::new("a"), |picture, i| picture.area("A", "", i));
    assert!(message(crowd.build()).contains("Heatmap"));
    for axis in
        [Axis::linear("x").range(1.0, 1.0), Axis::linear("x").range(0.0, f64::NAN), Axis::log("x").range(0.0, 1.0)]
    {
        let m = message(Lines::new("Voltage").x(axis).series("", &T, &V).build());
        assert!(m.contains("x range"), "{m}");
    }
    assert!(matches!(Lines::new("t").series("", &T, &V).size(10.0, 10.0).build(), Err(Error::BadOption { .. })));
    let large = Lines::new("t").series("", &T, &V).build().unwrap().pixel_ratio(1e3);
    assert!(matches!(large.png(), Err(Error::PictureSize { .. })));
}

#[test]
fn save_writes_both_files_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let figure = Lines::new("t").series("", &T, &V).build().unwrap();
    let deep = folder.path().join("new").join("folder");
    let [svg, png] = figure.save(deep.join("fib25_v2.2")).unwrap();
    assert_eq!((&svg, &png), (&deep.join("fib25_v2.2.svg"), &deep.join("fib25_v2.2.png")));
    assert_eq!(std::fs::read_to_string(&svg).unwrap(), figure.svg());
    assert_eq!(std::fs::read(&png).unwrap(), figure.png().unwrap());
    // Again, over the old files, with an ending that is ignored.
    assert_eq!(figure.save(deep.join("fib25_v2.2.png")).unwrap(), [svg.clone(), png]);
    assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 2);
    let under_a_file = figure.save(svg.join("x")).unwrap_err();
    assert!(under_a_file.to_string().contains("cannot write"), "{under_a_file}");
}

#[test]
fn large_data_make_small_files() {
    let n: u32 = 1_000_000;
    let t: Vec<f64> = (0..n).map(f64::from).collect();
    let v: Vec<f64> = t.iter().map(|t| (t * 0.37).sin() * (t * 1e-5).cos()).collect();
    let size = |f: Result<Figure, Error>| f.unwrap().svg().len();
    assert!(size(Lines::new("long").series("", &t, &v).build()) < 150_000);
    assert!(size(Scatter::new("crowd").series("", &t, &v).build()) < 10_000_000);
    assert!(size(Heatmap::new("large", 1000, 1000, &v).pooling(Pooling::Largest).build()) < 1_000_000);
    assert!(size(Raster::new("long", &t, 1, &v).build()) < 200_000);
}

/// Numbers of every kind: tiny, huge, subnormal, infinite, NaN.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => proptest::num::f64::ANY,
        2 => -10.0..10.0f64,
        1 => prop::sample::select(vec![0.0, -0.0, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the numbers and the texts, every plot is drawn and is a sound document.
    #[test]
    fn any_numbers_can_be_drawn(
        data in prop::collection::vec((any_number(), any_number()), 1..40),
        logs in (any::<bool>(), any::<bool>()),
        title in "\\PC{0,40}",
    ) {
        let (x, y): (Vec<f64>, Vec<f64>) = data.into_iter().unzip();
        let axis = |log: bool| if log { Axis::log("label") } else { Axis::linear("label") };
        let scale = if logs.0 { ColorScale::Log } else { ColorScale::Auto };
        let groups: Vec<String> = (0..x.len()).map(|i| format!("g{i}")).collect();
        let uv: Vec<i32> = (0..x.len() as i32).collect();
        let times: Vec<usize> = (0..x.len()).collect();
        for figure in [
            Lines::new(&*title).x(axis(logs.0)).y(axis(logs.1)).series_with_band(&*title, &x, &y, &y, &x).build(),
            Lines::new(&*title).panel("a").series("", &x, &y).panel("b").series("", &y, &x).share(Share::Horizontal).build(),
            Scatter::new(&*title).x(axis(logs.0)).y(axis(logs.1)).series(&*title, &x, &y).mark(Mark::Identity, "=").build(),
            Histogram::new(&*title).x(axis(logs.0)).y(axis(logs.1)).series("", &x).series("", &y).build(),
            Bar::new(&*title).y(axis(logs.1)).groups(&groups).series_with_errors("", &x, &y).value_labels(ValueLabels::Shown).build(),
            Heatmap::new(&*title, 1, x.len(), &x).colors(scale).build(),
            Raster::new(&*title, &times, 1, &y).colors(scale).build(),
            Hexagons::new(&*title).lattice("", &uv, &uv, &x).colors(scale).build(),
            HexFlow::new(&*title).lattice("", &uv, &uv, &x, &y).style(FlowStyle::HueAndArrows).build(),
            Polar::new(&*title).panel("a").series(&*title, &x, &y).preferred(PreferredDirections::Arrows).build(),
            Strip::new(&*title).y(axis(logs.1)).names(&["a", "b"]).style(StripStyle::Violins).series("", &[&x, &y]).build(),
            Strip::new(&*title).y(axis(logs.1)).names(&["a"]).style(StripStyle::Boxes).series("", &[&x]).series("", &[&y]).build(),
        ] {
            let figure = figure.unwrap();
            check_svg(&figure.svg());
            prop_assert!(figure.pixel_ratio(0.25).png().is_ok());
        }
        let frames: Vec<f64> = [&x[..], &y, &x].concat();
        let movie = HexMovie::new(&*title).lattice(&*title, &uv, &uv, &frames).colors(scale).build().unwrap();
        check_svg(&movie.svg());
        prop_assert_eq!(movie.frames(), 3);
    }
}
