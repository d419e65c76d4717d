"""Requests and answers over a serial port.  The gateware's side is
:mod:`qblif.hw.link.processor`."""

import random
import time
from typing import Protocol

from ...golden.spec.errors import QblifError
from ...hw.link.protocol import MAX_PAYLOAD, Command, crc, pack_request, unpack_checked

__all__ = ["HostError", "Line", "Port", "open_port"]

LONGEST_ANSWER = 4 * MAX_PAYLOAD  # More bytes without a delimiter are noise.


class HostError(QblifError, RuntimeError):
    """What is wrong with the board or the line, and what to do, in one sentence."""


def open_port(name, baud):
    """Open serial port ``name``; :class:`HostError` says why it cannot be."""
    import serial
    try:
        return serial.Serial(str(name), baud, timeout=0.05, write_timeout=5, exclusive=True)
    except (OSError, ValueError, OverflowError) as error:
        raise HostError(_explain(name, error)) from error


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
    """Sends one request at a time, and again until its answer comes.

    Parameters
    ----------
    port : :class:`Port`; its ``in_waiting``, bytes that came already, is used where there is one
    timeout : seconds to wait for an answer before asking again
    tries : how often to ask

    ``sent`` and ``received`` count bytes, ``repeated`` the requests that were asked again.
    """

    port: Port
    timeout: float
    tries: int
    sent: int
    received: int
    repeated: int

    def __init__(self, port: Port, timeout: float = 1.0, tries: int = 6) -> None:
        self.port = port
        self.timeout = timeout
        self.tries = tries
        self.sent = self.received = self.repeated = 0
        self._sequence = random.randrange(256)
        self._pending = b""

    def exchange(self, command: Command, data: bytes = b"", **arguments: int) -> tuple[int, bytes]:
        """The answer's ``(status, body)``.  Raises :class:`HostError` where none comes."""
        from cobs import cobs
        self._sequence = (self._sequence + 1) % 256
        payload = pack_request(self._sequence, command, data, **arguments)
        frame = cobs.encode(payload + crc(payload).to_bytes(2, "big")) + b"\0"
        for attempt in range(self.tries):
            # A delimiter in front ends whatever noise came before.
            self._write(b"\0" + frame if attempt else frame)
            self.repeated += attempt > 0
            answer = self._answer(payload[:2])
            if answer is not None:
                return answer[2], answer[3:]
        heard = "only noise came" if self._heard else "nothing came"
        seconds = self.tries * self.timeout
        raise HostError(f"{self._board} does not answer {Command(command).name.lower()} ({heard} "
                        f"in {seconds:.1f} s): check port, bit rate and bitstream")

    def _answer(self, head):
        """The first whole answer that begins with ``head`` within the timeout, or ``None``."""
        deadline = time.monotonic() + self.timeout
        self._heard = False
        while True:
            while b"\0" in self._pending:
                frame, _, self._pending = self._pending.partition(b"\0")
                answer = _decode(frame)
                if answer is not None and answer[:2] == head and len(answer) > 2:
                    return answer
            if time.monotonic() > deadline:
                return None
            read = self._read()
            self._heard |= bool(read)
            self._pending = (self._pending + read)[-LONGEST_ANSWER:]

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
