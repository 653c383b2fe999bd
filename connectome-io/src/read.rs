//! Reading whatever a file is.

use std::path::{Path, PathBuf};

use crate::container::{Columnar, is_matrix, read_columnar};
use crate::format::{
    area_table, csv_matrix, csv_tables, flyvis_json, graphml, idx, matrix, matrix_market, npy, npz, pickle, pt,
    roi_folder, safetensors, sparse_matrix, zip_members,
};
use crate::options::{CsvLayout, Limits, ReadOptions, Regions, Rows};
use crate::source::Source;
use crate::tables::{EDGE_FILES, Table};
use crate::{AreaTable, Array, Connectome, Error, Location};

/// Reads a connectome with the default [`ReadOptions`]; name and content decide the format, `.gz` is followed.
///
/// # Errors
/// As [`read_with`].
pub fn read(path: impl AsRef<Path>) -> Result<Connectome, Error> {
    read_with(path, &ReadOptions::default())
}

/// Reads a connectome.
///
/// A folder stands for the table of edges in it: `edges.csv`, `total-connections.csv`, `roi-connections.csv` (both also
/// with `traced-`), `connections.csv`, `chemical.csv`, `type_edges.csv`, each also with `.gz`; `edges` and `connections` also
/// as `.parquet` and `.feather`. One with `adjacency_scc.npy` is read by [`roi_folder`].
///
/// # Errors
/// [`Error::UnknownFormat`], [`Error::Io`], and those of the module in [`crate::format`] that reads the format. Options that choose among what
/// files of another kind hold are passed over; see [`check_options`].
pub fn read_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let path = path.as_ref();
    if path.join(roi_folder::ADJACENCY).is_file() {
        return roi_folder::read(path, options);
    }
    if path.is_dir() {
        return read_with(edges_in(path)?, options);
    }
    match Format::of(path, &options.limits)? {
        Format::Npy => {
            let array = npy::read_with(path, &options.limits)?;
            matrix::from_array_at(&array, None, options, &Location::file(path))
        }
        Format::Npz => sparse_matrix::read(path, options),
        Format::Torch => pt::read_connectome(path, options),
        Format::Pickle => pickle::read_connectome(path, options),
        Format::Safetensors => safetensors::read(path, options),
        Format::Json => flyvis_json::read(path, options),
        Format::Csv => read_csv(path, options),
        Format::MatrixMarket => matrix_market::read(path, options),
        Format::GraphMl => graphml::read(path, options),
        Format::Columnar(kind) => read_columnar(path, kind, options),
        Format::Idx => Err(Error::UnknownFormat {
            path: path.to_path_buf(),
            why: "this is an IDX file of images or labels, not a connectome".to_owned(),
        }),
    }
}

/// Reads an array of numbers: `.npy`, an `.npz` with one member, a `.pt` or `.pkl` with one array, `.csv`, `.mtx`, IDX.
///
/// # Errors
/// [`Error::UnknownFormat`] for files that hold no single array, and those of the module that reads the format.
pub fn read_array(path: impl AsRef<Path>) -> Result<Array, Error> {
    let path = path.as_ref();
    let limits = Limits::default();
    match Format::of(path, &limits)? {
        Format::Npy => npy::read_with(path, &limits),
        Format::Npz => {
            let mut archive = npz::Archive::open(path, &limits)?;
            let [name] = archive.names() else {
                return Err(Error::Missing {
                    at: Location::file(path).boxed(),
                    what: "single array".to_owned(),
                    found: archive.names().to_vec(),
                    remedy: "read the archive by `format::npz::read`",
                });
            };
            let name = name.clone();
            archive.read(&name)
        }
        Format::Torch => pt::read_array(path, &limits),
        Format::Pickle => pickle::read_array(path, &limits),
        Format::Csv => Ok(csv_matrix::read(path, &limits)?.array),
        Format::Idx => idx::read_with(path, &limits),
        Format::MatrixMarket => matrix_market::read_array(path, &limits),
        Format::Safetensors | Format::Json | Format::GraphMl | Format::Columnar(_) => {
            Err(Error::UnknownFormat { path: path.to_path_buf(), why: "this holds no single array".to_owned() })
        }
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    Torch,
    Pickle,
    Safetensors,
    Json,
    Csv,
    MatrixMarket,
    GraphMl,
    Idx,
    Columnar(Columnar),
}

/// Options that choose among what some files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Rows,
    Member,
    WeightColumn,
    Regions,
    Scores,
}

