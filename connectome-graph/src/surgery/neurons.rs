//! Which neurons.

use std::collections::HashMap;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not, Sub};

use connectome_io::{Labels, Sign};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Network;
use super::network::View;
use crate::random::distinct;
use crate::{Error, Topology};

/// A rule that selects neurons of any network, see [`Neurons::select`].
///
/// Rules join by `&` (both), `|` (one of them), `-` (the first, not the second) and `!` (not).
#[derive(Debug, Clone, PartialEq)]
pub struct Neurons(Rule);

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    All,
    Rows(Vec<u32>),
    Ids(Vec<i64>),
    Labelled(Column, Vec<String>),
    Signed(Sign),
    Random(Box<Neurons>, Amount, u64),
    Top(Box<Neurons>, Amount, Rank),
    Neighbourhood(Box<Neurons>, u32, Reach),
    Largest(Component),
    And(Box<Neurons>, Box<Neurons>),
    Or(Box<Neurons>, Box<Neurons>),
    Not(Box<Neurons>),
}

#[derive(Debug, Clone, PartialEq)]
enum Column {
    Name,
    Type,
    Class,
    Transmitter,
    Further(String),
}

/// How many of a selection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// So many; all if there are not as many.
    Count(usize),
    /// This fraction, rounded to the nearest number.
    Fraction(f64),
}

/// What makes a neuron rank high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rank {
    /// Number of neurons it receives from.
    InDegree,
    /// Number of neurons it sends to.
    OutDegree,
    /// Sum of both.
    Degree,
    /// Summed absolute weight of its inputs.
    InStrength,
    /// Summed absolute weight of its outputs.
    OutStrength,
    /// Sum of both.
    Strength,
}

/// Along which synapses a neighbourhood extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// From pre to post.
    Downstream,
    /// From post to pre.
    Upstream,
    /// Either way in each step.
    Both,
}

/// What holds a component together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// Paths from each neuron to each other one.
    Strong,
    /// Synapses of any direction.
    Weak,
}

pub(super) fn strings<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}

impl Neurons {
    /// Every neuron.
    pub fn all() -> Self {
        Self(Rule::All)
    }

    /// Neurons by row of the neuron table or of the matrix.
    pub fn rows(rows: impl IntoIterator<Item = u32>) -> Self {
        Self(Rule::Rows(rows.into_iter().collect()))
    }

    /// Neurons by id.
    pub fn ids(ids: impl IntoIterator<Item = i64>) -> Self {
        Self(Rule::Ids(ids.into_iter().collect()))
    }

