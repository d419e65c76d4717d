"""Burst level of a membrane, two ways that agree to the bit.  The golden twin is
:func:`qblif.golden.neuron.fire`."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .plan import KINDS

__all__ = ["Quantiser"]


class Quantiser(wiring.Component):
    """Combinational level of a membrane, and how much of the membrane it stands for.

    ``ladder`` compares the membrane with every multiple of theta, as the paper draws it; the
    multiples are constants.  ``slice`` is for ``theta = 2**f``: the level is the membrane without
    its last f bits, saturated, and costs no comparator.

    Parameters
    ----------
    neuron : :class:`qblif.golden.spec.Neuron`
        A neuron with a quantiser.
    kind : ``"slice"`` or ``"ladder"``

    Members
    -------
    v : ``In(signed(v_width))``
    level : ``Out(range(n_max + 1))``
    amount : ``Out(signed(v_width))``
        ``level * theta``.
    """

    def __init__(self, neuron, kind):
        if kind not in KINDS:
            raise ValueError(f"Quantiser must be one of {', '.join(KINDS)}, not {kind!r}")
        if kind == "slice" and neuron.quantiser.shift is None:
            raise ValueError(f"Quantiser slice needs a power of two as threshold, "
                             f"not {neuron.quantiser.theta}")
        self.neuron = neuron
        self.kind = kind
        super().__init__({
            "v": In(signed(neuron.v_width)),
            "level": Out(range(neuron.n_max + 1)),
            "amount": Out(signed(neuron.v_width)),
        })

    def elaborate(self, platform):
        m = Module()
        quantiser, v_max = self.neuron.quantiser, self.neuron.v_max

        if self.kind == "slice":
            units = self.v >> quantiser.shift
            with m.If(units < 0):
                m.d.comb += self.level.eq(0)
            with m.Elif(units > quantiser.n_max):
                m.d.comb += self.level.eq(quantiser.n_max)
            with m.Else():
                m.d.comb += self.level.eq(units)
            m.d.comb += self.amount.eq(self.level << quantiser.shift)
        else:
            # The last rung reached wins; rungs above the membrane's range are never reached.
            for n in range(1, min(quantiser.n_max, v_max // quantiser.theta) + 1):
                with m.If(self.v >= n * quantiser.theta):
                    m.d.comb += [self.level.eq(n), self.amount.eq(n * quantiser.theta)]

        return m
