//! Pictures of a training.

use lyapunov::Loss;

use super::{Epoch, Log, TrainSettings};
use crate::Error;
use crate::figure::{Axis, Figure, Grid, Lines, Mark};

/// Mean over samples, and the range, at each place that all samples have.
struct Band {
    mean: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Band {
    fn of(lists: &[Vec<f64>]) -> Self {
        let n = lists.iter().map(Vec::len).min().unwrap_or(0);
        let at = |i: usize| lists.iter().map(move |list| list[i]);
        Self {
            mean: (0..n).map(|i| at(i).sum::<f64>() / lists.len() as f64).collect(),
            low: (0..n).map(|i| at(i).fold(f64::INFINITY, f64::min)).collect(),
            high: (0..n).map(|i| at(i).fold(f64::NEG_INFINITY, f64::max)).collect(),
        }
    }

    /// Adds it to a plot, with the range where there are several samples.
    fn add(&self, plot: Lines, name: &str, x: &[f64], samples: usize) -> Lines {
        let x = &x[..self.mean.len()];
        if samples > 1 {
            plot.series_with_band(name, x, &self.mean, &self.low, &self.high)
        } else {
            plot.series(name, x, &self.mean)
        }
    }
}

fn counted(samples: usize) -> String {
    if samples > 1 { format!(", mean and range of {samples} networks") } else { String::new() }
}

/// Loss, largest exponent and norms of gradients over epochs.
pub(super) fn learning(settings: &TrainSettings, logs: &[Log]) -> Result<Figure, Error> {
    let samples = logs.len();
    let list = |of: &dyn Fn(&Epoch) -> f64| {
        Band::of(&logs.iter().map(|log| log.epochs.iter().map(of).collect()).collect::<Vec<_>>())
    };
    let loss = list(&|e| e.loss);
    let epochs: Vec<f64> = (0..loss.mean.len()).map(|i| i as f64).collect();
    let plot = |title: String, y: Axis| Lines::new(title).x("epochs").y(y).size(440.0, 340.0);
    let value = settings.loss()?;
    let fall = match (loss.mean.first(), loss.mean.last()) {
        (Some(first), Some(last)) if loss.low.iter().all(|x| *x > 0.0) => first / last,
        _ => 1.0,
    };
    let label = format!("{} of {} exponents", title(&value), settings.nle);
    let axis = if fall > 10.0 { Axis::log(label) } else { Axis::linear(label) };
    let losses = loss.add(plot(format!("Loss{}", counted(samples)), axis), "", &epochs, samples);
    let mut largest = plot("Largest exponent".into(), Axis::linear("λ1 (per time constant)"));
    largest = list(&|e| e.largest).add(largest, "", &epochs, samples);
    if let Loss::L2 { target } | Loss::MeanSquare { target } = value {
        largest = largest.mark(Mark::Horizontal(target), "target");
    }
    let bands = ["weights", "shifts", "gains"].into_iter().enumerate().map(|(i, name)| (name, list(&|e| e.norms[i])));
    let bands: Vec<_> = bands.filter(|(_, band)| band.high.iter().any(|x| *x > 0.0)).collect();
    let grid = Grid::new(3).add(losses.build()?).add(largest.build()?);
    if bands.is_empty() {
        return grid.build();
    }
    let names: Vec<&str> = bands.iter().map(|(name, _)| *name).collect();
    let norms = plot(format!("Gradients of {}", names.join(", ")), Axis::log("norm of the gradient"));
    let norms = bands.iter().fold(norms, |norms, (name, band)| band.add(norms, name, &epochs, samples));
    grid.add(norms.build()?).build()
}

fn title(loss: &Loss) -> &'static str {
    match loss {
        Loss::L2 { .. } => "distance",
        Loss::MeanSquare { .. } | Loss::Line { .. } => "mean square",
        Loss::Entropy => "entropy",
        _ => "sum",
    }
}

/// Full spectra before and after.
pub(super) fn spectrum(settings: &TrainSettings, logs: &[Log]) -> Result<Figure, Error> {
    let sorted = |of: &dyn Fn(&Log) -> &Vec<f64>| {
        let one = |log: &Log| {
            let mut list = of(log).clone();
            list.sort_by(|a, b| b.total_cmp(a));
            list
        };
        Band::of(&logs.iter().map(one).collect::<Vec<_>>())
    };
    let (before, after) = (sorted(&|log| &log.before), sorted(&|log| &log.after));
    let n = before.mean.len().max(after.mean.len());
    let index: Vec<f64> = (1..=n).map(|i| i as f64).collect();
    let title = format!("Lyapunov spectrum{}", counted(logs.len()));
    let plot = Lines::new(title).x("index of the exponent").y("exponent (per time constant)").size(560.0, 400.0);
    let plot = before.add(plot, "before", &index, logs.len());
    let plot = after.add(plot, "after", &index, logs.len());
    let plot = match settings.loss()? {
        Loss::L2 { target } | Loss::MeanSquare { target } => plot.mark(Mark::Horizontal(target), "target"),
        _ => plot.mark(Mark::Horizontal(0.0), ""),
    };
    plot.build()
}
