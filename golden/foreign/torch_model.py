"""Other frameworks' torch modules as layers and their neurons, so that nothing is left open.

A module is recognised by the package and the name of its class; no framework is imported.  What
each neuron computes is in docs/import.md.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from ..spec import Input
from ..spec.errors import InvalidValue
from .check import require_exact
from .exact import convert
from .frameworks import FRAMEWORKS
from .graph import Graph, Node
from .grid import snap
from .layers import Builder
from .readings import Reading, read_node

__all__ = ["convert_model", "framework_of", "read"]

SEQUENCES = ("SequentialState",)  # Norse's, which is no nn.Sequential.
NOTHING = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "Flatten")  # At inference.


class AvgPool2d(SimpleNamespace):
    """As NIR's node of this name, for :class:`~qblif.golden.foreign.way.Way`."""


class SumPool2d(SimpleNamespace):
    """As NIR's node of this name."""


def framework_of(module) -> str | None:
    """The framework whose neuron ``module`` is, or ``None``."""
    framework = type(module).__module__.partition(".")[0]
    return framework if type(module).__name__ in NEURONS.get(framework, {}) else None


def convert_model(model, input_shape, timesteps, input_n_max=1, static=False, approximate=False):
    """The :class:`~qblif.golden.spec.artifact.Trained` that does what ``model`` does.

    Parameters
    ----------
    model : :class:`torch.nn.Sequential`, nested or not
        Linear, Conv2d, AvgPool2d, Flatten and Dropout, and neurons of snnTorch, SpikingJelly, Norse
        or Sinabs, each behind one Linear or Conv2d.
    input_shape : of one frame and timestep, without batch
    timesteps : T
    input_n_max : largest level of an input
    static : whether one frame of levels is the input of every timestep
    approximate : round what has no exact form

    Raises :class:`ValueError` that names the module which has no exact form, and the reason.
    """
    graph, readings = read(model, input_shape)
    converted = convert(graph, readings, timesteps, input_n_max, approximate,
                        {"imported": " | ".join(dict.fromkeys(map(str, readings)))}, static)
    if not approximate:
        require_exact(converted)
    return converted.trained


def read(model, input_shape) -> tuple[Graph, tuple[Reading, ...]]:
    """``model`` as float layers, with the reading of each neuron layer."""
    builder, readings = Builder(input_shape), []
    way = builder.way(Input.name)
    for name, module in _flat(model, ""):
        framework, kind = framework_of(module), type(module).__name__
        if framework is not None:
            node, reading = NEURONS[framework][kind](name, module)
            neurons = builder.add(name, [way], node)
            if node.recurrent:
                back = builder.way(neurons, neurons)
                back.take(name, "Affine", _back(name, module, builder.shapes[neurons]))
                builder.connect(name, back, neurons, recurrent=True)
            readings.append(reading)
            way = builder.way(neurons)
        elif isinstance(module, nn.Linear):
            way.take(name, "Affine", SimpleNamespace(
                weight=_array(module.weight), bias=_array(module.bias)))
        elif isinstance(module, nn.Conv2d):
            if module.padding_mode != "zeros":
                raise InvalidValue(f"Module {name} pads with {module.padding_mode}, not zeros")
            way.take(name, "Conv2d", SimpleNamespace(
                weight=_array(module.weight), bias=_array(module.bias), stride=module.stride,
                padding=module.padding, dilation=module.dilation, groups=module.groups,
                input_shape=None))
        elif isinstance(module, nn.AvgPool2d) or kind == "SumPool2d":
            if getattr(module, "ceil_mode", False) or getattr(module, "divisor_override", None):
                raise InvalidValue(f"Module {name} is a pool that rounds up, or with a divisor of "
                                   "its own")
            pool = SumPool2d if kind == "SumPool2d" else AvgPool2d
            way.take(name, pool.__name__, pool(
                kernel_size=module.kernel_size, stride=module.stride,
                padding=getattr(module, "padding", 0)))
        elif kind not in NOTHING:
            raise InvalidValue(f"Module {name} is a {_full_name(module)}, which has no exact form "
                               "here; what has are Linear, Conv2d, AvgPool2d, Flatten and neurons: "
                               + "; ".join(f"{package}'s {', '.join(kinds)}"
                                           for package, kinds in NEURONS.items()))
    builder.add("output", [way])
    return builder.finish(), tuple(readings)


def _flat(model, prefix):
    for name, module in model.named_children():
        if isinstance(module, nn.Sequential) or type(module).__name__ in SEQUENCES:
            yield from _flat(module, f"{prefix}{name}.")
        else:
            yield prefix + name, module


def _array(tensor):
    return None if tensor is None else tensor.detach().cpu().double().numpy()


def _full_name(module):
    return f"{type(module).__module__.partition('.')[0]} {type(module).__name__}"


