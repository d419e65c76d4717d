"""A live stream: time-stamped events in, timestep by timestep to the network, classes kept.

The bytes' software twin is :func:`qblif.hw.link.timed.pack_timed`.
"""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..core.binner import Binner
from ..core.payloads import BLOCK_RAM, Event, index_shape
from ..core.readout import ClassResult
from .timed import IDLE_ADDRESS, IDLE_UNIT, RESULT_LABEL_BITS, RESULTS, TIMED_ADDRESS_BITS

__all__ = ["Streamer"]

ITEM_BYTES = 4
LATENCY_BITS = 32 - RESULT_LABEL_BITS


class Streamer(wiring.Component):
    """Bytes to time-stamped events, through the binner; the class of each frame of timesteps into a
    ring of the latest :data:`~qblif.hw.link.timed.RESULTS`.

    It forgets everything with a reset, as which the network's serves.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.input_stream.InputFormat`
        Of a network whose timesteps come one after another, see
        :func:`qblif.hw.link.timed.streamable`.
    classes : int

    Members
    -------
    i : ``In(stream.Signature(8))``, begin : ``In(1)``
        Bytes; a pulse: the next byte is the first of an item.
    window : ``In(32)``
        Microseconds of a timestep.
    o : ``Out(stream.Signature(Event(...)))``, result : ``In(ClassResult(...))``, result_valid
        To and from the network.
    busy : ``Out(1)``
        Something is under way, or a class is still to come.
    address : ``In``, word : ``Out(32)``
        Readback of the ring, two cycles later: class, and above it the cycles from the frame's last
        end of a timestep to the class, which saturate.
    results, clipped, waited : ``Out(32)``
        Classes so far; see :class:`qblif.hw.core.binner.Binner`.
    """

    def __init__(self, layout, classes):
        self.ends = layout.ends
        size, n_max = layout.address_space, layout.source.n_max
        self.binner = Binner(size, n_max)
        super().__init__({
            "i": In(stream.Signature(8)), "begin": In(1), "window": In(32),
            "o": Out(stream.Signature(Event(size, n_max))),
            "result": In(ClassResult(classes)), "result_valid": In(1), "busy": Out(1),
            "address": In(range(RESULTS)), "word": Out(32),
            "results": Out(32), "clipped": Out(32), "waited": Out(32)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.binner = binner = self.binner
        wiring.connect(m, binner.o, wiring.flipped(self.o))
        m.d.comb += [binner.window.eq(self.window), self.clipped.eq(binner.clipped),
                     self.waited.eq(binner.waited)]
        self.take_items(m, binner.i)
        self.keep_results(m)
        return m

    def take_items(self, m, o):
        """Four bytes an item, the lowest first."""
        item = Signal(data.StructLayout({"address": TIMED_ADDRESS_BITS,
                                         "time": 32 - TIMED_ADDRESS_BITS}))
        byte = Signal(range(ITEM_BYTES))
        idle = item.address >= IDLE_ADDRESS
        m.d.comb += [
            self.i.ready.eq(~o.valid), o.p.idle.eq(idle), o.p.address.eq(item.address),
            o.p.delta.eq(Mux(idle & item.address[0], item.time << IDLE_UNIT, item.time))]
        with m.If(o.valid & o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [Cat(item).eq(Cat(Cat(item)[8:], self.i.payload)), byte.eq(byte + 1)]
            with m.If(byte == ITEM_BYTES - 1):
                m.d.sync += o.valid.eq(1)
        with m.If(self.begin):
            m.d.sync += byte.eq(0)

    def keep_results(self, m):
        """Classes and their latencies into the ring; when their frames ended, until then."""
        m.submodules.ring = ring = memory.Memory(shape=32, depth=RESULTS, init=[],
                                                 attrs=BLOCK_RAM)
        m.submodules.starts = starts = memory.Memory(shape=32, depth=RESULTS, init=[],
                                                     attrs=BLOCK_RAM)
        write, read = ring.write_port(), ring.read_port()
        start, started = starts.write_port(), starts.read_port()
        timestep, entered, clock = Signal(index_shape(self.ends)), Signal(32), Signal(32)
        last = timestep == self.ends - 1
        marker = self.o.valid & self.o.ready & self.o.p.end
        latency = (clock - started.data)[:32]
        most = (1 << LATENCY_BITS) - 1
        m.d.sync += clock.eq(clock + 1)
        with m.If(marker):
            m.d.sync += [timestep.eq(Mux(last, 0, timestep + 1)), entered.eq(entered + last)]
        with m.If(self.result_valid):
            m.d.sync += self.results.eq(self.results + 1)
        m.d.comb += [
            start.en.eq(marker & last), start.addr.eq(entered), start.data.eq(clock),
            # No class comes as its frame ends: the newest start is not read as it is written.
            started.en.eq(entered != self.results), started.addr.eq(self.results),
            write.en.eq(self.result_valid), write.addr.eq(self.results),
            write.data.eq(Cat(Cat(self.result.label, C(0, RESULT_LABEL_BITS))[:RESULT_LABEL_BITS],
                              Mux(latency > most, most, latency[:LATENCY_BITS]))),
            read.addr.eq(self.address),
            self.busy.eq(~self.binner.idle | self.i.valid | (entered != self.results))]
        m.d.sync += self.word.eq(read.data)
