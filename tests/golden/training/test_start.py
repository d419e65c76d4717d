"""Trainings that begin with the weights of an earlier one."""

from dataclasses import replace

import pytest
import torch
from train_cases import STRIPES, TINY, Interrupted, assert_same_bits, stripes

from qblif.golden.training.checkpoint import CheckpointError, load_weights
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.nets import build
from qblif.golden.training.train import train

FLOAT = replace(TINY, qat_epochs=0)
# Another recipe, another number of images and classes' shares: what may differ.
LATER = replace(TINY, lr=1e-9, epochs=2, qat_epochs=0, activity=0.0, batch=64, weight_decay=0.0)
MORE = Dataset("more stripes", *stripes(400, 7), *stripes(50, 8))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    path = tmp_path_factory.mktemp("first") / "checkpoint.pt"
    return path, train(FLOAT, STRIPES, checkpoint=path)


def test_weights_are_those_of_the_file(first):
    net = build(TINY, STRIPES.shape, STRIPES.classes, STRIPES.static)
    digest = load_weights(first[0], net)
    state = torch.load(first[0], weights_only=True)["net"]
    assert net.state_dict().keys() == state.keys()
    for name, value in net.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert load_weights(first[0], net) == digest
    state["stages.0.edges.0.synapse.weight"][0, 0] += 1
    other = first[0].parent / "other.pt"
    torch.save(torch.load(first[0], weights_only=True) | {"net": state}, other)
    assert load_weights(other, net) != digest


def test_it_goes_on_from_there(first, tmp_path):
    """At a learning rate of next to nothing, only the norms' statistics move."""
    path, before = first
    after = train(LATER, MORE, start=path, checkpoint=tmp_path / "later.pt")
    state, later = (torch.load(p, weights_only=True)["net"] for p in (path, tmp_path / "later.pt"))
    for name, value in state.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(later[name], value, rtol=1e-5, atol=1e-6, msg=name)
    assert after.notes["start"] == load_weights(path, build(TINY, STRIPES.shape, STRIPES.classes,
                                                            STRIPES.static))
    assert "start" not in before.notes


def test_resumed_with_it(first, tmp_path):
    config = replace(TINY, epochs=2, qat_epochs=1)
    whole = train(config, STRIPES, start=first[0])
    assert whole.weights_digest != train(config, STRIPES).weights_digest

    def interrupt(progress):
        if progress.epoch == 2:
            raise Interrupted
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Interrupted):
        train(config, STRIPES, start=first[0], checkpoint=path, progress=interrupt)
    with pytest.raises(CheckpointError, match=r"was trained with start = '[0-9a-f]{16}', not None"):
        train(config, STRIPES, checkpoint=path, resume=True)
    assert_same_bits(train(config, STRIPES, start=first[0], checkpoint=path, resume=True), whole)


@pytest.mark.parametrize("config, message", [
    (replace(TINY, hidden=(12, 11)), r"stages\.1\..* is \[10\] there, \[11\] here$"),
    (replace(TINY, hidden=(12,)), r"stages\.1\..* is \[10\] there, missing here$"),
    (replace(TINY, hidden=(12, 10, 10)), r"stages\.2\..* is missing there, \[10\] here$"),
])
def test_another_graph(first, tmp_path, config, message):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(CheckpointError, match="has another graph: " + message):
        train(config, STRIPES, start=first[0], checkpoint=path)
    assert not path.exists()


def test_files_that_do_not_serve(first, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(replace(TINY, epochs=1, qat_epochs=1), STRIPES, checkpoint=path)
    with pytest.raises(CheckpointError, match=r"weights are quantised.*--qat-epochs 0"):
        train(TINY, STRIPES, start=path)
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        train(TINY, STRIPES, start=tmp_path / "none.pt")
    path.write_bytes(first[0].read_bytes()[:500])
    with pytest.raises(CheckpointError, match="damaged, or not a checkpoint"):
        train(TINY, STRIPES, start=path)
