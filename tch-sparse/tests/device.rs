//! Right-hand sides and stages on every device that is there: the CPU, and CUDA where there is one.

use tch::{Device, Kind, Tensor};
use tch_sparse::device::{Phi, Rate, combine};
use tch_sparse::{Error, SparseMatrix, SparsityPattern};

fn devices() -> Vec<Device> {
    let cuda = tch_function::cuda::is_available();
    if !cuda {
        println!("no CUDA device: only the CPU is tested");
    }
    [Device::Cpu].into_iter().chain(cuda.then_some(Device::Cuda(0))).collect()
}

/// Square; one row has most columns, so that it is a long one for a GPU.
fn pattern(n: usize) -> SparsityPattern {
    let (mut row_ptr, mut list) = (vec![0], vec![]);
    for r in 0..n {
        list.extend((0..n as u32).filter(|c| r == 5 || (r * 31 + *c as usize * 17).is_multiple_of(7)));
        row_ptr.push(list.len());
    }
    SparsityPattern::from_csr(n, n, row_ptr, &list).unwrap()
}

fn random(shape: &[i64], seed: i64) -> Tensor {
    let n: i64 = shape.iter().product();
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 1.37 + seed as f64 * 0.71).sin().reshape(shape)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a.to_device(Device::Cpu).to_kind(Kind::Double) - b).abs().max().double_value(&[])
}

#[test]
fn rates_are_the_formula() {
    let n = 300i64;
    let p = pattern(n as usize);
    let values = random(&[p.n_entries() as i64], 1) * 0.2;
    let (scale, bias, tau) = (random(&[n], 2), random(&[n], 3), random(&[n], 4) * 0.5 + 1.5);
    let dense = SparseMatrix::new(&p, &values).unwrap().to_dense().unwrap();
    for device in devices() {
        for (kind, near) in [(Kind::Float, 3e-5), (Kind::Double, 1e-13)] {
            let there = |t: &Tensor| t.to_kind(kind).to_device(device);
            let (v, s, b, t) = (there(&values), there(&scale), there(&bias), there(&tau));
            let matrix = SparseMatrix::new(&p, &v).unwrap();
            for (batch, phi) in [1, 3, 8, 33].into_iter().flat_map(|batch| Phi::ALL.map(|phi| (batch, phi))) {
                let (h, drive) = (random(&[n, batch], 5), random(&[n, batch], 6));
                let (h_there, drive_there) = (there(&h), there(&drive));
                for whole in [false, true] {
                    let (z, rate) = if whole {
                        let z = dense.matmul(&(&h * scale.unsqueeze(1))) + &drive + bias.unsqueeze(1);
                        let (scale, drive, bias) = (Some(&s), Some(&drive_there), Some(&b));
                        (z, Rate { scale, drive, bias, ..Rate::new(&matrix, &t, phi) })
                    } else {
                        (dense.matmul(&h), Rate::new(&matrix, &t, phi))
                    };
                    let target = match phi {
                        Phi::Sigmoid => z.sigmoid(),
                        Phi::Tanh => z.tanh().relu(),
                        _ => z.relu(),
                    };
                    let off = distance(&rate.at(&h_there).unwrap(), &((target - &h) / tau.unsqueeze(1)));
                    assert!(off < near, "{device:?} {kind:?} {phi:?}, batch {batch}, all {whole}: {off}");
                }
            }
        }
    }
}

/// An overflow shows: a solver then rejects the step.
#[test]
fn not_a_number_stays_so() {
    let p = pattern(20);
    for device in devices() {
        let ones = |shape: &[i64]| Tensor::ones(shape, (Kind::Float, device));
        let (values, tau) = (ones(&[p.n_entries() as i64]), ones(&[20]));
        let matrix = SparseMatrix::new(&p, &values).unwrap();
        let h = ones(&[20, 2]);
        let _ = h.get(3).fill_(f64::NAN);
        for phi in Phi::ALL {
            let rate = Rate::new(&matrix, &tau, phi).at(&h).unwrap();
            assert!(rate.get(3).isnan().all().int64_value(&[]) == 1, "{device:?} {phi:?}");
            assert!(rate.get(5).isnan().all().int64_value(&[]) == 1, "{device:?} {phi:?}: row 5 sees neuron 3");
        }
    }
}

#[test]
fn stages_add_up() {
    for device in devices() {
        for (kind, near) in [(Kind::Float, 1e-5), (Kind::Double, 1e-14)] {
            let there = |t: &Tensor| t.to_kind(kind).to_device(device);
            // more stages than one launch takes, too
            for (rows, batch, stages) in
                [(7, 1, 0), (7, 1, 1), (50, 8, 7), (9, 6, 8), (11, 3, 13), (0, 4, 2), (4, 0, 2)]
            {
                let (y, dt) = (random(&[rows, batch], 1), random(&[batch], 2));
                let k: Vec<(f64, Tensor)> =
                    (0..stages).map(|j| (0.3 - 0.1 * f64::from(j), random(&[rows, batch], 3 + i64::from(j)))).collect();
                let mut want = y.copy();
                for (weight, k) in &k {
                    want += k * *weight * &dt;
                }
                let k: Vec<(f64, Tensor)> = k.iter().map(|(w, k)| (*w, there(k))).collect();
                let list: Vec<(f64, &Tensor)> = k.iter().map(|(w, k)| (*w, k)).collect();
                let got = combine(&there(&y), &there(&dt), &list).unwrap();
                assert_eq!((got.size(), got.kind(), got.device()), (y.size(), kind, device));
                assert!(
                    y.numel() == 0 || distance(&got, &want) < near,
                    "{device:?} {kind:?} [{rows}, {batch}], {stages}"
                );
            }
        }
    }
}

#[test]
fn misfits_are_refused_with_both_shapes() {
    let p = pattern(9);
    let matrix = SparseMatrix::new(&p, &random(&[p.n_entries() as i64], 1)).unwrap();
    let text = |r: Result<Tensor, Error>| r.unwrap_err().to_string();
    let (tau, h) = (random(&[9], 1), random(&[9, 2], 2));
    let short = random(&[8], 1);
    let good = Rate::new(&matrix, &tau, Phi::Tanh);
    assert!(text(Rate::new(&matrix, &short, Phi::Tanh).at(&h)).contains("tau has shape [8], the operation wants [9]"));
    assert!(text(Rate { bias: Some(&short), ..good }.at(&h)).contains("bias has shape [8]"));
    assert!(
        text(Rate { drive: Some(&tau), ..good }.at(&h)).contains("drive has shape [9], the operation wants [9, 2]")
    );
    assert!(text(good.at(&tau)).contains("h has shape [9], the operation wants [9, batch]"));
    assert!(text(good.at(&h.to_kind(Kind::Float))).contains("both must be Float or both Double"));
    let oblong = SparsityPattern::from_csr(1, 2, vec![0, 1], &[0]).unwrap();
    let matrix = SparseMatrix::new(&oblong, &random(&[1], 1)).unwrap();
    assert!(text(Rate::new(&matrix, &tau, Phi::Tanh).at(&h)).contains("matrix has shape [1, 2]"));
    let dt = random(&[2], 1);
    assert!(text(combine(&h, &tau, &[])).contains("dt has shape [9], the operation wants [2]"));
    assert!(text(combine(&h, &dt, &[(1.0, &tau)])).contains("a stage has shape [9], the operation wants [9, 2]"));
    assert!(combine(&h.to_kind(Kind::Half), &dt.to_kind(Kind::Half), &[]).is_err());
}
