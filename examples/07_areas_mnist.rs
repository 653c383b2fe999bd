//! Three areas of the visual cortex, V1 -> V2 -> V4, learn to read digits.
//!
//! The tutorial of connectome-to-model (Tugsbayar, Li, Muller, Richards 2025): each area is a convolutional GRU cell with 32 channels, on
//! 28, 14 and 7 pixels a side, with a gain as feedback; two linear layers read V4. Learned are 8,004 of the first 10,000 training images
//! of MNIST, the other 1,996 (the last fifth of each class) are held out. Two epochs give 93 to 94 %.
//!
//! An image is one frame here, as in the tutorial, so that each area is updated once and feedback has nothing to say yet: the sixth example
//! shows what it does. With all 60,000 images and five epochs, `flybrain areas train` told 98.64 % of the test images rightly; the tutorial
//! publishes 98.79 %.

use connectome_io::format::area_table::AreaTable;
use convgru_feedback::stimulus::images::{Images, Normalisation, Part};
use convgru_feedback::{Forward, Keep};
use examples::folder::clear;
use examples::{Args, Error, Pictures, Table, count, data, percent, run_with};
use flybrain::areas::{AreaClassifier, Config, Nodes, Run, Split, TrainOptions, Trained, inspect, train};
use flybrain::figure::{ColorScale, Figure, Grid, Heatmap};
use std::fs;
use std::process::ExitCode;
use tch::{Device, Tensor};
use tch_train::{OnSignal, Progress};

const FLAGS: [(&str, &str); 2] =
    [("--seeds", "three seeds instead of one"), ("--resume", "goes on from the newest checkpoints")];

fn main() -> ExitCode {
    run_with("07_areas_mnist", "Trains three visual areas to read digits.", &FLAGS, learn)
}

fn learn(args: &Args) -> Result<(), Error> {
    let seeds: &[u64] = if args.has("--seeds") { &[1, 2, 3] } else { &[1] };
    let usual = Config {
        graph_loc: data::path("areas/tutorial.csv"),
        data_path: data::path("mnist"),
        output_nodes: Nodes::One(2),
        epochs: 2,
        batch_size: 64,
        split: Split::LastFifth,
        normalise: true,
        ..Config::default()
    };
    let config = if args.quick { quick(args, usual)? } else { usual };
    let found = inspect(&config, &AreaTable::read(&config.graph_loc)?)?;
    println!(
        "{} areas; {} numbers are trained in the network and {} in its readout; {} steps per image.",
        found.areas.len(),
        count(found.parameters),
        count(found.readout_parameters),
        found.steps
    );
    for remark in &found.remarks {
        println!("Note: {remark}.");
    }

    let mut table = Table::new(["seed", "digits learned", "held out", "read rightly", "loss", "seconds"]);
    let mut last: Option<Trained> = None;
    for &seed in seeds {
        let folder = args.out.join(format!("seed_{seed}"));
        if !args.has("--resume") {
            clear(&folder)?;
        }
        let options = TrainOptions {
            resume: args.has("--resume"),
            progress: Progress::Auto,
            on_signal: OnSignal::SaveAndStop,
            ..TrainOptions::default()
        };
        let trained = train(&Config { seed, ..config.clone() }, &folder, &options)?;
        if trained.interrupted {
            println!("Interrupted; --resume goes on.");
            return Ok(());
        }
        let held_out = &trained.held_out;
        table.row([
            seed.to_string(),
            count(trained.learned),
            count(held_out.images),
            percent(held_out.accuracy),
            format!("{:.3}", held_out.loss),
            format!("{:.0}", trained.seconds),
        ]);
        last = Some(trained);
    }
    println!();
    print!("{table}");

    let folder = args.out.join(format!("seed_{}", seeds[0]));
    let model = Run::open(&folder, Device::Cpu)?;
    let mut pictures = Pictures::new(&args.out);
    pictures.save("responses", "what the areas make of a digit", &responses(&model)?)?;
    if let Some(trained) = last {
        println!(
            "\n{} of {} wrong. The run's folder has its settings, log, checkpoints, parameters for torch and pictures: {}",
            count(
                trained.held_out.images - (trained.held_out.accuracy * trained.held_out.images as f64).round() as usize
            ),
            count(trained.held_out.images),
            folder.display()
        );
    }
    pictures.list();
    Ok(())
}

/// A network of eight channels, and every fifth digit. One thread: a second one would wait more than it works.
fn quick(args: &Args, usual: Config) -> Result<Config, Error> {
    tch::set_num_threads(1);
    let folder = args.out.join("quick");
    fs::create_dir_all(&folder)?;
    let table = fs::read_to_string(&usual.graph_loc)?.replace(",32,", ",8,");
    fs::write(folder.join("areas.csv"), table)?;
    let all = Images::read_part(&usual.data_path, Part::Train)?;
    let some = all.subset(&(0..all.len()).step_by(5).collect::<Vec<_>>());
    let [h, w] = some.size().map(|side| (side as u32).to_be_bytes());
    let n = (some.len() as u32).to_be_bytes();
    let pixels: Vec<u8> = (0..some.len()).flat_map(|i| some.image(i)).copied().collect();
    fs::write(folder.join("train-images-idx3-ubyte"), [&[0, 0, 8, 3], &n[..], &h, &w, &pixels].concat())?;
    fs::write(folder.join("train-labels-idx1-ubyte"), [&[0, 0, 8, 1], &n[..], some.labels()].concat())?;
    Ok(Config {
        graph_loc: folder.join("areas.csv"),
        data_path: folder,
        batch_size: 16,
        proj_hidden_dim: 8,
        epochs: 6,
        lr: 5e-3,
        ..usual
    })
}

/// The digit, and the six channels of each area that differ most over the image.
fn responses(model: &AreaClassifier) -> Result<Figure, Error> {
    let digit = Images::read_part(data::path("mnist"), Part::Train)?.subset(&[0]);
    let image = Normalisation::MNIST.apply(&digit.to_tensor()?)?;
    let states =
        tch::no_grad(|| model.network().forward(&[&image.unsqueeze(1)], &Forward::new().keep(Keep::States)))?.states;
    let mut grid = Grid::new(7).title("A digit, and the six most varied channels of each area");
    for (area, state) in model.network().graph().names().iter().zip(&states) {
        grid = grid.add(map("the digit", &image.select(0, 0).select(0, 0))?);
        let channels = state.select(0, 0);
        let spread = channels.flatten(1, -1).std_dim(1, false, false);
        for channel in Vec::<i64>::try_from(spread.argsort(-1, true).narrow(0, 0, 6))? {
            grid = grid.add(map(&format!("{area}, channel {channel}"), &channels.select(0, channel))?);
        }
    }
    Ok(grid.build()?)
}

fn map(title: &str, image: &Tensor) -> Result<Figure, Error> {
    let [rows, columns] = [image.size()[0] as usize, image.size()[1] as usize];
    let values = Vec::<f32>::try_from(image.contiguous().view(-1))?;
    Ok(Heatmap::new(title, rows, columns, &values).colors(ColorScale::Auto).size(230.0, 220.0).build()?)
}
