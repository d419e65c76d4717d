"""What the command processor knows of the request under way."""

from amaranth import *

from .protocol import ARGUMENTS, argument_bytes

__all__ = ["ARGUMENT_BYTES", "Request"]

ARGUMENT_BYTES = max(map(argument_bytes, ARGUMENTS))


class Request:
    """Registers of one request; the answer needs most of them.

    The arguments stay where they arrive: a READ's address and count go on from there.
    """

    def __init__(self):
        self.sequence, self.command = Signal(8), Signal(8)
        self.arguments = Signal(8 * ARGUMENT_BYTES)
        self.index = Signal(range(ARGUMENT_BYTES + 1))  # Of the next argument byte.
        self.over = Signal()  # The last byte was taken.
        self.short = Signal()  # It came before the last argument.
        self.misshapen = Signal()
        self.known = Signal()  # There was a request before.
        self.again = Signal()  # It was this one.
        self.status = Signal(8)
        self.byte = Signal(8)  # Of the word that is being assembled.
        self.last_part = Signal()  # Of a frame.

    def named(self, command):
        """The arguments of ``command`` by name."""
        found, offset = {}, 0
        for name, size in ARGUMENTS[command]:
            found[name] = self.arguments[8 * offset:8 * (offset + size)]
            offset += size
        return found
