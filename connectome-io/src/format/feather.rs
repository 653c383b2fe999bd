//! Tables of edges and neurons in Feather files of version 2, which are Arrow IPC files, `.feather` or `.arrow`. Columns
//! mean what they mean in [`super::csv_tables`]; FlyWire's list of synapses, `flywire_synapses_783.feather`, is one.
//!
//! Read are flat columns of whole numbers of any width, floats, truth values, texts, and dictionaries of texts or numbers,
//! not compressed or by LZ4 or zstd. Other columns may be there as long as nobody asks for them. Memory holds one batch
//! of the columns that are needed. Lengths are held against the file before they are believed, as [`super::parquet`] does.
//!
//! Source: Apache Arrow, *Columnar format*, `File.fbs`, `Message.fbs`, `Schema.fbs`.

mod flatbuffer;
mod schema;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::columnar::codec::{Codec, inflate};
use super::columnar::{Allowance, BATCH, Batches, Column, ColumnarTable, Flaw, Signed, Values};
use crate::options::{Limits, ReadOptions};
use crate::tables::{NeuronFile, read_edges};
use crate::{Connectome, Error, Location, NeuronTable};
use flatbuffer::{List, Object};
use schema::{Field, Kind};

/// Parts of dictionaries that are read, those of a dictionary once for each column that has it.
const MOST_PARTS: usize = 1 << 16;

/// Reads a table of edges and, if there is one, the table of neurons.
///
/// # Errors
/// Those of [`super::parquet::read`]; [`Error::Unsupported`] for Feather files of version 1.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let path = path.as_ref();
    read_edges(&mut open(path, &options.limits)?, path, options)
}

/// Reads a table of neurons.
///
/// # Errors
/// Those of [`super::csv_tables::read_neurons`] and of [`read`].
pub fn read_neurons(path: impl AsRef<Path>, limits: &Limits) -> Result<NeuronTable, Error> {
    Ok(NeuronFile::read(&mut open(path.as_ref(), limits)?)?.table)
}

/// Opens a table.
pub(crate) fn open(path: &Path, limits: &Limits) -> Result<ColumnarTable, Error> {
    let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let at = Location::file(path);
    let io = |source| Error::Io { action: "read", path: path.to_path_buf(), source };
    let short = |needed| Error::Truncated { at: at.boxed(), what: "an Arrow file", needed, available: size };
    let mut head = [0; 4];
    file.read_exact(&mut head).map_err(|_| short(22))?;
    if head == *b"FEA1" {
        return Err(Error::Unsupported {
            at: at.boxed(),
            what: "a Feather file of version 1".to_owned(),
            remedy: "write it as version 2, which is the default of pandas and pyarrow",
        });
    }
    if size < 22 {
        return Err(short(22));
    }
    let mut tail = [0; 10];
    file.seek(SeekFrom::Start(size - 10)).and_then(|_| file.read_exact(&mut tail)).map_err(io)?;
    let [a, b, c, d, ref magic @ ..] = tail;
    if magic != b"ARROW1" {
        return Err(Error::Malformed {
            at: at.byte(size - 6),
            problem: "the file does not end as Arrow files do; it was cut short".to_owned(),
        });
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length > size - 18 {
        return Err(short(length + 18));
    }
    let end = size - 10 - length;
    let mut footer = Vec::new();
    fetch(&mut file, end, length, &mut footer).map_err(|e| e.explain(path, at.key("footer")))?;
    let parts = parse_footer(&footer, end).map_err(|flaw| flaw.at(at.key("footer")))?;
    let Footer { fields, dictionaries, batches } = parts;
    let header = fields.iter().map(|field| field.name.clone()).collect();
    let reader = Reader {
        path: path.to_path_buf(),
        at,
        file,
        fields,
        dictionaries,
        batches,
        batch: 0,
        left: 0,
        message: Vec::new(),
        body: Vec::new(),
        open: Vec::new(),
        words: Vec::new(),
        bytes: 0,
    };
    // Batches state their rows themselves.
    Ok(ColumnarTable::new(path, header, 0, limits, Box::new(reader)))
}

/// What a footer names.
struct Footer {
    fields: Vec<Field>,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
}

/// A message and the data that follow it.
#[derive(Debug, Clone, Copy)]
struct Block {
    start: u64,
    message: u64,
    body: u64,
}

fn parse_footer(bytes: &[u8], end: u64) -> Result<Footer, Flaw> {
    let footer = Object::root(bytes)?;
    let schema = footer.object(1)?.ok_or(Flaw::Bad("there is no schema"))?;
    let fields = schema::fields(schema)?;
    let mut total = 0u64;
    let mut blocks = |list: List<'_>| {
        let mut all = Vec::with_capacity(list.len);
        for index in 0..list.len {
            let [start, message, body] = list.block(index)?.map(u64::try_from);
            let (Ok(start), Ok(message), Ok(body)) = (start, message, body) else {
                return Err(Flaw::Bad("a block has a negative size"));
            };
            // Blocks do not overlap, so all of them together are no longer than the file.
            let length = message.saturating_add(body);
            total = total.saturating_add(length);
            if start.saturating_add(length) > end || total > end || message < 8 {
                return Err(Flaw::Bad("a block lies outside the file or upon another"));
            }
            all.push(Block { start, message, body });
        }
        Ok(all)
    };
    let dictionaries = blocks(footer.list(2, 24)?)?;
    let batches = blocks(footer.list(3, 24)?)?;
    Ok(Footer { fields, dictionaries, batches })
}

