//! The cell-type graph of the fly's visual system as flyvis keeps it, `.json`.
//!
//! Nodes are cell types with a placement on the hexagonal lattice, edges are pairs of types with a sign and a list of
//! displacements `[[du, dv], n_syn]`. Source: Lappalainen et al. 2024, *Nature* 634, 1132; file `fib25-fib19_v2.2.json`.
//!
//! | in the file | in the [`Connectome`] |
//! | --- | --- |
//! | node | row of the neuron table; id: position in the file; name and type: `name` |
//! | `pattern` | [`Placement`]: `["stride", [su, sv]]`, `["tile", n]` (both strides `n`), `["single", null]` |
//! | `input_units`, `output_units` | class `input`, `output`, else `intermediate`; a type in both lists is an output |
//! | edge | [`TypePair`]; `alpha` is the sign, `lambda_mult` the certainty |
//! | offset | row of the synapse table, weight `n_syn`, sign `alpha` |

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::edges::restrict;
use crate::error::excerpt;
use crate::options::ReadOptions;
use crate::source::Source;
use crate::{
    Connectome, Error, Labels, LatticeWiring, Location, NeuronTable, Orientation, Place, Placement, Provenance, Sign,
    SynapseTable, TypePair,
};

/// Class of the types that receive the stimulus.
pub const INPUT: &str = "input";
/// Class of the types that are neither read nor driven.
pub const INTERMEDIATE: &str = "intermediate";
/// Class of the types that are read out.
pub const OUTPUT: &str = "output";

// What may be of any length and comes to little is taken as text first: a value of JSON takes sixteen times its text.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    nodes: Vec<Node<'a>>,
    #[serde(borrow)]
    edges: Vec<Edge<'a>>,
    #[serde(default)]
    input_units: Vec<String>,
    #[serde(default)]
    output_units: Vec<String>,
}

#[derive(Deserialize)]
struct Node<'a> {
    name: String,
    #[serde(borrow)]
    pattern: &'a RawValue,
}

#[derive(Deserialize)]
struct Edge<'a> {
    src: String,
    tar: String,
    alpha: f64,
    #[serde(borrow)]
    offsets: Vec<(&'a RawValue, f64)>,
    lambda_mult: f64,
}

/// Reads a cell-type graph, plain or gzipped.
///
/// # Errors
/// All that is malformed, with its place in the file: [`Error::Malformed`] (no JSON, a missing or mistyped entry),
/// [`Error::UnknownType`], [`Error::DuplicateName`], [`Error::DuplicateSynapse`] (a pair of types or a displacement that
/// stands twice), [`Error::BadValue`] (sign, pattern), [`Error::BadNumber`] (displacement), [`Error::NotFinite`],
/// [`Error::Empty`], [`Error::TooLarge`], [`Error::Io`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let mut source = Source::open(path.as_ref(), &options.limits)?;
    let bytes = source.read_all()?;
    restrict(parse(&bytes, &source.at)?, options, &source.at)
}

/// Reads a cell-type graph from bytes in memory, not compressed.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Connectome, Error> {
    parse(bytes, &Location::memory())
}

fn parse(bytes: &[u8], at: &Location) -> Result<Connectome, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::Empty { at: at.boxed(), what: "text" });
    }
    let file: File = serde_json::from_slice(bytes).map_err(|e| explain(bytes, at, &e))?;
    if file.nodes.is_empty() {
        return Err(Error::Empty { at: at.key("nodes"), what: "cell types" });
    }

    let mut row_of = HashMap::with_capacity(file.nodes.len());
    let mut placement = Vec::with_capacity(file.nodes.len());
    for (row, node) in file.nodes.iter().enumerate() {
        if row_of.insert(node.name.as_str(), row as u32).is_some() {
            let at = at.key(format!("nodes[{row}].name"));
            return Err(Error::DuplicateName { at, what: "cell type", name: node.name.clone() });
        }
        placement.push(short(node.pattern).as_ref().and_then(parse_pattern).ok_or_else(|| Error::BadValue {
            at: at.key(format!("nodes[{row}].pattern")),
            what: "pattern",
            text: excerpt(node.pattern.get().as_bytes()),
            allowed: "[\"stride\", [su, sv]], [\"tile\", n] with whole numbers from 1, and [\"single\", null]",
        })?);
    }
    let row = |name: &str, place: String| {
        row_of.get(name).copied().ok_or_else(|| Error::UnknownType {
            at: at.key(place),
            name: name.to_owned(),
            n: row_of.len(),
        })
    };

    let mut class = vec![INTERMEDIATE; file.nodes.len()];
    for (list, units, role) in [("input_units", &file.input_units, INPUT), ("output_units", &file.output_units, OUTPUT)]
    {
        let mut seen = HashSet::new();
        for (i, name) in units.iter().enumerate() {
            class[row(name, format!("{list}[{i}]"))? as usize] = role;
            if !seen.insert(name) {
                let at = at.key(format!("{list}[{i}]"));
                return Err(Error::DuplicateName { at, what: "cell type", name: name.clone() });
            }
        }
    }

    let mut pairs = Vec::with_capacity(file.edges.len());
    let mut joined = HashSet::with_capacity(file.edges.len());
    let mut rows = Rows::default();
    for (i, edge) in file.edges.iter().enumerate() {
        let pre = row(&edge.src, format!("edges[{i}].src"))?;
        let post = row(&edge.tar, format!("edges[{i}].tar"))?;
        if !joined.insert((pre, post)) {
            let at = at.key(format!("edges[{i}]"));
            return Err(Error::DuplicateSynapse { at, pre: edge.src.clone(), post: edge.tar.clone() });
        }
        let sign = match edge.alpha {
            1.0 => Sign::Excitatory,
            -1.0 => Sign::Inhibitory,
            other => {
                return Err(Error::BadValue {
                    at: at.key(format!("edges[{i}].alpha")),
                    what: "sign",
                    text: other.to_string(),
                    allowed: "1 and -1",
                });
            }
        };
        let certainty = edge.lambda_mult as f32;
        if !certainty.is_finite() {
            let at = at.key(format!("edges[{i}].lambda_mult"));
            return Err(Error::NotFinite { at, what: "certainty", value: edge.lambda_mult });
        }
        rows.push_edge(i, edge, pairs.len() as u32, at)?;
        pairs.push(TypePair { pre, post, sign, certainty });
    }

    let names: Vec<String> = file.nodes.iter().map(|node| node.name.clone()).collect();
    let neurons = NeuronTable::numbered(names.len())
        .with_types(Labels::from_values(&names))?
        .with_classes(Labels::from_values(class))?
        .with_names(names)?;
    let pair_of = |row: &u32| &pairs[*row as usize];
    let synapses = SynapseTable::new(
        rows.pair.iter().map(|p| pair_of(p).pre).collect(),
        rows.pair.iter().map(|p| pair_of(p).post).collect(),
        rows.n_syn,
    )?
    .with_signs(rows.pair.iter().map(|p| pair_of(p).sign).collect())?;
    let provenance = Provenance::new(at.source_name(), Orientation::EdgeList);
    let wiring = LatticeWiring::new(placement, pairs, rows.pair, rows.offset)?;
    Connectome::new(neurons, synapses, provenance)?.with_lattice(wiring)
}

