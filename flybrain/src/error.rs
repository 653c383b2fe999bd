//! What can go wrong in a workflow.

use std::path::PathBuf;

/// Why a workflow stopped, or a figure could not be made. Every message says what, where and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A plot was built without anything to draw.
    #[error("{plot} \"{title}\" has nothing to draw; add {wants} before building it")]
    EmptyPlot {
        /// Kind of the plot.
        plot: &'static str,
        /// Title of the plot.
        title: String,
        /// What is missing.
        wants: String,
    },
    /// Two sequences that belong together differ in length.
    #[error("{plot} \"{title}\", {item}: {left_name} has {left} values but {right_name} has {right}; pass one for one")]
    LengthMismatch {
        /// Kind of the plot.
        plot: &'static str,
        /// Title of the plot.
        title: String,
        /// Which series, panel or side.
        item: String,
        /// Name of the first sequence.
        left_name: &'static str,
        /// Its length.
        left: usize,
        /// Name of the second sequence.
        right_name: &'static str,
        /// Its length.
        right: usize,
    },
    /// A matrix came with the wrong number of values.
    #[error(
        "{plot} \"{title}\": a matrix of {rows} x {columns} wants {} values but got {got}; \
         pass the matrix row by row, without gaps", .rows.saturating_mul(*.columns)
    )]
    MatrixShape {
        /// Kind of the plot.
        plot: &'static str,
        /// Title of the plot.
        title: String,
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
        /// Number of values given.
        got: usize,
    },
    /// The number of values is not that of a whole hexagonal lattice.
    #[error(
        "hexagons \"{title}\", {item}: {got} values do not fill a hexagonal lattice, which has 1 + 3n(n + 1) columns \
         (1, 7, 19, 37, ... 721); for a part of a lattice pass u and v with `lattice`"
    )]
    LatticeSize {
        /// Title of the plot.
        title: String,
        /// Which panel.
        item: String,
        /// Number of values given.
        got: usize,
    },
    /// A category has no name.
    #[error("hexagons \"{title}\", {item}: category {category} has no name, only {names} names were given")]
    UnknownCategory {
        /// Title of the plot.
        title: String,
        /// Which panel.
        item: String,
        /// The category without a name.
        category: f64,
        /// How many names were given.
        names: usize,
    },
    /// Times of a raster do not increase.
    #[error(
        "raster \"{title}\": times must be finite and increase, but time {index} is {value} after {before}; \
         sort the samples by time"
    )]
    TimeOrder {
        /// Title of the plot.
        title: String,
        /// Position of the offending time.
        index: usize,
        /// The time before it.
        before: f64,
        /// The offending time.
        value: f64,
    },
    /// A range or a size that cannot be drawn.
    #[error("{plot} \"{title}\": {what} is {value}; {advice}")]
    BadOption {
        /// Kind of the plot.
        plot: &'static str,
        /// Title of the plot.
        title: String,
        /// Which option.
        what: &'static str,
        /// The value given.
        value: String,
        /// What it should be.
        advice: &'static str,
    },
    /// The PNG would have more pixels than can be drawn.
    #[error(
        "a picture of {width:.0} x {height:.0} pixels is too large to draw; make the figure or its pixel ratio smaller"
    )]
    PictureSize {
        /// Width in pixels.
        width: f64,
        /// Height in pixels.
        height: f64,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be read for its hash.
    #[error("cannot read {}: {source}; check the path and the permissions", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// All files are tables of neurons.
    #[error("none of {files:?} holds connections; name a table of edges or a matrix too")]
    NothingToImport {
        /// The files.
        files: Vec<PathBuf>,
    },
    /// The data layer refused a file or a table.
    #[error(transparent)]
    Data(#[from] connectome_io::Error),
    /// A wiring could not be built from the tables.
    #[error(transparent)]
    Graph(#[from] connectome_graph::Error),
    /// A file of settings, or of a run, cannot be used.
    #[error("{}: {problem}", .path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A setting makes no sense.
    #[error("{key}: {problem}")]
    Setting {
        /// Its key.
        key: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The folder of a new run is not empty.
    #[error("{} is not empty; resume the run in it, or name another folder", .folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A run has saved nothing yet.
    #[error("{} holds no checkpoint; has the run begun?", .folder.display())]
    NoCheckpoint {
        /// The folder of checkpoints.
        folder: PathBuf,
    },
    /// A network of areas could not be made or run.
    #[error(transparent)]
    Areas(#[from] convgru_feedback::Error),
    /// A rate network could not be made or run.
    #[error(transparent)]
    Lyapunov(#[from] lyapunov::Error),
    /// The fly visual system.
    #[error(transparent)]
    Vision(Box<fly_vision::Error>),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] tch_train::Error),
}

/// Boxed, for results are as large as their largest error.
impl From<fly_vision::Error> for Error {
    fn from(error: fly_vision::Error) -> Self {
        Self::Vision(Box::new(error))
    }
}
