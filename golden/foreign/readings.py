"""What the neurons of a NIR file mean, by the framework that wrote it.

NIR describes neurons in continuous time.  Each framework writes its own discrete neuron into that
description in its own way, and leaves out what has no place there: the timestep, how a spike
resets, levels above 1, and whether a spike needs ``v > threshold`` or ``v >= threshold``.  A
:class:`Reading` is one discrete neuron, exactly; :func:`readings` lists those that a file may mean,
from what :mod:`qblif.golden.foreign.frameworks` says.  docs/import.md has all as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from ..spec.checks import check_int, check_real
from ..spec.errors import InvalidValue
from .dynamics import dynamics
from .frameworks import FRAMEWORKS
from .grid import snap

__all__ = ["RESETS", "Asked", "Reading", "check_framework", "read_node", "readings"]

RESETS = ("subtract", "zero", "none")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One timestep of a neuron, in real numbers, membrane 0 at the start of a frame: it is counted
    from where it rests::

        i     = synaptic i + current              where there is a synaptic current; else current
        x     = decay v + gain i                           (late: - threshold level[t-1])
        level = clip(floor(x / threshold), 0, levels)      (strict: ceil(x / threshold) - 1)
        v     = x - threshold level, or value where level > 0, or x     (not below floor)

    ``levels`` is ``None`` where they are unbounded.  ``reset`` is ``subtract``, ``zero``, ``none``;
    ``gate``, where x is 0 in the timestep behind a spike, whatever the current;
    ``late``, which subtracts in the next timestep, behind the decay; or ``held``, which subtracts
    at once, but whose level is that of ``x - threshold level(v)``: a ``v`` that was left above the
    threshold holds the next spike back.
    """

    decay: float
    gain: float
    threshold: float
    strict: bool
    levels: int | None
    reset: str
    value: float = 0.0
    floor: float | None = None
    synaptic: float | None = None

    def __str__(self):
        levels = ("levels without bound" if self.levels is None else
                  f"levels up to {self.levels}" if self.levels > 1 else "single spikes")
        reset = f"to {self.value:.6g}" if self.value else self.reset
        return (f"decay {self.decay:.6g}, input gain {self.gain:.6g}, v "
                f"{'>' if self.strict else '>='} {self.threshold:.6g}, reset {reset}, "
                f"{levels}" + ("" if self.floor is None else f", not below {self.floor:.6g}")
                + ("" if self.synaptic is None else f", synaptic decay {self.synaptic:.6g}"))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the user says about a file; ``None`` leaves it open.

    ``reset`` is one of :data:`RESETS`; ``delay`` is snnTorch's ``reset_delay``; ``levels`` the
    largest level; ``dt`` the timestep in the unit of the file's time constants; ``v_reset`` what
    all neurons reset to, in place of the file's; ``floor`` the lower bound of every membrane.
    """

    reset: str | None = None
    delay: bool | None = None
    levels: int | None = None
    dt: float | None = None
    v_reset: float | None = None
    floor: float | None = None

    def __post_init__(self):
        if self.reset is not None and self.reset not in RESETS:
            raise InvalidValue(f"Reset must be one of {', '.join(RESETS)}, not {self.reset!r}")
        if self.levels is not None:
            check_int("Levels", self.levels, 1)
        if self.dt is not None:
            check_real("Timestep", self.dt, 1e-12, 1e6)
        if self.v_reset is not None:
            check_real("Reset value", self.v_reset, -1e9, 1e9)
        if self.floor is not None:
            check_real("Membrane floor", self.floor, -1e9, 0)


def check_framework(name, *others):
    """That files of ``name``, or what is called so in ``others``, can be read."""
    known = (*FRAMEWORKS, *others)
    if name not in known:
        raise InvalidValue(f"Framework must be one of {', '.join(known)}, not {name!r}")


def readings(name, nodes, asked, seen=None) -> dict[str, tuple[Reading, ...]]:
    """Each thing that the file may mean, by its description: a :class:`Reading` for each of
    ``nodes``.

    ``name`` is of :data:`~qblif.golden.foreign.frameworks.FRAMEWORKS`, ``asked`` an
    :class:`Asked`; ``seen`` is the largest level in a recording, which a bound of levels may be.
    Without one, levels are the framework's default.  Raises :class:`ValueError` where the
    framework has no such neuron.
    """
    check_framework(name)
    framework, found = FRAMEWORKS[name], {}
    if asked.v_reset is not None:
        nodes = [replace(node, v_reset=asked.v_reset) for node in nodes]
    for node in nodes:
        if node.factors is not None and (asked.floor or asked.v_reset):
            raise InvalidValue(f"Node {node.name} has a v_threshold of its own for each neuron, "
                               "which has no exact form with --floor or --v-reset")
        _check_potentials(name, framework, node)
        if node.recurrent and name == "norse":
            raise InvalidValue(f"Node {node.name} has weights to itself, which Norse's exporter "
                               "does not write; qblif.from_torch takes its LIFRecurrentCell")
    for rest, moves in product(_rests(name, nodes, asked, seen),
                                  dynamics(name, framework, nodes, asked, seen)):
        choices = product(_resets(name, framework, rest, asked),
                          _levels(name, framework, asked, seen), _delays(name, framework, asked),
                          _floors(name, framework, asked, seen))
        for reset, levels, delay, floor in choices:
            made = tuple(read_node(framework, node, charge, current, reset, delay, levels, floor)
                         for node, (charge, current) in zip(rest, moves, strict=True))
            if made not in found.values():
                found[f"{name}: {' | '.join(dict.fromkeys(map(str, made)))}"] = made
    return found


def _rests(name, nodes, asked, seen):
    """The nodes, and as Norse's file has no v_reset, with one of v_leak."""
    found = [nodes]
    if name == "norse" and asked.v_reset is None and seen is not None:
        found.append([replace(node, v_reset=_rest(node)) for node in nodes])
    return found


