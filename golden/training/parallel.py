"""Several processes, one training: PyTorch's own launcher and gradient averaging.

Under ``torchrun`` each process works on its share of every batch; process 0 alone reports, saves
and exports.
"""

import contextlib
import os

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

__all__ = ["agree", "average_gradients", "process_group", "rank", "share", "world"]


@contextlib.contextmanager
def process_group(device):
    """Join the group that torchrun started, if it did; yields the device of this process."""
    if "LOCAL_RANK" not in os.environ:
        yield device
        return
    cuda = device.startswith("cuda")
    if cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def rank():
    return distributed.get_rank() if distributed.is_initialized() else 0


def world():
    return distributed.get_world_size() if distributed.is_initialized() else 1


def agree(tensor):
    """``tensor`` as process 0 has it."""
    if world() > 1:
        distributed.broadcast(tensor, 0)
    return tensor


def share(parts):
    """This process's part of each batch; batches too small for every norm are left out."""
    if world() == 1:
        return parts
    return [part[rank()::world()] for part in parts if len(part) >= 2 * world()]


def average_gradients(net):
    """``net``, averaging its gradients over the processes in each backward pass."""
    return DistributedDataParallel(net) if world() > 1 else net
