//! The kernels give what those of the CPU do, whatever the shapes, and the same bits in whatever order threads take turns.

use super::super::matrix::{Matrix, RateOf, combine};
use super::DESCENDING;
use crate::device::{Phi, Rate};
use crate::libtorch::Indices;
use crate::pattern::Layout;
use crate::{SparseMatrix, SparsityPattern, sddmm};
use tch::{Device, IndexOp, Kind, Tensor};

const KINDS: [(Kind, f64); 2] = [(Kind::Float, 1e-5), (Kind::Double, 1e-13)];

fn random(shape: &[i64], seed: i64) -> Tensor {
    let n: i64 = shape.iter().product();
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 1.37 + seed as f64 * 0.71).sin().reshape(shape)
}

/// The same numbers amid others that spoil every sum, `shift` of these before them.
fn amid_nan(numbers: &Tensor, kind: Kind, shift: i64) -> Tensor {
    let room = Tensor::full([numbers.numel() as i64 + shift + 64], f64::NAN, (kind, Device::Cpu));
    let inside = room.narrow(0, shift, numbers.numel() as i64).view(&numbers.size()[..]);
    inside.shallow_clone().copy_(numbers);
    inside
}

/// Rows of these lengths, their columns spread.
fn pattern(lengths: &[usize], columns: usize) -> SparsityPattern {
    let (mut row_ptr, mut list) = (vec![0], vec![]);
    for (row, &length) in lengths.iter().enumerate() {
        let start = list.len();
        list.extend((0..length).map(|i| ((i * columns / length + row) % columns) as u32));
        list[start..].sort_unstable();
        row_ptr.push(list.len());
    }
    SparsityPattern::from_csr(lengths.len(), columns, row_ptr, &list).unwrap()
}

fn matrix(layout: &Layout) -> Matrix {
    Matrix::new(layout, &Indices::new(layout, Device::Cpu).unwrap().columns).unwrap().unwrap()
}

fn all_finite(t: &Tensor) -> bool {
    t.isfinite().all().int64_value(&[]) == 1
}

/// What the kernels give, which does not depend on the order of turns.
fn both_ways(run: impl Fn() -> Tensor) -> Tensor {
    let [up, down] = [false, true].map(|descending| {
        DESCENDING.set(descending);
        run()
    });
    assert!(up.allclose(&down, 0.0, 0.0, true), "the order of turns matters");
    up
}

fn check(what: &str, got: &Tensor, want: &Tensor, near: f64) {
    assert_eq!(got.size(), want.size(), "{what}");
    if want.numel() > 0 {
        let off = (got.to_kind(Kind::Double) - want).abs().max().double_value(&[]);
        let size = want.abs().max().double_value(&[]).max(1e-300);
        assert!(off / size < near, "{what}: {off}");
    }
}

#[test]
fn products() {
    // around the limits of who takes a row: a group of lanes, a block, several blocks
    let heavy = [0, 1, 7, 8, 9, 31, 33, 255, 256, 257, 1000, 4096, 4097, 9000, 0, 3];
    for (lengths, columns) in [(&heavy[..], 9000), (&[3, 0, 2, 5, 1, 4], 5)] {
        let p = pattern(lengths, columns);
        let values = random(&[p.n_entries() as i64], 1);
        let (rows, transposed) = (matrix(p.layout()), matrix(p.transposed().layout()));
        let position: Vec<i64> = p.transposed().position().iter().map(|&at| i64::from(at)).collect();
        let moved = values.index_select(0, &Tensor::from_slice(&position));
        let cpu = SparseMatrix::new(&p, &values).unwrap();
        let batches = if columns == 5 { &[1, 2, 3, 4, 6, 8, 12, 32, 33, 64, 130, 264][..] } else { &[1, 3, 8, 130] };
        for &batch in batches {
            let (x, y) = (random(&[columns as i64, batch], 2), random(&[lengths.len() as i64, batch], 3));
            let (ax, aty, s) =
                (cpu.product(&x).unwrap(), cpu.transposed_product(&y).unwrap(), sddmm(&p, &y, &x).unwrap());
            for (kind, near) in KINDS {
                for shift in if batch == 8 { 0..3 } else { 0..1 } {
                    let of = format!("{kind:?}, batch {batch}, {columns} columns, {shift} numbers further");
                    let there = |t| amid_nan(t, kind, shift);
                    let (v, moved, x, y) = (there(&values), there(&moved), there(&x), there(&y));
                    check(&of, &both_ways(|| rows.product(&v, &x).unwrap().unwrap()), &ax, near);
                    check(&of, &both_ways(|| transposed.product(&moved, &y).unwrap().unwrap()), &aty, near);
                    check(&of, &both_ways(|| rows.sampled(&y, &x).unwrap().unwrap()), &s, near);
                }
            }
        }
    }
}

