"""A network as logic on the virtual board: frames are loaded and played, weights are refused."""

from dataclasses import replace

import numpy as np
import pytest
from needs import needs

from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError, open_port
from qblif.boards.host.play import play
from qblif.golden import integer
from qblif.golden.spec.pixels import to_levels
from qblif.hw.logic.layout import LogicLayout
from qblif.sim.virtual_board import VirtualBoard


@pytest.fixture(scope="module", params=["levels", "interleaved pixels"])
def plugged(request, light, cache):
    needs("verilator")
    layout = LogicLayout(light[0], "compressors", pixels="pixels" in request.param,
                         interleaved="interleaved" in request.param)
    with VirtualBoard(layout, frames=20, cache=cache) as board, open_port(
            board.port, 1_000_000) as port:
        yield layout, Host(port, timeout=5)


def test_play(plugged):
    layout, host = plugged
    draw = np.random.default_rng(4)
    pixels = draw.integers(0, 256, (45, 12), np.uint8)
    levels = to_levels(pixels, 5)
    found = play(host, layout.trained, pixels if layout.pixels else levels)
    np.testing.assert_array_equal(found.classes, integer.run(layout.trained, levels).classes)
    assert found.batches == tuple((count, layout.count_cycles(count).last[-1])
                                  for count in (20, 20, 5))
    assert found.core_seconds * 4_000_000 == sum(clocks + 1 for _, clocks in found.batches)
    assert host.line.repeated == 0


def test_weights_are_not_loaded(plugged):
    layout, host = plugged
    for ask in (lambda: host.load(layout.trained), lambda: host.run(layout.trained, [[0] * 12])):
        with pytest.raises(HostError, match="^The board's weights are logic, and none can be "):
            ask()


def test_other_weights_and_frames(plugged):
    layout, host = plugged
    trained = layout.trained
    other = replace(trained, biases={"out": trained.biases["out"] + 1})
    frames = np.zeros((3, 12), np.uint8)
    with pytest.raises(HostError, match="^The board has network .*: build a bitstream for it$"):
        play(host, other, frames)
    with pytest.raises(HostError, match="^Frames must have shape"):
        play(host, trained, frames[:, :-1])
    with pytest.raises(HostError, match="uint8, not int64$" if layout.pixels else "^Levels must"):
        play(host, trained, frames.astype(np.int64) + 6)
