"""The one file that a trained network is: safetensors with its description in the metadata.

numpy only, so that a machine that merely loads weights onto a board needs no torch.
"""

import hashlib
import json
import math
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from . import Network
from .errors import InputError, InputTypeError

__all__ = ["ArtifactError", "Trained", "load"]

FORMAT = "qblif"
VERSION = 2
DTYPES = ("I8", "I16", "I32")


class ArtifactError(InputError):
    """A network file that cannot be used, and why, in one sentence."""


@dataclass(frozen=True)
class Trained:
    """A network with its integers.

    ``weights`` maps synapse names to tensors of the synapse's ``weight_shape``, ``biases``
    population names to ``(channels,)``, both of int32.  ``notes`` is free information about the
    training (accuracies, seed, mean activity), which changes nothing that is computed.

    Raises :class:`ValueError` where a tensor is missing, misshapen, wider than its field, or
    could overflow the width in which it is accumulated, and where the notes that are shown or used
    for planning are no numbers.
    """

    spec: Network
    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray] = field(default_factory=dict)
    notes: dict = field(default_factory=dict)

    def __post_init__(self):
        spec = self.spec
        _check_notes(self.notes)
        _check_names("weights", self.weights, [s.name for s in spec.synapses])
        _check_names("biases", self.biases, [p.name for p in spec.populations if p.bias_width])
        for synapse in spec.synapses:
            _check_tensor(f"Weights {synapse.name}", self.weights[synapse.name],
                          spec.weight_shape(synapse), synapse.w_width)
        for population in spec.populations:
            if population.bias_width:
                _check_tensor(f"Biases {population.name}", self.biases[population.name],
                              (population.channels,), population.bias_width)
            low, high = sum_range(spec, self.weights, population)
            if not fits(low, high, population.sum_width):
                raise ValueError(f"Sums of {population.name} reach {low}..{high}, which does not "
                                 f"fit its {population.sum_width} bits")

    @property
    def weights_digest(self):
        """64-bit hexadecimal fingerprint of every weight and bias."""
        return _digest(self.spec, self.weights, self.biases)

    def save(self, path):
        """Write the file whole or not at all."""
        tensors = _tensors(self.spec, self.weights, self.biases)
        metadata = {
            "format": FORMAT,
            "version": str(VERSION),
            "spec": json.dumps(self.spec.to_dict()),
            "spec_digest": self.spec.digest,
            "weights_digest": self.weights_digest,
            "notes": json.dumps(self.notes),
        }
        write_atomically(path, save(tensors, metadata))


def sum_range(spec, weights, population):
    """Smallest and largest sum that one timestep's events can leave in any accumulator."""
    low = high = np.zeros(population.channels, np.int64)
    for synapse in spec.synapses_to(population.name):
        w = weights[synapse.name].astype(np.int64).reshape(population.channels, -1)
        reach = spec.source(synapse.source).n_max * math.prod(synapse.pool)
        low = low + np.minimum(w, 0).sum(1) * reach
        high = high + np.maximum(w, 0).sum(1) * reach
    return int(low.min()), int(high.max())


def fits(low, high, width):
    """Whether a signed field of ``width`` bits holds every integer in low..high."""
    return -(1 << width - 1) <= low and high < 1 << width - 1


def write_atomically(path, data):
    """Write ``data`` (bytes) to ``path`` through a neighbouring temporary file."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load(path):
    """Read a network file; :class:`ArtifactError` says in one sentence what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: there is no such file")
    try:
        with safe_open(path, "numpy") as file:
            return _parse(file)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({_one_line(error)})") from error
    except SafetensorError as error:
        raise ArtifactError(f"{path}: truncated, or not a safetensors file ({_one_line(error)})"
                            ) from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ArtifactError(f"{path}: {_one_line(error)}") from error


