import pytest
import torch
from torch import nn

from qblif.golden.spec.errors import QblifError
from qblif.golden.training.convert import from_torch
from qblif.golden.training.export import export
from qblif.golden.training.modules import QBLIF
from qblif.golden.training.quantise import quantise


def model(*more):
    return nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), QBLIF(7)),
                         nn.AvgPool2d(2), nn.Conv2d(4, 8, 3, 2, 1), QBLIF(5), *more, nn.Flatten(),
                         nn.Linear(32, 6), nn.BatchNorm1d(6), QBLIF(3), nn.Linear(6, 2))


def test_layers_become_populations():
    net = from_torch(model(), (3, 8, 8), timesteps=2, input_n_max=4)
    spec = export(quantise(net.eval(), 8)).spec
    assert [p.shape for p in spec.populations] == [(4, 8, 8), (8, 2, 2), (6,), (2,)]
    assert [p.emit_max for p in spec.populations] == [7, 5, 3, 0]
    assert spec.synapses[1].pool == (2, 2) and spec.synapses[1].stride == (2, 2)


def test_computes_what_the_layers_compute():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), QBLIF(9),
                           nn.Flatten(), nn.Linear(16, 3)).eval()
    net = from_torch(layers, (1, 8, 8), timesteps=1, input_n_max=5).eval()
    levels = torch.randint(0, 6, (4, 64)).float()
    current = layers[2](layers[1](layers[0](levels.reshape(4, 1, 8, 8) / 5)))
    S = layers[3].gamma * layers[3](current[None])[0][0]
    torch.testing.assert_close(net(levels).logits, layers[5](S.flatten(1)))


@pytest.mark.parametrize("layer, reason", [
    (nn.MaxPool2d(2), r"^Layer 4 is a MaxPool2d, .* nearest is AvgPool2d, or a stride"),
    (nn.ReLU(), r"^Layer 4 is a ReLU, which has no exact integer form; the nearest is QBLIF$"),
    (nn.GroupNorm(2, 8), r"^Layer 4 is a GroupNorm, .* nearest is BatchNorm2d$"),
    (nn.PixelShuffle(2), r"^Layer 4 is a PixelShuffle, .* nearest is Conv2d, Linear,"),
    (nn.AvgPool2d(3, 2), r"^Layer 4 is an AvgPool2d whose windows overlap"),
    (nn.Conv2d(8, 8, 3, dilation=2), r"^Layer 4 is a Conv2d with dilation, .* larger kernel"),
    (nn.Conv2d(8, 8, 3, padding="same"), r"^Layer 4 is a Conv2d with dilation, or padding"),
    (nn.BatchNorm2d(8), r"^Layer 4 is a BatchNorm2d out of place"),
    (QBLIF(3), r"^Layer 4 is a neuron without a convolution or a linear layer before it$")])
def test_refused_by_name(layer, reason):
    with pytest.raises(ValueError, match=reason):
        from_torch(model(layer), (3, 8, 8), 1, 4)


def test_layers_that_repeat():
    """What has no state of its own: a pool, a norm, a linear layer."""
    torch.manual_seed(0)
    pool, norm, linear = nn.AvgPool2d(2), nn.BatchNorm2d(4), nn.Linear(4, 4)
    layers = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, QBLIF(3), pool,
                           nn.Conv2d(4, 4, 3, padding=1), norm, QBLIF(3), pool, nn.Flatten(),
                           nn.Linear(16, 4), QBLIF(3), linear, QBLIF(3), linear)
    net = from_torch(layers, (1, 8, 8), timesteps=1, input_n_max=1).eval()
    levels = torch.randint(0, 2, (4, 64)).float()
    x = levels.reshape(4, 1, 8, 8)
    for layer in layers.eval():
        x = layer.gamma * layer(x[None])[0][0] if isinstance(layer, QBLIF) else layer(x)
    torch.testing.assert_close(net(levels).logits, x)
    spec = export(quantise(net, 8)).spec
    assert [s.pool for s in spec.synapses] == [(1, 1), (2, 2), (2, 2), (1, 1), (1, 1)]


def test_a_neuron_that_repeats():
    neuron = QBLIF(3)
    with pytest.raises(ValueError, match=r"^Layer 3 is a neuron that is there before; each "
                                         r"population needs one of its own$"):
        from_torch(nn.Sequential(nn.Linear(8, 8), neuron, nn.Linear(8, 4), neuron,
                                 nn.Linear(4, 2)), (8,), 2, 3)


@pytest.mark.parametrize("layers, reason", [
    ([nn.AvgPool2d(16), nn.Flatten(), nn.Linear(4, 2)],
     r"^Layer 2 has windows of 16 x 16, which must not be larger than its map of 8 x 8$"),
    ([nn.AvgPool2d(2), nn.Linear(64, 8), QBLIF(3), nn.AvgPool2d(2), nn.Linear(8, 2)],
     r"^Layer 5 has windows of 2 x 2, which must not be larger than its map of 1 x 1$"),
    ([nn.Linear(64, 2)], r"^Layer 2 takes 64 inputs, but what is before it gives 256$"),
    ([nn.Conv2d(3, 2, 3)], r"^Layer 2 takes 3 channels, but what is before it gives 4$"),
    ([nn.Conv2d(4, 2, 9)], r"^Synapse input->layer 2 has a kernel of 9x9, larger than its"),
    ([nn.Linear(256, 2), nn.BatchNorm1d(3)],
     r"^Layer 3 takes 3 channels, but what is before it gives 2$"),
    ([nn.Linear(256, 2), nn.BatchNorm1d(2, track_running_stats=False)],
     r"^Layer 3 is a BatchNorm1d without running statistics, which its integers are made of")])
def test_what_could_not_be_quantised(layers, reason):
    first = nn.Conv2d(1, 4, 3, padding=1), QBLIF(3)
    with pytest.raises(ValueError, match=reason):
        from_torch(nn.Sequential(*first, *layers), (1, 8, 8), 1, 4)


@pytest.mark.parametrize("shape, timesteps, n_max, reason", [
    ((4,), 0, 1, r"^Timesteps must be in 1\.\.1024, not 0$"),
    ((4,), 1, 0, r"^Input N_max must be in 1\.\.63, not 0$"),
    ((4,), 1, 100, r"^Input N_max must be in 1\.\.63, not 100$"),
    (4, 1, 1, r"^Input shape must be a tuple or a list, not 4$")])
def test_no_such_input(shape, timesteps, n_max, reason):
    with pytest.raises(QblifError, match=reason):
        from_torch(nn.Sequential(nn.Linear(4, 2)), shape, timesteps, n_max)


def test_no_read_out():
    with pytest.raises(ValueError, match=r"^Model must end with a linear layer"):
        from_torch(nn.Sequential(nn.Linear(4, 2), QBLIF(3)), (4,), 1, 4)


def test_not_sequential():
    with pytest.raises(ValueError, match=r"^Model must be a Sequential, not a Linear"):
        from_torch(nn.Linear(4, 2), (4,), 1, 4)
