//! What must hold of any computation, whatever the system.

use lyapunov::flow::{Flow, Integrator};
use lyapunov::system::{Lorenz63, Lorenz96, Rossler};
use lyapunov::{Activation, Coupling, Error, Interval, Point, PointMut, RateNetwork, Real, Run, Settings, Spectrum};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use tch_sparse::SparsityPattern;

fn normals(n: usize, scale: f64, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| scale * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng)).collect()
}

fn narrow<T: Real>(numbers: &[f64]) -> Vec<T> {
    numbers.iter().map(|&x| T::from_f64(x)).collect()
}

fn network<T: Real>(n: usize, gain: f64, seed: u64) -> RateNetwork<T> {
    let j = narrow(&normals(n * n, gain / (n as f64).sqrt(), seed));
    RateNetwork::builder(Coupling::dense(n, j).unwrap()).activation(Activation::Tanh).build().unwrap()
}

/// The same network with its zeros left out, and dense.
fn sparse_and_dense<T: Real>(n: usize, seed: u64) -> [RateNetwork<T>; 2] {
    let j: Vec<f64> = normals(n * n, 3.0 / (n as f64).sqrt(), seed)
        .into_iter()
        .zip(normals(n * n, 1.0, seed + 1))
        .map(|(j, keep)| if keep > 0.5 { j } else { 0.0 })
        .collect();
    let (mut row_ptr, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in j.chunks(n) {
        for (c, x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            columns.push(c as u32);
            values.push(T::from_f64(*x));
        }
        row_ptr.push(columns.len());
    }
    let pattern = SparsityPattern::from_csr(n, n, row_ptr, &columns).unwrap();
    let build = |c| {
        let types: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
        let (gains, shifts) = (narrow::<T>(&[1.1, 0.7]), narrow::<T>(&[0.1, -0.2]));
        RateNetwork::builder(c).types(&types).gains(&gains).shifts(&shifts).build().unwrap()
    };
    [build(Coupling::sparse(&pattern, values).unwrap()), build(Coupling::dense(n, narrow(&j)).unwrap())]
}

fn close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}: exponent {i} is {a} and {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Neither the interval nor the number of exponents asked for changes the leading ones.
    #[test]
    fn intervals_and_numbers_do_not_matter(n in 1usize..40, share in 0.0f64..1.0, gain in 0.3f64..3.0, seed in 0u64..1000) {
        let k = 1 + (share * (n - 1) as f64) as usize;
        let network = network::<f64>(n, gain, seed);
        let state = normals(n, 1.0, seed + 7);
        let start = normals(n * n, 1.0, seed + 8);
        let settings = |k: usize| {
            let columns: Vec<f64> = start.chunks(n).flat_map(|row| row[..k].to_vec()).collect();
            Settings::new(k).duration(12.0).start(&columns)
        };
        let all = settings(n).run(&network, &state).unwrap();
        for interval in [Interval::Time(0.1), Interval::Time(0.7), Interval::Adaptive] {
            let some = settings(k).interval(interval).run(&network, &state).unwrap();
            close(some.exponents(), &all.exponents()[..k], 1e-8, &format!("{interval:?}"));
        }
    }

    /// A sparse coupling and the same one with its zeros give the same exponents, up to the order in which sums are formed.
    #[test]
    fn sparse_is_dense(n in 2usize..60, seed in 0u64..1000) {
        let [sparse, dense] = sparse_and_dense::<f64>(n, seed);
        let state = normals(n, 1.0, seed);
        let settings = Settings::new(n.min(5)).duration(8.0);
        let (a, b) = (settings.run(&sparse, &state).unwrap(), settings.run(&dense, &state).unwrap());
        close(a.exponents(), b.exponents(), 1e-8, "sparse and dense");
    }
}

/// `h -> -h` turns a network of tanh into itself.
#[test]
fn point_symmetry() {
    let network = network::<f64>(50, 1.8, 3);
    let state = normals(50, 1.0, 4);
    let mirrored: Vec<f64> = state.iter().map(|x| -x).collect();
    let settings = Settings::new(50).duration(20.0);
    let (a, b) = (settings.run(&network, &state).unwrap(), settings.run(&network, &mirrored).unwrap());
    // The tanh of a number and of its negative differ by rounding.
    close(a.exponents(), b.exponents(), 1e-9, "mirrored");
}

