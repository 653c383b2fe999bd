//! `flybrain vision train`, `validate` and `record`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use fly_vision::training::Start;
use flybrain::vision::{
    CompareSettings, FlyTrainSettings, FlyTrained, FlyWiring, Movies, Recipe, RecordSettings, TrainOptions,
    TrainedModel, collect, compare, record, train, validate,
};
use tch_train::{OnSignal, Progress};

use crate::failure::Failure;
use crate::sharing::{Processes, Sharing};
use crate::terminal::Terminal;
use crate::threads::threads;

/// Train models on optic flow; Ctrl-C saves, --resume goes on
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Settings, such as the config.toml of another run; options below are over it
    #[arg(long, value_name = "FILE", conflicts_with = "recipe")]
    config: Option<PathBuf>,
    /// Settings to start from: from-scratch, with which an untrained network learns within minutes, or publication
    #[arg(long, value_name = "NAME", default_value = "from-scratch")]
    recipe: Recipe,
    /// The unpacked folder of MPI-Sintel, in place of procedural scenes
    #[arg(long, value_name = "DIR", conflicts_with = "scenes")]
    sintel: Option<PathBuf>,
    /// Procedural scenes, of which an eighth is held out
    #[arg(long, value_name = "N")]
    scenes: Option<usize>,
    /// Radius of the eye in columns
    #[arg(long)]
    extent: Option<u32>,
    /// Parameters to start from: untrained, the number of a published model, or a file; for which --recipe publication is meant
    #[arg(long, value_name = "MODEL")]
    start: Option<String>,
    /// Wiring: measured, or shuffled: symmetries, numbers, rings, to be compared with unfilled
    #[arg(long, value_name = "KIND")]
    wiring: Option<FlyWiring>,
    /// Leave the network as it is, and train the decoder alone
    #[arg(long)]
    frozen: bool,
    /// Iterations
    #[arg(long)]
    iterations: Option<u64>,
    /// Sequences in an iteration
    #[arg(long)]
    batch: Option<usize>,
    /// Learning rate at first of resting potentials, and of whatever the recipe has no other for
    #[arg(long)]
    lr: Option<f64>,
    /// Iterations between validations, and between checkpoints
    #[arg(long, value_name = "N")]
    validate_every: Option<u64>,
    /// Models, each with a seed of its own [default: 1]
    #[arg(long, value_name = "N")]
    models: Option<usize>,
    /// Seed of the first model [default: 0]
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    sharing: Sharing,
    /// Go on with models that were interrupted, and with finished ones where more iterations are asked for
    #[arg(long)]
    resume: bool,
    /// Threads [default: all cores]; results do not depend on it
    #[arg(long, value_parser = threads())]
    threads: Option<usize>,
    /// Folder of the run
    #[arg(long, value_name = "DIR", default_value = "vision-train")]
    out: PathBuf,
}

impl Train {
    fn settings(&self) -> Result<FlyTrainSettings, Failure> {
        let mut settings = match &self.config {
            Some(file) => FlyTrainSettings::read(file)?,
            None => self.recipe.into(),
        };
        if let Some(folder) = &self.sintel {
            // the run must be found again from elsewhere
            let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
            settings.movies = Movies::Sintel { folder };
        }
        if let Some(scenes) = self.scenes {
            let (seed, look) = match settings.movies {
                Movies::Scenes { seed, look, .. } => (seed, look),
                Movies::Sintel { .. } => Default::default(),
            };
            settings.movies = Movies::Scenes { scenes, held_out: (scenes / 8).max(1), seed, look };
        }
        settings.start = self.start.clone().unwrap_or(settings.start);
        settings.extent = self.extent.unwrap_or(settings.extent);
        settings.wiring = self.wiring.unwrap_or(settings.wiring);
        settings.frozen |= self.frozen;
        settings.iterations = self.iterations.unwrap_or(settings.iterations);
        settings.batch = self.batch.unwrap_or(settings.batch);
        settings.lr = self.lr.unwrap_or(settings.lr);
        settings.validate_every = self.validate_every.unwrap_or(settings.validate_every);
        settings.models = self.models.unwrap_or(settings.models);
        settings.seed = self.seed.unwrap_or(settings.seed);
        Ok(settings.located())
    }

