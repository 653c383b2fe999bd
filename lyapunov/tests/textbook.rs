//! Systems whose exponents are known: exactly, or from the literature within three standard errors or half a percent.

use lyapunov::flow::{Flow, Integrator};
use lyapunov::system::{Henon, Ikeda, Logistic, Lorenz63, Lorenz96, Rossler};
use lyapunov::{Coupling, Point, PointMut, RateNetwork, Settings, Spectrum, StepMap};

fn run<M: StepMap<f64>>(map: &M, state: &[f64], duration: f64, transient: f64) -> Spectrum<f64> {
    let settings = Settings::new(state.len()).duration(duration).transient(transient).tangent_transient(transient);
    settings.run(map, state).unwrap()
}

/// Within three standard errors or half a percent.
fn agrees(spectrum: &Spectrum<f64>, published: &[f64]) {
    for (i, want) in published.iter().enumerate() {
        let (got, error) = (spectrum.exponents()[i], spectrum.standard_errors()[i]);
        assert!(
            (got - want).abs() <= (3.0 * error).max(5e-3 * want.abs()),
            "exponent {i}: {got} ± {error}, published {want}"
        );
        // A standard error so large that anything agrees would show nothing.
        assert!(error < 2e-2 * published[0].abs(), "exponent {i}: {got} ± {error}");
    }
}

fn sum(spectrum: &Spectrum<f64>) -> f64 {
    spectrum.exponents().iter().sum()
}

#[test]
fn logistic() {
    let spectrum = run(&Logistic::default(), &[0.3], 1e6, 1e3);
    agrees(&spectrum, &[2f64.ln()]);
    assert_eq!((spectrum.kaplan_yorke_dimension(), spectrum.entropy()), (1.0, spectrum.exponents()[0]));
}

#[test]
fn henon() {
    let spectrum = run(&Henon::default(), &[0.1, 0.1], 1e6, 1e3);
    agrees(&spectrum, &[0.41922, -1.62319]);
    assert!((sum(&spectrum) - 0.3f64.ln()).abs() < 1e-10);
    assert!((spectrum.kaplan_yorke_dimension() - 1.2583).abs() < 2e-3, "{}", spectrum.kaplan_yorke_dimension());
    assert!(spectrum.has_converged(5e-3) && !spectrum.has_converged(1e-9));
}

#[test]
fn ikeda() {
    let spectrum = run(&Ikeda::default(), &[0.1, 0.1], 4e5, 1e3);
    agrees(&spectrum, &[0.507, -0.718]);
    assert!((sum(&spectrum) - 2.0 * 0.9f64.ln()).abs() < 1e-9, "{:e}", sum(&spectrum) - 2.0 * 0.9f64.ln());
}

#[test]
fn lorenz_63() {
    let spectrum = run(&Lorenz63::default().steps(0.01), &[1.0, 1.0, 20.0], 6000.0, 50.0);
    agrees(&spectrum, &[0.9056]);
    assert!((spectrum.exponents()[1]).abs() < 2e-3, "{:?}", spectrum.exponents());
    assert!((spectrum.exponents()[2] / -14.5723 - 1.0).abs() < 5e-3);
    assert!((spectrum.kaplan_yorke_dimension() - 2.062).abs() < 2e-3);
    // The sum is that of the flow but for the step's error, which falls with its fourth power.
    let off = |dt: f64| (sum(&run(&Lorenz63::default().steps(dt), &[1.0, 1.0, 20.0], 50.0, 5.0)) + 41.0 / 3.0).abs();
    assert!(off(2e-3) < 1e-6, "{:e}", off(2e-3));
    let order = (off(0.01) / off(0.005)).log2();
    assert!(order > 3.5, "{order}");
}

