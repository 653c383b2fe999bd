"""diffrax: value and gradients of mean(h(1)^2), jit-compiled, f32; the default adjoint (recursive checkpointing).

Variants: segment_sum (gather, multiply, sum by row), bcoo (jax.experimental.sparse). The first call compiles.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import sparse

from measure import arguments, measure, report_gradient
from sparse_forward import ATOL, RTOL, arrays

job, variant, calls, _ = arguments()
row_ptr, columns, weights, drive, tau, batch, neurons = arrays(job)
rows = np.repeat(np.arange(neurons, dtype=np.int32), np.diff(row_ptr))
indices = jnp.asarray(np.stack([rows, columns], 1))
rows, columns_ = jnp.asarray(rows), jnp.asarray(columns)
drive = jnp.asarray(drive)
h0 = jnp.zeros((neurons, batch), jnp.float32)
parameters = (jnp.asarray(weights), jnp.zeros((neurons, 1), jnp.float32), jnp.asarray(tau)[:, None])


def product(weights, h):
    if variant == "bcoo":
        w = sparse.BCOO((weights, indices), shape=(neurons, neurons), indices_sorted=True, unique_indices=True)
        return w @ h
    return jax.ops.segment_sum(weights[:, None] * h[columns_], rows, neurons, indices_are_sorted=True)


def loss(parameters):
    weights, bias, tau = parameters

    def field(t, h, args):
        return (jax.nn.relu(jax.nn.sigmoid(product(weights, h) + drive + bias)) - h) / tau

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field), diffrax.Dopri5(), 0.0, 1.0, None, h0, max_steps=64,
        saveat=diffrax.SaveAt(t1=True), stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
    )
    return jnp.mean(solution.ys[-1] ** 2), solution.stats["num_steps"]


run = jax.jit(jax.value_and_grad(loss, has_aux=True))
((_, steps), gradients), measured = measure(lambda: jax.block_until_ready(run(parameters)), calls)
# signs were folded into the weights
report_gradient(measured, np.asarray(gradients[0]) * job.signs[job.columns], job.reference, steps)
