"""Lyapunov spectra of rate networks h <- (1 - dt) h + dt J phi(h), and a step of training on them.

Variants: `scaled-DTYPE` pushes tangents by (1 - dt) Q + dt J (phi' * Q), `dense-DTYPE` forms the Jacobian as FlyStability does;
`train-DTYPE` and `train-dense-DTYPE` are the same with gradients by autograd; `lyapax` and `clvlib` are those libraries.
"""

import json
import math

import numpy as np

from measure import arguments, measure

DT = 0.1
EVERY = 2  # steps between factorisations


def counts(duration):
    steps = math.ceil(duration / DT - 1e-9)
    return steps, math.ceil(0.01 * steps - 1e-9)


def torch_spectrum(torch, J, h, Q, duration, dense, positive):
    """The exponents, as a tensor."""
    steps, transient = counts(duration)
    eye = torch.eye(len(h), dtype=h.dtype)

    def phi(h):
        return (1 + torch.tanh(h)) / 2 if positive else torch.tanh(h)

    def slope(h):
        return (1 - torch.tanh(h) ** 2) * (0.5 if positive else 1.0)

    def tangent(h, Q):
        if dense:
            return ((1 - DT) * eye + DT * J @ torch.diag(slope(h))) @ Q
        return (1 - DT) * Q + DT * J @ (slope(h)[:, None] * Q)

    def state(h):
        return (1 - DT) * h + DT * J @ phi(h)

    Q, _ = torch.linalg.qr(Q)
    for _ in range(transient):
        h = state(h)
    for phase, count in (("before", transient), ("counted", steps)):
        sums = torch.zeros(Q.shape[1], dtype=h.dtype)
        for n in range(1, count + 1):
            Q, h = tangent(h, Q), state(h)
            if n % EVERY == 0 or n == count:
                Q, R = torch.linalg.qr(Q)
                sums = sums + torch.log(torch.abs(torch.diagonal(R)))
    return sums / (steps * DT)


def with_torch(job, variant, calls, threads):
    import torch

    torch.set_num_threads(threads)
    *words, dtype = variant.split("-")
    dtype = getattr(torch, dtype)
    J, h0, q0 = (torch.tensor(a, dtype=dtype) for a in (job.J, job.h0, job.q0))
    duration, dense = float(job.duration[0]), "dense" in words
    if words[0] != "train":
        with torch.no_grad():
            return measure(lambda: torch_spectrum(torch, J, h0, q0, duration, dense, False).numpy(), calls)

    def gradient(W):
        loss = (torch_spectrum(torch, W, h0, q0, duration, dense, True) ** 2).mean()
        loss.backward()
        return W.grad

    W = J.clone().requires_grad_()
    optimizer = torch.optim.Adam([W], lr=1e-3)

    def step():
        optimizer.zero_grad()
        gradient(W)
        optimizer.step()

    _, measured = measure(step, calls)
    return gradient(J.clone().requires_grad_()).numpy().ravel(), measured


def with_lyapax(job, calls):
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import lyapax

    J = jnp.asarray(job.J)
    steps, transient = counts(float(job.duration[0]))
    problem = lyapax.ode_problem(lambda h: -h + J @ jnp.tanh(h), job.h0, DT, integrator="euler")

    def solve():
        result = lyapax.lyapunov_spectrum(
            problem, n_steps=steps, k=job.q0.shape[1], renorm_every=EVERY, t_transient=2 * transient * DT
        )
        return np.asarray(result.exponents)

    return measure(solve, calls)


def with_clvlib(job, calls):
    import clvlib

    J = job.J
    steps, transient = counts(float(job.duration[0]))
    t = np.arange(steps + 2 * transient + 1) * DT

    def f(t, h):
        return -h + J @ np.tanh(h)

    def jacobian(t, h):
        return J * (1 - np.tanh(h) ** 2) - np.eye(len(h))

    def solve():
        return clvlib.lyap_exp_from_ic(f, jacobian, job.h0, t, stepper="euler", n_lyap=job.q0.shape[1])[0]

    return measure(solve, calls)


def main():
    job, variant, calls, threads = arguments()
    run = {"lyapax": with_lyapax, "clvlib": with_clvlib}.get(variant)
    result, measured = run(job, calls) if run else with_torch(job, variant, calls, threads)
    reference = job.reference
    error = np.abs(np.asarray(result, dtype=np.float64) - reference).max()
    if variant.startswith("train"):
        error /= np.abs(reference).max()
    print(json.dumps({**measured, "steps": None, "evaluations": None, "error": float(error), "check": 0.0}))


main()
