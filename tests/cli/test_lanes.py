import json
from pathlib import Path

from cli_cases import run

NETWORKS = Path(__file__).parents[2] / "networks"


def info(name, lanes, out):
    return run("info", NETWORKS / name, "--lanes", lanes, "--out", out)


def test_a_device_decides_on_the_lanes(tmp_path):
    assert info("mnist-cnn.safetensors", "ecp5-85k", tmp_path) == 0
    large = json.loads((tmp_path / "info.json").read_text())["stages"]
    assert info("mnist-cnn.safetensors", "ecp5-25k", tmp_path) == 0
    small = json.loads((tmp_path / "info.json").read_text())["stages"]
    assert large[2]["lanes"] == [64]
    added = [sum(max(stage["lanes"]) * stage["ports"] for stage in stages)
             for stages in (small, large)]
    assert added[0] < added[1]


def test_a_device_that_is_too_small(tmp_path, capsys):
    assert info("cifar-vgg.safetensors", "hx8k", tmp_path) == 2
    error, = capsys.readouterr().err.strip().splitlines()
    assert error.startswith("qblif: The network does not fit hx8k: it needs ")
    assert "of 32 block RAMs" in error
