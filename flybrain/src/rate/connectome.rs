//! Networks of connectomes.

use std::path::{Path, PathBuf};

use connectome_graph::normalise::{Sinkhorn, sinkhorn_flystability};
use connectome_graph::{Duplicates, Topology, UnknownSign, WeightRule};
use connectome_io::{Connectome, Labels, Sign};
use lyapunov::Wiring;
use sha2::{Digest, Sha256};
use tch_sparse::SparsityPattern;

use super::{Origin, RateSystem};
use crate::Error;
use crate::digest::hex;

/// Whose sign a connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignOf {
    /// Its presynaptic neuron's: Dale's law. The default.
    #[default]
    Presynaptic,
    /// Its postsynaptic neuron's, as in FlyStability.
    Postsynaptic,
    /// Its own, from the table of synapses.
    Synapse,
    /// That of its weight.
    Weight,
}

/// Which neurons share gain and shift.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Grouping {
    /// None. The default.
    #[default]
    Neuron,
    /// Those of a neurotransmitter.
    Transmitter,
    /// Those of a cell body fibre: the column `cell_body_fiber`.
    CellFibre,
    /// Those of a cell type.
    Type,
    /// Those of a class.
    Class,
    /// Those with the same entry in a column of the table of neurons.
    Column(String),
}

/// How magnitudes are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// Not at all. The default.
    #[default]
    None,
    /// So many passes over rows and columns, of excitation and inhibition each, towards sums of 1/2. FlyStability does 10.
    Passes(usize),
    /// Excitatory inputs of each neuron sum to 1/2, inhibitory ones too, and outputs to equal sums: see [`Sinkhorn`]. Not every
    /// network can be balanced so.
    Exact,
}

/// How connections are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Sparse from 200 neurons on where at most an eighth of all pairs are connected. The default.
    #[default]
    Auto,
    /// All pairs.
    Dense,
    /// Those that are connected.
    Sparse,
}

/// How a network is made of a connectome.
///
/// | setting | default |
/// | --- | --- |
/// | signs | those of presynaptic neurons |
/// | unknown signs | an error |
/// | gains and shifts | one of each per neuron |
/// | balance | none |
/// | layout | dense or sparse by density |
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FromConnectome {
    /// Whose sign a connection has.
    pub signs: SignOf,
    /// What is done where that is unknown.
    pub unknown: UnknownSign,
    /// Which neurons share gain and shift.
    pub grouping: Grouping,
    /// How magnitudes are scaled.
    pub balance: Balance,
    /// How connections are kept.
    pub layout: Layout,
}

impl FromConnectome {
    /// The network: magnitudes are the weights of the connections, `[post, pre]`; types are numbered in the order of their labels.
    ///
    /// # Errors
    /// [`Error::Graph`] for signs that are not known and magnitudes that cannot be balanced; [`Error::Setting`] where the neurons have no
    /// such labels.
    pub fn build(&self, connectome: &Connectome) -> Result<RateSystem, Error> {
        let topology = self.topology(connectome)?;
        let topology = match self.balance {
            Balance::None => topology,
            Balance::Passes(passes) => sinkhorn_flystability(&topology, passes)?,
            Balance::Exact => Sinkhorn::default().balance(&topology)?.topology,
        };
        let system = self.wire(&topology)?.with_origin(origin(connectome));
        match labels(connectome, &self.grouping)? {
            None => Ok(system),
            Some(labels) => system.with_types(&labels.iter().collect::<Vec<_>>()),
        }
    }

    fn topology(&self, connectome: &Connectome) -> Result<Topology, Error> {
        let of = |connectome: &Connectome, rule| Topology::from_connectome(connectome, rule, Duplicates::Sum);
        let by_neuron = WeightRule::PresynapticSign(self.unknown);
        let all_unknown = connectome.neurons().signs().is_none() && self.unknown != UnknownSign::Error;
        Ok(match self.signs {
            SignOf::Presynaptic if all_unknown => of(&without_signs(connectome)?, by_neuron)?,
            SignOf::Presynaptic => of(connectome, by_neuron)?,
            SignOf::Postsynaptic if all_unknown => of(&without_signs(connectome)?.transpose(), by_neuron)?.transpose(),
            SignOf::Postsynaptic => of(&connectome.clone().transpose(), by_neuron)?.transpose(),
            SignOf::Synapse => of(connectome, WeightRule::SynapseSign(self.unknown))?,
            SignOf::Weight => of(connectome, WeightRule::AsStored)?,
        })
    }

