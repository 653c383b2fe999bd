//! The rule for stride and padding.

use crate::case::Case;
use crate::report::Report;
use convgru_feedback::{resulting_side, stride_and_padding};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let rows = case.integers("table")?;
    let (mut got, mut want) = (Vec::new(), Vec::new());
    for row in rows.chunks_exact(6) {
        let &[from, to, kernel, stride, padding, side] = row else { return Err("rows of six are wanted".into()) };
        let rule = stride_and_padding(from, to, kernel);
        got.push((rule, rule.and_then(|rule| resulting_side(from, kernel, rule)).unwrap_or(-1)));
        want.push((Some((stride, padding)), side));
    }
    report.exact("table", &got, &want);
    Ok(())
}
