//! Gradients of the fused arithmetic, against libtorch's and against differences.

use crate::setting::{SCHEDULES, Setting, apart, pair, settings, uniform};
use convgru_feedback::{Arithmetic, Bias, ConvGruCell, Error, Forward, Keep, LayerNorm};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

/// The gradient of a leaf; zeros where there is none.
fn gradient(leaf: &Tensor) -> Tensor {
    if leaf.grad().defined() { leaf.grad() } else { leaf.zeros_like() }
}

/// A cell alone.
#[derive(Debug, Clone)]
struct Single {
    batch: i64,
    channels: [i64; 2],
    size: [i64; 2],
    kernel: [i64; 2],
    feedback: [i64; 2],
    bias: bool,
    /// Whether the first step has feedback, and the second.
    fed: [bool; 2],
    seed: u64,
}

fn singles() -> impl Strategy<Value = Single> {
    let kernel = || select(vec![1i64, 3, 5]);
    (
        (1..4i64, 1..6i64, 1..6i64),
        (1..10i64, 1..10i64, kernel(), kernel()),
        (0..3i64, 0..3i64, any::<bool>()),
        (any::<bool>(), any::<bool>(), any::<u64>()),
    )
        .prop_map(|((batch, input, hidden), (h, w, kh, kw), (basal, apical, bias), (first, second, seed))| {
            Single {
                batch,
                channels: [input, hidden],
                size: [h, w],
                kernel: [kh, kw],
                feedback: [basal, apical],
                bias,
                fed: [first, second],
                seed,
            }
        })
}

impl Single {
    /// The state after a step from zero and a step from there, and the gradients of everything that went in.
    fn run(&self, arithmetic: Arithmetic) -> Vec<Tensor> {
        let mut store = VarStore::new(Device::Cpu);
        store.set_kind(Kind::Double);
        let bias = if self.bias { Bias::Trained } else { Bias::None };
        let cell = ConvGruCell::new(&store.root(), self.channels, self.kernel, self.feedback, bias, self.seed)
            .unwrap()
            .with_arithmetic(arithmetic);
        let [h, w] = self.size;
        let leaf = |place: u64, channels: i64| {
            (uniform(self.seed ^ place, &[self.batch, channels, h, w], Kind::Double) * 2.0).set_requires_grad(true)
        };
        let inputs = [leaf(1, self.channels[0]), leaf(2, self.channels[0])];
        let feedback = [leaf(3, cell.feedback_channels()), leaf(4, cell.feedback_channels())];
        let fed = |step: usize| self.fed[step].then_some(&feedback[step]);
        let state = cell.forward(&inputs[0], None, fed(0)).unwrap();
        let state = cell.forward(&inputs[1], Some(&state), fed(1)).unwrap();
        (&state * uniform(self.seed ^ 5, &state.size(), Kind::Double)).sum(Kind::Double).backward();
        let mut parameters: Vec<_> = store.variables().into_iter().collect();
        parameters.sort_by(|a, b| a.0.cmp(&b.0));
        let leaves = inputs.iter().chain(&feedback).chain(parameters.iter().map(|(_, leaf)| leaf));
        std::iter::once(state.detach()).chain(leaves.map(gradient)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(13), ..ProptestConfig::default() })]

    /// Of a cell, in all sizes, with all kinds of feedback and without.
    #[test]
    fn gradients_of_cells_are_those_of_libtorch(single in singles()) {
        let (fused, recorded) = (single.run(Arithmetic::Fused), single.run(Arithmetic::Recorded));
        prop_assert_eq!(fused.len(), recorded.len());
        for (i, (fused, recorded)) in fused.iter().zip(&recorded).enumerate() {
            let scale = 1.0 + recorded.abs().max().double_value(&[]);
            let off = apart(fused, recorded) / scale;
            prop_assert!(off <= 1e-13, "tensor {} is {} off", i, off);
        }
    }

    /// Of networks, with respect to all parameters and stimuli.
    #[test]
    fn gradients_of_networks_are_those_of_libtorch(setting in settings()) {
        let setting = Setting { layer_norm: LayerNorm::Off, ..setting };
        let run = |arithmetic| {
            let (store, network) = setting.network(Kind::Double, arithmetic);
            let stimuli: Vec<Tensor> =
                setting.stimuli(Kind::Double).into_iter().map(|film| film.set_requires_grad(true)).collect();
            let films: Vec<&Tensor> = stimuli.iter().collect();
            loss(&setting, &network.forward(&films, &Forward::new().keep(Keep::States)).unwrap().states);
            let mut parameters: Vec<_> = store.variables().into_iter().collect();
            parameters.sort_by(|a, b| a.0.cmp(&b.0));
            stimuli.iter().chain(parameters.iter().map(|(_, leaf)| leaf)).map(gradient).collect::<Vec<_>>()
        };
        for (fused, recorded) in run(Arithmetic::Fused).iter().zip(&run(Arithmetic::Recorded)) {
            let scale = 1.0 + recorded.abs().max().double_value(&[]);
            prop_assert!(apart(fused, recorded) / scale <= 1e-12);
        }
    }
}

