//! What a solver on tensors needs beside the product: right-hand sides of rate networks and sums of Runge-Kutta stages, each in
//! one pass over its numbers on CUDA devices that have our kernels, elsewhere by libtorch's operations. No gradients.
//!
//! A step of Euler's method for a network, the whole of it on one device:
//!
//! ```
//! use tch::{Kind, Tensor};
//! use tch_sparse::device::{Phi, Rate, combine};
//! use tch_sparse::{SparseMatrix, SparsityPattern};
//!
//! let device = tch::Device::Cpu; // or tch::Device::Cuda(0), after tch_function::cuda::load()
//! let pattern = SparsityPattern::from_csr(2, 2, vec![0, 1, 2], &[1, 0])?;
//! let values = Tensor::from_slice(&[0.5f32, -2.0]).to_device(device);
//! let matrix = SparseMatrix::new(&pattern, &values)?;                           // once per set of values
//! let tau = Tensor::from_slice(&[1.25f32, 2.0]).to_device(device);              // [neurons]
//! let drive = Tensor::ones([2, 3], (Kind::Float, device));                      // [neurons, batch], held
//! let rate = Rate { drive: Some(&drive), ..Rate::new(&matrix, &tau, Phi::Sigmoid) };
//!
//! let h = Tensor::zeros([2, 3], (Kind::Float, device));                         // [neurons, batch]
//! let dt = Tensor::from_slice(&[0.1f32, 0.2, 0.05]).to_device(device);          // [batch], a step for each sample
//! let k = rate.at(&h)?;
//! let next = combine(&h, &dt, &[(1.0, &k)])?;
//! # let want = 0.2 / (1.0 + (-1f64).exp()) / 2.0;
//! # assert!((next.double_value(&[1, 1]) - want).abs() < 1e-6);
//! # Ok::<(), tch_sparse::Error>(())
//! ```
//!
//! A solver with several stages calls `rate.at(&combine(&h, &dt, &[(a21, &k1), ...])?)` for each; nothing is copied to the host, and
//! the calls return before the device has done its work.

use crate::{Error, SparseMatrix};
use tch::{Device, Kind, Tensor};

/// Nonlinearities of [`Rate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phi {
    /// `z`
    Identity = 0,
    /// `max(z, 0)`
    Relu = 1,
    /// `1 / (1 + e^-z)`
    Sigmoid = 2,
    /// `tanh z`
    Tanh = 3,
}

impl Phi {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Relu, Self::Sigmoid, Self::Tanh];
}

/// The right-hand side of a rate network, `dh/dt = (relu(phi(A (s h) + drive + bias)) - h) / tau`.
///
/// For other nonlinearities take [`SparseMatrix::product`] and libtorch's operations.
#[derive(Debug, Clone, Copy)]
pub struct Rate<'a> {
    /// Connections, `[neurons, neurons]`, row = postsynaptic.
    pub matrix: &'a SparseMatrix,
    /// What the state of each presynaptic neuron counts, `s`, `[neurons]`: its sign, for example. Default: 1.
    pub scale: Option<&'a Tensor>,
    /// What comes from outside, `[neurons, batch]`. Default: 0.
    pub drive: Option<&'a Tensor>,
    /// `[neurons]`. Default: 0.
    pub bias: Option<&'a Tensor>,
    /// Time constant of each neuron, `[neurons]`, in the unit of time.
    pub tau: &'a Tensor,
    /// The nonlinearity.
    pub phi: Phi,
}

impl<'a> Rate<'a> {
    /// Without scale, drive and bias.
    pub fn new(matrix: &'a SparseMatrix, tau: &'a Tensor, phi: Phi) -> Self {
        Self { matrix, scale: None, drive: None, bias: None, tau, phi }
    }

    /// `dh/dt` at `h`, both `[neurons, batch]`. NaN stays NaN.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Mixed`] for tensors that do not fit each other, or what libtorch or CUDA reports.
    pub fn at(&self, h: &Tensor) -> Result<Tensor, Error> {
        let (pattern, values) = (self.matrix.pattern(), self.matrix.values());
        let neurons = pattern.n_rows() as i64;
        if pattern.n_columns() as i64 != neurons {
            let got = vec![neurons, pattern.n_columns() as i64];
            return Err(Error::Shape { what: "matrix", got, want: "a square, [neurons, neurons]".into() });
        }
        if h.dim() != 2 {
            return Err(Error::Shape { what: "h", got: h.size(), want: format!("[{neurons}, batch]") });
        }
        let batch = h.size()[1];
        check("h", h, &[neurons, batch], values)?;
        check("tau", self.tau, &[neurons], values)?;
        for (what, vector) in [("scale", self.scale), ("bias", self.bias)] {
            vector.map_or(Ok(()), |vector| check(what, vector, &[neurons], values))?;
        }
        self.drive.map_or(Ok(()), |drive| check("drive", drive, &[neurons, batch], values))?;
        tch::no_grad(|| {
            #[cfg(feature = "cuda")]
            if h.device().is_cuda()
                && let Some(rate) = self.by_kernel(h)?
            {
                return Ok(rate);
            }
            self.by_libtorch(h)
        })
    }