    fn wire(&self, topology: &Topology) -> Result<RateSystem, Error> {
        let n = topology.n_post();
        let sparse = match self.layout {
            Layout::Auto => n >= 200 && 8.0 * topology.nnz() as f64 <= (n as f64).powi(2),
            Layout::Dense => false,
            Layout::Sparse => true,
        };
        if sparse {
            let pattern = SparsityPattern::from_csr(n, n, topology.row_ptr().to_vec(), topology.columns())
                .map_err(lyapunov::Error::from)?;
            return RateSystem::from_coupling(Wiring::Sparse(pattern), topology.weights().to_vec());
        }
        let mut dense = vec![0.0; n * n];
        for (post, pre, weight) in topology.iter() {
            dense[post as usize * n + pre as usize] = weight;
        }
        RateSystem::from_coupling(Wiring::Dense(n), dense)
    }
}

/// The same connectome with neurons of unknown signs.
fn without_signs(connectome: &Connectome) -> Result<Connectome, Error> {
    let (neurons, synapses, _, provenance) = connectome.clone().into_parts();
    let n = neurons.len();
    Ok(Connectome::new(neurons.with_signs(vec![Sign::Unknown; n])?, synapses, provenance)?)
}

/// The labels that types are made of.
fn labels<'a>(connectome: &'a Connectome, grouping: &Grouping) -> Result<Option<&'a Labels>, Error> {
    let neurons = connectome.neurons();
    let (found, what) = match grouping {
        Grouping::Neuron => return Ok(None),
        Grouping::Transmitter => (neurons.transmitters(), "transmitters"),
        Grouping::CellFibre => (neurons.column("cell_body_fiber"), "cell body fibres"),
        Grouping::Type => (neurons.types(), "types"),
        Grouping::Class => (neurons.classes(), "classes"),
        Grouping::Column(name) => (neurons.column(name), name.as_str()),
    };
    if found.is_some() {
        return Ok(found);
    }
    let own = [(neurons.transmitters(), "neurotransmitter"), (neurons.types(), "type"), (neurons.classes(), "class")];
    let mut known: Vec<&str> = own.into_iter().filter(|(labels, _)| labels.is_some()).map(|(_, name)| name).collect();
    known.extend(neurons.columns().iter().map(|(name, _)| name.as_str()));
    let known = if known.is_empty() { "no labels at all".to_owned() } else { known.join(", ") };
    let problem = format!(
        "the neurons of {} have no {what}; they have {known}. A region's folder has them in \
         neurotransmitter_assignments.pkl and cell_body_fiber_assignments.pkl, other data in columns of their table of neurons",
        connectome.provenance().source()
    );
    Err(Error::Setting { key: "subpopulation", problem })
}

/// Name and digest of a connectome: of its neurons' ids and signs, and of each connection, in the order of the tables.
fn origin(connectome: &Connectome) -> Origin {
    let mut hash = Sha256::new();
    let neurons = connectome.neurons();
    hash.update((neurons.len() as u64).to_le_bytes());
    neurons.ids().iter().for_each(|id| hash.update(id.to_le_bytes()));
    neurons.signs().into_iter().flatten().for_each(|sign| hash.update(sign.value().to_le_bytes()));
    let synapses = connectome.synapses();
    for ((pre, post), weight) in synapses.pre().iter().zip(synapses.post()).zip(synapses.weight()) {
        hash.update(pre.to_le_bytes());
        hash.update(post.to_le_bytes());
        hash.update(weight.to_le_bytes());
    }
    synapses.signs().into_iter().flatten().for_each(|sign| hash.update(sign.value().to_le_bytes()));
    Origin { source: connectome.provenance().source().to_owned(), sha256: hex(&hash.finalize()) }
}

