//! The same products by libtorch's compressed sparse rows: what runs where we have no kernels.

use crate::pattern::Layout;
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

/// The index tensors of one layout on a device.
pub(crate) struct Indices {
    row_ptr: Tensor,
    pub(crate) columns: Tensor,
}

impl Indices {
    pub(crate) fn new(layout: &Layout, device: Device) -> Result<Self, Error> {
        let (row_ptr, columns) = indices(layout, device)?;
        Ok(Self { row_ptr, columns })
    }

    /// A libtorch CSR matrix `[rows, columns]` of the layout and values in its order.
    fn csr(&self, layout: &Layout, values: &Tensor) -> Result<Tensor, Error> {
        let size = [layout.n_rows() as i64, layout.n_columns() as i64];
        let options = (values.kind(), values.device());
        Ok(Tensor::f_sparse_csr_tensor_crow_col_value_size(&self.row_ptr, &self.columns, values, size, options)?)
    }

    /// `A X`.
    pub(crate) fn product(&self, layout: &Layout, values: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        Ok(self.csr(layout, values)?.f_mm(x)?)
    }

    /// The sampled product.
    pub(crate) fn sampled(&self, layout: &Layout, left: &Tensor, right: &Tensor) -> Result<Tensor, Error> {
        let zeros = Tensor::f_zeros([layout.n_entries() as i64], (left.kind(), left.device()))?;
        let zeros = self.csr(layout, &zeros)?;
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
        Indices::new(layout, self.values().device())?.csr(layout, self.values())
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
    use crate::{SparsityPattern, sddmm};

    /// What tensors on other devices go through, here on the CPU: the same numbers as our kernels.
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
            let close = |a: Tensor, b: Tensor| {
                let off = (a - b).abs().max().double_value(&[]);
                assert!(off < if kind == Kind::Float { 1e-5 } else { 1e-13 }, "{off}");
            };
            pattern
                .on_device(Device::Cpu, |theirs| {
                    close(matrix.product(&x)?, theirs.product(&pattern, &values, &x)?);
                    let moved = theirs.moved(&pattern, &values)?;
                    close(matrix.transposed_product(&y)?, theirs.transposed(&pattern, &moved, &y)?);
                    close(sddmm(&pattern, &y, &x)?, theirs.sampled(&pattern, &y, &x)?);
                    Ok(())
                })
                .unwrap();
            close(matrix.to_libtorch_csr().unwrap().mm(&x), matrix.to_dense().unwrap().mm(&x));
        }
    }
}
