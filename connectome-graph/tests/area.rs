//! Laws of networks of areas, against brute force on small ones.

use connectome_graph::Error;
use connectome_graph::area::{Area, AreaGraph, AreaTable, Diagnostic, FeedbackEdges, LongestPath};
use proptest::prelude::*;
use proptest::sample::subsequence;

const SIDES: [u32; 8] = [32, 16, 8, 4, 64, 32, 16, 16];

fn area(n: usize) -> Area {
    let side = SIDES[n % 8];
    Area {
        hidden_dim: 10,
        input_dim: 1 + n as u32,
        input_h: side,
        input_w: 2 * side,
        kernel_h: 3,
        kernel_w: 3,
        basal_topdown_dim: 0,
        apical_topdown_dim: 1,
    }
}

/// A table with names "0", "1", ... and the entries `[source, target]`.
fn table(n: usize, adjacency: &[f64]) -> AreaTable {
    let names = (0..n).map(|i| i.to_string()).collect();
    AreaTable::new(names, adjacency.to_vec(), (0..n).map(area).collect()).unwrap()
}

fn of_edges(n: usize, edges: &[(usize, usize)]) -> AreaTable {
    let mut adjacency = vec![0.0; n * n];
    edges.iter().for_each(|&(from, to)| adjacency[from * n + to] = 1.0);
    table(n, &adjacency)
}

