"""A network as logic in Amaranth's simulator: a frame in every clock, every level and score."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Value

from ..hw.logic.network import LogicNetworkCore
from .stream import simulate_component

__all__ = ["LogicRecording", "run_logic"]


@dataclass(frozen=True)
class LogicRecording:
    """What the network did: ``levels`` maps the firing populations to ``(timesteps, frames,
    neurons)``, ``scores`` is ``(frames, neurons of the last population)``, ``classes``
    ``(frames,)``; ``valid`` are the clocks with a result, counted from the first frame's."""

    levels: dict[str, np.ndarray]
    scores: np.ndarray
    classes: np.ndarray
    valid: np.ndarray


def run_logic(layout, levels, gaps=()):
    """Run frames of input levels, as the integer model takes them, or of pixels, through a
    :class:`~qblif.hw.logic.layout.LogicLayout`: one a clock, but for the clocks ``gaps``, in which
    the input has garbage that is not valid.
    """
    spec, dut = layout.spec, LogicNetworkCore(layout, taps=True)
    frames, clocks = np.asarray(levels), []
    while len(clocks) - sum(k in gaps for k in range(len(clocks))) < len(frames):
        clocks.append(len(clocks) not in gaps)
    enter = np.flatnonzero(clocks)  # The clock of each frame.
    taps = {p.name: getattr(dut, f"tap_{p.name}") for p in spec.firing}
    names, seen, frame = ["o", *taps], [], "pixels" if layout.pixels else "levels"

    async def drive(ctx):
        waiting = iter(frames.tolist())
        garbage = np.full(frames.shape[1:], spec.input.n_max).tolist()
        signals = [Value.cast(dut.o), *map(Value.cast, taps.values())]
        for clock in range(len(clocks) + layout.latency + 1):
            valid = clock < len(clocks) and clocks[clock]
            ctx.set(dut.i, {"valid": valid, frame: next(waiting) if valid else garbage})
            _, _, *sampled = await ctx.tick().sample(*signals)
            seen.append(dict(zip(names, sampled, strict=True)))

    simulate_component(dut, drive, timeout=len(clocks) + layout.latency + 10)
    outputs = [dut.o.shape().from_bits(now["o"]) for now in seen]
    valid = [clock for clock, output in enumerate(outputs) if output.valid]
    found = {}
    for name, tap in taps.items():
        by_step = [[list(tap.shape().from_bits(seen[start + layout.clock(name, t)][name])[t])
                    for start in enter] for t in range(spec.timesteps)]
        found[name] = np.array(by_step)
    return LogicRecording(found, np.array([list(outputs[clock].scores) for clock in valid]),
                          np.array([outputs[clock].label for clock in valid]), np.array(valid))
