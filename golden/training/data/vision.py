"""torchvision, imported where it is needed and beside any build of torch.

Its compiled operators belong to one build of torch: beside another (its usual wheel is for CUDA)
they do not load, and its import stops at the two below, which nothing here calls.
"""

import torch

__all__ = ["auto_augment", "image_folder", "mixing"]

NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
SIZE = 224  # Rows and columns of an image from a folder.
_schemas = torch.library.Library("torchvision", "FRAGMENT")


def _import():
    try:
        import torchvision
    except ModuleNotFoundError as error:
        raise ValueError("This needs torchvision, which is not installed") from error
    except RuntimeError:
        for name in ("nms", "qnms"):
            _schemas.define(name + NMS)
        import torchvision
    from torchvision.transforms import v2
    return torchvision, v2


def auto_augment(policy):
    """torchvision's AutoAugment of one uint8 image, or ``None`` for the policy ""."""
    if not policy:
        return None
    _, v2 = _import()
    return v2.AutoAugment(v2.AutoAugmentPolicy(policy))


def mixing(config, classes):
    """``(images, labels) -> (images, shares)`` by MixUp or CutMix, or ``None`` for neither."""
    if not (config.mixup or config.cutmix):
        return None
    _, v2 = _import()
    kinds = [kind(alpha=alpha, num_classes=classes) for kind, alpha in (
        (v2.MixUp, config.mixup), (v2.CutMix, config.cutmix)) if alpha]
    return kinds[0] if len(kinds) == 1 else v2.RandomChoice(kinds)


def image_folder(folder, train):
    """torchvision's ImageFolder of uint8 images ``(3, 224, 224)``: a random crop, or the centre."""
    torchvision, v2 = _import()
    view = ([v2.RandomResizedCrop(SIZE, antialias=True)] if train
            else [v2.Resize(SIZE * 8 // 7, antialias=True), v2.CenterCrop(SIZE)])
    return torchvision.datasets.ImageFolder(folder, v2.Compose([v2.PILToTensor(), *view]))
