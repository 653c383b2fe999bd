//! Do the exponents of known systems come out?
//!
//! Maps and flows whose Lyapunov exponents have been published, and networks at rest whose exponents are those of a matrix: computed
//! values with standard errors beside the published ones, running exponents, and what the length of a run and of a step is worth.

use examples::{Args, Error, Pictures, Progress, Table, run};
use flybrain::figure::{Axis, Bar, Figure, Grid, Join, Lines, Mark, Scatter};
use lyapunov::system::{Henon, Ikeda, Logistic, Lorenz63, Lorenz96, Rossler};
use lyapunov::{Coupling, RateNetwork, Settings, Spectrum, StepMap};
use std::process::ExitCode;

fn main() -> ExitCode {
    run("09_lyapunov_textbook", "Computes the Lyapunov exponents of systems for which they are known.", textbook)
}

/// A system with published exponents.
struct Case {
    name: &'static str,
    spectrum: Spectrum<f64>,
    published: Vec<f64>,
    /// The sum of all exponents, where it is known exactly.
    sum: Option<f64>,
    dimension: Option<f64>,
}

fn textbook(args: &Args) -> Result<(), Error> {
    let scale = if args.quick { 0.02 } else { 1.0 };
    let mut progress = Progress::new(4);
    progress.stage("maps and flows");
    let cases = cases(scale)?;
    progress.stage("longer runs");
    let lengths = lengths(scale)?;
    progress.stage("shorter steps");
    let steps = steps(scale)?;

    progress.stage("drawing");
    let mut pictures = Pictures::new(&args.out);
    pictures.save("running", "running exponents, and where they settle", &running(&cases)?)?;
    pictures.save("lorenz96", "the spectrum of Lorenz' system of 1996, with standard errors", &ring(&cases)?)?;
    pictures.save("error", "errors over the length of the run and of the step", &errors(&lengths, &steps)?)?;
    progress.finish();

    print!("{}", table(&cases));
    println!("\nThe longer the run, the smaller the standard error, and the true error with it:");
    let mut longer = Table::new(["units of time", "largest exponent", "± standard error", "off by"]);
    for (time, got, error) in &lengths {
        longer.row([
            format!("{time}"),
            format!("{got:.5}"),
            format!("{error:.5}"),
            format!("{:.5}", (got - 0.90563).abs()),
        ]);
    }
    print!("{longer}");
    pictures.list();
    Ok(())
}

fn cases(scale: f64) -> Result<Vec<Case>, Error> {
    let case = |name, spectrum, published: &[f64], sum, dimension| Case {
        name,
        spectrum,
        published: published.to_vec(),
        sum,
        dimension,
    };
    let ring: Vec<f64> = (0..40).map(|i| 8.0 + if i == 19 { 0.01 } else { 0.0 }).collect();
    // Two neurons at rest: the eigenvalues of (1 - dt) I + dt J are 0.9 ± 0.1 sqrt(0.45).
    let two = RateNetwork::builder(Coupling::dense(2, vec![0.0, 0.9, 0.5, 0.0])?).build()?;
    let root = 0.45f64.sqrt();
    let rates = [(0.9 + 0.1 * root).ln() / 0.1, (0.9 - 0.1 * root).ln() / 0.1];
    Ok(vec![
        case("logistic map, r = 4", exponents(&Logistic::default(), &[0.3], 1e6 * scale)?, &[2f64.ln()], None, None),
        case(
            "Hénon's map",
            exponents(&Henon::default(), &[0.1, 0.1], 1e6 * scale)?,
            &[0.41922, -1.62319],
            Some(0.3f64.ln()),
            Some(1.2583),
        ),
        case(
            "Ikeda's map",
            exponents(&Ikeda::default(), &[0.1, 0.1], 1e6 * scale)?,
            &[0.507, -0.718],
            Some(2.0 * 0.9f64.ln()),
            None,
        ),
        case(
            "Lorenz 1963",
            exponents(&Lorenz63::default().steps(0.005), &[1.0, 1.0, 20.0], 1e4 * scale)?,
            &[0.90563, 0.0, -14.5723],
            Some(-41.0 / 3.0),
            Some(2.062),
        ),
        case(
            "Rössler",
            exponents(&Rossler::default().steps(0.02), &[1.0, 1.0, 0.0], 4e4 * scale)?,
            &[0.0714, 0.0, -5.3943],
            None,
            Some(2.013),
        ),
        case(
            "Lorenz 1996, 40 sites",
            exponents(&Lorenz96::default().steps(0.02), &ring, 1e3 * scale.max(0.1))?,
            &[1.68],
            Some(-40.0),
            Some(27.1),
        ),
        case("two neurons at rest", exponents(&two, &[0.0; 2], 1e3 * scale)?, &rates, Some(rates.iter().sum()), None),
    ])
}

fn exponents<M: StepMap<f64>>(map: &M, state: &[f64], duration: f64) -> Result<Spectrum<f64>, Error> {
    Ok(Settings::new(state.len()).duration(duration).run(map, state)?)
}