/// The sum of all exponents is the mean logarithm of the determinant.
#[test]
fn the_sum_is_the_rate_at_which_volumes_change() {
    let flow = Lorenz96 { sites: 12, forcing: 8.0 }.steps(0.01);
    let state = normals(12, 3.0, 1);
    let spectrum = Settings::new(12).duration(30.0).run(&flow, &state).unwrap();
    assert!((spectrum.exponents().iter().sum::<f64>() + 12.0).abs() < 1e-3);
}

#[test]
fn single_precision_tells_the_same_of_stable_networks() {
    let state = normals(80, 1.0, 5);
    let settings = Settings::new(20).duration(60.0).transient(20.0);
    let double = settings.run(&network::<f64>(80, 0.7, 2), &state).unwrap();
    let single = settings.run(&network::<f32>(80, 0.7, 2), &narrow::<f32>(&state)).unwrap();
    close(single.exponents(), double.exponents(), 1e-3, "single and double");
}

fn bits<T: Real>(spectrum: &Spectrum<T>) -> Vec<u64> {
    spectrum.exponents().iter().chain(spectrum.standard_errors()).map(|x| x.to_bits()).collect()
}

#[test]
fn threads_do_not_matter() {
    let with = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let settings = Settings::new(40).duration(3.0);
            let [sparse, _] = sparse_and_dense::<f32>(700, 9);
            let state = normals(700, 1.0, 2);
            let mut all = bits(&settings.run(&network::<f64>(300, 2.0, 1), &state[..300]).unwrap());
            all.extend(bits(&settings.run(&sparse, &narrow::<f32>(&state)).unwrap()));
            let systems: Vec<_> = (0..3).map(|i| (network::<f32>(60, 1.5, i), narrow(&state[..60]))).collect();
            settings.run_all(&systems).unwrap().iter().for_each(|s| all.extend(bits(s)));
            all
        })
    };
    let one = with(1);
    assert!(one == with(2) && one == with(5));
}

#[test]
fn runs_stop_anywhere_and_go_on() {
    let map = Lorenz63::default().steps(0.01);
    let (settings, state) = (Settings::new(3).duration(30.0), [1.0, 2.0, 20.0]);
    let whole = settings.run(&map, &state).unwrap();
    for pieces in [1, 7, 29, 31, 1000] {
        let mut run = Run::new(&settings, &map, &state).unwrap();
        while run.advance(&map, pieces).unwrap() {
            run = Run::from_bytes(&run.to_bytes()).unwrap();
        }
        assert_eq!(run.spectrum(), whole, "by {pieces} steps");
    }
    // An interval that divides the first half's time: extended, it is the longer run.
    let settings = settings.interval(Interval::Time(0.1));
    let longer = settings.clone().duration(60.0).transient(0.3).tangent_transient(0.3).run(&map, &state).unwrap();
    let mut run = Run::new(&settings.transient(0.3).tangent_transient(0.3), &map, &state).unwrap();
    assert!(!run.advance(&map, u64::MAX).unwrap());
    run.extend(30.0).unwrap();
    assert!(run.extend(f64::INFINITY).is_err() && run.extend(-1.0).is_err());
    run.advance(&map, u64::MAX).unwrap();
    assert_eq!(run.into_spectrum(), longer);
}

