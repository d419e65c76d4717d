"""The board's line in its own time: as fast as the line is, whatever the adapter's latency."""

import numpy as np
import pytest
from needs import needs

from qblif.hw.link.protocol import WINDOW
from qblif.sim.line_speed import main, measure

BAUD, LATENCY = 3_000_000, 0.001
FRAMES = 240


@pytest.fixture(scope="module")
def speed(tiny, cache):
    """``speed(room, window, latency)`` of the tiny network."""
    needs("verilator")
    trained, layout, frames = tiny
    many = np.tile(frames, (FRAMES // len(frames), 1))
    return lambda room=512, window=None, latency=LATENCY: measure(
        trained, many, BAUD, layout=layout, latency=latency, room=room, window=window, cache=cache)


def test_one_request_at_a_time_pays_the_latency_for_each(speed):
    alone = speed(window=1)
    assert 0.8 / LATENCY < alone.frames_per_second < 1 / LATENCY and not alone.repeated


def test_requests_that_wait_share_it(speed):
    """Two round trips a window: the line's and the core's time is a small part of one."""
    alone, together = speed(window=1), speed()
    assert not together.repeated  # Nothing was lost in the ring.
    assert together.frames_per_second > 0.6 * WINDOW / LATENCY
    assert together.load_seconds < 0.8 * alone.load_seconds  # A tiny one: few requests.


def test_without_latency_the_line_bounds_them(speed):
    alone, together = speed(window=1, latency=0), speed(latency=0)
    assert together.frames_per_second > alone.frames_per_second
    # A frame has at least a byte, seven around it, and its answer 15: the longer of two directions.
    assert together.frames_per_second <= BAUD / 10 / 15
    assert not together.repeated


def test_table(tiny, tmp_path, capsys, monkeypatch, user_cache):
    needs("verilator")
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    tiny[0].save(tmp_path / "tiny.safetensors")
    main([str(tmp_path / "tiny.safetensors"), "--lanes", "4", "--frames", "4", "--baud", "1000000",
          "--room", "512"])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 4 and rows[2].startswith("| 1,000,000 | 1 request | 0.")
    assert rows[3].startswith("| 1,000,000 | 512 bytes | 0.") and rows[3].endswith(" | 0 |")
