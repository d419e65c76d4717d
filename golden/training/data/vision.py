"""torchvision, imported where it is needed: AutoAugment, MixUp, CutMix and folders of images."""

import torch

from ...spec.errors import InvalidValue

__all__ = ["auto_augment", "image_folder", "import_torchvision", "mixing"]

SIZE = 224  # Rows and columns of an image from a folder.


def import_torchvision():
    """torchvision and its transforms; :class:`ValueError` where it is missing, or its compiled
    operators belong to another build of torch."""
    try:
        import torchvision
    except ModuleNotFoundError as error:
        raise InvalidValue("This needs torchvision, which is not installed") from error
    except RuntimeError as error:
        raise InvalidValue("This needs a torchvision that was built for this torch, "
                           f"{torch.__version__} ({error})") from error
    from torchvision.transforms import v2
    return torchvision, v2


def auto_augment(policy):
    """torchvision's AutoAugment of one uint8 image, or ``None`` for the policy ""."""
    if not policy:
        return None
    _, v2 = import_torchvision()
    return v2.AutoAugment(v2.AutoAugmentPolicy(policy))


def mixing(config, classes):
    """``(images, labels) -> (images, shares)`` by MixUp or CutMix, or ``None`` for neither."""
    if not (config.mixup or config.cutmix):
        return None
    _, v2 = import_torchvision()
    kinds = [kind(alpha=alpha, num_classes=classes) for kind, alpha in (
        (v2.MixUp, config.mixup), (v2.CutMix, config.cutmix)) if alpha]
    return kinds[0] if len(kinds) == 1 else v2.RandomChoice(kinds)


def image_folder(folder, train):
    """torchvision's ImageFolder of uint8 images ``(3, 224, 224)``: a random crop, or the centre."""
    torchvision, v2 = import_torchvision()
    view = ([v2.RandomResizedCrop(SIZE, antialias=True)] if train
            else [v2.Resize(SIZE * 8 // 7, antialias=True), v2.CenterCrop(SIZE)])
    return torchvision.datasets.ImageFolder(folder, v2.Compose([v2.PILToTensor(), *view]))
