"""What learns how fast."""

from dataclasses import replace

import pytest
from train_cases import STRIPES, TINY

from qblif.golden.training.nets import build
from qblif.golden.training.optimiser import make_optimiser
from qblif.golden.training.train import train_float


def test_gamma_has_a_learning_rate_of_its_own():
    config = replace(TINY, gamma_lr=0.25, lr=0.04)
    net = build(config, STRIPES.shape, STRIPES.classes)
    groups = make_optimiser(net, config, "float", config.lr).param_groups
    peaks = {name: group["peak"] for (name, p), group in zip(net.named_parameters(), groups,
                                                             strict=True)
             if p is group["params"][0]}
    assert len(peaks) == len(groups)
    assert {peak for name, peak in peaks.items() if name.endswith("log_gamma")} == {0.01}
    assert {peak for name, peak in peaks.items() if not name.endswith("log_gamma")} == {0.04}


def test_a_gamma_without_learning_rate_stays():
    still = train_float(replace(TINY, gamma_lr=0.0, epochs=1), STRIPES)
    moved = train_float(replace(TINY, epochs=1), STRIPES)
    names = [name for name in still.gammas if name != "input"]
    assert all(still.gammas[name] == pytest.approx(TINY.gamma, rel=1e-6) for name in names)
    assert all(moved.gammas[name] != pytest.approx(TINY.gamma, rel=1e-6) for name in names)
