//! What holds for every network.

use crate::setting::{SCHEDULES, Setting, apart, pair, settings, square, uniform};
use connectome_graph::area::Area;
use convgru_feedback::{AreaNetwork, Arithmetic, Forward, Keep, LayerNorm, Mode, Response, Schedule, TopDown};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

fn run(network: &AreaNetwork, stimuli: &[Tensor], how: &Forward) -> Response {
    no_grad(|| network.forward(&stimuli.iter().collect::<Vec<_>>(), how)).unwrap()
}

/// Samples of all stimuli, by their numbers.
fn samples(stimuli: &[Tensor], chosen: &[i64]) -> Vec<Tensor> {
    stimuli.iter().map(|film| film.index_select(0, &Tensor::from_slice(chosen))).collect()
}

fn same(a: &[Tensor], b: &[Tensor]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equal(b))
}

/// Frames of the longest stimulus + areas - 1.
fn default_steps(setting: &Setting) -> usize {
    *setting.frames.iter().max().unwrap() as usize + setting.areas.len() - 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    /// However much is kept, and whether a run is stopped earlier, the states are the same bit for bit; they have the sizes of the areas
    /// and, mixed from what tanh gives, no entry beyond 1.
    #[test]
    fn what_is_kept_does_not_change_what_is_computed(setting in settings(), part in 0.0..1.0f64) {
        let (_, network) = setting.network(Kind::Float, Arithmetic::Fused);
        let stimuli = setting.stimuli(Kind::Float);
        let whole = run(&network, &stimuli, &Forward::new().keep(Keep::Trace));
        let steps = default_steps(&setting);
        prop_assert_eq!(whole.trace.len(), steps);
        prop_assert!(same(&whole.states, &whole.trace[steps - 1]));

        let states = run(&network, &stimuli, &Forward::new().keep(Keep::States));
        prop_assert!(same(&states.states, &whole.states) && states.trace.is_empty());
        let few = run(&network, &stimuli, &Forward::new());
        let read: Vec<Tensor> = setting.outputs.iter().map(|&area| whole.states[area].shallow_clone()).collect();
        prop_assert!(same(&few.outputs, &read) && few.states.is_empty());
        prop_assert!(same(&states.outputs, &read) && same(&whole.outputs, &read));

        // a state is that of the newest update in its set of states
        let mut made: Vec<Vec<Option<Tensor>>> = (0..steps).map(|_| setting.areas.iter().map(|_| None).collect()).collect();
        let films: Vec<&Tensor> = stimuli.iter().collect();
        let watched = no_grad(|| network.forward_watched(&films, &Forward::new().keep(Keep::Updates), |update| {
            made[update.step as usize][update.area] = Some(update.state.shallow_clone());
        })).unwrap();
        prop_assert!(same(&watched.outputs, &read) && watched.states.is_empty());
        let sets = if setting.schedule == Schedule::PingPong { 2 } else { 1 };
        let newest = |step: usize, area: usize| (0..=step).rev().step_by(sets).find_map(|step| made[step][area].as_ref());
        for (step, states) in whole.trace.iter().enumerate() {
            for (area, state) in states.iter().enumerate() {
                prop_assert!(newest(step, area).map_or(state.abs().max().double_value(&[]) == 0.0, |made| made.equal(state)));
            }
        }
        let lengths: Vec<u32> = setting.frames.iter().map(|&frames| frames as u32).collect();
        let updated: Vec<bool> = setting.outputs.iter().map(|&area| newest(steps - 1, area).is_some()).collect();
        prop_assert_eq!(network.updates_outputs(&lengths, steps as u32).unwrap(), updated);

        let stop = 1 + (part * steps as f64) as usize;
        let stopped = run(&network, &stimuli, &Forward::new().keep(Keep::States).steps(stop as u32));
        prop_assert!(same(&stopped.states, &whole.trace[stop - 1]));

        for states in &whole.trace {
            for (area, state) in states.iter().enumerate() {
                let [channels, height, width] = network.state_shape(area);
                prop_assert_eq!(state.size(), [setting.batch, channels, height, width]);
                let bound = if setting.layer_norm == LayerNorm::Off { 1.0 } else { f64::MAX };
                prop_assert!(state.abs().max().double_value(&[]) <= bound);
            }
        }
    }

    /// A sample's states do not depend on the samples beside it, nor on its place among them.
    #[test]
    fn samples_do_not_see_each_other(setting in settings(), double in any::<bool>()) {
        let (kind, tolerance) = if double { (Kind::Double, 1e-12) } else { (Kind::Float, 1e-6) };
        // Where all entries of a state are nearly equal, a norm makes as much of rounding as of signals.
        let setting = Setting { layer_norm: LayerNorm::Off, batch: 3, scale: 1.0, ..setting };
        let (_, network) = setting.network(kind, Arithmetic::Fused);
        let stimuli = setting.stimuli(kind);
        let how = Forward::new().keep(Keep::States);
        let together = run(&network, &stimuli, &how).states;
        for chosen in [&[0][..], &[1], &[2], &[2, 0], &[1, 1, 1, 2, 0]] {
            let others = run(&network, &samples(&stimuli, chosen), &how).states;
            for (state, other) in together.iter().zip(&others) {
                let off = apart(&state.index_select(0, &Tensor::from_slice(chosen)), other);
                prop_assert!(off <= tolerance, "samples {:?} are {} off", chosen, off);
            }
        }
    }

    /// The kernels of this crate compute what libtorch's operations do.
    #[test]
    fn fused_states_are_the_recorded_ones(setting in settings()) {
        let setting = Setting { layer_norm: LayerNorm::Off, ..setting };
        let how = Forward::new().keep(Keep::Trace);
        let [fused, recorded] = [Arithmetic::Fused, Arithmetic::Recorded]
            .map(|arithmetic| run(&setting.network(Kind::Double, arithmetic).1, &setting.stimuli(Kind::Double), &how).trace);
        for (fused, recorded) in fused.iter().flatten().zip(recorded.iter().flatten()) {
            prop_assert!(apart(fused, recorded) <= 1e-13);
        }
    }

    /// Nothing happens in no time.
    #[test]
    fn no_steps_give_zeros(setting in settings()) {
        let (_, network) = setting.network(Kind::Float, Arithmetic::Fused);
        let response = run(&network, &setting.stimuli(Kind::Float), &Forward::new().keep(Keep::Trace).steps(0));
        prop_assert!(response.trace.is_empty());
        prop_assert_eq!((response.states.len(), response.outputs.len()), (setting.areas.len(), setting.outputs.len()));
        for (area, state) in response.states.iter().enumerate() {
            let [channels, height, width] = network.state_shape(area);
            prop_assert!(state.equal(&Tensor::zeros([setting.batch, channels, height, width], (Kind::Float, Device::Cpu))));
        }
        prop_assert!(response.outputs.iter().all(|output| output.abs().max().double_value(&[]) == 0.0));
    }
}