/// A file being read.
struct Reader {
    path: PathBuf,
    at: Location,
    file: File,
    fields: Vec<Field>,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
    /// The batch to open next.
    batch: usize,
    /// Rows of the open batch that have not been given.
    left: usize,
    message: Vec<u8>,
    body: Vec<u8>,
    /// The selected columns of the open batch.
    open: Vec<Stored>,
    /// Values of the dictionaries of the selected columns.
    words: Vec<(usize, Words)>,
    bytes: u64,
}

/// A column of a batch.
struct Stored {
    /// One bit per row where some have no value.
    valid: Option<Vec<u8>>,
    data: Vec<u8>,
    /// Bytes of texts.
    texts: Vec<u8>,
    next: usize,
}

/// Values of a dictionary; those of texts are codes.
struct Words {
    values: Values,
    null: Vec<bool>,
}

/// What can go wrong with a block.
enum Fault {
    Io(std::io::Error),
    Flaw(Flaw),
    Codec,
}

impl Fault {
    fn explain(self, path: &Path, at: Box<Location>) -> Error {
        match self {
            Self::Io(source) => Error::Io { action: "read", path: path.to_path_buf(), source },
            Self::Flaw(flaw) => flaw.at(at),
            Self::Codec => Error::Unsupported {
                at,
                what: "a batch compressed in this way".to_owned(),
                remedy: "compress by LZ4 or zstd",
            },
        }
    }
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

fn fetch(file: &mut File, at: u64, n: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.clear();
    out.reserve_exact(usize::try_from(n).map_err(|_| Flaw::Short)?);
    file.seek(SeekFrom::Start(at)).map_err(Fault::Io)?;
    file.take(n).read_to_end(out).map_err(Fault::Io)?;
    if (out.len() as u64) < n { Err(Flaw::Short.into()) } else { Ok(()) }
}

/// The header of the message in a block: 1 of a batch that is a dictionary's, 3 of one that is the table's.
fn message(bytes: &[u8], wanted: u8) -> Result<Object<'_>, Flaw> {
    // Since version 0.15 a mark precedes the length.
    let skip = if bytes.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = Object::root(bytes.get(skip..).ok_or(Flaw::Short)?)?;
    if message.byte(1, 0)? != wanted {
        return Err(Flaw::Bad("a block holds a message of another kind"));
    }
    message.object(2)?.ok_or(Flaw::Bad("a message has no header"))
}

