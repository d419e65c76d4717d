"""A network as logic in Amaranth's simulator: every level and score."""

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
    ``(frames,)``; ``entered`` and ``valid`` are the clocks in which frames were taken and results
    were there, counted from the first clock."""

    levels: dict[str, np.ndarray]
    scores: np.ndarray
    classes: np.ndarray
    entered: np.ndarray
    valid: np.ndarray


def run_logic(layout, levels, gaps=()):
    """Run frames of input levels, as the integer model takes them, or of pixels, through a
    :class:`~qblif.hw.logic.layout.LogicLayout`: as fast as they enter, but for the clocks ``gaps``,
    in which the input has garbage that is not valid.
    """
    spec, dut = layout.spec, LogicNetworkCore(layout, taps=True)
    frames, entered = np.asarray(levels), []
    taps = {p.name: getattr(dut, f"tap_{p.name}") for p in spec.firing}
    names, seen, frame = ["o", *taps], [], "pixels" if layout.pixels else "levels"
    longest = len(gaps) + layout.period * (len(frames) + 1)

    async def drive(ctx):
        garbage = np.full(frames.shape[1:], spec.input.n_max).tolist()
        signals = [Value.cast(dut.o), *map(Value.cast, taps.values())]
        last = longest
        while len(seen) <= last + layout.latency:
            valid = len(entered) < len(frames) and len(seen) not in gaps
            ctx.set(dut.i, {"valid": valid, frame: frames[len(entered)].tolist() if valid
                            else garbage})
            if valid and (not layout.interleaved or ctx.get(dut.ready)):
                entered.append(len(seen))
                last = len(seen) if len(entered) == len(frames) else longest
            _, _, *sampled = await ctx.tick().sample(*signals)
            seen.append(dict(zip(names, sampled, strict=True)))

    simulate_component(dut, drive, timeout=longest + layout.latency + 10)
    outputs = [dut.o.shape().from_bits(now["o"]) for now in seen]
    valid = [clock for clock, output in enumerate(outputs) if output.valid]
    found = {}
    for name, tap in taps.items():
        by_step = [[list(tap.shape().from_bits(seen[start + layout.clock(name, t)][name])[
            min(t, layout.copies - 1)]) for start in entered] for t in range(spec.timesteps)]
        found[name] = np.array(by_step)
    return LogicRecording(found, np.array([list(outputs[clock].scores) for clock in valid]),
                          np.array([outputs[clock].label for clock in valid]), np.array(entered),
                          np.array(valid))
