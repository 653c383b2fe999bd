//! What somebody should know before trusting a connectome.

use std::collections::HashSet;
use std::fmt;

use connectome_io::{Connectome, Sign};
use serde::Serialize;

use crate::catalog::Counts;
use crate::summary::{Signs, Summary, grouped};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    Note,
    /// Models may go wrong unless it is dealt with.
    Warning,
    /// The data are not what they should be.
    Problem,
}

/// Something about a connectome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// What it is and what to do about it.
    pub text: String,
}

impl Finding {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        };
        write!(f, "{level}: {}", self.text)
    }
}

/// Looks for what models stumble over: isolated neurons, repeated pairs, zero weights, unknown and mixed signs, empty
/// labels; `published` are the counts that it should have.
#[must_use]
pub fn review(connectome: &Connectome, summary: &Summary, published: Option<&Counts>) -> Vec<Finding> {
    let mut findings = published.map_or_else(Vec::new, |counts| compare(summary, counts));
    let mut say = |condition: bool, level, text: String| {
        if condition {
            findings.push(Finding::new(level, text));
        }
    };
    let s = summary;
    say(s.rows == 0, Level::Problem, "there is no connection at all".to_owned());
    say(
        s.rows != s.connections && s.kinds.is_none() && !s.on_lattice,
        Level::Warning,
        format!(
            "{} rows repeat a pair of neurons; matrices sum them: choose `--duplicates sum` to do so when reading",
            grouped(s.rows - s.connections)
        ),
    );
    say(s.isolated > 0, Level::Note, format!("{} neurons have no connection to another one", grouped(s.isolated)));
    say(
        s.weak.count > s.isolated + 1,
        Level::Note,
        format!("the network falls into {} unconnected parts", grouped(s.weak.count)),
    );
    say(s.self_connections > 0, Level::Note, format!("{} neurons connect to themselves", grouped(s.self_connections)));
    say(s.weights.zero > 0, Level::Warning, format!("{} connections have the weight 0", grouped(s.weights.zero)));
    say(!s.weights.whole, Level::Note, "weights are no whole numbers, hence no counts of synapses".to_owned());
    if let Some(Signs { unknown, .. }) = s.connection_signs.filter(|signs| signs.unknown > 0) {
        let text = format!("the sign of {} connections is unknown; rules of weights ask what to do", grouped(unknown));
        say(true, Level::Warning, text);
    }
    if s.connection_signs.is_none() && s.neuron_signs.is_none() {
        let text = "there are no signs: excitation and inhibition have to be chosen by the model";
        say(true, Level::Warning, text.to_owned());
    }
    let mixed = mixed_neurons(connectome);
    let text = format!("{} neurons both excite and inhibit, against Dale's law", grouped(mixed));
    say(mixed > 0, Level::Warning, text);
    for groups in s.groups.iter().filter(|groups| groups.empty > 0) {
        say(true, Level::Note, format!("{} neurons have no {}", grouped(groups.empty), groups.column));
    }
    if let Some(names) = connectome.neurons().names() {
        let repeated = names.len() - names.iter().collect::<HashSet<_>>().len();
        say(repeated > 0, Level::Note, format!("{} names of neurons occur more than once", grouped(repeated)));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

fn compare(summary: &Summary, published: &Counts) -> Vec<Finding> {
    let found = |what| match what {
        "neurons" => summary.neurons as f64,
        "connections" => summary.connections as f64,
        "rows" => summary.rows as f64,
        _ => summary.synapses,
    };
    let finding = |(what, published): (&'static str, usize)| {
        let found = found(what);
        if found == published as f64 {
            Finding::new(Level::Note, format!("{published} {what}, as published"))
        } else {
            Finding::new(Level::Problem, format!("{found} {what}, but {published} are published"))
        }
    };
    published.known().into_iter().map(finding).collect()
}

/// Neurons whose connections are of both signs.
fn mixed_neurons(connectome: &Connectome) -> usize {
    let synapses = connectome.synapses();
    let mut seen = vec![[false; 2]; connectome.n_neurons()];
    for (row, &pre) in synapses.pre().iter().enumerate() {
        let sign = synapses.signs().map_or_else(|| Sign::of(synapses.weight()[row]), |signs| signs[row]);
        match sign {
            Sign::Excitatory => seen[pre as usize][0] = true,
            Sign::Inhibitory => seen[pre as usize][1] = true,
            Sign::Unknown => {}
        }
    }
    seen.iter().filter(|&&both| both == [true, true]).count()
}
