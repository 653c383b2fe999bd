//! The kernels give what those of the CPU do, whatever the shapes, and the same bits in whatever order threads take
//! turns.

#[path = "../../../tests/common/mod.rs"]
mod common;

use super::super::matrix::{Matrix, RateOf, combine};
use super::super::variant::Variant;
use super::{ASKED, DESCENDING, Emulator};
use crate::device::{Phi, Rate};
use crate::libtorch::Indices;
use crate::pattern::Layout;
use crate::{SparseMatrix, SparsityPattern, sddmm};
use common::{random, rows};
use tch::{Device, IndexOp, Kind, Tensor};

const KINDS: [(Kind, f64); 2] = [(Kind::Float, 1e-5), (Kind::Double, 1e-13)];

/// The same numbers amid others that spoil every sum, `shift` of these before them.
fn amid_nan(numbers: &Tensor, kind: Kind, shift: i64) -> Tensor {
    let room = Tensor::full([numbers.numel() as i64 + shift + 64], f64::NAN, (kind, Device::Cpu));
    let inside = room.narrow(0, shift, numbers.numel() as i64).view(&numbers.size()[..]);
    inside.shallow_clone().copy_(numbers);
    inside
}

fn pattern(lengths: &[usize], columns: usize) -> SparsityPattern {
    let (row_ptr, list) = rows(lengths, columns);
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
    let [down, up] = [true, false].map(|descending| {
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
    // 24 entries in a row on average, and many more in some: groups of 8 and 16 lanes take several chunks
    let uneven: Vec<usize> = (0..400).map(|row| row * row % 31 * (row % 3)).chain([5000]).collect();
    for (lengths, columns, batches) in [
        (&heavy[..], 9000, &[1, 3, 8, 130][..]),
        (&uneven[..], 5000, &[1, 3, 8][..]),
        (&[3, 0, 2, 5, 1, 4][..], 5, &[1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 32, 33, 64, 130, 264][..]),
    ] {
        let p = pattern(lengths, columns);
        let values = random(&[p.n_entries() as i64], 1);
        let (rows, transposed) = (matrix(p.layout()), matrix(p.transposed().layout()));
        let position: Vec<i64> = p.transposed().position().iter().map(|&at| i64::from(at)).collect();
        let moved = values.index_select(0, &Tensor::from_slice(&position));
        let cpu = SparseMatrix::new(&p, &values).unwrap();
        for &batch in batches {
            let (x, y) = (random(&[columns as i64, batch], 2), random(&[lengths.len() as i64, batch], 3));
            let (ax, aty, s) =
                (cpu.product(&x).unwrap(), cpu.transposed_product(&y).unwrap(), sddmm(&p, &y, &x).unwrap());
            for (kind, near) in KINDS {
                for shift in if [2, 4, 8].contains(&batch) { 0..3 } else { 0..1 } {
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
    assert_eq!(ASKED.take(), Variant::all().into_iter().collect());
}

/// One of two factors begins where packs of the other could not.
#[test]
fn factors_that_begin_differently() {
    let p = pattern(&[3, 0, 2, 5, 1, 4], 5);
    let (x, y) = (random(&[5, 8], 2), random(&[6, 8], 3));
    let want = sddmm(&p, &y, &x).unwrap();
    for (kind, near) in KINDS {
        for (of_y, of_x) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
            let (y, x) = (amid_nan(&y, kind, of_y), amid_nan(&x, kind, of_x));
            let got = both_ways(|| matrix(p.layout()).sampled(&y, &x).unwrap().unwrap());
            check(&format!("{kind:?}, {of_y} and {of_x} numbers further"), &got, &want, near);
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
            // the drive alone, too, may begin where packs cannot
            let shifts = if drive.is_some() && batch == 4 { 0..2 } else { 0..1 };
            for ((kind, near), shift) in KINDS.into_iter().flat_map(|k| shifts.clone().map(move |shift| (k, shift))) {
                let there = |t| amid_nan(t, kind, 0);
                let [scale, bias] = [scale, bias].map(|t| t.map(there));
                let drive = drive.map(|t| amid_nan(t, kind, shift));
                let (tau, h, v) = (there(&tau), there(&h), there(&values));
                let of = RateOf { scale: scale.as_ref(), drive: drive.as_ref(), bias: bias.as_ref(), tau: &tau, phi };
                let got = both_ways(|| layout.rate(&v, &of, &h).unwrap().unwrap());
                check(&format!("{phi:?}, {kind:?}, batch {batch}, drive {shift} further"), &got, &want, near);
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
            // one alone begins where packs cannot: the first or the last stage, `y`, or none
            for ((kind, near), odd) in KINDS.into_iter().flat_map(|k| [0, n - 1, n, n + 1].map(|odd| (k, odd))) {
                let there = |t: &Tensor, number| amid_nan(t, kind, i64::from(number == odd));
                let (y, dt) = (there(&y, n), amid_nan(&dt, kind, 0));
                let stages: Vec<Tensor> = stages.iter().zip(0..).map(|(k, number)| there(k, number)).collect();
                let got = both_ways(|| combine(&y, &dt, &weighted(&stages)).unwrap().unwrap());
                check(&format!("{n} stages, number {odd} further, {kind:?}, [{features}, {batch}]"), &got, &want, near);
            }
        }
    }
}

#[test]
fn what_a_gpu_leaves_undefined_is_a_fault() {
    let emulator = Emulator::of(Variant::new(Kind::Float, 1, &[]));
    let works = || emulator.launch_faulty(0, (3, 2)).unwrap() == std::array::from_fn(|thread| thread as u32 ^ 1);
    let faults = [
        "thread 3 of block (0, 0), __shfl_sync: the lane is not in its own mask",
        "thread 0 of block (0, 0), __shfl_sync: it asks for a lane outside the mask",
        "thread 1 of block (0, 0), __syncwarp: a lane of the mask has returned",
        "thread 1 of block (0, 0), __syncwarp: a lane of the mask waits at __syncthreads",
        "thread 1 of block (0, 0), __shfl_sync: a lane of the mask is at another exchange",
        "thread 1 of block (0, 0), __syncwarp: a lane of the mask is at another exchange",
        "thread 1 of block (0, 0), __syncwarp: a lane of the mask is at another exchange",
        "thread 1 of block (0, 0), __shfl_sync: a lane of the mask brings a value of another size",
        "thread 0 of block (0, 0), __syncwarp: lanes of the mask never come",
        "thread 0 of block (0, 0), __shfl_sync: the width is no power of two up to 32",
        "thread 0 of block (0, 0), __shfl_xor_sync: the width is no power of two up to 32",
        "thread 0 of block (0, 0), __shfl_xor_sync: it asks for a lane beyond the width",
        "thread 1 of block (0, 0), after its turn: the stack is full",
    ];
    for (mode, fault) in (1..).zip(faults) {
        assert_eq!(emulator.launch_faulty(mode, (3, 2)).unwrap_err(), fault);
        assert!(works());
        DESCENDING.set(true);
        let fault = emulator.launch_faulty(mode, (3, 2)).unwrap_err();
        assert!(fault.contains(" of block (2, 1), "), "{fault}");
        assert!(works());
        DESCENDING.set(false);
    }
    for grid in [(0, 1), (1, 0)] {
        assert_eq!(emulator.launch_faulty(0, grid).unwrap_err(), "the grid has no blocks");
    }
    for grid in [(1, 65_536), (1 << 31, 1)] {
        let fault = emulator.launch_faulty(0, grid).unwrap_err();
        assert_eq!(fault, "the grid has more blocks than 2,147,483,647 by 65,535");
    }
    assert!(works());
}
