//! Cells and edges of an expanded connectome.

use std::ops::Range;

use connectome_io::{Connectome, Labels, NeuronTable, Placement, Positions, Provenance, Sign, SynapseTable};

use super::sublattice::Sublattice;
use super::{Axial, Lattice, PlotLayout};
use crate::{Duplicates, Error, Topology, WeightRule};

/// Part that a cell type plays in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Receives the stimulus.
    Input = 0,
    /// Neither input nor output.
    Intermediate = 1,
    /// Is read out.
    Output = 2,
}

impl Role {
    /// Name in tables: "input", "intermediate", "output".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Intermediate => "intermediate",
            Self::Output => "output",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Input, Self::Intermediate, Self::Output].into_iter().find(|role| role.name() == name)
    }
}

/// A cell type and its cells.
#[derive(Debug, Clone)]
pub struct CellType {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) placement: Placement,
    pub(super) first: u32,
    pub(super) sublattice: Sublattice,
}

impl CellType {
    /// Name of the type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Part in the network.
    pub fn role(&self) -> Role {
        self.role
    }

    /// At which columns the cells stand.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Ids of the cells, in order of their columns.
    pub fn cells(&self) -> Range<u32> {
        self.first..self.first + self.sublattice.len() as u32
    }

    /// Id of the cell at a column, if there is one.
    pub fn cell_at(&self, column: Axial) -> Option<u32> {
        self.sublattice.rank(column).map(|rank| self.first + rank as u32)
    }

    /// Columns of the cells, in order of their ids.
    pub fn columns(&self) -> impl Iterator<Item = Axial> + '_ {
        self.sublattice.columns()
    }
}

/// One displacement of one pair of cell types. All its edges have the same sign, synapse number and certainty.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Offset {
    /// Pair of types: its number in the list of pairs of the connectome.
    pub pair: u32,
    /// Presynaptic cell type.
    pub source_type: u32,
    /// Postsynaptic cell type.
    pub target_type: u32,
    /// Column of the target minus column of the source.
    pub displacement: Axial,
    /// Effect of the synapses.
    pub sign: Sign,
    /// Number of synapses of each edge.
    pub n_syn: f32,
    /// Certainty of that number.
    pub certainty: f32,
    /// Whether the displacement was not measured but filled in.
    pub filled: bool,
    /// Positions of its edges in the list of edges; empty if no target stands where the displacement leads.
    pub edges: Range<usize>,
    /// Number of the [`PairGroup`], if there are edges.
    pub pair_group: Option<u32>,
    /// Number of the [`OffsetGroup`], if there are edges.
    pub offset_group: Option<u32>,
}

/// Pair of cell types that has edges. Numbered by first appearance in the list of edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairGroup {
    /// Presynaptic cell type.
    pub source_type: u32,
    /// Postsynaptic cell type.
    pub target_type: u32,
    /// Sign of the first edge.
    pub sign: Sign,
    /// Number of edges.
    pub n_edges: usize,
}

/// Pair of cell types and displacement that has edges: the edges that share one synapse number.
/// Numbered by first appearance in the list of edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffsetGroup {
    /// Number of the pair group.
    pub pair_group: u32,
    /// Presynaptic cell type.
    pub source_type: u32,
    /// Postsynaptic cell type.
    pub target_type: u32,
    /// Column of the target minus column of the source.
    pub displacement: Axial,
    /// Number of edges.
    pub n_edges: usize,
}

/// A network of single cells on a hexagonal lattice.
///
/// Cells are ordered by type, then column; edges by pair of types, displacement (listed ones first, then filled ones),
/// then source cell. What edges of one displacement share is stored once, in [`HexNetwork::offsets`].
#[derive(Debug, Clone)]
pub struct HexNetwork {
    pub(super) lattice: Lattice,
    pub(super) types: Vec<CellType>,
    pub(super) offsets: Vec<Offset>,
    pub(super) pair_groups: Vec<PairGroup>,
    pub(super) offset_groups: Vec<OffsetGroup>,
    pub(super) source: Vec<u32>,
    pub(super) target: Vec<u32>,
    pub(super) provenance: Provenance,
}

impl HexNetwork {
    /// The lattice.
    pub fn lattice(&self) -> Lattice {
        self.lattice
    }

    /// Cell types in the order of the connectome.
    pub fn types(&self) -> &[CellType] {
        &self.types
    }

    /// Number of the type with this name.
    pub fn type_index(&self, name: &str) -> Option<u32> {
        self.types.iter().position(|t| t.name == name).map(|i| i as u32)
    }

    /// Ids of the cells of the type with this name.
    pub fn layer(&self, name: &str) -> Option<Range<u32>> {
        self.type_index(name).map(|i| self.types[i as usize].cells())
    }

    /// Number of cells.
    pub fn n_nodes(&self) -> usize {
        self.types.last().map_or(0, |t| t.cells().end as usize)
    }

    /// Number of edges.
    pub fn n_edges(&self) -> usize {
        self.source.len()
    }

    /// Cell type of each cell, `[n_nodes]`.
    pub fn node_types(&self) -> Vec<u32> {
        self.per_node(|index, t| std::iter::repeat_n(index as u32, t.cells().len()))
    }

    /// Role of each cell, `[n_nodes]`.
    pub fn node_roles(&self) -> Vec<Role> {
        self.per_node(|_, t| std::iter::repeat_n(t.role, t.cells().len()))
    }