/// Dropout clears entries of the new state and scales up the others; in use there is none, and none is none.
#[test]
fn dropout_clears_entries_in_training_alone() {
    let setting = Setting { batch: 40, ..pair() };
    let stimuli = setting.stimuli(Kind::Double);
    let network = |p| {
        let mut store = VarStore::new(Device::Cpu);
        store.set_kind(Kind::Double);
        AreaNetwork::builder(&setting.graph()).dropout(p).build(&store.root()).unwrap()
    };
    // After one step each state has been dropped from once.
    let step = |network: &AreaNetwork, mode| {
        run(network, &stimuli, &Forward::new().mode(mode).keep(Keep::States).steps(1)).states
    };
    let p = 0.4;
    let (clean, trained) = (step(&network(p), Mode::Evaluate), step(&network(p), Mode::Train));
    assert!(same(&clean, &step(&network(0.0), Mode::Train)) && same(&clean, &step(&network(0.9), Mode::Evaluate)));
    for (clean, trained) in clean.iter().zip(&trained) {
        let kept = trained.not_equal(0.0);
        let scaled = (clean / (1.0 - p)) * kept.to_kind(Kind::Double);
        assert!(apart(&scaled, trained) < 1e-15);
        let share = kept.mean(Kind::Double).double_value(&[]);
        // four standard deviations
        let spread = 4.0 * (p * (1.0 - p) / kept.numel() as f64).sqrt();
        assert!((share - (1.0 - p)).abs() < spread, "{share} of the entries are kept");
    }
}

/// On a chain that gets one frame each area is updated once, whatever the schedule.
#[test]
fn schedules_agree_on_a_chain_and_one_frame() {
    let areas = vec![square(8, 1, [0, 0]), square(4, 2, [0, 0]), square(4, 2, [0, 0])];
    let adjacency = vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    let setting = Setting { areas, adjacency, inputs: vec![0], outputs: vec![2], frames: vec![1], ..pair() };
    let outputs = SCHEDULES.map(|schedule| {
        let store = VarStore::new(Device::Cpu);
        let graph = setting.graph();
        let builder = AreaNetwork::builder(&graph).top_down(TopDown::Off).schedule(schedule);
        run(&builder.build(&store.root()).unwrap(), &setting.stimuli(Kind::Float), &Forward::new()).outputs.remove(0)
    });
    assert!(outputs[0].abs().max().double_value(&[]) > 1e-3);
    assert!(outputs[1].equal(&outputs[0]) && outputs[2].equal(&outputs[0]));
}
/// One channel to one column of pixels: some of libtorch's kernels for singles read such images wrongly.
#[test]
fn narrow_areas_are_computed_right() {
    for (from, to) in [([8, 3], [8, 1]), ([5, 7], [5, 1]), ([4, 2], [4, 1]), ([6, 6], [1, 6]), ([3, 3], [1, 1])] {
        let area = Area { input_h: to[0], input_w: to[1], ..square(1, 1, [0, 0]) };
        let setting = Setting {
            areas: vec![area],
            adjacency: vec![0.0],
            inputs: vec![0],
            outputs: vec![0],
            frames: vec![2],
            ..pair()
        };
        let film = uniform(3, &[3, 2, 1, from[0], from[1]], Kind::Float);
        let [single, double] = [Kind::Float, Kind::Double].map(|kind| {
            let mut store = VarStore::new(Device::Cpu);
            store.set_kind(kind);
            let graph = setting.graph();
            let builder = AreaNetwork::builder(&graph).stimulus(0, [1, from[0], from[1]]);
            let network = builder.build(&store.root()).unwrap();
            run(&network, &[film.to_kind(kind)], &Forward::new()).outputs.remove(0).to_kind(Kind::Double)
        });
        assert!(apart(&single, &double) < 1e-6, "{from:?} to {to:?}: {} off", apart(&single, &double));
    }
}
