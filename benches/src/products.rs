//! Products of a sparse matrix with dense ones: ours and libtorch's on the same numbers, and the truth in double precision.

use crate::Result;
use connectome_graph::Topology;
use connectome_graph::generate::Benchmark;
use tch::{Device, Kind, Tensor};
use tch_function::slices::{as_slice, filled};
use tch_sparse::kernel::Into;
use tch_sparse::parallel::{product_all, product_and_sampled_all, sampled_all, transpose_values, untranspose_values};
use tch_sparse::{Layout, SparsityPattern};

/// Which product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `Y = A X`.
    Forward,
    /// `X = Aᵀ Y`, with the transpose stored.
    Transposed,
    /// `sum_b left[row(e), b] right[column(e), b]` for each entry `e`: the gradient of the values.
    Sampled,
    /// The last two: the backward pass of a product. Ours in one pass, which adds to the gradient in the transpose's order.
    Backward,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Forward, Self::Transposed, Self::Sampled, Self::Backward];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Transposed => "transposed",
            Self::Sampled => "SDDMM",
            Self::Backward => "transposed + SDDMM",
        }
    }
}

/// A matrix as each contestant wants it.
#[derive(Debug)]
pub struct Matrix {
    pattern: SparsityPattern,
    /// In row order.
    values: Tensor,
    /// In the order of the transpose.
    moved: Tensor,
    libtorch: Tensor,
    libtorch_transposed: Tensor,
    /// Rows and columns of entries, i64, for products by gathering and scattering.
    coordinates: (Tensor, Tensor),
}

impl Matrix {
    /// The matrix of a wiring, `f32`.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn new(wiring: &Topology) -> Result<Self> {
        let pattern =
            SparsityPattern::from_csr(wiring.n_post(), wiring.n_pre(), wiring.row_ptr().to_vec(), wiring.columns())?;
        let values: Vec<f32> = wiring.weights().iter().map(|&w| w as f32).collect();
        let values = Tensor::f_from_slice(&values)?;
        let transposed = pattern.transposed();
        let moved = filled::<f32>(&values.size(), |out| {
            transpose_values(transposed, as_slice(&values), out);
        })?;
        let long = |list: Vec<u32>| Tensor::f_from_slice(&list.iter().map(|&i| i64::from(i)).collect::<Vec<_>>());
        Ok(Self {
            libtorch: libtorch_csr(pattern.layout(), &values)?,
            libtorch_transposed: libtorch_csr(transposed.layout(), &moved)?,
            coordinates: (long(pattern.layout().to_rows())?, long(pattern.layout().to_columns())?),
            pattern,
            values,
            moved,
        })
    }

    /// Entries of the matrix.
    pub fn entries(&self) -> usize {
        self.pattern.n_entries()
    }

    /// An operation on dense factors of so many columns, everything allocated that either contestant writes to.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn work(&self, operation: Operation, batch: usize) -> Result<Work<'_>> {
        let (rows, columns) = (self.pattern.n_rows(), self.pattern.n_columns());
        let of_csr = || libtorch_csr(self.pattern.layout(), &self.values.f_zeros_like()?);
        let of_dense = |n: usize| Tensor::f_zeros([n as i64, batch as i64], FLOAT);
        let (dense_rows, entries) = match operation {
            Operation::Forward => (rows, 0),
            Operation::Transposed => (columns, 0),
            Operation::Sampled => (0, self.entries()),
            Operation::Backward => (columns, self.entries()),
        };
        Ok(Work {
            matrix: self,
            operation,
            batch,
            left: dense(rows, batch)?,
            right: dense(columns, batch)?,
            ours: Aligned::new(dense_rows * batch),
            our_entries: Aligned::new(entries),
            libtorch: of_dense(dense_rows)?,
            libtorch_entries: of_csr()?,
            zeros: of_csr()?,
        })
    }
}

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Dense numbers `[rows, batch]`, aligned as libtorch aligns.
fn dense(rows: usize, batch: usize) -> Result<Tensor> {
    let size = Benchmark { neurons: rows as u32, synapses: 0 };
    Ok(Tensor::f_from_slice(&size.factor(batch))?.f_view([rows as i64, batch as i64])?)
}

