"""The network's input on AXI4-Stream: transfers of frames, checked, to AER events."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from ..core.framer import is_no_neuron
from ..core.payloads import Event, index_shape
from .register_slice import RegisterSlice
from .registers import ERRORS

__all__ = ["FrameInput", "FrameTransfer", "TDATA_BITS"]

ADDRESS_BITS, LEVEL_BITS = 24, 8
TDATA_BITS = ADDRESS_BITS + LEVEL_BITS


class FrameTransfer(data.StructLayout):
    """One transfer: an event, or with level 0 the end of a timestep; ``last`` is tlast."""

    def __init__(self):
        super().__init__({"address": ADDRESS_BITS, "level": LEVEL_BITS, "last": 1})


class FrameInput(wiring.Component):
    """Frames of events, by ascending address in each timestep, to the network's AER stream.

    Each frame that begins enters the network with all of its ends of timesteps, whatever tlast
    says, so that the next one starts from rest::

        right          i   e  e  m*                  o     e  e  m
        early tlast    i   e  e* .  f                o     e  e  m  f     m is added
        late tlast     i   e  m  e  e  m* f          o     e  m  .  .  .  f

    (``e`` event, ``m`` end of the last timestep, ``*`` tlast, ``f`` the next frame.)  A transfer
    leaves a cycle after it is taken.  An event outside of the input's addresses and levels, or out
    of order, is dropped.  In all of these cases the frame is refused.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.input_stream.InputFormat`

    Members
    -------
    i : ``In(stream.Signature(FrameTransfer()))``, o : ``Out(stream.Signature(Event(...)))``
    enable : ``In(1)``
        A frame may begin.
    restart : ``In(1)``, new_frame : ``In(1)``
        A pulse: forget the frame under way; drop the rest of it, unless with ``new_frame``.
    active : ``Out(1)``, dropping : ``Out(1)``
        A frame is entering; the rest of one is dropped.
    entered : ``Out(1)``, refused : ``Out(1)``
        A pulse: a frame is complete; with it, whether it is refused.
    errors : ``Out(4)``
        Pulses, in the order of :data:`qblif.hw.bus.registers.ERRORS`.

    Raises :class:`ValueError` for an input with more addresses than a transfer can express.
    """

    def __init__(self, layout):
        self.layout = layout
        if layout.address_space > 1 << ADDRESS_BITS:
            raise InvalidValue(f"Input on a bus can have {1 << ADDRESS_BITS} addresses, not "
                               f"{layout.address_space}")
        super().__init__({
            "i": In(stream.Signature(FrameTransfer())),
            "o": Out(stream.Signature(Event(layout.address_space, layout.source.n_max))),
            "enable": In(1), "restart": In(1), "new_frame": In(1), "active": Out(1),
            "dropping": Out(1), "entered": Out(1), "refused": Out(1), "errors": Out(len(ERRORS))})

    def elaborate(self, platform):
        m = Module()
        i, layout = self.i, self.layout
        m.submodules.output = output = ResetInserter(self.restart)(
            RegisterSlice(self.o.p.shape()))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        ends, bad = Signal(index_shape(layout.ends)), Signal()
        filling = Signal()
        within = Signal()  # A packet: the last transfer came without tlast.
        taken, mark = Signal(), i.p.level == 0
        last_end = ends == layout.ends - 1
        early, late, outside, order = self.errors
        wrong = outside | order
        step = filling & output.i.ready | taken & mark
        self.check(m, taken & ~mark, wrong, step)

        m.d.comb += [
            # Of registers alone.
            i.ready.eq(self.dropping | ~filling & output.i.ready & (self.active | self.enable)),
            taken.eq(i.valid & i.ready & ~self.dropping),
            output.i.valid.eq(taken & ~wrong | filling), output.i.p.end.eq(filling | mark),
            output.i.p.address.eq(i.p.address), output.i.p.level.eq(i.p.level),
            early.eq(taken & i.p.last & ~(mark & last_end)),
            late.eq(taken & ~i.p.last & mark & last_end),
            self.entered.eq(step & last_end), self.refused.eq(bad | late | filling)]
        with m.If(i.valid & i.ready):
            m.d.sync += within.eq(~i.p.last)
            with m.If(i.p.last):
                m.d.sync += self.dropping.eq(0)
        with m.If(taken):
            m.d.sync += [self.active.eq(1), bad.eq(bad | wrong), filling.eq(early),
                         self.dropping.eq(late)]
        with m.If(step):
            m.d.sync += ends.eq(ends + 1)
        with m.If(self.entered | self.restart):
            m.d.sync += [self.active.eq(0), filling.eq(0), ends.eq(0), bad.eq(0)]
        with m.If(self.restart):
            rest = Mux(i.valid & i.ready, ~i.p.last, within)
            m.d.sync += [within.eq(rest & ~self.new_frame),
                         self.dropping.eq(rest & ~self.new_frame)]
        return m

    def check(self, m, event, wrong, step):
        """Whether a transfer that is an event is one of the input, above the one before it."""
        i, layout = self.i, self.layout
        _, _, outside, order = self.errors
        lowest = Signal(range(layout.address_space + 1))
        no_neuron = (i.p.address >= layout.address_space) | (i.p.level > layout.source.n_max)
        if layout.framed:
            no_neuron |= is_no_neuron(layout, i.p.address)
        m.d.comb += [outside.eq(event & no_neuron),
                     order.eq(event & ~no_neuron & (i.p.address < lowest))]
        with m.If(event & ~wrong):
            m.d.sync += lowest.eq(i.p.address + 1)
        with m.If(step | self.restart):
            m.d.sync += lowest.eq(0)
