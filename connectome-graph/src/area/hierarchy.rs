//! Tables of areas from measured connectomes and a hierarchy.
//!
//! Each area has a score, low where stimuli arrive. Connections that climb the hierarchy are feedforward, those that
//! descend are feedback; sizes follow from the place in the hierarchy. Scores of this kind: Harris et al. 2019, *Nature*
//! 575, 195 (mouse); Markov et al. 2014, *J. Comp. Neurol.* 522, 225 (macaque).

use std::cmp::Ordering;

use connectome_io::{Connectome, Labels, SynapseTable};

use super::{Area, AreaTable};
use crate::Error;
use crate::aggregate::Aggregate;

/// Most areas of a table, which is dense.
const MOST_AREAS: usize = 4096;

/// Makes a table of areas from their connections and scores; areas come out in ascending order of score, equal ones in
/// the order in which they were.
///
/// ```
/// use connectome_graph::area::FromHierarchy;
/// use connectome_io::{Connectome, NeuronTable, Orientation, Provenance, SynapseTable};
///
/// // V4 -> V1 -> V2 -> V4 -> V2
/// let neurons = NeuronTable::numbered(3).with_names(["V4", "V1", "V2"].map(String::from).to_vec())?;
/// let synapses = SynapseTable::new(vec![0, 1, 2, 0], vec![1, 2, 0, 2], vec![3.0, 9.0, 8.0, 4.0])?;
/// let areas = Connectome::new(neurons, synapses, Provenance::new("example", Orientation::EdgeList))?;
///
/// let table = FromHierarchy::default().table(&areas, &[0.7, -0.4, 0.1])?;
/// assert_eq!(table.names(), ["V1", "V2", "V4"]);
/// assert_eq!(table.adjacency(), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, -1.0, -1.0, 0.0]);
/// assert_eq!(table.areas().iter().map(|area| area.input_h).collect::<Vec<_>>(), [32, 16, 8]);
/// # Ok::<(), connectome_graph::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FromHierarchy {
    /// What makes a connection feedforward or feedback. Default [`Directions::Scores`].
    pub directions: Directions,
    /// How feedback stands in the table. Default [`FeedbackEntries::Negative`].
    pub feedback: FeedbackEntries,
    /// Sizes of the areas.
    pub sizes: Sizes,
}

/// What makes a connection feedforward or feedback.
///
/// A column of the synapse table says `feedforward` or `feedback`; other values stand for neither. Where several rows
/// join the same areas, the direction with the larger sum of absolute weights holds, neither if they are equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Directions {
    /// To a higher score is feedforward, to a lower one feedback; connections between equal scores are left out.
    #[default]
    Scores,
    /// What the column of this name says.
    Column(String),
    /// What the column of this name says, as far as the scores agree.
    Both(String),
}

/// How feedback stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedbackEntries {
    /// As -1, which [`FeedbackEdges::Signed`](super::FeedbackEdges::Signed) understands.
    #[default]
    Negative,
    /// Not at all: for [`FeedbackEdges::Reciprocal`](super::FeedbackEdges::Reciprocal).
    Omitted,
}

/// Sizes of areas by their stage of the hierarchy: of n areas, that with rank r (from 0) is at stage
/// `floor(r * stages / n)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Number of stages. Default 3.
    pub stages: u32,
    /// Height and width in pixels at the lowest stage; each further stage halves them, rounded down to at least 1.
    /// Default 32 x 32.
    pub lowest: [u32; 2],
    /// Channels of the state by stage; the last number holds for all further stages. Default 8, then 16.
    pub hidden_dim: Vec<u32>,
    /// Channels of the bottom-up input by stage, likewise. Default 1, then 16.
    pub input_dim: Vec<u32>,
    /// Height and width of the kernels, odd. Default 3 x 3.
    pub kernel: [u32; 2],
    /// Channels of feedback into the gates. Default 0.
    pub basal_topdown_dim: u32,
    /// Channels of feedback into the candidate state. Default 0.
    pub apical_topdown_dim: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            stages: 3,
            lowest: [32, 32],
            hidden_dim: vec![8, 16],
            input_dim: vec![1, 16],
            kernel: [3, 3],
            basal_topdown_dim: 0,
            apical_topdown_dim: 0,
        }
    }
}

