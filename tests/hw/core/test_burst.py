import itertools
import random

import pytest
from amaranth.hdl import unsigned

from qblif.golden.spec.burst import digits
from qblif.hw.core.burst import BurstExpander
from qblif.sim.stream import run_stream

STALLS = [{}, {"i_stall": 3}, {"o_stall": 3}, {"i_stall": 2, "o_stall": 2, "ready_first": False}]


def expand(events, mode):
    """What ``events`` (address, level; level 0 for an EOT marker) must become."""
    for address, level in events:
        if not level:
            yield "end"
        for shift, negative in digits(level, mode) if level else ():
            yield address, shift, int(negative)


def rtl(events, n_max, mode, count, **stalls):
    draw = random.Random(0)  # An EOT marker's level is ignored: garbage.
    inputs = [{"base": a, "level": level or draw.randint(0, n_max), "end": not level}
              for a, level in events]
    found = run_stream(BurstExpander(unsigned(6), range(n_max + 1), mode), inputs, count, **stalls)
    assert all(o.none == o.end for o in found)
    return ["end" if o.end else (o.base, o.shift, o.negative) for o in found]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("n_max", [1, 2, 3, 7, 15, 20, 56])
def test_every_level(n_max, mode, stalls):
    events = [(level + 7, level) for level in range(n_max + 1)] * 2 + [(0, 0)] * 9
    events += [(63, level) for level in range(n_max, 0, -1)]
    expected = list(expand(events, mode))
    assert rtl(events, n_max, mode, len(expected), **stalls) == expected


@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("level", range(1, 64))
def test_digits_sum_to_the_level(level, mode):
    count = len(digits(level, mode))
    found = rtl([(5, level)], 63, mode, count)
    assert sum((-1 if negative else 1) << shift for _, shift, negative in found) == level


@pytest.mark.parametrize("mode", ["shift", "repeat"])
def test_one_digit_a_cycle(mode):
    events = [(k, 1 + k % 20) for k in range(40)]
    expected = list(expand(events, mode))
    # Reset, one cycle of latency, and the last tick: no bubble in between.
    assert rtl(events, 20, mode, len(expected), timeout=len(expected) + 3) == expected


def expand_marked(events, mode):
    """What ``events`` (address, level, end) must become where ``end`` marks an event."""
    for address, level, end in events:
        if not level:
            yield address, "none", end
        found = digits(level, mode) if level else ()
        for k, (shift, negative) in enumerate(found):
            yield address, (shift, int(negative)), int(end and k == len(found) - 1)


def rtl_marked(events, n_max, mode, count, **stalls):
    inputs = [{"base": a, "level": level, "end": end} for a, level, end in events]
    dut = BurstExpander(unsigned(6), range(n_max + 1), mode, marked=True)
    return [(o.base, "none" if o.none else (o.shift, o.negative), o.end)
            for o in run_stream(dut, inputs, count, **stalls)]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("n_max", [1, 2, 3, 7, 15, 20, 56])
def test_every_level_with_a_mark(n_max, mode, stalls):
    """Each level, 0 too, with and without ``end``, each behind the longest and the shortest event.
    """
    kinds = [(level, end) for level in range(n_max + 1) for end in (0, 1)]
    others = (0, 0), (0, 1), (1, 0), (n_max, 0), (n_max, 1)
    events = [(k % 64, *event) for k, pair in enumerate(itertools.product(others, kinds))
              for event in pair]
    expected = list(expand_marked(events, mode))
    assert rtl_marked(events, n_max, mode, len(expected), **stalls) == expected


@pytest.mark.parametrize("mode", ["shift", "repeat"])
def test_one_digit_a_cycle_with_a_mark(mode):
    events = [(k, k % 64, int(k % 3 == 0)) for k in range(64)]
    expected = list(expand_marked(events, mode))
    assert rtl_marked(events, 63, mode, len(expected), timeout=len(expected) + 3) == expected
    with pytest.raises(AssertionError, match="^no end after"):
        rtl_marked(events, 63, mode, len(expected), timeout=len(expected) + 1)


def test_unknown_mode():
    with pytest.raises(ValueError, match="^Burst mode must be one of shift, repeat, not 'binary'"):
        BurstExpander(unsigned(2), range(4), "binary")
