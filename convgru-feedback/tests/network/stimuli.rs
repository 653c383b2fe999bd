//! Stimuli of different lengths, and what arrives where and when.

use crate::setting::{SCHEDULES, Setting, apart, pair, square, uniform};
use convgru_feedback::{Arithmetic, Forward, Keep, Schedule};
use tch::{Kind, Tensor, no_grad};

/// V1 and A1 drive a third area.
fn senses() -> Setting {
    let areas = vec![square(5, 1, [0, 1]), square(7, 3, [1, 0]), square(4, 2, [0, 0])];
    let adjacency = vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    Setting { areas, adjacency, inputs: vec![0, 1], outputs: vec![2], frames: vec![2, 5], ..pair() }
}

fn trace(setting: &Setting, stimuli: &[Tensor]) -> Vec<Vec<Tensor>> {
    let (_, network) = setting.network(Kind::Double, Arithmetic::Fused);
    let stimuli: Vec<&Tensor> = stimuli.iter().collect();
    no_grad(|| network.forward(&stimuli, &Forward::new().keep(Keep::Trace))).unwrap().trace
}

/// An area that nothing but its stimulus drives keeps its state when that has ended, while the other one goes on.
#[test]
fn an_area_rests_when_its_stimulus_has_ended() {
    for schedule in [Schedule::Synchronous, Schedule::InPlace] {
        let setting = Setting { schedule, ..senses() };
        let trace = trace(&setting, &setting.stimuli(Kind::Double));
        assert_eq!(trace.len(), 5 + 3 - 1);
        for step in 1..trace.len() {
            let moves = |area: usize| !trace[step][area].equal(&trace[step - 1][area]);
            assert_eq!([moves(0), moves(1), moves(2)], [step < 2, step < 5, step < 6], "{schedule:?}, step {step}");
        }
    }
}

/// An area that other areas drive sees zeros when its stimulus has ended.
#[test]
fn a_stimulus_that_has_ended_counts_as_zero() {
    for schedule in SCHEDULES {
        let short = Setting { schedule, frames: vec![2, 4], ..pair() };
        let stimuli = short.stimuli(Kind::Double);
        let blank = Tensor::zeros([short.batch, 2, 1, 4, 4], (Kind::Double, tch::Device::Cpu));
        let padded = [Tensor::cat(&[&stimuli[0], &blank], 1), stimuli[1].shallow_clone()];
        let (ended, padded) = (trace(&short, &stimuli), trace(&short, &padded));
        for (step, (ended, padded)) in ended.iter().flatten().zip(padded.iter().flatten()).enumerate() {
            // In place an input area with a frame that others drive too is updated twice.
            let same = apart(ended, padded) < 1e-14;
            assert_eq!(same, schedule != Schedule::InPlace || step < 2 * 2, "{schedule:?}, state {step}");
        }
    }
}

/// Later frames do not change earlier states, and an area is first updated at its distance from the inputs.
#[test]
fn signals_take_a_step_per_edge() {
    let areas = vec![square(6, 1, [1, 1]), square(6, 2, [0, 1]), square(3, 2, [0, 0])];
    let adjacency = vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    let chain = Setting { areas, adjacency, inputs: vec![0], outputs: vec![2], frames: vec![6], ..pair() };
    let film = chain.stimuli(Kind::Double);
    let before = trace(&chain, &film);
    let changed = film[0].copy();
    no_grad(|| changed.select(1, 3).copy_(&uniform(77, &[2, 1, 6, 6], Kind::Double)));
    let after = trace(&chain, &[changed]);
    for step in 0..8 {
        for area in 0..3 {
            let silent = before[step][area].abs().max().double_value(&[]) == 0.0;
            assert_eq!(silent, step < area, "area {area} at step {step}");
            assert_eq!(before[step][area].equal(&after[step][area]), step < 3 + area, "area {area} at step {step}");
        }
    }
}

