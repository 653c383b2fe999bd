//! The networks of the paper: seven audiovisual areas in several wirings, and chains of four areas for digits.
//!
//! Source: Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953, and the tables published with it. A few of those differ
//! from their fellows in the sizes of PBelt, the kernel of IT or, for mutual feedforward and sounds, in signs; here all
//! networks are built alike.
//!
//! ```
//! use connectome_graph::area::FeedbackEdges;
//! use connectome_graph::area::paper::{PaperGraph, Tasks, Wiring};
//!
//! let graph = PaperGraph { wiring: Wiring::Brainlike, tasks: Tasks::Four, ..PaperGraph::default() }.graph();
//! assert_eq!(graph.names(), ["V1", "V2", "V4", "IT", "A1", "PBelt", "A4", "PFC"]);
//! assert_eq!((graph.inputs(), graph.outputs()), (&[0, 4, 7][..], &[7][..]));
//! assert_eq!(graph.feedback(), FeedbackEdges::Reciprocal);
//! ```

use super::{Area, AreaGraph, AreaTable, FeedbackEdges};

/// The audiovisual areas: four of vision, three of hearing.
const NAMES: [&str; 7] = ["V1", "V2", "V4", "IT", "A1", "PBelt", "A4"];
const V1: usize = 0;
const V4: usize = 2;
const IT: usize = 3;
const A1: usize = 4;
const A4: usize = 6;
const PFC: usize = 7;

/// Feedforward edges by area, in the order of the names.
type Targets = [&'static [&'static str]; 7];

const BRAINLIKE: Targets = [
    &["V2", "V4", "IT", "A1", "PBelt", "A4"],
    &["V4", "IT", "A1", "PBelt", "A4"],
    &["IT", "PBelt", "A4"],
    &["A1", "PBelt", "A4"],
    &["PBelt"],
    &["A4"],
    &[],
];
const MPC: Targets = [
    &["V2", "V4", "IT"],
    &["V4", "IT"],
    &["IT"],
    &[],
    &["V1", "V2", "IT", "PBelt"],
    &["V1", "V2", "V4", "IT", "A4"],
    &["V1", "V2", "V4", "IT"],
];
const RANDOM: Targets = [
    &["V2", "V4"],
    &["A4"],
    &["V2", "IT"],
    &["V1", "V2", "A1", "PBelt"],
    &["V1", "V2", "PBelt"],
    &["V1", "V2", "V4", "A4"],
    &["V1", "V4", "IT"],
];
const RANDOM2: Targets = [
    &["V4", "A1"],
    &["A4"],
    &["V2", "IT", "A4"],
    &["V1", "V2", "A1", "PBelt"],
    &["V2", "PBelt", "A4"],
    &["V1", "V2", "V4", "A4"],
    &["V1", "IT"],
];
const RANDOM3: Targets = [
    &["V4", "A1"],
    &["A4"],
    &["V2", "IT", "A4"],
    &["V1", "V2", "A1", "PBelt", "A4"],
    &["V2", "PBelt", "A4"],
    &["V1", "V2", "V4", "A4"],
    &["V1"],
];

/// Who drives whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wiring {
    /// Vision below hearing, by the thickness of cortical layers; without cycles. The default.
    #[default]
    Brainlike,
    /// Hearing below vision, by multimodal connectivity: the reverse hierarchy; without cycles.
    Mpc,
    /// The first of three random wirings; with cycles.
    Random,
    /// The second.
    Random2,
    /// The third: [`Wiring::Random2`] with an edge from IT to A4 in place of that from A4 to IT.
    Random3,
    /// Everything drives everything, but V4 and A1 are not connected, and A1 does not drive A4.
    BigRnn,
    /// Feedforward up and feedback down within a modality, feedback in both directions between them: signed entries.
    MutualFeedback,
    /// Feedforward up and feedback down within a modality, feedforward in both directions between them: signed entries.
    MutualFeedforward,
}

impl Wiring {
    /// All wirings, in the order of the definition.
    pub const ALL: [Self; 8] = [
        Self::Brainlike,
        Self::Mpc,
        Self::Random,
        Self::Random2,
        Self::Random3,
        Self::BigRnn,
        Self::MutualFeedback,
        Self::MutualFeedforward,
    ];

    /// What negative entries mean: [`FeedbackEdges::Signed`] for the two mutual wirings.
    pub fn feedback(self) -> FeedbackEdges {
        match self {
            Self::MutualFeedback | Self::MutualFeedforward => FeedbackEdges::Signed,
            _ => FeedbackEdges::Reciprocal,
        }
    }

    /// The entry of the edge between two of the seven areas.
    fn entry(self, from: usize, to: usize) -> f64 {
        let listed = |targets: &Targets| f64::from(u8::from(targets[from].contains(&NAMES[to])));
        match self {
            Self::Brainlike => listed(&BRAINLIKE),
            Self::Mpc => listed(&MPC),
            Self::Random => listed(&RANDOM),
            Self::Random2 => listed(&RANDOM2),
            Self::Random3 => listed(&RANDOM3),
            Self::BigRnn => everywhere(from, to, 1.0, 1.0),
            Self::MutualFeedback => everywhere(from, to, -1.0, -1.0),
            Self::MutualFeedforward => everywhere(from, to, -1.0, 1.0),
        }
    }
}

/// Edges between all areas but V4 and A1; A1 does not drive A4. 1 up the hierarchy of a modality, and for the rest:
fn everywhere(from: usize, to: usize, down: f64, across: f64) -> f64 {
    match (from, to) {
        (V4, A1) | (A1, V4) | (A1, A4) => 0.0,
        _ if from == to => 0.0,
        _ if (from < A1) != (to < A1) => across,
        _ if from < to => 1.0,
        _ => down,
    }
}

