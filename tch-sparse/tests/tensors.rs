//! The tensor operations: dense algebra, derivatives, refusals, and libtorch's path against ours.

use tch::{Device, Kind, Tensor};
use tch_function::gradcheck;
use tch_sparse::{Error, SparseMatrix, SparsityPattern, sddmm, spmm};

fn pattern(rows: usize, columns: usize, every: usize) -> SparsityPattern {
    let (mut row_ptr, mut list) = (vec![0], vec![]);
    for r in 0..rows {
        list.extend((0..columns as u32).filter(|c| (r * 31 + *c as usize * 17).is_multiple_of(every)));
        row_ptr.push(list.len());
    }
    SparsityPattern::from_csr(rows, columns, row_ptr, &list).unwrap()
}

fn random(shape: &[i64], seed: i64) -> Tensor {
    let n: i64 = shape.iter().product();
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 1.37 + seed as f64 * 0.71).sin().reshape(shape)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    if a.numel() == 0 { 0.0 } else { (a - b).abs().max().double_value(&[]) }
}

#[test]
fn equals_dense_algebra() {
    let p = pattern(9, 7, 4);
    let (v, x, y) = (random(&[p.n_entries() as i64], 1), random(&[7, 5], 2), random(&[9, 5], 3));
    let a = SparseMatrix::new(&p, &v).unwrap();
    let dense = a.to_dense().unwrap();
    assert!(distance(&a.product(&x).unwrap(), &dense.matmul(&x)) < 1e-14);
    assert!(distance(&a.transposed_product(&y).unwrap(), &dense.tr().matmul(&y)) < 1e-14);
    let outer = y.matmul(&x.tr());
    let ones = SparseMatrix::new(&p, &v.ones_like()).unwrap().to_dense().unwrap();
    let sampled = SparseMatrix::new(&p, &sddmm(&p, &y, &x).unwrap()).unwrap().to_dense().unwrap();
    assert!(distance(&sampled, &(outer * ones)) < 1e-14);
}

#[test]
fn derivatives_to_second_order() {
    let p = pattern(6, 5, 3);
    let n = p.n_entries() as i64;
    let (w, wt) = (random(&[6, 3], 7), random(&[5, 3], 8));
    let forward = |t: &[Tensor]| (spmm(&p, &t[0], &t[1].tanh()).unwrap().sin() * &w).sum(Kind::Double);
    let transposed = |t: &[Tensor]| {
        let y = SparseMatrix::new(&p, &t[0]).unwrap().transposed_product(&t[1]).unwrap();
        (y.sin() * &wt).sum(Kind::Double)
    };
    let sampled = |t: &[Tensor]| sddmm(&p, &t[0], &t[1]).unwrap().sin().sum(Kind::Double);
    let (v, x, y) = (random(&[n], 1), random(&[5, 3], 2), random(&[6, 3], 3));
    gradcheck::first(forward, &[&v, &x]).unwrap();
    gradcheck::second(forward, &[&v, &x]).unwrap();
    gradcheck::first(transposed, &[&v, &y]).unwrap();
    gradcheck::second(transposed, &[&v, &y]).unwrap();
    gradcheck::first(sampled, &[&y, &x]).unwrap();
    gradcheck::second(sampled, &[&y, &x]).unwrap();
}

#[test]
fn float_gradients_equal_double_ones() {
    let p = pattern(40, 30, 5);
    let (v, x) = (random(&[p.n_entries() as i64], 1), random(&[30, 9], 2));
    let grads = |kind| {
        let v = v.to_kind(kind).set_requires_grad(true);
        let x = x.to_kind(kind).set_requires_grad(true);
        spmm(&p, &v, &x).unwrap().square().sum(kind).backward();
        (v.grad().to_kind(Kind::Double), x.grad().to_kind(Kind::Double))
    };
    let (single, double) = (grads(Kind::Float), grads(Kind::Double));
    assert!(distance(&single.0, &double.0) < 1e-4 && distance(&single.1, &double.1) < 1e-4);
}

/// Values changed in place after a transposed product: the next one sees them.
#[test]
fn moved_values_follow_the_values() {
    let p = pattern(9, 7, 4);
    let v = random(&[p.n_entries() as i64], 1);
    let a = SparseMatrix::new(&p, &v).unwrap();
    let y = random(&[9, 2], 3);
    let before = a.transposed_product(&y).unwrap();
    let _ = v.shallow_clone().g_mul_scalar_(2.0);
    assert!(distance(&a.transposed_product(&y).unwrap(), &(before * 2.0)) < 1e-14);
}

#[test]
fn non_contiguous_and_empty_tensors() {
    let p = pattern(9, 7, 4);
    let v = random(&[p.n_entries() as i64], 1);
    let a = SparseMatrix::new(&p, &v).unwrap();
    let x = random(&[5, 7], 2);
    assert!(distance(&a.product(&x.tr()).unwrap(), &a.product(&x.tr().contiguous()).unwrap()) == 0.0);
    assert_eq!(a.product(&random(&[7, 0], 1)).unwrap().size(), [9, 0]);
    let none = SparsityPattern::from_csr(3, 2, vec![0; 4], &[]).unwrap();
    let y = spmm(&none, &random(&[0], 1), &random(&[2, 4], 1)).unwrap();
    assert_eq!((y.size(), y.abs().sum(Kind::Double).double_value(&[])), (vec![3, 4], 0.0));
}

#[test]
fn misfits_are_refused_with_both_shapes() {
    let p = pattern(9, 7, 4);
    let v = random(&[p.n_entries() as i64], 1);
    let a = SparseMatrix::new(&p, &v).unwrap();
    let text = |r: Result<Tensor, Error>| r.unwrap_err().to_string();
    assert!(text(a.product(&random(&[9, 2], 1))).contains("x has shape [9, 2], the operation wants [7, batch]"));
    assert!(text(a.product(&random(&[7], 1))).contains("[7]"));
    assert!(
        text(a.product(&random(&[7, 2], 1).to_kind(Kind::Float))).contains("Double on Cpu, the dense matrix is Float")
    );
    assert!(text(sddmm(&p, &random(&[9, 2], 1), &random(&[7, 3], 1))).contains("[7, 2], the batch of the left"));
    let e = SparseMatrix::new(&p, &random(&[3], 1)).unwrap_err().to_string();
    assert!(e.contains("values has shape [3]"), "{e}");
    assert!(SparseMatrix::new(&p, &v.to_kind(Kind::Half)).is_err());
}

/// Strided values are copied for every product, so that no old transpose is kept for them.
#[test]
fn strided_values_are_not_kept() {
    let p = pattern(9, 7, 4);
    let base = random(&[2 * p.n_entries() as i64], 1);
    let v = base.slice(0, None, None, 2);
    let a = SparseMatrix::new(&p, &v).unwrap();
    let y = random(&[9, 2], 3);
    let before = a.transposed_product(&y).unwrap();
    let _ = v.shallow_clone().g_mul_scalar_(2.0);
    assert!(distance(&a.transposed_product(&y).unwrap(), &(before * 2.0)) < 1e-14);
}
