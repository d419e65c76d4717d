"""Input levels of what augmentation made of images: the float twin of
:func:`qblif.golden.spec.pixels.to_levels`."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Thermometer", "float_levels"]

WHITE = 255  # The largest pixel.
WINDOW = 0.25  # Share of the pixels' range around a threshold in which it feels their gradient.


class Thermometer(nn.Module):
    """A thermometer code of pixels: for each threshold a 1 where a pixel reaches it.

    ``learned`` thresholds follow the straight-through estimator of a box: each pixel within half a
    ``WINDOW`` of a threshold counts as if its level rose there by ``1 / WINDOW``.  Forward they are
    the integers that the network file has.
    """

    def __init__(self, thresholds: tuple[int, ...], learned: bool = False) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.tensor(thresholds) / WHITE, requires_grad=learned)

    @property
    def thresholds(self) -> tuple[int, ...]:
        """The nearest integers 1..255 in ascending order, no two the same."""
        found: list[int] = []
        places = (self.positions.detach().double() * WHITE).round().long().sort().values.tolist()
        for k, place in enumerate(places):
            least = found[-1] + 1 if found else 1
            found.append(min(max(place, least), WHITE + 1 - len(places) + k))
        return tuple(found)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Levels ``(frames, thresholds * pixels)`` of images ``(frames, ...)`` of floats."""
        pixels = images.flatten(1)[:, None]
        steps = torch.tensor(self.thresholds, dtype=images.dtype, device=images.device)[:, None]
        # The order of the thresholds is that of their integers.
        positions = self.positions.sort().values[:, None]
        return _Step.apply(pixels, steps, positions).flatten(1)


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pixels, steps, positions):
        ctx.save_for_backward(pixels, steps)
        return (pixels >= steps).to(pixels.dtype)

    @staticmethod
    def backward(ctx, *grad_outputs):
        pixels, steps = ctx.saved_tensors
        near = (pixels - steps).abs() < WHITE * WINDOW / 2
        slope = -(grad_outputs[0] * near).sum((0, 2)) / WINDOW
        return None, None, slope[:, None]


def float_levels(images, config, static, small_shape=None, encoder=None):
    """Levels ``(frames, [timesteps,] inputs)`` of floats 0..255 of the shape of a data set's
    frames; of small images maps ``(frames, [timesteps,] *small_shape, rows, columns)``.  With an
    ``encoder``, a :class:`Thermometer`, its code."""
    if encoder is not None:
        return encoder(images)
    n_max, lead = config.input_n_max, 1 if static else 2
    levels = (images * (n_max / WHITE)).round() if static else images.round().clamp(max=n_max)
    if small_shape is None:
        return levels.flatten(lead)
    return levels.reshape(*levels.shape[:lead], *small_shape, *levels.shape[-2:])
