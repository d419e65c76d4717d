"""Decay and input gain of a node's membrane and of its synaptic current, at each timestep that its
framework may mean."""

import math

from ..spec.errors import InvalidValue
from .grid import snap

__all__ = ["dynamics"]


def dynamics(name, framework, nodes, asked, seen):
    """Each ``[(charge, current)]``, one a node, that the file may mean: at the timestep that the
    user or the exporter takes, and where there is a recording, at others that it may."""
    found = []
    for dt in (asked.dt, *(framework.timesteps if asked.dt is None and seen is not None else ())):
        try:
            currents = [_current(name, framework, node, dt) for node in nodes]
            charges = [_charges(framework, node, dt) for node in nodes]
        except InvalidValue:
            if dt == asked.dt:
                raise
            continue
        found += [[(c[min(k, len(c) - 1)], i) for c, i in zip(charges, currents, strict=True)]
                  for k in range(max(map(len, charges)))]
    return found


def _charges(framework, node, dt):
    """The ``(decay, gain)`` that the node may stand for and that make sense."""
    found = framework.charge(node, dt)
    found = [(1 - snap(1 - decay), snap(gain)) for decay, gain in found]
    possible = [(d, g) for d, g in found if 0 <= d <= 1 and 0 < g < math.inf]
    if not possible:
        raise InvalidValue(f"Node {node.name} has a tau of {node.tau:g} and an r of {node.r:g}, "
                           f"which would be a decay of {found[0][0]:g} and an input gain of "
                           f"{found[0][1]:g} a timestep; a decay must be in 0..1 and a gain above "
                           "0")
    return possible


def _current(name, framework, node, dt):
    """``(decay, gain)`` of the node's synaptic current, ``(None, 1)`` where it has none."""
    if node.tau_syn is None:
        return None, 1.0
    if framework.current is None:
        raise InvalidValue(f"Node {node.name} is a CubaLIF, which {name} does not write")
    decay, gain = framework.current(node, dt)
    decay = 1 - snap(1 - decay)
    if not 0 <= decay <= 1 or not 0 < gain < math.inf:
        raise InvalidValue(f"Node {node.name} has a tau_syn of {node.tau_syn:g} and a w_in of "
                           f"{node.w_in:g}, which would be a decay of {decay:g} and an input gain "
                           f"of {gain:g} a timestep; a decay must be in 0..1 and a gain above 0")
    return decay, gain
