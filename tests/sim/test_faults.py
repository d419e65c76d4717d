"""Faults on the line to the gateware, each followed by a look at what the board holds.

``QBLIF_FAULTS=300 pytest tests/sim/test_faults.py`` injects as many a kind as docs/results.md has.
"""

import os
import random
import time

import numpy as np
import pytest

from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError, open_port
from qblif.boards.host.requests import load_checksum, load_requests
from qblif.golden import integer
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.link.protocol import REGISTERS_SPACE, Command, State, pack_frame, pack_request
from qblif.sim.faults import DAMAGES, FOREIGN, After, BadPort, OneDamage, SteadyDamage, encoded

COUNT = int(os.environ.get("QBLIF_FAULTS", "18"))  # Places of each kind.
FEW = -(-COUNT // 3)  # Of the kinds after which a board is loaded again.
FRAMES = 3
TRIES = 60  # Of 50 ms each, which a busy machine may need.
PATIENCE = 50
LOST = r"^The board is not armed any more"


class Expected:
    """What the models say of a network: its load, and its frames."""

    def __init__(self, trained, layout, frames):
        self.trained, self.frames = trained, frames
        self.requests = list(load_requests(trained, layout))
        self.checksum = load_checksum(self.requests)
        found = integer.run(trained, frames)
        self.classes = found.classes.numpy()
        self.levels = {name: tensor.numpy() for name, tensor in found.levels.items()}
        self.cycles = np.array([count_cycles(layout, frames[k:k + 1], {
            name: values[:, k:k + 1] for name, values in self.levels.items()}).latency[0]
            for k in range(len(frames))])

    def check(self, found):
        np.testing.assert_array_equal(found.classes, self.classes)
        np.testing.assert_array_equal(found.cycles, self.cycles)
        np.testing.assert_array_equal(found.levels["hidden"], self.levels["hidden"])


class Bench:
    """A board that is plugged in, its open port, and a host whose line may be damaged."""

    def __init__(self, board, networks, layout, frames):
        self.board = board
        self.port = None
        self.open()
        self.networks = [Expected(network, layout, frames) for network in networks]
        line = self.host.line
        line.timeout, line.tries = PATIENCE, 1  # Nothing is asked twice.
        before = line.sent + line.received
        self.work(self.networks[0])
        self.length = line.sent + line.received - before  # Bytes of a load and its frames.
        self.open()

    def open(self):
        """Open the port, as a program does that has just started."""
        if self.port:
            self.port.close()
        self.port = open_port(self.board.port, 1_000_000)
        self.port.timeout = 0.01
        self.host = Host(self.port, timeout=0.05, tries=TRIES)

    def heal(self):
        self.host.line.port = self.port

    def places(self, kind):
        """Of some bytes of a load and its frames: in each part of equal length, a random one."""
        draw = random.Random(kind)
        return [1 + int((self.length - 2) * (k + draw.random()) / FEW) for k in range(FEW)]

    def work(self, network):
        self.host.load(network.trained)
        self.run(network)

    def run(self, network):
        network.check(self.host.run(network.trained, network.frames, levels=True))

    def attempt(self, network, damage):
        """Load and run over a line that ``damage`` spoils: the :class:`HostError`, or ``None``
        where every class, level and cycle was right and what the board then holds is, too."""
        self.host.line.port = BadPort(self.port, damage)
        try:
            self.work(network)
        except HostError as error:
            return error
        finally:
            self.heal()
        self.look()
        return None

    def look(self):
        """Not armed, and refuses to run; or armed with one whole network, and runs that one."""
        identity = self.host.identify()
        held = [network for network in self.networks
                if identity.state is State.ARMED and network.checksum == identity.checksum]
        assert bool(held) == (identity.state is State.ARMED)
        if not held:
            with pytest.raises(HostError, match=LOST):
                self.play(self.networks[0])
            return
        for place, data in held[0].requests:
            assert self.host._read(count=len(data) // place["size"], **place) == data
        assert self.play(held[0]) == (held[0].classes[0], held[0].cycles[0])

    def play(self, network):
        """One frame, without asking for the board's state."""
        return self.host._run_frame(*pack_frame([network.frames[0].tolist()],
                                                network.trained.spec.input.n_max))


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
