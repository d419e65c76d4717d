"""Training from images to the artifact: a float phase, then one in the hardware's fixed point.

Equal configurations on equal data give equal bits on one machine's CPU, and a resumed training
gives the bits of an uninterrupted one.
"""

import logging
import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..spec.errors import InvalidValue
from . import parallel
from .checkpoint import fingerprint, load_checkpoint, load_weights, save_checkpoint
from .data.augment import augment
from .data.loader import Loader
from .data.vision import mixing
from .evaluate import accuracy, event_notes, integer_accuracy, mean_activity
from .export import export
from .input_levels import float_levels
from .loss import loss_of
from .nets import build
from .optimiser import advance, make_optimiser
from .quantise import quantise
from .reproducible import reproducible
from .retarget import check_config, check_same
from .schedule import batches
from .teacher import Teacher

__all__ = ["Progress", "train", "train_float"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """Where a training stands: ``done`` of ``total`` steps, over both phases.

    ``phase`` is "float" or "quantised"; ``epoch`` counts from 1 within it; ``loss`` is the running
    mean of the epoch; ``validation`` is the accuracy on the validation images after the last whole
    epoch, ``None`` where there is none.
    """

    phase: str
    epoch: int
    epochs: int
    done: int
    total: int
    loss: float
    validation: float | None


def train(config, dataset, *, like=None, teacher=None, start=None, checkpoint=None, resume=False,
          progress=None, device="cpu"):
    """Train the network of ``config`` on ``dataset``; returns the exact integer network.

    ``like`` is a :class:`~qblif.golden.spec.Network` whose hardware is to run it: its thresholds
    and widths are kept.  Raises :class:`ValueError` where ``config`` describes another network.

    ``teacher`` is a :class:`~qblif.golden.spec.trained.Trained` whose answers are mixed with the
    labels.  Raises :class:`ValueError` where it takes other images or knows other classes.

    ``start`` is a checkpoint of the float phase, with whose weights this one begins in place of
    random ones: of the same graph; recipe and images may differ.

    ``checkpoint`` is a file rewritten after every epoch; ``resume`` continues from it.
    ``progress`` is called with a :class:`Progress` after every few steps.  Raises
    :class:`~qblif.golden.training.checkpoint.CheckpointError` for a missing or damaged checkpoint,
    and for one of another training, or for ``start`` of another graph.
    """
    if resume and checkpoint is None:
        raise InvalidValue("Resuming needs a checkpoint")
    with reproducible(config, device):
        return _Training(config, dataset, checkpoint, progress, device, like, teacher,
                         start).run(resume)


def train_float(config, dataset, *, progress=None, device="cpu"):
    """The float phase alone; returns the :class:`~qblif.golden.training.modules.BurstNet`, for
    studies."""
    with reproducible(config, device):
        training = _Training(config, dataset, None, progress, device)
        training.float_phase()
        return training.net


class _Training:
    def __init__(self, config, dataset, checkpoint, progress, device, like=None, teacher=None,
                 start=None):
        self.config, self.like = config, like
        self.dataset = self.whole = dataset = dataset.resized(config.resolution)
        self.held_out = dataset.validation_count(config.validation)
        if self.held_out:
            self.dataset = dataset.hold_out(self.held_out, config.seed)
        self.checkpoint, self.progress, self.device = checkpoint, progress, device
        self.generator = torch.Generator().manual_seed(config.seed + parallel.rank())
        self.loader = Loader(self.dataset, config, device, self.generator)
        self.mixing = mixing(config, dataset.classes)
        if dataset.timesteps not in (None, config.timesteps):
            raise InvalidValue(f"Timesteps must be the {dataset.timesteps} of the data set's "
                               f"frames, not {config.timesteps}")
        self.net: Any = build(config, dataset.shape, dataset.classes, dataset.static)
        if like:  # An hour before it matters.
            check_config(config, like)
            check_same(export(self._quantised(self.net)).spec, like)
        self.helped = {"teacher": teacher and teacher.weights_digest,
                       "start": start and load_weights(start, self.net)}
        self.described = config.to_dict() | {"like": like and like.digest} | self.helped
        self.net = self.net.to(device)
        self.teacher = teacher and Teacher(teacher, self.dataset, config)
        self.data = fingerprint(dataset)
        self.results: dict[str, Any] = {"seconds": 0.0}
        self.floats: dict[str, Any] = {}
        if self.held_out:
            self.results["validation"] = {"float": [], "quantised": []}
        self.frames = len(self.dataset.train_labels)
        self.steps = len(parallel.share(batches(torch.arange(self.frames), config.batch)))

    def run(self, resume):
        state = load_checkpoint(self.checkpoint, self.described, self.data) if resume else None
        if state and state["phase"] == "quantised":
            self.net.load_state_dict(state["float"])
        else:
            self.float_phase(state)
            state = None
        self.floats = {"float": self.net.state_dict()}  # Grids, widths and formats are of these.
        self.net = self._quantised(self.net).to(self.device)
        self._phase("quantised", self.config.qat_epochs, self.config.qat_lr, state)
        return self._export()

    def _quantised(self, net):
        return quantise(net, self.config.w_width, self.config.v_width, self.like)

    def float_phase(self, state=None):
        self._phase("float", self.config.epochs, self.config.lr, state)
        self.results["accuracy_float"] = accuracy(self.net, self.whole, self.config)
        self.results["gammas"] = self.net.gammas
        log.info("float accuracy %.2f %%", 100 * self.results["accuracy_float"])

    def _phase(self, phase, epochs, lr, state):
        """Train ``self.net`` for ``epochs``, from a checkpoint's ``state`` where given."""
        if self.config.channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
        optimiser = make_optimiser(self.net, self.config, phase, lr)
        first = 0
        if state:
            first = state["epoch"]
            self.net.load_state_dict(state["net"])
            optimiser.load_state_dict(state["optimiser"])
            self.generator.set_state(state["generator"])
            torch.set_rng_state(state["random"])
            self.results = state["results"]
        model = parallel.average_gradients(self.net) if epochs else self.net
        if self.config.compile and phase == "float":
            model = torch.compile(model, mode="reduce-overhead", dynamic=False)
        for epoch in range(first, epochs):
            started = time.perf_counter()
            self._epoch(model, phase, epoch, epochs, optimiser)
            self._validate(phase)
            self.results["seconds"] += time.perf_counter() - started
            self._save(phase, epoch + 1, optimiser)

    def _epoch(self, model, phase, epoch, epochs, optimiser):
        config, total = self.config, 0.0
        model.train()
        order = torch.randperm(self.frames, generator=self.generator)
        parts = parallel.share(batches(parallel.agree(order.to(self.device)), config.batch))
        for step, (images, labels) in enumerate(self.loader.batches(parts)):
            advance(optimiser, model, phase, (epoch + step / self.steps) / epochs, config.warm_up)
            small = phase == "float" and epoch < config.small_epochs
            mixed = phase == "float" and (config.mix_epochs is None or epoch < config.mix_epochs)
            loss = self._loss(model, phase, images.float(), labels, small, mixed)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
            if self.progress and (step % 10 == 9 or step == self.steps - 1):
                self._report(phase, epoch, epochs, step + 1, total / (step + 1))
        log.info("%s epoch %d of %d: loss %.4f", phase, epoch + 1, epochs, total / self.steps)

    def _loss(self, model, phase, images, labels, small, mixed):
        config = self.config
        images = augment(images, config, self.generator, config.small if small else None)
        if self.mixing and mixed:
            maps, labels = self.mixing(images.reshape(len(images), -1, *images.shape[-2:]), labels)
            images = maps.reshape(images.shape)
        if self.teacher:
            labels = self.teacher.mixed(images, labels, config.teacher_share)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16,
                            enabled=config.amp and phase == "float"):
            output = model(float_levels(images, config, self.dataset.static,
                                        self.net.input_shape[:-2] if small else None,
                                        self.net.encoder))
        return loss_of(self.net, output, labels, config, phase)

    def _validate(self, phase):
        """Accuracy on the held-out images after an epoch: noted and logged, it changes nothing."""
        if self.held_out:
            share = accuracy(self.net, self.dataset, self.config)
            self.results["validation"][phase].append(share)
            log.info("validation accuracy %.2f %%", 100 * share)

    def _report(self, phase, epoch, epochs, step, loss):
        config = self.config
        before = config.epochs if phase == "quantised" else 0
        seen = self.results.get("validation", {}).get(phase)
        self.progress(Progress(phase, epoch + 1, epochs, (before + epoch) * self.steps + step,
                               (config.epochs + config.qat_epochs) * self.steps, loss,
                               seen[-1] if seen else None))

    def _save(self, phase, epoch, optimiser):
        if self.checkpoint and not parallel.rank():
            save_checkpoint(self.checkpoint, {
                "phase": phase, "epoch": epoch, "net": self.net.state_dict(),
                "optimiser": optimiser.state_dict(), "generator": self.generator.get_state(),
                "random": torch.get_rng_state(), "results": dict(self.results),
                "config": self.described, "data": self.data} | self.floats)

    def _export(self):
        config, dataset = self.config, self.whole
        net = self.net.cpu()
        trained = export(net, like=self.like)
        notes = {"dataset": dataset.name, "config": config.to_dict(), "seed": config.seed,
                 "epochs": config.epochs, "qat_epochs": config.qat_epochs,
                 "test_images": len(dataset.test_labels),
                 **{name: digest for name, digest in self.helped.items() if digest},
                 "accuracy_integer": integer_accuracy(trained, dataset, self.device),
                 **event_notes(dataset, config.input_n_max), **self.results}
        log.info("integer accuracy %.2f %%", 100 * notes["accuracy_integer"])
        return replace(trained, notes=notes,
                       activity=mean_activity(trained, dataset, self.device))
