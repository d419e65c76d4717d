"""Frames through a board whose network is logic: they are loaded and played, and their classes are
read.

Neither torch nor Amaranth.  The gateware's side is :mod:`qblif.hw.link.logic_interface`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...hw.link.protocol import (
    BANK_BYTES,
    MAX_PAYLOAD,
    RESULTS_SPACE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    argument_bytes,
)
from .access import good
from .frames import checked_frames, pack_vectors
from .identity import LogicIdentity
from .line import HostError
from .requests import load_checksum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ...golden.spec.trained import Trained
    from .host import Host

__all__ = ["Played", "play", "pack_banks"]


@dataclass(frozen=True)
class Played:
    """``classes`` of frames, ``(frames,)``; of each batch that fits the board's memory its frames
    and the clocks from the first frame to the last class, ``batches`` of ``(frames, clocks)``;
    seconds of all, and of them those of the network; bytes on the line."""

    classes: np.ndarray
    batches: tuple[tuple[int, int], ...]
    core_seconds: float
    seconds: float
    sent: int
    received: int


def play(host: Host, trained: Trained, frames: ArrayLike,
         progress: Callable[[int], None] | None = None) -> Played:
    """Play frames on a board of logic: input levels as the integer model takes them, or where the
    board encodes them pixels ``(frames, inputs)`` of uint8.

    Raises :class:`HostError` where the board is another, or has other weights than ``trained``.
    """
    identity = check_logic(host, trained)
    frames = _checked(identity, trained, frames)
    started, sent, received = time.perf_counter(), host.line.sent, host.line.received
    classes, batches = [], []
    for first in range(0, len(frames), identity.frames):
        batch = frames[first:first + identity.frames]
        _load(host, pack_banks(batch, _bits(identity, trained.spec), identity.banks))
        body = host.ask(Command.RUN, len(batch).to_bytes(4, "little"),
                        flags=RUN_FIRST | RUN_LAST)
        batches.append((len(batch), int.from_bytes(body[4:], "little")))
        classes.append(np.frombuffer(host.read(RESULTS_SPACE, 0, 0, 4, len(batch)), "<u4"))
        if progress:
            progress(first + len(batch))
    return Played(
        classes=np.concatenate(classes).astype(np.int64), batches=tuple(batches),
        core_seconds=sum(clocks + 1 for _, clocks in batches) / identity.clock_hz,
        seconds=time.perf_counter() - started, sent=host.line.sent - sent,
        received=host.line.received - received)


def check_logic(host, trained):
    """The board's :class:`~qblif.boards.host.identity.LogicIdentity`."""
    identity = host.identify()
    if not isinstance(identity, LogicIdentity):
        raise HostError("The board's network is not logic: load its weights and run frames")
    if (identity.digest, identity.weights_digest) != (trained.spec.digest,
                                                      trained.weights_digest):
        raise HostError(f"The board has network {identity.digest} with weights "
                        f"{identity.weights_digest} in its logic, the file {trained.spec.digest} "
                        f"with {trained.weights_digest}: build a bitstream for it")
    return identity


def pack_banks(frames, bits, banks):
    """Frames ``(frames, ...)`` of values of ``bits`` bits as words, ``(banks, frames)``: the first
    value lowest, in bank 0."""
    packed = pack_vectors(frames, bits)
    whole = np.zeros((len(packed), BANK_BYTES * banks), np.uint8)
    whole[:, :packed.shape[1]] = packed
    return whole.view("<u4").T


def _checked(identity, trained, frames):
    if not identity.pixels:
        return checked_frames(trained.spec, frames)
    frames = np.asarray(frames)
    if frames.dtype != np.uint8:
        raise HostError(f"The board takes pixels, which are uint8, not {frames.dtype}")
    checked_frames(trained.spec, trained.spec.input.levels_of(frames))
    return frames


def _bits(identity, spec):
    return 8 if identity.pixels else spec.input.emit_max.bit_length()


def _load(host, banks):
    """Write the words of every bank, and have their checksum compared."""
    room = (MAX_PAYLOAD - 2 - argument_bytes(Command.WRITE)) // BANK_BYTES
    runs = [({"space": 0, "bank": bank, "address": first, "size": BANK_BYTES},
             words[first:first + room].astype("<u4").tobytes())
            for bank, words in enumerate(banks) for first in range(0, len(words), room)]
    host.ask(Command.BEGIN)
    for status in host.write_all(runs):
        good(Command.WRITE, status)
    host.ask(Command.END, words=banks.size, checksum=load_checksum(runs))
