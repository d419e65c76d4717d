"""What the bridges of all buses ask of the registers: one access at a time."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .registers import SPACE_BITS

__all__ = ["Access", "WORD_BITS"]

WORD_BITS = SPACE_BITS - 2  # Of an address: registers have four bytes.


class Access(wiring.Signature):
    """One read or write of a 32-bit register, as its initiator sees it::

        valid    1  1  1  0        held until done, as are the other requests
        done     0  0  1  0        one cycle
        error          e           with done
        data_r         d  d  d     until the next read is done

    Members
    -------
    valid : ``Out(1)``, write : ``Out(1)``, address : ``Out(WORD_BITS)``
    data_w : ``Out(32)``, whole : ``Out(1)``
        What is written; all four bytes are to be.
    done, error : ``In(1)``, data_r : ``In(32)``
    """

    def __init__(self):
        super().__init__({
            "valid": Out(1), "write": Out(1), "address": Out(WORD_BITS), "data_w": Out(32),
            "whole": Out(1), "done": In(1), "error": In(1), "data_r": In(32)})