/// Where buffers come from.
struct Source<'a> {
    file: &'a mut File,
    /// Room for what comes as it is.
    raw: &'a mut Vec<u8>,
    allowance: &'a mut Allowance,
}

/// A batch of columns.
struct Batch<'a> {
    rows: usize,
    nodes: List<'a>,
    buffers: List<'a>,
    codec: Option<Codec>,
}

impl<'a> Batch<'a> {
    fn of(object: Object<'a>) -> Result<Self, Fault> {
        let codec = match object.object(3)? {
            None => None,
            Some(compression) => match compression.byte(0, 0)? {
                0 => Some(Codec::Lz4Frame),
                1 => Some(Codec::Zstd),
                _ => return Err(Fault::Codec),
            },
        };
        let rows = usize::try_from(object.int64(0)?).map_err(|_| Flaw::Bad("a batch has a negative length"))?;
        Ok(Self { rows, nodes: object.list(1, 16)?, buffers: object.list(2, 16)?, codec })
    }

    /// A buffer, inflated.
    fn buffer(&self, index: usize, from: &mut Source<'_>, block: &Block) -> Result<Vec<u8>, Fault> {
        if index >= self.buffers.len {
            return Err(Flaw::Bad("a batch lacks buffers").into());
        }
        let [start, length] = self.buffers.pair(index)?.map(u64::try_from);
        let (Ok(start), Ok(length)) = (start, length) else {
            return Err(Flaw::Bad("a buffer has a negative size").into());
        };
        if start.checked_add(length).is_none_or(|end| end > block.body) {
            return Err(Flaw::Bad("a buffer lies outside its batch").into());
        }
        // Buffers may lie upon each other.
        from.allowance.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        fetch(from.file, block.start + block.message + start, length, from.raw)?;
        let (Some(codec), Some((size, packed))) = (self.codec, from.raw.split_first_chunk()) else {
            return Ok(std::mem::take(from.raw));
        };
        let size = i64::from_le_bytes(*size);
        let mut out = Vec::new();
        if size == -1 {
            out.extend_from_slice(packed);
        } else {
            let size = usize::try_from(size).map_err(|_| Flaw::Bad("a buffer has a negative size"))?;
            from.allowance.take(size)?;
            inflate(codec, packed, size, &mut out)?;
        }
        Ok(out)
    }

    /// A column, whose buffers must be as long as its rows need.
    fn column(
        &self,
        (node, buffer, kind): (usize, usize, Kind),
        from: &mut Source<'_>,
        block: &Block,
    ) -> Result<Stored, Fault> {
        if node >= self.nodes.len {
            return Err(Flaw::Bad("a batch lacks columns").into());
        }
        let [rows, nulls] = self.nodes.pair(node)?;
        if usize::try_from(rows) != Ok(self.rows) {
            return Err(Flaw::Bad("a column does not have one value per row").into());
        }
        let valid = if nulls == 0 { Vec::new() } else { self.buffer(buffer, from, block)? };
        let valid = (!valid.is_empty()).then_some(valid);
        let data = self.buffer(buffer + 1, from, block)?;
        let texts = match kind {
            Kind::Text(_) => self.buffer(buffer + 2, from, block)?,
            _ => Vec::new(),
        };
        let needed = match kind {
            Kind::Bool => Some(self.rows.div_ceil(8)),
            Kind::Int(width, _) | Kind::Float(width) => self.rows.checked_mul(width),
            Kind::Text(_) if self.rows == 0 => Some(0),
            Kind::Text(width) => self.rows.checked_add(1).and_then(|n| n.checked_mul(width)),
        };
        let bits = valid.as_ref().is_none_or(|valid| valid.len() >= self.rows.div_ceil(8));
        if needed.is_none_or(|needed| data.len() < needed) || !bits {
            return Err(Flaw::Bad("a buffer is shorter than its column").into());
        }
        Ok(Stored { valid, data, texts, next: 0 })
    }
}

