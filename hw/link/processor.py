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
    RESULTS_SPACE,
    RUN_DENSE,
    RUN_FIRST,
    RUN_LAST,
    STREAM_KEEP,
    Command,
    Register,
    State,
    Status,
)
from .request import Request
from .timed import STREAM_STATE

__all__ = ["CommandProcessor"]


class CommandProcessor(wiring.Component):
    """Executes one request at a time, and answers it.

    A request with the sequence number and the command of the one before is answered again but not
    executed again, unless it only reads; nor is what continues a load or a frame without the next
    number: a request was lost, and the last that was executed is answered.

    Parameters
    ----------
    words : int
        Words of a complete load.
    shorter : bool
        Whether a load may have fewer words.
    write_bytes, read_bytes : int
        Bytes of the widest word that is written, and read.
    read_latency : int
        Cycles from ``read`` and an address to its ``word``.
    streams, keeps : bool
        Whether there is a :class:`qblif.hw.link.streamer.Streamer`, and whether its frames can
        start with what the one before left.

    Members
    -------
    i, o : streams of :class:`qblif.hw.link.framing.Byte`
        Requests and answers, one frame each.
    space, bank, address : ``Out``
        Place of the word that is written or read.
    write : ``Out(1)``, data : ``Out(8 * write_bytes)``
        A pulse, and the word.
    read : ``Out(1)``, word : ``In(8 * read_bytes)``
        High for ``read_latency + 1`` cycles; the word is taken in the last of them.
    dense : ``Out(1)``
        See :class:`qblif.hw.link.dense.DenseUnpacker`.
    start, abort, events, finish, done, error, active :
        See :class:`qblif.hw.link.runner.Runner`.
    streaming : ``Out(1)``, stream_begin : ``Out(1)``, window : ``Out(32)``
        ``events`` are those of a live stream, until a frame is run; a pulse as a part of it begins;
        microseconds of a timestep.
    checksum : ``Out(32)``
        CRC-32 of the load that armed the board, or of the part that has come of a load.
    state : ``Out(2)``
        A :class:`qblif.hw.link.protocol.State`.
    busy : ``Out(1)``
        A request is being worked on.
    """

    def __init__(self, *, words, write_bytes, read_bytes, read_latency, streams=False,
                 keeps=False, shorter=False):
        self.streams, self.keeps, self.shorter = streams, keeps, shorter
        self.words, self.read_latency = words, read_latency
        self.write_bytes, self.read_bytes = write_bytes, read_bytes
        super().__init__({
            "i": In(stream.Signature(Byte())), "o": Out(stream.Signature(Byte())),
            "space": Out(8), "bank": Out(16), "address": Out(24), "write": Out(1),
            "data": Out(8 * write_bytes), "read": Out(1), "word": In(8 * read_bytes),
            "start": Out(1), "abort": Out(1), "events": Out(stream.Signature(8)),
            "dense": Out(1), "finish": Out(1), "done": In(1), "error": In(1), "active": In(1),
            "streaming": Out(1), "stream_begin": Out(1), "keep": Out(1), "window": Out(32),
            "state": Out(2), "checksum": Out(32), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        request = Request(read_bytes=self.read_bytes, write_bytes=self.write_bytes)
        status, last_part, again = Signal(8), Signal(), Signal()
        written = Signal(range(self.words + 2))  # Saturates at one word too many.
        begin = Signal()
        m.submodules.crc = crc = ResetInserter(begin)(CRC32_ISO_HDLC(8).create())
        request.watch(m, self.i)
        answer = self.connect_answer(m, request, status)
        m.d.comb += [crc.data.eq(self.i.p.data), self.checksum.eq(crc.crc)]
        m.d.sync += [self.start.eq(0), self.abort.eq(0), self.write.eq(0), self.stream_begin.eq(0)]
        with m.If(self.start | (self.state != State.ARMED)):
            m.d.sync += self.streaming.eq(0)
        with m.If(self.write):
            m.d.sync += written.eq(written + (written <= self.words))

        # The arguments of a write that is executed are part of the load's checksum.
        writes = (request.command == Command.WRITE) & (self.state == State.LOADING) & ~again
        m.d.comb += [again.eq(request.is_answered_again(self.state)),
                     crc.valid.eq(request.argument & writes)]

        with m.FSM() as fsm:
            request.take(m, self.i, "EXECUTE")
            with m.State("EXECUTE"):
                m.d.sync += last_part.eq((request.named(Command.RUN)["flags"] & RUN_LAST).any()
                                         & (request.command == Command.RUN))
                m.next = "DRAIN"
                self.execute(m, request, again, status, crc, written, begin)
            with m.State("WRITE"):
                m.d.comb += crc.valid.eq(self.i.valid & self.i.ready)
                whole, half = request.take_words(m, self.i, self.data)
                m.d.sync += self.write.eq(whole)
                with m.If(request.over):
                    m.next = "ANSWER"
                    with m.If(half):
                        m.d.sync += [status.eq(Status.MALFORMED), self.state.eq(State.DISARMED)]
            with m.State("RUN"):
                passing = ~request.over & ~self.start & ~self.stream_begin
                m.d.comb += [self.events.payload.eq(self.i.p.data),
                             self.events.valid.eq(self.i.valid & passing),
                             self.i.ready.eq(self.events.ready & passing)]
                with m.If(request.over):
                    m.next = "ANSWER"
                    with m.If(last_part):
                        m.next = "FINISH"
            with m.State("FINISH"):
                m.d.comb += self.finish.eq(1)
                with m.If(self.done | self.error):
                    m.d.sync += status.eq(Mux(self.error, Status.MALFORMED, Status.OK))
                    m.next = "ANSWER"
            with m.State("DRAIN"):
                m.d.comb += self.i.ready.eq(~request.over)
                with m.If(request.over):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += answer.go.eq(1)
                with m.If(answer.done):
                    m.next = "SEQUENCE"
        m.d.comb += self.busy.eq(~fsm.ongoing("SEQUENCE"))
        return m

    def connect_answer(self, m, request, status):
        """The answer, and the place of the word that is written or read."""
        place = request.named(Command.READ)
        m.submodules.answer = answer = Answer(self.read_bytes, self.read_latency)
        wiring.connect(m, answer.o, wiring.flipped(self.o))
        m.d.comb += [
            answer.sequence.eq(request.sequence), answer.command.eq(request.command),
            answer.status.eq(status), answer.size.eq(place["size"]),
            answer.more.eq((status == Status.OK) & (place["count"] != 0)),
            self.read.eq(answer.read), answer.word.eq(self.word),
            *(getattr(self, name).eq(place[name]) for name in ("space", "bank", "address"))]
        with m.If(self.write | answer.following):
            m.d.sync += place["address"].eq(place["address"] + 1)
        with m.If(answer.following):
            m.d.sync += place["count"].eq(place["count"] - 1)
        return answer

    def execute(self, m, request, again, status, crc, written, begin):
        """Decide: refuse, act, or go on to the data."""
        place = request.named(Command.READ)
        flags = request.named(Command.RUN)["flags"]
        m.d.sync += self.dense.eq((flags & RUN_DENSE).any())
        with m.If(request.command != Command.READ):
            m.d.sync += place["count"].eq(0)
        with m.If((request.command == Command.RUN) & (flags & RUN_LAST).any()):
            m.d.sync += [place["space"].eq(REGISTERS_SPACE), place["address"].eq(Register.LABEL),
                         place["size"].eq(4), place["count"].eq(2)]
        with m.If(request.command == Command.STREAM):
            m.d.sync += [place["space"].eq(RESULTS_SPACE), place["address"].eq(STREAM_STATE),
                         place["size"].eq(4), place["count"].eq(3)]
        with m.If(~again):
            request.accept(m)
            m.d.sync += status.eq(Status.OK)
            with m.If(request.malformed):
                m.d.sync += status.eq(Status.MALFORMED)
            with m.Else(), m.Switch(request.command):
                with m.Case(Command.READ):
                    with m.If(self.active & (place["space"] != REGISTERS_SPACE)):
                        m.d.sync += status.eq(Status.ORDER)
                with m.Case(Command.BEGIN):
                    m.d.comb += begin.eq(1)
                    m.d.sync += [self.state.eq(State.LOADING), written.eq(0), self.abort.eq(1)]
                with m.Case(Command.WRITE):
                    m.d.sync += status.eq(Status.NOT_LOADING)
                    with m.If(self.state == State.LOADING):
                        m.d.sync += status.eq(Status.OK)
                        m.next = "WRITE"
                with m.Case(Command.END):
                    self.end_load(m, request, status, crc, written)
                with m.Case(Command.RUN):
                    self.begin_run(m, status, (flags & RUN_FIRST).any())
                with m.Case(Command.STREAM):
                    self.begin_stream(m, request, status)
                with m.Case(Command.RESET):
                    m.d.sync += [self.state.eq(State.DISARMED), self.abort.eq(1)]

    def end_load(self, m, request, status, crc, written):
        """Arm where every word came and none is wrong."""
        end = request.named(Command.END)
        m.d.sync += status.eq(Status.NOT_LOADING)
        with m.If(self.state == State.LOADING):
            m.d.sync += [status.eq(Status.OK), self.state.eq(State.DISARMED)]
            with m.If((written > self.words) | (written != end["words"]) if self.shorter else
                      (end["words"] != self.words) | (written != self.words)):
                m.d.sync += status.eq(Status.INCOMPLETE)
            with m.Elif(end["checksum"] != crc.crc):
                m.d.sync += status.eq(Status.CHECKSUM)
            with m.Else():
                m.d.sync += self.state.eq(State.ARMED)

    def begin_run(self, m, status, first):
        """Pass the events on, if there is a frame to which they belong."""
        with m.If(self.state != State.ARMED):
            m.d.sync += status.eq(Status.DISARMED)
        with m.Elif(~first & ~self.active):
            m.d.sync += status.eq(Status.ORDER)
        with m.Else():
            m.d.sync += self.start.eq(first)
            m.next = "RUN"

    def begin_stream(self, m, request, status):
        """Pass time-stamped events on; the first part of a stream resets the network."""
        stream = request.named(Command.STREAM)
        first = (stream["flags"] & RUN_FIRST).any()
        keep = (stream["flags"] & STREAM_KEEP).any()
        with m.If(C(not self.streams) | (stream["window"] == 0) | keep & (not self.keeps)):
            m.d.sync += status.eq(Status.MALFORMED)
        with m.Elif(self.state != State.ARMED):
            m.d.sync += status.eq(Status.DISARMED)
        with m.Elif(~first & ~self.streaming):
            m.d.sync += status.eq(Status.ORDER)
        with m.Else():
            m.d.sync += [self.streaming.eq(1), self.stream_begin.eq(1), self.abort.eq(first),
                         self.window.eq(stream["window"])]
            with m.If(first):
                m.d.sync += self.keep.eq(keep)
            m.next = "RUN"
