//! What cell types change: the fly's eye looks at a digit, three times.
//!
//! The same wiring runs with all neurons excitatory; with each type excitatory or inhibitory, as most of its synapses
//! are; and with a time constant and a nonlinearity for each type besides. Light falls onto the photoreceptors R1 to R8 of
//! every column of the eye: dark, then a digit, then dark again.

use connectome_graph::hex::{Axial, CellType, Extent, HexNetwork, Role, expand};
use connectome_graph::{Dale, Measure, Topology, UnknownSign, WeightRule, aggregate};
use connectome_io::Sign;
use examples::data::{self, Digits};
use examples::eye::{photoreceptors, seen};
use examples::states::{States, deviation, mean};
use examples::{Args, Error, Pictures, Progress, Table, count, percent, run};
use flybrain::figure::{Aspect, Axis, ColorScale, Figure, Heatmap, Hexagons, Lines, Mark, Panels};
use sparse_ode::{
    Activation, Builder, ConnectomeOdeRnn, Forward, NeuronClass, NeuronTypes, Nonlinearity, PerNeuron, Projection,
    Solver, Tau,
};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;
use tch::{Device, Tensor, nn};

fn main() -> ExitCode {
    run(
        "03_neuron_types",
        "Excitatory and inhibitory types, their time constants and nonlinearities, on the fly's visual system.",
        neuron_types,
    )
}

/// Of the MNIST test images, the first 1: its stroke crosses the centre of the eye.
const IMAGE: usize = 2;
/// Input of a photoreceptor in full light.
const LIGHT: f32 = 3.0;
/// Summed weight of all inputs of a neuron.
const GAIN: f64 = 4.0;
/// Dark, light, dark, of equal length.
const FRAMES: usize = 3;
/// Long enough for the slowest loops of the network to settle.
const END: f64 = 75.0;
const TIMES: usize = 151;
/// Types along the way from the photoreceptors to the cells that see motion.
const SHOWN: [&str; 4] = ["L1", "Mi1", "Tm3", "T4a"];

fn neuron_types(args: &Args) -> Result<(), Error> {
    let mut progress = Progress::new(8);
    progress.stage("reading the connectome and expanding it to the columns of the eye");
    let fly = expand(&data::fly()?, Extent(if args.quick { 4 } else { 15 }))?;
    let lattice = fly.lattice();
    let digits = Digits::first(IMAGE + 1)?;
    let light: Vec<f32> = seen(digits.image(IMAGE), lattice).into_iter().map(|l| l * LIGHT).collect();

    progress.stage("finding the sign of each type");
    let signed = fly.topology(WeightRule::SynapseSign(UnknownSign::Error))?;
    let cells = fly.to_connectome()?;
    let labels = cells.neurons().types().ok_or("the cells have no types")?;
    let between_types = aggregate(&signed, labels, Measure::Sum)?;
    let (_, signs) = between_types.matrix.split_signs(Dale::Majority)?;
    let inhibitory: Vec<bool> = signs.iter().map(|&s| s == Sign::Inhibitory).collect();
    let kept = kept_signs(&signed, labels.codes(), &inhibitory);

    // Neurons have from a handful to hundreds of synapses. Each scales its inputs to the same sum, as neurons do by
    // homeostasis, so that types with many synapses do not sit at the end of their range.
    let wiring = scaled(&signed)?;
    let types = Types::new(&fly, labels.names(), &inhibitory);
    let input = photoreceptors(&fly)?;
    let dark = vec![0.0; light.len()];
    let x = Tensor::from_slice(&[&dark[..], &light, &dark].concat()).view([1, FRAMES as i64, light.len() as i64]);

    let mut variants = Vec::new();
    for (name, build) in VARIANTS {
        progress.stage(&format!("integrating: {name}"));
        let vs = nn::VarStore::new(Device::Cpu);
        let base = ConnectomeOdeRnn::builder(light.len(), &wiring).input_projection(Projection::Sparse(input.clone()));
        // Near rest an explicit solver steps as far as it stays stable; tighter tolerances keep that from showing as ripples.
        let model = build(base, &types).build(&vs.root())?.with_solver(Solver::new().tolerances(1e-6, 1e-5));
        let start = Instant::now();
        let run = model.forward(&x, &Forward::new().num_evals(TIMES).span(0.0, END))?;
        variants.push(Variant {
            name,
            seconds: start.elapsed().as_secs_f64(),
            steps: run.stats[0].steps,
            evaluations: run.evaluations,
            times: Vec::try_from(run.ts.get(0))?,
            states: States::new(&run.hs)?,
        });
    }

    let mut pictures = Pictures::new(&args.out);
    progress.stage("drawing traces");
    pictures.save(
        "traces",
        "the central cells of twelve types over time, in all variants",
        &traces(&fly, &variants)?,
    )?;
    progress.stage("drawing types");
    pictures.save(
        "types",
        "mean activity of every type in the dark and with the digit",
        &type_means(&fly, &variants)?,
    )?;
    progress.stage("drawing the eye");
    pictures.save("digit", "the digit as the columns of the eye see it", &digit(&light)?)?;
    pictures.save(
        "responses",
        "what the digit changes in four types, over the columns of the eye",
        &responses(&fly, &variants)?,
    )?;
    progress.finish();

    println!(
        "{} neurons of {} types, {} of them inhibitory: {}.",
        count(fly.n_nodes()),
        inhibitory.len(),
        inhibitory.iter().filter(|&&i| i).count(),
        types.inhibitory_names(&inhibitory),
    );
    println!("One sign per type keeps that of {} of the synapses.", percent(kept));
    println!(
        "Tolerances 1e-5 and 1e-6. Own τ and φ: photoreceptors 1, softsign; outputs 3, hard sigmoid; others 1.5, sigmoid.\n"
    );
    print!("{}", report(&fly, &variants));
    pictures.list();
    Ok(())
}

