"""How long a load takes on the serial line, and how many frames a second it brings, without
simulation.  :mod:`qblif.sim.line_speed` simulates both."""

from ..hw.link.protocol import (
    MAX_PAYLOAD,
    ROOM_OVERHEAD,
    WINDOW,
    Command,
    argument_bytes,
    level_bits,
)
from .fit import frame_cycles, load_bytes, request_room

__all__ = ["LATENCY", "frame_bytes", "frames_per_second", "line_times", "load_seconds"]

FRAME_OVERHEAD = 6  # Sequence, command, CRC and framing of a request, in bytes.
LATENCY = 0.001  # Seconds of a USB adapter, from a request to its answer, beside the line.


def load_seconds(layout, baud):
    """Seconds that the weights and biases take on the line, ten bits a byte, without pauses.  They
    are read back in the same time."""
    header = argument_bytes(Command.WRITE) + FRAME_OVERHEAD
    return load_bytes(layout) * MAX_PAYLOAD / (MAX_PAYLOAD - header) * 10 / baud


def frame_bytes(spec, activity=None):
    """Mean bytes of a frame on the line, about: an event a byte, or where that is less every level,
    see :func:`qblif.hw.link.protocol.pack_frame`."""
    source = spec.input
    vectors = 1 if source.static else spec.timesteps
    data = vectors * -(-source.size // (8 // level_bits(source.n_max)))
    events = [figures["events"] for s in spec.synapses if s.source == "input"
              for figures in [(activity or {}).get(s.name, {})] if "events" in figures]
    if events:
        data = min(data, max(events) + vectors)
    overhead = FRAME_OVERHEAD + argument_bytes(Command.RUN)
    return data + overhead * -(-data // (MAX_PAYLOAD - overhead))


def frames_per_second(size, core_seconds, baud, room):
    """Frames a second of ``size`` bytes on the line, as many of which wait on the board as ``room``
    bytes hold; the line, the core and the latency bound it."""
    line = 10 * size / baud
    waiting = max(1, min(WINDOW, room // (size + ROOM_OVERHEAD)))
    return min(1 / max(line, core_seconds), waiting / (LATENCY + line + core_seconds))


def line_times(trained, layout, device, clock_mhz, bauds):
    """For ``build.json``: at each rate the seconds of a load with its readback, and the frames a
    second that a host gets."""
    core = frame_cycles(layout, trained.activity) / (clock_mhz * 1e6)
    size = frame_bytes(trained.spec, trained.activity)
    return [{"baud": baud, "load_seconds": round(2 * load_seconds(layout, baud), 3),
             "images_per_second": round(frames_per_second(size, core, baud, request_room(device)))}
            for baud in bauds]
