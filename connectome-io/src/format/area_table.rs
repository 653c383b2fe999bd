//! Tables of brain areas for networks of convolutional recurrent cells, `.csv`: connections first, then sizes.
//!
//! One row per area. The first columns, as many as there are rows, are the connections: row i, column j is i -> j, and
//! their header names the areas. Then follow, in any order, whole numbers for every area:
//!
//! | column | meaning | allowed |
//! | --- | --- | --- |
//! | `hidden_dim` | channels of the state | from 1 |
//! | `input_dim` | channels of the bottom-up input | from 1 |
//! | `input_h`, `input_w` | height and width of the state | from 1 |
//! | `kernel_h`, `kernel_w` | size of the convolutions | odd |
//! | `basal_topdown_dim`, `apical_topdown_dim` | channels of feedback | from 0 |
//!
//! Further columns, such as `output_h` and `output_w`, are named by [`AreaTable::further_columns`] and not kept. Those with
//! numbers, `True` or `False` follow the sizes, but for these two: before the sizes they would be connections of areas that
//! have no row.
//!
//! Accepted are quoted cells, blank lines, a byte order mark, blanks around numbers, `4.0` for 4, and `True` and `False`
//! for connections 1 and 0. The names in the header are taken as they are, blanks included. Source: the format of
//! Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953.

mod rows;
mod writer;

use std::path::Path;

use crate::edges::{Edges, finish};
use crate::options::{Limits, ReadOptions};
use crate::{Connectome, Error, Labels, Location, NeuronTable, Orientation, Provenance};

use rows::Rows;

/// The columns of sizes and the smallest value of each.
const SIZES: [(&str, u32); 8] = [
    ("hidden_dim", 1),
    ("input_dim", 1),
    ("input_h", 1),
    ("input_w", 1),
    ("kernel_h", 1),
    ("kernel_w", 1),
    ("basal_topdown_dim", 0),
    ("apical_topdown_dim", 0),
];
/// Where the sizes of the kernel stand among them.
const KERNEL: std::ops::Range<usize> = 4..6;
/// Further columns that may hold numbers beside the connections.
const OLD_SIZES: [&str; 2] = ["output_h", "output_w"];

/// The sizes of an area; units are channels and pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Area {
    /// Channels of the state.
    pub hidden_dim: u32,
    /// Channels of the bottom-up input.
    pub input_dim: u32,
    /// Height of the state.
    pub input_h: u32,
    /// Width of the state.
    pub input_w: u32,
    /// Height of the convolutions, odd.
    pub kernel_h: u32,
    /// Width of the convolutions, odd.
    pub kernel_w: u32,
    /// Channels of feedback into the gates.
    pub basal_topdown_dim: u32,
    /// Channels of feedback into the candidate state.
    pub apical_topdown_dim: u32,
}

impl Area {
    /// The sizes in the order of the table above.
    fn sizes(&self) -> [u32; 8] {
        [
            self.hidden_dim,
            self.input_dim,
            self.input_h,
            self.input_w,
            self.kernel_h,
            self.kernel_w,
            self.basal_topdown_dim,
            self.apical_topdown_dim,
        ]
    }

    fn of_sizes(sizes: [u32; 8]) -> Self {
        let [hidden_dim, input_dim, input_h, input_w, kernel_h, kernel_w, basal_topdown_dim, apical_topdown_dim] =
            sizes;
        Self { hidden_dim, input_dim, input_h, input_w, kernel_h, kernel_w, basal_topdown_dim, apical_topdown_dim }
    }
}

/// Areas, their sizes and their connections. All values are checked at construction.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaTable {
    names: Vec<String>,
    /// `[source, target]`.
    adjacency: Vec<f64>,
    areas: Vec<Area>,
    further_columns: Vec<String>,
    source: String,
}

impl AreaTable {
    /// Takes a name and sizes per area and the connections `[source, target]` in C order: positive is feedforward, zero
    /// none, negative feedback where a network takes feedback from the table. Names need not be unique.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::BadValue`] for sizes that are not allowed
    /// and names that are empty or those of a column of sizes.
    pub fn new(names: Vec<String>, adjacency: Vec<f64>, areas: Vec<Area>) -> Result<Self, Error> {
        let here = Location::memory();
        let n = areas.len();
        if n == 0 {
            return Err(Error::Empty { at: here.boxed(), what: "areas" });
        }
        for (what, got, want, reason) in [
            ("names", names.len(), n, "one per area"),
            ("adjacency", adjacency.len(), n.saturating_mul(n), "one per pair of areas"),
        ] {
            if got != want {
                return Err(Error::LengthMismatch { at: here.boxed(), what: what.to_owned(), got, want, reason });
            }
        }
        for (i, name) in names.iter().enumerate() {
            check_name(name, || here.key(format!("name of area {i}")))?;
        }
        if let Some(entry) = adjacency.iter().position(|weight| !weight.is_finite()) {
            let at = here.key(format!("adjacency [{}, {}]", entry / n, entry % n));
            return Err(Error::NotFinite { at, what: "weight", value: adjacency[entry] });
        }
        for (i, area) in areas.iter().enumerate() {
            for (column, size) in area.sizes().into_iter().enumerate() {
                check_size(column, f64::from(size), || here.key(format!("{} of area {i}", SIZES[column].0)))?;
            }
        }
        Ok(Self { names, adjacency, areas, further_columns: Vec::new(), source: "memory".to_owned() })
    }

