"""Random changes of images and recordings in training: one part of its description."""

from dataclasses import dataclass

from .config_fields import check_flip, checked, integer, of_type, one_of, real

__all__ = ["AugmentConfig"]

POLICIES = ("", "cifar10", "imagenet")


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How images and recordings are changed at random.

    ================ ==========================================================================
    field            meaning
    ================ ==========================================================================
    shift            largest translation, in pixels
    rotate, shear    largest angles, in degrees
    scale            largest relative change of size
    crop             largest translation by whole pixels
    small            side of the square that is cut from each image in the first ``small_epochs``
                     of the float phase, at a place of its own; for networks of convolutions that
                     end in a pool over the whole map
    small_epochs     0 for whole images from the start
    flip             mirror half of the images
    cutout           side of a square of zeros in each image
    auto_augment     torchvision's AutoAugment policy, "", "cifar10" or "imagenet"
    event_shift      recordings, before they are binned: whole pixels by which all
                     events of one move at most
    event_flip       the same: mirror half of the recordings; true, or the labels of the classes
                     whose meaning stays
    event_drop       the same: largest share of the events that are lost one by one
    event_gap        the same: largest share of the duration in which no event is left
    ================ ==========================================================================
    """

    shift: float = real(0.0, "Shift", 0, 1000)
    rotate: float = real(0.0, "Rotation", 0, 180)
    shear: float = real(0.0, "Shear", 0, 60)
    scale: float = real(0.0, "Scale change", 0, 0.9)
    crop: int = integer(0, "Crop", 0, 1000)
    small: int = integer(24, "Side of small images", 1)
    small_epochs: int = integer(0, "Epochs of small images", 0)
    flip: bool = of_type(bool, False, "Flip")
    cutout: int = integer(0, "Cutout", 0, 1000)
    auto_augment: str = one_of(POLICIES, "", "AutoAugment policy")
    event_shift: int = integer(0, "Shift of events", 0, 1000)
    event_flip: bool | tuple[int, ...] = checked(False, check_flip)
    event_drop: float = real(0.0, "Drop of events", 0, 1)
    event_gap: float = real(0.0, "Gap in events", 0, 1)
