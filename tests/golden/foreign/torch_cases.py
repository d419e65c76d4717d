"""Stand-ins for other frameworks' torch modules: classes of their names, with their fields."""

import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn


def module(package, name, **fields):
    """A module whose class has this name, of this package."""
    made = type(name, (nn.Module,), {"__module__": f"{package}.layers"})()
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def number(value):
    return torch.tensor(value, dtype=torch.float32)


def leaky(*, beta, threshold, reset, delay, alpha=None, **fields):
    fields |= {} if alpha is None else {"alpha": number(alpha)}
    return module("snntorch", "Leaky" if alpha is None else "Synaptic", beta=number(beta),
                  threshold=number(threshold), reset_mechanism=reset, reset_delay=delay, **fields)


def jelly(*, tau, threshold, hard, decay_input, rest=0.0, parametric=False):
    fields = {"v_threshold": threshold, "v_reset": rest if hard else None}
    if tau is None:
        return module("spikingjelly", "IFNode", **fields)
    if parametric:
        return module("spikingjelly", "ParametricLIFNode", w=number(-math.log(tau - 1)),
                      decay_input=decay_input, **fields)
    return module("spikingjelly", "LIFNode", tau=tau, decay_input=decay_input, **fields)


def reset_value():
    """Of Norse: its name is read."""


def reset_subtract():
    """Of Norse."""


def norse(*, rate, threshold, subtract=False, v_leak=0.0, v_reset=0.0, syn_rate=None):
    p = SimpleNamespace(v_th=number(threshold), v_reset=number(v_reset), v_leak=number(v_leak))
    if rate is None:
        return module("norse", "IAFCell", p=p, dt=1e-3)
    p.tau_mem_inv = number(rate * 1e3)
    if syn_rate is not None:
        p.tau_syn_inv = number(syn_rate * 1e3)
        return module("norse", "LIFCell", p=p, dt=1e-3)
    p.reset_method = reset_subtract if subtract else reset_value
    return module("norse", "LIFBoxCell", p=p, dt=1e-3)


def sinabs(*, alpha, norm, threshold, most, subtract, floor=None):
    name = {1: "SingleSpike", np.inf: "MultiSpike"}.get(most, "MaxSpike")
    spikes = type(name, (), {"max_num_spikes_per_bin": most})()
    reset = (type("MembraneSubtract", (), {"subtract_value": None})() if subtract
             else type("MembraneReset", (), {"reset_value": 0.0})())
    return module("sinabs", "LIF", alpha_mem_calculated=number(alpha), alpha_syn_calculated=None,
                  norm_input=norm, spike_threshold=number(threshold), spike_fn=spikes,
                  reset_fn=reset, min_v_mem=floor)


class StepPWL:
    """Of Rockpool: the name of the class that a bound ``apply`` is of is read."""

    @classmethod
    def apply(cls):
        """Never called."""


def rockpool(*, alpha, threshold, most, syn=None, size=None, bias=0.0, w_rec=None, **fields):
    """``size`` is asked of a LIFTorch alone."""
    fields = {"threshold": number(threshold), "max_spikes_per_dt": number(min(most, 65536)),
              "bias": number(bias), "noise_std": 0.0,
              "spike_generation_fn": StepPWL.apply} | fields
    if syn is None:
        tau = -1e-3 / math.log(alpha)
        return module("rockpool", "LIFNeuronTorch", tau_mem=number(tau), dt=1e-3, **fields)
    w_rec = np.zeros((1, 1)) if w_rec is None else w_rec
    return module("rockpool", "LIFTorch", **{
        "alpha": number(alpha), "beta": number(syn), "w_rec": number(w_rec), "size_in": size,
        "size_out": size} | fields)


MAKERS = {"snntorch": leaky, "spikingjelly": jelly, "norse": norse, "sinabs": sinabs,
          "rockpool": rockpool}
def linear(weight, bias):
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.weight.data, made.bias.data = number(weight), number(bias)
    return made


def model_of(network, **options):
    neurons = MAKERS[network.framework]
    layers = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        layers += [linear(weight, bias), neurons(**network.parameters, **options)]
    return nn.Sequential(nn.Flatten(), nn.Sequential(*layers), nn.Dropout())
