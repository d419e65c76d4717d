"""Frames as the host has them: input levels, what came of them, rows of recorded levels."""

from dataclasses import dataclass

import numpy as np

from .line import HostError

__all__ = ["HostRun", "checked_frames", "pack_vectors", "unpack_levels"]


@dataclass(frozen=True)
class HostRun:
    """Frames that were run: ``classes`` and ``cycles`` are ``(frames,)``, ``levels`` maps
    populations to ``(timesteps, frames, neurons)`` and ``scores`` is ``(frames, neurons of the last
    population)`` where they were asked for.

    ``core_seconds`` is the network's own time, ``seconds`` all of it; ``sent`` and ``received``
    count bytes on the line.
    """

    classes: np.ndarray
    cycles: np.ndarray
    levels: dict[str, np.ndarray]
    scores: np.ndarray | None
    core_seconds: float
    seconds: float
    sent: int
    received: int


def checked_frames(spec, frames):
    """Frames as an array.

    Raises :class:`HostError` where they are not frames of the network ``spec``.
    """
    try:
        frames = np.asarray(frames)
    except ValueError as error:
        raise HostError(f"Frames must all have the same shape ({error})") from error
    if frames.size and frames.dtype.kind not in "biu":
        raise HostError(f"Levels must be whole numbers, not {frames.dtype}")
    shape = (spec.input.size,) if spec.input.static else (spec.timesteps, spec.input.size)
    if frames.shape[1:] != shape:
        raise HostError(f"Frames must have shape {shape}, not {frames.shape[1:]}: they are for "
                        "another network")
    if frames.size and not 0 <= frames.min() <= frames.max() <= spec.input.n_max:
        raise HostError(f"Levels must be in 0..{spec.input.n_max}, not "
                        f"{frames.min()}..{frames.max()}: they are for another network")
    return frames


def pack_vectors(vectors, bits):
    """Bytes ``(frames, bytes)`` of ``vectors``, ``(frames, ...)`` of values of up to 8 ``bits``:
    the first value lowest, the lowest byte first."""
    flat = np.asarray(vectors).reshape(len(vectors), -1).astype(np.uint8)
    spread = np.unpackbits(flat[..., None], axis=2, count=bits, bitorder="little")
    return np.packbits(spread.reshape(len(flat), -1), axis=1, bitorder="little")


def unpack_levels(data, rows, lanes, bits):
    """Levels of ``rows`` words, the first lane lowest: ``(rows, lanes)``."""
    row = np.unpackbits(np.frombuffer(data, np.uint8).reshape(rows, -1), axis=1,
                        bitorder="little")[:, :bits * lanes]
    return row.reshape(rows, lanes, bits) @ (1 << np.arange(bits))