    /// Neurons with one of these names.
    pub fn named<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Labelled(Column::Name, strings(names)))
    }

    /// Neurons of one of these types.
    pub fn of_type<S: Into<String>>(types: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Labelled(Column::Type, strings(types)))
    }

    /// Neurons of one of these classes.
    pub fn of_class<S: Into<String>>(classes: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Labelled(Column::Class, strings(classes)))
    }

    /// Neurons with one of these transmitters.
    pub fn with_transmitter<S: Into<String>>(transmitters: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Labelled(Column::Transmitter, strings(transmitters)))
    }

    /// Neurons with one of these values in a further column, such as the side or the brain region.
    pub fn with_label<S: Into<String>>(column: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        Self(Rule::Labelled(Column::Further(column.into()), strings(values)))
    }

    /// Neurons of this sign.
    pub fn with_sign(sign: Sign) -> Self {
        Self(Rule::Signed(sign))
    }

    /// The largest component of the whole network; of equally large ones that of the lowest number, see
    /// [`Components::largest`](crate::Components::largest).
    pub fn largest_component(component: Component) -> Self {
        Self(Rule::Largest(component))
    }

    /// So many of these neurons by chance (`ChaCha8`), all choices equally likely.
    #[must_use]
    pub fn random(self, amount: Amount, seed: u64) -> Self {
        Self(Rule::Random(Box::new(self), amount, seed))
    }

    /// So many of these neurons that rank highest in the whole network; of equal ones those of lower rows. Ranks are not
    /// computed anew while neurons are taken away.
    #[must_use]
    pub fn top(self, amount: Amount, by: Rank) -> Self {
        Self(Rule::Top(Box::new(self), amount, by))
    }

    /// These neurons and all that are at most so many synapses away.
    #[must_use]
    pub fn neighbourhood(self, steps: u32, reach: Reach) -> Self {
        Self(Rule::Neighbourhood(Box::new(self), steps, reach))
    }

    /// Rows of the selected neurons, ascending.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a row that does not exist; [`Error::NoEntry`] for an id or value that does not occur;
    /// [`Error::NoColumn`] for a column that the network does not have, as topologies have none; [`Error::Parameter`]
    /// for a fraction outside 0..=1.
    ///
    /// # Panics
    /// If a topology is not square.
    pub fn select(&self, network: &impl Network) -> Result<Vec<u32>, Error> {
        self.rows_of(&network.view())
    }

    pub(super) fn rows_of(&self, view: &View<'_>) -> Result<Vec<u32>, Error> {
        Ok(listed(&self.mask(view)?))
    }

    pub(super) fn mask(&self, view: &View<'_>) -> Result<Vec<bool>, Error> {
        Ok(match &self.0 {
            Rule::All => vec![true; view.n],
            Rule::Rows(rows) => {
                if let Some(position) = rows.iter().position(|&row| row as usize >= view.n) {
                    let (what, index) = ("row of the selection of neurons", u64::from(rows[position]));
                    return Err(Error::OutOfRange { what, position, index, size: view.n });
                }
                marked(view.n, rows)
            }
            Rule::Ids(ids) => with_ids(view, ids)?,
            Rule::Labelled(column, values) => labelled(view, column, values)?,
            Rule::Signed(sign) => {
                let signs =
                    view.connectome.and_then(|c| c.neurons().signs()).ok_or_else(|| no_column(view, "signs"))?;
                signs.iter().map(|s| s == sign).collect()
            }
            Rule::Random(among, amount, seed) => marked(view.n, &amount.drawn(&among.rows_of(view)?, *seed)?),
            Rule::Top(among, amount, by) => {
                let rank = by.of(view.magnitudes()?);
                marked(view.n, &amount.highest(among.rows_of(view)?, |row| rank[row as usize])?)
            }
            Rule::Neighbourhood(from, steps, reach) => {
                neighbourhood(view.magnitudes()?, from.mask(view)?, *steps, *reach)
            }
            Rule::Largest(Component::Strong) => {
                marked(view.n, &view.magnitudes()?.largest_strongly_connected_component())
            }
            Rule::Largest(Component::Weak) => {
                marked(view.n, &view.magnitudes()?.weakly_connected_components().largest())
            }
            Rule::And(a, b) => joined(a.mask(view)?, &b.mask(view)?, |a, b| a && b),
            Rule::Or(a, b) => joined(a.mask(view)?, &b.mask(view)?, |a, b| a || b),
            Rule::Not(a) => a.mask(view)?.into_iter().map(|a| !a).collect(),
        })
    }
}

/// Positions that are true.
pub(super) fn listed(mask: &[bool]) -> Vec<u32> {
    (0u32..).zip(mask).filter(|&(_, &selected)| selected).map(|(row, _)| row).collect()
}

/// True at the given positions.
pub(super) fn marked(n: usize, rows: &[u32]) -> Vec<bool> {
    let mut mask = vec![false; n];
    for &row in rows {
        mask[row as usize] = true;
    }
    mask
}

pub(super) fn joined(mut a: Vec<bool>, b: &[bool], join: impl Fn(bool, bool) -> bool) -> Vec<bool> {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = join(*a, b);
    }
    a
}

