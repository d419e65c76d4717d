"""The leak of a membrane, or of a synaptic current.  Golden twins:
:class:`qblif.golden.spec.Decay` and ``Quadratic``."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import LEAK_LATENCY
from .payloads import BLOCK_RAM, pipe

__all__ = ["Leak", "leaked_shape"]


class Leak(wiring.Component):
    """Membrane after the leak, a membrane a cycle, :attr:`latency` cycles later.

    A decay is shifts and adders, and one register.  The quadratic term is looked up in a table of
    256 values::

        t      v                  t + 3  register behind the RAM
        t + 1  index              t + 4  o = v + term
        t + 2  RAM output

    Parameters
    ----------
    leak : :class:`qblif.golden.spec.Decay` or ``Quadratic``
    width : int

    Members
    -------
    v : ``In(signed(width))``
    first : ``In(1)``
        The step is of the frame's first timestep: the membrane is 0.
    o : ``Out(signed(...))``, wide enough for rounding and for the quadratic term
    """

    def __init__(self, leak, width):
        self.leak, self.width = leak, width
        super().__init__({"v": In(signed(width)), "first": In(1),
                          "o": Out(leaked_shape(leak, width))})

    @property
    def latency(self):
        return LEAK_LATENCY[self.leak.kind]

    def elaborate(self, platform):
        m = Module()
        if self.leak.kind == "quadratic":
            self.look_up(m, self.leak)
        else:
            m.d.sync += self.o.eq(self.leak.apply(self.v))
            with m.If(self.first):
                m.d.sync += self.o.eq(0)
        return m

    def look_up(self, m, leak):
        """The quadratic term, and the membrane beside it."""
        v = Mux(self.first, 0, self.v)
        eighths = v.as_signed() >> leak.bits - leak.FRACTION
        index = Signal(signed(8), reset_less=True)
        m.d.sync += index.eq(Mux(eighths < leak.X_MIN, leak.X_MIN,
                                 Mux(eighths > leak.X_MAX, leak.X_MAX, eighths)))
        m.submodules.terms = terms = memory.Memory(
            shape=signed(leak.term_width), depth=256, init=leak.table, attrs=BLOCK_RAM)
        read = terms.read_port()
        m.d.comb += read.addr.eq(index.as_unsigned())
        term = pipe(m, read.data, 1, "term")
        m.d.sync += self.o.eq(pipe(m, v.as_signed(), 3, "v") + term)


def leaked_shape(leak, width):
    """Shape of a membrane of ``width`` bits after the leak."""
    if leak.kind == "quadratic":
        return signed(width + max(0, leak.term_width - width) + 1)
    return signed(width + decay_room(leak))


def decay_room(decay):
    """Bits above the operand's that rounding several shifts may need."""
    terms = len(decay.subtract) + len(decay.add)
    return terms.bit_length() if terms > 1 else 0
