"""Soft labels from a larger network that is trained already (Hinton et al. 2015,
arXiv:1503.02531)."""

import math

import torch
from torch.nn import functional

from ..integer import run
from ..spec.errors import InvalidValue
from .data.augment import augment

__all__ = ["Teacher"]

SCALED = 2000  # Images.
SCALES = 2.0 ** torch.arange(-24, 4, 0.25)


class Teacher:
    """What a network says of augmented images.

    Its scores are integers of any size; their scale is the one of :data:`SCALES` by which the
    labels of some augmented training images are most likely.

    Parameters
    ----------
    trained : :class:`qblif.golden.spec.trained.Trained`
    dataset : the training's data set
    config : :class:`qblif.golden.training.config.TrainConfig`

    Raises :class:`ValueError` where the network takes other images, or has other classes, and where
    the training begins with small ones.
    """

    def __init__(self, trained, dataset, config):
        spec, pixels = trained.spec, math.prod(dataset.shape)
        known = spec.populations[-1].size
        wanted = dataset.static, pixels, dataset.classes
        if (spec.input.static, spec.input.pixels, known) != wanted:
            raise InvalidValue(f"Teacher must know {dataset.classes} classes of images of {pixels} "
                               f"pixels, not {known} of {spec.input.pixels}"
                               + " in each timestep" * (not spec.input.static))
        if config.small_epochs:
            raise InvalidValue("Teacher knows whole images alone: small_epochs must be 0, not "
                               f"{config.small_epochs}")
        self.trained, self.scale = trained, 1.0
        images = torch.from_numpy(dataset.train_images[:SCALED]).float()
        labels = torch.from_numpy(dataset.train_labels[:SCALED]).long()
        generator = torch.Generator().manual_seed(config.seed)
        scores = self.scores(augment(images, config, generator))
        losses = [float(functional.cross_entropy(scores * scale, labels)) for scale in SCALES]
        self.scale = float(SCALES[losses.index(min(losses))])

    def scores(self, images):
        pixels = images.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        levels = self.trained.spec.input.levels_of(pixels)
        found = run(self.trained, levels, trace=False).scores
        return self.scale * found.to(images.device, torch.float32)

    def mixed(self, images, labels, share):
        """Probabilities ``(frames, classes)``: ``share`` of the teacher's, the rest of ``labels``,
        which are classes or probabilities."""
        own = self.scores(images).softmax(1)
        if labels.dim() == 1:
            labels = functional.one_hot(labels.long(), own.shape[1])
        return share * own + (1 - share) * labels
