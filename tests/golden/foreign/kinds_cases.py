"""The kinds of networks of other frameworks, one by one: the neurons of dense networks, and the
geometries between neurons."""

import numpy as np
import torch
from foreign_cases import STEPS, node
from torch import nn

__all__ = ["GEOMETRIES", "MORE", "NAMED", "Stack"]

HARD = {"threshold": 6.0, "hard": True, "decay_input": False}
SINABS = {"alpha": 1.0, "norm": False, "threshold": 4.0, "subtract": True, "most": np.inf}


def _named():
    """The 56 dense ones of 59, as ``{id: (framework, parameters, biases)}``."""
    found = {}
    for beta in (1.0, 0.5, 0.875):
        for reset, delay in (("subtract", True), ("subtract", False), ("zero", True),
                             ("zero", False), ("none", True)):
            for bias in (False, True)[:1 + (beta == 0.5)]:
                found[f"snntorch Leaky beta {beta} {reset} {'late' if delay else 'at once'}"
                      f"{' bias' * bias}"] = "snntorch", {
                    "beta": beta, "threshold": 6.0, "reset": reset, "delay": delay}, bias
    for hard in (True, False):
        reset = "hard" if hard else "soft"
        for bias in (False, True):
            for tau in (None, 2.0, 8.0)[:3 - bias]:
                for decays in (False, True)[:1 + (tau is not None)]:
                    name = "IFNode" if tau is None else f"LIFNode tau {tau:g}"
                    found[f"spikingjelly {name} {reset}{' decay_input' * decays}{' bias' * bias}"
                          ] = "spikingjelly", HARD | {
                        "tau": tau, "hard": hard, "decay_input": decays,
                        "threshold": 6 / tau if decays else 6.0}, bias
    found["spikingjelly LIFNode v_reset"] = "spikingjelly", HARD | {
        "tau": 2.0, "threshold": 8.0, "rest": 2.0}, False
    found["spikingjelly ParametricLIFNode"] = "spikingjelly", HARD | {
        "tau": 2.0, "parametric": True}, False
    for decay, method in ((d, m) for d in (0.5, 0.875) for m in ("value", "subtract")):
        found[f"norse LIFBoxCell decay {decay} {method}"] = "norse", {
            "rate": 1 - decay, "threshold": 6 * (1 - decay), "subtract": method == "subtract"}, True
    found["norse LIFBoxCell by default"] = "norse", {
        "rate": 0.1, "threshold": 1.0, "subtract": False}, True
    found["norse IAFCell"] = "norse", {"rate": None, "threshold": 6.0, "subtract": False}, True
    found["norse LIFCell"] = "norse", {"rate": 0.5, "syn_rate": 0.5, "threshold": 4.0}, True
    for most, name in ((np.inf, "MultiSpike"), (3, "MaxSpike"), (1, "SingleSpike")):
        for subtract, reset in ((True, "subtract"), (False, "zero")):
            found[f"sinabs IAF {name} {reset}"] = "sinabs", SINABS | {
                "most": most, "subtract": subtract}, True
    found["sinabs IAF min_v_mem"] = "sinabs", SINABS | {"floor": -4.0}, True
    for norm, form in ((n, f) for n in (True, False) for f in ("vector", "scalar")):
        found[f"sinabs LIF {'norm_input ' * norm}{form}"] = "sinabs", SINABS | {
            "alpha": 0.5, "norm": norm, "threshold": 2.0 if norm else 4.0}, True
    return found


NAMED = _named()

