//! From the states of areas to answers. All flatten a state in the order channels, height, width.

use tch::Tensor;
use tch::nn::Path;

use crate::Error;
use crate::init::Draw;
use crate::linear::Linear;

/// Two linear layers, `fc1` and `fc2`.
#[derive(Debug)]
struct Layers {
    fc1: Linear,
    fc2: Linear,
}

impl Layers {
    fn new(path: &Path<'_>, [inputs, hidden, outputs]: [i64; 3], seed: u64) -> Result<Self, Error> {
        for (option, n) in [("size of a readout's input", inputs), ("hidden units", hidden), ("outputs", outputs)] {
            if n < 1 {
                return Err(Error::Option { option, what: format!("{n}; at least 1 is needed") });
            }
        }
        let draw = &mut Draw::new(seed);
        let fc1 = Linear::new(&(path / "fc1"), draw, inputs, hidden)?;
        Ok(Self { fc1, fc2: Linear::new(&(path / "fc2"), draw, hidden, outputs)? })
    }

    /// `fc1(relu(x))`
    fn features(&self, x: &Tensor) -> Result<Tensor, Error> {
        self.fc1.forward(&x.f_relu()?)
    }

    /// `fc2(relu(fc1(relu(x))))`
    fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        self.fc2.forward(&self.features(x)?.f_relu()?)
    }
}

/// Numbers of a state.
fn features(state: [i64; 3]) -> Result<i64, Error> {
    if state.iter().any(|&side| side < 1) {
        let what = format!("{state:?}; channels, height and width are each at least 1");
        return Err(Error::Option { option: "size of a readout's state", what });
    }
    Ok(state.into_iter().fold(1, i64::saturating_mul))
}

/// `[batch, channels, height, width]` as `[batch, features]`.
fn flat(state: &Tensor) -> Result<Tensor, Error> {
    Ok(state.f_flatten(1, -1)?)
}

/// Logits of classes from the state of an area: `fc2(relu(fc1(relu(x))))`.
///
/// ```
/// use convgru_feedback::ClassifierReadout;
/// use tch::{Device, Kind, Tensor, nn};
///
/// let vs = nn::VarStore::new(Device::Cpu);
/// let readout = ClassifierReadout::new(&vs.root(), [32, 7, 7], 10, 100, 0)?;
/// let state = Tensor::randn([4, 32, 7, 7], (Kind::Float, Device::Cpu));
/// assert_eq!(readout.forward(&state)?.size(), [4, 10]);
/// # Ok::<(), convgru_feedback::Error>(())
/// ```
#[derive(Debug)]
pub struct ClassifierReadout(Layers);

impl ClassifierReadout {
    /// Makes `fc1` and `fc2` under `path` for a state `[channels, height, width]`, with `hidden` units between; the reference has 100.
    ///
    /// # Errors
    /// [`Error::Option`] for a size of zero.
    pub fn new(path: &Path<'_>, state: [i64; 3], classes: i64, hidden: i64, seed: u64) -> Result<Self, Error> {
        Ok(Self(Layers::new(path, [features(state)?, hidden, classes], seed)?))
    }

    /// Logits `[batch, classes]` from `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Input`] for a state of another size.
    pub fn forward(&self, state: &Tensor) -> Result<Tensor, Error> {
        self.0.forward(&flat(state)?)
    }

    /// What the hidden units get, `[batch, hidden]`: `fc1(relu(x))`; the reference's `eval_mode`.
    ///
    /// # Errors
    /// [`Error::Input`] for a state of another size.
    pub fn features(&self, state: &Tensor) -> Result<Tensor, Error> {
        self.0.features(&flat(state)?)
    }
}

/// Logits of classes from the states of two areas and a flag that tells which of them to go by.
#[derive(Debug)]
pub struct TwoAreaReadout(Layers);

impl TwoAreaReadout {
    /// Makes `fc1` and `fc2` under `path`; `MultiOutputClassifierReadout` of the reference.
    ///
    /// # Errors
    /// [`Error::Option`] for a size of zero.
    pub fn new(path: &Path<'_>, states: [[i64; 3]; 2], classes: i64, hidden: i64, seed: u64) -> Result<Self, Error> {
        let [a, b] = states;
        let inputs = features(a)?.saturating_add(features(b)?).saturating_add(1);
        Ok(Self(Layers::new(path, [inputs, hidden, classes], seed)?))
    }

    /// Logits `[batch, classes]` from two states and `flag` `[batch]`: 0 for the first (image), 1 for the second (sound).
    ///
    /// # Errors
    /// [`Error::Input`] for states of another size, [`Error::Torch`] for a flag of another length.
    pub fn forward(&self, states: [&Tensor; 2], flag: &Tensor) -> Result<Tensor, Error> {
        let [a, b] = states;
        let flag = flag.f_to_kind(a.kind())?.f_view([-1, 1])?;
        self.0.forward(&Tensor::f_cat(&[flat(a)?, flat(b)?, flag], 1)?)
    }
}

/// One value per sample from the state of an area: `fc2(relu(fc1(relu(x))))`.
#[derive(Debug)]
pub struct ValueReadout(Layers);

impl ValueReadout {
    /// Makes `fc1` and `fc2` under `path` for a state `[channels, height, width]`; the reference has 100 hidden units.
    ///
    /// # Errors
    /// [`Error::Option`] for a size of zero.
    pub fn new(path: &Path<'_>, state: [i64; 3], hidden: i64, seed: u64) -> Result<Self, Error> {
        Ok(Self(Layers::new(path, [features(state)?, hidden, 1], seed)?))
    }

    /// Values `[batch, 1]` from `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Input`] for a state of another size.
    pub fn forward(&self, state: &Tensor) -> Result<Tensor, Error> {
        self.0.forward(&flat(state)?)
    }
}
