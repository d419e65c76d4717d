"""How long a load takes over the serial line of a board, and how many frames a second it brings.

    python -m qblif.sim.line_speed FILE [--lanes N] [--frames N] [--latency MS] [--room BYTES]

simulates the whole board on Verilator, bit by bit on the line, with the host of ``qblif load`` and
``qblif run``, and with a USB adapter that keeps every byte for half of ``--latency``.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from ..boards.host.host import Host
from ..golden import integer
from ..golden.spec.artifact import load
from ..hw.layout.compile import compile
from ..hw.layout.plan import make_plan
from ..hw.link.protocol import ROOM
from .timed_board import TimedBoard
from .virtual_board import BIT_CYCLES

__all__ = ["LineSpeed", "main", "measure"]

RATES = (921_600, 3_000_000, 6_000_000, 12_000_000)
PATIENCE = 600  # Seconds of the simulator's time.


@dataclass(frozen=True)
class LineSpeed:
    """``load_seconds`` of a whole load with its readback, and ``frames_per_second`` of many frames;
    ``repeated`` requests were asked again."""

    load_seconds: float
    frames_per_second: float
    repeated: int


def measure(trained, frames, baud, *, layout, latency=0.001, room=ROOM, window=None, cache=None):
    """The :class:`LineSpeed` of a board at a rate of ``baud``.

    ``frames`` are as of :meth:`qblif.boards.host.host.Host.run`, ``latency`` seconds from a request
    to its answer beside the line, ``room`` bytes of requests that wait on the board, and ``window``
    requests under way at once, by default the host's.  The board's clock is the slowest that takes
    the rate.  Raises :class:`AssertionError` where a class differs from the integer model.
    """
    clock_hz = baud * BIT_CYCLES
    board = TimedBoard(layout, latency=round(latency * clock_hz / 2), room=room, levels=False,
                       cache=cache)
    with board:
        host = Host(board, timeout=PATIENCE, tries=2)
        host.line.window = window or host.line.window
        host.load(trained)
        loaded = board.cycles
        host.check_loaded(trained)
        checked = board.cycles
        found = host.run(trained, frames)
        ran = board.cycles - 2 * checked + loaded  # `run` checks again what is loaded.
    np.testing.assert_array_equal(found.classes, integer.run(trained, frames).classes.numpy())
    return LineSpeed(loaded / clock_hz, len(frames) * clock_hz / ran, host.line.repeated)


def main(arguments=None):
    """Print a table of rates, one request at a time and with requests that wait."""
    parser = argparse.ArgumentParser(prog="python -m qblif.sim.line_speed")
    parser.add_argument("file")
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--latency", type=float, default=1.0, help="milliseconds, both ways")
    parser.add_argument("--room", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--baud", type=int, nargs="+", default=RATES)
    options = parser.parse_args(arguments)
    trained = load(options.file)
    layout = compile(trained.spec, make_plan(trained.spec, lanes=options.lanes))
    frames = _frames(trained, options.frames)
    print("| baud | under way | load | frames a second | asked again |\n|---|---|---|---|---|")
    for baud in options.baud:
        for room, window in [(options.room[0], 1), *((room, None) for room in options.room)]:
            found = measure(trained, frames, baud, layout=layout, room=room, window=window,
                            latency=options.latency / 1000)
            under_way = "1 request" if window else f"{room} bytes"
            print(f"| {baud:,} | {under_way} | {found.load_seconds:.3f} s | "
                  f"{found.frames_per_second:,.0f} | {found.repeated} |", flush=True)


def _frames(trained, count):
    """Frames of random levels, as many of them 0 as in training."""
    source, activity = trained.spec.input, trained.activity or {}
    events = [activity[s.name]["events"] for s in trained.spec.synapses
              if s.source == "input" and s.name in activity]
    shape = (source.size,) if source.static else (trained.spec.timesteps, source.size)
    share = max(events) / np.prod(shape) if events else 0.5
    draw = np.random.default_rng(0)
    levels = draw.integers(1, source.n_max + 1, (count, *shape))
    return levels * (draw.random(levels.shape) < share)


if __name__ == "__main__":
    main()
