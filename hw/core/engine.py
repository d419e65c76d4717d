"""The scatter engine's component: a synapse with its accumulators, an AER stream in, currents out.

Its numbers are :class:`qblif.hw.layout.scatter_engine.ScatterEngine`.
"""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.scatter_engine import ScatterEngine
from .accumulators import MemoryAccumulators, RegisterAccumulators
from .map_accumulators import MapAccumulators
from .payloads import SumsRead, index_shape
from .synapse import COUNTERS, SynapseCore

__all__ = ["ACCUMULATORS", "ENGINES", "ScatterEngineCore"]

ACCUMULATORS = {"registers": RegisterAccumulators, "memory": MemoryAccumulators,
                "map": MapAccumulators}


class ScatterEngineCore(wiring.Component):
    """Add every event to the accumulators in its fan-out; offer them once a timestep is complete.

    The port by which the update pass reads the currents, ``complete`` to ``currents``, is the one
    that every engine has.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.scatter_engine.ScatterEngine`
    lag : int
        Alignment delay: cycles until the currents of a slower engine arrive.
    weights : tensor of weights to bake in, or ``None``
    readback : bool
        Whether the weights can be read back.

    Members
    -------
    i : ``In(stream.Signature(Event(...)))``
        The AER stream of its source.
    complete : ``Out(1)``
        Pulse: the currents of a timestep are complete.
    read : ``In(SumsRead())``, last_read : ``In(1)``
        Read a vector, see :class:`qblif.hw.core.payloads.SumsRead`;
        no later pass reads this timestep's currents.
    release : ``In(1)``
        Pulse: the currents of a timestep have been read for the last time.
    currents : ``Out(data.ArrayLayout(signed(sum_width), fire_lanes))``
        Its read latency and ``lag`` cycles after ``read.en``.
    clearing : ``Out(1)``
        After a reset: no event can be accepted yet.
    write : ``In(load banks)``, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    events, words : ``Out(32)``, clear : ``In(1)``
        See :class:`qblif.hw.core.synapse.SynapseCore`.
    readback : ``In(1)``, weights : ``Out``
        With ``readback``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, layout, *, lag=0, weights=None, readback=False):
        self.layout = layout
        self.can_read_back = readback
        scatter, plan, width = layout.scatter, layout.plan, layout.target.sum_width
        self.synapse = SynapseCore(
            scatter, source_shape=layout.source.shape, levels=layout.source.levels,
            w_width=layout.synapse.w_width, mode=plan.burst, memory=plan.memory, peek=readback,
            init=weights)
        self.accumulators = ACCUMULATORS[scatter.sums](
            scatter, sum_width=width, fire_lanes=plan.fire_lanes, lag=lag, memory=plan.memory,
            addend_width=self.synapse.lanes.addends[0].shape().width)
        super().__init__({
            "i": In(stream.Signature(self.synapse.i.p.shape())),
            "complete": Out(1), "read": In(SumsRead()), "last_read": In(1), "release": In(1),
            "currents": Out(data.ArrayLayout(signed(width), plan.fire_lanes)),
            "clearing": Out(1), "clear": In(1),
            "write": In(len(layout.load_banks)),
            "write_address": In(index_shape(layout.weights.depth)),
            "write_data": In(layout.weights.slice_width),
        } | {name: Out(32) for name in COUNTERS}
            | ({"readback": In(1), "weights": Out(self.synapse.read.shape())} if readback else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.synapse = synapse = self.synapse
        m.submodules.accumulators = accumulators = self.accumulators
        wiring.connect(m, wiring.flipped(self.i), synapse.i)
        m.d.comb += [
            accumulators.issue.eq(synapse.issue), accumulators.addends.eq(synapse.addends),
            accumulators.carry.eq(synapse.carry), accumulators.read.eq(self.read),
            accumulators.last_read.eq(self.last_read), self.complete.eq(accumulators.complete),
            self.currents.eq(accumulators.sums), self.clearing.eq(accumulators.clearing),
            synapse.release.eq(self.release), synapse.clear.eq(self.clear),
            synapse.write.eq(self.write), synapse.write_address.eq(self.write_address),
            synapse.write_data.eq(self.write_data),
            *(getattr(self, name).eq(getattr(synapse, name)) for name in COUNTERS)]
        if self.can_read_back:
            m.d.comb += [synapse.peek.eq(self.readback), self.weights.eq(synapse.read)]
        return m


ENGINES = {ScatterEngine: ScatterEngineCore}  # The component of each kind of engine.
