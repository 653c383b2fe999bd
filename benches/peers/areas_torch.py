"""Networks of brain areas as connectome-to-model has them: modules of torch.nn, parts put together by torch.cat, autograd, Adam.

A race calls `areas_torch.py DIR VARIANT CALLS THREADS`. `areas_torch.py --check DIR` compares the states after each step, the
outputs and the gradients with all `graph_*.safetensors` of DIR, which hold those of connectome-to-model itself.
"""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Area:
    """A row of the table."""

    def __init__(self, row):
        self.hidden, self.input = int(row["hidden_dim"]), int(row["input_dim"])
        self.size = (int(row["input_h"]), int(row["input_w"]))
        self.kernel = (int(row["kernel_h"]), int(row["kernel_w"]))
        self.basal, self.apical = int(row["basal_topdown_dim"]), int(row["apical_topdown_dim"])


class Graph:
    """Areas and who projects to whom: `rows[i][j] > 0` is an edge from i to j."""

    def __init__(self, path, inputs, outputs, bias=False, reciprocal=True):
        with open(path, encoding="utf-8-sig", newline="") as file:
            head, *rows = [row for row in csv.reader(file) if row]
        n = len(rows)
        self.areas = [Area(dict(zip(head[n:], row[n:]))) for row in rows]
        edges = [[float(x) for x in row[:n]] for row in rows]
        self.sources = [[i for i in range(n) if edges[i][j] > 0] for j in range(n)]
        self.targets = [[j for j in range(n) if edges[i][j] > 0] for i in range(n)]
        backward = [[i for i in range(n) if edges[i][j] < 0] for j in range(n)]
        self.feedback = self.targets if reciprocal else backward
        self.inputs, self.outputs, self.bias = inputs, outputs, bias


def stride_and_padding(source, size, kernel):
    stride = [math.ceil((i - k) / (o - 1)) for i, o, k in zip(source, size, kernel)]
    padding = [math.ceil(((o - 1) * s + k - i) / 2) for i, o, k, s in zip(source, size, kernel, stride)]
    return stride, padding