/// Who watches sees every update once, step by step, with what went into it.
#[test]
fn updates_can_be_watched() {
    let setting = senses();
    let (_, network) = setting.network(Kind::Double, Arithmetic::Fused);
    let stimuli = setting.stimuli(Kind::Double);
    let (mut seen, mut last) = (Vec::new(), Tensor::new());
    let response = network.forward_watched(&stimuli.iter().collect::<Vec<_>>(), &Forward::new(), |update| {
        let area = setting.areas[update.area];
        let [input, hidden, basal, apical] =
            [area.input_dim, area.hidden_dim, area.basal_topdown_dim, area.apical_topdown_dim].map(i64::from);
        assert_eq!(update.bottom_up.size()[1], input);
        if let Some(feedback) = update.top_down {
            assert_eq!(feedback.size()[1], basal + apical + input + hidden + apical);
        }
        seen.push((update.step, update.area, update.top_down.is_some()));
        last = update.state.shallow_clone();
    });
    // The third area gets no feedback, and none is there in the first step.
    let wanted: Vec<(u32, usize, bool)> = (0..6)
        .flat_map(|step| [(step, 0, step > 0), (step, 1, step > 0), (step, 2, false)])
        .filter(|&(step, area, _)| [step < 2, step < 5, step > 0][area])
        .collect();
    assert!(seen.is_sorted_by_key(|&(step, ..)| step));
    seen.sort_unstable();
    assert_eq!(seen, wanted);
    assert!(last.equal(&response.unwrap().outputs[0]));
}

/// What is in frames that nothing reads reaches no gradient, be it no number.
#[test]
fn frames_that_are_not_read_do_not_matter() {
    for schedule in SCHEDULES {
        let setting = Setting { schedule, frames: vec![6, 2], ..pair() };
        let gradients = |value: f64| {
            let (store, network) = setting.network(Kind::Double, Arithmetic::Fused);
            let films = setting.stimuli(Kind::Double);
            // of three steps, frames 3 to 5 are read by none
            let _ = films[0].narrow(1, 3, 3).fill_(value);
            let how = Forward::new().steps(3).keep(Keep::States);
            let states = network.forward(&films.iter().collect::<Vec<_>>(), &how).unwrap().states;
            states.iter().map(|state| state.square().sum(Kind::Double)).sum::<Tensor>().backward();
            let mut all: Vec<(String, Tensor)> = store.variables().into_iter().collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all.into_iter().map(|(_, v)| v.grad()).filter(Tensor::defined).collect::<Vec<_>>()
        };
        let (numbers, none) = (gradients(0.5), gradients(f64::NAN));
        assert!(!none.is_empty() && numbers.iter().zip(&none).all(|(a, b)| a.equal(b)), "{schedule:?}");
    }
}

/// Frames are projected many at once, here in more than one stretch; with states that take turns, every other one is read. What an area
/// gets is what each frame alone gives it, and so is the gradient of each frame.
#[test]
fn frames_projected_together_are_as_each_alone() {
    for (schedule, frames, every) in [(Schedule::Synchronous, 60, 1), (Schedule::PingPong, 59, 2)] {
        for channels in [3, 20] {
            let setting = Setting {
                areas: vec![square(64, 2, [0, 1])],
                batch: 6,
                adjacency: vec![0.0],
                inputs: vec![0],
                outputs: vec![0],
                schedule,
                frames: vec![frames],
                channels,
                ..pair()
            };
            let (_, network) = setting.network(Kind::Double, Arithmetic::Fused);
            let film = setting.stimuli(Kind::Double).remove(0).set_requires_grad(true);
            let given = |film: &Tensor| {
                let mut given = Vec::new();
                network
                    .forward_watched(&[film], &Forward::new(), |update| {
                        given.push((i64::from(update.step), update.bottom_up.shallow_clone()));
                    })
                    .unwrap();
                given
            };
            let together = given(&film);
            let steps: Vec<i64> = together.iter().map(|(step, _)| *step).collect();
            assert_eq!(steps, (0..frames).step_by(every).collect::<Vec<_>>());
            let loss: Tensor = together.iter().map(|(step, x)| (x * x * (*step + 1)).sum(Kind::Double)).sum();
            loss.backward();
            let gradient = film.grad();
            for (step, x) in together.iter().step_by(5).chain(together.last()) {
                let frame = film.detach().narrow(1, *step, 1).set_requires_grad(true);
                let alone = given(&frame).remove(0).1;
                assert!(apart(&alone, x) < 1e-12, "{schedule:?}, {channels} channels, frame {step}");
                (&alone * &alone * (*step + 1)).sum(Kind::Double).backward();
                assert!(apart(&frame.grad(), &gradient.narrow(1, *step, 1)) < 1e-9, "gradient of frame {step}");
            }
        }
    }
}
