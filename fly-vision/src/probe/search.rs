//! Changing a movie by gradient descent while the network stays as it is.

use tch::{Kind, Tensor};
use tch_train::{Adam, Optimizer, Parameters};

use crate::network::{Grey, Network, Record, Run};
use crate::{Error, Movie};

/// What luminance may become.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Bounds {
    /// Anything, as in the reference's regularised search. The default.
    #[default]
    Free,
    /// Between these two after each step; 0 and 1 is what a screen can show.
    Between(f64, f64),
}

/// A search for the movie with the least objective, by Adam on its luminance.
///
/// Only the gradient by the movie is computed: parameters of the network have and get none.
///
/// ```
/// use connectome_graph::hex::{Extent, expand};
/// use fly_vision::{Movie, Network, network::Wiring, probe::Search};
/// use tch::Kind;
///
/// let fly = expand(&fly_vision::connectome()?, Extent(2))?;
/// let mut network = Network::builder(Wiring::from_hex(&fly)?).build_alone()?;
/// network.set_pretrained(0)?;
/// // a movie that hyperpolarises Mi9 at its end
/// let grey = Movie::new(19, vec![0.5; 30 * 19])?;
/// let search = Search { iterations: 5, ..Search::new("Mi9") };
/// let found = search.run(&network, &grey, |seen| Ok(vec![seen.central.get(-1)]))?;
/// assert!(found.losses[4][0] < found.losses[0][0]);
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The type whose cells are recorded.
    pub cell_type: String,
    /// Steps of Adam. Default 100.
    pub iterations: usize,
    /// Learning rate. Default 0.01.
    pub lr: f64,
    /// Length of a frame in seconds. Default 1/100.
    pub dt: f64,
    /// Seconds of grey before the movie. Default 1.
    pub t_pre: f64,
    /// What luminance may become. Default [`Bounds::Free`].
    pub bounds: Bounds,
}

/// What an objective is of. All tensors are of the network's kind and carry gradients.
#[derive(Debug)]
pub struct Seen {
    /// The movie, `[frames, columns]`.
    pub movie: Tensor,
    /// Potential of the type's central cell, `[frames]`.
    pub central: Tensor,
    /// Potentials of all cells of the type, `[frames, cells]`.
    pub cells: Tensor,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The movie after the last step.
    pub movie: Movie,
    /// What the objective returned at each iteration, before its step.
    pub losses: Vec<Vec<f64>>,
    /// Potential of the central cell to the movie of the last iteration, before its step, `[frames]`.
    pub central: Vec<f64>,
    /// Potentials of all cells of the type to it, `[frames, cells]`.
    pub cells: Vec<f64>,
}

impl Search {
    /// The defaults for a type.
    pub fn new(cell_type: impl Into<String>) -> Self {
        Self { cell_type: cell_type.into(), iterations: 100, lr: 1e-2, dt: 0.01, t_pre: 1.0, bounds: Bounds::Free }
    }

    /// Starts from a movie and lowers the first of the numbers that the objective returns, each a tensor of one number; the others are kept
    /// in [`Found::losses`].
    ///
    /// # Errors
    /// [`Error::Unknown`] for a type that the network has not, [`Error::Setting`] for settings that make no sense, [`Error::NotFinite`] if
    /// the objective is no number any more, what the objective returns, otherwise as [`Network::forward`].
    pub fn run(
        &self,
        network: &Network,
        start: &Movie,
        mut objective: impl FnMut(&Seen) -> Result<Vec<Tensor>, Error>,
    ) -> Result<Found, Error> {
        if self.iterations == 0 {
            return Err(Error::setting("iterations", "0; at least 1"));
        }
        if let Bounds::Between(low, high) = self.bounds
            && (low.is_nan() || high.is_nan() || low > high)
        {
            return Err(Error::setting("bounds", format!("{low} to {high}; the lower one first")));
        }
        let wiring = network.wiring();
        let cells = wiring.cells_of(&self.cell_type)?;
        let central = central_among(network, &self.cell_type, &cells)?;
        let grey = network.steady_state(self.t_pre, self.dt, 1, Grey::default())?;
        let shown = start.to_tensor(network.kind())?.f_to_device(network.device())?.f_set_requires_grad(true)?;
        let stimulus = Parameters::new([("stimulus", shown.shallow_clone())])?;
        let mut optimizer = Optimizer::new(Adam { lr: self.lr, ..Adam::default() }, &stimulus)?;
        let run = Run::new(self.dt).from(&grey).record(Record::Cells(cells));
        let mut found = Found { movie: start.clone(), losses: Vec::new(), central: Vec::new(), cells: Vec::new() };
        for iteration in 0..self.iterations {
            let activity = network.forward(&shown.f_unsqueeze(0)?, &run)?.activity.f_squeeze_dim(0)?;
            let seen = Seen { central: activity.f_select(1, central)?, cells: activity, movie: shown.shallow_clone() };
            let losses = objective(&seen)?;
            let Some(loss) = losses.first() else {
                return Err(Error::setting("objective", "it returned nothing; at least the number to be lowered"));
            };
            let mut row = Vec::with_capacity(losses.len());
            for loss in &losses {
                row.push(loss.f_to_kind(Kind::Double)?.f_sum(Kind::Double)?.f_double_value(&[])?);
            }
            if !row[0].is_finite() {
                return Err(Error::NotFinite {
                    frame: iteration,
                    cell_type: self.cell_type.clone(),
                    advice: "the objective is no number at this iteration; lower the learning rate or bound the movie",
                });
            }
            found.losses.push(row);
            if iteration + 1 == self.iterations {
                found.central = numbers(&seen.central)?;
                found.cells = numbers(&seen.cells)?;
            }
            let gradient = Tensor::f_run_backward(&[loss], &[&shown], false, false)?.swap_remove(0);
            // leaves the gradient with the movie, and none with the network
            optimizer.zero_grad()?;
            shown.f_mul(&gradient.f_detach()?)?.f_sum(None::<Kind>)?.f_backward()?;
            optimizer.step()?;
            if let Bounds::Between(low, high) = self.bounds {
                let _ = tch::no_grad(|| shown.shallow_clone().f_clamp_(low, high))?;
            }
        }
        let luminance = numbers(&shown)?.into_iter().map(|x| x as f32).collect();
        found.movie = Movie::new(start.columns(), luminance)?;
        Ok(found)
    }
}

/// Place of the central cell among the cells of its type.
fn central_among(network: &Network, cell_type: &str, cells: &[u32]) -> Result<i64, Error> {
    let central = network.wiring().central_cells();
    match cells.iter().position(|cell| central.contains(cell)) {
        Some(place) => Ok(place as i64),
        None => Err(Error::setting("cell type", format!("{cell_type} has no cell in the central column"))),
    }
}

fn numbers(t: &Tensor) -> Result<Vec<f64>, Error> {
    Ok(Vec::<f64>::try_from(t.f_detach()?.f_to_kind(Kind::Double)?.f_contiguous()?.f_view(-1)?)?)
}
