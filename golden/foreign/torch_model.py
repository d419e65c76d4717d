"""Other frameworks' torch modules as layers and their neurons; none is imported."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
from torch import nn

from ..spec.errors import InvalidValue
from .check import require_exact
from .exact import convert
from .graph import Graph
from .layers import Builder
from .max_pool import ANY, pool_node, windows
from .readings import Reading
from .torch_flow import Flow
from .torch_neurons import NEURONS, NORSE_RECURRENT, framework_of, package_of, to_array, weights_of

__all__ = ["convert_model", "has_neurons", "read"]

NOTHING = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "Flatten")  # At inference.


class AvgPool2d(SimpleNamespace):
    """As NIR's node of this name, for :class:`~qblif.golden.foreign.way.Way`."""


class SumPool2d(SimpleNamespace):
    """As NIR's node of this name."""


def has_neurons(model) -> bool:
    """Whether there are neurons of another framework in ``model``."""
    return any(framework_of(module) for module in nn.Module.modules(model))


def convert_model(model, input_shape, timesteps, input_n_max=1, static=False, approximate=False):
    """The :class:`~qblif.golden.spec.artifact.Trained` that does what ``model`` does.

    Parameters
    ----------
    model : :class:`torch.nn.Sequential`, or a module with a forward of one timestep or of all
        Linear, Conv2d, each with a BatchNorm of its width behind it or not, AvgPool2d, MaxPool2d of
        single spikes, Flatten and Dropout, and neurons of snnTorch, SpikingJelly, Norse, Sinabs or
        Rockpool, whose Sequential and LinearTorch may be there too, forked and added.
    input_shape : of one frame and timestep, without batch
    timesteps : T
    input_n_max : largest level of an input
    static : whether one frame of levels is the input of every timestep
    approximate : round what has no exact form; the network's notes say under "rounded" what, and
        by how much

    Raises :class:`ValueError` that names the module which has no exact form, and the reason.
    """
    graph, readings = read(model, input_shape, timesteps, static)
    converted = convert(graph, readings, timesteps, input_n_max, approximate,
                        {"imported": " | ".join(dict.fromkeys(map(str, readings)))}, static)
    if not approximate:
        require_exact(converted)
    elif converted.remarks:
        converted.trained.notes["rounded"] = "; ".join(converted.remarks)
    return converted.trained


def read(model, input_shape, timesteps=1, static=False) -> tuple[Graph, tuple[Reading, ...]]:
    """``model`` as float layers, with the reading of each neuron layer."""
    builder, readings = Builder(input_shape), []

    def populate(name, module, value):
        framework, kind = framework_of(module), type(module).__name__
        ways = [_walk(builder, path) for path in value]
        if framework is None:
            if len(ways) > 1:
                raise InvalidValue(f"Module {name} is a max pool of a sum, which has no exact form")
            ways[0].take(name, "Conv2d", windows(name, module, ways[0]))
            readings.append(ANY)
            return builder.add(name, ways, pool_node(name))
        for way in ways if framework == "norse" and kind in NORSE_RECURRENT else ():
            way.take(name, "Linear", SimpleNamespace(weight=to_array(module.input_weights)))
        size = math.prod(ways[0].finish(name, flat=False)[1])
        neurons = NEURONS[framework][kind](name, module, size)
        population = builder.add(name, ways, neurons.node)
        if neurons.bias is not None:
            builder.add_bias(population, name, neurons.bias)
        if neurons.back is not None:
            back = builder.way(population, population)
            back.take(name, "Affine", neurons.back)
            builder.connect(name, back, population, recurrent=True)
        readings.append(neurons.reading)
        return population

    flow = Flow(populate, _makes_population)
    ways = [_walk(builder, path) for path in flow.follow(model)]
    _check_timesteps(flow, timesteps, static)
    return builder.finish("output", ways), tuple(readings)


