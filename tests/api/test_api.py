"""The library's door: what `import qblif` gives, and that it is what the wings do."""

import json
import subprocess
import sys

import numpy as np
import pytest

import qblif
from qblif.golden import integer
from qblif.golden.spec.artifact import ArtifactError
from qblif.hw.layout.cycles import count_cycles


def test_names():
    assert set(qblif.__all__) <= set(dir(qblif))
    for name in qblif.__all__:
        assert getattr(qblif, name)
    with pytest.raises(AttributeError, match="^module 'qblif' has no attribute 'compiles'$"):
        _ = qblif.compiles


def test_import_is_lean():
    code = ("import sys, qblif; qblif.load, qblif.compile, qblif.Host; "
            "sys.exit(', '.join({'torch', 'amaranth'} & set(sys.modules)) or 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_base_of_errors():
    from qblif.boards.flow.tools import SynthError
    from qblif.boards.host.line import HostError
    from qblif.golden.training.checkpoint import CheckpointError
    from qblif.sim.simulators import SimulatorError
    for kind in (ArtifactError, SynthError, HostError, SimulatorError, CheckpointError):
        assert issubclass(kind, qblif.QblifError)


def test_networks_that_ship():
    assert "mnist-mlp" in qblif.networks()
    net = qblif.load("mnist-mlp")
    assert net.spec.input.size == 784 and net.activity


def test_file_that_is_not_there():
    with pytest.raises(ArtifactError, match=r"^mnist-mpl: there is no such file, and the networks "
                                            r"that ship are .*mnist-mlp"):
        qblif.load("mnist-mpl")


def test_levels_of_images_and_of_levels(tiny):
    net, _, frames = tiny
    np.testing.assert_array_equal(net.levels(frames), frames)
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    assert net.levels(images).shape == (2, 12) and net.levels(images).max() <= 5
    np.testing.assert_array_equal(net.run(images), net.run(net.levels(images)))
    with pytest.raises(ValueError, match="^Images have 6 pixels, but the network's input has 12$"):
        net.levels(np.zeros((1, 2, 3), np.uint8))


@pytest.mark.parametrize("wanted, text", [
    ({"lanes": 4, "device": "up5k"}, "Give lanes or a device, not both: 4 and 'up5k'"),
    ({"device": "up6k"}, "Device must be one of .*up5k.*, not 'up6k'"),
    ({"lanes": 0}, "Lanes must be in 1..1024, not 0"),
    ({"lanes": [1, 2, 3]}, "Lanes must be 1 number or 2, one a population, not 3"),
    ({"burst": "twice"}, "Burst mode must be one of shift, repeat, not 'twice'")])
def test_what_cannot_be_laid_out(tiny, wanted, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        qblif.compile(tiny[0], **wanted)


def test_hardware(tiny, tmp_path):
    net, layout, frames = tiny
    hardware = qblif.compile(net, lanes=4)
    assert hardware.layout == layout and hardware.digest == layout.digest
    assert hardware.lanes[0] == [4] and "4, " in repr(hardware)
    text = hardware.verilog(tmp_path / "net.v")
    assert (tmp_path / "net.v").read_text() == text and "module qblif_network" in text
    assert json.loads((tmp_path / "net.json").read_text()) == json.loads(
        json.dumps(hardware.manifest))
    assert hardware.verilog(bake=True) != text
    levels = {name: found.numpy() for name, found in integer.run(net, frames).levels.items()}
    expected = count_cycles(layout, frames, levels)
    np.testing.assert_array_equal(hardware.cycles(frames).latency, expected.latency)


def test_lanes_for_a_device(tiny):
    assert qblif.compile(tiny[0], device="hx8k").fits("hx8k")


def test_fit():
    hardware = qblif.compile(qblif.load("mnist-mlp"), lanes=32)
    small, large = hardware.fits("up5k"), hardware.fits("ecp5-85k")
    assert large and not small and "block RAMs" in small.refusal
    assert str(large).startswith("fits ecp5-85k: ") and "of 208 block RAMs" in str(large)
    assert str(small).startswith("does not fit up5k: ")
    with pytest.raises(ValueError, match="^Device must be one of .*, not 'ecp6'$"):
        hardware.fits("ecp6")


def test_simulation(tiny, icarus):
    net, _, frames = tiny
    result = qblif.compile(net, lanes=4).simulate(frames[:5], simulator=icarus)
    assert result.ok and result.frames == 5
    np.testing.assert_array_equal(result.classes, net.run(frames[:5]))
    assert str(result).startswith("5 frames on icarus: 0 of 150 levels, 0 of 195 membranes")


def test_build_of_a_layout(tiny, tmp_path):
    """A board that the vendor's tool places: the files for it, of just this layout."""
    hardware = qblif.compile(tiny[0], lanes=2)
    report = hardware.build("arty_a7_35", out_dir=tmp_path)
    assert report["layout_digest"] == hardware.digest and report["lanes"] == hardware.lanes


def test_report(tiny, tmp_path):
    pytest.importorskip("jinja2", reason="the page needs jinja2: pip install 'qblif[report]'")
    net, _, frames = tiny
    hardware = qblif.compile(net, lanes=4)
    labels = integer.run(net, frames).classes.numpy()
    found = hardware.report(tmp_path / "new", frames, labels, title="mine", device="up5k",
                            neuron="hidden/2")
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == found
    assert "<h1>mine</h1>" in (tmp_path / "new" / "report.html").read_text()
    assert found["accuracy"]["rungs"][-1]["share"] == 1
    assert found["cycles"]["cycles"] == hardware.cycles(frames).interval.mean()
    assert found["reproduce"]["command"] == "hardware.report(out_dir, images, labels)"
    assert found["placed"]["command"] == "hardware.report(out_dir, images, labels, synth=True)"
    bare = hardware.report(tmp_path, progress=str.strip)
    assert bare["bursts"]["missing"] and bare["reproduce"]["command"] == "hardware.report(out_dir)"


@pytest.mark.parametrize("options, text", [
    ({"images": [[0] * 12]}, "Labels must be one an image, 1, not 0"),
    ({"images": [[0] * 12], "labels": [1, 2]}, "Labels must be one an image, 1, not 2"),
    ({"rtl": True}, "A simulation needs images, not None"),
    ({"device": "up6k"}, "Device must be one of .*up5k.*, not 'up6k'"),
    ({"neuron": "a/1"}, "Population must be one of hidden, out.*, not 'a'")])
def test_what_cannot_be_reported(tiny, tmp_path, options, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        qblif.compile(tiny[0], lanes=4).report(tmp_path, **options)
    assert not list(tmp_path.glob("report.*"))


def test_a_neuron_traced(tiny):
    net, _, frames = tiny
    hardware = qblif.compile(net, lanes=2)
    found = hardware.trace(frames[0], "hidden/3", simulator="amaranth")
    assert found["equal"] and found["neuron"] == 3 and len(found["timesteps"]) == 3
    run = integer.run(net, frames[:1])
    assert [step["rtl"]["level"] for step in found["timesteps"]] == \
        run.levels["hidden"][:, 0, 3].tolist()
    assert hardware.trace(frames[0], "hidden/3", simulator=None)["equal"] is None
    with pytest.raises(ValueError, match=r"^Neuron of hidden must be in 0\.\.9, not 10$"):
        hardware.trace(frames[0], "hidden/10")


def test_verilog_behind_a_bus(tiny, tmp_path):
    hardware = qblif.compile(tiny[0], lanes=2)
    text = hardware.verilog(tmp_path / "bus.v", bus="axi")
    assert "s_axis_tdata" in text and "s_axis_tdata" not in hardware.verilog()
    assert json.loads((tmp_path / "bus.json").read_text())["clock"] == "aclk"
    with pytest.raises(ValueError, match="^Bus must be one of axi, wishbone, not 'pci'$"):
        hardware.verilog(bus="pci")
