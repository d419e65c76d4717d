"""Other frameworks' neurons as torch modules, each as a node and its reading, which leaves nothing
open.

A module is recognised by the package and the name of its class; no framework is imported.  What
each neuron computes is in docs/import.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from ..spec.errors import InvalidValue
from .frameworks import FRAMEWORKS
from .graph import Node
from .grid import snap
from .readings import Reading, read_node
from .thresholds import common_threshold

__all__ = ["NEURONS", "NORSE_RECURRENT", "Neurons", "framework_of", "package_of", "to_array",
           "weights_of"]


@dataclass(frozen=True, kw_only=True)
class Neurons:
    """A module's ``node`` and ``reading``; ``back`` has ``weight`` and ``bias`` from the neurons to
    themselves, ``bias`` is what is added to every timestep's current."""

    node: Node
    reading: Reading
    back: SimpleNamespace | None = None
    bias: np.ndarray | None = None


def framework_of(module) -> str | None:
    """The framework whose neuron ``module`` is, or ``None``."""
    framework = package_of(module)
    return framework if type(module).__name__ in NEURONS.get(framework, {}) else None


def package_of(module) -> str:
    """The top-level package of the module's class."""
    return type(module).__module__.partition(".")[0]


def to_array(tensor) -> np.ndarray:
    """float64."""
    return tensor.detach().cpu().double().numpy()


def weights_of(linear) -> SimpleNamespace:
    """Weight and bias, which may be ``None``, as a NIR node has them."""
    return SimpleNamespace(weight=to_array(linear.weight),
                           bias=None if linear.bias is None else to_array(linear.bias))


def _number(name, field, value):
    """The one number of a parameter, which may be a tensor."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy()
    values = np.unique(np.asarray(value, np.float64))
    if values.size != 1 or not np.isfinite(values[0]):
        raise InvalidValue(f"Module {name} has a {field} of {' '.join(str(value).split())}; it "
                           "must be one finite number "
                           "for all neurons")
    return float(values[0])


def _require(name, module, **expected):
    """Refuse a module with an option that has no exact form."""
    for field, value in expected.items():
        found = getattr(module, field, value)
        found = found.item() if isinstance(found, torch.Tensor) and found.numel() == 1 else found
        if found != value:
            raise InvalidValue(f"Module {name} has a {field} of {found!r}; only {value!r} has an "
                               "exact form")


def _thresholds(name, field, value):
    """The thresholds, of one neuron or of each."""
    values = np.ravel(to_array(value) if isinstance(value, torch.Tensor) else np.float64(value))
    if not values.size or not np.isfinite(values).all() or values.min() <= 0:
        raise InvalidValue(f"Module {name} has a {field} of {' '.join(map(str, values[:4]))}; it "
                           "must be of finite numbers above 0")
    return values[:1] if (values == values[0]).all() else values


def _reading(framework, name, *, threshold, decay, gain=1.0, synaptic=None, rest=0.0, v_reset=0.0,
             reset, delay=False, levels: int | None = 1, floor=None, recurrent=False):
    """The :class:`Neurons`; a decay is what its float32 is a rounding of."""
    factors, thresholds = None, np.atleast_1d(threshold)
    threshold = float(thresholds[0])
    if thresholds.size > 1:
        if rest or v_reset or floor:
            raise InvalidValue(f"Module {name} has a threshold of its own for each neuron with a "
                               "rest, a reset or a floor other than 0, which has no exact form")
        threshold, factors = common_threshold(thresholds)
    node = Node(name=name, kind="LIF", r=1.0, factors=factors, v_threshold=threshold,
                v_reset=v_reset, v_leak=rest, recurrent=recurrent)
    if not 0 <= decay <= 1 or threshold <= rest:
        raise InvalidValue(f"Module {name} has a decay of {decay:g} and a threshold of "
                           f"{threshold:g}; the decay must be in 0..1, the threshold above "
                           f"{rest:g}")
    if reset == "subtract" and rest:
        raise InvalidValue(f"Module {name} subtracts its threshold around a rest of {rest:g}; that "
                           "is exact around 0 alone")
    current = (None, 1.0) if synaptic is None else (1 - snap(1 - synaptic[0]), synaptic[1])
    return Neurons(node=node, reading=read_node(
        FRAMEWORKS[framework], node, (1 - snap(1 - decay), snap(gain)), current, reset, delay,
        levels, floor))


def _snntorch(name, module, size):
    _require(name, module, graded_spikes_factor=1.0, inhibition=False, state_quant=False)
    alpha, kind = None, type(module).__name__
    if kind in ("Synaptic", "RSynaptic"):
        alpha = min(max(_number(name, "alpha", module.alpha), 0.0), 1.0), 1.0
    recurrent = kind in ("RLeaky", "RSynaptic")
    made = _reading("snntorch", name, threshold=_thresholds(name, "threshold", module.threshold),
                    decay=min(max(_number(name, "beta", module.beta), 0.0), 1.0), synaptic=alpha,
                    reset=module.reset_mechanism, delay=bool(module.reset_delay),
                    recurrent=recurrent)
    return replace(made, back=_back(name, module, size)) if recurrent else made


def _back(name, module, size):
    """Weights of snnTorch's recurrent neurons, as a NIR node has them."""
    if not module.all_to_all:
        values = to_array(module.recurrent.V)
        if values.size not in (1, size):
            raise InvalidValue(f"Module {name} has {values.size} recurrent weights, but "
                               f"{size} neurons")
        return SimpleNamespace(weight=np.diag(np.broadcast_to(values.reshape(-1), size)),
                               bias=None)
    if not isinstance(module.recurrent, nn.Linear):
        raise InvalidValue(f"Module {name} has recurrent weights of a "
                           f"{type(module.recurrent).__name__}; only those of a Linear, or one to "
                           "one, have an exact form")
    return weights_of(module.recurrent)


