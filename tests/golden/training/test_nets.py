import pytest
import torch

from qblif.golden.training.config import TrainConfig
from qblif.golden.training.nets import build, names

# Weights of the standard networks, without norms and biases: He et al. 2016, Zheng et al. 2021.
PARAMETERS = {"resnet20": 270_896, "resnet18": 11_164_352, "resnet19": 12_687_232}


def weights(net):
    return sum(p.numel() for p in net.parameters() if p.dim() > 1)


@pytest.mark.parametrize("name", PARAMETERS)
def test_size_of_a_resnet(name):
    with torch.device("meta"):
        net = build(TrainConfig(net=name), (3, 32, 32), 10)
    assert weights(net) == PARAMETERS[name]


@pytest.mark.parametrize("name, layers", [("resnet20", 20), ("resnet19", 19), ("resnet18", 18),
                                          ("resnet34", 34), ("lenet", 5)])
def test_depth(name, layers):
    with torch.device("meta"):
        net = build(TrainConfig(net=name), (3, 32, 32), 10)
    assert len(net.stages) == layers


def test_imagenet_stem():
    with torch.device("meta"):
        net = build(TrainConfig(net="resnet34"), (3, 224, 224), 1000)
        output = net(torch.zeros(2, 3 * 224 * 224))
    assert output.logits.shape == (2, 1000)
    assert [level.shape[2:] for level in output.levels][::8] == [
        (64, 112, 112), (128, 28, 28), (256, 14, 14), (256, 14, 14), (512, 7, 7)]


def test_shortcuts_are_option_b():
    with torch.device("meta"):
        net = build(TrainConfig(net="resnet20"), (3, 32, 32), 10)
    kinds = [[type(e.synapse).__name__ for e in s.edges] for s in net.stages]
    assert kinds[2] == ["Conv2d", "Identity"] and kinds[8] == ["Conv2d", "Conv2d"]
    edge = net.stages[8].edges[1]
    assert edge.synapse.kernel_size == (1, 1) and edge.norm is not None
    assert edge.source == net.stages[6].name


@pytest.mark.parametrize("name", names())
def test_every_gradient_arrives(name):
    torch.manual_seed(0)
    config = TrainConfig(net=name, width=0.1, timesteps=2, gamma=0.2, gain=1.0)
    net = build(config, (3, 32, 32), 4)
    net(torch.randint(0, 3, (8, 3072)).float()).logits.square().sum().backward()
    for parameter in net.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()


def test_what_leads_back_reaches_the_next_timestep():
    torch.manual_seed(0)
    net = build(TrainConfig(net="d8r", timesteps=3, gamma=0.1), (5, 1, 1), 3, static=False)
    back = next(e for e in net.stages[0].edges if e.source == "dense1")
    levels = torch.randint(0, 4, (2, 3, 5)).float()
    first = net(levels).membranes[0]
    back.synapse.weight.data += 1.0
    moved = (net(levels).membranes[0] != first).flatten(1).any(1).tolist()
    assert moved == [False, True, True]
    net(levels).logits.sum().backward()
    assert back.synapse.weight.grad.abs().sum() > 0


def test_width_factor():
    config = TrainConfig(net="8c3-16c3s2-d10", width=0.5)
    shapes = [p.shape for p in build(config, (1, 8, 8), 3).parameters() if p.dim() > 1]
    assert shapes == [(4, 1, 3, 3), (8, 4, 3, 3), (5, 128), (3, 5)]


@pytest.mark.parametrize("net, reason", [
    ("resnet21", r"^Network must be one of dense, lenet, .* not 'resnet21'$"),
    ("8c3-", r"^Network must be one of .* not '8c3-'$"),
    ("8c3-d4-8c3", r"^Network 8c3-d4-8c3 has a convolution after a dense population$"),
    *((net, rf"^Network must be one of .* with numbers of 1\.\.99999, not '{net}'$") for net in (
        "16c3s0", "p0-d4", "p0", "16c3g0", "16c0", "d0", "0c3", "d100000")),
    ("16c3g5", r"^Network 16c3g5 has .* of 5 groups, .* 1 channels before it and 16 behind it$"),
    ("3c3-4c3g3", r" of 3 groups, which must divide 3 channels before it and 4 behind it$"),
    ("p2", r"^Network p2 must have a hidden population, such as d64$"),
    ("8c3-p9", r"^Network 8c3-p9 does not fit images of \(1, 8, 8\)$"),
    ("p9-8c3", r"^Network p9-8c3 does not fit images of \(1, 8, 8\)$")])
def test_no_such_network(net, reason):
    with pytest.raises(ValueError, match=reason):
        build(TrainConfig(net=net), (8, 8), 3)


@pytest.mark.parametrize("net, side", [("8c3-p2", 4), ("d12", 4), ("8c3-p8", 9)])
def test_no_small_images(net, side):
    config = TrainConfig(net=net, small=side, small_epochs=1)
    with pytest.raises(ValueError, match=rf"^Network {net} on images of \(1, 8, 8\) does not take "
                                         rf"small images of {side} x {side}$"):
        build(config, (1, 8, 8), 3)


@pytest.mark.parametrize("n_max", [(3, 2), (3, 2, 4, 5)])
def test_n_max_for_other_populations(n_max):
    with pytest.raises(ValueError, match="^N_max must be 1 number or 3, one a hidden population, "
                                         f"not {len(n_max)}$"):
        build(TrainConfig(net="4c3-4c3-d5", n_max=n_max), (8, 8), 3)


def test_n_max_of_each_population():
    net = build(TrainConfig(net="4c3-4c3-d5", n_max=(3, 2, 7)), (8, 8), 3)
    assert [stage.neuron.n_max for stage in net.stages[:-1]] == [3, 2, 7]
