//! A connectome as two tables that [`super::read`] reads back.

use std::io;
use std::path::Path;

use csv::Writer;

use crate::atomic::write_atomic_gz;
use crate::tables::{EdgeColumns, NeuronColumns, sign_text};
use crate::{Connectome, Error, Labels, Location};

/// Writes the edges to `path` and the neurons to `neurons.csv` beside it, gzipped if `path` ends in `.gz`; each file
/// appears whole or not at all, the neurons first. Weights are written in full precision.
///
/// A table holds no provenance and no lattice; write `.safetensors` to keep all.
///
/// # Errors
/// [`Error::Unsupported`] for connectomes with a lattice, and for further columns whose name would be read back as
/// something else; [`Error::Io`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let at = Location::file(path);
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let neurons_path = path.with_file_name(if gzip { "neurons.csv.gz" } else { "neurons.csv" });
    if neurons_path == path {
        let what = "a table of edges of this name".to_owned();
        return Err(Error::Unsupported {
            at: at.boxed(),
            what,
            remedy: "name the file edges.csv: the neurons go to neurons.csv",
        });
    }
    let [neuron_header, edge_header] = headers(connectome, &at)?;
    write_atomic_gz(&neurons_path, |out| write_neurons(connectome, &neuron_header, &mut Writer::from_writer(out)))?;
    write_atomic_gz(path, |out| write_edges(connectome, &edge_header, &mut Writer::from_writer(out)))
}

/// Names of the columns of neurons and edges, if the tables can hold the connectome.
pub(crate) fn headers(connectome: &Connectome, at: &Location) -> Result<[Vec<String>; 2], Error> {
    if connectome.lattice().is_some() {
        let what = "a lattice connectome as tables".to_owned();
        return Err(Error::Unsupported { at: at.boxed(), what, remedy: "write it as .safetensors" });
    }
    let (neurons, edges) = (neuron_header(connectome), edge_header(connectome));
    check(connectome, &neurons, &edges, at)?;
    Ok([neurons, edges])
}

fn neuron_header(connectome: &Connectome) -> Vec<String> {
    let neurons = connectome.neurons();
    let optional = [
        ("name", neurons.names().is_some()),
        ("type", neurons.types().is_some()),
        ("class", neurons.classes().is_some()),
        ("transmitter", neurons.transmitters().is_some()),
        ("sign", neurons.signs().is_some()),
    ];
    let mut header = vec!["idx".to_owned(), "id".to_owned()];
    header.extend(optional.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()));
    if let Some(positions) = neurons.positions() {
        let unit = positions.unit();
        header.extend(["x", "y", "z"].map(
            |axis| {
                if unit.is_empty() { axis.to_owned() } else { format!("{axis} [{unit}]") }
            },
        ));
    }
    header.extend(neurons.columns().iter().map(|(name, _)| name.clone()));
    header
}

fn edge_header(connectome: &Connectome) -> Vec<String> {
    let synapses = connectome.synapses();
    let mut header = vec!["pre".to_owned(), "post".to_owned(), "weight".to_owned()];
    header.extend(synapses.signs().map(|_| "sign".to_owned()));
    header.extend(synapses.kinds().map(|_| "kind".to_owned()));
    header.extend(synapses.columns().iter().map(|(name, _)| name.clone()));
    header
}

/// Refuses headers that mean something else when they are read.
fn check(connectome: &Connectome, neurons: &[String], edges: &[String], at: &Location) -> Result<(), Error> {
    let (table, synapses) = (connectome.neurons(), connectome.synapses());
    let first_node = neurons.len() - table.columns().len();
    let first_edge = edges.len() - synapses.columns().len();
    let reads_back = |read: NeuronColumns| {
        read.further == (first_node..neurons.len()).collect::<Vec<_>>()
            && read.unit == table.positions().map_or("", crate::Positions::unit)
    };
    let edges_read_back = |read: EdgeColumns| {
        read.part.is_none()
            && read.kind.is_some() == synapses.kinds().is_some()
            && read.sign.is_some() == synapses.signs().is_some()
            && read.further == (first_edge..edges.len()).collect::<Vec<_>>()
    };
    let good = neurons
        .iter()
        .chain(edges)
        .all(|name| name.trim() == name && !name.is_empty() && !name.starts_with('\u{feff}'))
        && NeuronColumns::find(neurons, at).is_ok_and(reads_back)
        && EdgeColumns::find(edges, None, at).is_ok_and(edges_read_back);
    if good {
        return Ok(());
    }
    Err(Error::Unsupported {
        at: at.boxed(),
        what: format!("a further column whose name is taken or blank, among {neurons:?} and {edges:?},"),
        remedy: "rename the column, or write .safetensors",
    })
}

/// The labels of a row, one cell each.
fn push_labels<'a>(record: &mut Vec<&'a str>, columns: impl IntoIterator<Item = &'a Labels>, row: usize) {
    record.extend(columns.into_iter().map(|labels| labels.get(row)));
}

fn write_neurons(connectome: &Connectome, header: &[String], out: &mut Writer<&mut dyn io::Write>) -> io::Result<()> {
    let neurons = connectome.neurons();
    out.write_record(header)?;
    for (row, id) in neurons.ids().iter().enumerate() {
        let numbers = [row.to_string(), id.to_string()];
        let point = neurons.positions().map(|positions| match positions.points()[row] {
            Some(point) => point.map(|c| c.to_string()),
            None => Default::default(),
        });
        let mut record: Vec<&str> = numbers.iter().map(String::as_str).collect();
        record.extend(neurons.names().map(|names| names[row].as_str()));
        push_labels(
            &mut record,
            [neurons.types(), neurons.classes(), neurons.transmitters()].into_iter().flatten(),
            row,
        );
        record.extend(neurons.signs().map(|signs| sign_text(signs[row])));
        record.extend(point.iter().flatten().map(String::as_str));
        push_labels(&mut record, neurons.columns().iter().map(|(_, labels)| labels), row);
        out.write_record(&record)?;
    }
    out.flush()
}

fn write_edges(connectome: &Connectome, header: &[String], out: &mut Writer<&mut dyn io::Write>) -> io::Result<()> {
    let synapses = connectome.synapses();
    out.write_record(header)?;
    for row in 0..synapses.len() {
        let numbers =
            [synapses.pre()[row].to_string(), synapses.post()[row].to_string(), synapses.weight()[row].to_string()];
        let mut record: Vec<&str> = numbers.iter().map(String::as_str).collect();
        record.extend(synapses.signs().map(|signs| sign_text(signs[row])));
        push_labels(&mut record, synapses.kinds(), row);
        push_labels(&mut record, synapses.columns().iter().map(|(_, labels)| labels), row);
        out.write_record(&record)?;
    }
    out.flush()
}
