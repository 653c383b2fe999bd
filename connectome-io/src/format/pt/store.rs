//! Elements of tensors, from wherever the file keeps them.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::super::npy::read_up_to;
use super::super::pickle::{Budget, Graph, Node, Part, SparseTensor};
use super::super::zip_members::{self, Members};
use super::{Storage, TensorSpec, legacy};
use crate::array::ArrayData;
use crate::options::Limits;
use crate::source::explain;
use crate::{Array, Dtype, Error, Location};

/// Bytes that are converted at a time; fits the cache of a core.
pub(super) const CHUNK: usize = 256 << 10;

/// The member that holds the pickle, in the folder that gives the archive its name.
const PICKLE: &str = "data.pkl";

/// An open file.
pub(crate) struct File {
    pub(crate) store: Store,
    pickle: Vec<u8>,
    /// Where the pickle is, for messages.
    at: Location,
    /// What is in memory before the pickle is interpreted.
    budget: Budget,
}

/// The part of a file that holds elements.
pub(crate) struct Store {
    kind: Kind,
    big_endian: bool,
    pub(super) at: Location,
}

enum Kind {
    Zip {
        members: Box<Members>,
        folder: String,
    },
    Legacy {
        file: fs::File,
        index: std::collections::HashMap<String, (u64, u64)>,
    },
    /// A plain pickle: arrays lie in it.
    None,
}

/// Elements on their way.
pub(super) struct Stream<'a> {
    pub(super) reader: &'a mut dyn Read,
    /// Whether the file is known to hold all bytes.
    pub(super) certain: bool,
    pub(super) at: &'a Location,
}

impl Stream<'_> {
    /// Fills the buffer, or says how much is missing.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let got = read_up_to(self.reader, buffer).map_err(|e| explain(self.at, e))?;
        if got < buffer.len() {
            return Err(Error::Truncated {
                at: self.at.boxed(),
                what: "the storage",
                needed: buffer.len() as u64,
                available: got as u64,
            });
        }
        Ok(())
    }

    /// Hands `n` bytes on in pieces that hold whole elements of up to 16 bytes.
    pub(super) fn chunks(&mut self, n: u64, mut each: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut buffer = vec![0; (CHUNK as u64).min(n) as usize];
        let mut left = n;
        while left > 0 {
            let piece = (CHUNK as u64).min(left) as usize;
            self.fill(&mut buffer[..piece])?;
            each(&buffer[..piece])?;
            left -= piece as u64;
        }
        Ok(())
    }
}

