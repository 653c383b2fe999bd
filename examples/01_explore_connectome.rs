//! Two nervous systems, measured: the visual system of the fly and all of *C. elegans*.
//!
//! Takes both from this repository, expands the fly's cell types to the columns of its eye, prints what the networks
//! look like in numbers, and draws degrees, weight matrices, cell types and receptive fields.

use connectome_graph::hex::{Axial, Extent, HexNetwork, expand};
use connectome_graph::{Duplicates, Measure, Topology, UnknownSign, WeightRule, aggregate};
use connectome_io::{Connectome, Labels, Sign};
use examples::{Args, Error, Pictures, Progress, Table, count, data, percent, run};
use flybrain::figure::{ColorScale, DegreeDistribution, Figure, Grid, Heatmap, Hexagons, Zeros};
use std::process::ExitCode;

fn main() -> ExitCode {
    run("01_explore_connectome", "Statistics and pictures of the fly's visual system and of C. elegans.", explore)
}

/// The cell type whose receptive field is drawn: it tells front-to-back motion of bright edges.
const CELL: &str = "T4a";

/// Rows and columns of the corner of a matrix that is drawn.
const CORNER: usize = 100;

fn explore(args: &Args) -> Result<(), Error> {
    let mut progress = Progress::new(9);
    progress.stage("reading the fly's cell types and expanding them to the columns of the eye");
    let types = data::fly()?;
    let fly = expand(&types, Extent(if args.quick { 3 } else { 15 }))?;
    let fly_cells = fly.to_connectome()?;
    let fly_wiring = fly.topology(WeightRule::SynapseSign(UnknownSign::Error))?;
    progress.stage("reading the worm");
    let worm = data::worm()?;
    let worm_wiring = Topology::from_connectome(&worm, WeightRule::Magnitude, Duplicates::Error)?;

    progress.stage("measuring both");
    let networks = [Statistics::of("fly", &fly_cells, &fly_wiring), Statistics::of("worm", &worm, &worm_wiring)];

    let mut pictures = Pictures::new(&args.out);
    progress.stage("drawing degrees");
    pictures.save(
        "degrees",
        "how many partners neurons have, in both networks",
        &degrees(&fly_wiring, &worm_wiring)?,
    )?;
    progress.stage("drawing the corners of the weight matrices");
    pictures.save(
        "corner",
        "the first 100 x 100 entries of both weight matrices",
        &corner(&fly, &fly_wiring, &worm_wiring)?,
    )?;
    progress.stage("drawing cell types");
    pictures.save(
        "cell_types",
        "which type of cell connects to which in the fly, with sign",
        &cell_types(&fly_cells, &fly_wiring)?,
    )?;
    progress.stage("drawing a receptive field");
    pictures.save(
        "receptive_field",
        "from which columns of the eye one cell gets its inputs",
        &receptive_field(&fly, &fly_wiring)?,
    )?;
    progress.stage("drawing the lattice");
    pictures.save("lattice", "inputs of each cell over the eye: fewer at the border", &lattice(&fly, &fly_wiring)?)?;
    progress.stage("drawing the worm");
    pictures.save(
        "worm",
        "which groups of the worm's neurons connect, by role and by transmitter",
        &worm_groups(&worm, &worm_wiring)?,
    )?;
    progress.finish();

    println!(
        "The fly's visual system: {} cell types in {} columns of the eye, {} pairs of types, {} displacements.",
        fly.types().len(),
        fly.lattice().len(),
        count(fly.pair_groups().len()),
        count(fly.offset_groups().len()),
    );
    println!("C. elegans: the chemical synapses of the adult hermaphrodite. Each connection is a pair of neurons.\n");
    print!("{}", Statistics::table(&networks));
    pictures.list();
    Ok(())
}

