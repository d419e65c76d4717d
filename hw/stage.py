"""One stage of the dataflow: a population with the synapses that lead to it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .layouts import Event, LoadWord, TraceBeat, pipe
from .population import Population
from .sums import make_sums
from .synapse import DenseSynapse
from .timing import stage_timing

__all__ = ["Stage"]


class Stage(wiring.Component):
    """Events in, events (or the class) out; see :class:`qblif.hw.network.Network`.

    Parameters
    ----------
    network : :class:`qblif.golden.spec.Network`
    population : :class:`qblif.golden.spec.Population`
    plan : :class:`qblif.hw.plan.StagePlan`
    weights, bias : arrays to bake in, or ``None``
    peek : whether the memories can be read back

    Members
    -------
    i, o : streams
    trace, trace_valid : see :class:`qblif.hw.population.Population`
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        One write into this stage's memories.
    events, digits : ``Out(32)``
        Totals since ``clear``: events taken, and digits of them, each of which is ``targets``
        synaptic operations.
    clear : ``In(1)``
    peek : ``In(1)``, peek_data : ``Out``
        With ``peek``: the word at ``load``'s bank and address, six cycles later, at rest.
    """

    def __init__(self, network, population, plan, *, weights=None, bias=None, peek=False):
        self.can_peek = peek
        synapse, = network.synapses_to(population.name)
        source = network.source(synapse.source)
        self.synapse = DenseSynapse(
            sources=source.size, n_max=source.n_max, targets=population.size,
            w_width=synapse.w_width, lanes=plan.lanes, mode=plan.burst, init=weights,
            memory=plan.memory, peek=peek)
        self.sums = make_sums(
            groups=self.synapse.groups, lanes=plan.lanes, sum_width=population.sum_width,
            addend_width=self.synapse.lanes.addends[0].shape().width, fire_lanes=plan.fire_lanes)
        self.population = Population(
            population, timesteps=network.timesteps, timing=stage_timing(network, population, plan),
            lanes=plan.lanes, fire_lanes=plan.fire_lanes, quantiser=plan.quantiser, bias=bias,
            peek=peek)
        super().__init__({
            "i": In(stream.Signature(Event(source.size, source.n_max))),
            "o": Out(stream.Signature(self.population.o.p.shape())),
            "trace": Out(TraceBeat(population, plan.fire_lanes)),
            "trace_valid": Out(1),
            "load_valid": In(1),
            "load": In(LoadWord(**self.load_extent)),
            "events": Out(32),
            "digits": Out(32),
            "clear": In(1),
        } | ({"peek": In(1), "peek_data": Out(self.load_extent["width"])} if peek else {}))

    @property
    def slices(self):
        """Banks of the load port that are weight slices; the bias memories follow."""
        return self.synapse.memory.slices

    @property
    def load_words(self):
        """Words of a complete load, see :func:`qblif.hw.load.load_writes`."""
        population = self.population.population
        return (self.slices * self.synapse.memory.depth
                + (population.size if population.bias_width else 0))

    @property
    def load_extent(self):
        """Banks, depth and width that the load port must reach."""
        weights, population = self.synapse.memory, self.population
        return {"banks": weights.slices + len(population.write),
                "depth": max(weights.depth, population.beats),
                "width": max(weights.slice_width, population.population.bias_width)}

    def elaborate(self, platform):
        m = Module()
        m.submodules.synapse = synapse = self.synapse
        m.submodules.sums = sums = self.sums
        m.submodules.population = population = self.population

        wiring.connect(m, wiring.flipped(self.i), synapse.i)
        m.d.comb += [
            sums.issue.eq(synapse.issue), sums.addends.eq(synapse.addends),
            sums.carry.eq(synapse.carry), sums.word.eq(population.word),
            sums.part.eq(population.part), population.sums.eq(sums.sums),
            population.ready.eq(sums.ready), synapse.release.eq(population.release),
            self.trace.eq(population.trace), self.trace_valid.eq(population.trace_valid),
        ]
        wiring.connect(m, population.o, wiring.flipped(self.o))

        # Load: one register between the port and the memories.
        enables = Signal(self.load_extent["banks"])
        load = pipe(m, self.load, 1, "load")
        m.d.sync += enables.eq(0)
        with m.If(self.load_valid):
            m.d.sync += enables.eq(Cat(self.load.bank == k for k in range(len(enables))))
        for port in (synapse, population):
            m.d.comb += [port.write_address.eq(load.address), port.write_data.eq(load.data)]
        m.d.comb += [synapse.write.eq(enables[:self.slices]),
                     population.write.eq(enables[self.slices:])]

        if self.can_peek:
            self.connect_peek(m, load)

        # Activity.
        m.d.sync += [self.events.eq(self.events + synapse.event),
                     self.digits.eq(self.digits + synapse.digit)]
        with m.If(self.clear):
            m.d.sync += [self.events.eq(0), self.digits.eq(0)]
        return m

    def connect_peek(self, m, load):
        """The words that were loaded, bank by bank."""
        weights, biases = self.synapse.memory, self.population.population.bias_width
        words = [self.synapse.read[k * weights.slice_width:(k + 1) * weights.slice_width]
                 for k in range(weights.slices)]
        words += [self.population.read[k * biases:(k + 1) * biases]
                  for k in range(len(self.population.write))]
        peek = pipe(m, self.peek, 1, "peek")
        m.d.comb += [self.synapse.peek.eq(peek), self.population.peek.eq(peek)]
        with m.Switch(load.bank):
            for bank, word in enumerate(words):
                with m.Case(bank):
                    m.d.sync += self.peek_data.eq(word)
