"""The dense engine's component: a synapse with its accumulators, an AER stream in, currents out.

Its numbers are :class:`qblif.hw.layout.dense_engine.DenseEngine`.
"""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .accumulators import MemoryAccumulators, RegisterAccumulators
from .counters import COUNTERS
from .dense_synapse import DenseSynapse
from .payloads import SumsRead, index_shape

__all__ = ["ACCUMULATORS", "DenseEngineCore"]

ACCUMULATORS = {"registers": RegisterAccumulators, "memory": MemoryAccumulators}


class DenseEngineCore(wiring.Component):
    """Add every event to all accumulators; offer them once a timestep is complete.

    The port by which the update pass reads the currents, ``complete`` to ``currents``, is the one
    that every engine has.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.dense_engine.DenseEngine`
    lag : int
        Alignment delay: cycles until the currents of a slower engine arrive.
    weights : tensors of weights to bake in, by synapse, or ``None``
    readback : bool
        Whether the weights can be read back.

    Members
    -------
    i_SOURCE : ``In(stream.Signature(Event(...)))``
        The AER stream of its source.
    complete : ``Out(1)``
        Pulse: the currents of a timestep, or of a word of channels, are complete.
    read : ``In(SumsRead())``, last_read : ``In(1)``
        Read a vector, see :class:`qblif.hw.core.payloads.SumsRead`;
        no later pass reads these currents.
    release : ``In(1)``
        Pulse: the currents have been read for the last time.
    currents : ``Out(data.ArrayLayout(signed(sum_width), fire_lanes))``
        Its read latency and ``lag`` cycles after ``read.en``.
    write : ``In(load banks)``, writing, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    events_SOURCE, words_SOURCE : ``Out(32)``, clear : ``In(1)``
        See :class:`qblif.hw.core.dense_synapse.DenseSynapse`.
    readback : ``In(1)``, weights : ``Out``
        With ``readback``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, layout, *, lag=0, weights=None, readback=False):
        self.layout = layout
        self.can_read_back = readback
        self.name = layout.source.name
        plan, width = layout.plan, layout.target.sum_width
        self.synapse = DenseSynapse(
            layout.dense, source_shape=layout.source.shape, levels=layout.source.levels,
            w_width=layout.synapse.w_width, sets=layout.sets, mode=plan.burst, memory=plan.memory,
            peek=readback, init=weights and weights[layout.name])
        self.accumulators = ACCUMULATORS[layout.accumulators](
            words=layout.dense.words, lanes=layout.lanes, sets=layout.sets, sum_width=width,
            fire_lanes=plan.fire_lanes, lag=lag, memory=plan.memory,
            addend_width=self.synapse.lanes.addends[0].shape().width)
        super().__init__({
            f"i_{self.name}": In(stream.Signature(self.synapse.i.p.shape())),
            "complete": Out(1), "read": In(SumsRead()), "last_read": In(1), "release": In(1),
            "currents": Out(data.ArrayLayout(signed(width), plan.fire_lanes)),
            "clear": In(1),
            "write": In(len(layout.load_banks)), "writing": In(1),
            "write_address": In(index_shape(layout.weights.depth)),
            "write_data": In(layout.weights.slice_width),
        } | {f"{what}_{self.name}": Out(32) for what in COUNTERS}
            | ({"readback": In(1), "weights": Out(self.synapse.read.shape())} if readback else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.synapse = synapse = self.synapse
        m.submodules.accumulators = accumulators = self.accumulators
        wiring.connect(m, wiring.flipped(getattr(self, f"i_{self.name}")), synapse.i)
        m.d.comb += [
            accumulators.issue.eq(synapse.issue), accumulators.addends.eq(synapse.addends),
            accumulators.carry.eq(synapse.carry), accumulators.read.eq(self.read),
            accumulators.last_read.eq(self.last_read), self.complete.eq(accumulators.complete),
            self.currents.eq(accumulators.sums), synapse.release.eq(self.release),
            synapse.clear.eq(self.clear), synapse.write.eq(self.write),
            synapse.writing.eq(self.writing),
            synapse.write_address.eq(self.write_address), synapse.write_data.eq(self.write_data),
            *(getattr(self, f"{what}_{self.name}").eq(getattr(synapse, what))
              for what in COUNTERS)]
        if self.can_read_back:
            m.d.comb += [synapse.peek.eq(self.readback), self.weights.eq(synapse.read)]
        return m
