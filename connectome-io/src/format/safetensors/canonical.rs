//! The canonical layout of a connectome.

use std::collections::BTreeMap;

use ::safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::text_column::{labels, put_labels, put_texts, relocate, texts, vector};
use super::{Tensors, array};
use crate::tables::MAX_COLUMNS;
use crate::{
    Array, Connectome, Error, LatticeWiring, Location, NeuronTable, Placement, Positions, Provenance, Sign,
    SynapseTable, TypePair,
};

/// Key of the metadata entry that marks the layout.
pub(super) const KEY: &str = "connectome";

/// Version that is written; older ones are read, newer ones refused.
const VERSION: u64 = 1;
/// More parts than a table has.
const MAX_PARTS: usize = 16;

/// What the header says besides the tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    version: u64,
    provenance: Provenance,
    /// Optional columns of the neurons that are there: "names", "types", ...
    neurons: Vec<String>,
    /// Unit of the positions.
    position_unit: String,
    /// Optional columns of the synapses that are there.
    synapses: Vec<String>,
    /// Names of the further columns `neurons.column.0`, ...
    neuron_columns: Vec<String>,
    /// Names of the further columns `synapses.column.0`, ...
    synapse_columns: Vec<String>,
    /// Whether the rows are cell types on a lattice.
    lattice: bool,
}

/// The tensors and metadata of a connectome.
pub(super) fn encode(connectome: &Connectome) -> Result<Tensors, Error> {
    let (neurons, synapses) = (connectome.neurons(), connectome.synapses());
    let mut out = BTreeMap::new();
    let mut put = |name: &str, array: Array| {
        out.insert(name.to_owned(), array);
    };
    let signs = |signs: &[Sign]| Array::vector(signs.iter().map(|s| s.value()).collect::<Vec<i8>>());
    let mut neuron_parts = Vec::new();
    let mut synapse_parts = Vec::new();

    put("neurons.ids", Array::vector(neurons.ids().to_vec()));
    if let Some(s) = neurons.signs() {
        put("neurons.signs", signs(s));
        neuron_parts.push("signs".to_owned());
    }
    if let Some(positions) = neurons.positions() {
        // NaN stands for "not known"; known coordinates are finite.
        let flat: Vec<f64> = positions.points().iter().flat_map(|p| p.unwrap_or([f64::NAN; 3])).collect();
        put("neurons.positions", Array::new(vec![positions.len(), 3], flat)?);
        neuron_parts.push("positions".to_owned());
    }
    put("synapses.pre", Array::vector(synapses.pre().to_vec()));
    put("synapses.post", Array::vector(synapses.post().to_vec()));
    put("synapses.weight", Array::vector(synapses.weight().to_vec()));
    if let Some(s) = synapses.signs() {
        put("synapses.signs", signs(s));
        synapse_parts.push("signs".to_owned());
    }
    if let Some(lattice) = connectome.lattice() {
        let stride = |p: &Placement| match *p {
            Placement::Stride(stride) => stride,
            Placement::Single => [0, 0],
        };
        let pairs = lattice.pairs();
        put(
            "lattice.placement",
            Array::new(vec![neurons.len(), 2], lattice.placement().iter().flat_map(stride).collect::<Vec<u32>>())?,
        );
        put("lattice.pairs.pre", Array::vector(pairs.iter().map(|p| p.pre).collect::<Vec<u32>>()));
        put("lattice.pairs.post", Array::vector(pairs.iter().map(|p| p.post).collect::<Vec<u32>>()));
        put("lattice.pairs.sign", Array::vector(pairs.iter().map(|p| p.sign.value()).collect::<Vec<i8>>()));
        put("lattice.pairs.certainty", Array::vector(pairs.iter().map(|p| p.certainty).collect::<Vec<f32>>()));
        put("lattice.pair", Array::vector(lattice.pair().to_vec()));
        let offset: Vec<i32> = lattice.offset().iter().flatten().copied().collect();
        put("lattice.offset", Array::new(vec![synapses.len(), 2], offset)?);
    }

    if let Some(names) = neurons.names() {
        put_texts(&mut out, "neurons.names", names);
        neuron_parts.push("names".to_owned());
    }
    let columns =
        [("types", neurons.types()), ("classes", neurons.classes()), ("transmitters", neurons.transmitters())];
    for (name, column) in columns {
        if let Some(column) = column {
            put_labels(&mut out, &format!("neurons.{name}"), column);
            neuron_parts.push(name.to_owned());
        }
    }
    if let Some(kinds) = synapses.kinds() {
        put_labels(&mut out, "synapses.kinds", kinds);
        synapse_parts.push("kinds".to_owned());
    }
    for (prefix, columns) in [("neurons", neurons.columns()), ("synapses", synapses.columns())] {
        for (i, (_, labels)) in columns.iter().enumerate() {
            put_labels(&mut out, &format!("{prefix}.column.{i}"), labels);
        }
    }

    let column_names = |columns: &[(String, crate::Labels)]| columns.iter().map(|(name, _)| name.clone()).collect();
    let description = Description {
        version: VERSION,
        provenance: connectome.provenance().clone(),
        neurons: neuron_parts,
        position_unit: neurons.positions().map_or_else(String::new, |p| p.unit().to_owned()),
        synapses: synapse_parts,
        neuron_columns: column_names(neurons.columns()),
        synapse_columns: column_names(synapses.columns()),
        lattice: connectome.lattice().is_some(),
    };
    let text = serde_json::to_string(&description)
        .map_err(|e| Error::Malformed { at: Location::memory().key("provenance"), problem: e.to_string() })?;
    Ok(Tensors { arrays: out, metadata: BTreeMap::from([(KEY.to_owned(), text)]) })
}