    #[cfg(feature = "cuda")]
    fn by_kernel(&self, h: &Tensor) -> Result<Option<Tensor>, Error> {
        let whole = |t: Option<&Tensor>| t.map(Tensor::f_contiguous).transpose();
        let (scale, drive, bias) = (whole(self.scale)?, whole(self.drive)?, whole(self.bias)?);
        let (tau, h, values) = (self.tau.f_contiguous()?, h.f_contiguous()?, self.matrix.values().f_contiguous()?);
        let of = crate::cuda::RateOf {
            scale: scale.as_ref(),
            drive: drive.as_ref(),
            bias: bias.as_ref(),
            tau: &tau,
            phi: self.phi,
        };
        let pattern = self.matrix.pattern();
        pattern.on_device(h.device(), |d| d.rate(pattern, &values, &of, &h))
    }

    fn by_libtorch(&self, h: &Tensor) -> Result<Tensor, Error> {
        let column = |t: &Tensor| t.f_unsqueeze(1);
        let scaled = self.scale.map(|s| h.f_mul(&column(s)?)).transpose()?;
        let mut z = self.matrix.product(scaled.as_ref().unwrap_or(h))?;
        if let Some(drive) = self.drive {
            z = z.f_add(drive)?;
        }
        if let Some(bias) = self.bias {
            z = z.f_add(&column(bias)?)?;
        }
        let target = match self.phi {
            Phi::Identity | Phi::Relu => z.f_relu()?,
            Phi::Sigmoid => z.f_sigmoid()?,
            Phi::Tanh => z.f_tanh()?.f_relu()?,
        };
        Ok(target.f_sub(h)?.f_div(&column(self.tau)?)?)
    }
}

/// `y + dt * sum over j of weight_j k_j`: a stage of a Runge-Kutta step, or its result, with a step for each column.
///
/// **Shape**: `y` and all `k` `[features, batch]`, `dt` `[batch]`; a new tensor `[features, batch]`.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Mixed`] for tensors that do not fit each other, or what libtorch or CUDA reports.
pub fn combine(y: &Tensor, dt: &Tensor, stages: &[(f64, &Tensor)]) -> Result<Tensor, Error> {
    if y.dim() != 2 {
        return Err(Error::Shape { what: "y", got: y.size(), want: "[features, batch]".into() });
    }
    if !matches!(y.kind(), Kind::Float | Kind::Double) {
        return Err(mixed(y, y));
    }
    check("dt", dt, &y.size()[1..], y)?;
    stages.iter().try_for_each(|(_, k)| check("a stage", k, &y.size(), y))?;
    tch::no_grad(|| {
        #[cfg(feature = "cuda")]
        if y.device().is_cuda() {
            let whole = stages.iter().map(|(w, k)| Ok((*w, k.f_contiguous()?))).collect::<Result<Vec<_>, Error>>()?;
            let stages: Vec<_> = whole.iter().map(|(w, k)| (*w, k)).collect();
            if let Some(sum) = crate::cuda::combine(&y.f_contiguous()?, &dt.f_contiguous()?, &stages)? {
                return Ok(sum);
            }
        }
        let mut sum = y.f_zeros_like()?;
        for (weight, k) in stages {
            sum = sum.f_add(&k.f_mul_scalar(*weight)?)?;
        }
        Ok(sum.f_mul(dt)?.f_add(y)?)
    })
}

fn check(what: &'static str, t: &Tensor, want: &[i64], like: &Tensor) -> Result<(), Error> {
    if t.size() != want {
        return Err(Error::Shape { what, got: t.size(), want: format!("{want:?}") });
    }
    if t.kind() != like.kind() || t.device() != like.device() {
        return Err(mixed(like, t));
    }
    Ok(())
}

fn mixed(values: &Tensor, dense: &Tensor) -> Error {
    let (values_device, dense_device): (Device, Device) = (values.device(), dense.device());
    Error::Mixed { values: values.kind(), values_device, dense: dense.kind(), dense_device }
}
