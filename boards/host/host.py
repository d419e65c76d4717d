"""The host's side: load a network onto a board, run images, measure.

Neither torch nor Amaranth.  The gateware's side is :mod:`qblif.hw.link.board_core`;
docs/protocol.md says what both agree on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...hw.link.protocol import (
    LEVELS_SPACE,
    MAX_PAYLOAD,
    REGISTERS_SPACE,
    RUN_FIRST,
    RUN_LAST,
    SCORES_SPACE,
    Command,
    Register,
    State,
    Status,
    SynapseRegister,
    pack_frame,
    pack_request,
    row_bytes,
    synapse_register,
)
from .frames import HostRun, checked_frames, unpack_levels
from .identity import NO_BOARD, Identity, LogicIdentity, check_network, read_identity
from .line import HostError, Line, Port
from .requests import load_checksum, load_requests

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ...golden.spec import Network
    from ...golden.spec.trained import Trained
    from ...hw.layout.compile import Layout

__all__ = ["Host", "HostError", "HostRun", "Identity"]

ATTEMPTS = 3  # At a load or a frame that the board gave up.
READ_BYTES = 480  # Of words, in one answer.
WRONG_LENGTH = "The board answers with another length than was asked: build the bitstream again"
IN_LOGIC = ("The board's weights are logic, and none can be loaded: `qblif run` plays frames on "
            "it, and other weights need a bitstream of their own")
LOST = ("The board is not armed any more (it was reset, or another program loads it): load the "
        "network again")


class Host:
    """A board at the other end of ``port``; see :class:`qblif.boards.host.line.Line` for the
    parameters.

    Every method raises :class:`HostError` where the board, the line or the network file does not
    let it give a right answer.
    """

    def __init__(self, port: Port, timeout: float = 1.0, tries: int = 6) -> None:
        self.line: Line = Line(port, timeout, tries)

    def identify(self) -> Identity | LogicIdentity:
        """Ask the board what it is."""
        return read_identity(self._registers)

    def load(self, trained: Trained,
             progress: Callable[[int, int], None] | None = None) -> None:
        """Write every weight, read all of them back, and arm the board.

        ``progress`` is called with the bytes written and all bytes.  A load that the board gave up
        (it was reset) is begun again.
        """
        identity = self.check(trained)
        layout = identity.layout(trained.spec)
        runs = list(load_requests(trained, layout))
        for _ in range(ATTEMPTS):
            status = self._load_once(runs, identity.words, progress)
            if status == Status.OK:
                return
        raise HostError(f"The load fails again and again ({_name(status)}): check cable and "
                        "power of the board")

    def check(self, trained: Trained) -> Identity:
        """The board's :class:`Identity`; raises where ``trained`` is not a network of its
        bitstream, or that has its weights in logic."""
        identity = self.identify()
        if isinstance(identity, LogicIdentity):
            raise HostError(IN_LOGIC)
        check_network(identity, trained.spec)
        return identity

    def check_loaded(self, trained: Trained) -> tuple[Identity, Layout]:
        """The board's :class:`Identity` and layout; raises where it does not hold exactly the
        weights of ``trained``."""
        identity = self.check(trained)
        layout = identity.layout(trained.spec)
        expected = load_checksum(load_requests(trained, layout))
        if identity.state is not State.ARMED or identity.checksum != expected:
            held = ("others" if identity.state is State.ARMED
                    else f"it is {identity.state.name.lower()}")
            raise HostError(f"The board does not hold this network's weights ({held}): load the "
                            "file first")
        return identity, layout

    def run(self, trained: Trained, frames: ArrayLike, levels: bool = False,
            progress: Callable[[int], None] | None = None, scores: bool = False) -> HostRun:
        """Run frames of input levels, ``(frames, inputs)`` or ``(frames, timesteps, inputs)``.

        Refuses where the board does not hold exactly the weights of ``trained``.  ``levels`` reads
        every level of every frame, too, ``scores`` the scores.  Returns an :class:`HostRun`.
        """
        frames = checked_frames(trained.spec, frames)
        identity, layout = self.check_loaded(trained)
        if levels and not identity.levels:
            raise HostError("The board's bitstream records no levels: build it with them")
        frames = layout.input.by_address(frames)
        results, recorded, scored = [], [], []
        sent, received, core = self.line.sent, self.line.received, 0.0
        started = time.perf_counter()
        for k, frame in enumerate(frames):
            results.append(self._run_frame(*pack_frame(frame.tolist(), trained.spec.input.n_max)))
            core += results[-1][1] / identity.clock_hz
            if levels:
                recorded.append(self._read_levels(layout))
            if scores:
                scored.append(self._read_scores(trained.spec))
            if levels or scores:
                self._confirm(results[-1], identity.checksum)
            if progress:
                progress(k + 1)
        return HostRun(
            classes=np.array([label for label, _ in results]),
            cycles=np.array([cycles for _, cycles in results]),
            levels={name: np.stack([one[name] for one in recorded], 1)
                    for name in (recorded[0] if recorded else ())},
            scores=np.array(scored, np.int32) if scored else None,
            core_seconds=core, seconds=time.perf_counter() - started,
            sent=self.line.sent - sent, received=self.line.received - received)

    def activity(self, spec: Network) -> dict[str, dict[str, int]]:
        """Events that reached each synapse in the last frame, and the words of ``lanes`` synaptic
        operations that they cost: ``{synapse: {"events", "words"}}``."""
        found = {}
        for k, synapse in enumerate(s for p in spec.populations for s in spec.synapses_to(p.name)):
            events, words = self._registers(synapse_register(k, SynapseRegister.EVENTS), 2)
            found[synapse.name] = {"events": events, "words": words}
        return found

    def reset(self) -> None:
        """Disarm the board."""
        self.ask(Command.RESET)

    def _load_once(self, runs, words, progress):
        """One load from its begin to its end; returns the board's last status."""
        self.ask(Command.BEGIN)
        total, done = sum(len(data) for _, data in runs), 0
        for place, data in runs:
            status, _ = self.line.exchange(Command.WRITE, data, **place)
            if status != Status.OK:
                return status
            done += len(data)
            if progress:
                progress(done, total)
        for place, data in runs:
            if self.read(count=len(data) // place["size"], **place) != data:
                self.ask(Command.RESET)
                return Status.CHECKSUM
        status, _ = self.line.exchange(Command.END, words=words, checksum=load_checksum(runs))
        return status

    def _run_frame(self, coding, events):
        """``(label, cycles)`` of one frame."""
        room = MAX_PAYLOAD - len(pack_request(0, Command.RUN, flags=0))
        parts = [events[k:k + room] for k in range(0, len(events), room)]
        for _ in range(ATTEMPTS):
            for k, part in enumerate(parts):
                flags = coding | RUN_FIRST * (k == 0) | RUN_LAST * (k == len(parts) - 1)
                status, body = self.line.exchange(Command.RUN, part, flags=flags)
                if status != Status.OK:
                    break
            else:
                if len(body) != 8:
                    raise HostError(WRONG_LENGTH)
                return int.from_bytes(body[:4], "little"), int.from_bytes(body[4:], "little")
            if status == Status.DISARMED:
                raise HostError(LOST)
        raise HostError(f"The board refuses a frame ({_name(status)}): load the network again")

    def _read_levels(self, layout):
        """Every level of the last frame: population to ``(timesteps, neurons)``."""
        found = {}
        for stage in layout.stages:
            if not stage.fires:
                continue
            (rows, width), lanes = stage.recorder_memory, stage.fire_lanes
            values = unpack_levels(
                self.read(LEVELS_SPACE + stage.index, 0, 0, row_bytes(width), rows), rows, lanes,
                width // lanes)
            found[stage.name] = stage.passes.unpack(values)[0]
        return found

    def _read_scores(self, spec):
        """Scores of the last frame, ``(neurons of the last population,)``."""
        return np.frombuffer(self.read(SCORES_SPACE, 0, 0, 4, spec.populations[-1].size), "<i4")

    def _confirm(self, result, checksum):
        """That the levels read were those of the last frame: a board that was off forgot them."""
        if self._registers(Register.STATE, 4) != [State.ARMED, *result, checksum]:
            raise HostError(LOST)

    def _registers(self, address, count):
        data = self.read(REGISTERS_SPACE, 0, address, 4, count)
        return np.frombuffer(data, "<u4").tolist()

    def read(self, space: int, bank: int, address: int, size: int, count: int) -> bytes:
        """``count`` words of ``size`` bytes from ``address`` on."""
        found = b""
        while len(found) < size * count:
            part = min(READ_BYTES // size, count - len(found) // size)
            body = self.ask(Command.READ, space=space, bank=bank, size=size, count=part,
                             address=address + len(found) // size)
            if len(body) != size * part:
                raise HostError(WRONG_LENGTH)
            found += body
        return found

    def ask(self, command: Command, data: bytes = b"", **arguments: int) -> bytes:
        """The answer's body, where the status must be good."""
        status, body = self.line.exchange(command, data, **arguments)
        if status != Status.OK:
            if status not in list(Status):
                raise HostError(NO_BOARD)
            raise HostError(f"The board refuses {Command(command).name.lower()} "
                            f"({_name(status)}): reset it and start again")
        return body


def _name(status):
    """The name of a status; of one that this protocol does not have, its number."""
    return Status(status).name.lower() if status in list(Status) else f"status {status}"
