//! A rate network with everything that belongs to it.

use connectome_io::Labels;
use lyapunov::{Activation, Coupling, Derivative, RateModel, RateNetwork, Wiring};

use crate::Error;

/// Where a network comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// Name of the connectome.
    pub source: String,
    /// SHA-256 over its neurons, signs and connections.
    pub sha256: String,
}

/// A rate network: magnitudes `W` and signs `C` of connections, so that `J = C W` entry by entry; gains and shifts by type; a starting
/// state; activation and length of a step. All numbers are doubles.
///
/// | part | default |
/// | --- | --- |
/// | types | each neuron is one, named by its number |
/// | gains | 1 |
/// | shifts | 0 |
/// | state | 0 |
/// | activation | `tanh(g (h - s))` |
/// | step | 0.1 time constants |
#[derive(Debug, Clone)]
pub struct RateSystem {
    wiring: Wiring,
    weights: Vec<f64>,
    signs: Vec<f64>,
    types: Labels,
    gains: Vec<f64>,
    shifts: Vec<f64>,
    state: Vec<f64>,
    activation: Activation,
    dt: f64,
    origin: Option<Origin>,
}

impl RateSystem {
    /// A network of magnitudes and signs, `[post, pre]` row by row or one per entry of a pattern.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] for lists of another length, magnitudes that are not finite, signs other than -1, 0 and 1, and magnitudes
    /// where the sign is 0.
    pub fn new(wiring: Wiring, weights: Vec<f64>, signs: Vec<f64>) -> Result<Self, Error> {
        let n = wiring.n();
        let entries = entries(&wiring);
        check_length("the magnitudes", weights.len(), entries)?;
        check_length("the signs", signs.len(), entries)?;
        let refuse = |setting, what| Err(lyapunov::Error::Setting { setting, what }.into());
        for (at, (w, c)) in weights.iter().zip(&signs).enumerate() {
            if !w.is_finite() {
                return refuse("weights", format!("number {at} is {w}; all must be finite"));
            }
            if ![-1.0, 0.0, 1.0].contains(c) {
                return refuse("signs", format!("number {at} is {c}; a sign is -1, 0 or 1"));
            }
            if *c == 0.0 && *w != 0.0 {
                let what = format!("number {at} is {w}, where the sign is 0; give both, or 0 for both");
                return refuse("weights", what);
            }
        }
        Ok(Self {
            wiring,
            weights,
            signs,
            types: Labels::from_values((0..n).map(|i| i.to_string())),
            gains: vec![1.0; n],
            shifts: vec![0.0; n],
            state: vec![0.0; n],
            activation: Activation::default(),
            dt: 0.1,
            origin: None,
        })
    }

