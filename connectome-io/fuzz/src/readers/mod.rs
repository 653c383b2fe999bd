//! The readers of `connectome-io` as targets of attack: what each is called, how it is called, and what must hold for
//! whatever it accepts. The fuzz targets here and the test `hammer` of `connectome-io` share this list.

mod content;

pub use content::Content;

use std::path::{Path, PathBuf};

use connectome_io::format::{
    csv_matrix, csv_tables, flyvis_json, idx, matrix_market, npy, npz, pickle, pt, safetensors,
};
use connectome_io::{
    AreaTable, Connectome, CsvLayout, Duplicates, Error, GapJunctions, Limits, Muscle, NeuronsFile, ReadOptions, Rows,
    UnknownNeurons, read_with,
};

/// What a format consists of, so that damage can be put where it counts: behind a checksum, in a header whose length is
/// then corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bytes.
    Binary,
    /// Lines, cells, numbers.
    Text,
    /// A header with its length before it, as in `.npy`.
    Npy,
    /// A header with its length before it, as in `.safetensors`.
    Safetensors,
    /// Members, which are of the form `.npy` or pickles where their names say so.
    Zip,
    /// Instructions of a pickle.
    Pickle,
    /// A gzip stream of text.
    Gzip,
}

/// A reader under attack.
#[derive(Debug)]
pub struct Reader {
    /// Name of the target, of its folder of seeds and of its test.
    pub name: &'static str,
    /// Name of the file that is read.
    pub file: &'static str,
    /// What the file consists of.
    pub form: Form,
    /// Ends of the names of those files in `tests/fixtures` that are seeds too.
    pub fixtures: &'static [&'static str],
    /// Reads a file.
    pub read: fn(&Path, &ReadOptions) -> Result<Content, Error>,
}

/// Bytes of memory that a refused file may cost per byte, beyond 16 MiB.
pub const COST: f64 = 4.0;

