"""The line's time by arithmetic: bytes, rates, and requests that wait."""

import numpy as np
import pytest
from board_networks import small_network
from modules import ROOT

from qblif.boards.devices import BOARD_DEVICES
from qblif.boards.line_time import (
    LATENCY,
    frame_bytes,
    frames_per_second,
    line_times,
    load_seconds,
)
from qblif.golden.spec.artifact import load
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.hw.link.protocol import WINDOW, Command, pack_frame, pack_request
from qblif.sim.faults import encoded


def test_load_time_grows_with_the_baud():
    trained = small_network()
    plan = make_plan(trained.spec, lanes=4)
    seconds = load_seconds(compile(trained.spec, plan), 921_600)
    assert (20 * 8 + 8 * 3) * 10 / 921_600 <= seconds < 2 * (20 * 8 + 8 * 4) * 10 / 921_600
    assert load_seconds(compile(trained.spec, plan), 115_200) == pytest.approx(8 * seconds)


@pytest.mark.parametrize("size", [20, 600, 3000])
def test_bytes_of_a_dense_frame(size):
    """Without activity every level is sent."""
    spec = small_network(size).spec
    flags, data = pack_frame(np.full((1, size), spec.input.n_max).tolist(), spec.input.n_max)
    room, sent = 500 - 3, 0
    for first in range(0, len(data), room):
        sent += len(encoded(pack_request(7, Command.RUN, data[first:first + room], flags=flags)))
    assert 0 <= sent - frame_bytes(spec) <= len(data) // 250


def test_bytes_of_the_shipped_network():
    """133 on the mean test image: docs/protocol.md."""
    trained = load(ROOT / "networks/mnist-mlp.safetensors")
    assert 128 <= frame_bytes(trained.spec, trained.activity) <= 133


@pytest.mark.parametrize("size, core, baud, room, expected", [
    (100, 0, 1_000_000, 4096, 1000),  # The line: a millisecond a frame.
    (100, 0.01, 1_000_000, 4096, 100),  # The core.
    (100, 0, 1_000_000, 150, 1 / (LATENCY + 0.001)),  # One frame waits.
    (1, 0, 10_000_000, 4096, WINDOW / (LATENCY + 1e-6)),  # As many as are asked for at once.
    (600, 0, 6_000_000, 512, 1 / (LATENCY + 0.001))])  # Longer than the room: in parts.
def test_frames_per_second(size, core, baud, room, expected):
    assert frames_per_second(size, core, baud, room) == pytest.approx(expected)


def test_what_a_build_reports():
    trained = small_network()
    layout = compile(trained.spec, make_plan(trained.spec, lanes=4))
    slow, fast = line_times(trained, layout, BOARD_DEVICES["up5k"], 24, (921_600, 6_000_000))
    for line, baud in ((slow, 921_600), (fast, 6_000_000)):
        assert (line["baud"], line["load_seconds"]) == (
            baud, round(2 * load_seconds(layout, baud), 3))
    assert slow["images_per_second"] < fast["images_per_second"]