    pub(super) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let processes = self.sharing.start()?;
        let mut trained = processes.join(self.models(&processes, terminal))?;
        trained.interrupted = processes.sum([usize::from(trained.interrupted)]) != [0];
        let code = if trained.interrupted { ExitCode::from(130) } else { ExitCode::SUCCESS };
        let told = if processes.reports() { self.tell(trained, processes.meet(), terminal) } else { Ok(()) };
        processes.join(told)?;
        Ok(code)
    }

    /// Tells of all models, those of other processes too.
    fn tell(&self, mut trained: FlyTrained, together: bool, terminal: &Terminal) -> Result<(), Failure> {
        if together {
            trained = FlyTrained { seconds: trained.seconds, interrupted: trained.interrupted, ..collect(&self.out)? };
        }
        terminal.result(&trained, || {
            let rest = if trained.interrupted {
                format!("interrupted: the same command with --resume goes on in {}\n", self.out.display())
            } else {
                super::where_to_look(&self.out)
            };
            listed(&trained) + &rest
        })
    }

    /// Trains the models of this process.
    fn models(&self, processes: &Processes, terminal: &Terminal) -> Result<FlyTrained, Failure> {
        if let Some(threads) = self.threads {
            tch_sparse::set_threads(threads).map_err(fly_vision::Error::from).map_err(flybrain::Error::from)?;
        }
        let silent = terminal.is_quiet() || !processes.reports();
        let options = TrainOptions {
            start: if self.resume { Start::Resume } else { Start::Anew },
            share: processes.share(),
            progress: if silent { Progress::Silent } else { Progress::Auto },
            on_signal: OnSignal::SaveAndStop,
        };
        Ok(train(&self.settings()?, &self.out, &options)?)
    }
}

/// The models of a run for people.
pub(crate) fn listed(trained: &FlyTrained) -> String {
    let line = |m: &TrainedModel| {
        format!(
            "model {:03}: {} iterations, end-point error {:.4} -> {:.4} (no flow: {:.4}, mean flow: {:.4}): {}\n",
            m.model,
            m.iterations,
            m.error_before,
            m.error,
            m.error_of_zero,
            m.error_of_mean,
            m.network.display()
        )
    };
    trained.models.iter().map(line).collect()
}

/// Errors of all checkpoints of a run of `vision train`
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Folder of the run
    #[arg(value_name = "RUN", default_value = "vision-train")]
    run: PathBuf,
}

impl Validate {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let count = terminal.count("models");
        let all = validate(&self.run, &mut |model, models| count.tell(model + 1, models))?;
        drop(count);
        terminal.result(&all, || {
            let mut text = "model  iteration  end-point error  of no flow  norm of difference\n".to_owned();
            for v in &all {
                text += &format!(
                    "{:03}    {:>9}  {:>15.4}  {:>10.4}  {:>18.4}\n",
                    v.model, v.iteration, v.epe, v.epe_of_zero, v.l2norm
                );
            }
            text + &format!("{}\n", self.run.join("checkpoints.csv").display())
        })
    }
}

/// Responses of the models of a run of `vision train` to all its sequences
#[derive(Debug, Args)]
pub(crate) struct RecordResponses {
    /// Folder of the run
    #[arg(value_name = "RUN", default_value = "vision-train")]
    run: PathBuf,
    /// Length of a frame, seconds
    #[arg(long, default_value_t = 0.01)]
    dt: f64,
    /// Seconds in which grey fades into the first frame
    #[arg(long, default_value_t = 2.0)]
    t_fade_in: f64,
}

impl RecordResponses {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let settings = RecordSettings { dt: self.dt, t_fade_in: self.t_fade_in };
        let count = terminal.count("models");
        let all = record(&self.run, &settings, &mut |model, models| count.tell(model + 1, models))?;
        drop(count);
        terminal.result(&all, || {
            let line = |r: &flybrain::vision::Recorded| {
                let [sequences, frames, types] = r.shape;
                format!("{}: {sequences} sequences, {frames} frames, {types} types\n", r.file.display())
            };
            all.iter().map(line).collect()
        })
    }
}

/// Compare the models of runs of `vision train` with those of the first: errors and direction selectivity, with statistics
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Folders of the runs
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    runs: Vec<PathBuf>,
    /// Radius in columns of the eye that is shown edges
    #[arg(long, default_value_t = 8)]
    extent: u32,
    /// Speed of the edges, columns per second
    #[arg(long, default_value_t = 19.0)]
    speed: f64,
    /// Seed of permutations, where there are too many to try all
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for report.html, figures, tables
    #[arg(long, value_name = "DIR", default_value = "vision-compare")]
    out: PathBuf,
}

impl Compare {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let settings = CompareSettings { extent: self.extent, speed: self.speed, seed: self.seed };
        let count = terminal.count("runs");
        let found = compare(&self.runs, &settings, &self.out, &mut |name, _| {
            let number = self.runs.iter().position(|run| run.ends_with(name)).unwrap_or(0);
            count.tell(number + 1, self.runs.len());
        })?;
        drop(count);
        terminal.result(&found, || {
            let mut text = String::new();
            for (i, measure) in found.runs[0].measures.iter().enumerate() {
                text += &format!("{}\n", measure.measure);
                for run in &found.runs {
                    let m = &run.measures[i];
                    let p = m.p.map_or_else(String::new, |p| format!("  p {p:.4}"));
                    text += &format!("  {:<20} median {:.3}  mean {:.3}{p}\n", run.run, m.median, m.mean);
                }
            }
            text + &super::where_to_look(&self.out)
        })
    }
}
