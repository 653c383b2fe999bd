//! Networks of `sparse-ode` as flows.

use crate::flow::Flow;
use crate::{Point, PointMut};
use sparse_ode::{HeldInput, HeldWork};
use tch_sparse::Real;

/// A [`ConnectomeOdeRnn`](sparse_ode::ConnectomeOdeRnn) under a held input.
///
/// ```
/// use connectome_graph::Topology;
/// use lyapunov::{Settings, flow::{Flow, Integrator}};
/// use sparse_ode::ConnectomeOdeRnn;
/// use tch::{Device, Kind, Tensor, nn};
///
/// // Three neurons in a ring, row = postsynaptic.
/// let ring = Topology::from_csr(3, 3, vec![0, 1, 2, 3], vec![2, 0, 1], vec![0.5; 3])?;
/// let vs = nn::VarStore::new(Device::Cpu);
/// let model = ConnectomeOdeRnn::builder(3, &ring).build(&vs.root())?;
/// let field = model.held_input::<f32>(&Tensor::zeros([3], (Kind::Float, Device::Cpu)))?;
/// let spectrum = Settings::new(3).run(&field.steps_by(Integrator::RungeKutta4, 0.1), &[0.1, 0.2, 0.3])?;
/// assert!(spectrum.largest() < 0.0);               // activity settles
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<T: Real> Flow<T> for HeldInput<T> {
    type Work = HeldWork<T>;

    fn dimension(&self) -> usize {
        self.neurons()
    }

    fn work(&self, tangents: usize) -> HeldWork<T> {
        HeldInput::work(self, tangents)
    }

    fn eval(&self, _time: f64, at: Point<'_, T>, to: PointMut<'_, T>, work: &mut HeldWork<T>) {
        HeldInput::eval(self, at.state, at.tangents, to.state, to.tangents, work);
    }
}
