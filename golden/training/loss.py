"""What training makes small: wrong answers, and what the hardware pays for right ones."""

import torch
from torch.nn import functional

from .powers import estimate_luts

__all__ = ["loss_of"]


def loss_of(net, output, labels, config, phase):
    """Cross entropy of ``output``'s logits, ``(frames, classes)``, and the prices of ``config``: of
    activity, and in the float ``phase`` of LUTs.  ``labels`` are classes, or a share of each."""
    loss = functional.cross_entropy(output.logits, labels, label_smoothing=config.smoothing)
    for levels in output.levels if config.activity else ():
        loss = loss + config.activity * torch.log2(1 + levels).sum(0).mean()
    if config.luts and phase == "float":
        loss = loss + config.luts / 1000 * estimate_luts(net, output.membranes)
    return loss
