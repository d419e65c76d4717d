"""How good a network is on a data set's test images, what its training images cost, and which
events do not reach its input."""

import numpy as np
import torch

from ..activity import measure_activity
from ..spec.pixels import to_levels

__all__ = ["accuracy", "event_notes", "integer_accuracy", "mean_activity"]

PIXELS = 1 << 21  # Pixels at once.
FRAMES = 2000  # Images at once, at most.
TRACE = 1 << 27  # Neurons in a trace.
ACTIVITY_FRAMES = 10_000  # Training frames from which the mean activity is taken, at most.


def _parts(images):
    size = max(1, min(FRAMES, PIXELS // int(np.prod(images.shape[1:]))))
    return (images[i:i + size] for i in range(0, len(images), size))


@torch.no_grad()
def accuracy(net, dataset, config):
    """Share of the test images that a torch network classifies rightly, in evaluation mode."""
    net.eval()
    device = next(net.parameters()).device
    thresholds = net.encoder.thresholds if net.encoder else ()

    def classes(images):
        levels = torch.from_numpy(to_levels(images, config.input_n_max, thresholds))
        return net(levels.to(device, torch.float32)).logits.argmax(1).cpu().numpy()

    return _share(dataset, classes)


def integer_accuracy(trained, dataset, device=None):
    """The same for the exact integer network."""
    return _share(dataset, lambda images: trained.run(images, device))


def _share(dataset, classes):
    found = np.concatenate([classes(part) for part in _parts(dataset.test_images)])
    return float((found == dataset.test_labels).mean())


def mean_activity(trained, dataset, device=None):
    """:func:`~qblif.golden.activity.measure_activity` of the first training images."""
    spec = trained.spec
    neurons = spec.timesteps * sum(p.size for p in spec.populations) + spec.input.size
    frames = max(1, min(ACTIVITY_FRAMES, TRACE // neurons))
    levels = spec.input.levels_of(dataset.train_images[:frames])
    return measure_activity(trained, [levels], device)


def event_notes(dataset, n_max):
    """``{"events": {"train": ..., "test": ...}}`` of recordings, each as
    :meth:`~qblif.golden.training.data.event_counts.EventCounts.summary` has them; nothing of
    images."""
    if dataset.static:
        return {}
    return {"events": {part: dataset.event_counts(part).summary(n_max)
                       for part in ("train", "test")}}