/// Where a row has no entry, infinities of the factor do not matter; where it has one, NaN stays.
#[test]
fn numbers_that_are_none() {
    let p = pattern(&[2, 0, 300], 400);
    let values = random(&[302], 1);
    for (batch, at) in [(1, 0), (8, 5)] {
        let x = random(&[400, batch], 2);
        let _ = x.i((0, at)).fill_(f64::INFINITY);
        let _ = x.i((3, at)).fill_(f64::NAN);
        let want = SparseMatrix::new(&p, &values).unwrap().product(&x).unwrap();
        assert!(!all_finite(&want) && all_finite(&want.i(1)));
        let got = matrix(p.layout()).product(&values, &x).unwrap().unwrap();
        assert!(got.allclose(&want, 1e-12, 1e-12, true));
    }
    // nobody listens to neuron 0, whose state counts infinitely
    let p = SparsityPattern::from_csr(3, 3, vec![0, 1, 1, 3], &[2, 1, 2]).unwrap();
    let (values, tau, h) = (random(&[3], 1), random(&[3], 4) + 2.0, random(&[3, 2], 7));
    let scale = Tensor::from_slice(&[f64::INFINITY, 1.0, -1.0]);
    let of = RateOf { scale: Some(&scale), drive: None, bias: None, tau: &tau, phi: Phi::Tanh };
    assert!(all_finite(&matrix(p.layout()).rate(&values, &of, &h).unwrap().unwrap()));
}

#[test]
fn rates() {
    let lengths: Vec<usize> = (0..300).map(|row| if row == 7 { 290 } else { row * row % 61 }).collect();
    let p = pattern(&lengths, 300);
    let values = random(&[p.n_entries() as i64], 1);
    let (tau, scale, bias) = (random(&[300], 4) * 0.5 + 2.0, random(&[300], 5), random(&[300], 6));
    let cpu = SparseMatrix::new(&p, &values).unwrap();
    let layout = matrix(p.layout());
    for batch in [1, 4, 7] {
        let (h, drive) = (random(&[300, batch], 7), random(&[300, batch], 8));
        for (phi, given) in Phi::ALL.into_iter().zip([0b111, 0b000, 0b010, 0b101]) {
            let given = |bit: u32, t| (given >> bit & 1 == 1).then_some(t);
            let (scale, drive, bias) = (given(0, &scale), given(1, &drive), given(2, &bias));
            let want = Rate { scale, drive, bias, ..Rate::new(&cpu, &tau, phi) }.at(&h).unwrap();
            for (kind, near) in KINDS {
                let there = |t| amid_nan(t, kind, 0);
                let [scale, drive, bias] = [scale, drive, bias].map(|t| t.map(there));
                let (tau, h, v) = (there(&tau), there(&h), there(&values));
                let of = RateOf { scale: scale.as_ref(), drive: drive.as_ref(), bias: bias.as_ref(), tau: &tau, phi };
                let got = both_ways(|| layout.rate(&v, &of, &h).unwrap().unwrap());
                check(&format!("{phi:?}, {kind:?}, batch {batch}"), &got, &want, near);
            }
        }
    }
}

#[test]
fn rates_of_giant_rows() {
    let p = pattern(&[vec![5000, 4100], vec![0; 4998]].concat(), 5000);
    let values = random(&[p.n_entries() as i64], 1) * 0.01;
    let (tau, h) = (random(&[5000], 4) * 0.5 + 2.0, random(&[5000, 2], 7));
    let cpu = SparseMatrix::new(&p, &values).unwrap();
    let want = Rate::new(&cpu, &tau, Phi::Sigmoid).at(&h).unwrap();
    let of = RateOf { scale: None, drive: None, bias: None, tau: &tau, phi: Phi::Sigmoid };
    let got = both_ways(|| matrix(p.layout()).rate(&values, &of, &h).unwrap().unwrap());
    check("giant rows", &got, &want, 1e-13);
}

#[test]
fn sums_of_stages() {
    fn weighted(stages: &[Tensor]) -> Vec<(f64, &Tensor)> {
        (0..).map(|j| 0.3 * f64::from(j) - 1.0).zip(stages).collect()
    }
    for (features, batch) in [(1, 1), (300, 3), (130, 8)] {
        let (y, dt) = (random(&[features, batch], 1), random(&[batch], 2));
        for n in [1, 2, 7, 8, 9, 17] {
            let stages: Vec<Tensor> = (0..n).map(|j| random(&[features, batch], 10 + j)).collect();
            let want = crate::device::combine(&y, &dt, &weighted(&stages)).unwrap();
            for (kind, near) in KINDS {
                let there = |t| amid_nan(t, kind, 0);
                let (y, dt, stages) = (there(&y), there(&dt), stages.iter().map(there).collect::<Vec<_>>());
                let got = both_ways(|| combine(&y, &dt, &weighted(&stages)).unwrap().unwrap());
                check(&format!("{n} stages, {kind:?}, [{features}, {batch}]"), &got, &want, near);
            }
        }
    }
}