/// One entry per displacement.
#[derive(Default)]
struct Rows {
    pair: Vec<u32>,
    offset: Vec<[i32; 2]>,
    n_syn: Vec<f64>,
}

impl Rows {
    fn push_edge(&mut self, i: usize, edge: &Edge<'_>, pair: u32, at: &Location) -> Result<(), Error> {
        let mut seen = HashSet::with_capacity(edge.offsets.len());
        for (k, (offset, n_syn)) in edge.offsets.iter().enumerate() {
            let place = || at.key(format!("edges[{i}].offsets[{k}]"));
            let bad = || Error::BadNumber {
                at: place(),
                text: excerpt(offset.get().as_bytes()),
                wanted: "displacement (two whole numbers of 32 bits)",
            };
            let whole = |x: f64| (x.fract() == 0.0 && x.abs() < f64::from(i32::MAX)).then_some(x as i32);
            let Some([du, dv]) = short::<[f64; 2]>(offset) else {
                return Err(bad());
            };
            let (Some(du), Some(dv)) = (whole(du), whole(dv)) else {
                return Err(bad());
            };
            if !seen.insert([du, dv]) {
                let end = |name: &str| format!("{name} at [{du}, {dv}]");
                return Err(Error::DuplicateSynapse { at: place(), pre: edge.src.clone(), post: end(&edge.tar) });
            }
            if !n_syn.is_finite() {
                return Err(Error::NotFinite { at: place(), what: "synapse count", value: *n_syn });
            }
            if *n_syn < 0.0 {
                return Err(Error::BadValue {
                    at: place(),
                    what: "synapse count",
                    text: n_syn.to_string(),
                    allowed: "numbers from 0; the sign stands in `alpha`",
                });
            }
            self.pair.push(pair);
            self.offset.push([du, dv]);
            self.n_syn.push(*n_syn);
        }
        Ok(())
    }
}

/// The value of a text that is no longer than a sound one can be.
fn short<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    Some(raw.get()).filter(|text| text.len() <= 256).and_then(|text| serde_json::from_str(text).ok())
}

fn parse_pattern(pattern: &Value) -> Option<Placement> {
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
    let [kind, argument] = pattern.as_array()?.as_slice() else {
        return None;
    };
    match (kind.as_str()?, argument) {
        ("single", Value::Null) => Some(Placement::Single),
        ("tile", n) => number(n).map(|n| Placement::Stride([n, n])),
        ("stride", Value::Array(strides)) => match strides.as_slice() {
            [su, sv] => Some(Placement::Stride([number(su)?, number(sv)?])),
            _ => None,
        },
        _ => None,
    }
}

/// Says what is wrong with the JSON. Python writes NaN and Infinity, which are no JSON.
fn explain(bytes: &[u8], at: &Location, error: &serde_json::Error) -> Error {
    let (line, column) = (error.line() as u64, error.column() as u64);
    let place = at.at(Place::Text { line, column });
    let text = bytes.split(|&b| b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    // The column is that of the offending character or of one beside it.
    let starts = |word: &[u8]| {
        (1..4).any(|back| text.get((error.column() + 1).saturating_sub(back)..).is_some_and(|t| t.starts_with(word)))
    };
    let value = if starts(b"NaN") {
        f64::NAN
    } else if starts(b"Infinity") {
        f64::INFINITY
    } else {
        return Error::Malformed { at: place, problem: error.to_string() };
    };
    Error::NotFinite { at: place, what: "number", value }
}