type Build = fn(Builder<ConnectomeOdeRnn>, &Types) -> Builder<ConnectomeOdeRnn>;

/// The networks that are compared, each with all that the one before it has.
const VARIANTS: [(&str, Build); 3] = [
    ("all excitatory", |network, _| network),
    ("with inhibition", |network, types| {
        network.neuron_types(types.of_neurons.clone()).neuron_class(PerNeuron::Labels(types.class.clone()))
    }),
    ("own τ and φ", |network, types| {
        network
            .neuron_types(types.of_neurons.clone())
            .neuron_class(PerNeuron::Labels(types.class.clone()))
            .tau(Tau::Given(PerNeuron::Labels(types.tau.clone())))
            .nonlinearity(PerNeuron::Labels(types.nonlinearity.clone()))
    }),
];

/// What is known or assumed of each type, by its name.
struct Types {
    names: Vec<String>,
    of_neurons: NeuronTypes,
    class: BTreeMap<String, NeuronClass>,
    tau: BTreeMap<String, f64>,
    nonlinearity: BTreeMap<String, Nonlinearity>,
}

impl Types {
    fn new(fly: &HexNetwork, names: &[String], inhibitory: &[bool]) -> Self {
        let of_neurons: Vec<&str> = fly.node_types().into_iter().map(|t| fly.types()[t as usize].name()).collect();
        let by_type = || fly.types().iter().zip(inhibitory);
        let class = |inhibits| match inhibits {
            true => NeuronClass::Inhibitory,
            false => NeuronClass::Excitatory,
        };
        // Time constants are not measured for most types: photoreceptors are taken as fast, the neurons that are read
        // out as slow.
        let tau = |role| match role {
            Role::Input => 1.0,
            Role::Intermediate => 1.5,
            Role::Output => 3.0,
        };
        // Photoreceptors are silent without input. The others are active at half their range, so that they pass on less
        // light as well as more; those that are read out do so in proportion.
        let nonlinearity = |role| match role {
            Role::Input => Activation::Softsign,
            Role::Intermediate => Activation::Sigmoid,
            Role::Output => Activation::Hardsigmoid,
        };
        Self {
            names: names.to_vec(),
            of_neurons: NeuronTypes::from_labels(&of_neurons),
            class: by_type().map(|(t, &i)| (t.name().to_owned(), class(i))).collect(),
            tau: by_type().map(|(t, _)| (t.name().to_owned(), tau(t.role()))).collect(),
            nonlinearity: by_type().map(|(t, _)| (t.name().to_owned(), nonlinearity(t.role()).into())).collect(),
        }
    }

    fn inhibitory_names(&self, inhibitory: &[bool]) -> String {
        let names = self.names.iter().zip(inhibitory);
        let names: Vec<&str> = names.filter(|(_, i)| **i).map(|(n, _)| n.as_str()).collect();
        names.join(", ")
    }
}

/// A network and what it did.
struct Variant {
    name: &'static str,
    seconds: f64,
    steps: usize,
    evaluations: usize,
    times: Vec<f64>,
    states: States,
}

/// Index of the last time at which a frame is seen.
fn end_of(frame: usize) -> usize {
    (TIMES - 1) * (frame + 1) / FRAMES
}

impl Variant {
    /// What light changed in each neuron, `[neurons]`.
    fn response(&self) -> Vec<f64> {
        let (dark, light) = (self.states.at(0, end_of(0)), self.states.at(0, end_of(1)));
        let both = dark.iter().zip(light);
        both.map(|(d, l)| f64::from(l - d)).collect()
    }
}

