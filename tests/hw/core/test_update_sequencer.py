import itertools
import random

import pytest

from qblif.golden.spec import as_map
from qblif.hw.core.update_sequencer import UpdateSequencer
from qblif.hw.layout.addressing import address_bits, addresses, lane_bits
from qblif.hw.layout.latency import StageTiming
from qblif.hw.layout.passes import ORDERS, Passes
from qblif.sim.stream import simulate_component, wait

FLAGS = ("pass_last", "step_last", "first", "final")


def make(shape, fire_lanes, *, timesteps, width=None, order="inner", static=(False,), unread=None,
         neuron_latency=2):
    """``width`` channels a pass, all by default."""
    passes = Passes(shape=shape, fire_lanes=fire_lanes, timesteps=timesteps, order=order,
                    width=width or -(-shape[0] // fire_lanes) * fire_lanes)
    timing = StageTiming(passes=passes, read_latency=2, neuron_latency=neuron_latency, queue=64)
    return UpdateSequencer(timing=timing, static=static, unread=unread or [1] * len(static))


def steps_of(passes):
    """``(timestep, position)`` in order, of one frame."""
    positions, timesteps = range(passes.positions), range(passes.timesteps)
    if passes.order == "inner":
        return [(t, position) for position in positions for t in timesteps]
    return [(t, position) for t in timesteps for position in positions]


def expected(passes, frames):
    """``(row, address of lane 0, flags)`` of every vector; row 0 where no state is remembered."""
    channels, rows, columns = as_map(passes.shape)
    by_place = addresses(passes.shape).reshape(channels, rows * columns)
    vectors, lanes = -(-channels // passes.fire_lanes), passes.fire_lanes
    inner = passes.order == "inner" or rows * columns == 1
    for _, (t, position) in itertools.product(range(frames), steps_of(passes)):
        for v in range(vectors):
            row = (passes.timesteps > 1) * (v if inner else position * vectors + v)
            ends = v == vectors - 1 or (v + 1) * lanes % passes.width == 0
            yield (row, int(by_place[v * lanes, position]),
                   (ends, v == vectors - 1, t == 0, t == passes.timesteps - 1))


def run(dut, frames, *, credit=1.0, gaps=0, seed=0):
    """``(vectors, cycle of each, cycle of each completion, releases)``.

    Currents of each engine are complete whenever fewer than ``unread`` of them wait; static ones
    once for all timesteps.
    """
    passes, draw = dut.timing.passes, random.Random(seed)
    found, cycles, completed, released = [], [], [], []
    shift, (low, middle, _) = lane_bits(passes.shape, passes.fire_lanes), address_bits(passes.shape)
    total = frames * passes.timesteps * passes.positions * passes.words
    needed = [total // passes.timesteps if static else total for static in dut.static]
    waiting, count = [0] * len(dut.static), len(list(expected(passes, frames)))

    async def engines(ctx):
        cycle = 0
        while len(found) < count:
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
                number = (address.channel << shift | address.column << low
                          | address.row << low + middle)
                row = vector.row if passes.state_rows else 0
                found.append((row, number, tuple(bool(vector[f]) for f in FLAGS)))
                cycles.append(cycle)
            for k in range(len(waiting)):
                waiting[k] -= release >> k & 1
            if release:
                released.append((cycle, release))
            cycle += 1

    simulate_component(dut, engines, timeout=40_000)
    return found, cycles, completed, released


def check(dut, frames, **options):
    """Every vector in order, and no row read before it is written."""
    timing = dut.timing
    found, cycles, completed, released = run(dut, frames, **options)
    assert found == list(expected(timing.passes, frames))
    if timing.passes.state_rows:
        written = {}
        for (row, _, (*_, first, _)), cycle in zip(found, cycles, strict=True):
            read = cycle + timing.read_latency - 2
            assert first or read > written[row], "a membrane is read before it is written"
            written[row] = cycle + timing.step_latency
    return cycles, completed, released


@pytest.mark.parametrize("credit", [1.0, 0.4])
@pytest.mark.parametrize("timesteps", [1, 2, 3, 5])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape, fire_lanes, width", [
    ((1,), 1, None), ((5,), 1, None), ((5,), 2, None), ((5,), 4, None), ((4,), 4, None),
    ((3,), 8, None), ((3, 2, 3), 1, None), ((3, 2, 3), 2, None), ((2, 3, 1), 4, None),
    ((6, 1, 2), 4, None),
    ((4, 2, 2), 1, 1), ((4, 2, 3), 1, 2), ((5, 2, 1), 1, 2), ((7, 1, 2), 2, 4), ((9, 1, 2), 2, 4),
    ((12, 2, 1), 1, 8), ((10, 1, 1), 4, 8)])
def test_every_vector_in_order(shape, fire_lanes, width, order, timesteps, credit):
    """Words of several vectors and of one, the last of them shorter and as long as the others."""
    dut = make(shape, fire_lanes, width=width, order=order, timesteps=timesteps)
    check(dut, 2, credit=credit, gaps=2)
    check(make(shape, fire_lanes, width=width, order=order, timesteps=timesteps, unread=[2],
               neuron_latency=5), 2, credit=credit)


def test_the_picture_of_the_docstring():
    dut = make((3,), 1, timesteps=2, neuron_latency=3)
    assert dut.timing.pass_cycles(dut.timing.passes.vectors) == 5
    _, cycles, completed, released = run(dut, 1)
    assert completed[0] == (0, 0)
    assert cycles == [2, 3, 4, 8, 9, 10]  # Starts in cycles 1 and 7.
    assert released == [(4, 1), (10, 1)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape, width, cycles", [
    ((1,), None, [12]), ((4,), None, [12]), ((20,), None, [21]), ((10,), 4, [12, 12, 12]),
    ((20,), 8, [9, 9, 5])])
def test_passes_follow_each_other(shape, width, cycles, order):
    """A cycle behind the last of the pass before, where currents wait; a last pass that is shorter
    takes less, but where membranes are not written yet."""
    dut = make(shape, 1, width=width, timesteps=2, order=order, unread=[2], neuron_latency=9)
    passes = dut.timing.passes
    when, *_ = check(dut, 3)
    starts = [c for k, c in enumerate(when)
              if k % passes.channel_vectors % passes.vectors == 0]
    found = [b - a for a, b in itertools.pairwise(starts)]
    assert found == (cycles * len(starts))[:len(found)]


def test_with_a_cycle_less_a_membrane_is_read_too_soon(monkeypatch):
    monkeypatch.setattr(StageTiming, "least_cycles", property(lambda self: self.neuron_latency + 1))
    dut = make((4,), 1, timesteps=2, unread=[2], neuron_latency=9)
    with pytest.raises(AssertionError, match="^a membrane is read before"):
        check(dut, 3)


@pytest.mark.parametrize("timesteps, order, interval", [(1, "inner", 2), (3, "inner", 12),
                                                        (3, "outer", 2)])
def test_a_membrane_that_waits_elsewhere_costs_nothing(timesteps, order, interval):
    """One channel: without memory, or with other positions in between, no pass must wait."""
    dut = make((1, 4, 4), 1, timesteps=timesteps, order=order, unread=[2], neuron_latency=9)
    cycles, *_ = check(dut, 2)
    assert {b - a for a, b in itertools.pairwise(cycles)} == {interval}


def test_static_sums_serve_all_timesteps():
    dut = make((3,), 1, timesteps=3, static=(True, False), unread=[1, 1])
    _, _, released = check(dut, 2)
    assert [release for _, release in released] == [2, 2, 3] * 2


def test_static_sums_of_a_map_serve_all_timesteps_of_a_position():
    dut = make((3, 2, 2), 1, timesteps=3, static=(True, False), unread=[2, 1])
    _, _, released = check(dut, 2, gaps=3)
    assert [release for _, release in released] == [2, 2, 3] * 8


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape, width", [((2,), None), ((4, 1, 2), 2)])
def test_a_pass_waits_for_every_engine(shape, width, seed):
    dut = make(shape, 1, timesteps=2, width=width, static=(False,) * 3, unread=[1, 2, 3])
    cycles, completed, _ = check(dut, 3, gaps=20, seed=seed)
    for k in range(3):
        ready = [cycle for cycle, engine in completed if engine == k]
        assert all(start >= cycle + 2 for start, cycle in zip(cycles[::2], ready, strict=True))


@pytest.mark.parametrize("width, issued", [(4, 4), (2, 4), (1, 4)])
def test_credit_of_a_pass_is_that_of_its_step(width, issued):
    """It is asked for by the first word's pass; the others of the step follow without it."""
    dut, found, steps = make((4, 1, 2), 1, timesteps=1, width=width, unread=[8]), [], []

    async def feed(ctx):
        for cycle in range(60):
            ctx.set(dut.complete, cycle < 8)
            ctx.set(dut.credit, 1)
            ctx.set(dut.pass_credit, not steps)
            _, _, start, en, vector, waiting = await ctx.tick().sample(
                dut.start, dut.en, dut.vector, dut.waiting)
            steps.extend([1] * start)
            found.extend([vector.address.channel] * en)
        assert not waiting

    simulate_component(dut, feed)
    assert found == list(range(issued))


def test_an_engine_that_completes_too_many():
    dut = make((3,), 1, timesteps=1, unread=[2])

    async def complete(ctx):
        ctx.set(dut.complete, 1)
        await wait(ctx, 5)

    with pytest.raises(AssertionError, match="engine 0 completed currents while 2 of them were "
                                             "unread$"):
        simulate_component(dut, complete)
