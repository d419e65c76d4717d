"""Options out of range, unknown choices and devices: one line, and nothing written."""

import pytest
import torch
from cli_cases import NETWORK, TINY, refusal, run

from qblif.sim.simulators import SimulatorError

SPACE = f"""network = "{NETWORK}"
objectives = ["luts"]
[parameters]
lanes = [1]
"""


@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth"])
@pytest.mark.parametrize("lanes, reason", [
    ("0", "Lanes must be in 1..1024, not 0"), ("-4", "Lanes must be in 1..1024, not -4"),
    ("2000", "Lanes must be in 1..1024, not 2000"),
    ("many", "Lanes must be a number, or one a stage like 128,10 or 4x2,16, not 'many'"),
    ("8,", "Lanes must be a number, or one a stage like 128,10 or 4x2,16, not '8,'"),
    ("2.5", "Lanes must be a number, or one a stage like 128,10 or 4x2,16, not '2.5'"),
    ("1,2,3", "Lanes must be 1 number or 2, one a population, not 3")])
def test_lanes(capsys, out, lanes, reason, command):
    assert refusal(capsys, command, NETWORK, "--lanes", lanes, out=out) == reason


@pytest.mark.parametrize("command", ["verilog", "simulate", "synth"])
@pytest.mark.parametrize("option, value, reason", [
    ("--burst", "rate", "Burst mode must be one of shift, repeat, not 'rate'"),
    ("--quantiser", "table", "Quantiser must be one of slice, ladder, not 'table'")])
def test_unknown_choice(capsys, out, option, value, reason, command):
    assert refusal(capsys, command, NETWORK, option, value, out=out) == reason


EARLIER = ("analyse", "analysis", "build", "capacity", "check-netlist", "load", "program", "run",
           "simulate", "stream", "sweep", "synth", "train", "verilog")
PICTURES = ("bursts.png", "layers.png", "surrogates.png", "sweep.svg")


@pytest.mark.parametrize("arguments", [
    ["synth", NETWORK, "--device", "foo"], ["synth", NETWORK, "--bus", "foo"],
    ["synth", NETWORK, "--logic", "--device", "foo"],
    ["simulate", NETWORK, "--images", "x"], ["simulate", NETWORK, "--dask", "ftp://nobody"],
    ["analyse", NETWORK, "--images", "x"], ["capacity", NETWORK, "--images", "x"],
    ["sweep", "SPACE", "--dask", "ftp://nobody"],
    ["train", "--data", "none"], ["train", "--teacher", "none"],
    ["load", NETWORK, "--port", "none"], ["run", NETWORK, "--port", "none", "--images", "1"],
    ["run", NETWORK, "--port", "none", "--data", "none"],
    ["program", "none.bit", "--board", "ulx3s_85f"],
    ["program", "SPACE", "--board", "ulx3s_85f"], ["verilog", NETWORK, "--readback"],
    ["build", NETWORK, "--board", "none"],
    ["build", NETWORK, "--board", "ulx3s_85f", "--check-netlist", "1"],
    ["build", NETWORK, "--board", "icebreaker", "--check-netlist", "1", "--data", "none"]])
def test_a_wrong_option_leaves_earlier_results(out, tmp_path, arguments):
    if "--dask" in arguments:
        pytest.importorskip("distributed")
    space = tmp_path / "space.toml"
    space.write_text(SPACE)
    out.mkdir()
    names = sorted([*(f"{name}.json" for name in EARLIER), *PICTURES])
    for name in names:
        (out / name).write_text("earlier")
    assert run(*(space if a == "SPACE" else a for a in arguments), "--out", out) == 2
    assert [(out / name).read_text() for name in names] == ["earlier"] * len(names)
    assert sorted(path.name for path in out.iterdir()) == names


def test_work_that_fails_leaves_no_report(out, monkeypatch):
    """Nobody takes the one before for that of this run."""
    def fail(*_, **__):
        raise SimulatorError("the simulator is gone")

    monkeypatch.setattr("qblif.cli.simulate.simulate_network", fail)
    out.mkdir()
    (out / "simulate.json").write_text("earlier")
    assert run("simulate", NETWORK, "--images", "1", "--out", out) == 2
    assert not list(out.iterdir())


@pytest.mark.parametrize("options, reason", [
    (["--device", "foo"], "Device must be one of "), (["--images", "x"], "Images must be a number"),
    (["--simulator", "vcs"], "Simulator must be one of "), (["--lanes", "x"], "Lanes must be "),
    (["--lanes", "0"], "Lanes must be in 1..1024, not 0"),
    (["--lanes", "1,2,3"], "Lanes must be 1 number or 2, one a population, not 3"),
    (["--neurons", "lif,x"], "Neuron must be one of "), (["--data", "none"], "none: there is no ")])
