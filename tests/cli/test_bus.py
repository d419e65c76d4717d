"""``qblif verilog --bus`` and what it writes; refusals."""

import json
import struct

import pytest
from cli_cases import NETWORK, refusal, run

from qblif.golden.spec.artifact import load
from qblif.hw.bus.files import BUS_FILES
from qblif.hw.bus.load import bus_writes
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan


def test_files_of_a_bus(out):
    """All of them, of this network; and none of them is left beside a network without a bus."""
    assert run("verilog", NETWORK, "--lanes", "4", "--bus", "wishbone", "--out", out) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    report = json.loads((out / "verilog.json").read_text())
    ports = {port["name"] for port in manifest["ports"]}
    assert {"wb_clk_i", "wb_rst_i", "wb_adr_i", "s_axis_tdata", "m_axis_tlast"} <= ports
    assert report["bus"] == manifest["bus"] == "wishbone"
    trained = load(NETWORK)
    layout = compile(trained.spec, make_plan(trained.spec, lanes=4, activity=trained.activity))
    assert list(struct.iter_unpack("<II", (out / "load.bin").read_bytes())) == list(
        bus_writes(trained, layout))
    assert manifest["layout_digest"] == layout.digest
    assert f"QBLIF_LAYOUT_DIGEST 0x{layout.digest}ull" in (out / "qblif.h").read_text()
    for name, offset in manifest["registers"].items():
        assert f"| 0x{offset:03x} | `{name}` |" in (out / "registers.md").read_text()
    assert not [name for name in BUS_FILES if not (out / name).is_file()]

    assert run("verilog", NETWORK, "--lanes", "4", "--out", out) == 0
    assert not [name for name in BUS_FILES if (out / name).exists()]
    assert json.loads((out / "manifest.json").read_text())["clock"] == "clk"


@pytest.mark.parametrize("command", ["verilog", "synth"])
def test_unknown_bus(capsys, out, command):
    assert refusal(capsys, command, NETWORK, "--bus", "apb", out=out) == \
        "Bus must be one of axi, wishbone, not 'apb'"


@pytest.mark.parametrize("options, reason", [
    (["--readback"], "--readback needs --bus axi or wishbone"),
    (["--bus", "axi", "--sound"],
     "The sound front end takes samples: it cannot be behind a bus")])
def test_options_that_do_not_go_together(capsys, out, options, reason):
    assert refusal(capsys, "verilog", NETWORK, *options, out=out) == reason
