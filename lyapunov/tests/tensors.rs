//! Maps of tensors, whose tangent products and gradients come by autograd.

use lyapunov::system::{Henon, Lorenz63};
use lyapunov::{Error, FunctionMap, Interval, Settings};
use tch::{Device, Kind, TchError, Tensor};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

fn henon(a: &Tensor) -> FunctionMap<impl Fn(&Tensor) -> Result<Tensor, TchError> + Send + 'static> {
    let a = a.shallow_clone();
    FunctionMap::new(1.0, move |x: &Tensor| {
        let (p, q) = (x.f_select(1, 0)?, x.f_select(1, 1)?);
        let next = 1.0 - p.f_square()?.f_mul(&a)? + q;
        Tensor::f_stack(&[next, 0.3 * p], 1)
    })
}

#[test]
fn functions_have_the_exponents_of_maps() {
    let settings = Settings::new(2).duration(30.0).start(&[1.0, 0.3, -0.2, 1.0]);
    let starts = [[0.1, 0.1], [0.2, -0.1], [0.0, 0.0]];
    let state = Tensor::from_slice(&starts.concat()).view([3, 2]);
    let of = settings.run_tensors(henon(&Tensor::from(1.4)), &state).unwrap();
    for (start, spectrum) in starts.iter().zip(&of.spectra) {
        let want = settings.run(&Henon::default(), start).unwrap();
        for (got, want) in spectrum.exponents().iter().zip(want.exponents()) {
            assert!((got - want).abs() < 1e-6, "{got} and {want}");
        }
    }
    assert_eq!((of.exponents.size(), of.state.size()), (vec![3, 2], vec![3, 2]));
}

#[test]
fn flows_too() {
    // Runge-Kutta steps of Lorenz' system, written with tensors.
    let field = |x: &Tensor| -> Result<Tensor, TchError> {
        let [x, y, z] = [0, 1, 2].map(|i| x.select(1, i));
        Tensor::f_stack(&[10.0 * (&y - &x), &x * (28.0 - &z) - &y, &x * &y - (8.0 / 3.0) * &z], 1)
    };
    let dt = 0.01;
    let map = FunctionMap::new(dt, move |x: &Tensor| {
        let a = field(x)?;
        let b = field(&(x + 0.5 * dt * &a))?;
        let c = field(&(x + 0.5 * dt * &b))?;
        let d = field(&(x + dt * &c))?;
        Ok(x + (dt / 6.0) * (a + 2.0 * b + 2.0 * c + d))
    });
    let settings = Settings::new(3).duration(4.0).start(&[1.0, 0.0, 0.2, 0.0, 1.0, 0.0, 0.3, 0.0, 1.0]);
    let state = [1.0, 1.0, 20.0];
    let want = settings.run(&Lorenz63::default().steps(dt), &state).unwrap();
    let of = settings.run_tensors(map, &Tensor::from_slice(&state).view([1, 3])).unwrap();
    for (got, want) in of.spectra[0].exponents().iter().zip(want.exponents()) {
        assert!((got - want).abs() < 1e-9, "{got} and {want}");
    }
}

#[test]
fn gradients_of_parameters_and_states() {
    let settings = Settings::new(2).duration(12.0).interval(Interval::Time(3.0)).start(&[1.0, 0.3, -0.2, 1.0]);
    let scalar = |a: &Tensor, x: &Tensor| {
        let of = settings.run_tensors_with(henon(a), x, &[a]).unwrap();
        (of.exponents.square() * Tensor::from_slice(&[1.0, 0.5])).sum(Kind::Double)
    };
    let leaf = |t: Tensor| t.set_requires_grad(true);
    let (a, x) = (leaf(Tensor::from(1.2)), leaf(Tensor::from_slice(&[0.1, 0.1, 0.3, -0.1]).view([2, 2])));
    scalar(&a, &x).backward();
    let differences = |at: &dyn Fn(f64) -> f64| {
        let h = 1e-4;
        (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
    };
    let (a0, x0) = (a.detach(), x.detach());
    let by_a = differences(&|h| scalar(&(&a0 + h), &x0).double_value(&[]));
    let got = a.grad().double_value(&[]);
    assert!((got - by_a).abs() < 1e-5 * by_a.abs().max(1.0), "{got}, by differences {by_a}");
    let direction = Tensor::from_slice(&[0.3, -1.0, 0.7, 0.2]).view([2, 2]);
    let by_x = differences(&|h| scalar(&a0, &(&x0 + h * &direction)).double_value(&[]));
    let got = (x.grad() * &direction).sum(Kind::Double).double_value(&[]);
    assert!((got - by_x).abs() < 1e-5 * by_x.abs().max(1.0), "{got}, by differences {by_x}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let settings = Settings::new(2).duration(5.0);
    let run = |settings: &Settings, state: &Tensor| settings.run_tensors(henon(&Tensor::from(1.4)), state).unwrap_err();
    assert!(matches!(run(&settings, &Tensor::zeros([2], DOUBLE)), Error::Shape { what: "the starting state", .. }));
    assert!(matches!(run(&settings, &Tensor::zeros([1, 2], (Kind::Half, Device::Cpu))), Error::Shape { .. }));
    assert!(run(&Settings::new(3), &Tensor::zeros([1, 2], DOUBLE)).to_string().contains("ask for 1 to 2"));
    assert!(run(&settings.clone().start(&[1.0]), &Tensor::zeros([1, 2], DOUBLE)).to_string().contains("[2, 2]"));
    let far = Tensor::full([1, 2], 10.0, DOUBLE);
    assert!(matches!(run(&settings.duration(100.0), &far), Error::NotFinite { .. } | Error::Vanished { .. }));
    // What libtorch refuses comes back in a line.
    let wrong = FunctionMap::new(1.0, |x: &Tensor| x.f_view([3, 5]));
    let error = Settings::new(1).run_tensors(wrong, &Tensor::zeros([1, 2], DOUBLE)).unwrap_err().to_string();
    assert!(error.contains("shape '[3, 5]'") && error.lines().count() == 1, "{error}");
}

/// A map of rank 1 forgets all but a direction: rounding leaves numbers, which are no exponents.
#[test]
fn directions_that_a_step_forgets_are_told() {
    let (u, v) = (Tensor::from_slice(&[0.9, -0.7, 0.4]), Tensor::from_slice(&[0.3, 1.1, -0.8]));
    let j = u.outer(&v);
    let map = || {
        let j = j.shallow_clone();
        FunctionMap::new(1.0, move |x: &Tensor| x.f_tanh()?.f_matmul(&j.f_transpose(0, 1)?))
    };
    let state = Tensor::from_slice(&[0.2, -0.3, 0.5]).view([1, 3]);
    let settings = |k| Settings::new(k).duration(20.0);
    assert!(settings(1).run_tensors(map(), &state).is_ok());
    let error = settings(2).run_tensors(map(), &state).unwrap_err();
    assert!(matches!(error, Error::Vanished { column: 1, .. }), "{error}");
}
