"""Neurons of a network of one timestep: all start from rest.  The golden twin is
:func:`qblif.golden.neuron.step`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import saturate
from .compare import at_least

__all__ = ["RestNeurons"]


class RestNeurons(wiring.Component):
    """Levels of a population in its first timestep, or the membranes of a read-out, a clock later.

    From rest a level only grows with the sum, and no reset has closed anything yet: a level n is
    reached from the constant ``n theta - offset - bias - leak(0)`` on.  So charge, gate and ladder
    are one row of comparators with constants, and no bias is added.

    Parameters
    ----------
    stage : :class:`qblif.hw.logic.layout.LogicStage`

    Members
    -------
    sums : ``In(ArrayLayout(..., size))``, as the stage's graph makes them
    o : ``Out(ArrayLayout(..., size))``, of levels, or of membranes of ``v_width`` bits
    """

    def __init__(self, stage):
        self.stage = stage
        population = stage.population
        neuron = population.neuron
        shape = signed(neuron.v_width) if neuron.quantiser is None else \
            range(population.emit_max + 1)
        super().__init__({
            "sums": In(data.ArrayLayout(Shape(*stage.schedule.graph.shape), population.size)),
            "o": Out(data.ArrayLayout(shape, population.size))})

    def elaborate(self, platform):
        m = Module()
        for k, (neuron, bias) in enumerate(
                zip(self.stage.neurons, self.stage.biases.tolist(), strict=True)):
            if neuron.quantiser is None:
                m.d.sync += self.o[k].eq(self.membrane(self.sums[k], bias))
                continue
            level = Signal(self.o[k].shape(), name=f"level_{k}")
            for n, least in self.ladder(neuron, bias):
                with m.If(at_least(self.sums[k], least)):  # The highest that is reached wins.
                    m.d.comb += level.eq(n)
            m.d.sync += self.o[k].eq(level)
        return m

    def ladder(self, neuron, bias):
        """Levels that can leave, from 1 on, and the least sum for each."""
        rest, quantiser = neuron.leak.apply(0), neuron.quantiser
        least, most = neuron.v_min, neuron.v_max
        if neuron.synaptic is not None:  # The membranes that its current can bring about.
            limit = 1 << neuron.synaptic.width - 1
            least, most = (min(max(membrane, least), most)
                           for membrane in (rest - limit, rest + limit - 1))
        for n in neuron.levels[1:]:
            membrane = n * quantiser.theta - quantiser.offset
            if membrane <= least:  # Reached by any sum.
                yield n, -(1 << self.stage.schedule.graph.shape[0])
            elif membrane <= most:
                yield n, membrane - rest - bias

    def membrane(self, value, bias):
        """Of a read-out, charged from rest."""
        neuron = self.stage.population.neuron
        if neuron.synaptic is not None:
            value, bias = saturated_sum(value, bias, neuron.synaptic.width), 0
        return saturated_sum(value, bias + neuron.leak.apply(0), neuron.v_width, neuron.floor)


def saturated_sum(value, constant, width, floor=None):
    """``value + constant`` in a signed field of ``width`` bits."""
    room = signed(max(width, constant.bit_length() + 1))  # `saturate` wants all of the field.
    return saturate(value + C(constant, room), width, floor)