/// Magnitudes, each row with the sum [`GAIN`].
fn scaled(signed: &Topology) -> Result<Topology, Error> {
    let magnitudes = signed.map_weights(f64::abs)?;
    let sums = magnitudes.in_strength();
    let weights = magnitudes.iter().map(|(post, _, weight)| GAIN * weight / sums[post as usize]).collect();
    Ok(magnitudes.with_weights(weights)?)
}

/// The fraction of synapses whose sign is that of their presynaptic type.
fn kept_signs(signed: &Topology, types: &[u32], inhibitory: &[bool]) -> f64 {
    let (mut kept, mut all) = (0.0, 0.0);
    for (_, pre, weight) in signed.iter() {
        all += weight.abs();
        if inhibitory[types[pre as usize] as usize] == (weight < 0.0) {
            kept += weight.abs();
        }
    }
    kept / all
}

fn report(fly: &HexNetwork, variants: &[Variant]) -> Table<7> {
    let mut table =
        Table::new(["variant", "steps", "evaluations", "wall time", "mean, dark", "mean, digit", "contrast of T4a"]);
    let t4a = fly.layer("T4a").unwrap_or(0..0);
    for v in variants {
        let activity = |time| {
            let all = v.states.at(0, time).iter();
            format!("{:.3}", mean(all.map(|&h| f64::from(h))))
        };
        // Standard deviation over the columns of what light changes.
        let response = v.response();
        let contrast = deviation(t4a.clone().map(|cell| response[cell as usize]));
        table.row([
            v.name.to_owned(),
            v.steps.to_string(),
            v.evaluations.to_string(),
            format!("{:.2} s", v.seconds),
            activity(end_of(0)),
            activity(end_of(1)),
            format!("{contrast:.4}"),
        ]);
    }
    table
}

fn traces(fly: &HexNetwork, variants: &[Variant]) -> Result<Figure, Error> {
    let mut plot = Lines::new("Cells of the central column")
        // Wider than the data, so that the labels of neighbouring panels stay apart.
        .x(Axis::linear("time (τ of photoreceptors)").range(0.0, 1.08 * END))
        .y(Axis::linear("activity h").range(0.0, 1.05))
        .mark(Mark::Span(END / FRAMES as f64, 2.0 * END / FRAMES as f64), "digit shown")
        .panels(Panels::Grid(4))
        .size(1100.0, 760.0);
    for name in ["R1", "L1", "L2", "L3", "Mi1", "Mi4", "Mi9", "Tm1", "Tm3", "T4a", "T5a", "TmY15"] {
        let index = fly.type_index(name).ok_or("no such type")?;
        let cell = fly.types()[index as usize].cell_at(Axial::ORIGIN).ok_or("no central cell")?;
        plot = plot.panel(name);
        for variant in variants {
            let trace = variant.states.trace(0, cell as usize);
            plot = plot.series(variant.name, &variant.times, &trace);
        }
    }
    Ok(plot.build()?)
}

fn type_means(fly: &HexNetwork, variants: &[Variant]) -> Result<Figure, Error> {
    let names: Vec<&str> = fly.types().iter().map(CellType::name).collect();
    let mut rows = Vec::new();
    let mut row_names = Vec::new();
    for (state, frame) in [("dark", 0), ("digit", 1)] {
        for variant in variants {
            let activity = variant.states.at(0, end_of(frame));
            rows.extend(fly.types().iter().map(|t| mean(t.cells().map(|cell| f64::from(activity[cell as usize])))));
            row_names.push(format!("{}, {state}", variant.name));
        }
    }
    Ok(Heatmap::new(
        "Mean activity of each cell type, in the dark and with the digit",
        row_names.len(),
        names.len(),
        &rows,
    )
    .x("cell type")
    .row_names(&row_names)
    .column_names(&names)
    .color_range(0.0, 1.0)
    .color_label("activity h")
    .aspect(Aspect::Fill)
    .size(1250.0, 330.0)
    .build()?)
}

fn digit(light: &[f32]) -> Result<Figure, Error> {
    let brightness: Vec<f32> = light.iter().map(|l| l / LIGHT).collect();
    Ok(Hexagons::new("The digit on the eye").columns("", &brightness).color_label("brightness").build()?)
}

fn responses(fly: &HexNetwork, variants: &[Variant]) -> Result<Figure, Error> {
    let mut plot = Hexagons::new("What the digit changes, at the end of its time").per_row(SHOWN.len());
    for variant in variants {
        let response = variant.response();
        for name in SHOWN {
            let cells = fly.layer(name).ok_or("no such type")?;
            let values = &response[cells.start as usize..cells.end as usize];
            plot = plot.columns(format!("{name}, {}", variant.name), values);
        }
    }
    Ok(plot.colors(ColorScale::Diverging).color_label("change of activity h").size(1000.0, 780.0).build()?)
}
