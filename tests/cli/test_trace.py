"""`qblif trace`, and the options --verilog and --waves of `qblif simulate`."""

import json
import shutil

import numpy as np
import pytest
from cli_cases import NETWORK, refusal, run
from vcd.gtkw import GTKWFlag
from waves_read import Waves

from qblif.golden.neuron_trace import find_neuron
from qblif.golden.spec import Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained, load
from qblif.golden.spec.errors import InvalidValue
from qblif.golden.spec.synapses import Conv2d, Dense


def trace(short, stripes, out, *options):
    code = run("trace", short / "network.safetensors", "--data", stripes, "--lanes", "2", "--out",
               out, *options)
    return code, json.loads((out / "trace.json").read_text())


@pytest.mark.parametrize("simulator", ["icarus", "amaranth"])
def test_equal(capsys, short, stripes, out, icarus, simulator):
    code, report = trace(short, stripes, out, "--neuron", "hidden1/2", "--frame", "5",
                         "--simulator", simulator)
    assert code == 0 and report["equal"] is True and report["simulator"] == simulator
    assert (report["population"], report["neuron"], report["frame"]) == ("hidden1", 2, 5)
    assert report["position"] is None and report["mismatches"] == 0
    network = load(short / "network.safetensors")
    assert len(report["timesteps"]) == network.spec.timesteps == 2
    for step in report["timesteps"]:
        assert step["rtl"] == step["golden"]
        assert sum(event["rtl"]["product"] for event in step["events"]) == step["golden"]["sum"]
    shown = capsys.readouterr().out
    count = len(report["timesteps"][0]["events"])
    for text in ("hidden1 neuron 2, frame 5", "golden", "RTL", f"timestep 0: {count} events, 12",
                 "timestep 1: the same events", f"sum of {count} events", "membrane before",
                 "thresholds reached", "membrane left", "\nequal\n"):
        assert text in shown, text


def test_without_rtl(capsys, short, stripes, out):
    code, report = trace(short, stripes, out, "--neuron", "output/3", "--no-rtl")
    assert code == 0 and report["equal"] is None and report["simulator"] is None
    # A read-out has a membrane, and neither thresholds nor a level.
    assert not {"reached", "level"} & report["timesteps"][0]["golden"].keys()
    shown = capsys.readouterr().out
    assert "membrane left" in shown and "thresholds" not in shown and "RTL" not in shown


@pytest.fixture(scope="module")
def baked(short, tmp_path_factory):
    """A folder of ``qblif verilog``, whose weight 2, 20 of the first synapse is off by 9."""
    folder = tmp_path_factory.mktemp("baked")
    trained = load(short / "network.safetensors")
    weights = {name: found.copy() for name, found in trained.weights.items()}
    weights["input->hidden1"][2, 20] += 9 if weights["input->hidden1"][2, 20] < 0 else -9
    Trained(trained.spec, weights, trained.biases).save(folder / "other.safetensors")
    assert run("verilog", folder / "other.safetensors", "--bake", "--lanes", "4", "--out",
               folder) == 0
    return folder


def test_corrupted_weight_from_simulate_to_trace(capsys, short, stripes, out, icarus, baked):
    file = short / "network.safetensors"
    assert run("simulate", file, "--data", stripes, "--simulator", "icarus", "--images", "5",
               "--verilog", baked, "--out", out) == 1
    report = json.loads((out / "simulate.json").read_text())
    first = report["first_neuron"]
    assert (first["population"], first["neuron"]) == ("hidden1", 2)
    assert report["cycles"]["model_equal"] is True
    hint = f"qblif trace FILE --neuron hidden1/2 --frame {first['frame']}"
    shown = capsys.readouterr().out
    assert hint in shown and "are baked into the Verilog, but the network file has" in shown

    code, report = trace(short, stripes, out, *hint.split()[3:], "--verilog", baked, "--simulator",
                         "icarus")
    assert code == 1 and report["equal"] is False
    weight = int(load(file).weights["input->hidden1"][2, 20])
    assert report["differences"][0] == (f"weight 2, 20 of synapse input->hidden1 differs: RTL "
                                        f"{weight + (9 if weight < 0 else -9)}, network file "
                                        f"{weight}")
    assert report["differences"][0] in capsys.readouterr().out


