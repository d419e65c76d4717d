"""One timestep of the neuron in integers: the equations that all other parts repeat to the bit.

    filter  current = saturate(decay(current of the step before) + current)    if it is synaptic
    charge  x = saturate(leak(v) + current)                  current = bias + weights of the events
            to the membrane's width, or from its floor on
            with a late reset less fire(v) * theta, the burst of the step before
    gate    v = gate(x) where the neuron fired last time     eq. 8
    fire    level = clip(v // theta, 0, n_max)               eq. 9; or the power of two below,
            of v + theta // 2 where levels are rounded to the nearest
            with a held reset of v less fire(what was left) * theta
    reset   v = v - level * theta, or 0 where it fired       by subtraction, to zero or a value
    emit    the level, or 1 for any

Tensors are integer, of any one shape; ``spec`` is a :class:`qblif.golden.spec.Neuron`.  ``theta``,
where given, are thresholds in place of the quantiser's, a tensor that broadcasts to theirs.  The
hardware twin is :class:`qblif.hw.core.neuron.NeuronCore`.
"""

import torch

__all__ = ["charge", "emit", "filter_currents", "filtered", "fire", "gate", "reset", "step"]


def filtered(spec, held, current):
    """The current that reaches the membrane: that given, or where the neuron has a synaptic current
    this, of which ``held`` is that of the step before."""
    if spec.synaptic is None:
        return current
    limit = 1 << spec.synaptic.width - 1
    return (spec.synaptic.decay.apply(held) + current).clamp(-limit, limit - 1)


def filter_currents(spec, currents):
    """:func:`filtered` over timesteps, ``(timesteps, ...)``, from rest."""
    held, found = torch.zeros_like(currents[0]), []
    for current in currents:
        held = filtered(spec, held, current)
        found.append(held)
    return torch.stack(found)


def charge(spec, v, current, fired, theta=None):
    """Membrane after leak and input, saturated to the membrane width."""
    if spec.reset.kind == "gate-input":
        current = torch.where(fired, spec.reset.gate.apply(current), current)
    if spec.reset.kind == "late":
        current = current - taken(spec, v, theta)
    return (spec.leak.apply(v) + current).clamp(spec.v_min, spec.v_max)


def taken(spec, v, theta=None):
    """What the burst of a membrane ``v`` that was left takes in the step after."""
    return fire(spec, v, theta) * thresholds(spec, theta) if spec.quantiser is not None else 0


def thresholds(spec, theta):
    """The quantiser's threshold, or those given in its place."""
    return spec.quantiser.theta if theta is None else theta


def gate(spec, x, fired):
    """Membrane after the reset gate of eq. 8, which closes on the step after a burst.

    The clamp only ever matters for a gate of several shifts, whose rounding can pass the range.
    """
    if spec.reset.kind != "gate":
        return x
    return torch.where(fired, spec.reset.gate.apply(x).clamp(spec.v_min, spec.v_max), x)


def fire(spec, v, theta=None):
    """Burst level 0..n_max; always 0 for a read-out neuron."""
    if spec.quantiser is None:
        return torch.zeros_like(v)
    theta = thresholds(spec, theta)
    units = torch.div(v + spec.quantiser.offset_of(theta), theta, rounding_mode="floor")
    units = units.clamp(0, spec.quantiser.n_max)
    if spec.quantiser.spacing == "uniform":
        return units
    levels = units.new_tensor(spec.quantiser.levels)
    return levels[torch.bucketize(units, levels, right=True) - 1]


def reset(spec, v, level, theta=None):
    """Membrane left after the burst."""
    if spec.quantiser is None:
        return v
    return spec.reset.after(v, level, thresholds(spec, theta))


def emit(spec, level):
    """What leaves of a burst."""
    return level.clamp(max=1) if spec.output == "binary" else level


def step(spec, v, current, fired, theta=None):
    """One timestep; returns ``(level, v)``, the level as it is emitted.

    ``fired`` is ``level > 0`` of the step before.
    """
    x = gate(spec, charge(spec, v, current, fired, theta), fired)
    level = fire(spec, x - taken(spec, v, theta) if spec.reset.kind == "held" else x, theta)
    return emit(spec, level), reset(spec, x, level, theta)
