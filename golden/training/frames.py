"""Frames through a network, timestep by timestep: what the float and the QAT network share."""

import torch

__all__ = ["as_frames", "over_time"]


def over_time(step, current, back=None):
    """Run ``step(v, current, fired) -> (level, v)`` from rest over ``current``'s first axis.

    ``back`` is what recurrent synapses make of a level: current of the timestep after it.
    """
    trace = [step(None, current[0], None)]
    for now in current[1:]:
        level, v = trace[-1]
        if back is not None:
            now = now + back(level)
        trace.append(step(v, now, level > 0))
    if len(trace) == 1:  # Nothing to copy.
        level, v = trace[0]
        return level[None], v[None]
    return torch.stack([level for level, _ in trace]), torch.stack([v for _, v in trace])


def as_frames(levels, net):
    """Input levels as ``(timesteps, frames, ...)`` of ``net``'s input shape, maps as maps."""
    levels = levels[None] if net.static else levels.transpose(0, 1)
    flat_map = len(net.input_shape) == 3 and levels.dim() == 3
    return levels.unflatten(2, net.input_shape) if flat_map else levels
