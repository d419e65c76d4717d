"""A network behind its buses on a Verilog simulator, against the integer model.

QBLIF_BUS_FRAMES=1000 sends as many frames as docs/buses.md reports.
"""

import functools
import os

import numpy as np
import pytest
from bus_cases import classes, draw_packets, network, outcome, status_errors
from mutants import mutant

from qblif.hw.bus import network as bus_network
from qblif.hw.bus.frame_input import FrameInput
from qblif.hw.bus.load import bus_writes
from qblif.hw.bus.registers import CONTROL, ERRORS, STATUS, by_name, data_parts, register_map
from qblif.hw.bus.result_output import ResultOutput
from qblif.hw.bus.top import BusTop
from qblif.hw.layout.memory_image import load_writes
from qblif.hw.verilog import to_verilog
from qblif.sim.bus_bench import NETWORK, play
from qblif.sim.bus_check import check_bus, differences

DESIGNS = (("axi", "steps"), ("wishbone", "flat"))
RESET, CLEAR, LOAD, ARM, NEW_FRAME = (1 << field.low for field in CONTROL.fields)


MANY = int(os.environ.get("QBLIF_BUS_FRAMES", "0"))  # In place of few.


@functools.cache
def design(bus, kind):
    """``(trained, layout, options)``: a network, and that it is behind a bus with readback; its
    Verilog is made once."""
    trained, layout = network(kind)
    return trained, layout, {"bus": bus, "readback": True, "verilog": to_verilog(
        BusTop(layout, bus=bus, readback=True), NETWORK)}


@pytest.mark.parametrize("bus, kind, stalls", [
    (*DESIGNS[0], {"idle": 60, "stall": 60}), (*DESIGNS[1], {"idle": 100}),
    ("axi", "map", {"stall": 200})])
def test_load_run_and_count(bus, kind, stalls, quick, cache, tmp_path):
    """Weights over the bus, then right and wrong packets: one result each, and every counter."""
    trained, layout, options = design(bus, kind)
    count = MANY or 20
    sent = draw_packets(np.random.default_rng(5), trained, layout, count)
    place = by_name(register_map(layout))
    names = [name for name in place if name.startswith(("EVENTS", "WORDS"))]
    found = play(trained, layout, [
        ("frames", sent), ("wait", 40), ("mark",),  # Nothing runs before it is armed.
        ("write", CONTROL.offset, ARM), ("load", list(bus_writes(trained, layout))),
        ("gather", count), ("settle",),
        *(("read", place[name]) for name in ("STATUS", "FRAMES", "REFUSED", "MISSING")),
        *(("read", place[name]) for name in names), ("write", CONTROL.offset, CLEAR),
        *(("read", place[name]) for name in ("FRAMES", "REFUSED", "CYCLES", *names)),
        ("read", STATUS.offset)],
        out_dir=tmp_path, simulator=quick, cache=cache, **options, **stalls)
    results = classes(trained, layout, sent)
    errors = set().union(*(outcome(layout, words)[1] for words in sent))
    assert found.results == results and not found.broken
    assert found.accesses[:3] == [["results", 0], ["write", True], ["write", False]]
    status = 1 | status_errors(errors) << STATUS.field(ERRORS[0]).low
    reads = found.accesses[3:]
    assert reads[:4] == [["read", False, value] for value in (
        status, count, results.count(-1), 0)]
    events = sum(transfer is not None for words in sent for transfer in outcome(layout, words)[0])
    assert reads[4] == ["read", False, events]
    assert all(value for _, _, value in reads[5:4 + len(names)])
    assert [entry[2] for entry in reads[5 + len(names):]] == [0] * (3 + len(names)) + [1]


