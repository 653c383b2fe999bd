//! Exponents of rate networks as tensors that gradients flow through.

use crate::tensor::RateTensors;
use crate::{Activation, Coupling, Derivative, Error, Gradients, RateNetwork, Recording, Settings, Spectrum};
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use tch::{Device, Kind, Tensor};
use tch_function::slices::{as_slice, filled, is_plain};
use tch_function::{BoxError, Forward, Op, apply_one};
use tch_sparse::{Real, SparsityPattern};

/// Which neurons may act on each other.
#[derive(Debug, Clone)]
pub enum Wiring {
    /// All pairs of so many neurons; the coupling is `[neurons, neurons]`.
    Dense(usize),
    /// Those of a pattern `[post, pre]`; the coupling is `[entries]`, in row order.
    Sparse(SparsityPattern),
}

impl Wiring {
    /// Neurons.
    pub fn n(&self) -> usize {
        match self {
            Self::Dense(n) => *n,
            Self::Sparse(pattern) => pattern.n_rows(),
        }
    }

    fn shape(&self) -> Vec<i64> {
        match self {
            Self::Dense(n) => vec![*n as i64; 2],
            Self::Sparse(pattern) => vec![pattern.n_entries() as i64],
        }
    }
}

/// What is fixed of a [`RateNetwork`] while its parameters are trained.
///
/// ```
/// use lyapunov::{Inputs, RateModel, Settings, Wiring};
/// use tch::{Device, Kind, Tensor};
///
/// // Four neurons; how does the largest exponent depend on their connections?
/// tch::manual_seed(1);
/// let coupling = (Tensor::randn([4, 4], (Kind::Double, Device::Cpu)) * 0.75).set_requires_grad(true);
/// let state = Tensor::from_slice(&[0.1, -0.2, 0.3, 0.4]);
/// let model = RateModel::new(Wiring::Dense(4));
/// let of = model.exponents(&Inputs::new(&coupling, &state), &Settings::new(2).duration(20.0))?;
/// of.exponents.get(0).backward();
/// assert_eq!(coupling.grad().size(), [4, 4]);
/// # Ok::<(), lyapunov::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RateModel {
    wiring: Wiring,
    activation: Activation,
    derivative: Derivative,
    dt: f64,
    types: Option<(Vec<u32>, usize)>,
}

/// The tensors of a [`RateModel`], all of one kind, Float or Double. Gradients flow to each.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    coupling: &'a Tensor,
    state: &'a Tensor,
    gains: Option<&'a Tensor>,
    shifts: Option<&'a Tensor>,
    input: Option<&'a Tensor>,
}

impl<'a> Inputs<'a> {
    /// With a coupling, `[post, pre]` or `[entries]`, and a starting state, `[neurons]`.
    ///
    /// Either may have one more dimension in front, of networks that are computed at once; what has none is shared.
    pub fn new(coupling: &'a Tensor, state: &'a Tensor) -> Self {
        Self { coupling, state, gains: None, shifts: None, input: None }
    }

    /// Gains, `[types]`; 1 where there are none.
    #[must_use]
    pub fn gains(mut self, gains: &'a Tensor) -> Self {
        self.gains = Some(gains);
        self
    }

    /// Shifts, `[types]`; 0 where there are none.
    #[must_use]
    pub fn shifts(mut self, shifts: &'a Tensor) -> Self {
        self.shifts = Some(shifts);
        self
    }

    /// What is added at each step, `[neurons]`; 0 where there is none.
    #[must_use]
    pub fn input(mut self, input: &'a Tensor) -> Self {
        self.input = Some(input);
        self
    }
}

/// Exponents as a tensor, and the spectra that they are of.
#[derive(Debug)]
pub struct Exponents {
    /// `[k]`, or `[networks, k]`.
    pub exponents: Tensor,
    /// One per network, without histories.
    pub spectra: Vec<Spectrum<f64>>,
}

impl RateModel {
    /// With stretched tanh, steps of 0.1 and each neuron a type of its own.
    pub fn new(wiring: Wiring) -> Self {
        Self { wiring, activation: Activation::default(), derivative: Derivative::default(), dt: 0.1, types: None }
    }

    /// The activation.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Length of a step in time constants.
    #[must_use]
    pub fn dt(mut self, dt: f64) -> Self {
        self.dt = dt;
        self
    }

