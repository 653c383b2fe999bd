//! The networks of the paper against their published matrices, given here row by row.

use connectome_graph::area::paper::{DigitGraph, Modulation, PaperGraph, Sides, Steps, Tasks, Wiring};
use connectome_graph::area::{AreaTable, Diagnostic, FeedbackEdges, LongestPath};

#[rustfmt::skip]
const PUBLISHED: [(Wiring, [i8; 49]); 8] = [
    (Wiring::Brainlike, [
        0, 1, 1, 1, 1, 1, 1,
        0, 0, 1, 1, 1, 1, 1,
        0, 0, 0, 1, 0, 1, 1,
        0, 0, 0, 0, 1, 1, 1,
        0, 0, 0, 0, 0, 1, 0,
        0, 0, 0, 0, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0,
    ]),
    (Wiring::Mpc, [
        0, 1, 1, 1, 0, 0, 0,
        0, 0, 1, 1, 0, 0, 0,
        0, 0, 0, 1, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0,
        1, 1, 0, 1, 0, 1, 0,
        1, 1, 1, 1, 0, 0, 1,
        1, 1, 1, 1, 0, 0, 0,
    ]),
    (Wiring::Random, [
        0, 1, 1, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1,
        0, 1, 0, 1, 0, 0, 0,
        1, 1, 0, 0, 1, 1, 0,
        1, 1, 0, 0, 0, 1, 0,
        1, 1, 1, 0, 0, 0, 1,
        1, 0, 1, 1, 0, 0, 0,
    ]),
    (Wiring::Random2, [
        0, 0, 1, 0, 1, 0, 0,
        0, 0, 0, 0, 0, 0, 1,
        0, 1, 0, 1, 0, 0, 1,
        1, 1, 0, 0, 1, 1, 0,
        0, 1, 0, 0, 0, 1, 1,
        1, 1, 1, 0, 0, 0, 1,
        1, 0, 0, 1, 0, 0, 0,
    ]),
    (Wiring::Random3, [
        0, 0, 1, 0, 1, 0, 0,
        0, 0, 0, 0, 0, 0, 1,
        0, 1, 0, 1, 0, 0, 1,
        1, 1, 0, 0, 1, 1, 1,
        0, 1, 0, 0, 0, 1, 1,
        1, 1, 1, 0, 0, 0, 1,
        1, 0, 0, 0, 0, 0, 0,
    ]),
    (Wiring::BigRnn, [
        0, 1, 1, 1, 1, 1, 1,
        1, 0, 1, 1, 1, 1, 1,
        1, 1, 0, 1, 0, 1, 1,
        1, 1, 1, 0, 1, 1, 1,
        1, 1, 0, 1, 0, 1, 0,
        1, 1, 1, 1, 1, 0, 1,
        1, 1, 1, 1, 1, 1, 0,
    ]),
    (Wiring::MutualFeedback, [
         0,  1,  1,  1, -1, -1, -1,
        -1,  0,  1,  1, -1, -1, -1,
        -1, -1,  0,  1,  0, -1, -1,
        -1, -1, -1,  0, -1, -1, -1,
        -1, -1,  0, -1,  0,  1,  0,
        -1, -1, -1, -1, -1,  0,  1,
        -1, -1, -1, -1, -1, -1,  0,
    ]),
    (Wiring::MutualFeedforward, [
         0,  1,  1,  1,  1,  1,  1,
        -1,  0,  1,  1,  1,  1,  1,
        -1, -1,  0,  1,  0,  1,  1,
        -1, -1, -1,  0,  1,  1,  1,
         1,  1,  0,  1,  0,  1,  0,
         1,  1,  1,  1, -1,  0,  1,
         1,  1,  1,  1, -1, -1,  0,
    ]),
];

fn paper(wiring: Wiring, tasks: Tasks) -> PaperGraph {
    PaperGraph { wiring, tasks, ..PaperGraph::default() }
}

fn rows(table: &AreaTable) -> Vec<Vec<i8>> {
    table.adjacency().chunks(table.n_areas()).map(|row| row.iter().map(|&entry| entry as i8).collect()).collect()
}

#[test]
fn wirings_are_the_published_ones() {
    assert_eq!(PUBLISHED.map(|(wiring, _)| wiring), Wiring::ALL);
    for (wiring, matrix) in PUBLISHED {
        let wanted: Vec<Vec<i8>> = matrix.chunks(7).map(<[i8]>::to_vec).collect();
        for tasks in [Tasks::Image, Tasks::Audio] {
            assert_eq!(rows(&paper(wiring, tasks).table()), wanted, "{wiring:?}");
        }
        // for four tasks IT and A4 drive PFC, which drives none
        let mut eight: Vec<Vec<i8>> =
            (0..7).map(|i| [&wanted[i][..], &[i8::from(i == 3 || i == 6)]].concat()).collect();
        eight.push(vec![0; 8]);
        assert_eq!(rows(&paper(wiring, Tasks::Four).table()), eight, "{wiring:?}");
    }
}

