//! Pictures of a run.

use std::fs;
use std::path::Path;

use connectome_graph::area::AreaGraph;
use serde_json::{Value, json};

use super::{Evaluation, Run};
use crate::Error;
use crate::figure::{AreaNetwork, Axis, ColorScale, Figure, Grid, Heatmap, Lines, MOST_AREAS, Pooling, Zeros};

/// What the trainer wrote down.
pub(super) struct Log {
    learned: Columns,
    held_out: Columns,
}

/// A table of a log.
struct Columns {
    epoch: Vec<f64>,
    loss: Vec<f64>,
    accuracy: Vec<f64>,
}

impl Log {
    pub(super) fn read(run: &Run, per_epoch: u64) -> Result<Self, Error> {
        Ok(Self {
            learned: Columns::read(run, "training.csv", per_epoch)?,
            held_out: Columns::read(run, "validation.csv", per_epoch)?,
        })
    }

    /// Sum of the losses of each epoch and accuracy after it, as the reference keeps them.
    pub(super) fn history(&self) -> Value {
        let learned = &self.learned;
        let mut sums = Vec::new();
        for (epoch, loss) in learned.epoch.iter().zip(&learned.loss) {
            let place = (epoch.ceil() as usize).max(1) - 1;
            sums.resize(sums.len().max(place + 1), 0.0);
            sums[place] += loss;
        }
        json!({ "loss": sums, "test_acc": self.held_out.accuracy })
    }

    /// Loss and accuracy over epochs.
    pub(super) fn figure(&self) -> Result<Figure, Error> {
        let n = (self.learned.epoch.len() / 100).max(1);
        let smooth = |all: &[f64]| all.chunks(n).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect::<Vec<_>>();
        let percent = |all: &[f64]| all.iter().map(|v| 100.0 * v).collect::<Vec<_>>();
        let (learned, held_out) = (&self.learned, &self.held_out);
        let plot = |title: &str, y: Axis| Lines::new(title).x("epochs").y(y).size(520.0, 380.0);
        let loss = plot("Loss", Axis::linear("cross-entropy"))
            .series("learned, with dropout", &smooth(&learned.epoch), &smooth(&learned.loss))
            .series("held out", &held_out.epoch, &held_out.loss);
        let accuracy = plot("Accuracy", Axis::linear("images told rightly (%)").range(0.0, 100.0))
            .series("learned, with dropout", &smooth(&learned.epoch), &percent(&smooth(&learned.accuracy)))
            .series("held out", &held_out.epoch, &percent(&held_out.accuracy));
        Grid::new(2).add(loss.build()?).add(accuracy.build()?).build()
    }
}

impl Columns {
    fn read(run: &Run, file: &str, per_epoch: u64) -> Result<Self, Error> {
        let [step, loss, accuracy] = columns(&run.path(file), ["step", "loss", "accuracy"])?;
        Ok(Self { epoch: step.into_iter().map(|step| step / per_epoch as f64).collect(), loss, accuracy })
    }
}

/// Some columns of a table of numbers.
pub(super) fn columns<const N: usize>(path: &Path, names: [&str; N]) -> Result<[Vec<f64>; N], Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    let bad = |problem: String| Error::Settings { path: path.to_path_buf(), problem };
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().ok_or_else(|| bad("it is empty".into()))?;
    let mut found = names.map(|_| Vec::new());
    for (name, column) in names.into_iter().zip(&mut found) {
        let missing = || bad(format!("no column {name}"));
        let place = heading.iter().position(|title| *title == name).ok_or_else(missing)?;
        let number = |line: Vec<&str>| line.get(place).and_then(|cell| cell.parse().ok());
        *column = lines
            .clone()
            .map(number)
            .collect::<Option<_>>()
            .ok_or_else(|| bad(format!("{name} holds what is no number")))?;
    }
    Ok(found)
}

/// Which classes are taken for which.
pub(super) fn confusion(answers: &Evaluation) -> Result<Figure, Error> {
    let n = answers.confusion.len();
    let percent = |row: &Vec<u64>| {
        let all = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|&count| 100.0 * count as f64 / all).collect::<Vec<_>>()
    };
    let cells: Vec<f64> = answers.confusion.iter().flat_map(percent).collect();
    let names: Vec<String> = (0..n).map(|class| class.to_string()).collect();
    let title = format!("{} images held out: {:.1} % told rightly", answers.images, 100.0 * answers.accuracy);
    Heatmap::new(title, n, n, &cells)
        .x("answer")
        .y("class")
        .row_names(&names)
        .column_names(&names)
        .colors(ColorScale::Log)
        .color_range(0.1, 100.0)
        .color_label("part of the class's images (%)")
        .size(520.0, 470.0)
        .build()
}

/// Areas and edges; the connections as a matrix where there are too many areas for boxes.
pub(super) fn graph(graph: &AreaGraph) -> Result<Figure, Error> {
    let (title, n) = ("Areas, feedforward edges and feedback", graph.n_areas());
    if n <= MOST_AREAS {
        return AreaNetwork::of(title, graph).build();
    }
    let mut cells = vec![0.0; n * n];
    graph.feedback_edges().into_iter().for_each(|(from, to)| cells[from * n + to] = -1.0);
    graph.edges().into_iter().for_each(|(from, to)| cells[from * n + to] = 1.0);
    Heatmap::new(title, n, n, &cells)
        .x("to area")
        .y("from area")
        .colors(ColorScale::Diverging)
        .color_range(-1.0, 1.0)
        .color_label("1 feedforward, -1 feedback alone")
        .zeros(Zeros::Blank)
        .pooling(Pooling::Largest)
        .build()
}

/// What stands below [`graph`].
pub(super) fn graph_caption(graph: &AreaGraph) -> &'static str {
    if graph.n_areas() <= MOST_AREAS {
        "Areas with their height, width and channels; feedback is dashed."
    } else {
        "Connections of the areas by their numbers."
    }
}
