"""Pixels to burst levels, or to a thermometer code.  The golden twin is
:func:`qblif.golden.spec.pixels.to_levels`."""

import functools
import operator

import numpy as np
from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.pixels import to_levels
from .compare import at_least
from .pipeline import levels_layout

__all__ = ["PixelEncoder", "thresholds"]


def thresholds(n_max):
    """The least pixel of each level 1..``n_max``."""
    levels = to_levels(np.arange(256, dtype=np.uint8)[:, None], n_max)[:, 0]
    return np.searchsorted(levels, np.arange(1, n_max + 1)).tolist()


class PixelEncoder(wiring.Component):
    """A comparator with a constant for each level of each pixel, or each threshold; a clock later.

    Parameters
    ----------
    source : :class:`qblif.golden.spec.Input`

    Members
    -------
    i : ``In(ArrayLayout(8, pixels))``
    o : ``Out(levels_layout(source))``
    """

    def __init__(self, source):
        self.source = source
        super().__init__({"i": In(data.ArrayLayout(8, source.pixels)),
                          "o": Out(levels_layout(source))})

    def elaborate(self, platform):
        m = Module()
        pixels = self.source.pixels
        for k, step in enumerate(self.source.thresholds):
            for pixel in range(pixels):
                m.d.sync += self.o[k * pixels + pixel].eq(at_least(self.i[pixel], step))
        if self.source.thresholds:
            return m
        steps = thresholds(self.source.n_max)
        for k in range(pixels):
            reached = [at_least(self.i[k], least) for least in steps]
            # Bit b counts the multiples of 2**b that are reached; all below one are reached too.
            for b in range(len(self.o[k])):
                m.d.sync += self.o[k][b].eq(functools.reduce(
                    operator.xor, reached[(1 << b) - 1::1 << b]))
        return m
