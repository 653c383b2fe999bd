"""torchode as bioplnn uses it: gather, multiply, scatter-add; libtorch's autograd through every operation, f32.

Step sizes count as constants, as in ours. One call after the warm-up: a call takes half a minute and 7 GB.
(With libtorch's CSR product the backward pass makes a dense gradient of 9 GB.)
"""

import numpy as np
import torch
import torchode

from measure import arguments, measure, report_gradient
from sparse_forward import ATOL, RTOL, arrays

job, variant, calls, threads = arguments()
torch.set_num_threads(threads)
row_ptr, columns, weights, drive, tau, batch, neurons = arrays(job)
rows = torch.from_numpy(np.repeat(np.arange(neurons), np.diff(row_ptr)))
columns = torch.from_numpy(columns).long()
weights = torch.from_numpy(weights).requires_grad_()
bias = torch.zeros(neurons, 1, requires_grad=True)
drive, tau = torch.from_numpy(drive), torch.from_numpy(tau).requires_grad_()
h0 = torch.zeros(batch, neurons)
evaluations = 0


def field(t, h):
    global evaluations
    evaluations += 1
    products = weights[:, None] * h.T[columns]
    z = torch.zeros(neurons, batch).index_add(0, rows, products) + drive + bias
    return (torch.relu(torch.sigmoid(z.T)) - h) / tau


term = torchode.ODETerm(field)
control = torchode.IntegralController(atol=ATOL, rtol=RTOL, term=term)
adjoint = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), control, backprop_through_step_size_control=False)
problem = torchode.InitialValueProblem(y0=h0, t_eval=torch.tensor([[0.0, 1.0]]).repeat(batch, 1))


def solve():
    global evaluations
    evaluations = 0
    for p in (weights, bias, tau):
        p.grad = None
    solution = adjoint.solve(problem)
    (solution.ys[:, -1] ** 2).mean().backward()
    return solution


solution, measured = measure(solve, min(calls, 1))
gradient = weights.grad.numpy() * job.signs[job.columns]
report_gradient(measured, gradient, job.reference, solution.stats["n_steps"].max(), evaluations)
