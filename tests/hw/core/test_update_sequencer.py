import itertools
import random

import pytest

from qblif.golden.spec import as_map
from qblif.hw.core.update_sequencer import UpdateSequencer
from qblif.hw.layout.addressing import address_bits, addresses, lane_bits, vector_order
from qblif.hw.layout.latency import StageTiming
from qblif.sim.stream import simulate_component, wait

FLAGS = ("pixel_last", "pass_last", "first", "final")


def make(shape, fire_lanes, *, timesteps, static=(False,), unread=None, neuron_latency=2):
    vectors = len(vector_order(shape, fire_lanes))
    timing = StageTiming(vectors=vectors, read_latency=2, neuron_latency=neuron_latency, queue=64)
    return UpdateSequencer(shape, timing=timing, timesteps=timesteps, static=static,
                           unread=unread or [1] * len(static), fire_lanes=fire_lanes)


def expected(shape, fire_lanes, timesteps, frames):
    """``(index, address of lane 0, flags)`` of every vector."""
    channels, rows, columns = as_map(shape)
    order, address = vector_order(shape, fire_lanes), addresses(shape)
    per_pixel = -(-channels // fire_lanes)
    for _, t in itertools.product(range(frames), range(timesteps)):
        for index, neurons in enumerate(order):
            yield (index, int(address[neurons[0]]),
                   (index % per_pixel == per_pixel - 1, index == len(order) - 1,
                    t == 0, t == timesteps - 1))


def run(dut, passes, *, credit=1.0, gaps=0, seed=0):
    """``(vectors, cycle of each, cycle of each completion, releases)``.

    Sums of each synapse are complete whenever fewer than ``unread`` timesteps wait; of a static
    synapse once a frame.
    """
    draw, found, cycles, completed, released = random.Random(seed), [], [], [], []
    shift = lane_bits(dut.shape, dut.fire_lanes)
    needed = [-(-passes // dut.timesteps) if static else passes for static in dut.static]
    waiting = [0] * len(dut.static)

    async def synapses(ctx):
        cycle = 0
        while len(found) < passes * dut.timing.vectors:
            ctx.set(dut.credit, draw.random() < credit)
            ctx.set(dut.pass_credit, draw.random() < credit)
            complete = 0
            for k, most in enumerate(dut.unread):
                if needed[k] and waiting[k] < most and not draw.randint(0, gaps):
                    complete |= 1 << k
                    needed[k] -= 1
                    waiting[k] += 1
                    completed.append((cycle, k))
            ctx.set(dut.complete, complete)
            _, _, en, vector, release = await ctx.tick().sample(dut.en, dut.vector, dut.release)
            if en:
                address = vector.address
                channel, column, _ = address_bits(dut.shape)
                number = (address.channel << shift | address.column << channel
                          | address.row << channel + column)
                found.append((vector.index, number, tuple(bool(vector[f]) for f in FLAGS)))
                cycles.append(cycle)
            for k in range(len(waiting)):
                waiting[k] -= release >> k & 1
            if release:
                released.append((cycle, release))
            cycle += 1

    simulate_component(dut, synapses, timeout=20_000)
    return found, cycles, completed, released


@pytest.mark.parametrize("credit", [1.0, 0.4])
@pytest.mark.parametrize("timesteps", [1, 2, 3, 5])
@pytest.mark.parametrize("shape, fire_lanes", [
    ((1,), 1), ((5,), 1), ((5,), 2), ((5,), 4), ((4,), 4), ((3,), 8), ((3, 2, 3), 1),
    ((3, 2, 3), 2), ((2, 3, 1), 4), ((6, 1, 2), 4)])
def test_every_vector_in_order(shape, fire_lanes, timesteps, credit):
    dut = make(shape, fire_lanes, timesteps=timesteps)
    found, *_ = run(dut, 3 * timesteps, credit=credit, gaps=2)
    assert found == list(expected(shape, fire_lanes, timesteps, 3))


def test_the_picture_of_the_docstring():
    dut = make((3,), 1, timesteps=1, neuron_latency=3)
    assert (dut.timing.vectors, dut.timing.pass_cycles) == (3, 5)
    _, cycles, completed, released = run(dut, 2)
    assert completed[0] == (0, 0)
    assert cycles == [2, 3, 4, 8, 9, 10]  # Starts in cycles 1 and 7.
    assert released == [(4, 1), (10, 1)]


def test_no_state_is_read_before_it_is_written():
    """Passes follow each other by ``pass_cycles`` where sums wait."""
    for shape, latency in (((1,), 9), ((4,), 9), ((20,), 9)):
        dut = make(shape, 1, timesteps=2, unread=[2], neuron_latency=latency)
        _, cycles, *_ = run(dut, 6)
        starts = cycles[::dut.timing.vectors]
        assert {b - a for a, b in itertools.pairwise(starts)} == {dut.timing.pass_cycles + 1}
        assert dut.timing.pass_cycles >= latency + 2


def test_static_sums_serve_all_timesteps():
    dut = make((3,), 1, timesteps=3, static=(True, False), unread=[1, 1])
    found, cycles, _, released = run(dut, 6)
    assert found == list(expected((3,), 1, 3, 2))
    assert [release for _, release in released] == [2, 2, 3] * 2


@pytest.mark.parametrize("seed", range(4))
def test_a_pass_waits_for_every_synapse(seed):
    dut = make((2,), 1, timesteps=2, static=(False,) * 3, unread=[1, 2, 3])
    found, cycles, completed, _ = run(dut, 10, gaps=20, seed=seed)
    assert found == list(expected((2,), 1, 2, 5))
    for k in range(3):
        ready = [cycle for cycle, synapse in completed if synapse == k]
        assert all(start >= cycle + 2 for start, cycle in zip(cycles[::2], ready, strict=True))


def test_a_synapse_that_completes_too_many():
    dut = make((3,), 1, timesteps=1, unread=[2])

    async def complete(ctx):
        ctx.set(dut.complete, 1)
        await wait(ctx, 5)

    with pytest.raises(AssertionError, match="synapse 0 completed sums while 2 timesteps of them "
                                             "were unread$"):
        simulate_component(dut, complete)
