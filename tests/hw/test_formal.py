"""Two ways to compute the same, proven equal for all inputs; and twins of the proofs that fail."""

import pytest
import torch
from amaranth.lib import wiring
from miters import BurstMiter, LeakMiter, QuantiserMiter
from prove import counterexample

from qblif.boards.flow.tools import SynthError
from qblif.golden import neuron as golden
from qblif.golden.spec import Neuron, Quadratic
from qblif.golden.spec import Quantiser as QuantiserSpec
from qblif.golden.spec.burst import MODES, Digit, digits
from qblif.hw.core.quantiser import QuantiserCore

pytest.importorskip("pyosys", reason="proofs need pyosys: pip install 'qblif[synth]'")

SPACED = {"uniform": (1, 7, 15, 20), "powers": (1, 2, 4, 8, 16)}


def neuron(v_width, shift, n_max, spacing="uniform", rounding="down"):
    return Neuron(v_width=v_width, quantiser=QuantiserSpec(n_max=n_max, theta=1 << shift,
                                                           spacing=spacing, rounding=rounding))


def level_of(spec, v):
    return golden.fire(spec, torch.tensor(v)).item()


@pytest.mark.parametrize("rounding", QuantiserSpec.ROUNDINGS)
@pytest.mark.parametrize("spacing", SPACED)
@pytest.mark.parametrize("v_width", [18, 20, 22])
def test_slice_is_ladder(v_width, spacing, rounding, tmp_path):
    """Level and amount, for every threshold ``2**f`` below the membrane's range."""
    specs = [neuron(v_width, shift, n_max, spacing, rounding)
             for shift in range(v_width - 1) for n_max in SPACED[spacing]]
    pairs = [(QuantiserCore(spec, "slice"), QuantiserCore(spec, "ladder")) for spec in specs]
    assert counterexample(QuantiserMiter(pairs), tmp_path) is None


@pytest.mark.parametrize("n_max, spacing", [(15, "uniform"), (16, "powers")])
def test_slice_with_another_n_max(n_max, spacing, tmp_path):
    right = neuron(18, 10, n_max, spacing)
    wrong = neuron(18, 10, {15: 14, 16: 8}[n_max], spacing)
    found = counterexample(QuantiserMiter([(QuantiserCore(wrong, "slice"),
                                            QuantiserCore(right, "ladder"))]), tmp_path)
    assert level_of(right, found["v"]) != level_of(wrong, found["v"])


@pytest.mark.parametrize("spacing", SPACED)
def test_ladder_with_a_rung_too_high(spacing, tmp_path):
    """``>`` for the first ``>=``: a membrane on the rung itself."""
    spec = neuron(20, 12, SPACED[spacing][-1], spacing)
    pair = QuantiserCore(spec, "slice"), QuantiserCore(spec, "ladder")
    found = counterexample(QuantiserMiter([pair]), tmp_path,
                           edit=lambda text: once(text, "cell $ge", "cell $gt"))
    assert level_of(spec, found["v"]) != level_of(spec, found["v"] - 1)
    assert found["v"] == (1 << 12) * level_of(spec, found["v"])


@pytest.mark.parametrize("n_max, w_width", [(1, 8), (7, 8), (15, 8), (20, 8)])
def test_shift_is_repeat(n_max, w_width, tmp_path):
    miter = BurstMiter(tuple(range(n_max + 1)), w_width)
    assert counterexample(miter, tmp_path, cycles=miter.cycles) is None


def test_shift_is_repeat_of_powers(tmp_path):
    miter = BurstMiter((0, 1, 2, 4, 8, 16), 8)
    assert counterexample(miter, tmp_path, cycles=miter.cycles) is None


@pytest.mark.parametrize("levels", [range(2), range(8), range(16), (0, 1, 2, 4, 8, 16)], ids=str)
def test_shift_is_repeat_of_marked_events(levels, tmp_path):
    """Level 0 adds nothing, and ``end`` comes once, with the last digit."""
    miter = BurstMiter(tuple(levels), 8, marked=True)
    assert counterexample(miter, tmp_path, cycles=miter.cycles) is None


@pytest.mark.parametrize("mode", MODES)
def test_a_mark_that_ends_its_event(mode, tmp_path):
    """An expander for which an end is a transfer of its own."""
    miter = BurstMiter(tuple(range(8)), 8, marked=True)
    miter.ways[mode].expander.marked = False
    found = failing(miter, tmp_path)
    assert found["level"] == 0 or found["end"] == 1


