"""Probes: what was recorded of a change, read cycle by cycle."""

import numpy as np
import pytest
from amaranth.hdl import signed

from qblif.hw.core.payloads import Event
from qblif.sim.bench_files import UNKNOWN
from qblif.sim.probe import Probe, Wave, read_wave

STREAM = Probe(("a", "b"), {"o__valid": 1, "o__ready": 1, "o__payload": Event(4, 3)})


def test_verilog_expression():
    assert STREAM.width == 7
    assert STREAM.verilog("top") == (
        r"{top.\a .\b .\o__payload , top.\a .\b .\o__ready , top.\a .\b .\o__valid }")
    assert Probe((), {"x": 2}).verilog("top") == r"{top.\x }"


def test_read_wave():
    text = b"0000000a 0110100\n0000000b x110110\n0000000f 1110111\n00000011 0000000\n0000"
    wave = read_wave(STREAM, text, 17)
    assert wave.cycles.tolist() == [10, 11, 15] and wave.end == 17
    assert wave.fields["o__payload.end"].tolist() == [0, UNKNOWN, 1]
    assert wave.fields["o__payload.level"].tolist() == [3, 3, 3]
    assert wave.fields["o__payload.address"].tolist() == [1, 1, 1]
    assert wave.fields["o__valid"].tolist() == [0, 0, 1]


@pytest.mark.parametrize("bits, value", [("00", 0), ("01", 1), ("10", -2), ("11", -1),
                                         ("0x", UNKNOWN), ("z1", UNKNOWN)])
def test_signed(bits, value):
    probe = Probe((), {"low": 1, "v": signed(2), "none": 0})
    found = read_wave(probe, f"00000000 {bits}1\n".encode(), 1).fields
    assert (found["low"][0], found["v"][0], found["none"][0]) == (1, value, 0)


WAVE = Wave(np.array([5, 7, 8, 12]), {"valid": np.array([1, 0, 1, 1]),
                                      "ready": np.array([1, 1, UNKNOWN, 1])}, 14)


def test_each_cycle_counts():
    cycles, changes = WAVE.when("valid", "ready")
    assert cycles.tolist() == [5, 6, 12, 13] and changes.tolist() == [0, 0, 3, 3]
    cycles, changes = WAVE.when("valid")
    assert cycles.tolist() == [5, 6, 8, 9, 10, 11, 12, 13]
    assert changes.tolist() == [0, 0, 2, 2, 2, 2, 3, 3]


def test_value_in_a_cycle():
    assert WAVE.at(np.arange(5, 10), "valid").tolist() == [1, 1, 0, 1, 1]
    assert WAVE.at(20, "valid") == 1
