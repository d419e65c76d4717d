"""What a framework gave: the input and the spikes of each layer."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..spec.axes import LEVEL_LIMIT
from ..spec.errors import InvalidValue
from . import nir_data

__all__ = ["Agreement", "Record", "compare", "load"]

LARGEST_FILE = 1 << 30  # Bytes, unpacked.
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Record:
    """A recording: ``input`` ``(timesteps, frames, inputs)`` of levels, ``spikes[k]`` of neuron
    layer k ``(timesteps, frames, neurons)``."""

    input: np.ndarray
    spikes: tuple[np.ndarray, ...]

    @property
    def largest(self) -> int:
        """The largest level that any neuron gave."""
        return max(int(spikes.max()) for spikes in self.spikes)


@dataclass(frozen=True)
class Agreement:
    """How many of a layer's levels are equal, and the first that is not, as ``(frame, timestep,
    neuron, ours, theirs)``."""

    layer: str
    equal: int
    total: int
    first: tuple[int, int, int, int, int] | None

    def __str__(self):
        line = f"{self.layer}: {self.equal:,} of {self.total:,} spikes equal"
        if self.first is None:
            return line
        frame, timestep, neuron, ours, theirs = self.first
        return (f"{line} ({self.equal / self.total:.2%}); the first that differs is frame {frame}, "
                f"timestep {timestep}, neuron {neuron}: {ours}, recorded {theirs}")


def load(path: str | os.PathLike[str], names=(), timesteps: int | None = None) -> Record:
    """The recording in an .npz file with ``input`` and ``spikes_0``, ``spikes_1``.., axes beyond
    the second flattened; or in a file of NIR's data format, whose nodes ``names`` are: the input's
    and each neuron layer's.  ``timesteps`` is needed where that has nothing but the times of
    events.  Raises :class:`ValueError` for anything else."""
    path = Path(path)
    if not path.is_file():
        raise InvalidValue(f"{path}: there is no such file")
    with path.open("rb") as file:
        hdf5 = file.read(len(HDF5)) == HDF5
    arrays = nir_data.read(path, names, timesteps) if hdf5 else _read_npz(path)
    try:
        return _record(arrays)
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error


def _read_npz(path):
    """``{what to call it: array}``, the input first."""
    try:
        with np.load(path, allow_pickle=False) as file:
            size = sum(member.file_size for member in file.zip.infolist())
            if size > LARGEST_FILE:
                raise InvalidValue(f"{path}: a recording must unpack to at most {LARGEST_FILE:,} "
                                   f"bytes, not {size:,}")
            arrays = {name: file[name] for name in file.files
                      if name == "input" or name.startswith("spikes_")}
    except InvalidValue:
        raise
    except Exception as error:  # numpy and zipfile raise whatever the damage leads to.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidValue(f"{path}: truncated, or neither an .npz file nor NIR data "
                           f"({reason})") from error
    names = ["input", *(f"spikes_{k}" for k in range(max(len(arrays) - 1, 1)))]
    for name in names:
        if name not in arrays:
            raise InvalidValue(f"{path}: A recording must have {', '.join(names)}, and lacks "
                               f"{name}")
    return {f"Array {name}": arrays[name] for name in names}


def _record(arrays):
    names = list(arrays)
    input, *spikes = (_levels(name, array) for name, array in arrays.items())
    for name, array in zip(names, (input, *spikes), strict=True):
        if array.shape[:2] != input.shape[:2]:
            raise InvalidValue(f"{name} must be of {input.shape[0]} timesteps and "
                               f"{input.shape[1]} frames, as the input, not of {array.shape[0]} "
                               f"and {array.shape[1]}")
    if input.max() > LEVEL_LIMIT:
        raise InvalidValue(f"{names[0]} must have levels 0..{LEVEL_LIMIT}, not {input.max()}")
    return Record(input, tuple(spikes))


def _levels(name, array):
    """``(timesteps, frames, places)`` of int64."""
    if array.ndim < 3 or not array.size:
        raise InvalidValue(f"{name} must have axes timesteps, frames and neurons, not "
                           f"{array.shape}")
    if array.dtype.kind not in "buif" or not (
            np.isfinite(array).all() and (array == np.rint(array)).all() and array.min() >= 0):
        raise InvalidValue(f"{name} must have levels, integers of at least 0")
    if array.max() >= 1 << 31:
        raise InvalidValue(f"{name} must have levels below 2**31, not {array.max():g}")
    return array.reshape(*array.shape[:2], -1).astype(np.int64)


def compare(record, names, levels) -> list[Agreement]:
    """Each layer's levels ``(timesteps, frames, neurons)`` against the recording's."""
    found = []
    for name, ours, theirs in zip(names, levels, record.spikes, strict=True):
        ours = np.asarray(ours).astype(np.int64)
        equal = (ours == theirs).transpose(1, 0, 2)  # In order of frames.
        first = None
        if not equal.all():
            frame, timestep, neuron = (int(k) for k in np.argwhere(~equal)[0])
            first = (frame, timestep, neuron, int(ours[timestep, frame, neuron]),
                     int(theirs[timestep, frame, neuron]))
        found.append(Agreement(name, int(equal.sum()), equal.size, first))
    return found