impl FromHierarchy {
    /// The table of a connectome whose neurons are areas; `scores`: `[n_areas]`. Areas are called by their names, or
    /// else by their ids. Select areas and kinds of connections with [`crate::surgery`] before.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Error::NoEntry`] for a score that is not finite or a column that names no direction;
    /// [`Error::NoColumn`]; [`Error::Parameter`] for too many areas; [`Error::Table`] for no areas and for sizes that
    /// are not allowed.
    pub fn table(&self, connectome: &Connectome, scores: &[f64]) -> Result<AreaTable, Error> {
        let (neurons, synapses) = (connectome.neurons(), connectome.synapses());
        let numbers = || neurons.ids().iter().map(i64::to_string).collect();
        let names = neurons.names().map_or_else(numbers, <[String]>::to_vec);
        let ends = synapses.post().iter().zip(synapses.pre());
        let edges = ends.zip(synapses.weight()).map(|((&post, &pre), &weight)| (post, pre, weight));
        match &self.directions {
            Directions::Scores => self.build(&names, scores, edges.map(|edge| (edge, None))),
            Directions::Column(column) | Directions::Both(column) => {
                let said = directions(synapses, column)?;
                self.build(&names, scores, edges.zip(said.into_iter().map(Some)))
            }
        }
    }

    /// The table of the groups of a connectome: types, regions or any other grouping, see [`crate::aggregate()`];
    /// `scores`: `[groups]`.
    ///
    /// # Errors
    /// As for [`FromHierarchy::table`]; [`Error::Length`] unless rows and columns are the same groups,
    /// [`Error::NoColumn`] for other directions than [`Directions::Scores`], since groups have no such column.
    pub fn table_of_groups(&self, groups: &Aggregate, scores: &[f64]) -> Result<AreaTable, Error> {
        if let Directions::Column(column) | Directions::Both(column) = &self.directions {
            let known = "weights alone, being summed over groups: use Directions::Scores".to_owned();
            return Err(Error::NoColumn { column: format!("synapses with column {column:?}"), known });
        }
        let same = groups.post_names.iter().zip(&groups.pre_names).take_while(|(post, pre)| post == pre).count();
        let expected = groups.post_names.len().max(groups.pre_names.len());
        if same != expected {
            return Err(Error::Length {
                what: "the list of groups that are both rows and columns",
                expected,
                got: same,
            });
        }
        self.build(&groups.post_names, scores, groups.matrix.iter().map(|edge| (edge, None)))
    }

    /// `edges`: postsynaptic area, presynaptic area and weight, and what a column says of them.
    fn build(
        &self,
        names: &[String],
        scores: &[f64],
        edges: impl Iterator<Item = ((u32, u32, f64), Option<Ordering>)>,
    ) -> Result<AreaTable, Error> {
        let n = names.len();
        if scores.len() != n {
            return Err(Error::Length { what: "the list of scores", expected: n, got: scores.len() });
        }
        if n > MOST_AREAS {
            let wanted = "a table is dense and holds at most 4096; sum neurons over areas first (aggregate)";
            return Err(Error::Parameter { what: "the number of areas", value: n as f64, wanted });
        }
        if let Some(area) = scores.iter().position(|score| !score.is_finite()) {
            return Err(no_score(&names[area]));
        }
        let rank = |a: usize, b: usize| scores[a].partial_cmp(&scores[b]).expect("scores are finite");
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| rank(a, b));
        let mut place = vec![0; n];
        order.iter().enumerate().for_each(|(rank, &area)| place[area] = rank);
        let mut adjacency = vec![0.0; n * n];
        for ((post, pre, weight), said) in edges {
            let (post, pre) = (post as usize, pre as usize);
            let climbs = rank(post, pre);
            let direction = match (said, &self.directions) {
                (None, _) => climbs,
                (Some(said), Directions::Both(_)) if said != climbs => Ordering::Equal,
                (Some(said), _) => said,
            };
            adjacency[place[pre] * n + place[post]] += weight.abs() * f64::from(direction as i8);
        }
        let sign = |entry: f64| match self.feedback {
            _ if entry > 0.0 => 1.0,
            FeedbackEntries::Negative if entry < 0.0 => -1.0,
            _ => 0.0,
        };
        let adjacency = adjacency.into_iter().map(sign).collect();
        let names = order.into_iter().map(|area| names[area].clone()).collect();
        Ok(AreaTable::new(names, adjacency, self.sizes.areas(n)?)?)
    }
}

