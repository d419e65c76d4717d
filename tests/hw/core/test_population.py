"""A population alone, fed with sums: every level, membrane and event against the golden neuron."""

import itertools
import random

import numpy as np
import pytest
import torch

from qblif.golden import neuron as golden
from qblif.golden.spec import Decay, Neuron, Population, Quantiser, Reset
from qblif.hw.core.population import PopulationCore
from qblif.hw.layout.addressing import addresses, by_neuron, vector_order
from qblif.hw.layout.latency import StageTiming, neuron_latency
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


def run(population, sums, fire_lanes, *, bias=None, queue=64, lead=2, o_stall=0, ready_first=True):
    """``(levels, membranes, what left at o)``; the sums come ``lead`` cycles after their read."""
    frames, timesteps, _ = sums.shape
    order = vector_order(population.shape, fire_lanes)
    timing = StageTiming(vectors=len(order), read_latency=lead,
                         neuron_latency=neuron_latency(population.neuron), queue=queue)
    dut = PopulationCore(population, timesteps=timesteps, timing=timing, static=(False,),
                         unread=(1,), fire_lanes=fire_lanes, bias=bias)
    vectors = np.where(order < 0, 3, sums.reshape(-1, population.size)[:, order])
    traces, found, draw = [], [], random.Random(0)
    count = int((expected(population, sums, bias)[0] > 0).sum()) + frames * timesteps
    count = count if dut.fires else frames

    async def accumulators(ctx):
        delayed = [None] * (lead - 1)
        for timestep in vectors:
            ctx.set(dut.complete, 1)
            rows = iter(timestep.tolist())
            released = False
            while not released:
                _, _, read, released = await ctx.tick().sample(dut.read, dut.release)
                ctx.set(dut.complete, 0)
                delayed.append(next(rows) if read.en else None)
                row = delayed.pop(0)
                ctx.set(dut.sums, row or [-4] * fire_lanes)
            assert next(rows, None) is None
        while True:
            await ctx.tick()
            delayed.append(None)
            ctx.set(dut.sums, delayed.pop(0) or [-4] * fire_lanes)

    async def watch(ctx):
        while True:
            _, _, valid, trace = await ctx.tick().sample(dut.trace_valid, dut.trace)
            if valid:
                traces.append(trace)

    async def sink(ctx):
        for _ in range(count):
            payload = await stream_get(ctx, dut.o, draw.randint(0, o_stall), ready_first)
            found.append(payload.label if not dut.fires else "end" if payload.end else
                         (payload.address, payload.level))
        while len(traces) < len(vectors) * len(order):
            await ctx.tick()

    checkers = [stream_checker(dut.o), *([aer_checker(dut.o)] if dut.fires else [])]
    simulate_component(dut, sink, background=[accumulators, watch, *checkers])
    assert [t.beat for t in traces] == list(range(len(order))) * len(vectors)
    return (*(by_neuron(np.array([[int(v) for v in t[kind]] for t in traces]).reshape(
        frames, timesteps, *order.shape), population.shape)
        for kind in ("levels", "membranes")), found)


def check(population, sums, fire_lanes, *, bias=None, **options):
    levels, membranes = expected(population, sums, bias)
    got_levels, got_membranes, found = run(population, sums, fire_lanes, bias=bias, **options)
    np.testing.assert_array_equal(got_levels, levels)
    np.testing.assert_array_equal(got_membranes, membranes)
    address = addresses(population.shape)
    order = np.argsort(address)
    events = []
    for timestep in levels.reshape(-1, population.size):
        events += [(int(address[n]), int(timestep[n])) for n in order if timestep[n]] + ["end"]
    assert found == events


def every_sequence(timesteps, size):
    """Each neuron sees every sequence of sums, and no two the same one in a frame."""
    values = range(-(1 << SUM_WIDTH - 1), 1 << SUM_WIDTH - 1)
    sequences = np.array(list(itertools.product(values, repeat=timesteps)))
    return np.stack([np.roll(sequences, 5 * k, 0) for k in range(size)], 2)


@pytest.mark.parametrize("reset", ["none", "subtract", "zero", "gate", "gate-input"])
@pytest.mark.parametrize("timesteps", [1, 2, 3])
def test_every_sequence_of_sums(timesteps, reset):
    check(population_of((2,), reset=reset), every_sequence(timesteps, 2), 1)


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("fire_lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", [(1,), (3,), (4,), (3, 2, 2)])
def test_every_split_of_the_lanes(shape, fire_lanes, sink):
    population = population_of(shape)
    check(population, every_sequence(2, population.size)[::3], fire_lanes, **sink)


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
def test_a_read_out_gives_the_largest_membrane(timesteps, o_stall):
    population = population_of((3,), n_max=None)
    sums = every_sequence(timesteps, 3)[::2]
    _, membranes = expected(population, sums, None)
    _, got, labels = run(population, sums, 1, o_stall=o_stall)
    np.testing.assert_array_equal(got, membranes)
    assert labels == membranes[:, -1].argmax(1).tolist()
