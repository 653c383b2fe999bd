//! Folders of a brain region as FlyStability keeps them: a matrix, ids, and what is known of each neuron.
//!
//! | file | content |
//! | --- | --- |
//! | `adjacency_scc.npy` | synapse counts of any numeric type; entry (i, j) is the connection i -> j |
//! | `nid_scc.npy` | body id per row; without it rows are numbered from 0 |
//! | `ei_neuron_types` or `ei_neuron`, `.npy` or `.pkl` | 1 excitatory, 0 inhibitory, per row or by body id |
//! | `neurotransmitter_assignments.pkl` | transmitter by body id |
//! | `cell_body_fiber_assignments.pkl` or `cell_body_fiber_assignement.pkl` | fibre by body id, the column `cell_body_fiber` |
//!
//! All but the first may be absent. Assignments may name neurons outside of the region. Signs are those of neurons, hence
//! of all their outgoing synapses (Dale's law). The layout of the matrix is part of the convention, so that
//! [`ReadOptions::rows`] does not apply; of a folder whose matrix is `[post, pre]` take [`Connectome::transpose`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::matrix::side;
use super::npy;
use super::pickle::{self, Value};
use crate::edges::{Edges, finish};
use crate::options::{ReadOptions, UnknownNeurons};
use crate::{Array, Connectome, Error, Labels, Location, NeuronTable, Orientation, Provenance, Sign};

/// The file that every such folder has.
pub(crate) const ADJACENCY: &str = "adjacency_scc.npy";
const IDS: &str = "nid_scc.npy";
const SIGNS: [&str; 4] = ["ei_neuron_types.npy", "ei_neuron.npy", "ei_neuron_types.pkl", "ei_neuron.pkl"];
const TRANSMITTERS: [&str; 1] = ["neurotransmitter_assignments.pkl"];
const FIBRES: [&str; 2] = ["cell_body_fiber_assignments.pkl", "cell_body_fiber_assignement.pkl"];

/// Reads a folder. With [`UnknownNeurons::Drop`], neurons without assignment have an empty one.
///
/// # Errors
/// [`Error::NotSquare`], [`Error::NotFinite`], [`Error::BadValue`] for a negative count or a type that is neither 1 nor 0;
/// [`Error::LengthMismatch`], [`Error::DuplicateNeuron`], [`Error::BadNumber`] for ids; [`Error::UnknownNeuron`] for a
/// neuron without assignment; [`Error::Missing`] if there are assignments and no ids; those of [`npy`] and [`pickle`].
pub fn read(folder: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let folder = folder.as_ref();
    let path = folder.join(ADJACENCY);
    let at = Location::file(&path);
    let adjacency = npy::read_with(&path, &options.limits)?;
    let n = side(&adjacency.shape().iter().map(|&n| n as u64).collect::<Vec<_>>(), &at)?;
    let edges = edges(&adjacency, n, &at)?;
    drop(adjacency);
    let neurons = neurons(folder, n, options)?;
    let name = folder.file_name().map_or_else(|| at.source_name(), |name| name.to_string_lossy().into_owned());
    finish(neurons, edges, Provenance::new(name, Orientation::PrePost), options, &at)
}

/// Entries that are not zero, in the order of the rows.
fn edges(adjacency: &Array, n: usize, at: &Location) -> Result<Edges, Error> {
    let counts = adjacency.to_f64().map_err(|e| e.in_file(at))?;
    let mut edges = Edges::default();
    for (entry, &value) in counts.iter().enumerate().filter(|(_, value)| **value != 0.0) {
        let (pre, post) = (entry / n, entry % n);
        let place = || at.key(format!("entry [{pre}, {post}]"));
        if !value.is_finite() {
            return Err(Error::NotFinite { at: place(), what: "weight", value });
        }
        if value < 0.0 {
            let allowed = "numbers from 0; the sign of a neuron stands in ei_neuron_types.npy";
            return Err(Error::BadValue { at: place(), what: "synapse count", text: value.to_string(), allowed });
        }
        edges.pre.push(pre as u32);
        edges.post.push(post as u32);
        edges.weight.push(value);
    }
    Ok(edges)
}

