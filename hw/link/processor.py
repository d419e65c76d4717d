"""The command processor: requests in, actions and answers out.

docs/protocol.md is its prose, :mod:`qblif.hw.link.protocol` its numbers.
"""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from .answer import Answer
from .framing import Byte
from .protocol import (
    REGISTERS_SPACE,
    RUN_DENSE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    Register,
    State,
    Status,
    argument_bytes,
)
from .request import ARGUMENT_BYTES, Request

__all__ = ["CommandProcessor"]

class CommandProcessor(wiring.Component):
    """Executes one request at a time, and answers it.

    A request with the sequence number and the command of the one before is answered again but not
    executed again, unless it only reads.

    Parameters
    ----------
    words : int
        Of a complete load.
    write_bytes, read_bytes : int
        Of the widest word that is written, and read.

    Members
    -------
    i, o : streams of :class:`qblif.hw.link.framing.Byte`
        Requests and answers, one frame each.
    space, bank, address : ``Out``
        Of the word that is written or read.
    write : ``Out(1)``, data : ``Out(8 * write_bytes)``
        A pulse, and the word.
    read : ``Out(1)``, word : ``In(8 * read_bytes)``
        Held until ``word`` is the one at the address.
    dense : ``Out(1)``
        See :class:`qblif.hw.link.dense.DenseUnpacker`.
    start, abort, events, finish, done, error, active :
        See :class:`qblif.hw.link.runner.Runner`.
    checksum : ``Out(32)``
        Of the load that armed, or of what came of the one under way.
    state : ``Out(2)``
        A :class:`qblif.hw.link.protocol.State`.
    busy : ``Out(1)``
        A request is being worked on.
    """

    def __init__(self, *, words, write_bytes, read_bytes):
        self.words = words
        self.write_bytes = write_bytes
        self.read_bytes = read_bytes
        super().__init__({
            "i": In(stream.Signature(Byte())), "o": Out(stream.Signature(Byte())),
            "space": Out(8), "bank": Out(16), "address": Out(24), "write": Out(1),
            "data": Out(8 * write_bytes), "read": Out(1), "word": In(8 * read_bytes),
            "start": Out(1), "abort": Out(1), "events": Out(stream.Signature(8)),
            "dense": Out(1), "finish": Out(1), "done": In(1), "error": In(1), "active": In(1),
            "state": Out(2), "checksum": Out(32),
            "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        request = Request()
        place = request.named(Command.READ)
        written = Signal(range(self.words + 2))  # Stays at one too many.
        begin = Signal()
        m.submodules.crc = crc = ResetInserter(begin)(CRC32_ISO_HDLC(8).create())
        m.submodules.answer = answer = Answer(self.read_bytes)
        self.connect_answer(m, request, answer)
        taken = self.i.valid & self.i.ready
        m.d.comb += [self.busy.eq(1), crc.data.eq(self.i.p.data), self.checksum.eq(crc.crc),
                     *(getattr(self, name).eq(place[name])
                       for name in ("space", "bank", "address"))]
        m.d.sync += [self.start.eq(0), self.abort.eq(0), self.write.eq(0)]
        with m.If(taken):
            m.d.sync += request.over.eq(self.i.p.last)
        with m.If(self.write):
            m.d.sync += written.eq(written + (written <= self.words))
        with m.If(self.write | answer.following):
            m.d.sync += place["address"].eq(place["address"] + 1)
        with m.If(answer.following):
            m.d.sync += place["count"].eq(place["count"] - 1)

        with m.FSM():
            with m.State("SEQUENCE"):
                self.take_sequence(m, request)
            with m.State("COMMAND"):
                self.take_command(m, request)
            with m.State("ARGUMENTS"):
                # A new write's arguments are part of the load's checksum.
                new_write = (request.command == Command.WRITE) & ~request.again
                m.d.comb += crc.valid.eq(taken & new_write & (self.state == State.LOADING))
                self.take_arguments(m, request)
            with m.State("CHECK"):
                m.d.sync += request.misshapen.eq(self.is_misshapen(request))
                m.next = "EXECUTE"
            with m.State("EXECUTE"):
                m.next = "DRAIN"
                self.execute(m, request, crc, written, begin)
            with m.State("WRITE"):
                m.d.comb += crc.valid.eq(taken)
                self.take_words(m, request)
            with m.State("RUN"):
                m.d.comb += [self.events.payload.eq(self.i.p.data),
                             self.events.valid.eq(self.i.valid & ~request.over & ~self.start),
                             self.i.ready.eq(self.events.ready & ~request.over & ~self.start)]
                with m.If(request.over):
                    m.next = "ANSWER"
                    with m.If(request.last_part):
                        m.next = "FINISH"
            with m.State("FINISH"):
                m.d.comb += self.finish.eq(1)
                with m.If(self.done | self.error):
                    m.d.sync += request.status.eq(Mux(self.error, Status.MALFORMED, Status.OK))
                    m.next = "ANSWER"
            with m.State("DRAIN"):
                m.d.comb += self.i.ready.eq(~request.over)
                with m.If(request.over):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += answer.go.eq(1)
                with m.If(answer.done):
                    m.next = "SEQUENCE"
        return m

    def connect_answer(self, m, request, answer):
        place = request.named(Command.READ)
        wiring.connect(m, answer.o, wiring.flipped(self.o))
        m.d.comb += [
            answer.sequence.eq(request.sequence), answer.command.eq(request.command),
            answer.status.eq(request.status), answer.size.eq(place["size"]),
            answer.more.eq((request.status == Status.OK) & (place["count"] != 0)),
            self.read.eq(answer.read), answer.word.eq(self.word)]

    def take_sequence(self, m, request):
        m.d.comb += [self.i.ready.eq(1), self.busy.eq(0)]
        m.d.sync += request.index.eq(0)
        with m.If(self.i.valid):
            m.d.sync += [request.sequence.eq(self.i.p.data), request.again.eq(
                request.known & (self.i.p.data == request.sequence)),
                request.known.eq(~self.i.p.last)]
            with m.If(~self.i.p.last):
                m.next = "COMMAND"

    def take_command(self, m, request):
        m.d.comb += self.i.ready.eq(1)
        with m.If(self.i.valid):
            m.d.sync += [request.command.eq(self.i.p.data), request.again.eq(
                request.again & (self.i.p.data == request.command)
                & (self.i.p.data != Command.READ))]
            m.next = "ARGUMENTS"

    def take_arguments(self, m, request):
        """As many bytes as the command has, if the request has them."""
        wanted = Signal(range(ARGUMENT_BYTES + 1))
        with m.Switch(request.command):
            for command in Command:
                with m.Case(command):
                    m.d.comb += wanted.eq(argument_bytes(command))
        complete = request.index == wanted
        m.d.comb += self.i.ready.eq(~complete & ~request.over)
        with m.If(complete | request.over):
            m.d.sync += request.short.eq(~complete)
            m.next = "CHECK"
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += request.index.eq(request.index + 1)
            with m.Switch(request.index):
                for k in range(ARGUMENT_BYTES):
                    with m.Case(k):
                        m.d.sync += request.arguments[8 * k:8 * k + 8].eq(self.i.p.data)

    def execute(self, m, request, crc, written, begin):
        """Decide: refuse, act, or go on to the data."""
        place = request.named(Command.READ)
        flags = request.named(Command.RUN)["flags"]
        m.d.sync += [request.byte.eq(0), request.last_part.eq((flags & RUN_LAST).any()),
                     self.dense.eq((flags & RUN_DENSE).any())]
        with m.If(request.command != Command.READ):
            m.d.sync += place["count"].eq(0)
        with m.If((request.command == Command.RUN) & (flags & RUN_LAST).any()):
            m.d.sync += [place["space"].eq(REGISTERS_SPACE), place["address"].eq(Register.LABEL),
                         place["size"].eq(4), place["count"].eq(2)]
        with m.If(~request.again):
            m.d.sync += request.status.eq(Status.OK)
            with m.If(request.misshapen):
                m.d.sync += request.status.eq(Status.MALFORMED)
            with m.Else(), m.Switch(request.command):
                with m.Case(Command.READ):
                    with m.If(self.active & (place["space"] != REGISTERS_SPACE)):
                        m.d.sync += request.status.eq(Status.ORDER)
                with m.Case(Command.BEGIN):
                    m.d.comb += begin.eq(1)
                    m.d.sync += [self.state.eq(State.LOADING), written.eq(0), self.abort.eq(1)]
                with m.Case(Command.WRITE):
                    m.d.sync += request.status.eq(Status.NOT_LOADING)
                    with m.If(self.state == State.LOADING):
                        m.d.sync += request.status.eq(Status.OK)
                        m.next = "WRITE"
                with m.Case(Command.END):
                    self.end_load(m, request, crc, written)
                with m.Case(Command.RUN):
                    self.begin_run(m, request, (flags & RUN_FIRST).any())
                with m.Case(Command.RESET):
                    m.d.sync += [self.state.eq(State.DISARMED), self.abort.eq(1)]

    def is_misshapen(self, request):
        """An unknown command, too short, too long, or with words that are no words here."""
        size = request.named(Command.READ)["size"]
        with_data = (request.command == Command.WRITE) | (request.command == Command.RUN)
        wide = (((request.command == Command.READ) & (size > self.read_bytes))
                | ((request.command == Command.WRITE) & (size > self.write_bytes)))
        sized = (request.command == Command.READ) | (request.command == Command.WRITE)
        unknown = (request.command < min(Command)) | (request.command > max(Command))
        return (request.short | (~with_data & ~request.over) | wide | (sized & (size == 0))
                | unknown)

    def end_load(self, m, request, crc, written):
        """Arm where every word came and none is wrong."""
        end = request.named(Command.END)
        with m.If(self.state != State.LOADING):
            m.d.sync += request.status.eq(Status.NOT_LOADING)
        with m.Else():
            m.d.sync += self.state.eq(State.DISARMED)
            with m.If((end["words"] != self.words) | (written != self.words)):
                m.d.sync += request.status.eq(Status.INCOMPLETE)
            with m.Elif(end["checksum"] != crc.crc):
                m.d.sync += request.status.eq(Status.CHECKSUM)
            with m.Else():
                m.d.sync += self.state.eq(State.ARMED)

    def begin_run(self, m, request, first):
        """Pass the events on, if there is a frame to which they belong."""
        with m.If(self.state != State.ARMED):
            m.d.sync += request.status.eq(Status.DISARMED)
        with m.Elif(~first & ~self.active):
            m.d.sync += request.status.eq(Status.ORDER)
        with m.Else():
            m.d.sync += self.start.eq(first)
            m.next = "RUN"

    def take_words(self, m, request):
        """Assemble words, lowest byte first, and write them one after the other."""
        size = request.named(Command.WRITE)["size"]
        m.d.comb += self.i.ready.eq(~request.over)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += request.byte.eq(request.byte + 1)
            with m.Switch(request.byte):
                with m.Case(0):
                    m.d.sync += self.data.eq(self.i.p.data)  # The bytes above it too.
                for k in range(1, self.write_bytes):
                    with m.Case(k):
                        m.d.sync += self.data[8 * k:8 * k + 8].eq(self.i.p.data)
            with m.If(request.byte + 1 == size):
                m.d.sync += [request.byte.eq(0), self.write.eq(1)]
        with m.If(request.over):
            m.next = "ANSWER"
            with m.If(request.byte != 0):
                m.d.sync += [request.status.eq(Status.MALFORMED), self.state.eq(State.DISARMED)]