#[test]
fn rossler() {
    let spectrum = run(&Rossler::default().steps(0.02), &[1.0, 1.0, 0.0], 20_000.0, 200.0);
    agrees(&spectrum, &[0.0714]);
    assert!(spectrum.exponents()[1].abs() < 1e-3 && (spectrum.exponents()[2] / -5.3943 - 1.0).abs() < 5e-3);
}

#[test]
fn lorenz_96() {
    let state: Vec<f64> = (0..40).map(|i| 8.0 + f64::from(u8::from(i == 19)) * 0.01).collect();
    let spectrum = run(&Lorenz96::default().steps(0.05), &state, 1000.0, 50.0);
    let largest = spectrum.largest();
    assert!((1.64..1.72).contains(&largest), "{largest}");
    assert!((spectrum.kaplan_yorke_dimension() - 27.1).abs() < 0.3, "{}", spectrum.kaplan_yorke_dimension());
    let positive = spectrum.exponents().iter().filter(|x| **x > 0.01).count();
    assert!((12..=14).contains(&positive), "{positive}");
    assert!((sum(&spectrum) + 40.0).abs() < 5e-2, "{}", sum(&spectrum));
}

/// `x' = A x` with A upper triangular.
struct Triangular;

impl Flow<f64> for Triangular {
    type Work = ();
    fn dimension(&self) -> usize {
        3
    }
    fn work(&self, _: usize) {}
    fn eval(&self, _: f64, at: Point<'_, f64>, to: PointMut<'_, f64>, (): &mut ()) {
        let k = at.tangents.len() / 3;
        let a = [[-0.5, 2.0, 1.0], [0.0, -1.0, 3.0], [0.0, 0.0, -2.0]];
        for (i, row) in a.iter().enumerate() {
            to.state[i] = (0..3).map(|j| row[j] * at.state[j]).sum();
            for c in 0..k {
                to.tangents[i * k + c] = (0..3).map(|j| row[j] * at.tangents[j * k + c]).sum();
            }
        }
    }
}

#[test]
fn linear_flows_are_exact() {
    let by = |method, dt: f64| run(&Triangular.steps_by(method, dt), &[1.0, 1.0, 1.0], 400.0, 100.0);
    let euler = by(Integrator::Euler, 0.1);
    for (got, rate) in euler.exponents().iter().zip([-0.5, -1.0, -2.0f64]) {
        assert!((got - (1.0 + 0.1 * rate).ln() / 0.1).abs() < 1e-10, "{:?}", euler.exponents());
    }
    let classical = by(Integrator::RungeKutta4, 0.1);
    for (got, rate) in classical.exponents().iter().zip([-0.5, -1.0, -2.0]) {
        assert!((got - rate).abs() < 1e-4, "{:?}", classical.exponents());
    }
    assert!(euler.standard_errors().iter().all(|e| *e < 1e-10) && euler.has_converged(1e-9));
}

/// A network at rest under the stretched tanh: `x' = (1 - dt) x + dt g J x` near the origin.
#[test]
fn a_network_at_rest_has_the_moduli_of_its_eigenvalues() {
    // Block triangular: real eigenvalues 2 and -1, and a complex pair 0.5 ± i.
    let j = vec![2.0, 0.3, 0.0, 1.0, 0.0, -1.0, 0.7, 0.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0, -1.0, 0.5];
    let gain = 0.4;
    let network = RateNetwork::builder(Coupling::dense(4, j).unwrap()).gains(&[gain; 4]).build().unwrap();
    let spectrum = run(&network, &[0.0; 4], 3000.0, 500.0);
    let real = |x: f64| (0.9 + 0.1 * gain * x).abs().ln() / 0.1;
    let pair = ((0.9 + 0.1 * gain * 0.5).powi(2) + (0.1f64 * gain).powi(2)).sqrt().ln() / 0.1;
    for (got, want) in spectrum.sorted().iter().zip([real(2.0), pair, pair, real(-1.0)]) {
        assert!((got - want).abs() < 2e-3, "{:?}", spectrum.sorted());
    }
}