MORE = {  # Others of the same kinds.
    "snntorch Leaky beta 0": ("snntorch", {"beta": 0.0, "threshold": 4.0, "reset": "subtract",
                                           "delay": True}, True),
    "snntorch Leaky beta 0.9": ("snntorch", {"beta": 0.9, "threshold": 6.0, "reset": "subtract",
                                             "delay": True}, True),
    **{f"snntorch Synaptic {reset}": ("snntorch", {
        "alpha": 0.5, "beta": 0.75, "threshold": 9.0, "reset": reset, "delay": True}, True)
       for reset in ("subtract", "zero", "none")},
    "spikingjelly LIFNode tau 3": ("spikingjelly", HARD | {"tau": 3.0, "threshold": 4.0}, False),
    "spikingjelly LIFNode tau 64 decay_input": ("spikingjelly", HARD | {
        "tau": 64.0, "decay_input": True, "threshold": 6 / 64}, True),
    "spikingjelly LIFNode dt of 1 ms": ("spikingjelly", HARD | {"tau": 2.0, "dt": 1e-3}, True),
    "spikingjelly LIFNode decay_input, dt of 1 ms": ("spikingjelly", HARD | {
        "tau": 2.0, "dt": 1e-3, "decay_input": True, "threshold": 3.0}, True),
    "spikingjelly CUBALIFNode hard": ("spikingjelly", {
        "alpha": 0.5, "beta": 0.75, "threshold": 9.0, "hard": True}, True),
    "spikingjelly CUBALIFNode soft": ("spikingjelly", {
        "alpha": 0.75, "beta": 0.5, "threshold": 9.0, "hard": False}, True),
    "norse LIFBoxCell v_leak": ("norse", {
        "rate": 0.5, "threshold": 3.0, "subtract": False, "v_leak": -1.0, "v_reset": -1.0}, True),
    "norse LIFCell by default": ("norse", {"rate": 0.1, "syn_rate": 0.2, "threshold": 1.0}, True),
    "sinabs LIF tau 20 norm_input": ("sinabs", SINABS | {
        "alpha": np.exp(-0.05), "norm": True, "threshold": 0.5}, True),
    **{f"rockpool LIFNeuronTorch {name}": ("rockpool", {
        "alpha": 0.5, "threshold": 4.0, "most": most}, True)
       for most, name in ((np.inf, "unbounded"), (2, "bounded"), (1, "single"))},
    "rockpool LIFTorch": ("rockpool", {
        "alpha": 0.5, "syn": 0.5, "threshold": 4.0, "most": np.inf}, True),
    "rockpool LIFTorch of two taus": ("rockpool", {
        "alpha": 0.5, "syn": 0.5**0.5, "threshold": 4.0, "most": 1}, True),
    **{f"{framework} thresholds of each neuron": (framework, {
        "threshold": np.array([2.0, 3.0, 4.0, 6.0]), **fields}, True) for framework, fields in (
        ("snntorch", {"beta": 0.5, "reset": "subtract", "delay": True}),
        ("spikingjelly", {"tau": 2.0, "hard": True, "decay_input": False}),
        ("norse", {"rate": 0.5, "subtract": True}),
        ("sinabs", {field: value for field, value in SINABS.items() if field != "threshold"}),
        ("rockpool", {"alpha": 0.5, "most": 3}))},
}


def conv(*sizes, **fields):
    return lambda: nn.Conv2d(*sizes, **fields)


class SumPool2d(nn.AvgPool2d):
    """Sinabs' pool."""

    def forward(self, x):
        return super().forward(x) * np.prod(self.kernel_size)


class Scale(nn.Module):
    """A factor for each channel, as NIR has it."""

    def forward(self, x):
        return x * (1 + torch.arange(x.shape[1])).reshape(-1, *(1,) * (x.ndim - 2))


# Stages between neurons: layers by their makers, each stage with neurons behind it; all end with
# Flatten, a Linear and neurons.
GEOMETRIES = {
    "conv": [[conv(1, 2, 3, padding=1)], [lambda: nn.AvgPool2d(2), conv(2, 3, 2)]],
    "conv, SumPool2d": [[conv(1, 2, 3, padding=1)], [lambda: SumPool2d((2, 2)), conv(2, 3, 2)]],
    "stride": [[conv(1, 2, 3, stride=2, padding=1)]],
    "kernel, stride and padding of two numbers": [
        [conv(1, 2, (3, 2), stride=(2, 1), padding=(0, 1))]],
    "groups": [[conv(1, 4, 2)], [conv(4, 2, 3, groups=2)]],
    "depthwise": [[conv(1, 3, 2)], [conv(3, 3, 3, groups=3, padding=1), conv(3, 2, 1)]],
    "dilation": [[conv(1, 2, 2, dilation=(2, 3))]],
    "padding same": [[conv(1, 2, 3, padding="same")]],
    "padding same, even kernel": [[conv(1, 2, (2, 4), padding="same")]],
    "padding same, dilation": [[conv(1, 2, 3, padding="same", dilation=2)]],
    "padding valid": [[conv(1, 2, 3, padding="valid")]],
    "pool of an odd map": [[conv(1, 2, 2)], [lambda: SumPool2d((2, 2))]],
    "pool of two numbers": [[conv(1, 2, 3)], [lambda: nn.AvgPool2d((2, 4)), conv(2, 2, 1)]],
    "pool of the input": [[lambda: nn.AvgPool2d(2), conv(1, 2, 2, padding=1)]],
    "pool behind a conv": [[conv(1, 2, 3, padding=1), lambda: nn.AvgPool2d(2)]],
    "pool in front of neurons": [[conv(1, 2, 3)], [lambda: SumPool2d((2, 2))]],
    "pools that overlap": [[conv(1, 2, 3)], [lambda: nn.AvgPool2d(2, 1), conv(2, 2, 2)]],
    "pools that pad": [[conv(1, 2, 3)], [lambda: nn.AvgPool2d(2, padding=1), conv(2, 2, 2)]],
    "pool behind a pool": [[conv(1, 2, 3)], [
        lambda: SumPool2d((2, 2)), lambda: nn.AvgPool2d(2), conv(2, 4, 1)]],
    "conv behind a conv": [[conv(1, 2, 3, stride=2, padding=1), conv(2, 3, 2, stride=2)]],
    "Linear behind a conv": [[conv(1, 2, 3, padding=1), nn.Flatten, lambda: nn.Linear(128, 5)]],
    "Linear behind a Linear": [[nn.Flatten, lambda: nn.Linear(64, 6), lambda: nn.Linear(6, 5)]],
    "Scale of a map": [[conv(1, 2, 3)], [Scale, conv(2, 2, 3, padding=1)]],
    "Scale of currents": [[conv(1, 2, 3), Scale]],
    "Scale of neurons": [[nn.Flatten, lambda: nn.Linear(64, 6)], [Scale, lambda: nn.Linear(6, 5)]],
}