/// For which tasks the network is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tasks {
    /// Images are read from IT; stimuli of 32 x 32 pixels to V1 and A1. The default.
    #[default]
    Image,
    /// Sounds are read from A4; stimuli of 32 x 32 pixels to V1, of 64 x 64 to A1.
    Audio,
    /// Either, as a third stimulus to an eighth area tells: PFC, of 16 x 16 pixels, gets this cue and the states of IT
    /// and A4, and is read out. Sizes of the other areas as for sounds.
    Four,
}

/// How feedback acts in the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Modulation {
    /// As a gain alone. The default.
    #[default]
    Multiplicative,
    /// As a gain, and added to the candidate state over one apical channel.
    Composite,
    /// As a gain, and added to the gates over ten basal channels.
    Basal,
}

impl Modulation {
    /// An area with ten channels and a square state.
    fn area(self, input_dim: u32, side: u32, kernel: u32) -> Area {
        Area {
            hidden_dim: 10,
            input_dim,
            input_h: side,
            input_w: side,
            kernel_h: kernel,
            kernel_w: kernel,
            basal_topdown_dim: if self == Self::Basal { 10 } else { 0 },
            apical_topdown_dim: if self == Self::Composite { 1 } else { 0 },
        }
    }
}

/// An audiovisual network: the areas V1, V2, V4, IT, A1, PBelt, A4 and, for four tasks, PFC.
///
/// All areas have 10 channels and take 10, but V1 and A1 take 1; kernels are 3 x 3, in IT 1 x 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PaperGraph {
    /// Who drives whom.
    pub wiring: Wiring,
    /// Sizes, inputs and outputs.
    pub tasks: Tasks,
    /// How feedback acts.
    pub modulation: Modulation,
}

impl PaperGraph {
    /// The table of the areas.
    pub fn table(&self) -> AreaTable {
        let sides = match self.tasks {
            Tasks::Image => [32, 16, 8, 4, 32, 16, 16].as_slice(),
            Tasks::Audio => &[32, 16, 8, 4, 64, 32, 16],
            Tasks::Four => &[32, 16, 8, 4, 64, 32, 16, 16],
        };
        let size = |(n, &side)| {
            let input_dim = if n == V1 || n == A1 { 1 } else { 10 };
            self.modulation.area(input_dim, side, if n == IT { 1 } else { 3 })
        };
        let entry = |from: usize, to: usize| match (from, to) {
            (IT | A4, PFC) => 1.0,
            (PFC, _) | (_, PFC) => 0.0,
            (from, to) => self.wiring.entry(from, to),
        };
        table(NAMES.into_iter().chain(["PFC"]), sides.iter().enumerate().map(size).collect(), entry)
    }

    /// The network with the inputs and outputs of its tasks; stimuli in the order V1, A1, PFC.
    pub fn graph(&self) -> AreaGraph {
        let (inputs, output) = match self.tasks {
            Tasks::Image => ([V1, A1].as_slice(), IT),
            Tasks::Audio => (&[V1, A1][..], A4),
            Tasks::Four => (&[V1, A1, PFC][..], PFC),
        };
        AreaGraph::new(&self.table(), inputs, &[output], self.wiring.feedback()).expect("the areas are there")
    }
}

/// Which of four areas in a row drive which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Steps {
    /// Each area the next one.
    One,
    /// Each area the next two. The default.
    #[default]
    Two,
    /// Each area all that follow.
    All,
}

/// Sizes of four areas in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sides {
    /// 28 x 28 pixels in every area. The default.
    #[default]
    Equal,
    /// 32, 16, 8 and 4 pixels a side.
    Halved,
}

/// Four areas A, B, C, D in a row for images of digits: stimuli to A, read from D. All have 10 channels and kernels of
/// 3 x 3; A takes 1 channel, the others 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DigitGraph {
    /// Who drives whom.
    pub steps: Steps,
    /// Sizes.
    pub sides: Sides,
    /// How feedback acts. The top area, which gets none, has no apical channel.
    pub modulation: Modulation,
}

impl DigitGraph {
    /// The table of the areas.
    pub fn table(&self) -> AreaTable {
        let farthest = match self.steps {
            Steps::One => 1,
            Steps::Two => 2,
            Steps::All => 3,
        };
        let area = |n: usize| {
            let side = if self.sides == Sides::Equal { 28 } else { 32 >> n };
            let area = self.modulation.area(if n == 0 { 1 } else { 10 }, side, 3);
            Area { apical_topdown_dim: if n == 3 { 0 } else { area.apical_topdown_dim }, ..area }
        };
        let entry = |from: usize, to: usize| f64::from(u8::from(from < to && to - from <= farthest));
        table(["A", "B", "C", "D"].into_iter(), (0..4).map(area).collect(), entry)
    }

    /// The network, with a feedback edge against each feedforward edge.
    pub fn graph(&self) -> AreaGraph {
        AreaGraph::new(&self.table(), &[0], &[3], FeedbackEdges::Reciprocal).expect("the areas are there")
    }
}

/// A table of as many areas as there are sizes.
fn table(
    names: impl Iterator<Item = &'static str>,
    areas: Vec<Area>,
    entry: impl Fn(usize, usize) -> f64,
) -> AreaTable {
    let n = areas.len();
    let adjacency = (0..n * n).map(|pair| entry(pair / n, pair % n)).collect();
    AreaTable::new(names.take(n).map(str::to_owned).collect(), adjacency, areas).expect("the table is valid")
}
