import random

import pytest

from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.hw.layout.addressing import vector_count
from qblif.hw.link.recorder import LevelRecorder, ScoreRecorder
from qblif.sim.stream import simulate_component

LATENCY = 2  # Of a read, as the docstring says.


def population(n_max, shape):
    return Population(name="a", shape=shape, sum_width=12, neuron=Neuron(
        quantiser=Quantiser(n_max=n_max, theta=16), v_width=12))


def recorded(dut, levels_of_frames, draw):
    """Every row that is read after each frame, by one address a cycle."""
    found = []

    async def bench(ctx):
        for frame in levels_of_frames:
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            await ctx.tick().repeat(2)
            for levels in frame:
                if draw.random() < 0.5:
                    await ctx.tick().repeat(draw.randint(1, 3))
                ctx.set(dut.trace.levels, levels)
                ctx.set(dut.trace_valid, 1)
                await ctx.tick()
                ctx.set(dut.trace_valid, 0)
                ctx.set(dut.trace.levels, [0] * len(levels))
            await ctx.tick().repeat(2)
            rows = []
            for address in range(dut.rows + LATENCY):
                ctx.set(dut.address, address % dut.rows)
                if address >= LATENCY:
                    rows.append(ctx.get(dut.row))
                await ctx.tick()
            found.append(rows)
    simulate_component(dut, bench)
    return found


@pytest.mark.parametrize("n_max, shape, lanes, timesteps", [
    (1, (3,), 1, 1), (1, (1,), 1, 1), (3, (5,), 2, 3), (15, (4,), 4, 2), (6, (3, 2, 2), 2, 2)])
def test_rows_of_every_frame(n_max, shape, lanes, timesteps):
    draw = random.Random(n_max)
    dut = LevelRecorder(population(n_max, shape), timesteps=timesteps, fire_lanes=lanes)
    assert dut.rows == timesteps * vector_count(shape, lanes)
    frames = [[[draw.randint(0, n_max) for _ in range(lanes)] for _ in range(dut.rows)]
              for _ in range(3)]
    bits = n_max.bit_length()
    expected = [[sum(level << bits * k for k, level in enumerate(levels)) for levels in frame]
                for frame in frames]
    assert recorded(dut, frames, draw) == expected


def test_start_in_mid_frame_begins_with_the_first_row():
    draw = random.Random(0)
    dut = LevelRecorder(population(3, (4,)), timesteps=1, fire_lanes=1)
    half, whole = [[3], [3]], [[1], [2], [0], [3]]
    assert recorded(dut, [half, whole], draw)[1] == [1, 2, 0, 3]


@pytest.mark.parametrize("size, n_max", [(1, None), (3, None), (5, 3), (40, 1)])
def test_scores_of_a_frames_last_timestep(size, n_max):
    """Negative ones too; what comes before the last timestep is not kept."""
    neuron = Neuron(quantiser=n_max and Quantiser(n_max=n_max, theta=16), v_width=12)
    network = Network(
        timesteps=2, input=Input(shape=(1,), n_max=1), synapses=[Dense(source="input", target="a")],
        populations=[Population(name="a", shape=(size,), sum_width=12, neuron=neuron)])
    dut, draw = ScoreRecorder(network), random.Random(size)
    low, high = (-2048, 2047) if n_max is None else (0, 2 * n_max)
    frames, found = [[draw.randint(low, high) for _ in range(size)] for _ in range(3)], []

    async def bench(ctx):
        for frame in frames:
            for final in (0, 1):
                for neuron in range(size):
                    score = frame[neuron] if final else draw.randint(low, high)
                    ctx.set(dut.score, {"neuron": neuron, "score": score, "final": final,
                                        "level": 0})
                    ctx.set(dut.valid, 1)
                    await ctx.tick()
                    ctx.set(dut.valid, 0)
                    ctx.set(dut.score.score, draw.randint(low, high))
                    await ctx.tick().repeat(draw.randint(1, 2))
            rows = []
            for address in range(size + LATENCY):
                ctx.set(dut.address, address % size)
                if address >= LATENCY:
                    rows.append(ctx.get(dut.row))
                await ctx.tick()
            found.append(rows)
    simulate_component(dut, bench)
    assert found == frames
