"""Quantiser: the burst level of a membrane, in two ways that agree to the bit.  The golden twin is
:func:`qblif.golden.neuron.fire`."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from ..layout.plan import KINDS

__all__ = ["QuantiserCore"]


class QuantiserCore(wiring.Component):
    """Level of a membrane, and the part of the membrane that the level stands for; combinational.

    ``ladder`` is a thermometer of comparators with the constants ``level * theta``, as the paper
    draws it.  ``slice`` is for ``theta = 2**f`` and needs no comparator: the level is the membrane
    without its lowest f bits, saturated; where levels are powers of two, the leading one of these.
    Rounding to the nearest lowers the ladder's constants by ``offset``, and costs the slice an
    adder.

    Parameters
    ----------
    neuron : :class:`qblif.golden.spec.Neuron`
        A neuron with a quantiser.
    kind : ``"slice"`` or ``"ladder"``

    Members
    -------
    v : ``In(signed(v_width))``
    level : ``Out(range(n_max + 1))``
        The quantiser's; a binary output is made of it later.
    amount : ``Out(signed(v_width))``
        ``level * theta``; of the nearest level one bit more, as it may pass the membrane.
    """

    def __init__(self, neuron, kind):
        if kind not in KINDS:
            raise InvalidValue(f"Quantiser must be one of {', '.join(KINDS)}, not {kind!r}")
        if kind == "slice" and neuron.quantiser.shift is None:
            raise InvalidValue(f"Quantiser slice needs a power of two as threshold, "
                               f"not {neuron.quantiser.theta}")
        self.neuron = neuron
        self.kind = kind
        super().__init__({
            "v": In(signed(neuron.v_width)),
            "level": Out(range(neuron.quantiser.n_max + 1)),
            "amount": Out(signed(neuron.v_width + (neuron.quantiser.rounding == "nearest"))),
        })

    def elaborate(self, platform):
        m = Module()
        quantiser, v_max = self.neuron.quantiser, self.neuron.v_max

        if self.kind == "ladder":
            # The highest threshold that is reached wins; those out of range never are.
            for n in quantiser.levels[1:]:
                threshold = n * quantiser.theta - quantiser.offset
                if threshold <= v_max:
                    with m.If(self.v >= threshold):
                        m.d.comb += [self.level.eq(n), self.amount.eq(n * quantiser.theta)]
            return m

        units = (self.v + quantiser.offset) >> quantiser.shift
        with m.If(units < 0):
            m.d.comb += self.level.eq(0)
        with m.Elif(units > quantiser.n_max):
            m.d.comb += self.level.eq(quantiser.n_max)
        with m.Elif(quantiser.spacing == "powers"):
            m.d.comb += self.level.eq(leading_one(units[:len(self.level)]))
        with m.Else():
            m.d.comb += self.level.eq(units)
        m.d.comb += self.amount.eq(self.level << quantiser.shift)
        return m


def leading_one(bits):
    """``bits`` with its highest one alone."""
    return Cat(bits[k] & ~bits[k + 1:].any() for k in range(len(bits)))
