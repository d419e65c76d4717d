"""The lanes: weight times digit, without a multiplier."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import LANES_LATENCY
from .payloads import pipe

__all__ = ["Lanes", "add"]


def add(left, right, carry):
    """``left + right + carry`` in one adder: the carry enters as a bit below both operands."""
    return (Cat(C(1, 1), left).as_signed() + Cat(carry, right).as_signed()) >> 1


class Lanes(wiring.Component):
    """``lanes`` weights times one digit, a digit a cycle::

        t      shift, negative
        t + 2  weights: inverted, and shifted by 0 or 1
        t + 3  shifted by 0, 2 or 4
        t + 4  addends, carry

    A negative digit is the inverted weight and a carry, which the accumulator's adder takes in.

    Parameters
    ----------
    lanes, w_width : int
    digit_set : :class:`qblif.hw.core.burst.DigitSet`
        Shifts and signs that occur; the others cost nothing.
    gated : bool
        Whether addends and carry are 0 where there is no digit.

    Members
    -------
    valid : ``In(1)``
        If ``gated``: with ``shift``, there is a digit.
    shift : ``In(range(max_shift + 1))``
    negative : ``In(1)``
    weights : ``In(data.ArrayLayout(signed(w_width), lanes))``
    addends : ``Out(data.ArrayLayout(signed(w_width + max_shift), lanes))``
    carry : ``Out(1)``
        To be added to every addend.
    """

    latency = LANES_LATENCY

    def __init__(self, *, lanes, w_width, digit_set, gated=False):
        self.gated = gated
        self.lanes = lanes
        self.w_width = w_width
        self.digit_set = digit_set
        super().__init__({
            "shift": In(range(digit_set.max_shift + 1)),
            "negative": In(1),
            "weights": In(data.ArrayLayout(signed(w_width), lanes)),
            "addends": Out(data.ArrayLayout(signed(w_width + digit_set.max_shift), lanes)),
            "carry": Out(1),
        } | ({"valid": In(1)} if gated else {}))

    def elaborate(self, platform):
        m = Module()
        max_shift = self.digit_set.max_shift
        shift = pipe(m, self.shift, 2, "shift")
        negative = pipe(m, self.negative if self.digit_set.signed else C(0), 2, "negative")
        coarse = pipe(m, shift[1:] if max_shift > 1 else C(0), 1, "coarse")
        carry = pipe(m, negative, 1, "carry")
        silent = ~pipe(m, self.valid, 3, "valid", reset=True) if self.gated else C(0)
        m.d.comb += self.carry.eq(pipe(m, carry & ~silent, 1, "carry_out"))

        addends = []
        for lane in range(self.lanes):
            weight = self.weights[lane]
            fine = Signal(signed(self.w_width + min(1, max_shift)), name=f"fine_{lane}",
                          reset_less=True)

            # Inverted before it is shifted: the freed low bits are filled with ones.
            signed_ = (weight.as_unsigned() ^ negative.replicate(self.w_width)).as_signed()
            shifted = Cat(negative, signed_).as_signed()
            m.d.sync += fine.eq(Mux(shift[0], shifted, signed_) if max_shift else signed_)

            addend = Signal(self.addends[lane].shape(), name=f"addend_{lane}", reset_less=True)
            addends.append(addend)
            m.d.sync += addend.eq(fine)
            for step in range(2, max_shift + 1, 2):
                with m.If(coarse == step // 2):
                    m.d.sync += addend.eq(Cat(carry.replicate(step), fine).as_signed())
            if self.gated:
                with m.If(silent):
                    m.d.sync += addend.eq(0)
        # One assignment: simulators evaluate a wide wire again for each part assigned to it.
        m.d.comb += self.addends.eq(Cat(addends))
        return m
