"""Random convolutional and residual graphs in Amaranth's simulator, against the integer model, to
the last bit, and where nothing is stalled against the cycle model, to the cycle.

As :mod:`test_random_networks`, with maps of odd sizes, strides, padding, pooling, groups, several
synapses to one population and several from one, max pools, and queues as short as they may be.
"""

from dataclasses import replace

import numpy as np
import pytest
from random_cases import (
    CASES,
    Draw,
    burst_of,
    check_against_golden,
    draw_frames,
    draw_neuron,
    draw_recurrence,
    draw_stage,
)

from qblif.golden.spec import (
    Conv2d,
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    Reset,
    as_map,
)
from qblif.golden.spec.artifact import Trained, sum_range
from qblif.golden.training.export import signed_width
from qblif.hw.layout.compile import compile
from qblif.hw.layout.memories import MEMORIES
from qblif.hw.layout.plan import Plan
from qblif.hw.layout.work import streams


def draw_conv(draw, source, name, shape=None):
    """A convolution from ``source``, to ``shape`` where given; ``None`` if none fits."""
    channels, *extents = as_map(source.shape)
    pool = [draw.one_of([1, 1, 2]) if extent > 1 else 1 for extent in extents]
    padding = [draw.integer(0, 1) for _ in extents]
    room = [extent // p + 2 * pad for extent, p, pad in zip(extents, pool, padding, strict=True)]
    kernel = [draw.integer(1, min(4, most)) for most in room]
    stride = [draw.integer(1, 3) for _ in extents]
    if shape:  # A residual edge: whatever kernel makes the map that is there.
        stride = [draw.integer(1, 2) for _ in extents]
        kernel = [most - s * (out - 1) - draw.integer(0, s - 1)
                  for most, s, out in zip(room, stride, shape[1:], strict=True)]
        if min(kernel) < 1:
            return None
    target = shape[0] if shape else draw.integer(1, 7)
    groups = draw.one_of([g for g in range(1, channels + 1)
                          if channels % g == 0 and target % g == 0])
    return Conv2d(source=source.name, target=name, kernel=tuple(kernel), stride=tuple(stride),
                  padding=tuple(padding), pool=tuple(pool), groups=groups,
                  w_width=draw.integer(2, 8))


def draw_synapses(draw, nodes, name, last):
    """``(shape, synapses)`` of a population: one to three, from any population before it."""
    source = nodes[-1]
    if last or draw.chance(0.15):
        shape = (draw.integer(1, 9),)
        return shape, [Dense(source=node.name, target=name, w_width=draw.integer(2, 8))
                       for node in [source, *nodes[:-1]] if node is source or draw.chance(0.2)]
    synapses = [draw_conv(draw, source, name)]
    shape = synapses[0].output_shape(source.shape, draw.integer(1, 3) * synapses[0].groups)
    for node in nodes[:-1]:
        extra = draw_conv(draw, node, name, shape) if draw.chance(0.5) else None
        synapses += [extra] if extra else []
    return shape, synapses


def draw_max_pool(draw, source, name, weights):
    """Whether anything fires in a window: neurons that keep nothing, as qblif.from_torch makes."""
    channels, room = as_map(source.shape)[0], as_map(source.shape)[1:]
    kernel = tuple(draw.integer(1, min(3, extent)) for extent in room)
    synapse = Conv2d(source=source.name, target=name, w_width=2, kernel=kernel, groups=channels,
                     stride=tuple(draw.integer(1, 3) for _ in room),
                     padding=tuple(draw.integer(0, extent // 2) for extent in kernel))
    weights[synapse.name] = np.ones((channels, 1, *kernel), np.int32)
    neuron = Neuron(leak=Decay((0,)), quantiser=Quantiser(n_max=1, theta=1),
                    reset=Reset(kind="none"), v_width=draw.integer(2, 10))
    return Population(name=name, shape=synapse.output_shape(source.shape, channels), neuron=neuron,
                      sum_width=30), [synapse]


def draw_population(draw, nodes, name, last, weights):
    if not last and draw.chance(0.2):
        return draw_max_pool(draw, nodes[-1], name, weights)
    shape, synapses = draw_synapses(draw, nodes, name, last)
    by_name = {node.name: node for node in nodes}
    reach = 1
    for synapse in synapses:
        high = (1 << synapse.w_width - 1) - 1
        source = by_name[synapse.source]
        tensor = draw.random.integers(draw.one_of([-high - 1, -high // 3]), high + 1,
                                      synapse.weight_shape(source.shape, shape)).astype(np.int32)
        weights[synapse.name] = tensor
        fan_in = tensor[0].size
        reach += np.abs(tensor).mean() * source.emit_max * np.sqrt(fan_in) / 2
    bias_width = draw.integer(2, 8) if draw.chance(0.4) else 0
    return Population(name=name, shape=shape, neuron=draw_neuron(draw, last, reach), sum_width=30,
                      bias_width=bias_width), synapses


def draw_graph(draw):
    shape = (draw.integer(1, 3), draw.integer(1, 7), draw.integer(1, 7))
    source = Input(shape=shape, n_max=draw.integer(1, draw.one_of([20, 63])),
                   static=draw.chance(0.5))
    nodes, synapses, weights = [source], [], {}
    depth = draw.integer(2, 4)
    for k in range(depth):
        population, found = draw_population(draw, nodes, f"p{k}", k == depth - 1, weights)
        nodes.append(population)
        synapses += found
    draw_recurrence(draw, nodes[1:], synapses, weights)
    spec = Network(timesteps=draw.integer(1, 4), input=source, populations=nodes[1:],
                   synapses=synapses)
    tight = [Population(name=p.name, shape=p.shape, neuron=p.neuron, bias_width=p.bias_width,
                        sum_width=signed_width(*sum_range(spec, weights, p)))
             for p in spec.populations]
    biases = {p.name: draw.random.integers(-(1 << p.bias_width - 1), 1 << p.bias_width - 1,
                                           p.channels).astype(np.int32)
              for p in tight if p.bias_width}
    return Trained(Network(timesteps=spec.timesteps, input=source, populations=tight,
                           synapses=synapses), weights, biases)


def draw_plan(draw, spec):
    burst = draw.one_of(["shift", "repeat"])
    stages = []
    for population in spec.populations:
        last = population is spec.populations[-1]
        fire = 1 if last else draw.one_of([1, 1, 2, 4])
        engines = 1 if streams(spec, population) else len(spec.synapses_to(population.name))
        lanes = tuple(fire * draw.integer(1, -(-population.channels // fire))
                      for _ in range(engines))
        memory = draw.one_of(MEMORIES)
        stages.append(draw_stage(
            draw, population, lanes, fire, memory=memory,
            burst=burst_of(spec, population, lanes, burst),
            ports=1 if memory == "spram" else draw.one_of([1, 1, 2, 4]),
            buffers=draw.integer(1, 3), slack=draw.integer(0, 2)))
    plan = Plan(stages=tuple(stages), order=draw.one_of(["inner", "inner", "outer"]))
    timings = [stage.timing for stage in compile(spec, plan).stages]
    return replace(plan, stages=tuple(
        replace(stage, queue=draw.one_of([None, timing.least_queue]))
        for stage, timing in zip(plan.stages, timings, strict=True)))


@pytest.mark.parametrize("number", range(CASES))
def test_random_graphs(number):
    draw = Draw.case("test_random_graphs", number)
    trained = draw_graph(draw)
    check_against_golden(draw, trained, draw_plan(draw, trained.spec),
                         draw_frames(draw, trained.spec))


def test_all_timesteps_of_a_map_before_a_loop():
    """No window of ``p0`` reads the input's last rows, so it is through with all timesteps before
    ``p2``, which reads them, begins the first; and ``p1`` waits for ``p2``."""
    draw = Draw(3637468133, 19, *b"test_random_graphs")
    trained = draw_graph(draw)
    pairs = {(synapse.source, synapse.target) for synapse in trained.spec.synapses}
    assert pairs >= {("input", "p0"), ("p0", "p1"), ("p1", "p2"), ("input", "p2"), ("p2", "p1")}
    assert trained.spec.timesteps == 3 and trained.spec.input.shape == (2, 7, 1)
    check_against_golden(draw, trained, draw_plan(draw, trained.spec),
                         draw_frames(draw, trained.spec))