impl Amount {
    fn of(self, n: usize) -> Result<usize, Error> {
        match self {
            Self::Count(count) => Ok(count.min(n)),
            Self::Fraction(fraction) if (0.0..=1.0).contains(&fraction) => Ok((fraction * n as f64).round() as usize),
            Self::Fraction(value) => {
                Err(Error::Parameter { what: "fraction of a selection", value, wanted: "it must lie between 0 and 1" })
            }
        }
    }

    pub(super) fn drawn(self, rows: &[u32], seed: u64) -> Result<Vec<u32>, Error> {
        let amount = self.of(rows.len())?;
        let chosen = distinct(rows.len() as u64, amount, &mut ChaCha8Rng::seed_from_u64(seed));
        Ok(chosen.into_iter().map(|at| rows[at as usize]).collect())
    }

    pub(super) fn highest(self, mut rows: Vec<u32>, rank: impl Fn(u32) -> f64) -> Result<Vec<u32>, Error> {
        let amount = self.of(rows.len())?;
        rows.sort_by(|&a, &b| rank(b).total_cmp(&rank(a)));
        rows.truncate(amount);
        Ok(rows)
    }
}

impl Rank {
    fn of(self, magnitudes: &Topology) -> Vec<f64> {
        let count = |degree: Vec<u32>| -> Vec<f64> { degree.into_iter().map(f64::from).collect() };
        let sum = |a: Vec<f64>, b: Vec<f64>| a.into_iter().zip(b).map(|(a, b)| a + b).collect();
        match self {
            Self::InDegree => count(magnitudes.in_degree()),
            Self::OutDegree => count(magnitudes.out_degree()),
            Self::Degree => sum(count(magnitudes.in_degree()), count(magnitudes.out_degree())),
            Self::InStrength => magnitudes.in_strength(),
            Self::OutStrength => magnitudes.out_strength(),
            Self::Strength => sum(magnitudes.in_strength(), magnitudes.out_strength()),
        }
    }
}

fn neighbourhood(wiring: &Topology, mut reached: Vec<bool>, steps: u32, reach: Reach) -> Vec<bool> {
    let targets = (reach != Reach::Upstream).then(|| wiring.transpose());
    let sources = (reach != Reach::Downstream).then_some(wiring);
    let mut front = listed(&reached);
    for _ in 0..steps {
        let mut next = Vec::new();
        for &neuron in &front {
            for partners in [targets.as_ref(), sources].into_iter().flatten() {
                for &partner in partners.row(neuron as usize).0 {
                    if !std::mem::replace(&mut reached[partner as usize], true) {
                        next.push(partner);
                    }
                }
            }
        }
        if next.is_empty() {
            break;
        }
        front = next;
    }
    reached
}

fn with_ids(view: &View<'_>, ids: &[i64]) -> Result<Vec<bool>, Error> {
    let connectome = view.connectome.ok_or_else(|| no_column(view, "ids"))?;
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = vec![false; wanted.len()];
    let mask = connectome
        .neurons()
        .ids()
        .iter()
        .map(|id| {
            let at = wanted.binary_search(id);
            if let Ok(at) = at {
                found[at] = true;
            }
            at.is_ok()
        })
        .collect();
    match found.iter().position(|&found| !found) {
        Some(at) => Err(Error::NoEntry { column: "neuron with the id".to_owned(), value: wanted[at].to_string() }),
        None => Ok(mask),
    }
}

impl Column {
    fn name(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Type => "type",
            Self::Class => "class",
            Self::Transmitter => "transmitter",
            Self::Further(name) => name,
        }
    }
}

