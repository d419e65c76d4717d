"""Training from images to the artifact: a float phase, then one on the hardware's grid.

Equal configurations on equal data give equal bits on one machine's CPU, and a resumed training
gives the bits of an uninterrupted one.
"""

import contextlib
import logging
import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from . import integer
from .augment import affine_batch
from .checkpoint import fingerprint, load_checkpoint, save_checkpoint
from .data import to_levels
from .export import activity, export
from .modules import dense_net
from .snapped import snap

__all__ = ["Progress", "accuracy", "train", "train_float"]

log = logging.getLogger(__name__)

WARM_UP = 0.2  # Share of a phase's steps in which the learning rate rises.
START = 0.1  # Learning rate at the first step, as a share of the peak.
ACTIVITY_FRAMES = 10_000  # Training frames from which the mean activity is taken.


@dataclass(frozen=True)
class Progress:
    """Where a training stands: ``done`` of ``total`` steps, over both phases.

    ``phase`` is "float" or "quantised"; ``epoch`` counts from 1 within it; ``loss`` is the running
    mean of the epoch.
    """

    phase: str
    epoch: int
    epochs: int
    done: int
    total: int
    loss: float


def train(config, dataset, *, checkpoint=None, resume=False, progress=None, device="cpu"):
    """Train the network of ``config`` on ``dataset``; returns the exact integer network.

    ``checkpoint`` is a file rewritten after every epoch; ``resume`` continues from it.
    ``progress`` is called with a :class:`Progress` after every few steps.  Raises
    :class:`~qblif.golden.checkpoint.CheckpointError` for a missing or damaged checkpoint, and for
    one of another training.
    """
    if resume and checkpoint is None:
        raise ValueError("Resuming needs a checkpoint")
    with _reproducible(config, device):
        return _Training(config, dataset, checkpoint, progress, device).run(resume)


def train_float(config, dataset, *, progress=None, device="cpu"):
    """The float phase alone; returns the :class:`~qblif.golden.modules.BurstNet`, for studies."""
    with _reproducible(config, device):
        training = _Training(config, dataset, None, progress, device)
        training.float_phase()
        return training.net


@contextlib.contextmanager
def _reproducible(config, device):
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads)
        # A GPU's matrix products repeat only under a setting made before the process starts.
        torch.use_deterministic_algorithms(True, warn_only=device != "cpu")
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)


