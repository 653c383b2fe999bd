//! Which method, which control of steps, which precision?
//!
//! Five Runge-Kutta methods on five small problems and on the connectome of the fly's visual system: the error that is left
//! against the work that it took. Then three ways to choose the next step, single against double precision, and what it is worth
//! that each sample of a batch takes steps of its own. The advice at the end follows from what was just measured.

use examples::problems::{standard, van_der_pol};
use examples::states::mean;
use examples::trials::{Case, Network, Trial, distance};
use examples::{Args, Error, Pictures, Progress, Table, count, percent, run};
use flybrain::figure::{Axis, Bar, Figure, Grid, Join, Lines, Mark, Scatter, ValueLabels};
use sparse_ode::{Controller, Method, Pid, Solver, Status, Times, per_sample};
use std::process::ExitCode;
use tch::Kind;

fn main() -> ExitCode {
    run("05_choose_a_solver", "Compares methods, control of steps and precision by error and work.", choose)
}

/// Relative tolerances, from loose to tight; the absolute one is a thousandth of it, as in the solver's defaults.
const TOLERANCES: [f64; 9] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10];
/// Of the solutions that errors are measured from.
const REFERENCE: f64 = 1e-12;
/// Of the comparison of controllers.
const MIDDLE: f64 = 1e-6;
/// Errors at which methods are compared.
const GOALS: [f64; 3] = [1e-3, 1e-6, 1e-9];
/// Van der Pol's oscillators of one batch, from gentle to stiff.
const STIFFNESS: [f64; 8] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

fn choose(args: &Args) -> Result<(), Error> {
    let mut progress = Progress::new(6);
    progress.stage("reading the connectome and expanding it to the columns of the eye");
    let network = Network::new(if args.quick { 2 } else { 15 })?;
    // Each with the steps that it may take at most.
    let (few, many) = if args.quick { (200, 5_000) } else { (300, 200_000) };
    let mut cases: Vec<(Case, usize)> = standard().into_iter().map(|problem| (Case::small(problem), many)).collect();
    cases.push((Case::connectome(&network, Kind::Double)?, few));

    progress.stage("work and precision of five methods");
    let races = cases.iter_mut().map(|(case, most)| Race::run(case, *most)).collect::<Result<Vec<_>, _>>()?;
    progress.stage("three ways to choose steps");
    let trials = cases.iter_mut().zip(&races).map(|((case, _), race)| controlled(case, &race.truth));
    let controls = trials.collect::<Result<Vec<_>, _>>()?;
    progress.stage("single and double precision");
    let last = races.len() - 1;
    let mut single = Case::connectome(&network, Kind::Float)?;
    let precisions = Precisions::run([&mut single, &mut cases[last].0], &races[last].truth)?;
    progress.stage("gentle and stiff samples in one batch");
    let batch = Batch::run()?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("work_precision", "error over evaluations, by problem and method", &work_precision(&races)?)?;
    pictures.save("precision", "where single precision stops paying, on the connectome", &precisions.figure()?)?;
    pictures.save("step_lengths", "how steps follow a gentle and a stiff oscillator", &step_lengths()?)?;
    pictures.save("samples", "steps per sample, gentle and stiff in one batch", &batch.figure()?)?;
    progress.finish();

    println!("{} neurons, {} connections.", count(network.wiring().n_post()), count(network.wiring().nnz()));
    println!("\nFewest evaluations for an error at the end, and the method that comes next:");
    print!("{}", goals(&races));
    println!("\nThree ways to choose steps, with Dopri5 at rtol {MIDDLE:.0e}:");
    print!("{}", control_table(&races, &controls));
    println!("\nThe connectome in single and in double precision, with Dopri5:");
    print!("{}", precisions.table());
    println!("\nAdvice from these numbers:");
    for line in advice(&races, &controls).into_iter().chain([precisions.advice(), batch.advice()]) {
        println!("- {line}");
    }
    pictures.list();
    Ok(())
}

