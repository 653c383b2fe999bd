//! Products on a CUDA device equal those on the CPU. Without a device: a clean reason.
#![cfg(feature = "cuda")]

mod common;

use common::{random, rows};
use tch::{Device, Kind, Tensor};
use tch_sparse::{SparseMatrix, SparsityPattern, cuda, sddmm, spmm};

const GPU: Device = Device::Cuda(0);

fn pattern(lengths: &[usize], columns: usize) -> SparsityPattern {
    let (row_ptr, list) = rows(lengths, columns);
    SparsityPattern::from_csr(lengths.len(), columns, row_ptr, &list).unwrap()
}

/// Largest difference over the largest number.
fn off(got: &Tensor, want: &Tensor) -> f64 {
    assert_eq!((got.size(), got.device()), (want.size(), GPU));
    if want.numel() == 0 {
        return 0.0;
    }
    let size = want.abs().max().double_value(&[]).max(1e-300);
    (got.to_device(Device::Cpu).to_kind(Kind::Double) - want).abs().max().double_value(&[]) / size
}

#[test]
fn without_a_device_there_is_a_reason() {
    if tch_function::cuda::is_available() {
        println!("there is a device: {:?}", cuda::facts(GPU));
        return;
    }
    for result in [cuda::facts(GPU).map(drop), cuda::prepare(GPU, Kind::Float, 8)] {
        let e = result.unwrap_err().to_string();
        assert!(e.contains("no CUDA device") && e.lines().count() == 1, "{e}");
    }
    assert!(cuda::facts(Device::Cpu).unwrap_err().to_string().contains("Cpu"));
}

#[test]
fn products_equal_those_on_the_cpu() {
    if !tch_function::cuda::is_available() {
        println!("not tested: no CUDA device");
        return;
    }
    println!("{:?}", cuda::facts(GPU).expect("a machine with a device has NVRTC beside libtorch"));
    // around the limits of who takes a row: a group of lanes, a block, several blocks
    let lengths = [0, 1, 7, 8, 9, 31, 33, 255, 256, 257, 1000, 4095, 4096, 4097, 9000, 0, 40, 3];
    for (lengths, columns) in [(&lengths[..], 9000), (&[0, 0, 0], 5), (&[], 4), (&[3, 0, 2, 5, 1, 4], 5)] {
        let p = pattern(lengths, columns);
        let values = random(&[p.n_entries() as i64], 1);
        for batch in [0, 1, 2, 3, 4, 5, 6, 8, 12, 31, 32, 33, 64, 100, 127, 128, 130, 264] {
            let (x, y) = (random(&[columns as i64, batch], 2), random(&[lengths.len() as i64, batch], 3));
            let cpu = SparseMatrix::new(&p, &values).unwrap();
            let (ax, aty, s) =
                (cpu.product(&x).unwrap(), cpu.transposed_product(&y).unwrap(), sddmm(&p, &y, &x).unwrap());
            for (kind, near) in [(Kind::Float, 1e-5), (Kind::Double, 1e-13)] {
                let there = |t: &Tensor| t.to_kind(kind).to_device(GPU);
                let (v, x, y) = (there(&values), there(&x), there(&y));
                let gpu = SparseMatrix::new(&p, &v).unwrap();
                let results =
                    || [gpu.product(&x).unwrap(), gpu.transposed_product(&y).unwrap(), sddmm(&p, &y, &x).unwrap()];
                let got = results();
                for (name, got, want) in [("A X", &got[0], &ax), ("At Y", &got[1], &aty), ("sampled", &got[2], &s)] {
                    let off = off(got, want);
                    assert!(off < near, "{name}, {kind:?}, batch {batch}, {} rows: {off}", lengths.len());
                }
                for (first, again) in got.iter().zip(results()) {
                    assert!(first.equal(&again), "another sum in another run: {kind:?}, batch {batch}");
                }
            }
        }
    }
}

/// Factors that begin between the wide loads, and strided ones.
#[test]
fn any_place_in_memory_will_do() {
    if !tch_function::cuda::is_available() {
        println!("not tested: no CUDA device");
        return;
    }
    let p = pattern(&[40, 0, 300, 7, 5000], 6000);
    let values = random(&[p.n_entries() as i64], 1);
    let x = random(&[6000, 8], 2);
    let want = spmm(&p, &values, &x).unwrap();
    for kind in [Kind::Float, Kind::Double] {
        let v = values.to_kind(kind).to_device(GPU);
        for shift in 1..4 {
            let room = Tensor::zeros([6000 * 8 + shift], (kind, GPU));
            let moved = room.narrow(0, shift, 6000 * 8).view([6000, 8]);
            moved.shallow_clone().copy_(&x);
            assert!(off(&spmm(&p, &v, &moved).unwrap(), &want) < 1e-5, "{kind:?}, {shift} numbers further");
        }
        let strided = x.tr().contiguous().to_kind(kind).to_device(GPU).tr();
        assert!(off(&spmm(&p, &v, &strided).unwrap(), &want) < 1e-5);
    }
}

#[test]
fn gradients_equal_those_on_the_cpu() {
    if !tch_function::cuda::is_available() {
        println!("not tested: no CUDA device");
        return;
    }
    let p = pattern(&[40, 0, 300, 7, 5000], 6000);
    let gradients = |device| {
        let v = random(&[p.n_entries() as i64], 1).to_device(device).set_requires_grad(true);
        let x = random(&[6000, 6], 2).to_device(device).set_requires_grad(true);
        spmm(&p, &v, &x).unwrap().square().sum(Kind::Double).backward();
        (v.grad(), x.grad())
    };
    let (cpu, gpu) = (gradients(Device::Cpu), gradients(GPU));
    assert!(off(&gpu.0, &cpu.0) < 1e-13 && off(&gpu.1, &cpu.1) < 1e-13);
    // the moved values follow a change in place
    let v = random(&[p.n_entries() as i64], 1).to_device(GPU);
    let a = SparseMatrix::new(&p, &v).unwrap();
    let y = random(&[5, 4], 3).to_device(GPU);
    let before = a.transposed_product(&y).unwrap();
    let _ = v.shallow_clone().g_mul_scalar_(2.0);
    assert!((a.transposed_product(&y).unwrap() - before * 2.0).abs().max().double_value(&[]) < 1e-10);
}
