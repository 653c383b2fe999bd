//! Schedules of training: a number per iteration.

use crate::case::Case;
use crate::report::{Report, relative};
use fly_vision::task::{Decay, DecayShape};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for key in case.keys("") {
        let shape: DecayShape = key.parse().map_err(|e: fly_vision::Error| e.to_string())?;
        let decay = Decay {
            shape,
            start: case.number("start")?,
            stop: case.number("stop")?,
            steps: case.number("steps")? as usize,
            until: case.number("stop_iter")? as u64,
            iterations: case.number("n_iterations")? as u64,
        };
        decay.validate().map_err(|e| e.to_string())?;
        report.close(key, &decay.values(), case.floats(key)?, relative(1e-13));
        // what an optimiser is given differs by no more than the reference's own 1e-15
        let schedule = decay.schedule();
        let values: Vec<f64> = (0..=decay.iterations).map(|i| schedule.at(i)).collect();
        report.close(&format!("{key}, as a schedule"), &values, case.floats(key)?, relative(1e-9));
    }
    Ok(())
}
