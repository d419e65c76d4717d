import random

import pytest
import torch
from torch import nn

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Decay, Dense, Reset
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.convolutions import exact_convolution, library_convolution
from qblif.golden.training.export import export
from qblif.golden.training.modules import QBLIF, BurstNet, Edge, Stage
from qblif.golden.training.nets import build
from qblif.golden.training.quantise import fold_norm, quantise

DEFAULTS = {"gamma": 0.3, "gain": 1.0, "input_n_max": 4, "n_max": 7}


def seen(net, frames=8):
    """``net`` in evaluation mode after some data, which its norms average, and input levels."""
    levels = torch.randint(0, net.input_n_max + 1, (frames, *inputs(net)), dtype=torch.uint8)
    for norm in net.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            norm.momentum = None  # The plain mean.
    for _ in range(4):
        net(levels.float())
    return net.eval(), levels


def inputs(net):
    size = torch.Size(net.input_shape).numel()
    return (size,) if net.static else (net.timesteps, size)


def assert_equal_to_integers(quantised, levels):
    """Every level and membrane, in training and in evaluation mode."""
    trained = export(quantised)
    trace = integer.run(trained, levels)
    for mode in (True, False):
        output = quantised.train(mode)(levels)
        for population, membrane in zip(trained.spec.populations, output.membranes, strict=True):
            name = population.name
            assert tuple(membrane.shape[2:]) == population.shape
            assert torch.equal(membrane.flatten(2).int(), trace.membranes[name]), name
        for stage, level in zip(quantised.stages, output.levels, strict=False):
            assert torch.equal(level.flatten(2).to(torch.uint8), trace.levels[stage.name])
    return trained, trace


@pytest.mark.parametrize("net, width, shape, timesteps", [
    ("lenet", 0.5, (28, 28), 2), ("mnist-cnn", 0.5, (28, 28), 1),
    ("vgg-small", 0.25, (3, 32, 32), 3),
    ("8c3s2-8c3g8-p2-8c1-d6", 1, (2, 11, 13), 4), ("4c3s2-d9r-d7r", 1, (1, 5, 6), 5),
    ("resnet20", 0.25, (3, 16, 16), 2), ("resnet19", 0.04, (3, 16, 16), 2),
    ("resnet18", 0.06, (3, 66, 70), 1), ("resnet34", 0.06, (3, 16, 16), 2)])
def test_named_network_equals_integer_model(net, width, shape, timesteps):
    torch.manual_seed(0)
    config = TrainConfig(net=net, width=width, timesteps=timesteps, beta=0.75, alpha=0.5,
                         **DEFAULTS)
    float_net, levels = seen(build(config, shape, 10))
    trained, trace = assert_equal_to_integers(quantise(float_net, 8), levels)
    # The last firing population says something, and what leads back has weights.
    assert trace.levels[trained.spec.populations[-2].name].any()
    assert all(trained.weights[s.name].any() for s in trained.spec.synapses)