class Cell(nn.Module):
    """A convolutional GRU whose feedback enters the gates (basal), the candidate (apical) and the candidate's gain."""

    def __init__(self, area, bias):
        super().__init__()
        self.hidden, self.basal, self.apical = area.hidden, area.basal, area.apical
        self.gain = area.input + area.hidden + area.apical
        padding = [k // 2 for k in area.kernel]
        channels = area.input + area.hidden + area.basal
        self.conv_gates = nn.Conv2d(channels, 2 * area.hidden, area.kernel, padding=padding, bias=bias)
        self.conv_can = nn.Conv2d(self.gain, area.hidden, area.kernel, padding=padding, bias=bias)

    def forward(self, x, h, topdown=None):
        if topdown is None:
            batch, _, height, width = x.shape
            topdown = torch.zeros(batch, self.basal + self.apical + self.gain, height, width, dtype=x.dtype)
        basal, apical, gain = torch.split(topdown, [self.basal, self.apical, self.gain], dim=1)
        gates = self.conv_gates(torch.cat([x, h, basal], dim=1))
        reset, update = torch.split(gates, self.hidden, dim=1)
        reset, update = torch.sigmoid(reset), torch.sigmoid(update)
        candidate = torch.cat([x, reset * h, apical], dim=1) * (1 + F.relu(gain))
        return (1 - update) * h + update * torch.tanh(self.conv_can(candidate))


class Projections(nn.ModuleDict):
    """The convolutions that lead to one area, and the one that joins them."""

    def join(self, parts):
        return self["integrator"](torch.cat(parts, dim=1))


class AreaNetwork(nn.Module):
    """Two sets of states take turns: a step writes one, and reads the other areas' states from the other one."""

    def __init__(self, graph, sizes, dims, topdown=True, dropout=0.25, width=32, layer_norm=False):
        super().__init__()
        self.graph, self.topdown = graph, topdown
        self.bottomup_projections = nn.ModuleDict()
        self.topdown_projections = nn.ModuleDict()
        for n, area in enumerate(graph.areas):
            up = Projections()
            if n in graph.inputs:
                up["input"] = self.conv(dims[n], width, area.kernel, sizes[n], area.size)
            for i, source in enumerate(graph.sources[n]):
                source = graph.areas[source]
                up[f"layer_{i}"] = self.conv(source.hidden, width, area.kernel, source.size, area.size)
            if len(up) > 0:
                up["integrator"] = nn.Conv2d(width * len(up), area.input, 3, padding=1)
            self.bottomup_projections[f"node_{n}"] = up
            down = Projections()
            for i, source in enumerate(graph.feedback[n]):
                source = graph.areas[source]
                if math.prod(source.size) < math.prod(area.size):
                    factor = [o // i for o, i in zip(area.size, source.size)]
                    down[f"feedback_{i}"] = nn.ConvTranspose2d(source.hidden, width, factor, factor)
                else:
                    stride, padding = stride_and_padding(source.size, area.size, source.kernel)
                    down[f"feedback_{i}"] = nn.Conv2d(source.hidden, width, area.kernel, stride, padding)
            if len(down) > 0:
                channels = area.input + area.hidden + area.basal + 2 * area.apical
                down["integrator"] = nn.Conv2d(width * len(down), channels, 3, padding=1)
            self.topdown_projections[f"node_{n}"] = down
        self.cell_list = nn.ModuleList(Cell(area, graph.bias) for area in graph.areas)
        if layer_norm:
            self.layer_norm_list = nn.ModuleList(nn.LayerNorm([a.hidden, *a.size]) for a in graph.areas)
        self.layer_norm = layer_norm
        self.dropout = nn.Dropout(dropout)

    @staticmethod
    def conv(channels, width, kernel, source, size):
        return nn.Conv2d(channels, width, kernel, *stride_and_padding(source, size, kernel))

    def bottomup(self, n, t, streams, states):
        projections, parts = self.bottomup_projections[f"node_{n}"], []
        if n in self.graph.inputs:
            stream = streams[self.graph.inputs.index(n)]
            frame = stream[:, t] if t < stream.shape[1] else torch.zeros_like(stream[:, 0])
            parts.append(projections["input"](frame))
        for i, source in enumerate(self.graph.sources[n]):
            parts.append(projections[f"layer_{i}"](states[source]))
        return projections.join(parts)

    def feedback(self, n, states):
        projections, parts, size = self.topdown_projections[f"node_{n}"], [], self.graph.areas[n].size
        for i, source in enumerate(self.graph.feedback[n]):
            part = projections[f"feedback_{i}"](states[source])
            if part.shape[-2:] != size:
                part = F.interpolate(part, size=size, mode="bilinear", align_corners=False)
            parts.append(part)
        return projections.join(parts)

    def forward(self, streams, process_time=None, watch=None):
        """Streams `[batch, time, channels, height, width]`; the state of each output."""
        graph = self.graph
        batch, frames = len(streams[0]), max(stream.shape[1] for stream in streams)
        zeros = lambda: [torch.zeros(batch, a.hidden, *a.size, dtype=streams[0].dtype) for a in graph.areas]
        sets = zeros(), zeros()
        active = list(graph.inputs)
        for t in range(frames + len(graph.areas) - 1 if process_time is None else process_time):
            current, previous = sets[t % 2], sets[1 - t % 2]
            for n in active:
                topdown = self.feedback(n, previous) if self.topdown and t > 0 and graph.feedback[n] else None
                h = self.cell_list[n](self.bottomup(n, t, streams, previous), current[n], topdown)
                if self.layer_norm:
                    h = self.layer_norm_list[n](h)
                current[n] = self.dropout(h)
            if watch:
                watch(t, current)
            reached = [target for n in active for target in graph.targets[n]]
            reached += [n for n, stream in zip(graph.inputs, streams) if t + 1 < stream.shape[1]]
            active = list(dict.fromkeys(reached))
        return [current[n] for n in graph.outputs]


class Readout(nn.Module):
    """Classes from the state of an area `[batch, hidden, height, width]`."""

    def __init__(self, numbers, classes, between=100):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(numbers, between), nn.Linear(between, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(F.relu(torch.flatten(x, 1)))))


def read_safetensors(path):
    """(tensors, metadata) of a file of doubles."""
    data = Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    head = json.loads(data[8:start])
    meta = head.pop("__metadata__", {})
    tensors = {}
    for name, entry in head.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[start + begin : start + end], np.float64).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors, meta