/// Entries, inputs and outputs of up to six areas.
#[derive(Debug, Clone)]
struct Network {
    n: usize,
    adjacency: Vec<f64>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Network {
    fn graph(&self, feedback: FeedbackEdges) -> AreaGraph {
        AreaGraph::new(&table(self.n, &self.adjacency), &self.inputs, &self.outputs, feedback).unwrap()
    }

    /// The longest way to each area, by following every way of fewer than `limit` edges.
    fn longest(&self, limit: u32) -> Vec<Option<u32>> {
        let mut longest = vec![None; self.n];
        self.inputs.iter().for_each(|&input| self.follow(input, 0, limit, &mut longest));
        longest
    }

    fn follow(&self, area: usize, steps: u32, limit: u32, longest: &mut [Option<u32>]) {
        longest[area] = longest[area].max(Some(steps));
        for next in (0..self.n).filter(|&next| steps + 1 < limit && self.adjacency[area * self.n + next] > 0.0) {
            self.follow(next, steps + 1, limit, longest);
        }
    }
}

fn network(n: usize) -> impl Strategy<Value = Network> {
    let all: Vec<usize> = (0..n).collect();
    let entry = prop_oneof![3 => Just(0.0), 2 => Just(1.0), 1 => Just(0.25), 1 => Just(-1.0)];
    (
        prop::collection::vec(entry, n * n),
        subsequence(all.clone(), 1..=n).prop_shuffle(),
        subsequence(all, 1..=n).prop_shuffle(),
    )
        .prop_map(move |(adjacency, inputs, outputs)| Network { n, adjacency, inputs, outputs })
}

proptest! {
    /// Neighbours are what the matrix says; reciprocal feedback runs against every feedforward edge.
    #[test]
    fn edges_are_the_entries(net in (1..7usize).prop_flat_map(network)) {
        let reciprocal = net.graph(FeedbackEdges::Reciprocal);
        let signed = net.graph(FeedbackEdges::Signed);
        let entry = |from: usize, to: usize| net.adjacency[from * net.n + to];
        for i in 0..net.n {
            let all = || 0..net.n;
            prop_assert_eq!(signed.sources(i), all().filter(|&j| entry(j, i) > 0.0).collect::<Vec<_>>());
            prop_assert_eq!(signed.targets(i), all().filter(|&j| entry(i, j) > 0.0).collect::<Vec<_>>());
            prop_assert_eq!(signed.feedback_sources(i), all().filter(|&j| entry(j, i) < 0.0).collect::<Vec<_>>());
            prop_assert_eq!(reciprocal.feedback_sources(i), reciprocal.targets(i));
            prop_assert_eq!((reciprocal.sources(i), reciprocal.targets(i)), (signed.sources(i), signed.targets(i)));
        }
        let mut backwards: Vec<_> = reciprocal.edges().into_iter().map(|(from, to)| (to, from)).collect();
        backwards.sort_unstable();
        prop_assert_eq!(reciprocal.feedback_edges(), backwards);
        for (from, to) in signed.edges() {
            prop_assert_eq!(signed.topology().get(to as u32, from as u32), Some(1.0));
        }
        prop_assert_eq!(signed.topology().nnz(), signed.edges().len());
        prop_assert_eq!((signed.inputs(), signed.outputs()), (&net.inputs[..], &net.outputs[..]));
    }

    /// Sizes are those of the input areas and zero elsewhere.
    #[test]
    fn sizes_of_inputs(net in (1..7usize).prop_flat_map(network)) {
        let graph = net.graph(FeedbackEdges::default());
        for (i, (size, dim)) in graph.input_sizes().into_iter().zip(graph.input_dims()).enumerate() {
            let Area { input_h, input_w, input_dim, .. } = area(i);
            let wanted = if net.inputs.contains(&i) { ([input_h, input_w], input_dim) } else { ([0, 0], 0) };
            prop_assert_eq!((size, dim), wanted);
            prop_assert_eq!(graph.area(i), &area(i));
        }
    }

    /// Distances and longest ways agree with following every way; one that is longer than there are areas is cyclic.
    #[test]
    fn ways_agree_with_enumeration(net in (1..6usize).prop_flat_map(network)) {
        let graph = net.graph(FeedbackEdges::Reciprocal);
        let n = net.n as u32;
        let longest = net.longest(2 * n);
        let wanted: Vec<LongestPath> = longest.iter().map(|way| match way {
            None => LongestPath::None,
            Some(steps) if *steps < n => LongestPath::Steps(*steps),
            Some(_) => LongestPath::Cyclic,
        }).collect();
        prop_assert_eq!(graph.longest_paths(), wanted);
        let shortest = |area: usize| (0..n).find(|&limit| net.longest(limit + 1)[area].is_some());
        prop_assert_eq!(graph.distances(), (0..net.n).map(shortest).collect::<Vec<_>>());
        prop_assert_eq!(graph.longest_path(), net.outputs.iter().map(|&o| graph.longest_paths()[o]).max().unwrap());
    }

    /// Every edge that is on no cycle leads upwards, and a level above 0 has an edge from the level below.
    #[test]
    fn levels_lead_upwards(net in (1..7usize).prop_flat_map(network)) {
        let graph = net.graph(FeedbackEdges::Signed);
        let levels = graph.levels();
        let cycles = graph.cycles();
        for (from, to) in graph.edges() {
            let circular = cycles.iter().any(|cycle| cycle.contains(&from) && cycle.contains(&to));
            prop_assert!(circular || levels[from] < levels[to], "{from} -> {to}: {levels:?}");
        }
        for area in (0..net.n).filter(|&area| levels[area] > 0) {
            prop_assert!(graph.sources(area).iter().any(|&source| levels[source] + 1 == levels[area]));
        }
        prop_assert_eq!(graph.is_cyclic(), !cycles.is_empty());
        if !graph.is_cyclic() && net.inputs.len() == net.n {
            let longest = graph.longest_paths();
            prop_assert_eq!(levels.into_iter().map(LongestPath::Steps).collect::<Vec<_>>(), longest);
        }
    }

    /// Renumbering areas renumbers every result.
    #[test]
    fn order_of_areas_does_not_matter(
        (net, order) in (1..7usize).prop_flat_map(|n| (network(n), Just((0..n).collect::<Vec<_>>()).prop_shuffle())),
        feedback in prop_oneof![Just(FeedbackEdges::Reciprocal), Just(FeedbackEdges::Signed)],
    ) {
        // area i of the network is area order[i] of the renumbered one
        let n = net.n;
        let mut adjacency = vec![0.0; n * n];
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            adjacency[order[i] * n + order[j]] = net.adjacency[i * n + j];
        }
        let to = |list: &[usize]| list.iter().map(|&i| order[i]).collect::<Vec<_>>();
        let renumbered = Network { n, adjacency, inputs: to(&net.inputs), outputs: to(&net.outputs) }.graph(feedback);
        let graph = net.graph(feedback);
        let sorted = |mut list: Vec<usize>| { list.sort_unstable(); list };
        for (i, &place) in order.iter().enumerate() {
            prop_assert_eq!(sorted(to(graph.sources(i))), renumbered.sources(place));
            prop_assert_eq!(sorted(to(graph.feedback_sources(i))), renumbered.feedback_sources(place));
            prop_assert_eq!(graph.distances()[i], renumbered.distances()[place]);
            prop_assert_eq!(graph.longest_paths()[i], renumbered.longest_paths()[place]);
            prop_assert_eq!(graph.levels()[i], renumbered.levels()[place]);
        }
        prop_assert_eq!(graph.longest_path(), renumbered.longest_path());
        prop_assert_eq!(graph.diagnostics().len(), renumbered.diagnostics().len());
    }

