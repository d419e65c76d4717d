"""A population alone, fed with sums: every level, membrane and event against the golden neuron."""

import itertools
import random

import numpy as np
import pytest
import torch
from poison import poisoned

from qblif.golden import neuron as golden
from qblif.golden.spec import Decay, Neuron, Population, Quantiser, Reset, as_map
from qblif.hw.core.population import PopulationCore
from qblif.hw.layout.addressing import address_bits, addresses, lane_bits
from qblif.hw.layout.latency import StageTiming, neuron_latency
from qblif.hw.layout.passes import ORDERS, Passes
from qblif.sim.stream import aer_checker, simulate_component, stream_checker, stream_get

SUM_WIDTH = 3
SINKS = [{}, {"o_stall": 12}, {"o_stall": 2, "ready_first": False}]


def population_of(shape, *, reset="subtract", n_max=2, bias_width=0):
    spec = Neuron(leak=Decay((1,)), v_width=5, quantiser=n_max and Quantiser(n_max=n_max, theta=2),
                  reset=Reset(kind=reset, gate=Decay((1,))))
    return Population(name="p", shape=shape, neuron=spec, sum_width=SUM_WIDTH,
                      bias_width=bias_width)


def expected(population, sums, bias):
    """``(levels, membranes)`` of sums ``(frames, timesteps, neurons)``, of the same shape."""
    bias = bias or [0] * population.channels
    per_neuron = torch.tensor(bias).repeat_interleave(population.size // population.channels)
    levels, membranes = [], []
    for t in range(sums.shape[1]):
        current = torch.from_numpy(sums[:, t]) + per_neuron
        if t == 0:
            v, fired = torch.zeros_like(current), torch.zeros_like(current, dtype=torch.bool)
        level, v = golden.step(population.neuron, v, current, fired)
        fired = level > 0
        levels.append(level.numpy())
        membranes.append(v.numpy())
    return np.stack(levels, 1), np.stack(membranes, 1)


def passes_of(population, fire_lanes, timesteps, order="inner", width=None):
    """``width`` channels a pass, all by default."""
    return Passes(shape=population.shape, fire_lanes=fire_lanes, timesteps=timesteps, order=order,
                  width=width or -(-population.channels // fire_lanes) * fire_lanes)


def steps_of(passes):
    """``(timestep, position)`` in order, of one frame."""
    positions, timesteps = range(passes.positions), range(passes.timesteps)
    if passes.order == "inner":
        return [(t, position) for position in positions for t in timesteps]
    return [(t, position) for t in timesteps for position in positions]


def vectors_of(passes, frames):
    """``(frame, timestep, neurons of the lanes)`` of every vector, -1 for padding, pass by pass."""
    channels, rows, columns = as_map(passes.shape)
    neuron = np.arange(channels * rows * columns).reshape(channels, rows * columns)
    padded = np.pad(neuron, ((0, -channels % passes.fire_lanes), (0, 0)), constant_values=-1)
    for frame, (t, position) in itertools.product(range(frames), steps_of(passes)):
        for low in range(0, channels, passes.width):
            high = min(low + passes.width, len(padded))
            yield [(frame, t, padded[first:first + passes.fire_lanes, position])
                   for first in range(low, high, passes.fire_lanes)]


def run(population, sums, passes, *, bias=None, queue=64, lead=2, unread=1, o_stall=0,
        ready_first=True, last=False, scores=None):
    """``(levels, membranes, what left at o)``, or of the ``last`` population the labels, while
    ``scores`` takes its records; the sums come ``lead`` cycles after their read."""
    frames, timesteps, _ = sums.shape
    fire_lanes = passes.fire_lanes
    timing = StageTiming(passes=passes, read_latency=lead,
                         neuron_latency=neuron_latency(population.neuron), queue=queue)
    dut = PopulationCore(population, timing=timing, static=(False,), unread=(unread,), bias=bias,
                         emits=not last, classifies=last)
    o = dut.result if last else dut.o
    every = list(vectors_of(passes, frames))
    rows = [[[int(sums[frame, t, n]) if n >= 0 else 3 for n in neurons]
             for frame, t, neurons in vectors] for vectors in every]
    traces, found, draw = [], [], random.Random(0)
    count = frames
    if not last:
        count = int((expected(population, sums, bias)[0] > 0).sum()) + frames * len(
            steps_of(passes))

    async def accumulators(ctx):
        delayed, waiting, complete = [None] * (lead - 1), 0, 0
        coming = iter([row for pass_ in rows for row in pass_])
        while True:
            now = complete < len(rows) and waiting < unread
            complete, waiting = complete + now, waiting + now
            ctx.set(dut.complete, now)
            _, _, read, released = await ctx.tick().sample(dut.read, dut.release)
            waiting -= released
            assert released == (read.en and read.pass_last)
            delayed.append(next(coming) if read.en else None)
            ctx.set(dut.sums, delayed.pop(0) or [-4] * fire_lanes)

    async def watch(ctx):
        async for _, _, valid, trace in ctx.tick().sample(dut.trace_valid, dut.trace):
            if valid:
                traces.append(trace)

    async def watch_scores(ctx):
        async for _, _, valid, score in ctx.tick().sample(dut.score.valid, dut.score.p):
            if valid:
                scores.append((score.neuron, score.level, score.score, score.final))

    async def sink(ctx):
        for _ in range(count):
            payload = await stream_get(ctx, o, draw.randint(0, o_stall), ready_first)
            found.append(payload.label if last else ("end", place(payload.address))
                         if payload.end else (payload.address, payload.level))
        while len(traces) < sum(map(len, rows)):
            await ctx.tick()

    def place(address):
        return address >> address_bits(population.shape)[0]

    checkers = [stream_checker(o), *([watch_scores] if last else [aer_checker(o)])]
    with poisoned():
        simulate_component(dut, sink, background=[accumulators, watch, *checkers])
    return (*collect(population, sums.shape, every, traces), found)


def collect(population, shape, every, traces):
    """Levels and membranes of the traces, which must have their neurons' addresses."""
    address, (levels, membranes) = addresses(population.shape), np.full((2, *shape), -99)
    flat = [vector for vectors in every for vector in vectors]
    for (frame, t, neurons), trace in zip(flat, traces, strict=True):
        shift = lane_bits(population.shape, len(neurons))
        assert trace.address == address[neurons[0]] >> shift
        for lane, n in enumerate(neurons):
            if n >= 0:
                levels[frame, t, n] = trace.levels[lane]
                membranes[frame, t, n] = trace.membranes[lane]
            else:
                assert trace.levels[lane] == 0
    return levels, membranes


def check(population, sums, fire_lanes, *, bias=None, order="inner", width=None, **options):
    passes = passes_of(population, fire_lanes, sums.shape[1], order, width)
    levels, membranes = expected(population, sums, bias)
    got_levels, got_membranes, found = run(population, sums, passes, bias=bias, **options)
    np.testing.assert_array_equal(got_levels, levels)
    np.testing.assert_array_equal(got_membranes, membranes)
    address = addresses(population.shape)
    low, events = address_bits(population.shape)[0], []
    positions = np.arange(population.size).reshape(population.channels, -1)
    for frame, (t, position) in itertools.product(levels, steps_of(passes)):
        neurons = positions[:, position]
        events += [(int(address[n]), int(frame[t, n])) for n in neurons if frame[t, n]]
        events.append(("end", int(address[neurons[0]]) >> low))
    assert found == events


def every_sequence(timesteps, size):
    """Each neuron sees every sequence of sums, and no two the same one in a frame."""
    values = range(-(1 << SUM_WIDTH - 1), 1 << SUM_WIDTH - 1)
    sequences = np.array(list(itertools.product(values, repeat=timesteps)))
    return np.stack([np.roll(sequences, 5 * k, 0) for k in range(size)], 2)


@pytest.mark.parametrize("reset", [
    "none", "subtract", "zero", "late", "held", "gate", "gate-input"])
@pytest.mark.parametrize("timesteps", [1, 2, 3])
def test_every_sequence_of_sums(timesteps, reset):
    check(population_of((2,), reset=reset), every_sequence(timesteps, 2), 1)


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("fire_lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", [(1,), (3,), (4,), (3, 2, 2)])
def test_every_split_of_the_lanes(shape, fire_lanes, sink):
    population = population_of(shape)
    check(population, every_sequence(2, population.size)[::3], fire_lanes, **sink)


@pytest.mark.parametrize("unread", [1, 3])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape, fire_lanes, width", [
    ((3, 2, 2), 1, 1), ((5, 1, 2), 1, 2), ((7, 2, 1), 2, 4), ((9, 1, 3), 1, 8)])
def test_words_of_channels_in_both_orders(shape, fire_lanes, width, order, unread):
    """A pass for each word, the last one shorter; a marker behind all words of a step."""
    population = population_of(shape, bias_width=3)
    bias = [k % 7 - 3 for k in range(shape[0])]
    check(population, every_sequence(3, population.size)[::18], fire_lanes, bias=bias, width=width,
          order=order, unread=unread)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("o_stall", [0, 9])
def test_a_map_without_membranes(order, o_stall):
    """With one timestep nothing is remembered, and passes follow at once."""
    check(population_of((3, 2, 3)), every_sequence(1, 18), 1, order=order, unread=2,
          o_stall=o_stall)


def test_with_a_cycle_less_a_membrane_is_lost(monkeypatch):
    population, sums = population_of((2,), n_max=None), every_sequence(3, 2)[::7]
    passes, (_, membranes) = passes_of(population, 1, 3), expected(population, sums, None)
    _, got, _ = run(population, sums, passes, unread=2, last=True, scores=[])
    assert (got == membranes).all()
    written = neuron_latency(population.neuron) + 2
    monkeypatch.setattr(StageTiming, "least_cycles", written - 1)
    _, got, _ = run(population, sums, passes, unread=2, last=True, scores=[])
    assert (got != membranes).any()


@pytest.mark.parametrize("lead", [3, 5])
@pytest.mark.parametrize("fire_lanes", [1, 2])
def test_biases_and_slower_sums(fire_lanes, lead):
    population = population_of((3, 1, 2), bias_width=3)
    check(population, every_sequence(2, 6), fire_lanes, bias=[-4, 1, 3], lead=lead)


def test_shortest_queue():
    """As deep as the pipeline: every vector fires, and the sink is slow."""
    population = population_of((12,))
    sums = np.full((6, 2, 12), 3)
    check(population, sums, 1, queue=16, o_stall=9)


@pytest.mark.parametrize("timesteps", [1, 3])
@pytest.mark.parametrize("o_stall", [0, 30])
@pytest.mark.parametrize("n_max, reset", [(None, "none"), (3, "subtract"), (1, "zero")])
def test_scores_and_the_largest_of_them(timesteps, o_stall, n_max, reset):
    """Membranes of a read-out; of one that fires the sums of its levels."""
    population, scores = population_of((3,), n_max=n_max, reset=reset), []
    sums = every_sequence(timesteps, 3)[::2]
    levels, membranes = expected(population, sums, None)
    got_levels, got, labels = run(population, sums, passes_of(population, 1, timesteps),
                                  o_stall=o_stall, last=True, scores=scores, unread=2)
    np.testing.assert_array_equal(got, membranes)
    np.testing.assert_array_equal(got_levels, levels)
    expected_scores = levels.cumsum(1) if n_max else membranes
    assert labels == expected_scores[:, -1].argmax(1).tolist()
    assert scores == [
        (k, levels[frame, t, k], expected_scores[frame, t, k], t == timesteps - 1)
        for frame in range(len(sums)) for t in range(timesteps) for k in range(3)]
