"""Random affine changes of images, by torch alone and from one generator."""

import math

import torch
from torch.nn import functional

__all__ = ["affine_batch", "random_matrices"]


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
    """``(n, height, width)`` floats, each image moved by its own random map; zeros come in."""
    n, height, width = images.shape
    matrices = random_matrices(n, config, height, width, generator).to(images.device)
    y = (torch.arange(height, device=images.device) * 2 + 1) / height - 1
    x = (torch.arange(width, device=images.device) * 2 + 1) / width - 1
    points = torch.stack([x.repeat(height), y.repeat_interleave(width),
                          torch.ones(height * width, device=images.device)])
    grid = (matrices @ points).transpose(1, 2).reshape(n, height, width, 2)
    return functional.grid_sample(images[:, None], grid, align_corners=False)[:, 0]