/// A network in numbers.
struct Statistics {
    name: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Statistics {
    fn of(name: &'static str, connectome: &Connectome, wiring: &Topology) -> Self {
        let n = wiring.n_post();
        let strong = wiring.strongly_connected_components();
        let weak = wiring.weakly_connected_components();
        let largest = |sizes: &[u32]| sizes.iter().max().map_or(0, |&size| size as usize);
        let (inputs, outputs) = (wiring.in_degree(), wiring.out_degree());
        let most = |degrees: &[u32]| degrees.iter().max().map_or(0, |&d| d as usize);
        let none = |degrees: &[u32]| degrees.iter().filter(|&&d| d == 0).count();
        let signs = connectome.synapses().signs().unwrap_or_default();
        let sign = |wanted| {
            let of = signs.iter().filter(|&&sign| sign == wanted).count();
            percent(of as f64 / signs.len().max(1) as f64)
        };
        let synapses: f64 = wiring.weights().iter().map(|w| w.abs()).sum();
        let values = vec![
            ("neurons", count(n)),
            ("connections", count(wiring.nnz())),
            ("synapses", count(synapses.round() as usize)),
            ("density", percent(wiring.density())),
            ("synapses per connection", format!("{:.2}", synapses / wiring.nnz() as f64)),
            ("partners per neuron, mean", format!("{:.1}", wiring.nnz() as f64 / n as f64)),
            ("most inputs", count(most(&inputs))),
            ("most outputs", count(most(&outputs))),
            ("neurons without input", count(none(&inputs))),
            ("neurons without output", count(none(&outputs))),
            ("connections onto oneself", count(wiring.self_loops())),
            ("reciprocity", percent(wiring.reciprocity())),
            ("strong components", count(strong.count())),
            ("largest, neurons", count(largest(strong.sizes()))),
            ("weak components", count(weak.count())),
            ("largest, neurons", count(largest(weak.sizes()))),
            ("excitatory connections", sign(Sign::Excitatory)),
            ("inhibitory connections", sign(Sign::Inhibitory)),
            ("of both or unknown sign", sign(Sign::Unknown)),
        ];
        Self { name, values }
    }

    fn table([left, right]: &[Self; 2]) -> Table<3> {
        let mut table = Table::new(["", left.name, right.name]);
        for ((what, a), (_, b)) in left.values.iter().zip(&right.values) {
            table.row([*what, a, b]);
        }
        table
    }
}

fn degrees(fly: &Topology, worm: &Topology) -> Result<Figure, Error> {
    let plot = |title: &str, wiring: &Topology| {
        DegreeDistribution::new(title)
            .x("partners k")
            .series("inputs", &wiring.in_degree())
            .series("outputs", &wiring.out_degree())
            .size(460.0, 380.0)
            .build()
    };
    Ok(Grid::new(2).add(plot("Visual system of the fly", fly)?).add(plot("C. elegans", worm)?).build()?)
}

/// The corner of each matrix. The fly's cells are stored by type, and R1 does not connect to R1; ordered from the centre
/// of the eye outwards, the corner holds the circuit of one column and half of the next.
fn corner(fly: &HexNetwork, fly_wiring: &Topology, worm: &Topology) -> Result<Figure, Error> {
    let columns = fly.node_columns();
    let mut by_column: Vec<u32> = (0..fly.n_nodes() as u32).collect();
    by_column.sort_by_key(|&cell| {
        let column = columns[cell as usize];
        (column.norm(), column.u, column.v, cell)
    });
    by_column.truncate(CORNER);
    let mut central = Vec::with_capacity(CORNER * CORNER);
    for &post in &by_column {
        for &pre in &by_column {
            central.push(fly_wiring.get(post, pre).unwrap_or(0.0).abs());
        }
    }
    let plot = |title: &str, matrix: &[f64]| {
        Heatmap::new(title, CORNER, CORNER, matrix)
            .x("presynaptic neuron (column j)")
            .y("postsynaptic neuron (row i)")
            .colors(ColorScale::Log)
            .zeros(Zeros::Blank)
            .color_label("synapses from j to i")
            .size(520.0, 480.0)
            .build()
    };
    Ok(Grid::new(2)
        .title(format!("First {CORNER} x {CORNER} entries of the weight matrices"))
        .add(plot("Fly, from the centre of the eye", &central)?)
        .add(plot("C. elegans, in alphabetical order", &worm.sub_matrix(0..CORNER, 0..CORNER))?)
        .build()?)
}

fn cell_types(cells: &Connectome, wiring: &Topology) -> Result<Figure, Error> {
    let labels = cells.neurons().types().ok_or("the cells have no types")?;
    let types = aggregate(wiring, labels, Measure::MeanPerPost)?;
    let n = types.post_names.len();
    // Few pairs have more than 60 synapses; the scale ends there so that the others show.
    Ok(Heatmap::new(
        "Synapses between the 65 cell types of the fly's visual system",
        n,
        n,
        &types.matrix.sub_matrix(0..n, 0..n),
    )
    .x("presynaptic type")
    .y("postsynaptic type")
    .row_names(&types.post_names)
    .column_names(&types.pre_names)
    .zeros(Zeros::Blank)
    .color_range(-60.0, 60.0)
    .color_label("signed synapses per postsynaptic cell")
    .size(1100.0, 1020.0)
    .build()?)
}

/// Inputs of the central cell by type and column; the strongest eight types.
fn receptive_field(fly: &HexNetwork, wiring: &Topology) -> Result<Figure, Error> {
    let cells = fly.type_index(CELL).ok_or("no such type")?;
    let cell = fly.types()[cells as usize].cell_at(Axial::ORIGIN).ok_or("no central cell")?;
    let (types, columns) = (fly.node_types(), fly.node_columns());
    let mut inputs = vec![Vec::new(); fly.types().len()];
    let (pre, weight) = wiring.row(cell as usize);
    for (&pre, &weight) in pre.iter().zip(weight) {
        inputs[types[pre as usize] as usize].push((columns[pre as usize], weight));
    }
    let strength = |t: &usize| -> f64 { inputs[*t].iter().map(|(_, w)| w.abs()).sum() };
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    order.retain(|&t| !inputs[t].is_empty());
    order.truncate(8);

    // All panels show the same columns, so that places compare.
    let reach = order.iter().flat_map(|&t| &inputs[t]);
    let reach = reach.map(|(column, _)| column.norm()).max().unwrap_or(0) as i32;
    let window: Vec<Axial> = (-reach..=reach)
        .flat_map(|u| (-reach..=reach).map(move |v| Axial::new(u, v)))
        .filter(|column| column.norm() <= reach as u32)
        .collect();
    let (u, v): (Vec<i32>, Vec<i32>) = window.iter().map(|c| (c.u, c.v)).unzip();
    let mut plot = Hexagons::new(format!("Inputs of the central {CELL} by type and column"));
    for t in order {
        let at = |column: &Axial| inputs[t].iter().find(|(c, _)| c == column);
        let values: Vec<f64> = window.iter().map(|c| at(c).map_or(0.0, |(_, w)| *w)).collect();
        let total: f64 = inputs[t].iter().map(|(_, w)| w).sum();
        let sign = if total < 0.0 { '−' } else { '+' };
        let name = format!("{} ({sign}{:.0} synapses)", fly.types()[t].name(), total.abs());
        plot = plot.lattice(name, &u, &v, &values);
    }
    Ok(plot
        .colors(ColorScale::Diverging)
        // One cell has 21; with the scale to the end of that, most columns would be pale.
        .color_range(-10.0, 10.0)
        .color_label("signed synapses (darkest from 10 up)")
        .build()?)
}

/// What each cell of two types receives, over the eye.
fn lattice(fly: &HexNetwork, wiring: &Topology) -> Result<Figure, Error> {
    let inputs = wiring.in_degree();
    let mut grid = Grid::new(2).title("Connections onto each cell, over the columns of the eye");
    for name in [CELL, "Lawf2"] {
        let index = fly.type_index(name).ok_or("no such type")?;
        let cells = &fly.types()[index as usize];
        let values: Vec<f64> = fly
            .lattice()
            .columns()
            .map(|column| cells.cell_at(column))
            .map(|cell| cell.map_or(f64::NAN, |cell| f64::from(inputs[cell as usize])))
            .collect();
        let title = match values.iter().filter(|v| v.is_nan()).count() {
            0 => format!("{name}, one in each column"),
            _ => format!("{name}, {} cells (grey: none)", cells.cells().len()),
        };
        grid = grid.add(Hexagons::new(title).columns("", &values).color_label("inputs").size(470.0, 440.0).build()?);
    }
    Ok(grid.build()?)
}

fn worm_groups(worm: &Connectome, wiring: &Topology) -> Result<Figure, Error> {
    let neurons = worm.neurons();
    let roles = neurons.classes().ok_or("the worm's neurons have no roles")?;
    let transmitters = neurons.transmitters().ok_or("the worm's neurons have no transmitters")?;
    let by_role = |row| match roles.get(row) {
        "" => "unknown",
        role if role.starts_with("pharyngeal") => "pharynx",
        "sensory neuron" => "sensory",
        "interneuron" => "interneuron",
        "motor neuron" => "motor",
        _ => "several roles",
    };
    let by_transmitter = |row| match transmitters.get(row) {
        "Glu" => "glutamate",
        "ACh" => "acetylcholine",
        "GABA" => "GABA",
        _ => "other or none",
    };
    let rows = 0..neurons.len();
    let mut grid = Grid::new(2).title("C. elegans: who talks to whom");
    for (title, labels) in [
        ("By role", Labels::from_values(rows.clone().map(by_role))),
        ("By transmitter", Labels::from_values(rows.clone().map(by_transmitter))),
    ] {
        let groups = aggregate(wiring, &labels, Measure::InputFraction)?;
        let n = groups.post_names.len();
        let matrix = groups.matrix.map_weights(|w| 100.0 * w)?;
        grid = grid.add(
            Heatmap::new(title, n, n, &matrix.sub_matrix(0..n, 0..n))
                .x("presynaptic")
                .y("postsynaptic")
                .row_names(&groups.post_names)
                .column_names(&groups.pre_names)
                .color_label("share of the row's synapses (%)")
                .color_range(0.0, 100.0)
                .size(520.0, 440.0)
                .build()?,
        );
    }
    Ok(grid.build()?)
}