impl Sizes {
    /// The sizes of `n` areas, lowest first.
    ///
    /// # Errors
    /// [`Error::Parameter`] without stages, [`Error::Length`] without channels.
    pub fn areas(&self, n: usize) -> Result<Vec<Area>, Error> {
        if self.stages == 0 {
            return Err(Error::Parameter { what: "stages", value: 0.0, wanted: "areas have at least one stage" });
        }
        for (what, list) in [("hidden_dim by stage", &self.hidden_dim), ("input_dim by stage", &self.input_dim)] {
            if list.is_empty() {
                return Err(Error::Length { what, expected: self.stages as usize, got: 0 });
            }
        }
        let area = |rank: usize| {
            let stage = (rank as u64 * u64::from(self.stages) / n as u64) as usize;
            let side = |lowest: u32| lowest.checked_shr(stage as u32).unwrap_or(0).max(lowest.min(1));
            let channels = |list: &[u32]| list[stage.min(list.len() - 1)];
            Area {
                hidden_dim: channels(&self.hidden_dim),
                input_dim: channels(&self.input_dim),
                input_h: side(self.lowest[0]),
                input_w: side(self.lowest[1]),
                kernel_h: self.kernel[0],
                kernel_w: self.kernel[1],
                basal_topdown_dim: self.basal_topdown_dim,
                apical_topdown_dim: self.apical_topdown_dim,
            }
        };
        Ok((0..n).map(area).collect())
    }
}

/// Scores of the neurons of a connectome from a column of numbers of its neuron table.
///
/// # Errors
/// [`Error::NoColumn`]; [`Error::NoEntry`] for a neuron whose cell is empty or no finite number.
pub fn scores(connectome: &Connectome, column: &str) -> Result<Vec<f64>, Error> {
    let neurons = connectome.neurons();
    let labels = neurons.column(column).ok_or_else(|| no_column("neurons", column, neurons.columns()))?;
    let score = |(row, text): (usize, &str)| match text.trim().parse::<f64>() {
        Ok(score) if score.is_finite() => Ok(score),
        _ => Err(no_score(&neurons.names().map_or_else(|| neurons.ids()[row].to_string(), |names| names[row].clone()))),
    };
    labels.iter().enumerate().map(score).collect()
}

/// What a column says of each synapse.
fn directions(synapses: &SynapseTable, column: &str) -> Result<Vec<Ordering>, Error> {
    let labels = synapses.column(column).ok_or_else(|| no_column("synapses", column, synapses.columns()))?;
    let named = |name: &String| match name.as_str() {
        "feedforward" => Ordering::Greater,
        "feedback" => Ordering::Less,
        _ => Ordering::Equal,
    };
    let said: Vec<Ordering> = labels.names().iter().map(named).collect();
    if said.iter().all(|direction| direction.is_eq()) {
        let value = "\"feedforward\" or \"feedback\"".to_owned();
        return Err(Error::NoEntry { column: column.to_owned(), value });
    }
    Ok(labels.codes().iter().map(|&code| said[code as usize]).collect())
}

fn no_column(of: &str, column: &str, columns: &[(String, Labels)]) -> Error {
    let known: Vec<String> = columns.iter().map(|(name, _)| format!("{name:?}")).collect();
    let known = if known.is_empty() { "no further columns".to_owned() } else { known.join(", ") };
    Error::NoColumn { column: format!("{of} with column {column:?}"), known }
}

fn no_score(area: &str) -> Error {
    Error::NoEntry { column: "finite score of the area".to_owned(), value: format!("{area:?}") }
}
