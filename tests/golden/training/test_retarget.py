"""Other weights for hardware that is there."""

import re
from dataclasses import replace

import pytest
import torch

from qblif.golden import integer
from qblif.golden.spec.artifact import Trained, sum_range
from qblif.golden.training.checkpoint import CheckpointError
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.export import export, signed_width
from qblif.golden.training.nets import build
from qblif.golden.training.quantise import quantise
from qblif.golden.training.recipes import recipe_of
from qblif.golden.training.train import train

CONFIG = TrainConfig(hidden=(9, 7), gamma=0.3, gain=1.0, input_n_max=4, timesteps=3, epochs=1,
                     qat_epochs=1, batch=16)
RESIDUAL = replace(CONFIG, net="resnet20", width=0.125)


def float_net(config, seed, shape=(20,)):
    torch.manual_seed(seed)
    net = build(config, shape, 3)
    for _ in range(5):
        net(torch.randint(0, 5, (16, net.stages[0].edges[0].synapse.in_features if len(shape) == 1
                                 else 3 * 64)).float())
    return net.eval()


def changed(spec, k=0, **fields):
    """``spec`` with fields of its ``k``-th population, or of that one's neuron, replaced."""
    populations = list(spec.populations)
    neuron = {f: fields.pop(f) for f in ("v_width", "quantiser") if f in fields}
    populations[k] = replace(populations[k], **fields,
                             neuron=replace(populations[k].neuron, **neuron))
    return replace(spec, populations=tuple(populations))


@pytest.fixture(scope="module")
def there():
    """What the hardware was built for, with fields that others may need."""
    spec = export(quantise(float_net(CONFIG, 0), 8)).spec
    for k in range(len(spec.populations)):
        spec = changed(spec, k, sum_width=20, bias_width=14, v_width=14 if k < 2 else 22)
    return spec


@pytest.mark.parametrize("seed", range(6))
def test_other_weights_on_the_same_hardware(there, seed):
    net = quantise(float_net(CONFIG, 1 + seed), 8, like=there)
    trained = export(net, like=there)
    assert trained.spec == there
    levels = torch.randint(0, 5, (200, 20), dtype=torch.uint8)
    trace, output = integer.run(trained, levels), net(levels)
    for population, membrane in zip(there.populations, output.membranes, strict=True):
        assert torch.equal(membrane.to(torch.int32), trace.membranes[population.name])


def test_residual_edges_keep_their_width():
    there = export(quantise(float_net(RESIDUAL, 0, (3, 8, 8)), 8)).spec
    synapses = tuple(replace(s, w_width=s.w_width + 1) if s.w_width > 8 else s
                     for s in there.synapses)
    assert synapses != there.synapses
    there = replace(there, synapses=synapses)
    for k in range(len(there.populations)):
        there = changed(there, k, sum_width=24, bias_width=20, v_width=25)
    net = quantise(float_net(RESIDUAL, 1, (3, 8, 8)), 8, like=there)
    assert export(net, like=there).spec == there


def test_sums_that_would_outgrow_their_width(there):
    """Of every population; the read-out's by its membrane, which does not saturate, as well."""
    free = export(quantise(float_net(CONFIG, 1), 8, like=there), like=there)
    widths = [signed_width(*sum_range(there, free.weights, p)) for p in there.populations]
    like = there
    for k, width in enumerate(widths):
        like = changed(like, k, sum_width=width - 1)
    like = changed(like, 2, v_width=widths[2])
    net = quantise(float_net(CONFIG, 1), 8, like=like)
    with torch.no_grad():
        net.stages[1].bias.fill_(2.0)  # Which makes it fire.
    trained, levels = export(net, like=like), torch.full((50, 20), 4, dtype=torch.uint8)
    levels[1:] = torch.randint(0, 5, (49, 20))
    trace, output = integer.run(trained, levels), net(levels)
    assert torch.equal(output.membranes[2].to(torch.int32), trace.membranes["output"])
    assert all((trained.weights[name] != free.weights[name]).any() for name in free.weights)
    assert all((abs(trained.weights[n]) <= abs(free.weights[n])).all() for n in free.weights)
    net(levels).logits.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


