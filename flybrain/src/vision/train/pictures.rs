//! Pictures of trainings.

use std::path::Path;

use fly_vision::task::{FlowData, ItemSeed, Phase};
use fly_vision::training::{FlyTraining, batch};
use tch::{Kind, Tensor};

use super::{model_folder, read};
use crate::Error;
use crate::figure::{Axis, Figure, FlowStyle, Grid, HexFlow, Lines, Mark};

/// Points of a line, at most.
const POINTS: usize = 200;

/// Models that have a line of their own with a name.
const NAMED: usize = 8;

/// Loss, error and activity of models by iteration.
pub(super) fn learning(folder: &Path, models: &[usize]) -> Result<Figure, Error> {
    let plot = |title: &str, y: &str| Lines::new(title).x("iterations").y(Axis::linear(y)).size(440.0, 340.0);
    let mut loss = plot("Loss, trained on", "norm of the difference of flow");
    let mut error = plot("Error, held out", "end-point error");
    let mut activity = plot("Activity of central cells", "mean potential");
    let mut zero = None;
    for &model in models {
        let own = model_folder(folder, model);
        let name = if models.len() > 1 && models.len() <= NAMED { format!("model {model:03}") } else { String::new() };
        let [step, losses, means] = columns(&own.join("training.csv"), ["step", "loss", "activity"])?;
        let every = step.len().div_ceil(POINTS).max(1);
        let smooth =
            |all: &[f64]| all.chunks(every).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect::<Vec<_>>();
        if !step.is_empty() {
            loss = loss.series(name.clone(), &smooth(&step), &smooth(&losses));
            activity = activity.series(name.clone(), &smooth(&step), &smooth(&means));
        }
        let [step, epe, of_zero] = columns(&own.join("validation.csv"), ["step", "epe", "epe_of_zero"])?;
        zero = zero.or(of_zero.first().copied());
        error = error.series(name, &step, &epe);
    }
    if let Some(zero) = zero {
        error = error.mark(Mark::Horizontal(zero), "no flow");
    }
    let mut grid = Grid::new(3);
    for plot in [loss, error, activity] {
        // trainings of fewer iterations than a row of the log have no lines but that of errors
        if let Ok(figure) = plot.build() {
            grid = grid.add(figure);
        }
    }
    grid.build()
}

/// True and decoded flow of a sequence in its middle frame.
pub(super) fn flow(training: &FlyTraining, data: &dyn FlowData, sequence: usize) -> Result<Figure, Error> {
    let sample = data.sample(sequence)?;
    let seed = ItemSeed { run: 0, epoch: 0, item: 0 };
    let plain = training.plain();
    let variation = plain.draw(sample.frames(), seed)?;
    let items = batch(&[variation.apply(&sample, training.lattice(), data.frame_rate())?])?;
    let t_pre = training.settings().t_pre;
    let grey = training.network().steady_state(t_pre, plain.dt, 1, Default::default())?;
    let decoded = tch::no_grad(|| training.pass(&items.luminance, &grey, Phase::Evaluation))?.flow;
    let middle = items.flow.size()[1] / 2;
    let mut figure = HexFlow::new(data.name(sequence)).label("flow per frame").style(FlowStyle::default());
    for (name, flow) in [("true", &items.flow), ("decoded", &decoded)] {
        let [dx, dy] = [0, 1].map(|axis| numbers(&flow.get(0).get(middle).get(axis)));
        figure = figure.columns(name, &dx?, &dy?);
    }
    figure.build()
}

fn numbers(t: &Tensor) -> Result<Vec<f64>, Error> {
    let wide = t.f_to_kind(Kind::Double).and_then(|t| Vec::<f64>::try_from(t.f_contiguous()?));
    wide.map_err(|e| fly_vision::Error::from(e).into())
}

/// Some columns of a table of numbers.
pub(super) fn columns<const N: usize>(path: &Path, names: [&str; N]) -> Result<[Vec<f64>; N], Error> {
    let text = read(path)?;
    let bad = |problem: String| Error::Settings { path: path.to_path_buf(), problem };
    let mut lines = text.lines();
    let Some(heading) = lines.next() else { return Ok(names.map(|_| Vec::new())) };
    let heading: Vec<&str> = heading.split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let mut found = names.map(|_| Vec::new());
    for (name, column) in names.into_iter().zip(&mut found) {
        let place = heading.iter().position(|title| *title == name);
        let place = place.ok_or_else(|| bad(format!("there is no column {name:?}")))?;
        for (row, cells) in rows.iter().enumerate() {
            let number = cells.get(place).and_then(|cell| cell.parse().ok());
            column.push(number.ok_or_else(|| bad(format!("row {} has no number in the column {name:?}", row + 1)))?);
        }
    }
    Ok(found)
}
