"""The table of registers, and what is made of it: the page, the C header, the writes of a load."""

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from bus_cases import network

from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.hw.bus import registers as table_of
from qblif.hw.bus.documents import core_file, header, table
from qblif.hw.bus.files import BUS_FILES, bus_files
from qblif.hw.bus.load import bus_writes, load_file
from qblif.hw.bus.registers import CONTROL, FIXED, STATUS, by_name, data_parts, register_map
from qblif.hw.layout.compile import compile
from qblif.hw.layout.memory_image import load_writes
from qblif.hw.layout.plan import make_plan
from qblif.hw.verilog import generate

PAGE = Path(__file__).parents[3] / "docs" / "buses.md"
TRAINED, LAYOUT = network("steps")


def chain(*names):
    """A network of small populations, one behind the other."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=8), v_width=12)
    last = Neuron(quantiser=None, v_width=12)
    spec = Network(
        timesteps=1, input=Input(shape=(2,), n_max=1), populations=[
            Population(name=name, shape=(2,), sum_width=12,
                       neuron=last if name == names[-1] else fires) for name in names],
        synapses=[Dense(source=a, target=b)
                  for a, b in zip(("input", *names), names, strict=False)])
    return compile(spec, make_plan(spec, lanes=1))


@pytest.mark.parametrize("readback", [False, True])
def test_offsets(readback):
    registers = register_map(LAYOUT, readback)
    offsets = [r.offset for r in registers]
    assert offsets == sorted(set(offsets)) and all(o % 4 == 0 and o < 4096 for o in offsets)
    assert len({r.name for r in registers}) == len(registers)
    assert {r.access for r in registers} == {"r", "w"} | ({"rw"} if readback else set())
    for register in registers:
        bits = [bit for f in register.fields for bit in range(f.low, f.low + f.width)]
        assert len(set(bits)) == len(bits) and all(bit < 32 for bit in bits)


def test_offsets_stay():
    """Drivers are compiled with them: a change needs another VERSION."""
    assert table_of.VERSION == 1
    assert {r.name: r.offset for r in FIXED} == {
        "ID": 0, "VERSION": 4, "NETWORK_LOW": 8, "NETWORK_HIGH": 12, "LAYOUT_LOW": 16,
        "LAYOUT_HIGH": 20, "LOAD_WORDS": 24, "SYNAPSES": 28, "CONTROL": 32, "STATUS": 36,
        "MISSING": 40, "FRAMES": 44, "REFUSED": 48, "CYCLES": 52, "LOAD_PLACE": 2048,
        "LOAD_ADDRESS": 2052}
    assert [(f.name, f.low) for r in (CONTROL, STATUS) for f in r.fields] == [
        ("RESET", 0), ("CLEAR", 1), ("LOAD", 2), ("ARM", 3), ("NEW_FRAME", 4), ("ARMED", 0),
        ("BUSY", 1), ("DROPPING", 2), ("EARLY", 8), ("LATE", 9), ("RANGE", 10), ("ORDER", 11)]
    place = by_name(register_map(LAYOUT))
    assert place["LOAD_DATA_0"] == 2064 and place["EVENTS_INPUT_HIDDEN"] == 64
    assert place["WORDS_HIDDEN_OUT"] == 76


@pytest.mark.parametrize("names, register", [
    (("a", "b", "A", "B"), "EVENTS_A_B"), (("a", "b_c", "a_b", "c"), "EVENTS_A_B_C")])
def test_names_that_clash(names, register):
    """Upper case makes them equal, or the underscore between two names does."""
    with pytest.raises(ValueError, match=f"^Two synapses would have the register {register}: "
                                         "rename a population$"):
        register_map(chain(*names))


def test_too_many_synapses(monkeypatch):
    monkeypatch.setattr(table_of, "LOADS", table_of.COUNTERS + 8)
    with pytest.raises(ValueError, match="^A network on a bus can have 1 synapses, not 2$"):
        register_map(LAYOUT)


def test_page_has_the_table():
    """Rendered, for the fixed registers: python -m qblif.hw.bus.documents."""
    found = re.search(r"<!-- registers -->\n(.*?)<!-- /registers -->", PAGE.read_text(), re.DOTALL)
    assert found and found[1] == table(FIXED)


# The C header.

def compiled(tmp_path, text, program):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("g++ and its C compiler are not installed")
    (tmp_path / "qblif.h").write_text(text)
    (tmp_path / "main.c").write_text(program)
    subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o",
                    tmp_path / "main", tmp_path / "main.c"], check=True)
    return subprocess.run([tmp_path / "main"], check=True, capture_output=True,
                          text=True).stdout.split()


def test_header_says_what_the_table_says(tmp_path):
    """As a C compiler reads it."""
    registers = register_map(LAYOUT)
    expected = {f"QBLIF_REG_{r.name}": r.offset for r in registers} | {
        f"QBLIF_{r.name}_{f.name}": (1 << f.width) - 1 << f.low
        for r in registers for f in r.fields} | {
        "QBLIF_LOAD_PLACE_BANK_SHIFT": 16, "QBLIF_LOAD_PLACE_STAGE_SHIFT": 0,
        "QBLIF_ID_VALUE": table_of.ID, "QBLIF_VERSION_VALUE": 1,
        "QBLIF_NETWORK_DIGEST": int(LAYOUT.spec.digest, 16),
        "QBLIF_LAYOUT_DIGEST": int(LAYOUT.digest, 16), "QBLIF_ADDRESSES": 5,
        "QBLIF_MOST_LEVEL": 5, "QBLIF_ENDS": 3, "QBLIF_FRAME_WORDS": 18, "QBLIF_CLASSES": 4,
        "QBLIF_END": 0}
    text = header(registers, LAYOUT)
    defined = re.findall(r"^#define (\w+) ", text, re.MULTILINE)
    assert sorted(defined) == sorted([*expected, "QBLIF_REFUSED"])
    lines = "".join(f'printf("%llu\\n", (unsigned long long){name});\n' for name in expected)
    printed = compiled(tmp_path, text, (
        '#include <stdio.h>\n#include "qblif.h"\n#include "qblif.h"\nint main(void) {\n'
        f'{lines}printf("%lu %d\\n", (unsigned long)QBLIF_EVENT(4, 5), QBLIF_REFUSED);\n'
        "return 0; }\n"))
    assert printed == [*map(str, expected.values()), str(4 | 5 << 24), "-1"]


# The writes of a load.

@pytest.mark.parametrize("kind", ["steps", "flat"])
def test_load_file_writes_every_word(kind):
    """Played on registers that do as the table says: words of one part, and of two."""
    trained, layout = network(kind)
    assert data_parts(layout) == 1 + (kind == "flat")
    place, memory, state = {v: k for k, v in by_name(register_map(layout)).items()}, {}, {}
    pairs = list(struct.iter_unpack("<II", load_file(trained, layout)))
    assert pairs == list(bus_writes(trained, layout))
    assert pairs[0] == (CONTROL.offset, 4) and pairs[-1] == (CONTROL.offset, 8)
    for offset, value in pairs[1:-1]:
        state[place[offset]] = value
        if place[offset] == "LOAD_DATA_0":
            where = state["LOAD_PLACE"] & 0xFF, state["LOAD_PLACE"] >> 16, state["LOAD_ADDRESS"]
            assert where not in memory
            width = layout.stages[where[0]].load_banks[where[1]].width
            memory[where] = (value | state.get("LOAD_DATA_1", 0) << 32) & (1 << width) - 1
            state["LOAD_ADDRESS"] += 1
    assert memory == {tuple(write[:3]): write.data for write in load_writes(trained, layout)}


def test_load_of_another_network():
    other, _ = network("flat")
    with pytest.raises(ValueError, match="^Layout is of network "):
        list(bus_writes(other, LAYOUT))


# The files beside the Verilog.

def test_files():
    generated = generate(LAYOUT, bus="axi", name="digits")
    files = bus_files(TRAINED, generated)
    assert tuple(files) == BUS_FILES
    assert files["registers.md"].decode() == table(register_map(LAYOUT))
    assert "toplevel: digits\n" in files["network.core"].decode()
    assert generated.manifest["registers"] == by_name(register_map(LAYOUT))
    assert " * " not in generated.verilog  # No multiplier.
    assert (generated.manifest["clock"], generated.manifest["reset"]) == ("aclk", "aresetn")


def test_core_lists_its_files():
    text = core_file("top", "0.1.0", ["a.v", "b.v"])
    assert text.startswith("CAPI=2:\n") and "name: ::top:0.1.0\n" in text
    assert "      - a.v\n      - b.v\n    file_type: verilogSource-2005\n" in text
