"""A network as logic on a board: frames in block RAM, as many as fit, played as fast as it can."""

from pathlib import Path

from ..hw.link.frame_player import frame_banks
from ..hw.link.protocol import BANK_BYTES
from .build import Attempt
from .fit import request_room
from .flow.tools import DoesNotFit, SynthError

__all__ = ["build_logic", "frames_that_fit"]

UNIT = 256  # Frames: what the smallest block RAM holds in its widest words.
MOST = 1 << 16  # Frames, whatever the device.
ANSWER = (256, 8)  # Rows and bits of its memory.


def frames_that_fit(layout, device):
    """How many frames the block RAM of a :class:`~qblif.boards.devices.Device` holds beside the
    host link, with their classes; 0 where none fit."""
    ram, banks = device.family.block_ram, frame_banks(layout)
    label = max(1, (layout.spec.populations[-1].size - 1).bit_length())
    left = device.bram - ram.blocks(request_room(device), 8) - ram.blocks(*ANSWER)
    return max((frames for frames in range(UNIT, MOST + 1, UNIT)
                if banks * ram.blocks(frames, 8 * BANK_BYTES) + ram.blocks(frames, label) <= left),
               default=0)


def build_logic(layout, board, *, out_dir, frequency=None, seed=1, baud=None, progress=None):
    """Build the bitstream of a :class:`~qblif.hw.logic.layout.LogicLayout` for ``board``: the
    weights are in it, and frames are loaded.

    ``frequency`` is the core's clock in MHz; without it the fastest of the board's clocks is taken
    that the routed design meets.  Writes what :func:`qblif.boards.build.build` does and returns the
    content of ``build.json``.  Raises :class:`SynthError` for a missing tool, a network that does
    not fit, and a clock that is not met.
    """
    frames = frames_that_fit(layout, board.fpga)
    if not frames:
        raise SynthError(f"{board.title} has {board.fpga.bram} block RAMs, too few for frames of "
                         f"{8 * BANK_BYTES * frame_banks(layout)} bits beside the host link")
    attempt = Attempt(board, Path(out_dir), frequency, seed, baud, progress or (lambda line: None),
                      frames)
    try:
        placed, clock = attempt.place(layout)
    except DoesNotFit as error:
        raise SynthError(f"{board.title} does not run this network as logic: {error}") from error
    trained = layout.trained
    return attempt.finish(placed, {
        "logic": True, "network_digest": trained.spec.digest,
        "weights_digest": trained.weights_digest, "pixels": layout.pixels,
        "adders_in_a_row": layout.adders, "interleaved": layout.interleaved,
        "latency": layout.latency, "frames": frames, "clock_mhz": clock,
        "images_per_second": round(clock * 1e6 * layout.rate)})
