"""The tutorial's job for the peers: dh/dt = (relu(sigmoid(W h + P x + b)) - h) / tau, t from 0 to 1, h(0) = 0.

What does not change during a solve is worked out before the clock runs, to the peers' advantage: signs are folded into W, and
P x + b (b is 0) is one array.
"""

import numpy as np

RTOL, ATOL = 1e-3, 1e-6


def arrays(job):
    """(row_ptr i32, columns i32, signed weights f32, drive f32 [neurons, batch], tau f32 [neurons], batch, neurons)."""
    weights = job.weights * job.signs[job.columns]
    neurons, batch = len(job.tau), len(job.x)
    drive = np.zeros((neurons, batch), np.float32)
    np.add.at(drive, job.input_neurons, job.x.T)  # some inputs share a neuron
    return job.row_ptr.astype(np.int32), job.columns, weights, drive, job.tau, batch, neurons


def times(outputs=20):
    """When states are looked at."""
    return np.linspace(0.0, 1.0, outputs)