/// The version alone, so that a newer layout is named as such.
#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

/// Reads the layout back and checks all of it.
pub(super) fn decode(view: &SafeTensors<'_>, description: &str, at: &Location) -> Result<Connectome, Error> {
    let malformed =
        |e: serde_json::Error| Error::Malformed { at: at.key(format!("metadata {KEY:?}")), problem: e.to_string() };
    let VersionOnly { version } = serde_json::from_str(description).map_err(malformed)?;
    if version == 0 || version > VERSION {
        return Err(Error::Version { at: at.key(format!("metadata {KEY:?}")), found: version, supported: VERSION });
    }
    let description: Description = serde_json::from_str(description).map_err(malformed)?;
    let further = description.neuron_columns.len().max(description.synapse_columns.len());
    if further > MAX_COLUMNS {
        return Err(Error::Unsupported {
            at: at.key(format!("metadata {KEY:?}")),
            what: format!("a table of {further} further columns"),
            remedy: "no honest table has so many; do not trust it",
        });
    }
    for parts in [&description.neurons, &description.synapses] {
        if let Some(i) = (1..parts.len()).find(|&i| i >= MAX_PARTS || parts[..i].contains(&parts[i])) {
            let name = parts[i].clone();
            return Err(Error::DuplicateName {
                at: at.key(format!("metadata {KEY:?}")),
                what: "part of a table",
                name,
            });
        }
    }
    let in_neurons = |e| relocate(e, "neurons", at);
    let in_synapses = |e| relocate(e, "synapses", at);

    let mut neurons = NeuronTable::new(vector(view, "neurons.ids", at)?).map_err(in_neurons)?;
    for part in &description.neurons {
        let name = format!("neurons.{part}");
        neurons = match part.as_str() {
            "names" => neurons.with_names(texts(view, &name, at)?),
            "types" => neurons.with_types(labels(view, &name, at)?),
            "classes" => neurons.with_classes(labels(view, &name, at)?),
            "transmitters" => neurons.with_transmitters(labels(view, &name, at)?),
            "signs" => neurons.with_signs(signs(view, &name, at)?),
            "positions" => neurons.with_positions(positions(view, &name, &description.position_unit, at)?),
            _ => return Err(unknown_part(part, at)),
        }
        .map_err(in_neurons)?;
    }
    for (i, name) in description.neuron_columns.iter().enumerate() {
        let column = labels(view, &format!("neurons.column.{i}"), at)?;
        neurons = neurons.with_column(name, column).map_err(in_neurons)?;
    }

    let mut synapses = SynapseTable::new(
        vector(view, "synapses.pre", at)?,
        vector(view, "synapses.post", at)?,
        vector(view, "synapses.weight", at)?,
    )
    .map_err(in_synapses)?;
    for part in &description.synapses {
        let name = format!("synapses.{part}");
        synapses = match part.as_str() {
            "signs" => synapses.with_signs(signs(view, &name, at)?),
            "kinds" => synapses.with_kinds(labels(view, &name, at)?),
            _ => return Err(unknown_part(part, at)),
        }
        .map_err(in_synapses)?;
    }
    for (i, name) in description.synapse_columns.iter().enumerate() {
        let column = labels(view, &format!("synapses.column.{i}"), at)?;
        synapses = synapses.with_column(name, column).map_err(in_synapses)?;
    }

    let connectome = Connectome::new(neurons, synapses, description.provenance).map_err(in_synapses)?;
    if !description.lattice {
        return Ok(connectome);
    }
    let wiring = lattice(view, at)?;
    connectome.with_lattice(wiring).map_err(|e| relocate(e, "lattice", at))
}

