//! A connectome as a graph that networkx and igraph read, and [`super::read`] reads back equal.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use super::{EDGE_COLUMNS, NODE_COLUMNS, ORIENTATIONS, forbidden};
use crate::atomic::write_atomic_gz;
use crate::{Connectome, Error, Labels, Location};

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"#;

/// Writes a directed graph, gzipped if `path` ends in `.gz`: ids are the ids of the nodes, columns are attributes, weights
/// are in full precision. Neurons without a value in a column of text have no such attribute.
///
/// # Errors
/// [`Error::Unsupported`] for connectomes with a lattice, and for further columns whose name is empty or that of another
/// attribute; [`Error::BadValue`] for texts with control characters that XML cannot hold, naming the neuron or connection;
/// [`Error::Io`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let at = Location::file(path);
    if connectome.lattice().is_some() {
        let what = "a lattice connectome as a graph".to_owned();
        let remedy = "expand the lattice first, or write .safetensors";
        return Err(Error::Unsupported { at: at.boxed(), what, remedy });
    }
    check_names(connectome, &at)?;
    check_texts(connectome, &at)?;
    write_atomic_gz(path, |out| {
        out.write_all(HEAD.as_bytes())?;
        let graph = graph_attributes(connectome);
        for (i, (name, kind, _)) in graph.iter().enumerate() {
            write_key(out, 'g', i, "graph", name, kind)?;
        }
        let nodes = node_columns(connectome);
        for (i, column) in nodes.iter().enumerate() {
            write_key(out, 'n', i, "node", column.name, column.kind)?;
        }
        let edges = edge_columns(connectome);
        for (i, column) in edges.iter().enumerate() {
            write_key(out, 'e', i, "edge", column.name, column.kind)?;
        }
        out.write_all(b"<graph edgedefault=\"directed\">\n")?;
        for (i, (_, _, value)) in graph.iter().enumerate() {
            write_data(out, 'g', i, value)?;
            out.write_all(b"\n")?;
        }
        let ids = connectome.neurons().ids();
        for (row, id) in ids.iter().enumerate() {
            write!(out, "<node id=\"{id}\">")?;
            write_row(out, 'n', &nodes, row)?;
            out.write_all(b"</node>\n")?;
        }
        let synapses = connectome.synapses();
        for (row, (&pre, &post)) in synapses.pre().iter().zip(synapses.post()).enumerate() {
            write!(out, "<edge source=\"{}\" target=\"{}\">", ids[pre as usize], ids[post as usize])?;
            write_row(out, 'e', &edges, row)?;
            out.write_all(b"</edge>\n")?;
        }
        out.write_all(b"</graph>\n</graphml>\n")
    })
}

/// A column as attributes.
struct Column<'a> {
    name: &'a str,
    kind: &'static str,
    /// Writes the value of a row, or nothing.
    value: Box<dyn Fn(usize) -> Option<Cell<'a>> + 'a>,
}

enum Cell<'a> {
    Text(&'a str),
    Number(f64),
    Sign(i8),
}

fn text_column<'a>(name: &'a str, value: impl Fn(usize) -> &'a str + 'a) -> Column<'a> {
    let value = move |row| Some(value(row)).filter(|text| !text.is_empty()).map(Cell::Text);
    Column { name, kind: "string", value: Box::new(value) }
}

fn label_column<'a>(name: &'a str, labels: &'a Labels) -> Column<'a> {
    text_column(name, |row| labels.get(row))
}

fn node_columns(connectome: &Connectome) -> Vec<Column<'_>> {
    let neurons = connectome.neurons();
    let mut columns = Vec::new();
    columns.extend(neurons.names().map(|names| text_column("name", |row| &names[row])));
    columns.extend(neurons.types().map(|labels| label_column("type", labels)));
    columns.extend(neurons.classes().map(|labels| label_column("class", labels)));
    columns.extend(neurons.transmitters().map(|labels| label_column("transmitter", labels)));
    columns.extend(neurons.signs().map(|signs| {
        let value = |row: usize| Some(Cell::Sign(signs[row].value()));
        Column { name: "sign", kind: "int", value: Box::new(value) }
    }));
    if let Some(positions) = neurons.positions() {
        for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
            let value = move |row: usize| positions.points()[row].map(|point| Cell::Number(point[axis]));
            columns.push(Column { name, kind: "double", value: Box::new(value) });
        }
    }
    columns.extend(neurons.columns().iter().map(|(name, labels)| label_column(name, labels)));
    columns
}

fn edge_columns(connectome: &Connectome) -> Vec<Column<'_>> {
    let synapses = connectome.synapses();
    let weight = |row: usize| Some(Cell::Number(synapses.weight()[row]));
    let mut columns = vec![Column { name: "weight", kind: "double", value: Box::new(weight) }];
    columns.extend(synapses.signs().map(|signs| {
        let value = |row: usize| Some(Cell::Sign(signs[row].value()));
        Column { name: "sign", kind: "int", value: Box::new(value) }
    }));
    columns.extend(synapses.kinds().map(|labels| label_column("kind", labels)));
    columns.extend(synapses.columns().iter().map(|(name, labels)| label_column(name, labels)));
    columns
}

