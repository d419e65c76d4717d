import json
import struct
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
from cli_cases import analyse

from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.config import SURROGATE_NAMES
from qblif.golden.training.data.readers import load_folder

PICTURES = ("bursts.png", "layers.png", "surrogates.png")


def colours(path):
    """How many different pixel rows a PNG has, as a measure that something is drawn."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) == (8, 6) and width > 300 and height > 200
    packed, at = b"", 8
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += length + 12
    rows = zlib.decompress(packed)
    step = len(rows) // height
    return len({rows[k:k + step] for k in range(0, len(rows), step)})


def test_report_and_pictures(files, images, tiny, tmp_path, capsys):
    trained = tiny[0]
    assert analyse(files["first"], "--data", images, "--images", "9", "--out", tmp_path) == 0
    report = json.loads((tmp_path / "analyse.json").read_text())
    assert report == json.loads((tmp_path / "analysis.json").read_text())
    levels = to_levels(load_folder(images).test_images[:9], 5)
    trace = integer.run(trained, levels)
    sent = trace.levels["hidden"].flatten().tolist()
    labels = load_folder(images).test_labels[:9]
    assert (report["images"], report["timesteps"], report["rtl"]) == (9, 3, None)
    assert report["accuracy"] == pytest.approx((trace.classes.numpy() == labels).mean())
    hidden = report["layers"][1]
    assert hidden["histogram"] == [sent.count(level) for level in range(6)]
    assert hidden["activity"] == pytest.approx(1 - sent.count(0) / len(sent))
    assert (hidden["gamma"], hidden["theta"], hidden["levels"]) == (None, 32, [*range(6)])
    paper, repeat, shift = report["energy"]
    assert paper["flops"] == 120 and paper["sops"] == pytest.approx(3 * sum(sent) / 9)
    assert repeat["sops"] == pytest.approx(10 * levels.sum() / 9 + paper["sops"])
    assert shift["sops"] < repeat["sops"] and repeat["flops"] == shift["flops"] == 0
    for energy in report["energy"]:
        assert energy["joules"] == pytest.approx(
            energy["flops"] * 12.5e-12 + energy["sops"] * 77e-15 + energy["signs"] * 3.7e-12)
    assert set(report["surrogates"][0]["slopes"]) == set(SURROGATE_NAMES)
    for name in PICTURES:
        assert colours(tmp_path / name) > 50
    shown = capsys.readouterr().out
    assert "hidden" in shown and "bursts, shift" in shown


def test_chosen_layers(files, images, tmp_path, monkeypatch):
    """The bursts of those asked for, the other pictures of all."""
    from qblif.cli import pictures
    drawn = {}
    for name in ("draw_bursts", "draw_layers"):
        monkeypatch.setattr(pictures, name, lambda layers, name=name: drawn.update(
            {name: [layer.name for layer in layers]}) or b"")
    for given, bursts in (("hidden", ["hidden"]), ("hidden,input", ["input", "hidden"])):
        assert analyse(files["first"], "--data", images, "--layers", given, "--out", tmp_path) == 0
        assert drawn == {"draw_bursts": bursts, "draw_layers": ["input", "hidden"]}


def test_pictures_show_the_numbers():
    """Another histogram makes another picture."""
    from qblif.cli.pictures import draw_bursts, draw_layers
    from qblif.golden.study.analysis import Layer
    layer = Layer(name="a", neurons=1, levels=(0, 1), histogram=(9, 1), gamma=0.5, theta=8)
    other = replace(layer, histogram=(5, 5))
    for draw in (draw_bursts, draw_layers):
        assert draw([layer]) != draw([other])


def test_many_layers_have_pictures(tmp_path):
    from qblif.cli.pictures import draw_bursts, draw_layers, draw_surrogates
    from qblif.golden.spec import Quantiser
    from qblif.golden.study.analysis import Layer, surrogate_curves
    layers = [Layer(name=f"layer{k}", neurons=1, levels=(0, 1), histogram=(9, 1), theta=8,
                    gamma=None) for k in range(13)]
    neuron = Neuron(quantiser=Quantiser(n_max=1, theta=8), v_width=9)
    curves = [surrogate_curves(Population(name=x.name, shape=(1,), neuron=neuron, sum_width=9))
              for x in layers[:5]]
    for name, data in zip(PICTURES, (draw_bursts(layers[:5]), draw_layers(layers),
                                     draw_surrogates(curves, "arctan")), strict=True):
        (tmp_path / name).write_bytes(data)
        assert colours(tmp_path / name) > 50


def test_no_population_fires(images, tmp_path):
    spec = Network(timesteps=1, input=Input(shape=(12,), n_max=2), populations=[Population(
        name="out", shape=(3,), neuron=Neuron(quantiser=None, v_width=12), sum_width=12)],
        synapses=[Dense(source="input", target="out")])
    Trained(spec, {"input->out": np.ones((3, 12), np.int32)}).save(tmp_path / "n.safetensors")
    assert analyse(tmp_path / "n.safetensors", "--data", images, "--out", tmp_path) == 0
    report = json.loads((tmp_path / "analysis.json").read_text())
    assert (report["surrogates"], report["energy"][0]["signs"]) == ([], 0)
    assert (tmp_path / "layers.png").exists() and not (tmp_path / "surrogates.png").exists()


def test_without_matplotlib(files, images, tmp_path, monkeypatch, capsys):
    for name in [n for n in sys.modules if n.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "qblif.cli.pictures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    (tmp_path / "bursts.png").write_bytes(b"old")
    assert analyse(files["first"], "--data", images, "--out", tmp_path) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line == ("qblif: The pictures need matplotlib: pip install 'qblif[plot]' (the numbers "
                    f"are in {tmp_path / 'analysis.json'})")
    assert json.loads((tmp_path / "analysis.json").read_text())["images"] == 20
    assert not (tmp_path / "bursts.png").exists()


@pytest.mark.parametrize("options, reason", [
    (["--images", "0"], "Images must be a number of at least 1, or all, not '0'"),
    (["--images", "few"], "Images must be a number of at least 1, or all, not 'few'"),
    (["--rtl", "-1"], "Images on the RTL must be a number, or 0 for none, not '-1'"),
    (["--rtl", "all"], "Images on the RTL must be a number, or 0 for none, not 'all'"),
    (["--rtl", "3", "--simulator", "vcs"],
     "Simulator must be one of verilator, icarus, not 'vcs'"),
    (["--layers", "hidden,hiden"], "Layers must be among input, hidden, not 'hiden'"),
    (["--layers", ""], "Layers must be among input, hidden, not ''"),
    (["--lanes", "0"], "Lanes must be in 1..1024, not 0")])
def test_bad_option(files, images, tmp_path, capsys, options, reason):
    assert analyse(files["first"], "--data", images, *options, "--out", tmp_path) == 2
    assert capsys.readouterr().err == f"qblif: {reason}\n"
    assert not (tmp_path / "analysis.json").exists()


def test_more_images_on_the_rtl_than_there_are(files, images, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("qblif.sim.simulators.require", lambda simulator: simulator)
    assert analyse(files["first"], "--data", images, "--images", "3", "--rtl", "4",
                   "--out", tmp_path) == 2
    assert capsys.readouterr().err == (
        "qblif: Images on the RTL must be at most the 3 that are analysed, not 4\n")


def test_missing_network(images, tmp_path, capsys):
    path = tmp_path / "none.safetensors"
    assert analyse(path, "--data", images, "--out", tmp_path) == 2
    assert capsys.readouterr().err == f"qblif: {path}: there is no such file\n"


def test_images_of_another_size(tmp_path, images, capsys):
    spec = Network(timesteps=1, input=Input(shape=(5,), n_max=2), populations=[Population(
        name="out", shape=(3,), neuron=Neuron(quantiser=None, v_width=12), sum_width=12)],
        synapses=[Dense(source="input", target="out")])
    Trained(spec, {"input->out": np.ones((3, 5), np.int32)}).save(tmp_path / "n.safetensors")
    assert analyse(tmp_path / "n.safetensors", "--data", images, "--out", tmp_path) == 2
    assert "have 12 pixels, but the network's input has 5" in capsys.readouterr().err
