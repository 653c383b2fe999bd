"""What the peers' scripts share: the arrays of a job, the clock, and the line that a race reads.

A script is called as `python script.py DIR VARIANT CALLS THREADS`. DIR holds one .npy file per array, written by the race.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


class Job:
    """The arrays of DIR as attributes, read when they are first asked for."""

    def __init__(self, directory):
        self._directory = Path(directory)

    def __getattr__(self, name):
        array = np.load(self._directory / f"{name}.npy")
        setattr(self, name, array)
        return array


def arguments():
    """(job, variant, calls, threads) of the command line."""
    directory, variant, calls, threads = sys.argv[1:]
    return Job(directory), variant, int(calls), int(threads)


def memory_mib(field):
    """VmRSS (now) or VmHWM (peak) of this process."""
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) / 1024


def measure(solve, calls):
    """Calls `solve` once to warm up and then `calls` times on the clock: (last result, what was measured).

    `solve` returns when the numbers are there: JAX's must be waited for inside.
    """
    start_mib = memory_mib("VmRSS:")
    times = []
    result = None
    for _ in range(calls + 1):
        result = None  # the old result goes before the new one comes
        wall, cpu = time.perf_counter(), time.process_time()
        result = solve()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return result, {
        "wall_s": min(wall for wall, _ in times[1:]),
        "cpu_s": min(cpu for _, cpu in times[1:]),
        "cold_s": times[0][0],
        "start_mib": start_mib,
        "peak_mib": memory_mib("VmHWM:"),
    }


def report(measured, h, reference, steps=None, evaluations=None):
    """Prints the measurement. `h` and `reference`: [batch, times, neurons]."""
    h = np.asarray(h, dtype=np.float64)
    assert h.shape == reference.shape, f"states {h.shape}, reference {reference.shape}"
    print(json.dumps({
        **measured,
        "steps": None if steps is None else int(steps),
        "evaluations": None if evaluations is None else int(evaluations),
        "error": float(np.abs(h - reference).max()),
        "check": float(h[:, -1].sum()),
    }))


def report_gradient(measured, gradient, reference, steps=None, evaluations=None):
    """Prints the measurement. `gradient` and `reference`: [synapses]."""
    gradient = np.asarray(gradient, dtype=np.float64)
    assert gradient.shape == reference.shape, f"gradient {gradient.shape}, reference {reference.shape}"
    print(json.dumps({
        **measured,
        "steps": None if steps is None else int(steps),
        "evaluations": None if evaluations is None else int(evaluations),
        "error": float(np.abs(gradient - reference).max() / np.abs(reference).max()),
        "check": float(gradient.sum()),
    }))
