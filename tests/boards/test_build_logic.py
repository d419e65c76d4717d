import json

import numpy as np
import pytest
from board_networks import placed, small_network

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")
pytest.importorskip("pyosys", reason="synthesis needs pip install 'qblif[board]'")

from qblif.boards import build as building
from qblif.boards.catalogue import BOARDS
from qblif.boards.devices import DEVICES
from qblif.boards.flow.tools import DoesNotFit, SynthError
from qblif.boards.logic import build_logic, frames_that_fit
from qblif.golden.spec.artifact import Trained
from qblif.hw.link.frame_player import frame_banks
from qblif.hw.logic.layout import LogicLayout


def layout(inputs=16, hidden=8, pixels=False):
    trained = small_network(inputs, hidden)
    weights = {name: w * (np.random.default_rng(0).random(w.shape) < 8 / w.shape[1])
               for name, w in trained.weights.items()}
    return LogicLayout(Trained(trained.spec, weights, trained.biases), "compressors", pixels=pixels)


@pytest.mark.parametrize("name, pixels, frames", [
    ("ecp5-85k", False, None), ("ecp5-85k", True, 512), ("ecp5-25k", True, 0)])
def test_frames_that_fit(name, pixels, frames):
    device, made = DEVICES[name], layout(784, pixels=pixels)
    bits = 784 * (8 if pixels else made.spec.input.emit_max.bit_length())
    assert frame_banks(made) == -(-bits // 32)
    found = frames_that_fit(made, device)
    each = frame_banks(made)
    assert found == frames or frames is None and found >= 512
    # The request's and the answer's buffer take two blocks, the classes at least one.
    blocks = each * -(-found // 512)
    assert blocks + 3 <= device.bram or not found
    assert each * -(-(found + 512) // 512) + 2 + (found > 4096) + 1 > device.bram


def test_clock_and_report(tmp_path, monkeypatch):
    tried = []

    def implement(verilog, device, *, frequency_mhz, **options):
        tried.append(frequency_mhz)
        assert "module top" in verilog.read_text()
        return placed(90.0)
    monkeypatch.setattr(building, "implement", implement)
    monkeypatch.setattr(building, "pack", lambda board, folder: ("bit", b"bits"))
    made = layout()
    report = build_logic(made, BOARDS["ulx3s_85f"], out_dir=tmp_path)
    assert tried == [112.5, 87.5] and report["clock_mhz"] == 87.5
    assert report["images_per_second"] == 87_500_000 and report["logic"] is True
    assert (report["latency"], report["frames"]) == (
        made.latency, frames_that_fit(made, DEVICES["ecp5-85k"]))
    assert report["weights_digest"] == made.trained.weights_digest
    assert json.loads((tmp_path / "build.json").read_text()) == json.loads(json.dumps(report))
    assert (tmp_path / "ulx3s_85f.bit").read_bytes() == b"bits"


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(SynthError, match=(
            "^Lattice iCE40-HX8K breakout has 32 block RAMs, too few for frames of 6272 bits "
            "beside the host link$")):
        build_logic(layout(784, pixels=True), BOARDS["hx8k_b_evn"], out_dir=tmp_path)

    def refuse(*_, **__):
        raise DoesNotFit("it needs 9 of 1 LUTs")
    monkeypatch.setattr(building, "implement", refuse)
    with pytest.raises(SynthError, match=("^OrangeCrab r0.2 85F does not run this network as "
                                          "logic: it needs 9 of 1 LUTs$")):
        build_logic(layout(), BOARDS["orangecrab_85f"], out_dir=tmp_path)
    monkeypatch.setattr(building, "implement", lambda *_, **__: placed(20.0))
    with pytest.raises(SynthError, match="it reaches 20.0 MHz, not 50 MHz$"):
        build_logic(layout(), BOARDS["ulx3s_85f"], out_dir=tmp_path, frequency=50)


def test_bitstream(tmp_path, monkeypatch):
    # As few frames as a block holds: with as many as fit, placing them takes two minutes more.
    monkeypatch.setattr("qblif.boards.logic.frames_that_fit", lambda *_: 512)
    report = build_logic(layout(), BOARDS["ulx3s_85f"], out_dir=tmp_path, frequency=50)
    content = (tmp_path / report["bitstream"]).read_bytes()
    assert content.startswith(b"\xff\x00") and len(content) > 20_000
    assert report["clock_mhz"] == 50 <= report["fmax_mhz"] and not report["multipliers"]
    assert report["frames"] == 512 and report["bram"] == frame_banks(layout()) + 3
