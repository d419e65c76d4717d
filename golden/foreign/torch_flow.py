"""How spikes flow through a torch module: its calls in order, of a Sequential or by ``torch.fx``.

A value is a tuple of paths, which add up: ``(source, ((name, module), ...))``, from a population or
the input through modules without a state.  A forward that loops over timesteps is traced with all
of them; each of its neurons must be given the same paths every time, and its own state.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass

import torch
from torch import fx, nn

from ..spec import Input
from ..spec.errors import InvalidValue
from .torch_neurons import NEURONS, framework_of, package_of

__all__ = ["Flow"]

SEQUENCES = ("SequentialState", "TorchSequential")  # Norse's and Rockpool's, no nn.Sequential.
ADDS = (operator.add, operator.iadd, torch.add, "add", "add_")
FLATTENS = (torch.flatten, "flatten")
SIZES = ("size", "dim", getattr)  # Their results are used by reshapes alone.
FLATTEN = nn.Flatten()


@dataclass(frozen=True)
class _State:
    """What else a neuron module returned in its call number ``call``."""

    name: str
    call: int


@dataclass(frozen=True)
class _Spikes:
    """The spikes of such a call, as ``value``."""

    value: tuple
    name: str
    call: int


class Flow:
    """Follows the value of the input through a model.

    ``populate(name, module, value)`` is called once for each module that makes a population, and
    returns its name.  ``calls`` counts those of each; ``indices`` are the timesteps that the model
    takes out of its input.
    """

    def __init__(self, populate, makes_population):
        self.populate, self.makes_population = populate, makes_population
        self.calls, self.indices = Counter(), set()
        self.given, self.made, self.names = {}, {}, {}

    def follow(self, model):
        """The value that ``model`` returns."""
        value = self.call(model, "", ((Input.name, ()),))
        return value.value if isinstance(value, _Spikes) else value

    def call(self, module, name, value, states=()):
        """What ``module`` returns for ``value``."""
        value = value.value if isinstance(value, _Spikes) else value
        prefix = f"{name}." if name else ""
        if self.makes_population(module):
            return self.fire(name, module, value, states)
        if type(module).__name__ in SEQUENCES or (
                isinstance(module, nn.Sequential)
                and type(module).forward is nn.Sequential.forward):
            for child, part in module._modules.items():  # Named children are each there once.
                value = self.call(part, prefix + child, value)
            return value
        if _is_leaf(module):
            return tuple((source, (*between, (name, module))) for source, between in value)
        return self.trace(module, prefix, value)

    def fire(self, name, module, value, states):
        """The spikes of neurons; a further call is a further timestep of the same."""
        if framework_of(module) and self.names.setdefault(module, name) != name:
            raise InvalidValue(f"Module {name} is the neurons of module {self.names[module]} "
                               "again; each population needs its own")
        call = self.calls[name]
        self.calls[name] += 1
        own = {(name, call - 1)} if call else {None}
        if call and value != self.given[name] or {_origin(state) for state in states} - own:
            raise InvalidValue(f"Module {name} is called again with another input or without its "
                               "own state; only the next timestep of the same has an exact form")
        if not call:
            self.given[name] = value
            self.made[name] = ((self.populate(name, module, value), ()),)
        return _Spikes(self.made[name], name, call)

    def trace(self, module, prefix, value):
        """What a module with a forward of its own returns."""
        called = prefix.rstrip(".") or type(module).__name__
        try:
            graph = _Tracer().trace(module)
        except Exception as error:  # torch.fx runs the forward, which raises whatever it likes.
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InvalidValue(f"Module {called} has a forward that torch.fx can't trace "
                               f"({reason}); one of a single timestep can be read") from error
        found, inputs = {}, iter((value,))
        for node in graph.nodes:
            args = fx.map_arg(node.args, found.get)
            if node.op == "placeholder":
                found[node] = next(inputs, None)
            elif node.op == "output":
                return self.result(called, args[0])
            elif node.op == "call_module":
                if node.kwargs or not args or not _carries(args[0]):
                    raise InvalidValue(f"Module {prefix}{node.target} must be called with what the "
                                       "layers before it give")
                found[node] = self.call(module.get_submodule(node.target),
                                        prefix + str(node.target), args[0], args[1:])
            elif node.op in ("call_function", "call_method"):
                found[node] = self.operate(called, node, args)
        raise InvalidValue(f"Module {called} returns nothing")

    def operate(self, called, node, args):
        """What a function, or a method by its name, returns."""
        target = node.target
        if not any(map(_carries, _flat(args))):
            return next((a for a in args if isinstance(a, _State)), None)
        if target is operator.getitem:
            return self.item(called, *args)
        first, *others = (a.value if isinstance(a, _Spikes) else a for a in args)
        if target in ADDS and len(others) == 1 and _carries(others[0]) and not node.kwargs:
            return _sum(called, first, others[0])
        if target is torch.stack:
            return self.result(called, first)
        if target in SIZES:
            return None
        flat = target in FLATTENS and (others[0] if others else node.kwargs.get("start_dim")) == 1
        if flat or target in ("view", "reshape") and len(others) == 2 and others[1] == -1:
            return tuple((source, (*between, (called, FLATTEN))) for source, between in first)
        name = target if isinstance(target, str) else getattr(target, "__name__", target)
        raise InvalidValue(f"Module {called} calls {name}, which has no exact form; what has are "
                           "modules, sums of what they give, and flatten")

    def item(self, called, value, index):
        """``value[index]``: of a neuron's results, or a timestep of the input."""
        if isinstance(value, _Spikes) and isinstance(index, int):
            return value if index == 0 else _State(value.name, value.call)
        step = index[1] if isinstance(index, tuple) and index[:1] == (slice(None),) else index
        if value == ((Input.name, ()),) and isinstance(step, int):
            self.indices.add(step)
            return value
        raise InvalidValue(f"Module {called} takes a part of what a layer gives, which has no "
                           "exact form")

    def result(self, called, returned):
        """The value among what is returned: itself, the first of several, or one for each
        timestep, all the same."""
        values = [v for v in _flat((returned,)) if _carries(v)]
        plain = [v.value if isinstance(v, _Spikes) else v for v in values]
        if not plain or isinstance(returned, list) and any(v != plain[0] for v in plain):
            raise InvalidValue(f"Module {called} must return what its last layer gives")
        return values[-1] if isinstance(returned, list) else values[0]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m, module_qualified_name):
        return _is_leaf(m) or isinstance(m, nn.Sequential) or type(m).__name__ in SEQUENCES


def _origin(state):
    return (state.name, state.call) if isinstance(state, (_State, _Spikes)) else None


def _is_leaf(module):
    """Whether a module is read, or refused, by its name: a framework's, or without parts."""
    return package_of(module) in ("torch", *NEURONS) or not any(True for _ in module.children())


def _carries(value):
    return isinstance(value, _Spikes) or isinstance(value, tuple) and bool(value) and all(
        isinstance(path, tuple) and len(path) == 2 and isinstance(path[0], str) for path in value)


def _flat(values):
    for value in values:
        if isinstance(value, (tuple, list)) and not _carries(value):
            yield from _flat(value)
        else:
            yield value


def _sum(called, first, second):
    """Both values' paths.  A bias that is on both would have to be added twice."""
    names = [{name for _, between in value for name, module in between
              if getattr(module, "bias", None) is not None} for value in (first, second)]
    if names[0] & names[1]:
        raise InvalidValue(f"Module {called} adds what {', '.join(sorted(names[0] & names[1]))} "
                           "gives twice, biases and all, which has no exact form")
    return first + second
