"""scipy: solve_ivp's RK45 (Dormand and Prince's) on scipy's CSR product, one step size for the batch.

solve_ivp holds states in f64; the network's numbers and the product are f32. It uses one thread.
"""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse import csr_matrix
from scipy.special import expit

from measure import arguments, measure, report
from sparse_forward import ATOL, RTOL, arrays, times

job, variant, calls, _ = arguments()
row_ptr, columns, weights, drive, tau, batch, neurons = arrays(job)
w = csr_matrix((weights, columns, row_ptr), shape=(neurons, neurons))
tau = tau[:, None]
t_eval = times()
h0 = np.zeros(neurons * batch)


def field(t, h):
    h = h.reshape(neurons, batch).astype(np.float32)
    return ((np.maximum(expit(w @ h + drive), 0.0) - h) / tau).ravel()


solution, measured = measure(lambda: solve_ivp(field, (0.0, 1.0), h0, "RK45", t_eval, rtol=RTOL, atol=ATOL), calls)
assert solution.success, solution.message
h = solution.y.T.reshape(len(t_eval), neurons, batch).transpose(2, 0, 1)
# two for the first step's length, six per step
report(measured, h, job.reference, (solution.nfev - 2) // 6, solution.nfev)
