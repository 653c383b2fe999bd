"""diffrax: Dopri5 with a PID controller, one step size for the batch, jit-compiled, f32.

Variants: segment_sum (gather, multiply, sum by row), bcoo (jax.experimental.sparse). The first call compiles.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import sparse

from measure import arguments, measure, report
from sparse_forward import ATOL, RTOL, arrays, times

job, variant, calls, _ = arguments()
row_ptr, columns, weights, drive, tau, batch, neurons = arrays(job)
rows = np.repeat(np.arange(neurons, dtype=np.int32), np.diff(row_ptr))
if variant == "bcoo":
    w = sparse.BCOO(
        (jnp.asarray(weights), jnp.asarray(np.stack([rows, columns], 1))),
        shape=(neurons, neurons), indices_sorted=True, unique_indices=True,
    )
else:
    w = (jnp.asarray(weights), jnp.asarray(columns), jnp.asarray(rows))
drive, tau = jnp.asarray(drive), jnp.asarray(tau)[:, None]
t_eval = jnp.asarray(times(), jnp.float32)
h0 = jnp.zeros((neurons, batch), jnp.float32)


def product(w, h):
    if variant == "bcoo":
        return w @ h
    weights, columns, rows = w
    return jax.ops.segment_sum(weights[:, None] * h[columns], rows, neurons, indices_are_sorted=True)


@jax.jit
def run(w, drive, tau, h0):
    def field(t, h, args):
        return (jax.nn.relu(jax.nn.sigmoid(product(w, h) + drive)) - h) / tau

    return diffrax.diffeqsolve(
        diffrax.ODETerm(field), diffrax.Dopri5(), 0.0, 1.0, None, h0,
        saveat=diffrax.SaveAt(ts=t_eval), stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
    )


solution, measured = measure(lambda: jax.block_until_ready(run(w, drive, tau, h0)), calls)
# [times, neurons, batch] to [batch, times, neurons]
report(measured, np.asarray(solution.ys).transpose(2, 0, 1), job.reference, solution.stats["num_steps"])