    /// The frames that feedback needs are those that updating area by area shows.
    #[test]
    fn late_feedback_agrees_with_a_run(net in (1..6usize).prop_flat_map(network), signed in any::<bool>()) {
        let graph = net.graph(if signed { FeedbackEdges::Signed } else { FeedbackEdges::Reciprocal });
        // feedback edges over which an area that is updated hears of one that has been updated before
        let heard = |frames: usize| -> Vec<(usize, usize)> {
            let mut active: Vec<bool> = (0..net.n).map(|area| net.inputs.contains(&area)).collect();
            let (mut updated, mut heard) = (vec![false; net.n], Vec::new());
            for step in 0..frames + 3 * net.n {
                heard.extend(graph.feedback_edges().into_iter().filter(|&(from, to)| active[to] && updated[from]));
                (0..net.n).for_each(|area| updated[area] |= active[area]);
                active = (0..net.n)
                    .map(|area| {
                        let driven = graph.sources(area).iter().any(|&source| active[source]);
                        driven || step + 1 < frames && net.inputs.contains(&area)
                    })
                    .collect();
            }
            heard.sort_unstable();
            heard.dedup();
            heard
        };
        let all = heard(2 * net.n + 2);
        let first = (1..).find(|&frames| all.is_empty() || !heard(frames).is_empty()).unwrap() as u32;
        let last = (1..).find(|&frames| heard(frames) == all).unwrap() as u32;
        let late = |diagnostic: &Diagnostic| match diagnostic {
            Diagnostic::LateFeedback { first, all } => Some((*first, *all)),
            _ => None,
        };
        let wanted = (last > 1).then_some((first, last));
        prop_assert_eq!(graph.diagnostics().iter().find_map(late), wanted);
    }

    /// A cut removes one edge and nothing else, and cannot be done twice.
    #[test]
    fn cuts(net in (1..7usize).prop_flat_map(network)) {
        for feedback in [FeedbackEdges::Reciprocal, FeedbackEdges::Signed] {
            let graph = net.graph(feedback);
            let without = |edges: &[(usize, usize)], edge| -> Vec<_> {
                edges.iter().copied().filter(|&other| other != edge).collect()
            };
            for (from, to) in graph.edges() {
                let cut = graph.cut(from, to).unwrap();
                prop_assert_eq!(cut.edges(), without(&graph.edges(), (from, to)));
                prop_assert_eq!(cut.topology().nnz() + 1, graph.topology().nnz());
                prop_assert_eq!(cut.feedback_edges(), graph.feedback_edges());
                let again = cut.cut(from, to);
                let refused = matches!(again, Err(Error::NoEdge { kind: "feedforward", .. }));
                prop_assert!(refused);
            }
            for (from, to) in graph.feedback_edges() {
                let cut = graph.cut_feedback(from, to).unwrap();
                prop_assert_eq!(cut.feedback_edges(), without(&graph.feedback_edges(), (from, to)));
                prop_assert_eq!(cut.edges(), graph.edges());
                let again = cut.cut_feedback(from, to);
                let refused = matches!(again, Err(Error::NoEdge { kind: "feedback", .. }));
                prop_assert!(refused);
            }
        }
    }
}

fn sentences(graph: &AreaGraph) -> Vec<String> {
    graph.diagnostics().iter().map(ToString::to_string).collect()
}

/// With one frame each area of a chain is updated once, before anything comes back.
#[test]
fn a_chain_needs_three_frames_for_feedback() {
    let chain = AreaGraph::new(&of_edges(3, &[(0, 1), (1, 2)]), &[0], &[2], FeedbackEdges::Reciprocal).unwrap();
    assert_eq!(chain.longest_path().process_time(1), Some(3));
    assert_eq!(chain.diagnostics(), [Diagnostic::LateFeedback { first: 3, all: 3 }]);
    assert_eq!(sentences(&chain), ["feedback carries no signal unless stimuli have 3 frames"]);
    // a shortcut to the top: area 1 is updated at step 1, and so is area 2; at step 2 area 2 alone
    let shortcut = AreaGraph::new(&of_edges(3, &[(0, 1), (0, 2), (1, 2)]), &[0], &[2], FeedbackEdges::Reciprocal);
    assert_eq!(shortcut.unwrap().diagnostics(), [Diagnostic::LateFeedback { first: 2, all: 3 }]);
}

