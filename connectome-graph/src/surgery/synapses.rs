//! Which synapses.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not, Sub};
use std::sync::Arc;

use connectome_io::{Sign, SynapseTable};

use super::network::View;
use super::neurons::{Few, joined, listed, marked, strings, with_values};
use super::{Amount, Network, Neurons};
use crate::Error;

/// A rule that selects synapses of any network, see [`Synapses::select`].
///
/// Rules join by `&` (both), `|` (one of them), `-` (the first, not the second) and `!` (not).
#[derive(Debug, Clone)]
pub struct Synapses(Rule);

/// A synapse as [`Synapses::when`] sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Synapse {
    /// Row of the synapse table, or position among the entries of the matrix.
    pub row: u32,
    /// Presynaptic neuron.
    pub pre: u32,
    /// Postsynaptic neuron.
    pub post: u32,
    /// Weight as stored.
    pub weight: f64,
}

#[derive(Clone)]
struct Predicate(Arc<dyn Fn(Synapse) -> bool + Send + Sync>);

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}

#[derive(Debug, Clone)]
enum Rule {
    All,
    Rows(Vec<u32>),
    From(Neurons),
    Onto(Neurons),
    SelfConnections,
    AtLeast(f64),
    Signed(Sign),
    Kind(Vec<String>),
    Labelled(String, Vec<String>),
    When(Predicate),
    Random(Box<Synapses>, Amount, u64),
    Strongest(Box<Synapses>, Amount),
    And(Box<Synapses>, Box<Synapses>),
    Or(Box<Synapses>, Box<Synapses>),
    Not(Box<Synapses>),
}

impl Synapses {
    /// Every synapse.
    pub fn all() -> Self {
        Self(Rule::All)
    }

    /// Synapses by row of the synapse table, or by position among the entries of a topology.
    pub fn rows(rows: impl IntoIterator<Item = u32>) -> Self {
        Self(Rule::Rows(rows.into_iter().collect()))
    }

    /// Outgoing synapses of neurons.
    pub fn from(neurons: Neurons) -> Self {
        Self(Rule::From(neurons))
    }

    /// Incoming synapses of neurons.
    pub fn onto(neurons: Neurons) -> Self {
        Self(Rule::Onto(neurons))
    }

    /// Synapses of neurons onto themselves.
    pub fn self_connections() -> Self {
        Self(Rule::SelfConnections)
    }

    /// Synapses whose absolute weight is at least `weight`.
    pub fn at_least(weight: f64) -> Self {
        Self(Rule::AtLeast(weight))
    }

    /// Synapses of this sign: that of the synapse table, else of the presynaptic neuron, else of the weight.
    pub fn with_sign(sign: Sign) -> Self {
        Self(Rule::Signed(sign))
    }

    /// Synapses of one of these kinds, such as [`SynapseTable::ELECTRICAL`].
    pub fn of_kind<S: Into<String>>(kinds: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Kind(strings(kinds)))
    }

    /// Synapses with one of these values in a further column, such as the neuropil.
    pub fn with_label<S: Into<String>>(column: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Labelled(column.into(), strings(values)))
    }

    /// Synapses for which `predicate` is true.
    pub fn when(predicate: impl Fn(Synapse) -> bool + Send + Sync + 'static) -> Self {
        Self(Rule::When(Predicate(Arc::new(predicate))))
    }

    /// So many of these synapses by chance (`ChaCha8`), all choices equally likely.
    #[must_use]
    pub fn random(self, amount: Amount, seed: u64) -> Self {
        Self(Rule::Random(Box::new(self), amount, seed))
    }

    /// So many of these synapses with the largest absolute weights; of equal ones those of lower rows.
    #[must_use]
    pub fn strongest(self, amount: Amount) -> Self {
        Self(Rule::Strongest(Box::new(self), amount))
    }

    /// Rows of the selected synapses, ascending.
    ///
    /// # Errors
    /// As [`Neurons::select`]; [`Error::Parameter`] for a weight that is NaN.
    ///
    /// # Panics
    /// If a topology is not square.
    pub fn select(&self, network: &impl Network) -> Result<Vec<u32>, Error> {
        Ok(listed(&self.mask(&network.view())?))
    }

    pub(super) fn mask(&self, view: &View<'_>) -> Result<Vec<bool>, Error> {
        let m = view.pre.len();
        let of_neurons = |ends: &[u32], neurons: &Neurons| -> Result<Vec<bool>, Error> {
            let mask = neurons.mask(view)?;
            Ok(ends.iter().map(|&i| mask[i as usize]).collect())
        };
        Ok(match &self.0 {
            Rule::All => vec![true; m],
            Rule::Rows(rows) => {
                if let Some(position) = rows.iter().position(|&row| row as usize >= m) {
                    let (what, index) = ("row of the selection of synapses", u64::from(rows[position]));
                    return Err(Error::OutOfRange { what, position, index, size: m });
                }
                marked(m, rows)
            }
            Rule::From(neurons) => of_neurons(view.pre, neurons)?,
            Rule::Onto(neurons) => of_neurons(&view.post, neurons)?,
            Rule::SelfConnections => view.pre.iter().zip(&*view.post).map(|(pre, post)| pre == post).collect(),
            Rule::AtLeast(weight) if weight.is_nan() => {
                return Err(Error::Parameter {
                    what: "weight of a selection",
                    value: *weight,
                    wanted: "give a number",
                });
            }
            Rule::AtLeast(weight) => view.weight.iter().map(|w| w.abs() >= *weight).collect(),
            Rule::Signed(sign) => (0..m).map(|e| sign_of(view, e) == *sign).collect(),
            Rule::Kind(kinds) => {
                let labels = table(view).and_then(SynapseTable::kinds).ok_or_else(|| no_column(view, "kinds"))?;
                with_values(labels, "kind of synapse", kinds)?
            }
            Rule::Labelled(column, values) => {
                let missing = || no_column(view, &format!("column {column:?}"));
                with_values(table(view).and_then(|t| t.column(column)).ok_or_else(missing)?, column, values)?
            }
            Rule::When(predicate) => {
                let synapse =
                    |e: usize| Synapse { row: e as u32, pre: view.pre[e], post: view.post[e], weight: view.weight[e] };
                (0..m).map(|e| (predicate.0)(synapse(e))).collect()
            }
            Rule::Random(among, amount, seed) => marked(m, &amount.drawn(&listed(&among.mask(view)?), *seed)?),
            Rule::Strongest(among, amount) => {
                marked(m, &amount.highest(listed(&among.mask(view)?), |row| view.weight[row as usize].abs())?)
            }
            Rule::And(a, b) => joined(a.mask(view)?, &b.mask(view)?, |a, b| a && b),
            Rule::Or(a, b) => joined(a.mask(view)?, &b.mask(view)?, |a, b| a || b),
            Rule::Not(a) => a.mask(view)?.into_iter().map(|a| !a).collect(),
        })
    }
}

