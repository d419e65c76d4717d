import itertools
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from train_cases import STRIPES, TINY, assert_same_bits

from qblif.golden import integer
from qblif.golden.spec.artifact import load
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.readers import load_folder
from qblif.golden.training.modules import BurstNet
from qblif.golden.training.reproducible import reproducible
from qblif.golden.training.schedule import batches, one_cycle
from qblif.golden.training.train import train


def test_learns(trained):
    assert trained.notes["accuracy_integer"] > 0.9
    assert trained.notes["accuracy_float"] > 0.9


def test_notes_say_what_the_file_computes(trained):
    notes = trained.notes
    classes = integer.run(trained, to_levels(STRIPES.test_images, TINY.input_n_max)).classes
    assert notes["accuracy_integer"] == (classes.numpy() == STRIPES.test_labels).mean()
    assert notes["dataset"] == "stripes" and notes["seed"] == 0
    assert list(notes["activity"]) == [s.name for s in trained.spec.synapses]
    assert all(0 < a["events"] <= a["digits"] <= a["repeat_digits"]
               for a in notes["activity"].values())
    assert len(notes["gammas"]) == 3 and min(notes["gammas"].values()) > 0
    assert TrainConfig(**notes["config"]) == TINY


def test_same_seed_same_bits(trained):
    torch.rand(7)  # The caller's own random numbers change nothing.
    assert_same_bits(trained, train(TINY, STRIPES))


def test_other_seed_other_bits(trained):
    other = train(replace(TINY, seed=1), STRIPES)
    assert other.weights_digest != trained.weights_digest


def test_grey_images_feed_a_convolution():
    trained = train(replace(TINY, net="4c3s2", epochs=1, qat_epochs=1), STRIPES)
    assert trained.spec.input.shape == (1, 8, 8)


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("net, frames", [("4c3-p8", None), ("4c3-p8", 2)])
def test_small_images_first(net, frames, monkeypatch):
    seen = []
    forward = BurstNet.forward

    def noted(net, levels):
        if net.training:
            seen.append(tuple(levels.shape[1:]))
        return forward(net, levels)

    monkeypatch.setattr(BurstNet, "forward", noted)
    data = STRIPES
    if frames:
        whole = {f"{part}_images": np.minimum(getattr(data, f"{part}_images"), 2)[:, None, None]
                 .repeat(frames, 1) for part in ("train", "test")}
        data = replace(data, **whole)
    config = replace(TINY, net=net, shift=0, rotate=0, shear=0, scale=0, timesteps=frames or 1,
                     batch=150, small=5, small_epochs=1, epochs=2, qat_epochs=1)
    trained = train(config, data)
    lead = (frames,) if frames else ()
    assert seen == [(*lead, 1, 5, 5)] * 2 + [(*lead, 64)] * 2
    assert trained.spec.input.size == 64


def test_image_files(tmp_path):
    rng = np.random.default_rng(0)
    for part, name, i in itertools.product(("train", "val"), ("a", "b"), range(2)):
        (tmp_path / part / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (240, 230, 3)).astype(np.uint8)).save(
            tmp_path / part / name / f"{i}.png")
    config = replace(TINY, net="2c7s7-p8", batch=2, epochs=1, qat_epochs=1, shift=0.0, rotate=0.0,
                     auto_augment="imagenet")
    trained = train(replace(config, validation=2), load_folder(tmp_path))
    assert len(trained.notes["validation"]["quantised"]) == 1
    assert trained.notes["test_images"] == 4 and trained.spec.input.shape == (3, 224, 224)


def test_two_processes(tmp_path):
    """torchrun's own launcher, two processes on the CPU: one network, which has learned."""
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "qblif.cli.main", "train", "--epochs", "2", "--qat-epochs", "1", "--hidden", "24",
         "--out", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "train.json").read_text())
    assert report["notes"]["accuracy_integer"] > 0.8
    assert load(tmp_path / "network.safetensors").weights_digest == report["weights_digest"]


def test_progress_counts_to_the_end():
    seen = []
    train(replace(TINY, epochs=1, qat_epochs=1), STRIPES, progress=seen.append)
    assert [p.done for p in seen] == [10, 20] and {p.total for p in seen} == {20}
    assert [p.phase for p in seen] == ["float", "quantised"]


def test_callers_settings_are_restored():
    before = torch.get_num_threads(), torch.random.get_rng_state()
    train(replace(TINY, epochs=1, qat_epochs=0, threads=2), STRIPES)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("warn_only", [True, False])
def test_callers_deterministic_algorithms_are_restored(warn_only):
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    try:
        with reproducible(TINY, "cpu"):
            pass
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled() == warn_only
    finally:
        torch.use_deterministic_algorithms(False)


def test_one_cycle():
    assert one_cycle(0.0, 0.2) == pytest.approx(0.1)
    assert one_cycle(0.2, 0.2) == pytest.approx(1.0)
    assert one_cycle(0.6, 0.2) == pytest.approx(0.5)
    assert one_cycle(1.0, 0.2) == pytest.approx(0.0)


@pytest.mark.parametrize("frames, size, parts", [
    (64, 32, [32, 32]), (65, 32, [32, 33]), (66, 32, [32, 32, 2]), (1, 32, [1]), (30, 32, [30])])
def test_batches_leave_no_single_frame(frames, size, parts):
    made = batches(torch.arange(frames), size)
    assert [len(part) for part in made] == parts
    assert torch.cat(made).tolist() == list(range(frames))
