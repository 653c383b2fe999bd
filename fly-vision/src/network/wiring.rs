//! Cells, edges, and which of them share parameters.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use connectome_graph::hex::{Axial, HexNetwork, Lattice, Role};
use connectome_io::{Connectome, Sign};

use crate::Error;

/// A cell type.
#[derive(Debug, Clone, PartialEq)]
pub struct CellType {
    /// Its name.
    pub name: String,
    /// Its part in the network; that of its first cell, where cells of a type differ.
    pub role: Role,
}

/// Edges from one cell type to another: they share sign and strength.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypePair {
    /// Presynaptic type.
    pub source: u32,
    /// Postsynaptic type.
    pub target: u32,
    /// Effect of the synapses, -1, 0 or 1.
    pub sign: i8,
    /// Mean number of synapses of an edge, over all edges of the pair.
    pub mean_n_syn: f32,
}

/// Edges that share a number of synapses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EdgeGroup {
    /// Number of the pair of types.
    pub pair: u32,
    /// Column of the target minus column of the source; the origin where there are no columns.
    pub displacement: Axial,
    /// Mean number of synapses of an edge.
    pub mean_n_syn: f32,
}

/// Which columns the cells of a type stand at, on a lattice.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) cells: Range<u32>,
    pub(super) columns: Vec<Axial>,
}

/// The lattice that a network repeats on.
#[derive(Debug, Clone)]
pub(super) struct OnLattice {
    pub(super) lattice: Lattice,
    pub(super) layers: Vec<Layer>,
}

/// What a network is built on: cells with their types, edges with the groups that share parameters, and where light comes in.
///
/// Of the fly's eye by [`Wiring::from_hex`]: synapse numbers are shared by all edges of a pair of types with the same displacement, signs
/// and strengths by all edges of a pair. Of any connectome whose neurons have types by [`Wiring::from_connectome`]: each edge has the
/// synapse number that was measured.
#[derive(Debug, Clone)]
pub struct Wiring {
    pub(super) types: Vec<CellType>,
    pub(super) cell_type: Vec<u32>,
    pub(super) pairs: Vec<TypePair>,
    pub(super) groups: Vec<EdgeGroup>,
    pub(super) source: Vec<u32>,
    pub(super) target: Vec<u32>,
    pub(super) group: Vec<u32>,
    /// Cells that take light, and the column that it comes from.
    pub(super) inputs: Vec<(u32, u32)>,
    /// Cells that are read out, ascending.
    pub(super) outputs: Vec<u32>,
    pub(super) n_columns: usize,
    pub(super) on_lattice: Option<Arc<OnLattice>>,
}

impl Wiring {
    /// Of a connectome of cell types expanded to a lattice. Light of column `c` reaches the cells of all input types there.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no edges or no input types, or a number of synapses is not positive.
    pub fn from_hex(network: &HexNetwork) -> Result<Self, Error> {
        let types = network.types().iter().map(|t| CellType { name: t.name().to_owned(), role: t.role() }).collect();
        let group = network.edge_offset_groups();
        let n_syn = network.per_edge(|offset| offset.n_syn);
        if let Some(edge) = not_positive(&n_syn) {
            let g = &network.offset_groups()[group[edge] as usize];
            let pair = &network.pair_groups()[g.pair_group as usize];
            let [source, target] = [pair.source_type, pair.target_type].map(|t| network.types()[t as usize].name());
            let (u, v) = (g.displacement.u, g.displacement.v);
            let what = format!("the synapse number {} from {source} to {target} at ({u}, {v})", n_syn[edge]);
            return Err(Error::setting("wiring", what + " is not positive; leave out offsets without synapses"));
        }
        let mut groups = Vec::with_capacity(network.offset_groups().len());
        let means = Means::of(network.offset_groups().len(), &group, &n_syn);
        for (g, mean_n_syn) in network.offset_groups().iter().zip(means) {
            groups.push(EdgeGroup { pair: g.pair_group, displacement: g.displacement, mean_n_syn });
        }
        let means = Means::of(network.pair_groups().len(), &network.edge_pair_groups(), &n_syn);
        let pair = |(g, mean_n_syn): (&connectome_graph::hex::PairGroup, f32)| TypePair {
            source: g.source_type,
            target: g.target_type,
            sign: g.sign.value(),
            mean_n_syn,
        };
        let pairs = network.pair_groups().iter().zip(means).map(pair).collect();
        let lattice = network.lattice();
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut layers = Vec::new();
        for t in network.types() {
            if t.role() == Role::Output {
                outputs.extend(t.cells());
            }
            if t.role() == Role::Input {
                inputs.extend(t.cells().zip(t.columns().filter_map(|c| lattice.index(c))));
            }
            layers.push(Layer { cells: t.cells(), columns: t.columns().collect() });
        }
        Self {
            types,
            cell_type: network.node_types(),
            pairs,
            groups,
            source: network.source().to_vec(),
            target: network.target().to_vec(),
            group,
            inputs,
            outputs,
            n_columns: lattice.len(),
            on_lattice: Some(Arc::new(OnLattice { lattice, layers })),
        }
        .checked()
    }