def _resets(name, framework, nodes, asked):
    # What is subtracted is the threshold itself, not what it is above the rest.
    possible = [reset for reset in (framework.resets if name != "nir" else RESETS)
                if reset != "subtract" or not any(map(_rest, nodes))]
    if asked.reset is None:
        return [reset for reset in possible if reset in framework.resets]
    if asked.reset not in possible:
        raise InvalidValue(f"Reset of {name} must be one of {', '.join(possible)}"
                           f"{' where membranes rest at 0' * (asked.reset in framework.resets)}, "
                           f"not {asked.reset!r}")
    return (asked.reset,)


def _levels(name, framework, asked, seen):
    if asked.levels is not None:
        if asked.levels > 1 and not framework.bursts:
            raise InvalidValue(f"Levels of {name} must be 1, not {asked.levels}: its neurons give "
                               "single spikes")
        return (asked.levels,)
    if not framework.bursts:
        return (1,)
    return (None, *([] if seen is None else sorted({max(seen, 1), 1}, reverse=True)))


def _delays(name, framework, asked):
    if not framework.delays:
        if asked.delay is not None:
            raise InvalidValue("A reset delay is an option of snnTorch's neurons, which those of "
                               f"{name} do not have")
        return (False,)
    return (True, False) if asked.delay is None else (asked.delay,)


def _floors(name, framework, asked, seen):
    """Lower bounds of the membrane; True is minus its threshold."""
    if asked.floor is not None:
        if not framework.floors:
            raise InvalidValue("A membrane floor is an option of Sinabs' neurons, which those of "
                               f"{name} do not have")
        return (asked.floor,)
    return (None, True) if framework.floors and seen is not None else (None,)


def read_node(framework, node, charge, current, reset, delay, levels, floor) -> Reading:
    """The :class:`Reading` of one node.

    ``charge`` is decay and input gain of the membrane, ``current`` those of the synaptic current
    (``None, 1`` without one); ``floor`` a number, ``None``, or True for minus the threshold.
    """
    decay, gain = charge
    synaptic, input_gain = current
    if framework.delays and delay and reset == "zero" and (
            synaptic is not None or node.recurrent):
        reset = "gate"  # snn.Synaptic and snn.RLeaky take the new membrane away, current and all.
    if framework.delays and reset == "subtract":
        # Without decay, subtracting late or at once is the same; snnTorch takes the second spike's
        # threshold off for a membrane that is still above it.
        reset = ("subtract" if decay == 1 else "late") if delay else "held"
    threshold = node.v_threshold - _rest(node)
    return Reading(decay=decay, gain=snap(gain * input_gain), synaptic=synaptic,
                   threshold=threshold, strict=framework.strict, levels=levels, reset=reset,
                   value=node.v_reset - _rest(node) if reset == "zero" else 0.0,
                   floor=-threshold if floor is True else floor)


def _rest(node):
    """Where the membrane starts, and what it leaks to if it does."""
    return node.v_reset if node.kind == "IF" else node.v_leak


def _check_potentials(name, framework, node):
    leaks_to = _rest(node)
    if framework.potentials == "zero":
        for field, value in (("v_reset", node.v_reset), ("v_leak", leaks_to)):
            if value:
                raise InvalidValue(f"Node {node.name} has a {field} of {value:g}; neurons of "
                                   f"{name} reset and leak to 0")
    if framework.potentials == "equal" and node.kind == "CubaLIF" and (node.v_reset or leaks_to):
        raise InvalidValue(f"Node {node.name} has a v_reset of {node.v_reset:g} and a synaptic "
                           f"current: {name}'s membrane starts there and leaks to 0, which has no "
                           "exact form")
    if framework.potentials == "equal" and node.v_reset != leaks_to:
        raise InvalidValue(f"Node {node.name} has a v_reset of {node.v_reset:g} and a v_leak of "
                           f"{leaks_to:g}; neurons of {name} reset and leak to one value")
    if node.v_threshold <= leaks_to:
        raise InvalidValue(f"Node {node.name} has a threshold of {node.v_threshold:g}, which must "
                           f"be above the {leaks_to:g} at which it rests")
