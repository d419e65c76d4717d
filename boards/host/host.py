"""The host's side: load a network onto a board, run images, measure.

Neither torch nor Amaranth.  The gateware's side is :mod:`qblif.hw.link.board_core`;
docs/protocol.md says what both agree on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ...hw.link.protocol import (
    LEVELS_SPACE,
    MAX_PAYLOAD,
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
from .access import WRONG_LENGTH, BoardAccess, status_name
from .frames import HostRun, checked_frames, unpack_levels
from .identity import Identity, LogicIdentity, check_network, read_identity
from .line import HostError
from .requests import load_checksum, load_requests

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ...golden.spec import Network
    from ...golden.spec.trained import Trained
    from ...hw.layout.compile import Layout

__all__ = ["Host", "HostError", "HostRun", "Identity"]

PART = MAX_PAYLOAD - len(pack_request(0, Command.RUN, flags=0))  # Bytes of a frame in a request.
ATTEMPTS = 3  # At a load or a frame that the board gave up.
IN_LOGIC = ("The board's weights are logic, and none can be loaded: `qblif run` plays frames on "
            "it, and other weights need a bitstream of their own")
LOST = ("The board is not armed any more (it was reset, or another program loads it): load the "
        "network again")


class Host(BoardAccess):
    """A board at the other end of ``port``; see :class:`qblif.boards.host.line.Line` for the
    parameters.

    Every method raises :class:`HostError` where the board, the line or the network file does not
    let it give a right answer.
    """

    room: int

    def identify(self) -> Identity | LogicIdentity:
        """Ask the board what it is."""
        identity = read_identity(self.registers)
        self.room = identity.room
        return identity

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
        raise HostError(f"The load fails again and again ({status_name(status)}): check cable and "
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
        packed = (pack_frame(frame.tolist(), trained.spec.input.n_max) for frame in frames)
        for k, result in enumerate(self._run_frames(packed, len(frames), not (levels or scores))):
            results.append(result)
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
            events, words = self.registers(synapse_register(k, SynapseRegister.EVENTS), 2)
            found[synapse.name] = {"events": events, "words": words}
        return found

    def reset(self) -> None:
        """Disarm the board."""
        self.ask(Command.RESET)

    def _load_once(self, runs, words, progress):
        """One load from its begin to its end; returns the board's last status."""
        self.ask(Command.BEGIN)
        total, done = sum(len(data) for _, data in runs), 0
        for (_, data), status in zip(runs, self.write_all(runs), strict=True):
            if status != Status.OK:
                return status
            done += len(data)
            if progress:
                progress(done, total)
        places = (place | {"count": len(data) // place["size"]} for place, data in runs)
        for (_, data), found in zip(runs, self.read_all(places), strict=True):
            if found != data:
                self.ask(Command.RESET)
                return Status.CHECKSUM
        status, _ = self.line.exchange(Command.END, words=words, checksum=load_checksum(runs))
        return status

    def _run_frames(self, packed, count, together):
        """``(label, cycles)`` of each of ``count`` frames.

        ``together``, frames of one request wait on the board for those before them.  The last comes
        alone: what the board knows of its last frame is of that one.
        """
        for alone, some in groupby(enumerate(packed, 1), lambda numbered: (
                not together or numbered[0] == count or len(numbered[1][1]) > PART)):
            frames = (frame for _, frame in some)
            if alone:
                for frame in frames:
                    yield self._run_frame(*frame)
            else:
                yield from self._run_together(frames)

    def _run_together(self, frames):
        sent = deque()

        def requests():
            for coding, events in frames:
                sent.append((coding, events))
                yield Command.RUN, events, {"flags": coding | RUN_FIRST | RUN_LAST}
        for status, body in self.line.exchange_all(requests(), room=self.room):
            frame = sent.popleft()
            yield _result(body) if status == Status.OK else self._run_frame(*frame)

    def _run_frame(self, coding, events):
        """``(label, cycles)`` of one frame."""
        parts = [events[k:k + PART] for k in range(0, len(events), PART)]
        requests = [(Command.RUN, part, {"flags": (
            coding | RUN_FIRST * (k == 0) | RUN_LAST * (k == len(parts) - 1))})
            for k, part in enumerate(parts)]
        for _ in range(ATTEMPTS):
            answers = self.line.exchange_all(requests, room=self.room, in_order=True)
            status, body = next(answers)
            while status == Status.OK and (answer := next(answers, None)):
                status, body = answer
            if status == Status.OK:
                return _result(body)
            if status == Status.DISARMED:
                raise HostError(LOST)
        raise HostError(f"The board refuses a frame ({status_name(status)}): load the network "
                        "again")

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
        if self.registers(Register.STATE, 4) != [State.ARMED, *result, checksum]:
            raise HostError(LOST)


def _result(body):
    """``(label, cycles)`` in the answer to a whole frame."""
    if len(body) != 8:
        raise HostError(WRONG_LENGTH)
    return int.from_bytes(body[:4], "little"), int.from_bytes(body[4:], "little")