def test_a_bias_that_is_zero_is_still_loaded(there):
    net = quantise(float_net(CONFIG, 1), 8, like=there)
    with torch.no_grad():
        net.stages[0].bias.zero_()
    assert not export(net, like=there).biases["hidden1"].any()


def test_biases_are_clipped(there):
    like = changed(there, bias_width=3)
    net = quantise(float_net(CONFIG, 1), 8, like=like)
    with torch.no_grad():
        net.stages[0].bias.fill_(100.0)
    assert export(net, like=like).biases["hidden1"].tolist() == [3] * 9


def test_hardware_without_biases(there):
    like = changed(there, bias_width=0)
    trained = export(quantise(float_net(CONFIG, 1), 8, like=like), like=like)
    assert list(trained.biases) == ["hidden2", "output"]


# Training.

def noise(seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (64, 4, 5), generator=generator, dtype=torch.uint8)
    labels = (images.flatten(1).float().mean(1) > 127).to(torch.uint8)
    return images.numpy(), labels.numpy()


NOISE = Dataset("noise", *noise(0), *noise(1))


@pytest.fixture(scope="module")
def first():
    trained = train(CONFIG, NOISE)
    spec = trained.spec
    for k, population in enumerate(spec.populations):  # Room for other weights.
        spec = changed(spec, k, sum_width=population.sum_width + 2, bias_width=14,
                       v_width=population.neuron.v_width + 2)
    weights, biases = trained.weights, trained.biases
    return Trained(spec, weights, biases, trained.notes)


def test_trained_again(first, tmp_path):
    config = recipe_of(first, "first")
    assert config == CONFIG
    again = train(replace(config, seed=5), NOISE, like=first.spec)
    assert again.spec.digest == first.spec.digest
    assert again.weights_digest != first.weights_digest
    again.save(tmp_path / "again.safetensors")


@pytest.mark.parametrize("fields, message", [
    ({"hidden": (9, 8)}, "its shape of hidden2 must be (7,), not (8,)"),
    ({"hidden": (9,)}, "its populations and their sources must be [('hidden1', ['input']), ("),
    ({"n_max": 7}, "its quantiser of hidden1 must be"),
    ({"timesteps": 2}, "its timesteps must be 3, not 2"),
    ({"input_n_max": 3}, "its input must be Input("),
    ({"beta": 0.75}, "its leak of hidden1 must be"),
    ({"reset_kind": "zero"}, "its reset of hidden1 must be"),
    ({"output": "binary"}, "its output of hidden1 must be level, not binary"),
    ({"w_width": 4}, "Weight width must be the hardware's, 8, not 4"),
    ({"v_width": 9}, "Membrane width must be the hardware's, ")])
def test_another_network_is_refused_before_training(first, fields, message):
    def never(state):
        raise AssertionError("it began")
    with pytest.raises(ValueError, match=re.escape(message)):
        train(replace(CONFIG, **fields), NOISE, like=first.spec, progress=never)


def test_threshold_between_powers_of_two(first):
    quantiser = replace(first.spec.populations[0].neuron.quantiser, theta=24)
    with pytest.raises(ValueError, match=r"^Threshold 24 of hidden1 is not a power of two, which"):
        train(CONFIG, NOISE, like=changed(first.spec, quantiser=quantiser))


def test_resumed_for_other_hardware(first, tmp_path):
    train(replace(CONFIG, seed=5), NOISE, like=first.spec, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(CheckpointError, match=r"was trained with like = '[0-9a-f]{16}', not None$"):
        train(replace(CONFIG, seed=5), NOISE, checkpoint=tmp_path / "checkpoint", resume=True)


@pytest.mark.parametrize("notes", [{}, {"config": 3}, {"config": {"hiden": [3]}},
                                   {"config": {"epochs": -1}}])
def test_file_that_does_not_say_how_it_was_trained(first, notes):
    with pytest.raises(ValueError, match=r"^first does not say how it was trained: name a"):
        recipe_of(replace(first, notes=notes), "first")
