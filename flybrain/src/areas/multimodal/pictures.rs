//! Pictures of a run.

use convgru_feedback::stimulus::audiovisual::Attend;

use super::{Answers, Gain, Neighborhood, Question, Settings};
use crate::Error;
use crate::areas::Run;
use crate::areas::pictures::columns;
use crate::figure::{Aspect, Axis, Bar, ColorScale, Figure, Grid, Heatmap, Lines, Mark, ValueLabels};

/// Loss and accuracies over the steps of training.
pub(super) fn learning(run: &Run, settings: &Settings) -> Result<Figure, Error> {
    let [step, loss] = columns(&run.path("training.csv"), ["step", "loss"])?;
    let n = (step.len() / 100).max(1);
    let smooth = |all: &[f64]| all.chunks(n).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect::<Vec<_>>();
    let plot = |title: &str, y: Axis| Lines::new(title).x("step of training").y(y).size(520.0, 380.0);
    let loss = plot("Loss", Axis::linear("cross-entropy")).series("learned", &smooth(&step), &smooth(&loss));
    let mut accuracy = plot("Held-out items", Axis::linear("told rightly (%)").range(0.0, 100.0));
    for question in Question::of(settings.tasks).into_iter().filter(|question| question.is_learned(settings.tasks)) {
        let name = question.to_string();
        let [step, right] = columns(&run.path("validation.csv"), ["step", &name])?;
        accuracy = accuracy.series(name, &step, &right.iter().map(|part| 100.0 * part).collect::<Vec<_>>());
    }
    Grid::new(2).add(loss.build()?).add(accuracy.build()?).build()
}

/// How questions were answered: rightly, by the other reading of what is ambiguous, by the other sense.
pub(super) fn scenarios(answers: &[Answers]) -> Result<Figure, Error> {
    let mut grid = Grid::new(1);
    for (asked, sense, other) in [(Attend::Image, "image", "sound"), (Attend::Sound, "sound", "image")] {
        let of_sense: Vec<&Answers> = answers.iter().filter(|answers| answers.question.asked == asked).collect();
        if of_sense.is_empty() {
            continue;
        }
        let percent = |value: &dyn Fn(&Answers) -> Option<f64>| {
            of_sense.iter().map(|answers| value(answers).map_or(f64::NAN, |part| 100.0 * part)).collect::<Vec<_>>()
        };
        let ambiguous = |question: Question| match asked {
            Attend::Image => question.scenario.ambiguous_image(),
            Attend::Sound => question.scenario.ambiguous_sound(),
        };
        let by_other = |answers: &Answers| if asked == Attend::Image { answers.by_sound } else { answers.by_image };
        let names: Vec<&str> = of_sense.iter().map(|answers| answers.question.words()).collect();
        let bars = Bar::new(format!("Which digit is the {sense}?"))
            .groups(&names)
            .y(Axis::linear("answers (%)").range(0.0, 100.0))
            .value_labels(ValueLabels::Shown)
            .series("right", &percent(&|answers| Some(answers.right)))
            .series("other reading", &percent(&|a| ambiguous(a.question).then_some(a.by_other_reading)))
            .series(format!("the {other}'s"), &percent(&|a| (!a.question.scenario.matching()).then(|| by_other(a))))
            .mark(Mark::Horizontal(10.0), "by chance")
            .size(760.0, 360.0);
        grid = grid.add(bars.build()?);
    }
    grid.build()
}

/// Neighbourhood hit by area and step, one panel for each question and each sense's digits. Grey: no state yet.
///
/// # Errors
/// [`Error::EmptyPlot`] for none.
pub fn neighborhood_picture(found: &[Neighborhood]) -> Result<Figure, Error> {
    let mut grid = Grid::new(2).title("Neighbours with the same digit");
    for neighborhood in found {
        let title = format!("{}, digits {}", neighborhood.question, neighborhood.digits);
        grid = grid.add(by_step(
            &title,
            &neighborhood.areas,
            &neighborhood.hits,
            "neighbourhood hit",
            ColorScale::Sequential,
            (0.1, 1.0),
        )?);
    }
    grid.build()
}

/// Mean gain by area and step, one panel for each question. Grey: no feedback.
///
/// # Errors
/// [`Error::EmptyPlot`] for none.
pub fn gain_picture(found: &[Gain]) -> Result<Figure, Error> {
    let mut grid = Grid::new(2).title("What feedback amplifies");
    let largest = found.iter().flat_map(|gain| gain.gains.iter().flatten().flatten()).fold(1.1f64, |a, &b| a.max(b));
    for gain in found {
        grid =
            grid.add(by_step(&gain.question, &gain.areas, &gain.gains, "mean gain", ColorScale::Log, (1.0, largest))?);
    }
    grid.build()
}

fn by_step(
    title: &str,
    areas: &[String],
    values: &[Vec<Option<f64>>],
    label: &str,
    scale: ColorScale,
    (low, high): (f64, f64),
) -> Result<Figure, Error> {
    let steps = values.first().map_or(0, Vec::len);
    let cells: Vec<f64> = values.iter().flatten().map(|value| value.unwrap_or(f64::NAN)).collect();
    let names: Vec<String> = (1..=steps).map(|step| step.to_string()).collect();
    Heatmap::new(title, areas.len(), steps, &cells)
        .x("step of the network")
        .row_names(areas)
        .column_names(&names)
        .colors(scale)
        .aspect(Aspect::Fill)
        .color_range(low, high)
        .color_label(label)
        .size(440.0, 320.0)
        .build()
}
