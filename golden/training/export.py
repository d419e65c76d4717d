"""From the QAT network to the one artifact, with every width derived from its integers."""

import numpy as np
import torch

from ..spec import Decay, Input, Network, Neuron, Population, Quantiser, Reset
from ..spec.artifact import Trained, sum_range
from ..spec.errors import InvalidValue

__all__ = ["derive_synaptic_width", "derive_v_width", "export", "signed_width"]


def export(net, notes=None, like=None):
    """The :class:`~qblif.golden.spec.artifact.Trained` of a
    :class:`~qblif.golden.training.qat.QATNet`.

    Sum, membrane and bias widths are the smallest that provably cannot overflow, unless the
    network was trained with a narrower saturating membrane.  With ``like``, a
    :class:`~qblif.golden.spec.Network`, the widths are its own, so that the same hardware runs it.
    Raises :class:`ValueError` where the integers outgrow what the QAT network computes exactly.
    """
    weights, biases, thetas = {}, {}, {}
    for stage in net.stages:
        made, bias = stage.integers()
        weights |= {name: _to_int(weight) for name, weight in made.items()}
        bias = _to_int(bias)
        if bias.any():
            biases[stage.name] = bias
        if stage.thetas is not None:
            thetas[stage.name] = _to_int(stage.thetas)
    spec = _narrow(net, weights, biases)
    if like:
        spec = like
        biases = {p.name: biases.get(p.name, np.zeros(p.channels, np.int32))
                  for p in spec.populations if p.bias_width}
    return Trained(spec, weights, biases, notes or {}, thetas=thetas)


def _to_int(tensor):
    return tensor.detach().cpu().numpy().astype(np.int32)


def _narrow(net, weights, biases):
    """The description with its narrowest widths.

    The widths need the sums, and the sums a description: a draft with the widest fields gives them.
    """
    def describe(populations):
        return Network(timesteps=net.timesteps, populations=tuple(populations),
                       synapses=tuple(e.synapse for s in net.stages for e in s.edges),
                       input=Input(shape=net.input_shape, n_max=net.input_n_max,
                                   static=net.static,
                                   thresholds=net.encoder.thresholds if net.encoder else ()))

    draft = describe(Population(name=s.name, shape=s.shape, sum_width=30, bias_width=30,
                                neuron=_neuron(s, v_width=30)) for s in net.stages)
    exact = 1 << (24 if net.dtype == torch.float32 else 30)
    return describe(_narrowest(draft, p, s, weights, biases.get(p.name), exact)
                    for p, s in zip(draft.populations, net.stages, strict=True))


def _narrowest(draft, population, stage, weights, bias, exact):
    low, high = sum_range(draft, weights, population)
    v_width, reach = derive_v_width(population.neuron, draft.timesteps, low, high, bias)
    if reach >= exact:
        raise InvalidValue(f"Membranes of {population.name} reach {reach}, more than the QAT "
                           f"network computes exactly ({exact})")
    asked = getattr(stage, "v_width", None)
    return Population(name=population.name, shape=population.shape,
                      sum_width=signed_width(low, high),
                      bias_width=0 if bias is None else signed_width(bias.min(), bias.max()),
                      neuron=_neuron(stage, asked or v_width),
                      thetas=stage.thetas is not None)


def _neuron(stage, v_width):
    if not stage.n_max:
        return Neuron(leak=Decay(), quantiser=None, reset=Reset(kind="none"), v_width=v_width)
    quantiser = Quantiser(n_max=stage.n_max, theta=stage.most_theta, spacing=stage.spacing,
                          rounding=stage.rounding)
    return Neuron(leak=stage.leak, quantiser=quantiser, reset=stage.reset, output=stage.output,
                  v_width=v_width)


def signed_width(low, high):
    """Fewest bits, at least 2, of a signed field that holds every integer in low..high."""
    return max(2, 1 + max(int(high), ~int(low)).bit_length())


def _overshoot(leak, magnitude):
    """How far a late reset may pass the zero side of ``leak.bound(magnitude)``: it takes no more
    than the membrane was, but behind the leak."""
    if leak.kind == "quadratic":
        return magnitude
    lost = magnitude - leak.apply(magnitude) + len(leak.subtract) + len(leak.add)
    return max(0, lost - leak.bound(magnitude))


def _currents(synaptic, timesteps, low, high, bias):
    """Largest magnitude of the current that reaches the membrane, timestep by timestep."""
    if bias is not None:
        low, high = low + int(bias.min()), high + int(bias.max())
    given = held = max(-low, high, 0)
    found = [held]
    for _ in range(timesteps - 1):
        held = given + (synaptic.decay.bound(held) if synaptic is not None else 0)
        found.append(held)
    return found


def derive_synaptic_width(synaptic, timesteps, low, high, bias=None):
    """Width of a :class:`~qblif.golden.spec.Synaptic` current that cannot overflow, as
    :func:`derive_v_width` has it for membranes."""
    largest = max(_currents(synaptic, timesteps, low, high, bias))
    return signed_width(-largest, largest)


def derive_v_width(neuron, timesteps, low, high, bias=None):
    """``(width, reach)``: a membrane that cannot overflow, and the largest magnitude before it.

    ``low`` and ``high`` bound one timestep's weighted sum.  The worst magnitude of leak plus
    current is iterated over the timesteps of a frame; a gate or a reset only ever shrinks it,
    but for rounding, which is counted.
    """
    magnitude = 0
    for current in _currents(neuron.synaptic, timesteps, low, high, bias):
        if neuron.reset.kind == "gate-input":
            current = max(current, neuron.reset.gate.bound(current))
        kept = neuron.leak.bound(magnitude)
        if neuron.reset.kind == "late":
            kept += _overshoot(neuron.leak, magnitude) + neuron.quantiser.offset
        magnitude = max(kept + current, abs(neuron.reset.value))
        if neuron.reset.kind == "gate":
            magnitude = max(magnitude, neuron.reset.gate.bound(magnitude))
    theta = neuron.quantiser.theta if neuron.quantiser else 0
    low, high = min(-magnitude, neuron.floor or 0), max(magnitude, theta)
    return signed_width(low, high), magnitude