    /// Of neurons and their synapses. Neurons need types; the class "input" names those that take light, a column each in the order of the
    /// table; the class "output" those that are read out. Signs are those of the synapses or else of the presynaptic neurons.
    ///
    /// # Errors
    /// [`Error::Setting`] if types, classes or signs are missing, a pair of types has both signs, or nothing takes light.
    pub fn from_connectome(connectome: &Connectome) -> Result<Self, Error> {
        let neurons = connectome.neurons();
        let Some(labels) = neurons.types() else {
            return Err(Error::setting("wiring", "neurons have no types; give the table of neurons a column of types"));
        };
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut types: Vec<CellType> = Vec::new();
        let mut cell_type = Vec::with_capacity(neurons.len());
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for row in 0..neurons.len() {
            let name = labels.get(row);
            let role = neurons.classes().and_then(|c| Role::from_name(c.get(row))).unwrap_or(Role::Intermediate);
            let number = *numbers.entry(name).or_insert_with(|| {
                types.push(CellType { name: name.to_owned(), role });
                types.len() as u32 - 1
            });
            cell_type.push(number);
            match role {
                Role::Input => inputs.push((row as u32, inputs.len() as u32)),
                Role::Output => outputs.push(row as u32),
                Role::Intermediate => {}
            }
        }
        let synapses = connectome.synapses();
        let neuron_signs = neurons.signs();
        let sign_of = |edge: usize, pre: u32| -> Option<Sign> {
            let own = synapses.signs().map(|s| s[edge]).filter(|s| *s != Sign::Unknown);
            own.or_else(|| neuron_signs.map(|s| s[pre as usize]).filter(|s| *s != Sign::Unknown))
        };
        let mut pair_numbers: HashMap<(u32, u32), u32> = HashMap::new();
        let mut pairs: Vec<TypePair> = Vec::new();
        let mut edge_pair = Vec::with_capacity(synapses.len());
        for (edge, (&pre, &post)) in synapses.pre().iter().zip(synapses.post()).enumerate() {
            let (source, target) = (cell_type[pre as usize], cell_type[post as usize]);
            let name = |t: u32| types[t as usize].name.as_str();
            let sign = sign_of(edge, pre)
                .ok_or_else(|| {
                    let what = format!("the synapse {edge} from {} to {} has no sign", name(source), name(target));
                    Error::setting("wiring", what + "; give signs to synapses or to neurons, or leave it out")
                })?
                .value();
            let number = *pair_numbers.entry((source, target)).or_insert_with(|| {
                pairs.push(TypePair { source, target, sign, mean_n_syn: 0.0 });
                pairs.len() as u32 - 1
            });
            if pairs[number as usize].sign != sign {
                let what =
                    format!("synapses from {} to {} have both signs; split the type", name(source), name(target));
                return Err(Error::setting("wiring", what));
            }
            edge_pair.push(number);
        }
        let n_syn: Vec<f32> = synapses.weight().iter().map(|&w| w as f32).collect();
        if let Some(edge) = not_positive(&n_syn) {
            let what = format!("the synapse number {} of edge {edge} is not positive", n_syn[edge]);
            return Err(Error::setting(
                "wiring",
                what + "; leave out edges without synapses, and keep signs apart from numbers",
            ));
        }
        for (pair, mean) in pairs.iter_mut().zip(Means::of(pair_numbers.len(), &edge_pair, &n_syn)) {
            pair.mean_n_syn = mean;
        }
        let group = |(&pair, &mean_n_syn): (&u32, &f32)| EdgeGroup { pair, displacement: Axial::ORIGIN, mean_n_syn };
        Self {
            types,
            cell_type,
            pairs,
            groups: edge_pair.iter().zip(&n_syn).map(group).collect(),
            source: synapses.pre().to_vec(),
            target: synapses.post().to_vec(),
            group: (0..n_syn.len() as u32).collect(),
            n_columns: inputs.len(),
            inputs,
            outputs,
            on_lattice: None,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.source.is_empty() {
            return Err(Error::setting("wiring", "there are no edges"));
        }
        if self.inputs.is_empty() {
            return Err(Error::setting("wiring", "nothing takes light; cells of the class \"input\" do"));
        }
        Ok(self)
    }

    /// Cell types, in the order of parameters.
    pub fn types(&self) -> &[CellType] {
        &self.types
    }

    /// Number of the type with a name.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is none.
    pub fn type_index(&self, name: &str) -> Result<u32, Error> {
        match self.types.iter().position(|t| t.name == name) {
            Some(index) => Ok(index as u32),
            None => Err(Error::unknown("cell type", name, self.types.iter().map(|t| t.name.as_str()))),
        }
    }

    /// Type of each cell, `[cells]`.
    pub fn cell_types(&self) -> &[u32] {
        &self.cell_type
    }

    /// Cells of a type, ascending.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such type.
    pub fn cells_of(&self, name: &str) -> Result<Vec<u32>, Error> {
        let index = self.type_index(name)?;
        Ok((0..self.n_cells() as u32).filter(|&cell| self.cell_type[cell as usize] == index).collect())
    }

    /// The cell in the central column for each type; where there are no columns, the first cell of each type.
    pub fn central_cells(&self) -> Vec<u32> {
        match &self.on_lattice {
            Some(on) => on
                .layers
                .iter()
                .filter_map(|layer| {
                    let rank = layer.columns.iter().position(|c| *c == Axial::ORIGIN)?;
                    Some(layer.cells.start + rank as u32)
                })
                .collect(),
            None => {
                // types are numbered in the order of their first cells
                let mut first = Vec::with_capacity(self.types.len());
                for (cell, &t) in self.cell_type.iter().enumerate() {
                    if t as usize == first.len() {
                        first.push(cell as u32);
                    }
                }
                first
            }
        }
    }

    /// The lattice, if there is one.
    pub fn lattice(&self) -> Option<Lattice> {
        self.on_lattice.as_ref().map(|on| on.lattice)
    }

    /// Pairs of types with edges, in the order of signs and strengths.
    pub fn pairs(&self) -> &[TypePair] {
        &self.pairs
    }

    /// Groups of edges with one synapse number, in the order of synapse numbers.
    pub fn groups(&self) -> &[EdgeGroup] {
        &self.groups
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.cell_type.len()
    }

    /// Number of edges.
    pub fn n_edges(&self) -> usize {
        self.source.len()
    }

    /// Number of columns that light comes from.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Cells that take light, each with the number of its column.
    pub fn inputs(&self) -> &[(u32, u32)] {
        &self.inputs
    }

    /// Cells that are read out, ascending.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// Edges onto a cell: the presynaptic cell and the group of each.
    pub fn edges_onto(&self, cell: u32) -> Vec<(u32, u32)> {
        let all = self.target.iter().zip(self.source.iter().zip(&self.group));
        all.filter(|(target, _)| **target == cell).map(|(_, (source, group))| (*source, *group)).collect()
    }

    /// Presynaptic cell of each edge, `[edges]`.
    pub fn source(&self) -> &[u32] {
        &self.source
    }

    /// Postsynaptic cell of each edge, `[edges]`.
    pub fn target(&self) -> &[u32] {
        &self.target
    }

    /// Group of each edge, `[edges]`.
    pub fn edge_groups(&self) -> &[u32] {
        &self.group
    }
}

/// The first number of synapses that is none: its logarithm is a parameter.
fn not_positive(n_syn: &[f32]) -> Option<usize> {
    n_syn.iter().position(|n| !(n.is_finite() && *n > 0.0))
}

/// Means over groups.
struct Means;

impl Means {
    fn of(n: usize, group: &[u32], values: &[f32]) -> Vec<f32> {
        let mut sums = vec![(0.0f64, 0u64); n];
        for (&g, &value) in group.iter().zip(values) {
            let (sum, count) = &mut sums[g as usize];
            *sum += f64::from(value);
            *count += 1;
        }
        sums.into_iter().map(|(sum, count)| (sum / count.max(1) as f64) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use connectome_graph::hex::{Extent, expand};
    use connectome_io::format::flyvis_json;
    use connectome_io::{Labels, NeuronTable, Orientation, Provenance, SynapseTable};

    use super::*;
    use crate::network::Record;

    /// The logarithm of 0 synapses would make the network no number.
    #[test]
    fn numbers_of_synapses_must_be_positive() {
        let of = |n_syn: &str| {
            let node = |name: &str| format!(r#"{{"name": "{name}", "pattern": ["stride", [1, 1]]}}"#);
            let json = format!(
                r#"{{"nodes": [{}, {}], "input_units": ["R1"], "output_units": ["T4a"], "edges": [{{"src": "R1", "tar": "T4a",
                "alpha": 1, "lambda_mult": 1.0, "offsets": [[[0, 0], 3], [[1, 0], {n_syn}]]}}]}}"#,
                node("R1"),
                node("T4a")
            );
            Wiring::from_hex(&expand(&flyvis_json::from_bytes(json.as_bytes()).unwrap(), Extent(1)).unwrap())
        };
        assert_eq!(of("0.5").unwrap().n_edges(), 7 + 4);
        let told = of("0").unwrap_err().to_string();
        assert!(told.contains("0 from R1 to T4a at (1, 0)"), "{told}");
    }

    /// A type may have cells that are read out, cells that take light and others.
    #[test]
    fn roles_are_those_of_cells() {
        let list = |names: [&str; 4]| Labels::from_values(names);
        let neurons = NeuronTable::numbered(4)
            .with_types(list(["A", "B", "A", "B"]))
            .and_then(|t| t.with_classes(list(["input", "intermediate", "output", "output"])))
            .and_then(|t| t.with_signs(vec![Sign::Excitatory; 4]));
        let synapses = SynapseTable::new(vec![0, 0, 2], vec![1, 2, 3], vec![1.0, 2.0, 3.0]).unwrap();
        let provenance = Provenance::new("test", Orientation::EdgeList);
        let wiring =
            Wiring::from_connectome(&Connectome::new(neurons.unwrap(), synapses, provenance).unwrap()).unwrap();
        assert_eq!((wiring.inputs(), wiring.outputs()), (&[(0, 0)][..], &[2, 3][..]));
        assert_eq!(Record::Output.cells(&wiring).unwrap(), [2, 3]);
        assert_eq!(wiring.central_cells(), [0, 1]);
        assert_eq!((wiring.edge_groups(), wiring.edges_onto(3)), (&[0, 1, 2][..], vec![(2, 2)]));
    }
}