impl Choice {
    /// What tables of connections have.
    const OF_TABLES: &[Self] = &[Self::WeightColumn, Self::Regions, Self::Scores];

    /// The name of the option, if it is not as by default.
    fn made(self, options: &ReadOptions) -> Option<&'static str> {
        let made = |name, is_made: bool| is_made.then_some(name);
        match self {
            Self::Rows => made("rows", options.rows != Rows::default()),
            Self::Member => made("member", options.member.is_some()),
            Self::WeightColumn => made("weight_column", options.weight_column.is_some()),
            Self::Regions => made("regions", options.regions != Regions::default()),
            Self::Scores => made("min_connection_score", options.min_connection_score.is_some())
                .or(made("min_cleft_score", options.min_cleft_score.is_some())),
        }
    }
}

/// Refuses options that a file has no use for, which whoever gave them would take for choices that were made: regions of a matrix, say, or
/// what a row of a table of connections is.
///
/// # Errors
/// [`Error::Unsupported`], and those of finding out what the file is.
pub fn check_options(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(), Error> {
    use Choice::{Member, Regions, Rows, Scores, WeightColumn};
    let path = path.as_ref();
    let heeds = if path.join(roi_folder::ADJACENCY).is_file() {
        &[]
    } else if path.is_dir() {
        return check_options(edges_in(path)?, options);
    } else {
        match Format::of(path, &options.limits)? {
            Format::Csv => csv_kind(path, options)?.heeds(),
            format => format.heeds(),
        }
    };
    let mut others = [Rows, Member, WeightColumn, Regions, Scores].into_iter().filter(|choice| !heeds.contains(choice));
    others.find_map(|choice| choice.made(options)).map_or(Ok(()), |name| {
        Err(Error::Unsupported {
            at: Location::file(path).boxed(),
            what: format!("`ReadOptions::{name}` for a file of this kind"),
            remedy: "there is nothing that it chooses from; leave it out",
        })
    })
}

impl Format {
    /// Choices that there are in files of this kind.
    fn heeds(self) -> &'static [Choice] {
        match self {
            Self::Npy | Self::MatrixMarket => &[Choice::Rows],
            Self::Npz | Self::Torch | Self::Pickle => &[Choice::Rows, Choice::Member],
            Self::GraphMl => &[Choice::WeightColumn],
            Self::Columnar(_) => Choice::OF_TABLES,
            // which one a text is shows in its first line
            Self::Csv => &[],
            Self::Safetensors | Self::Json | Self::Idx => &[],
        }
    }

    /// By the first bytes where those are distinctive, else by name, else by what the text looks like.
    fn of(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let (head, gzip) = Source::peek(path, limits, 4096)?;
        if head.is_empty() {
            return Err(Error::Empty { at: Location::file(path).boxed(), what: "bytes" });
        }
        let zip = zip_members::MAGIC.iter().any(|magic| head.starts_with(*magic));
        let columnar = Columnar::of(&head);
        if (zip || columnar.is_some()) && gzip {
            let what = if zip { "a gzipped archive" } else { "a gzipped Parquet or Arrow file" }.to_owned();
            return Err(Error::Unsupported {
                at: Location::file(path).boxed(),
                what,
                remedy: "unpack it with gunzip first",
            });
        }
        if head.starts_with(npy::MAGIC) {
            return Ok(Self::Npy);
        }
        if zip {
            return Ok(if pt::is_archive(path, limits)? { Self::Torch } else { Self::Npz });
        }
        if pt::is_start(&head) {
            return Ok(Self::Torch);
        }
        if head.get(..matrix_market::BANNER.len()).is_some_and(|b| b.eq_ignore_ascii_case(matrix_market::BANNER)) {
            return Ok(Self::MatrixMarket);
        }
        if let Some(kind) = columnar {
            return Ok(Self::Columnar(kind));
        }
        if let Some(format) = Self::by_name(path) {
            return Ok(format);
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
        if head.starts_with(&[0, 0]) && head.get(2).is_some_and(|code| (0x08..=0x0e).contains(code)) {
            return Ok(Self::Idx);
        }
        if head[0] == 0x80 && head.get(1).is_some_and(|protocol| (2..=5).contains(protocol)) {
            return Ok(Self::Pickle);
        }
        if head.get(8) == Some(&b'{') && head[..8].contains(&0) {
            return Ok(Self::Safetensors);
        }
        if text.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Json);
        }
        if text.trim_ascii_start().starts_with(b"<") && text.windows(7).any(|word| word == b"graphml") {
            return Ok(Self::GraphMl);
        }
        let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
        if line.contains(&b',') && !line.contains(&0) {
            return Ok(Self::Csv);
        }
        Err(Error::UnknownFormat {
            path: path.to_path_buf(),
            why: "neither the name nor the first bytes are of a known format".to_owned(),
        })
    }

    fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        match extension {
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "pt" | "pth" => Some(Self::Torch),
            "pkl" | "pickle" => Some(Self::Pickle),
            "safetensors" => Some(Self::Safetensors),
            "json" => Some(Self::Json),
            "csv" | "tsv" => Some(Self::Csv),
            "mtx" => Some(Self::MatrixMarket),
            "graphml" => Some(Self::GraphMl),
            _ if stem.ends_with("-ubyte") || extension.ends_with("-ubyte") => Some(Self::Idx),
            _ => Columnar::by_extension(extension).map(Self::Columnar),
        }
    }
}