#[test]
fn kept_runs_that_are_damaged_are_refused() {
    let map = Lorenz63::default().steps(0.01);
    let mut run = Run::<f64>::new(&Settings::new(2).duration(5.0), &map, &[1.0, 1.0, 20.0]).unwrap();
    run.advance(&map, 100).unwrap();
    let kept = run.to_bytes();
    assert!(Run::<f32>::from_bytes(&kept).unwrap_err().to_string().contains("kind"));
    for end in 0..kept.len() {
        assert!(matches!(Run::<f64>::from_bytes(&kept[..end]), Err(Error::Kept(_))), "{end}");
        let mut flipped = kept.clone();
        flipped[end] ^= 1 << (end % 8);
        // A flip may also leave all as it was, such as a blank in the header.
        if let Ok(run) = Run::<f64>::from_bytes(&flipped) {
            assert_eq!(run.to_bytes(), kept, "byte {end}");
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let map = network::<f64>(4, 1.0, 1);
    let state = [0.1, 0.2, 0.3, 0.4];
    let run = |settings: Settings| settings.run(&map, &state).unwrap_err().to_string();
    assert_eq!(run(Settings::new(0)), "exponents: 0 of a system of 4 numbers; ask for 1 to 4");
    assert_eq!(run(Settings::new(5)), "exponents: 5 of a system of 4 numbers; ask for 1 to 4");
    for (settings, word) in [
        (Settings::new(1).duration(0.0), "duration"),
        (Settings::new(1).duration(f64::NAN), "duration"),
        (Settings::new(1).transient(-1.0), "transient"),
        (Settings::new(1).tangent_transient(f64::INFINITY), "tangent_transient"),
        (Settings::new(1).interval(Interval::Time(0.0)), "interval"),
        (Settings::new(1).interval(Interval::Time(1e30)), "interval"),
        (Settings::new(1).start(&[0.0; 4]), "start"),
        (Settings::new(1).start(&[f64::NAN; 4]), "start"),
        (Settings::new(2).start(&[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]), "tangent 1 depends"),
        (Settings::new(2).start(&[1.0; 4]), "[4, 2]"),
    ] {
        let error = run(settings);
        assert!(error.contains(word), "{word}: {error}");
    }
    let short = Settings::new(1).run(&map, &state[..3]).unwrap_err().to_string();
    assert_eq!(short, "the starting state is [3], wanted is [4]");
    let endless = Settings::new(1).run(&map, &[f64::INFINITY, 0.0, 0.0, 0.0]).unwrap_err();
    assert!(matches!(endless, Error::NotFinite { what: "starting state", step: 0, .. }));
}

#[test]
fn what_diverges_or_vanishes_is_told() {
    // Henon's map far out, and a map that forgets one of its numbers.
    let henon = lyapunov::system::Henon::default();
    let error = Settings::new(1).duration(100.0).run(&henon, &[10.0, 10.0]).unwrap_err();
    assert!(matches!(error, Error::NotFinite { what: "state", .. }), "{error}");
    assert!(error.to_string().contains("diverges"), "{error}");
    let flat = lyapunov::system::Henon { a: 1.2, b: 0.0 };
    let error = Settings::new(2).duration(100.0).run(&flat, &[0.1, 0.0]).unwrap_err();
    assert!(matches!(error, Error::Vanished { column: 1, .. }), "{error}");
    assert!(Settings::new(1).duration(100.0).run(&flat, &[0.1, 0.0]).is_ok());
}

#[test]
fn an_interval_that_is_too_long_is_told() {
    let map = Lorenz63::default().steps(0.01);
    let settings = Settings::new(3).duration(50.0);
    let error = settings.clone().interval(Interval::Time(5.0)).run(&map, &[1.0, 1.0, 20.0]).unwrap_err();
    assert!(matches!(error, Error::Dependent { interval: 500, .. }), "{error}");
    // The run is where it was, and says the same again.
    let mut run = Run::new(&settings.clone().interval(Interval::Time(5.0)), &map, &[1.0, 1.0, 20.0]).unwrap();
    for _ in 0..3 {
        assert!(matches!(run.advance(&map, u64::MAX), Err(Error::Dependent { interval: 500, .. })));
        assert!(run.progress().0 < 1000 && run.spectrum().exponents().iter().all(|x| x.is_nan() || *x != 0.0));
    }
    // Tangents that fade until their numbers have no digits left.
    let fading = network::<f32>(10, 0.1, 1);
    let error = Settings::new(1).duration(2000.0).interval(Interval::Time(900.0)).run(&fading, &[0.1; 10]).unwrap_err();
    assert!(matches!(error, Error::Dependent { .. }), "{error}");
    assert!(settings.run(&map, &[1.0, 1.0, 20.0]).is_ok());
}

/// Van der Pol's oscillator, whose second exponent comes in bursts.
struct VanDerPol(f64);

impl<T: Real> Flow<T> for VanDerPol {
    type Work = ();
    fn dimension(&self) -> usize {
        2
    }
    fn work(&self, _: usize) {}
    fn eval(&self, _: f64, at: Point<'_, T>, to: PointMut<'_, T>, (): &mut ()) {
        let (x, y, mu) = (at.state[0], at.state[1], T::from_f64(self.0));
        let k = at.tangents.len() / 2;
        to.state[0] = y;
        to.state[1] = mu * (T::ONE - x * x) * y - x;
        for c in 0..k {
            let (p, q) = (at.tangents[c], at.tangents[k + c]);
            to.tangents[c] = q;
            to.tangents[k + c] = mu * (T::ONE - x * x) * q - (T::from_f64(2.0) * mu * x * y + T::ONE) * p;
        }
    }
}

/// An interval that adapts goes back where the system contracts much faster than it did before.
#[test]
fn bursts_are_followed() {
    fn of<T: Real>(mu: f64, dt: f64) -> Spectrum<T> {
        let map = Flow::<T>::steps_by(VanDerPol(mu), Integrator::RungeKutta4, dt);
        Settings::new(2).duration(100.0).transient(20.0).run(&map, &narrow::<T>(&[2.0, 0.0])).unwrap()
    }
    for (mu, dt) in [(5.0, 0.01), (10.0, 0.005), (30.0, 0.002)] {
        let (single, double) = (of::<f32>(mu, dt), of::<f64>(mu, dt));
        assert!(double.exponents()[0].abs() < 0.05, "{mu}: {:?}", double.exponents());
        assert!((single.exponents()[1] / double.exponents()[1] - 1.0).abs() < 0.02, "{mu}: {:?}", single.exponents());
    }
    let rossler = Flow::<f32>::steps_by(Rossler::default(), Integrator::RungeKutta4, 0.02);
    let spectrum = Settings::new(3).duration(2000.0).run(&rossler, &[1.0f32, 1.0, 0.0]).unwrap();
    assert!((spectrum.exponents()[2] / -5.39 - 1.0).abs() < 0.02, "{:?}", spectrum.exponents());
}

/// A network of rank 2 with steps of 1 forgets all but two directions.
#[test]
fn directions_that_a_step_forgets_are_told() {
    let n = 8;
    let (u, v) = (normals(2 * n, 0.8, 1), normals(2 * n, 0.8, 2));
    let j = (0..n * n).map(|at| (0..2).map(|r| u[r * n + at / n] * v[r * n + at % n]).sum()).collect();
    let network = RateNetwork::builder(Coupling::dense(n, j).unwrap()).dt(1.0).build().unwrap();
    let settings = |k| Settings::new(k).duration(50.0);
    let state = normals(n, 1.0, 3);
    assert!(settings(2).run(&network, &state).is_ok());
    let error = settings(3).run(&network, &state).unwrap_err();
    assert!(matches!(error, Error::Vanished { column: 2, .. }), "{error}");
    let still = Settings::new(1).duration(20.0).run(&lyapunov::system::Logistic { r: 2.0 }, &[0.5]).unwrap_err();
    assert!(matches!(still, Error::Vanished { column: 0, .. }) && still.to_string().contains("the largest exponent"));
}

#[test]
fn networks_that_make_no_sense_are_refused() {
    let coupling = || Coupling::dense(2, vec![0.0, 1.0, 1.0, 0.0]).unwrap();
    let build = |b: lyapunov::RateNetworkBuilder<f64>| b.build().unwrap_err().to_string();
    let of = || RateNetwork::builder(coupling());
    assert!(build(of().dt(0.0)).contains("dt") && build(of().dt(1.5)).contains("at most 1"));
    assert_eq!(build(of().types(&[0])), "the list of types is [1], wanted is [2]");
    assert!(build(of().types(&[0, 3]).gains(&[1.0, 1.0])).contains("of type 3, but there are 2"));
    assert_eq!(build(of().gains(&[1.0, 1.0]).shifts(&[0.0])), "shifts is [1], wanted is [2]");
    assert_eq!(build(of().gains(&[1.0; 3])), "gains is [3], wanted is [2]");
    assert_eq!(build(of().shifts(&[0.0])), "shifts is [1], wanted is [2]");
    assert!(build(of().input(&[f64::NAN, 0.0])).contains("finite"));
    assert_eq!(
        Coupling::dense(2, vec![0.0; 3]).unwrap_err().to_string(),
        "the coupling is 3 numbers, wanted is [2, 2]"
    );
    assert!(Coupling::dense(1, vec![f64::NAN]).unwrap_err().to_string().contains("finite"));
}