/// Name, type and value of the attributes of the graph.
fn graph_attributes(connectome: &Connectome) -> Vec<(&'static str, &'static str, String)> {
    let provenance = connectome.provenance();
    let orientation = ORIENTATIONS.iter().find(|(_, orientation)| *orientation == provenance.orientation());
    let mut attributes = vec![
        ("source", "string", provenance.source().to_owned()),
        ("orientation", "string", orientation.map_or("", |(name, _)| name).to_owned()),
    ];
    attributes.extend(provenance.version().map(|text| ("version", "string", text.to_owned())));
    attributes.extend(provenance.threshold().map(|value| ("threshold", "double", format!("{value:?}"))));
    attributes.extend(provenance.licence().map(|text| ("licence", "string", text.to_owned())));
    attributes.extend(provenance.reference().map(|text| ("reference", "string", text.to_owned())));
    if !provenance.inputs().is_empty() {
        // Texts and a number can always be written.
        let inputs = serde_json::to_string(provenance.inputs()).unwrap_or_default();
        attributes.push(("inputs", "string", inputs));
    }
    attributes
        .extend(connectome.neurons().positions().map(|points| ("position_unit", "string", points.unit().to_owned())));
    attributes
}

/// Refuses further columns that would be read back as something else.
fn check_names(connectome: &Connectome, at: &Location) -> Result<(), Error> {
    let nodes = connectome.neurons().columns().iter().map(|(name, _)| (name, &NODE_COLUMNS[..]));
    let edges = connectome.synapses().columns().iter().map(|(name, _)| (name, &EDGE_COLUMNS[..]));
    for (name, taken) in nodes.chain(edges) {
        if name.is_empty() || taken.contains(&name.as_str()) {
            let what = format!("a further column named {name:?}");
            let remedy = "rename the column, or write .safetensors";
            return Err(Error::Unsupported { at: at.boxed(), what, remedy });
        }
        if forbidden(name).is_some() {
            return Err(control_character(&at.key("name of a further column"), name));
        }
    }
    Ok(())
}

/// Refuses texts that XML cannot hold.
fn check_texts(connectome: &Connectome, at: &Location) -> Result<(), Error> {
    for (name, _, value) in graph_attributes(connectome) {
        if forbidden(&value).is_some() {
            return Err(control_character(&at.key(format!("{name} of the provenance")), &value));
        }
    }
    let ids = connectome.neurons().ids();
    let check = |labels: &Labels, place: &dyn Fn(usize) -> String| {
        // A label that no row has is not written.
        let bad: Vec<bool> = labels.names().iter().map(|name| forbidden(name).is_some()).collect();
        match labels.codes().iter().position(|&code| bad[code as usize]) {
            Some(row) => Err(control_character(&at.key(place(row)), labels.get(row))),
            None => Ok(()),
        }
    };
    let neurons = connectome.neurons();
    if let Some(names) = neurons.names()
        && let Some(row) = names.iter().position(|name| forbidden(name).is_some())
    {
        return Err(control_character(&at.key(format!("name of neuron {row} (id {})", ids[row])), &names[row]));
    }
    let labels = [("type", neurons.types()), ("class", neurons.classes()), ("transmitter", neurons.transmitters())];
    let labels = labels.into_iter().filter_map(|(name, labels)| Some((name, labels?)));
    let further = neurons.columns().iter().map(|(name, labels)| (name.as_str(), labels));
    for (name, labels) in labels.chain(further) {
        check(labels, &|row| format!("{name} of neuron {row} (id {})", ids[row]))?;
    }
    let synapses = connectome.synapses();
    let kinds = synapses.kinds().map(|labels| ("kind", labels));
    let further = synapses.columns().iter().map(|(name, labels)| (name.as_str(), labels));
    for (name, labels) in kinds.into_iter().chain(further) {
        let end = |end: u32| ids[end as usize];
        check(labels, &|row| {
            format!("{name} of synapse row {row} ({} -> {})", end(synapses.pre()[row]), end(synapses.post()[row]))
        })?;
    }
    Ok(())
}

fn control_character(at: &Location, text: &str) -> Error {
    let allowed = "texts without control characters other than tab and line feed, which XML cannot hold";
    Error::BadValue { at: at.boxed(), what: "text for a graph", text: text.to_owned(), allowed }
}

fn write_key(out: &mut dyn Write, scope: char, i: usize, element: &str, name: &str, kind: &str) -> io::Result<()> {
    write!(out, "<key id=\"{scope}{i}\" for=\"{element}\" attr.name=\"")?;
    write_escaped(out, name)?;
    writeln!(out, "\" attr.type=\"{kind}\"/>")
}

fn write_row(out: &mut dyn Write, scope: char, columns: &[Column<'_>], row: usize) -> io::Result<()> {
    for (i, column) in columns.iter().enumerate() {
        match (column.value)(row) {
            None => {}
            Some(Cell::Text(text)) => write_data(out, scope, i, text)?,
            Some(Cell::Number(value)) => write_plain(out, scope, i, format_args!("{value:?}"))?,
            Some(Cell::Sign(value)) => write_plain(out, scope, i, value)?,
        }
    }
    Ok(())
}

fn write_data(out: &mut dyn Write, scope: char, i: usize, text: &str) -> io::Result<()> {
    write!(out, "<data key=\"{scope}{i}\">")?;
    write_escaped(out, text)?;
    out.write_all(b"</data>")
}

fn write_plain(out: &mut dyn Write, scope: char, i: usize, value: impl Display) -> io::Result<()> {
    write!(out, "<data key=\"{scope}{i}\">{value}</data>")
}

/// Text for elements and attributes. Tabs and ends of lines would be read back as blanks or as other ends of lines.
fn write_escaped(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut plain = 0;
    for (i, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\t' => "&#9;",
            b'\n' => "&#10;",
            b'\r' => "&#13;",
            _ => continue,
        };
        out.write_all(&text.as_bytes()[plain..i])?;
        out.write_all(escape.as_bytes())?;
        plain = i + 1;
    }
    out.write_all(&text.as_bytes()[plain..])
}
