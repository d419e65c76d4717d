"""Which parameters learn how fast, in either phase."""

import torch

from .powers import prune
from .schedule import one_cycle

__all__ = ["advance", "make_optimiser"]


def make_optimiser(net, config, phase, lr):
    """The optimiser of ``net``'s trainable parameters in ``phase``, "float" or "quantised".

    Each group has a ``peak``, the learning rate that the schedule scales; weight decay is for
    weights only.
    """
    groups = [{"params": [p], "peak": lr * _share(config, phase, name, p),
               "weight_decay": config.weight_decay if p.dim() > 1 else 0.0}
              for name, p in net.named_parameters() if p.requires_grad]
    if config.optimiser == "sgd" and phase == "float":
        return torch.optim.SGD(groups, lr=lr, momentum=config.momentum,
                               nesterov=config.momentum > 0)
    return torch.optim.AdamW(groups, fused=True)


def advance(optimiser, net, phase, position, warm_up):
    """What follows the schedule, at ``position`` 0 to 1 of a phase: every learning rate, and in the
    float phase how many weights a sparse ``net`` keeps."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * one_cycle(position, warm_up)
    if phase == "float":
        prune(net, position)


def _share(config, phase, name, parameter):
    """Learning rate of a parameter as a share of the phase's."""
    if phase == "quantised":  # A quantised layer's units differ from its neighbour's.
        return max(float(parameter.detach().square().mean().sqrt()), 1e-3)
    return config.gamma_lr if name.endswith("log_gamma") else 1.0