fn labelled(view: &View<'_>, column: &Column, values: &[String]) -> Result<Vec<bool>, Error> {
    let missing = || match column {
        Column::Further(name) => no_column(view, &format!("column {name:?}")),
        column => no_column(view, column.name()),
    };
    let neurons = view.connectome.ok_or_else(missing)?.neurons();
    let labels = match column {
        Column::Name => {
            let names = neurons.names().ok_or_else(missing)?;
            return with_values(&Labels::from_values(names), column.name(), values);
        }
        Column::Type => neurons.types(),
        Column::Class => neurons.classes(),
        Column::Transmitter => neurons.transmitters(),
        Column::Further(name) => neurons.column(name),
    };
    with_values(labels.ok_or_else(missing)?, column.name(), values)
}

/// Rows whose label is one of `values`.
pub(super) fn with_values(labels: &Labels, column: &str, values: &[String]) -> Result<Vec<bool>, Error> {
    let code_of: HashMap<&str, usize> = labels.names().iter().map(String::as_str).zip(0..).collect();
    let mut wanted = vec![false; labels.n_names()];
    for value in values {
        let missing = || Error::NoEntry { column: column.to_owned(), value: format!("{value:?}") };
        wanted[*code_of.get(value.as_str()).ok_or_else(missing)?] = true;
    }
    Ok(labels.codes().iter().map(|&code| wanted[code as usize]).collect())
}

/// What is missing, and what there is.
fn no_column(view: &View<'_>, column: &str) -> Error {
    let known = match view.connectome {
        None => "no names at all, being a topology: select on its connectome and pass rows".to_owned(),
        Some(connectome) => {
            let neurons = connectome.neurons();
            let known = [
                ("ids", true),
                ("names", neurons.names().is_some()),
                ("types", neurons.types().is_some()),
                ("classes", neurons.classes().is_some()),
                ("transmitters", neurons.transmitters().is_some()),
                ("signs", neurons.signs().is_some()),
            ];
            let known = known.into_iter().filter(|&(_, is)| is).map(|(name, _)| name.to_owned());
            let further = neurons.columns().iter().map(|(name, _)| format!("{name:?}"));
            known.chain(further).collect::<Vec<_>>().join(", ")
        }
    };
    Error::NoColumn { column: format!("neurons with {column}"), known }
}

impl BitAnd for Neurons {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(Rule::And(Box::new(self), Box::new(other)))
    }
}

impl BitOr for Neurons {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(Rule::Or(Box::new(self), Box::new(other)))
    }
}

impl Not for Neurons {
    type Output = Self;
    fn not(self) -> Self {
        Self(Rule::Not(Box::new(self)))
    }
}

impl Sub for Neurons {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self & !other
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Fraction(fraction) => write!(f, "{} %", 100.0 * fraction),
        }
    }
}

/// Up to four values, and how many more there are.
pub(super) struct Few<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Few<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, value) in self.0.iter().take(4).enumerate() {
            write!(f, "{}{value}", if k == 0 { "" } else { ", " })?;
        }
        if self.0.len() > 4 { write!(f, " and {} more", self.0.len() - 4) } else { Ok(()) }
    }
}

/// A few words for the provenance.
impl fmt::Display for Neurons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::All => write!(f, "all"),
            Rule::Rows(rows) => write!(f, "rows {}", Few(rows)),
            Rule::Ids(ids) => write!(f, "ids {}", Few(ids)),
            Rule::Labelled(column, values) => write!(f, "{} {}", column.name(), Few(values)),
            Rule::Signed(sign) => write!(f, "sign {}", sign.value()),
            Rule::Random(among, amount, seed) => write!(f, "{amount} of ({among}) at random, seed {seed}"),
            Rule::Top(among, amount, by) => write!(f, "{amount} of ({among}) highest in {by:?}"),
            Rule::Neighbourhood(from, steps, reach) => write!(f, "({from}) and {steps} steps {reach:?}"),
            Rule::Largest(component) => write!(f, "largest component ({component:?})"),
            Rule::And(a, b) => write!(f, "({a}) and ({b})"),
            Rule::Or(a, b) => write!(f, "({a}) or ({b})"),
            Rule::Not(a) => write!(f, "not ({a})"),
        }
    }
}
