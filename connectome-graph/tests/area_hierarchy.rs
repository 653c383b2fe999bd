//! Tables of areas made of connectomes: laws on small ones, and the tables of the mouse.

use std::path::PathBuf;

use connectome_graph::aggregate::{Measure, aggregate};
use connectome_graph::area::{
    AreaGraph, AreaTable, Directions, FeedbackEdges, FeedbackEntries, FromHierarchy, Sizes, scores,
};
use connectome_graph::surgery::{Neurons, Synapses, keep, keep_synapses};
use connectome_graph::{Error, Topology};
use connectome_io::{Connectome, Labels, NeuronTable, Orientation, Provenance, SynapseTable, read};
use proptest::prelude::*;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("area {i}")).collect()
}

/// Rows (pre, post, weight, direction), several of a pair allowed.
fn connectome(n: usize, rows: &[(u32, u32, f64, &str)]) -> Connectome {
    let neurons = NeuronTable::numbered(n).with_names(names(n)).unwrap();
    let column = |pick: fn(&(u32, u32, f64, &str)) -> u32| rows.iter().map(pick).collect::<Vec<_>>();
    let synapses = SynapseTable::new(column(|r| r.0), column(|r| r.1), rows.iter().map(|r| r.2).collect())
        .unwrap()
        .with_column("direction", Labels::from_values(rows.iter().map(|r| r.3)))
        .unwrap();
    Connectome::new(neurons, synapses, Provenance::new("test", Orientation::EdgeList)).unwrap()
}

