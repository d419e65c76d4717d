"""Trainings resumed from a checkpoint, and checkpoints that are refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from train_cases import STRIPES, TINY, Interrupted, assert_same_bits, stripes

from qblif.golden.training.checkpoint import (
    PARTS,
    CheckpointError,
    load_checkpoint,
    load_weights,
)
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.presets import PRESETS
from qblif.golden.training.train import train


@pytest.mark.parametrize("phase, epoch", [("float", 2), ("float", 3), ("quantised", 1),
                                          ("quantised", 2)])
def test_resumed_equals_uninterrupted(trained, tmp_path, phase, epoch):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == (phase, epoch):
            raise Interrupted

    path = tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        train(TINY, STRIPES, checkpoint=path, progress=interrupt)
    assert_same_bits(trained, train(TINY, STRIPES, checkpoint=path, resume=True))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


CONV = replace(TINY, net="4c3s2-6c3-p2", channels_last=True, optimiser="sgd", mixup=0.2, cutmix=0.5,
               flip=True, crop=1, cutout=2, auto_augment="cifar10", amp=True, epochs=2,
               qat_epochs=1, gamma=0.3, gain=1.0)


def colours(n, seed):
    images, labels = stripes(n, seed)
    return np.repeat(images[:, None], 3, 1), labels


COLOURS = Dataset("colours", *colours(200, 0), *colours(60, 1))


def test_ingredients_of_our_own_resumed(tmp_path):
    resume_after_an_epoch(replace(CONV, mixup=0.0, cutmix=0.0, auto_augment=""), tmp_path)


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("workers", [0, 2])
def test_every_ingredient_resumed(tmp_path, workers):
    resume_after_an_epoch(replace(CONV, workers=workers), tmp_path)


@pytest.mark.usefixtures("torchvision")
def test_resumed_with_other_workers(tmp_path):
    """How many processes there are changes no random number."""
    def interrupt(progress):
        if progress.epoch == 2:
            raise Interrupted

    config, path = replace(CONV, qat_epochs=0), tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        train(config, COLOURS, checkpoint=path, progress=interrupt)
    resumed = train(replace(config, workers=2), COLOURS, checkpoint=path, resume=True)
    assert resumed.weights_digest == train(config, COLOURS).weights_digest


def resume_after_an_epoch(config, tmp_path, dataset=COLOURS, stop=("float", 2)):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == stop:
            raise Interrupted

    whole, path = train(config, dataset), tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        train(config, dataset, checkpoint=path, progress=interrupt)
    assert_same_bits(whole, train(config, dataset, checkpoint=path, resume=True))
    assert whole.spec.input.shape[-2:] == (8, 8)


@pytest.mark.parametrize("fields, dataset", [
    (PRESETS["qif"], STRIPES),
    # Gammas drift apart: residual edges take more bits than the others.
    ({"net": "resnet20", "width": 0.1, "timesteps": 1, "n_max": 6, "gamma_lr": 5.0, "lr": 0.05},
     COLOURS)], ids=["quadratic leak", "residual edges"])
def test_what_derives_from_the_float_weights_resumed(fields, dataset, tmp_path):
    """The leak's bits, widths of residual edges and the format of the sums."""
    config = replace(TINY, **fields, epochs=2)
    resume_after_an_epoch(config, tmp_path, dataset, ("quantised", 2))


def test_quantised_checkpoint_of_an_older_program(tmp_path):
    train(TINY, STRIPES, checkpoint=tmp_path / "checkpoint")
    state = torch.load(tmp_path / "checkpoint", weights_only=True)
    del state["float"]
    torch.save(state, tmp_path / "older")
    with pytest.raises(CheckpointError, match=r"an older program's, whose quantised phase cannot be"
                                              r" resumed, as the float weights are not in it$"):
        train(TINY, STRIPES, checkpoint=tmp_path / "older", resume=True)


def test_resume_after_the_end(trained, tmp_path):
    path = tmp_path / "checkpoint"
    train(TINY, STRIPES, checkpoint=path)
    assert_same_bits(trained, train(TINY, STRIPES, checkpoint=path, resume=True))


def test_a_float_phase_serves_every_width(tmp_path):
    """Trained once, quantised twice: the bits of two whole trainings."""
    path = tmp_path / "float"
    train(replace(TINY, qat_epochs=0), STRIPES, checkpoint=path)
    for bits, epochs in ((4, 1), (6, 2)):
        copy, config = tmp_path / str(bits), replace(TINY, w_width=bits, qat_epochs=epochs)
        copy.write_bytes(path.read_bytes())
        found = train(config, STRIPES, checkpoint=copy, resume=True)
        assert {s.w_width for s in found.spec.synapses} == {bits}
        assert_same_bits(train(config, STRIPES), found)
    with pytest.raises(CheckpointError, match=r"was trained with w_width = 6, not 4$"):
        train(replace(config, w_width=4), STRIPES, checkpoint=copy, resume=True)


def test_resume_without_checkpoint():
    with pytest.raises(ValueError, match=r"^Resuming needs a checkpoint$"):
        train(TINY, STRIPES, resume=True)


def test_checkpoint_missing(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no such checkpoint$"):
        train(TINY, STRIPES, checkpoint=tmp_path / "none", resume=True)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "checkpoint"
    train(replace(TINY, epochs=1, qat_epochs=0), STRIPES, checkpoint=path)
    return path


@pytest.mark.parametrize("state", [
    {"version": 2}, [1], {"version": 2} | dict.fromkeys(PARTS), {"phase": "float"}])
def test_not_a_checkpoint(state, tmp_path):
    torch.save(state, tmp_path / "odd")
    for read in (lambda path: load_checkpoint(path, {}, ""),
                 lambda path: load_weights(path, torch.nn.Linear(1, 1))):
        with pytest.raises(CheckpointError, match=r"damaged, or not a checkpoint$"):
            read(tmp_path / "odd")


@pytest.mark.parametrize("damage", [lambda d: d[:len(d) // 2], lambda d: b"", lambda d: b"x" * 99])
def test_checkpoint_damaged(checkpoint, tmp_path, damage):
    path = tmp_path / "checkpoint"
    path.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(CheckpointError, match=r"damaged, or not a checkpoint$"):
        train(replace(TINY, epochs=1, qat_epochs=0), STRIPES, checkpoint=path, resume=True)


def test_checkpoint_of_another_configuration(checkpoint):
    with pytest.raises(CheckpointError, match=r"was trained with epochs = 1, not 3$"):
        train(TINY, STRIPES, checkpoint=checkpoint, resume=True)


def test_checkpoint_of_a_program_without_a_field(checkpoint, tmp_path):
    """It did what the field's default does."""
    state = torch.load(checkpoint, weights_only=True)
    del state["config"]["event_shift"]
    torch.save(state, tmp_path / "older")
    config = replace(TINY, epochs=1, qat_epochs=0)
    train(config, STRIPES, checkpoint=tmp_path / "older", resume=True)
    with pytest.raises(CheckpointError, match=r"was trained with event_shift = 0, not 2$"):
        load_checkpoint(tmp_path / "older", config.to_dict() | {"event_shift": 2}, state["data"])


def test_checkpoint_of_other_data(checkpoint):
    other = Dataset("stripes", *stripes(300, 5), *stripes(100, 1))
    with pytest.raises(CheckpointError, match=r"was trained on other data$"):
        train(replace(TINY, epochs=1, qat_epochs=0), other, checkpoint=checkpoint, resume=True)
