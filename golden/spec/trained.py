"""A network with its integers: what training exports and every other part takes.

Its file is read by :mod:`qblif.golden.spec.artifact`.  numpy and safetensors only.
"""

import hashlib
import json
import math
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from safetensors.numpy import save

from .checks import check_figure
from .errors import InvalidType, InvalidValue
from .files import write_atomically
from .network import Network, Neuron, Population

__all__ = ["FORMAT", "VERSION", "Trained", "fits", "sum_range"]

FORMAT = "qblif"
VERSION = 2
EVENT_COUNTS = {"recorded", "late", "clipped"}  # What became of a data set's events.


@dataclass(frozen=True)
class Trained:
    """A network with its integers.

    ``weights`` maps synapse names to tensors of the synapse's ``weight_shape``, ``biases``
    population names to ``(channels,)``, both of int32, and ``thetas`` those of populations with a
    threshold for each channel to ``(channels,)``.  ``notes`` is free information about the training
    (accuracies, seed), which changes nothing that is computed or built.

    ``activity`` is what :func:`qblif.golden.activity.activity` counted on training images, figures
    by synapse, or ``None``: by it a hardware plan shares out lanes.  It stands in ``notes`` too,
    and is taken from there where it is not given, as older files have it.

    Raises :class:`ValueError` where a tensor is missing, misshapen, wider than its field, or
    could overflow the width in which it is accumulated, and where the activity, or an accuracy that
    the notes have, is no number.
    """

    spec: Network
    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    activity: dict[str, dict[str, float]] | None = None
    thetas: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spec = self.spec
        _check_notes(self.notes)
        if self.activity is None:
            object.__setattr__(self, "activity", self.notes.get("activity"))
        if self.activity is not None:
            _check_activity(self.activity, [s.name for s in spec.synapses])
            object.__setattr__(self, "notes", self.notes | {"activity": self.activity})
        _check_names("weights", self.weights, [s.name for s in spec.synapses])
        _check_names("biases", self.biases, [p.name for p in spec.populations if p.bias_width])
        _check_names("thetas", self.thetas, [p.name for p in spec.populations if p.thetas])
        for synapse in spec.synapses:
            _check_tensor(f"Weights {synapse.name}", self.weights[synapse.name],
                          spec.weight_shape(synapse), synapse.w_width)
        for population in spec.populations:
            if population.bias_width:
                _check_tensor(f"Biases {population.name}", self.biases[population.name],
                              (population.channels,), population.bias_width)
            if population.thetas:
                _check_thetas(population, self.thetas[population.name])
            low, high = sum_range(spec, self.weights, population)
            if not fits(low, high, population.sum_width):
                raise InvalidValue(f"Sums of {population.name} reach {low}..{high}, which does not "
                                   f"fit its {population.sum_width} bits")

    @property
    def weights_digest(self) -> str:
        """64-bit hexadecimal fingerprint of every weight, bias and threshold of a channel."""
        return _digest(self)

    def neuron(self, population: Population, channel: int) -> Neuron:
        """The neuron of a channel of ``population``, with its own threshold."""
        neuron = population.neuron
        if not population.thetas or neuron.quantiser is None:
            return neuron
        theta = int(self.thetas[population.name][channel])
        return replace(neuron, quantiser=replace(neuron.quantiser, theta=theta))

    def levels(self, images: Any) -> np.ndarray:
        """Input levels of ``images``, as :func:`qblif.golden.integer.run` takes them.

        Images are pixels 0..255 of uint8, ``(frames, [channels,] rows, columns)``, or counts of
        events, ``(frames, timesteps, channels, rows, columns)``, where each timestep has an input
        of its own; what is levels already, ``(frames, inputs)`` or ``(frames, timesteps, inputs)``,
        stays what it is.  Raises :class:`ValueError` where the images do not fit the network.
        """
        frames, input = np.asarray(images), self.spec.input
        axes = 1 if input.static else 2
        if frames.ndim > axes + 1:
            if math.prod(frames.shape[axes:]) != input.pixels:
                raise InvalidValue(f"Images have {math.prod(frames.shape[axes:])} pixels, but the "
                                   f"network's input has {input.pixels}")
            frames = input.levels_of(frames)
        return frames

    def run(self, images: Any, device: str | None = None) -> np.ndarray:
        """Class of each image, ``(frames,)`` of int64, by the exact integer model (it needs torch).

        ``images`` are images or levels, as :meth:`levels` takes them; ``device`` is torch's.
        """
        from .. import integer
        return integer.run(self, self.levels(images), device, trace=False).classes.numpy()

    def scores(self, images: Any, device: str | None = None) -> np.ndarray:
        """Scores of each image, ``(frames, neurons of the last population)`` of int32, of which the
        largest is its class: membranes of a read-out, otherwise sums of levels; parameters as of
        :meth:`run`."""
        from .. import integer
        return integer.run(self, self.levels(images), device, trace=False).scores.numpy()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file whole or not at all."""
        tensors = _tensors(self)
        metadata = {
            "format": FORMAT,
            "version": str(VERSION),
            "spec": json.dumps(self.spec.to_dict()),
            "spec_digest": self.spec.digest,
            "weights_digest": self.weights_digest,
            "notes": json.dumps({k: v for k, v in self.notes.items() if k != "activity"}),
        }
        if self.activity is not None:
            metadata["activity"] = json.dumps(self.activity)
        write_atomically(path, save(tensors, metadata))


def sum_range(spec: Network, weights: dict[str, np.ndarray],
              population: Population) -> tuple[int, int]:
    """Smallest and largest sum that one timestep's events can leave in any accumulator."""
    low = high = np.zeros(population.channels, np.int64)
    for synapse in spec.synapses_to(population.name):
        w = weights[synapse.name].astype(np.int64).reshape(population.channels, -1)
        most = spec.source(synapse.source).emit_max * math.prod(synapse.pool)
        low = low + np.minimum(w, 0).sum(1) * most
        high = high + np.maximum(w, 0).sum(1) * most
    return int(low.min()), int(high.max())