/// What the other files say.
fn neurons(folder: &Path, n: usize, options: &ReadOptions) -> Result<NeuronTable, Error> {
    let find = |names: &[&str]| names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    let ids = match find(&[IDS]) {
        None => None,
        Some(path) => {
            let at = Location::file(&path);
            let ids = npy::read_with(&path, &options.limits)?;
            check_length(ids.shape(), n, &at)?;
            Some(ids.to_i64().and_then(NeuronTable::new).map_err(|e| e.in_file(&at))?)
        }
    };
    let has_ids = ids.is_some();
    let mut neurons = ids.unwrap_or_else(|| NeuronTable::numbered(n));
    if let Some(path) = find(&SIGNS) {
        let signs = signs(&path, &neurons, options)?;
        neurons = neurons.with_signs(signs)?;
    }
    let assigned = |path: PathBuf, neurons: &NeuronTable| {
        if has_ids {
            return assignments(&path, neurons, options);
        }
        let remedy = "assignments are by body id, which stand there";
        Err(Error::Missing {
            at: Location::file(&path).boxed(),
            what: format!("file {IDS}"),
            found: Vec::new(),
            remedy,
        })
    };
    if let Some(path) = find(&TRANSMITTERS) {
        let transmitters = assigned(path, &neurons)?;
        neurons = neurons.with_transmitters(transmitters)?;
    }
    if let Some(path) = find(&FIBRES) {
        let fibres = assigned(path, &neurons)?;
        neurons = neurons.with_column("cell_body_fiber", fibres)?;
    }
    Ok(neurons)
}

fn check_length(shape: &[usize], n: usize, at: &Location) -> Result<(), Error> {
    if shape == [n] {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        at: at.boxed(),
        what: format!("the array of shape {shape:?}"),
        got: shape.iter().product(),
        want: n,
        reason: "one per row of the matrix",
    })
}

/// The sign of each neuron, from 1 and 0 of whatever type.
fn signs(path: &Path, neurons: &NeuronTable, options: &ReadOptions) -> Result<Vec<Sign>, Error> {
    let at = Location::file(path);
    let n = neurons.len();
    let sign = |row: usize, number: Option<f64>, text: String| match number {
        Some(1.0) => Ok(Sign::Excitatory),
        Some(0.0) => Ok(Sign::Inhibitory),
        _ => Err(Error::BadValue {
            at: at.key(format!("neuron {row} (id {})", neurons.ids()[row])),
            what: "type of neuron",
            text,
            allowed: "1 (excitatory) and 0 (inhibitory)",
        }),
    };
    let of_array = |array: &Array| {
        check_length(array.shape(), n, &at)?;
        let numbers = array.to_f64().map_err(|e| e.in_file(&at))?;
        numbers.iter().enumerate().map(|(row, &number)| sign(row, Some(number), number.to_string())).collect()
    };
    if path.extension().is_some_and(|extension| extension == "npy") {
        return of_array(&npy::read_with(path, &options.limits)?);
    }
    let of_value = |row: usize, value: &Value| {
        let number = if let Value::Bool(truth) = value { Some(f64::from(*truth)) } else { value.as_f64() };
        sign(row, number, value.brief())
    };
    let value = pickle::read_with(path, &options.limits)?;
    if let Some(array) = value.as_array() {
        return of_array(array);
    }
    if let Some(items) = value.as_items() {
        check_length(&[items.len()], n, &at)?;
        return items.iter().enumerate().map(|(row, value)| of_value(row, value)).collect();
    }
    let entries = value.as_dict().ok_or_else(|| Error::Malformed {
        at: at.boxed(),
        problem: format!("{} where an array, a list or a dict by body id is wanted", value.kind()),
    })?;
    let by_id: BTreeMap<i64, &Value> = entries.iter().filter_map(|(id, value)| Some((id.as_i64()?, value))).collect();
    let find = |(row, id): (usize, &i64)| match (by_id.get(id), options.unknown_neurons) {
        (Some(value), _) => of_value(row, value),
        (None, UnknownNeurons::Drop) => Ok(Sign::Unknown),
        (None, UnknownNeurons::Error) => Err(unassigned(*id, by_id.len(), &at)),
    };
    neurons.ids().iter().enumerate().map(find).collect()
}

/// The text that a dict gives to each neuron.
fn assignments(path: &Path, neurons: &NeuronTable, options: &ReadOptions) -> Result<Labels, Error> {
    let at = Location::file(path);
    let by_id = pickle::read_with(path, &options.limits)?.to_text_by_id().map_err(|e| e.in_file(&at))?;
    let find = |id: &i64| match (by_id.get(id), options.unknown_neurons) {
        (Some(text), _) => Ok(text.as_str()),
        (None, UnknownNeurons::Drop) => Ok(""),
        (None, UnknownNeurons::Error) => Err(unassigned(*id, by_id.len(), &at)),
    };
    Ok(Labels::from_values(neurons.ids().iter().map(find).collect::<Result<Vec<_>, Error>>()?))
}

fn unassigned(id: i64, n: usize, at: &Location) -> Error {
    Error::UnknownNeuron { at: at.boxed(), name: format!("body id {id}"), n }
}
