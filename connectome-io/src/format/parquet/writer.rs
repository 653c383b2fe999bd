//! A connectome as two Parquet tables that [`super::read`] reads back.

use std::io::Write;
use std::path::Path;

use super::metadata::MAGIC;
use super::thrift::{BINARY, I32, STRUCT, Writer};
use crate::atomic::write_atomic;
use crate::format::csv_tables::headers;
use crate::{Connectome, Error, Labels, Location, Sign};

/// Rows of a group.
const GROUP: usize = 1 << 20;
/// Rows of a page.
const PAGE: usize = 1 << 16;
/// Bytes of texts from which on a page ends.
const TEXTS: usize = 1 << 20;
/// Bytes of a dictionary at most.
const DICTIONARY: usize = 1 << 26;

/// Writes the edges to `path` and the neurons to `neurons.parquet` beside it, with the columns that
/// [`crate::format::csv_tables::write`] gives them; each file appears whole or not at all, the neurons first. Indices are
/// unsigned numbers of 32 bits, ids signed ones of 64, weights f64, signs of 8 bits, all else texts; pages are compressed
/// by snappy.
///
/// # Errors
/// [`Error::Unsupported`] for connectomes with a lattice, and for further columns whose name would be read back as
/// something else; [`Error::Io`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let at = Location::file(path);
    let neurons_path = path.with_file_name("neurons.parquet");
    if neurons_path == path {
        let what = "a table of edges of this name".to_owned();
        let remedy = "name the file edges.parquet: the neurons go to neurons.parquet";
        return Err(Error::Unsupported { at: at.boxed(), what, remedy });
    }
    let [neuron_names, edge_names] = headers(connectome, &at)?;
    let numbers: Vec<u32> = (0..connectome.n_neurons() as u32).collect();
    write_table(&neurons_path, connectome.n_neurons(), &neuron_names, &neuron_columns(connectome, &numbers))?;
    write_table(path, connectome.n_synapses(), &edge_names, &edge_columns(connectome))
}

