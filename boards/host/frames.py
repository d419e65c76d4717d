"""Frames of input levels and rows of recorded levels, as the host has them."""

import numpy as np

from .line import HostError

__all__ = ["checked_frames", "unpack_levels"]


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


def unpack_levels(data, rows, lanes, bits):
    """Levels of ``rows`` words, the first lane lowest: ``(rows, lanes)``."""
    row = np.unpackbits(np.frombuffer(data, np.uint8).reshape(rows, -1), axis=1,
                        bitorder="little")[:, :bits * lanes]
    return row.reshape(rows, lanes, bits) @ (1 << np.arange(bits))