/// All readers.
pub const READERS: &[Reader] = &[
    Reader { name: "npy", file: "a.npy", form: Form::Npy, fixtures: &[], read: npy },
    Reader { name: "npy_matrix", file: "m.npy", form: Form::Npy, fixtures: &[], read: wiring },
    Reader { name: "npz", file: "a.npz", form: Form::Zip, fixtures: &[], read: npz },
    Reader { name: "scipy", file: "s.npz", form: Form::Zip, fixtures: &[], read: wiring },
    Reader { name: "safetensors", file: "t.safetensors", form: Form::Safetensors, fixtures: &[], read: tensors },
    Reader { name: "canonical", file: "c.safetensors", form: Form::Safetensors, fixtures: &[], read: canonical },
    Reader { name: "foreign", file: "f.safetensors", form: Form::Safetensors, fixtures: &[], read: wiring },
    Reader { name: "flyvis_json", file: "g.json", form: Form::Text, fixtures: &[], read: flyvis },
    Reader { name: "edge_csv", file: "e.csv", form: Form::Text, fixtures: &[], read: wiring },
    Reader { name: "neuron_csv", file: "n.csv", form: Form::Text, fixtures: &[], read: neurons },
    Reader { name: "array_csv", file: "a.csv", form: Form::Text, fixtures: &[], read: array_csv },
    Reader { name: "matrix_csv", file: "m.csv", form: Form::Text, fixtures: &[], read: matrix_csv },
    Reader { name: "idx", file: "i-idx3-ubyte", form: Form::Binary, fixtures: &[], read: idx },
    Reader { name: "gzip", file: "e.csv.gz", form: Form::Gzip, fixtures: &[], read: wiring },
    Reader { name: "matrix_market", file: "m.mtx", form: Form::Text, fixtures: &[".mtx"], read: wiring },
    Reader { name: "array_mtx", file: "a.mtx", form: Form::Text, fixtures: &[".mtx"], read: array_mtx },
    Reader { name: "graphml", file: "g.graphml", form: Form::Text, fixtures: &[".graphml"], read: wiring },
    Reader { name: "area_csv", file: "a.csv", form: Form::Text, fixtures: &[], read: areas },
    Reader { name: "pickle", file: "p.pkl", form: Form::Pickle, fixtures: &[".pkl"], read: pickle },
    Reader { name: "pickle_matrix", file: "m.pkl", form: Form::Pickle, fixtures: &["matrix.pkl"], read: wiring },
    Reader { name: "torch", file: "v.pt", form: Form::Zip, fixtures: &[".pt"], read: torch },
    Reader { name: "torch_tensors", file: "t.pt", form: Form::Zip, fixtures: &[".pt"], read: torch_tensors },
    Reader { name: "torch_matrix", file: "m.pt", form: Form::Zip, fixtures: &[".pt"], read: wiring },
    Reader {
        name: "torch_legacy",
        file: "l.pt",
        form: Form::Pickle,
        fixtures: &["legacy.pt", "early.pt"],
        read: torch,
    },
    Reader { name: "roi_folder", file: "roi.zip", form: Form::Zip, fixtures: &[], read: roi_folder },
    #[cfg(feature = "parquet")]
    Reader { name: "parquet", file: "e.parquet", form: Form::Binary, fixtures: &[".parquet"], read: wiring },
    #[cfg(feature = "parquet")]
    Reader {
        name: "parquet_neurons",
        file: "n.parquet",
        form: Form::Binary,
        fixtures: &["neurons.parquet", "synapses.parquet"],
        read: parquet_neurons,
    },
    #[cfg(feature = "parquet")]
    Reader { name: "feather", file: "e.feather", form: Form::Binary, fixtures: &[".feather"], read: wiring },
    #[cfg(feature = "parquet")]
    Reader {
        name: "feather_neurons",
        file: "n.feather",
        form: Form::Binary,
        fixtures: &["neurons.feather", "synapses.feather"],
        read: feather_neurons,
    },
];

fn npy(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    npy::read_with(path, &options.limits).map(Content::Array)
}

fn npz(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    let mut archive = npz::Archive::open(path, &options.limits)?;
    let names = archive.names().to_vec();
    let arrays = names.into_iter().map(|name| archive.read(&name).map(|array| (name, array))).collect::<Result<_, _>>();
    arrays.map(Content::Arrays)
}

fn tensors(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    safetensors::read_tensors_with(path, &options.limits).map(Content::Tensors)
}

fn canonical(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    safetensors::read(path, options).map(Content::connectome)
}

fn flyvis(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    flyvis_json::read(path, options).map(Content::connectome)
}

fn neurons(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    csv_tables::read_neurons(path, &options.limits).map(|neurons| Content::Neurons(Box::new(neurons)))
}

fn array_csv(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    let read = csv_matrix::read(path, &options.limits)?;
    if let Some(columns) = &read.columns {
        assert_eq!(columns.len(), read.array.shape()[1], "a name per column");
    }
    Ok(Content::Array(read.array))
}

fn matrix_csv(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    wiring(path, &ReadOptions { csv: CsvLayout::Matrix, ..options.clone() })
}

fn array_mtx(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    matrix_market::read_array(path, &options.limits).map(Content::Array)
}

fn pickle(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    pickle::read_with(path, &options.limits).map(Content::Value)
}

fn torch_tensors(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    pt::read_tensors_with(path, &options.limits).map(Content::Torch)
}

fn torch(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    pt::read(path, &options.limits).map(Content::Value)
}

fn idx(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    idx::read_with(path, &options.limits).map(Content::Array)
}

fn areas(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    AreaTable::read_with(path, &options.limits).map(|table| Content::Areas(Box::new(table)))
}

#[cfg(feature = "parquet")]
fn parquet_neurons(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    let neurons = connectome_io::format::parquet::read_neurons(path, &options.limits)?;
    Ok(Content::Neurons(Box::new(neurons)))
}