/// The values of a column.
enum Values<'a> {
    Index(&'a [u32]),
    Id(&'a [i64]),
    Weight(&'a [f64]),
    Sign(&'a [Sign]),
    /// One axis of positions, some of them not known.
    Axis(&'a [Option<[f64; 3]>], usize),
    Texts(&'a [String]),
    Labels(&'a Labels),
}

/// In the order of the header.
fn neuron_columns<'a>(connectome: &'a Connectome, numbers: &'a [u32]) -> Vec<Values<'a>> {
    let neurons = connectome.neurons();
    let labels = [neurons.types(), neurons.classes(), neurons.transmitters()].into_iter().flatten();
    let mut columns = vec![Values::Index(numbers), Values::Id(neurons.ids())];
    columns.extend(neurons.names().map(Values::Texts));
    columns.extend(labels.map(Values::Labels));
    columns.extend(neurons.signs().map(Values::Sign));
    let points = neurons.positions().map(crate::Positions::points);
    columns.extend(points.into_iter().flat_map(|points| (0..3).map(move |axis| Values::Axis(points, axis))));
    columns.extend(neurons.columns().iter().map(|(_, labels)| Values::Labels(labels)));
    columns
}

/// In the order of the header.
fn edge_columns(connectome: &Connectome) -> Vec<Values<'_>> {
    let synapses = connectome.synapses();
    let mut columns =
        vec![Values::Index(synapses.pre()), Values::Index(synapses.post()), Values::Weight(synapses.weight())];
    columns.extend(synapses.signs().map(Values::Sign));
    columns.extend(synapses.kinds().map(Values::Labels));
    columns.extend(synapses.columns().iter().map(|(_, labels)| Values::Labels(labels)));
    columns
}

impl Values<'_> {
    /// Physical type, converted type, and whether values may be missing.
    fn ty(&self) -> (i32, Option<i32>, bool) {
        match self {
            Self::Index(_) => (1, Some(13), false),
            Self::Id(_) => (2, None, false),
            Self::Weight(_) => (5, None, false),
            Self::Sign(_) => (1, Some(15), false),
            Self::Axis(..) => (5, None, true),
            Self::Texts(_) | Self::Labels(_) => (6, Some(0), false),
        }
    }

    /// The values of some rows as a page has them.
    fn page(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        let mut page = Vec::new();
        match self {
            Self::Index(values) => values[rows].iter().for_each(|value| page.extend_from_slice(&value.to_le_bytes())),
            Self::Id(values) => values[rows].iter().for_each(|value| page.extend_from_slice(&value.to_le_bytes())),
            Self::Weight(values) => values[rows].iter().for_each(|value| page.extend_from_slice(&value.to_le_bytes())),
            Self::Sign(values) => {
                values[rows].iter().for_each(|sign| page.extend_from_slice(&i32::from(sign.value()).to_le_bytes()));
            }
            Self::Axis(points, axis) => {
                let there: Vec<u32> = points[rows.clone()].iter().map(|point| u32::from(point.is_some())).collect();
                let levels = packed(&there, 1);
                page.extend_from_slice(&(levels.len() as u32).to_le_bytes());
                page.extend_from_slice(&levels);
                points[rows].iter().flatten().for_each(|point| page.extend_from_slice(&point[*axis].to_le_bytes()));
            }
            Self::Texts(_) | Self::Labels(_) => rows.for_each(|row| push_text(&mut page, self.text(row).unwrap_or(""))),
        }
        page
    }

    /// The text in a row of a column of texts.
    fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Texts(texts) => Some(&texts[row]),
            Self::Labels(labels) => Some(&labels.names()[labels.codes()[row] as usize]),
            _ => None,
        }
    }

    /// Where the page that begins at row `first` ends.
    fn page_end(&self, first: usize, end: usize) -> usize {
        let end = end.min(first + PAGE);
        let mut bytes = 0;
        let full = (first..end).find(|&row| {
            bytes += self.text(row).map_or(0, str::len);
            bytes >= TEXTS
        });
        full.map_or(end, |last| last + 1)
    }
}

/// The texts of a column in some rows, each once, and which of them each row has.
struct Dictionary {
    page: Vec<u8>,
    n: usize,
    codes: Vec<u32>,
}

impl Dictionary {
    /// `None` where most rows have a text of their own, or the texts are long.
    fn of(labels: &Labels, rows: std::ops::Range<usize>) -> Option<Self> {
        const NEW: u32 = u32::MAX;
        let mut places = vec![NEW; labels.n_names()];
        let mut dictionary = Self { page: Vec::new(), n: 0, codes: Vec::with_capacity(rows.len()) };
        for &code in &labels.codes()[rows.clone()] {
            let place = &mut places[code as usize];
            if *place == NEW {
                *place = dictionary.n as u32;
                dictionary.n += 1;
                push_text(&mut dictionary.page, &labels.names()[code as usize]);
                if dictionary.page.len() > DICTIONARY || 2 * dictionary.n > rows.len().max(2) {
                    return None;
                }
            }
            dictionary.codes.push(*place);
        }
        Some(dictionary)
    }

    /// Places of some rows as a page has them.
    fn coded(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        let width = (self.n.max(2) - 1).ilog2() + 1;
        [vec![width as u8], packed(&self.codes[rows], width)].concat()
    }
}

fn push_text(page: &mut Vec<u8>, text: &str) {
    page.extend_from_slice(&(text.len() as u32).to_le_bytes());
    page.extend_from_slice(text.as_bytes());
}

/// One stretch of packed numbers with its head.
fn packed(values: &[u32], width: u32) -> Vec<u8> {
    let groups = values.len().div_ceil(8);
    let mut head = Writer::default();
    head.varint((groups as u64) << 1 | 1);
    let mut bytes = head.bytes;
    let start = bytes.len();
    bytes.resize(start + groups * width as usize, 0);
    for (i, &value) in values.iter().enumerate() {
        let bit = i * width as usize;
        let word = u64::from(value) << (bit % 8);
        for (to, from) in bytes[start + bit / 8..].iter_mut().zip(word.to_le_bytes()) {
            *to |= from;
        }
    }
    bytes
}

/// Where a chunk lies and how long it is.
struct Chunk {
    dictionary: Option<u64>,
    data: u64,
    bytes: u64,
    inflated: u64,
    rows: usize,
}

/// A file being written.
struct Output<'a> {
    out: &'a mut dyn Write,
    at: u64,
    snappy: snap::raw::Encoder,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// A page after its header; gives the size that it would have without compression.
    fn page(&mut self, kind: i32, n: usize, encoding: i32, page: &[u8]) -> std::io::Result<u64> {
        let packed = self.snappy.compress_vec(page).map_err(std::io::Error::other)?;
        let long = |_| std::io::Error::other("a text is longer than a page of Parquet may be");
        let [inflated, size] = [page.len(), packed.len()].map(|length| i32::try_from(length).map_err(long));
        let (inflated, size) = (inflated?, size?);
        let header = Writer::structure(|header| {
            header.int32(1, kind);
            header.int32(2, inflated);
            header.int32(3, size);
            header.field(if kind == 2 { 7 } else { 5 }, |inner| {
                inner.int32(1, n as i32);
                inner.int32(2, encoding);
                if kind == 0 {
                    inner.int32(3, 3);
                    inner.int32(4, 3);
                }
            });
        });
        self.put(&header)?;
        self.put(&packed)?;
        Ok((header.len() + page.len()) as u64)
    }

    fn chunk(&mut self, values: &Values<'_>, rows: std::ops::Range<usize>) -> std::io::Result<Chunk> {
        let start = self.at;
        let dictionary = match values {
            Values::Labels(labels) => Dictionary::of(labels, rows.clone()),
            _ => None,
        };
        let mut inflated = match &dictionary {
            Some(dictionary) => self.page(2, dictionary.n, 0, &dictionary.page)?,
            None => 0,
        };
        let data = self.at;
        let mut first = rows.start;
        while first < rows.end {
            let (end, encoding, page);
            match &dictionary {
                Some(dictionary) => {
                    end = rows.end.min(first + PAGE);
                    (encoding, page) = (8, dictionary.coded(first - rows.start..end - rows.start));
                }
                None => {
                    end = values.page_end(first, rows.end);
                    (encoding, page) = (0, values.page(first..end));
                }
            }
            inflated += self.page(0, end - first, encoding, &page)?;
            first = end;
        }
        let dictionary = dictionary.map(|_| start);
        Ok(Chunk { dictionary, data, bytes: self.at - start, inflated, rows: rows.len() })
    }
}

fn write_table(path: &Path, rows: usize, names: &[String], columns: &[Values<'_>]) -> Result<(), Error> {
    let io = |source| Error::Io { action: "write", path: path.to_path_buf(), source };
    write_atomic(path, |out| {
        let mut output = Output { out, at: 0, snappy: snap::raw::Encoder::new() };
        output.put(MAGIC).map_err(io)?;
        let mut groups = Vec::new();
        for first in (0..rows).step_by(GROUP) {
            let some = first..(first + GROUP).min(rows);
            let chunks = columns.iter().map(|values| output.chunk(values, some.clone())).collect::<Result<Vec<_>, _>>();
            groups.push(chunks.map_err(io)?);
        }
        let footer = footer(rows, names, columns, &groups);
        output.put(&footer).map_err(io)?;
        output.put(&(footer.len() as u32).to_le_bytes()).map_err(io)?;
        output.put(MAGIC).map_err(io)
    })
}

fn footer(rows: usize, names: &[String], columns: &[Values<'_>], groups: &[Vec<Chunk>]) -> Vec<u8> {
    Writer::structure(|footer| {
        footer.int32(1, 1);
        footer.list(2, STRUCT, columns.len() + 1);
        footer.entry(|root| {
            root.text(4, "schema");
            root.int32(5, columns.len() as i32);
        });
        for (name, values) in names.iter().zip(columns) {
            let (physical, converted, optional) = values.ty();
            footer.entry(|element| {
                element.int32(1, physical);
                element.int32(3, i32::from(optional));
                element.text(4, name);
                if let Some(converted) = converted {
                    element.int32(6, converted);
                }
            });
        }
        footer.int64(3, rows as i64);
        footer.list(4, STRUCT, groups.len());
        for chunks in groups {
            footer.entry(|group| {
                group.list(1, STRUCT, chunks.len());
                for ((chunk, name), values) in chunks.iter().zip(names).zip(columns) {
                    group.entry(|entry| {
                        entry.int64(2, chunk.data as i64);
                        entry.field(3, |meta| describe(meta, chunk, name, values));
                    });
                }
                group.int64(2, chunks.iter().map(|chunk| chunk.inflated as i64).sum());
                group.int64(3, chunks.first().map_or(0, |chunk| chunk.rows as i64));
            });
        }
        footer.text(6, concat!("connectome-io version ", env!("CARGO_PKG_VERSION")));
    })
}

fn describe(meta: &mut Writer, chunk: &Chunk, name: &str, values: &Values<'_>) {
    meta.int32(1, values.ty().0);
    let encodings: &[i64] = if chunk.dictionary.is_some() { &[0, 3, 8] } else { &[0, 3] };
    meta.list(2, I32, encodings.len());
    encodings.iter().for_each(|&encoding| meta.signed(encoding));
    meta.list(3, BINARY, 1);
    meta.text_entry(name);
    meta.int32(4, 1);
    meta.int64(5, chunk.rows as i64);
    meta.int64(6, chunk.inflated as i64);
    meta.int64(7, chunk.bytes as i64);
    meta.int64(9, chunk.data as i64);
    if let Some(dictionary) = chunk.dictionary {
        meta.int64(11, dictionary as i64);
    }
}
