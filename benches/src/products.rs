//! Products of a sparse matrix with dense ones: ours and libtorch's on the same numbers, and the truth in double precision.

use crate::Result;
use connectome_graph::Topology;
use connectome_graph::generate::Benchmark;
use tch::{Device, Kind, Tensor};
use tch_sparse::kernel::Into;
use tch_sparse::parallel::{product_all, sampled_all, transpose_values};
use tch_sparse::tensor::{as_slice, filled};
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
}

impl Operation {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Transposed, Self::Sampled];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Transposed => "transposed",
            Self::Sampled => "SDDMM",
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
        let (len, libtorch) = match operation {
            Operation::Forward => (rows * batch, of_dense(rows)?),
            Operation::Transposed => (columns * batch, of_dense(columns)?),
            Operation::Sampled => (self.entries(), of_csr()?),
        };
        Ok(Work {
            matrix: self,
            operation,
            batch,
            left: dense(rows, batch)?,
            right: dense(columns, batch)?,
            ours: Aligned::new(len),
            libtorch,
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
    ours: Aligned,
    libtorch: Tensor,
    /// What libtorch adds the sampled product to.
    zeros: Tensor,
}

impl Work<'_> {
    /// By `tch-sparse`.
    pub fn ours(&mut self) {
        let Matrix { pattern, values, moved, .. } = self.matrix;
        let (batch, out) = (self.batch, self.ours.slice_mut());
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
            Operation::Sampled => sampled_all(pattern.layout(), left, right, batch, out),
        }
    }

    /// By libtorch, into an existing tensor.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn libtorch(&mut self) -> Result<()> {
        let (matrix, out) = (self.matrix, &self.libtorch);
        let _ = match self.operation {
            Operation::Forward => matrix.libtorch.f_mm_out(out, &self.right)?,
            Operation::Transposed => matrix.libtorch_transposed.f_mm_out(out, &self.left)?,
            Operation::Sampled => self.zeros.f_sparse_sampled_addmm_out(out, &self.left, &self.right.f_tr()?)?,
        };
        Ok(())
    }

    /// By gathering a row of the factor for each entry, and adding up: what a program without sparse products does. Its temporary
    /// has `entries x batch` numbers.
    ///
    /// # Errors
    /// When libtorch refuses.
    ///
    /// # Panics
    /// For the sampled product.
    pub fn gather_scatter(&mut self) -> Result<()> {
        let (rows, columns) = &self.matrix.coordinates;
        let (to, from, x) = match self.operation {
            Operation::Forward => (rows, columns, &self.right),
            Operation::Transposed => (columns, rows, &self.left),
            Operation::Sampled => panic!("nothing is scattered in a sampled product"),
        };
        let messages = x.f_index_select(0, from)? * self.matrix.values.f_unsqueeze(1)?;
        let _ = self.libtorch.f_zero_()?.f_index_add_(0, to, &messages)?;
        Ok(())
    }

    /// The largest difference of our last result from the truth, over the truth's largest number.
    pub fn error_of_ours(&self, truth: &[f64]) -> f64 {
        relative_error(self.ours.slice(), truth)
    }

    /// The same for libtorch's, or the gathered one, whichever ran last.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn error_of_libtorch(&self, truth: &[f64]) -> Result<f64> {
        Ok(match self.operation {
            Operation::Sampled => relative_error(as_slice(&self.libtorch.f_values()?), truth),
            _ => relative_error(as_slice(&self.libtorch), truth),
        })
    }

    /// The result in double precision, by plain loops.
    pub fn truth(&self) -> Vec<f64> {
        let (batch, layout) = (self.batch, self.matrix.pattern.layout());
        let values: &[f32] = as_slice(&self.matrix.values);
        let (left, right): (&[f32], &[f32]) = (as_slice(&self.left), as_slice(&self.right));
        let mut out = match self.operation {
            Operation::Forward => vec![0.0; layout.n_rows() * batch],
            Operation::Transposed => vec![0.0; layout.n_columns() * batch],
            Operation::Sampled => vec![0.0; layout.n_entries()],
        };
        let columns = layout.to_columns();
        for (row, ends) in layout.row_ptr().windows(2).enumerate() {
            let l = row * batch..(row + 1) * batch;
            for e in ends[0]..ends[1] {
                let c = columns[e] as usize;
                let r = c * batch..(c + 1) * batch;
                let (to, from) = match self.operation {
                    Operation::Forward => (l.clone(), &right[r]),
                    Operation::Transposed => (r, &left[l.clone()]),
                    Operation::Sampled => {
                        let terms = left[l.clone()].iter().zip(&right[r]);
                        out[e] = terms.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                        continue;
                    }
                };
                for (out, &x) in out[to].iter_mut().zip(from) {
                    *out += f64::from(values[e]) * f64::from(x);
                }
            }
        }
        out
    }
}

fn relative_error(got: &[f32], truth: &[f64]) -> f64 {
    assert_eq!(got.len(), truth.len(), "result and truth differ in length");
    let off = got.iter().zip(truth).map(|(&g, t)| (f64::from(g) - t).abs());
    let size = truth.iter().map(|t| t.abs()).fold(0.0, f64::max);
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
                    work.libtorch().unwrap();
                    work.libtorch().unwrap(); // into the same place again
                    let (ours, libtorch) = (work.error_of_ours(&truth), work.error_of_libtorch(&truth).unwrap());
                    assert!(ours < 1e-5 && libtorch < 1e-5, "{operation:?}, batch {batch}: {ours}, {libtorch}");
                    if operation != Operation::Sampled {
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
