"""The loss by hand."""

from dataclasses import replace

import pytest
import torch
from train_cases import TINY

from qblif.golden.training.loss import loss_of
from qblif.golden.training.modules import Output

LOGITS = torch.log(torch.tensor([[1.0, 2, 1], [6.0, 1, 1]]))
LABELS = torch.tensor([1, 0])
WRONG = (torch.tensor([2.0]).log() + torch.tensor([8 / 6]).log()).item() / 2
LEVELS = [torch.tensor([[[1.0, 0], [3, 0]], [[0.0, 0], [7, 1]]]), torch.tensor([[[0.0], [1]]] * 2)]


def loss(phase="float", labels=LABELS, **fields):
    config = replace(TINY, **{"smoothing": 0.0, "activity": 0.0} | fields)
    return float(loss_of(None, Output(LOGITS, LEVELS, []), labels, config, phase))


@pytest.mark.parametrize("phase", ["float", "quantised"])
def test_wrong_answers(phase):
    assert loss(phase) == pytest.approx(WRONG)
    shares = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
    assert loss(phase, labels=shares) == pytest.approx(WRONG)


@pytest.mark.parametrize("phase", ["float", "quantised"])
def test_price_of_levels(phase):
    """Two timesteps of two frames: 1 + 2 + 3 + 1 digits of two neurons, and 1 + 1 of one."""
    assert loss(phase, activity=0.5) == pytest.approx(WRONG + 0.5 * (7 / 4 + 2 / 2))


def test_smoothing():
    """Nine tenths for the label, a thirtieth for each class."""
    rest = -LOGITS.log_softmax(1).sum().item() / 2 / 3
    assert loss(smoothing=0.1) == pytest.approx(0.9 * WRONG + 0.1 * rest)
