"""A training in progress as one file, written whole or not at all, read without running code."""

import hashlib
import io
import pickle
from pathlib import Path

import torch

from ..spec.artifact import write_atomically
from ..spec.errors import InvalidValue
from .config import TrainConfig

__all__ = ["CheckpointError", "fingerprint", "fingerprints", "load_checkpoint", "load_weights",
           "save_checkpoint"]

VERSION = 2
PARTS = {"phase", "epoch", "net", "optimiser", "generator", "random", "results", "config", "data"}

# What a training may be resumed with in another way: it changes how fast, and the order of sums.
MACHINE = ("threads", "workers", "compile")
# What the float phase does not read: until its end, the hardware's fixed point is free.
FIXED_POINT = ("w_width", "v_width", "qat_epochs", "qat_lr")


class CheckpointError(InvalidValue):
    """A checkpoint that cannot be resumed, and why, in one sentence."""


def fingerprint(dataset, part="train"):
    """Short hash of a data set's training images and labels, or of its ``"test"`` ones."""
    images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
    state = hashlib.sha256(repr(images.shape).encode())
    state.update(images.tobytes() if hasattr(images, "tobytes") else repr(images).encode())
    state.update(labels.tobytes())
    return state.hexdigest()[:16]


def fingerprints(dataset):
    """:func:`fingerprint` of the training and of the test images."""
    return [fingerprint(dataset, part) for part in ("train", "test")]


def save_checkpoint(path, state):
    """Write ``state`` (tensors and plain values) to ``path`` atomically."""
    buffer = io.BytesIO()
    torch.save(state | {"version": VERSION}, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path, config, data):
    """The state saved at ``path`` for the same configuration, a dictionary, and the data
    fingerprint ``data``.  One of the float phase serves every width and number of QAT epochs; one
    of the quantised phase has the float network's weights as well (``state["float"]``).

    Raises :class:`CheckpointError` for a missing or damaged file, and for another training's.
    """
    state = _read(path)
    # A program that did not have a field yet did what its default does.
    before = TrainConfig().to_dict() | state["config"]
    free = MACHINE + (FIXED_POINT if state["phase"] == "float" else ())
    for field, value in config.items():
        if field not in free and before.get(field) != value:
            raise CheckpointError(f"{path}: was trained with {field} = {before.get(field)!r}, not "
                                  f"{value!r}")
    if state["data"] != data:
        raise CheckpointError(f"{path}: was trained on other data")
    if state["phase"] == "quantised" and "float" not in state:
        raise CheckpointError(f"{path}: an older program's, whose quantised phase cannot be "
                              "resumed, as the float weights are not in it")
    return state


def load_weights(path, net):
    """Give ``net`` the float weights of the checkpoint at ``path``; returns their digest.

    Raises :class:`CheckpointError` for a missing or damaged file, for one of the quantised phase,
    and where ``net`` has other parameters.
    """
    state = _read(path)
    if state["phase"] != "float":
        raise CheckpointError(f"{path}: its weights are quantised; those of the float phase are "
                              "needed (--qat-epochs 0 leaves them)")
    weights, wanted = state["net"], net.state_dict()
    for name in sorted(weights.keys() | wanted.keys()):
        there, here = (list(side[name].shape) if name in side else "missing"
                       for side in (weights, wanted))
        if there != here:
            raise CheckpointError(f"{path}: has another graph: {name} is {there} there, "
                                  f"{here} here")
    net.load_state_dict(weights)
    digest = hashlib.sha256()
    for name, value in weights.items():
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _read(path):
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        version = state["version"]
    except (OSError, EOFError, KeyError, RuntimeError, TypeError, ValueError,
            pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path}: damaged, or not a checkpoint") from error
    if version != VERSION:
        raise CheckpointError(f"{path}: checkpoint version {version} is not this program's "
                              f"{VERSION}")
    if not state.keys() >= PARTS or not isinstance(state["config"], dict):
        raise CheckpointError(f"{path}: damaged, or not a checkpoint")
    return state