class _Training:
    def __init__(self, config, dataset, checkpoint, progress, device):
        self.config, self.dataset = config, dataset
        self.checkpoint, self.progress, self.device = checkpoint, progress, device
        self.images = torch.from_numpy(dataset.train_images.copy()).to(device)
        self.labels = torch.from_numpy(dataset.train_labels.copy()).to(device, torch.int64)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.net = dense_net(config, math.prod(dataset.shape), dataset.classes).to(device)
        self.data = fingerprint(dataset)
        self.results: dict[str, Any] = {"seconds": 0.0}
        self.steps = len(batches(torch.arange(len(self.labels)), config.batch))

    def run(self, resume):
        state = load_checkpoint(self.checkpoint, self.config, self.data) if resume else None
        phase = state["phase"] if state else "float"
        if phase == "float":
            self.float_phase(state)
            state = None
        self.net = snap(self.net, self.config.w_width, self.config.v_width).to(self.device)
        self._phase("quantised", self.config.qat_epochs, self.config.qat_lr, state)
        return self._export()

    def float_phase(self, state=None):
        self._phase("float", self.config.epochs, self.config.lr, state)
        self.results["accuracy_float"] = accuracy(self.net, self.dataset, self.config)
        self.results["gammas"] = self.net.gammas
        log.info("float accuracy %.2f %%", 100 * self.results["accuracy_float"])

    def _phase(self, phase, epochs, lr, state):
        """Train ``self.net`` for ``epochs``, from a checkpoint's ``state`` where given."""
        optimiser = torch.optim.AdamW([
            {"params": [p], "peak": lr * (_size(p) if phase == "quantised" else 1.0),
             "weight_decay": self.config.weight_decay if p.dim() > 1 else 0.0}
            for p in self.net.parameters()], fused=True)
        first = 0
        if state:
            first = state["epoch"]
            self.net.load_state_dict(state["net"])
            optimiser.load_state_dict(state["optimiser"])
            self.generator.set_state(state["generator"])
            self.results = state["results"]
        for epoch in range(first, epochs):
            started = time.perf_counter()
            self._epoch(phase, epoch, epochs, optimiser)
            self.results["seconds"] += time.perf_counter() - started
            self._save(phase, epoch + 1, optimiser)

    def _epoch(self, phase, epoch, epochs, optimiser):
        self.net.train()
        order = torch.randperm(len(self.labels), generator=self.generator).to(self.device)
        total = 0.0
        for step, index in enumerate(batches(order, self.config.batch)):
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * one_cycle((epoch + step / self.steps) / epochs)
            loss = self._loss(index)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
            if self.progress and (step % 10 == 9 or step == self.steps - 1):
                self._report(phase, epoch, epochs, step + 1, total / (step + 1))
        log.info("%s epoch %d of %d: loss %.4f", phase, epoch + 1, epochs, total / self.steps)

    def _loss(self, index):
        images = self.images[index].float()
        if self.config.shift or self.config.rotate or self.config.shear or self.config.scale:
            images = affine_batch(images, self.config, self.generator)
        n_max = self.config.input_n_max
        output = self.net((images * (n_max / 255)).round().flatten(1))
        loss = functional.cross_entropy(output.logits, self.labels[index],
                                        label_smoothing=self.config.smoothing)
        for levels in output.levels if self.config.activity else ():
            loss = loss + self.config.activity * torch.log2(1 + levels).sum(0).mean()
        return loss

    def _report(self, phase, epoch, epochs, step, loss):
        config = self.config
        before = config.epochs if phase == "quantised" else 0
        self.progress(Progress(phase, epoch + 1, epochs, (before + epoch) * self.steps + step,
                               (config.epochs + config.qat_epochs) * self.steps, loss))

    def _save(self, phase, epoch, optimiser):
        if self.checkpoint:
            save_checkpoint(self.checkpoint, {
                "phase": phase, "epoch": epoch, "net": self.net.state_dict(),
                "optimiser": optimiser.state_dict(), "generator": self.generator.get_state(),
                "results": dict(self.results), "config": self.config.to_dict(),
                "data": self.data})

    def _export(self):
        config, dataset = self.config, self.dataset
        net = self.net.cpu()
        trained = export(net, dataset.shape)
        test = integer.run(trained, to_levels(dataset.test_images, config.input_n_max))
        right = test.classes.numpy() == dataset.test_labels
        seen = to_levels(dataset.train_images[:ACTIVITY_FRAMES], config.input_n_max)
        levels = {"input": seen} | integer.run(trained, seen).levels
        notes = {"dataset": dataset.name, "config": config.to_dict(), "seed": config.seed,
                 "epochs": config.epochs, "qat_epochs": config.qat_epochs,
                 "test_images": len(right), "accuracy_integer": float(right.mean()),
                 "activity": activity(trained.spec, levels), **self.results}
        log.info("integer accuracy %.2f %%", 100 * notes["accuracy_integer"])
        return export(net, dataset.shape, notes)


def _size(parameter):
    """Root mean square, with a floor: a snapped layer's units differ from its neighbour's."""
    return max(float(parameter.detach().square().mean().sqrt()), 1e-3)


def batches(order, size):
    """``order`` in parts of ``size``; a single frame left over joins the last part, because batch
    norm needs two."""
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def one_cycle(position):
    """Learning rate as a share of its peak: a cosine up, then a cosine down to 0.

    ``position`` runs from 0 to 1 over a phase.
    """
    if position < WARM_UP:
        return START + (1 - START) * (1 - math.cos(math.pi * position / WARM_UP)) / 2
    return (1 + math.cos(math.pi * (position - WARM_UP) / (1 - WARM_UP))) / 2


@torch.no_grad()
def accuracy(net, dataset, config, batch=2000):
    """Share of the test images that a torch network classifies rightly, in evaluation mode."""
    net.eval()
    device = next(net.parameters()).device
    levels = torch.from_numpy(to_levels(dataset.test_images, config.input_n_max))
    classes = torch.cat([net(part.to(device, torch.float32)).logits.argmax(1).cpu()
                         for part in levels.split(batch)])
    return float((classes.numpy() == dataset.test_labels).mean())
