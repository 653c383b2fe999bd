//! Running an operation and hanging it into libtorch's graph.

use std::any::Any;
use std::ffi::{CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Device, Kind, Tensor};

use crate::error::brief;
use crate::ffi::{self, Callbacks, Raw};
use crate::{Error, Op, SecondDerivative};

/// Runs `op` on `inputs` and returns its outputs.
///
/// Where recording is on and an input requires a gradient, outputs of floating-point or complex kinds get a node in
/// libtorch's graph, which owns `op` and calls [`Op::backward`]; otherwise `op` is dropped before this returns. The same
/// tensor may be given several times.
///
/// # Errors
///
/// [`Error::Forward`] and [`Error::ForwardPanicked`] where the forward fails; [`Error::Attach`] where an input is undefined
/// or was modified in place, an output is undefined, shares memory with an input or another output, or has a history, or where
/// [`SecondDerivative::Recorded`] meets a saved intermediate.
///
/// What fails in the backward comes out of `Tensor::f_backward` or `Tensor::f_run_backward`: an `Err` or a panic in
/// [`Op::backward`]; a wrong number of gradients; a gradient whose shape, kind or device is not the input's; a saved tensor
/// that was modified in place; a second backward through a graph that was not kept.
pub fn apply<O: Op>(op: O, inputs: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
    let attach = |message| Error::Attach { op: O::NAME, message };
    let inputs: Vec<Tensor> = inputs.iter().map(|t| t.shallow_clone()).collect();
    let n = inputs.len();
    let raw_inputs = ffi::pointers(&inputs);
    let (mut needs, mut versions) = (vec![0u8; n], vec![0u64; n]);
    // SAFETY: three arrays of length n, pointers to live tensors in the first.
    unsafe { ffi::answer(ffi::tchf_inspect(raw_inputs.as_ptr(), n, needs.as_mut_ptr(), versions.as_mut_ptr())) }
        .map_err(attach)?;
    let needs: Vec<bool> = needs.into_iter().map(|b| b != 0).collect();

    // The panic is caught inside no_grad, which would otherwise leave recording off on this thread.
    let done = tch::no_grad(|| catch_unwind(AssertUnwindSafe(|| op.forward(&inputs, &needs))))
        .map_err(|payload| Error::ForwardPanicked { op: O::NAME, message: panic_text(&*payload) })?
        .map_err(|source| Error::Forward { op: O::NAME, source })?;

    let label = CString::new(O::NAME).map_err(|_| attach("Op::NAME holds a NUL".into()))?;
    let ctx = if needs.contains(&true) {
        let wants = inputs.iter().zip(&needs).map(|(t, &need)| need.then(|| Form::of(t)).transpose());
        let inputs = wants.collect::<Result<_, _>>().map_err(attach)?;
        Box::into_raw(Box::new(Context { op, inputs })).cast()
    } else {
        std::ptr::null_mut()
    };
    let (outputs, saved) = (ffi::pointers(&done.outputs), ffi::pointers(&done.saved));
    let callbacks = Callbacks { backward: backward::<O>, drop: drop_context::<O> };
    // SAFETY: arrays with their lengths, pointers to live tensors in them; ctx is null or a Context<O>, which the callbacks
    // expect and C++ owns from here on.
    unsafe {
        ffi::answer(ffi::tchf_attach(
            label.as_ptr(),
            raw_inputs.as_ptr(),
            versions.as_ptr(),
            n,
            outputs.as_ptr(),
            outputs.len(),
            saved.as_ptr(),
            saved.len(),
            ctx,
            callbacks,
            c_int::from(O::SECOND == SecondDerivative::Recorded),
        ))
    }
    .map_err(attach)?;
    Ok(done.outputs)
}