def below(tensors, prefix):
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def check(folder):
    """Compares with connectome-to-model in double precision; the differences are printed."""
    torch.set_default_dtype(torch.float64)
    files = sorted(Path(folder).glob("graph_*.safetensors"))
    if not files:
        sys.exit(f"no graph_*.safetensors in {folder}")
    worst = 0.0
    for path in files:
        tensors, meta = read_safetensors(path)
        meta = {key: value if key in ("what", "kind", "csv") else json.loads(value) for key, value in meta.items()}
        graph = Graph(path.with_name(meta["csv"]), meta["input_nodes"], meta["output_nodes"], meta["bias"], meta["reciprocal"])
        sizes, dims, width = meta["input_sizes"], meta["input_dims"], meta["proj_hidden_dim"]
        model = AreaNetwork(graph, sizes, dims, meta["topdown"], 0.0, width, meta["layer_norm"])
        model.load_state_dict(below(tensors, "state/"))
        off = {"states": 0.0, "outputs": 0.0, "gradients": 0.0}

        def compare(what, got, want):
            off[what] = max(off[what], (got - want).abs().max().item() if got.shape == want.shape else math.inf)

        def watch(t, states):
            for n, state in enumerate(states):
                compare("states", state, tensors[f"trace/{t}/{n}"])

        streams = [tensors[f"input/{i}"] for i in range(len(graph.inputs))]
        outputs = model(streams, meta["process_time"], watch)
        for n, output in zip(graph.outputs, outputs):
            compare("outputs", output, tensors[f"output/{n}"])
        loss = sum((output * tensors[f"loss_weight/{n}"]).sum() for n, output in zip(graph.outputs, outputs))
        if loss.requires_grad:
            loss.backward()
        for name, p in model.named_parameters():
            want = tensors.get(f"grad/{name}", torch.zeros_like(p))
            compare("gradients", torch.zeros_like(p) if p.grad is None else p.grad, want)
        worst = max(worst, *off.values())
        print(f"{path.stem:<24}" + "".join(f"{what} {x:.1e}  " for what, x in off.items()))
    if worst > 1e-12:
        sys.exit(f"off by {worst:.1e}")


class Job:
    """Network and readout with the weights in the race's folder, and its images and labels."""

    def __init__(self, arrays, mode):
        folder = arrays._directory
        self.x, self.labels = torch.from_numpy(arrays.x), torch.from_numpy(arrays.labels)
        graph = Graph(folder / "areas.csv", [0], [2])
        self.network = AreaNetwork(graph, [(28, 28), (0, 0), (0, 0)], [1, 0, 0])
        top = graph.areas[2]
        self.readout = Readout(top.hidden * math.prod(top.size), 10)
        for module, name in [(self.network, "network"), (self.readout, "readout")]:
            module.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
            module.train(mode == "train")
        groups = [{"params": self.network.parameters()}, {"params": self.readout.parameters()}]
        self.optimizer = torch.optim.Adam(groups, lr=1e-3)

    def logits(self):
        (state,) = self.network([self.x])
        return self.readout(state)

    @torch.no_grad()
    def infer(self):
        return self.logits()

    def backward(self):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.logits(), self.labels)
        loss.backward()
        return loss

    def step(self):
        loss = self.backward()
        self.optimizer.step()
        return loss.item()

    def gradients(self):
        """Of all parameters in the order of their names."""
        self.backward()
        parameters = {f"network.{name}": p for name, p in self.network.named_parameters()}
        parameters |= {f"readout.{name}": p for name, p in self.readout.named_parameters()}
        gradient = lambda p: torch.zeros_like(p) if p.grad is None else p.grad
        return torch.cat([gradient(parameters[name]).flatten() for name in sorted(parameters)])


def race():
    from measure import arguments, measure

    arrays, variant, calls, threads = arguments()
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    job = Job(arrays, variant)
    _, measured = measure(job.step if variant == "train" else job.infer, calls)
    # once more from the start, without dropout
    job = Job(arrays, "infer")
    numbers = (job.gradients() if variant == "train" else job.infer().flatten()).double().numpy()
    reference = getattr(arrays, f"{variant}_ping_pong")
    error = float(np.abs(numbers - reference).max() / np.abs(reference).max())
    assert error < 1e-2, f"off by {error}: this is another network"
    print(json.dumps({**measured, "steps": None, "evaluations": None, "error": error, "check": error}))


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(sys.argv[2])
    else:
        race()