fn table(cases: &[Case]) -> Table<6> {
    let mut table =
        Table::new(["system", "computed", "± standard error", "published", "sum (exact)", "dimension (published)"]);
    for case in cases {
        let spectrum = &case.spectrum;
        for (i, published) in case.published.iter().enumerate() {
            let first = |text: String| if i == 0 { text } else { String::new() };
            table.row([
                first(case.name.to_owned()),
                format!("{:.5}", spectrum.exponents()[i]),
                format!("{:.5}", spectrum.standard_errors()[i]),
                format!("{published:.5}"),
                first(case.sum.map_or(String::new(), |sum| {
                    format!("{:.6} ({sum:.6})", spectrum.exponents().iter().sum::<f64>())
                })),
                first(
                    case.dimension.map_or(String::new(), |d| format!("{:.3} ({d})", spectrum.kaplan_yorke_dimension())),
                ),
            ]);
        }
    }
    table
}

/// Largest exponent and standard error of Lorenz' system over runs of growing length.
fn lengths(scale: f64) -> Result<Vec<(f64, f64, f64)>, Error> {
    let map = Lorenz63::default().steps(0.005);
    let mut all = Vec::new();
    for power in 0..5 {
        let time = (100.0 * scale.max(0.1)) * 4f64.powi(power);
        let spectrum = exponents(&map, &[1.0, 1.0, 20.0], time)?;
        all.push((time, spectrum.largest(), spectrum.standard_errors()[0]));
    }
    Ok(all)
}

/// How far the sum of Lorenz' exponents is off, over the step.
fn steps(scale: f64) -> Result<Vec<(f64, f64)>, Error> {
    let mut all = Vec::new();
    for dt in [0.02, 0.01, 0.005, 0.0025] {
        let spectrum = exponents(&Lorenz63::default().steps(dt), &[1.0, 1.0, 20.0], 500.0 * scale.max(0.1))?;
        all.push((dt, (spectrum.exponents().iter().sum::<f64>() + 41.0 / 3.0).abs()));
    }
    Ok(all)
}

fn running(cases: &[Case]) -> Result<Figure, Error> {
    let mut grid = Grid::new(2).title("Running exponents");
    for name in ["Hénon's map", "Lorenz 1963", "Rössler", "two neurons at rest"] {
        let Some(case) = cases.iter().find(|case| case.name == name) else { continue };
        let Some(history) = case.spectrum.history() else { continue };
        let k = case.spectrum.exponents().len();
        // Some hundred points, evenly over the logarithm of time.
        let n = history.times.len();
        let mut at: Vec<usize> =
            (0..=200).map(|i| ((n as f64).powf(f64::from(i) / 200.0) as usize).min(n - 1)).collect();
        at.dedup();
        let times: Vec<f64> = at.iter().map(|&i| history.times[i]).collect();
        let mut lines = Lines::new(case.name).x(Axis::log("time")).y("exponent");
        for e in 0..k.min(2) {
            let values: Vec<f64> = at.iter().map(|&i| history.exponents[i * k + e]).collect();
            lines = lines.series(["first", "second"][e], &times, &values);
        }
        for (e, published) in case.published.iter().take(2).enumerate() {
            lines = lines.mark(Mark::Horizontal(*published), if e == 0 { "published" } else { "" });
        }
        grid = grid.add(lines.size(420.0, 260.0).build()?);
    }
    Ok(grid.build()?)
}

fn ring(cases: &[Case]) -> Result<Figure, Error> {
    let case = cases.iter().find(|case| case.name.starts_with("Lorenz 1996")).ok_or("no Lorenz 1996")?;
    let names: Vec<String> =
        (1..=40).map(|i| if i == 1 || i % 10 == 0 { i.to_string() } else { String::new() }).collect();
    let title = format!(
        "Lorenz 1996: dimension {:.1}, entropy {:.1} per unit of time",
        case.spectrum.kaplan_yorke_dimension(),
        case.spectrum.entropy()
    );
    Ok(Bar::new(title)
        .x("number of the exponent")
        .y("exponent")
        .groups(&names)
        .series_with_errors("± standard error", case.spectrum.exponents(), case.spectrum.standard_errors())
        .build()?)
}

fn errors(lengths: &[(f64, f64, f64)], steps: &[(f64, f64)]) -> Result<Figure, Error> {
    let column = |of: fn(&(f64, f64, f64)) -> f64| lengths.iter().map(of).collect::<Vec<_>>();
    let off: Vec<f64> = lengths.iter().map(|(_, got, _)| (got - 0.90563).abs().max(1e-6)).collect();
    let run = Scatter::new("Largest exponent of Lorenz 1963")
        .x(Axis::log("length of the run"))
        .y(Axis::log("error"))
        .series("off the published value", &column(|l| l.0), &off)
        .series("standard error", &column(|l| l.0), &column(|l| l.2))
        .join(Join::Lines)
        .build()?;
    let step = Scatter::new("Sum of its exponents, known exactly")
        .x(Axis::log("step"))
        .y(Axis::log("error"))
        .series(
            "Runge-Kutta 4",
            &steps.iter().map(|s| s.0).collect::<Vec<_>>(),
            &steps.iter().map(|s| s.1).collect::<Vec<_>>(),
        )
        .join(Join::Lines)
        .build()?;
    Ok(Grid::new(2).add(run).add(step).build()?)
}
