"""Requests and answers over a serial port.  The gateware's side is
:mod:`qblif.hw.link.processor`."""

import contextlib
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from ...golden.spec.errors import QblifError
from ...hw.link.protocol import (
    MAX_PAYLOAD,
    ROOM_OVERHEAD,
    WINDOW,
    Command,
    crc,
    pack_request,
    unpack_checked,
)

__all__ = ["HostError", "Line", "Port", "open_port"]

MOST_PENDING = 4 * MAX_PAYLOAD * WINDOW  # Of bytes that came; older ones are noise.


class HostError(QblifError, RuntimeError):
    """What is wrong with the board or the line, and what to do, in one sentence."""


def open_port(name, baud, timeout=1.0):
    """Open serial port ``name``; :class:`HostError` says why it cannot be.  ``timeout`` is that of
    the :class:`Line`: a write may wait five times as long, while the board reads what came before.
    """
    import serial
    try:
        port = serial.Serial(str(name), baud, timeout=0.05, write_timeout=5 * timeout,
                             exclusive=True)
    except (OSError, ValueError, OverflowError) as error:
        raise HostError(_explain(name, error)) from error
    # An FTDI adapter keeps short answers for 16 ms otherwise; only Linux lets a program say so.
    with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
        port.set_low_latency_mode(True)
    return port


def _explain(name, error):
    text, code = str(error).lower(), getattr(error, "errno", None)
    if code == 2 or "no such file" in text:
        return f"{name}: there is no such port; is the board plugged in?"
    if code == 13 or "permission" in text:
        return f"{name}: permission denied; add yourself to the port's group (often dialout)"
    if "lock" in text or "busy" in text or code in (11, 16):
        return f"{name}: another program has the port open; close it first"
    return f"{name}: cannot be opened as a serial port ({error})"


class Port(Protocol):
    """What a :class:`Line` needs of a serial port, or of what stands for one."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes: what came within the port's own short timeout."""
        ...

    def write(self, data: bytes, /) -> object:
        """Send ``data``."""
        ...


class Line:
    """Sends requests, and again those whose answers do not come.

    Parameters
    ----------
    port : :class:`Port`; its ``in_waiting``, bytes that came already, is used where there is one
    timeout : seconds to wait for an answer before asking again
    tries : how often to ask without any answer

    ``sent`` and ``received`` count bytes, ``repeated`` the requests that were asked again;
    ``window`` is how many may wait for their answers at once.
    """

    port: Port
    timeout: float
    tries: int
    sent: int
    received: int
    repeated: int
    window: int

    def __init__(self, port: Port, timeout: float = 1.0, tries: int = 6) -> None:
        self.port = port
        self.timeout = timeout
        self.tries = tries
        self.sent = self.received = self.repeated = 0
        self.window = WINDOW
        self._sequence = random.randrange(256)
        self._pending = b""

    def exchange(self, command: Command, data: bytes = b"", **arguments: int) -> tuple[int, bytes]:
        """The answer's ``(status, body)``.  Raises :class:`HostError` where none comes."""
        return next(self.exchange_all([(command, data, arguments)]))

    def exchange_all(self, requests: Iterable[tuple[Command, bytes, dict[str, Any]]], *,
                     room: float = 0, in_order: bool = False) -> Iterator[tuple[int, bytes]]:
        """The answers' ``(status, body)`` in order, of requests ``(command, data, arguments)``.

        Up to ``window`` requests of together ``room`` bytes are under way at once, and always
        one.  ``in_order`` says that each continues the one before: the board executes none before
        it, so that an answer stands for those of earlier requests, too.

        Raises :class:`HostError` where no answer comes.
        """
        packed = (self._pack(*request) for request in requests)
        following, order = next(packed, None), deque()
        waiting: dict[bytes, tuple[bytes, int]] = {}  # Frames and sizes, in the order of `order`.
        answers: dict[bytes, tuple[int, bytes]] = {}
        while following or order:
            while following and (not order or len(order) < self.window and following[2] + sum(
                    size for _, size in waiting.values()) <= room):
                head, frame, size = following
                self._write(frame)
                order.append(head)
                waiting[head], following = (frame, size), next(packed, None)
            answer = self._ask(waiting)
            while in_order and (first := next(iter(waiting))) != answer[:2]:
                answers[first] = answer[2], b""
                del waiting[first]
            del waiting[answer[:2]]
            answers[answer[:2]] = answer[2], answer[3:]
            while order and order[0] in answers:
                yield answers.pop(order.popleft())

    def _pack(self, command, data, arguments):
        """A request's first two bytes, its frame, and the room that it takes on the board."""
        from cobs import cobs
        self._sequence = (self._sequence + 1) % 256
        payload = pack_request(self._sequence, command, data, **arguments)
        frame = cobs.encode(payload + crc(payload).to_bytes(2, "big")) + b"\0"
        return payload[:2], frame, len(payload) + ROOM_OVERHEAD

    def _ask(self, waiting):
        """The first answer to any of the requests that are under way."""
        for attempt in range(self.tries):
            if attempt:
                # A delimiter in front ends whatever noise came before.
                self._write(b"\0" + b"".join(frame for frame, _ in waiting.values()))
                self.repeated += len(waiting)
            answer = self._answer(waiting)
            if answer is not None:
                return answer
        heard = "only noise came" if self._heard else "nothing came"
        seconds, (_, command) = self.tries * self.timeout, next(iter(waiting))
        raise HostError(f"{self._board} does not answer {Command(command).name.lower()} ({heard} "
                        f"in {seconds:.1f} s): check port, bit rate and bitstream")

    def _answer(self, waiting):
        """The first whole answer to one of ``waiting`` within the timeout, or ``None``."""
        deadline = time.monotonic() + self.timeout
        self._heard = False
        while True:
            while b"\0" in self._pending:
                frame, _, self._pending = self._pending.partition(b"\0")
                answer = _decode(frame)
                if answer is not None and answer[:2] in waiting and len(answer) > 2:
                    return answer
            if time.monotonic() > deadline:
                return None
            read = self._read()
            self._heard |= bool(read)
            self._pending = (self._pending + read)[-MOST_PENDING:]

    def _write(self, data):
        try:
            self.port.write(data)
        except OSError as error:
            raise self._broken(error) from error
        self.sent += len(data)

    def _read(self):
        try:
            read = self.port.read(max(1, getattr(self.port, "in_waiting", 0)))
        except OSError as error:
            raise self._broken(error) from error
        self.received += len(read)
        return read

    @property
    def _board(self):
        name = getattr(self.port, "name", None)
        return f"The board on {name}" if name else "The board"

    def _broken(self, error):
        return HostError(f"{self._board} is gone ({error}): plug it in and start again")


def _decode(frame):
    """A frame's payload, or ``None`` where it is damaged."""
    from cobs import cobs
    try:
        return unpack_checked(cobs.decode(frame))
    except cobs.DecodeError:
        return None
