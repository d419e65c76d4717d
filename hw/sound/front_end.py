"""The sound front end: samples in, an AER stream out.  The golden twin is
:mod:`qblif.golden.sound`."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.sound import FrontEnd
from ..core.payloads import ANY_RAM, Event, index_shape
from .logarithm import Logarithm
from .resonator import Resonator

__all__ = ["FrontEndCore"]

SAMPLE_WIDTH = 16


class FrontEndCore(wiring.Component):
    """One resonator, one logarithm and one comparison serve all bands in turn.

    A sample takes ``1 + bands * (fraction + 5)`` cycles.  The last one of a frame is followed by
    the logarithms and the frame's events, addresses upwards, and its end marker; a sample that
    comes meanwhile waits.  Nothing is cleared: what the first sample of a clip or frame must not
    read counts as 0.

    Parameters
    ----------
    spec : :class:`qblif.golden.spec.sound.FrontEnd`
    timesteps : int
        Frames of a clip; the next sample after them starts from silence.
    event : :class:`qblif.hw.core.payloads.Event`, or ``None`` for the smallest
        Payload of the network's input.

    Members
    -------
    i : ``In(stream.Signature(signed(16)))``
    o : ``Out(stream.Signature(event))``
    """

    def __init__(self, spec=None, *, timesteps, event=None):
        self.spec = spec = spec or FrontEnd()
        self.timesteps = timesteps
        self.drive_width = SAMPLE_WIDTH + 3
        self.resonator = Resonator(width=spec.width, fraction=spec.fraction,
                                   drive_width=self.drive_width)
        self.logarithm = Logarithm(spec.energy_width)
        super().__init__({
            "i": In(stream.Signature(signed(SAMPLE_WIDTH))),
            "o": Out(stream.Signature(event or Event(spec.channels, spec.n_max)))})

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        m.submodules.resonator, m.submodules.logarithm = self.resonator, self.logarithm
        self.band, self.kind = Signal(index_shape(spec.bands)), Signal(range(spec.DELTAS))
        self.sample, self.frame = Signal(range(spec.samples)), Signal(range(self.timesteps))
        self.last_sample = self.sample == spec.samples - 1
        self.last_frame = self.frame == self.timesteps - 1
        self.add_memories(m)
        drive = self.add_differences(m)
        with m.FSM():
            with m.State("SAMPLE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += self.resonator.drive.eq(drive)
                    m.next = "READ"
            self.add_filter(m)
            self.add_logarithm(m)
            self.add_events(m)
        return m

    def next_band(self, m, again, then):
        """State ``again`` for each band, ``then`` after the last; returns whether this was that."""
        last = self.band == self.spec.bands - 1
        m.d.sync += self.band.eq(Mux(last, 0, self.band + 1))
        m.next = again
        with m.If(last):
            m.next = then
        return last

    def add_memories(self, m):
        """Filters, logarithms and levels of the bands; the filters' coefficients."""
        spec = self.spec
        filters = data.StructLayout({"last": signed(spec.width), "before": signed(spec.width),
                                     "energy": spec.energy_width})
        pair = data.StructLayout({"a1": signed(spec.fraction + 2), "a2": spec.fraction + 1})
        self.ports = {}
        for name, shape in (("filters", filters), ("logs", self.logarithm.log.shape()),
                            ("levels", unsigned(spec.n_max.bit_length()))):
            m.submodules[name] = words = memory.Memory(shape=shape, depth=spec.bands, init=[],
                                                       attrs=ANY_RAM)
            read, write = words.read_port(), words.write_port()
            m.d.comb += [read.addr.eq(self.band), write.addr.eq(self.band), read.en.eq(0)]
            self.ports[name] = read, write
        m.submodules.coefficients = words = memory.Memory(
            shape=pair, depth=spec.bands, attrs=ANY_RAM,
            init=[{"a1": a1, "a2": a2} for a1, a2 in spec.coefficients])
        read = words.read_port()
        m.d.comb += read.addr.eq(self.band)
        m.d.comb += [self.resonator.a1.eq(read.data.a1), self.resonator.a2.eq(read.data.a2)]

    def add_differences(self, m):
        """Pre-emphasis, and the difference that drives the resonators."""
        s = self.i.payload
        before = Signal(signed(SAMPLE_WIDTH))
        x, x1, x2 = (Signal(signed(SAMPLE_WIDTH + 2), name=name) for name in ("x", "x1", "x2"))
        m.d.comb += x.eq(s - before + (before >> 5))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [before.eq(s), x1.eq(x), x2.eq(x1)]
            with m.If(self.last_sample & self.last_frame):
                m.d.sync += [before.eq(0), x1.eq(0), x2.eq(0)]
        return x - x2

    def add_filter(self, m):
        """A sample through the resonator of each band; its magnitude to the energy."""
        resonator = self.resonator
        read, write = self.ports["filters"]
        first = self.sample == 0
        silent = first & (self.frame == 0)
        new, old = write.data, read.data
        m.d.comb += [
            resonator.last.eq(Mux(silent, 0, old.last)),
            resonator.before.eq(Mux(silent, 0, old.before)),
            new.last.eq(resonator.y), new.before.eq(resonator.last),
            new.energy.eq(Mux(first, 0, old.energy)
                          + Mux(resonator.y < 0, -resonator.y, resonator.y))]
        with m.State("READ"):
            m.d.comb += read.en.eq(1)
            m.next = "START"
        with m.State("START"):
            m.d.comb += resonator.start.eq(1)
            m.next = "FILTER"
        with m.State("FILTER"):
            m.d.comb += write.en.eq(resonator.done)
            with m.If(resonator.done):
                with m.If(self.next_band(m, "READ", "SAMPLE")):
                    m.d.sync += self.sample.eq(self.sample + 1)
                    with m.If(self.last_sample):
                        m.d.sync += self.sample.eq(0)
                        m.next = "ENERGY"

    def add_logarithm(self, m):
        """The logarithm of each band's energy, and the peak of them all."""
        logarithm, spec = self.logarithm, self.spec
        filters, (_, write) = self.ports["filters"][0], self.ports["logs"]
        self.peak = peak = Signal.like(logarithm.log, init=spec.floor)
        falling = Signal.like(peak)  # The peak before, one less.
        m.d.comb += [logarithm.energy.eq(filters.data.energy), write.data.eq(logarithm.log),
                     falling.eq(Mux(peak > spec.floor, peak - 1, spec.floor))]
        with m.State("ENERGY"):
            m.d.comb += filters.en.eq(1)
            m.next = "LOAD"
        with m.State("LOAD"):
            m.d.comb += logarithm.start.eq(1)
            with m.If(self.band == 0):
                m.d.sync += peak.eq(falling)
            m.next = "LOG"
        with m.State("LOG"):
            m.d.comb += write.en.eq(logarithm.done)
            with m.If(logarithm.done):
                with m.If(logarithm.log > peak):
                    m.d.sync += peak.eq(logarithm.log)
                self.next_band(m, "ENERGY", "LEVEL")

    def add_events(self, m):
        """Levels above 0, then what rose, then what fell; the end marker."""
        spec, o, peak = self.spec, self.o, self.peak
        (logs, _), (levels, write) = self.ports["logs"], self.ports["levels"]
        depth, level, before = (Signal(signed(len(peak) + 1), name=name)
                                for name in ("depth", "level", "before"))
        value = Signal.like(level)
        m.d.comb += [
            depth.eq((logs.data - peak) >> spec.LOG_BITS),
            level.eq(Mux(depth < -spec.n_max, 0, depth + spec.n_max)),
            before.eq(Mux(self.frame == 0, 0, levels.data)),
            value.eq(Array([level, level - before, before - level])[self.kind]),
            write.data.eq(level), o.p.level.eq(value),
            o.p.address.eq(self.band + Array([k * spec.bands for k in range(spec.DELTAS)])[
                self.kind])]
        with m.State("LEVEL"):
            m.d.comb += [logs.en.eq(1), levels.en.eq(1)]
            m.next = "EVENT"
        with m.State("EVENT"):
            m.d.comb += o.valid.eq(value > 0)
            with m.If(~o.valid | o.ready):
                last_kind = self.kind == spec.DELTAS - 1
                m.d.comb += write.en.eq(last_kind)
                with m.If(self.next_band(m, "LEVEL", "LEVEL")):
                    m.d.sync += self.kind.eq(Mux(last_kind, 0, self.kind + 1))
                    with m.If(last_kind):
                        m.next = "END"
        with m.State("END"):
            m.d.comb += [o.valid.eq(1), o.p.end.eq(1)]
            with m.If(o.ready):
                m.d.sync += self.frame.eq(self.frame + 1)
                with m.If(self.last_frame):
                    m.d.sync += [self.frame.eq(0), peak.eq(spec.floor)]
                m.next = "SAMPLE"
