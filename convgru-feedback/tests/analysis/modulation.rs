//! What feedback does to a cell.

use convgru_feedback::analysis::{Modulation, effective_gain};
use convgru_feedback::{Bias, ConvGruCell, Error};
use tch::{Device, Kind, Tensor, nn};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Feedback `[2, 2 + 1 + (1 + 2 + 1), 1, 2]`, four numbers of each channel.
fn feedback(channels: [[f32; 4]; 7]) -> Tensor {
    Tensor::from_slice(channels.as_flattened()).view([7, 2, 1, 2]).transpose(0, 1)
}

#[test]
fn channels_are_told_apart() {
    let parts = [
        [3.0, -3.0, 3.0, 3.0], // basal
        [0.0, 0.0, 0.0, 4.0],
        [1.0, 1.0, -1.0, 1.0],  // apical
        [1.0, 2.0, 3.0, -4.0],  // gain of the input
        [-1.0, 0.0, -2.0, 0.0], // of the state
        [0.5, 0.5, 0.5, 0.5],
        [0.0, 0.0, 8.0, 0.0], // of the apical part
    ];
    let m = Modulation::of(&feedback(parts), [1, 2], [2, 1]).expect("feedback");
    assert_eq!((&m.basal_shift, &m.apical_shift), (&vec![3.0, 2.0], &vec![1.0]));
    let told: Vec<[f64; 3]> = m.gains().map(|g| [g.mean, g.largest, g.amplified]).collect();
    assert_eq!(told, [[2.5, 4.0, 0.75], [1.0, 1.0, 0.0], [1.5, 1.5, 1.0], [3.0, 9.0, 0.25]]);
    assert_eq!((m.input.len(), m.hidden.len(), m.apical.len()), (1, 2, 1));
    assert_eq!((m.mean_gain(), m.amplified_channels(1.0), m.amplified_channels(2.0)), (2.0, 0.75, 0.5));
    let gain = effective_gain(&Tensor::from_slice(&[-1f32, 0.0, 0.5])).expect("a gain");
    assert_eq!(Vec::<f32>::try_from(gain).expect("numbers"), [1.0, 1.0, 1.5]);
}

/// The gain is the one that a cell applies: twice the gain of the input does what twice the candidate's weights of the input do.
#[test]
fn gains_are_those_of_the_cell() {
    let vs = nn::VarStore::new(Device::Cpu);
    let cell = ConvGruCell::new(&vs.root(), [1, 2], [3, 3], [0, 0], Bias::None, 5).expect("a cell");
    let x = Tensor::randn([2, 1, 4, 4], CPU);
    let feedback = Tensor::cat(&[Tensor::ones([2, 1, 4, 4], CPU), -Tensor::ones([2, 2, 4, 4], CPU)], 1);
    let m = Modulation::of(&feedback, [1, 2], [0, 0]).expect("feedback");
    assert_eq!((m.input[0].mean, m.hidden[1].mean, m.amplified_channels(1.0)), (2.0, 1.0, 1.0 / 3.0));
    let amplified = cell.forward(&x, None, Some(&feedback)).expect("a state");
    let weight = vs.variables().remove("conv_can.weight").expect("weights");
    tch::no_grad(|| {
        let of_input = weight.narrow(1, 0, 1) * m.input[0].mean;
        weight.narrow(1, 0, 1).copy_(&of_input);
    });
    let strong = cell.forward(&x, None, None).expect("a state");
    assert!((amplified - strong).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn what_is_no_feedback_is_refused() {
    let zeros = |size: &[i64]| Tensor::zeros(size, CPU);
    for bad in [zeros(&[2, 7, 3]), zeros(&[2, 6, 3, 3]), zeros(&[0, 7, 3, 3])] {
        assert!(matches!(Modulation::of(&bad, [1, 2], [2, 1]), Err(Error::Input { .. })));
    }
    assert!(Modulation::of(&zeros(&[2, 7, 3, 3]), [-1, 4], [2, 1]).is_err());
    let nan = zeros(&[2, 7, 3, 3]).log().log();
    assert!(matches!(Modulation::of(&nan, [1, 2], [2, 1]), Err(Error::Data { .. })));
    let plain = Modulation::of(&zeros(&[2, 3, 3, 3]), [1, 2], [0, 0]).expect("feedback");
    assert_eq!((plain.mean_gain(), plain.amplified_channels(1.0), plain.basal_shift.len()), (1.0, 0.0, 0));
}