impl Stored {
    /// The next `n` values.
    fn read(&mut self, n: usize, kind: Kind, words: Option<&Words>, out: &mut Column) -> Result<(), Flaw> {
        let rows = self.next..self.next + n;
        self.next += n;
        let there = |row: usize| self.valid.as_ref().is_none_or(|valid| valid[row / 8] >> (row % 8) & 1 == 1);
        if self.valid.is_some() {
            out.null.extend(rows.clone().map(|row| !there(row)));
        }
        if let Some(words) = words {
            let mut indices = Values::default();
            self.values(rows.clone(), kind, &mut indices, out)?;
            return look_up(words, &indices, &rows.map(there).collect::<Vec<_>>(), out);
        }
        let mut values = std::mem::take(&mut out.values);
        let done = self.values(rows, kind, &mut values, out);
        out.values = values;
        done
    }

    /// Values of some rows.
    fn values(
        &self,
        rows: std::ops::Range<usize>,
        kind: Kind,
        values: &mut Values,
        out: &mut Column,
    ) -> Result<(), Flaw> {
        fn ints<const N: usize>(data: &[u8], rows: std::ops::Range<usize>, from: fn([u8; N]) -> i64) -> Values {
            Values::Int(data.as_chunks::<N>().0[rows].iter().map(|word| from(*word)).collect())
        }
        let data = &self.data;
        *values = match kind {
            Kind::Bool => Values::Int(rows.map(|row| i64::from(data[row / 8] >> (row % 8) & 1)).collect()),
            Kind::Int(1, Signed::Yes) => ints(data, rows, |b| i64::from(i8::from_le_bytes(b))),
            Kind::Int(1, Signed::No) => ints(data, rows, |b| i64::from(u8::from_le_bytes(b))),
            Kind::Int(2, Signed::Yes) => ints(data, rows, |b| i64::from(i16::from_le_bytes(b))),
            Kind::Int(2, Signed::No) => ints(data, rows, |b| i64::from(u16::from_le_bytes(b))),
            Kind::Int(4, Signed::Yes) => ints(data, rows, |b| i64::from(i32::from_le_bytes(b))),
            Kind::Int(4, Signed::No) => ints(data, rows, |b| i64::from(u32::from_le_bytes(b))),
            Kind::Int(_, Signed::Yes) => ints(data, rows, i64::from_le_bytes),
            Kind::Int(_, Signed::No) => {
                Values::Large(data.as_chunks().0[rows].iter().map(|word| u64::from_le_bytes(*word)).collect())
            }
            Kind::Float(4) => Values::Float(
                data.as_chunks().0[rows].iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect(),
            ),
            Kind::Float(_) => {
                Values::Float(data.as_chunks().0[rows].iter().map(|word| f64::from_le_bytes(*word)).collect())
            }
            Kind::Text(width) => {
                let offset = |row: usize| {
                    let word = &data[row * width..(row + 1) * width];
                    usize::try_from(word.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte)))
                };
                let mut codes = Vec::with_capacity(rows.len());
                for row in rows {
                    let (Ok(start), Ok(end)) = (offset(row), offset(row + 1)) else {
                        return Err(Flaw::Short);
                    };
                    let text = self.texts.get(start..end).ok_or(Flaw::Bad("a text lies outside its buffer"))?;
                    let text = std::str::from_utf8(text).map_err(|_| Flaw::Bad("a text is not in UTF-8"))?;
                    codes.push(out.texts.code(text));
                }
                Values::Text(codes)
            }
        };
        Ok(())
    }
}