def _number(name, field, value):
    """The one number of a parameter, which may be a tensor."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy()
    values = np.unique(np.asarray(value, np.float64))
    if values.size != 1 or not np.isfinite(values[0]):
        raise InvalidValue(f"Module {name} has a {field} of {value}; it must be one finite number "
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


def _reading(framework, name, *, threshold, decay, gain=1.0, synaptic=None, rest=0.0, v_reset=0.0,
             reset, delay=False, levels=1, floor=None, recurrent=False):
    """``(node, reading)``; a decay is what its float32 is a rounding of."""
    node = Node(name=name, kind="LIF", r=1.0, v_threshold=threshold, v_reset=v_reset, v_leak=rest,
                recurrent=recurrent)
    if not 0 <= decay <= 1 or threshold <= rest:
        raise InvalidValue(f"Module {name} has a decay of {decay:g} and a threshold of "
                           f"{threshold:g}; the decay must be in 0..1, the threshold above "
                           f"{rest:g}")
    if reset == "subtract" and rest:
        raise InvalidValue(f"Module {name} subtracts its threshold around a rest of {rest:g}; that "
                           "is exact around 0 alone")
    current = (None, 1.0) if synaptic is None else (1 - snap(1 - synaptic[0]), synaptic[1])
    return node, read_node(FRAMEWORKS[framework], node, (1 - snap(1 - decay), snap(gain)), current,
                           reset, delay, levels, floor)


def _snntorch(name, module):
    _require(name, module, graded_spikes_factor=1.0, inhibition=False, state_quant=False)
    alpha, kind = None, type(module).__name__
    if kind in ("Synaptic", "RSynaptic"):
        alpha = min(max(_number(name, "alpha", module.alpha), 0.0), 1.0), 1.0
    return _reading("snntorch", name, threshold=_number(name, "threshold", module.threshold),
                    decay=min(max(_number(name, "beta", module.beta), 0.0), 1.0), synaptic=alpha,
                    reset=module.reset_mechanism, delay=bool(module.reset_delay),
                    recurrent=kind in ("RLeaky", "RSynaptic"))


def _back(name, module, shape):
    """Weights of snnTorch's recurrent neurons, as a NIR node has them."""
    if not module.all_to_all:
        values = module.recurrent.V.detach().cpu().double().numpy()
        if values.size not in (1, math.prod(shape)):
            raise InvalidValue(f"Module {name} has {values.size} recurrent weights, but "
                               f"{math.prod(shape)} neurons")
        values = np.broadcast_to(values.reshape(-1), math.prod(shape))
        return SimpleNamespace(weight=np.diag(values), bias=None)
    if not isinstance(module.recurrent, nn.Linear):
        raise InvalidValue(f"Module {name} has recurrent weights of a "
                           f"{type(module.recurrent).__name__}; only those of a Linear, or one to "
                           "one, have an exact form")
    return SimpleNamespace(weight=_array(module.recurrent.weight),
                           bias=_array(module.recurrent.bias))


def _spikingjelly(name, module):
    kind, decay, gain = type(module).__name__, 1.0, 1.0
    if kind != "IFNode":
        rate = (1 / _number(name, "tau", module.tau) if kind == "LIFNode"
                else 1 / (1 + math.exp(-_number(name, "w", module.w))))
        decay, gain = 1 - rate, rate if module.decay_input else 1.0
    soft = module.v_reset is None
    rest = 0.0 if soft else _number(name, "v_reset", module.v_reset)
    return _reading("spikingjelly", name, decay=decay, gain=gain, rest=rest, v_reset=rest,
                    threshold=_number(name, "v_threshold", module.v_threshold),
                    reset="subtract" if soft else "zero")


def _norse(name, module):
    kind, p = type(module).__name__, module.p
    v_reset, decay, gain, synaptic = _number(name, "v_reset", p.v_reset), 1.0, 1.0, None
    rest = v_reset
    if kind != "IAFCell":
        gain = module.dt * _number(name, "tau_mem_inv", p.tau_mem_inv)
        decay, rest = 1 - gain, _number(name, "v_leak", p.v_leak)
    if kind == "LIFCell":
        synaptic = 1 - module.dt * _number(name, "tau_syn_inv", p.tau_syn_inv), 1.0
    method = p.reset_method.__name__ if kind == "LIFBoxCell" else "reset_value"
    if method not in ("reset_value", "reset_subtract"):
        raise InvalidValue(f"Module {name} must have a reset_method of reset_value or "
                           f"reset_subtract, not {method}")
    return _reading("norse", name, decay=decay, gain=gain, synaptic=synaptic, rest=rest,
                    v_reset=v_reset, threshold=_number(name, "v_th", p.v_th),
                    reset="subtract" if method == "reset_subtract" else "zero")


def _sinabs(name, module):
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
                    threshold=_number(name, "spike_threshold", module.spike_threshold),
                    reset=resets[type(reset).__name__],
                    floor=None if module.min_v_mem is None else _number(
                        name, "min_v_mem", module.min_v_mem))


NEURONS = {
    "snntorch": dict.fromkeys(("Leaky", "Synaptic", "RLeaky", "RSynaptic"), _snntorch),
    "spikingjelly": dict.fromkeys(("IFNode", "LIFNode", "ParametricLIFNode"), _spikingjelly),
    "norse": dict.fromkeys(("IAFCell", "LIFBoxCell", "LIFCell"), _norse),
    "sinabs": dict.fromkeys(("IAF", "IAFSqueeze", "LIF", "LIFSqueeze"), _sinabs),
}