def _check_timesteps(flow, timesteps, static):
    """A forward of one timestep, or of all from an input that has them or is static."""
    calls = {*flow.calls.values()}
    if flow.indices and (flow.indices != {*range(timesteps)} or calls != {timesteps}
                         or static) or calls - {1, timesteps}:
        raise InvalidValue(f"Model has a forward of {max(calls)} timesteps, of input "
                           f"{', '.join(map(str, sorted(flow.indices))) or 'all the same'}; it "
                           f"must be of one timestep, or of all {timesteps}, and then not static")
    if calls == {timesteps} and timesteps > 1 and not flow.indices and not static:
        raise InvalidValue(f"Model has a forward of {timesteps} timesteps of the same input, which "
                           "is static")


def _makes_population(module):
    return framework_of(module) is not None or isinstance(module, nn.MaxPool2d)


def _walk(builder, path):
    """The way along a path of :class:`Flow`."""
    source, modules = path
    way, last = builder.way(source), None
    for name, module in modules:
        kind = type(module).__name__
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            _fold(name, module, way, last)
        elif kind not in NOTHING:
            way.take(name, *_as_node(name, kind, module))
        last = module
    return way


def _as_node(name, kind, module):
    """``(kind, node)`` of NIR for a module without a state."""
    if isinstance(module, nn.Linear):
        return "Affine", weights_of(module)
    if kind == "LinearTorch" and package_of(module) == "rockpool":
        weights = weights_of(module)
        return "Affine", SimpleNamespace(weight=weights.weight.T, bias=weights.bias)
    if isinstance(module, nn.Conv2d):
        if module.padding_mode != "zeros":
            raise InvalidValue(f"Module {name} pads with {module.padding_mode}, not zeros")
        return "Conv2d", SimpleNamespace(
            **vars(weights_of(module)), stride=module.stride, padding=module.padding,
            dilation=module.dilation, groups=module.groups, input_shape=None)
    if isinstance(module, nn.AvgPool2d) or kind == "SumPool2d":
        padded = np.any(getattr(module, "padding", 0)) and not getattr(
            module, "count_include_pad", True)
        if (padded or getattr(module, "ceil_mode", False)
                or getattr(module, "divisor_override", None)):
            raise InvalidValue(f"Module {name} is a pool that rounds up, or with a divisor of "
                               "its own")
        pool = SumPool2d if kind == "SumPool2d" else AvgPool2d
        return pool.__name__, pool(kernel_size=module.kernel_size, stride=module.stride,
                                   padding=getattr(module, "padding", 0))
    raise InvalidValue(f"Module {name} is a {package_of(module)} {kind}, which has no exact form "
                       "here; what has are Linear, Conv2d and BatchNorm behind one, AvgPool2d, "
                       "MaxPool2d of spikes, Flatten and neurons: " + "; ".join(
                           f"{package}'s {', '.join(kinds)}" for package, kinds in NEURONS.items()))


def _fold(name, module, way, last):
    """Batch norm by its running statistics, in the weights and biases before it."""
    kind = type(module).__name__
    behind = nn.Conv2d if isinstance(module, nn.BatchNorm2d) else nn.Linear
    if not isinstance(last, behind):
        raise InvalidValue(f"Module {name} is a {kind}, which must be directly behind a "
                           f"{behind.__name__}")
    if module.training or module.running_var is None:
        raise InvalidValue(f"Module {name} is a {kind} that normalises by each batch; only running "
                           "statistics have an exact form: call eval() on the model")
    if module.num_features != len(way.weight):
        raise InvalidValue(f"Module {name} is a {kind} of {module.num_features} features behind "
                           f"{len(way.weight)}")
    with np.errstate(divide="ignore", invalid="ignore"):  # Infinite weights are refused.
        scale = 1 / np.sqrt(to_array(module.running_var) + module.eps)
        shift = -to_array(module.running_mean) * scale
    if module.affine:
        gamma = to_array(module.weight)
        scale, shift = scale * gamma, shift * gamma + to_array(module.bias)
    way.scale(name, scale, shift)
