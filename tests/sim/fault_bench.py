"""A board whose line may be damaged, and the models' word on what it then holds."""

import os
import random

import numpy as np
import pytest

from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError, open_port
from qblif.boards.host.requests import load_checksum, load_requests
from qblif.golden import integer
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.link.protocol import State, pack_frame
from qblif.sim.faults import BadPort

COUNT = int(os.environ.get("QBLIF_FAULTS", "18"))  # Places of each kind.
FEW = -(-COUNT // 3)  # Of the kinds after which a board is loaded again.
TIMEOUT = 0.2  # Seconds; a busy machine may need them, and what is asked again is longer.
TRIES = 15
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
        self.host = Host(self.port, timeout=TIMEOUT, tries=TRIES)

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
            assert self.host.read(count=len(data) // place["size"], **place) == data
        assert self.play(held[0]) == (held[0].classes[0], held[0].cycles[0])

    def play(self, network):
        """One frame, without asking for the board's state."""
        return self.host._run_frame(*pack_frame([network.frames[0].tolist()],
                                                network.trained.spec.input.n_max))
