//! What the stages of `cargo xtask test` came to.

use std::time::Duration;

use crate::pool::Ended;

/// Tests as libtest tells them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) failures: Vec<String>,
}

impl Counts {
    /// Reads a line such as "test result: ok. 5 passed; 0 failed; 1 ignored; ..." or "test name ... FAILED".
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            for part in rest.split(['.', ';']) {
                let mut words = part.split_whitespace();
                let (Some(number), Some(what)) = (words.next().and_then(|n| n.parse::<u64>().ok()), words.next())
                else {
                    continue;
                };
                match what {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    "ignored" => self.ignored += number,
                    _ => {}
                }
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.trim_end().to_owned());
        }
    }

    /// Reads what a test program printed. What failed goes by the name of the program too: others have tests called alike.
    pub(crate) fn read_program(&mut self, job: &Ended) {
        let before = self.failures.len();
        job.output.lines().for_each(|line| self.read(line));
        for failure in &mut self.failures[before..] {
            *failure = format!("{}: {failure}", job.name);
        }
        if job.result.is_err() && self.failures.len() == before {
            self.failures.push(job.name.clone());
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) time: Duration,
    pub(crate) counts: Counts,
    pub(crate) failure: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) stages: Vec<Stage>,
}

impl Report {
    pub(crate) fn failed(&self) -> bool {
        self.stages.iter().any(|stage| stage.failure.is_some())
    }

    /// The closing table; its last line is the plain count that scripts look for.
    pub(crate) fn table(&self, total: Duration) -> String {
        let mut text = format!("\n{:<10} {:<8} {:>9} {:>8} {:>8}\n", "stage", "result", "seconds", "passed", "failed");
        let (mut passed, mut failed, mut ignored) = (0, 0, 0);
        for Stage { name, time, counts, failure } in &self.stages {
            let result = if failure.is_some() { "FAILED" } else { "ok" };
            text += &format!("{name:<10} {result:<8} {:>9.1}", time.as_secs_f64());
            if counts.passed + counts.failed > 0 {
                text += &format!(" {:>8} {:>8}", counts.passed, counts.failed);
            }
            text.push('\n');
            passed += counts.passed;
            failed += counts.failed;
            ignored += counts.ignored;
        }
        let result = if self.failed() { "FAILED" } else { "ok" };
        text += &format!("{:<10} {result:<8} {:>9.1} {passed:>8} {failed:>8}\n", "total", total.as_secs_f64());
        for stage in &self.stages {
            if let Some(failure) = &stage.failure {
                text += &format!("\n{} failed: {failure}\n", stage.name);
                for name in &stage.counts.failures {
                    text += &format!("  {name}\n");
                }
            }
        }
        let skipped = if ignored > 0 { format!(", {ignored} skipped") } else { String::new() };
        text + &format!("\n{passed} passed, {failed} failed{skipped}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn counts_what_libtest_prints() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test laws::sum ... ok",
            "test laws::product  ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.51s",
            "test src/lib.rs - solve (line 12) ... ok",
            "test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 10.00s",
        ] {
            counts.read(line);
        }
        let failures = vec!["laws::product".to_owned()];
        assert_eq!(counts, Counts { passed: 42, failed: 1, ignored: 2, failures });
    }

    #[test]
    fn what_failed_goes_by_the_name_of_its_program() {
        let mut counts = Counts::default();
        let mut end = |name: &str, output: &str, failed: bool| {
            let failure = || Error::Failed { command: name.into(), status: "exit status: 101".into() };
            let result = if failed { Err(failure()) } else { Ok(()) };
            counts.read_program(&Ended { name: name.into(), output: output.into(), time: Duration::ZERO, result });
        };
        end("ode --lib", "test sum ... ok\n\ntest result: ok. 1 passed; 0 failed;\n", false);
        end("ode --test laws", "test sum ... FAILED\n\ntest result: FAILED. 0 passed; 1 failed;\n", true);
        end("ode --test crash", "running 1 test\n", true);
        let failures = vec!["ode --test laws: sum".to_owned(), "ode --test crash".to_owned()];
        assert_eq!(counts, Counts { passed: 1, failed: 1, ignored: 0, failures });
    }

    #[test]
    fn the_table_names_what_failed_and_closes_with_the_count() {
        let counts = Counts { passed: 41, failed: 1, ignored: 2, failures: vec!["laws::product".into()] };
        let seconds = Duration::from_secs(3);
        let good = Stage { name: "fmt", time: seconds, counts: Counts::default(), failure: None };
        let bad = Stage { name: "test", time: seconds, counts, failure: Some("`cargo test` ended with 101".into()) };
        let report = Report { stages: vec![good, bad] };
        let table = report.table(seconds);
        assert!(report.failed());
        assert!(table.contains("laws::product"));
        assert!(table.contains("test failed: `cargo test` ended with 101"));
        assert_eq!(table.lines().last(), Some("41 passed, 1 failed, 2 skipped"));
    }
}