    /// Reads a table, plain or gzipped. The first defect in this order is reported, each with line and column.
    ///
    /// # Errors
    /// [`Error::Malformed`]: a line that is longer or shorter than the header; [`Error::Empty`]: no rows;
    /// [`Error::Missing`]: columns of sizes, all listed; [`Error::LengthMismatch`]: fewer columns than areas and sizes;
    /// [`Error::BadValue`]: a column of sizes, or one without a name, among the connections; [`Error::LengthMismatch`]:
    /// more columns of connections than areas; [`Error::BadNumber`], [`Error::NotFinite`]: connections that are no numbers,
    /// sizes that are no whole numbers; [`Error::BadValue`]: sizes that are not allowed; [`Error::TooLarge`],
    /// [`Error::Io`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read_with(path, &Limits::default())
    }

    /// As [`AreaTable::read`], with other caps.
    ///
    /// # Errors
    /// As [`AreaTable::read`].
    pub fn read_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, Error> {
        Rows::read(path.as_ref(), limits)?.into_table()
    }

    /// Writes the table, gzipped if `path` ends in `.gz`; further columns are not kept.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        writer::write(self, path.as_ref())
    }

    /// Number of areas.
    #[must_use]
    pub fn n_areas(&self) -> usize {
        self.areas.len()
    }

    /// Name per area, as the header has it.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The connections `[source, target]`, in C order.
    #[must_use]
    pub fn adjacency(&self) -> &[f64] {
        &self.adjacency
    }

    /// The connection from one area to another.
    ///
    /// # Panics
    /// If there is no such area.
    #[must_use]
    pub fn connection(&self, source: usize, target: usize) -> f64 {
        let n = self.n_areas();
        assert!(source < n && target < n, "connection {source} -> {target} of {n} areas");
        self.adjacency[source * n + target]
    }

    /// Sizes per area.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// Names of the columns of the file that were passed over.
    #[must_use]
    pub fn further_columns(&self) -> &[String] {
        &self.further_columns
    }

    /// Checks a list of areas, such as those that get input: at least one, none twice, all there. `label` names the list
    /// in messages.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::OutOfRange`], [`Error::DuplicateName`].
    pub fn check_areas(&self, areas: &[usize], label: &'static str) -> Result<(), Error> {
        let at = Location::memory();
        if areas.is_empty() {
            return Err(Error::Empty { at: at.key(label), what: "areas" });
        }
        for (i, &area) in areas.iter().enumerate() {
            let at = || at.key(format!("{label}[{i}]"));
            let Some(name) = self.names.get(area) else {
                let index = i64::try_from(area).unwrap_or(i64::MAX);
                return Err(Error::OutOfRange { at: at(), index, n: self.n_areas(), what: "areas" });
            };
            if areas[..i].contains(&area) {
                let name = format!("{area} ({name})");
                return Err(Error::DuplicateName { at: at(), what: "area", name });
            }
        }
        Ok(())
    }

    /// The areas as neurons and the connections that are not zero as synapses; sizes become columns of text.
    ///
    /// # Errors
    /// Those of the options `n_neurons` and `threshold`.
    pub fn to_connectome(&self, options: &ReadOptions) -> Result<Connectome, Error> {
        let n = self.n_areas();
        let mut neurons = NeuronTable::numbered(n).with_names(self.names.clone())?;
        for (column, (name, _)) in SIZES.into_iter().enumerate() {
            let texts = self.areas.iter().map(|area| area.sizes()[column].to_string());
            neurons = neurons.with_column(name, Labels::from_values(texts))?;
        }
        let mut edges = Edges::default();
        for (entry, &weight) in self.adjacency.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            edges.pre.push((entry / n) as u32);
            edges.post.push((entry % n) as u32);
            edges.weight.push(weight);
        }
        let provenance = Provenance::new(&self.source, Orientation::PrePost);
        finish(neurons, edges, provenance, options, &Location::file(&self.source))
    }
}

/// Whether a header is that of a table of areas.
pub(crate) fn is_header(header: &[String]) -> bool {
    SIZES.iter().all(|(name, _)| header.iter().any(|column| column == name))
}

/// Refuses names of areas that would be read as something else. Software that writes an index column leaves its name
/// empty, and writes `Unnamed: 0` when it copies such a file.
fn check_name(name: &str, at: impl Fn() -> Box<Location>) -> Result<(), Error> {
    let is_size = SIZES.iter().any(|(size, _)| *size == name);
    if is_size || name.trim().is_empty() || name.starts_with("Unnamed: ") {
        let allowed = "names; columns of sizes follow those of connections, and there is no column of indices";
        return Err(Error::BadValue { at: at(), what: "name of an area", text: name.to_owned(), allowed });
    }
    Ok(())
}

/// Refuses a size that its column does not allow.
fn check_size(column: usize, size: f64, at: impl Fn() -> Box<Location>) -> Result<u32, Error> {
    if !(size.fract() == 0.0 && size.abs() <= f64::from(u32::MAX)) {
        let text = size.to_string();
        return Err(Error::BadNumber { at: at(), text, wanted: "size (whole number of 32 bits)" });
    }
    let bad = |allowed| Error::BadValue { at: at(), what: SIZES[column].0, text: size.to_string(), allowed };
    if size < f64::from(SIZES[column].1) {
        return Err(bad(if SIZES[column].1 == 0 { "whole numbers from 0" } else { "whole numbers from 1" }));
    }
    if KERNEL.contains(&column) && size % 2.0 == 0.0 {
        return Err(bad("odd numbers, since an even kernel would let the state grow"));
    }
    Ok(size as u32)
}
