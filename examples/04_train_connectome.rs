//! Handwritten digits, learned by the visual system of the fly.
//!
//! A digit falls onto the photoreceptors; the network `dh/dt = (relu(sigmoid(P x + W s h + b)) - h) / tau` answers, with `W` on the
//! measured wiring, held at or above zero, and `s` the sign of each cell type; two layers read the cells that leave the optic lobe. Its
//! solve is one node of libtorch's graph, so that the loss has gradients with respect to every synapse.
//!
//! Of the 10,000 test images of MNIST 8,000 are learned and 2,000 held out. Numbers are therefore not those of MNIST's own split, which has
//! more than seven times as many images to learn from.
//!
//! How much of it is the network's doing? `--fixed` lets the readout learn alone: 93.8 % of the held-out digits after two epochs, as
//! many as with the network (93.1 %). Its three thousand cells answer differently enough from the start; what the synapses learn in a
//! minute is small, and `types` shows where it is.

use connectome_graph::hex::{CellType, Extent, HexNetwork, Role, expand};
use connectome_graph::{Dale, Measure, Topology, UnknownSign, WeightRule, aggregate};
use connectome_io::Sign;
use examples::data::{self, Digits};
use examples::eye::{photoreceptors, seen};
use examples::folder::clear;
use examples::{Args, Error, Pictures, Progress, Table, count, percent, run_with};
use flybrain::figure::{Axis, Bar, ColorScale, Figure, Grid, Heatmap, Hexagons, Lines, Mark};
use serde_json::json;
use sparse_ode::{
    ConnectomeOdeClassifier, ConnectomeOdeRnn, Forward, Method, Mode, NeuronClass, NeuronTypes, PerNeuron, Projection,
    ReadAt, Readout, Solver,
};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Reduction, Tensor, nn};
use tch_train::{
    Adam, Batches, BoxError, Checkpoints, Clip, Ended, Identity, OnSignal, Optimizer, Outcome, Parameters, Schedule,
    Scores, Trainer,
};

const FLAGS: [(&str, &str); 3] = [
    ("--full", "the whole eye, 45,669 neurons: many minutes"),
    ("--fixed", "only the readout learns, for comparison"),
    ("--resume", "goes on from the newest checkpoint"),
];

fn main() -> ExitCode {
    run_with("04_train_connectome", "Trains the fly's visual system to read digits.", &FLAGS, train)
}

/// Input of a photoreceptor in full light.
const LIGHT: f64 = 3.0;
/// Summed weight of all inputs of a neuron, at the start.
const GAIN: f64 = 4.0;
/// When the answer is read, in units of the time constant: long enough for three synapses on the way.
const END: f64 = 3.0;
const CLASSES: i64 = 10;
/// Learning rate of the readout.
const RATE: f64 = 1e-3;
/// Learning rate of the network. Weights begin at some hundredths, a hundred of them onto each cell: steps of 1e-3 in all of them at once
/// would move the cells away from where the readout expects them, and nothing is learned.
const RATE_OF_NETWORK: f64 = 1e-4;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Rings of columns around the central one.
    extent: u32,
    learned: i64,
    held_out: i64,
    batch: i64,
    epochs: u64,
}

impl Plan {
    fn new(args: &Args) -> Self {
        let usual = Self { extent: 5, learned: 8_000, held_out: 2_000, batch: 32, epochs: 2 };
        match (args.quick, args.has("--full")) {
            (true, _) => Self { extent: 3, learned: 1_600, held_out: 400, batch: 16, epochs: 1 },
            (false, true) => Self { extent: 15, ..usual },
            (false, false) => usual,
        }
    }
}