@pytest.mark.parametrize("mode", MODES)
def test_lanes_without_a_gate(mode, tmp_path):
    """What they add to level 0."""
    miter = BurstMiter(tuple(range(8)), 8, marked=True)
    miter.ways[mode].lanes.gated = False
    found = failing(miter, tmp_path)
    assert found["level"] == 0 and found["sum_shift"] != found["sum_repeat"]
    assert found[f"sum_{mode}"] != 0


@pytest.mark.parametrize("level", [3, 11, 20])
def test_digit_of_the_wrong_sign(level, tmp_path):
    miter = BurstMiter(tuple(range(21)), 8)
    right = digits(level)
    wrong = (*right[:-1], Digit(right[-1].shift, not right[-1].negative))
    miter.ways["shift"].expander.digit_set.of_level[level] = wrong
    found = failing(miter, tmp_path)
    assert (found["level"], found["end"]) == (level, 0)
    assert found["sum_repeat"] == spent(found, digits(level, "repeat")) == spent(found, right)
    assert found["sum_shift"] == spent(found, wrong) != found["sum_repeat"]


def test_repeat_once_too_often(tmp_path):
    """``remaining < 1`` for ``remaining <= 1``."""
    found = failing(BurstMiter(tuple(range(8)), 8), tmp_path, "cell $le", "cell $lt")
    right = spent(found, digits(found["level"]))
    assert found["sum_shift"] == right
    assert found["sum_repeat"] != right


def test_lanes_without_carry(tmp_path):
    """A lane that inverts a weight and forgets the 1 is found at a level with a minus in it."""
    miter = BurstMiter(tuple(range(8)), 8)
    miter.ways["shift"].lanes = WithoutCarry(miter.ways["shift"].lanes)
    found = failing(miter, tmp_path)
    assert any(digit.negative for digit in digits(found["level"]))
    assert found["sum_repeat"] == spent(found, digits(found["level"])) != found["sum_shift"]


class WithoutCarry(wiring.Component):
    """Lanes whose ``carry`` is cut."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(lanes.signature)

    def elaborate(self, platform):
        m = self.lanes.elaborate(platform)
        for name in ("shift", "negative", "weights"):
            m.d.comb += getattr(self.lanes, name).eq(getattr(self, name))
        m.d.comb += self.addends.eq(self.lanes.addends)
        return m


def spent(found, used):
    return sum(digit.value for digit in used) * found["weight"]


def failing(miter, folder, *edit):
    """The event of a counterexample, and the sums that it ends with."""
    found = counterexample(miter, folder, cycles=miter.cycles,
                           edit=lambda text: once(text, *edit) if edit else text)
    event = {name: found[name][0] for name in ("level", "end", "weight")}
    return event | {name: found[name][-1] for name in ("sum_shift", "sum_repeat")}


def once(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


def quadratic(bits, v_width):
    return Neuron(v_width=v_width, leak=Quadratic(gain=16, low=-3, high=11, bits=bits),
                  quantiser=QuantiserSpec(n_max=7, theta=1 << bits))


@pytest.mark.parametrize("bits, v_width", [(8, 16), (12, 20), (14, 22)])
def test_quadratic_leak_is_its_formula(bits, v_width, tmp_path):
    miter = LeakMiter(quadratic(bits, v_width))
    assert counterexample(miter, tmp_path, cycles=miter.cycles) is None


def test_quadratic_leak_with_a_wrong_entry(tmp_path, monkeypatch):
    spec = quadratic(8, 16)
    right = spec.leak.table
    monkeypatch.setattr(Quadratic, "table", [*right[:5], right[5] + 1, *right[6:]])
    miter = LeakMiter(spec)
    found = counterexample(miter, tmp_path, cycles=miter.cycles)
    v = 0 if found["start"][0] else found["v"][0]
    assert spec.leak.index(v) == 5
    assert found["o"][-1] == spec.leak.apply(v) + 1


def test_yosys_fails(tmp_path):
    spec = neuron(8, 2, 3)
    pair = QuantiserCore(spec, "slice"), QuantiserCore(spec, "ladder")
    with pytest.raises(SynthError, match="^yosys failed: "):
        counterexample(QuantiserMiter([pair]), tmp_path,
                       edit=lambda text: "nonsense\n" + text)
