"""The request under way: how it is taken in, and what the command processor knows of it."""

from amaranth import *

from .protocol import ARGUMENTS, RUN_FIRST, Command, State, argument_bytes

__all__ = ["ARGUMENT_BYTES", "Request"]

ARGUMENT_BYTES = max(map(argument_bytes, ARGUMENTS))


class Request:
    """Registers of one request, and the states of an FSM that fill them.

    The arguments stay where they arrive: a READ's address and count go on from there.

    Parameters
    ----------
    read_bytes, write_bytes : int
        Bytes of the widest word that is read, and written.

    Members
    -------
    number, command : ``Signal(8)``
        Of the request under way.
    sequence : ``Signal(8)``
        Of the last request that was executed, see :meth:`accept`.
    arguments : ``Signal(8 * ARGUMENT_BYTES)``
    argument : ``Signal()``
        A pulse: a byte of the arguments is being taken.
    over : ``Signal()``
        The request's last byte was taken; :meth:`watch` keeps it.
    repeated : ``Signal()``
        Sequence number and command are those of the request before, and it does not only read.
    follows : ``Signal()``
        The sequence number is the next.
    malformed : ``Signal()``
        The command is unknown, the arguments are too short or too long, or the size of a word is.
    """

    def __init__(self, *, read_bytes, write_bytes):
        self.read_bytes, self.write_bytes = read_bytes, write_bytes
        self.sequence, self.number, self.command = Signal(8), Signal(8), Signal(8)
        self.arguments = Signal(8 * ARGUMENT_BYTES)
        self.argument = Signal()
        self.index = Signal(range(ARGUMENT_BYTES + 1))  # Argument bytes so far.
        self.over = Signal()
        self.short = Signal()  # The request ended before its last argument.
        self.malformed = Signal()
        self.known = Signal()  # There was a request before this one.
        self.repeated = Signal()
        self.follows = Signal()

    def named(self, command):
        """The arguments of ``command`` by name."""
        found, offset = {}, 0
        for name, size in ARGUMENTS[command]:
            found[name] = self.arguments[8 * offset:8 * (offset + size)]
            offset += size
        return found

    def watch(self, m, stream):
        """Notice the last byte that is taken from ``stream``, in whatever state."""
        with m.If(stream.valid & stream.ready):
            m.d.sync += self.over.eq(stream.p.last)

    def take(self, m, stream, following):
        """States ``SEQUENCE``, ``COMMAND``, ``ARGUMENTS`` and ``CHECK`` of the FSM in ``m``, the
        first of them its initial one: they take the bytes up to the last argument from ``stream``
        and go on to the state ``following``."""
        with m.State("SEQUENCE"):
            self._take_sequence(m, stream)
        with m.State("COMMAND"):
            m.d.comb += stream.ready.eq(1)
            with m.If(stream.valid):
                m.d.sync += [self.command.eq(stream.p.data), self.repeated.eq(
                    self.repeated & (stream.p.data == self.command)
                    & (stream.p.data != Command.READ))]
                m.next = "ARGUMENTS"
        with m.State("ARGUMENTS"):
            self._take_arguments(m, stream)
        with m.State("CHECK"):
            m.d.sync += self.malformed.eq(self._is_malformed())
            m.next = following

    def is_answered_again(self, state):
        """Whether it is not executed: it was before, or it continues the load or the frame that the
        processor's ``state`` lets it continue, and one between was lost.  Of a RUN this is known
        with its flags."""
        loads = (self.command == Command.WRITE) & (state == State.LOADING)
        first = (self.named(Command.RUN)["flags"] & RUN_FIRST).any()
        plays = (self.command == Command.RUN) & (state == State.ARMED) & ~first
        return self.repeated | (loads | plays) & ~self.follows

    def accept(self, m):
        """The request under way becomes the last that was executed."""
        m.d.sync += self.sequence.eq(self.number)

    def take_words(self, m, stream, data):
        """The words of a WRITE, lowest byte first, one after another into ``data``; returns whether
        one is whole, and, once the request is over, whether a part of one is left."""
        size = self.named(Command.WRITE)["size"]
        byte = Signal(8)  # Bytes so far of the word that is being assembled.
        whole = stream.valid & stream.ready & (byte + 1 == size)
        m.d.comb += stream.ready.eq(~self.over)
        with m.If(stream.valid & stream.ready):
            m.d.sync += byte.eq(byte + 1)
            with m.Switch(byte):
                with m.Case(0):
                    m.d.sync += data.eq(stream.p.data)  # Zeros above it.
                for k in range(1, self.write_bytes):
                    with m.Case(k):
                        m.d.sync += data[8 * k:8 * k + 8].eq(stream.p.data)
        with m.If(whole | self.over):
            m.d.sync += byte.eq(0)
        return whole, byte != 0

    def _take_sequence(self, m, stream):
        m.d.comb += stream.ready.eq(1)
        m.d.sync += self.index.eq(0)
        with m.If(stream.valid):
            m.d.sync += [self.number.eq(stream.p.data), self.known.eq(~stream.p.last),
                         self.repeated.eq(self.known & (stream.p.data == self.sequence)),
                         self.follows.eq(stream.p.data == (self.sequence + 1)[:8])]
            with m.If(~stream.p.last):
                m.next = "COMMAND"

    def _take_arguments(self, m, stream):
        """As many bytes as the command has, if the request has them."""
        wanted = Signal(range(ARGUMENT_BYTES + 1))
        with m.Switch(self.command):
            for command in Command:
                with m.Case(command):
                    m.d.comb += wanted.eq(argument_bytes(command))
        complete = self.index == wanted
        m.d.comb += [stream.ready.eq(~complete & ~self.over),
                     self.argument.eq(stream.valid & stream.ready)]
        with m.If(complete | self.over):
            m.d.sync += self.short.eq(~complete)
            m.next = "CHECK"
        with m.If(self.argument):
            m.d.sync += self.index.eq(self.index + 1)
            with m.Switch(self.index):
                for k in range(ARGUMENT_BYTES):
                    with m.Case(k):
                        m.d.sync += self.arguments[8 * k:8 * k + 8].eq(stream.p.data)

    def _is_malformed(self):
        size = self.named(Command.READ)["size"]  # At the same place in a WRITE.
        reads, writes = self.command == Command.READ, self.command == Command.WRITE
        with_data = writes | (self.command == Command.RUN) | (self.command == Command.STREAM)
        unsized = (reads & (size > self.read_bytes)) | (writes & (size > self.write_bytes)) | (
            (reads | writes) & (size == 0))
        unknown = (self.command < min(Command)) | (self.command > max(Command))
        return self.short | (~with_data & ~self.over) | unsized | unknown
