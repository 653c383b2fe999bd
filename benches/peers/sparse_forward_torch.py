"""torchode (steps per sample) and torchdiffeq (one step size for the batch) on libtorch's CSR product, f32, no gradient.

Variants: torchode-csr32, torchode-csr64, torchdiffeq-csr32; the number is the width of the indices.
"""

import torch

from measure import arguments, measure, report
from sparse_forward import ATOL, RTOL, arrays, times

job, variant, calls, threads = arguments()
torch.set_num_threads(threads)
solver, indices = variant.split("-")
row_ptr, columns, weights, drive, tau, batch, neurons = arrays(job)
index = {"csr32": torch.int32, "csr64": torch.int64}[indices]
w = torch.sparse_csr_tensor(
    torch.from_numpy(row_ptr).to(index), torch.from_numpy(columns).to(index), torch.from_numpy(weights), (neurons, neurons)
)
drive, tau = torch.from_numpy(drive), torch.from_numpy(tau)
t_eval = torch.from_numpy(times()).float()
h0 = torch.zeros(batch, neurons)
evaluations = 0


def field(t, h):
    """h: [batch, neurons], as torchode wants it; the product wants [neurons, batch]."""
    global evaluations
    evaluations += 1
    return (torch.relu(torch.sigmoid(torch.addmm(drive, w, h.T.contiguous()).T)) - h) / tau


if solver == "torchode":
    import torchode

    term = torchode.ODETerm(field)
    control = torchode.IntegralController(atol=ATOL, rtol=RTOL, term=term)
    adjoint = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), control)
    problem = torchode.InitialValueProblem(y0=h0, t_eval=t_eval.repeat(batch, 1))

    def solve():
        global evaluations
        evaluations = 0
        with torch.no_grad():
            return adjoint.solve(problem)

    solution, measured = measure(solve, calls)
    assert (solution.status == 0).all(), solution.status
    report(measured, solution.ys, job.reference, solution.stats["n_steps"].max(), evaluations)
else:
    import torchdiffeq

    def solve():
        global evaluations
        evaluations = 0
        with torch.no_grad():
            return torchdiffeq.odeint(field, h0, t_eval, rtol=RTOL, atol=ATOL, method="dopri5")

    h, measured = measure(solve, calls)
    # two for the first step's length, six per step
    report(measured, h.transpose(0, 1), job.reference, (evaluations - 2) // 6, evaluations)
