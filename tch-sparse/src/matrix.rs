//! Differentiable products of a sparse matrix with dense ones.
//!
//! With `Y = A X`, values `v` of A and a gradient `G` of `Y`: the gradient of `X` is `Aᵀ G`, and that of `v[e]` is
//! `sum_b G[row(e), b] X[column(e), b]`, the sampled product on A's pattern. Each of the three operations differentiates into
//! the other two, so that derivatives of any order exist. No temporary has `entries x batch` or `rows x columns` numbers.

use crate::kernel::Into;
use crate::libtorch::is_real;
use crate::parallel::{product_all, sampled_all, transpose_values};
use crate::{Error, Real, SparsityPattern};
use std::sync::{Arc, Mutex, PoisonError};
use tch::{Device, Kind, Tensor};
use tch_function::slices::{as_slice, filled};
use tch_function::{BoxError, Forward, Op, SecondDerivative, apply_one, save_if};

/// A sparse matrix `[rows, columns]`: a pattern and a tensor of values in row order.
///
/// Its products are differentiable with respect to the values and the dense factor. Make one per set of values and use it for
/// many products: what the transposed product needs is worked out once for all of them, and again when the values' version has
/// changed. Changes through `Tensor::data` have no version: make a new matrix after them.
#[derive(Debug)]
pub struct SparseMatrix {
    values: Tensor,
    shared: Arc<Shared>,
}

/// What all operations on one matrix share.
#[derive(Debug)]
struct Shared {
    pattern: SparsityPattern,
    /// The values in the order of the transpose, from the first transposed product on, and the version they had.
    moved: Mutex<Option<(u64, Tensor)>>,
}

impl SparseMatrix {
    /// A matrix of the values, `[entries]` in row order, Float or Double.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Mixed`] when the values do not fit the pattern or have no kernels.
    pub fn new(pattern: &SparsityPattern, values: &Tensor) -> Result<Self, Error> {
        if values.size() != [pattern.n_entries() as i64] {
            return Err(Error::Shape {
                what: "values",
                got: values.size(),
                want: format!("[{}], one per entry", pattern.n_entries()),
            });
        }
        if !is_real(values.kind()) {
            return Err(mixed(values, values));
        }
        let shared = Shared { pattern: pattern.clone(), moved: Mutex::new(None) };
        Ok(Self { values: values.shallow_clone(), shared: Arc::new(shared) })
    }

    /// Where the entries lie.
    pub fn pattern(&self) -> &SparsityPattern {
        &self.shared.pattern
    }

    /// The values, `[entries]` in row order.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// `A X`: `x` `[columns, batch]` gives `[rows, batch]`.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Mixed`], or what libtorch reports.
    pub fn product(&self, x: &Tensor) -> Result<Tensor, Error> {
        check_dense("x", x, self.pattern().n_columns(), &self.values)?;
        Ok(apply_one(Product { of: self.shared.clone(), transposed: false }, &[&self.values, x])?)
    }

    /// `Aᵀ Y`: `y` `[rows, batch]` gives `[columns, batch]`.
    ///
    /// # Errors
    /// As [`product`](Self::product).
    pub fn transposed_product(&self, y: &Tensor) -> Result<Tensor, Error> {
        check_dense("y", y, self.pattern().n_rows(), &self.values)?;
        Ok(apply_one(Product { of: self.shared.clone(), transposed: true }, &[&self.values, y])?)
    }
}

/// `A X` for values `[entries]` of A and `x` `[columns, batch]`; gives `[rows, batch]`.
///
/// # Errors
/// As [`SparseMatrix::new`] and [`SparseMatrix::product`].
pub fn spmm(pattern: &SparsityPattern, values: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
    SparseMatrix::new(pattern, values)?.product(x)
}

/// The sampled product `left rightᵀ` at the pattern's entries: `left` `[rows, batch]`, `right` `[columns, batch]`, result
/// `[entries]` in row order.
///
/// # Errors
/// [`Error::Shape`], [`Error::Mixed`], or what libtorch reports.
pub fn sddmm(pattern: &SparsityPattern, left: &Tensor, right: &Tensor) -> Result<Tensor, Error> {
    if !is_real(left.kind()) {
        return Err(mixed(left, right));
    }
    check_dense("left", left, pattern.n_rows(), left)?;
    check_dense("right", right, pattern.n_columns(), left)?;
    if left.size()[1] != right.size()[1] {
        let want = format!("[{}, {}], the batch of the left", pattern.n_columns(), left.size()[1]);
        return Err(Error::Shape { what: "right", got: right.size(), want });
    }
    let of = Arc::new(Shared { pattern: pattern.clone(), moved: Mutex::new(None) });
    Ok(apply_one(Sampled { of }, &[left, right])?)
}

fn mixed(values: &Tensor, dense: &Tensor) -> Error {
    Error::Mixed {
        values: values.kind(),
        values_device: values.device(),
        dense: dense.kind(),
        dense_device: dense.device(),
    }
}

fn check_dense(what: &'static str, x: &Tensor, rows: usize, values: &Tensor) -> Result<(), Error> {
    if x.dim() != 2 || x.size()[0] != rows as i64 {
        return Err(Error::Shape { what, got: x.size(), want: format!("[{rows}, batch]") });
    }
    if x.kind() != values.kind() || x.device() != values.device() {
        return Err(mixed(values, x));
    }
    Ok(())
}

