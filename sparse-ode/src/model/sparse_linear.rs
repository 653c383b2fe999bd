//! A sparse matrix with a bias, as a layer.

use super::options::Training;
use crate::Error;
use connectome_graph::Topology;
use tch::nn::Path;
use tch::{Kind, Tensor};
use tch_sparse::{SparseMatrix, SparsityPattern};

/// `y = W x + b` with W on a fixed sparsity pattern, neuron-major: `x` `[inputs, batch]`, `y` `[outputs, batch]`.
///
/// Parameters: `values` `[entries]`, which start as the wiring's weights, and `bias` `[outputs, 1]`, which starts at zero. Gradients
/// of the values have one number per entry.
#[derive(Debug)]
pub struct SparseLinear {
    pattern: SparsityPattern,
    values: Tensor,
    bias: Option<Tensor>,
}

/// Whether a layer has a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bias {
    /// Starts at zero and is trained with the weights. The default.
    #[default]
    Zeros,
    /// None.
    Absent,
}

impl SparseLinear {
    /// A layer of the given wiring, `[outputs, inputs]`, its parameters under `path`.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn new(path: &Path<'_>, wiring: &Topology, bias: Bias, training: Training) -> Result<Self, Error> {
        Self::named(path, "values", wiring, bias, training)
    }

    /// The same with another name for the values.
    pub(crate) fn named(
        path: &Path<'_>,
        name: &str,
        wiring: &Topology,
        bias: Bias,
        training: Training,
    ) -> Result<Self, Error> {
        let pattern =
            SparsityPattern::from_csr(wiring.n_post(), wiring.n_pre(), wiring.row_ptr().to_vec(), wiring.columns())?;
        let values = parameter(path, name, &Tensor::f_from_slice(wiring.weights())?, training)?;
        let bias = match bias {
            Bias::Zeros => {
                let zeros = Tensor::f_zeros([wiring.n_post() as i64, 1], (Kind::Double, tch::Device::Cpu))?;
                Some(parameter(path, "bias", &zeros, training)?)
            }
            Bias::Absent => None,
        };
        Ok(Self { pattern, values, bias })
    }

    /// Where the entries lie.
    pub fn pattern(&self) -> &SparsityPattern {
        &self.pattern
    }

    /// The values, `[entries]` in row order.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// The bias, `[outputs, 1]`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// The matrix, for several products with the same values.
    ///
    /// # Errors
    /// What `tch-sparse` reports.
    pub fn matrix(&self) -> Result<SparseMatrix, Error> {
        Ok(SparseMatrix::new(&self.pattern, &self.values)?)
    }

    /// Applies the layer with features first: `x` `[inputs, ...]` gives `[outputs, ...]`.
    ///
    /// # Errors
    /// When the first dimension is not the number of inputs, or what libtorch reports.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        self.forward_with(&self.matrix()?, x)
    }

    /// Applies the layer along dimension `dim` of `x`, which counts from the end where negative.
    ///
    /// # Errors
    /// When that dimension is not the number of inputs, or what libtorch reports.
    pub fn forward_along(&self, x: &Tensor, dim: i64) -> Result<Tensor, Error> {
        Ok(self.forward(&x.f_movedim_int(dim, 0)?)?.f_movedim_int(0, dim)?)
    }

    pub(crate) fn forward_with(&self, matrix: &SparseMatrix, x: &Tensor) -> Result<Tensor, Error> {
        let size = x.size();
        let inputs = self.pattern.n_columns() as i64;
        if size.first() != Some(&inputs) {
            return Err(Error::Input {
                what: "the layer's input",
                got: format!("{size:?}"),
                want: format!("[{inputs}, ...], features first"),
            });
        }
        let mut y = matrix.product(&x.f_reshape([inputs, -1])?)?;
        if let Some(bias) = &self.bias {
            y = y.f_add(bias)?;
        }
        let shape: Vec<i64> = [&[self.pattern.n_rows() as i64], &size[1..]].concat();
        Ok(y.f_reshape(shape)?)
    }
}

/// A parameter with a starting value, in the path's kind and on its device.
pub(crate) fn parameter(path: &Path<'_>, name: &str, start: &Tensor, training: Training) -> Result<Tensor, Error> {
    let mut tensor = match training {
        Training::Trained => path.f_zeros(name, &start.size())?,
        Training::Fixed => {
            // tch makes untrained variables single, whatever the store's kind is.
            let mut tensor = path.f_zeros_no_train(name, &start.size())?;
            tensor.f_set_data(&tensor.f_to_kind(path.kind())?)?;
            tensor
        }
    };
    tch::no_grad(|| tensor.f_copy_(start))?;
    Ok(tensor)
}