    /// The type of each neuron, `[neurons]`, and how many types there are: neurons of a type share gain and shift.
    #[must_use]
    pub fn types(mut self, types: &[u32], n_types: usize) -> Self {
        self.types = Some((types.to_vec(), n_types));
        self
    }

    /// Which derivative tangents are multiplied by.
    #[must_use]
    pub fn derivative(mut self, derivative: Derivative) -> Self {
        self.derivative = derivative;
        self
    }

    /// Types of neurons.
    pub fn n_types(&self) -> usize {
        self.types.as_ref().map_or(self.wiring.n(), |(_, n)| *n)
    }

    /// The exponents, and a graph behind them.
    ///
    /// # Errors
    /// [`Error::Shape`] for tensors that do not fit; those of [`Settings::run`]. In the backward pass, those of
    /// [`Recording::pull_back`].
    pub fn exponents(&self, inputs: &Inputs<'_>, settings: &Settings) -> Result<Exponents, Error> {
        self.check()?;
        let kind = inputs.coupling.f_kind()?;
        let n = self.wiring.n() as i64;
        let types = self.n_types() as i64;
        let device = inputs.coupling.device();
        let of = |value: f64, size: i64| Tensor::f_full([size], value, (kind, device));
        let (ones, zeros, silence) = (of(1.0, types)?, of(0.0, types)?, of(0.0, n)?);
        let all = [
            inputs.coupling,
            inputs.state,
            inputs.gains.unwrap_or(&ones),
            inputs.shifts.unwrap_or(&zeros),
            inputs.input.unwrap_or(&silence),
        ];
        if !matches!(kind, Kind::Float | Kind::Double) {
            let want = "Float or Double".to_string();
            return Err(Error::Shape { what: "the coupling", got: format!("{kind:?}"), want });
        }
        let shapes = [self.wiring.shape(), vec![n], vec![types], vec![types], vec![n]];
        let names = ["the coupling", "the starting state", "the gains", "the shifts", "the input"];
        let mut networks: Option<i64> = None;
        for (i, (t, shape)) in all.iter().zip(&shapes).enumerate() {
            let size = t.size();
            let batch = (i < 2 && size.len() == shape.len() + 1).then(|| size[0]);
            let agrees = networks.is_none_or(|n| batch.is_none_or(|b| b == n));
            let got = || format!("{size:?} {:?} on {:?}", t.kind(), t.device());
            if size[size.len().saturating_sub(shape.len())..] != shape[..]
                || (size.len() != shape.len() && batch.is_none())
                || !agrees
                || t.kind() != kind
                || t.device() != device
            {
                let front = networks.map_or("networks".to_string(), |n| n.to_string());
                let more = if i < 2 { format!(", or with {front} in front") } else { String::new() };
                let want = format!("{shape:?}{more}, {kind:?} on {device:?}");
                return Err(Error::Shape { what: names[i], got: got(), want });
            }
            networks = networks.or(batch);
        }
        if device != Device::Cpu {
            return self.on_device(&all, networks.is_some(), settings);
        }
        let spectra = Arc::new(Mutex::new(Vec::new()));
        let op = ExponentsOf {
            model: self.clone(),
            settings: settings.clone(),
            networks: networks.map(|n| n as usize),
            spectra: spectra.clone(),
            recorded: Mutex::new(Recorded::Nothing),
        };
        let exponents = apply_one(op, &all).map_err(Error::from_op)?;
        let spectra = std::mem::take(&mut *spectra.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Exponents { exponents, spectra })
    }

    fn check(&self) -> Result<(), Error> {
        let n = self.wiring.n();
        if !(self.dt > 0.0 && self.dt <= 1.0) {
            return Err(Error::setting("dt", format!("{} time constants; give a step above 0 and at most 1", self.dt)));
        }
        if let Wiring::Sparse(pattern) = &self.wiring
            && pattern.n_columns() != n
        {
            let (got, want) = (format!("[{n}, {}]", pattern.n_columns()), format!("[{n}, {n}]"));
            return Err(Error::Shape { what: "the pattern", got, want });
        }
        let Some((types, n_types)) = &self.types else { return Ok(()) };
        if types.len() != n {
            let (got, want) = (format!("[{}]", types.len()), format!("[{n}]"));
            return Err(Error::Shape { what: "the list of types", got, want });
        }
        match types.iter().find(|t| **t as usize >= *n_types) {
            Some(t) => Err(Error::setting("types", format!("a neuron is of type {t}, but there are {n_types} from 0"))),
            None => Ok(()),
        }
    }

