"""The largest burst level as a trained quantity: its gradient, its bounds, what is exported."""

import math
import re
from dataclasses import replace

import pytest
import torch
from train_cases import STRIPES, TINY, Interrupted, assert_same_bits

from qblif.golden import integer
from qblif.golden.spec import Reset
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.learned_n_max import LearnedNMax
from qblif.golden.training.modules import QBLIF
from qblif.golden.training.train import train

LEARNED = replace(TINY, n_max=15, learn_n_max=True, activity=1.0, gain=4.0)


def fired(neuron, currents, weights):
    """Levels of one timestep, and what ``(weights * levels).sum()`` gives the parameter."""
    levels, _ = neuron(torch.tensor(currents)[None, :, None])
    (torch.tensor(weights)[:, None] * levels[0]).sum().backward()
    return levels[0, :, 0].tolist(), float(neuron.ceiling.log_n_max.grad)


def neuron(log_n_max, n_max=4, **kwargs):
    made = QBLIF(n_max=n_max, learn_n_max=True, **kwargs)
    with torch.no_grad():
        made.ceiling.log_n_max.fill_(log_n_max)
    return made


def test_gradient_by_hand():
    # N_max 2: 2.4 is not half a level above it, 2.5 and 9 are; times d N_max / d log N_max = 2.
    levels, grad = fired(neuron(math.log(2)), [1.9, 2.4, 2.5, 9.0], [1.0, 10.0, 100.0, 1000.0])
    assert levels == [1, 2, 2, 2]
    assert grad == 2 * 1100


def test_gamma_scales_the_gradients_threshold():
    assert fired(neuron(math.log(2), gamma=0.5), [1.2, 1.25], [1.0, 10.0]) == ([2, 2], 20)


def test_levels_get_their_own_gradient():
    current = torch.tensor([0.5, 1.5, 2.5])[None, :, None].requires_grad_()
    learned = neuron(math.log(2))
    fixed = QBLIF(n_max=2)
    (mine,) = torch.autograd.grad(learned(current)[0].sum(), current)
    (theirs,) = torch.autograd.grad(fixed(current)[0].sum(), current)
    assert torch.equal(mine, theirs)


@pytest.mark.parametrize("n_max, sign, left", [(4, 1, 4), (1, -1, 1), (4, -1, 3), (1, 1, 2)])
def test_steps_stay_in_range(n_max, sign, left):
    # More levels would lower the loss where sign is 1; a step of SGD is a factor of e**0.3 or more.
    made = neuron(math.log(n_max))
    levels, _ = made(torch.tensor([50.0])[None, :, None])
    (-sign * levels.sum()).backward()
    log = made.ceiling.log_n_max
    assert float(log.grad) == (0 if left == n_max else -sign * n_max)
    torch.optim.SGD([log], lr=0.3 if n_max == 4 else 0.8).step()
    assert 1 <= made.n_max <= 4
    assert (made.n_max == n_max) == (left == n_max)


@pytest.mark.parametrize("spacing, log, n_max", [
    ("uniform", math.log(2.4), 2), ("uniform", math.log(2.5), 3), ("uniform", math.log(99), 8),
    ("uniform", -3.0, 1), ("powers", math.log(2.8), 2), ("powers", math.log(2.9), 4),
    ("powers", math.log(5.7), 8), ("powers", 0.3, 1)])
def test_snaps_to_a_level_of_the_hardware(spacing, log, n_max):
    made = LearnedNMax(8, spacing)
    assert made.n_max == 8
    with torch.no_grad():
        made.log_n_max.fill_(log)
    assert made.n_max == n_max


@pytest.mark.parametrize("kind", ["late", "held", "subtract"])
def test_no_gradient_through_a_reset(kind):
    made = neuron(math.log(2), reset=Reset(kind=kind))
    levels, _ = made(torch.tensor([9.0, -20.0])[:, None, None])
    levels[1].sum().backward()  # It did not fire, whatever the first step's N_max took.
    grad = made.ceiling.log_n_max.grad
    assert grad is None or float(grad) == 0


def tops(network):
    return [p.neuron.quantiser.n_max for p in network.spec.firing]


@pytest.fixture(scope="module")
def trained():
    return train(LEARNED, STRIPES)


def test_training_lowers_it_at_a_price(trained):
    found = tops(trained)
    assert all(1 <= n < 15 for n in found)
    free = train(replace(LEARNED, activity=0.0, epochs=1, qat_epochs=0), STRIPES)
    assert sum(tops(free)) > sum(found)


def test_levels_reach_it_and_not_more(trained):
    levels = to_levels(STRIPES.test_images, trained.spec.input.n_max)
    run = integer.run(trained, levels)
    assert [int(run.levels[p.name].max()) for p in trained.spec.populations[:-1]] == \
        tops(trained)


@pytest.mark.parametrize("phase", ["float", "quantised"])
def test_resumed(trained, tmp_path, phase):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == (phase, 2):
            raise Interrupted

    path = tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        train(LEARNED, STRIPES, checkpoint=path, progress=interrupt)
    assert_same_bits(train(LEARNED, STRIPES, checkpoint=path, resume=True), trained)


def test_not_compiled():
    with pytest.raises(ValueError, match="Learned N_max cannot be compiled"):
        TrainConfig(learn_n_max=True, compile=True)


def test_not_for_hardware_that_is_there(trained):
    with pytest.raises(ValueError, match=re.escape("Learned N_max must be off for hardware that")):
        train(replace(LEARNED, seed=1), STRIPES, like=trained.spec)
