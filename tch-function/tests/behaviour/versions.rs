//! Version counters and inference mode.

use std::panic::catch_unwind;

use tch::Tensor;
use tch_function::{Error, apply_one, inference_mode, tensor_version};

use crate::ops::{Product, RawCube, leaf, values};

#[test]
fn a_version_counts_changes_through_any_view() {
    let x = values(&[4], 1);
    let v = |t: &Tensor| tensor_version(t).unwrap();
    assert_eq!(v(&x), v(&x.shallow_clone()));
    let before = v(&x);
    let _ = x.narrow(0, 1, 2).fill_(0.5);
    assert_eq!(v(&x), before + 1);
    let _ = &x * 2.0;
    assert_eq!(v(&x), before + 1, "reading is no change");
    assert_eq!(v(&x.detach()), before + 1);
    let w = leaf(&[4], 2);
    let before = v(&w);
    tch::no_grad(|| {
        let _ = w.shallow_clone().g_add_(&x);
    });
    assert_eq!(v(&w), before + 1, "an optimiser's step");
}

#[test]
fn tensors_without_a_version_are_told() {
    assert!(matches!(tensor_version(&Tensor::new()), Err(Error::Libtorch(_))));
    let x = inference_mode(|| values(&[3], 1)).unwrap();
    assert!(x.is_inference());
    assert!(matches!(tensor_version(&x), Err(Error::NoVersion)));
    assert!(!values(&[3], 1).is_inference(), "the mode is left");
}

#[test]
fn operations_work_in_inference_mode() {
    let x = leaf(&[3], 1);
    let (y, z) = inference_mode(|| {
        let y = apply_one(RawCube, &[&x]).unwrap();
        let z = apply_one(Product::default(), &[&y, &x]).unwrap();
        (y, z)
    })
    .unwrap();
    assert!(!y.requires_grad() && z.is_inference());
    assert!(z.copy().allclose(&(&x * &x * &x * &x).detach(), 1e-14, 1e-14, false));
    // As a constant of a recorded computation: libtorch refuses to save it, with an error and no crash.
    let e = apply_one(Product::default(), &[&x, &z]).unwrap_err().to_string();
    assert!(e.starts_with("Product: ") && e.contains("nference tensors cannot be saved for backward"), "{e}");
    assert!(apply_one(Product::default(), &[&x, &z.copy()]).unwrap().requires_grad());
}

#[test]
fn inference_mode_nests_and_survives_panics() {
    let recording = || leaf(&[1], 1).exp().requires_grad();
    inference_mode(|| {
        inference_mode(|| ()).unwrap();
        assert!(values(&[1], 1).is_inference());
        assert!(catch_unwind(|| inference_mode(|| panic!("on purpose"))).is_err());
        assert!(values(&[1], 1).is_inference());
    })
    .unwrap();
    assert!(catch_unwind(|| inference_mode(|| panic!("on purpose"))).is_err());
    assert!(recording());
}