fn unknown_part(part: &str, at: &Location) -> Error {
    Error::Malformed { at: at.key(format!("metadata {KEY:?}")), problem: format!("unknown column {part:?}") }
}

fn signs(view: &SafeTensors<'_>, name: &str, at: &Location) -> Result<Vec<Sign>, Error> {
    let codes: Vec<i8> = vector(view, name, at)?;
    let decode = |(i, &code): (usize, &i8)| {
        Sign::from_value(code).ok_or_else(|| Error::BadValue {
            at: at.key(format!("{name}[{i}]")),
            what: "sign",
            text: code.to_string(),
            allowed: "-1, 0, 1",
        })
    };
    codes.iter().enumerate().map(decode).collect()
}

fn positions(view: &SafeTensors<'_>, name: &str, unit: &str, at: &Location) -> Result<Positions, Error> {
    let flat = rows::<3, f64>(view, name, at)?;
    let points = flat.into_iter().map(|p| (!p.iter().all(|c| c.is_nan())).then_some(p)).collect();
    Positions::new(points, unit).map_err(|e| relocate(e, name, at))
}

/// A tensor `[n, N]` as rows.
fn rows<const N: usize, T: crate::array::Element>(
    view: &SafeTensors<'_>,
    name: &str,
    at: &Location,
) -> Result<Vec<[T; N]>, Error> {
    let shape = array(view, name, at)?.shape().to_vec();
    if shape.len() != 2 || shape[1] != N {
        let problem = format!("the shape is {shape:?}, [n, {N}] is wanted");
        return Err(Error::Malformed { at: at.key(name), problem });
    }
    let flat: Vec<T> = vector(view, name, at)?;
    Ok(flat.as_chunks::<N>().0.to_vec())
}

fn lattice(view: &SafeTensors<'_>, at: &Location) -> Result<LatticeWiring, Error> {
    let placement = rows::<2, u32>(view, "lattice.placement", at)?
        .into_iter()
        .map(|stride| if stride == [0, 0] { Placement::Single } else { Placement::Stride(stride) })
        .collect();
    let pre: Vec<u32> = vector(view, "lattice.pairs.pre", at)?;
    let post: Vec<u32> = vector(view, "lattice.pairs.post", at)?;
    let sign = signs(view, "lattice.pairs.sign", at)?;
    let certainty: Vec<f32> = vector(view, "lattice.pairs.certainty", at)?;
    for (what, got) in [("post", post.len()), ("sign", sign.len()), ("certainty", certainty.len())] {
        if got != pre.len() {
            return Err(Error::LengthMismatch {
                at: at.key("lattice.pairs"),
                what: what.to_owned(),
                got,
                want: pre.len(),
                reason: "one per pair of types",
            });
        }
    }
    let pairs = (0..pre.len())
        .map(|i| TypePair { pre: pre[i], post: post[i], sign: sign[i], certainty: certainty[i] })
        .collect();
    let pair = vector(view, "lattice.pair", at)?;
    let offset = rows::<2, i32>(view, "lattice.offset", at)?;
    LatticeWiring::new(placement, pairs, pair, offset).map_err(|e| relocate(e, "lattice", at))
}
