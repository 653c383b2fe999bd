//! `A X`, `Aᵀ Y` and the sampled product, beside libtorch's CSR.

use super::{Check, Measured, dense, near, size_of_kind};
use crate::Result;
use crate::table::Table;
use connectome_graph::generate::Benchmark;
use tch::{Device, Kind, Tensor};
use tch_sparse::{SparseMatrix, SparsityPattern, sddmm};

/// The benchmark's matrix, and its values in Double on the CPU.
pub(super) fn matrix(size: Benchmark) -> Result<(SparsityPattern, Tensor)> {
    let wiring = size.topology()?;
    let pattern =
        SparsityPattern::from_csr(wiring.n_post(), wiring.n_pre(), wiring.row_ptr().to_vec(), wiring.columns())?;
    Ok((pattern, Tensor::f_from_slice(wiring.weights())?))
}

/// The transpose as a pattern of its own, for libtorch.
fn transpose(pattern: &SparsityPattern) -> Result<(SparsityPattern, Tensor)> {
    let transposed = pattern.transposed();
    let layout = transposed.layout();
    let position: Vec<i64> = transposed.position().iter().map(|&p| i64::from(p)).collect();
    let of = SparsityPattern::from_csr(
        layout.n_rows(),
        layout.n_columns(),
        layout.row_ptr().to_vec(),
        &layout.to_columns(),
    )?;
    Ok((of, Tensor::f_from_slice(&position)?))
}

pub(super) fn check(check: &mut Check, size: Benchmark, batches: &[(i64, Kind)], table: &mut Table) -> Result<()> {
    let (pattern, values) = matrix(size)?;
    let (transposed, position) = transpose(&pattern)?;
    let truth = SparseMatrix::new(&pattern, &values)?;
    for &(batch, kind) in batches {
        let (x, y) = (dense(pattern.n_columns(), batch)?, dense(pattern.n_rows(), batch)? - 0.5);
        let (x_there, y_there) = (check.there(&x, kind)?, check.there(&y, kind)?);
        let v = check.there(&values, kind)?;
        let ours = SparseMatrix::new(&pattern, &v)?;
        let csr = ours.to_libtorch_csr()?;
        let moved = v.f_index_select(0, &position.f_to_device(check.device)?)?;
        let csr_transposed = SparseMatrix::new(&transposed, &moved)?.to_libtorch_csr()?;
        let zeros = SparseMatrix::new(&pattern, &v.f_zeros_like()?)?.to_libtorch_csr()?;

        let bytes = size_of_kind(kind);
        let (rows, columns) = (pattern.n_rows() as f64, pattern.n_columns() as f64);
        let whole = pattern.n_entries() as f64 * (4.0 + bytes) + (rows + columns) * batch as f64 * bytes;
        let mut compare = |name,
                           truth: Tensor,
                           run: &dyn Fn() -> Result<Tensor>,
                           libtorch: &dyn Fn() -> Result<Tensor>|
         -> Result<()> {
            let what = format!("{name}, batch {batch}, {kind:?}");
            let got = run()?;
            let error = check.distance(&what, &got, &truth, near(kind))?;
            check.repeats(&what, &got, &run()?)?;
            let (seconds, libtorch) = (check.seconds(run)?, check.seconds(libtorch)?);
            check.row(table, &Measured { name, batch, kind, error, seconds, libtorch, bytes: whole });
            Ok(())
        };
        compare("A X", truth.product(&x)?, &|| Ok(ours.product(&x_there)?), &|| Ok(csr.f_mm(&x_there)?))?;
        compare("At Y", truth.transposed_product(&y)?, &|| Ok(ours.transposed_product(&y_there)?), &|| {
            Ok(csr_transposed.f_mm(&y_there)?)
        })?;
        compare("sampled", sddmm(&pattern, &y, &x)?, &|| Ok(sddmm(&pattern, &y_there, &x_there)?), &|| {
            Ok(zeros.f_sparse_sampled_addmm(&y_there, &x_there.f_tr()?)?)
        })?;
    }
    gradients(check, &pattern, &values)
}

/// What training needs: the gradients of both factors.
fn gradients(check: &mut Check, pattern: &SparsityPattern, values: &Tensor) -> Result<()> {
    let x = dense(pattern.n_columns(), 8)? - 0.5;
    let of = |device| -> Result<[Tensor; 2]> {
        let leaf = |t: &Tensor| t.f_to_device(device)?.f_detach()?.f_set_requires_grad(true);
        let (v, x) = (leaf(values)?, leaf(&x)?);
        SparseMatrix::new(pattern, &v)?.product(&x)?.f_square()?.f_sum(Kind::Double)?.f_backward()?;
        Ok([v.f_grad()?, x.f_grad()?])
    };
    let (truth, there) = (of(Device::Cpu)?, of(check.device)?);
    for (what, (got, truth)) in ["gradient of the values", "gradient of X"].into_iter().zip(there.iter().zip(&truth)) {
        check.distance(what, got, truth, 1e-11)?;
    }
    Ok(())
}