@pytest.mark.parametrize("bus, kind", DESIGNS)
def test_words_are_read_back(bus, kind, quick, cache, tmp_path):
    """After a load, in another order than it was written; a bad address gets an error."""
    trained, layout, options = design(bus, kind)
    place, words = by_name(register_map(layout, True)), list(load_writes(trained, layout))
    draw = np.random.default_rng(1)
    chosen = [words[k] for k in draw.permutation(len(words))[:40]]
    load, parts = list(bus_writes(trained, layout))[:-1], data_parts(layout)  # All but ARM.
    operations = [("load", load)]
    for word in chosen:
        operations += [("write", place["LOAD_PLACE"], word.stage | word.bank << 16),
                       ("write", place["LOAD_ADDRESS"], word.address),
                       *(("read", place[f"LOAD_DATA_{part}"]) for part in range(parts))]
    operations += [("write", CONTROL.offset, ARM), ("read", place["LOAD_DATA_0"]),
                   ("write", place["LOAD_DATA_0"], 1), ("read", 0xFFC), ("write", 0xFFC, 0),
                   ("write", place["ID"], 1), ("read", CONTROL.offset),
                   ("write", CONTROL.offset, CLEAR, 6), ("read", place["ID"])]
    found = play(trained, layout, operations, out_dir=tmp_path, simulator=quick, cache=cache,
                 stall=30, **options)
    good, bad = found.accesses[:-8], found.accesses[-8:]
    values = [entry[2] for entry in good if entry[0] == "read"]
    assert [sum(value << 32 * k for k, value in enumerate(values[n:n + parts]))
            for n in range(0, len(values), parts)] == [word.data for word in chosen]
    assert not any(entry[1] for entry in good)
    assert [entry[1] for entry in bad] == [True] * 7 + [False]


@pytest.mark.parametrize("bus, kind", DESIGNS)
def test_resets_in_mid_frame(bus, kind, quick, cache, tmp_path):
    """By CONTROL while the source sends on, and of the bus: before it a beginning of the results,
    after it those of whole frames, and all of those that follow."""
    trained, layout, options = design(bus, kind)
    count = MANY or 60
    found = check_bus(trained, layout, count, out_dir=tmp_path, simulator=quick, cache=cache,
                      seed=3, idle=40, stall=40, **options)
    print(found)
    assert found.mismatches == 0 and not found.broken
    assert min(found.soft_resets, found.bus_resets) >= 1 and found.lost
    assert count / 3 < found.results == count - found.lost


def test_source_that_is_reset_too(quick, cache, tmp_path):
    """NEW_FRAME: of a packet without its end, and then whole ones."""
    trained, layout, options = design(*DESIGNS[0])
    sent = draw_packets(np.random.default_rng(2), trained, layout, 6, ["right"])
    place = by_name(register_map(layout))
    half = sent[0][:-1]  # The source sets tlast; as one packet with what follows it is late.
    found = play(trained, layout, [
        ("load", list(bus_writes(trained, layout))),
        ("frames", [half + [1 << 24, *sent[1]]]), ("settle",),
        ("write", CONTROL.offset, RESET | NEW_FRAME), ("read", place["STATUS"]),
        ("frames", sent), ("gather", 7), ("settle",), ("read", place["FRAMES"])],
        out_dir=tmp_path, simulator=quick, cache=cache, **options)
    assert found.results[-6:] == classes(trained, layout, sent)
    assert found.accesses[1:] == [["write", False], ["read", False, 1], ["read", False, 6]]


def test_differences():
    """What counts as a wrong result: the comparison can fail."""
    want = [3, 1, 2, 0, 2]
    assert differences("none", want, want) == 0
    assert differences("none", want, [3, 1, 0, 2]) == 3  # Two wrong, one missing.
    assert differences("none", want, [3, 3, 1, 2, 0, 2]) == 5  # One doubled: the rest is wrong.
    assert differences("bus", want, want[:3]) == differences("bus", want, []) == 0
    assert differences("bus", want, [3, 1, 1]) == differences("bus", want, [*want, 2]) == 1
    assert differences("soft", want, [3, 0, 2]) == differences("soft", want, [2, 0, 2]) == 0
    assert differences("soft", want, [3, 1, 1]) == 1
    assert differences("soft", want, [*want, 2]) == 1
    assert differences("soft", [1] * 30, [1] * 5) == 25  # More than can be under way.


BROKEN = {
    "tlast is not needed": (FrameInput, "late.eq(taken & ~i.p.last", "late.eq(taken & 0"),
    "results do not wait": (ResultOutput, "with m.If(free):", "with m.If(1):"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_design_is_found(name, quick, cache, tmp_path, monkeypatch):
    part, old, new = BROKEN[name]
    monkeypatch.setattr(bus_network, part.__name__, mutant(part, old, new))
    trained, layout = network("steps")
    sent = draw_packets(np.random.default_rng(5), trained, layout, 12,
                                ["short", "long", "twice"])
    found = play(trained, layout, [("frames", sent), ("gather", 12), ("settle",)], bus="axi",
                 out_dir=tmp_path, simulator=quick, cache=cache, baked=True, stall=80,
                 patience=500)
    assert found.results != classes(trained, layout, sent) or found.broken
