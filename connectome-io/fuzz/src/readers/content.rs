//! What readers give, and what must hold for it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use connectome_io::format::pickle::Value;
use connectome_io::format::{npy, npz, pt, safetensors};
use connectome_io::{
    AreaTable, Array, ArrayData, Connectome, CsvLayout, Duplicates, Error, Labels, LatticeWiring, NeuronTable,
    NeuronsFile, Orientation, Placement, Provenance, ReadOptions, SynapseTable, read, read_with, write,
};

/// What a reader made of a file.
#[derive(Debug)]
pub enum Content {
    /// An array.
    Array(Array),
    /// Named arrays.
    Arrays(BTreeMap<String, Array>),
    /// Named tensors and texts.
    Tensors(safetensors::Tensors),
    /// Named tensors and texts of a file of torch.
    Torch(safetensors::Tensors),
    /// A value of Python.
    Value(Value),
    /// Neurons.
    Neurons(Box<NeuronTable>),
    /// Areas and their sizes.
    Areas(Box<AreaTable>),
    /// A connectome.
    Connectome(Box<Connectome>),
}

impl Content {
    pub(crate) fn connectome(connectome: Connectome) -> Self {
        Self::Connectome(Box::new(connectome))
    }

    /// Checks indices, lengths, uniqueness and finiteness, and that what is written is read back equal.
    ///
    /// # Panics
    /// If any of it does not hold.
    pub fn check(&self, folder: &Path) {
        match self {
            Self::Array(array) => check_array(array),
            Self::Arrays(arrays) => check_arrays(arrays, folder),
            Self::Tensors(tensors) => check_tensors(tensors, folder),
            Self::Torch(tensors) => check_torch(tensors, folder),
            Self::Value(value) => check_value(value, &mut 100_000),
            Self::Neurons(neurons) => {
                let none = SynapseTable::new(vec![], vec![], vec![]).expect("no synapses");
                let provenance = Provenance::new("table", Orientation::EdgeList);
                let connectome = Connectome::new((**neurons).clone(), none, provenance).expect("neurons alone");
                check_connectome(&connectome, folder);
            }
            Self::Areas(table) => check_areas(table, folder),
            Self::Connectome(connectome) => check_connectome(connectome, folder),
        }
    }
}

fn check_array(array: &Array) {
    assert_eq!(array.shape().iter().product::<usize>(), array.len(), "elements and shape disagree");
    if !matches!(array.data(), ArrayData::Bf16(_)) {
        let back = npy::from_bytes(&npy::to_bytes(array).expect("NumPy has the type")).expect("what was written");
        assert!(same(&back, array), "an array changed on its way through .npy");
    }
}

/// Equality of bits, since NaN is unlike itself.
fn same(a: &Array, b: &Array) -> bool {
    let bits = |array: &Array| match array.data() {
        ArrayData::Bf16(v) => v.iter().flat_map(|x| x.to_bits().to_le_bytes()).collect(),
        _ => npy::to_bytes(array).expect("NumPy has the type"),
    };
    a.shape() == b.shape() && a.dtype() == b.dtype() && bits(a) == bits(b)
}

fn same_all(a: &BTreeMap<String, Array>, b: &BTreeMap<String, Array>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
}

fn check_arrays(arrays: &BTreeMap<String, Array>, folder: &Path) {
    arrays.values().for_each(check_array);
    let path = folder.join("arrays.npz");
    match npz::write(&path, arrays, npz::Compression::Stored) {
        // Names such as "a//b", which no honest program writes.
        Err(Error::UnsafeName { .. }) => return,
        written => written.expect("arrays that were read can be written"),
    }
    assert!(same_all(&npz::read(&path).expect("what was written"), arrays), "arrays changed on their way through .npz");
}

fn check_tensors(tensors: &safetensors::Tensors, folder: &Path) {
    let path = folder.join("tensors.safetensors");
    safetensors::write_tensors(&path, tensors).expect("tensors that were read can be written");
    let back = safetensors::read_tensors(&path).expect("what was written");
    assert_eq!(back.metadata, tensors.metadata);
    assert!(same_all(&back.arrays, &tensors.arrays), "tensors changed on their way through .safetensors");
}

fn check_torch(tensors: &safetensors::Tensors, folder: &Path) {
    let path = folder.join("tensors.pt");
    pt::write_tensors(&path, tensors).expect("tensors that were read can be written");
    let back = pt::read_tensors(&path).expect("what was written");
    assert_eq!(back.metadata, tensors.metadata);
    assert!(same_all(&back.arrays, &tensors.arrays), "tensors changed on their way through .pt");
}

/// Goes through the first parts of a value: shared ones may stand in it millions of times.
fn check_value(value: &Value, parts: &mut u32) {
    *parts = parts.saturating_sub(1);
    if *parts == 0 {
        return;
    }
    match value {
        Value::Array(array) => check_array(array),
        Value::Sparse(sparse) => {
            sparse.indices.iter().for_each(check_array);
            check_array(&sparse.values);
        }
        Value::Dict(entries) => entries.iter().for_each(|(key, value)| {
            check_value(key, parts);
            check_value(value, parts);
        }),
        _ => value.as_items().into_iter().flatten().for_each(|item| check_value(item, parts)),
    }
}

fn check_areas(table: &AreaTable, folder: &Path) {
    let n = table.n_areas();
    assert_eq!((table.names().len(), table.adjacency().len()), (n, n * n));
    let all: Vec<usize> = (0..n).collect();
    table.check_areas(&all, "all").expect("areas that are there");
    let path = folder.join("areas.csv");
    table.write(&path).expect("a table that was read can be written");
    let back = AreaTable::read(&path).expect("what was written");
    let same = back.names() == table.names() && back.areas() == table.areas() && back.adjacency() == table.adjacency();
    assert!(same, "areas changed on their way through .csv");
    let connectome = table.to_connectome(&ReadOptions::default()).expect("areas are neurons");
    check_connectome(&connectome, folder);
}

