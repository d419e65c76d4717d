"""Faults on the line to the gateware, each followed by a look at what the board holds.

``QBLIF_FAULTS=300 pytest tests/sim/test_faults.py`` injects as many a kind as docs/results.md has.
"""

import time

import pytest
from fault_bench import COUNT, FEW, LOST, PATIENCE, TRIES, Bench

from qblif.boards.host.line import HostError
from qblif.hw.link.protocol import REGISTERS_SPACE, Command, pack_request
from qblif.sim.faults import DAMAGES, FOREIGN, After, BadPort, OneDamage, SteadyDamage, encoded

FRAMES = 3


@pytest.fixture(scope="module")
def bench(tiny, second, unplugged):
    trained, layout, frames = tiny
    with unplugged:
        made = Bench(unplugged, (trained, second), layout, frames[:FRAMES])
        yield made
        made.port.close()


@pytest.mark.parametrize("kind", DAMAGES + FOREIGN)
def test_damage(bench, tally, kind):
    """One byte of a load and its frames is damaged, or another program's bytes before it."""
    for k in range(COUNT):
        damage = OneDamage(k, kind, bench.length)
        assert bench.attempt(bench.networks[k % 2], damage) is None
        assert damage.done
    tally({"noise": "random bytes of another program", "text": "its text",
           "half frame": "half a frame of it"}.get(kind, f"byte: {kind}"), COUNT, COUNT, 0)


@pytest.mark.parametrize("rate, all_right", [(0.003, True), (0.012, False), (0.03, False)])
def test_line_that_keeps_damaging(bench, tally, rate, all_right):
    """The tally counts damaged bytes by what the load and run that they damaged came to."""
    counts = {True: 0, False: 0}
    bench.host.line.tries = TRIES if all_right else 12
    for k in range(-(-FEW // 4)):
        damage = SteadyDamage(k, rate)
        error = bench.attempt(bench.networks[k % 2], damage)
        if error:
            assert str(error).startswith("The board does not answer")
            bench.look()
        counts[not error] += damage.count
    bench.host.line.tries = TRIES
    assert counts[True] + counts[False] > 0 and not (all_right and counts[False])
    tally(f"bytes: any of these kinds, {1000 * rate:g} of 1,000", sum(counts.values()),
          counts[True], counts[False])


@pytest.mark.parametrize("action", ["reset", "power_cycle"])
def test_board_restarts(bench, tally, action):
    """In a load the host begins again; in a run it says so, and a new load is right."""
    right = 0
    for k, place in enumerate(bench.places(action)):
        network = bench.networks[k % 2]
        damage = After(place, getattr(bench.board, action))
        error = bench.attempt(network, damage)
        assert damage.left <= 0
        if error:
            assert str(error).startswith(("The board is not armed any more",
                                          "The board does not hold this network's weights"))
            bench.look()
            bench.work(network)
        right += not error
    assert 0 < right < FEW
    tally(f"board: {action.replace('_', ' ')}", FEW, right, FEW - right)


def test_board_forgets_the_levels_of_a_frame(bench, tally, monkeypatch):
    """Its power fails after the class came, and before the levels are read."""
    network, read = bench.networks[0], bench.host._read_levels
    bench.host.load(network.trained)

    def fail(*arguments):
        bench.board.power_cycle()
        return read(*arguments)
    monkeypatch.setattr(bench.host, "_read_levels", fail)
    with pytest.raises(HostError, match=LOST):
        bench.run(network)
    monkeypatch.undo()
    bench.look()
    tally("board: power cycle before levels are read", 1, 0, 1)


def test_board_is_unplugged(bench, tally):
    for k, place in enumerate(bench.places("unplug")):
        network = bench.networks[k % 2]
        error = bench.attempt(network, After(place, bench.board.unplug))
        assert str(error).startswith("The board is gone (")
        bench.board.plug()
        bench.open()
        with pytest.raises(HostError, match="weights .it is disarmed.: load the file first$"):
            bench.run(network)
        bench.look()
        bench.work(network)
    tally("board: unplugged", FEW, 0, FEW)


class Killed(Exception):
    """The host's process ended; of what it was just writing, a part went out."""


class Kill(After):
    def __init__(self, count, port):
        super().__init__(count, None)
        self.port = port

    def __call__(self, data, to_board):
        if self.left <= len(data):
            if to_board:
                self.port.write(data[:self.left])
            raise Killed
        self.left -= len(data)
        return data


def test_host_is_killed(bench, tally):
    """The next host finds a whole network that it may run, or is refused until it loads."""
    right = 0
    for k, place in enumerate(bench.places("kill")):
        network = bench.networks[k % 2]
        with pytest.raises(Killed):
            bench.attempt(network, Kill(place, bench.port))
        bench.open()
        bench.look()
        try:
            bench.run(network)
            right += 1
        except HostError as error:
            assert str(error).startswith("The board does not hold this network's weights")
            bench.work(network)
    assert 0 < right < FEW
    tally("host: killed, and started again", FEW, right, FEW - right)


class Slow(BadPort):
    """Reads some bytes, and sleeps."""

    def __init__(self, port, longest, pause, room):
        super().__init__(port, lambda data, to_board: data, longest, room)
        self.pause = pause

    def read(self, count):
        time.sleep(self.pause)
        return super().read(count)


SLOW = [(1, 0, 1 << 20), (3, 0.001, 1 << 20), (16, 0.005, 1 << 20), (16, 0.005, 512),
        (3, 0.001, 32), (1, 0.004, 8), (2, 0.004, 1 << 20)]


@pytest.mark.parametrize("longest, pause, room", SLOW)
def test_reads_slower_than_the_board_writes(bench, tally, longest, pause, room):
    network = bench.networks[0]
    bench.host.line.tries = 12 if pause else TRIES
    bench.host.line.port = Slow(bench.port, longest, pause, room)
    error = None
    try:
        bench.work(network)
    except HostError as found:
        error = found
        assert str(error).startswith("The board does not answer ")
    finally:
        bench.heal()
        bench.host.line.tries = TRIES
    bench.look()
    assert error is None or pause
    buffer = f"buffer of {room}" if room < 4096 else "large buffer"
    tally(f"host: reads {longest} bytes, sleeps {1000 * pause:g} ms, {buffer}", 1, not error,
          bool(error))


def test_answers_that_nobody_reads(bench, tally):
    """More than the system keeps: the host gets past them, however long the board still sends."""
    request = pack_request(7, Command.READ, space=REGISTERS_SPACE, bank=0, address=0, size=4,
                           count=20_000)
    bench.port.write(encoded(request))
    waiting, deadline = -1, time.monotonic() + PATIENCE
    while waiting != bench.port.in_waiting or not waiting:
        assert time.monotonic() < deadline
        waiting = bench.port.in_waiting
        time.sleep(0.3)
    bench.host.line.tries = 20 * PATIENCE
    bench.work(bench.networks[1])
    bench.host.line.tries = TRIES
    bench.look()
    tally("host: reads nothing of 80,000 bytes", 1, 1, 0)


def test_a_look_sees_half_a_load(bench):
    """The check of these tests, checked: a word changed behind the checksum's back is seen."""
    network = bench.networks[0]
    bench.work(network)
    wrong = [(place, bytes([data[0] ^ 1]) + data[1:]) for place, data in network.requests]
    right, network.requests = network.requests, wrong
    with pytest.raises(AssertionError):
        bench.look()
    network.requests = right
    bench.look()