fn table<'a>(view: &View<'a>) -> Option<&'a SynapseTable> {
    view.connectome.map(connectome_io::Connectome::synapses)
}

fn sign_of(view: &View<'_>, e: usize) -> Sign {
    let synapses = table(view).and_then(SynapseTable::signs).map(|signs| signs[e]);
    let neurons = || view.connectome.and_then(|c| c.neurons().signs()).map(|signs| signs[view.pre[e] as usize]);
    synapses.or_else(neurons).unwrap_or_else(|| Sign::of(view.weight[e]))
}

/// What is missing, and what there is.
fn no_column(view: &View<'_>, column: &str) -> Error {
    let known = match table(view) {
        None => "weights alone, being a topology: select on its connectome".to_owned(),
        Some(synapses) => {
            let known =
                [("weights", true), ("signs", synapses.signs().is_some()), ("kinds", synapses.kinds().is_some())];
            let known = known.into_iter().filter(|&(_, is)| is).map(|(name, _)| name.to_owned());
            let further = synapses.columns().iter().map(|(name, _)| format!("{name:?}"));
            known.chain(further).collect::<Vec<_>>().join(", ")
        }
    };
    Error::NoColumn { column: format!("synapses with {column}"), known }
}

impl BitAnd for Synapses {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(Rule::And(Box::new(self), Box::new(other)))
    }
}

impl BitOr for Synapses {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(Rule::Or(Box::new(self), Box::new(other)))
    }
}

impl Not for Synapses {
    type Output = Self;
    fn not(self) -> Self {
        Self(Rule::Not(Box::new(self)))
    }
}

impl Sub for Synapses {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self & !other
    }
}

/// A few words for the provenance.
impl fmt::Display for Synapses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::All => write!(f, "all"),
            Rule::Rows(rows) => write!(f, "rows {}", Few(rows)),
            Rule::From(neurons) => write!(f, "from ({neurons})"),
            Rule::Onto(neurons) => write!(f, "onto ({neurons})"),
            Rule::SelfConnections => write!(f, "self connections"),
            Rule::AtLeast(weight) => write!(f, "weight at least {weight}"),
            Rule::Signed(sign) => write!(f, "sign {}", sign.value()),
            Rule::Kind(kinds) => write!(f, "kind {}", Few(kinds)),
            Rule::Labelled(column, values) => write!(f, "{column} {}", Few(values)),
            Rule::When(_) => write!(f, "a predicate"),
            Rule::Random(among, amount, seed) => write!(f, "{amount} of ({among}) at random, seed {seed}"),
            Rule::Strongest(among, amount) => write!(f, "{amount} strongest of ({among})"),
            Rule::And(a, b) => write!(f, "({a}) and ({b})"),
            Rule::Or(a, b) => write!(f, "({a}) or ({b})"),
            Rule::Not(a) => write!(f, "not ({a})"),
        }
    }
}
