from fractions import Fraction

import pytest

from qblif.boards import pll as boards_pll
from qblif.boards.families import FAMILIES


def find_pll(family, given, wanted):
    return boards_pll.find_pll(FAMILIES[family].pll, given, wanted)


@pytest.mark.parametrize("family, given, wanted", [
    *(("ice40", 12, wanted) for wanted in (20, 24, 30, 36, 47, 60, 66, 75, 100, 150)),
    *(("ecp5", 25, wanted) for wanted in (50, 64, 75, 90, 100, 115, 125, 150)),
    *(("ecp5", 48, wanted) for wanted in (48, 60, 72, 96, 100, 120, 132)),
    *(("gowin", 27, wanted) for wanted in (20, 30, 36, 54, 63, 72, 81, 100))])
def test_within_the_limits(family, given, wanted):
    pll, limits = find_pll(family, given, wanted), FAMILIES[family].pll
    for value, span in ((pll.pfd, limits.pfd), (pll.vco, limits.vco),
                        (pll.out, limits.out)):
        assert span[0] <= value <= span[1]
    assert wanted * Fraction(9, 10) <= pll.out <= wanted
    assert pll.refclk_div in limits.refclk_div and pll.feedback_div in limits.feedback_div
    assert pll.output_div in limits.output_div


def test_ice40_as_icepll_has_it():
    # icepll -i 12 -o 24, -o 36, -o 60.
    for wanted, feedback_div, output_div in ((24, 64, 32), (36, 48, 16), (60, 80, 16)):
        pll = find_pll("ice40", 12, wanted)
        assert (pll.refclk_div, pll.feedback_div, pll.output_div, pll.out) == (
            1, feedback_div, output_div, wanted)


def test_ecp5_exact():
    pll = find_pll("ecp5", 25, 100)
    assert pll.out == 100 and pll.vco == pll.out * pll.output_div
    assert pll.input * pll.feedback_div / pll.refclk_div == 100


def test_gowin_exact():
    pll = find_pll("gowin", 27, 81)
    assert (pll.feedback_div, pll.refclk_div, pll.out) == (3, 1, 81)


def test_never_above_what_was_asked():
    for wanted in (51, 64, 76, 101, 126):
        assert find_pll("ecp5", 25, wanted).out <= wanted


@pytest.mark.parametrize("arguments, reason", [
    (("ice40", 6, 24), "PLL input must be 10 to 133 MHz, not 6"),
    (("ice40", 12, 400), "No PLL setting makes 400 MHz from 12 MHz: its output must be 16 to 275"),
    (("ice40", 12, 10), "No PLL setting makes 10 MHz from 12 MHz: its output must be 16 to 275"),
    (("ecp5", 25, 20), "No PLL setting makes 20 MHz from 25 MHz: its output must be 3.125 to"),
    (("ecp5", 25, 500), "No PLL setting makes 500 MHz from 25 MHz: its output must be 3.125 to"),
])
def test_refused(arguments, reason):
    with pytest.raises(ValueError, match=f"^{reason}"):
        find_pll(*arguments)
