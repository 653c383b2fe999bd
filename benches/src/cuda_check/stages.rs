//! Right-hand sides and sums of stages, beside the same by libtorch's operations and its CSR.

use super::{Check, Measured, dense, near, products, size_of_kind};
use crate::Result;
use crate::table::Table;
use connectome_graph::generate::Benchmark;
use tch::{Kind, Tensor};
use tch_sparse::SparseMatrix;
use tch_sparse::device::{Phi, Rate, combine};

/// Weights of the stages in the seventh of Dormand-Prince's, which has the most.
const WEIGHTS: [f64; 6] = [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0];

pub(super) fn check(check: &mut Check, size: Benchmark, table: &mut Table) -> Result<()> {
    let (pattern, values) = products::matrix(size)?;
    let n = pattern.n_rows();
    let vector = |seed: i64| -> Result<Tensor> { Ok(dense(n, seed)?.f_select(1, seed - 1)?.f_contiguous()?) };
    let (scale, bias, tau) = (vector(2)? - 0.5, vector(3)?, vector(4)? + 1.0);
    let truth = SparseMatrix::new(&pattern, &values)?;
    for (batch, kind) in [(1, Kind::Float), (8, Kind::Float), (64, Kind::Float), (8, Kind::Double)] {
        let (h, drive) = (dense(n, batch)?, dense(n, batch)? * 0.3);
        let [v, s, b, t, h_there, d] = [&values, &scale, &bias, &tau, &h, &drive].map(|t| check.there(t, kind));
        let (v, s, b, t, h_there, d) = (v?, s?, b?, t?, h_there?, d?);
        let matrix = SparseMatrix::new(&pattern, &v)?;
        let csr = matrix.to_libtorch_csr()?;
        let bytes = size_of_kind(kind);
        let moved = pattern.n_entries() as f64 * (4.0 + bytes) + 3.0 * n as f64 * batch as f64 * bytes;
        for phi in Phi::ALL {
            let rate = |matrix| Rate::new(matrix, &t, phi);
            let whole = Rate { scale: Some(&s), drive: Some(&d), bias: Some(&b), ..rate(&matrix) };
            let truth =
                Rate { scale: Some(&scale), drive: Some(&drive), bias: Some(&bias), ..Rate::new(&truth, &tau, phi) };
            let what = format!("right-hand side with {phi:?}, batch {batch}, {kind:?}");
            let got = whole.at(&h_there)?;
            let error = check.distance(&what, &got, &truth.at(&h)?, near(kind))?;
            check.repeats(&what, &got, &whole.at(&h_there)?)?;
            if phi == Phi::Sigmoid {
                let seconds = check.seconds(|| Ok(whole.at(&h_there)?))?;
                let libtorch = check.seconds(|| {
                    let z = csr.f_mm(&h_there.f_mul(&s.f_unsqueeze(1)?)?)?.f_add(&d)?.f_add(&b.f_unsqueeze(1)?)?;
                    Ok(z.f_sigmoid()?.f_relu()?.f_sub(&h_there)?.f_div(&t.f_unsqueeze(1)?)?)
                })?;
                let name = "rate";
                check.row(table, &Measured { name, batch, kind, error, seconds, libtorch, bytes: moved });
            }
        }

        let dt = dense(batch as usize, 1)?.f_select(1, 0)? * 0.1;
        let stages: Vec<Tensor> = (1..=WEIGHTS.len()).map(|j| Ok(&h * (0.1 * j as f64))).collect::<Result<_>>()?;
        let stages_there = stages.iter().map(|k| check.there(k, kind)).collect::<Result<Vec<_>>>()?;
        let list =
            |stages: &[Tensor]| WEIGHTS.into_iter().zip(stages.iter().map(Tensor::shallow_clone)).collect::<Vec<_>>();
        let (here, there) = (list(&stages), list(&stages_there));
        let here: Vec<_> = here.iter().map(|(w, k)| (*w, k)).collect();
        let there: Vec<_> = there.iter().map(|(w, k)| (*w, k)).collect();
        let dt_there = check.there(&dt, kind)?;
        let what = format!("stages, batch {batch}, {kind:?}");
        let got = combine(&h_there, &dt_there, &there)?;
        let error = check.distance(&what, &got, &combine(&h, &dt, &here)?, near(kind))?;
        let seconds = check.seconds(|| Ok(combine(&h_there, &dt_there, &there)?))?;
        let libtorch = check.seconds(|| {
            let mut sum = there[0].1.f_mul_scalar(there[0].0)?;
            for (weight, k) in &there[1..] {
                sum = sum.f_add(&k.f_mul_scalar(*weight)?)?;
            }
            Ok(sum.f_mul(&dt_there)?.f_add(&h_there)?)
        })?;
        let bytes = (WEIGHTS.len() + 2) as f64 * n as f64 * batch as f64 * bytes;
        check.row(table, &Measured { name: "stages", batch, kind, error, seconds, libtorch, bytes });
    }
    Ok(())
}