def test_baked_verilog_that_is_right(short, stripes, out, icarus, tmp_path):
    file = short / "network.safetensors"
    assert run("verilog", file, "--bake", "--lanes", "3", "--out", tmp_path) == 0
    assert run("simulate", file, "--data", stripes, "--simulator", "icarus", "--images", "4",
               "--verilog", tmp_path, "--out", out) == 0
    report = json.loads((out / "simulate.json").read_text())
    assert report["ok"] and report["first_neuron"] is None
    assert [synapse["lanes"] for synapse in report["synapses"]] == [3, 1]


@pytest.mark.parametrize("command", ["simulate", "trace"])
def test_verilog_that_does_not_serve(capsys, short, out, baked, tmp_path, command, icarus):
    def refused(folder):
        return refusal(capsys, command, short / "network.safetensors", "--simulator", "icarus",
                       *(["--neuron", "hidden1/0"] if command == "trace" else []),
                       "--verilog", folder, out=out)
    manifest = tmp_path / "manifest.json"
    assert refused(tmp_path) == f"{tmp_path / 'network.v'}: No such file or directory"
    shutil.copy(baked / "network.v", tmp_path)
    assert refused(tmp_path) == f"{manifest}: No such file or directory"
    for text in ("{", "[]", "{}", '{"network_digest": 1}', "[" * 100_000):
        manifest.write_text(text)
        assert refused(tmp_path) == f"{manifest}: damaged, or not the manifest of qblif verilog"
    found = json.loads((baked / "manifest.json").read_text())
    digest = load(short / "network.safetensors").spec.digest
    manifest.write_text(json.dumps(found | {"network_digest": "0123456789abcdef"}))
    assert refused(tmp_path) == f"{manifest}: is of network 0123456789abcdef, not {digest}"
    for other in ({"layout_digest": "0123456789abcdef"}, {"manifest_version": 99}):
        manifest.write_text(json.dumps(found | other))
        assert refused(tmp_path) == (f"{manifest}: was generated by another version: generate it "
                                     "again")
    manifest.write_text(json.dumps(found | {"input": 5}))
    assert refused(tmp_path) == f"{manifest}: damaged, its input is no object"
    for missing in ("ports", "stages"):
        manifest.write_text(json.dumps({k: v for k, v in found.items() if k != missing}))
        assert refused(tmp_path) == f"{manifest}: damaged, or not the manifest of qblif verilog"
    manifest.write_text(json.dumps(found | {"input": found["input"] | {"sound": {}}}))
    assert refused(tmp_path) == f"{manifest}: takes samples of sound, not events"
    manifest.write_text(json.dumps(found | {"bus": "axi"}))
    assert refused(tmp_path) == f"{manifest}: is behind a bus"


def test_amaranth_reads_no_verilog(capsys, short, stripes, out, baked):
    assert refusal(capsys, "trace", short / "network.safetensors", "--data", stripes, "--neuron",
                   "hidden1/0", "--simulator", "amaranth", "--verilog", baked, out=out) == \
        "Simulator amaranth does not read Verilog: use one of verilator, icarus"


# Names of neurons.

MAP = Network(
    timesteps=1, input=Input(shape=(1, 6, 6), n_max=3), synapses=[
        Conv2d(source="input", target="conv", kernel=3), Dense(source="conv", target="out")],
    populations=[
        Population(name="conv", shape=(2, 4, 4), sum_width=12, neuron=Neuron(
            quantiser=Quantiser(n_max=3, theta=4), v_width=12)),
        Population(name="out", shape=(3,), sum_width=14, neuron=Neuron(
            quantiser=None, v_width=14))])


def test_names():
    assert find_neuron(MAP, "out/2") == ("out", 2)
    assert find_neuron(MAP, "conv/31") == ("conv", 31)
    assert find_neuron(MAP, "conv/1,2,3") == ("conv", int(np.ravel_multi_index((1, 2, 3),
                                                                               (2, 4, 4))))


@pytest.mark.parametrize("text, sentence", [
    ("conv", "Neuron must be POPULATION/INDEX or POPULATION/CHANNEL,ROW,COLUMN, not 'conv'"),
    ("/1", "Population must be one of conv, out, not ''"),
    ("conv2/1", "Population must be one of conv, out, not 'conv2'"),
    ("input/1", "Population must be one of conv, out, not 'input'"),
    *((f"conv/{place}", f"Neuron of conv must be in 0..31 or 0..1,0..3,0..3, not {place}")
      for place in ("32", "-1", "2,0,0", "0,4,0", "0,0,4", "0,0", "0,0,0,0", "x", "", "1.5",
                    "0,0,", "٣")),
    ("out/3", "Neuron of out must be in 0..2, not 3"),
    ("out/0,0,0", "Neuron of out must be in 0..2, not 0,0,0")])