fn train(args: &Args) -> Result<(), Error> {
    let plan = Plan::new(args);
    let mut progress = Progress::new(3);
    progress.stage("reading the connectome and expanding it to the columns of the eye");
    let fly = expand(&data::fly()?, Extent(plan.extent))?;
    let learner = Learner::new(&fly)?;
    progress.stage("looking at the digits");
    let task = Task::new(&fly, &plan)?;
    progress.stage("adjusting the readout to the cells");
    learner.standardise(&task.images.narrow(0, 0, 256))?;
    progress.finish();

    let batches = Batches::shuffled(plan.learned as usize, plan.batch as usize, 1)?;
    let per_epoch = batches.per_epoch();
    let steps = plan.epochs * per_epoch;
    let parameters = Parameters::of(&learner.store);
    let adam = |lr| Adam { lr, ..Adam::default() };
    let mut optimizer = Optimizer::new(adam(RATE), &parameters.under("readout"))?;
    let fixed = args.has("--fixed");
    if !fixed {
        optimizer = optimizer.with_group("network", adam(RATE_OF_NETWORK), &parameters.under("rnn"))?;
    }
    let schedule = |start| Schedule::Cosine { start, stop: 0.0, steps }.after_warmup(20, 0.1);
    let plan_of_run = json!({
        "extent": plan.extent, "learned": plan.learned, "batch": plan.batch, "epochs": plan.epochs, "fixed": fixed,
    });
    let run = args.out.join("run");
    if !args.has("--resume") {
        clear(&run)?;
    }
    // by which the next start knows the folder as a run's
    let settings = run.join("run.json");
    if !settings.exists() {
        std::fs::create_dir_all(&run)?;
        std::fs::write(settings, format!("{plan_of_run:#}\n"))?;
    }
    let checkpoints = Checkpoints::new(run.join("checkpoints"));
    let mut trainer = Trainer::new(parameters, optimizer, batches)?
        .lr(schedule(RATE))?
        .clip(Clip::Norm(1.0))
        .validate(per_epoch / 2, |_| {
            let answers = task.held_out(&learner)?;
            Ok(Scores::new("accuracy", answers.accuracy).and("loss", answers.loss))
        })?
        .checkpoints(per_epoch / 2, checkpoints, Identity::new("digits on the fly's eye", plan_of_run))?
        .log(&run, 1)?
        .progress(tch_train::Progress::Auto)
        .on_signal(OnSignal::SaveAndStop);
    if !fixed {
        trainer = trainer.group_lr("network", schedule(RATE_OF_NETWORK))?;
    }
    if let (true, Some(step)) = (args.has("--resume"), trainer.resume()?) {
        eprintln!("going on after step {step} of {steps}");
    }
    let mut time = [Duration::ZERO; 2];
    let before = trainer.steps_done();
    let report = trainer.run(steps, |batch| {
        let (x, labels) = task.of(&batch.index())?;
        let start = Instant::now();
        let logits = learner.logits(&x, Mode::Train)?;
        let loss = cross_entropy(&logits, &labels)?;
        let middle = Instant::now();
        loss.f_backward()?;
        time[0] += middle - start;
        time[1] += middle.elapsed();
        let right = logits.f_argmax(-1, false)?.f_eq_tensor(&labels)?.f_mean(Kind::Float)?.f_double_value(&[])?;
        Ok(Outcome::differentiated(loss.f_double_value(&[])?).metric("accuracy", right))
    })?;
    if report.ended == Ended::Interrupted {
        println!("{report}");
        return Ok(());
    }

    let answers = task.held_out(&learner).map_err(|e| e.to_string())?;
    let log = Log::read(&run, per_epoch)?;
    let changes = learner.changes(&fly)?;
    let mut pictures = Pictures::new(&args.out);
    pictures.save("learning", "loss and accuracy over the epochs", &log.figure()?)?;
    pictures.save("confusion", "which held-out digits are taken for which", &answers.confusion()?)?;
    pictures.save("answers", "held-out digits on the eye, right and wrong answers", &answers.examples(&task)?)?;
    pictures.save("types", "how much the inputs of each cell type changed", &types(&changes)?)?;

    println!(
        "{} neurons, {} connections; {} of the cells are read. {} digits to learn from, {} held out (all of them test images of MNIST).",
        count(fly.n_nodes()),
        count(learner.wiring.nnz()),
        count(learner.read),
        count(plan.learned as usize),
        count(plan.held_out as usize),
    );
    print!("\n{}", log.table());
    let trained = trainer.steps_done() - before;
    if trained > 0 {
        let [forward, backward] = time.map(|t| 1e3 * t.as_secs_f64() / trained as f64);
        println!("\nA step over {} digits takes {forward:.0} ms forward and {backward:.0} ms backward.", plan.batch);
    }
    let zero = learner.weights()?.iter().filter(|w| **w <= 0.0).count();
    println!("{} of {} synaptic weights are at the bound, zero.", count(zero), count(learner.wiring.nnz()));
    println!(
        "Held-out digits read rightly: {}; by chance it would be 10 %. {}",
        percent(answers.accuracy),
        if fixed { "The network stayed as it was." } else { "With --fixed the readout learns alone." }
    );
    pictures.list();
    Ok(())
}

fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor, tch::TchError> {
    logits.f_cross_entropy_loss::<Tensor>(labels, None, Reduction::Mean, -100, 0.0)
}

/// The network with its readout.
struct Learner {
    store: nn::VarStore,
    model: ConnectomeOdeClassifier,
    wiring: Topology,
    read: usize,
}

impl Learner {
    fn new(fly: &HexNetwork) -> Result<Self, Error> {
        let signed = fly.topology(WeightRule::SynapseSign(UnknownSign::Error))?;
        // Each neuron scales its inputs to the same sum, so that none begins at the end of its range.
        let magnitudes = signed.map_weights(f64::abs)?;
        let sums = magnitudes.in_strength();
        let wiring =
            magnitudes.with_weights(magnitudes.iter().map(|(post, _, w)| GAIN * w / sums[post as usize]).collect())?;
        // A type inhibits if most of its synapses do.
        let cells = fly.to_connectome()?;
        let labels = cells.neurons().types().ok_or("the cells have no types")?;
        let (_, signs) = aggregate(&signed, labels, Measure::Sum)?.matrix.split_signs(Dale::Majority)?;
        let class = labels.names().iter().cloned().zip(signs.iter().map(|sign| match sign {
            Sign::Inhibitory => NeuronClass::Inhibitory,
            _ => NeuronClass::Excitatory,
        }));
        let of_neurons: Vec<&str> = fly.node_types().into_iter().map(|t| fly.types()[t as usize].name()).collect();
        let outputs = fly.types().iter().filter(|t| t.role() == Role::Output);
        let read: Vec<u32> = outputs.flat_map(CellType::cells).collect();

        let store = nn::VarStore::new(Device::Cpu);
        let rnn = ConnectomeOdeRnn::builder(fly.lattice().len(), &wiring)
            .input_projection(Projection::Sparse(photoreceptors(fly)?))
            .neuron_types(NeuronTypes::from_labels(&of_neurons))
            .neuron_class(PerNeuron::Labels(class.collect()))
            .output_neurons(&read)?;
        let readout = Readout::new(CLASSES as usize).hidden(256).dropout(0.5);
        // The fifth example shows that this method takes the fewest evaluations for an error of 1e-3.
        let solver = Solver::new().method(Method::BogackiShampine).tolerances(1e-5, 1e-2);
        let model = ConnectomeOdeClassifier::new(&store.root(), rnn, &readout)?.with_solver(solver);
        Ok(Self { store, model, wiring, read: read.len() })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<sparse_ode::Prediction<sparse_ode::Run>, sparse_ode::Error> {
        self.model.forward(x, &Forward::new().span(0.0, END), ReadAt::LastTime, mode)
    }

    fn logits(&self, x: &Tensor, mode: Mode) -> Result<Tensor, sparse_ode::Error> {
        Ok(self.forward(x, mode)?.logits)
    }

    /// Lets each output have mean 0 and standard deviation 1 over some images. Cells differ a lot in their mean and little between
    /// images: read as they are, they hide from the readout what it is to learn.
    fn standardise(&self, x: &Tensor) -> Result<(), Error> {
        let _guard = tch::no_grad_guard();
        let outs = self.forward(x, Mode::Evaluate)?.run.outs.f_select(1, -1)?;
        let scale = (outs.f_std_dim(0, true, false)? + 1e-3).f_reciprocal()?;
        let shift = -(outs.f_mean_dim(0, false, Kind::Float)? * &scale);
        for (name, start) in [("values", scale), ("bias", shift)] {
            let mut parameter = self.parameter(&format!("rnn.output_projection.{name}"))?;
            parameter.f_copy_(&start.f_view_as(&parameter)?)?;
        }
        Ok(())
    }

    fn parameter(&self, name: &str) -> Result<Tensor, Error> {
        Ok(self.store.variables().remove(name).ok_or_else(|| format!("no parameter {name}"))?)
    }

    fn weights(&self) -> Result<Vec<f32>, Error> {
        Ok(Vec::try_from(self.parameter("rnn.connectome.values")?)?)
    }

    /// How much the weights onto each type changed, relative to their sum at the start; the greatest first.
    fn changes(&self, fly: &HexNetwork) -> Result<Vec<(String, f64)>, Error> {
        let types = fly.node_types();
        let mut sums = vec![[0.0; 2]; fly.types().len()];
        for ((post, _, start), now) in self.wiring.iter().zip(self.weights()?) {
            let [changed, all] = &mut sums[types[post as usize] as usize];
            *changed += (f64::from(now) - start).abs();
            *all += start;
        }
        let named = fly.types().iter().map(CellType::name).map(str::to_owned).zip(sums);
        let mut changes: Vec<_> = named.filter(|(_, [_, all])| *all > 0.0).map(|(n, [c, all])| (n, c / all)).collect();
        changes.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(changes)
    }
}

/// The digits as light on the eye.
struct Task {
    /// `[images, columns]`
    images: Tensor,
    labels: Tensor,
    plan: Plan,
}

/// What the network says of the held-out digits.
struct Answers {
    accuracy: f64,
    loss: f64,
    labels: Vec<i64>,
    given: Vec<i64>,
}

impl Task {
    fn new(fly: &HexNetwork, plan: &Plan) -> Result<Self, Error> {
        let digits = Digits::first((plan.learned + plan.held_out) as usize)?;
        let n = digits.labels.len();
        let light: Vec<f32> = (0..n).flat_map(|i| seen(digits.image(i), fly.lattice())).collect();
        let labels: Vec<i64> = digits.labels.iter().map(|&l| i64::from(l)).collect();
        let images = Tensor::from_slice(&light).view([n as i64, fly.lattice().len() as i64]) * LIGHT;
        Ok(Self { images, labels: Tensor::from_slice(&labels), plan: *plan })
    }

