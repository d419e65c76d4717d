"""What a point is measured by, and what a sweep makes of its points."""

import fcntl
import json

import numpy as np
import pytest
from sweep_cases import history, lanes_space, run, write_space

import qblif
from qblif.golden.spec.artifact import load
from qblif.golden.spec.errors import InvalidValue, QblifError
from qblif.golden.study.analysis import layers_of, take_census
from qblif.golden.study.energy import energies, synapse_costs
from qblif.sweep import evaluate as measured
from qblif.sweep.read import read_space
from qblif.sweep.run import best, run_sweep, write_sweep
from qblif.sweep.workers import start_workers


def test_figures_are_those_of_the_commands(network, digits, tmp_path):
    space = write_space(tmp_path, f"""
        network = "{network}"
        data = "{digits}"
        images = 20
        objectives = ["accuracy", "cycles", "luts", "block_rams", "energy"]
        [parameters]
        lanes = [2, 5]
        burst = ["repeat", "shift"]
        device = ["up5k"]
        n_max = [2, 5]
        """)
    found = run(space, tmp_path / "out")
    assert len(found["points"]) == 8 and not found["refused"]
    net, images = load(network), qblif.dataset(digits)
    frames, labels = images.test_images[:20], images.test_labels[:20]
    for point in found["points"]:
        lanes, burst, _, n_max = point["parameters"].values()
        lowered = measured._lowered(net, n_max)
        assert lowered.spec.populations[0].emit_max == n_max
        hardware, fit = qblif.compile(lowered, lanes=lanes, burst=burst), point["figures"]
        assert fit["cycles"] == hardware.cycles(frames).interval.mean()
        assert fit["accuracy"] == (lowered.run(frames) == labels).mean()
        fits = hardware.fits("up5k")
        assert (fit["luts"], fit["block_rams"]) == (fits.lut, fits.bram)
        census = take_census(lowered, lowered.levels(frames))
        paper, *_ = energies(synapse_costs(lowered.spec, census), layers_of(lowered, census))
        assert fit["energy"] == 1e9 * paper.joules / 20
    assert len({point["figures"]["cycles"] for point in found["points"]}) > 4


def test_networks_are_trained_once_by_what_decides_them(digits, tmp_path, monkeypatch):
    trainings, train = [], measured.train

    def counted(config, images):
        trainings.append((config.w_width, config.timesteps))
        return train(config, images)

    monkeypatch.setattr(measured, "train", counted)
    space = write_space(tmp_path, f"""
        data = "{digits}"
        objectives = ["accuracy", "cycles"]
        [parameters]
        weight_bits = [3, 8]
        lanes = [1, 3]
        [train]
        hidden = [5]
        timesteps = 1
        epochs = 1
        qat_epochs = 1
        batch = 20
        """)
    found, found_of = run(space, tmp_path / "out"), {}
    assert sorted(trainings) == [(3, 1), (8, 1)]
    for point in found["points"]:
        networks = [load(file) for file in (tmp_path / "out/networks").glob("*.safetensors")]
        net, = (n for n in networks
                if n.spec.synapses[0].w_width == point["parameters"]["weight_bits"])
        assert point["figures"]["accuracy"] == net.notes["validation"]["quantised"][-1]
        assert net.spec.populations[0].size == 5
        found_of[net.notes["accuracy_integer"]] = point["parameters"]
    by_test = run(space, tmp_path / "test", split="test")
    assert {point["figures"]["accuracy"]: point["parameters"]
            for point in by_test["points"]} == found_of
    assert len(trainings) == 4
    # Only what its objectives need: without images nothing is trained.
    sizes = run(space, tmp_path / "sizes", objectives=("luts",))
    assert len(trainings) == 4 and not (tmp_path / "sizes/networks").exists()
    luts = [point["figures"]["luts"] for point in sizes["points"]]
    assert len(set(luts)) == 4
    # Other data is another sweep.
    with pytest.raises(InvalidValue, match="of another sweep, whose data is"):
        run(space, tmp_path / "out", data=None)


def test_what_does_not_fit_is_refused_and_the_others_go_on(network, tmp_path):
    found = run(lanes_space(tmp_path, network, [1, "2,3,4", 2]), tmp_path / "out")
    assert [point["parameters"]["lanes"] for point in found["points"]] == [1, 2]
    refused, = found["refused"]
    assert refused == {"parameters": {"lanes": "2,3,4"}, "reason":
                       "Lanes must be 1 number or 2, one a population, not 3"}
    assert found["wanted"] == 3
    huge = run(lanes_space(tmp_path, "cifar-vgg", [1]), tmp_path / "huge")
    assert huge["points"]  # On the default device.
    space = write_space(tmp_path, 'network = "cifar-vgg"\nobjectives = ["luts"]\n'
                        '[parameters]\ndevice = ["hx8k"]\n')
    small, = run(space, tmp_path / "small")["refused"]
    assert small["reason"].startswith("Does not fit hx8k: ")


