"""A board's words, written and read over a line."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from ...hw.link.protocol import REGISTERS_SPACE, Command, Status
from .identity import NO_BOARD
from .line import HostError, Line, Port

__all__ = ["WRONG_LENGTH", "BoardAccess", "good", "status_name"]

READ_BYTES = 480  # Of words, in one answer.
WRONG_LENGTH = "The board answers with another length than was asked: build the bitstream again"


class BoardAccess:
    """What any host does with a board at the other end of ``port``; see
    :class:`qblif.boards.host.line.Line` for the parameters.

    ``room`` are the bytes of requests that may wait on the board: none until that is known.
    """

    line: Line
    room: int

    def __init__(self, port: Port, timeout: float = 1.0, tries: int = 6) -> None:
        self.line = Line(port, timeout, tries)
        self.room = 0

    def registers(self, address: int, count: int) -> list[int]:
        """The contents of ``count`` registers from ``address`` on."""
        data = self.read(REGISTERS_SPACE, 0, address, 4, count)
        return np.frombuffer(data, "<u4").tolist()

    def read(self, space: int, bank: int, address: int, size: int, count: int) -> bytes:
        """``count`` words of ``size`` bytes from ``address`` on."""
        most = READ_BYTES // size
        return b"".join(self.read_all(
            {"space": space, "bank": bank, "size": size, "address": address + first,
             "count": min(most, count - first)} for first in range(0, count, most)))

    def write_all(self, runs: Iterable[tuple[dict[str, int], bytes]]) -> Iterator[int]:
        """The status of each WRITE of :func:`~qblif.boards.host.requests.load_requests`.

        The board takes in a write faster than a line brings the next, so room is not asked for.
        """
        requests = ((Command.WRITE, data, place) for place, data in runs)
        for status, _ in self.line.exchange_all(requests, room=math.inf, in_order=True):
            yield status

    def read_all(self, places: Iterable[dict[str, int]]) -> Iterator[bytes]:
        """The words of each of ``places``, of at most :data:`READ_BYTES` bytes."""
        places = list(places)
        requests = ((Command.READ, b"", place) for place in places)
        for place, answer in zip(places, self.line.exchange_all(requests, room=self.room),
                                 strict=True):
            body = good(Command.READ, *answer)
            if len(body) != place["size"] * place["count"]:
                raise HostError(WRONG_LENGTH)
            yield body

    def ask(self, command: Command, data: bytes = b"", **arguments: int) -> bytes:
        """The answer's body, where the status must be good."""
        return good(command, *self.line.exchange(command, data, **arguments))


def good(command: Command, status: int, body: bytes = b"") -> bytes:
    """An answer's body where its status is good."""
    if status != Status.OK:
        if status not in list(Status):
            raise HostError(NO_BOARD)
        raise HostError(f"The board refuses {Command(command).name.lower()} "
                        f"({status_name(status)}): reset it and start again")
    return body


def status_name(status: int) -> str:
    """The name of a status; of one that this protocol does not have, its number."""
    return Status(status).name.lower() if status in list(Status) else f"status {status}"