fn adaptive(rtol: f64) -> Solver {
    Solver::new().tolerances(1e-3 * rtol, rtol)
}

fn name(method: Method) -> String {
    match method {
        Method::BogackiShampine => "Bogacki-Shampine".to_owned(),
        _ => format!("{method:?}"),
    }
}

/// The methods on one problem.
struct Race {
    name: &'static str,
    truth: Vec<f64>,
    /// How far two references are from each other: smaller errors mean nothing.
    floor: f64,
    /// Evaluations and errors of each method, from loose to tight.
    lines: Vec<(Method, Vec<[f64; 2]>)>,
}

impl Race {
    fn run(case: &mut Case, most: usize) -> Result<Self, Error> {
        let mut reference =
            |method| -> Result<Vec<f64>, Error> { Ok(case.solve(adaptive(REFERENCE).method(method))?.end) };
        let truth = reference(Method::Dopri5)?;
        let floor = distance(&reference(Method::Tsit5)?, &truth);
        let mut lines = Vec::new();
        for method in Method::ALL {
            let mut line = Vec::new();
            for (i, rtol) in TOLERANCES.into_iter().enumerate() {
                let trial = match method {
                    // It has no estimate of its error: all that one can choose is the length of the steps.
                    Method::Euler => {
                        let steps = 10 * 4usize.pow(i as u32);
                        let solver = Solver::new().method(method).fixed_step(case.end() / steps as f64);
                        (steps < most).then(|| case.solve(solver)).transpose()?
                    }
                    _ => Some(case.solve(adaptive(rtol).method(method).max_steps(Some(most)))?),
                };
                match trial {
                    None | Some(Trial { status: Status::ReachedMaxSteps, .. }) => break,
                    Some(trial) if trial.status == Status::Success => {
                        line.push([trial.evaluations as f64, distance(&trial.end, &truth)]);
                    }
                    // Fixed steps that are too long for the problem end in overflow.
                    Some(_) => {}
                }
            }
            lines.push((method, line));
        }
        Ok(Self { name: case.name(), truth, floor, lines })
    }

    /// How many evaluations a method needs for an error, between its points on the double logarithmic line.
    fn needs(line: &[[f64; 2]], goal: f64) -> Option<f64> {
        let first = line.iter().position(|[_, error]| *error <= goal)?;
        let [work, error] = line[first];
        let Some([before, coarse]) = first.checked_sub(1).map(|i| line[i]) else { return Some(work) };
        let part = (coarse / goal).ln() / (coarse / error).ln();
        Some(before * (work / before).powf(part))
    }

    /// Methods that reach an error, the one with the fewest evaluations first.
    fn ranking(&self, goal: f64) -> Vec<(Method, f64)> {
        let needs = self.lines.iter().filter_map(|(method, line)| Some((*method, Self::needs(line, goal)?)));
        let mut ranking: Vec<_> = if goal < self.floor { Vec::new() } else { needs.collect() };
        ranking.sort_by(|a, b| a.1.total_cmp(&b.1));
        ranking
    }
}

fn work_precision(races: &[Race]) -> Result<Figure, Error> {
    let mut grid =
        Grid::new(3).title("Error at the end over evaluations of the right-hand side (dashed: error of the reference)");
    for race in races {
        let mut plot = Scatter::new(race.name)
            .x(Axis::log("evaluations"))
            .y(Axis::log("relative error").range(1e-14, 3.0))
            .join(Join::Lines)
            .mark(Mark::Horizontal(race.floor), "")
            .size(400.0, 360.0);
        for (method, line) in &race.lines {
            // With an error above 1 no digit is right.
            let right = line.iter().filter(|[_, error]| *error < 1.0);
            let (work, errors): (Vec<f64>, Vec<f64>) = right.map(|[work, error]| (*work, *error)).unzip();
            if !work.is_empty() {
                plot = plot.series(name(*method), &work, &errors);
            }
        }
        grid = grid.add(plot.build()?);
    }
    Ok(grid.build()?)
}