def _spikingjelly(name, module, size):
    kind, decay, gain, synaptic = type(module).__name__, 1.0, 1.0, None
    if kind == "CUBALIFNode":
        decay = _number(name, "v_decay", module.v_decay)
        synaptic = _number(name, "c_decay", module.c_decay), 1.0
    elif kind != "IFNode":
        rate = (1 / _number(name, "tau", module.tau) if kind == "LIFNode"
                else 1 / (1 + math.exp(-_number(name, "w", module.w))))
        decay, gain = 1 - rate, rate if module.decay_input else 1.0
    soft = module.v_reset is None
    rest = 0.0 if soft else _number(name, "v_reset", module.v_reset)
    if synaptic is not None and rest:
        raise InvalidValue(f"Module {name} has a v_reset of {rest:g}, at which its membrane starts "
                           "and from where it leaks to 0; only 0 or None has an exact form")
    return _reading("spikingjelly", name, decay=decay, gain=gain, rest=rest, v_reset=rest,
                    synaptic=synaptic,
                    threshold=_number(name, "v_threshold", module.v_threshold),
                    reset="subtract" if soft else "zero")


def _norse(name, module, size):
    kind, p = type(module).__name__, module.p
    v_reset, decay, gain, synaptic = _number(name, "v_reset", p.v_reset), 1.0, 1.0, None
    rest = v_reset
    if kind != "IAFCell":
        gain = module.dt * _number(name, "tau_mem_inv", p.tau_mem_inv)
        decay, rest = 1 - gain, _number(name, "v_leak", p.v_leak)
    if kind in ("LIFCell", "LIF", *NORSE_RECURRENT):
        synaptic = 1 - module.dt * _number(name, "tau_syn_inv", p.tau_syn_inv), 1.0
    method = p.reset_method.__name__ if kind == "LIFBoxCell" else "reset_value"
    if method not in ("reset_value", "reset_subtract"):
        raise InvalidValue(f"Module {name} must have a reset_method of reset_value or "
                           f"reset_subtract, not {method}")
    recurrent = kind in NORSE_RECURRENT
    made = _reading("norse", name, decay=decay, gain=gain, synaptic=synaptic, rest=rest,
                    v_reset=v_reset, threshold=_thresholds(name, "v_th", p.v_th),
                    reset="subtract" if method == "reset_subtract" else "zero",
                    recurrent=recurrent)
    return made if not recurrent else replace(made, back=SimpleNamespace(
        weight=to_array(module.recurrent_weights), bias=None))


