//! The same products by libtorch's compressed sparse rows: what runs on CUDA devices.

use crate::pattern::{Layout, SparsityPattern};
use crate::{Error, SparseMatrix};
use tch::{Device, Kind, Tensor};

/// Index tensors of a layout on a device: `(row_ptr, columns)` as 32-bit integers where they fit.
fn indices(layout: &Layout, device: Device) -> Result<(Tensor, Tensor), Error> {
    let (row_ptr, columns) = (layout.row_ptr(), layout.to_columns());
    Ok(if layout.n_entries() <= i32::MAX as usize && layout.n_columns() <= i32::MAX as usize {
        let row_ptr: Vec<i32> = row_ptr.iter().map(|&p| p as i32).collect();
        let columns: Vec<i32> = columns.iter().map(|&c| c as i32).collect();
        (Tensor::f_from_slice(&row_ptr)?.f_to_device(device)?, Tensor::f_from_slice(&columns)?.f_to_device(device)?)
    } else {
        let row_ptr: Vec<i64> = row_ptr.iter().map(|&p| p as i64).collect();
        let columns: Vec<i64> = columns.iter().map(|&c| i64::from(c)).collect();
        (Tensor::f_from_slice(&row_ptr)?.f_to_device(device)?, Tensor::f_from_slice(&columns)?.f_to_device(device)?)
    })
}

/// A libtorch CSR matrix `[rows, columns]` of a layout and values in its order.
fn csr(layout: &Layout, (row_ptr, columns): &(Tensor, Tensor), values: &Tensor) -> Result<Tensor, Error> {
    let size = [layout.n_rows() as i64, layout.n_columns() as i64];
    let options = (values.kind(), values.device());
    Ok(Tensor::f_sparse_csr_tensor_crow_col_value_size(row_ptr, columns, values, size, options)?)
}

/// Index tensors on a device, made once per pattern and device.
pub(crate) struct OnDevice {
    device: Device,
    rows: (Tensor, Tensor),
    transposed: (Tensor, Tensor),
    position: Tensor,
}

impl OnDevice {
    pub(crate) fn new(pattern: &SparsityPattern, device: Device) -> Result<Self, Error> {
        let position: Vec<i64> = pattern.transposed().position().iter().map(|&p| i64::from(p)).collect();
        Ok(Self {
            device,
            rows: indices(pattern.layout(), device)?,
            transposed: indices(pattern.transposed().layout(), device)?,
            position: Tensor::f_from_slice(&position)?.f_to_device(device)?,
        })
    }

    pub(crate) fn is_on(&self, device: Device) -> bool {
        self.device == device
    }

    /// `A X`.
    pub(crate) fn product(&self, pattern: &SparsityPattern, values: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        Ok(csr(pattern.layout(), &self.rows, values)?.f_mm(x)?)
    }

    /// `Aᵀ X`, values in row order.
    pub(crate) fn transposed(&self, pattern: &SparsityPattern, values: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        let values = values.f_index_select(0, &self.position)?;
        Ok(csr(pattern.transposed().layout(), &self.transposed, &values)?.f_mm(x)?)
    }

    /// The sampled product.
    pub(crate) fn sampled(&self, pattern: &SparsityPattern, left: &Tensor, right: &Tensor) -> Result<Tensor, Error> {
        let zeros = Tensor::f_zeros([pattern.n_entries() as i64], (left.kind(), left.device()))?;
        let zeros = csr(pattern.layout(), &self.rows, &zeros)?;
        Ok(zeros.f_sparse_sampled_addmm(left, &right.f_tr()?)?.f_values()?.f_detach()?)
    }
}

impl SparseMatrix {
    /// The matrix as libtorch's own CSR tensor, for operations that this crate lacks. It shares the values.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn to_libtorch_csr(&self) -> Result<Tensor, Error> {
        let layout = self.pattern().layout();
        csr(layout, &indices(layout, self.values().device())?, self.values())
    }

    /// The matrix as a dense tensor `[rows, columns]`. For small ones.
    ///
    /// # Errors
    /// When libtorch refuses, for want of memory for example.
    pub fn to_dense(&self) -> Result<Tensor, Error> {
        let layout = self.pattern().layout();
        let device = self.values().device();
        let index = |list: Vec<u32>| -> Result<Tensor, Error> {
            let list: Vec<i64> = list.into_iter().map(i64::from).collect();
            Ok(Tensor::f_from_slice(&list)?.f_to_device(device)?)
        };
        let flat = index(layout.to_rows())? * layout.n_columns() as i64 + index(layout.to_columns())?;
        let size = [layout.n_rows() as i64, layout.n_columns() as i64];
        let dense = Tensor::f_zeros([size[0] * size[1]], (self.values().kind(), device))?;
        Ok(dense.f_index_put(&[Some(&flat)], self.values(), false)?.f_view(size)?)
    }
}

/// Whether a kind has kernels.
pub(crate) fn is_real(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sddmm;

    /// What tensors on a GPU go through, here on the CPU: the same numbers as our kernels.
    #[test]
    fn libtorch_agrees_with_the_kernels() {
        let (rows, columns): (Vec<u32>, Vec<u32>) = (0..40u32)
            .flat_map(|r| (0..30u32).map(move |c| (r, c)))
            .filter(|(r, c)| (r * 31 + c * 17) % 5 == 0)
            .unzip();
        let (pattern, _) = SparsityPattern::from_coo(40, 30, &rows, &columns).unwrap();
        for kind in [Kind::Float, Kind::Double] {
            let wave = |shape: &[i64]| {
                let n: i64 = shape.iter().product();
                Tensor::arange(n, (kind, Device::Cpu)).sin().reshape(shape)
            };
            let (values, x, y) = (wave(&[pattern.n_entries() as i64]), wave(&[30, 9]), wave(&[40, 9]));
            let matrix = SparseMatrix::new(&pattern, &values).unwrap();
            let theirs = OnDevice::new(&pattern, Device::Cpu).unwrap();
            let close = |a: Tensor, b: Tensor| {
                let off = (a - b).abs().max().double_value(&[]);
                assert!(off < if kind == Kind::Float { 1e-5 } else { 1e-13 }, "{off}");
            };
            close(matrix.product(&x).unwrap(), theirs.product(&pattern, &values, &x).unwrap());
            close(matrix.transposed_product(&y).unwrap(), theirs.transposed(&pattern, &values, &y).unwrap());
            close(sddmm(&pattern, &y, &x).unwrap(), theirs.sampled(&pattern, &y, &x).unwrap());
            close(matrix.to_libtorch_csr().unwrap().mm(&x), matrix.to_dense().unwrap().mm(&x));
        }
    }
}