    /// A network of effects, which are parted into magnitudes and signs.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_coupling(wiring: Wiring, mut coupling: Vec<f64>) -> Result<Self, Error> {
        let sign = |x: &f64| if *x == 0.0 { 0.0 } else { x.signum() };
        let signs = coupling.iter().map(sign).collect();
        coupling.iter_mut().for_each(|x| *x = x.abs());
        Self::new(wiring, coupling, signs)
    }

    /// Other magnitudes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_weights(self, weights: Vec<f64>) -> Result<Self, Error> {
        let Self { wiring, signs, .. } = Self::new(self.wiring, weights.clone(), self.signs)?;
        Ok(Self { wiring, signs, weights, ..self })
    }

    /// Types of neurons, one label per neuron, numbered in the order of the labels. Gains become 1 and shifts 0.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] unless there is one per neuron.
    pub fn with_types<S: AsRef<str>>(mut self, labels: &[S]) -> Result<Self, Error> {
        check_length("the labels of neurons", labels.len(), self.n())?;
        let mut names: Vec<String> = labels.iter().map(|l| l.as_ref().to_owned()).collect();
        names.sort();
        names.dedup();
        let code = |l: &S| names.binary_search_by(|name| name.as_str().cmp(l.as_ref())).unwrap_or_default() as u32;
        let codes = labels.iter().map(code).collect();
        self.types = Labels::new(names, codes)?;
        self.gains = vec![1.0; self.n_types()];
        self.shifts = vec![0.0; self.n_types()];
        Ok(self)
    }

    /// Types of neurons as numbered labels. Gains become 1 and shifts 0.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] unless there is one per neuron.
    pub fn with_numbered_types(mut self, types: Labels) -> Result<Self, Error> {
        check_length("the labels of neurons", types.len(), self.n())?;
        (self.gains, self.shifts) = (vec![1.0; types.n_names()], vec![0.0; types.n_names()]);
        self.types = types;
        Ok(self)
    }

    /// The gain of each type.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] for another length and numbers that are not finite.
    pub fn with_gains(mut self, gains: Vec<f64>) -> Result<Self, Error> {
        check("the gains", &gains, self.n_types())?;
        self.gains = gains;
        Ok(self)
    }

    /// The shift of each type.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] for another length and numbers that are not finite.
    pub fn with_shifts(mut self, shifts: Vec<f64>) -> Result<Self, Error> {
        check("the shifts", &shifts, self.n_types())?;
        self.shifts = shifts;
        Ok(self)
    }

    /// The starting state, `[neurons]`.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] for another length and numbers that are not finite.
    pub fn with_state(mut self, state: Vec<f64>) -> Result<Self, Error> {
        check("the starting state", &state, self.n())?;
        self.state = state;
        Ok(self)
    }

    /// The activation.
    #[must_use]
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Length of a step in time constants.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] unless it is above 0 and at most 1.
    pub fn with_dt(self, dt: f64) -> Result<Self, Error> {
        if !(dt > 0.0 && dt <= 1.0) {
            let what = format!("{dt} time constants; give a step above 0 and at most 1");
            return Err(lyapunov::Error::Setting { setting: "dt", what }.into());
        }
        Ok(Self { dt, ..self })
    }

    /// Where the network comes from.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Neurons.
    pub fn n(&self) -> usize {
        self.wiring.n()
    }

    /// Types of neurons.
    pub fn n_types(&self) -> usize {
        self.types.n_names()
    }

    /// Which pairs have an entry.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// Magnitudes, `[post, pre]` row by row or one per entry. Training may make them negative.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Signs -1, 0 and 1, as the magnitudes.
    pub fn signs(&self) -> &[f64] {
        &self.signs
    }

    /// The type of each neuron and the names of types.
    pub fn types(&self) -> &Labels {
        &self.types
    }

    /// By type.
    pub fn gains(&self) -> &[f64] {
        &self.gains
    }

    /// By type.
    pub fn shifts(&self) -> &[f64] {
        &self.shifts
    }

    /// The starting state.
    pub fn state(&self) -> &[f64] {
        &self.state
    }

    /// The activation.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Length of a step in time constants.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Where the network comes from, if that is a connectome.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// `J`: magnitudes times signs.
    pub fn coupling(&self) -> Vec<f64> {
        self.weights.iter().zip(&self.signs).map(|(w, c)| w * c).collect()
    }

    /// Postsynaptic neuron, presynaptic neuron and effect of each entry, row by row.
    pub fn connections(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let places: Box<dyn Iterator<Item = (usize, usize)>> = match &self.wiring {
            &Wiring::Dense(n) => Box::new((0..n * n).map(move |at| (at / n, at % n))),
            Wiring::Sparse(pattern) => {
                let layout = pattern.layout();
                Box::new(layout.to_rows().into_iter().zip(layout.to_columns()).map(|(i, j)| (i as usize, j as usize)))
            }
        };
        places.zip(self.weights.iter().zip(&self.signs)).map(|((post, pre), (w, c))| (post, pre, w * c))
    }

    /// The map whose exponents are asked for.
    ///
    /// # Errors
    /// [`Error::Lyapunov`].
    pub fn network(&self, derivative: Derivative) -> Result<RateNetwork<f64>, Error> {
        let coupling = match &self.wiring {
            Wiring::Dense(n) => Coupling::dense(*n, self.coupling())?,
            Wiring::Sparse(pattern) => Coupling::sparse(pattern, self.coupling())?,
        };
        let builder = RateNetwork::builder(coupling).activation(self.activation).dt(self.dt).derivative(derivative);
        Ok(builder.types(self.types.codes()).gains(&self.gains).shifts(&self.shifts).build()?)
    }

    /// What gradients flow through: coupling, state, gains and shifts are given as tensors.
    pub fn model(&self, derivative: Derivative) -> RateModel {
        RateModel::new(self.wiring.clone())
            .activation(self.activation)
            .dt(self.dt)
            .derivative(derivative)
            .types(self.types.codes(), self.n_types())
    }
}

/// Numbers of a coupling.
pub(super) fn entries(wiring: &Wiring) -> usize {
    match wiring {
        Wiring::Dense(n) => n * n,
        Wiring::Sparse(pattern) => pattern.n_entries(),
    }
}

fn check_length(what: &'static str, got: usize, want: usize) -> Result<(), Error> {
    if got == want {
        return Ok(());
    }
    Err(lyapunov::Error::Shape { what, got: format!("[{got}]"), want: format!("[{want}]") }.into())
}

fn check(what: &'static str, numbers: &[f64], want: usize) -> Result<(), Error> {
    check_length(what, numbers.len(), want)?;
    match numbers.iter().position(|x| !x.is_finite()) {
        Some(at) => {
            let problem = format!("number {at} is {}; all must be finite", numbers[at]);
            Err(lyapunov::Error::Setting { setting: what, what: problem }.into())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let new = |w: &[f64], c: &[f64]| RateSystem::new(Wiring::Dense(2), w.to_vec(), c.to_vec());
        assert!(new(&[0.0; 4], &[0.0; 4]).is_ok());
        for (w, c, what) in [
            (&[0.0; 3][..], &[0.0; 4][..], "magnitudes"),
            (&[0.0; 4], &[0.0; 5], "signs"),
            (&[0.0, f64::NAN, 0.0, 0.0], &[0.0; 4], "number 1 is NaN"),
            (&[0.0; 4], &[0.0, 0.5, 0.0, 0.0], "number 1 is 0.5"),
            (&[0.0, 0.0, 2.0, 0.0], &[0.0; 4], "number 2 is 2"),
        ] {
            let message = new(w, c).unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
        }
        let network = || new(&[0.0, 1.0, 2.0, 0.0], &[0.0, 1.0, -1.0, 0.0]).unwrap();
        assert_eq!(network().coupling(), [0.0, 1.0, -2.0, 0.0]);
        assert!(network().with_types(&["a"]).is_err());
        assert!(network().with_gains(vec![1.0; 3]).is_err());
        assert!(network().with_shifts(vec![f64::INFINITY, 0.0]).is_err());
        assert!(network().with_state(vec![0.0]).is_err());
        assert!(network().with_dt(0.0).is_err());
        let typed = network().with_types(&["b", "a"]).unwrap();
        assert_eq!((typed.types().names(), typed.types().codes()), (&["a".to_owned(), "b".into()][..], &[1, 0][..]));
    }
}
