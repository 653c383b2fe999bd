//! What a differentiable operation is.

use std::sync::Arc;

use tch::Tensor;

/// Any error that an operation may return.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the forward hands over.
#[derive(Debug)]
pub struct Forward {
    /// New tensors with memory of their own: neither inputs nor views of them or of each other (refused), nor of anything
    /// that the operation keeps. A tensor of an integer or boolean kind is an output without a gradient; to drop the
    /// gradient of any other one, `detach()` it after [`apply`](crate::apply).
    pub outputs: Vec<Tensor>,
    /// Inputs, outputs or intermediates that the backward needs, in an order of the operation's choice. Ignored where no
    /// input needs a gradient.
    ///
    /// libtorch keeps them: one that is modified in place before the backward is refused there, and an output kept here
    /// makes no reference cycle. [`save_if`] leaves a slot empty and the order unchanged.
    pub saved: Vec<Tensor>,
}

/// What happens when a gradient of the operation is differentiated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondDerivative {
    /// An error, from the second `backward`, which names the operation. Right for a backward with kernels of its own: what
    /// they do is not recorded, and without this the second derivative would be a silent zero.
    Refuse,
    /// The backward runs with recording on when `create_graph` asks for it. Right where it consists of differentiable
    /// operations only (tch's own, or [`apply`](crate::apply)) on `saved` and `grads`. Floating-point tensors in
    /// [`Forward::saved`] must then be inputs or outputs themselves: an intermediate would pass for a constant.
    Recorded,
}

/// A differentiable operation.
///
/// [`apply`](crate::apply) runs it. An operation holds what is constant (sizes, index structures, options) and gets tensors
/// as inputs. `tch::Tensor` is `Send` but not `Sync`: constant tensors are inputs as well, or stay behind a mutex.
///
/// It is `Send + Sync` because libtorch runs the backward of CUDA tensors on threads of its own, while that of CPU tensors
/// runs on the thread that calls `backward()`; the last owner of the graph drops it, on whatever thread.
///
/// An `Err` or a panic in either method comes out as an `Err`: of [`apply`](crate::apply), or of `Tensor::f_backward` and
/// `Tensor::f_run_backward` (their short forms `backward` and `run_backward` panic, as all of tch does).
pub trait Op: Send + Sync + 'static {
    /// The name in messages, free of NUL.
    const NAME: &'static str;

    /// What happens when a gradient is differentiated again. Default: refused.
    const SECOND: SecondDerivative = SecondDerivative::Refuse;

    /// Computes the outputs. Recording is off.
    ///
    /// `needs[i]` tells whether input `i` wants a gradient, so that the forward saves no more than the backward will use;
    /// all are false where nothing is recorded. Inputs must not be modified in place.
    ///
    /// # Errors
    ///
    /// Of the operation's choice.
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError>;

    /// Computes the gradient of a scalar with respect to each input from its gradients with respect to the outputs.
    ///
    /// `saved` is [`Forward::saved`] in its order. `grads[i]` belongs to output `i`, with its shape, kind and device; `None`
    /// stands for zero: nothing depends on that output, or it is of an integer kind. Gradients may be of any layout
    /// (`sum()` sends one of stride 0): call `contiguous()` before reading memory. Neither `saved` nor `grads` may be
    /// modified in place.
    ///
    /// Returns one entry per input, with that input's shape, kind and device; `None` where `needs` is false or the gradient
    /// is zero. `needs[i]` may be false here where it was true in the forward (a gradient with respect to some inputs
    /// only), never the other way round.
    ///
    /// # Errors
    ///
    /// Of the operation's choice.
    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError>;
}

/// One operation, with all that it holds, for many calls.
impl<O: Op> Op for Arc<O> {
    const NAME: &'static str = O::NAME;
    const SECOND: SecondDerivative = O::SECOND;

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        O::forward(self, inputs, needs)
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        O::backward(self, saved, grads, needs)
    }
}

/// `tensor` for [`Forward::saved`] where `condition` holds, otherwise an empty (undefined) tensor that takes no memory.
///
/// ```
/// # use tch::{Kind, Tensor, Device};
/// let x = Tensor::ones([3], (Kind::Double, Device::Cpu));
/// assert!(tch_function::save_if(true, &x).defined());
/// assert!(!tch_function::save_if(false, &x).defined());
/// ```
pub fn save_if(condition: bool, tensor: &Tensor) -> Tensor {
    if condition { tensor.shallow_clone() } else { Tensor::new() }
}