def test_rtl_takes_the_place_of_the_models(network, digits, tmp_path, icarus):
    space = write_space(tmp_path, f"""
        network = "{network}"
        data = "{digits}"
        images = 4
        objectives = ["accuracy", "cycles"]
        [parameters]
        lanes = [2]
        """)
    by_model = run(space, tmp_path / "model")["points"]
    by_rtl = run(space, tmp_path / "rtl", simulator=icarus)["points"]
    assert by_rtl == by_model


def test_a_machine_that_cannot_measure_ends_the_sweep_and_keeps_the_rest(network, tmp_path,
                                                                        monkeypatch):
    space, estimated = lanes_space(tmp_path, network, [1, 2, 4]), measured._estimated

    def broken(layout, device):
        if layout.plan.stages[0].lanes == (2,):
            raise QblifError("No disk")
        return estimated(layout, device)

    monkeypatch.setattr(measured, "_estimated", broken)
    with pytest.raises(QblifError, match="^lanes 2: No disk$"):
        run(space, tmp_path / "out")
    monkeypatch.setattr(measured, "_estimated", estimated)
    again = run(space, tmp_path / "out")
    assert len(again["points"]) == 3
    finished, owners = history(tmp_path / "out")
    assert sorted(finished.values()) == [1, 1, 1] and len(owners) == 2


def test_fmax_comes_of_placement_with_the_sizes(network, tmp_path, monkeypatch):
    class Placed:
        lut, bram, fmax_mhz = 700, 3, 88.0
        verilog, manifest = "", {"top": "top"}

    monkeypatch.setattr("qblif.hw.verilog.generate", lambda layout: Placed)
    monkeypatch.setattr("qblif.boards.flow.synth.synthesise", lambda *_, **__: Placed)
    space = lanes_space(tmp_path, network, [1], '["luts", "fmax"]')
    point, = run(space, tmp_path / "out")["points"]
    assert point["figures"] == {"luts": 700, "fmax": 88.0}
    sizes, = run(space, tmp_path / "sizes", objectives=("luts",))["points"]
    placed, = run(space, tmp_path / "placed", objectives=("block_rams",), place=True)["points"]
    assert sizes["figures"]["luts"] != 700 and placed["figures"] == {"block_rams": 3}
    Placed.fmax_mhz = None
    refused, = run(space, tmp_path / "none")["refused"]
    assert "no Fmax" in refused["reason"]


def test_the_front():
    figures = [{"accuracy": a, "cycles": c} for a, c in (
        (0.9, 100), (0.8, 50), (0.8, 60), (0.7, 50), (0.9, 100), (0.95, 300), (0.5, 400))]
    assert best(figures) == {0, 1, 4, 5}  # Equal points are both on it.
    assert best([{"luts": 3}, {"luts": 2}]) == {1} and best([]) == set()


def test_the_front_of_random_points_by_its_definition():
    draw = np.random.default_rng(0)
    values = draw.integers(0, 8, (60, 3))
    names = ("accuracy", "luts", "fmax")
    found = best([dict(zip(names, row, strict=True)) for row in values.tolist()])
    costs = values * [-1, 1, -1]
    assert found == {k for k in range(60) if not (
        (costs <= costs[k]).all(1) & (costs < costs[k]).any(1)).any()}


def test_no_other_process_publishes_at_the_same_time(network, tmp_path):
    def publish(content):
        published.append(content)
        with (tmp_path / "out/sweep.lock").open("r+b") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    published = []
    (tmp_path / "out").mkdir()
    with start_workers() as crew:
        found = run_sweep(read_space(lanes_space(tmp_path, network, [1, 2])), tmp_path / "out",
                          crew, publish=publish)
    assert published == [found] and len(found["points"]) == 2


def test_files(network, tmp_path):
    found = run(lanes_space(tmp_path, network, [1, 2, 4]), tmp_path / "out")
    write_sweep(tmp_path / "out", found)
    text = (tmp_path / "out/sweep.svg").read_text()
    assert text.count("<circle") == 3 and "LUTs" in text and "block RAMs" in text
    assert str(tmp_path) not in json.dumps(found)