/// libtorch's CSR with 32-bit indices, which is the faster of its two.
fn libtorch_csr(layout: &Layout, values: &Tensor) -> Result<Tensor> {
    let row_ptr: Vec<i32> = layout.row_ptr().iter().map(|&p| p as i32).collect();
    let columns: Vec<i32> = layout.to_columns().iter().map(|&c| c as i32).collect();
    Ok(Tensor::f_sparse_csr_tensor_crow_col_value_size(
        &Tensor::f_from_slice(&row_ptr)?,
        &Tensor::f_from_slice(&columns)?,
        values,
        [layout.n_rows() as i64, layout.n_columns() as i64],
        FLOAT,
    )?)
}

/// An operation ready to run, by each contestant into a place of its own.
#[derive(Debug)]
pub struct Work<'a> {
    matrix: &'a Matrix,
    operation: Operation,
    batch: usize,
    /// `[rows, batch]`
    left: Tensor,
    /// `[columns, batch]`
    right: Tensor,
    /// Dense, and one number per entry; the second in the order of the transpose for [`Operation::Backward`].
    ours: Aligned,
    our_entries: Aligned,
    libtorch: Tensor,
    libtorch_entries: Tensor,
    /// What libtorch adds the sampled product to.
    zeros: Tensor,
}

impl Work<'_> {
    /// By `tch-sparse`.
    pub fn ours(&mut self) {
        let Matrix { pattern, values, moved, .. } = self.matrix;
        let (batch, out, entries) = (self.batch, self.ours.slice_mut(), self.our_entries.slice_mut());
        let (left, right) = (as_slice(&self.left), as_slice(&self.right));
        match self.operation {
            Operation::Forward => {
                let (a, values) = (pattern.layout(), as_slice(values));
                product_all(a, values, right, batch, Into::Replace, out);
            }
            Operation::Transposed => {
                let (a, values) = (pattern.transposed().layout(), as_slice(moved));
                product_all(a, values, left, batch, Into::Replace, out);
            }
            Operation::Sampled => sampled_all(pattern.layout(), left, right, batch, entries),
            Operation::Backward => {
                let (a, values) = (pattern.transposed().layout(), as_slice(moved));
                product_and_sampled_all(a, values, left, right, batch, Into::Replace, out, entries);
            }
        }
    }

    /// By libtorch, into an existing tensor.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn libtorch(&mut self) -> Result<()> {
        let (matrix, out, entries) = (self.matrix, &self.libtorch, &self.libtorch_entries);
        if self.operation == Operation::Forward {
            let _ = matrix.libtorch.f_mm_out(out, &self.right)?;
        }
        if matches!(self.operation, Operation::Transposed | Operation::Backward) {
            let _ = matrix.libtorch_transposed.f_mm_out(out, &self.left)?;
        }
        if matches!(self.operation, Operation::Sampled | Operation::Backward) {
            let _ = self.zeros.f_sparse_sampled_addmm_out(entries, &self.left, &self.right.f_tr()?)?;
        }
        Ok(())
    }

    /// By gathering a row of the factor for each entry, and adding up: what a program without sparse products does. Its temporary
    /// has `entries x batch` numbers.
    ///
    /// # Errors
    /// When libtorch refuses.
    ///
    /// # Panics
    /// Where a sampled product is asked for.
    pub fn gather_scatter(&mut self) -> Result<()> {
        let (rows, columns) = &self.matrix.coordinates;
        let (to, from, x) = match self.operation {
            Operation::Forward => (rows, columns, &self.right),
            Operation::Transposed => (columns, rows, &self.left),
            Operation::Sampled | Operation::Backward => panic!("nothing is scattered in a sampled product"),
        };
        let messages = x.f_index_select(0, from)? * self.matrix.values.f_unsqueeze(1)?;
        let _ = self.libtorch.f_zero_()?.f_index_add_(0, to, &messages)?;
        Ok(())
    }

    /// Zeros what calls add to: before the call whose result is looked at.
    pub fn clear(&mut self) {
        self.our_entries.slice_mut().fill(0.0);
    }

    /// The largest difference of our last result from the truth, over the truth's largest number.
    pub fn error_of_ours(&self, truth: &Truth) -> f64 {
        let mut entries = self.our_entries.slice().to_vec();
        if self.operation == Operation::Backward {
            untranspose_values(self.matrix.pattern.transposed(), self.our_entries.slice(), &mut entries);
        }
        truth.error(self.ours.slice(), &entries)
    }

    /// The same for libtorch's, or the gathered one, whichever ran last.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn error_of_libtorch(&self, truth: &Truth) -> Result<f64> {
        let entries = self.libtorch_entries.f_values()?;
        let entries: &[f32] = if truth.entries.is_empty() { &[] } else { as_slice(&entries) };
        Ok(truth.error(as_slice(&self.libtorch), entries))
    }

    /// The result in double precision, by plain loops.
    pub fn truth(&self) -> Truth {
        let (batch, layout) = (self.batch, self.matrix.pattern.layout());
        let values: &[f32] = as_slice(&self.matrix.values);
        let (left, right): (&[f32], &[f32]) = (as_slice(&self.left), as_slice(&self.right));
        let mut out =
            Truth { dense: vec![0.0; self.ours.slice().len()], entries: vec![0.0; self.our_entries.slice().len()] };
        let columns = layout.to_columns();
        for (row, ends) in layout.row_ptr().windows(2).enumerate() {
            let l = row * batch..(row + 1) * batch;
            for e in ends[0]..ends[1] {
                let c = columns[e] as usize;
                let r = c * batch..(c + 1) * batch;
                if !out.entries.is_empty() {
                    let terms = left[l.clone()].iter().zip(&right[r.clone()]);
                    out.entries[e] = terms.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                }
                let (to, from) = match self.operation {
                    Operation::Forward => (l.clone(), &right[r]),
                    Operation::Transposed | Operation::Backward => (r, &left[l.clone()]),
                    Operation::Sampled => continue,
                };
                for (out, &x) in out.dense[to].iter_mut().zip(from) {
                    *out += f64::from(values[e]) * f64::from(x);
                }
            }
        }
        out
    }
}