/// All states weighted and summed up, differentiated if anything wants it.
fn loss(setting: &Setting, states: &[Tensor]) -> f64 {
    let weighted = states.iter().enumerate().map(|(area, state)| {
        (state * uniform(setting.seed ^ (2000 + area as u64), &state.size(), Kind::Double)).sum(Kind::Double)
    });
    let loss: Tensor = weighted.sum();
    if loss.requires_grad() {
        loss.backward();
    }
    loss.double_value(&[])
}

/// Every parameter and every pixel moved a little, in all schedules.
#[test]
fn gradients_are_what_differences_say() {
    for schedule in SCHEDULES {
        let setting =
            Setting { schedule, layer_norm: LayerNorm::On, batch: 1, channels: 1, frames: vec![2, 2], ..pair() };
        let (store, network) = setting.network(Kind::Double, Arithmetic::Fused);
        let stimuli: Vec<Tensor> =
            setting.stimuli(Kind::Double).into_iter().map(|film| film.set_requires_grad(true)).collect();
        let run = || {
            let films: Vec<&Tensor> = stimuli.iter().collect();
            loss(&setting, &network.forward(&films, &Forward::new().keep(Keep::States)).unwrap().states)
        };
        run();
        let films = stimuli.iter().enumerate().map(|(i, film)| (format!("stimulus {i}"), film.shallow_clone()));
        for (name, leaf) in store.variables().into_iter().chain(films) {
            let gradient = Vec::<f64>::try_from(gradient(&leaf).contiguous().view(-1)).unwrap();
            let entries = leaf.detach().view(-1);
            for (i, gradient) in gradient.into_iter().enumerate() {
                let mut entry = entries.get(i as i64);
                let start = entry.double_value(&[]);
                let mut at = |value: f64| {
                    let _ = entry.fill_(value);
                    no_grad(run)
                };
                let want = (at(start + 1e-5) - at(start - 1e-5)) / 2e-5;
                let _ = entry.fill_(start);
                assert!((gradient - want).abs() < 1e-7 * (1.0 + want.abs()), "{name}[{i}]: {gradient} and {want}");
            }
        }
    }
}

/// Second derivatives are there, or are refused with a name; they are never silently wrong.
#[test]
fn gradients_of_gradients_need_recorded_arithmetic() {
    let penalty = |arithmetic| -> Result<(), String> {
        let (_, network) = pair().network(Kind::Double, arithmetic);
        let stimuli: Vec<Tensor> =
            pair().stimuli(Kind::Double).into_iter().map(|film| film.set_requires_grad(true)).collect();
        let films: Vec<&Tensor> = stimuli.iter().collect();
        let run = || -> Result<Tensor, Error> { Ok(network.forward(&films, &Forward::new())?.outputs.remove(0)) };
        let output = run().map_err(|e| e.to_string())?.sum(Kind::Double);
        let gradient = Tensor::f_run_backward(&[&output], &[&stimuli[0]], true, true).map_err(|e| e.to_string())?;
        let squared = (&gradient[0] * &gradient[0]).sum(Kind::Double);
        squared.f_backward().map_err(|e| e.to_string())
    };
    assert_eq!(penalty(Arithmetic::Recorded), Ok(()));
    let refused = penalty(Arithmetic::Fused).expect_err("no second derivative");
    assert!(refused.contains("ConvGru") && refused.contains("no second derivative"), "{refused}");
}