#[test]
fn oddities_are_reported() {
    // 0 -> 1 -> 2 -> 1, 2 -> 2; 3 stands alone; 4 -> 5; 6 is driven and leads nowhere; 7 is an output without input
    let edges = [(0, 1), (1, 2), (2, 1), (2, 2), (4, 5), (1, 6)];
    let mut adjacency = of_edges(8, &edges).adjacency().to_vec();
    adjacency[3 * 8 + 2] = -1.0;
    let graph = |feedback| AreaGraph::new(&table(8, &adjacency), &[0], &[2, 7], feedback).unwrap();
    let no_drive = |area: &str| Diagnostic::NoDrive { area: area.to_owned() };
    let expected = [
        Diagnostic::SelfEdge { area: "2".to_owned() },
        no_drive("3"),
        no_drive("4"),
        Diagnostic::Unreachable { area: "5".to_owned() },
        Diagnostic::NoInfluence { area: "6".to_owned() },
        Diagnostic::SilentOutput { area: "7".to_owned() },
        Diagnostic::Cycle { areas: vec!["1".to_owned(), "2".to_owned()] },
    ];
    assert_eq!(graph(FeedbackEdges::Signed).diagnostics(), expected);
    // feedback from 6 to 1 gives it influence; the entry 3 -> 2 does not count
    let reciprocal = graph(FeedbackEdges::Reciprocal).diagnostics();
    assert!(!reciprocal.contains(&expected[4]));
    assert!(reciprocal.contains(&Diagnostic::IgnoredEntries { count: 1 }));
    assert!(graph(FeedbackEdges::Signed).cut_feedback(3, 2).unwrap().diagnostics().contains(&Diagnostic::NoFeedback));
    assert_eq!(graph(FeedbackEdges::Signed).longest_path().process_time(5), None);
    let texts = sentences(&graph(FeedbackEdges::Signed));
    assert_eq!(
        texts[5],
        "the output 7 is never driven: no feedforward edges lead to it from an input, what is read is 0"
    );
    assert!(texts[6].contains("cycle of 1, 2"));
    let texts = sentences(&graph(FeedbackEdges::Reciprocal));
    assert!(texts.iter().any(|text| text.starts_with("1 negative entry of the table is ignored")), "{texts:?}");
}

#[test]
fn refusals_say_what_there_is() {
    let table = of_edges(3, &[(0, 1), (0, 2)]);
    let graph = |inputs: &[usize], outputs: &[usize]| AreaGraph::new(&table, inputs, outputs, FeedbackEdges::Signed);
    let text = |result: Result<AreaGraph, Error>| result.unwrap_err().to_string();
    assert!(text(graph(&[], &[2])).contains("input_nodes"));
    assert!(text(graph(&[0, 0], &[2])).contains("input_nodes[1]"));
    assert!(text(graph(&[0], &[3])).contains("output_nodes[0]"));
    let graph = graph(&[0], &[2]).unwrap();
    assert_eq!(text(graph.cut(1, 2)), "there is no feedforward edge 1 -> 2; those from 1 lead to none");
    assert_eq!(text(graph.cut(0, 0)), "there is no feedforward edge 0 -> 0; those from 0 lead to 1, 2");
    let unknown = graph.index_of("V1").unwrap_err();
    assert_eq!(unknown.to_string(), "\"V1\" is the name of no area; the areas are 0, 1, 2");
    let twice = AreaTable::new(vec!["A".to_owned(); 2], vec![0.0; 4], vec![area(0); 2]).unwrap();
    let refused = AreaGraph::named(&twice, &["A"], &["A"], FeedbackEdges::Signed);
    assert!(text(refused).contains("several areas"));
}

/// A written table gives the same network, by index and by name.
#[test]
fn read_from_a_file() {
    let folder = std::env::temp_dir().join(format!("area-graph-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("areas.csv");
    let table = of_edges(4, &[(0, 1), (1, 3), (2, 3)]);
    table.write(&path).unwrap();
    let graph = AreaGraph::read(&path, &[2, 0], &[3], FeedbackEdges::Reciprocal).unwrap();
    assert_eq!(graph, AreaGraph::named(&table, &["2", "0"], &["3"], FeedbackEdges::Reciprocal).unwrap());
    assert_eq!(graph.index_of("3").unwrap(), 3);
    std::fs::remove_dir_all(&folder).unwrap();
}