#[test]
fn sizes_are_the_published_ones() {
    for (tasks, sides) in [
        (Tasks::Image, &[32, 16, 8, 4, 32, 16, 16][..]),
        (Tasks::Audio, &[32, 16, 8, 4, 64, 32, 16]),
        (Tasks::Four, &[32, 16, 8, 4, 64, 32, 16, 16]),
    ] {
        for (modulation, basal, apical) in
            [(Modulation::Multiplicative, 0, 0), (Modulation::Composite, 0, 1), (Modulation::Basal, 10, 0)]
        {
            let table = PaperGraph { modulation, ..paper(Wiring::Random, tasks) }.table();
            assert_eq!(table.areas().iter().map(|a| a.input_h).collect::<Vec<_>>(), sides);
            for (n, area) in table.areas().iter().enumerate() {
                let kernel = if n == 3 { 1 } else { 3 };
                assert_eq!((area.hidden_dim, area.input_dim), (10, if n % 4 == 0 { 1 } else { 10 }), "area {n}");
                assert_eq!((area.input_w, area.kernel_h, area.kernel_w), (area.input_h, kernel, kernel));
                assert_eq!((area.basal_topdown_dim, area.apical_topdown_dim), (basal, apical));
            }
        }
    }
}

/// The two hierarchies take six and six steps and no cycle; what is driven matters in all of them.
#[test]
fn every_network_can_run() {
    for wiring in Wiring::ALL {
        for (tasks, names) in [(Tasks::Image, ["IT"]), (Tasks::Audio, ["A4"]), (Tasks::Four, ["PFC"])] {
            let graph = paper(wiring, tasks).graph();
            assert_eq!(graph.outputs().iter().map(|&n| graph.names()[n].as_str()).collect::<Vec<_>>(), names);
            assert_eq!(graph.inputs().iter().map(|&n| graph.area(n).input_dim).take(2).collect::<Vec<_>>(), [1, 1]);
            for diagnostic in graph.diagnostics() {
                let known = matches!(diagnostic, Diagnostic::Cycle { .. } | Diagnostic::LateFeedback { .. });
                assert!(known, "{wiring:?} {tasks:?}: {diagnostic}");
            }
            let hierarchical = matches!(wiring, Wiring::Brainlike | Wiring::Mpc | Wiring::MutualFeedback);
            assert_eq!(graph.is_cyclic(), !hierarchical, "{wiring:?}");
        }
    }
    let steps = |wiring, tasks| paper(wiring, tasks).graph().longest_path();
    assert_eq!(steps(Wiring::Brainlike, Tasks::Image), LongestPath::Steps(3));
    assert_eq!(steps(Wiring::Brainlike, Tasks::Audio), LongestPath::Steps(6));
    assert_eq!(steps(Wiring::Mpc, Tasks::Image), LongestPath::Steps(6));
    assert_eq!(steps(Wiring::Mpc, Tasks::Four), LongestPath::Steps(7));
    assert_eq!(steps(Wiring::MutualFeedback, Tasks::Audio), LongestPath::Steps(2));
    assert_eq!(paper(Wiring::BigRnn, Tasks::Image).graph().cycles(), [(0..7).collect::<Vec<_>>()]);
}

/// The conformance data of the model run on the brainlike wiring, with small areas.
#[test]
fn the_reference_runs_the_brainlike_wiring() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/convgru/graph_brainlike.csv");
    let reference = AreaTable::read(path).unwrap();
    let ours = PaperGraph { modulation: Modulation::Composite, ..PaperGraph::default() }.table();
    assert_eq!((reference.names(), reference.adjacency()), (ours.names(), ours.adjacency()));
    for (theirs, ours) in reference.areas().iter().zip(ours.areas()) {
        assert_eq!((theirs.kernel_h, theirs.apical_topdown_dim), (ours.kernel_h, ours.apical_topdown_dim));
    }
}

#[test]
fn chains_for_digits() {
    for (steps, wanted) in [
        (Steps::One, [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0; 4]]),
        (Steps::Two, [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0; 4]]),
        (Steps::All, [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0; 4]]),
    ] {
        let graph = DigitGraph { steps, ..DigitGraph::default() };
        assert_eq!(rows(&graph.table()), wanted);
        assert_eq!(graph.graph().longest_path(), LongestPath::Steps(3));
        assert_eq!(graph.graph().feedback(), FeedbackEdges::Reciprocal);
    }
    let topdown = |modulation| {
        let areas = DigitGraph { modulation, ..DigitGraph::default() }.table().areas().to_vec();
        areas.iter().map(|area| (area.basal_topdown_dim, area.apical_topdown_dim)).collect::<Vec<_>>()
    };
    assert_eq!(topdown(Modulation::Multiplicative), [(0, 0); 4]);
    assert_eq!(topdown(Modulation::Composite), [(0, 1), (0, 1), (0, 1), (0, 0)]);
    assert_eq!(topdown(Modulation::Basal), [(10, 0); 4]);
    for (sides, wanted) in [(Sides::Equal, [28; 4]), (Sides::Halved, [32, 16, 8, 4])] {
        let areas = DigitGraph { sides, ..DigitGraph::default() }.table().areas().to_vec();
        assert_eq!(areas.iter().map(|area| area.input_h).collect::<Vec<_>>(), wanted);
        assert_eq!(areas.iter().map(|area| area.input_dim).collect::<Vec<_>>(), [1, 10, 10, 10]);
        assert!(areas.iter().all(|area| (area.hidden_dim, area.kernel_w) == (10, 3)));
    }
}
