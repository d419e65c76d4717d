"""Which frames and which learning rate each step of an epoch has."""

import math

import torch

__all__ = ["batches", "one_cycle"]

START = 0.1  # Learning rate at the first step, as a share of the peak.


def batches(order, size):
    """``order`` in parts of ``size``; a single frame left over joins the last part, because batch
    norm needs two."""
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def one_cycle(position, warm_up):
    """Learning rate as a share of its peak: a cosine up, then a cosine down to 0.

    ``position`` runs from 0 to 1 over a phase, of which ``warm_up`` is the share that rises.
    """
    if position < warm_up:
        return START + (1 - START) * (1 - math.cos(math.pi * position / warm_up)) / 2
    return (1 + math.cos(math.pi * (position - warm_up) / (1 - warm_up))) / 2
