"""The one file that a trained network is: safetensors with its description in the metadata.

numpy only, so that a machine that merely loads weights onto a board needs no torch.
"""

import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from .errors import InvalidValue
from .files import write_atomically
from .network import Network
from .trained import FORMAT, VERSION, Trained, fits, sum_range

__all__ = ["ArtifactError", "Trained", "fits", "load", "sum_range", "write_atomically"]

DTYPES = ("I8", "I16", "I32")


class ArtifactError(InvalidValue):
    """A network file that cannot be used, and why, in one sentence."""


def load(path: str | os.PathLike[str]) -> Trained:
    """Read a network file; :class:`ArtifactError` says in one sentence what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: " + ("is a folder, not a network file" if path.is_dir() else
                                           "there is no such file"))
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
        raise InvalidValue(f"a safetensors file, but not a {FORMAT} network")
    _check_version(_field(metadata, "version"))
    spec = Network.from_dict(_json(metadata, "spec"))
    if spec.digest != _field(metadata, "spec_digest"):
        raise InvalidValue("the description was edited: its digest does not match")
    tensors = {"weight": {}, "bias": {}, "theta": {}}
    for name in file.keys():
        owner, _, kind = name.rpartition(".")
        if kind not in tensors:
            raise InvalidValue(f"unknown tensor {name!r}")
        dtype = file.get_slice(name).get_dtype()
        if dtype not in DTYPES:
            raise InvalidValue(f"tensor {name!r} must be of {', '.join(DTYPES)}, not {dtype}")
        tensors[kind][owner] = file.get_tensor(name).astype(np.int32)
    activity = _json(metadata, "activity") if "activity" in metadata else None
    trained = Trained(spec, tensors["weight"], tensors["bias"], _json(metadata, "notes"), activity,
                      tensors["theta"])
    if trained.weights_digest != _field(metadata, "weights_digest"):
        raise InvalidValue("the weights were edited: their digest does not match")
    return trained


def _check_version(text):
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise InvalidValue(f"format version must be a number of at least 1, not {text!r}")
    if int(text) != VERSION:
        age = "newer" if int(text) > VERSION else "older"
        raise InvalidValue(f"format version {text} is {age} than this program's {VERSION}"
                           + (": export the network again" if age == "older" else ""))


def _field(metadata, name):
    if name not in metadata:
        raise InvalidValue(f"lacks its field {name!r}")
    return metadata[name]


def _json(metadata, name):
    try:
        return json.loads(_field(metadata, name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidValue(f"its field {name!r} is not JSON ({error})") from error


def _one_line(error):
    return " ".join(str(error).split())
