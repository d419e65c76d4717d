"""Small convolutions with their streaming engines, and their sums the long way."""

from math import prod

import numpy as np

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser, as_map
from qblif.hw.layout.addressing import address_bits
from qblif.hw.layout.build_engines import build_engines
from qblif.hw.layout.plan import StagePlan

CASES = [  # Source, channels of the target, and the convolution.
    ((2, 5, 4), 3, {"kernel": 3, "padding": 1}),
    ((2, 5, 4), 5, {"kernel": (3, 2), "stride": 2, "padding": (1, 0)}),
    ((4, 7, 7), 6, {"kernel": 3, "stride": 2, "padding": 1, "groups": 2}),
    ((6, 3, 5), 6, {"kernel": 3, "padding": 2, "groups": 6}),
    ((6, 4, 4), 12, {"kernel": 1, "stride": 3, "groups": 3}),
    ((3, 7, 9), 4, {"kernel": 2, "pool": (2, 3)}),
    ((1, 1, 1), 2, {"kernel": 3, "padding": 2}),
    ((3, 5, 2), 7, {"kernel": (4, 2)}),
]
W_WIDTH, N_MAX = 5, 5


def network(source, channels, *convolutions, timesteps=1, static=False):
    """A network in which convolutions lead to the map ``b``: the first from the input, the second
    from ``a``, a map of the same shape."""
    fires = Neuron(quantiser=Quantiser(n_max=N_MAX, theta=32), v_width=12)
    edges = [Conv2d(source=name, target="b", w_width=W_WIDTH, **fields)
             for name, fields in zip("input a".split(), convolutions, strict=False)]
    shape = edges[0].output_shape(source, channels)
    populations = [Population(name="b", shape=shape, neuron=fires, sum_width=18),
                   Population(name="out", shape=(2,), sum_width=24,
                              neuron=Neuron(quantiser=None, v_width=24))]
    synapses = [*edges, Dense(source="b", target="out")]
    if len(edges) > 1:
        populations.insert(0, Population(name="a", shape=source, neuron=fires, sum_width=18))
        synapses.insert(0, Conv2d(source="input", target="a", kernel=1, groups=source[0]))
    return Network(timesteps=timesteps, input=Input(shape=source, n_max=N_MAX, static=static),
                   populations=populations, synapses=synapses)


def engine_of(spec, order="inner", **plan):
    """The engine of ``b`` under a :class:`StagePlan` of these fields."""
    plan = StagePlan(**{"lanes": as_map(spec.source("b").shape)[0]} | plan)
    return build_engines(spec, spec.source("b"), plan, order)[0]


def draw_weights(spec, seed=0):
    """Weights of every synapse, over their whole range."""
    draw = np.random.default_rng(seed)
    return {s.name: draw.integers(-(1 << s.w_width - 1), 1 << s.w_width - 1,
                                  spec.weight_shape(s)).astype(np.int32) for s in spec.synapses}


def draw_levels(draw, shape, n_max=N_MAX):
    """Levels, between silent and full."""
    levels = draw.integers(1, n_max + 1, shape)
    return levels * (draw.random(shape) < draw.choice([0, 0.1, 0.5, 0.9, 1]))


def transfers(levels):
    """The events of a map and the end marker of each step, for levels ``(timesteps, channels, rows,
    columns)``: dictionaries; in a marker there is no address and no level."""
    timesteps, *shape = levels.shape
    low, middle, _ = address_bits(shape)
    for row in range(shape[1]):
        for column in range(shape[2]):
            for step in range(timesteps):
                for channel in np.flatnonzero(levels[step, :, row, column]).tolist():
                    yield {"address": channel | column << low | row << low + middle, "end": 0,
                           "level": int(levels[step, channel, row, column])}
                yield {"end": 1}


def convolve(conv, levels, weights):
    """Sums ``(channels, rows, columns)`` of a map's levels, tap by tap."""
    channels, *extents = levels.shape
    rows, columns = (extent // p for extent, p in zip(extents, conv.pool, strict=True))
    pooled = levels[:, :rows * conv.pool[0], :columns * conv.pool[1]].reshape(
        channels, rows, conv.pool[0], columns, conv.pool[1]).sum((2, 4))
    padded = np.pad(pooled, ((0, 0), *((p, p) for p in conv.padding)))
    _, *shape = conv.output_shape(levels.shape, 1)
    found = np.zeros((conv.groups, len(weights) // conv.groups, *shape), int)
    sources = padded.reshape(conv.groups, -1, *padded.shape[1:])
    kernels = weights.reshape(conv.groups, -1, *weights.shape[1:])
    for y in range(conv.kernel[0]):
        for x in range(conv.kernel[1]):
            part = sources[:, :, y:, x:][:, :, ::conv.stride[0], ::conv.stride[1]]
            found += np.einsum("gihw,goi->gohw", part[:, :, :shape[0], :shape[1]],
                               kernels[..., y, x])
    return found.reshape(prod(found.shape[:2]), *shape)