def random_graph(seed):
    """Any number of populations, each fed by one to three of the sources before it."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    timesteps = draw.randint(1, 4)
    shapes = {"input": (draw.randint(1, 4), draw.randint(1, 9), draw.randint(1, 9))}
    stages = []
    for i in range(draw.randint(1, 4)):
        name = f"p{i}"
        made = [random_edge(draw, source, shapes) for source in
                draw.sample(list(shapes), min(len(shapes), draw.randint(1, 3)))]
        edges = [edge for edge, shape in made if shape == made[0][1]]
        leak = Decay.nearest(draw.choice((0.5, 0.75, 1.0)))
        reset = Reset(kind=draw.choice(list(Reset.KINDS)),
                      gate=Decay.nearest(draw.choice((0, 0.5, 0.9))))
        shapes[name] = made[0][1]
        stages.append(Stage(name, edges, QBLIF(draw.randint(1, 20), leak, reset, gamma=0.4)))
    read = {edge.source for stage in stages for edge in stage.edges}
    stages.append(Stage("output", [Edge(name, nn.Linear(torch.Size(shape).numel(), 3))
                                   for name, shape in shapes.items() if name not in read]))
    return BurstNet(stages, shapes["input"], timesteps, draw.randint(1, 20),
                    static=draw.random() < 0.7)


def random_edge(draw, source, shapes):
    """``(edge, shape)``: most often one that keeps the shape, so that several feed one target."""
    channels, *extents = shapes[source] if len(shapes[source]) == 3 else (*shapes[source], 1, 1)
    pool = [draw.choice([1, min(2, size)]) for size in extents]
    extents = [size // p for size, p in zip(extents, pool, strict=True)]
    if draw.random() < 0.3:
        return Edge(source, nn.Identity(), pool=pool), flat((channels, *extents))
    groups = draw.choice((1, channels))
    kernel = [draw.randint(1, min(3, size)) for size in extents]
    padding = [k // 2 for k in kernel]
    stride = draw.choice((1, 1, 2, 3))
    after = channels * draw.randint(1, 2)
    conv = nn.Conv2d(channels, after, kernel, stride, padding, groups=groups,
                     bias=draw.random() < 0.5)
    shape = [(size + 2 * p - k) // stride + 1 for size, k, p in
             zip(extents, kernel, padding, strict=True)]
    norm = nn.BatchNorm2d(after) if draw.random() < 0.7 else None
    return Edge(source, conv, norm, pool), flat((after, *shape))


def flat(shape):
    return shape if shape[1:] != (1, 1) else shape[:1]


@pytest.mark.parametrize("seed", range(60))
def test_random_graph_equals_integer_model(seed):
    net, levels = seen(random_graph(seed))
    assert_equal_to_integers(quantise(net, random.Random(seed).choice((4, 8, 12))), levels)


def test_equality_fails_for_a_changed_weight():
    config = TrainConfig(net="4c3-p2-4c3", timesteps=1, **DEFAULTS)
    quantised = quantise(seen(build(config, (1, 8, 8), 3))[0], 8)
    trained = export(quantised)
    trained.weights["input->conv1"][0, 0, 1, 1] += 9
    levels = torch.full((2, 64), 4, dtype=torch.uint8)
    same = torch.equal(quantised(levels).membranes[0].flatten(2).int(),
                       integer.run(trained, levels).membranes["conv1"])
    assert not same


def test_scales_are_absorbed_by_hand():
    """Two sources of gamma 0.5 and 2 into a target of gamma 4, one of them pooled."""
    stages = [Stage("a", [Edge("input", nn.Conv2d(1, 2, 1, bias=False))], QBLIF(3, gamma=0.5)),
              Stage("b", [Edge("a", nn.Conv2d(2, 2, 1, bias=False))], QBLIF(3, gamma=2.0)),
              Stage("c", [Edge("a", nn.Identity(), pool=(2, 2)),
                          Edge("b", nn.Conv2d(2, 2, 2, 2, bias=False))], QBLIF(3, gamma=4.0)),
              Stage("d", [Edge("c", nn.Linear(8, 3))])]
    for stage, value in zip(stages, (1.0, 0.5, 0.8125, 0.75), strict=True):
        for edge in stage.edges:
            if not isinstance(edge.synapse, nn.Identity):
                nn.init.constant_(edge.synapse.weight, value)
    c = quantise(BurstNet(stages, (1, 4, 4), 1, 1), 8).stages[2]
    assert [e.weight.unique().tolist() for e in c.edges] == [[0.5 / 4 / 4], [0.8125 * 2 / 4]]
    assert [e.synapse for e in c.edges] == [
        Conv2d(source="a", target="c", kernel=1, groups=2, pool=2),
        Conv2d(source="b", target="c", kernel=2, stride=2)]
    weights, _ = c.integers()
    assert c.theta == 32  # The least with no error on the convolution's 13 / 32.
    assert [w.unique().tolist() for w in weights.values()] == [[1], [13]]


def test_residual_edge_may_be_wider_than_the_weights():
    stages = [Stage("a", [Edge("input", nn.Conv2d(1, 2, 1))], QBLIF(3, gamma=2.0)),
              Stage("b", [Edge("a", nn.Identity()), Edge("a", nn.Conv2d(2, 2, 3, padding=1))],
                    QBLIF(3, gamma=0.5)), Stage("c", [Edge("b", nn.Linear(2, 2))])]
    nn.init.uniform_(stages[1].edges[1].synapse.weight, -0.02, 0.02)
    quantised = quantise(BurstNet(stages, (1, 1, 1), 2, 4), 8)
    identity, conv = quantised.stages[1].edges
    assert conv.synapse.w_width == 8 and identity.synapse.w_width > 8
    assert identity.integers(quantised.stages[1].scale).flatten().tolist() == [
        4.0 * quantised.stages[1].theta] * 2


def test_biases_of_all_edges_sum():
    stages = [Stage("a", [Edge("input", nn.Conv2d(1, 2, 1)), Edge("input", nn.Conv2d(1, 2, 3,
              padding=1))], QBLIF(3, gamma=0.5)), Stage("b", [Edge("a", nn.Linear(18, 2))])]
    for edge, bias in zip(stages[0].edges, (0.25, 0.5), strict=True):
        nn.init.constant_(edge.synapse.bias, bias)
    assert quantise(BurstNet(stages, (1, 3, 3), 1, 4), 8).stages[0].bias.tolist() == [1.5, 1.5]


def test_pooled_read_out_is_a_convolution_over_the_pooled_map():
    config = TrainConfig(net="4c3-p3", **DEFAULTS)
    spec = export(quantise(seen(build(config, (1, 9, 6), 5))[0], 8)).spec
    assert spec.synapses[1] == Conv2d(source="conv1", target="output", kernel=(3, 2), pool=3)
    config = TrainConfig(net="4c3", **DEFAULTS)
    spec = export(quantise(seen(build(config, (1, 9, 6), 5))[0], 8)).spec
    assert spec.synapses[1] == Dense(source="conv1", target="output")


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_folded_norm_of_a_convolution(groups):
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(6, 6, 3, padding=1, groups=groups), nn.BatchNorm2d(6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    for _ in range(5):
        norm(conv(torch.randn(8, 6, 5, 5) * 3 + 1))
    norm.eval()
    x, (weight, bias) = torch.randn(2, 6, 5, 5), fold_norm(conv, norm)
    torch.testing.assert_close(nn.functional.conv2d(x, weight.float(), bias.float(), 1, 1, 1,
                                                    groups), norm(conv(x)))


@pytest.mark.parametrize("dtype, top", [(torch.float32, 24), (torch.float64, 30)])
@pytest.mark.parametrize("batch", [1, 40])
def test_convolutions_are_exact_to_the_last_bit(dtype, top, batch):
    """Sums that just fit the float, by both ways and by integers."""
    torch.manual_seed(0)
    synapse = Conv2d(source="a", target="b", kernel=3, padding=1)
    channels, reach = 32, 20
    most = ((1 << top) - 1) // (channels * 9 * reach)
    weight = torch.randint(-most, most + 1, (16, channels, 3, 3))
    weight[0] = most
    x = torch.randint(0, reach + 1, (batch, channels, 12, 12))
    x[0] = reach
    expected = nn.functional.conv2d(x, weight, padding=1)
    assert int(expected.max()) > (1 << top) * 0.95
    for convolve in (exact_convolution, library_convolution):
        assert torch.equal(convolve(x.to(dtype), weight.to(dtype), synapse).long(), expected)
