//! CUDA at run time, in a process of its own: libtorch keeps its first answer about CUDA.

use tch::{Device, Kind, Tensor};
use tch_function::{BoxError, Error, Forward, Op, apply_one, cuda};

struct Cube;

impl Op for Cube {
    const NAME: &'static str = "Cube";

    fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        Ok(Forward { outputs: vec![&t[0] * &t[0] * &t[0]], saved: vec![t[0].shallow_clone()] })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        Ok(vec![grads[0].as_ref().map(|g| g * &saved[0] * &saved[0] * 3.0)])
    }
}

#[test]
fn cuda_answers_cleanly_whether_it_is_there_or_not() {
    let dir = cuda::libtorch_dir().expect("the tests link libtorch_cpu.so");
    assert!(dir.join("libtorch_cpu.so").exists());
    let library = dir.join("libtorch_cuda.so");

    let loaded = cuda::load();
    match &loaded {
        Ok(()) => assert!(library.exists()),
        Err(Error::NoCudaLibrary(path)) => assert!(*path == library && !library.exists()),
        Err(e) => assert!(matches!(e, Error::CudaLibrary { .. }) && library.exists(), "{e}"),
    }
    let again = cuda::load();
    assert_eq!(format!("{loaded:?}"), format!("{again:?}"), "the answer does not change");

    assert!(matches!(cuda::current_stream(Device::Cpu), Err(Error::NotCuda(Device::Cpu))));
    if !cuda::is_available() {
        let e = cuda::current_stream(Device::Cuda(0)).unwrap_err().to_string();
        assert!(!e.contains("frame #") && e.lines().count() <= 2, "{e}");
        println!("no CUDA device; current_stream says: {e}");
        return;
    }
    println!("CUDA devices: {}", tch::Cuda::device_count());
    let device = Device::Cuda(0);
    assert_eq!(cuda::current_stream(device).unwrap(), cuda::current_stream(device).unwrap());
    assert!(cuda::current_stream(Device::Cuda(10_000)).is_err());
    let x = Tensor::from_slice(&[1.0, 2.0]).to_device(device).set_requires_grad(true);
    apply_one(Cube, &[&x]).unwrap().sum(Kind::Double).f_backward().unwrap();
    assert_eq!(Vec::<f64>::try_from(x.grad()).unwrap(), [3.0, 12.0]);
    tch_function::gradcheck::first(|t| apply_one(Cube, &[&t[0]]).unwrap(), &[&x]).unwrap();
    let x = Tensor::from_slice(&[1.0, 2.0]).set_requires_grad(true);
    struct Away;
    impl Op for Away {
        const NAME: &'static str = "Away";
        fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
            Ok(Forward { outputs: vec![t[0].to_device(Device::Cuda(0))], saved: vec![] })
        }
        fn backward(
            &self,
            _: &[Tensor],
            grads: &[Option<Tensor>],
            _: &[bool],
        ) -> Result<Vec<Option<Tensor>>, BoxError> {
            Ok(vec![grads[0].as_ref().map(Tensor::shallow_clone)])
        }
    }
    let e = apply_one(Away, &[&x]).unwrap().sum(Kind::Double).f_backward().unwrap_err().to_string();
    assert!(e.contains("[2] Double on Cuda(0) for input 0, which is [2] Double on Cpu"), "{e}");
}
