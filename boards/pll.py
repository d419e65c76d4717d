"""Dividers of the PLLs of three FPGA families: pure arithmetic, searched exhaustively."""

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Pll", "find_pll"]


@dataclass(frozen=True, kw_only=True)
class Pll:
    """What a PLL makes of its input; frequencies in MHz, dividers as plain ratios.

    The oscillator runs at ``vco``, ``post`` times the output.  The iCE40 multiplies before the last
    divider, ``vco = input * multiply / divide``; the others behind it,
    ``out = input * multiply / divide``.
    """

    family: str
    input: Fraction
    divide: int
    multiply: int
    post: int

    @property
    def compare(self):
        """Frequency at the phase detector."""
        return self.input / self.divide

    @property
    def out(self):
        scale = self.post if self.family == "ice40" else 1
        return self.input * self.multiply / self.divide / scale

    @property
    def vco(self):
        return self.out * self.post


@dataclass(frozen=True)
class _Limits:
    """Ranges in MHz and dividers, from each family's data sheet."""

    input: tuple
    compare: tuple
    vco: tuple
    out: tuple
    divide: range
    multiply: range
    post: tuple


LIMITS = {
    "ice40": _Limits((10, 133), (10, 133), (533, 1066), (16, 275), range(1, 17), range(1, 129),
                     (2, 4, 8, 16, 32, 64)),
    "ecp5": _Limits((8, 400), (10, 400), (400, 800), (Fraction(25, 8), 400), range(1, 129),
                    range(1, 81), tuple(range(1, 129))),
    "gowin": _Limits((3, 400), (3, 400), (400, 1200), (Fraction(25, 8), 600), range(1, 65),
                     range(1, 65), (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)),
}


def find_pll(family, input_mhz, out_mhz):
    """The PLL setting with the greatest frequency that is not above ``out_mhz``.

    Among equals, the one with the smallest input divider, then the slowest oscillator.

    Raises
    ------
    ValueError
        Unknown family, an input that it cannot take, or no setting at or below ``out_mhz`` that
        comes within a tenth of it.
    """
    if family not in LIMITS:
        raise ValueError(f"PLL family must be one of {', '.join(LIMITS)}, not {family!r}")
    limits = LIMITS[family]
    given, wanted = Fraction(input_mhz).limit_denominator(10**6), Fraction(out_mhz)
    low, high = limits.input
    if not low <= given <= high:
        raise ValueError(f"PLL input must be {low} to {high} MHz, not {float(given):g}")
    best = max(_settings(family, limits, given, wanted), default=None,
               key=lambda pll: (pll.out, -pll.divide, -pll.vco))
    if best is None or best.out < wanted * Fraction(9, 10):
        raise ValueError(f"No PLL setting makes {float(wanted):g} MHz from {float(given):g} MHz: "
                         f"its output must be {float(limits.out[0]):g} to {limits.out[1]} MHz")
    return best


def _settings(family, limits, given, wanted):
    for divide in limits.divide:
        if not _within(given / divide, limits.compare):
            continue
        for multiply in limits.multiply:
            for post in limits.post:
                pll = Pll(family=family, input=given, divide=divide, multiply=multiply, post=post)
                if (pll.out <= wanted and _within(pll.out, limits.out)
                        and _within(pll.vco, limits.vco)):
                    yield pll


def _within(value, span):
    return span[0] <= value <= span[1]