def test_bad_names(text, sentence):
    with pytest.raises(InvalidValue) as refused:
        find_neuron(MAP, text)
    assert str(refused.value) == sentence


def test_bad_neuron(capsys, out):
    assert refusal(capsys, "trace", NETWORK, "--neuron", "hidden1/128", "--no-rtl", out=out) == \
        "Neuron of hidden1 must be in 0..127, not 128"


def test_bad_simulator(capsys, out):
    assert refusal(capsys, "trace", NETWORK, "--neuron", "hidden1/1", "--simulator", "x",
                   out=out) == "Simulator must be one of verilator, icarus, amaranth, not 'x'"


@pytest.mark.parametrize("frame", ["40", "-1"])
def test_bad_frame(capsys, short, stripes, out, icarus, frame):
    file = short / "network.safetensors"
    for command in (["trace", file, "--neuron", "hidden1/0", "--no-rtl", "--frame", frame],
                    ["simulate", file, "--simulator", "icarus", "--waves", frame]):
        assert refusal(capsys, *command, "--data", stripes, out=out) == \
            f"Frame must be in 0..39, not {frame}"


# Waves.

def test_waves(capsys, short, stripes, out, icarus, monkeypatch):
    monkeypatch.setattr("qblif.sim.waves.NEURONS", 5)
    file = short / "network.safetensors"
    assert run("simulate", file, "--data", stripes, "--simulator", "icarus", "--lanes", "2",
               "--images", "3", "--waves", "7", "--out", out) == 0
    report = json.loads((out / "simulate.json").read_text())
    sentence = ("hidden1 has 6 neurons, more than 5: the waves have its events, but not its levels "
                "and membranes; qblif trace shows those of one neuron")
    assert report["waves"] == {"vcd": "waves/frame7.vcd", "gtkw": "waves/frame7.gtkw",
                               "left_out": [sentence]}
    shown = capsys.readouterr().out
    assert sentence in " ".join(shown.split())
    waves = Waves(out / "waves/frame7.vcd")
    assert "network.hidden1.events.neuron" in waves.variables
    assert not any("hidden1.membranes" in name for name in waves.variables)
    code, report = trace(short, stripes, out, "--neuron", "output/1", "--frame", "7", "--no-rtl")
    membranes = [value for value in waves.values("output.membranes.membrane_1", signed=True)
                 if value is not None]
    steps = [step["golden"]["membrane"] for step in report["timesteps"]]
    assert code == 0 and membranes[0] == steps[0] and membranes[-1] == steps[-1]
    # The events are those that reach the read-out, timestep by timestep; handshakes are known.
    events = [[]]
    for neuron, level, end in waves.transfers("hidden1.events", "neuron", "level", "end"):
        events[-1:] = [events[-1], []] if end else [[*events[-1], (neuron, level)]]
        assert not end or (neuron, level) == (None, None)
    assert events == [*([(event["source"], event["golden"]["level"]) for event in step["events"]]
                        for step in report["timesteps"]), []]
    for stream in ("input.events", "hidden1.events", "output.class"):
        assert None not in waves.values(f"{stream}.valid") + waves.values(f"{stream}.ready")
    # The save file shows each variable, the numbers in signed decimals.
    format_, lines = None, {}
    for line in (out / "waves/frame7.gtkw").read_text().splitlines():
        if line.startswith("@"):
            format_ = int(line[1:], 16)
        elif line.startswith("network"):
            lines[line] = format_
    assert lines.keys() == waves.variables.keys()
    assert lines["network.output.membranes.membrane_1"] & GTKWFlag.signed.value
    assert lines["network.hidden1.events.valid"] & GTKWFlag.bin.value


def test_labels_of_the_waves_are_the_class(short, stripes, out, icarus):
    assert run("simulate", short / "network.safetensors", "--data", stripes, "--simulator",
               "icarus", "--lanes", "2", "--images", "1", "--waves", "0", "--out", out) == 0
    waves = Waves(out / "waves/frame0.vcd")
    membranes = [waves.values(f"output.membranes.membrane_{k}", signed=True)[-1] for k in range(4)]
    label, = (label for label, in waves.transfers("output.class", "label"))
    assert label == int(np.argmax(membranes))