def _parse(file):
    metadata = file.metadata() or {}
    if metadata.get("format") != FORMAT:
        raise ValueError(f"a safetensors file, but not a {FORMAT} network")
    _check_version(_field(metadata, "version"))
    spec = Network.from_dict(_json(metadata, "spec"))
    if spec.digest != _field(metadata, "spec_digest"):
        raise ValueError("the description was edited: its digest does not match")
    weights, biases = {}, {}
    for name in file.keys():
        owner, _, kind = name.rpartition(".")
        if kind not in ("weight", "bias"):
            raise ValueError(f"unknown tensor {name!r}")
        dtype = file.get_slice(name).get_dtype()
        if dtype not in DTYPES:
            raise ValueError(f"tensor {name!r} must be of {', '.join(DTYPES)}, not {dtype}")
        (weights if kind == "weight" else biases)[owner] = file.get_tensor(name).astype(np.int32)
    trained = Trained(spec, weights, biases, _json(metadata, "notes"))
    if trained.weights_digest != _field(metadata, "weights_digest"):
        raise ValueError("the weights were edited: their digest does not match")
    return trained


def _check_version(text):
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(f"format version must be a number of at least 1, not {text!r}")
    if int(text) != VERSION:
        age = "newer" if int(text) > VERSION else "older"
        raise ValueError(f"format version {text} is {age} than this program's {VERSION}"
                         + (": export the network again" if age == "older" else ""))


def _field(metadata, name):
    if name not in metadata:
        raise ValueError(f"lacks its field {name!r}")
    return metadata[name]


def _json(metadata, name):
    try:
        return json.loads(_field(metadata, name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"its field {name!r} is not JSON ({error})") from error


def _one_line(error):
    return " ".join(str(error).split())


def _tensors(spec, weights, biases):
    """Tensors in the order of the description, each in the smallest integer type that holds it."""
    tensors = {}
    for synapse in spec.synapses:
        dtype = np.int8 if synapse.w_width <= 8 else np.int16
        tensors[f"{synapse.name}.weight"] = np.ascontiguousarray(weights[synapse.name], dtype)
    for population in spec.populations:
        if population.bias_width:
            tensors[f"{population.name}.bias"] = np.ascontiguousarray(
                biases[population.name], np.int32)
    return tensors


def _digest(spec, weights, biases):
    state = hashlib.sha256(spec.digest.encode())
    for name, tensor in _tensors(spec, weights, biases).items():
        state.update(name.encode() + tensor.astype("<i4").tobytes())
    return state.hexdigest()[:16]


def _check_notes(notes):
    """Notes are free, but for what is read of them elsewhere: accuracies and activity."""
    if not isinstance(notes, dict):
        raise InputTypeError(f"Notes must be a dict, not {type(notes).__name__}")
    activity = notes.get("activity", {})
    if not isinstance(activity, dict) or not all(isinstance(a, dict) for a in activity.values()):
        raise InputTypeError("Notes must give the activity as a dict of numbers a synapse")
    figures = {f"activity of {synapse}, {what}": figure for synapse, named in activity.items()
               for what, figure in named.items()}
    figures |= {key: notes[key] for key in ("accuracy_float", "accuracy_integer") if key in notes}
    for what, figure in figures.items():
        if (isinstance(figure, bool) or not isinstance(figure, (int, float))
                or not 0 <= figure < math.inf):
            raise ValueError(f"Notes must give the {what} as a number of at least 0, "
                             f"not {figure!r}")


def _check_names(what, found, expected):
    if sorted(found) != sorted(expected):
        raise ValueError(f"{what} must be given for {', '.join(sorted(expected)) or 'nothing'}, "
                         f"not {', '.join(sorted(found)) or 'nothing'}")


def _check_tensor(what, tensor, shape, width):
    if not isinstance(tensor, np.ndarray) or not np.issubdtype(tensor.dtype, np.integer):
        raise InputTypeError(f"{what} must be a numpy integer array, not {type(tensor).__name__}")
    if tensor.shape != tuple(shape):
        raise ValueError(f"{what} must have shape {tuple(shape)}, not {tensor.shape}")
    if not fits(int(tensor.min()), int(tensor.max()), width):
        raise ValueError(f"{what} must fit {width} signed bits, not reach "
                         f"{int(tensor.min())}..{int(tensor.max())}")