    /// The same by libtorch's operations and the products of `tch-sparse`, on any device. Inputs as those of the operation.
    pub(crate) fn on_device(
        &self,
        [coupling, state, gains, shifts, input]: &[&Tensor; 5],
        batched: bool,
        settings: &Settings,
    ) -> Result<Exponents, Error> {
        if self.derivative != Derivative::Exact {
            return Err(Error::setting("derivative", "FlyStability's is there for tensors on the CPU alone"));
        }
        let shape = self.wiring.shape();
        if coupling.dim() > shape.len() && matches!(self.wiring, Wiring::Sparse(_)) {
            return Err(Error::setting(
                "coupling",
                "many sparse couplings at once are there for tensors on the CPU alone",
            ));
        }
        let by_neuron = |t: &Tensor| -> Result<Tensor, Error> {
            let Some((types, _)) = &self.types else { return Ok(t.shallow_clone()) };
            let types: Vec<i64> = types.iter().map(|&t| i64::from(t)).collect();
            Ok(t.f_index_select(0, &Tensor::f_from_slice(&types)?.f_to_device(t.device())?)?)
        };
        let n = self.wiring.n() as i64;
        let networks = match (coupling.dim() > shape.len(), state.dim() > 1) {
            (true, _) => coupling.size()[0],
            (_, true) => state.size()[0],
            _ => 1,
        };
        let states = state.f_expand([networks, n], false)?.f_contiguous()?;
        let (gain, shift) = (by_neuron(gains)?, by_neuron(shifts)?);
        let parameters = [coupling.shallow_clone(), gain.shallow_clone(), shift.shallow_clone(), input.shallow_clone()];
        let map = RateTensors {
            wiring: self.wiring.clone(),
            activation: self.activation,
            dt: self.dt,
            coupling: coupling.shallow_clone(),
            gain,
            shift,
            input: input.shallow_clone(),
        };
        let of = settings.shared_by(1).run_tensors_with(map, &states, &parameters.each_ref())?;
        let exponents = if batched { of.exponents } else { of.exponents.f_squeeze_dim(0)? };
        Ok(Exponents { exponents, spectra: of.spectra })
    }

    fn network<T: Real>(&self, parts: [&[T]; 3], coupling: &[T]) -> Result<RateNetwork<T>, Error> {
        let coupling = match &self.wiring {
            Wiring::Dense(n) => Coupling::dense(*n, coupling.to_vec())?,
            Wiring::Sparse(pattern) => Coupling::sparse(pattern, coupling.to_vec())?,
        };
        let [gains, shifts, input] = parts;
        let mut builder = RateNetwork::builder(coupling)
            .activation(self.activation)
            .derivative(self.derivative)
            .dt(self.dt)
            .gains(gains)
            .shifts(shifts)
            .input(input);
        if let Some((types, _)) = &self.types {
            builder = builder.types(types);
        }
        builder.build()
    }
}

/// Networks and their recordings, until the gradient is asked for.
#[derive(Debug)]
enum Recorded {
    Nothing,
    Single(Vec<(RateNetwork<f32>, Recording<f32>)>),
    Double(Vec<(RateNetwork<f64>, Recording<f64>)>),
}

/// The operation. Inputs: coupling, state, gains, shifts, input. Output: exponents.
struct ExponentsOf {
    model: RateModel,
    settings: Settings,
    networks: Option<usize>,
    spectra: Arc<Mutex<Vec<Spectrum<f64>>>>,
    recorded: Mutex<Recorded>,
}

