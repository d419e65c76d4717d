from fractions import Fraction

import pytest

from qblif.boards.pll import LIMITS, find_pll


@pytest.mark.parametrize("family, given, wanted", [
    *(("ice40", 12, wanted) for wanted in (20, 24, 30, 36, 47, 60, 66, 75, 100, 150)),
    *(("ecp5", 25, wanted) for wanted in (50, 64, 75, 90, 100, 115, 125, 150)),
    *(("ecp5", 48, wanted) for wanted in (48, 60, 72, 96, 100, 120, 132)),
    *(("gowin", 27, wanted) for wanted in (20, 30, 36, 54, 63, 72, 81, 100))])
def test_within_the_limits(family, given, wanted):
    pll, limits = find_pll(family, given, wanted), LIMITS[family]
    for value, span in ((pll.compare, limits.compare), (pll.vco, limits.vco),
                        (pll.out, limits.out)):
        assert span[0] <= value <= span[1]
    assert wanted * Fraction(9, 10) <= pll.out <= wanted
    assert pll.divide in limits.divide and pll.multiply in limits.multiply
    assert pll.post in limits.post


def test_ice40_as_icepll_has_it():
    # icepll -i 12 -o 24, -o 36, -o 60.
    for wanted, multiply, post in ((24, 64, 32), (36, 48, 16), (60, 80, 16)):
        pll = find_pll("ice40", 12, wanted)
        assert (pll.divide, pll.multiply, pll.post, pll.out) == (1, multiply, post, wanted)


def test_ecp5_exact():
    pll = find_pll("ecp5", 25, 100)
    assert pll.out == 100 and pll.vco == pll.out * pll.post
    assert pll.input * pll.multiply / pll.divide == 100


def test_gowin_exact():
    pll = find_pll("gowin", 27, 81)
    assert (pll.multiply, pll.divide, pll.out) == (3, 1, 81)


def test_never_above_what_was_asked():
    for wanted in (51, 64, 76, 101, 126):
        assert find_pll("ecp5", 25, wanted).out <= wanted


@pytest.mark.parametrize("arguments, reason", [
    (("xilinx", 100, 50), "PLL family must be one of ice40, ecp5, gowin, not 'xilinx'"),
    (("ice40", 6, 24), "PLL input must be 10 to 133 MHz, not 6"),
    (("ice40", 12, 400), "No PLL setting makes 400 MHz from 12 MHz: its output must be 16 to 275"),
    (("ice40", 12, 10), "No PLL setting makes 10 MHz from 12 MHz: its output must be 16 to 275"),
    (("ecp5", 25, 20), "No PLL setting makes 20 MHz from 25 MHz: its output must be 3.125 to"),
    (("ecp5", 25, 500), "No PLL setting makes 500 MHz from 25 MHz: its output must be 3.125 to"),
])
def test_refused(arguments, reason):
    with pytest.raises(ValueError, match=f"^{reason}"):
        find_pll(*arguments)