/// What a CSV file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CsvKind {
    Edges,
    Matrix,
    Areas,
}

impl CsvKind {
    fn heeds(self) -> &'static [Choice] {
        match self {
            Self::Edges => Choice::OF_TABLES,
            Self::Matrix => &[Choice::Rows],
            Self::Areas => &[],
        }
    }
}

fn csv_kind(path: &Path, options: &ReadOptions) -> Result<CsvKind, Error> {
    Ok(match options.csv {
        CsvLayout::Edges => CsvKind::Edges,
        CsvLayout::Matrix => CsvKind::Matrix,
        CsvLayout::Auto => {
            let table = csv_tables::CsvTable::open(path, &options.limits)?;
            match table.header() {
                header if area_table::is_header(header) => CsvKind::Areas,
                header if is_matrix(header) => CsvKind::Matrix,
                _ => CsvKind::Edges,
            }
        }
    })
}

fn read_csv(path: &Path, options: &ReadOptions) -> Result<Connectome, Error> {
    match csv_kind(path, options)? {
        CsvKind::Edges => csv_tables::read(path, options),
        CsvKind::Areas => AreaTable::read_with(path, &options.limits)?.to_connectome(options),
        CsvKind::Matrix => {
            let matrix = csv_matrix::read(path, &options.limits)?;
            matrix::from_array_at(&matrix.array, matrix.columns, options, &Location::file(path))
        }
    }
}

/// The table of edges in a folder.
fn edges_in(folder: &Path) -> Result<PathBuf, Error> {
    let with_gz = |name: &&str| name.ends_with(".csv").then(|| format!("{name}.gz"));
    let candidates = EDGE_FILES.iter().flat_map(|name| std::iter::once((*name).to_owned()).chain(with_gz(name)));
    let found = candidates.into_iter().map(|name| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Error::UnknownFormat {
        path: folder.to_path_buf(),
        why: format!("the folder holds none of {EDGE_FILES:?} and no {}", roi_folder::ADJACENCY),
    })
}
