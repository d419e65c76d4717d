"""Random changes of images in batches, by torch alone and from one generator."""

import math

import numpy as np
import torch
from torch.nn import functional

from ...spec.errors import InvalidValue

__all__ = ["affine_batch", "augment", "check_augmentation", "crop_batch", "cutout_batch",
           "flip_batch", "random_matrices", "resize"]

MOVES = "shift", "rotate", "shear", "scale", "crop", "flip", "cutout"
AT_ONCE = 1000  # Images that are floats at the same time.


def check_augmentation(config, shape):
    """Raise :class:`ValueError` where ``config`` moves the pixels of images of ``shape``, and that
    is ``(1, features)``, a row of a table."""
    moved = [name for name in MOVES if getattr(config, name)]
    if moved and len(shape) == 2 and shape[0] == 1:
        raise InvalidValue(f"Augmentation ({', '.join(moved)}) must be 0 for images of one row, "
                           "whose pixels are no neighbours: take --recipe tables")


def augment(images, config, generator, side=None):
    """``(n, [channels,] height, width)`` floats after all that ``config`` asks of a batch; squares
    of ``side`` pixels of them, where given."""
    if config.shift or config.rotate or config.shear or config.scale:
        images = affine_batch(images, config, generator)
    if config.flip:
        images = flip_batch(images, generator)
    if config.crop or side:
        images = crop_batch(images, config.crop, generator, side)
    return cutout_batch(images, config.cutout, generator) if config.cutout else images


def resize(images, side):
    """Arrays ``(n, [channels,] height, width)`` of uint8 as ``(..., side, side)``, by linear
    interpolation with antialiasing, rounded."""
    found = np.empty((*images.shape[:-2], side, side), np.uint8)
    for start in range(0, len(images), AT_ONCE):
        part = images[start:start + AT_ONCE]
        floats = torch.from_numpy(part.astype(np.float32)).reshape(len(part), -1, *part.shape[-2:])
        made = functional.interpolate(floats, (side, side), mode="bilinear", antialias=True)
        found[start:start + AT_ONCE] = made.round_().clamp_(0, 255).numpy().reshape(
            *part.shape[:-2], side, side)
    return found


def random_matrices(n, config, height, width, generator):
    """``(n, 2, 3)`` inverse affine maps in the units of ``grid_sample`` (-1..1 over the image).

    Rotation, shear, scale and translation are each uniform within ``config``'s bounds.
    """
    bounds = torch.tensor([math.radians(config.rotate), math.radians(config.shear), config.scale,
                           2 * config.shift / width, 2 * config.shift / height])
    draw = (torch.rand(n, 5, generator=generator) * 2 - 1) * bounds
    angle, shear, size = draw[:, 0], draw[:, 1].tan(), 1 + draw[:, 2]
    cos, sin = angle.cos() * size, angle.sin() * size
    rows = [torch.stack([cos, cos * shear - sin, draw[:, 3]], 1),
            torch.stack([sin, sin * shear + cos, draw[:, 4]], 1)]
    return torch.stack(rows, 1)


def affine_batch(images, config, generator):
    """Each image moved by its own random map; zeros come in."""
    n, (height, width) = len(images), images.shape[-2:]
    matrices = random_matrices(n, config, height, width, generator).to(images.device)
    y = (torch.arange(height, device=images.device) * 2 + 1) / height - 1
    x = (torch.arange(width, device=images.device) * 2 + 1) / width - 1
    points = torch.stack([x.repeat(height), y.repeat_interleave(width),
                          torch.ones(height * width, device=images.device)])
    grid = (matrices @ points).transpose(1, 2).reshape(n, height, width, 2)
    channels = images.reshape(n, -1, height, width)
    return functional.grid_sample(channels, grid, align_corners=False).reshape(images.shape)


def flip_batch(images, generator):
    """Each image mirrored with a chance of one half."""
    mirrored = torch.rand(len(images), generator=generator).to(images.device) < 0.5
    return torch.where(mirrored.reshape(-1, *[1] * (images.dim() - 1)), images.flip(-1), images)


def crop_batch(images, most, generator, side=None):
    """Each image moved by up to ``most`` whole pixels; zeros come in.  Or of each a square of
    ``side`` pixels, from anywhere in the image with a margin of ``most`` zeros."""
    n, (height, width) = len(images), images.shape[-2:]
    down, right = (torch.randint(0, 2 * most + 1 + size - (side or size), (n, 1),
                                 generator=generator).to(images.device)
                   for size in (height, width))
    padded = functional.pad(images.reshape(n, -1, height, width), [most] * 4)
    rows = down + torch.arange(side or height, device=images.device)
    columns = right + torch.arange(side or width, device=images.device)
    each = torch.arange(n, device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]]
    moved = moved.permute(0, 3, 1, 2)
    return moved.reshape(*images.shape[:-2], *moved.shape[-2:])


def cutout_batch(images, side, generator):
    """A square of zeros in each image, around a random pixel (DeVries and Taylor 2017)."""
    n, (height, width) = len(images), images.shape[-2:]
    centre = torch.rand(2, n, 1, generator=generator).to(images.device)

    def inside(size, centre):
        distance = torch.arange(size, device=images.device) - (centre * size).floor()
        return (distance >= -(side // 2)) & (distance < side - side // 2)

    hole = inside(height, centre[0])[:, :, None] & inside(width, centre[1])[:, None, :]
    hole = hole.reshape(n, *[1] * (images.dim() - 3), height, width)
    return images.masked_fill(hole, 0)