def test_systems_refuses_before_it_trains(capsys, out, options, reason, monkeypatch):
    monkeypatch.setattr("qblif.cli.systems.train_network", None)
    assert refusal(capsys, "systems", *options, out=out).startswith(reason)


@pytest.mark.parametrize("value", ["0", "-1", "1001", "nan", "inf"])
def test_clock(capsys, out, value):
    assert refusal(capsys, "synth", NETWORK, "--frequency", value, out=out) == \
        f"Clock in MHz must be in 1..1000, not {float(value)}"


@pytest.mark.parametrize("option, value, reason", [
    ("--n-max", "0", "N_max must be in 1..63, not 0"),
    ("--n-max", "64", "N_max must be in 1..63, not 64"),
    ("--input-n-max", "64", "Input N_max must be in 1..63, not 64"),
    ("--w-width", "1", "Weight width must be in 2..16, not 1"),
    ("--w-width", "17", "Weight width must be in 2..16, not 17"),
    ("--v-width", "31", "Membrane width must be in 2..30, not 31"),
    ("--timesteps", "0", "Timesteps must be in 1..1024, not 0"),
    ("--n-max", "4,5,6", "N_max must be 1 number, not 3"),
    ("--hidden", "x", "Hidden sizes must be numbers like 128,64, not 'x'"),
    ("--hidden", "8,0", "Hidden size must be in 1..65536, not 0"),
    ("--hidden", "", "Hidden sizes must be numbers like 128,64, not ''"),
    ("--set", "hidden=64", "Hidden size must be a tuple or a list, not 64"),
    ("--set", "n_max=[]", "N_max must be given of at least one population, not ()"),
    ("--set", "cropp=4", "Recipe has no field 'cropp': crop is one"),
    ("--net", "16c3s0", ("Network must be one of dense, lenet, mnist-cnn, vgg-small, resnet20, "
                         "resnet19, resnet18, resnet34, or a chain like 16c3s2-p2-d64 with "
                         "numbers of 1..99999, not '16c3s0'")),
    ("--beta", "1.5", "Beta must be in 0..1, not 1.5"),
    ("--alpha", "nan", "Alpha must be in 0..1, not nan"),
    ("--n-max", "many", "N_max must be numbers like 128,64, not 'many'"),
    ("--reset", "hard", ("Reset must be one of none, gate, gate-input, subtract, late, held, zero, "
                         "not 'hard'")),
    ("--surrogate", "relu", ("Surrogate must be one of relsg-et, box-et, box-et-first, "
                             "box-et-each, rectangular, arctan, sigmoid, quadratic-window, "
                             "mid-level, not 'relu'")),
    ("--epochs", "0", "Epochs must be at least 1, not 0"),
    ("--batch", "1", "Batch must be at least 2, not 1")])
def test_train_option_out_of_range(capsys, stripes, out, option, value, reason):
    assert refusal(capsys, "train", "--data", stripes, option, value, out=out) == reason


def test_hidden_sizes_of_a_chain(capsys, stripes, out):
    assert refusal(capsys, "train", "--data", stripes, "--net", "mnist-cnn", "--hidden", "8",
                   out=out) == "--hidden is of dense networks: it does not go with --net mnist-cnn"


def test_train_on_an_unknown_device(capsys, stripes, out):
    assert refusal(capsys, "train", "--data", stripes, "--device", "tpu9",
                   out=out).startswith("Device 'tpu9' cannot be used: ")


def test_train_without_the_gpu_that_was_asked_for(capsys, stripes, out, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("Torch not compiled with CUDA enabled")
    monkeypatch.setattr(torch, "empty", fail)
    assert refusal(capsys, "train", "--data", stripes, "--device", "cuda", out=out) == \
        "Device 'cuda' cannot be used: Torch not compiled with CUDA enabled"


def test_train_resumes_nothing(capsys, stripes, out):
    assert refusal(capsys, "train", "--data", stripes, "--resume", *TINY, out=out) == \
        f"{out / 'checkpoint.pt'}: there is no such checkpoint"


def test_train_starts_with_nothing(capsys, stripes, out):
    missing = out.parent / "none.pt"
    assert refusal(capsys, "train", "--data", stripes, "--start", missing, *TINY, out=out) == \
        f"{missing}: there is no such checkpoint"


def test_unknown_simulator(capsys, out):
    assert refusal(capsys, "simulate", NETWORK, "--simulator", "vcs", out=out) == \
        "Simulator must be one of verilator, icarus, not 'vcs'"


def test_unknown_router(capsys, out):
    assert refusal(capsys, "synth", NETWORK, "--router", "router3", out=out) == \
        "Router must be router1 or router2, not 'router3'"


def test_unknown_device(capsys, out):
    assert refusal(capsys, "synth", NETWORK, "--device", "artix7", out=out) == \
        "Device must be one of ecp5-25k, ecp5-45k, ecp5-85k, up5k, hx8k, not 'artix7'"