fn goals(races: &[Race]) -> Table<4> {
    let [a, b, c] = GOALS.map(|goal| format!("error {goal:.0e}"));
    let mut table = Table::new([String::new(), a, b, c]);
    for race in races {
        let [a, b, c] = GOALS.map(|goal| {
            let places: Vec<String> = race
                .ranking(goal)
                .iter()
                .take(2)
                .map(|(method, work)| format!("{} {work:.0}", name(*method)))
                .collect();
            match places.is_empty() {
                true if goal < race.floor => "below that of the reference".to_owned(),
                true => "not reached".to_owned(),
                false => places.join(", "),
            }
        });
        table.row([race.name.to_owned(), a, b, c]);
    }
    table
}

/// By the last error; by the last two; by the last three.
fn controllers() -> [(&'static str, Controller); 3] {
    let pid = Pid { proportional: 0.3, integral: 0.4, derivative: 0.05, ..Pid::default() };
    [
        ("integral", Controller::default()),
        ("PI 0.2, 0.5", Controller::Pid(Pid::default())),
        ("PID 0.3, 0.4, 0.05", Controller::Pid(pid)),
    ]
}

/// One problem with each of the [`controllers`]: what it took, and the error.
fn controlled(case: &mut Case, truth: &[f64]) -> Result<Vec<(Trial, f64)>, Error> {
    let trial = |(_, controller)| {
        let trial = case.solve(adaptive(MIDDLE).controller(controller))?;
        let error = distance(&trial.end, truth);
        Ok((trial, error))
    };
    controllers().into_iter().map(trial).collect()
}

fn control_table(races: &[Race], controls: &[Vec<(Trial, f64)>]) -> Table<6> {
    let mut table = Table::new(["problem", "control", "steps", "rejected", "evaluations", "error"]);
    for (race, trials) in races.iter().zip(controls) {
        for ((name, _), (trial, error)) in controllers().iter().zip(trials) {
            let [steps, rejected, evaluations] = [trial.steps, trial.rejected, trial.evaluations].map(count);
            table.row([race.name, name, &steps, &rejected, &evaluations, &format!("{error:.1e}")]);
        }
    }
    table
}

/// The same network in single and in double precision, by tolerance.
struct Precisions {
    /// Evaluations, error and seconds.
    trials: [Vec<(usize, f64, f64)>; 2],
}

impl Precisions {
    fn run([single, double]: [&mut Case; 2], truth: &[f64]) -> Result<Self, Error> {
        let trial = |case: &mut Case, rtol| -> Result<_, Error> {
            let trial = case.solve(adaptive(rtol).max_steps(Some(100)))?;
            let reached = trial.status == Status::Success;
            let error = if reached { distance(&trial.end, truth) } else { f64::NAN };
            Ok((trial.evaluations, error, trial.seconds))
        };
        let mut trials = [Vec::new(), Vec::new()];
        for rtol in TOLERANCES {
            // The least time of three, in turns, so that both meet the same machine.
            let mut best = [trial(single, rtol)?, trial(double, rtol)?];
            for _ in 0..2 {
                best[0].2 = best[0].2.min(trial(single, rtol)?.2);
                best[1].2 = best[1].2.min(trial(double, rtol)?.2);
            }
            trials[0].push(best[0]);
            trials[1].push(best[1]);
        }
        Ok(Self { trials })
    }

    fn figure(&self) -> Result<Figure, Error> {
        let mut plot = Scatter::new("Tolerance and error on the connectome, Dopri5")
            .x(Axis::log("relative tolerance"))
            .y(Axis::log("relative error at t = 1"))
            .join(Join::Lines)
            .mark(Mark::Identity, "error = tolerance");
        for (name, trials) in ["single precision", "double precision"].into_iter().zip(&self.trials) {
            let errors: Vec<f64> = trials.iter().map(|(_, error, _)| *error).collect();
            plot = plot.series(name, &TOLERANCES, &errors);
        }
        Ok(plot.build()?)
    }

    fn table(&self) -> Table<7> {
        let heading = ["rtol", "single: evaluations", "error", "time", "double: evaluations", "error", "time"];
        let mut table = Table::new(heading);
        for ((rtol, single), double) in TOLERANCES.iter().zip(&self.trials[0]).zip(&self.trials[1]) {
            let [a, b] = [single, double].map(|(work, error, seconds)| {
                let error = if error.is_nan() { "no end".to_owned() } else { format!("{error:.1e}") };
                [count(*work), error, format!("{:.0} ms", 1e3 * seconds)]
            });
            let ([a, b, c], [d, e, f]) = (a, b);
            table.row([format!("{rtol:.0e}"), a, b, c, d, e, f]);
        }
        table
    }

    fn advice(&self) -> String {
        let [single, double] = &self.trials;
        let each = |trials: &[(usize, f64, f64)]| {
            trials.iter().map(|t| t.2).sum::<f64>() / trials.iter().map(|t| t.0).sum::<usize>() as f64
        };
        let faster = each(double) / each(single);
        // It pays while it keeps the tolerance and does not eat up its speed by more evaluations.
        let pays = |i: &usize| single[*i].1 < TOLERANCES[*i] && single[*i].0 as f64 <= faster * double[*i].0 as f64;
        let last = (0..TOLERANCES.len()).take_while(pays).last().map(|i| TOLERANCES[i]);
        let floor = single.iter().map(|t| t.1).fold(f64::INFINITY, f64::min);
        let speed = format!("an evaluation of the connectome takes {faster:.2} times as long in double precision");
        match last {
            Some(rtol) => {
                format!(
                    "Take single precision down to rtol {rtol:.0e}: {speed}. Its error never falls below {floor:.0e}."
                )
            }
            None => format!("Take double precision here: {speed}, and single needs more of them."),
        }
    }
}

/// Oscillators of different stiffness, solved in one batch and as one system.
struct Batch {
    own: Vec<usize>,
    shared: usize,
}

impl Batch {
    fn run() -> Result<Self, Error> {
        let n = STIFFNESS.len();
        let y0 = [2.0, 0.0].repeat(n);
        let mut apart = per_sample(2, |_t, sample, y: &[f64], dy: &mut [f64]| van_der_pol(STIFFNESS[sample], y, dy));
        let own = Solver::new().solve(&mut apart, &y0, &Times::span(n, 0.0, 50.0)?)?.into_success()?;
        // The same numbers as one system of 16 unknowns: one step for all.
        let mut joint = per_sample(2 * n, |_t, _sample, y: &[f64], dy: &mut [f64]| {
            for ((y, dy), mu) in y.chunks(2).zip(dy.chunks_mut(2)).zip(STIFFNESS) {
                van_der_pol(mu, y, dy);
            }
        });
        let shared = Solver::new().solve(&mut joint, &y0, &Times::span(1, 0.0, 50.0)?)?.into_success()?;
        Ok(Self { own: own.stats().iter().map(|s| s.steps).collect(), shared: shared.stats()[0].steps })
    }

    fn figure(&self) -> Result<Figure, Error> {
        Ok(Bar::new("Steps of eight Van der Pol oscillators in one batch")
            .x("stiffness μ")
            .y(Axis::log("steps from t = 0 to 50"))
            .groups(&STIFFNESS.map(|mu| mu.to_string()))
            .series("steps of its own", &self.own.iter().map(|&n| n as f64).collect::<Vec<_>>())
            .mark(Mark::Horizontal(self.shared as f64), "one step for all")
            .value_labels(ValueLabels::Shown)
            .build()?)
    }

    fn advice(&self) -> String {
        let (own, shared): (usize, usize) = (self.own.iter().sum(), self.shared * self.own.len());
        format!(
            "Put samples of different stiffness into one batch without care: with steps of their own the eight oscillators take {} \
             steps, with one step for all {}, {:.1} times as many.",
            count(own),
            count(shared),
            shared as f64 / own as f64
        )
    }
}

/// Length of each accepted step over time.
fn step_lengths() -> Result<Figure, Error> {
    let stiffness = [2.0, 50.0];
    let mut field = per_sample(2, |_t, sample, y: &[f64], dy: &mut [f64]| van_der_pol(stiffness[sample], y, dy));
    let times = Times::span(2, 0.0, 100.0)?;
    let mut steps = [(vec![0.0], Vec::new()), (vec![0.0], Vec::new())];
    Solver::new().solve_watched(&mut field, &[2.0, 0.0, 2.0, 0.0], &times, |stepper| {
        for ((times, lengths), t) in steps.iter_mut().zip(stepper.t()) {
            let last = times[times.len() - 1];
            if t > last {
                times.push(t);
                lengths.push(t - last);
            }
        }
    })?;
    let mut plot = Lines::new("Steps of two Van der Pol oscillators in one batch, Dopri5 at rtol 1e-3")
        .x("time")
        .y(Axis::log("length of the step"));
    for (mu, (times, lengths)) in stiffness.iter().zip(&steps) {
        plot = plot.series(format!("μ = {mu}"), &times[1..], lengths);
    }
    Ok(plot.build()?)
}

/// What methods and controllers did, in sentences.
fn advice(races: &[Race], controls: &[Vec<(Trial, f64)>]) -> Vec<String> {
    let mut lines = Vec::new();
    for goal in GOALS {
        let rankings: Vec<_> = races.iter().map(|race| race.ranking(goal)).filter(|r| !r.is_empty()).collect();
        // How much more than the best a method needs in the mean, where it reaches the error on every problem.
        let excess = |method| -> Option<f64> {
            let ratios = rankings.iter().map(|r| Some(r.iter().find(|(m, _)| *m == method)?.1 / r[0].1));
            Some(mean(ratios.collect::<Option<Vec<f64>>>()?) - 1.0)
        };
        let mut all: Vec<_> = Method::ALL.into_iter().filter_map(|m| Some((m, excess(m)?))).collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((method, excess)) = all.first() {
            let wins = rankings.iter().filter(|r| r[0].0 == *method).count();
            lines.push(format!(
                "For an error of {goal:.0e} take {}: best on {wins} of {} problems, {} more evaluations than the best in the \
                 mean.",
                name(*method),
                rankings.len(),
                percent(*excess)
            ));
        }
    }
    // Ten thousand times less error, at what price?
    let price = |race: &Race| {
        let line = &race.lines[0].1;
        Some(Race::needs(line, 1e-8)? / Race::needs(line, 1e-4)?)
    };
    let prices = races.iter().filter_map(|race| Some((race.name, price(race)?)));
    let mut prices: Vec<_> = prices.collect();
    prices.sort_by(|a, b| a.1.total_cmp(&b.1));
    if let [(cheap, low), .., (dear, high)] = prices[..] {
        lines.push(format!(
            "Where stability bounds the steps, accuracy comes cheap: going from an error of 1e-4 to 1e-8 costs Dopri5 {low:.1} \
             times the evaluations on \"{cheap}\" and {high:.1} times on \"{dear}\"."
        ));
    }
    // Relative to the first controller, in the mean over problems.
    let names: Vec<&str> = controllers().iter().map(|(name, _)| *name).collect();
    let work = |i: usize| mean(controls.iter().map(|c| c[i].0.evaluations as f64 / c[0].0.evaluations as f64)) - 1.0;
    let rejected = |i: usize| controls.iter().map(|c| c[i].0.rejected).sum::<usize>();
    let best = (0..names.len()).min_by(|&a, &b| work(a).total_cmp(&work(b))).unwrap_or(0);
    let others: Vec<String> = (0..names.len())
        .filter(|&i| i != best)
        .map(|i| format!("{} rejects {} and evaluates {:+.1} %", names[i], rejected(i), 100.0 * (work(i) - work(best))))
        .collect();
    lines.push(format!(
        "Choose steps by {} control: it rejects {} steps over all problems; {} in the mean.",
        names[best],
        rejected(best),
        others.join(", ")
    ));
    lines
}
