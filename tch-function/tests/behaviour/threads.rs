//! Operations on many threads at once.

use std::sync::Arc;

use tch::Tensor;
use tch_function::apply_one;

use crate::ops::{RawCube, exp, leaf, product, same, total, values};

fn work(seed: u32) -> Tensor {
    let (a, b) = (leaf(&[50], seed), leaf(&[50], seed + 1));
    let y = total(&exp(&product(&apply_one(RawCube, &[&a]).unwrap(), &b)));
    let g = Tensor::run_backward(&[&y], &[&a, &b], false, false);
    Tensor::cat(&g, 0)
}

#[test]
fn forward_and_backward_on_many_threads() {
    let want: Vec<Tensor> = (0..8).map(work).collect();
    let found: Vec<Vec<Tensor>> = std::thread::scope(|s| {
        let threads: Vec<_> =
            (0..8).map(|i| s.spawn(move || (0..100).map(|k| work((i + k) % 8)).collect::<Vec<_>>())).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for (i, row) in found.iter().enumerate() {
        for (k, g) in row.iter().enumerate() {
            assert!(same(g, &want[(i + k) % 8]));
        }
    }
}

#[test]
fn backward_and_drop_on_another_thread_than_forward() {
    let op = Arc::new(RawCube);
    let weak = Arc::downgrade(&op);
    let x = leaf(&[5], 1);
    let leaf = x.shallow_clone();
    let y = total(&apply_one(op, &[&x]).unwrap());
    let g = std::thread::spawn(move || {
        let g = Tensor::run_backward(&[&y], &[&leaf], false, false).remove(0);
        drop(y);
        g
    })
    .join()
    .unwrap();
    assert!(g.allclose(&(&x * &x * 3.0).detach(), 1e-15, 1e-15, false));
    assert_eq!(weak.strong_count(), 0);
}

/// Threads that share a part of the graph, as in libtorch's own multi-threaded backward.
#[test]
fn one_kept_graph_from_many_threads() {
    let x = leaf(&[20], 1);
    let shared = exp(&apply_one(RawCube, &[&x]).unwrap());
    let want = Tensor::run_backward(&[total(&shared)], &[&x], true, false).remove(0);
    let parts: Vec<(Tensor, Tensor)> = (0..6).map(|_| (shared.shallow_clone(), x.shallow_clone())).collect();
    let threads: Vec<_> = parts
        .into_iter()
        .map(|(y, x)| {
            std::thread::spawn(move || {
                (0..50).map(|_| Tensor::run_backward(&[total(&y)], &[&x], true, false).remove(0)).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap().iter().all(|g| same(g, &want)));
    }
}

#[test]
fn an_error_stays_on_its_thread() {
    let threads: Vec<_> = (0..4)
        .map(|i| {
            std::thread::spawn(move || {
                for _ in 0..50 {
                    let z = values(&[3], i);
                    let x = leaf(&[3], i);
                    let y = total(&product(&x, &z));
                    if i % 2 == 0 {
                        let _ = z.shallow_clone().fill_(0.0);
                    }
                    assert_eq!(y.f_backward().is_err(), i % 2 == 0);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
