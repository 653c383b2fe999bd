//! Nonlinearities under the names and defaults of `torch.nn`.

use crate::Error;
use std::str::FromStr;
use tch::{TchError, Tensor};
use tch_function::on_best_tier;
use tch_sparse::Real;

/// One elementwise function.
///
/// Parameters are torch's defaults: `alpha` 1, thresholds 0.5, bounds -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `x`
    Identity,
    /// `max(x, 0)`
    Relu,
    /// `x` or this slope times `x` below zero; by name [`Activation::LEAK`]
    LeakyRelu(f64),
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` or `e^x - 1` below zero
    Elu,
    /// `1.0507 x` or `1.0507 * 1.67326 (e^x - 1)` below zero
    Selu,
    /// `x` or `e^x - 1` below zero
    Celu,
    /// `x Phi(x)` with the normal distribution function `Phi`
    Gelu,
    /// `x / (1 + e^-x)`
    Silu,
    /// `ln(1 + e^x)`, `x` above 20
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `-ln(1 + e^-x)`
    LogSigmoid,
    /// `tanh x`
    Tanh,
    /// `x` within -1 to 1
    Hardtanh,
    /// `(x + 3) / 6` within 0 to 1
    Hardsigmoid,
    /// `x` times that
    Hardswish,
    /// `x tanh(ln(1 + e^x))`
    Mish,
    /// `x - tanh x`
    Tanhshrink,
    /// `x` moved towards zero by 0.5
    Softshrink,
    /// `x`, zero within 0.5 of zero
    Hardshrink,
}

const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

impl Activation {
    /// Torch's slope of [`Activation::LeakyRelu`] below zero.
    pub const LEAK: f64 = 0.01;

    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Identity,
        Self::Relu,
        Self::LeakyRelu(Self::LEAK),
        Self::Relu6,
        Self::Elu,
        Self::Selu,
        Self::Celu,
        Self::Gelu,
        Self::Silu,
        Self::Softplus,
        Self::Softsign,
        Self::Sigmoid,
        Self::LogSigmoid,
        Self::Tanh,
        Self::Hardtanh,
        Self::Hardsigmoid,
        Self::Hardswish,
        Self::Mish,
        Self::Tanhshrink,
        Self::Softshrink,
        Self::Hardshrink,
    ];

    /// The name in `torch.nn`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Relu => "ReLU",
            Self::LeakyRelu(_) => "LeakyReLU",
            Self::Relu6 => "ReLU6",
            Self::Elu => "ELU",
            Self::Selu => "SELU",
            Self::Celu => "CELU",
            Self::Gelu => "GELU",
            Self::Silu => "SiLU",
            Self::Softplus => "Softplus",
            Self::Softsign => "Softsign",
            Self::Sigmoid => "Sigmoid",
            Self::LogSigmoid => "LogSigmoid",
            Self::Tanh => "Tanh",
            Self::Hardtanh => "Hardtanh",
            Self::Hardsigmoid => "Hardsigmoid",
            Self::Hardswish => "Hardswish",
            Self::Mish => "Mish",
            Self::Tanhshrink => "Tanhshrink",
            Self::Softshrink => "Softshrink",
            Self::Hardshrink => "Hardshrink",
        }
    }

    /// Applies it in place.
    pub fn apply<T: Real>(self, x: &mut [T]) {
        apply_one(self, x);
    }

    /// Multiplies `slope` by its derivative at `x`. Kinks have the derivative that libtorch gives them.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn multiply_slope<T: Real>(self, x: &[T], slope: &mut [T]) {
        assert_eq!(x.len(), slope.len(), "arguments and slopes");
        multiply_slope(self, x, slope);
    }

    /// Applies it to a tensor; differentiable.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn apply_tensor(self, x: &Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Identity => Ok(x.shallow_clone()),
            Self::Relu => x.f_relu(),
            // with a slope of one's own under another name
            Self::LeakyRelu(leak) => {
                x.f_prelu(&Tensor::f_from_slice(&[leak])?.f_to_kind(x.kind())?.f_to_device(x.device())?)
            }
            Self::Relu6 => x.f_relu6(),
            Self::Elu => x.f_elu(),
            Self::Selu => x.f_selu(),
            Self::Celu => x.f_celu(),
            Self::Gelu => x.f_gelu("none"),
            Self::Silu => x.f_silu(),
            Self::Softplus => x.f_softplus(),
            Self::Softsign => x.f_div(&(x.f_abs()?.f_add_scalar(1)?)),
            Self::Sigmoid => x.f_sigmoid(),
            Self::LogSigmoid => x.f_log_sigmoid(),
            Self::Tanh => x.f_tanh(),
            Self::Hardtanh => x.f_hardtanh(),
            Self::Hardsigmoid => x.f_hardsigmoid(),
            Self::Hardswish => x.f_hardswish(),
            Self::Mish => x.f_mish(),
            Self::Tanhshrink => x.f_sub(&x.f_tanh()?),
            Self::Softshrink => x.f_softshrink(),
            Self::Hardshrink => x.f_hardshrink(),
        }
    }
}

impl FromStr for Activation {
    type Err = Error;

    /// By torch's name, in any case; `none` is the identity.
    fn from_str(name: &str) -> Result<Self, Error> {
        let name = name.trim();
        if name.eq_ignore_ascii_case("none") {
            return Ok(Self::Identity);
        }
        Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(name)).ok_or_else(|| Error::Option {
            option: "nonlinearity",
            what: format!("activation function {name:?} not found; there are {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// Activations applied one after another.
///
/// ```
/// use sparse_ode::{Activation, Nonlinearity};
/// let phi: Nonlinearity = "tanh, relu".parse()?;
/// assert_eq!(phi.steps(), [Activation::Tanh, Activation::Relu]);
/// let mut x = [-1.0, 0.5];
/// phi.apply(&mut x);
/// assert_eq!(x, [0.0, 0.5f64.tanh()]);
/// # Ok::<(), sparse_ode::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Nonlinearity(Vec<Activation>);

