//! Tables with a row per synapse.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use connectome_io::{Done, Duplicates, Progress, ReadOptions, Regions, Sign};

use crate::common::Folder;
use crate::meter::measure;
use crate::{alone, fixture};

/// The three kinds of file are counted alike, whatever is asked for.
#[test]
fn lists_of_synapses_are_counted() {
    type Change = fn(&mut ReadOptions);
    let changes: [(Change, f64); 4] = [
        (|_| {}, 36.0),
        (|options| options.min_connection_score = Some(50.0), 15.0),
        (|options| options.min_cleft_score = Some(120.0), 13.0),
        (|options| options.regions = Regions::Only(vec!["ME_R".to_owned(), "LO_R".to_owned()]), 10.0),
    ];
    for (change, total) in changes {
        let text = alone(&fixture("synapses.csv.gz"), change).unwrap();
        assert_eq!(text.total_weight(), total);
        for name in ["synapses.parquet", "synapses.feather"] {
            let other = alone(&fixture(name), change).unwrap();
            assert_eq!((other.neurons(), other.synapses()), (text.neurons(), text.synapses()), "{name}");
        }
    }
    let all = alone(&fixture("synapses.feather"), |options| options.duplicates = Duplicates::Keep).unwrap();
    assert_eq!(all.n_synapses(), 36);
}

/// The transmitter of a neuron is the likeliest on average over the synapses that it sends.
#[test]
fn transmitters_follow_from_probabilities() {
    let f = Folder::new();
    let path = f.put(
        "synapses.csv",
        "pre_pt_root_id,post_pt_root_id,gaba,ach,glut,oct,ser,da\n7,8,0.6,0.4,0,0,0,0\n7,9,0,0.9,0.1,0,0,0\n8,9,1,0,0,0,0,0\n",
    );
    let c = alone(&path, |_| {}).unwrap();
    assert_eq!(c.neurons().transmitters().unwrap().iter().collect::<Vec<_>>(), ["acetylcholine", "gaba", ""]);
    assert_eq!(c.neurons().signs().unwrap(), [Sign::Excitatory, Sign::Inhibitory, Sign::Unknown]);
}

/// Memory is that of the connections: ten times the rows cost no more, and the kept rows would cost far more.
#[test]
fn memory_does_not_grow_with_the_rows() {
    let f = Folder::new();
    let table = |rows: u32| {
        let mut text = "pre,post,weight\n".to_owned();
        // Every one of 10,000 connections is met again and again.
        (0..rows).for_each(|i| writeln!(text, "{},{},1", i * 7 % 100, i / 100 % 100).unwrap());
        f.put(&format!("{rows}.csv"), text)
    };
    let sum = |path: &std::path::Path| measure(|| alone(path, |options| options.duplicates = Duplicates::Sum).unwrap());
    let (few, short) = sum(&table(60_000));
    let (many, long) = sum(&table(600_000));
    assert_eq!((few.n_synapses(), many.n_synapses(), many.total_weight()), (10_000, 10_000, 600_000.0));
    assert!(long.memory < short.memory + (64 << 10), "{short:?} {long:?}");
    assert!(long.memory < 4 << 20, "{long:?}");
}

#[test]
fn progress_is_told_to_the_end() {
    let told: Arc<Mutex<Vec<Done>>> = Arc::default();
    let ears = Arc::clone(&told);
    for name in ["codex.csv", "synapses.csv.gz", "codex_gzip.parquet", "codex_lz4.feather"] {
        let (ears, path) = (Arc::clone(&ears), fixture(name));
        alone(&path, |options| options.progress = Progress::new(move |done| ears.lock().unwrap().push(done))).unwrap();
        let last = *told.lock().unwrap().last().unwrap();
        assert_eq!(last.total_bytes, std::fs::metadata(&path).unwrap().len());
        assert!(
            last.rows >= 24 && last.bytes <= last.total_bytes && 2 * last.bytes > last.total_bytes,
            "{name}: {last:?}"
        );
    }
}
