import random

import numpy as np
import pytest
from host_cases import CLASSES, FIRST, FRAMES, SCORES, SECOND, board, network, quick

from qblif.boards.host.line import HostError
from qblif.golden import integer
from qblif.golden.spec import Input
from qblif.hw.layout.input_stream import InputFormat
from qblif.hw.link import protocol
from qblif.hw.link.protocol import (
    Command,
    State,
    Status,
    level_bits,
    pack_dense,
    pack_events,
    pack_frame,
)
from qblif.sim.board_model import _unpack, _unpack_dense


def test_load_and_run():
    port = board()
    host = quick(port)
    host.load(FIRST)
    np.testing.assert_array_equal(host.run(FIRST, FRAMES).classes, CLASSES[id(FIRST)])
    assert host.run(FIRST, FRAMES).scores is None
    found = host.run(FIRST, FRAMES, scores=True)
    np.testing.assert_array_equal(found.scores, SCORES[id(FIRST)])
    assert found.scores.min() < 0
    host.load(SECOND)
    np.testing.assert_array_equal(host.run(SECOND, FRAMES).classes, CLASSES[id(SECOND)])
    assert port.wrong_runs == 0 and host.line.repeated == 0


def test_timesteps_of_their_own_and_frames_in_parts():
    moving = network(3, inputs=600, static=False)
    frames = np.random.default_rng(1).integers(0, 4, (3, 2, 600))
    host = quick(board(moving))
    host.load(moving)
    np.testing.assert_array_equal(host.run(moving, frames).classes,
                                  integer.run(moving, frames).classes.numpy())


@pytest.mark.parametrize("n_max", [1, 2, 3, 7, 15, 20])
def test_events_unpack_to_the_frame(n_max):
    draw = np.random.default_rng(n_max)
    for share in (0, 0.01, 0.2, 1):
        frame = draw.integers(0, n_max + 1, (3, 700)) * (draw.random((3, 700)) < share)
        layout = InputFormat(Input(shape=(700,), n_max=n_max, static=False), ends=3)
        np.testing.assert_array_equal(
            _unpack(pack_events(frame.tolist(), n_max), layout), frame)
        np.testing.assert_array_equal(
            _unpack_dense(pack_dense(frame.tolist(), n_max), layout), frame)
        assert n_max < 1 << level_bits(n_max)


def test_frame_is_never_longer_than_its_levels():
    for share in (0, 0.1, 0.5, 1):
        frame = [int(random.random() < share) for _ in range(784)]
        assert len(pack_frame([frame], 2)[1]) <= 784 // 4


def test_network_of_another_bitstream():
    other = network(1, inputs=31)
    port = board()
    with pytest.raises(HostError, match=r"^The board's bitstream is for network [0-9a-f]{16}, the"):
        quick(port).load(other)
    assert port.memory == {}


def test_run_without_a_load():
    with pytest.raises(HostError, match=r"weights \(it is disarmed\): load the file first$"):
        quick(board()).run(FIRST, FRAMES)


def test_run_after_another_network_was_loaded():
    host = quick(board())
    host.load(SECOND)
    with pytest.raises(HostError, match=r"weights \(others\): load the file first$"):
        host.run(FIRST, FRAMES)


def test_frames_of_another_network():
    host = quick(board())
    with pytest.raises(HostError, match=r"^Frames must have shape \(30,\), not \(31,\)"):
        host.run(FIRST, np.zeros((1, 31), int))
    with pytest.raises(HostError, match=r"^Levels must be in 0\.\.3, not 4\.\.4"):
        host.run(FIRST, np.full((1, 30), 4))


def test_words_that_are_missing_do_not_arm():
    port = board()
    host = quick(port)
    host.line.exchange(Command.BEGIN)
    assert host.line.exchange(Command.END, words=0, checksum=0)[0] == Status.INCOMPLETE
    assert port.state == State.DISARMED


def test_protocol_of_another_version(monkeypatch):
    monkeypatch.setattr(protocol, "VERSION", 99)
    with pytest.raises(HostError, match="^The board speaks version 99 of the protocol, this"):
        quick(board()).identify()


def test_activity_of_the_model_is_there():
    nothing = {"events": 0, "words": 0}
    assert quick(board()).activity(FIRST.spec) == {"input->hidden": nothing, "hidden->out": nothing}


def test_networks_are_what_the_tests_need():
    assert FIRST.spec == SECOND.spec
    assert (CLASSES[id(FIRST)] != CLASSES[id(SECOND)]).any()