impl ExponentsOf {
    fn run<T: Real>(
        &self,
        inputs: &[Tensor],
        needs: bool,
        keep: impl FnOnce(Vec<(RateNetwork<T>, Recording<T>)>) -> Recorded,
    ) -> Result<Forward, BoxError> {
        let plain: Vec<Tensor> = inputs.iter().map(plain).collect::<Result<_, _>>()?;
        let [coupling, state, gains, shifts, input]: [&[T]; 5] = std::array::from_fn(|i| as_slice::<T>(&plain[i]));
        let count = self.networks.unwrap_or(1);
        let settings = self.settings.shared_by(count);
        let (values, n) = (self.model.wiring.shape().iter().product::<i64>() as usize, self.model.wiring.n());
        let one = |b: usize| -> Result<_, Error> {
            let of = |all: &'_ [T], each: usize| -> std::ops::Range<usize> {
                let start = if all.len() == each { 0 } else { b * each };
                start..start + each
            };
            let network = self.model.network([gains, shifts, input], &coupling[of(coupling, values)])?;
            let settings = settings.for_network(b);
            let state = &state[of(state, n)];
            Ok(if needs {
                let recording = settings.record(&network, state)?;
                (recording.spectrum().to_f64(), Some((network, recording)))
            } else {
                (settings.run(&network, state)?.to_f64(), None)
            })
        };
        let done: Vec<_> = (0..count).into_par_iter().map(one).collect::<Vec<_>>();
        let (mut spectra, mut recordings) = (Vec::new(), Vec::new());
        for done in done {
            let (spectrum, recording) = done?;
            spectra.push(spectrum);
            recordings.extend(recording);
        }
        let k = spectra.first().map_or(0, |s| s.exponents().len()) as i64;
        let shape = self.networks.map_or(vec![k], |b| vec![b as i64, k]);
        let output = filled::<T>(&shape, |out| {
            let all = spectra.iter().flat_map(Spectrum::exponents);
            out.iter_mut().zip(all).for_each(|(to, x)| *to = T::from_f64(*x));
        })?;
        *self.spectra.lock().unwrap_or_else(PoisonError::into_inner) = spectra;
        *self.recorded.lock().unwrap_or_else(PoisonError::into_inner) = keep(recordings);
        Ok(Forward { outputs: vec![output], saved: Vec::new() })
    }

    fn pull_back<T: Real>(
        &self,
        recorded: &[(RateNetwork<T>, Recording<T>)],
        gradient: &Tensor,
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let gradient = plain(&gradient.f_to_kind(Kind::Double)?)?;
        let k = gradient.numel() / recorded.len().max(1);
        let by_exponents: Vec<&[f64]> = as_slice::<f64>(&gradient).chunks(k.max(1)).collect();
        let pulled: Vec<Result<Gradients<T>, Error>> = recorded
            .par_iter()
            .zip(by_exponents)
            .map(|((network, recording), by)| recording.pull_back(network, by))
            .collect();
        let values = self.model.wiring.shape().iter().product::<i64>() as usize;
        let (n, types) = (self.model.wiring.n(), self.model.n_types());
        let cuts = [0, values, values + types, values + 2 * types, values + 2 * types + n];
        let mut parts: [Vec<T>; 5] = Default::default();
        for gradients in pulled {
            let Gradients { parameters, state } = gradients?;
            let own = [
                &parameters[cuts[0]..cuts[1]],
                &state,
                &parameters[cuts[1]..cuts[2]],
                &parameters[cuts[2]..cuts[3]],
                &parameters[cuts[3]..cuts[4]],
            ];
            for (part, own) in parts.iter_mut().zip(own) {
                part.extend_from_slice(own);
            }
        }
        let batched = |part: &[T], shape: &[i64]| -> Result<Tensor, BoxError> {
            let shape: Vec<i64> = std::iter::once(recorded.len() as i64).chain(shape.iter().copied()).collect();
            Ok(filled::<T>(&shape, |to| to.copy_from_slice(part))?)
        };
        let shapes =
            [self.model.wiring.shape(), vec![n as i64], vec![types as i64], vec![types as i64], vec![n as i64]];
        parts.iter().zip(&shapes).map(|(part, shape)| batched(part, shape).map(Some)).collect()
    }
}

