//! Rounds, in which each contestant runs once, and their outcome.

use super::args::Args;
use super::child::{self, Measurement};
use super::job::{Check, Contestant, Job};
use crate::table::{Table, count, error, number, ratio};
use crate::{Error, Result, meter};
use serde_json::json;

/// Who runs: ours, and the peers that were not left out.
pub(super) fn entered(job: &dyn Job, args: &Args) -> Vec<Contestant> {
    let wanted = |c: &Contestant| !args.ours && args.only.as_ref().is_none_or(|part| c.name.contains(part.as_str()));
    job.contestants().into_iter().filter(|c| c.is_ours() || wanted(c)).collect()
}

/// Runs the race and prints its outcome.
///
/// # Errors
/// What went wrong, for the first contestant with which something did.
pub fn contest(job: &dyn Job, args: &Args) -> Result<()> {
    let contestants = entered(job, args);
    if child::python().is_none() && contestants.iter().any(|c| !c.is_ours()) {
        return Err(Error::NoPeers { race: job.name().into() });
    }
    let dir = job.prepare(args)?;
    let check = job.check(args);
    let mut results: Vec<Option<Measurement>> = vec![None; contestants.len()];
    for round in 1..=args.repeat {
        for (contestant, best) in contestants.iter().zip(&mut results) {
            let m = child::run(contestant, job, &dir, args)?;
            eprintln!(
                "round {round} of {}, load {:.1}: {:<32} {:>8} s wall, {:>8} s CPU",
                args.repeat,
                meter::load(),
                contestant.name,
                number(m.wall_s),
                number(m.cpu_s)
            );
            if let Some(check) = check {
                check.apply(contestant, m.check)?;
            }
            *best = Some(best.map_or(m, |best| better(best, m)));
        }
    }
    let results: Vec<(&Contestant, Measurement)> =
        contestants.iter().zip(results).filter_map(|(c, m)| Some((c, m?))).collect();
    if args.json {
        print_json(job, args, &results)
    } else {
        println!("{}", heading(job, args));
        print!("{}", table(&results, args.threads, check));
        Ok(())
    }
}

/// The least times, the most memory and the largest error of two measurements.
fn better(a: Measurement, b: Measurement) -> Measurement {
    Measurement {
        wall_s: a.wall_s.min(b.wall_s),
        cpu_s: a.cpu_s.min(b.cpu_s),
        cold_s: a.cold_s.min(b.cold_s),
        start_mib: a.start_mib.max(b.start_mib),
        peak_mib: a.peak_mib.max(b.peak_mib),
        error: a.error.max(b.error),
        ..b
    }
}

impl Check {
    fn apply(self, contestant: &Contestant, got: f64) -> Result<()> {
        if (got - self.want).abs() <= self.tolerance * self.want.abs() {
            return Ok(());
        }
        Err(Error::WrongJob { who: contestant.name.into(), what: self.what, got, want: self.want })
    }
}

fn heading(job: &dyn Job, args: &Args) -> String {
    format!(
        "{}\n{}; load {:.1}; {} rounds, each contestant in a fresh process, the least of {} calls after one to warm up\n",
        job.about(args),
        meter::machine(),
        meter::load(),
        args.repeat,
        child::CALLS
    )
}

fn table(results: &[(&Contestant, Measurement)], threads: usize, check: Option<Check>) -> Table {
    let mut head = vec![
        "implementation",
        "threads",
        "wall s",
        "CPU s",
        "first call s",
        "peak MiB",
        "of these before",
        "steps",
        "evaluations",
        "error",
        "wall / ours",
        "CPU / ours",
    ];
    head.extend(check.map(|c| c.what));
    let mut table = Table::new(&head);
    let ours = results.iter().find(|(c, _)| c.is_ours()).map(|(_, m)| m);
    for (contestant, m) in results {
        let to_ours = |of: fn(&Measurement) -> f64| ratio(ours.map_or(f64::NAN, |o| of(m) / of(o)));
        let mut cells = vec![
            contestant.name.to_owned(),
            threads.to_string(),
            number(m.wall_s),
            number(m.cpu_s),
            number(m.cold_s),
            format!("{:.0}", m.peak_mib),
            format!("{:.0}", m.start_mib),
            count(m.steps),
            count(m.evaluations),
            error(m.error),
            to_ours(|m| m.wall_s),
            to_ours(|m| m.cpu_s),
        ];
        cells.extend(check.map(|_| format!("{:.3}", m.check)));
        table.row(cells);
    }
    table
}

fn print_json(job: &dyn Job, args: &Args, results: &[(&Contestant, Measurement)]) -> Result<()> {
    for (contestant, m) in results {
        let mut line = json!({ "job": job.name(), "impl": contestant.name, "threads": args.threads });
        if let (Some(line), serde_json::Value::Object(fields)) = (line.as_object_mut(), serde_json::to_value(m)?) {
            line.extend(fields);
        }
        println!("{line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(wall_s: f64, cpu_s: f64, error: f64) -> Measurement {
        Measurement {
            wall_s,
            cpu_s,
            cold_s: 1.0,
            start_mib: 100.0,
            peak_mib: 100.0 * wall_s,
            steps: Some(6),
            evaluations: None,
            error,
            check: 1.0,
        }
    }

    /// Of two rounds the good of the times and the bad of the rest.
    #[test]
    fn rounds_are_combined() {
        let m = better(measured(0.5, 0.4, 1e-6), measured(0.6, 0.3, 1e-7));
        assert_eq!((m.wall_s, m.cpu_s, m.error), (0.5, 0.3, 1e-6));
        assert_eq!(m.peak_mib, 60.0);
    }

    #[test]
    fn ratios_are_to_ours() {
        let (ours, peer) = (Contestant::ours("ours", ""), Contestant::peer("peer", "p.py", ""));
        let results = [(&ours, measured(0.5, 0.25, 1e-6)), (&peer, measured(1.5, 1.0, 1e-6))];
        let text = table(&results, 1, None).to_string();
        let last = text.lines().last().unwrap();
        assert!(last.ends_with("3.00x |      4.00x |"), "{last}");
    }

    #[test]
    fn another_job_is_noticed() {
        let check = Check { what: "sum", want: 100.0, tolerance: 1e-3 };
        let peer = Contestant::peer("peer", "p.py", "");
        assert!(check.apply(&peer, 100.09).is_ok());
        for wrong in [100.11, f64::NAN] {
            let error = check.apply(&peer, wrong).unwrap_err().to_string();
            assert!(error.contains("peer: sum"), "{error}");
        }
    }
}
