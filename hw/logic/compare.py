"""Comparison with a constant, in as few LUTs as its bits need."""

from amaranth import *

__all__ = ["at_least"]


def at_least(value, constant):
    """Whether ``value``, a signal, is ``constant`` or more: a bit.

    One gate a bit, where ``value >= constant`` would become a carry chain of as many cells as both
    have bits: of a few bits it is one LUT, and it ends at the constant's lowest 1.
    """
    shape = value.shape()
    least, most = (-(1 << shape.width - 1), (1 << shape.width - 1) - 1) if shape.signed else (
        0, (1 << shape.width) - 1)
    if not least < constant <= most:
        return C(constant <= least)
    found = C(1)
    for k in range(shape.width):
        # Of a sign, 0 is the larger.
        bit = ~value[k] if shape.signed and k == shape.width - 1 else value[k]
        wanted = (constant - least) >> k & 1
        found = bit & found if wanted else bit | found
    return found
