"""Synaptic operations by the hardware's own counters, from the generated Verilog on a simulator.

The golden twin, which counts them from levels, is :func:`qblif.golden.study.energy.synapse_costs`.
"""

from collections import Counter
from dataclasses import dataclass

from .parts import simulate_parts
from .simulators import SimulatorError

__all__ = ["Counted", "count_operations"]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Totals of one synapse over all frames.

    The hardware counts ``events`` and ``words``, its lane-cycles; in each of them ``lanes`` adders
    could work, so ``lane_slots = words * lanes``.  ``operations`` are useful additions of a weight
    to a target; the others are padding.  It is ``None`` where words do not tell, as some channels
    take more of them than others: with groups that lanes neither divide nor are a multiple of.
    """

    name: str
    lanes: int
    events: int
    words: int
    operations: int | None

    @property
    def lane_slots(self):
        """Additions that the lanes could have made."""
        return self.words * self.lanes


def count_operations(trained, layout, levels, out_dir, simulator="verilator", progress=None):
    """A :class:`Counted` per synapse, by name, for input levels ``(frames, inputs)``.

    Raises :class:`~qblif.sim.simulators.SimulatorError` where the simulator fails, and where a
    level, membrane or class is wrong, since its counts would mean nothing.
    """
    totals = Counter()
    for _, _, result in simulate_parts(trained, layout, levels, simulator=simulator,
                                       out_dir=out_dir, progress=progress):
        if not result.ok:
            raise SimulatorError("The Verilog differs from the integer model (qblif simulate "
                                 f"looks closer): {result.findings[0]}")
        totals.update(result.counters)
    found = {}
    for stage, engine, synapse in layout.synapses:
        events, words = (totals[f"{what}_{synapse.source}_{stage.name}"]
                         for what in ("events", "words"))
        found[synapse.name] = Counted(
            name=synapse.name, lanes=engine.weights.lanes, events=events, words=words,
            operations=round(engine.operations(synapse, words))
            if engine.counts_evenly(synapse) else None)
    return found
