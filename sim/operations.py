"""Synaptic operations by the hardware's own counters, from the generated Verilog on a simulator.

The golden twin, which counts them from levels, is :func:`qblif.golden.study.energy.synapse_costs`.
"""

from collections import Counter
from dataclasses import dataclass

from ..hw.verilog import generate
from .bench import simulate
from .simulators import SimulatorError

__all__ = ["Counted", "count_operations"]

PART_VALUES = 20_000_000  # Levels that one simulation runs and compares.


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Totals of one synapse over all frames.

    The hardware counts ``events`` and ``words``, its lane-cycles; in each of them ``lanes`` adders
    could work, so ``lane_slots = words * lanes``.  Of the ``slots`` words that a digit visits at a
    position of the target, ``share`` lanes do useful work and the others are padding:
    ``operations = words / slots * share``, without a remainder.
    """

    name: str
    lanes: int
    slots: int
    share: int
    events: int
    words: int

    @property
    def lane_slots(self):
        """Additions that the lanes could have made."""
        return self.words * self.lanes

    @property
    def operations(self):
        """Useful additions of a weight to a target."""
        return self.words // self.slots * self.share


def count_operations(trained, layout, levels, out_dir, simulator="verilator", progress=None):
    """A :class:`Counted` per synapse, by name, for input levels ``(frames, inputs)``.

    Raises :class:`~qblif.sim.simulators.SimulatorError` where the simulator fails, and where a
    level, membrane or class is wrong, since its counts would mean nothing.
    """
    spec, totals = trained.spec, Counter()
    most = max(1, PART_VALUES // (spec.timesteps * sum(p.size for p in spec.populations)))
    generated = generate(layout)
    for first in range(0, len(levels), most):
        result = simulate(trained, layout, levels[first:first + most], simulator=simulator,
                          out_dir=out_dir, generated=generated, progress=progress and (
                              lambda done, first=first: progress(first + done)))
        if not result.ok:
            raise SimulatorError("The Verilog differs from the integer model (qblif simulate "
                                 f"looks closer): {result.findings[0]}")
        totals.update(result.counters)
    return {e.name: Counted(name=e.name, lanes=e.lanes, slots=e.scatter.slots,
                            share=e.scatter.share,
                            events=totals[f"events_{e.source.name}_{e.target.name}"],
                            words=totals[f"words_{e.source.name}_{e.target.name}"])
            for e in layout.engines}