    fn of(&self, index: &Tensor) -> Result<(Tensor, Tensor), tch::TchError> {
        Ok((self.images.f_index_select(0, index)?, self.labels.f_index_select(0, index)?))
    }

    fn held_out(&self, learner: &Learner) -> Result<Answers, BoxError> {
        let _guard = tch::no_grad_guard();
        let all = |of: &Tensor| of.f_narrow(0, self.plan.learned, self.plan.held_out);
        let logits: Vec<Tensor> = all(&self.images)?
            .f_split(200, 0)?
            .iter()
            .map(|x| learner.logits(x, Mode::Evaluate))
            .collect::<Result<_, _>>()?;
        let (logits, labels) = (Tensor::f_cat(&logits, 0)?, all(&self.labels)?);
        let given = logits.f_argmax(-1, false)?;
        Ok(Answers {
            accuracy: given.f_eq_tensor(&labels)?.f_mean(Kind::Double)?.f_double_value(&[])?,
            loss: cross_entropy(&logits, &labels)?.f_double_value(&[])?,
            labels: Vec::try_from(labels)?,
            given: Vec::try_from(given)?,
        })
    }
}

impl Answers {
    fn confusion(&self) -> Result<Figure, Error> {
        let n = CLASSES as usize;
        let mut cells = vec![0.0; n * n];
        for (&label, &given) in self.labels.iter().zip(&self.given) {
            cells[label as usize * n + given as usize] += 1.0;
        }
        for row in cells.chunks_mut(n) {
            let all: f64 = row.iter().sum();
            row.iter_mut().for_each(|cell| *cell *= 100.0 / all);
        }
        let names: Vec<String> = (0..n).map(|digit| digit.to_string()).collect();
        Ok(Heatmap::new(format!("Held-out digits: {} right", percent(self.accuracy)), n, n, &cells)
            .x("answer")
            .y("digit")
            .row_names(&names)
            .column_names(&names)
            .colors(ColorScale::Log)
            .color_range(0.3, 100.0)
            .color_label("part of the digit's images (%)")
            .size(520.0, 470.0)
            .build()?)
    }

