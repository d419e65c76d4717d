"""Labelled images or frames of events, in memory or on disk, and a validation split of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...spec.errors import InvalidValue
from .event_counts import EventCounts

__all__ = ["Dataset", "stratified_split"]


@dataclass(frozen=True)
class Dataset:
    """Images ``(n, rows, columns)`` or ``(n, channels, rows, columns)`` of uint8, or counts of
    events ``(n, timesteps, channels, rows, columns)``, and labels ``(n,)`` of an integer type, for
    training and test.

    The images may be :class:`~qblif.golden.training.data.folders.Decoded` instead of arrays, those
    for training :class:`~qblif.golden.training.data.recordings.Recordings`.  ``events`` are the
    :class:`~qblif.golden.training.data.event_counts.EventCounts` of "train" and "test", where more
    is known than the frames tell.

    Raises :class:`ValueError` where the four do not belong together.
    """

    name: str
    train_images: Any
    train_labels: np.ndarray
    test_images: Any
    test_labels: np.ndarray
    events: dict[str, EventCounts] | None = None

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if len(images.shape) not in (3, 4, 5) or images.dtype != np.uint8:
                raise InvalidValue(f"The {part} images must be (n, height, width) of uint8, or (n, "
                                   f"channels, height, width), or (n, timesteps, channels, height, "
                                   f"width), not {images.shape} of {images.dtype}")
            if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
                raise InvalidValue(f"The {part} labels must be (n,) of integers, not "
                                   f"{labels.shape} of {labels.dtype}")
            if len(images) != len(labels):
                raise InvalidValue(f"The {part} set has {len(images)} images, "
                                   f"but {len(labels)} labels")
            if not len(images):
                raise InvalidValue(f"The {part} set is empty")
            if labels.min() < 0:
                raise InvalidValue(f"The {part} labels must be at least 0, not {labels.min()}")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise InvalidValue(f"Training images are {self.train_images.shape[1:]}, but test "
                               f"images are {self.test_images.shape[1:]}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an image: height and width, behind the channels if there are any."""
        return self.train_images.shape[1:] if self.static else self.train_images.shape[2:]

    @property
    def static(self) -> bool:
        """Whether a frame is one image, the input of every timestep."""
        return len(self.train_images.shape) < 5

    @property
    def timesteps(self) -> int | None:
        """Timesteps of a frame of events, ``None`` for images."""
        return None if self.static else self.train_images.shape[1]

    @property
    def classes(self) -> int:
        """Number of classes: one more than the largest label."""
        return 1 + int(max(self.train_labels.max(), self.test_labels.max()))

    def event_counts(self, part: str) -> EventCounts | None:
        """What became of the events of "train" or "test"; ``None`` for images."""
        if self.static:
            return None
        if self.events:
            return self.events[part]
        return EventCounts.of((frames, None) for frames in getattr(self, f"{part}_images"))

    def validation_count(self, wanted: float) -> int:
        """``wanted`` images, or where it is below 1 that share of the smallest class of each."""
        if wanted >= 1:
            return int(wanted)
        _, sizes = np.unique(self.train_labels, return_counts=True)
        return int(wanted * sizes.min()) * len(sizes)

    def resized(self, side: int) -> Dataset:
        """The data set with images of ``side`` rows and columns, by linear interpolation; itself
        where they are of that size already, or ``side`` is 0.

        Raises :class:`ValueError` where they are frames of events, or decoded from files.
        """
        if side == 0 or self.shape[-2:] == (side, side):
            return self
        if not self.static or not isinstance(self.train_images, np.ndarray):
            raise InvalidValue(f"Resolution must be 0 for images of {self.name}, which are "
                               f"{self.shape[-2]} x {self.shape[-1]} and cannot be resized, not "
                               f"{side}")
        from .augment import resize  # It needs torch.
        return replace(self, train_images=resize(self.train_images, side),
                       test_images=resize(self.test_images, side))

    def hold_out(self, count: int, seed: int) -> Dataset:
        """The data set for choosing a recipe: ``count`` of the training images, equally many of
        each class, are its test images, the others its training images.

        Raises :class:`ValueError` where ``count`` does not divide by the classes.
        """
        rest, held = stratified_split(self.train_labels, count, seed)
        images = self.train_images
        if isinstance(images, np.ndarray):
            rest_images, held_images = images[rest], images[held]
        else:
            rest_images, held_images = images.part(rest), images.part(held, train=False)
        events = self.events and {"train": self.events["train"][rest],
                                  "test": self.events["train"][held]}
        return replace(self, train_images=rest_images, train_labels=self.train_labels[rest],
                       test_images=held_images, test_labels=self.train_labels[held], events=events)


def stratified_split(labels, held_out, seed):
    """Index arrays ``(rest, held_out)``: an equal count of each class is held out, at random.

    Raises :class:`ValueError` unless ``held_out`` divides by the classes and each has enough.
    """
    classes = np.unique(labels)
    share, remainder = divmod(held_out, len(classes))
    if remainder:
        raise InvalidValue(f"A held-out set of {held_out} does not divide by {len(classes)} "
                           f"classes")
    smallest = int(min((labels == c).sum() for c in classes))
    if share >= smallest:
        raise InvalidValue(f"A held-out set of {held_out} takes {share} of each class, but the "
                           f"smallest class has {smallest}")
    rng = np.random.default_rng(seed)
    test = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:share] for c in classes])
    return np.setdiff1d(np.arange(len(labels)), test), np.sort(test)