/// A result in double precision: what is dense of it, and one number for each entry in row order; either may be empty.
#[derive(Debug)]
pub struct Truth {
    dense: Vec<f64>,
    entries: Vec<f64>,
}

impl Truth {
    fn error(&self, dense: &[f32], entries: &[f32]) -> f64 {
        relative_error(dense, &self.dense).max(relative_error(entries, &self.entries))
    }
}

fn relative_error(got: &[f32], truth: &[f64]) -> f64 {
    assert_eq!(got.len(), truth.len(), "result and truth differ in length");
    let off = got.iter().zip(truth).map(|(&g, t)| (f64::from(g) - t).abs());
    let size = truth.iter().map(|t| t.abs()).fold(f64::MIN_POSITIVE, f64::max);
    off.fold(0.0, f64::max) / size
}

/// Numbers that begin on a cache line, as libtorch's tensors do.
#[derive(Debug)]
struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    fn new(len: usize) -> Self {
        const LINE: usize = 64;
        let numbers = vec![0.0; len + LINE / size_of::<f32>()];
        let start = numbers.as_ptr().align_offset(LINE);
        Self { numbers, start, len }
    }

    fn slice(&self) -> &[f32] {
        &self.numbers[self.start..][..self.len]
    }

    fn slice_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::Degrees;

    /// All contestants compute the same, to the precision of f32.
    #[test]
    fn contestants_agree_with_the_truth() {
        let size = Benchmark { neurons: 400, synapses: 6000 };
        for degrees in Degrees::ALL {
            let matrix = Matrix::new(&degrees.network(size).unwrap()).unwrap();
            for operation in Operation::ALL {
                for batch in [1, 3, 8] {
                    let mut work = matrix.work(operation, batch).unwrap();
                    let truth = work.truth();
                    assert!(work.error_of_ours(&truth) > 0.5, "nothing has run yet");
                    work.ours();
                    work.clear(); // some of it is added to
                    work.ours();
                    work.libtorch().unwrap();
                    work.libtorch().unwrap(); // into the same place again
                    let (ours, libtorch) = (work.error_of_ours(&truth), work.error_of_libtorch(&truth).unwrap());
                    assert!(ours < 1e-5 && libtorch < 1e-5, "{operation:?}, batch {batch}: {ours}, {libtorch}");
                    if matches!(operation, Operation::Forward | Operation::Transposed) {
                        work.gather_scatter().unwrap();
                        assert!(work.error_of_libtorch(&truth).unwrap() < 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn aligned_numbers_are() {
        let mut a = Aligned::new(5);
        a.slice_mut()[4] = 1.0;
        assert_eq!(a.slice(), [0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(a.slice().as_ptr().align_offset(64), 0);
    }
}
