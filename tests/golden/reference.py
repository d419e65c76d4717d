"""The equations of docs/contract.md in plain Python, neuron by neuron, and random networks."""

from dataclasses import replace

import numpy as np

from qblif.golden.spec import (
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    Reset,
    Synaptic,
)
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.burst import digits

LEAKS = [Decay(), Decay((0,)), Decay((1,)), Decay((3,)), Decay((1,), (3,)), Decay((2, 4)),
         Decay((2, 2), (1,))]
GATES = [Decay((0,)), Decay(), Decay((1,)), Decay((1, 2)), Decay((2, 2), (1,))]


def decay(shifts, x):
    return x - sum(x >> k for k in shifts.subtract) + sum(x >> k for k in shifts.add)


def clip(x, low, high):
    return min(max(x, low), high)


def leak(spec, v):
    if isinstance(spec, Decay):
        return decay(spec, v)
    x = clip(v >> spec.bits - 3, -128, 127)
    return v + (spec.gain * (x - spec.low) * (x - spec.high) * 2**spec.bits >> 12)


def level_of(quantiser, v):
    half = quantiser.theta // 2 if quantiser.rounding == "nearest" else 0
    level = clip((v + half) // quantiser.theta, 0, quantiser.n_max)
    return 2 ** (len(f"{level:b}") - 1) if quantiser.spacing == "powers" and level else level


def reference_step(spec, v, current, fired):
    """One neuron, one timestep: ``(level, v)``."""
    low, high = -(1 << spec.v_width - 1), (1 << spec.v_width - 1) - 1
    low = low if spec.floor is None else spec.floor
    if spec.reset.kind == "gate-input" and fired:
        current = decay(spec.reset.gate, current)
    last = level_of(spec.quantiser, v) * spec.quantiser.theta if spec.quantiser else 0
    if spec.reset.kind == "late":
        current -= last
    v = clip(leak(spec.leak, v) + current, low, high)
    if spec.reset.kind == "gate" and fired:
        v = clip(decay(spec.reset.gate, v), low, high)
    if spec.quantiser is None:
        return 0, v
    level = level_of(spec.quantiser, v - last if spec.reset.kind == "held" else v)
    if spec.reset.kind in ("subtract", "held"):
        v -= level * spec.quantiser.theta
    if spec.reset.kind == "zero" and level:
        v = spec.reset.value
    return min(level, 1) if spec.output == "binary" else level, v


def reference_synaptic(synaptic, held, current):
    """What reaches the membrane of a timestep's ``current``."""
    if synaptic is None:
        return current
    half = 1 << synaptic.width - 1
    return clip(decay(synaptic.decay, held) + current, -half, half - 1)


def reference_current(trained, population, index, levels, mode):
    """The bias plus every event's weight, one digit at a time."""
    total = int(trained.biases[population.name][index]) if population.bias_width else 0
    for synapse in trained.spec.synapses_to(population.name):
        for source, level in enumerate(levels[synapse.source]):
            for digit in digits(level, mode):
                weight = int(trained.weights[synapse.name][index, source]) << digit.shift
                total += -weight if digit.negative else weight
    return total


def reference(trained, frame, mode="shift"):
    """All that one frame makes of a network: levels, membranes ``[name][timestep]``, the scores."""
    spec = trained.spec
    v = {p.name: [0] * p.size for p in spec.populations}
    level = {p.name: [0] * p.size for p in spec.populations}
    held = {p.name: [0] * p.size for p in spec.populations}
    trace = {p.name: ([], []) for p in spec.populations}
    for t in range(spec.timesteps):
        now = {"input": frame if spec.input.static else frame[t]}
        for population in spec.populations:
            name = population.name
            held[name] = [reference_synaptic(population.neuron.synaptic, held[name][k],
                                             reference_current(trained, population, k, now, mode))
                          for k in range(population.size)]
            steps = [reference_step(trained.neuron(population, k), v[name][k], held[name][k],
                                    level[name][k] > 0) for k in range(population.size)]
            level[name], v[name] = [s[0] for s in steps], [s[1] for s in steps]
            now[name] = level[name]
            trace[name][0].append(level[name])
            trace[name][1].append(v[name])
    last = spec.populations[-1]
    if last.neuron.quantiser is None:
        return trace, v[last.name]
    return trace, [sum(level) for level in zip(*trace[last.name][0], strict=True)]


# Random networks.

def draw_neuron(draw, last):
    v_width = draw.randint(3, 12)  # Sums reach a few hundred: narrow membranes saturate.
    theta = draw.randint(1, max(1, (1 << v_width - 1) // draw.choice([2, 4, 8])))
    floor = draw.choice([None, None, -draw.randint(0, 1 << v_width - 1)])
    kind = draw.choice(list(Reset.KINDS))
    value = draw.randint(floor or 0, theta) if kind == "zero" else 0
    synaptic = draw.choice([None, None, Synaptic(decay=draw.choice(LEAKS),
                                                 width=draw.randint(3, 12))])
    return Neuron(leak=draw.choice(LEAKS), v_width=v_width, floor=floor, synaptic=synaptic,
                  quantiser=None if last and draw.random() < 0.6 else Quantiser(
                      n_max=draw.randint(1, 63), theta=theta),
                  reset=Reset(kind=kind, gate=draw.choice(GATES), value=value))


def draw_network(draw, by_channel=0.0):
    """A network, of whose populations a share has thresholds for each channel."""
    depth = draw.randint(1, 3)
    source = Input(shape=(draw.randint(1, 6),), n_max=draw.randint(1, 63),
                   static=draw.random() < 0.5)
    populations = [Population(name=f"p{k}", shape=(draw.randint(1, 6),), sum_width=20,
                              neuron=draw_neuron(draw, k == depth - 1),
                              bias_width=draw.choice([0, 5])) for k in range(depth)]
    populations = [replace(p, thetas=p.neuron.quantiser is not None and draw.random() < by_channel)
                   for p in populations]
    names = ["input", *(p.name for p in populations)]
    synapses = [Dense(source=a, target=b, w_width=6)
                for a, b in zip(names, names[1:], strict=False)]
    if depth > 1 and draw.random() < 0.4:
        synapses.append(Dense(source="input", target=names[-1], w_width=4))
    spec = Network(timesteps=draw.randint(1, 6), input=source, populations=populations,
                   synapses=synapses)

    def tensor(shape, width):
        size = int(np.prod(shape))
        low, high = -(1 << width - 1), (1 << width - 1) - 1
        return np.array([draw.randint(low, high) for _ in range(size)], np.int32).reshape(shape)

    def thetas(population):
        most = population.neuron.quantiser.theta
        found = [draw.randint(1, most) for _ in range(population.size)]
        found[draw.randrange(population.size)] = most
        return np.array(found, np.int32)
    return Trained(spec, {s.name: tensor(spec.weight_shape(s), s.w_width) for s in synapses},
                   {p.name: tensor((p.size,), p.bias_width) for p in populations if p.bias_width},
                   thetas={p.name: thetas(p) for p in populations if p.thetas})


def draw_frames(draw, spec, count=3):
    shape = (count, spec.input.size) if spec.input.static else (count, spec.timesteps,
                                                                spec.input.size)
    density = draw.choice([0, 0.3, 1])
    flat = [draw.randint(0, spec.input.n_max) if draw.random() < density else 0
            for _ in range(int(np.prod(shape)))]
    return np.array(flat).reshape(shape)
