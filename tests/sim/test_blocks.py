"""Cutting blocks out of a network; what simulates them is tested in test_maps.py."""

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.export import export
from qblif.golden.training.nets import build
from qblif.golden.training.quantise import quantise
from qblif.sim.blocks import Block, blocks, check, cut, distinct


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    net = build(TrainConfig(net="resnet20", width=0.125, timesteps=2, n_max=5, gamma=0.5,
                            gain=1.0), (3, 8, 8), 4)
    for _ in range(3):
        net(torch.randint(0, net.input_n_max + 1, (16, 192)).float())
    return export(quantise(net.eval(), 8))


@pytest.fixture(scope="module")
def trace(trained):
    levels = np.random.default_rng(0).integers(0, trained.spec.input.n_max + 1, (2, 192))
    return levels, integer.run(trained, levels)


def test_blocks_of_a_resnet(trained):
    found = blocks(trained.spec)
    assert found[0] == Block("input", ("stem",))
    assert found[1] == Block("stem", ("group1block1a", "group1block1b"))
    assert [b.source for b in found[2:]] == [b.names[-1] for b in found[1:-1]]
    assert len(found) == 10
    assert [b.names[0] for b in distinct(trained.spec, found)] == [
        "stem", "group1block1a", "group2block1a", "group2block2a", "group3block1a",
        "group3block2a"]


def test_a_block_does_what_it_does_in_the_network(trained, trace):
    levels, whole = trace
    for block in blocks(trained.spec):
        inputs = levels if block.source == "input" else \
            whole.levels[block.source].numpy().swapaxes(0, 1)
        part = integer.run(cut(trained, block), inputs)
        for name in block.names:
            assert torch.equal(part.levels[name], whole.levels[name])
            assert torch.equal(part.membranes[name], whole.membranes[name])


def test_a_block_on_the_rtl(trained, trace, tmp_path, quick, cache):
    levels = trace[1].levels["stem"].numpy().swapaxes(0, 1)
    result, equal = check(trained, blocks(trained.spec)[1], levels, 2, tmp_path, simulator=quick,
                          cache=cache)
    assert result.ok and equal and result.levels_compared > 500
