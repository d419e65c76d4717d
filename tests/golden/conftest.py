import pytest
import torch

from qblif.golden.training.data import vision

NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


@pytest.fixture
def torchvision():
    """torchvision beside any build of torch, for tests of its transforms.

    Where it was built for another one (its usual wheel is for CUDA), its import stops at two
    operators which no transform calls; here they are declared, where a user is refused.
    """
    try:
        vision.import_torchvision()
    except ValueError:
        for name in ("nms", "qnms"):
            OPERATORS.define(name + NMS)
        vision.import_torchvision()