impl Shared {
    fn product(&self, values: &Tensor, x: &Tensor, transposed: bool) -> Result<Tensor, Error> {
        // A strided tensor is copied here, and a copy's version says nothing.
        let version = if values.is_contiguous() { tch_function::tensor_version(values).ok() } else { None };
        let (values, x) = (values.f_contiguous()?, x.f_contiguous()?);
        let (pattern, device) = (&self.pattern, x.device());
        if device != Device::Cpu {
            if !transposed {
                return pattern.on_device(device, |d| d.product(pattern, &values, &x));
            }
            let moved = self.moved(version, || pattern.on_device(device, |d| d.moved(pattern, &values)))?;
            return pattern.on_device(device, |d| d.transposed(pattern, &moved, &x));
        }
        match x.kind() {
            Kind::Float => self.product_of::<f32>(&values, version, &x, transposed),
            _ => self.product_of::<f64>(&values, version, &x, transposed),
        }
    }

    fn product_of<T: Real>(
        &self,
        values: &Tensor,
        version: Option<u64>,
        x: &Tensor,
        transposed: bool,
    ) -> Result<Tensor, Error> {
        let batch = x.size()[1];
        if !transposed {
            let layout = self.pattern.layout();
            return Ok(filled::<T>(&[layout.n_rows() as i64, batch], |y| {
                product_all(layout, as_slice(values), as_slice(x), batch as usize, Into::Replace, y);
            })?);
        }
        let to = self.pattern.transposed();
        let values = self
            .moved(version, || Ok(filled::<T>(&values.size(), |out| transpose_values(to, as_slice(values), out))?))?;
        Ok(filled::<T>(&[to.layout().n_rows() as i64, batch], |y| {
            product_all(to.layout(), as_slice(&values), as_slice(x), batch as usize, Into::Replace, y);
        })?)
    }

    /// The values in the transpose's order, moved anew only after they were modified.
    fn moved(&self, version: Option<u64>, move_them: impl FnOnce() -> Result<Tensor, Error>) -> Result<Tensor, Error> {
        let mut held = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some((of, moved)) if version == Some(*of) => Ok(moved.shallow_clone()),
            _ => {
                let moved = move_them()?;
                *held = version.map(|version| (version, moved.shallow_clone()));
                Ok(moved)
            }
        }
    }

    fn sampled(&self, left: &Tensor, right: &Tensor) -> Result<Tensor, Error> {
        let (left, right) = (left.f_contiguous()?, right.f_contiguous()?);
        if left.device() != Device::Cpu {
            return self.pattern.on_device(left.device(), |d| d.sampled(&self.pattern, &left, &right));
        }
        match left.kind() {
            Kind::Float => self.sampled_of::<f32>(&left, &right),
            _ => self.sampled_of::<f64>(&left, &right),
        }
    }

    fn sampled_of<T: Real>(&self, left: &Tensor, right: &Tensor) -> Result<Tensor, Error> {
        let batch = left.size()[1] as usize;
        Ok(filled::<T>(&[self.pattern.n_entries() as i64], |out| {
            sampled_all(self.pattern.layout(), as_slice(left), as_slice(right), batch, out);
        })?)
    }
}

/// `A X`, or `Aᵀ X`. Inputs: values, X.
///
/// The values are always those of the one `SparseMatrix` that `of` belongs to, so that their version tells whether the moved
/// ones are still right.
struct Product {
    of: Arc<Shared>,
    transposed: bool,
}

impl Op for Product {
    const NAME: &'static str = "sparse product";
    const SECOND: SecondDerivative = SecondDerivative::Recorded;

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let y = self.of.product(&inputs[0], &inputs[1], self.transposed)?;
        let saved = vec![save_if(needs[0] || needs[1], &inputs[0]), save_if(needs[0] || needs[1], &inputs[1])];
        Ok(Forward { outputs: vec![y], saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let Some(g) = &grads[0] else {
            return Ok(vec![None, None]);
        };
        let (values, x) = (&saved[0], &saved[1]);
        let dv = needs[0].then(|| {
            let (left, right) = if self.transposed { (x, g) } else { (g, x) };
            apply_one(Sampled { of: self.of.clone() }, &[left, right])
        });
        let dx =
            needs[1].then(|| apply_one(Product { of: self.of.clone(), transposed: !self.transposed }, &[values, g]));
        Ok(vec![dv.transpose()?, dx.transpose()?])
    }
}

/// The sampled product. Inputs: left, right.
struct Sampled {
    of: Arc<Shared>,
}

impl Op for Sampled {
    const NAME: &'static str = "sampled product";
    const SECOND: SecondDerivative = SecondDerivative::Recorded;

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let out = self.of.sampled(&inputs[0], &inputs[1])?;
        Ok(Forward { outputs: vec![out], saved: vec![save_if(needs[1], &inputs[0]), save_if(needs[0], &inputs[1])] })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let Some(g) = &grads[0] else {
            return Ok(vec![None, None]);
        };
        // The gradient takes the place of the values here, so that nothing moved may be shared.
        let of = |pattern: &SparsityPattern| Arc::new(Shared { pattern: pattern.clone(), moved: Mutex::new(None) });
        let d_left =
            needs[0].then(|| apply_one(Product { of: of(&self.of.pattern), transposed: false }, &[g, &saved[1]]));
        let d_right =
            needs[1].then(|| apply_one(Product { of: of(&self.of.pattern), transposed: true }, &[g, &saved[0]]));
        Ok(vec![d_left.transpose()?, d_right.transpose()?])
    }
}
