"""A live stream through the whole link: classes, clipped events, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from host_interface_cases import compare, load, network, powered

from qblif.boards.host.line import HostError
from qblif.boards.host.live import run_live
from qblif.golden import integer
from qblif.golden.spec import Input
from qblif.golden.training.data.events import Binning
from qblif.hw.layout.input_stream import InputFormat
from qblif.hw.link.protocol import RUN_FIRST, STREAM_KEEP, Command, Status
from qblif.hw.link.streamer import Streamer
from qblif.hw.link.timed import pack_timed
from qblif.sim.stream import simulate_component, stream_put

WINDOW = 50


def recording(count=200, seed=0, pause=700):
    """Ascending times with pauses of several timesteps, and neurons."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 1, 5, 20, pause], count, p=[0.3, 0.3, 0.3, 0.08, 0.02])
    return 12_345 + np.cumsum(steps), rng.integers(0, 7, count)


def binned(trained, times, neurons, window=WINDOW):
    """Frames of the same events, and how many of them N_max cuts off."""
    spec = trained.spec
    frames = int(times[-1] - times[0]) // (window * spec.timesteps) + 1
    none = np.zeros_like(neurons)
    counts = Binning(frames * spec.timesteps, window=window).frames(
        times, neurons, none, none, (1, spec.input.size), channels=1)
    counts = counts.reshape(frames, spec.timesteps, spec.input.size)
    levels = np.minimum(counts, spec.input.n_max)
    return levels, int((counts - levels).sum())


def one_timestep(trained):
    return replace(trained, spec=replace(trained.spec, timesteps=1))


@pytest.fixture(scope="module")
def streaming():
    trained = network(1, static=False)
    host = powered(trained)
    host.load(trained)
    return host, trained


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_those_of_the_binned_frames(streaming, seed):
    host, trained = streaming
    times, neurons = recording(seed=seed)
    found = run_live(host, trained, times, neurons, WINDOW, speed=0)
    levels, clipped = binned(trained, times, neurons)
    assert found.classes.tolist() == integer.run(trained, levels).classes.tolist()
    assert found.clipped == clipped > 0 and len({*found.classes.tolist()}) > 1
    assert (found.latencies > 5).all() and (found.latencies < 200).all()


def test_membranes_are_kept_from_frame_to_frame(streaming):
    """From the second frame on; and not in a stream or a frame after it."""
    host, trained = streaming
    times, neurons = recording(seed=5)
    levels, _ = binned(trained, times, neurons)
    rested, kept = (integer.run(trained, levels, keep=keep).classes.tolist()
                    for keep in (False, True))
    assert rested[0] == kept[0] and rested != kept
    for keep, expected in ((True, kept), (False, rested), (True, kept)):
        found = run_live(host, trained, times, neurons, WINDOW, speed=0, keep=keep)
        assert found.classes.tolist() == expected
    compare(host, trained, levels[:2])


def test_membranes_that_are_not_remembered_cannot_be_kept():
    """With one timestep a frame there is no memory of membranes."""
    trained = one_timestep(network(1, static=False))
    host = powered(trained)
    host.load(trained)
    with pytest.raises(HostError, match="^The board's network cannot keep its membranes"):
        run_live(host, trained, np.array([1]), np.array([1]), 9, keep=True)
    status, _ = host.line.exchange(Command.STREAM, b"", flags=RUN_FIRST | STREAM_KEEP, window=9)
    assert status == Status.MALFORMED


def test_frames_run_before_and_after(streaming):
    host, trained = streaming
    frames = np.random.default_rng(3).integers(0, 3, (2, 2, 7))
    compare(host, trained, frames)
    times, neurons = recording(20, seed=9, pause=60)
    first, second = (run_live(host, trained, times, neurons, WINDOW, speed=0) for _ in range(2))
    assert first.classes.tolist() == second.classes.tolist()
    compare(host, trained, frames)


def test_more_classes_than_the_board_keeps(streaming):
    host, trained = streaming
    times = np.arange(300) * 2 * WINDOW  # A frame each: the ring is written more than once.
    neurons = np.random.default_rng(5).integers(0, 7, 300)
    found = run_live(host, trained, times, neurons, WINDOW, speed=0)
    levels, _ = binned(trained, times, neurons)
    assert found.classes.tolist() == integer.run(trained, levels).classes.tolist()
    with pytest.raises(HostError, match=r"has had \d+ classes since it was last asked, and keeps "
                       "256: stream more slowly, or in longer timesteps"):
        run_live(host, trained, np.array([0, 300 * 2 * WINDOW]), np.array([1, 2]), WINDOW, speed=0)