/// [`apply`] for an operation with one output.
///
/// # Errors
///
/// As [`apply`], and [`Error::Outputs`] where the operation returns another number of outputs.
pub fn apply_one<O: Op>(op: O, inputs: &[&Tensor]) -> Result<Tensor, Error> {
    let mut outputs = apply(op, inputs)?;
    match (outputs.pop(), outputs.len()) {
        (Some(output), 0) => Ok(output),
        (last, rest) => Err(Error::Outputs { op: O::NAME, got: rest + usize::from(last.is_some()), want: 1 }),
    }
}

/// What a node owns.
struct Context<O> {
    op: O,
    /// What the gradient of each input must look like; `None` for inputs that want none.
    inputs: Vec<Option<Form>>,
}

#[derive(Debug, PartialEq)]
struct Form {
    size: Vec<i64>,
    kind: Kind,
    device: Device,
}

impl Form {
    fn of(t: &Tensor) -> Result<Form, String> {
        let kind = t.f_kind().map_err(|e| brief(&e.to_string()).to_string())?;
        Ok(Form { size: t.size(), kind, device: t.device() })
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} on {:?}", self.size, self.kind, self.device)
    }
}

impl<O: Op> Context<O> {
    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, String> {
        let mut result = self.op.backward(saved, grads, needs).map_err(|e| brief(&e.to_string()).to_string())?;
        if result.len() != self.inputs.len() {
            return Err(format!("backward returned {} gradients for {} inputs", result.len(), self.inputs.len()));
        }
        for (i, (gradient, want)) in result.iter_mut().zip(&self.inputs).enumerate() {
            *gradient = gradient.take().filter(|g| needs[i] && g.defined());
            if let (Some(g), Some(want)) = (gradient, want) {
                let got = Form::of(g)?;
                if got != *want {
                    return Err(format!("backward returned a gradient of {got} for input {i}, which is {want}"));
                }
            }
        }
        Ok(result)
    }
}

unsafe extern "C" fn backward<O: Op>(
    ctx: *mut c_void,
    saved: *const Raw,
    n_saved: usize,
    grads: *const Raw,
    n_grads: usize,
    needs: *const u8,
    out: *mut Raw,
    n_inputs: usize,
) -> *mut c_char {
    let run = || -> Result<(), String> {
        // SAFETY: C++ hands over arrays with their lengths, of pointers that are null or live for this call, and the
        // Context<O> that `apply` gave it together with this very function.
        let (context, saved, grads, needs) = unsafe {
            (
                &*ctx.cast::<Context<O>>(),
                ffi::slice(saved, n_saved),
                ffi::slice(grads, n_grads),
                ffi::slice(needs, n_inputs),
            )
        };
        // SAFETY: not null, so live.
        let tensor = |&p: &Raw| (!p.is_null()).then(|| unsafe { Tensor::clone_from_ptr(p) });
        let saved: Vec<Tensor> = saved.iter().map(|p| tensor(p).unwrap_or_default()).collect();
        let grads: Vec<Option<Tensor>> = grads.iter().map(tensor).collect();
        let needs: Vec<bool> = needs.iter().map(|&b| b != 0).collect();
        for (i, gradient) in context.backward(&saved, &grads, &needs)?.into_iter().enumerate() {
            if let Some(gradient) = gradient {
                let mut gradient = std::mem::ManuallyDrop::new(gradient);
                // SAFETY: `out` has n_inputs places, as many as gradients; C++ deletes the tensor.
                unsafe { *out.add(i) = gradient.as_mut_ptr() };
            }
        }
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => std::ptr::null_mut(),
        Ok(Err(text)) => ffi::to_c(&text),
        Err(payload) => ffi::to_c(&format!("backward panicked: {}", panic_text(&*payload))),
    }
}

unsafe extern "C" fn drop_context<O: Op>(ctx: *mut c_void) {
    // A panic in a destructor must not unwind into C++; the hook has printed it.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the box that `apply` gave away, given back once.
        drop(unsafe { Box::from_raw(ctx.cast::<Context<O>>()) });
    }));
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    brief(text.unwrap_or("with a value that is not text")).to_string()
}