def fits(low: int, high: int, width: int) -> bool:
    """Whether a signed field of ``width`` bits holds every integer in low..high."""
    return -(1 << width - 1) <= low and high < 1 << width - 1


def _tensors(trained):
    """Tensors in the order of the description, each in the smallest integer type that holds it."""
    tensors = {}
    for synapse in trained.spec.synapses:
        dtype = np.int8 if synapse.w_width <= 8 else np.int16
        tensors[f"{synapse.name}.weight"] = np.ascontiguousarray(
            trained.weights[synapse.name], dtype)
    for population in trained.spec.populations:
        for kind, found in (("bias", trained.biases), ("theta", trained.thetas)):
            if population.name in found:
                tensors[f"{population.name}.{kind}"] = np.ascontiguousarray(
                    found[population.name], np.int32)
    return tensors


def _digest(trained):
    state = hashlib.sha256(trained.spec.digest.encode())
    for name, tensor in _tensors(trained).items():
        state.update(name.encode() + tensor.astype("<i4").tobytes())
    return state.hexdigest()[:16]


def _check_notes(notes):
    """Notes are free, but for the accuracies and the counts of events, which are shown."""
    if not isinstance(notes, dict):
        raise InvalidType(f"Notes must be a dict, not {type(notes).__name__}")
    for key in ("accuracy_float", "accuracy_integer"):
        if key in notes:
            check_figure(f"Notes' {key}", notes[key])
    events = notes.get("events", {})
    if not isinstance(events, dict) or not {*events} <= {"train", "test"} or not all(
            isinstance(part, dict) and {*part} == EVENT_COUNTS for part in events.values()):
        raise InvalidType(f"Notes' events must be {', '.join(sorted(EVENT_COUNTS))} of train and "
                          f"test, not {events!r}")
    for part, found in events.items():
        for key, count in found.items():
            check_figure(f"Notes' events of {part}, {key},", count)


def _check_activity(activity, synapses):
    if not isinstance(activity, dict) or not all(isinstance(a, dict) for a in activity.values()):
        raise InvalidType(f"Activity must be a dict of figures by synapse, not {activity!r}")
    for synapse, figures in activity.items():
        if synapse not in synapses:
            raise InvalidValue(f"Activity must be of {', '.join(synapses)}, not {synapse!r}")
        for what, figure in figures.items():
            check_figure(f"Activity of {synapse}, {what},", figure)


def _check_names(what, found, expected):
    if sorted(found) != sorted(expected):
        raise InvalidValue(f"{what} must be given for {', '.join(sorted(expected)) or 'nothing'}, "
                           f"not {', '.join(sorted(found)) or 'nothing'}")


def _check_thetas(population, thetas):
    what, most = f"Thresholds {population.name}", population.neuron.quantiser.theta
    _check_array(what, thetas, (population.channels,))
    if thetas.min() < 1 or thetas.max() != most:
        raise InvalidValue(f"{what} must be at least 1 and reach the quantiser's {most}, not be "
                           f"{int(thetas.min())}..{int(thetas.max())}")


def _check_tensor(what, tensor, shape, width):
    _check_array(what, tensor, shape)
    if not fits(int(tensor.min()), int(tensor.max()), width):
        raise InvalidValue(f"{what} must fit {width} signed bits, not reach "
                           f"{int(tensor.min())}..{int(tensor.max())}")


def _check_array(what, tensor, shape):
    if not isinstance(tensor, np.ndarray) or not np.issubdtype(tensor.dtype, np.integer):
        raise InvalidType(f"{what} must be a numpy integer array, not {type(tensor).__name__}")
    if tensor.shape != tuple(shape):
        raise InvalidValue(f"{what} must have shape {tuple(shape)}, not {tensor.shape}")
