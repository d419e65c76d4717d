"""The dividers of a PLL: pure arithmetic, searched exhaustively.

The names are those of the families' own calculators (icepll, ecppll): reference, feedback and
output divider, and the phase-frequency detector (PFD) that compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..golden.spec.checks import check_real
from ..golden.spec.errors import InvalidValue

__all__ = ["Pll", "PllLimits", "check_clock", "find_pll"]


def check_clock(mhz):
    """A clock that somebody asks for, in MHz; ``None`` where nobody does."""
    if mhz is not None:
        check_real("Clock in MHz", mhz, 1, 1000)


@dataclass(frozen=True, kw_only=True)
class PllLimits:
    """Ranges in MHz, and the dividers that there are, from a family's data sheet.

    ``feedback`` says what the feedback divider divides, ``"vco"`` or ``"out"``, the clock behind
    the output divider.
    """

    input: tuple
    pfd: tuple
    vco: tuple
    out: tuple
    refclk_div: Sequence[int]
    feedback_div: Sequence[int]
    output_div: Sequence[int]
    feedback: str = "out"


@dataclass(frozen=True, kw_only=True)
class Pll:
    """A setting of a PLL; frequencies in MHz, dividers as plain ratios.

    The oscillator runs at ``vco``, ``output_div`` times the output, and ``pfd * feedback_div`` is
    the frequency of what :attr:`PllLimits.feedback` names.
    """

    input: Fraction
    refclk_div: int
    feedback_div: int
    output_div: int
    feedback: str

    @property
    def pfd(self):
        return self.input / self.refclk_div

    @property
    def out(self):
        scale = self.output_div if self.feedback == "vco" else 1
        return self.pfd * self.feedback_div / scale

    @property
    def vco(self):
        return self.out * self.output_div


def find_pll(limits, input_mhz, out_mhz):
    """The PLL setting with the greatest frequency that is not above ``out_mhz``.

    Among equals, the one with the smallest reference divider, then the slowest oscillator.

    Raises
    ------
    ValueError
        An input that the PLL cannot take, or no setting at or below ``out_mhz`` that comes within a
        tenth of it.
    """
    given, wanted = Fraction(input_mhz).limit_denominator(10**6), Fraction(out_mhz)
    low, high = limits.input
    if not low <= given <= high:
        raise InvalidValue(f"PLL input must be {low} to {high} MHz, not {float(given):g}")
    best = max(_settings(limits, given, wanted), default=None,
               key=lambda pll: (pll.out, -pll.refclk_div, -pll.vco))
    if best is None or best.out < wanted * Fraction(9, 10):
        raise InvalidValue(f"No PLL setting makes {float(wanted):g} MHz from {float(given):g} MHz: "
                           f"its output must be {float(limits.out[0]):g} to {limits.out[1]} MHz")
    return best


def _settings(limits, given, wanted):
    for refclk_div in limits.refclk_div:
        if not _within(given / refclk_div, limits.pfd):
            continue
        for feedback_div in limits.feedback_div:
            for output_div in limits.output_div:
                pll = Pll(input=given, refclk_div=refclk_div, feedback_div=feedback_div,
                          output_div=output_div, feedback=limits.feedback)
                if (pll.out <= wanted and _within(pll.out, limits.out)
                        and _within(pll.vco, limits.vco)):
                    yield pll


def _within(value, span):
    return span[0] <= value <= span[1]
