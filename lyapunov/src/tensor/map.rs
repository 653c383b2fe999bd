//! Maps of tensors.

use super::jvp::push_by_autograd;
use tch::{TchError, Tensor};

/// A map of batches of states, `[batch, n]`, on any device; its tangent product comes by autograd unless it is given.
///
/// It is `Send` and not `Sync`, as tensors are.
pub trait TensorMap: Send + 'static {
    /// Time that a step takes; 1 unless it is told.
    fn dt(&self) -> f64 {
        1.0
    }

    /// The images of states `[rows, n]`. Each row's depends on that row alone.
    ///
    /// # Errors
    /// What libtorch reports.
    fn step(&self, state: &Tensor) -> Result<Tensor, TchError>;

    /// The images of states `[batch, n]` and of their tangents `[batch, n, k]`.
    ///
    /// By default two reverse passes through [`step`](Self::step) on `batch k` rows; each of its operations must have a second
    /// derivative. Where state or tangents record gradients, so does this, also those of parameters.
    ///
    /// # Errors
    /// What libtorch reports.
    fn push(&self, state: &Tensor, tangents: &Tensor) -> Result<(Tensor, Tensor), TchError> {
        push_by_autograd(|x| self.step(x), state, tangents)
    }
}

/// A function of states `[rows, n]`, row by row, as a map. Tensors that it holds may be parameters that gradients flow to.
///
/// ```
/// use lyapunov::{FunctionMap, Settings};
/// use tch::{Device, Kind, Tensor};
///
/// // The logistic map, a thousand orbits at once.
/// let map = FunctionMap::new(1.0, |x: &Tensor| Ok(4.0 * x * (1.0 - x)));
/// tch::manual_seed(1);
/// let state = Tensor::rand([1000, 1], (Kind::Double, Device::Cpu));
/// let of = Settings::new(1).duration(400.0).run_tensors(map, &state)?;
/// let mean = of.exponents.mean(Kind::Double).double_value(&[]);
/// assert!((mean - 2f64.ln()).abs() < 1e-3);
/// # Ok::<(), lyapunov::Error>(())
/// ```
pub struct FunctionMap<F> {
    dt: f64,
    step: F,
}

impl<F: Fn(&Tensor) -> Result<Tensor, TchError> + Send + 'static> FunctionMap<F> {
    /// With the time that a step takes.
    pub fn new(dt: f64, step: F) -> Self {
        Self { dt, step }
    }
}

impl<F> std::fmt::Debug for FunctionMap<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionMap").field("dt", &self.dt).finish_non_exhaustive()
    }
}

impl<F: Fn(&Tensor) -> Result<Tensor, TchError> + Send + 'static> TensorMap for FunctionMap<F> {
    fn dt(&self) -> f64 {
        self.dt
    }

    fn step(&self, state: &Tensor) -> Result<Tensor, TchError> {
        (self.step)(state)
    }
}