def _sinabs(name, module, size):
    decay, alpha = _number(name, "alpha_mem", module.alpha_mem_calculated), None
    if module.alpha_syn_calculated is not None:
        value = _number(name, "alpha_syn", module.alpha_syn_calculated)
        alpha = value, value
    spikes, reset = module.spike_fn, module.reset_fn
    kind = getattr(spikes, "__name__", type(spikes).__name__)
    levels = {"MultiSpike": None, "SingleSpike": 1,
              "MaxSpike": getattr(spikes, "max_num_spikes_per_bin", None)}
    resets = {"MembraneSubtract": "subtract", "MembraneReset": "zero"}
    if kind not in levels or type(reset).__name__ not in resets:
        raise InvalidValue(f"Module {name} has a spike_fn {kind} and a reset_fn "
                           f"{type(reset).__name__}, of which there is no exact form")
    _require(name, reset, subtract_value=None, reset_value=0.0)
    return _reading("sinabs", name, decay=decay, synaptic=alpha, levels=levels[kind],
                    gain=1 - decay if module.norm_input else 1.0,
                    threshold=_thresholds(name, "spike_threshold", module.spike_threshold),
                    reset=resets[type(reset).__name__],
                    floor=None if module.min_v_mem is None else _number(
                        name, "min_v_mem", module.min_v_mem))


def _rockpool(name, module, size):
    kind, alpha, back, bias = type(module).__name__, None, None, to_array(module.bias)
    _require(name, module, noise_std=0.0)
    spikes = getattr(getattr(module.spike_generation_fn, "__self__", None), "__name__", None)
    most = _number(name, "max_spikes_per_dt", module.max_spikes_per_dt)
    if spikes not in ("StepPWL", "PeriodicExponential") or most < 1 or most != int(most):
        raise InvalidValue(f"Module {name} has a spike_generation_fn of {spikes} and a "
                           f"max_spikes_per_dt of {most:g}; only StepPWL and PeriodicExponential "
                           "with a whole number have an exact form")
    if kind == "LIFTorch":
        if module.size_in != module.size_out:
            raise InvalidValue(f"Module {name} has {module.size_in} synapses for "
                               f"{module.size_out} neurons; only one each has an exact form")
        if bias.any():
            raise InvalidValue(f"Module {name} has a bias behind its synaptic current, which has "
                               "no exact form; give it to the Linear before it")
        decay, beta = (_number(name, field, getattr(module, field)) for field in ("alpha", "beta"))
        alpha, weight = (beta, beta), to_array(module.w_rec).T
        if weight.any():
            back = SimpleNamespace(weight=weight, bias=None)
    else:
        decay = math.exp(-module.dt / _number(name, "tau_mem", module.tau_mem))
    made = _reading("rockpool", name, decay=decay, synaptic=alpha, reset="subtract",
                    threshold=_thresholds(name, "threshold", module.threshold),
                    levels=None if most >= ROCKPOOL_MOST else int(most),
                    recurrent=back is not None)
    return replace(made, back=back, bias=np.broadcast_to(bias.reshape(-1), size))


NORSE_RECURRENT = ("LIFRecurrentCell", "LIFRecurrent")  # With the weights before them.
ROCKPOOL_MOST = 1 << 16  # Its max_spikes_per_dt by default.
NEURONS = {
    "snntorch": dict.fromkeys(("Leaky", "Synaptic", "RLeaky", "RSynaptic"), _snntorch),
    "spikingjelly": dict.fromkeys(("IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode"),
                                  _spikingjelly),
    "norse": dict.fromkeys(("IAFCell", "LIFBoxCell", "LIFCell", "LIF", *NORSE_RECURRENT),
                           _norse),
    "rockpool": dict.fromkeys(("LIFTorch", "LIFNeuronTorch"), _rockpool),
    "sinabs": dict.fromkeys(("IAF", "IAFSqueeze", "LIF", "LIFSqueeze"), _sinabs),
}