impl From<Activation> for Nonlinearity {
    fn from(activation: Activation) -> Self {
        Self(vec![activation])
    }
}

impl FromStr for Nonlinearity {
    type Err = Error;

    /// Names separated by commas, applied from left to right.
    fn from_str(names: &str) -> Result<Self, Error> {
        Ok(Self(names.split(',').map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl Nonlinearity {
    /// In the order of application.
    pub fn steps(&self) -> &[Activation] {
        &self.0
    }

    /// Applies it in place.
    pub fn apply<T: Real>(&self, x: &mut [T]) {
        for &activation in &self.0 {
            apply_one(activation, x);
        }
    }

    /// Applies it in place and multiplies `slope` by its derivative. Kinks have the derivative that libtorch gives them.
    pub(crate) fn apply_with_slope<T: Real>(&self, x: &mut [T], slope: &mut [T]) {
        for &activation in &self.0 {
            multiply_slope(activation, x, slope);
            apply_one(activation, x);
        }
    }

    /// Applies it to a tensor; differentiable.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn apply_tensor(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.0.iter().try_fold(x.shallow_clone(), |x, a| a.apply_tensor(&x))
    }
}

on_best_tier!(fn apply_one<T: Real>(activation: Activation, x: &mut [T]) = apply_body);

#[inline(always)]
fn apply_body<T: Real>(activation: Activation, x: &mut [T]) {
    macro_rules! each {
        (|$v:ident| $e:expr) => {
            for place in x.iter_mut() {
                let $v = *place;
                *place = $e;
            }
        };
    }
    let (zero, one) = (T::ZERO, T::ONE);
    let c = T::from_f64;
    match activation {
        Activation::Identity => {}
        Activation::Relu => each!(|v| relu(v)),
        Activation::LeakyRelu(leak) => each!(|v| if v < zero { v * c(leak) } else { v }),
        Activation::Relu6 => each!(|v| v.within(zero, c(6.0))),
        Activation::Elu | Activation::Celu => each!(|v| if v < zero { v.exp_m1() } else { v }),
        Activation::Selu => each!(|v| c(SELU_SCALE) * if v < zero { c(SELU_ALPHA) * v.exp_m1() } else { v }),
        Activation::Gelu => each!(|v| {
            let x = v.to_f64();
            c(0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)))
        }),
        Activation::Silu => each!(|v| v / (one + (-v).exp())),
        Activation::Softplus => each!(|v| softplus(v)),
        Activation::Softsign => each!(|v| v / (one + v.abs())),
        Activation::Sigmoid => each!(|v| v.sigmoid()),
        Activation::LogSigmoid => each!(|v| {
            let least = if v > zero { zero } else { v };
            least - c((-v.abs()).to_f64().exp().ln_1p())
        }),
        Activation::Tanh => each!(|v| v.tanh()),
        Activation::Hardtanh => each!(|v| v.within(-one, one)),
        Activation::Hardsigmoid => each!(|v| (v + c(3.0)).within(zero, c(6.0)) / c(6.0)),
        Activation::Hardswish => each!(|v| v * (v + c(3.0)).within(zero, c(6.0)) / c(6.0)),
        Activation::Mish => each!(|v| v * softplus(v).tanh()),
        Activation::Tanhshrink => each!(|v| v - v.tanh()),
        Activation::Softshrink => each!(|v| v - v.within(c(-0.5), c(0.5))),
        Activation::Hardshrink => each!(|v| if v.abs() <= c(0.5) { zero } else { v }),
    }
}

on_best_tier!(fn multiply_slope<T: Real>(activation: Activation, x: &[T], slope: &mut [T]) = slope_body);

/// Multiplies by the derivative at `x`.
#[inline(always)]
fn slope_body<T: Real>(activation: Activation, x: &[T], slope: &mut [T]) {
    macro_rules! each {
        (|$v:ident| $e:expr) => {
            for (place, &$v) in slope.iter_mut().zip(x) {
                *place = *place * $e;
            }
        };
    }
    let (zero, one) = (T::ZERO, T::ONE);
    let c = T::from_f64;
    match activation {
        Activation::Identity => {}
        Activation::Relu => each!(|v| if v > zero { one } else { zero }),
        Activation::LeakyRelu(leak) => each!(|v| if v > zero { one } else { c(leak) }),
        Activation::Relu6 => each!(|v| if v > zero && v < c(6.0) { one } else { zero }),
        Activation::Elu | Activation::Celu => each!(|v| if v > zero { one } else { v.exp() }),
        Activation::Selu => each!(|v| c(SELU_SCALE) * if v > zero { one } else { c(SELU_ALPHA) * v.exp() }),
        Activation::Gelu => each!(|v| {
            let x = v.to_f64();
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            c(0.5 * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)) + x * density)
        }),
        Activation::Silu => each!(|v| {
            let s = v.sigmoid();
            s * (one + v * (one - s))
        }),
        Activation::Softplus => each!(|v| if v > c(20.0) { one } else { v.sigmoid() }),
        Activation::Softsign => each!(|v| {
            let below = one + v.abs();
            one / (below * below)
        }),
        Activation::Sigmoid => each!(|v| {
            let s = v.sigmoid();
            s * (one - s)
        }),
        Activation::LogSigmoid => each!(|v| (-v).sigmoid()),
        Activation::Tanh => each!(|v| {
            let t = v.tanh();
            one - t * t
        }),
        Activation::Hardtanh => each!(|v| if v > -one && v < one { one } else { zero }),
        Activation::Hardsigmoid => each!(|v| if v > c(-3.0) && v < c(3.0) { one / c(6.0) } else { zero }),
        Activation::Hardswish => each!(|v| if v <= c(-3.0) {
            zero
        } else if v < c(3.0) {
            v / c(3.0) + c(0.5)
        } else {
            one
        }),
        Activation::Mish => each!(|v| {
            let t = softplus(v).tanh();
            t + v * (one - t * t) * v.sigmoid()
        }),
        Activation::Tanhshrink => each!(|v| {
            let t = v.tanh();
            t * t
        }),
        Activation::Softshrink | Activation::Hardshrink => each!(|v| if v.abs() > c(0.5) { one } else { zero }),
    }
}

