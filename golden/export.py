"""From the snapped network to the one artifact, with every width derived from its integers."""

import numpy as np
import torch

from .artifact import Trained, sum_range
from .burst import MODES, digits
from .spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset

__all__ = ["activity", "derive_v_width", "export", "signed_width"]


def export(net, input_shape, notes=None):
    """The :class:`~qblif.golden.artifact.Trained` of a :class:`~qblif.golden.snapped.SnappedNet`.

    ``input_shape`` is the shape of one frame.  Sum, membrane and bias widths are the smallest that
    provably cannot overflow, unless the network was trained with a narrower saturating membrane.
    Raises :class:`ValueError` where the integers outgrow what the snapped network computes exactly.
    """
    names = [f"hidden{i + 1}" for i in range(len(net.stages))] + ["output"]
    layers = [*net.stages, net.readout]
    weights, biases = {}, {}
    for source, name, layer in zip([Input.name, *names], names, layers, strict=False):
        weight, bias = (_to_int(t) for t in layer.integers())
        weights[f"{source}->{name}"] = weight
        if bias.any():
            biases[name] = bias
    synapses = tuple(Dense(source=s, target=t, w_width=layer.w_width) for s, t, layer
                     in zip([Input.name, *names], names, layers, strict=False))
    populations = _populations(net, names, synapses, weights, biases, input_shape)
    spec = Network(timesteps=net.timesteps, synapses=synapses, populations=populations,
                   input=Input(shape=input_shape, n_max=net.input_n_max, static=net.static))
    return Trained(spec, weights, biases, notes or {})


def _to_int(tensor):
    return tensor.detach().cpu().numpy().astype(np.int32)


def _populations(net, names, synapses, weights, biases, input_shape):
    """The populations with their narrowest widths.

    The widths need the sums, and the sums a description: a draft with the widest fields gives them.
    """
    populations = []
    for layer, name, weight in zip([*net.stages, net.readout], names, weights.values(),
                                   strict=True):
        populations.append(Population(name=name, shape=(len(weight),), sum_width=30,
                                      bias_width=30, neuron=_neuron(layer, v_width=30)))
    draft = Network(timesteps=net.timesteps, synapses=synapses, populations=tuple(populations),
                    input=Input(shape=input_shape, n_max=net.input_n_max, static=net.static))
    exact = 1 << (24 if net.readout.weight.dtype == torch.float32 else 30)
    return tuple(_narrow(draft, p, layer, weights, biases.get(p.name), exact)
                 for p, layer in zip(draft.populations, [*net.stages, net.readout], strict=True))


def _narrow(draft, population, layer, weights, bias, exact):
    low, high = sum_range(draft, weights, population)
    v_width, reach = derive_v_width(population.neuron, draft.timesteps, low, high, bias)
    if reach >= exact:
        raise ValueError(f"Membranes of {population.name} reach {reach}, more than the snapped "
                         f"network computes exactly ({exact})")
    asked = getattr(layer, "v_width", None)
    return Population(name=population.name, shape=population.shape,
                      sum_width=signed_width(low, high),
                      bias_width=0 if bias is None else signed_width(bias.min(), bias.max()),
                      neuron=_neuron(layer, asked or v_width))


def _neuron(layer, v_width):
    if not hasattr(layer, "theta"):
        return Neuron(leak=Decay(), quantiser=None, reset=Reset(kind="none"), v_width=v_width)
    return Neuron(leak=layer.leak, reset=layer.reset, v_width=v_width,
                  quantiser=Quantiser(n_max=layer.n_max, theta=layer.theta))


def signed_width(low, high):
    """Fewest bits, at least 2, of a signed field that holds every integer in low..high."""
    return max(2, 1 + max(int(high), ~int(low)).bit_length())


def derive_v_width(neuron, timesteps, low, high, bias=None):
    """``(width, reach)``: a membrane that cannot overflow, and the largest magnitude before it.

    ``low`` and ``high`` bound one timestep's weighted sum.  The worst magnitude of leak plus
    current is iterated over the timesteps of a frame; a gate or a reset only ever shrinks it,
    but for rounding, which is counted.
    """
    if bias is not None:
        low, high = low + int(bias.min()), high + int(bias.max())
    current = max(-low, high, 0)
    if neuron.reset.kind == "gate-input":
        current = max(current, neuron.reset.gate.bound(current))
    magnitude = 0
    for _ in range(timesteps):
        magnitude = neuron.leak.bound(magnitude) + current
        if neuron.reset.kind == "gate":
            magnitude = max(magnitude, neuron.reset.gate.bound(magnitude))
    theta = neuron.quantiser.theta if neuron.quantiser else 0
    return signed_width(-magnitude, max(magnitude, theta)), magnitude


def activity(spec, levels):
    """Mean events and digits that one frame brings to each synapse.

    ``levels`` maps a source's name to its levels: ``(frames, neurons)`` where they are spent once a
    frame (a static input), else ``(timesteps, frames, neurons)``.  Returns ``{synapse: {"events",
    "digits", "repeat_digits"}}``; ``digits`` counts shift mode, ``repeat_digits`` repeat mode.
    """
    counts = {}
    for name, value in levels.items():
        value = np.asarray(value)
        frames = value.shape[-2]
        histogram = np.bincount(value.reshape(-1), minlength=1)
        spent = {mode: sum(int(n) * len(digits(level, mode)) for level, n in enumerate(histogram))
                 for mode in MODES}
        counts[name] = {"events": float(histogram[1:].sum() / frames),
                        "digits": spent["shift"] / frames,
                        "repeat_digits": spent["repeat"] / frames}
    return {s.name: dict(counts[s.source]) for s in spec.synapses}