impl File {
    /// Opens a file and finds its pickle.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let at = Location::file(path);
        let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
        let mut file = fs::File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut head = [0; 4];
        let got = read_up_to(&mut file, &mut head).map_err(io)?;
        if got == 0 {
            return Err(Error::Empty { at: at.boxed(), what: "bytes" });
        }
        if head.starts_with(&[0x1f, 0x8b]) {
            let what = "a gzipped file of torch".to_owned();
            return Err(Error::Unsupported { at: at.boxed(), what, remedy: "unpack it with gunzip first" });
        }
        let budget = Budget::new(length, limits, &at);
        if zip_members::MAGIC.contains(&&head) {
            let inflated = limits.inflated.saturating_add(length);
            return Self::open_zip(path, &Limits { inflated, ..*limits }, &at, budget);
        }
        file.rewind().map_err(io)?;
        let legacy::Index { mut prefix, object, storages } = legacy::index(&mut file, length, &budget, &at)?;
        prefix.truncate(object.end);
        prefix.drain(..object.start);
        prefix.shrink_to_fit();
        budget.claim(prefix.len())?;
        let kind = Kind::Legacy { file, index: storages };
        let store = Store { kind, big_endian: false, at: at.clone() };
        Ok(Self { store, pickle: prefix, at: *at.key("object"), budget })
    }

    fn open_zip(path: &Path, limits: &Limits, at: &Location, budget: Budget) -> Result<Self, Error> {
        let mut members = open_members(path, limits)?;
        budget.claim(members.n_bytes())?;
        let folder = folder(&members)?;
        let read = |members: &mut Members, name: &str| {
            members.with(name, |member| {
                let mut bytes = Vec::new();
                if member.certain {
                    budget.fits(member.size as usize)?;
                    bytes.reserve_exact(member.size as usize);
                }
                member.reader.read_to_end(&mut bytes).map_err(|e| explain(member.at, e))?;
                bytes.shrink_to_fit();
                if !member.certain {
                    budget.arrived(bytes.len());
                }
                budget.claim(bytes.len())?;
                Ok(bytes)
            })
        };
        let name = format!("{folder}{PICKLE}");
        let pickle = read(&mut members, &name)?;
        let order = format!("{folder}byteorder");
        let big_endian = if members.contains(&order) {
            match read(&mut members, &order)?.as_slice() {
                b"little" => false,
                b"big" => true,
                _ => {
                    let problem = "the byte order is neither little nor big".to_owned();
                    return Err(Error::Malformed { at: at.key(order), problem });
                }
            }
        } else {
            false
        };
        let store = Store { kind: Kind::Zip { members: Box::new(members), folder }, big_endian, at: at.clone() };
        Ok(Self { store, pickle, at: *at.key(name), budget })
    }

    /// The bytes of the pickle, once.
    pub(crate) fn take_pickle(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pickle)
    }

    /// The objects of the pickle.
    pub(crate) fn graph<'a>(&self, pickle: &'a [u8]) -> Result<Graph<'a>, Error> {
        let (graph, end) = super::graph(pickle, &self.at, self.budget.clone())?;
        if end < pickle.len() {
            let at = self.at.key(format!("byte {end}"));
            return Err(Error::TrailingBytes { at, extra: (pickle.len() - end) as u64 });
        }
        Ok(graph)
    }
}

fn open_members(path: &Path, limits: &Limits) -> Result<Members, Error> {
    Members::open(path, limits, "write it with torch.save", |name| name)
}

/// The folder of the pickle, with its slash.
fn folder(members: &Members) -> Result<String, Error> {
    let mut folders = members.names().iter().filter_map(|name| {
        let folder = name.strip_suffix(PICKLE)?;
        (folder.is_empty() || folder.ends_with('/')).then_some(folder)
    });
    match (folders.next(), folders.next()) {
        (Some(folder), None) => Ok(folder.to_owned()),
        (first, _) => Err(Error::Missing {
            at: members.at().boxed(),
            what: format!("{} {PICKLE}", if first.is_none() { "member" } else { "single" }),
            found: members.names().to_vec(),
            remedy: "this is no file of torch.save; open it by `format::npz` if it holds arrays",
        }),
    }
}

/// Whether a zip archive is a file of torch.
pub(crate) fn is_archive(path: &Path, limits: &Limits) -> Result<bool, Error> {
    let members = open_members(path, limits)?;
    let suffix = format!("/{PICKLE}");
    Ok(members.names().iter().any(|name| name.ends_with(&suffix)))
}

impl Store {
    /// A store for pickles that hold their arrays themselves.
    pub(crate) fn none(at: Location) -> Self {
        Self { kind: Kind::None, big_endian: false, at }
    }

