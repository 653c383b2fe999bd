//! The one error type of the crate.

/// Why a topology, a lattice or a generated connectome could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two arrays that belong together differ in length.
    #[error("{what} has {got} entries, {expected} expected; pass arrays that belong to the same connectome")]
    Length {
        /// The array.
        what: &'static str,
        /// Length that was expected.
        expected: usize,
        /// Length that was found.
        got: usize,
    },
    /// A count does not fit the index type.
    #[error(
        "{what}: {count} is more than the {limit} that 32-bit indices can hold; reduce the extent or split the network"
    )]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// The count.
        count: u128,
        /// The largest count allowed.
        limit: u128,
    },
    /// Row offsets do not start at 0, decrease, or do not end at the number of entries.
    #[error(
        "row offset {position} is {value}, which is out of order or out of range (0 to {nnz}, ascending); check the CSR arrays"
    )]
    RowOffset {
        /// Position in the offset array.
        position: usize,
        /// Value found.
        value: usize,
        /// Number of entries.
        nnz: usize,
    },
    /// An index points outside its table.
    #[error(
        "{what} {position} is {index}, but there are only {size}; check that indices are zero-based and belong to this network"
    )]
    OutOfRange {
        /// What the index stands for.
        what: &'static str,
        /// Position in the array of indices.
        position: usize,
        /// The index.
        index: u64,
        /// Number of things that can be indexed.
        size: usize,
    },
    /// Columns of a CSR row do not ascend.
    #[error(
        "columns of row {row} are not in ascending order at entry {position}; sort them or build the topology from edges"
    )]
    Unsorted {
        /// Postsynaptic neuron.
        row: usize,
        /// Position of the entry in the column array.
        position: usize,
    },
    /// A pair of neurons occurs more than once.
    #[error(
        "synapse {pre} -> {post} occurs more than once; use Duplicates::Sum to add such entries or remove them from the source"
    )]
    Duplicate {
        /// Postsynaptic neuron.
        post: u32,
        /// Presynaptic neuron.
        pre: u32,
    },
    /// A weight is NaN or infinite.
    #[error(
        "weight of synapse {pre} -> {post} is {value}; weights must be finite, clean the source or the function that made it"
    )]
    NotFinite {
        /// Postsynaptic neuron.
        post: u32,
        /// Presynaptic neuron.
        pre: u32,
        /// The value.
        value: f64,
    },
    /// A weight rule needs signs that the connectome does not have.
    #[error("the connectome has no signs of {of}; choose another weight rule or set the signs when reading it")]
    NoSigns {
        /// "synapses" or "neurons".
        of: &'static str,
    },
    /// Some signs are unknown and the rule says that this is an error.
    #[error(
        "{count} synapses have an unknown sign (the first one is row {first} of the synapse table); \
         choose UnknownSign::Excitatory, Inhibitory or Omit, or complete the signs"
    )]
    UnknownSigns {
        /// Number of synapses.
        count: usize,
        /// First row of the synapse table that is concerned.
        first: usize,
    },
    /// Neurons with outgoing weights of both signs (Dale's law does not hold).
    #[error(
        "{count} presynaptic neurons have no single sign of their outgoing weights, among them {neurons:?}; \
         use Dale::Majority to take the sign of the summed weight{tie}"
    )]
    MixedSigns {
        /// Number of neurons concerned.
        count: usize,
        /// The first of them, at most 16.
        neurons: Vec<u32>,
        /// Empty, or a remark when the summed weights are exactly zero.
        tie: &'static str,
    },
    /// The connectome does not say how its types repeat on the lattice.
    #[error(
        "the connectome from {source_name} has no lattice wiring; expand reads connectomes of cell types such as the flyvis JSON"
    )]
    NoLattice {
        /// Source of the connectome.
        source_name: String,
    },
    /// A cell type has a role that is none of the three known ones.
    #[error("cell type {name} has the role {role:?}; the roles are input, intermediate and output")]
    Role {
        /// Cell type.
        name: String,
        /// The role found.
        role: String,
    },
    /// The synapse number used to fill hulls is not positive.
    #[error("synapse number {value} of filled offsets is not positive and finite; use Fill::None to fill nothing")]
    FillValue {
        /// The value.
        value: f32,
    },
    /// The bounding box of the offsets of one pair of types is absurdly large.
    #[error(
        "the offsets of {source_type} -> {target_type} span {points} lattice points, more than {limit}; \
         check the offsets or expand with Fill::None"
    )]
    HullTooLarge {
        /// Presynaptic type.
        source_type: String,
        /// Postsynaptic type.
        target_type: String,
        /// Points of the bounding box.
        points: u128,
        /// Largest number allowed.
        limit: u128,
    },
    /// A parameter of a generator is out of its range.
    #[error("{what} is {value}; {wanted}")]
    Parameter {
        /// The parameter.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        wanted: &'static str,
    },
    /// No network without repeated pairs has these degrees.
    #[error("no network has these degrees: {reason}; degrees of a measured network are always possible")]
    Degrees {
        /// Which condition fails, and where.
        reason: String,
    },
    /// Rows of the connectome are cell types that repeat on a lattice, and the operation wants single cells.
    #[error(
        "{what}, but rows of this connectome are cell types on a lattice; expand it first (hex::expand), or use \
         null::LatticeShuffle"
    )]
    OnLattice {
        /// What the operation does.
        what: &'static str,
    },
    /// A list of neurons is no permutation.
    #[error(
        "place {position} of the permutation names neuron {neuron} {problem}; a permutation names each of the {size} neurons once"
    )]
    NotPermutation {
        /// Position in the list.
        position: usize,
        /// Neuron named there.
        neuron: u32,
        /// Number of neurons.
        size: usize,
        /// "again" or "which does not exist".
        problem: &'static str,
    },
    /// An order of names leaves out a name that neurons have, or repeats one.
    #[error("the order of names {problem} {name:?}; name each label of the neurons once")]
    NameOrder {
        /// The name.
        name: String,
        /// "leaves out" or "repeats".
        problem: &'static str,
    },
    /// A selection names a column that the network does not have.
    #[error("the network has no {column}; it has {known}")]
    NoColumn {
        /// The column.
        column: String,
        /// The columns that exist.
        known: String,
    },
    /// A selection names something that does not occur.
    #[error("there is no {column} {value}; check the spelling and the version of the data")]
    NoEntry {
        /// The column searched.
        column: String,
        /// What was sought in it.
        value: String,
    },
    /// A name stands for no area, or for several.
    #[error("{name:?} {problem}; the areas are {known}")]
    AreaName {
        /// The name.
        name: String,
        /// "is the name of no area" or "is the name of several areas".
        problem: &'static str,
        /// The names there are, at most 16.
        known: String,
    },
    /// A network of areas has no such edge.
    #[error("there is no {kind} edge {from} -> {to}; those from {from} lead to {known}")]
    NoEdge {
        /// "feedforward" or "feedback".
        kind: &'static str,
        /// Name of the sending area.
        from: String,
        /// Name of the receiving area.
        to: String,
        /// Areas to which such edges lead, or "none".
        known: String,
    },
    /// No scaling of rows and columns has the wanted sums.
    #[error(
        "the {part} synapses cannot be scaled to equal sums of rows and of columns: {rows} postsynaptic neurons, among \
         them {neurons:?}, have inputs from {columns} presynaptic neurons only; leave such neurons out or normalise rows alone"
    )]
    NoScaling {
        /// "excitatory" or "inhibitory".
        part: &'static str,
        /// Number of postsynaptic neurons that share too few inputs.
        rows: usize,
        /// The first of them, at most 16.
        neurons: Vec<u32>,
        /// Number of their presynaptic neurons.
        columns: usize,
    },
    /// An iteration ended before its tolerance was reached.
    #[error(
        "{what}: the residual is {residual:.3e} after {iterations} iterations, {tolerance:.3e} was asked for; {advice}"
    )]
    NotConverged {
        /// The iteration.
        what: &'static str,
        /// Iterations done.
        iterations: usize,
        /// Residual reached.
        residual: f64,
        /// Residual asked for.
        tolerance: f64,
        /// What to try.
        advice: &'static str,
    },
    /// Too few eigenvalues converged.
    #[error(
        "{converged} of {wanted} eigenvalues converged after {restarts} restarts, the best values are {reached:?} and the \
         largest residual is {residual:.3e}; enlarge the subspace, allow more restarts or loosen the tolerance"
    )]
    Eigenvalues {
        /// Number of eigenvalues that converged.
        converged: usize,
        /// Number asked for.
        wanted: usize,
        /// Restarts done.
        restarts: usize,
        /// Largest residual of the wanted eigenvalues.
        residual: f64,
        /// Estimates of the wanted eigenvalues, the converged ones among them, as (real, imaginary).
        reached: Vec<(f64, f64)>,
    },
    /// The data layer refused a table.
    #[error(transparent)]
    Table(#[from] connectome_io::Error),
}