/// Puts the entries of a dictionary in place of their indices.
fn look_up(words: &Words, indices: &Values, there: &[bool], out: &mut Column) -> Result<(), Flaw> {
    let index = |row: usize| {
        let index = match indices {
            Values::Int(values) => usize::try_from(values[row]).ok(),
            Values::Large(values) => usize::try_from(values[row]).ok(),
            Values::Float(_) | Values::Text(_) | Values::Coded(..) => None,
        };
        // The index of a row without value means nothing.
        index.filter(|&index| index < words.values.len()).or((!there[row]).then_some(usize::MAX))
    };
    fn pick<T: Copy + Default>(all: &[T], n: usize, index: impl Fn(usize) -> Option<usize>) -> Result<Vec<T>, Flaw> {
        const OUTSIDE: Flaw = Flaw::Bad("an index lies outside its dictionary");
        (0..n).map(|row| Ok(all.get(index(row).ok_or(OUTSIDE)?).copied().unwrap_or_default())).collect()
    }
    let n = there.len();
    if !words.null.is_empty() {
        out.null.resize(n, false);
        for (row, null) in out.null.iter_mut().enumerate() {
            *null |= index(row).is_some_and(|index| words.null.get(index).copied().unwrap_or(false));
        }
    }
    out.values = match &words.values {
        Values::Int(all) => Values::Int(pick(all, n, index)?),
        Values::Large(all) => Values::Large(pick(all, n, index)?),
        Values::Float(all) => Values::Float(pick(all, n, index)?),
        // only the reader of Parquet makes them
        Values::Coded(..) => return Err(Flaw::Short),
        Values::Text(all) => {
            // A row without value keeps a code that is there.
            out.texts.code("");
            Values::Text(pick(all, n, index)?)
        }
    };
    Ok(())
}

impl Reader {
    fn explain(&self, fault: Fault, column: Option<usize>) -> Error {
        let at = match column {
            Some(column) => self.at.key(format!("column {:?}", self.fields[column].name)),
            None => self.at.boxed(),
        };
        fault.explain(&self.path, at)
    }

    /// Reads the dictionaries of the selected columns; later ones of the same number go on where they say so.
    fn read_dictionaries(
        &mut self,
        selected: &[usize],
        columns: &mut [Column],
        allowance: &mut Allowance,
    ) -> Result<(), Error> {
        let mut parts = 0;
        for block in std::mem::take(&mut self.dictionaries) {
            fetch(&mut self.file, block.start, block.message, &mut self.message)
                .map_err(|fault| self.explain(fault, None))?;
            for &column in selected {
                let read = self.read_dictionary(&block, column, &mut columns[column], allowance);
                parts += match read {
                    Ok(read) => usize::from(read),
                    Err(fault) => return Err(self.explain(fault, Some(column))),
                };
                if parts > MOST_PARTS {
                    let fault = Flaw::Bad("dictionaries come in more parts than are read").into();
                    return Err(self.explain(fault, Some(column)));
                }
            }
        }
        Ok(())
    }

    /// Whether it is the column's.
    fn read_dictionary(
        &mut self,
        block: &Block,
        column: usize,
        out: &mut Column,
        allowance: &mut Allowance,
    ) -> Result<bool, Fault> {
        let (Some((wanted, _)), Some(kind)) = (self.fields[column].dictionary, self.fields[column].kind) else {
            return Ok(false);
        };
        let header = message(&self.message, 2)?;
        if header.int64(0)? != wanted {
            return Ok(false);
        }
        let batch = Batch::of(header.object(1)?.ok_or(Flaw::Bad("a dictionary has no values"))?)?;
        let mut from = Source { file: &mut self.file, raw: &mut self.body, allowance };
        let mut stored = batch.column((0, 0, kind), &mut from, block)?;
        let mut part = Column { texts: std::mem::take(&mut out.texts), ..Column::default() };
        let read = stored.read(batch.rows, kind, None, &mut part);
        out.texts = std::mem::take(&mut part.texts);
        read?;
        let delta = header.byte(2, 0)? != 0;
        let known = self.words.iter_mut().find(|(of, _)| *of == column);
        match known {
            Some((_, words)) if delta => words.append(part)?,
            Some((_, words)) => *words = Words { values: part.values, null: part.null },
            None => self.words.push((column, Words { values: part.values, null: part.null })),
        }
        Ok(true)
    }

