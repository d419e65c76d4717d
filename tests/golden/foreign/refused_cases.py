"""What has no exact form, as nodes of a file and as modules, with the reason for each."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_cases import leaky, module, number

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

__all__ = ["MODULES", "NODES"]


def full(value, *shape):
    return np.full(shape or (2,), value, np.float32)


def lif(**fields):
    return nir.LIF(**{"tau": full(2e-4), "r": full(2), "v_leak": full(0), "v_threshold": full(4),
                      "v_reset": full(0)} | fields)


def cuba(**fields):
    return nir.CubaLIF(**{"tau_mem": full(2e-4), "tau_syn": full(2e-4), "r": full(2),
                          "w_in": full(2), "v_leak": full(0), "v_threshold": full(4),
                          "v_reset": full(0)} | fields)


def conv(weight, **fields):
    return nir.Conv2d(**{"input_shape": (4, 4), "weight": weight, "stride": 1, "padding": 0,
                         "dilation": 1, "groups": 1, "bias": full(0, len(weight))} | fields)


def chain(*nodes, shape=(3,), framework="snntorch"):
    return [nir.Input(np.array(shape)), *nodes, nir.Output(np.array([2]))], framework


LINEAR = nir.Linear(full(1, 2, 3))
DIFFER = np.float32([2, 4])
NODES = {name: (nodes, reason, framework) for name, (nodes, framework), reason in (
    ("LI", chain(LINEAR, nir.LI(tau=full(2), r=full(2), v_leak=full(0))),
     "^Node 2 is a LI, which is a leaky read-out"),
    ("CubaLI", chain(LINEAR, nir.CubaLI(tau_syn=full(2), tau_mem=full(2), r=full(2),
                                        v_leak=full(0))), "^Node 2 is a CubaLI, which is a leaky"),
    ("I", chain(LINEAR, nir.I(r=full(2))), "^Node 2 is a I, which is an integrator"),
    ("Delay", chain(LINEAR, nir.Delay(full(2)), lif()), "^Node 2 is a Delay, which delays spikes"),
    ("Threshold", chain(LINEAR, nir.Threshold(full(2))), "^Node 2 is a Threshold, which"),
    ("Conv1d", chain(nir.Conv1d(input_shape=3, weight=full(1, 2, 1, 2), stride=1, padding=0,
                                dilation=1, groups=1, bias=full(0)), lif(), shape=(1, 3)),
     "^Node 1 is a Conv1d, which is a convolution of one axis"),
    ("tau of each neuron", chain(LINEAR, lif(tau=DIFFER * 1e-4)),
     "^Node 2 has tau of 0.0002..0.0004; all neurons of a population must have the same$"),
    ("tau_syn of each neuron", chain(LINEAR, cuba(tau_syn=DIFFER)), "^Node 2 has tau_syn of 2..4"),
    ("r of each neuron", chain(LINEAR, lif(r=DIFFER)), "^Node 2 has r of 2..4; all neurons"),
    ("thresholds within a channel", chain(conv(full(1, 1, 1, 3, 3)), lif(
        **{field: full(value, 1, 2, 2) for field, value in (
            ("tau", 2e-4), ("r", 2), ("v_leak", 0), ("v_reset", 0))},
        v_threshold=np.float32([[[2, 4], [4, 4]]])), nir.Flatten(np.array([1, 2, 2]), 0, -1),
        shape=(1, 4, 4)), "^Node 2 has a v_threshold that differs within a channel"),
    ("thresholds around a rest", chain(LINEAR, lif(v_threshold=DIFFER, v_reset=full(1)),
                                       framework="nir"),
     "^Node 2 has a v_threshold of its own for each neuron around a rest or reset other than 0"),
    ("v_leak of snnTorch", chain(LINEAR, lif(v_leak=full(1))),
     "^Node 2 has a v_leak of 1; neurons of snntorch reset and leak to 0"),
    ("v_reset of Sinabs", chain(LINEAR, lif(v_reset=full(1)), framework="sinabs"),
     "^Node 2 has a v_reset of 1; neurons of sinabs"),
    ("two potentials of SpikingJelly", chain(LINEAR, lif(v_reset=full(1)),
                                             framework="spikingjelly"),
     "^Node 2 has a v_reset of 1 and a v_leak of 0; neurons of spikingjelly reset and leak to one"),
    ("v_reset of CUBALIFNode", chain(LINEAR, cuba(v_reset=full(1)), framework="spikingjelly"),
     "^Node 2 has a v_reset of 1 and a synaptic current: spikingjelly's membrane starts there"),
    ("CubaLIF of Sinabs", chain(LINEAR, cuba(), framework="sinabs"),
     "^Node 2 is a CubaLIF, which sinabs does not write"),
    ("Scale within a map", chain(nir.Scale(np.arange(16.).reshape(1, 4, 4)), shape=(1, 4, 4)),
     "^Node 1 scales the places of a map differently"),
    ("padding behind a pool that overlaps", chain(
        nir.SumPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        conv(full(1, 1, 1, 3, 3), padding=1), shape=(1, 4, 4)),
     "^Node 2 pads what weights or a pool before it give"),
    ("conv behind a Linear", chain(nir.Linear(full(1, 16, 3)), conv(full(1, 1, 1, 3, 3))),
     "^Node 2 has a weight of 1x1x3x3, which does not fit the 16 before it"),
    ("a timestep that is not said", chain(LINEAR, lif(), framework="nir"),
     "^A NIR file has no timestep, so reading it by NIR's own equations needs --dt"),
)}


def spiking(**fields):
    return leaky(beta=0.5, threshold=4.0, reset="subtract", delay=True, **fields)


def linear():
    return nn.Linear(3, 2)


class Net(nn.Module):
    """One of a forward of its own, ``run(net, x)``."""

    def __init__(self, run):
        super().__init__()
        self.fc, self.back, self.lif, self.run = linear(), nn.Linear(2, 3), spiking(), run

    def forward(self, x):
        return self.run(self, x)


def net(run):
    return lambda: Net(run)


def steps(self, x, own):
    mem, found = None, []
    for k in range(3):
        spikes, mem = self.lif(self.fc(x[k]), mem if own else None)
        found.append(spikes)
    return torch.stack(found)


def fed_back(self, x):
    spikes = self.lif(self.fc(x))
    return self.lif(self.fc(x + self.back(spikes)))


def row(*layers):
    return lambda: nn.Sequential(linear(), *(make() for make in layers))


MODULES = {
    "snnTorch's inhibition": (row(lambda: spiking(inhibition=True)), (3,),
                              "^Module 1 has a inhibition of True; only False has an exact form"),
    "snnTorch's graded spikes": (row(lambda: spiking(graded_spikes_factor=2.0)), (3,),
                                 "^Module 1 has a graded_spikes_factor of 2.0; only 1.0"),
    "beta of each neuron": (row(lambda: leaky(beta=[0.5, 0.25], threshold=4.0, reset="zero",
                                              delay=True)), (3,),
                            r"^Module 1 has a beta of \[0.5 0.25 ?\]; it must be one finite"),
    "SpikingJelly's ILIFNode": (row(lambda: module("spikingjelly", "ILIFNode")), (3,),
                                "^Module 1 is a spikingjelly ILIFNode, which has no exact form"),
    "v_reset of CUBALIFNode": (row(lambda: module(
        "spikingjelly", "CUBALIFNode", v_decay=0.5, c_decay=0.5, v_threshold=4.0, v_reset=1.0)),
        (3,), "^Module 1 has a v_reset of 1, at which its membrane starts"),
    "soft reset around a rest": (row(lambda: module(
        "norse", "LIFBoxCell", dt=1e-3, p=type("P", (), dict(
            v_th=number(4.0), v_reset=number(0.0), v_leak=number(1.0), tau_mem_inv=number(500.0),
            reset_method=type("F", (), {"__name__": "reset_subtract"})())))), (3,),
        "^Module 1 subtracts its threshold around a rest of 1"),
    "relu": (net(lambda self, x: self.lif(torch.relu(self.fc(x)))), (3,),
             "^Module Net calls relu, which has no exact form"),
    "a product": (net(lambda self, x: self.lif(self.fc(x) * 2)), (3,), "^Module Net calls mul"),
    "one sum's bias twice": (net(lambda self, x: self.lif((lambda y: y + y)(self.fc(x)))), (3,),
                             "^Module Net adds what fc gives twice"),
    "spikes fed back": (net(fed_back), (3,), "^Module lif is called again with another input"),
    "a state that starts again": (net(lambda self, x: steps(self, x, False)), (3,),
                                  "^Module lif is called again with another input or without its "),
    "a part of the input": (net(lambda self, x: self.lif(self.fc(x[0]))), (3,),
                            "^Model has a forward of 1 timesteps, of input 0; it must be"),
    "a part of what a layer gives": (net(lambda self, x: self.lif(self.fc(x)[:, 0])), (3,),
                                     "^Module Net takes a part of what a layer gives"),
    "branches": (net(lambda self, x: self.lif(self.fc(x)) if x.sum() > 0 else x), (3,),
                 "^Module Net has a forward that torch.fx can't trace"),
    "nothing returned": (net(lambda self, x: None), (3,), "^Module Net must return what its last"),
}