    pub(super) fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// Hands the bytes `range` of a storage to a reader, then reads on to its end so that the checksum is verified.
    pub(super) fn with<T>(
        &mut self,
        storage: &Storage,
        range: std::ops::Range<u64>,
        read: impl FnOnce(&mut Stream<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let short = |at: &Location, available: u64| Error::Truncated {
            at: at.boxed(),
            what: "the storage",
            needed: range.end,
            available,
        };
        match &mut self.kind {
            Kind::Zip { members, folder } => members.with(&format!("{folder}data/{}", storage.key), |member| {
                if range.end > member.size {
                    return Err(short(member.at, member.size));
                }
                let mut stream = Stream { reader: member.reader, certain: member.certain, at: member.at };
                stream.chunks(range.start, |_| Ok(()))?;
                let value = read(&mut stream)?;
                stream.chunks(member.size - range.end, |_| Ok(()))?;
                // The checksum is compared at the end.
                let extra = read_up_to(stream.reader, &mut [0]).map_err(|e| explain(member.at, e))?;
                if extra > 0 {
                    return Err(Error::TrailingBytes { at: member.at.boxed(), extra: 1 });
                }
                Ok(value)
            }),
            Kind::Legacy { file, index } => {
                let at = *self.at.key(format!("storage {}", storage.key));
                let Some(&(start, n_bytes)) = index.get(&*storage.key) else {
                    let problem = "the storage is not in the file".to_owned();
                    return Err(Error::Malformed { at: Box::new(at), problem });
                };
                if range.end > n_bytes {
                    return Err(short(&at, n_bytes));
                }
                file.seek(SeekFrom::Start(start + range.start)).map_err(|e| explain(&at, e))?;
                read(&mut Stream { reader: file, certain: true, at: &at })
            }
            Kind::None => Err(short(&self.at, 0)),
        }
    }

    /// Reads dense tensors, each storage once.
    pub(crate) fn read(&mut self, tensors: &[&TensorSpec], budget: &Budget) -> Result<Vec<Array>, Error> {
        // Its place in two lists, and in the one of what is wanted.
        budget.claim(tensors.len() * 2 * (size_of::<usize>() + size_of::<Array>()))?;
        let big_endian = self.big_endian;
        let mut order: Vec<usize> = (0..tensors.len()).collect();
        order.sort_by(|&a, &b| tensors[a].storage.key.cmp(&tensors[b].storage.key));
        let mut arrays: Vec<Option<Array>> = tensors.iter().map(|_| None).collect();
        for group in order.chunk_by(|&a, &b| tensors[a].storage.key == tensors[b].storage.key) {
            let storage = &tensors[group[0]].storage;
            let ranges = || group.iter().map(|&i| tensors[i].range()).filter(|range| !range.is_empty());
            let start = ranges().map(|range| range.start).min().unwrap_or(0);
            let end = ranges().map(|range| range.end).max().unwrap_or(0);
            self.with(storage, start..end, |stream| {
                if let &[single] = group
                    && tensors[single].is_contiguous()
                {
                    let tensor = tensors[single];
                    if stream.certain {
                        budget.claim(array_size(tensor))?;
                    }
                    let capacity = if stream.certain { tensor.count } else { tensor.count.min(CHUNK as u64) };
                    let mut data = ArrayData::with_capacity(tensor.dtype, capacity as usize);
                    let at = stream.at;
                    stream.chunks(end - start, |bytes| {
                        check_bools(tensor.dtype, bytes, at)?;
                        data.extend_from_bytes(bytes, big_endian);
                        Ok(())
                    })?;
                    if !stream.certain {
                        budget.arrived((end - start) as usize);
                        budget.claim(array_size(tensor))?;
                    }
                    arrays[single] = Some(Array::new(tensor.shape(), data).map_err(|e| e.in_file(at))?);
                    return Ok(());
                }
                let mut bytes = Vec::new();
                if stream.certain {
                    budget.fits((end - start) as usize)?;
                    bytes.reserve_exact((end - start) as usize);
                }
                stream.chunks(end - start, |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                if !stream.certain {
                    budget.arrived(bytes.len());
                }
                budget.claim(bytes.capacity())?;
                for &i in group {
                    budget.claim(array_size(tensors[i]))?;
                    arrays[i] = Some(gather(tensors[i], &bytes, start, big_endian, stream.at)?);
                }
                budget.free(bytes);
                Ok(())
            })?;
        }
        Ok(arrays.into_iter().flatten().collect())
    }

    /// Reads the elements of all tensors and storages among the objects.
    pub(super) fn parts(&mut self, graph: &Graph<'_>) -> Result<Vec<Part>, Error> {
        let budget = graph.budget();
        let bare = graph.reachable().filter_map(|node| match node {
            Node::Storage(storage) => Some(&**storage),
            _ => None,
        });
        let storages = specs(bare, budget)?;
        let mut bare = storages.iter();
        let mut wanted: Vec<&TensorSpec> = Vec::new();
        for node in graph.reachable() {
            match node {
                Node::Storage(_) => wanted.extend(bare.next()),
                Node::Tensor(tensor) => wanted.push(tensor),
                Node::Sparse(sparse) => wanted.extend(sparse.indices.iter().chain([&sparse.values])),
                _ => {}
            }
        }
        let mut arrays = self.read(&wanted, budget)?.into_iter();
        let mut parts = Vec::new();
        for node in graph.reachable() {
            budget.room(&mut parts, 1)?;
            match node {
                Node::Storage(_) | Node::Tensor(_) => parts.extend(arrays.next().map(Part::Array)),
                Node::Sparse(spec) => {
                    let indices = arrays.by_ref().take(spec.indices.len()).collect();
                    let Some(values) = arrays.next() else { break };
                    let (layout, size, coalesced) = (spec.layout, spec.size, spec.coalesced);
                    parts.push(Part::Sparse(SparseTensor { layout, size, indices, values, coalesced }));
                }
                _ => {}
            }
        }
        Ok(parts)
    }
}

/// Bare storages as tensors.
pub(super) fn specs<'s>(
    storages: impl Iterator<Item = &'s Storage> + Clone,
    budget: &Budget,
) -> Result<Vec<TensorSpec>, Error> {
    let count = storages.clone().count();
    // One size and one stride each.
    budget.claim(count * (size_of::<TensorSpec>() + 2 * size_of::<u64>()))?;
    let mut specs = Vec::with_capacity(count);
    specs.extend(storages.map(Storage::as_tensor));
    Ok(specs)
}

/// Bytes that the array of a tensor takes, beside its place in a list.
fn array_size(tensor: &TensorSpec) -> usize {
    let elements = usize::try_from(tensor.n_bytes()).unwrap_or(usize::MAX);
    elements.saturating_add(size_of::<usize>() * tensor.size.len())
}

/// The elements of a tensor, from the bytes of its storage from `start` on.
fn gather(tensor: &TensorSpec, bytes: &[u8], start: u64, big_endian: bool, at: &Location) -> Result<Array, Error> {
    let width = tensor.dtype.size();
    let mut data = ArrayData::with_capacity(tensor.dtype, tensor.count as usize);
    let range = tensor.range();
    if tensor.is_contiguous() {
        let bytes =
            if range.is_empty() { &[] } else { &bytes[(range.start - start) as usize..(range.end - start) as usize] };
        check_bools(tensor.dtype, bytes, at)?;
        data.extend_from_bytes(bytes, big_endian);
        return Array::new(tensor.shape(), data).map_err(|e| e.in_file(at));
    }
    let bytes = &bytes[(range.start - start) as usize..(range.end - start) as usize];
    // Runs of adjacent elements along the last dimension.
    let dims = tensor.size.len();
    let (run, outer) = match tensor.stride.last() {
        Some(1) => (tensor.size[dims - 1], dims - 1),
        _ => (1, dims),
    };
    let mut index = vec![0u64; outer];
    let mut place = 0u64;
    for _ in 0..tensor.count / run {
        let piece = &bytes[place as usize * width..][..run as usize * width];
        check_bools(tensor.dtype, piece, at)?;
        data.extend_from_bytes(piece, big_endian);
        for k in (0..outer).rev() {
            index[k] += 1;
            place += tensor.stride[k];
            if index[k] < tensor.size[k] {
                break;
            }
            place -= tensor.stride[k] * tensor.size[k];
            index[k] = 0;
        }
    }
    Array::new(tensor.shape(), data).map_err(|e| e.in_file(at))
}

/// Refuses bytes that are no truth values.
fn check_bools(dtype: Dtype, bytes: &[u8], at: &Location) -> Result<(), Error> {
    if dtype == Dtype::Bool
        && let Some(bad) = bytes.iter().find(|&&b| b > 1)
    {
        let problem = format!("{bad} is no truth value, which are 0 and 1");
        return Err(Error::Malformed { at: at.boxed(), problem });
    }
    Ok(())
}