fn check_labels(labels: &Labels, n: usize) {
    assert_eq!(labels.len(), n, "one label per row");
    assert!(labels.codes().iter().all(|&code| (code as usize) < labels.n_names()), "a code without name");
    assert!(unique(labels.names().iter()), "a label stands twice");
}

fn unique<T: std::hash::Hash + Eq>(items: impl Iterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

fn check_neurons(neurons: &NeuronTable) {
    let n = neurons.len();
    assert!(unique(neurons.ids().iter()), "an id stands twice");
    assert!(neurons.names().is_none_or(|names| names.len() == n));
    assert!(neurons.signs().is_none_or(|signs| signs.len() == n));
    let named = [neurons.types(), neurons.classes(), neurons.transmitters()];
    named.into_iter().flatten().for_each(|labels| check_labels(labels, n));
    neurons.columns().iter().for_each(|(_, labels)| check_labels(labels, n));
    assert!(unique(neurons.columns().iter().map(|(name, _)| name)), "a column stands twice");
    if let Some(positions) = neurons.positions() {
        assert_eq!(positions.len(), n);
        assert!(positions.points().iter().flatten().flatten().all(|x| x.is_finite()), "a neuron is nowhere");
    }
}

fn check_lattice(lattice: &LatticeWiring, n: usize, rows: usize) {
    assert_eq!((lattice.placement().len(), lattice.pair().len(), lattice.offset().len()), (n, rows, rows));
    assert!(lattice.placement().iter().all(|placement| match placement {
        Placement::Stride(stride) => stride.iter().all(|&step| step > 0),
        Placement::Single => true,
    }));
    assert!(lattice.pair().iter().all(|&pair| (pair as usize) < lattice.n_pairs()));
    let pairs = lattice.pairs();
    assert!(pairs.iter().all(|p| p.pre.max(p.post) < n as u32 && p.certainty.is_finite()));
    assert!(unique(pairs.iter().map(|p| (p.pre, p.post))), "a pair stands twice");
}

fn check_connectome(connectome: &Connectome, folder: &Path) {
    let (n, synapses) = (connectome.n_neurons(), connectome.synapses());
    let rows = synapses.len();
    check_neurons(connectome.neurons());
    for ends in [synapses.pre(), synapses.post()] {
        assert_eq!(ends.len(), rows);
        assert!(ends.iter().all(|&end| (end as usize) < n), "an end without neuron");
    }
    assert_eq!(synapses.weight().len(), rows);
    assert!(synapses.weight().iter().all(|w| w.is_finite()), "a weight is not finite");
    assert!(synapses.signs().is_none_or(|signs| signs.len() == rows));
    synapses.kinds().into_iter().for_each(|labels| check_labels(labels, rows));
    synapses.columns().iter().for_each(|(_, labels)| check_labels(labels, rows));
    if let Some(lattice) = connectome.lattice() {
        check_lattice(lattice, n, rows);
    }

    let path = folder.join("back.safetensors");
    write(connectome, &path).expect("a connectome that was read can be written");
    let back = read(&path).expect("what was written");
    assert!(back == *connectome, "a connectome changed on its way through .safetensors");

    check_tables(connectome, folder, "csv");
    #[cfg(feature = "parquet")]
    check_tables(connectome, folder, "parquet");
}

/// Writes tables and reads them back.
fn check_tables(connectome: &Connectome, folder: &Path, extension: &str) {
    let path = folder.join("back").with_extension(extension);
    match write(connectome, &path) {
        // Lattices, and further columns whose names mean something else in a table.
        Err(Error::Unsupported { .. }) => {}
        Err(error) => panic!("a connectome that was read cannot be written: {error}"),
        Ok(()) => {
            let neurons = NeuronsFile::File(folder.join("neurons").with_extension(extension));
            let (duplicates, csv) = (Duplicates::Keep, CsvLayout::Edges);
            let keep = ReadOptions { duplicates, neurons, csv, ..ReadOptions::default() };
            let back = read_with(&path, &keep).expect("what was written");
            let neurons = same_neurons(back.neurons(), connectome.neurons());
            assert!(neurons, "neurons changed on their way through .{extension}");
            let synapses = same_synapses(back.synapses(), connectome.synapses());
            assert!(synapses, "synapses changed on their way through .{extension}");
        }
    }
}

/// Equality of the values; the names that no row has are lost in a table.
fn same_labels(a: Option<&Labels>, b: Option<&Labels>) -> bool {
    a.map(Labels::len) == b.map(Labels::len) && a.into_iter().zip(b).all(|(a, b)| a.iter().eq(b.iter()))
}

fn same_columns(a: &[(String, Labels)], b: &[(String, Labels)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same_labels(Some(&a.1), Some(&b.1)))
}

fn same_neurons(a: &NeuronTable, b: &NeuronTable) -> bool {
    a.ids() == b.ids()
        && a.names() == b.names()
        && a.signs() == b.signs()
        && a.positions() == b.positions()
        && same_labels(a.types(), b.types())
        && same_labels(a.classes(), b.classes())
        && same_labels(a.transmitters(), b.transmitters())
        && same_columns(a.columns(), b.columns())
}

fn same_synapses(a: &SynapseTable, b: &SynapseTable) -> bool {
    (a.pre(), a.post(), a.weight(), a.signs()) == (b.pre(), b.post(), b.weight(), b.signs())
        && same_labels(a.kinds(), b.kinds())
        && same_columns(a.columns(), b.columns())
}
