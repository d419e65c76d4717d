"""Input levels of what augmentation made of images: the float twin of
:func:`qblif.golden.spec.pixels.to_levels`."""

import torch

__all__ = ["float_levels"]


def float_levels(images, config, static, small_shape=None):
    """Levels ``(frames, [timesteps,] inputs)`` of floats 0..255 of the shape of a data set's
    frames; of small images maps ``(frames, [timesteps,] *small_shape, rows, columns)``."""
    if config.input_thresholds:
        steps = torch.tensor(config.input_thresholds, device=images.device)
        return (images.flatten(1)[:, None] >= steps[:, None]).float().flatten(1)
    n_max, lead = config.input_n_max, 1 if static else 2
    levels = (images * (n_max / 255)).round() if static else images.round().clamp(max=n_max)
    if small_shape is None:
        return levels.flatten(lead)
    return levels.reshape(*levels.shape[:lead], *small_shape, *levels.shape[-2:])