/// Where a region's data lie: `roi` itself if there is such a file or folder, else the folder of that name in `data`.
///
/// # Errors
/// [`Error::Setting`] where there is neither, with what is needed and where it comes from.
pub fn region(roi: &str, data: &Path) -> Result<PathBuf, Error> {
    let beside = data.join(roi);
    let found = [PathBuf::from(roi), beside.clone()].into_iter().find(|path| !roi.is_empty() && path.exists());
    found.ok_or_else(|| {
        let problem = format!(
            "{roi:?}: there is no such file or folder, and no {}. A region's folder has adjacency_scc.npy (synapse counts, [pre, post]), \
             nid_scc.npy (body ids), ei_neuron_types.npy (1 excitatory, 0 inhibitory), neurotransmitter_assignments.pkl and \
             cell_body_fiber_assignments.pkl (by body id). They are made from the hemibrain of Janelia, neuprint.janelia.org, a free \
             account (Scheffer et al., eLife 2020); instead, --roi takes any connectome that `flybrain data info` reads",
            beside.display()
        );
        Error::Setting { key: "roi", problem }
    })
}

/// Reads a connectome for a network: a region's folder, or whatever else connectome-io reads.
///
/// # Errors
/// [`Error::Data`].
pub fn read_connectome(path: &Path) -> Result<Connectome, Error> {
    Ok(connectome_io::read(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectome_io::{NeuronTable, Orientation, Provenance, SynapseTable};

    /// 0 -| 1 -> 2 -> 0, 2 -> 1, with a transmitter each.
    fn triangle() -> Connectome {
        let neurons = NeuronTable::numbered(3)
            .with_signs(vec![Sign::Inhibitory, Sign::Excitatory, Sign::Excitatory])
            .and_then(|n| n.with_transmitters(Labels::from_values(["gaba", "glutamate", "acetylcholine"])))
            .unwrap();
        let synapses = SynapseTable::new(vec![0, 1, 2, 2], vec![1, 2, 0, 1], vec![4.0, 3.0, 2.0, 5.0]).unwrap();
        Connectome::new(neurons, synapses, Provenance::new("triangle", Orientation::PrePost)).unwrap()
    }

    #[test]
    fn rows_are_postsynaptic_and_signs_are_as_asked() {
        let build = |how: FromConnectome| how.build(&triangle()).unwrap();
        let own = build(FromConnectome::default());
        assert_eq!(own.coupling(), [0.0, 0.0, 2.0, -4.0, 0.0, 5.0, 0.0, 3.0, 0.0]);
        let compat = build(FromConnectome { signs: SignOf::Postsynaptic, ..FromConnectome::default() });
        assert_eq!(compat.coupling(), [0.0, 0.0, -2.0, 4.0, 0.0, 5.0, 0.0, 3.0, 0.0]);
        let sparse = build(FromConnectome { layout: Layout::Sparse, ..FromConnectome::default() });
        assert_eq!((sparse.coupling(), sparse.n()), (vec![2.0, -4.0, 5.0, 3.0], 3));
        assert_eq!(own.origin(), sparse.origin());
        let all = FromConnectome { unknown: UnknownSign::Excitatory, ..FromConnectome::default() };
        let bare =
            Connectome::new(NeuronTable::numbered(3), triangle().synapses().clone(), triangle().provenance().clone());
        assert_eq!(all.build(&bare.unwrap()).unwrap().coupling(), own.weights());
        let typed = build(FromConnectome { grouping: Grouping::Transmitter, ..FromConnectome::default() });
        assert_eq!(typed.types().names(), ["acetylcholine", "gaba", "glutamate"]);
        assert_eq!(typed.types().codes(), [1, 2, 0]);
    }

    #[test]
    fn missing_labels_and_regions_are_named() {
        let how = FromConnectome { grouping: Grouping::CellFibre, ..FromConnectome::default() };
        let message = how.build(&triangle()).unwrap_err().to_string();
        assert!(message.contains("cell body fibres") && message.contains("they have neurotransmitter"), "{message}");
        let message = region("EB", Path::new("nowhere")).unwrap_err().to_string();
        assert!(message.contains("nowhere/EB") && message.contains("adjacency_scc.npy"), "{message}");
    }
}
