//! A pattern on a device other than the CPU: our kernels on CUDA, libtorch's CSR elsewhere and where there are no kernels.
//!
//! All dense factors and values are contiguous.

use crate::Error;
use crate::libtorch::Indices;
use crate::pattern::{Layout, SparsityPattern};
use tch::{Device, Tensor};

#[cfg(feature = "cuda")]
use crate::cuda::{Matrix, RateOf};

/// What a device has of a pattern, made when first asked for.
pub(crate) struct OnDevice {
    device: Device,
    rows: Option<Side>,
    transposed: Option<Side>,
    position: Option<Tensor>,
}

impl std::fmt::Debug for OnDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnDevice").field("device", &self.device).finish_non_exhaustive()
    }
}

/// One layout on a device.
struct Side {
    indices: Indices,
    #[cfg(feature = "cuda")]
    matrix: Option<Matrix>,
}

impl Side {
    fn of<'a>(held: &'a mut Option<Self>, layout: &Layout, device: Device) -> Result<&'a Self, Error> {
        if held.is_none() {
            let indices = Indices::new(layout, device)?;
            #[cfg(feature = "cuda")]
            let matrix = if device.is_cuda() { Matrix::new(layout, &indices.columns)? } else { None };
            *held = Some(Self {
                indices,
                #[cfg(feature = "cuda")]
                matrix,
            });
        }
        held.as_ref().map_or_else(|| unreachable!("it was just made"), Ok)
    }

    fn product(&self, layout: &Layout, values: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        #[cfg(feature = "cuda")]
        if let Some(matrix) = &self.matrix
            && let Some(y) = matrix.product(values, x)?
        {
            return Ok(y);
        }
        self.indices.product(layout, values, x)
    }
}

impl OnDevice {
    pub(crate) fn new(device: Device) -> Self {
        Self { device, rows: None, transposed: None, position: None }
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// `A X`.
    pub(crate) fn product(&mut self, pattern: &SparsityPattern, values: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        let layout = pattern.layout();
        Side::of(&mut self.rows, layout, self.device)?.product(layout, values, x)
    }

    /// Values in the order of the transpose.
    pub(crate) fn moved(&mut self, pattern: &SparsityPattern, values: &Tensor) -> Result<Tensor, Error> {
        if self.position.is_none() {
            let position = pattern.transposed().position();
            let position = if i32::try_from(pattern.n_entries()).is_ok() {
                Tensor::f_from_slice(&position.iter().map(|&p| p as i32).collect::<Vec<_>>())?
            } else {
                Tensor::f_from_slice(&position.iter().map(|&p| i64::from(p)).collect::<Vec<_>>())?
            };
            self.position = Some(position.f_to_device(self.device)?);
        }
        self.position.as_ref().map_or_else(|| unreachable!("it was just made"), |p| Ok(values.f_index_select(0, p)?))
    }

    /// `Aᵀ X`, values in the order of the transpose.
    pub(crate) fn transposed(
        &mut self,
        pattern: &SparsityPattern,
        moved: &Tensor,
        x: &Tensor,
    ) -> Result<Tensor, Error> {
        let layout = pattern.transposed().layout();
        Side::of(&mut self.transposed, layout, self.device)?.product(layout, moved, x)
    }

    /// The sampled product.
    pub(crate) fn sampled(
        &mut self,
        pattern: &SparsityPattern,
        left: &Tensor,
        right: &Tensor,
    ) -> Result<Tensor, Error> {
        let layout = pattern.layout();
        let side = Side::of(&mut self.rows, layout, self.device)?;
        #[cfg(feature = "cuda")]
        if let Some(matrix) = &side.matrix
            && let Some(out) = matrix.sampled(left, right)?
        {
            return Ok(out);
        }
        side.indices.sampled(layout, left, right)
    }

    /// The right-hand side of a network in one pass, where there are kernels for it.
    #[cfg(feature = "cuda")]
    pub(crate) fn rate(
        &mut self,
        pattern: &SparsityPattern,
        values: &Tensor,
        of: &RateOf<'_>,
        h: &Tensor,
    ) -> Result<Option<Tensor>, Error> {
        let side = Side::of(&mut self.rows, pattern.layout(), self.device)?;
        side.matrix.as_ref().map_or(Ok(None), |matrix| matrix.rate(values, of, h))
    }
}