def test_a_stream_that_was_given_up_leaves_nothing_behind(streaming):
    host, trained = streaming
    items = pack_timed([(0, neuron) for neuron in range(7) for _ in range(2)])
    assert host.line.exchange(Command.STREAM, items, flags=RUN_FIRST, window=WINDOW)[0] == 0
    times, neurons = recording(30, seed=2)
    found = run_live(host, trained, times, neurons, WINDOW, speed=0)
    levels, clipped = binned(trained, times, neurons)
    assert found.classes.tolist() == integer.run(trained, levels).classes.tolist()
    assert found.clipped == clipped


def test_events_in_their_own_time_and_how_late_they_are(streaming):
    host, trained = streaming
    times, neurons = np.array([0, 100, 20_000]), np.array([1, 2, 3])
    found = run_live(host, trained, times, neurons, 5_000)
    assert found.seconds > 0.02 and found.lag > 0  # This board is a slow simulation.


def test_refusals_of_the_gateware(streaming):
    host, trained = streaming
    data = pack_timed([(0, 1)])

    def status(**arguments):
        return host.line.exchange(Command.STREAM, data, **arguments)[0]

    assert status(flags=RUN_FIRST, window=0) == Status.MALFORMED
    compare(host, trained, np.zeros((1, 2, 7), int))
    assert status(flags=0, window=9) == Status.ORDER
    assert status(flags=RUN_FIRST, window=9) == Status.OK == status(flags=0, window=9)
    host.reset()
    assert status(flags=RUN_FIRST, window=9) == Status.DISARMED
    host.load(trained)
    assert status(flags=0, window=9) == Status.ORDER  # The stream ended with the load before.
    other = powered(network(1, static=True))
    other.trained = network(1, static=True)
    load(other)
    assert other.line.exchange(Command.STREAM, data, flags=RUN_FIRST, window=9)[0] == (
        Status.MALFORMED)


@pytest.mark.parametrize("times, neurons, window, reason", [
    ([], [], 9, r"at least 1, not \(0,\) and \(0,\)"),
    ([1, 2], [1], 9, r"not \(2,\) and \(1,\)"),
    ([0.5], [1], 9, "Times of events must be whole numbers, not float64"),
    ([3, 2], [1, 1], 9, "must ascend, but event 1 comes 1 us before the one before it"),
    ([1], [7], 9, r"must be in 0\.\.6, not 7\.\.7: they are for another network"),
    ([1], [1], 0, r"Window must be in 1\.\.4294967295 us, not 0")])
def test_refusals_of_the_host(streaming, times, neurons, window, reason):
    host, trained = streaming
    with pytest.raises(HostError, match=reason):
        run_live(host, trained, np.array(times), np.array(neurons, int), window)


def test_a_network_of_images_takes_no_stream():
    trained = network(1, static=True)
    host = powered(trained)
    host.load(trained)
    with pytest.raises(HostError, match="does not take one timestep after another"):
        run_live(host, trained, np.array([1]), np.array([1]), 9)


def test_latency_of_each_frame_and_where_a_request_begins():
    """The component alone: the classes of two frames come late, the second behind the first."""
    dut = Streamer(InputFormat(Input(shape=(7,), n_max=2, static=False), ends=2), 3)
    ends, words = [], []

    async def send(ctx):
        ctx.set(dut.window, WINDOW)
        for byte in b"\1\2":  # Half an item, of a request that was lost.
            await stream_put(ctx, dut.i, byte)
        ctx.set(dut.begin, 1)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        for byte in pack_timed([(0, 3), (4 * WINDOW, None)]):
            await stream_put(ctx, dut.i, byte)

    async def network(ctx):
        ctx.set(dut.o.ready, 1)
        results = {40: 2, 47: 1}
        for cycle in range(80):
            ctx.set(dut.result_valid, cycle in results)
            ctx.set(dut.result.label, results.get(cycle, 0))
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid and payload.end:
                ends.append(cycle)
            elif valid:
                assert (payload.address, payload.level) == (3, 1)
        for address in range(2):
            ctx.set(dut.address, address)
            await ctx.tick()
            await ctx.tick()
            words.append(ctx.get(dut.word))

    simulate_component(dut, send, network)
    assert len(ends) == 4 and ends[3] < 40
    assert words == [2 | 40 - ends[1] << 12, 1 | 47 - ends[3] << 12]


def test_items_by_hand():
    assert pack_timed([(5, 3), (0, 4)]).hex() == "03005000" + "04000000"
    assert pack_timed([(4096 * 2 + 1, 3)]).hex() == "ffff2f00" + "03001000"
    assert pack_timed([(4096, None), (7, None), (0, None)]).hex() == "ffff1f00" + "feff7f00"
    assert len(pack_timed([(4096 * 5000, None)])) == 8
