"""What learns how fast, and a training through torch.compile."""

from dataclasses import replace

import pytest
import torch
from train_cases import STRIPES, TINY

from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.nets import build
from qblif.golden.training.optimiser import make_optimiser
from qblif.golden.training.train import train, train_float


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


@pytest.mark.parametrize("changes", [{"reset_kind": "gate"},
                                     {"reset_kind": "subtract", "spacing": "powers", "n_max": 4}])
def test_compiled_network_has_the_levels_and_gradients_of_the_other(changes):
    config = replace(TINY, net="4c3s2-6c3-p2", timesteps=2, **changes)
    torch.manual_seed(0)
    net = build(config, STRIPES.shape, STRIPES.classes)
    levels = torch.from_numpy(to_levels(STRIPES.train_images[:16], config.input_n_max)).float()
    found = []
    for model in (net, torch.compile(net, mode="reduce-overhead")):
        net.zero_grad()
        output = model(levels)
        output.logits.square().sum().backward()
        found.append((output.levels, [p.grad for p in net.parameters()]))
    (levels_there, there), (levels_here, here) = found
    assert sum(float(level.detach().sum()) for level in levels_there) > 0
    for one, other in zip(levels_there, levels_here, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(there, here, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_compiled_training_learns():
    trained = train(replace(TINY, compile=True), STRIPES)
    assert trained.notes["accuracy_integer"] > 0.9