class Stack:
    """A random network of one of :data:`GEOMETRIES` on maps of 1x8x8 with its own run, every spike
    by the framework's equations, and its graph."""

    def __init__(self, name, framework, parameters, seed=0, timesteps=4, frames=6):
        self.draw, self.parameters = np.random.default_rng(seed), parameters
        self.framework, self.spikes = framework, []
        self.input = (self.draw.random((timesteps, frames, 1, 8, 8)) < 0.4).astype(float)
        self.stages = [[make() for make in stage] for stage in GEOMETRIES[name]]
        now = torch.tensor(self.input)
        for stage in (*self.stages, [nn.Flatten(), None]):
            if stage[-1] is None:
                stage[-1] = nn.Linear(now[0, 0].numel(), 4)
                self.stages.append(stage)
            now = self.fire(stage, now)

    def fire(self, stage, now):
        for layer in stage:
            for parameter in layer.parameters():
                parameter.requires_grad_(False)
                low = -2 if isinstance(layer, nn.Linear) else -1
                parameter.data = torch.tensor(
                    self.draw.integers(low, low + 5, parameter.shape)).double()
        run = nn.Sequential(*stage)
        v, found = 0.0, []
        for events in now:
            current = run(events).numpy()
            spike, v = STEPS[self.framework](np.zeros_like(current) + v, current,
                                             **self.parameters)
            found.append(spike)
        self.spikes.append(np.stack(found))
        return torch.tensor(self.spikes[-1])

    def graph(self, nir):
        """Nodes and edges, as exporters write them."""
        nodes, x = {"input": nir.Input(np.array([1, 8, 8]))}, torch.zeros(1, 1, 8, 8).double()
        for stage in self.stages:
            for layer in stage:
                made = layer(x)
                nodes[str(len(nodes))] = write(nir, layer, x[0], made[0])
                x = made
            nodes[str(len(nodes))] = node(nir, self.framework, tuple(x.shape[1:]),
                                          **self.parameters)
        nodes["output"] = nir.Output(np.array([4]))
        names = list(nodes)
        return nodes, list(zip(names, names[1:], strict=False))


def write(nir, layer, before, behind):
    if isinstance(layer, nn.Conv2d):
        return nir.Conv2d(input_shape=tuple(before.shape[1:]), weight=layer.weight.numpy(),
                          stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
                          groups=layer.groups, bias=layer.bias.numpy())
    if isinstance(layer, nn.Linear):
        return nir.Affine(layer.weight.numpy(), layer.bias.numpy())
    if isinstance(layer, nn.Flatten):
        return nir.Flatten(np.array(before.shape), 0, -1)
    if isinstance(layer, Scale):
        return nir.Scale(layer(torch.ones(1, *before.shape))[0].numpy())
    make = nir.SumPool2d if isinstance(layer, SumPool2d) else nir.AvgPool2d
    return make(*(np.broadcast_to(np.array(value), 2)
                  for value in (layer.kernel_size, layer.stride, layer.padding)))
