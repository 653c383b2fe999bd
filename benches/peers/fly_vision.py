"""flyvis: the default network on a moving edge, simulated as its users do; and one iteration of its training.

What flyvis imports for plots, clustering, downloads and notebooks, and does not use here, is replaced by empty modules.
"""

import importlib.abc
import importlib.machinery
import logging
import os
import sys
import tempfile
import types

UNUSED = {
    "umap", "sklearn", "numba", "IPython", "ffmpeg", "googleapiclient", "pytest", "networkx", 
    "seaborn", "ipywidgets", "tabulate", "torchvision", "google", "google_auth_httplib2",
}


class Kind(type):
    """Every attribute of such a class is another one."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything


class Anything(metaclass=Kind):
    """Can be made of anything, subclassed, and used as a decorator."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return args[0] if args else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything

    def __class_getitem__(cls, item):
        return cls


class Empty(types.ModuleType):
    """A module of such classes."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in UNUSED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Finder())
os.environ.setdefault("FLYVIS_ROOT_DIR", os.path.join(tempfile.gettempdir(), "flyvis-race"))
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
import torch  # noqa: E402

from measure import arguments, measure, report, report_gradient  # noqa: E402

job, variant, calls, threads = arguments()
torch.set_num_threads(threads)

import flyvis  # noqa: E402

flyvis.device = torch.device("cpu")
torch.set_default_device("cpu")
network = flyvis.Network()
light = torch.from_numpy(job.light).unsqueeze(2)  # [batch, frames, 1, columns]


def simulate():
    dt, t_pre = 1 / 200, 0.1
    state = network.steady_state(t_pre, dt, batch_size=light.shape[0])
    activity, measured = measure(lambda: network.simulate(light, dt, initial_state=state), calls)
    central = np.asarray(network.connectome.central_cells_index[:])
    report(measured, activity[:, :, central].numpy(), job.reference, steps=light.shape[1])


def train():
    """What the solver does with a batch, at learning rates of nothing so that each call computes the same."""
    from flyvis.task.decoder import DecoderGAVP
    from flyvis.task.objectives import l2norm
    from flyvis.utils.tensor_utils import asymmetric_weighting

    dt = 0.02
    flow = torch.from_numpy(job.flow)
    decoder = DecoderGAVP(network.connectome, [8, 2], 5, p_dropout=0.0, const_weight=0.001)
    optimizer = torch.optim.Adam([{"params": network.parameters()}, {"params": decoder.parameters()}], lr=0.0)
    penalised = torch.optim.SGD([network.nodes_bias], lr=0.0)
    central = torch.as_tensor(np.asarray(network.connectome.central_cells_index[:]), dtype=torch.long)
    state = network.steady_state(t_pre=0.5, dt=dt, batch_size=light.shape[0], value=0.5)

    def iteration():
        network.stimulus.zero(light.shape[0], light.shape[1])
        network.stimulus.add_input(light)
        optimizer.zero_grad()
        activity = network(network.stimulus(), dt, state=state)
        l2norm(decoder(activity), flow).backward(retain_graph=True)
        gradient = network.edges_syn_strength.grad.clone()
        optimizer.step()
        penalised.zero_grad()
        mean = activity[:, activity.shape[1] // 4 :, central].mean(dim=1)
        (0.1 * (asymmetric_weighting(5.0 - mean, 1.0, 0.1) ** 2).mean()).backward()
        penalised.step()
        network.clamp()
        return gradient

    gradient, measured = measure(iteration, calls)
    report_gradient(measured, gradient.numpy(), job.reference, steps=light.shape[1])


{"simulate": simulate, "train": train}[variant]()