type Rows = Vec<(u32, u32, f64, &'static str)>;

/// Areas with scores, equal ones among them, and connections whose weights sum exactly.
fn measured() -> impl Strategy<Value = (usize, Vec<f64>, Rows)> {
    (1..8usize).prop_flat_map(|n| {
        let end = 0..n as u32;
        let kind = prop_oneof![Just("feedforward"), Just("feedback"), Just("mixed")];
        let weight = (-8..9i32).prop_map(|w| f64::from(w) / 4.0);
        (
            Just(n),
            prop::collection::vec((-3..4i32).prop_map(|s| f64::from(s) / 2.0), n),
            prop::collection::vec((end.clone(), end, weight, kind), 1..30),
        )
    })
}

proptest! {
    /// Every entry is what the rows of its pair say, areas ascend, and the order of rows does not matter.
    #[test]
    fn entries_are_the_directions_of_the_rows((n, scores, mut rows) in measured(), rule in 0..3usize) {
        rows.push((0, 0, 0.0, "feedback"));
        let directions = [
            Directions::Scores,
            Directions::Column("direction".to_owned()),
            Directions::Both("direction".to_owned()),
        ][rule].clone();
        let make = FromHierarchy { directions, ..FromHierarchy::default() };
        let table = make.table(&connectome(n, &rows), &scores).unwrap();

        let old: Vec<usize> = table.names().iter().map(|name| names(n).iter().position(|m| m == name).unwrap()).collect();
        for pair in old.windows(2) {
            let ascending = scores[pair[0]] < scores[pair[1]] || scores[pair[0]] == scores[pair[1]] && pair[0] < pair[1];
            prop_assert!(ascending);
        }
        for (i, &from) in old.iter().enumerate() {
            for (j, &to) in old.iter().enumerate() {
                let mut sum = 0.0;
                for &(_, _, weight, kind) in rows.iter().filter(|r| (r.0 as usize, r.1 as usize) == (from, to)) {
                    let (up, down) = (scores[to] > scores[from], scores[to] < scores[from]);
                    let (forward, back) = (kind == "feedforward", kind == "feedback");
                    let [forward, back] = [[up, down], [forward, back], [up && forward, down && back]][rule];
                    sum += weight.abs() * f64::from(i8::from(forward) - i8::from(back));
                }
                let sign = if sum == 0.0 { 0.0 } else { sum.signum() };
                prop_assert_eq!(table.connection(i, j), sign);
            }
        }

        rows.reverse();
        prop_assert_eq!(&make.table(&connectome(n, &rows), &scores).unwrap(), &table);
        let omitted = FromHierarchy { feedback: FeedbackEntries::Omitted, ..make }.table(&connectome(n, &rows), &scores);
        let positive: Vec<f64> = table.adjacency().iter().map(|entry| entry.max(0.0)).collect();
        let omitted = omitted.unwrap();
        prop_assert_eq!(omitted.adjacency(), positive);
    }

    /// Groups of single neurons give the table of the neurons; by scores, no cycle can be.
    #[test]
    fn groups_are_areas((n, scores, rows) in measured()) {
        let weights = rows.iter().map(|r| r.2.abs()).collect::<Vec<_>>();
        let (pre, post): (Vec<u32>, Vec<u32>) = rows.iter().map(|r| (r.0, r.1)).unzip();
        let sum = connectome_graph::Duplicates::Sum;
        let topology = Topology::from_edges(n, n, &post, &pre, &weights, sum).unwrap();
        let groups = aggregate(&topology, &Labels::from_values(names(n)), Measure::Sum).unwrap();
        let make = FromHierarchy::default();
        let table = make.table_of_groups(&groups, &scores).unwrap();
        prop_assert_eq!(&table, &make.table(&connectome(n, &rows), &scores).unwrap());
        prop_assert!(!AreaGraph::new(&table, &[0], &[0], FeedbackEdges::Signed).unwrap().is_cyclic());
    }

    /// Stages hold as many areas as others, give or take one; sides halve.
    #[test]
    fn sizes_follow_the_stage(n in 1..40usize, stages in 1..40u32) {
        let sizes = Sizes { stages, lowest: [64, 5], hidden_dim: vec![1, 2, 4], ..Sizes::default() };
        let areas = sizes.areas(n).unwrap();
        let mut members = vec![0; stages as usize];
        for (rank, area) in areas.iter().enumerate() {
            let stage = rank * stages as usize / n;
            members[stage] += 1;
            let side = |lowest: u32| (0..stage).fold(lowest, |side, _| (side / 2).max(1));
            prop_assert_eq!([area.input_h, area.input_w], [side(64), side(5)]);
            prop_assert_eq!((area.hidden_dim, area.input_dim), ([1, 2, 4][stage.min(2)], [1, 16][stage.min(1)]));
        }
        let most = members.iter().max().unwrap();
        prop_assert!(members.iter().all(|m| m + 1 >= *most));
        prop_assert!(areas.windows(2).all(|pair| pair[0].input_h >= pair[1].input_h));
    }
}

#[test]
fn refusals_name_the_area_and_the_column() {
    let areas = connectome(2, &[(0, 1, 1.0, "mixed")]);
    let make = |directions| FromHierarchy { directions, ..FromHierarchy::default() };
    let text = |result: Result<AreaTable, Error>| result.unwrap_err().to_string();
    let scored = |scores: &[f64]| text(FromHierarchy::default().table(&areas, scores));
    assert!(scored(&[1.0]).contains("the list of scores has 1 entries, 2 expected"));
    assert!(scored(&[1.0, f64::NAN]).contains("no finite score of the area \"area 1\""));
    let both = [0.0, 1.0];
    let m = text(make(Directions::Column("direction".to_owned())).table(&areas, &both));
    assert!(m.contains("no direction \"feedforward\" or \"feedback\""), "{m}");
    let m = text(make(Directions::Both("kind".to_owned())).table(&areas, &both));
    assert!(m.contains("no synapses with column \"kind\"; it has \"direction\""), "{m}");
    let m = scores(&areas, "score").unwrap_err().to_string();
    assert!(m.contains("no neurons with column \"score\"; it has no further columns"), "{m}");
    let sized = |sizes| text(FromHierarchy { sizes, ..FromHierarchy::default() }.table(&areas, &both));
    assert!(sized(Sizes { stages: 0, ..Sizes::default() }).contains("stages is 0"));
    assert!(sized(Sizes { input_dim: vec![], ..Sizes::default() }).contains("input_dim by stage has 0 entries"));
    assert!(sized(Sizes { kernel: [2, 3], ..Sizes::default() }).contains("kernel_h"));
    let many = Connectome::new(
        NeuronTable::numbered(20_000),
        SynapseTable::new(vec![], vec![], vec![]).unwrap(),
        Provenance::new("test", Orientation::EdgeList),
    );
    let m = text(FromHierarchy::default().table(&many.unwrap(), &vec![0.0; 20_000]));
    assert!(m.contains("the number of areas is 20000"), "{m}");
}

#[test]
fn the_tables_of_the_mouse() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/files/mouse_harris2019"));
    if !folder.join("edges.csv").exists() {
        println!("skipped: {} is absent", folder.display());
        return;
    }
    let mouse = read(folder.join("edges.csv")).unwrap();
    let visual = ["VISp", "VISl", "VISrl", "VISli", "VISpl", "VISal", "VISpm", "VISpor", "VISam", "VISa"];
    let audiovisual = [&visual[..], &["AUDp", "AUDd", "AUDpo", "TEa"]].concat();
    // what climbs the hierarchy and is feedforward by its layers too
    let make = FromHierarchy {
        directions: Directions::Both("direction".to_owned()),
        feedback: FeedbackEntries::Omitted,
        ..FromHierarchy::default()
    };
    for (file, areas) in [("visual", &visual[..]), ("audiovisual", &audiovisual)] {
        let areas = keep(&mouse, &Neurons::named(areas.iter().copied())).unwrap().network;
        let areas = keep_synapses(&areas, &Synapses::of_kind(["CC"])).unwrap();
        let table = make.table(&areas, &scores(&areas, "score_cc_tc_ct").unwrap()).unwrap();
        let wanted = AreaTable::read(folder.join(format!("convgru_{file}.csv"))).unwrap();
        assert_eq!((table.names(), table.areas()), (wanted.names(), wanted.areas()));
        assert_eq!(table.adjacency(), wanted.adjacency());

        let path = std::env::temp_dir().join(format!("area-table-{file}-{}.csv", std::process::id()));
        table.write(&path).unwrap();
        let [ours, theirs] = [&path, &folder.join(format!("convgru_{file}.csv"))].map(|p| std::fs::read(p).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(ours, theirs);
    }
    // the thalamus has no score from connections within the cortex
    let m = scores(&mouse, "score_cc").unwrap_err().to_string();
    assert!(m.contains("\"VPM\""), "{m}");
}