    fn open_batch(&mut self, selected: &[usize], allowance: &mut Allowance) -> Result<(), Error> {
        let block = self.batches[self.batch];
        self.batch += 1;
        self.bytes = block.start + block.message + block.body;
        self.open.clear();
        fetch(&mut self.file, block.start, block.message, &mut self.message)
            .map_err(|fault| self.explain(fault, None))?;
        for &column in selected {
            match self.open_column(&block, column, allowance) {
                Ok((rows, stored)) => {
                    self.left = rows;
                    self.open.push(stored);
                }
                Err(fault) => return Err(self.explain(fault, Some(column))),
            }
        }
        Ok(())
    }

    fn open_column(
        &mut self,
        block: &Block,
        column: usize,
        allowance: &mut Allowance,
    ) -> Result<(usize, Stored), Fault> {
        let field = &self.fields[column];
        let kind = stored_kind(field).ok_or(Flaw::Short)?;
        let batch = Batch::of(message(&self.message, 3)?)?;
        let place = (field.node, field.buffer, kind);
        let mut from = Source { file: &mut self.file, raw: &mut self.body, allowance };
        Ok((batch.rows, batch.column(place, &mut from, block)?))
    }
}

/// What a batch holds of a column: its values, or indices into a dictionary.
fn stored_kind(field: &Field) -> Option<Kind> {
    field.kind.map(|kind| field.dictionary.map_or(kind, |(_, indices)| indices))
}

impl Words {
    /// Goes on with further values of the same kind.
    fn append(&mut self, part: Column) -> Result<(), Flaw> {
        let n = self.values.len();
        match (&mut self.values, part.values) {
            (Values::Int(all), Values::Int(more)) => all.extend(more),
            (Values::Large(all), Values::Large(more)) => all.extend(more),
            (Values::Float(all), Values::Float(more)) => all.extend(more),
            (Values::Text(all), Values::Text(more)) => all.extend(more),
            _ => return Err(Flaw::Bad("a dictionary goes on with values of another kind")),
        }
        if !self.null.is_empty() || !part.null.is_empty() {
            self.null.resize(n, false);
            self.null.extend(part.null);
            self.null.resize(self.values.len(), false);
        }
        Ok(())
    }
}

impl Batches for Reader {
    fn select(&mut self, columns: &[usize]) -> Result<(), Error> {
        match columns.iter().find(|&&column| self.fields[column].kind.is_none()) {
            None => Ok(()),
            Some(&column) => Err(Error::Unsupported {
                at: self.at.key(format!("column {:?}", self.fields[column].name)),
                what: "a column of this type".to_owned(),
                remedy: "write it as numbers or texts, or leave it out",
            }),
        }
    }

    fn next(&mut self, selected: &[usize], columns: &mut [Column], allowance: &mut Allowance) -> Result<usize, Error> {
        self.read_dictionaries(selected, columns, allowance)?;
        while self.left == 0 {
            if self.batch == self.batches.len() {
                return Ok(0);
            }
            self.open_batch(selected, allowance)?;
        }
        let n = BATCH.min(self.left);
        for (i, &column) in selected.iter().enumerate() {
            let words = self.words.iter().find(|(of, _)| *of == column).map(|(_, words)| words);
            let read = match (self.fields[column].dictionary, words, stored_kind(&self.fields[column])) {
                (Some(_), None, _) | (_, _, None) => Err(Flaw::Bad("its dictionary is not there")),
                (_, words, Some(kind)) => self.open[i].read(n, kind, words, &mut columns[column]),
            };
            if let Err(flaw) = read {
                return Err(self.explain(flaw.into(), Some(column)));
            }
        }
        self.left -= n;
        Ok(n)
    }

    /// A batch of the file holds all columns.
    fn again(&self) -> Option<Box<dyn Batches>> {
        None
    }

    fn bytes_read(&self) -> u64 {
        self.bytes
    }
}
