"""Frames from block RAM through a network as logic; their classes into block RAM."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import BLOCK_RAM, index_shape, pipe
from ..logic.network import LogicNetworkCore
from .protocol import BANK_BYTES

__all__ = ["FramePlayer", "frame_banks"]

COUNT_BYTES = 4


def frame_banks(layout):
    """Banks of 32 bits that hold a frame of a :class:`~qblif.hw.logic.layout.LogicLayout`."""
    source = layout.spec.input
    bits = 8 * source.pixels if layout.pixels else source.size * source.emit_max.bit_length()
    vectors = 1 if source.static else layout.spec.timesteps
    return -(-bits * vectors // (8 * BANK_BYTES))


class FramePlayer(wiring.Component):
    """Plays frames, from the first on, as fast as the network takes them: one a clock, or of
    interleaved timesteps ``layout.slots`` in every ``layout.period`` clocks.

    ::

        clock   0 first frame at the network   n - 1 last frame   n - 1 + latency last class

    Parameters
    ----------
    layout : :class:`qblif.hw.logic.layout.LogicLayout`
    frames : int
        That the memory holds.

    Members
    -------
    write : ``In(1)``, bank : ``In(16)``, address : ``In(24)``, data : ``In(32)``
        A word of frame ``address``, taken a cycle later.
    start, abort : ``In(1)``
        Pulses: the number of frames follows; forget it.
    i : ``In(stream.Signature(8))``
        That number in four bytes, the lowest first.
    finish, done, error, active
        See :class:`qblif.hw.link.runner.Runner`.
    word : ``Out(32)``
        The class of frame ``address``, two cycles later.
    cycles : ``Out(32)``
        Clocks from the first frame to the last class.
    label : ``Out``, label_valid : ``Out(1)``
        Of the frame played last.
    """

    def __init__(self, layout, frames):
        self.frames, self.banks = frames, frame_banks(layout)
        self.interleaved = layout.interleaved
        self.network = LogicNetworkCore(layout)
        label = self.network.o.shape()["label"].shape
        super().__init__({
            "write": In(1), "bank": In(16), "address": In(24), "data": In(8 * BANK_BYTES),
            "start": In(1), "abort": In(1), "i": In(stream.Signature(8)), "finish": In(1),
            "done": Out(1), "error": Out(1), "active": Out(1), "word": Out(32),
            "cycles": Out(32), "label": Out(label), "label_valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.network = network = self.network
        count, taken = Signal(8 * COUNT_BYTES), Signal(range(COUNT_BYTES + 2))
        sent, received = (Signal(range(self.frames + 1), name=name)
                          for name in ("sent", "received"))
        playing, under_way, enter, moves = (
            Signal(name=name) for name in ("playing", "under_way", "enter", "moves"))
        with m.If(moves):
            m.d.sync += enter.eq(playing)
        m.d.comb += [
            moves.eq(~enter | network.ready if self.interleaved else 1),
            self.i.ready.eq(1), network.i.valid.eq(enter),
            Value.cast(network.i)[1:].eq(self.frame(m, sent, playing & moves))]
        last = network.o.valid & (received + 1 == count)
        with m.If(self.i.valid):
            m.d.sync += [count.eq(Cat(count[8:], self.i.payload)),
                         taken.eq(taken + (taken != COUNT_BYTES + 1))]
        with m.If(playing & moves):
            m.d.sync += [sent.eq(sent + 1), under_way.eq(1), playing.eq(sent + 1 != count)]
        with m.If(under_way & ~last):
            m.d.sync += self.cycles.eq(self.cycles + 1)
        with m.If(network.o.valid):
            m.d.sync += [received.eq(received + 1), self.label.eq(network.o.label)]
        with m.If(last):
            m.d.sync += [under_way.eq(0), self.active.eq(0), self.done.eq(1),
                         self.label_valid.eq(1)]
        with m.If(self.active & self.finish & ~playing & ~under_way & ~self.done & ~self.error):
            with m.If((taken != COUNT_BYTES) | (count == 0) | (count > self.frames)):
                m.d.sync += [self.error.eq(1), self.active.eq(0)]
            with m.Else():
                m.d.sync += playing.eq(1)
        with m.If(self.start | self.abort):
            m.d.sync += [taken.eq(0), sent.eq(0), received.eq(0), self.cycles.eq(0),
                         self.done.eq(0), self.error.eq(0), self.label_valid.eq(0),
                         self.active.eq(self.start)]
        self.keep_classes(m, received)
        return m

    def frame(self, m, address, read_it):
        """The frame at an address, from the clock after ``read_it`` on."""
        write, at, data = (pipe(m, value, 1, name) for value, name in (
            (self.write, "write"), (self.address, "at"), (self.data, "written")))
        bank, words = pipe(m, self.bank, 1, "bank"), []
        for k in range(self.banks):
            m.submodules[f"frames_{k}"] = rows = memory.Memory(
                shape=8 * BANK_BYTES, depth=max(2, self.frames), init=[], attrs=BLOCK_RAM)
            port, read = rows.write_port(), rows.read_port()
            # Nothing is written while frames are played.
            m.d.comb += [port.en.eq(write & (bank == k)), port.addr.eq(at), port.data.eq(data),
                         read.addr.eq(address), read.en.eq(read_it)]
            words.append(read.data)
        return Cat(words)

    def keep_classes(self, m, received):
        network = self.network
        m.submodules.classes = classes = memory.Memory(
            shape=index_shape(1 << len(network.o.label)), depth=max(2, self.frames), init=[],
            attrs=BLOCK_RAM)
        write, read = classes.write_port(), classes.read_port()
        m.d.comb += [write.en.eq(network.o.valid), write.addr.eq(received),
                     write.data.eq(network.o.label), read.addr.eq(self.address),
                     read.en.eq(~write.en)]
        m.d.sync += self.word.eq(read.data)