    /// Four digits that are read rightly and four that are not, as the eye sees them.
    fn examples(&self, task: &Task) -> Result<Figure, Error> {
        let is_right = |right: bool| (0..self.given.len()).filter(move |&i| (self.given[i] == self.labels[i]) == right);
        let mut plot = Hexagons::new("Held-out digits on the eye, and the answers").per_row(4);
        for i in is_right(true).take(4).chain(is_right(false).take(4)) {
            let light: Vec<f32> = Vec::try_from(task.images.get(task.plan.learned + i as i64) / LIGHT)?;
            plot = plot.columns(format!("{}, read as {}", self.labels[i], self.given[i]), &light);
        }
        Ok(plot.color_label("brightness").size(900.0, 520.0).build()?)
    }
}

fn types(changes: &[(String, f64)]) -> Result<Figure, Error> {
    let (names, changed): (Vec<&str>, Vec<f64>) = changes.iter().take(24).map(|(n, c)| (n.as_str(), 100.0 * c)).unzip();
    Ok(Bar::new("The 24 cell types whose inputs changed most")
        .x("cell type")
        .y("change of the weights onto it (%)")
        .groups(&names)
        .series("", &changed)
        .size(900.0, 380.0)
        .build()?)
}

/// What the trainer wrote down, over epochs.
struct Log {
    /// Epochs, loss, accuracy.
    learned: [Vec<f64>; 3],
    held_out: [Vec<f64>; 3],
}

impl Log {
    fn read(folder: &Path, per_epoch: u64) -> Result<Self, Error> {
        let table = |file| -> Result<[Vec<f64>; 3], Error> {
            let text = std::fs::read_to_string(folder.join(file))?;
            let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let heading = lines.next().ok_or("an empty log")?;
            let mut columns = [Vec::new(), Vec::new(), Vec::new()];
            for (name, column) in ["step", "loss", "accuracy"].iter().zip(&mut columns) {
                let place = heading.iter().position(|title| title == name).ok_or("a log without that column")?;
                *column = lines.clone().map(|line| line[place].parse()).collect::<Result<_, _>>()?;
            }
            columns[0].iter_mut().for_each(|step| *step /= per_epoch as f64);
            Ok(columns)
        };
        Ok(Self { learned: table("training.csv")?, held_out: table("validation.csv")? })
    }

    fn figure(&self) -> Result<Figure, Error> {
        let [loss, accuracy] = ["Loss", "Accuracy"].map(|title| Lines::new(title).x("epochs").size(520.0, 380.0));
        let panel = |plot: Lines, column: usize, factor: f64| {
            // Mean of each twenty steps.
            let smooth =
                |all: &[f64]| all.chunks(20).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect::<Vec<_>>();
            let scaled = |all: &[f64]| all.iter().map(|v| factor * v).collect::<Vec<_>>();
            plot.series("learned, with dropout", &smooth(&self.learned[0]), &scaled(&smooth(&self.learned[column])))
                .series("held out", &self.held_out[0], &scaled(&self.held_out[column]))
        };
        let loss = panel(loss.y("cross-entropy"), 1, 1.0);
        let accuracy = panel(accuracy.y(Axis::linear("digits read rightly (%)").range(0.0, 100.0)), 2, 100.0);
        let accuracy = accuracy.mark(Mark::Horizontal(10.0), "chance");
        Ok(Grid::new(2).add(loss.build()?).add(accuracy.build()?).build()?)
    }

    fn table(&self) -> Table<3> {
        let mut table = Table::new(["epochs", "loss, held out", "accuracy, held out"]);
        let [epochs, losses, accuracies] = &self.held_out;
        for ((epoch, loss), accuracy) in epochs.iter().zip(losses).zip(accuracies) {
            table.row([format!("{epoch:.2}"), format!("{loss:.3}"), percent(*accuracy)]);
        }
        table
    }
}
