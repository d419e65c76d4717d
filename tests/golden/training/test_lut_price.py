"""What the loss takes for the LUTs of weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from power_cases import POWERS, SHORT, random_net
from train_cases import STRIPES, TINY

from qblif.golden.spec.errors import InvalidValue
from qblif.golden.training.powers import PowerGrid, constrain, estimate_luts, real_weight
from qblif.golden.training.train import train


@pytest.mark.parametrize("net, shape, sharing, output", [
    ("dense", (20,), (1, 1, 1), "level"), ("dense", (20,), (1, 1, 1), "binary"),
    ("4c3-p2-d9", (6, 6), (36, 1, 1), "level")])
def test_luts_of_the_weights_that_are_there(net, shape, sharing, output):
    config = replace(POWERS, net=net, output=output)
    net = random_net(config, shape)
    membranes = net(torch.ones(2, int(np.prod(shape)))).membranes
    weights = [stage.edges[0].synapse.weight for stage in net.stages]
    bits = (2, *(1 if output == "binary" else 2,) * 2)
    expected = sum(2 * b * n * int((w != 0).sum())
                   for b, n, w in zip(bits, sharing, weights, strict=True))
    assert float(estimate_luts(net, membranes).detach()) == expected > 0


def test_price_pulls_at_the_weights_near_zero():
    layer = constrain(torch.nn.Linear(5, 1, bias=False), PowerGrid(4, 3, False))
    weight, powers = real_weight(layer), layer.parametrizations.weight[0]
    weight.data = torch.tensor([[4.0, -0.9, 1.6, -0.3, 0.1]])  # The unit is 1.20.
    for settled, pulled in ((False, [0, -1, 0, -1, 1]), (True, [0, -1, 0, 0, 0])):
        layer.zero_grad()
        powers.settled = settled
        count = powers.added(weight)
        count.backward()
        assert int(count) == 3 and weight.grad.sign().tolist() == [pulled]


def test_price_leaves_fewer_weights():
    counts = [sum(int((w != 0).sum()) for w in train(
        replace(SHORT, luts=luts, epochs=12), STRIPES).weights.values())
        for luts in (0.0, 20.0)]
    assert counts[1] < 0.8 * counts[0]


def test_no_price_of_other_weights():
    with pytest.raises(InvalidValue, match="^Price of LUTs must be 0 where weights are uniform, "):
        replace(TINY, luts=0.1)