#[cfg(feature = "parquet")]
fn feather_neurons(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    let neurons = connectome_io::format::feather::read_neurons(path, &options.limits)?;
    Ok(Content::Neurons(Box::new(neurons)))
}

/// The input is an archive of the files in the folder.
fn roi_folder(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    let no_archive = || Error::UnknownFormat { path: path.to_owned(), why: "no files of a folder".to_owned() };
    let file = std::fs::File::open(path).expect("the input");
    let mut archive = zip::ZipArchive::new(file).map_err(|_| no_archive())?;
    let folder = path.with_file_name("roi");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).expect("room for a folder");
    for name in ["adjacency_scc.npy", "nid_scc.npy", "ei_neuron.npy", "neurotransmitter_assignments.pkl"] {
        if let Ok(mut member) = archive.by_name(name) {
            let mut file = std::fs::File::create(folder.join(name)).expect("room for a file");
            std::io::copy(&mut member, &mut file).map_err(|_| no_archive())?;
        }
    }
    drop(archive);
    read_with(&folder, options).map(Content::connectome)
}

/// Whatever the name and the bytes say. Connections stand once unless all are to be kept.
fn wiring(path: &Path, options: &ReadOptions) -> Result<Content, Error> {
    let connectome = read_with(path, options)?;
    if options.duplicates != Duplicates::Keep {
        let mut keys = keys(&connectome);
        let n = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), n, "a connection stands twice");
    }
    Ok(Content::connectome(connectome))
}

/// Ends and kind of every connection.
fn keys(connectome: &Connectome) -> Vec<(u32, u32, u32)> {
    let synapses = connectome.synapses();
    let kind = |row| synapses.kinds().map_or(0, |kinds| kinds.codes()[row]);
    (0..synapses.len()).map(|row| (synapses.pre()[row], synapses.post()[row], kind(row))).collect()
}

/// A folder in which inputs become files; in memory where the system has such folders.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Default for Scratch {
    fn default() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
        std::fs::create_dir(folder.path().join("check")).expect("a folder in it");
        let neurons = "idx,id,name\n0,1,ADAL\n1,0,ADAR\n2,720575940628857210,V1\n";
        std::fs::write(folder.path().join("neurons.csv"), neurons).expect("room for a table");
        Self { folder }
    }
}

impl Scratch {
    /// Writes an input under the name that its reader expects.
    #[must_use]
    pub fn put(&self, reader: &Reader, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(reader.file);
        std::fs::write(&path, bytes).expect("room for the input");
        path
    }

    /// Where [`Content::check`] may write.
    #[must_use]
    pub fn check(&self) -> PathBuf {
        self.folder.path().join("check")
    }
}

/// The options that go with an input: its bytes choose them, so that an input alone tells what happens.
///
/// The cap on inflation is 16 MiB, so that the driver can tell what a bomb costs from what the cap allows.
#[must_use]
pub fn options(bytes: &[u8]) -> ReadOptions {
    let hash = bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let bit = |k: u32| hash >> k & 1 == 1;
    let few = bit(20);
    ReadOptions {
        rows: if bit(21) { Rows::Post } else { Rows::Pre },
        duplicates: [Duplicates::Error, Duplicates::Sum, Duplicates::Keep][hash as usize / 64 % 3],
        gap_junctions: if bit(22) { GapJunctions::AsPublished } else { GapJunctions::Symmetrise },
        muscle: if bit(23) { Muscle::Keep } else { Muscle::Drop },
        neurons: if few { NeuronsFile::Sibling } else { NeuronsFile::None },
        unknown_neurons: if few { UnknownNeurons::Drop } else { UnknownNeurons::Error },
        threads: Some(1),
        limits: Limits { inflated: 16 << 20, ..Limits::default() },
        ..ReadOptions::default()
    }
}