impl Op for ExponentsOf {
    const NAME: &'static str = "Lyapunov exponents";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let needs = needs.contains(&true);
        match inputs[0].kind() {
            Kind::Float => self.run::<f32>(inputs, needs, Recorded::Single),
            _ => self.run::<f64>(inputs, needs, Recorded::Double),
        }
        .map(|forward| Forward { saved: inputs.iter().map(Tensor::shallow_clone).collect(), ..forward })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let Some(gradient) = &grads[0] else {
            return Ok(needs.iter().map(|_| None).collect());
        };
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match &*recorded {
            Recorded::Single(list) => self.pull_back(list, gradient)?,
            Recorded::Double(list) => self.pull_back(list, gradient)?,
            Recorded::Nothing => return Err("nothing was recorded".into()),
        };
        // What is shared by all networks has the sum of their gradients.
        let fit = |(i, g): (usize, Option<Tensor>)| -> Result<Option<Tensor>, BoxError> {
            match g {
                Some(g) if needs[i] && g.size() != saved[i].size() => {
                    Ok(Some(g.f_sum_dim_intlist([0i64].as_slice(), false, g.kind())?))
                }
                g => Ok(g.filter(|_| needs[i])),
            }
        };
        all.into_iter().enumerate().map(fit).collect()
    }
}

/// The tensor's numbers one after another.
fn plain(t: &Tensor) -> Result<Tensor, tch::TchError> {
    if is_plain(t) {
        return Ok(t.shallow_clone());
    }
    let mut copy = Tensor::f_empty(t.size(), (t.kind(), Device::Cpu))?;
    copy.f_copy_(t)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interval;

    fn normals(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Double, Device::Cpu))
    }

    /// What runs on other devices is the same, gradients too.
    #[test]
    fn tensors_agree_with_kernels() {
        tch::manual_seed(5);
        let columns: Vec<u32> = (0..12).map(|i| (i * 5 + 2) % 6).collect();
        let pattern = SparsityPattern::from_csr(6, 6, vec![0, 2, 3, 3, 6, 9, 12], &{
            let mut sorted = columns.clone();
            [0..2, 2..3, 3..6, 6..9, 9..12].into_iter().for_each(|row| sorted[row].sort_unstable());
            sorted
        });
        let pattern = pattern.expect("a valid pattern");
        for (wiring, shape, networks) in [
            (Wiring::Dense(6), vec![6, 6], None),
            (Wiring::Dense(6), vec![3, 6, 6], Some(3)),
            (Wiring::Sparse(pattern.clone()), vec![12], Some(2)),
        ] {
            for activation in Activation::ALL {
                for interval in [Interval::Time(0.3), Interval::Adaptive] {
                    let model = RateModel::new(wiring.clone()).activation(activation).types(&[0, 1, 2, 2, 1, 0], 3);
                    let state = networks.map_or(normals(&[6]), |b| normals(&[b, 6]));
                    let leaves =
                        [normals(&shape), state, normals(&[3]).abs() + 0.5, normals(&[3]), 0.1 * normals(&[6])];
                    let start: Vec<f64> = Vec::try_from(normals(&[24]).view(-1)).expect("numbers");
                    let settings = Settings::new(4).duration(4.0).transient(1.0).interval(interval).start(&start);
                    let run = |on_device: bool| {
                        let leaves = leaves.each_ref().map(|t| t.copy().set_requires_grad(true));
                        let [c, s, g, h, u] = &leaves;
                        let of = if on_device {
                            model.on_device(&[c, s, g, h, u], networks.is_some(), &settings)
                        } else {
                            model.exponents(&Inputs::new(c, s).gains(g).shifts(h).input(u), &settings)
                        };
                        let of = of.expect("exponents");
                        (of.exponents.square() + &of.exponents).sum(Kind::Double).backward();
                        let gradients = leaves.map(|t| t.grad());
                        let numbers: Vec<f64> = of.spectra.iter().flat_map(|s| s.exponents().to_vec()).collect();
                        (of.exponents.detach(), gradients, numbers)
                    };
                    let (kernels, tensors) = (run(false), run(true));
                    let close = |a: &Tensor, b: &Tensor, what: &str| {
                        let off = (a - b).abs().max().double_value(&[]) / (1.0 + a.abs().max().double_value(&[]));
                        assert!(
                            a.size() == b.size() && off < 1e-8,
                            "{what}, {shape:?}, {activation:?}, {interval:?}: {off:e}"
                        );
                    };
                    close(&kernels.0, &tensors.0, "exponents");
                    kernels
                        .1
                        .iter()
                        .zip(&tensors.1)
                        .enumerate()
                        .for_each(|(i, (a, b))| close(a, b, &format!("gradient {i}")));
                    assert!(kernels.2.iter().zip(&tensors.2).all(|(a, b)| (a - b).abs() < 1e-8));
                }
            }
        }
    }
}