    /// Column of each cell, `[n_nodes]`.
    pub fn node_columns(&self) -> Vec<Axial> {
        self.per_node(|_, t| t.columns())
    }

    /// Id of the cell in the central column for each type.
    pub fn central_cells(&self) -> Vec<u32> {
        self.types.iter().filter_map(|t| t.cell_at(Axial::ORIGIN)).collect()
    }

    /// Presynaptic cell of each edge, `[n_edges]`.
    pub fn source(&self) -> &[u32] {
        &self.source
    }

    /// Postsynaptic cell of each edge, `[n_edges]`.
    pub fn target(&self) -> &[u32] {
        &self.target
    }

    /// Displacements in order of their edges, those without edges included.
    pub fn offsets(&self) -> &[Offset] {
        &self.offsets
    }

    /// A property of the displacements, written out per edge, `[n_edges]`.
    ///
    /// `network.per_edge(|offset| offset.n_syn)` gives the synapse numbers.
    pub fn per_edge<T: Clone>(&self, property: impl Fn(&Offset) -> T) -> Vec<T> {
        let mut values = Vec::with_capacity(self.n_edges());
        for offset in &self.offsets {
            values.resize(offset.edges.end, property(offset));
        }
        values
    }

    /// Number of the pair group of each edge, `[n_edges]`.
    pub fn edge_pair_groups(&self) -> Vec<u32> {
        self.per_edge(|offset| offset.pair_group.unwrap_or(u32::MAX))
    }

    /// Number of the offset group of each edge, `[n_edges]`.
    pub fn edge_offset_groups(&self) -> Vec<u32> {
        self.per_edge(|offset| offset.offset_group.unwrap_or(u32::MAX))
    }

    /// Pairs of types that have edges: the groups that share sign and strength.
    pub fn pair_groups(&self) -> &[PairGroup] {
        &self.pair_groups
    }

    /// Pairs of types and displacements that have edges: the groups that share a synapse number.
    pub fn offset_groups(&self) -> &[OffsetGroup] {
        &self.offset_groups
    }

    /// Number of edges onto each cell, `[n_nodes]`.
    pub fn in_degree(&self) -> Vec<u32> {
        self.count(&self.target)
    }

    /// Number of edges from each cell, `[n_nodes]`.
    pub fn out_degree(&self) -> Vec<u32> {
        self.count(&self.source)
    }

    /// Topology `[n_nodes, n_nodes]` whose weights are synapse numbers, signed or not by `rule`.
    ///
    /// # Errors
    /// [`Error::NoSigns`] for [`WeightRule::PresynapticSign`], since signs belong to pairs of types here;
    /// [`Error::UnknownSigns`] if asked for.
    pub fn topology(&self, rule: WeightRule) -> Result<Topology, Error> {
        Topology::from_connectome(&self.to_connectome()?, rule, Duplicates::Sum)
    }

    /// Topology `[n_nodes, n_nodes]` with the given weight per edge, `[n_edges]`; edges between the same cells add up.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::NotFinite`].
    pub fn topology_with(&self, weights: &[f64]) -> Result<Topology, Error> {
        let n = self.n_nodes();
        Topology::from_edges(n, n, &self.target, &self.source, weights, Duplicates::Sum)
    }

    /// The network as a connectome of single cells: ids count from 0, types and roles (as classes) are kept, positions
    /// are those of [`PlotLayout::Default`] in sides of a hexagon, weights are synapse numbers.
    ///
    /// # Errors
    /// [`Error::Table`] if the data layer refuses the tables, for example because two types have one name.
    pub fn to_connectome(&self) -> Result<Connectome, Error> {
        let names = self.types.iter().map(|t| t.name.clone()).collect();
        let mut roles: Vec<Role> = Vec::new();
        for t in &self.types {
            if !roles.contains(&t.role) {
                roles.push(t.role);
            }
        }
        let role_code = |role: &Role| roles.iter().position(|r| r == role).map_or(0, |code| code as u32);
        let classes = Labels::new(
            roles.iter().map(|role| role.name().to_owned()).collect(),
            self.node_roles().iter().map(role_code).collect(),
        )?;
        let points = self.per_node(|_, t| {
            t.columns().map(|column| {
                let [x, y] = column.plot(PlotLayout::Default);
                Some([x, y, 0.0])
            })
        });
        let neurons = NeuronTable::new((0..self.n_nodes() as i64).collect())?
            .with_types(Labels::new(names, self.node_types())?)?
            .with_classes(classes)?
            .with_positions(Positions::new(points, "side of a hexagonal column")?)?;
        let n_syn = self.per_edge(|offset| f64::from(offset.n_syn));
        let synapses = SynapseTable::new(self.source.clone(), self.target.clone(), n_syn)?
            .with_signs(self.per_edge(|offset| offset.sign))?;
        Ok(Connectome::new(neurons, synapses, self.provenance.clone())?)
    }

    fn per_node<'a, T, I: Iterator<Item = T> + 'a>(&'a self, values: impl Fn(usize, &'a CellType) -> I) -> Vec<T> {
        let mut all = Vec::with_capacity(self.n_nodes());
        for (index, t) in self.types.iter().enumerate() {
            all.extend(values(index, t));
        }
        all
    }

    fn count(&self, ends: &[u32]) -> Vec<u32> {
        let mut degree = vec![0; self.n_nodes()];
        for &i in ends {
            degree[i as usize] += 1;
        }
        degree
    }
}