/// `max(x, 0)`; NaN stays.
#[inline(always)]
pub(crate) fn relu<T: Real>(v: T) -> T {
    if v < T::ZERO { T::ZERO } else { v }
}

#[inline(always)]
fn softplus<T: Real>(v: T) -> T {
    if v > T::from_f64(20.0) { v } else { T::from_f64(v.to_f64().exp().ln_1p()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Slices and libtorch agree, in both precisions, at ordinary and at extreme arguments.
    #[test]
    fn slices_equal_tensors() {
        let x: Vec<f64> = (-400..=400).map(|i| f64::from(i) * 0.037).chain([0.0, -1e3, 1e3, 1e-9, -1e-9]).collect();
        for activation in Activation::ALL.into_iter().chain([Activation::LeakyRelu(0.2)]) {
            let phi = Nonlinearity::from(activation);
            let want = Vec::<f64>::try_from(phi.apply_tensor(&Tensor::from_slice(&x)).unwrap()).unwrap();
            let mut got = x.clone();
            phi.apply(&mut got);
            for ((x, g), w) in x.iter().zip(&got).zip(&want) {
                assert!((g - w).abs() <= 1e-14 * (1.0 + w.abs()), "{activation:?} of {x}: {g} and {w}");
            }
            let mut single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            phi.apply(&mut single);
            for ((x, g), w) in x.iter().zip(&single).zip(&want) {
                assert!((f64::from(*g) - w).abs() <= 4e-6 * (1.0 + w.abs()), "{activation:?} of {x}: {g} and {w}");
            }
        }
    }

    /// Derivatives agree with libtorch's, kinks included, also of activations one after another.
    #[test]
    fn slopes_equal_libtorch() {
        let x: Vec<f64> = (-400..=400)
            .map(|i| f64::from(i) * 0.037)
            .chain([0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 20.0])
            .collect();
        let both = Nonlinearity(vec![Activation::Tanh, Activation::Relu]);
        let steep = Activation::LeakyRelu(0.2).into();
        for phi in Activation::ALL.map(Nonlinearity::from).into_iter().chain([both, steep]) {
            let leaf = Tensor::from_slice(&x).set_requires_grad(true);
            let y = phi.apply_tensor(&leaf).unwrap();
            let want = if y.requires_grad() {
                y.sum(Kind::Double).backward();
                Vec::<f64>::try_from(leaf.grad()).unwrap()
            } else {
                vec![1.0; x.len()]
            };
            let (mut value, mut slope) = (x.clone(), vec![1.0; x.len()]);
            phi.apply_with_slope(&mut value, &mut slope);
            let mut alone = x.clone();
            phi.apply(&mut alone);
            assert_eq!(value, alone);
            for ((x, g), w) in x.iter().zip(&slope).zip(&want) {
                // libtorch's sixth is a single one.
                let within = if phi.steps() == [Activation::Hardsigmoid] { 1e-8 } else { 1e-13 };
                assert!((g - w).abs() <= within * (1.0 + w.abs()), "{phi:?} at {x}: {g} and {w}");
            }
        }
    }

    #[test]
    fn nan_stays() {
        for activation in Activation::ALL {
            let mut x = [f32::NAN; 3];
            Nonlinearity::from(activation).apply(&mut x);
            assert!(x.iter().all(|v| v.is_nan()), "{activation:?}");
            let t =
                Nonlinearity::from(activation).apply_tensor(&Tensor::full([1], f64::NAN, (Kind::Double, Device::Cpu)));
            assert!(t.unwrap().double_value(&[0]).is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn names() {
        for activation in Activation::ALL {
            assert_eq!(activation.name().to_lowercase().parse::<Activation>().unwrap(), activation);
        }
        assert_eq!("None".parse::<Activation>().unwrap(), Activation::Identity);
        let e = "Sigmoidal".parse::<Nonlinearity>().unwrap_err().to_string();
        assert!(e.contains("\"Sigmoidal\" not found") && e.contains("Tanhshrink"), "{e}");
    }
}
